"""Onboarding: the process that makes a created Organization ready, step by step.

`parent` (command to the Organization above it, if there is one), `git-home` (effect: make the
repository), `manifests` (effect: commit what stands), `ready` (command to the Organization). It
creates no Environment. Every step has a deadline and three attempts; then the process gives up,
takes the Git home back, and tells the Organization, which tells its parent. What a parent that is
deleted, suspended or failed refuses is not tried again. Somebody may then let it run once more
(`restart`): from its first unfinished step, with new attempts and deadlines. All of it stands in
the log as events, so that a crash loses nothing and a person sees where it is.

Repeats: an input whose id was handled changes nothing, for as long as the log lasts. A report that
is true but late (a step that is done by now, an older attempt that failed) is accepted without
effect, because every lawful retry of an effect ends so. So is a report of an earlier run. A report
that no effect of this process can have sent is rejected: `step-unexpected`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, assert_never

import msgspec

from catalyst.contracts import environment_v1 as env1
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
from catalyst.environment_controller.domain import children
from catalyst.environment_controller.domain.manifest import require_service
from catalyst.environment_controller.domain.organization import (
    SERVICE,
    Organization,
    ref_of,
    require_active,
    require_existing,
)
from catalyst.environment_controller.domain.progress import (
    Onboarding,
    onboarding_ref,
)

ASKED: Final[frozenset[env1.Step]] = frozenset({"parent", "ready"})
"""Steps that an Organization answers; for the others there are effects."""
DEADLINE: Final = "deadline"
"""The one timer of the process."""

MAX_ATTEMPTS: Final = 3
STEP_TIME: Final[Mapping[env1.Step, timedelta]] = {
    "parent": timedelta(seconds=60),
    "git-home": timedelta(seconds=60),
    "manifests": timedelta(seconds=60),
    "ready": timedelta(seconds=60),
}
"""Time for the first attempt at a step; the n-th attempt has n times as much. An Organization is
to be ready within 60 s, so a step that takes longer has surely gone wrong."""
UNDO_TIME: Final = timedelta(seconds=60)
"""Likewise for taking back what was made."""

LINE_MAX: Final = 253
"""Length of a line in a command."""


def correlate(recorded: Recorded) -> Ref | None:
    """Return the onboarding that an event of an Organization concerns."""
    slug = recorded.ref.organization
    return None if slug is None else onboarding_ref(slug)


def correlate_child(recorded: Recorded) -> Ref | None:
    """Return the onboarding of an Organization that is created below another one."""
    match recorded.event:
        case env1.OrganizationCreated(parent_org=str()):
            return correlate(recorded)
        case _:
            return None


# ---- reactions and reports


def react(state: Onboarding, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Answer an event, a deadline or the Organization's answer with what follows from it.

    Nothing follows from a repeat, from a deadline that was re-armed, and from an answer that nobody
    waits for any more.
    """
    match given:
        case Recorded():
            return _begin(state, given, context)
        case Fired():
            return _expire(state, given, context)
        case Answer():
            return _hear(state, given, context)
        case _:
            assert_never(given)


def report_step(state: Onboarding, command: env1.ReportStep, context: Context) -> Decision:
    """Take over what an effect reports on the step in progress.

    Raises:
        Rejected: `forbidden`, `onboarding-not-found`, or `step-unexpected` for what no effect of
            this process can have sent.
    """
    require_service(context, SERVICE)
    if state.status == "absent":
        raise Rejected("onboarding-not-found", f"{context.ref.id!r} is not being onboarded")
    if command.run > state.run:
        raise Rejected(
            "step-unexpected",
            f"run {command.run} has not begun; run {state.run} is the newest",
            pointer="/data/run",
        )
    if command.run < state.run or context.input_id in state.handled:
        return Decision()
    if command.step == "undo-git-home":
        return _undone(state, command, context)
    step: env1.Step = command.step
    if state.steps.index(step) > state.steps.index(state.step):
        raise Rejected(
            "step-unexpected",
            f"the step {step!r} has not begun; {state.step!r} is in progress",
            pointer="/data/step",
        )
    if state.status != "running" or step != state.step:
        return Decision()
    if command.status == "done":
        return _finish(state, command.detail, context)
    if command.attempt not in {0, state.attempt}:
        return Decision()
    return _fail(state, command.detail or "the effect failed without a reason", context)


