"""The steps of a change, back: what was begun is taken back in reverse order, one after the other.

What was begun counts, not what was done: an answer may still be on its way. What cannot be taken
back after some attempts is told and passed over, so that a change always ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Step
from catalyst.provisioning.domain import closing
from catalyst.provisioning.domain.asking import NOTHING_THERE, command, end_of_sale
from catalyst.provisioning.domain.change import TAKEN, Change, asks
from catalyst.provisioning.domain.steps import (
    UNDO_ATTEMPTS,
    UNDO_TIME,
    WAYS,
    WHOLE,
    Unit,
    is_new,
    subscription,
    units,
)
from catalyst.provisioning.domain.writing import DEADLINE, Writing


def give_up(writing: Writing, step: Step, reason: str, *, cancelled: bool = False) -> None:
    """Stop going forward, and begin to take back."""
    writing.emit(
        pro1.CompensationBegun(
            step=step, reason=reason, cancelled=cancelled, input=writing.context.input_id
        )
    )
    _go_on(writing)


def following(state: Change) -> Step | None:
    """Return what is to be taken back next; None: nothing more."""
    over = {*state.undone, *state.passed}
    if "commit" in state.passed:
        # What still stands there may run, and whoever mends it commits.
        over.add("repository")
    if "commit" in state.undone:
        # That brought back all files as they were, protected.
        over.add("unprotect")
    return next((s for s in reversed(state.begun) if WAYS[s].undone and s not in over), None)


def _go_on(writing: Writing) -> None:
    step = following(writing.state)
    if step is not None:
        begin(writing, step)
        return
    state = writing.state
    closing.fail(writing, state.reason, left=state.left)


def begin(writing: Writing, step: Step, attempt: int = 1) -> None:
    """Begin an attempt to take a step back."""
    if step == "commit" and attempt == 1:
        _restore(writing)
    wait = UNDO_TIME * attempt
    closing.started(writing, step, attempt, wait, undo=True)
    if asks(step):
        for unit in writing.state.remaining():
            sent = command(writing, step, unit, undo=True)
            writing.send(sent.ref, sent.command)
    writing.arm(DEADLINE, wait)


def _restore(writing: Writing) -> None:
    """Write that what was to run before is to run again."""
    for item in closing.written(writing):
        before = writing.application(item.application).binding(item.environment).before
        restored = app1.DesiredSet(
            environment=item.environment,
            change=writing.name,
            desired=before,
            undo=True,
            clusters=writing.content.clusters.get(item.environment, ()),
        )
        writing.emit_on(item.application, restored)


def done(writing: Writing, unit: Unit, commits: dict[str, str] | None = None) -> None:
    """Note that a step is taken back for one unit; once for all, go on with the one before it."""
    state = writing.state
    step = state.step
    if step is None or unit not in state.remaining():
        return
    if step == "commit":
        closing.committed(
            writing, unit.application, commits or {}, stands=False, kept=True, back=True
        )
    if step == "unprotect":
        closing.committed(
            writing, unit.application, commits or {}, stands=True, kept=True, back=True
        )
    if step == "repository" and not writing.application(unit.application).runs():
        archived = app1.RepositoryArchived(repository=unit.application, change=writing.name)
        writing.emit_on(unit.application, archived)
    if unit != WHOLE:
        writing.emit(
            pro1.ChangeStepProgressed(
                step=step,
                application=unit.application,
                environment=unit.environment,
                commits=commits or {},
                undo=True,
                input=writing.context.input_id,
            )
        )
        if writing.state.remaining():
            return
    completed = pro1.ChangeStepCompleted(step=step, undo=True, input=writing.context.input_id)
    writing.emit(completed)
    _go_on(writing)


def settle(writing: Writing, step: Step, unit: Unit) -> None:
    """Note that what was passed over is taken back after all, or stands for another change now."""
    state = writing.state
    if step not in state.passed or unit in state.done or (step == "hold" and state.taken):
        return
    if unit != WHOLE:
        writing.emit(
            pro1.ChangeStepProgressed(
                step=step,
                application=unit.application,
                environment=unit.environment,
                undo=True,
                input=writing.context.input_id,
            )
        )
        # Only what is taken back last works on several: so what is done is what is done of it.
        if any(other not in writing.state.done for other in units(writing.content, step)):
            return
    writing.emit(pro1.ChangeStepCompleted(step=step, undo=True, input=writing.context.input_id))


def fail(writing: Writing, reason: str, unit: Unit = WHOLE, code: str = "") -> None:
    """Note that an attempt to take back failed; try again, or pass it over and tell."""
    state = writing.state
    step = state.step
    if step is None:
        return
    if code in NOTHING_THERE:
        done(writing, unit)
        return
    if code == TAKEN:
        taken(writing)
        return
    writing.emit(
        pro1.ChangeStepFailed(
            step=step,
            application=unit.application,
            attempt=state.attempt,
            code=code,
            reason=reason,
            undo=True,
            input=writing.context.input_id,
        )
    )
    if not code and state.attempt < UNDO_ATTEMPTS:
        begin(writing, step, state.attempt + 1)
    else:
        _go_on(writing)


def taken(writing: Writing) -> None:
    """Note that what was held was taken although the change gave up: end what it sold, and tell.

    Heard once; whatever is being taken back at that time goes on.
    """
    state = writing.state
    if state.taken:
        return
    waited = (state.status, state.step) == ("undoing", "hold")
    begun, changed = _sold(writing)
    writing.emit(
        pro1.ChangeStepFailed(
            step="hold",
            attempt=max(state.attempt, 1),
            code=TAKEN,
            reason=_of_money(writing, begun, changed),
            undo=True,
            input=writing.context.input_id,
        )
    )
    if waited:
        _go_on(writing)
    # Behind the commands of a step that begins now: those are known by their place.
    for unit in begun:
        sent = end_of_sale(writing, unit)
        writing.send(sent.ref, sent.command)


def _sold(writing: Writing) -> tuple[list[Unit], list[Unit]]:
    """Return what was sold: to what began to run by the change, and to what ran before."""
    content = writing.content
    begun: list[Unit] = []
    changed: list[Unit] = []
    for item in closing.written(writing):
        unit = Unit(item.application, item.environment)
        if subscription(unit) in content.sold:
            (begun if is_new(item, content.request.action) else changed).append(unit)
    return begun, changed


def _of_money(writing: Writing, begun: Sequence[Unit], changed: Sequence[Unit]) -> str:
    """Return what became of the money, for a person."""
    quote = writing.content.quote
    words = "it was taken before it could be given back, and nothing was due"
    if quote is not None and quote.due.minor:
        words = (
            f"{quote.due} was taken before it could be given back, for a month that is charged"
            " whole; `catalyst billing credit-note` gives it back once that month is invoiced"
        )
    found = [words]
    if begun:
        found.append(f"no further month is charged for {_named(begun)}")
    if changed:
        found.append(f"{_named(changed)} is charged as changed until it is changed again")
    return "; ".join(found)


def _named(units: Sequence[Unit]) -> str:
    return ", ".join(f"{unit.application} in {unit.environment}" for unit in units)
