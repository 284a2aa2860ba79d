"""A change: its content, who approved it, and where its steps are. The state and its fold.

What follows from an input stands in `flow` (steps forward), `undoing` (steps back) and `turn` (the
wait before the first step). Progress is computed from the state and never stored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeVar

import msgspec

from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Event, derived_id
from catalyst.contracts.provisioning_values_v1 import Step, without
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain.gate import Approved
from catalyst.provisioning.domain.steps import UNDO_ATTEMPTS, WAYS, Unit, units

SERVICE: Final = "provisioning"
AGGREGATE: Final = "change"

TAKEN: Final = "hold-captured"
"""How billing refuses to give back what was held, because it took it."""
HANDLED_MAX: Final = 64
"""Ids of handled inputs that are kept; whether a step is done is known without them."""

T = TypeVar("T")
Status = Literal["absent", "waiting", "running", "undoing", "completed", "failed"]
OVER: Final = frozenset({"completed", "failed"})


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a command to another service was sent for."""

    step: Step
    unit: Unit
    undo: bool


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Where one change is."""

    status: Status = "absent"
    opened: pro1.ChangeOpened | None = None
    approved: tuple[Approved, ...] = ()
    held: pro1.ChangeHeldBack | None = None
    """Why it does not begin yet; None once it has begun."""
    step: Step | None = None
    """The step in progress, or the one that is being taken back."""
    undo: bool = False
    attempt: int = 0
    gen: str = ""
    """Arming of the deadline that counts; empty if none is awaited."""
    deadline: datetime | None = None
    done: tuple[Unit, ...] = ()
    """What of the step in progress is done."""
    details: tuple[str, ...] = ()
    """What was said of that, each once."""
    begun: tuple[Step, ...] = ()
    """Steps that were begun, in that order."""
    completed: tuple[Step, ...] = ()
    undone: tuple[Step, ...] = ()
    """Steps that were taken back, in that order."""
    passed: tuple[Step, ...] = ()
    """Steps that could not be taken back."""
    left: tuple[str, ...] = ()
    """What could not be taken back, in words."""
    taken: bool = False
    """Whether what was held was taken although it gave up."""
    commits: dict[str, dict[str, str]] = {}
    """The commit that stands on the branch of each Environment, by Application."""
    reason: str = ""
    """Why it gave up, or why the last attempt failed."""
    gave_up: Step | None = None
    cancelled: bool = False
    asked: dict[str, Asked] = {}
    """By the id of the command; kept to the end, for answers that come late."""
    handled: tuple[str, ...] = ()
    """Ids of inputs that changed something, oldest first."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in OVER

    @property
    def takes_back(self) -> bool:
        """Whether it gave up: what it made is being taken back, or was."""
        return self.status in {"undoing", "failed"}

    def content(self) -> pro1.ChangeOpened:
        """Return what it says.

        Raises:
            LookupError: If it was never opened.
        """
        if self.opened is None:
            raise LookupError("the change was never opened")
        return self.opened

    def remaining(self) -> tuple[Unit, ...]:
        """Return what of the step in progress is not done yet."""
        if self.opened is None or self.step is None:
            return ()
        return tuple(unit for unit in units(self.opened, self.step) if unit not in self.done)


def change_ref(organization: str, name: str) -> Ref:
    """Return the change of an Organization with this id."""
    return Ref(organization, SERVICE, AGGREGATE, name)


def asks(step: Step) -> bool:
    """Return whether a step is a command to another service, forward and back."""
    return WAYS[step].kind == "command"


# ---- the fold


def evolve(state: Change, event: Event) -> Change:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case pro1.ChangeOpened():
            return Change(status="waiting", opened=event)
        case pro1.ChangeApproved():
            one = Approved(by=event.by, email=event.email, teams=event.teams, officer=event.officer)
            return replace(state, approved=(*state.approved, one))
        case pro1.ChangeHeldBack():
            return _handled(replace(state, held=event, gen=event.gen), event.input)
        case pro1.ChangeRejected():
            return replace(state, reason=event.reason)
        case pro1.ChangeBegun():
            return _handled(replace(state, status="running", held=None, gen=""), event.input)
        case pro1.ChangeStepDelayed():
            return _handled(state, event.input)
        case _:
            return _stepped(state, event)


