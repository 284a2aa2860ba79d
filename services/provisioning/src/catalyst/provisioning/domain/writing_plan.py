"""Plans of what writes Applications: install, configure, upgrade, rollback. Pure.

First `draft` says what is to run, from what was asked for and the lock; then, once the price is
known, `plan` says everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprints import versions
from catalyst.blueprints.hosts import named
from catalyst.blueprints.merging import merged
from catalyst.blueprints.scope import NAMESPACE_MAX
from catalyst.contracts.blocked import Link
from catalyst.contracts.prices_v1 import Item
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.tables.reserved import why_reserved
from catalyst.provisioning.domain import (
    assembling,
    circles,
    fitting,
    hosts,
    meant,
    outdated,
    owning,
    purchases,
    removal_plan,
    risks,
    unchangeable,
)
from catalyst.provisioning.domain.differences import Spot, spots
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.place import (
    VALUES,
    Place,
    check_values,
    values_for_dependencies,
)
from catalyst.provisioning.domain.plan import Blocker, Plan, Price, Risk, finished
from catalyst.provisioning.domain.rendered import (
    refuse_its_own,
    refuse_what_is_open,
    refuse_what_stays,
    refuse_what_was_kept,
)
from catalyst.provisioning.domain.steps import Unit, steps_of, subscription

LOCK_MAX: Final = 50
"""Applications that one change touches."""
_ASKED: Final[Mapping[str, str]] = {
    "install": "values",
    "configure": "values",
    "upgrade": "version",
    "rollback": "revision",
}
"""The field of a request that says what is to be another."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is to run, before its price is known."""

    lock: tuple[Locked, ...]
    desired: Mapping[str, Desired]
    """By Application: all that is written."""
    items: tuple[Item, ...]
    """What has to be paid for."""
    currency: str
    """In which all of that is bought."""


_LATER: Final = "let what is on its way end first"


def start(request: PlanRequest, facts: Facts) -> Desired | None:
    """Return what runs where the change begins, once it may begin there.

    Raises:
        Rejected: `application-exists` for an install, `application-not-found` for all else.
    """
    name, environment = request.application or "", request.environment or ""
    before = facts.expected(name, environment)
    if request.action == "install" and before is not None:
        coming = facts.applications[name].is_held(environment)
        words = f"is on its way to {environment}" if coming else f"runs in {environment}"
        raise Rejected(
            "application-exists", f"{name} {words} already", pointer="/request/application"
        )
    if request.action != "install" and before is None:
        raise Rejected(
            "application-not-found",
            facts.lacking(name, environment),
            pointer="/request/application",
        )
    return before


def target(request: PlanRequest, facts: Facts, before: Desired | None) -> Desired | None:
    """Return the revision that a rollback brings back, or what runs; None for an install.

    Raises:
        Rejected: `revision-not-found`.
    """
    if request.action != "rollback" or before is None:
        return before
    name, environment = request.application or "", request.environment or ""
    history = facts.applications[name].binding(environment).history
    earlier = [item for item in history if item.change != before.change]
    found = [item for item in earlier if request.revision in {"", item.change}]
    if not found:
        message = f"{name} in {environment} has no earlier revision {request.revision or 'at all'}"
        known = ", ".join(item.change for item in reversed(earlier))
        if known:
            message += f" since it was installed; it can go back to {known}"
        raise Rejected("revision-not-found", message, pointer="/request/revision")
    return found[-1]


def wanted_values(request: PlanRequest, base: Desired | None) -> dict[str, Any]:
    """Return the values of the target: what is there, with what was asked for over it."""
    return merged(base.values if base is not None else {}, request.values)


def kept_values(request: PlanRequest, facts: Facts, item: Locked, old: Desired) -> dict[str, Any]:
    """Return what was chosen for something that gets another version without being asked about.

    What goes back has what was chosen last for the version that ran there.
    """
    if request.action != "rollback":
        return old.values
    history = facts.applications[item.application].binding(item.environment).history
    ran = [one.values for one in history if one.digest == item.digest]
    return ran[-1] if ran else old.values


