"""Plans of what takes Applications away: one of them, all of an Environment, all there are. Pure.

What goes is listed in order, dependents first, and what stays. An Application that others need does
not go alone; whoever takes away a whole Environment takes them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import msgspec

from catalyst.contracts.blocked_environment import too_large
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.topology import MAX_EVENTS_PER_COMMAND
from catalyst.provisioning.domain import (
    assembling,
    behind,
    fitting,
    hosts,
    left_behind,
    listed,
    silence,
)
from catalyst.provisioning.domain.differences import Spot, spots
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Blocker, Dependency, Idle, Plan, Risk, finished
from catalyst.provisioning.domain.steps import Unit, steps_of, subscription
from catalyst.provisioning.domain.volumes import in_words

BESIDE: Final = 4
"""What stands once in the batch that begins a change."""

_FEWER: Final = "uninstall some of the Applications first"

Volumes = Mapping[str, tuple[str, ...]]
"""What holds data, by `<application>.<environment>`."""


def running(facts: Facts, environment: str) -> dict[str, Desired]:
    """Return what will run in an Environment, by Application."""
    found = {name: facts.expected(name, environment) for name in sorted(facts.applications)}
    return {name: desired for name, desired in found.items() if desired is not None}


def ordered(present: Mapping[str, Desired]) -> tuple[str, ...]:
    """Return Applications with those that need others before them; a circle in order of names."""
    left = dict(present)
    found: list[str] = []
    while left:
        needed = {name for one in left.values() for name in one.dependencies.values()}
        free = [name for name in left if name not in needed] or [next(iter(left))]
        found += free
        for name in free:
            del left[name]
    return tuple(found)


def lock_of(request: PlanRequest, facts: Facts) -> tuple[Locked, ...]:
    """Return what goes, dependents first, then what it used and stays.

    Raises:
        Rejected: `application-not-found`.
    """
    found: list[Locked] = []
    for environment in facts.environments:
        present = running(facts, environment)
        if request.action == "uninstall":
            name = request.application or ""
            if name not in present:
                raise Rejected(
                    "application-not-found",
                    facts.lacking(name, environment),
                    pointer="/request/application",
                )
            found.append(_locked(name, environment, present[name], "target"))
            used = dict.fromkeys(present[name].dependencies.values())
            found += (
                _locked(other, environment, present[other], "shared")
                for other in used
                if other in present
            )
        else:
            found += (
                _locked(name, environment, present[name], "target") for name in ordered(present)
            )
    return tuple(found)


def _locked(name: str, environment: str, desired: Desired, role: str) -> Locked:
    return msgspec.convert(
        {
            "application": name,
            "environment": environment,
            "blueprint": desired.blueprint,
            "origin": desired.origin,
            "version": desired.version,
            "digest": desired.digest,
            "role": role,
            "dependencies": desired.dependencies,
        },
        Locked,
    )


def plan(
    request: PlanRequest,
    facts: Facts,
    lock: tuple[Locked, ...],
    beyond: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
    named: tuple[str, ...] = (),
) -> Plan:
    """Return everything that a person wants to know, and what applying it needs.

    Args:
        request: What was asked for.
        facts: What it depends on.
        lock: What goes, as `lock_of` says.
        beyond: What goes besides, as the environment-controller plans it.
        kept: What stays, likewise.
        named: The names of what goes besides, as `listed.names` says.
    """
    going = [item for item in lock if item.written]
    before: dict[Spot, bytes] = {}
    volumes: dict[str, tuple[str, ...]] = {}
    for item in going:
        desired = facts.expected(item.application, item.environment)
        if desired is None or item.digest not in facts.contents:
            continue
        near = running(facts, item.environment)
        branch = facts.environments[item.environment].branch
        made = facts.standing(item.application, item.environment, desired, near)
        before |= spots(item.application, branch, made.files)
        volumes[subscription(Unit(item.application, item.environment))] = made.volumes
    sold = tuple(
        subscription(Unit(item.application, item.environment))
        for item in going
        if (one := facts.expected(item.application, item.environment)) is not None and one.sold
    )
    gone = _gone(facts, going)
    lost = not request.keep_data and any(volumes.values())
    steps = steps_of(request.action, tuple(going), sold=bool(sold), gone=bool(gone), lost=lost)
    made_plan = assembling.assemble(request, facts, lock, before, {}, steps, sold=sold, gone=gone)
    return finished(
        msgspec.structs.replace(
            made_plan,
            inputs={**made_plan.inputs, **listed.inputs(named)},
            dependencies=tuple(
                Dependency(
                    application=item.application,
                    blueprint=item.blueprint,
                    version=item.version,
                    role=item.role,
                )
                for item in lock
                if not item.written
            ),
            volumes=volumes,
            risks=_risks(request, facts, lock, volumes),
            goes=(*_goes(request, facts, going, sold, gone, volumes), *beyond),
            idle=idle(facts, lock, {}),
            stays=(
                *left_behind.stays(lock),
                *_stays(request, going, gone, volumes),
                *_account(request, facts.name),
                *kept,
            ),
            blocked_by=(
                *made_plan.blocked_by,
                *_needed(request, facts, made_plan.dependents, going),
                *_too_many(going),
                *hosts.too_many(hosts.held(facts.applications, lock, {}), _FEWER),
            ),
        )
    )


def _gone(facts: Facts, going: list[Locked]) -> tuple[str, ...]:
    """Return the Applications that run nowhere any more afterwards."""
    places: dict[str, set[str]] = {}
    for item in going:
        places.setdefault(item.application, set()).add(item.environment)
    found = []
    for name, environments in places.items():
        state = facts.applications[name]
        known = {*state.bindings, *(item.environment for item in state.queue)}
        if not any(state.expected(other)[0] is not None for other in known - environments):
            found.append(name)
    return tuple(found)


def _needed(
    request: PlanRequest, facts: Facts, dependents: tuple[str, ...], going: list[Locked]
) -> tuple[Blocker, ...]:
    """Return what stands in the way: for each that needs what goes, the whole chain above it.

    A whole Environment does not go as long as anything stands in it that was not planned.
    """
    if not dependents or request.action != "uninstall":
        return ()
    name, environment = going[0].application, going[0].environment
    found: list[Blocker] = []
    for dependent in dependents:
        desired = facts.expected(dependent, environment)
        if desired is None or name not in desired.dependencies.values():
            found += fitting.needed_again(facts, going[0], dependent)
            continue
        chain = [dependent, name]
        circle = False
        while not circle and (
            above := facts.applications[chain[0]].binding(environment).dependents
        ):
            circle = above[0] in chain
            chain.insert(0, above[0])
        words = ", which needs ".join([f"{chain[0]} needs {chain[1]}", *chain[2:]])
        end = "; they go in a circle, so change what one of them uses first" if circle else ""
        message = f"in {environment} {words}{end}"
        links = tuple(behind.needed(above, one) for one, above in pairwise(reversed(chain)))
        found.append(
            Blocker(code="application-needed", message=message, names=tuple(chain), chain=links)
        )
    return tuple(found)


def _too_many(going: list[Locked]) -> tuple[Blocker, ...]:
    """Return whether a change takes so many; each stands three times in the batch that begins it.

    It waits, it has its turn, and nothing of it is to run; beside that, nobody needs what it used.
    """
    used = sum(len(set(item.dependencies.values())) for item in going)
    if 3 * len(going) + used + BESIDE <= MAX_EVENTS_PER_COMMAND:
        return ()
    message = f"{len(going)} Applications at once are more than one change takes away"
    places = sorted({item.environment for item in going})
    first = "delete its Environments first" if len(places) > 1 else "uninstall some of them first"
    link = too_large("environment", ", ".join(places), first)
    return (Blocker(code="too-large", message=f"{message}: {first}", chain=(link,)),)


def _awaited(facts: Facts, item: Locked) -> str:
    """Return the change that first brings an Application to an Environment; empty: it is there.

    What goes behind that change goes once that is over.
    """
    state = facts.applications[item.application]
    begun = state.binding(item.environment).committed is not None
    if begun or not state.is_held(item.environment):
        return ""
    queued = (
        one.change
        for one in state.queue
        if one.environment == item.environment and one.desired is not None
    )
    return next(queued, "")


def _goes(
    request: PlanRequest,
    facts: Facts,
    going: list[Locked],
    sold: tuple[str, ...],
    gone: tuple[str, ...],
    volumes: Volumes,
) -> tuple[str, ...]:
    awaited = {subscription(Unit(x.application, x.environment)): _awaited(facts, x) for x in going}
    found = []
    for item in going:
        words = f"Application {item.application} in {item.environment}"
        first = awaited[subscription(Unit(item.application, item.environment))]
        nothing = f": nothing of it is there yet; this waits behind {first}, which installs it"
        found.append(words + nothing if first else words)
    if not request.keep_data:
        found += _named(going, volumes)
    for name in sold:
        first = awaited[name]
        told = f"once {first} has bought it, its month is charged" if first else ""
        found.append(f"subscription {name}: {told or 'its last month stays charged'}")
    found += (f"repository {facts.name}/{name}: archived, not deleted" for name in gone)
    return tuple(found)


def _named(going: list[Locked], volumes: Volumes) -> list[str]:
    return [
        f"{words} {item.application} in {item.environment}"
        for item in going
        for words in in_words(
            volumes.get(subscription(Unit(item.application, item.environment)), ())
        )
    ]


def idle(
    facts: Facts, lock: tuple[Locked, ...], desired: Mapping[str, Desired]
) -> tuple[Idle, ...]:
    """Return what was used by what goes or changes, and by nothing any more: it stays, and costs.

    What somebody installed for itself is nobody's left-over, and is not told. Then what only that
    needs which is told: it is needed no longer once that is gone as well.

    Args:
        facts: What the plan depends on.
        lock: What goes or is written, and what that uses or used.
        desired: What is to run of it, by Application; nothing of what goes.
    """
    own = {Unit(item.application, item.environment) for item in lock if item.written}
    left = {
        Unit(item.application, item.environment): _needing(facts, item)
        for item in lock
        if not item.written
        and not _users(desired, item.application)
        and item.application not in facts.chosen
    }
    told: dict[Unit, Idle] = {}
    while new := [one for one in left if one not in told and left[one] <= own | told.keys()]:
        told |= {one: _told(facts, one, left[one] - own) for one in new}
    return tuple(told.values())


def _needing(facts: Facts, item: Locked) -> set[Unit]:
    """Return what uses an Application as things are."""
    name, environment = item.application, item.environment
    users = {
        *facts.applications[name].binding(environment).dependents,
        *_users(running(facts, environment), name),
    }
    return {Unit(user, environment) for user in users}


def _told(facts: Facts, one: Unit, users: set[Unit]) -> Idle:
    old = facts.expected(one.application, one.environment)
    return Idle(
        application=one.application,
        environment=one.environment,
        charged=old is not None and bool(old.sold),
        needed_by=tuple(user.application for user in sorted(users)),
    )


def _users(present: Mapping[str, Desired], name: str) -> set[str]:
    return {user for user, one in present.items() if name in one.dependencies.values()}


def _stays(
    request: PlanRequest, going: list[Locked], gone: tuple[str, ...], volumes: Volumes
) -> tuple[str, ...]:
    found = _named(going, volumes) if request.keep_data else []
    elsewhere = dict.fromkeys(item.application for item in going if item.application not in gone)
    found += (f"repository {name}: the Application runs elsewhere" for name in elsewhere)
    return (*found, "every event stays in the log")


def _account(request: PlanRequest, organization: str) -> tuple[str, ...]:
    """Return what becomes of the money of an Organization that goes."""
    if request.action != "delete-organization":
        return ()
    command = f"catalyst billing balance --org {organization}"
    words = "its last invoice is made at once; credit that is left after it is not paid out"
    return (f"account {organization}: {words}; `{command}`",)


def _loses(request: PlanRequest, item: Locked, volumes: Volumes) -> bool:
    unit = Unit(item.application, item.environment)
    return not request.keep_data and bool(volumes.get(subscription(unit)))


def _risks(
    request: PlanRequest, facts: Facts, lock: tuple[Locked, ...], volumes: Volumes
) -> tuple[Risk, ...]:
    going = [item for item in lock if item.written]
    found = [
        Risk(kind="downtime", message=f"{item.application} stops in {item.environment}")
        for item in going
        if not _awaited(facts, item)
    ]
    found += (
        Risk(kind="unseen", message=message)
        for item in going
        if (message := silence.planned(facts, item, lost=_loses(request, item, volumes)))
    )
    if not request.keep_data:
        found += (
            Risk(kind="data-loss", message=f"deleted for good: {name}")
            for name in _named(going, volumes)
        )
        found += left_behind.risks(lock)
    return tuple(found)
