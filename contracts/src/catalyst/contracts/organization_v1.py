"""Messages of an Organization: version 1. Its slug is the aggregate's id."""

from __future__ import annotations

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
    Slug,
    Tier,
)

# ---- commands


class CreateOrganization(Command, frozen=True, kw_only=True):
    """Onboard an Organization under the slug that is the aggregate's id."""

    display_name: DisplayName
    kind: Kind
    tier: Tier
    billing_mode: BillingMode
    sovereign_ref: DottedName
    owners: Owners
    parent_org: Slug | None = None
    default_environment_type: EnvType = "prod"
    identity: Identity | None = None
    public_front: PublicFront | None = None
    plan_slug: PlanSlug | None = None
    policy_delegated: bool = False
    """True: org-admins may edit the Organization's policies."""


class UpdateOrganization(Command, frozen=True, kw_only=True):
    """Change what is named; what is left out stays as it is."""

    display_name: DisplayName | msgspec.UnsetType = msgspec.UNSET
    tier: Tier | msgspec.UnsetType = msgspec.UNSET
    billing_mode: BillingMode | msgspec.UnsetType = msgspec.UNSET
    default_environment_type: EnvType | msgspec.UnsetType = msgspec.UNSET
    identity: Identity | msgspec.UnsetType | None = msgspec.UNSET
    public_front: PublicFront | msgspec.UnsetType | None = msgspec.UNSET
    plan_slug: PlanSlug | msgspec.UnsetType | None = msgspec.UNSET
    policy_delegated: bool | msgspec.UnsetType = msgspec.UNSET


class SuspendOrganization(Command, frozen=True, kw_only=True):
    """Stop changes below the Organization until it is resumed."""

    reason: Reason


class ResumeOrganization(Command, frozen=True, kw_only=True):
    """Let changes happen again."""


class ChangeOwners(Command, frozen=True, kw_only=True):
    """Replace the whole list of owners."""

    owners: Owners


class ApplyOrganizationDeletion(PlannedDeletion, frozen=True, kw_only=True):
    """Delete the Organization as planned."""


class CompleteOnboarding(Command, frozen=True, kw_only=True):
    """Mark the Organization ready; sent by its onboarding."""


class FailOnboarding(Command, frozen=True, kw_only=True):
    """Mark the Organization as failed to onboard; sent by its onboarding."""

    step: Line
    reason: Line


# ---- events


class OrganizationCreated(Event, frozen=True, kw_only=True):
    """An Organization exists; onboarding begins."""

    slug: str
    display_name: str
    kind: Kind
    tier: Tier
    billing_mode: BillingMode
    sovereign_ref: str
    owners: tuple[Owner, ...]
    parent_org: str | None = None
    default_environment_type: EnvType = "prod"
    identity: Identity | None = None
    public_front: PublicFront | None = None
    plan_slug: PlanSlug | None = None
    policy_delegated: bool = False


class OrganizationUpdated(Event, frozen=True, kw_only=True):
    """The whole of what can change, as it is from now on."""

    slug: str
    display_name: str
    tier: Tier
    billing_mode: BillingMode
    default_environment_type: EnvType
    identity: Identity | None = None
    public_front: PublicFront | None = None
    plan_slug: PlanSlug | None = None
    policy_delegated: bool = False


class OrganizationSuspended(Event, frozen=True, kw_only=True):
    """Changes below the Organization are refused from now on."""

    slug: str
    reason: str


class OrganizationResumed(Event, frozen=True, kw_only=True):
    """Changes are possible again."""

    slug: str


class OwnersChanged(Event, frozen=True, kw_only=True):
    """The list of owners, whole."""

    slug: str
    owners: tuple[Owner, ...]


class OrganizationReady(Event, frozen=True, kw_only=True):
    """Onboarding is complete."""

    slug: str


class OrganizationFailed(Event, frozen=True, kw_only=True):
    """Onboarding gave up; what it had made was taken back."""

    slug: str
    step: str
    reason: str


class OrganizationDeleted(Event, frozen=True, kw_only=True):
    """The Organization is gone; its slug stays used."""

    slug: str


class EnvironmentAdded(Event, frozen=True, kw_only=True):
    """On the Organization: an Environment of it exists now."""

    slug: str
    environment: str


class EnvironmentRemoved(Event, frozen=True, kw_only=True):
    """On the Organization: an Environment of it is gone."""

    slug: str
    environment: str


class PolicyAdded(Event, frozen=True, kw_only=True):
    """On the Organization: it has a policy of this name now."""

    slug: str
    policy: str
