"""What people decide of a change that is open: approve, reject, cancel."""

from __future__ import annotations

from collections.abc import Sequence

from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Context, Decision
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import ORG_ADMIN, SECURITY_OFFICER, SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.tables.role import BUILDERS
from catalyst.provisioning.domain import closing, gate, process, turn, undoing
from catalyst.provisioning.domain.change import Change
from catalyst.provisioning.domain.steps import DELETIONS, WAYS, is_removal
from catalyst.provisioning.domain.writing import Writing


def reads(state: Change, command: object, ref: Ref) -> Sequence[Ref | Claim]:
    """Name what the change works on, and what its turn depends on."""
    return process.reads(state, command, ref)


def _opened(state: Change, context: Context) -> pro1.ChangeOpened:
    if state.opened is None:
        raise _not_found(context)
    if state.is_over:
        raise Rejected("change-over", f"the change {context.ref.id!r} is over")
    return state.opened


def _not_found(context: Context) -> Rejected:
    return Rejected("change-not-found", f"there is no change {context.ref.id!r}")


def _stoppable(state: Change, context: Context) -> pro1.ChangeOpened:
    """Return a change that the sender may stop: as its author, or as an org-admin.

    A sovereign-admin, who does not see inside, stops deletions, and hears of no other change.

    Raises:
        Rejected: `change-not-found`, `change-over` or `forbidden`.
    """
    who, opened = context.actor, state.opened
    if opened is None:
        raise _not_found(context)
    own = gate.is_author(who, opened.author, opened.author_email)
    inside = not who.roles.isdisjoint(BUILDERS)
    if not inside and not own and opened.request.action not in DELETIONS:
        raise _not_found(context)
    if not own and who.roles.isdisjoint({ORG_ADMIN, SOVEREIGN_ADMIN}):
        raise Rejected("forbidden", "a change is stopped by its author or by an org-admin")
    return _opened(state, context)


def _require_person(context: Context) -> None:
    """Let through a person whose token holds: a credential of the broker is nobody in particular.

    Raises:
        Rejected: `person-required`.
    """
    if not context.actor.proven or context.actor.service is not None:
        raise Rejected("person-required", "only a person who has signed in may do this")


def _looked_at(opened: pro1.ChangeOpened, given: str) -> None:
    if given != opened.hash:
        raise Rejected(
            "plan-stale", "the hash is not that of the plan of this change", pointer="/data/hash"
        )


def approve(state: Change, command: pro1.ApproveChange, context: Context) -> Decision:
    """Approve the change; the same person again changes nothing.

    Raises:
        Rejected: `person-required`, `change-not-found`, `change-over`, `plan-stale`,
            `approval-own`, or `approval-not-needed` for whom it asks nothing of.
    """
    _require_person(context)
    opened = _opened(state, context)
    _looked_at(opened, command.hash)
    who = context.actor
    if gate.is_author(who, opened.author, opened.author_email):
        raise Rejected("approval-own", "the author of a change does not approve it")
    teams = gate.counts_for(opened.approvals, who)
    own = [one for one in state.approved if gate.same(one, who)]
    # Whoever belongs to more teams than before approves for those as well.
    if own and all(any(team in one.teams for one in own) for team in teams):
        return Decision()
    if not teams or state.status != "waiting":
        raise Rejected("approval-not-needed", "the change asks for no approval from you")
    writing = Writing(state, context)
    writing.emit(
        pro1.ChangeApproved(
            by=who.name,
            email=who.email,
            teams=teams,
            officer=SECURITY_OFFICER in who.roles,
            hash=command.hash,
            comment=command.comment,
        )
    )
    turn.consider(writing)
    return writing.decision(_became(writing))


def _became(writing: Writing) -> dict[str, str]:
    """Return what an approval came to, in an outcome: the last one may have come too late."""
    found = {"change": writing.name, "status": writing.state.status}
    return {**found, "reason": writing.state.reason} if writing.state.is_over else found


def look_again(state: Change, _command: pro1.LookAgain, context: Context) -> Decision:
    """Let a change that waits judge anew whether it may begin; one that does not has no use for it.

    What is as it was, is not written again.
    """
    writing = Writing(state, context)
    if state.opened is not None and state.status == "waiting":
        turn.consider(writing, again=True)
    return writing.decision()


def reject(state: Change, command: pro1.RejectChange, context: Context) -> Decision:
    """Refuse the change before it begins; it ends, and nothing of it was done.

    Raises:
        Rejected: `person-required`, `change-not-found`, `change-over`, `plan-stale`,
            `change-under-way`, or `approval-not-needed` for whom it asks nothing of.
    """
    _require_person(context)
    opened = _opened(state, context)
    _looked_at(opened, command.hash)
    if state.status != "waiting":
        raise Rejected("change-under-way", "the change has begun; it can be cancelled")
    if not gate.counts_for(opened.approvals, context.actor):
        raise Rejected("approval-not-needed", "the change asks for no approval from you")
    writing = Writing(state, context)
    writing.emit(pro1.ChangeRejected(by=context.actor.name, reason=command.reason))
    closing.fail(writing, f"rejected: {command.reason}", result="rejected")
    return writing.decision()


def cancel(state: Change, command: pro1.CancelChange, context: Context) -> Decision:
    """Stop the change, and take back what it has done; one that is being taken back goes on so.

    A removal is past its point of no return once it has committed; anything else may still be
    stopped while it waits to be seen.

    Raises:
        Rejected: `change-not-found`, `change-over`, `forbidden` or `change-past-return`.
    """
    opened = _stoppable(state, context)
    if state.status == "undoing":
        return Decision()
    writing = Writing(state, context)
    reason = f"cancelled: {command.reason}"
    if state.status == "waiting" or state.step is None:
        closing.fail(writing, reason, cancelled=True)
        return writing.decision()
    removes = is_removal(opened.request.action)
    if not WAYS[state.step].cancels or (removes and "commit" in state.completed):
        raise Rejected(
            "change-past-return",
            f"the step {state.step!r} cannot be stopped; what follows can be changed back later",
        )
    undoing.give_up(writing, state.step, reason, cancelled=True)
    return writing.decision()
