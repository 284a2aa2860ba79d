"""Where the onboarding of one Organization is: its steps, and how each event moves it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain.organization import SERVICE

AGGREGATE: Final = "onboarding"
STEPS: Final[tuple[env1.Step, ...]] = ("git-home", "manifests", "ready")
"""Of an Organization that stands below no other one."""
STEPS_BELOW: Final[tuple[env1.Step, ...]] = ("parent", *STEPS)

HANDLED_MAX: Final = 64
"""Ids of handled inputs that are kept. One run has at most about twenty inputs that change
something, so none of them is forgotten in it; later ones know reports of a run by its number."""

Status = Literal["absent", "running", "undoing", "completed", "failed"]


class Onboarding(msgspec.Struct, frozen=True, kw_only=True):
    """Where the onboarding of one Organization is."""

    status: Status = "absent"
    slug: str = ""
    run: int = 1
    """Counted from 1; a restart begins the next one."""
    parent: str | None = None
    """The Organization above, which is asked in this run; None if none is."""
    step: env1.Step = "git-home"
    attempt: int = 0
    """Of the step, or of taking back."""
    gen: str = ""
    """Arming of the deadline that counts; empty if none is awaited."""
    completed: tuple[env1.Step, ...] = ()
    """Steps that are done and were not taken back."""
    reason: str = ""
    """Why it gave up."""
    handled: tuple[str, ...] = ()
    """Ids of the inputs that changed something in this run, oldest first."""

    @property
    def steps(self) -> tuple[env1.Step, ...]:
        """The steps of this run, in their order."""
        return STEPS if self.parent is None else STEPS_BELOW


def onboarding_ref(slug: str) -> Ref:
    """Return the onboarding of the Organization with this slug."""
    return Ref(slug, SERVICE, AGGREGATE, slug)


def _handled(state: Onboarding, given: str) -> tuple[str, ...]:
    if not given or given in state.handled:
        return state.handled
    return (*state.handled, given)[-HANDLED_MAX:]


def evolve(state: Onboarding, event: Event) -> Onboarding:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case env1.OnboardingStarted():
            return replace(
                state,
                status="running",
                slug=event.slug,
                run=event.run,
                parent=event.parent,
                completed=event.done,
                reason="",
                handled=(event.started_by,),
            )
        case env1.StepStarted():
            state = replace(state, step=event.step, attempt=event.attempt, gen=event.gen)
        case env1.StepCompleted():
            completed = (*(s for s in state.completed if s != event.step), event.step)
            state = replace(state, completed=completed)
        case env1.StepFailed():
            state = replace(state, reason=event.reason)
        case env1.CompensationStarted():
            state = replace(
                state,
                status="undoing",
                step=event.step,
                attempt=event.attempt,
                reason=event.reason,
                gen=event.gen,
            )
        case env1.OnboardingCompleted():
            state = replace(state, status="completed", gen="", reason="")
        case env1.OnboardingFailed():
            # The manifests stand in the Git home, and go with it. The parent lets go in any case.
            kept = () if "git-home" in event.undone else state.completed
            left = tuple(step for step in kept if step != "parent")
            state = replace(state, status="failed", gen="", reason=event.reason, completed=left)
        case _:
            return state
    return replace(state, handled=_handled(state, event.input))
