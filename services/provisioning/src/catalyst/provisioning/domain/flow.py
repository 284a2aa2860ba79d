"""The steps of a change, forward: each begins when the one before it is done for all of its units.

A step that failed is tried again until its attempts are used up; a refusal by another service is
final. Then `undoing` takes back what was done. What is behind `observe` of a removal is never taken
back: it is told what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import derived_id
from catalyst.contracts.provisioning_values_v1 import SIMULATOR, Deletion, Source, Step
from catalyst.provisioning.domain import closing, listed, regions, silence, undoing
from catalyst.provisioning.domain.asking import NOTHING_THERE, command, deletion
from catalyst.provisioning.domain.change import asks
from catalyst.provisioning.domain.fulfilled import (
    is_applied,
    is_gone,
    is_seen,
    silent_since,
    unseen,
)
from catalyst.provisioning.domain.steps import FORWARD, WAYS, WHOLE, Unit, is_removal, subscription
from catalyst.provisioning.domain.writing import DEADLINE, Writing

LOOKS: Final[frozenset[Step]] = frozenset({"observe", "unprotect"})
"""Steps that wait until something is seen."""
GIVES_BACK: Final[frozenset[Step]] = frozenset({"release", "settle"})
"""Forward steps that give something back."""
ENDS: Final[frozenset[Step]] = GIVES_BACK | {"delete"}
"""Steps that are done where nothing is left."""


def begin(writing: Writing, step: Step, attempt: int = 1) -> None:
    """Begin an attempt at a step; if there is nothing to wait for, go on with the next one."""
    wait = WAYS[step].time * attempt
    if step == "commit" and attempt == 1:
        _set_desired(writing)
    closing.started(writing, step, attempt, wait, undo=False)
    if asks(step):
        for unit in writing.state.remaining():
            sent = command(writing, step, unit, undo=False)
            writing.send(sent.ref, sent.command)
    writing.arm(DEADLINE, wait)
    if step in LOOKS:
        look(writing)


def _set_desired(writing: Writing) -> None:
    """Write what is to run, before it is committed."""
    for item in closing.written(writing):
        state = writing.application(item.application)
        queued = next(
            one
            for one in state.queue
            if one.change == writing.name and one.environment == item.environment
        )
        desired = app1.DesiredSet(
            environment=item.environment,
            change=writing.name,
            desired=queued.desired,
            clusters=writing.content.clusters.get(item.environment, ()),
        )
        writing.emit_on(item.application, desired)


def look(writing: Writing) -> None:
    """Take over what is seen of the Applications, while the change waits for it."""
    step = writing.state.step
    found = [unit for unit in writing.state.remaining() if _is_seen(writing, unit)]
    places = {
        unit: unseen(writing.application(unit.application), _looked_at(writing, unit))
        for unit in found
    }
    details = _unseen(writing, places, silent=False)
    for unit in found:
        if writing.state.step == step:
            done(writing, unit, details[unit], source=_source(writing, unit))


def look_no_more(writing: Writing) -> None:
    """Go on with a removal whose time is over, if no cluster told of what is left of it meanwhile.

    What any cluster still tells of is not passed over, and neither is what is silent beside it. If
    silence only came while it waited, it waits again, until that has lasted as long as the step
    does: what fell silent just now may run for good. A cluster that comes back takes away what it
    has: the commit stands.
    """
    left = writing.state.remaining()
    if writing.state.step != "observe" or not is_removal(writing.content.request.action):
        return
    heard = [_silent_since(writing, unit) for unit in left]
    known = [since for since in heard if since is not None]
    if len(known) < len(left) or not known:
        return
    wait = max(known) + WAYS["observe"].time - writing.context.now
    if wait > timedelta(0):
        _wait_on(writing, left, max(known), wait)
        return
    details = _unseen(writing, {unit: (unit.environment,) for unit in left}, silent=True)
    for unit in left:
        done(writing, unit, details[unit])


def _wait_on(writing: Writing, left: Sequence[Unit], since: datetime, wait: timedelta) -> None:
    """Give a removal more time in which nothing may be told of what is left of it, and say so."""
    attempt = writing.state.attempt + 1
    closing.started(writing, "observe", attempt, wait, undo=False)
    writing.arm(DEADLINE, wait)
    where = ", ".join(f"{unit.application} from {unit.environment}" for unit in left)
    silent = f"nothing reports any more on {where}, since {since:%Y-%m-%d %H:%M} UTC"
    delayed(writing, f"{silent}: the removal {silence.goes_on()}", WHOLE, undo=False)


def _source(writing: Writing, unit: Unit) -> Source | None:
    """Return who saw something of a unit: the simulator, if anything of it is simulated."""
    state = writing.application(unit.application)
    seen = (state.binding(at).observed for at in _looked_at(writing, unit))
    found = {one.source for one in seen if one is not None}
    return SIMULATOR if SIMULATOR in found else next(iter(found), None)


def _is_seen(writing: Writing, unit: Unit) -> bool:
    content = writing.content
    state = writing.application(unit.application)
    if writing.state.step == "unprotect":
        places = (at for at in _looked_at(writing, unit) if state.runs_in(at))
        return all(is_applied(state, at, writing.name) for at in places)
    if not is_removal(content.request.action):
        everywhere = regions.are_heard(state.binding(unit.environment))
        return everywhere and is_seen(state, unit.environment, writing.name)
    return is_gone(state, unit.environment, _lost(writing, unit))


def _silent_since(writing: Writing, unit: Unit) -> datetime | None:
    state = writing.application(unit.application)
    return silent_since(state, unit.environment, _lost(writing, unit))


def _lost(writing: Writing, unit: Unit) -> tuple[str, ...] | None:
    """Return the volumes that go with what is removed; None: whatever holds data stays."""
    content = writing.content
    return None if content.request.keep_data else content.volumes.get(subscription(unit), ())


def _looked_at(writing: Writing, unit: Unit) -> list[str]:
    """Return the Environments in which something of a unit has to be seen."""
    if unit.environment:
        return [unit.environment]
    content, name = writing.content, unit.application
    places = [item.environment for item in content.lock if item.application == name]
    return [at for at in places if content.volumes.get(subscription(Unit(name, at)))]


def _unseen(
    writing: Writing, places: Mapping[Unit, tuple[str, ...]], *, silent: bool
) -> dict[Unit, str]:
    """Return, for what goes on, what nobody has seen of it, in words; empty: somebody has.

    Each Environment is told once, with all of its Applications.

    Args:
        writing: The decision.
        places: The Environments in which nobody has seen something of a unit.
        silent: Whether something was reported from there, up to a time.
    """
    names: dict[str, list[str]] = {}
    for unit, environments in places.items():
        for at in environments:
            names.setdefault(at, []).append(unit.application)
    what = _NOTHING_SEEN["unprotect" if writing.state.step == "unprotect" else "observe"]
    words = {at: _nobody_saw(apps, at, what, silent=silent) for at, apps in names.items()}
    return {unit: "; ".join(words[at] for at in found) for unit, found in places.items()}


_NOTHING_SEEN: Final[Mapping[Step, str]] = {
    "observe": "{whose} objects are gone",
    "unprotect": "the protection of {whose} data was lifted",
}
"""What nobody has seen, by the step that would see it."""


def _nobody_saw(applications: Sequence[str], environment: str, what: str, *, silent: bool) -> str:
    """Return that something of a removal was seen by nobody, for a person."""
    told = what.format(whose="its" if len(applications) == 1 else "their")
    reports = "reports any more on" if silent else "reports on"
    where = f"{', '.join(applications)} from {environment}"
    return f"nothing {reports} {where}: nobody has seen that {told}"


def given_up(writing: Writing, unit: Unit, commits: Mapping[str, str]) -> None:
    """Note that the files stand in Git without protection; they have to be seen applied as well."""
    closing.committed(writing, unit.application, commits, stands=True, kept=False)
    look(writing)


def done(
    writing: Writing,
    unit: Unit,
    detail: str = "",
    commits: Mapping[str, str] | None = None,
    *,
    source: Source | None = None,
) -> None:
    """Note that the step in progress is done for one unit; once for all, begin the next step."""
    state = writing.state
    step = state.step
    if step is None or unit not in state.remaining():
        return
    _told(writing, step, unit, commits or {})
    if unit != WHOLE:
        writing.emit(
            pro1.ChangeStepProgressed(
                step=step,
                application=unit.application,
                environment=unit.environment,
                detail=detail,
                commits=dict(commits or {}),
                source=source,
                input=writing.context.input_id,
            )
        )
        if writing.state.remaining():
            return
    told = detail if unit == WHOLE else "; ".join(writing.state.details)
    writing.emit(pro1.ChangeStepCompleted(step=step, detail=told, input=writing.context.input_id))
    steps = writing.content.steps
    place = steps.index(step) + 1
    following = steps[place] if place < len(steps) else None
    if step in GIVES_BACK and following not in GIVES_BACK:
        closing.removed(writing)
    if following is None:
        closing.complete(writing)
    else:
        begin(writing, following)


def _told(writing: Writing, step: Step, unit: Unit, commits: Mapping[str, str]) -> None:
    """Write on the Application what an effect made of it."""
    if step == "commit":
        stands = not is_removal(writing.content.request.action)
        closing.committed(writing, unit.application, commits, stands=stands, kept=True)
    if step == "archive":
        archived = app1.RepositoryArchived(repository=unit.application, change=writing.name)
        writing.emit_on(unit.application, archived)


def delete(writing: Writing, planned: Deletion) -> None:
    """Send what carries out a deletion as it was planned; the step waits for its answer.

    What was not planned when the change was applied is not deleted: then the change ends.
    """
    if writing.state.step != "delete":
        return
    new = listed.unplanned(writing.content.inputs, planned.goes)
    if new:
        reason = f"plan-stale: {', '.join(new)} would go too, and was not planned; plan it again"
        _note(writing, "delete", reason, WHOLE, "plan-stale")
        closing.fail(writing, reason, left=listed.standing(planned))
        return
    writing.emit(
        pro1.ChangeStepProgressed(
            step="delete",
            application="",
            detail="planned",
            command=derived_id(writing.context.done_id, "out0"),
            input=writing.context.input_id,
        )
    )
    sent = deletion(writing, planned)
    writing.send(sent.ref, sent.command)


def delayed(writing: Writing, reason: str, unit: Unit, *, undo: bool) -> None:
    """Note what keeps the step in progress, forward or back; its attempt goes on."""
    state = writing.state
    if state.step is not None:
        writing.emit(
            pro1.ChangeStepDelayed(
                step=state.step,
                application=unit.application,
                attempt=state.attempt,
                reason=reason,
                undo=undo,
                input=writing.context.input_id,
            )
        )


def fail(writing: Writing, reason: str, unit: Unit = WHOLE, code: str = "") -> None:
    """Note that an attempt at the step in progress failed; try again, or give up.

    Args:
        writing: The decision.
        reason: Why, for a person.
        unit: What it failed for.
        code: The code of a refusal, which no further attempt would change.
    """
    state = writing.state
    step = state.step
    if step is None:
        return
    if step in ENDS and code in NOTHING_THERE:
        done(writing, unit)
        return
    _note(writing, step, reason, unit, code)
    if not code and state.attempt < WAYS[step].attempts:
        begin(writing, step, state.attempt + 1)
    elif step in FORWARD:
        closing.fail(writing, reason, left=_unfinished(writing, step, reason))
    else:
        undoing.give_up(writing, step, reason)


def _note(writing: Writing, step: Step, reason: str, unit: Unit, code: str) -> None:
    writing.emit(
        pro1.ChangeStepFailed(
            step=step,
            application=unit.application,
            attempt=writing.state.attempt,
            code=code,
            reason=reason,
            input=writing.context.input_id,
        )
    )


def _unfinished(writing: Writing, step: Step, reason: str) -> tuple[str, ...]:
    """Return what a removal that stopped behind its point of no return leaves, in words."""
    names = [unit.application for unit in writing.state.remaining() if unit.application]
    open_ = f"{step} {', '.join(dict.fromkeys(names))}".strip()
    steps = writing.content.steps
    later = steps[steps.index(step) + 1 :]
    return (f"{open_}: {reason}", *(f"{name}: not begun" for name in later))