def reads_restart(
    _state: Onboarding, _command: env1.RestartOnboarding, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the Organization, which is being onboarded again."""
    return (ref_of(ref.organization or ""),)


def restart(state: Onboarding, _command: env1.RestartOnboarding, context: Context) -> Decision:
    """Run once more what failed, from the first step that is not done.

    Raises:
        Rejected: `onboarding-not-found`, `onboarding-not-failed`, `organization-deleted` or
            `organization-suspended`.
    """
    slug = context.ref.id
    owner: Organization = context.reads[ref_of(context.ref.organization or "")]
    if state.status == "absent":
        raise Rejected("onboarding-not-found", f"{slug!r} is not being onboarded")
    require_existing(owner, slug)
    if state.status == "completed":
        raise Rejected(
            "onboarding-not-failed",
            f"the onboarding of {slug!r} is complete; nothing is left to do",
        )
    # What failed is told to the Organization by a command, which must not hit the next run.
    if state.status != "failed" or owner.phase != "failed":
        raise Rejected(
            "onboarding-not-failed",
            f"the onboarding of {slug!r} is still going; it can be restarted once it has failed",
        )
    require_active(owner, slug)
    state = msgspec.structs.replace(state, run=state.run + 1, parent=owner.parent_org)
    told = env1.OnboardingRestarted(slug=slug, run=state.run)
    return _start(state, context.input_id, context, Emit(told, ref_of(slug)))


def _begin(state: Onboarding, given: Recorded, context: Context) -> Decision:
    if not isinstance(given.event, env1.OrganizationCreated):
        return Decision()
    parent = given.event.parent_org
    if state.status == "absent":
        return _start(Onboarding(parent=parent), given.id, context)
    if parent is None or state.parent is not None or state.status in {"undoing", "failed"}:
        return Decision()
    # It began when no parent was asked. The parent looks at what stands; nothing waits for it.
    return Decision(commands=(children.ask(parent, context.ref.id),))


def _start(state: Onboarding, by: str, context: Context, *more: Emit) -> Decision:
    """Begin the run that `state` counts at its first step that is not done."""
    done = tuple(step for step in state.steps if step in state.completed)
    started = env1.OnboardingStarted(
        slug=context.ref.id,
        steps=state.steps,
        started_by=by,
        run=state.run,
        done=done,
        parent=state.parent,
    )
    first = next(step for step in state.steps if step not in done)
    return _attempt(state, first, 1, context, (Emit(started), *more))


def _expire(state: Onboarding, given: Fired, context: Context) -> Decision:
    if given.timer != DEADLINE or given.gen != state.gen or not state.gen:
        return Decision()
    if state.status == "running":
        return _fail(state, "the deadline passed", context)
    return _retry_undo(state, "the deadline passed", context)


def _hear(state: Onboarding, given: Answer, context: Context) -> Decision:
    if state.status != "running" or state.step not in ASKED or context.input_id in state.handled:
        return Decision()
    if given.command_id != derived_id(state.gen, "out0"):
        # It was asked by an earlier attempt, and the one in progress has asked again.
        return Decision()
    if given.status == "accepted":
        return _finish(state, "", context)
    if state.step != "parent" or state.parent is None:
        return _fail(state, f"the Organization refused: {given.code}", context)
    final = children.refusal(state.parent, given.code)
    if final is not None:
        return _fail(state, final, context, final=True)
    return _fail(state, f"the Organization {state.parent!r} refused: {given.code}", context)


# ---- steps


def _attempt(
    state: Onboarding,
    step: env1.Step,
    attempt: int,
    context: Context,
    before: tuple[Emit, ...] = (),
) -> Decision:
    """Begin an attempt at a step; some are asked of an Organization, the others are effects."""
    slug = context.ref.id
    wait = STEP_TIME[step] * attempt
    started = env1.StepStarted(
        slug=slug,
        step=step,
        attempt=attempt,
        gen=context.done_id,
        deadline=context.now + wait,
        input=context.input_id,
        run=state.run,
    )
    asked: tuple[Send, ...] = ()
    if step == "ready":
        asked = (Send(ref=ref_of(slug), command=env1.CompleteOnboarding(run=state.run)),)
    elif step == "parent" and state.parent is not None:
        asked = (children.ask(state.parent, slug),)
    return Decision(
        events=(*before, Emit(started)),
        timers=(Arm(timer=DEADLINE, after=wait),),
        commands=asked,
    )


def _finish(state: Onboarding, detail: str, context: Context) -> Decision:
    slug = context.ref.id
    completed = Emit(
        env1.StepCompleted(slug=slug, step=state.step, detail=detail, input=context.input_id)
    )
    position = state.steps.index(state.step) + 1
    if position < len(state.steps):
        return _attempt(state, state.steps[position], 1, context, (completed,))
    ended = Emit(env1.OnboardingCompleted(slug=slug, input=context.input_id))
    return Decision(events=(completed, ended), timers=(Cancel(DEADLINE),))


def _fail(state: Onboarding, reason: str, context: Context, *, final: bool = False) -> Decision:
    failed = Emit(
        env1.StepFailed(
            slug=context.ref.id,
            step=state.step,
            attempt=state.attempt,
            reason=reason,
            input=context.input_id,
        )
    )
    if state.attempt < MAX_ATTEMPTS and not final:
        return _attempt(state, state.step, state.attempt + 1, context, (failed,))
    state = msgspec.structs.replace(state, reason=reason)
    return _undo(state, 1, context, (failed,))


# ---- taking back


def _undo(
    state: Onboarding, attempt: int, context: Context, before: tuple[Emit, ...] = ()
) -> Decision:
    wait = UNDO_TIME * attempt
    started = env1.CompensationStarted(
        slug=context.ref.id,
        step=state.step,
        reason=state.reason,
        gen=context.done_id,
        deadline=context.now + wait,
        attempt=attempt,
        input=context.input_id,
        run=state.run,
    )
    return Decision(events=(*before, Emit(started)), timers=(Arm(timer=DEADLINE, after=wait),))


def _undone(state: Onboarding, command: env1.ReportStep, context: Context) -> Decision:
    if state.status == "failed":
        return Decision()
    if state.status != "undoing":
        raise Rejected("step-unexpected", "nothing is being taken back", pointer="/data/step")
    if command.status == "done":
        return _give_up(state, ("git-home",), context)
    if command.attempt not in {0, state.attempt}:
        return Decision()
    return _retry_undo(state, command.detail or "the effect failed without a reason", context)


def _retry_undo(state: Onboarding, problem: str, context: Context) -> Decision:
    if state.attempt < MAX_ATTEMPTS:
        return _undo(state, state.attempt + 1, context)
    reason = f"{state.reason}; the Git home could not be taken back: {problem}"
    return _give_up(msgspec.structs.replace(state, reason=reason), (), context)


def _give_up(state: Onboarding, undone: tuple[str, ...], context: Context) -> Decision:
    slug = context.ref.id
    # The Organization says so to its parent, once it is marked as failed itself.
    undone = (*undone, *(step for step in state.completed if step == "parent"))
    failed = env1.OnboardingFailed(
        slug=slug, step=state.step, reason=state.reason, undone=undone, input=context.input_id
    )
    told = env1.FailOnboarding(step=state.step, reason=state.reason[:LINE_MAX])
    return Decision(
        events=(Emit(failed),),
        timers=(Cancel(DEADLINE),),
        commands=(Send(ref=ref_of(slug), command=told),),
    )
