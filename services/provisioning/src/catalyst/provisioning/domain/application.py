"""An Application: what is to run in each Environment, which changes want it, what is seen of it.

It decides nothing by itself: changes write what they do to it, in the batch of their own decision,
and whoever observes writes what is seen. So one guard covers all that a plan depends on.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import (
    Action,
    Applied,
    Desired,
    Evidence,
    Gate,
    Health,
    Source,
)
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain.owning import Used, used

SERVICE: Final = "provisioning"
AGGREGATE: Final = "application"

CLUSTER: Final = "cluster"
"""Kind of what stands for a whole cluster; Kubernetes begins each of its own with a capital."""
HISTORY_MAX: Final = 20
"""Revisions of a binding that are kept to go back to."""
DIGEST_LENGTH: Final = 16
"""Hexadecimal digits of a digest in an input of a plan."""


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """A change that works on the Application, or waits for its turn."""

    change: str
    environment: str
    action: Action
    desired: Desired | None = None
    """What is to run afterwards; None: nothing."""
    base: str = ""
    """The revision that it was planned on."""
    gates: tuple[Gate, ...] = ()
    taken: bool = False
    """Whether it has its turn."""


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in Git."""

    change: str
    repository: str
    branch: str
    commit: str
    hosts: tuple[str, ...] = ()
    """The public hosts under which it is reached."""
    later: tuple[str, ...] = ()
    """Commits on the same branch since, for other Environments, oldest first: each has it too."""

    @property
    def commits(self) -> tuple[str, ...]:
        """All commits that have it, oldest first."""
        return (self.commit, *self.later)


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen last."""

    applied: Applied
    revision: str
    commit: str
    health: Health
    reason: str
    message: str
    evidence: tuple[Evidence, ...]
    gone: tuple[str, ...] = ()
    """Ids of objects that are gone, the newest last."""
    ended: tuple[Evidence, ...] = ()
    """Of each name the last object that is gone, the newest last."""
    source: Source
    observed_at: datetime
    silent_since: datetime | None = None
    """When the last evidence was seen, if nothing has been heard for too long."""


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """The Application in one Environment."""

    desired: Desired | None = None
    """What is to run; None: nothing."""
    before: Desired | None = None
    """What was to run before the last change of it."""
    committed: Committed | None = None
    observed: Observed | None = None
    history: tuple[Desired, ...] = ()
    """What was to run, oldest first, the present one last."""
    dependents: tuple[str, ...] = ()
    """Applications of the same Environment that need this one, sorted."""
    clusters: tuple[str, ...] = ()
    """Those of the Environment, if it has several regions; empty: one, whatever its name is."""


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """One Application."""

    bindings: dict[str, Binding] = {}
    """By Environment; one that was removed is not there."""
    queue: tuple[Queued, ...] = ()
    """Changes that want it, oldest first; one change stands once for each Environment."""
    archived: bool = False
    """Whether its repository takes no commits any more."""
    left: dict[str, Desired] = {}
    """What ran last in an Environment in which its data may still be, by Environment."""
    used: dict[str, dict[str, bool | None]] = {}
    """Whose own the copies are that it used last where nothing is to run now, by Environment."""

    def binding(self, environment: str) -> Binding:
        """Return how it is in an Environment; an empty binding where it never was."""
        return self.bindings.get(environment, Binding())

    def runs_in(self, environment: str) -> bool:
        """Return whether something of it is to run there."""
        return self.binding(environment).desired is not None

    def runs(self) -> bool:
        """Return whether something of it is to run anywhere."""
        return any(binding.desired is not None for binding in self.bindings.values())

    def changes(self) -> tuple[str, ...]:
        """Return the changes that want it, oldest first, each once."""
        return tuple(dict.fromkeys(item.change for item in self.queue))

    def ahead_of(self, change: str) -> tuple[str, ...]:
        """Return the changes before `change`, oldest first."""
        waiting = self.changes()
        return waiting[: waiting.index(change)] if change in waiting else waiting

    def expected(self, environment: str) -> tuple[Desired | None, str]:
        """Return what will run there once every change in the queue is over, and its revision.

        The revision is empty where nothing will run.
        """
        last = next((x for x in reversed(self.queue) if x.environment == environment), None)
        desired = last.desired if last is not None else self.binding(environment).desired
        return desired, desired.change if desired is not None else ""

    def used_in(self, environment: str) -> Used:
        """Return whose own the copies are that it will use once the queue is over, or used last."""
        queued = [item.desired for item in self.queue if item.environment == environment]
        wanted = (self.binding(environment).desired, *queued)
        found = map(used, filter(None, reversed(wanted)))
        return next(found, self.used.get(environment, {}))

    def deleted_by(self, environment: str) -> str:
        """Return the change that takes away everything in an Environment now; empty: none."""
        found = (
            item.change
            for item in self.queue
            if item.taken and item.environment == environment and item.action.startswith("delete-")
        )
        return next(found, "")

    def is_held(self, environment: str) -> bool:
        """Return whether the change that brings it to an Environment is still in flight."""
        binding = self.binding(environment)
        return binding.before is None and any(
            item.environment == environment
            and item.desired is not None
            and (binding.desired is None or binding.desired.change == item.change)
            for item in self.queue
        )

    def promised(self, environment: str, change: str) -> str:
        """Return the revision that `change` finds there if all before it come true; empty: none."""
        desired = self.binding(environment).desired
        for item in self.queue:
            if item.change == change:
                break
            if item.environment == environment:
                desired = item.desired
        return desired.change if desired is not None else ""

    def behind(self, change: str) -> str:
        """Return the change behind `change`, which was planned on its result; empty: none."""
        waiting = self.changes()
        return next(iter(waiting[waiting.index(change) + 1 :]), "") if change in waiting else ""


def application_ref(organization: str, name: str) -> Ref:
    """Return the Application of an Organization with this name."""
    return Ref(organization, SERVICE, AGGREGATE, name)


def fingerprint(content: Any) -> str:
    """Return a digest of content as plans name it; the order of keys does not matter."""
    body = msgspec.json.encode(content, order="sorted")
    return hashlib.sha256(body).hexdigest()[:DIGEST_LENGTH]


def planned_on(state: Application, environment: str) -> str:
    """Return the version of an Application as plans name it: what they depend on, nothing else.

    What is observed and what is committed change without changing what a plan would do.
    """
    desired, base = state.expected(environment)
    elsewhere = any(
        item.desired is not None for name, item in state.bindings.items() if name != environment
    )
    wanted = msgspec.to_builtins(desired)
    if desired is not None and desired.currency is None:
        # As it was counted before there was a choice.
        del wanted["currency"]
    if desired is not None and not desired.hosts:
        # As it was counted before hosts were known.
        del wanted["hosts"]
    if desired is not None and not desired.own:
        # As it was counted before it was written down whose own a copy is.
        del wanted["own"]
    content = [wanted, base, state.binding(environment).dependents, elsewhere, state.archived]
    if desired is None and any(mark is not None for mark in state.used_in(environment).values()):
        content.append(state.used_in(environment))
    return f"{base or 'none'}#{fingerprint(content)}"


# ---- the fold


def evolve(state: Application, event: Event) -> Application:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case app1.ChangeWaiting() | app1.ChangeTaken() | app1.ChangeLeft():
            return _queued(state, event)
        case app1.ApplicationRemoved():
            rest = {k: v for k, v in state.bindings.items() if k != event.environment}
            left = {k: v for k, v in state.left.items() if k != event.environment}
            left = state.left if event.kept_data else left
            # With an Environment each copy in it goes.
            ended = event.environment if state.deleted_by(event.environment) else ""
            last = {k: v for k, v in state.used.items() if k != ended}
            return msgspec.structs.replace(state, bindings=rest, left=left, used=last)
        case app1.RepositoryArchived():
            return msgspec.structs.replace(state, archived=True)
        case (
            app1.DesiredSet()
            | app1.DependentAdded()
            | app1.DependentRemoved()
            | app1.RevisionCommitted()
            | app1.ApplicationObserved()
            | app1.ApplicationSilent()
        ):
            binding = _bound(state.binding(event.environment), event)
            bindings = {**state.bindings, event.environment: binding}
            if isinstance(event, app1.RevisionCommitted):
                bindings = {name: _beside(item, event) for name, item in bindings.items()}
            if binding == Binding():
                del bindings[event.environment]
            archived = state.archived and not _wants(event)
            left = _left(state, event) if isinstance(event, app1.DesiredSet) else state.left
            last = _used(state, event) if isinstance(event, app1.DesiredSet) else state.used
            replace = msgspec.structs.replace
            return replace(state, bindings=bindings, archived=archived, left=left, used=last)
        case _:
            return state


def _wants(event: Event) -> bool:
    """Return whether something is to run again."""
    return isinstance(event, app1.DesiredSet) and event.desired is not None


def _left(state: Application, event: app1.DesiredSet) -> dict[str, Desired]:
    """Return what ran last where nothing is to run now: data is left if anything was ever seen."""
    binding = state.binding(event.environment)
    old = binding.desired
    if event.desired is not None or old is None or binding.observed is None:
        return state.left
    return {**state.left, event.environment: old}


def _used(state: Application, event: app1.DesiredSet) -> dict[str, dict[str, bool | None]]:
    """Return what was used last where nothing is to run now; what is taken back never was."""
    old = state.binding(event.environment).desired
    if event.desired is not None or old is None or event.undo:
        return state.used
    return {**state.used, event.environment: used(old)}


def _queued(
    state: Application, event: app1.ChangeWaiting | app1.ChangeTaken | app1.ChangeLeft
) -> Application:
    replace = msgspec.structs.replace
    key = (event.change, event.environment)
    present = [(item.change, item.environment) for item in state.queue]
    match event:
        case app1.ChangeWaiting():
            entry = Queued(
                change=event.change,
                environment=event.environment,
                action=event.action,
                desired=event.desired,
                base=event.base,
                gates=event.gates,
            )
            if key in present:
                queue = tuple(
                    replace(item, gates=event.gates) if seen == key else item
                    for item, seen in zip(state.queue, present, strict=True)
                )
            else:
                queue = (*state.queue, entry)
        case app1.ChangeTaken():
            queue = tuple(
                replace(item, taken=True, gates=()) if seen == key else item
                for item, seen in zip(state.queue, present, strict=True)
            )
        case app1.ChangeLeft():
            queue = tuple(
                item for item, seen in zip(state.queue, present, strict=True) if seen != key
            )
    return replace(state, queue=queue)


def _bound(
    binding: Binding,
    event: app1.DesiredSet
    | app1.DependentAdded
    | app1.DependentRemoved
    | app1.RevisionCommitted
    | app1.ApplicationObserved
    | app1.ApplicationSilent,
) -> Binding:
    replace = msgspec.structs.replace
    match event:
        case app1.DesiredSet():
            return _desired(binding, event)
        case app1.DependentAdded():
            names = tuple(sorted({*binding.dependents, event.dependent}))
            return replace(binding, dependents=names)
        case app1.DependentRemoved():
            names = tuple(name for name in binding.dependents if name != event.dependent)
            return replace(binding, dependents=names)
        case app1.RevisionCommitted():
            committed = Committed(
                change=event.change,
                repository=event.repository,
                branch=event.branch,
                commit=event.commit,
                hosts=event.hosts,
            )
            return _named(replace(binding, committed=committed), event.commit)
        case app1.ApplicationObserved():
            return replace(binding, observed=_observed(event))
        case app1.ApplicationSilent():
            if binding.observed is None:
                return binding
            return replace(binding, observed=replace(binding.observed, silent_since=event.since))


def _beside(binding: Binding, event: app1.RevisionCommitted) -> Binding:
    """Return an Environment after a commit for another one: it has that if it has its branch."""
    own = binding.committed
    if own is None or own.branch != event.branch or event.commit in own.commits:
        return binding
    own = msgspec.structs.replace(own, later=(*own.later, event.commit)[-HISTORY_MAX:])
    return _named(msgspec.structs.replace(binding, committed=own), event.commit)


def _named(binding: Binding, commit: str) -> Binding:
    """Return an Environment with the revision of a commit that was seen before it was reported."""
    own, seen = binding.committed, binding.observed
    if own is None or seen is None or seen.commit != commit:
        return binding
    seen = msgspec.structs.replace(seen, revision=own.change)
    return msgspec.structs.replace(binding, observed=seen)


def _desired(binding: Binding, event: app1.DesiredSet) -> Binding:
    replace = msgspec.structs.replace
    binding = replace(binding, clusters=event.clusters)
    if event.undo:
        history = tuple(item for item in binding.history if item.change != event.change)
        return replace(binding, desired=event.desired, before=None, history=history)
    history = binding.history
    if event.desired is not None:
        history = (*(x for x in history if x.change != event.change), event.desired)
    return replace(
        binding, desired=event.desired, before=binding.desired, history=history[-HISTORY_MAX:]
    )


def _observed(event: app1.ApplicationObserved) -> Observed:
    names = set(Observed.__struct_fields__) - {"silent_since"}
    return Observed(**{name: getattr(event, name) for name in names})
