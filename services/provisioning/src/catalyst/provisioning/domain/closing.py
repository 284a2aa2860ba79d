"""What steps forward and back share, and how a change ends.

At its end, each dependency knows who needs it, and the change behind it in each queue is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Locked, Step
from catalyst.provisioning.domain import hosts, observing, possible
from catalyst.provisioning.domain.steps import Unit, subscription
from catalyst.provisioning.domain.writing import DEADLINE, TURN, Writing

Result = Literal["completed", "failed", "cancelled", "rejected"]


def written(writing: Writing) -> tuple[Locked, ...]:
    """Return what the change works on."""
    return tuple(item for item in writing.content.lock if item.written)


def started(writing: Writing, step: Step, attempt: int, wait: timedelta, *, undo: bool) -> None:
    """Write that an attempt begins; its deadline is armed by the caller, with the same input."""
    names = [item.application for item in written(writing)]
    writing.emit(
        pro1.ChangeStepStarted(
            step=step,
            applications=tuple(dict.fromkeys(names)),
            attempt=attempt,
            gen=writing.context.done_id,
            deadline=writing.context.now + wait,
            undo=undo,
            input=writing.context.input_id,
        )
    )


def committed(
    writing: Writing,
    application: str,
    commits: Mapping[str, str],
    *,
    stands: bool,
    kept: bool,
    back: bool = False,
) -> None:
    """Write which commit stands on the branch of each Environment.

    Args:
        writing: The decision.
        application: The Application.
        commits: The commit, by Environment.
        stands: Whether what the change says of its volumes stands in it.
        kept: Whether these volumes outlive the Application.
        back: Whether what ran before stands there again: then it is that revision.
    """
    for environment, commit in sorted(commits.items()):
        desired = writing.application(application).binding(environment).desired
        key = subscription(Unit(application, environment))
        volumes = writing.content.volumes.get(key, ()) if stands else ()
        workloads = writing.content.workloads.get(key) if stands else None
        suffix = writing.content.suffixes.get(environment)
        before = writing.application(application)
        writing.emit_on(
            application,
            app1.RevisionCommitted(
                environment=environment,
                change=desired.change if back and desired is not None else writing.name,
                repository=application,
                branch=writing.content.branches.get(environment, ""),
                commit=commit,
                volumes=volumes,
                workloads=workloads,
                namespace=f"{application}{suffix}" if suffix else "",
                hosts=desired.hosts if desired is not None else (),
                kept=kept,
            ),
        )
        for told in observing.named(before, writing.application(application)):
            writing.emit_on(application, told)


def removed(writing: Writing) -> None:
    """Write that the Applications no longer run in their Environments."""
    for item in written(writing):
        _gone(writing, item, kept_data=writing.content.request.keep_data)


def _gone(writing: Writing, item: Locked, *, kept_data: bool) -> None:
    """Write that an Application no longer runs; whoever brings it again needs it all the same."""
    users = writing.application(item.application).binding(item.environment).dependents
    own = {one.application for one in written(writing) if one.environment == item.environment}
    gone = app1.ApplicationRemoved(
        environment=item.environment, change=writing.name, kept_data=kept_data
    )
    writing.emit_on(item.application, gone)
    for user in users:
        if user not in own:
            _needed_by(writing, item.application, user, item.environment)


def _needed_by(writing: Writing, name: str, user: str, environment: str) -> None:
    needed = app1.DependentAdded(environment=environment, dependent=user, change=writing.name)
    writing.emit_on(name, needed)


def complete(writing: Writing) -> None:
    """End the change: everything has come true."""
    writing.emit(pro1.ChangeCompleted(input=writing.context.input_id))
    _leave(writing, "completed")


def fail(
    writing: Writing,
    reason: str,
    *,
    left: tuple[str, ...] = (),
    cancelled: bool = False,
    result: Result | None = None,
) -> None:
    """End the change without its result.

    Args:
        writing: The decision.
        reason: Why, for a person.
        left: What could not be taken back, in words.
        cancelled: Whether a person stopped it, if it had not begun; else its state knows.
        result: How it ended, where that does not follow.
    """
    state = writing.state
    by_person = cancelled or state.cancelled
    writing.emit(
        pro1.ChangeFailed(
            step=state.gave_up or state.step,
            reason=reason,
            cancelled=by_person,
            undone=state.undone,
            left=left,
            input=writing.context.input_id,
        )
    )
    for item in written(writing):
        binding = writing.application(item.application).bindings.get(item.environment)
        if binding is not None and binding.desired is None and "commit" in state.undone:
            # It began to run by this change, and was taken back.
            _gone(writing, item, kept_data=True)
    _leave(writing, result or ("cancelled" if by_person else "failed"))


def _leave(writing: Writing, result: Result) -> None:
    writing.cancel(DEADLINE if writing.state.begun else TURN)
    for item in written(writing):
        state = writing.application(item.application)
        writing.emit_on(
            item.application,
            app1.ChangeLeft(
                change=writing.name,
                environment=item.environment,
                result=result,
                next=state.behind(writing.name),
            ),
        )
    _give_back(writing)
    depend(writing)


def _give_back(writing: Writing) -> None:
    """Release the public hosts that nothing of the change will answer under any more."""
    for item in written(writing):
        unit = Unit(item.application, item.environment)
        held = writing.content.hosts.get(subscription(unit), ())
        state = writing.application(item.application)
        claims = writing.context.claims
        for released in hosts.given_back(held, state, unit, writing.organization, claims):
            writing.claim(released)


def depend(writing: Writing) -> None:
    """Write on each dependency who needs it, or may need it once the changes under way are over."""
    for item in written(writing):
        needed = possible.needed(writing.application(item.application), item.environment)
        for other in writing.content.lock:
            if other.environment != item.environment or other.application == item.application:
                continue
            binding = writing.application(other.application).binding(item.environment)
            needs, known = other.application in needed, item.application in binding.dependents
            if needs and not known:
                _needed_by(writing, other.application, item.application, item.environment)
            elif known and not needs:
                writing.emit_on(
                    other.application,
                    app1.DependentRemoved(
                        environment=item.environment,
                        dependent=item.application,
                        change=writing.name,
                    ),
                )