def _stepped(state: Change, event: Event) -> Change:
    """Fold what happens to steps."""
    replace = msgspec.structs.replace
    match event:
        case pro1.ChangeStepStarted():
            state = _started(state, event)
        case pro1.ChangeStepProgressed() if event.command:
            asked = Asked(step=event.step, unit=Unit(event.application), undo=event.undo)
            state = replace(state, asked={**state.asked, event.command: asked})
        case pro1.ChangeStepProgressed():
            unit = Unit(event.application, event.environment)
            commits = state.commits
            if event.commits:
                commits = {**commits, event.application: event.commits}
            details = _with(state.details, event.detail) if event.detail else state.details
            done = _with(state.done, unit)
            state = replace(state, done=done, details=details, commits=commits)
        case pro1.ChangeStepCompleted():
            state = _completed(state, event)
        case pro1.ChangeStepFailed():
            state = _failed(state, event)
        case pro1.CompensationBegun():
            state = replace(
                state,
                status="undoing",
                reason=event.reason,
                gave_up=event.step,
                cancelled=event.cancelled,
                step=None,
                gen="",
                deadline=None,
            )
        case pro1.ChangeCompleted():
            state = replace(state, status="completed", step=None, gen="", deadline=None, reason="")
        case pro1.ChangeFailed():
            state = replace(
                state,
                status="failed",
                step=None,
                gen="",
                deadline=None,
                held=None,
                reason=event.reason,
                gave_up=event.step,
                cancelled=event.cancelled,
                undone=event.undone,
                left=event.left,
            )
        case _:
            return state
    return _handled(state, event.input)


def _started(state: Change, event: pro1.ChangeStepStarted) -> Change:
    replace = msgspec.structs.replace
    again = event.attempt > 1 and event.step == state.step and event.undo == state.undo
    state = replace(
        state,
        step=event.step,
        undo=event.undo,
        attempt=event.attempt,
        gen=event.gen,
        deadline=event.deadline,
        done=state.done if again else (),
        details=state.details if again else (),
        begun=state.begun if event.undo else _with(state.begun, event.step),
    )
    if not asks(event.step):
        return state
    asked = {
        derived_id(event.gen, f"out{number}"): Asked(step=event.step, unit=unit, undo=event.undo)
        for number, unit in enumerate(state.remaining())
    }
    return replace(state, asked={**state.asked, **asked})


def _completed(state: Change, event: pro1.ChangeStepCompleted) -> Change:
    replace = msgspec.structs.replace
    if event.undo:
        state = replace(
            state,
            undone=_with(state.undone, event.step),
            passed=tuple(step for step in state.passed if step != event.step),
            left=without(state.left, event.step),
        )
        return replace(state, gen="", deadline=None) if event.step == state.step else state
    completed = _with(state.completed, event.step)
    return replace(state, completed=completed, gen="", deadline=None, reason="")


def _failed(state: Change, event: pro1.ChangeStepFailed) -> Change:
    replace = msgspec.structs.replace
    if not event.undo:
        return replace(state, reason=event.reason)
    if event.attempt < UNDO_ATTEMPTS and not event.code:
        return state
    words = " ".join(word for word in (event.step, event.application) if word)
    left = (*state.left, f"{words}: {event.reason}")
    state = replace(
        state,
        left=left,
        passed=_with(state.passed, event.step),
        taken=state.taken or event.code == TAKEN,
    )
    # What is told of another step than the one in progress does not end that one's attempt.
    return replace(state, gen="", deadline=None) if event.step == state.step else state


def _with(items: tuple[T, ...], item: T) -> tuple[T, ...]:
    return items if item in items else (*items, item)


def _handled(state: Change, given: str) -> Change:
    if not given or given in state.handled:
        return state
    return msgspec.structs.replace(state, handled=(*state.handled, given)[-HANDLED_MAX:])
