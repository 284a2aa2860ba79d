"""A Blueprint: its registered versions, and what became of each.

A version is registered once, by its content. It is published when a published version of everything
that it depends on is there: at once, or when the last of them arrives. So Blueprints that need each
other in a circle are never published, even where their registrations cross.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from catalyst.blueprint_controller.domain.dependencies import (
    PRIVATE,
    Blueprint,
    Offered,
    Version,
    add,
    is_hidden,
    missing,
    needs_of,
    places,
)
from catalyst.blueprint_controller.domain.places import (
    BLUEPRINT,
    PLATFORM_ORIGINS,
    blueprint_ref,
    require_keeper,
    require_self,
)
from catalyst.blueprints.circles import Need, circle
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.blueprint_ids import no_blueprint
from catalyst.contracts.decision import Context, Decision, Emit, Send, emit
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import BadSubject, Claim, Ref
from catalyst.contracts.tables.role import SECURITY_OFFICER

AGGREGATE: Final = BLUEPRINT
MAX_VERSIONS: Final = 1000
"""Of one Blueprint."""
_MAX_PUBLISHED: Final = 100
"""Versions that one look publishes; more of them wait for the next look, which follows at once."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What the preparation of a registration found in the stored content."""

    spec: dict[str, Any]
    """The document's `spec`, as it travels."""
    needs: tuple[Need, ...]
    known: Offered
    """The versions that there are: good for telling of a circle, no more."""


# ---- registering