def draft(request: PlanRequest, facts: Facts, lock: tuple[Locked, ...]) -> Draft:
    """Return what is to run.

    Raises:
        Rejected: `values-invalid`, `value-immutable`, `version-refused`, `nothing-to-change`,
            `application-name-invalid`, `application-reserved`, as `purchases.ordered` and
            `purchases.currency`, or `too-large` for more Applications than one change takes.
    """
    if len(lock) > LOCK_MAX:
        raise Rejected("too-large", f"{len(lock)} Applications, {LOCK_MAX} are allowed")
    environment = request.environment or ""
    before = start(request, facts)
    base = target(request, facts, before)
    own = purchases.currency(request, facts, before)
    currency = own or facts.currency
    given: dict[str, dict[str, Any]] = {}
    desired: dict[str, Desired] = {}
    for item in reversed(lock):
        if not item.written:
            continue
        old = facts.expected(item.application, environment)
        is_target = item.role == "target"
        back = base if is_target and request.action == "rollback" else None
        used = owning.used(back) if back else facts.used(item.application, environment)
        values = wanted_values(request, base) if is_target else given.get(item.application, {})
        if item.role == "upgraded" and old is not None:
            values = kept_values(request, facts, item, old)
        package, addons = purchases.ordered(request, base) if is_target else purchases.bought(old)
        desired[item.application] = Desired(
            change="",
            blueprint=item.blueprint,
            origin=item.origin,
            version=item.version,
            digest=item.digest,
            values=values,
            dependencies=item.dependencies,
            own=owning.marks(request, item, used),
            plan=package,
            addons=addons,
            sold=bool(old and old.sold),
            currency=own if is_target else old.currency if old is not None else currency,
        )
        place = facts.place(item.application, environment, desired[item.application], {})
        _check(request, facts, item, place, old)
        for alias, values in values_for_dependencies(place, facts.contents[item.digest]).items():
            name = item.dependencies.get(alias)
            if name is not None:
                given[name] = merged(given.get(name, {}), values)
    if all(_same(desired[name], facts.expected(name, environment)) for name in desired):
        raise Rejected("nothing-to-change", "everything is as it was asked for already")
    items = purchases.items(request, facts, lock, desired)
    return Draft(lock=lock, desired=desired, items=items, currency=currency)


def _same(new: Desired, old: Desired | None) -> bool:
    return old is not None and new == msgspec.structs.replace(old, change="", hosts=())


def _check(
    request: PlanRequest, facts: Facts, item: Locked, place: Place, old: Desired | None
) -> None:
    content = facts.contents[item.digest]
    if old is None or old.digest != item.digest:
        outdated.refuse(request, facts, item)
    pointer = VALUES if item.role == "target" else f"/lock/{item.application}"
    rollback = request.action == "rollback"
    yanked = risks.yanked(facts, item)
    if rollback and yanked and (old is None or old.version != item.version):
        message = f"{item.application} does not go back to {item.version}: it was yanked: {yanked}"
        raise Rejected("version-refused", message, pointer="/request/revision")
    before = None
    if old is not None and not rollback:
        before = (facts.contents[old.digest], old.values)
    check_values(content, place.desired.values, pointer, before)
    namespace = place.namespace(item.application)
    kept = why_reserved(item.application, facts.name) if old is None else None
    if kept is not None:
        message = f"the Application's name {item.application!r} {kept}"
        raise Rejected("application-reserved", message, pointer="/request/application")
    if old is None and len(namespace) > NAMESPACE_MAX:
        message = f"the namespace {namespace} is longer than {NAMESPACE_MAX} characters"
        raise Rejected("application-name-invalid", message, pointer="/request/application")
    if old is None or rollback or old.version == item.version:
        return
    blueprint = content.blueprint
    refusal = versions.upgrade_refusal(
        versions.parse(old.version),
        versions.parse(item.version),
        [versions.parse_range(text) for text in blueprint.upgrades_from],
        [versions.parse_range(text) for text in blueprint.upgrades_blocks],
    )
    if refusal:
        message = f"{item.application}: {refusal}"
        raise Rejected("version-refused", message, pointer="/request/version")


def to_solve(request: PlanRequest, base: Desired | None) -> dict[str, Any]:
    """Return what the catalogue is asked for: exact versions of everything that is needed."""
    return {
        "environment": request.environment or "",
        "application": request.application,
        "blueprint": request.blueprint or (base.blueprint if base is not None else ""),
        "version": request.version if base is None or request.action == "upgrade" else base.version,
        "config": wanted_values(request, base),
        "dependencies": {
            **(owning.aliases(base.dependencies) if base else {}),
            **request.dependencies,
        },
    }


# ---- the whole plan


