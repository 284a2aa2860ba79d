"""How everything of an Organization is: as bad as the worst of its Applications.

What was never seen, or not for long, is `unknown`, and so is what holds it. One in which nothing
runs is neither well nor ill, and no part of what its Organization is. Rows of the read model say
the same; this is made from the log as it is when it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from catalyst.contracts.application_v1 import ApplicationObserved, ApplicationRemoved
from catalyst.contracts.blocked import Link, of_change
from catalyst.contracts.blocked_application import (
    NEVER_SEEN,
    NO_CLUSTER,
    NOTHING_RUNS,
    of_application,
)
from catalyst.contracts.blocked_chain import BEHIND, kept, needed, tree
from catalyst.contracts.decision import Recorded
from catalyst.contracts.environment_v1 import ApplicationAdmitted, EnvironmentCreated
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_v1 import (
    ChangeStepCompleted,
    ChangeStepDelayed,
    ChangeStepFailed,
    ChangeStepStarted,
    CompensationBegun,
)
from catalyst.contracts.provisioning_values_v1 import (
    SIMULATOR,
    Applied,
    Evidence,
    Gate,
    Health,
    Source,
    badness,
)
from catalyst.provisioning.domain import application, foreign
from catalyst.provisioning.domain.application import Application, Binding
from catalyst.provisioning.domain.change import Change, evolve

replace = msgspec.structs.replace


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Four things that are said of an Application in an Environment, kept apart."""

    application: str
    applied: Applied
    """Whether what is to run is what runs."""
    health: Health
    reason: str = ""
    """One word that says why."""
    since: datetime | None = None
    """Since when the health is this one; null: unknown."""
    change: str
    """The change that works on it; empty: none."""
    gates: tuple[Gate, ...]
    """What the next change waits for."""
    revision: str
    """The revision that was seen; empty: none."""
    evidence: tuple[Evidence, ...] = ()
    """What was seen, the worst first."""
    as_of: datetime | None
    """When the newest of it was seen; null: never."""
    stale_since: datetime | None
    """When it was seen last, if that is too long ago."""
    source: Source | None
    """Who saw it; null: nobody."""
    blocked_by: tuple[Link, ...]
    """Why it is not as it is to be, through the change that works on it, down to the cause."""


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """Several Applications together."""

    name: str
    health: Health
    """The worst of all; `unknown` if there is nothing."""
    reason: str = ""
    """One word that says why."""
    of: str = ""
    """The Application that is so; empty: nothing runs."""
    since: datetime | None = None
    """Since when."""
    applications: tuple[Marks, ...]


class Everything(msgspec.Struct, frozen=True, kw_only=True):
    """A whole Organization."""

    name: str
    health: Health
    reason: str = ""
    """One word that says why."""
    of: str = ""
    """The Environment that is so; empty: nothing runs."""
    since: datetime | None = None
    """Since when."""
    environments: tuple[Whole, ...]


def marks(name: str, environment: str, state: Application, cluster: str = "") -> Marks:
    """Return what is said of an Application in an Environment, but for the times of reasons.

    Args:
        name: The Application.
        environment: Where.
        state: How it is.
        cluster: Who has ever told anything of the Environment; empty: nobody.
    """
    binding = state.binding(environment)
    seen = binding.observed
    here = [item for item in state.queue if item.environment == environment]
    change = next((item.change for item in here if item.taken), "")
    applied, health = _seen(binding)
    if seen is None:
        reason = NEVER_SEEN if cluster else NO_CLUSTER
    else:
        reason = seen.reason if seen.silent_since is None else "stale"
    return Marks(
        application=name,
        applied=applied,
        health=health,
        reason=reason,
        change=change,
        gates=next((item.gates for item in here if not item.taken), ()),
        revision=seen.revision if seen is not None else "",
        evidence=seen.evidence if seen is not None else (),
        as_of=seen.observed_at if seen is not None else None,
        stale_since=seen.silent_since if seen is not None else None,
        source=seen.source if seen is not None else None,
        blocked_by=of_application(
            name,
            environment,
            wanted=binding.desired is not None,
            change=change,
            waiting=[(item.change, item.gates) for item in here if not item.taken],
            committed=binding.committed is not None,
            seen=seen is not None,
            stale_since=seen.silent_since if seen is not None else None,
            as_of=seen.observed_at if seen is not None else None,
            applied=applied,
            health=health,
            evidence=seen.evidence if seen is not None else (),
            source=seen.source if seen is not None else None,
            cluster=cluster,
        ),
    )


def _seen(binding: Binding) -> tuple[Applied, Health]:
    """Return the two marks that rest on what was seen: stale evidence is none."""
    seen = binding.observed
    if seen is None or seen.silent_since is not None:
        return "unknown", "unknown"
    desired = binding.desired
    applied = seen.applied
    if desired is not None and applied == "current" and seen.revision != desired.change:
        applied = "pending"
    return applied, seen.health


def ever_in(home: Sequence[Recorded]) -> list[str]:
    """Return the Applications that an Environment has ever admitted, from all that happened."""
    found: set[str] = set()
    for one in home:
        if isinstance(one.event, EnvironmentCreated):
            found.clear()
        if isinstance(one.event, ApplicationAdmitted):
            found.add(one.event.application)
    return sorted(found)


def now_in(home: Sequence[Recorded]) -> tuple[str, ...]:
    """Return the Applications that are in an Environment now."""
    state = foreign.Environment()
    for one in home:
        state = foreign.evolve_environment(state, one.event)
    return state.applications


def working(history: Sequence[Recorded]) -> set[str]:
    """Return the changes that work on an Application, or wait to."""
    state = Application()
    for one in history:
        state = application.evolve(state, one.event)
    return {item.change for item in state.queue}


