"""The steps of a change as data: which there are, in what order, for how long, and how each goes.

A step works on units: an Application (its repository), an Application in one Environment, or the
whole change. It is done when all of its units are. Three kinds: `command` asks another service and
hears its answer; `effect` is carried out and reported; `facts` waits until something is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

import msgspec

from catalyst.contracts.provisioning_v1 import ChangeOpened
from catalyst.contracts.provisioning_values_v1 import Action, Locked, Step

Kind = Literal["command", "effect", "facts"]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How a step goes."""

    kind: Kind
    time: timedelta
    """For the first attempt; the n-th attempt has n times as much."""
    usual: timedelta
    """How long it takes when nothing is wrong; told in plans, never relied on."""
    attempts: int = 3
    undone: bool = False
    """Whether there is something to take back."""
    cancels: bool = True
    """Whether a person may stop the change while it is in this step."""

    @property
    def hours(self) -> int:
        """How many whole hours all attempts have together."""
        return sum(range(1, self.attempts + 1)) * self.time // timedelta(hours=1)


_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)

PATIENT: Final = 40
"""Attempts where there is no way back, or a bad one: together more than half a day."""

WAYS: Final[Mapping[Step, Way]] = {
    "admit": Way(kind="command", time=_MINUTE, usual=_SECOND, undone=True),
    "hold": Way(kind="command", time=_MINUTE, usual=_SECOND, undone=True),
    "repository": Way(kind="effect", time=2 * _MINUTE, usual=2 * _SECOND, undone=True),
    "unprotect": Way(kind="effect", time=30 * _MINUTE, usual=_MINUTE, undone=True),
    "commit": Way(kind="effect", time=5 * _MINUTE, usual=3 * _SECOND, undone=True, cancels=False),
    "observe": Way(kind="facts", time=timedelta(hours=24), usual=3 * _MINUTE, attempts=1),
    "capture": Way(kind="command", time=_MINUTE, usual=_SECOND, attempts=PATIENT, cancels=False),
    "release": Way(kind="command", time=_MINUTE, usual=_SECOND, attempts=PATIENT, cancels=False),
    "settle": Way(kind="command", time=_MINUTE, usual=_SECOND, attempts=PATIENT, cancels=False),
    "archive": Way(
        kind="effect", time=5 * _MINUTE, usual=2 * _SECOND, attempts=PATIENT, cancels=False
    ),
    "delete": Way(
        kind="effect", time=2 * _MINUTE, usual=2 * _SECOND, attempts=PATIENT, cancels=False
    ),
}
"""`observe` waits a day: without a cluster nothing can be seen, and a person may connect one. A
removal waits longer for clusters that fall silent meanwhile: until they were for a day.
`commit` is the point of no return: what stands in Git is carried out by others. A change that waits
in `observe` can be stopped again: a further commit takes it back. `unprotect` is committed, and
then waits until a cluster has applied it."""

UNDO_TIME: Final = 5 * _MINUTE
UNDO_ATTEMPTS: Final = 3
HOLD_MINUTES: Final = 60 * 40
"""Longer than all steps between hold and capture together, attempts included."""

DELETIONS: Final = frozenset({"delete-environment", "delete-organization"})
REMOVALS: Final = DELETIONS | {"uninstall"}
FORWARD: Final[frozenset[Step]] = frozenset({"release", "settle", "archive", "delete"})
"""Steps behind which there is nothing to go back to: what failed is told, and left."""

_WRITES: Final[tuple[Step, ...]] = ("admit", "hold", "repository", "commit", "observe", "capture")
_REMOVES: Final[tuple[Step, ...]] = (
    "unprotect",
    "commit",
    "observe",
    "release",
    "settle",
    "archive",
)


class Unit(msgspec.Struct, frozen=True, order=True):
    """What a step works on: an Application, one in an Environment, or (both empty) the change."""

    application: str = ""
    environment: str = ""


WHOLE: Final = Unit()


def is_removal(action: Action) -> bool:
    """Return whether the action takes Applications away."""
    return action in REMOVALS


def is_new(item: Locked, action: Action) -> bool:
    """Return whether an Application begins to run in its Environment by this change."""
    return item.role == "new" or (item.role == "target" and action == "install")


def steps_of(
    action: Action, lock: tuple[Locked, ...], *, sold: bool, gone: bool, lost: bool
) -> tuple[Step, ...]:
    """Return the steps of a change, in order; those with nothing to do are left out.

    Args:
        action: What it does.
        lock: The Applications that it touches.
        sold: Whether it buys something, or ends a subscription.
        gone: Whether an Application runs nowhere any more afterwards.
        lost: Whether data goes that is protected until then.
    """
    if is_removal(action):
        left_out: set[Step] = set() if sold else {"settle"}
        left_out |= set() if gone else {"archive"}
        left_out |= set() if lost else {"unprotect"}
        if not lock:
            left_out |= {"commit", "observe", "release"}
        found = tuple(step for step in _REMOVES if step not in left_out)
        return found if action == "uninstall" else (*found, "delete")
    new = any(is_new(item, action) for item in lock)
    skipped: set[Step] = set() if sold else {"hold", "capture"}
    skipped |= set() if new else {"admit", "repository"}
    return tuple(step for step in _WRITES if step not in skipped)


def units(opened: ChangeOpened, step: Step) -> tuple[Unit, ...]:
    """Return what a step works on, in order."""
    action = opened.request.action
    written = [item for item in opened.lock if item.written]
    match step:
        case "admit":
            return tuple(_place(item) for item in written if is_new(item, action))
        case "repository":
            found = [item.application for item in written if is_new(item, action)]
            return _each(found)
        case "unprotect":
            data = [item for item in written if opened.volumes.get(subscription(_place(item)))]
            return _each([item.application for item in data])
        case "commit":
            return _each([item.application for item in written])
        case "observe" | "release":
            return tuple(_place(item) for item in written)
        case "settle":
            ended = [_place(item) for item in written]
            return tuple(unit for unit in ended if subscription(unit) in opened.sold)
        case "archive":
            return _each(list(opened.gone))
        case "hold" | "capture" | "delete":
            return (WHOLE,)


def _place(item: Locked) -> Unit:
    return Unit(item.application, item.environment)


def _each(names: list[str]) -> tuple[Unit, ...]:
    return tuple(Unit(name) for name in dict.fromkeys(names))


def subscription(unit: Unit) -> str:
    """Return the id of the subscription that pays for an Application in an Environment."""
    return f"{unit.application}.{unit.environment}"
