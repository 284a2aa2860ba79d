"""An Organization: who it is, who owns it, what stands in it, and whether it may change.

While it is suspended, everything below it stands still: Environments and policies are neither
created nor changed, and no Application is admitted. Its own record (owners, names, plan) can still
be changed, because that is how the cause of a suspension is mended; it can be deleted, and an
Application that is already going may be released.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context, Decision, Emit, Send, emit
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain.findings import SUBJECT
from catalyst.environment_controller.domain.manifest import (
    Committed,
    committed,
    record,
    require_service,
)

SERVICE: Final = "environment"
AGGREGATE: Final = "organization"

Phase = Literal["absent", "onboarding", "ready", "failed", "deleted"]


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """One Organization, as far as decisions and manifests need it."""

    phase: Phase = "absent"
    run: int = 1
    """Which run of its onboarding counts."""
    suspended: bool = False
    suspended_reason: str = ""
    slug: str = ""
    display_name: str = ""
    kind: env1.Kind = "customer"
    tier: env1.Tier = "sme"
    billing_mode: env1.BillingMode = "showback"
    sovereign_ref: str = ""
    owners: tuple[env1.Owner, ...] = ()
    parent_org: str | None = None
    default_environment_type: env1.EnvType = "prod"
    identity: env1.Identity | None = None
    public_front: env1.PublicFront | None = None
    plan_slug: env1.PlanSlug | None = None
    policy_delegated: bool = False
    environments: tuple[str, ...] = ()
    """Names of its Environments, sorted."""
    policies: tuple[str, ...] = ()
    """Names of its policies, sorted."""
    children: tuple[str, ...] = ()
    """Slugs of the Organizations that it admitted below itself, sorted."""
    manifest: Committed = Committed()

    @property
    def exists(self) -> bool:
        """True from its creation to its deletion."""
        return self.phase in {"onboarding", "ready", "failed"}


def ref_of(slug: str) -> Ref:
    """Return the Organization with this slug."""
    return Ref(slug, SERVICE, AGGREGATE, slug)


def require_existing(state: Organization, slug: str) -> None:
    """Refuse what needs the Organization to exist.

    Raises:
        Rejected: `organization-not-found` or `organization-deleted`.
    """
    if state.phase == "absent":
        raise Rejected("organization-not-found", f"there is no Organization {slug!r}")
    if state.phase == "deleted":
        raise Rejected("organization-deleted", f"the Organization {slug!r} is deleted")


def require_changeable(state: Organization, slug: str) -> None:
    """Refuse a change below an Organization that is gone, suspended or failed.

    Raises:
        Rejected: As `require_existing`, or `organization-suspended`, `organization-failed`.
    """
    require_existing(state, slug)
    require_active(state, slug)
    if state.phase == "failed":
        raise Rejected(
            "organization-failed",
            f"the onboarding of the Organization {slug!r} failed; restart it, or delete"
            " the Organization",
        )


def require_active(state: Organization, slug: str) -> None:
    """Refuse what does not happen in a suspended Organization.

    Raises:
        Rejected: `organization-suspended`.
    """
    if state.suspended:
        raise Rejected(
            "organization-suspended",
            f"the Organization {slug!r} is suspended: {state.suspended_reason}",
        )


def require_own_place(context: Context) -> None:
    """Refuse a subject whose aggregate id is not the Organization it is addressed under.

    Raises:
        Rejected: `subject-mismatch`.
    """
    ref = context.ref
    if ref.organization != ref.id:
        raise Rejected(
            "subject-mismatch",
            f"{ref.id!r} is addressed under {ref.organization!r}, not under itself",
            pointer=SUBJECT,
        )


def suspend(state: Organization, command: env1.SuspendOrganization, context: Context) -> Decision:
    """Stop changes below the Organization; the same reason again changes nothing."""
    require_existing(state, context.ref.id)
    if state.suspended and state.suspended_reason == command.reason:
        return Decision()
    return emit(env1.OrganizationSuspended(slug=context.ref.id, reason=command.reason))


def resume(state: Organization, _command: env1.ResumeOrganization, context: Context) -> Decision:
    """Let changes happen again.

    Raises:
        Rejected: `organization-not-suspended`, so that nobody believes to have lifted something.
    """
    require_existing(state, context.ref.id)
    if not state.suspended:
        raise Rejected(
            "organization-not-suspended", f"the Organization {context.ref.id!r} is not suspended"
        )
    return emit(env1.OrganizationResumed(slug=context.ref.id))


def complete_onboarding(
    state: Organization, command: env1.CompleteOnboarding, context: Context
) -> Decision:
    """Mark the Organization ready; again changes nothing.

    Raises:
        Rejected: `step-unexpected` if the run of the onboarding has failed meanwhile.
    """
    require_service(context, SERVICE)
    require_existing(state, context.ref.id)
    if state.phase == "ready":
        return Decision()
    if state.phase == "failed":
        raise Rejected("step-unexpected", "the onboarding has failed; it cannot complete any more")
    if command.run != state.run:
        raise Rejected("step-unexpected", f"run {state.run} of the onboarding is under way")
    return emit(env1.OrganizationReady(slug=context.ref.id))


def fail_onboarding(
    state: Organization, command: env1.FailOnboarding, context: Context
) -> Decision:
    """Mark the Organization as failed; again changes nothing.

    Holds against an Organization that is ready as well: its onboarding may have given up, and taken
    the Git home back, while the last step was still on its way. Its parent lets go of it.
    """
    require_service(context, SERVICE)
    require_existing(state, context.ref.id)
    if state.phase == "failed":
        return Decision()
    failed = env1.OrganizationFailed(slug=context.ref.id, step=command.step, reason=command.reason)
    return Decision(events=(Emit(failed),), commands=told_parent(state))


def told_parent(state: Organization) -> tuple[Send, ...]:
    """Return what the parent has to know of an Organization that is deleted or failed."""
    if state.parent_org is None:
        return ()
    return (Send(ref=ref_of(state.parent_org), command=env1.ReleaseChild(child=state.slug)),)


def record_commit(state: Organization, command: env1.RecordCommit, context: Context) -> Decision:
    """Note the commit that holds the Organization's manifest, if it is newer."""
    if state.phase == "absent":
        raise Rejected("organization-not-found", f"there is no Organization {context.ref.id!r}")
    return record(state.manifest, command, context)


