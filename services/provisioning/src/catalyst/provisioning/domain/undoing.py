"""The steps of a change, back: what was begun is taken back in reverse order, one after the other.

What was begun counts, not what was done: an answer may still be on its way. What cannot be taken
back after some attempts is told and passed over, so that a change always ends.
"""

from __future__ import annotations

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Step
from catalyst.provisioning.domain import closing
from catalyst.provisioning.domain.asking import NOTHING_THERE, command
from catalyst.provisioning.domain.change import Change, asks
from catalyst.provisioning.domain.steps import UNDO_ATTEMPTS, UNDO_TIME, WAYS, WHOLE, Unit
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
            environment=item.environment, change=writing.name, desired=before, undo=True
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


def fail(writing: Writing, reason: str, unit: Unit = WHOLE, code: str = "") -> None:
    """Note that an attempt to take back failed; try again, or pass it over and tell."""
    state = writing.state
    step = state.step
    if step is None:
        return
    if code in NOTHING_THERE:
        done(writing, unit)
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
