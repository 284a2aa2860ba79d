"""Messages of an Organization: version 1. Its slug is the aggregate's id."""

from __future__ import annotations

from typing import Annotated

import msgspec

from catalyst.contracts.message import Command, Event
from catalyst.contracts.values_v1 import (
    BillingMode,
    DisplayName,
    DottedName,
    EnvType,
    Identity,
    Kind,
    Line,
    Owner,
    Owners,
    PlannedDeletion,
    PlanSlug,
    PublicFront,
    Reason,
    Run,
    Slug,
    Tier,
)

# ---- commands


class CreateOrganization(Command, frozen=True, kw_only=True):
    """Onboard an Organization under the slug that is the aggregate's id."""

    display_name: DisplayName
    """What people call the Organization."""
    kind: Kind
    """A paying customer, or a part of the company that runs Catalyst."""
    tier: Tier
    """How large the Organization is: small and medium, or corporate."""
    billing_mode: BillingMode
    """How use is charged: for real, inside the company, or shown only."""
    sovereign_ref: DottedName
    """The domain of the installation that the Organization belongs to."""
    owners: Owners
    """Who owns the Organization or works in it, with their roles."""
    parent_org: Slug | None = None
    """Slug of the Organization above it; null: none."""
    default_environment_type: EnvType = "prod"
    """The type of an Environment for which none is chosen."""
    identity: Identity | None = None
    """Where its people sign in; null: with Catalyst itself."""
    public_front: PublicFront | None = None
    """Its public host; null: it has none."""
    plan_slug: PlanSlug | None = None
    """The plan that it booked; null: none."""
    policy_delegated: bool = False
    """True: org-admins may edit the Organization's policies."""


class UpdateOrganization(Command, frozen=True, kw_only=True):
    """Change an Organization; what is left out stays as it is."""

    display_name: DisplayName | msgspec.UnsetType = msgspec.UNSET
    """What people call the Organization."""
    tier: Tier | msgspec.UnsetType = msgspec.UNSET
    """How large the Organization is: small and medium, or corporate."""
    billing_mode: BillingMode | msgspec.UnsetType = msgspec.UNSET
    """How use is charged: for real, inside the company, or shown only."""
    default_environment_type: EnvType | msgspec.UnsetType = msgspec.UNSET
    """The type of an Environment for which none is chosen."""
    identity: Identity | msgspec.UnsetType | None = msgspec.UNSET
    """Where its people sign in; null: with Catalyst itself."""
    public_front: PublicFront | msgspec.UnsetType | None = msgspec.UNSET
    """Its public host; null: it has none."""
    plan_slug: PlanSlug | msgspec.UnsetType | None = msgspec.UNSET
    """The plan that it booked; null: none."""
    policy_delegated: bool | msgspec.UnsetType = msgspec.UNSET
    """True: org-admins may edit the Organization's policies."""


class SuspendOrganization(Command, frozen=True, kw_only=True):
    """Stop changes below the Organization until it is resumed."""

    reason: Reason
    """Why, for whoever looks at it later."""


class ResumeOrganization(Command, frozen=True, kw_only=True):
    """Let changes happen below the Organization again."""


class ChangeOwners(Command, frozen=True, kw_only=True):
    """Replace the whole list of owners."""

    owners: Owners
    """All owners and everybody else with a role, as they are from now on."""


class ApplyOrganizationDeletion(PlannedDeletion, frozen=True, kw_only=True):
    """Delete the Organization as planned."""


class CompleteOnboarding(Command, frozen=True, kw_only=True):
    """Mark the Organization ready; sent by its onboarding."""

    run: Run = 1
    """The run of the onboarding that asks."""


class FailOnboarding(Command, frozen=True, kw_only=True):
    """Mark the Organization as failed to onboard; sent by its onboarding."""

    step: Annotated[Line, msgspec.Meta(examples=["manifests"])]
    """The step that failed."""
    reason: Annotated[Line, msgspec.Meta(examples=["The Git home did not answer."])]
    """Why it failed."""


class AdmitChild(Command, frozen=True, kw_only=True):
    """Let an Organization stand below this one, its parent; sent by the child's onboarding."""

    child: Slug
    """Slug of the Organization below."""


class ReleaseChild(Command, frozen=True, kw_only=True):
    """Let go of an Organization below this one that is deleted or failed; sent by that one."""

    child: Slug
    """Slug of the Organization below."""


# ---- events