def plan(request: PlanRequest, facts: Facts, drafted: Draft) -> Plan:
    """Return everything that a person wants to know, and what applying it needs.

    Raises:
        Rejected: `values-invalid` if the Blueprint makes nothing of the values, or a secret that
            they name; `value-immutable` or `version-refused` for what a cluster would not change.
    """
    environment = request.environment or ""
    desired = _marked(facts, drafted, environment)
    near = {
        **{
            item.application: found
            for item in drafted.lock
            if (found := facts.expected(item.application, environment)) is not None
        },
        **desired,
    }
    before: dict[Spot, bytes] = {}
    after: dict[Spot, bytes] = {}
    volumes: dict[str, tuple[str, ...]] = {}
    workloads: dict[str, tuple[str, ...]] = {}
    hosted: dict[str, Desired] = {}
    branch = facts.environments[environment].branch
    old_near = {name: old for name in near if (old := facts.expected(name, environment))}
    stored: list[Risk] = []
    items = {item.application: item for item in drafted.lock}
    for name, new in desired.items():
        old = old_near.get(name)
        made = facts.standing(name, environment, new, near)
        is_target = name == request.application
        refuse_its_own(new.values, made, VALUES if is_target else f"/lock/{name}")
        if new.origin == "private":
            refuse_what_is_open(name, made, VALUES if is_target else f"/lock/{name}")
        if old is not None:
            stood = facts.standing(name, environment, old, old_near)
            before |= spots(name, branch, stood.files)
            code = "value-immutable" if old.version == new.version else "version-refused"
            pointer = f"/request/{_ASKED[request.action]}" if is_target else f"/lock/{name}"
            if old.digest == new.digest:
                outdated.refuse_the_same(request, facts, items[name], stood, made)
            refuse_what_stays(stood, made, code, pointer)
            stored += risks.unused(name, stood.volumes, made.volumes)
            stored += risks.grown(unchangeable.grown(stood.objects, made.objects))
        elif (left := facts.applications[name].left.get(environment)) is not None:
            stood = facts.standing(name, environment, left, old_near)
            refuse_what_was_kept(stood, made, VALUES if is_target else f"/lock/{name}")
            stored += risks.kept(name, left, stood.volumes, made.volumes)
            stored += risks.grown(unchangeable.grown(stood.objects, made.objects))
        after |= spots(name, branch, made.files)
        volumes[subscription(Unit(name, environment))] = made.volumes
        workloads[subscription(Unit(name, environment))] = made.workloads
        answers = msgspec.structs.replace(new, hosts=named(made.objects))
        hosted[subscription(Unit(name, environment))] = answers
        if old is None:
            stored += risks.inside(name, answers, facts.contents[new.digest].blueprint)
    sold = tuple(
        subscription(Unit(item.application, environment))
        for item in drafted.items
        if desired[item.application].sold
    )
    steps = steps_of(request.action, drafted.lock, sold=bool(sold), gone=False, lost=False)
    made_plan = assembling.assemble(
        request, facts, drafted.lock, before, after, steps, sold=sold, gone=()
    )
    changed = {one.repository for one in made_plan.files}
    return finished(
        msgspec.structs.replace(
            made_plan,
            desired=hosted,
            volumes=volumes,
            workloads=workloads,
            dependencies=assembling.dependencies(drafted.lock, facts, environment),
            price=_price(facts),
            risks=(
                *risks.of(request, facts, drafted.lock, drafted.desired, changed),
                *meant.otherwise(facts, drafted.lock, drafted.desired),
                *stored,
            ),
            idle=removal_plan.idle(facts, drafted.lock, drafted.desired),
            blocked_by=(
                *made_plan.blocked_by,
                *fitting.unsettled(facts, drafted.lock, drafted.desired),
                *circles.unsettled(facts, drafted.lock),
                *hosts.too_many(hosts.held(facts.applications, drafted.lock, hosted), _LATER),
            ),
        )
    )


def unsolved(request: PlanRequest, facts: Facts, why: str, chain: tuple[Link, ...]) -> Plan:
    """Return the plan of what cannot be done before something comes that it waits for.

    It rests on nothing that the catalogue would choose: once there is something to choose, it is
    another plan.

    Args:
        request: What was asked for.
        facts: What it depends on.
        why: What the catalogue says.
        chain: What is waited for, the cause last.
    """
    made_plan = assembling.assemble(request, facts, (), {}, {}, (), sold=(), gone=())
    blocker = Blocker(code="not-solvable", message=why, chain=chain)
    blockers = (blocker, *made_plan.blocked_by)
    return finished(msgspec.structs.replace(made_plan, blocked_by=blockers))


def _marked(facts: Facts, drafted: Draft, environment: str) -> dict[str, Desired]:
    """Return what is to run, with whether a subscription pays for it.

    A hold that is captured starts one for each of its items, for those that cost nothing too.
    """
    bought = {item.application for item in drafted.items}
    quoted = facts.quoted.quote.lines if facts.quoted is not None else ()
    before = [facts.expected(name, environment) for name in bought]
    held = any(line.amount.minor > 0 for line in quoted) or any(old and old.sold for old in before)
    return {
        name: msgspec.structs.replace(one, sold=held if name in bought else one.sold)
        for name, one in drafted.desired.items()
    }


def _price(facts: Facts) -> Price | None:
    quoted = facts.quoted
    if quoted is None:
        return None
    return Price(
        quote=quoted.quote,
        delta=quoted.quote.due,
        before=quoted.before,
        credit_after=quoted.credit_after,
        covered=quoted.covered,
    )
