"""Organizations, Environments and EnvironmentPolicies: version 1 of their messages.

The messages of an Environment stand here, the others in modules of their own; whoever uses one
takes it from here. An Organization's slug, an Environment's name and a policy's name are the
aggregate's id. They stand in the subject, never in the data of a command.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from catalyst.contracts.message import Command, Event
from catalyst.contracts.onboarding_v1 import (
    CompensationStarted,
    ManifestCommitted,
    OnboardingCompleted,
    OnboardingFailed,
    OnboardingStarted,
    RecordCommit,
    ReportStep,
    RestartOnboarding,
    Step,
    StepCompleted,
    StepFailed,
    StepStarted,
)
from catalyst.contracts.organization_v1 import (
    AdmitChild,
    ApplyOrganizationDeletion,
    ChangeOwners,
    ChildAdmitted,
    ChildReleased,
    CompleteOnboarding,
    CreateOrganization,
    EnvironmentAdded,
    EnvironmentRemoved,
    FailOnboarding,
    OnboardingRestarted,
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationFailed,
    OrganizationReady,
    OrganizationResumed,
    OrganizationSuspended,
    OrganizationUpdated,
    OwnersChanged,
    PolicyAdded,
    ReleaseChild,
    ResumeOrganization,
    SuspendOrganization,
    UpdateOrganization,
)
from catalyst.contracts.policy_v1 import (
    AppliesTo,
    Approval,
    ChangeWindow,
    Compliance,
    DefinePolicy,
    PolicyDefined,
    PolicyDeleted,
    Promotion,
    PrRequired,
    Quota,
    ReScoreGate,
    Rule,
    Soak,
    UpdatePolicy,
    Weight,
    Window,
)
from catalyst.contracts.values_v1 import (
    BillingMode,
    BuildingBlock,
    ClaimMapper,
    DisplayName,
    DottedName,
    Email,
    EnvType,
    Federation,
    FederationConfig,
    Identity,
    Kind,
    Line,
    Owner,
    OwnerRole,
    Owners,
    Placement,
    PlannedDeletion,
    PlanSlug,
    PolicyName,
    Provider,
    PublicFront,
    Reason,
    Region,
    Regions,
    SecretRef,
    Slug,
    Tier,
)

__all__ = [
    "AdmitApplication",
    "AdmitChild",
    "ApplicationAdmitted",
    "ApplicationReleased",
    "AppliesTo",
    "ApplyEnvironmentDeletion",
    "ApplyOrganizationDeletion",
    "Approval",
    "AttachPolicy",
    "BillingMode",
    "BuildingBlock",
    "ChangeOwners",
    "ChangeWindow",
    "ChildAdmitted",
    "ChildReleased",
    "ClaimMapper",
    "CompensationStarted",
    "CompleteOnboarding",
    "Compliance",
    "CreateEnvironment",
    "CreateOrganization",
    "DefinePolicy",
    "DisplayName",
    "DottedName",
    "Email",
    "EnvType",
    "EnvironmentAdded",
    "EnvironmentCreated",
    "EnvironmentDeleted",
    "EnvironmentRemoved",
    "EnvironmentUpdated",
    "FailOnboarding",
    "Federation",
    "FederationConfig",
    "Identity",
    "Kind",
    "Line",
    "ManifestCommitted",
    "OnboardingCompleted",
    "OnboardingFailed",
    "OnboardingRestarted",
    "OnboardingStarted",
    "OrganizationCreated",
    "OrganizationDeleted",
    "OrganizationFailed",
    "OrganizationReady",
    "OrganizationResumed",
    "OrganizationSuspended",
    "OrganizationUpdated",
    "Owner",
    "OwnerRole",
    "Owners",
    "OwnersChanged",
    "Placement",
    "PlanSlug",
    "PlannedDeletion",
    "PolicyAdded",
    "PolicyAttached",
    "PolicyDefined",
    "PolicyDeleted",
    "PolicyName",
    "PrRequired",
    "Promotion",
    "Provider",
    "PublicFront",
    "Quota",
    "ReScoreGate",
    "Reason",
    "RecordCommit",
    "Region",
    "Regions",
    "ReleaseApplication",
    "ReleaseChild",
    "ReportStep",
    "RestartOnboarding",
    "ResumeOrganization",
    "Rule",
    "SecretRef",
    "Slug",
    "Soak",
    "Step",
    "StepCompleted",
    "StepFailed",
    "StepStarted",
    "SuspendOrganization",
    "Tier",
    "UpdateEnvironment",
    "UpdateOrganization",
    "UpdatePolicy",
    "Weight",
    "Window",
]


# ---- commands


class CreateEnvironment(Command, frozen=True, kw_only=True):
    """Create an Environment; its name is `{org}-{env_type}` or `{org}-{label}-{env_type}`."""

    env_type: EnvType
    """What the Environment is for."""
    label: Annotated[
        str,
        msgspec.Meta(
            max_length=40, description="a text of at most 40 characters", examples=["shop"]
        ),
    ] = ""
    """What sets it apart from others of its type; empty: nothing."""
    placement: Placement
    """One region, or several."""
    regions: Regions
    """Where it runs."""
    policy: PolicyName | None = None
    """Name of the EnvironmentPolicy that it is put under; null: none."""


class UpdateEnvironment(Command, frozen=True, kw_only=True):
    """Change placement and regions; what is left out stays as it is."""

    placement: Placement | msgspec.UnsetType = msgspec.UNSET
    """One region, or several."""
    regions: Regions | msgspec.UnsetType = msgspec.UNSET
    """Where it runs: all of them."""


class AttachPolicy(Command, frozen=True, kw_only=True):
    """Put the Environment under a policy of its Organization, or under none."""

    policy: PolicyName | None
    """Name of the EnvironmentPolicy; null takes the Environment out of any."""


class ApplyEnvironmentDeletion(PlannedDeletion, frozen=True, kw_only=True):
    """Delete the Environment as planned; refused while Applications stand in it."""


class AdmitApplication(Command, frozen=True, kw_only=True):
    """Let an Application stand in the Environment; from provisioning only."""

    application: Annotated[Line, msgspec.Meta(examples=["blog"])]
    """Name of the Application."""
    together: tuple[Annotated[Line, msgspec.Meta(examples=["blog-db"])], ...] = ()
    """Names of others that the same change brings there: there has to be room for all of them."""
    change: Annotated[Line, msgspec.Meta(examples=["ch-1"])] = ""
    """The change that brings it there, refused once that is over; empty: whatever is in flight."""


class ReleaseApplication(Command, frozen=True, kw_only=True):
    """Take an Application out of the Environment; from provisioning only."""

    application: Annotated[Line, msgspec.Meta(examples=["blog"])]
    """Name of the Application."""
    change: Annotated[Line, msgspec.Meta(examples=["ch-1"])] = ""
    """The change that lets it go, refused where another wants it by now; empty: whoever does."""


# ---- events


class EnvironmentCreated(Event, frozen=True, kw_only=True):
    """An Environment exists. Nothing is installed by that."""

    environment: str
    """Name of the Environment."""
    organization: str
    """Slug of its Organization."""
    env_type: EnvType
    """What the Environment is for."""
    label: str = ""
    """What sets it apart from others of its type; empty: nothing."""
    placement: Placement
    """One region, or several."""
    regions: tuple[Region, ...]
    """Where it runs, with `host_cluster` filled in."""
    branch: str
    """The branch of the Git repositories that belongs to it."""
    policy: str | None = None
    """Name of the EnvironmentPolicy that it is under; null: none."""


class EnvironmentUpdated(Event, frozen=True, kw_only=True):
    """Placement and regions, as they are from now on."""

    environment: str
    """Name of the Environment."""
    placement: Placement
    """One region, or several."""
    regions: tuple[Region, ...]
    """Where it runs, with `host_cluster` filled in."""


class PolicyAttached(Event, frozen=True, kw_only=True):
    """The Environment is under this policy, or under none."""

    environment: str
    """Name of the Environment."""
    policy: str | None
    """Name of the EnvironmentPolicy; null: none any more."""


class ApplicationAdmitted(Event, frozen=True, kw_only=True):
    """An Application may stand in the Environment."""

    environment: str
    """Name of the Environment."""
    application: str
    """Name of the Application."""


class ApplicationReleased(Event, frozen=True, kw_only=True):
    """An Application no longer stands in the Environment."""

    environment: str
    """Name of the Environment."""
    application: str
    """Name of the Application."""


class EnvironmentDeleted(Event, frozen=True, kw_only=True):
    """The Environment is gone; its name is free again."""

    environment: str
    """Name of the Environment."""
    organization: str
    """Slug of its Organization."""
