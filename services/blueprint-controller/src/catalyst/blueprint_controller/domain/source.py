"""A source of Blueprints: where versions of them come from, and what was read there last.

A process manager: reading is an effect, which reports in pages; what is new of a page is asked to
be registered, each version of its own Blueprint. One timer, `sync`, is the deadline while a reading
goes on, and its next beginning otherwise.

Repeats: a report of an earlier reading, or of a place that was passed, changes nothing. A report
that no effect can have sent is refused: `sync-unexpected`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, assert_never

import msgspec
from msgspec import inspect

from catalyst.blueprint_controller.domain import schedule
from catalyst.blueprint_controller.domain.holding import Source, evolve, key_of
from catalyst.blueprint_controller.domain.places import (
    SOURCE,
    blueprint_ref,
    require_keeper,
    require_self,
)
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import owner
from catalyst.contracts.blueprint_values_v1 import SourceName
from catalyst.contracts.decision import (
    Arm,
    Cancel,
    Context,
    Decision,
    Emit,
    Fired,
    Recorded,
    Send,
)
from catalyst.contracts.message import Answer, derived_id
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.wording import phrase

AGGREGATE: Final = SOURCE
TIMER: Final = "sync"
STARTER: Final = "starter"
"""Name of the source that comes with Catalyst."""


# ---- commands


def reads_owner(_state: Source, _given: object, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the Organization that owns the source."""
    return owner.owners(ref)


def add(state: Source, command: bp1.AddSource, context: Context) -> Decision:
    """Add a source and begin to read it. Where it may stand, the preparation has looked at.

    Raises:
        Rejected: `forbidden`, `organization-not-found` and the like, `source-built-in`,
            `source-name-invalid`, `source-exists`, `source-origin-invalid`,
            `source-location-forbidden`, `source-interval-invalid`.
    """
    require_keeper(context)
    owner.require_owner(context)
    if context.ref.id == STARTER:
        raise Rejected("source-built-in", f"the name {STARTER!r} is Catalyst's own source's")
    require_name(context.ref.id)
    if state.status == "there":
        raise Rejected("source-exists", f"there is a source {context.ref.id!r} already")
    private = context.ref.organization is not None
    if private != (command.origin == "private"):
        wanted = "private" if private else "public or sovereign"
        message = f"the origin of such a source is {wanted}"
        raise Rejected("source-origin-invalid", message, pointer="/data/origin")
    if private and command.kind != "git":
        message = "an Organization's source is a Git repository"
        raise Rejected("source-location-forbidden", message, pointer="/data/kind")
    schedule.interval(command.interval)
    added = bp1.SourceAdded(
        name=context.ref.id,
        kind=command.kind,
        location=command.location,
        branch=command.branch if command.kind == "git" else "",
        folder=command.folder,
        origin=command.origin,
        interval=command.interval,
    )
    return _start(state, context, whole=True, before=(Emit(added),))


def require_name(name: str) -> None:
    """Refuse a name that no version could say that it comes from.

    Raises:
        Rejected: `source-name-invalid`.
    """
    try:
        msgspec.convert(name, SourceName)
    except msgspec.ValidationError as error:
        message = f"the source's name {name!r} must be {phrase(inspect.type_info(SourceName))}"
        raise Rejected("source-name-invalid", message, pointer="/subject") from error


def remove(state: Source, _command: bp1.RemoveSource, context: Context) -> Decision:
    """Read it no longer.

    Raises:
        Rejected: `forbidden`, `source-not-found` or `source-built-in`.
    """
    require_keeper(context)
    _require_there(state, context)
    if state.kind == "built-in":
        raise Rejected("source-built-in", "what comes with Catalyst cannot be removed")
    removed = Emit(bp1.SourceRemoved(name=context.ref.id))
    return Decision(events=(removed,), timers=(Cancel(TIMER),))


