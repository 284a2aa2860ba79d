"""The commands by which a change asks other services, forward and back, and how they may say no."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Send
from catalyst.contracts.provisioning_values_v1 import Deletion, Step
from catalyst.contracts.subjects import Ref
from catalyst.contracts.values_v1 import PlannedDeletion
from catalyst.provisioning.domain.foreign import account_ref, environment_ref, organization_ref
from catalyst.provisioning.domain.steps import HOLD_MINUTES, Unit, subscription, units
from catalyst.provisioning.domain.writing import Writing

LINE_MAX: Final = 253

NOTHING_THERE: Final = frozenset(
    {
        "account-closed",
        "account-not-found",
        "application-not-admitted",
        "application-wanted",
        "environment-not-found",
        "hold-ended",
        "hold-not-found",
        "hold-released",
        "organization-deleted",
        "organization-not-found",
        "subscription-not-found",
    }
)
"""Refusals of what gives something back that say: there is nothing to give back."""


def subscription_ref(organization: str, unit: Unit) -> Ref:
    """Return the subscription that pays for an Application in an Environment."""
    return Ref(organization, "billing", "subscription", subscription(unit))


def command(writing: Writing, step: Step, unit: Unit, *, undo: bool) -> Send:
    """Return the command of a step for one unit.

    Raises:
        LookupError: If the step asks nobody.
    """
    organization, name = writing.organization, writing.name
    match step:
        case "admit" if not undo:
            admitted = env1.AdmitApplication(
                application=unit.application, together=_together(writing, unit), change=name
            )
            return Send(ref=environment_ref(organization, unit.environment), command=admitted)
        case "admit" | "release":
            released = env1.ReleaseApplication(application=unit.application, change=name)
            return Send(ref=environment_ref(organization, unit.environment), command=released)
        case "hold" if not undo:
            return Send(ref=account_ref(organization), command=_hold(writing))
        case "hold":
            reason = writing.state.reason[:LINE_MAX].replace("\n", " ")
            given_back = bill1.ReleaseHold(hold=name, reason=reason)
            return Send(ref=account_ref(organization), command=given_back)
        case "capture":
            taken = bill1.CaptureHold(hold=name, revision=name)
            return Send(ref=account_ref(organization), command=taken)
        case "settle":
            ended = bill1.EndSubscription(reason=f"{writing.content.request.action}: {name}")
            return Send(ref=subscription_ref(organization, unit), command=ended)
        case _:
            raise LookupError(f"the step {step!r} asks nobody")


def end_of_sale(writing: Writing, unit: Unit) -> Send:
    """Return the command that ends what a change sold, unless it has been sold again since."""
    reason = f"{writing.content.request.action} taken back: {writing.name}"
    ended = bill1.EndSubscription(reason=reason, hold=writing.name)
    return Send(ref=subscription_ref(writing.organization, unit), command=ended)


def _together(writing: Writing, unit: Unit) -> tuple[str, ...]:
    """Return the others that the change brings to the Environment, for which there must be room."""
    every = units(writing.content, "admit")
    return tuple(
        other.application
        for other in every
        if other.environment == unit.environment and other != unit
    )


def deletion(writing: Writing, planned: Deletion) -> Send:
    """Return the command that carries out a deletion as it was planned."""
    organization = writing.organization
    said = {name: getattr(planned, name) for name in PlannedDeletion.__struct_fields__}
    environment = writing.content.request.environment
    if environment is None:
        whole = env1.ApplyOrganizationDeletion(**said)
        return Send(ref=organization_ref(organization), command=whole)
    one = env1.ApplyEnvironmentDeletion(**said)
    return Send(ref=environment_ref(organization, environment), command=one)


def _hold(writing: Writing) -> bill1.HoldCredit:
    quote = writing.content.quote
    if quote is None:
        raise LookupError("nothing is bought, so nothing is held")
    return bill1.HoldCredit(
        hold=writing.name, plan_hash=writing.content.hash, quote=quote, minutes=HOLD_MINUTES
    )
