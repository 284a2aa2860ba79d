"""What has to be paid for, and what will have been bought of the same by then. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from catalyst.contracts.prices_v1 import Item
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.provisioning.domain import fitting
from catalyst.provisioning.domain.application import Application
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.steps import is_new


def items(
    request: PlanRequest, facts: Facts, lock: Sequence[Locked], desired: Mapping[str, Desired]
) -> tuple[Item, ...]:
    """Return what has to be paid for: what is new, and what is bought otherwise than before."""
    written = (item for item in lock if item.written)
    return tuple(
        _item(item.application, item.environment, desired[item.application])
        for item in written
        if is_new(item, request.action)
        or _otherwise(facts.expected(item.application, item.environment), desired[item.application])
    )


def ahead(facts: Facts, wanted: Sequence[Item]) -> tuple[Item, ...]:
    """Return what the changes before will have bought of what is wanted, the latest last."""
    found = (
        bought
        for item in wanted
        for bought in _ahead(facts.applications.get(item.application, Application()), item)
    )
    # The same again is the same price.
    return tuple(reversed(dict.fromkeys(reversed(list(found)))))


def _ahead(state: Application, item: Item) -> Iterator[Item]:
    binding = state.binding(item.environment)
    queue = [one for one in state.queue if one.environment == item.environment]
    under_way = bool(queue) and fitting.is_written(queue[0], binding)
    before = binding.before if under_way else binding.desired
    for one in queue:
        new = one.desired
        if new is not None and new.sold and (before is None or _otherwise(before, new)):
            yield _item(item.application, item.environment, new)
        before = new


def _otherwise(old: Desired | None, new: Desired) -> bool:
    return old is not None and (old.plan, old.addons) != (new.plan, new.addons)


def _item(application: str, environment: str, bought: Desired) -> Item:
    return Item(
        application=application,
        environment=environment,
        blueprint=bought.blueprint,
        version=bought.version,
        plan=bought.plan,
        addons=bought.addons,
    )