def sync(state: Source, _command: bp1.SyncSource, context: Context) -> Decision:
    """Begin to read it now.

    Raises:
        Rejected: `forbidden`, `organization-not-found` and the like, `source-not-found` or
            `sync-in-progress`.
    """
    require_keeper(context)
    _require_there(state, context)
    owner.require_owner(context)
    if state.reading:
        raise Rejected("sync-in-progress", f"{context.ref.id!r} is being read already")
    return _start(state, context, whole=True)


def seed(state: Source, command: bp1.SeedSource, context: Context) -> Decision:
    """Add what comes with Catalyst, or begin to read it again if it is another one now.

    Raises:
        Rejected: `forbidden`, or `source-exists` for a name that is somebody else's.
    """
    require_self(context)
    if context.ref.organization is not None or context.ref.id != STARTER:
        raise Rejected("forbidden", f"what comes with Catalyst is the platform's {STARTER!r}")
    if state.status == "there" and state.location == command.revision:
        return Decision()
    added = bp1.SourceAdded(
        name=STARTER, kind="built-in", location=command.revision, origin="public"
    )
    return _start(state, context, whole=True, before=(Emit(added),))


# ---- reports


def report(state: Source, command: bp1.ReportSync, context: Context) -> Decision:
    """Take over what the effect found, and ask for the registration of what is new.

    Raises:
        Rejected: `forbidden`, `source-not-found`, or `sync-unexpected` for what no effect can have
            sent.
    """
    require_self(context)
    if state.status == "absent":
        raise Rejected("source-not-found", f"there is no source {context.ref.id!r}")
    if command.run < state.run or (command.run == state.run and not state.reading):
        return Decision()
    if command.run > state.run or command.start > state.reported:
        raise Rejected("sync-unexpected", "nothing was asked for that could be reported here")
    if command.start < state.reported:
        return Decision()
    if command.problem is not None:
        return _fail(state, command.problem.code, command.problem.message, context)
    if command.start and command.revision != state.seen_revision:
        message = "it changed while it was being read; it is read again"
        return _fail(state, "unreadable", message, context)
    if command.unchanged:
        return _wait(state, context, (Emit(_unchanged(state, command, context)),))
    return _page(state, command, context)


def _page(state: Source, command: bp1.ReportSync, context: Context) -> Decision:
    new = [item for item in command.found if _is_new(state, item)]
    sends = tuple(
        Send(
            ref=blueprint_ref(context.ref.organization, state.origin, item.blueprint),
            command=bp1.RegisterVersion(
                blueprint=item.blueprint,
                origin=_origin(state),
                version=item.version,
                digest=item.digest,
                size=item.size,
                needs=item.needs,
                source=context.ref.id,
                revision=command.revision,
                folder=item.folder,
            ),
        )
        for item in new
    )
    found = bp1.VersionsFound(
        run=state.run,
        next=command.next,
        revision=command.revision,
        found=command.found,
        refused=command.refused,
        asked={
            _send_id(context, place): bp1.VersionKey(blueprint=item.blueprint, version=item.version)
            for place, item in enumerate(new)
        },
        input=context.input_id,
    )
    if command.next:
        return Decision(events=(Emit(found),), commands=sends)
    after = evolve(state, found)
    return _wait(after, context, (Emit(found), Emit(_completed(after, context))), sends)


def _is_new(state: Source, item: bp1.Found) -> bool:
    """Return whether a version has to be registered, or was refused when it was asked for."""
    key = key_of(item.blueprint, item.version)
    known = state.held.get(key)
    return known is None or known.digest != item.digest or key in state.refused


def _send_id(context: Context, place: int) -> str:
    """Return the id that the command at a place of this decision gets."""
    return derived_id(context.done_id, f"out{place}")


def _gone(state: Source) -> tuple[bp1.Gone, ...]:
    """Return what the reading before found and this one did not."""
    now = {held.folder: key for key, held in state.seen.items()} | state.seen_bad
    return tuple(
        bp1.Gone(
            blueprint=key.partition("@")[0],
            version=key.partition("@")[2],
            folder=held.folder,
            now=now.get(held.folder, "").replace("@", " "),
        )
        for key, held in state.held.items()
        if key not in state.seen
    )