def with_name(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the sorted names with one more."""
    return tuple(sorted({*names, name}))


def without_name(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the names without one."""
    return tuple(other for other in names if other != name)


def _created(event: env1.OrganizationCreated) -> Organization:
    return Organization(
        phase="onboarding",
        slug=event.slug,
        display_name=event.display_name,
        kind=event.kind,
        tier=event.tier,
        billing_mode=event.billing_mode,
        sovereign_ref=event.sovereign_ref,
        owners=event.owners,
        parent_org=event.parent_org,
        default_environment_type=event.default_environment_type,
        identity=event.identity,
        public_front=event.public_front,
        plan_slug=event.plan_slug,
        policy_delegated=event.policy_delegated,
    )


def _updated(state: Organization, event: env1.OrganizationUpdated) -> Organization:
    return msgspec.structs.replace(
        state,
        display_name=event.display_name,
        tier=event.tier,
        billing_mode=event.billing_mode,
        default_environment_type=event.default_environment_type,
        identity=event.identity,
        public_front=event.public_front,
        plan_slug=event.plan_slug,
        policy_delegated=event.policy_delegated,
    )


def _own(state: Organization, event: Event) -> Organization:
    """Fold what happens to the Organization as a whole."""
    replace = msgspec.structs.replace
    match event:
        case env1.OrganizationCreated():
            return _created(event)
        case env1.OrganizationUpdated():
            return _updated(state, event)
        case env1.OwnersChanged():
            return replace(state, owners=event.owners)
        case env1.OrganizationSuspended():
            return replace(state, suspended=True, suspended_reason=event.reason)
        case env1.OrganizationResumed():
            return replace(state, suspended=False, suspended_reason="")
        case env1.OrganizationReady():
            return replace(state, phase="ready")
        case env1.OrganizationFailed():
            return replace(state, phase="failed")
        case env1.OnboardingRestarted():
            return replace(state, phase="onboarding", run=event.run)
        case env1.OrganizationDeleted():
            return replace(state, phase="deleted", environments=(), policies=(), children=())
        case _:
            return state


def evolve(state: Organization, event: Event) -> Organization:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case env1.EnvironmentAdded():
            names = with_name(state.environments, event.environment)
            return replace(state, environments=names)
        case env1.EnvironmentRemoved():
            names = without_name(state.environments, event.environment)
            return replace(state, environments=names)
        case env1.PolicyAdded():
            return replace(state, policies=with_name(state.policies, event.policy))
        case env1.ChildAdmitted():
            return replace(state, children=with_name(state.children, event.child))
        case env1.ChildReleased():
            return replace(state, children=without_name(state.children, event.child))
        case env1.ManifestCommitted():
            return replace(state, manifest=committed(event))
        case _:
            return _own(state, event)