class OrganizationCreated(Event, frozen=True, kw_only=True):
    """An Organization exists; onboarding begins."""

    slug: str
    """The Organization's slug."""
    display_name: str
    """What people call the Organization."""
    kind: Kind
    """A paying customer, or a part of the company that runs Catalyst."""
    tier: Tier
    """How large the Organization is: small and medium, or corporate."""
    billing_mode: BillingMode
    """How use is charged: for real, inside the company, or shown only."""
    sovereign_ref: str
    """The domain of the installation that the Organization belongs to."""
    owners: tuple[Owner, ...]
    """Who owns the Organization or works in it, with their roles."""
    parent_org: str | None = None
    """Slug of the Organization above it; null: none."""
    default_environment_type: EnvType = "prod"
    """The type of an Environment for which none is chosen."""
    identity: Identity | None = None
    """Where its people sign in; null: with Catalyst itself."""
    public_front: PublicFront | None = None
    """Its public host; null: it has none."""
    plan_slug: PlanSlug | None = None
    """The plan that it booked; null: none."""
    policy_delegated: bool = False
    """True: org-admins may edit the Organization's policies."""


class OrganizationUpdated(Event, frozen=True, kw_only=True):
    """The whole of what can change, as it is from now on."""

    slug: str
    """The Organization's slug."""
    display_name: str
    """What people call the Organization."""
    tier: Tier
    """How large the Organization is: small and medium, or corporate."""
    billing_mode: BillingMode
    """How use is charged: for real, inside the company, or shown only."""
    default_environment_type: EnvType
    """The type of an Environment for which none is chosen."""
    identity: Identity | None = None
    """Where its people sign in; null: with Catalyst itself."""
    public_front: PublicFront | None = None
    """Its public host; null: it has none."""
    plan_slug: PlanSlug | None = None
    """The plan that it booked; null: none."""
    policy_delegated: bool = False
    """True: org-admins may edit the Organization's policies."""


class OrganizationSuspended(Event, frozen=True, kw_only=True):
    """Changes below the Organization are refused from now on."""

    slug: str
    """The Organization's slug."""
    reason: str
    """Why it was suspended."""


class OrganizationResumed(Event, frozen=True, kw_only=True):
    """Changes are possible again."""

    slug: str
    """The Organization's slug."""


class OwnersChanged(Event, frozen=True, kw_only=True):
    """The list of owners, whole."""

    slug: str
    """The Organization's slug."""
    owners: tuple[Owner, ...]
    """Everybody with a role, as it is from now on."""


class OrganizationReady(Event, frozen=True, kw_only=True):
    """Onboarding is complete."""

    slug: str
    """The Organization's slug."""


class OrganizationFailed(Event, frozen=True, kw_only=True):
    """Onboarding gave up; what it had made was taken back."""

    slug: str
    """The Organization's slug."""
    step: str
    """The step of the onboarding that failed."""
    reason: str
    """Why it failed."""


class OnboardingRestarted(Event, frozen=True, kw_only=True):
    """On the Organization: its onboarding, which had failed, runs once more."""

    slug: str
    """The Organization's slug."""
    run: int
    """Which run of the onboarding begins; the first one was 1."""


class OrganizationDeleted(Event, frozen=True, kw_only=True):
    """The Organization is gone; its slug stays used."""

    slug: str
    """The Organization's slug."""


class EnvironmentAdded(Event, frozen=True, kw_only=True):
    """On the Organization: an Environment of it exists now."""

    slug: str
    """The Organization's slug."""
    environment: str
    """Name of the Environment."""


class EnvironmentRemoved(Event, frozen=True, kw_only=True):
    """On the Organization: an Environment of it is gone."""

    slug: str
    """The Organization's slug."""
    environment: str
    """Name of the Environment."""


class PolicyAdded(Event, frozen=True, kw_only=True):
    """On the Organization: it has a policy of this name now."""

    slug: str
    """The Organization's slug."""
    policy: str
    """Name of the EnvironmentPolicy."""


class ChildAdmitted(Event, frozen=True, kw_only=True):
    """On the parent: an Organization stands below it, so that it cannot be deleted before."""

    slug: str
    """The parent's slug."""
    child: str
    """Slug of the Organization below."""


class ChildReleased(Event, frozen=True, kw_only=True):
    """On the parent: an Organization below it is gone, or its onboarding failed."""

    slug: str
    """The parent's slug."""
    child: str
    """Slug of the Organization below."""