def _origin(state: Source) -> bp1.Origin:
    match state.origin:
        case "public" | "sovereign" | "private":
            return state.origin
        case _:
            raise ValueError(f"{state.origin!r} is no origin")


# ---- timers and answers


def correlate(_recorded: Recorded) -> Ref | None:
    """Return nothing: a source hears its own timer and answers alone."""
    return None


def react(state: Source, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Begin to read when it is time, end a reading that took too long, note what was refused."""
    match given:
        case Recorded():
            return Decision()
        case Fired():
            return _fired(state, given, context)
        case Answer():
            return _answered(state, given, context)
        case _:
            assert_never(given)


def _fired(state: Source, given: Fired, context: Context) -> Decision:
    if state.status != "there" or given.timer != TIMER or given.gen != state.gen:
        return Decision()
    if owner.gone(context):
        removed = bp1.SourceRemoved(name=context.ref.id)
        return Decision(events=(Emit(removed),))
    if state.reading:
        return _fail(state, "deadline", "it took too long to read it", context)
    return _start(state, context, whole=False)


def _answered(state: Source, given: Answer, context: Context) -> Decision:
    key = state.asked.get(given.command_id)
    if key is None or given.status == "accepted":
        return Decision()
    blueprint, _, version = key.partition("@")
    refused = bp1.RegistrationRefused(
        blueprint=blueprint, version=version, code=given.code, input=given.command_id
    )
    return Decision(events=(Emit(refused),))


def _start(
    state: Source, context: Context, *, whole: bool, before: tuple[Emit, ...] = ()
) -> Decision:
    started = bp1.SyncStarted(
        run=state.run + 1,
        whole=whole,
        deadline=context.now + schedule.SYNC_TIME,
        gen=context.done_id,
        input=context.input_id,
    )
    return Decision(
        events=(*before, Emit(started)),
        timers=(Arm(timer=TIMER, after=schedule.SYNC_TIME),),
    )


def _unchanged(state: Source, command: bp1.ReportSync, context: Context) -> bp1.SyncCompleted:
    return bp1.SyncCompleted(
        run=state.run,
        revision=command.revision,
        unchanged=True,
        versions=len(state.held),
        refused=state.bad,
        next_at=_next_at(state, context),
        gen=context.done_id,
        input=context.input_id,
    )


def _completed(state: Source, context: Context) -> bp1.SyncCompleted:
    return bp1.SyncCompleted(
        run=state.run,
        revision=state.seen_revision,
        versions=len(state.seen),
        refused=len(state.seen_bad),
        gone=_gone(state),
        next_at=_next_at(state, context),
        gen=context.done_id,
        input=context.input_id,
    )


def _next_at(state: Source, context: Context) -> datetime | None:
    return context.now + schedule.interval(state.interval) if state.interval else None


def _wait(
    state: Source, context: Context, events: tuple[Emit, ...], sends: tuple[Send, ...] = ()
) -> Decision:
    """Wait for the next reading, or for somebody to ask."""
    if not state.interval:
        return Decision(events=events, timers=(Cancel(TIMER),), commands=sends)
    after = schedule.interval(state.interval)
    return Decision(events=events, timers=(Arm(timer=TIMER, after=after),), commands=sends)


def _fail(state: Source, code: str, message: str, context: Context) -> Decision:
    failures = state.failures + 1
    wanted = schedule.interval(state.interval) if state.interval else None
    pause = schedule.retry(wanted, failures)
    failed = bp1.SyncFailed(
        run=state.run,
        code=code,
        message=message,
        failures=failures,
        next_at=context.now + pause,
        gen=context.done_id,
        input=context.input_id,
    )
    return Decision(events=(Emit(failed),), timers=(Arm(timer=TIMER, after=pause),))


def _require_there(state: Source, context: Context) -> None:
    if state.status != "there":
        raise Rejected("source-not-found", f"there is no source {context.ref.id!r}")
