"""What has to be paid for and in which currency, and what will have been bought by then. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from catalyst.contracts.prices_v1 import Item, Package
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import possible
from catalyst.provisioning.domain.application import Application
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.steps import is_new

CURRENCY: Final = "/request/currency"
_OF_CURRENCY: Final = frozenset({"currency-mixed", "currency-not-priced"})


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
    under_way = bool(queue) and possible.is_written(queue[0], binding)
    before = binding.before if under_way else binding.desired
    for one in queue:
        new = one.desired
        if new is not None and new.sold and (before is None or _otherwise(before, new)):
            yield _item(item.application, item.environment, new)
        before = new


def _otherwise(old: Desired | None, new: Desired) -> bool:
    return old is not None and _terms(old) != _terms(new)


def _terms(bought: Desired) -> tuple[object, ...]:
    return bought.plan, bought.addons, bought.currency


def _item(application: str, environment: str, bought: Desired) -> Item:
    return Item(
        application=application,
        environment=environment,
        blueprint=bought.blueprint,
        version=bought.version,
        plan=bought.plan,
        addons=bought.addons,
    )


def bought(old: Desired | None) -> tuple[Package | None, tuple[str, ...]]:
    """Return the package and the add-ons that something was bought with."""
    return (old.plan, old.addons) if old is not None else (None, ())


def ordered(request: PlanRequest, base: Desired | None) -> tuple[Package | None, tuple[str, ...]]:
    """Return the package and the add-ons of the target: those there are, as far as they stay.

    Raises:
        Rejected: `package-not-ordered` or `addon-not-ordered` for what it does not have.
    """
    package, addons = bought(base)
    if request.drop_plan and package is None:
        message = f"{request.application} has no package that could be taken away"
        raise Rejected("package-not-ordered", message, pointer="/request/drop_plan")
    for number, sku in enumerate(request.drop_addons):
        if sku not in addons:
            message = f"{request.application} has no add-on {sku!r}; it has {', '.join(addons)}"
            message = message if addons else f"{request.application} has no add-ons"
            raise Rejected("addon-not-ordered", message, pointer=f"/request/drop_addons/{number}")
    left = tuple(sku for sku in addons if sku not in request.drop_addons)
    return None if request.drop_plan else request.plan or package, request.addons or left


def currency(request: PlanRequest, facts: Facts, before: Desired | None) -> str | None:
    """Return in which currency the target is bought; None: in that of the installation.

    What is paid for stays in the currency that it has: a month is charged whole, and there is no
    rate at which one currency would become another.

    Args:
        request: What is asked for.
        facts: With the target's queue.
        before: What runs, or will by then.

    Raises:
        Rejected: `currency-mixed`.
    """
    if before is None:
        return _anew(request, facts)
    has = before.currency or facts.currency
    if request.currency in {None, has}:
        return before.currency
    # What names none was bought before there was a choice: billing knows in which.
    if before.sold and before.currency is not None:
        message = (
            f"{request.application} is bought in {has}, and stays so as long as it runs; what is "
            f"installed anew once its month is over can be bought in {request.currency}"
        )
        raise Rejected("currency-mixed", message, pointer=CURRENCY)
    return request.currency


def _anew(request: PlanRequest, facts: Facts) -> str:
    """Return in which currency something is bought that goes before, or never was."""
    wanted = request.currency or facts.currency
    state = facts.applications.get(request.application or "", Application())
    for one in state.queue:
        new = one.desired
        if one.environment != request.environment or new is None or not new.sold:
            continue
        has = new.currency or facts.currency
        if has != wanted:
            message = f"{one.change} buys {request.application} in {has}; wait until it is over"
            raise Rejected("currency-mixed", message, pointer=CURRENCY)
    return wanted


def refused(error: Rejected) -> Rejected:
    """Return a refusal of billing; what is wrong with the currency is wrong with the request's."""
    if error.code not in _OF_CURRENCY:
        return error
    return Rejected(error.code, error.message, pointer=CURRENCY)
