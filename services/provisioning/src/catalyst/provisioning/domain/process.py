"""A change as a process manager: what follows from events, timers, answers and reports.

Repeats: an input whose id was handled changes nothing, and a step that is done stays done. Answers
and reports that come late are accepted without effect, but for three: what was granted after it was
given up is given back, what was sold after it is ended, and what was left is told no longer once it
is taken back after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Context, Decision, Fired, Recorded
from catalyst.contracts.message import Answer
from catalyst.contracts.provisioning_values_v1 import Step, as_seen
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.provisioning.domain import flow, hosts, turn, undoing
from catalyst.provisioning.domain.application import Observed, application_ref
from catalyst.provisioning.domain.asking import NOTHING_THERE, command
from catalyst.provisioning.domain.change import SERVICE, TAKEN, Asked, Change, change_ref
from catalyst.provisioning.domain.foreign import Account, account_ref
from catalyst.provisioning.domain.steps import WAYS, WHOLE, Unit, is_removal
from catalyst.provisioning.domain.writing import DEADLINE, TURN, Writing

PASSED: Final = "the deadline passed"
PLANNED_AGAIN: Final = frozenset({"plan-expired", "plan-stale"})
GRANTS: Final[frozenset[Step]] = frozenset({"admit", "hold"})
"""Steps by which another service grants something that must not stay behind."""


def correlate(recorded: Recorded) -> Ref | None:
    """Return the change that an event of an Application concerns."""
    organization = recorded.ref.organization
    if organization is None:
        return None
    match recorded.event:
        case app1.ChangeLeft() as event:
            name = event.next
        case app1.ApplicationObserved() as event:
            name = event.change
        case _:
            name = ""
    return change_ref(organization, name) if name else None


def reads(state: Change, given: object, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the Applications of the change, and what its turn depends on while it waits.

    The account, too, where a capture may be given up: what is taken by now is not. And the hosts
    that it gives back once it is over, whatever ends it.
    """
    organization = ref.organization or ""
    if state.opened is None:
        return ()
    names = dict.fromkeys(item.application for item in state.opened.lock)
    found: list[Ref | Claim] = [application_ref(organization, name) for name in names]
    if not state.is_over:
        every = dict.fromkeys(host for held in state.opened.hosts.values() for host in held)
        found += map(hosts.claim, every)
    if _captures(state) and _is_failure(given):
        found.append(account_ref(organization))
    return (*found, *turn.reads(state, organization))


# ---- events, timers, answers


