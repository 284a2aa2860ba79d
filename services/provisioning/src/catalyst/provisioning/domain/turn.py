"""Waiting to begin.

A change has its turn when it is first in the queue of every Application that it works on, has its
approvals, and changes may happen at that time.

Changes stand in the queues of all their Applications since the batch that opened them, so two of
them never wait for each other. A change that is first and waits for approvals lets nobody pass:
whoever comes later was planned on its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Gate
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import closing, flow, gate, listed, moved, windows
from catalyst.provisioning.domain.change import Change
from catalyst.provisioning.domain.differences import FILES
from catalyst.provisioning.domain.foreign import (
    Environment,
    Organization,
    Policy,
    environment_ref,
    organization_ref,
    policy_ref,
)
from catalyst.provisioning.domain.plan import refs_of, version_of
from catalyst.provisioning.domain.steps import DELETIONS
from catalyst.provisioning.domain.writing import TURN, Writing

PATIENCE: Final = timedelta(days=14)
"""How long a change waits for its turn; then it is over, and those behind it go on."""
LOOK_AGAIN: Final = timedelta(days=1)
"""After how long it is looked again at the latest: what it was planned on may have changed."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a change that waited: as they were planned, and as they come out by now."""

    planned: str
    """Their fingerprint, as the input of its plan."""
    now: str


def reads(state: Change, organization: str) -> Sequence[Ref]:
    """Name what the turn of a change depends on, besides the Applications."""
    if state.opened is None or state.status != "waiting":
        return ()
    judged = _judged(state.opened, organization).values()
    return list(dict.fromkeys((organization_ref(organization), *judged)))


def policies(opened: pro1.ChangeOpened) -> list[str]:
    """Return the policies that it was planned under; where another is attached now, it is stale."""
    split = (key.partition(":") for key in opened.inputs)
    return [name for kind, _, name in split if kind == "policy"]


def _judged(opened: pro1.ChangeOpened, organization: str) -> dict[str, Ref]:
    """Return what has to be as it was planned once a change begins, by the name of the input.

    What goes may go whatever became of its Blueprint: its plan names none. Money is judged by
    billing, and Applications by their queues.
    """
    kinds = ("environment", "policy", "blueprint")
    found = refs_of(opened.inputs, organization)
    return {key: ref for key, ref in found.items() if key.partition(":")[0] in kinds}


def consider(writing: Writing, until: datetime | None = None, *, again: bool = False) -> None:
    """Begin if nothing is in the way; else write what is.

    Args:
        writing: The decision.
        until: When it gives up waiting, of a change that was opened just now.
        again: Whether what is in the way is written only if it is something else than before.
    """
    held = writing.state.held
    limit = until or (held.until if held is not None else writing.context.now + PATIENCE)
    if writing.context.now >= limit:
        closing.fail(writing, f"it had not begun after {PATIENCE.days} days")
        return
    waits = _waits(writing)
    if not waits.waits_for:
        _begin(writing)
        return
    # Nobody is asked to approve what can no longer be what was planned.
    lost = _superseded(writing) or _gone(writing) or _moved(writing, policies=False)
    lost = lost or _otherwise(writing)
    if lost:
        closing.fail(writing, lost)
        return
    wait = min(limit - writing.context.now, LOOK_AGAIN)
    if waits.opens is not None:
        wait = min(wait, max(waits.opens - writing.context.now, timedelta(seconds=1)))
    if again and held is not None and _same(waits, held):
        return
    now_held = msgspec.structs.replace(
        waits, until=limit, gen=writing.context.done_id, input=writing.context.input_id
    )
    writing.emit(now_held)
    writing.arm(TURN, wait)
    for item in closing.written(writing):
        _tell(writing, item.application, item.environment, waits.waits_for)


def _same(waits: pro1.ChangeHeldBack, held: pro1.ChangeHeldBack) -> bool:
    """Return whether a change waits for what it waited for: then its timer stays as it is."""
    own = {"until": held.until, "gen": held.gen, "input": held.input}
    return msgspec.structs.replace(waits, **own) == held


def _tell(writing: Writing, name: str, environment: str, gates: tuple[Gate, ...]) -> None:
    queue = writing.application(name).queue
    entry = next(x for x in queue if x.change == writing.name and x.environment == environment)
    if entry.gates == gates:
        return
    writing.emit_on(
        name,
        app1.ChangeWaiting(
            change=writing.name,
            environment=environment,
            action=entry.action,
            desired=entry.desired,
            base=entry.base,
            gates=gates,
        ),
    )


def behind(writing: Writing) -> tuple[str, ...]:
    """Return the changes before this one on its Applications, each once."""
    found: dict[str, None] = {}
    for item in closing.written(writing):
        found |= dict.fromkeys(writing.application(item.application).ahead_of(writing.name))
    return tuple(found)


def _people(writing: Writing) -> gate.People:
    owner: Organization = writing.reads[organization_ref(writing.organization)]
    return gate.people(owner.owners)