def reads_register(
    _state: Blueprint, command: bp1.RegisterVersion, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name every Blueprint that the version may depend on."""
    return places(ref.organization, command.needs)


def register(state: Blueprint, command: bp1.RegisterVersion, context: Context) -> Decision:
    """Register a version whose content is stored; the same content again changes nothing.

    Raises:
        Rejected: `forbidden`, `version-immutable`, `blueprint-withdrawn`, `versions-too-many`,
            `content-invalid` or `dependency-cycle`; the preparation adds `content-missing` and
            `spec-too-large`.
    """
    require_self(context)
    _require_place(command, context.ref)
    known = state.versions.get(command.version)
    if known is not None and known.digest == command.digest:
        return Decision()
    if known is not None:
        raise Rejected(
            "version-immutable",
            f"{command.blueprint} {command.version} was registered with other content; "
            "give what has changed another version",
            pointer="/data/digest",
        )
    if state.withdrawn:
        raise Rejected("blueprint-withdrawn", f"{command.blueprint} is withdrawn")
    if len(state.versions) >= MAX_VERSIONS:
        message = f"{command.blueprint} has {MAX_VERSIONS} versions, which is the most there can be"
        raise Rejected("versions-too-many", message)
    facts: Prepared = context.facts
    names = {need.blueprint for need in facts.needs}
    if names != set(command.needs):
        message = "the document depends on other Blueprints than its registration says"
        raise Rejected("content-invalid", message, pointer="/data/needs")
    found = _circle(command.version, facts.needs, facts.known, context)
    if found:
        raise Rejected("dependency-cycle", f"this goes in a circle: {' → '.join(found)}")
    lacking = missing(context.ref.organization, facts.needs, context.reads)
    registered = bp1.VersionRegistered(
        name=command.blueprint,
        origin=command.origin,
        version=command.version,
        digest=command.digest,
        size=command.size,
        spec=facts.spec,
        source=command.source,
        revision=command.revision,
        folder=command.folder,
        missing=_told(lacking),
    )
    if lacking:
        return emit(registered)
    return emit(registered, _published(context.ref, command.version))


def _require_place(command: bp1.RegisterVersion, ref: Ref) -> None:
    private = ref.organization is not None
    there = blueprint_ref(ref.organization, command.origin, command.blueprint)
    if there != ref or private != (command.origin == "private"):
        raise Rejected("content-invalid", f"{ref.id!r} is not where this Blueprint stands")


def _circle(
    version: str, needs: Sequence[Need], known: Offered, context: Context
) -> tuple[str, ...]:
    """Return a circle through what is read, which is guarded, and through what is known."""
    offered = {name: {**by_version} for name, by_version in known.items()}
    for ref in places(context.ref.organization, (need.blueprint for need in needs)):
        state: Blueprint | None = context.reads.get(ref)
        if state is None or state.withdrawn or is_hidden(context.ref.organization, ref, state):
            continue
        for text, one in state.versions.items():
            if not one.yanked:
                add(offered, _name(ref), text, one.needs)
    return circle(_name(context.ref), version, needs, offered)


# ---- waiting for what is missing


def reads_check(
    state: Blueprint, _command: bp1.CheckDependencies, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name everything that a version which waits may depend on."""
    waiting = [one for one in state.versions.values() if not one.published]
    return places(ref.organization, (need.blueprint for one in waiting for need in one.needs))


def check(state: Blueprint, command: bp1.CheckDependencies, context: Context) -> Decision:
    """Publish the versions that wait for nothing any more.

    Raises:
        Rejected: `forbidden`.
    """
    require_self(context)
    if state.withdrawn:
        return Decision()
    known: Offered = context.facts or {}
    events: list[Event] = []
    for text, version in state.versions.items():
        if version.published:
            continue
        lacking = missing(context.ref.organization, version.needs, context.reads)
        waits = lacking and not version.yanked
        found = _circle(text, version.needs, known, context) if waits else ()
        if not lacking:
            events.append(_published(context.ref, text))
        elif lacking != version.missing or found != version.cycle:
            awaits = bp1.VersionAwaits(
                name=_name(context.ref), version=text, missing=_told(lacking), cycle=found
            )
            events.append(awaits)
        if len(events) == _MAX_PUBLISHED:
            again = Send(ref=context.ref, command=command)
            return Decision(events=tuple(map(Emit, events)), commands=(again,))
    return emit(*events)


def wake(_state: Blueprint, command: bp1.WakeDependents, context: Context) -> Decision:
    """Tell those that wait for this Blueprint to look again.

    Raises:
        Rejected: `forbidden`, or `invalid-data` for a path that is no Blueprint's.
    """
    require_self(context)
    arrived = bp1.CheckDependencies(arrived=_name(context.ref))
    refs = [_waiting(path, place) for place, path in enumerate(command.waiting)]
    more = [bp1.DependentsWoken(after=turn(path)) for path in command.waiting[-1:] if command.more]
    return Decision(
        events=tuple(map(Emit, more)),
        commands=tuple(Send(ref=ref, command=arrived) for ref in refs),
    )


def _waiting(path: str, place: int) -> Ref:
    try:
        ref = Ref.parse(path)
    except BadSubject:
        ref = None
    if ref is None or (ref.service, ref.aggregate) != ("blueprint", "blueprint"):
        pointer = f"/data/waiting/{place}"
        raise Rejected("invalid-data", "it is not the path of a Blueprint", pointer=pointer)
    return ref


def turn(path: str) -> str:
    """Return what those that wait are told in the order of; who reads it learns no name."""
    return hashlib.sha256(path.encode()).hexdigest()


# ---- what people decide


def deprecate(state: Blueprint, command: bp1.DeprecateBlueprint, context: Context) -> Decision:
    """Advise against new installs; again changes nothing.

    Raises:
        Rejected: `forbidden`, `blueprint-not-found` or `blueprint-withdrawn`.
    """
    require_keeper(context)
    _require_there(state, context)
    if state.withdrawn:
        raise Rejected("blueprint-withdrawn", f"{_name(context.ref)} is withdrawn")
    if state.deprecated:
        return Decision()
    return emit(
        bp1.BlueprintDeprecated(
            name=_name(context.ref),
            origin=_origin(context.ref),
            reason=command.reason,
            replacement=command.replacement,
        )
    )


def withdraw(state: Blueprint, command: bp1.WithdrawBlueprint, context: Context) -> Decision:
    """Take it out of the catalogue; again changes nothing.

    Raises:
        Rejected: `forbidden` or `blueprint-not-found`.
    """
    require_keeper(context)
    _require_there(state, context)
    if state.withdrawn:
        return Decision()
    return emit(
        bp1.BlueprintWithdrawn(
            name=_name(context.ref), origin=_origin(context.ref), reason=command.reason
        )
    )


def yank(state: Blueprint, command: bp1.YankVersion, context: Context) -> Decision:
    """Keep a version from being installed; again changes nothing, unless it is now of security.

    Raises:
        Rejected: `forbidden`, `blueprint-not-found` or `blueprint-version-not-found`.
    """
    require_keeper(context, SECURITY_OFFICER)
    _require_there(state, context)
    version = state.versions.get(command.version)
    if version is None:
        message = f"{_name(context.ref)} has no version {command.version}"
        raise Rejected("blueprint-version-not-found", message, pointer="/data/version")
    if version.yanked and (version.insecure or not command.security):
        return Decision()
    return emit(
        bp1.VersionYanked(
            name=_name(context.ref),
            origin=_origin(context.ref),
            version=command.version,
            reason=command.reason,
            security=command.security,
        )
    )


# ---- small things


def _require_there(state: Blueprint, context: Context) -> None:
    if not state.versions:
        origins = PLATFORM_ORIGINS if context.ref.organization is None else ("private",)
        raise no_blueprint(context.ref, origins)


def _name(ref: Ref) -> str:
    return ref.id.partition("-")[2]


def _origin(ref: Ref) -> bp1.Origin:
    match ref.id.partition("-")[0]:
        case "public":
            return "public"
        case "sovereign":
            return "sovereign"
        case _:
            return "private"


def _published(ref: Ref, version: str) -> bp1.VersionPublished:
    return bp1.VersionPublished(name=_name(ref), origin=_origin(ref), version=version)


def _told(needs: Sequence[Need]) -> tuple[bp1.Missing, ...]:
    return tuple(bp1.Missing(blueprint=need.blueprint, version=need.version) for need in needs)


# ---- the fold


def evolve(state: Blueprint, event: Event) -> Blueprint:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bp1.VersionRegistered():
            version = Version(
                digest=event.digest,
                needs=needs_of(event.spec),
                missing=_lacking(event.missing),
                private=event.spec.get("visibility") == PRIVATE,
            )
            return replace(state, versions={**state.versions, event.version: version})
        case bp1.VersionPublished():
            return _with(state, event.version, published=True, missing=(), cycle=())
        case bp1.VersionAwaits():
            return _with(
                state, event.version, missing=_lacking(event.missing), cycle=tuple(event.cycle)
            )
        case bp1.VersionYanked():
            return _with(state, event.version, yanked=True, insecure=event.security)
        case bp1.BlueprintDeprecated():
            return replace(state, deprecated=True)
        case bp1.BlueprintWithdrawn():
            return replace(state, withdrawn=True)
        case _:
            return state


def _with(state: Blueprint, text: str, **changes: Any) -> Blueprint:
    version = state.versions.get(text)
    if version is None:
        return state
    changed = msgspec.structs.replace(version, **changes)
    return msgspec.structs.replace(state, versions={**state.versions, text: changed})


def _lacking(told: Sequence[bp1.Missing]) -> tuple[Need, ...]:
    return tuple(Need(one.blueprint, one.version) for one in told)