def react(state: Change, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Answer an event, a timer or another service's answer with what follows from it.

    Nothing follows from a repeat, from a timer that was armed anew, and from an answer that nobody
    waits for any more.
    """
    writing = Writing(state, context)
    match given:
        case Recorded():
            _hear(writing, given)
        case Fired():
            _fire(writing, given)
        case Answer():
            _answered(writing, given)
        case _:
            assert_never(given)
    return writing.decision()


def _hear(writing: Writing, given: Recorded) -> None:
    state = writing.state
    match given.event:
        case app1.ChangeLeft():
            if state.status == "waiting":
                turn.consider(writing)
        case app1.ApplicationObserved():
            if state.status == "running" and state.step in flow.LOOKS:
                flow.look(writing)
        case _:
            return


def _fire(writing: Writing, given: Fired) -> None:
    state = writing.state
    if not state.gen or given.gen != state.gen:
        return
    if given.timer == TURN and state.status == "waiting":
        turn.consider(writing)
    if given.timer != DEADLINE:
        return
    if state.status == "undoing":
        undoing.fail(writing, PASSED)
    elif _is_captured(writing):
        # Its answer is late, or lost; billing takes nothing for a change that gave up.
        flow.done(writing, WHOLE)
    elif state.status == "running":
        if state.step in flow.LOOKS:
            # What was seen may stand in the log already, and be heard later.
            flow.look(writing)
            flow.look_no_more(writing)
        if writing.state.gen == state.gen:
            flow.fail(writing, _late(writing))


def _captures(state: Change) -> bool:
    return (state.status, state.step) == ("running", "capture")


def _is_failure(given: object) -> bool:
    """Return whether an input may end the attempt in progress."""
    return isinstance(given, Fired) or (isinstance(given, Answer) and given.status != "accepted")


def _is_captured(writing: Writing) -> bool:
    """Return whether what the change waits to have taken is, although its attempt failed."""
    if not _captures(writing.state):
        return False
    account: Account = writing.reads[account_ref(writing.organization)]
    return writing.name in account.captured


def _late(writing: Writing) -> str:
    """Return why a step is late, as far as this service knows."""
    if writing.state.step == "unprotect":
        return "not seen applied in time, so that no data was given up"
    if writing.state.step != "observe":
        return PASSED
    removal = is_removal(writing.content.request.action)
    seen = []
    for unit in writing.state.remaining():
        found = writing.application(unit.application).binding(unit.environment).observed
        words = "nothing was seen: no-cluster"
        if found is not None:
            told = _how(found, "" if removal else writing.name)
            words = as_seen(told, found.source)
        seen.append(f"{unit.application} in {unit.environment} ({words})")
    return f"not seen {'gone' if removal else 'healthy'} in time: {'; '.join(seen)}"


def _how(found: Observed, change: str) -> str:
    """Return how something was seen that was not seen as it is to be; of what goes no change."""
    if found.silent_since is not None:
        return f"{found.health}, and then nothing was heard for too long"
    if change and found.health == "healthy":
        return f"{found.health}, but {change} is not applied"
    return ", ".join(word for word in (found.health, found.reason) if word)


def _answered(writing: Writing, given: Answer) -> None:
    state = writing.state
    asked = state.asked.get(given.command_id)
    if asked is None:
        return
    current = (asked.step, asked.undo) == (state.step, state.undo) and not state.is_over
    if not current:
        _answered_late(writing, given, asked)
    elif asked.unit not in state.remaining():
        return
    elif given.status == "accepted" or _is_captured(writing):
        (undoing if asked.undo else flow).done(writing, asked.unit)
    else:
        # What is to be deleted may have changed since it was planned: then it is planned again.
        again = asked.step == "delete" and given.code in PLANNED_AGAIN
        final = "" if again else given.code
        reason = f"refused: {given.code}"
        if asked.step in GRANTS and given.message:
            # Who grants it counts, so it alone can say how much there is, and what has moved.
            reason = f"{reason}: {given.message}"
        (undoing if asked.undo else flow).fail(writing, reason, asked.unit, final)


def _answered_late(writing: Writing, given: Answer, asked: Asked) -> None:
    """Give back what was granted after it had been given up, and end what was sold after it.

    What could not be taken back, and is now, is no longer told.
    """
    state = writing.state
    if _is_taken(given, asked):
        if state.takes_back:
            undoing.taken(writing)
        return
    if asked.undo:
        if given.status == "accepted" or given.code in NOTHING_THERE:
            undoing.settle(writing, asked.step, asked.unit)
        return
    # While it is being taken back, nobody knows which of the two came first to who grants it.
    undoing_it = state.undo and state.step == asked.step
    given_up = undoing_it or asked.step in {*state.undone, *state.passed}
    if asked.step not in GRANTS or given.status != "accepted" or not given_up:
        return
    sent = command(writing, asked.step, asked.unit, undo=True)
    writing.send(sent.ref, sent.command)


def _is_taken(given: Answer, asked: Asked) -> bool:
    """Return whether an answer says that what was held is taken."""
    if asked.step == "capture":
        return given.status == "accepted"
    return (asked.step, asked.undo, given.code) == ("hold", True, TAKEN)


# ---- reports of effects


def report_step(state: Change, report: pro1.ReportStep, context: Context) -> Decision:
    """Take over what an effect reports on the step in progress.

    Raises:
        Rejected: `forbidden`, `change-not-found`, or `step-unexpected` for what no effect of this
            change can have sent.
    """
    if context.actor.service != SERVICE:
        raise Rejected("forbidden", f"only the service {SERVICE!r} may do this")
    if state.opened is None:
        raise Rejected("change-not-found", f"there is no change {context.ref.id!r}")
    if WAYS[report.step].kind != "effect" or report.step not in state.begun:
        raise Rejected(
            "step-unexpected", f"the step {report.step!r} has not begun", pointer="/data/step"
        )
    writing = Writing(state, context)
    unit = Unit(report.application) if report.application else WHOLE
    running = state.status == ("undoing" if report.undo else "running")
    current = running and (state.step, state.undo) == (report.step, report.undo)
    if not current or unit not in state.remaining() or context.input_id in state.handled:
        return Decision()
    if report.status == "done" and report.deletion is not None:
        flow.delete(writing, report.deletion)
    elif report.status == "done":
        if report.step == "unprotect" and not report.undo:
            flow.given_up(writing, unit, report.commits)
        elif report.undo:
            undoing.done(writing, unit, report.commits)
        else:
            flow.done(writing, unit, report.detail, report.commits)
    elif report.attempt in {0, state.attempt}:
        _failed(writing, report, unit)
    return writing.decision()


def _failed(writing: Writing, report: pro1.ReportStep, unit: Unit) -> None:
    reason = report.detail or "the effect failed without a reason"
    if report.goes_on:
        flow.delayed(writing, reason, unit, undo=report.undo)
    else:
        (undoing if report.undo else flow).fail(writing, reason, unit, report.code)