def cluster_of(environment: str, histories: Iterable[Sequence[Recorded]]) -> str:
    """Return who has ever told anything of an Environment: a real cluster, or the simulator."""
    told = {
        one.event.source
        for history in histories
        for one in history
        if isinstance(one.event, ApplicationObserved) and one.event.environment == environment
    }
    return next((one for one in sorted(told) if one != SIMULATOR), SIMULATOR if told else "")


def told(name: str, environment: str, history: Sequence[Recorded], cluster: str) -> Marks | None:
    """Return what is said of an Application in an Environment; None if it is not to run there.

    Args:
        name: The Application.
        environment: Where.
        history: All that happened to it.
        cluster: Who has ever told anything of the Environment; empty: nobody.
    """
    state = Application()
    nothing = found = marks(name, environment, state)
    for one in history:
        state = application.evolve(state, one.event)
        if _is_gone(state, environment, one.event):
            found = nothing
            continue
        made = marks(name, environment, state, cluster)
        since = found.since if made.health == found.health else None
        links = kept(made.blocked_by, found.blocked_by, one.time)
        found = replace(made, blocked_by=links, since=since or one.time)
    binding = state.binding(environment)
    if binding.desired is None and binding.observed is None:
        return None
    return found


def _is_gone(state: Application, environment: str, event: Event) -> bool:
    """Return whether nothing is said of an Application in an Environment: what follows is new."""
    if isinstance(event, ApplicationRemoved) and event.environment == environment:
        return True
    one = state.binding(environment)
    there = one.desired or one.committed or one.observed or one.dependents
    return not there and all(item.environment != environment for item in state.queue)


def waited_for(change: str, history: Sequence[Recorded]) -> tuple[Link, ...]:
    """Return what a change waits for itself, each since it first stood there."""
    state, links, reasons, ended = Change(), tuple[Link, ...](), dict[str, str](), False
    for one in history:
        state = evolve(state, one.event)
        match one.event:
            case ChangeStepDelayed() | ChangeStepFailed() | CompensationBegun():
                reasons[one.event.step] = one.event.reason
                failed = isinstance(one.event, ChangeStepFailed)
                ended = ended or (failed and one.event.step == state.step)
            case ChangeStepStarted():
                ended = False
            case ChangeStepCompleted():
                reasons.pop(one.event.step, None)
            case _:
                pass
        # An attempt that failed waits for nothing: what follows it is written with that.
        reason = reasons.get(state.step or "", "")
        links = kept(() if ended else _of_change(change, state, reason), links, one.time)
    return links


def _of_change(name: str, state: Change, reason: str) -> tuple[Link, ...]:
    if state.is_over or state.opened is None:
        return ()
    held = state.held
    return of_change(
        name,
        state.opened.environment,
        waits_for=held.waits_for if held is not None else (),
        behind=held.behind if held is not None else (),
        missing=held.approvals if held is not None else (),
        officers=held.officers if held is not None else (),
        opens=held.opens if held is not None else None,
        step=state.step,
        undo=state.undo,
        applications=tuple(dict.fromkeys(unit.application for unit in state.remaining())),
        reason=reason,
    )


def led(
    found: Marks,
    changes: Mapping[str, Sequence[Recorded]],
    beside: Mapping[str, Marks],
    queues: Mapping[str, Collection[str]],
) -> Marks:
    """Return it with the reasons of what it waits for, as the row has them.

    Args:
        found: What is said of an Application.
        changes: All that happened to the changes that may work on it.
        beside: What is said of each Application of the same Environment.
        queues: The changes that work on each Application, or wait to; see `working`.
    """
    own = found.blocked_by
    lead = Link(kind="change", name=found.change, code=_LEAD, message="", who="", what_to_do="")
    named = {one.name for one in own if one.kind == "change"}
    leads = found.change and found.change not in named
    links = [
        *(one for one in own if one.code != BEHIND),
        *((lead,) if leads else ()),
        *(one for one in own if one.code == BEHIND),
    ]
    wanted, followed = needed(own), set[str]()

    def links_of(kind: str, name: str) -> Sequence[Link]:
        if kind == "change":
            followed.add(name)
            return waited_for(name, changes.get(name, ()))
        if kind != "application" or name not in beside:
            return ()
        if name not in wanted and followed.isdisjoint(queues.get(name, ())):
            return ()
        below = beside[name].blocked_by
        wanted.update(needed(below))
        return below

    chain = tree(links, links_of, start=("application", found.application))
    return replace(found, blocked_by=tuple(one for one in chain if one.code != _LEAD))


_LEAD: Final = "leads"
"""Code of a link that leads to the change that works on something, and is shown to nobody."""


def whole(environment: str, found: Iterable[Marks]) -> Whole:
    """Return an Environment with what is to run there."""
    told = tuple(found)
    health, since, of, reason = _worst(
        _Part(one.health, one.since, one.application, one.reason) for one in told
    )
    return Whole(
        name=environment, health=health, reason=reason, of=of, since=since, applications=told
    )


def everything(organization: str, environments: Iterable[Whole]) -> Everything:
    """Return an Organization with its Environments."""
    found = tuple(environments)
    health, since, of, reason = _worst(
        _Part(one.health, one.since, one.name, one.reason) for one in found if one.of
    )
    return Everything(
        name=organization, health=health, reason=reason, of=of, since=since, environments=found
    )


class _Part(NamedTuple):
    health: Health
    since: datetime | None
    name: str
    reason: str


_NOTHING: Final = _Part("unknown", None, "", NOTHING_RUNS)


def _worst(parts: Iterable[_Part]) -> _Part:
    """Return the worst; of several the one that is so the longest, then the first by name."""
    return min(parts, key=lambda one: badness(one.health, one.since, one.name), default=_NOTHING)