def _waits(writing: Writing) -> pro1.ChangeHeldBack:
    waits_for: list[Gate] = []
    ahead = behind(writing)
    content, people = writing.content, _people(writing)
    missing = gate.missing(content.approvals, writing.state.approved, people)
    scarce = gate.officers(missing, people, content.author_email, writing.state.approved)
    rules: list[Policy] = [
        writing.reads[policy_ref(writing.organization, name)] for name in policies(writing.content)
    ]
    now = writing.context.now
    opening = windows.together(windows.opening(policy.windows, now) for policy in rules)
    if ahead:
        waits_for.append("queue")
    if missing:
        waits_for.append("approvals")
    if not opening.open:
        waits_for.append("window")
    return pro1.ChangeHeldBack(
        waits_for=tuple(waits_for),
        behind=ahead,
        approvals=missing,
        officers=tuple(item.team for item in missing if item.team in scarce),
        opens=opening.next,
        until=now,
        gen="",
    )


def _begin(writing: Writing) -> None:
    problem = _stale(writing)
    if problem:
        closing.fail(writing, problem)
        return
    writing.emit(pro1.ChangeBegun(input=writing.context.input_id))
    writing.cancel(TURN)
    for item in closing.written(writing):
        writing.emit_on(
            item.application,
            app1.ChangeTaken(
                change=writing.name,
                environment=item.environment,
                action=writing.content.request.action,
            ),
        )
    flow.begin(writing, writing.content.steps[0])


def _stale(writing: Writing) -> str:
    """Return why the change can no longer be what was planned; empty if it can.

    It was planned on the result of the changes before it: if one of those failed, this one would do
    something else than what was approved.
    """
    owner: Organization = writing.reads[organization_ref(writing.organization)]
    if owner.suspended and writing.content.request.action != "delete-organization":
        return f"the Organization is suspended: {owner.suspended}"
    for name in writing.content.branches:
        place: Environment = writing.reads[environment_ref(writing.organization, name)]
        if writing.content.request.action in DELETIONS:
            known = {one.application for one in writing.content.lock if one.environment == name}
            more = [one for one in place.applications if one not in known]
            if more:
                return f"plan-stale: {', '.join(more)} came to {name} since; plan it again"
    moved = _moved(writing, policies=True)
    lost = _gone(writing) or _unplanned(writing, owner) or moved or _superseded(writing)
    return lost or _otherwise(writing)


def _gone(writing: Writing) -> str:
    """Return which Environment is gone; empty if none is."""
    for name in writing.content.branches:
        place: Environment = writing.reads[environment_ref(writing.organization, name)]
        if not place.exists:
            return f"the Environment {name} is gone"
    return ""


def _unplanned(writing: Writing, owner: Organization) -> str:
    """Return what came to an Organization since its deletion was planned; empty if nothing did."""
    if writing.content.request.action != "delete-organization":
        return ""
    names = [f"environment:{name}" for name in owner.environments]
    names += [f"policy:{name}" for name in owner.policies]
    new = listed.unplanned(writing.content.inputs, names)
    return f"plan-stale: {', '.join(new)} came since; plan it again" if new else ""


def _otherwise(writing: Writing) -> str:
    """Return that its files come out otherwise than planned; empty if not, or if nobody knows.

    They may still, by what is decided until they are committed: then it is looked at again.
    """
    found = writing.context.facts
    if not isinstance(found, Compared) or found.planned == found.now:
        return ""
    return moved.stale(FILES, found.planned, found.now)


def _superseded(writing: Writing) -> str:
    """Return which Application is not, or will not be, what the change was planned on.

    Empty if all are. Who takes a whole Environment away misses nothing that did not come.
    """
    goes = writing.content.request.action in DELETIONS
    for item in closing.written(writing):
        state = writing.application(item.application)
        entry = next(
            x for x in state.queue if x.change == writing.name and x.environment == item.environment
        )
        present = state.promised(item.environment, writing.name)
        if present != entry.base and (present or not goes):
            planned = entry.base or "nothing"
            return (
                f"plan-stale: it was planned on {planned} of {item.application}, and"
                f" {present or 'nothing'} is to run"
            )
    return ""


def _moved(writing: Writing, *, policies: bool) -> str:
    """Return which Environment, policy or Blueprint is not as it was approved; empty if none.

    A policy that asks for no more than has been given keeps nobody: its windows are judged anew
    each time. So policies are looked at once all is given.
    """
    for key, ref in _judged(writing.content, writing.organization).items():
        state = writing.reads[ref]
        was, now = writing.content.inputs[key], version_of(key, state, writing.context.now)
        if was == now or (isinstance(state, Policy) and not policies):
            continue
        if isinstance(state, Policy):
            people = _people(writing)
            asked = gate.gates(state, writing.context.now, people, "").approvals
            if not gate.missing(asked, writing.state.approved, people):
                continue
        return moved.stale(key, was, now)
    return ""
