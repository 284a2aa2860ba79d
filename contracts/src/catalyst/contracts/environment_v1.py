"""Organizations, Environments and EnvironmentPolicies: version 1 of their messages.

An Organization's slug, an Environment's name and a policy's name are the aggregate's id. They stand
in the subject, never in the data of a command.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import END, Command, Event, Part, UtcTime

Kind = Literal["customer", "internal"]
Tier = Literal["sme", "corporate"]
BillingMode = Literal["real", "chargeback", "showback"]
EnvType = Literal["prod", "stg", "uat", "dev", "poc"]
OwnerRole = Literal["owner", "admin", "developer", "viewer"]
Provider = Literal["hetzner", "huawei", "oci", "aws", "gcp", "azure", "contabo"]
BuildingBlock = Literal["rtz", "dmz", "mgt"]
Placement = Literal["single-region", "multi-region"]
PlanSlug = Literal["s", "m", "l", "xl", "flexi"]
Federation = Literal["", "azure-sso", "okta", "generic-oidc"]

Line = Annotated[str, msgspec.Meta(max_length=253, pattern=r"^[^\x00-\x1f\x7f]*" + END)]
"""One line of text: no control character, so no newline and no NUL."""
DisplayName = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*" + END,
    ),
]
Reason = Annotated[
    str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f.]+" + END,
    ),
]
DottedName = Annotated[
    str,
    msgspec.Meta(
        max_length=253,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+" + END,
    ),
]
Slug = Annotated[str, msgspec.Meta(min_length=3, max_length=32, pattern=r"^[a-z][a-z0-9-]*" + END)]
PolicyName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=63, pattern=r"^[a-z][a-z0-9-]*" + END)
]


class Owner(Part, frozen=True, kw_only=True):
    """A person and what they may do in the Organization."""

    email: Email
    role: OwnerRole


class SecretRef(Part, frozen=True, kw_only=True):
    """Where a secret is kept; never the secret."""

    name: Line
    key: Line = "client-secret"


class ClaimMapper(Part, frozen=True, kw_only=True):
    """Which claim of the identity provider becomes which of ours."""

    src: Line
    dest: Line


class FederationConfig(Part, frozen=True, kw_only=True):
    """Settings of the Organization's own identity provider."""

    issuer: Line = ""
    client_id: Line = ""
    client_secret_ref: SecretRef | None = None
    tenant_id: Line = ""
    authorization_url: Line = ""
    token_url: Line = ""
    jwks_url: Line = ""
    claim_mappers: Annotated[tuple[ClaimMapper, ...], msgspec.Meta(max_length=50)] = ()


class Identity(Part, frozen=True, kw_only=True):
    """Where the Organization's people sign in."""

    federation_provider: Federation = ""
    federation_config: FederationConfig | None = None


class PublicFront(Part, frozen=True, kw_only=True):
    """The Organization's public host."""

    parent_domain: DottedName
    subdomain: Line = ""
    """Empty: the slug."""
    backend_service: Line = ""
    backend_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 80
    product: Line = ""


class Region(Part, frozen=True, kw_only=True):
    """One place where an Environment runs."""

    provider: Provider
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,4}[a-z0-9]?" + END)]
    building_block: BuildingBlock
    host_cluster: Line = ""
    """Empty: derived as `{prov}-{reg}-{block}-{env_type}`."""


Owners = Annotated[tuple[Owner, ...], msgspec.Meta(max_length=200)]
Regions = Annotated[tuple[Region, ...], msgspec.Meta(min_length=1, max_length=5)]


# ---- Organization: commands


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


class PlannedDeletion(Command, frozen=True, kw_only=True):
    """What a deletion plan answered; all four parts come back unchanged."""

    request: dict[str, str]
    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}" + END)]
    inputs: dict[str, str]
    """Name of each thing the plan depends on, with the version it saw."""
    expires: UtcTime


class ApplyOrganizationDeletion(PlannedDeletion, frozen=True, kw_only=True):
    """Delete the Organization as planned."""


class CompleteOnboarding(Command, frozen=True, kw_only=True):
    """Mark the Organization ready; sent by its onboarding."""


class FailOnboarding(Command, frozen=True, kw_only=True):
    """Mark the Organization as failed to onboard; sent by its onboarding."""

    step: Line
    reason: Line


# ---- Organization: events


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


# ---- Environment: commands


class CreateEnvironment(Command, frozen=True, kw_only=True):
    """Create an Environment; its name is `{org}-{env_type}` or `{org}-{label}-{env_type}`."""

    env_type: EnvType
    label: Annotated[str, msgspec.Meta(max_length=40)] = ""
    placement: Placement
    regions: Regions
    policy: PolicyName | None = None


class UpdateEnvironment(Command, frozen=True, kw_only=True):
    """Change placement and regions; what is left out stays as it is."""

    placement: Placement | msgspec.UnsetType = msgspec.UNSET
    regions: Regions | msgspec.UnsetType = msgspec.UNSET


class AttachPolicy(Command, frozen=True, kw_only=True):
    """Put the Environment under a policy of its Organization, or under none."""

    policy: PolicyName | None


class ApplyEnvironmentDeletion(PlannedDeletion, frozen=True, kw_only=True):
    """Delete the Environment as planned; refused while Applications stand in it."""


class AdmitApplication(Command, frozen=True, kw_only=True):
    """Let an Application stand in the Environment; from provisioning only."""

    application: Line


class ReleaseApplication(Command, frozen=True, kw_only=True):
    """Take an Application out of the Environment; from provisioning only."""

    application: Line


# ---- Environment: events


class EnvironmentCreated(Event, frozen=True, kw_only=True):
    """An Environment exists. Nothing is installed by that."""

    environment: str
    organization: str
    env_type: EnvType
    label: str = ""
    placement: Placement
    regions: tuple[Region, ...]
    """With `host_cluster` filled in."""
    branch: str
    policy: str | None = None


class EnvironmentUpdated(Event, frozen=True, kw_only=True):
    """Placement and regions, as they are from now on."""

    environment: str
    placement: Placement
    regions: tuple[Region, ...]


class PolicyAttached(Event, frozen=True, kw_only=True):
    """The Environment is under this policy, or under none."""

    environment: str
    policy: str | None


class ApplicationAdmitted(Event, frozen=True, kw_only=True):
    """An Application may stand in the Environment."""

    environment: str
    application: str


class ApplicationReleased(Event, frozen=True, kw_only=True):
    """An Application no longer stands in the Environment."""

    environment: str
    application: str


class EnvironmentDeleted(Event, frozen=True, kw_only=True):
    """The Environment is gone; its name is free again."""

    environment: str
    organization: str


# ---- EnvironmentPolicy


class Promotion(Part, frozen=True, kw_only=True):
    """The gate of the documented object."""

    required_approvers: int = 0
    soak_hours: int = 0
    required_compliance_score: int | None = None


class Weight(Part, frozen=True, kw_only=True):
    """How much a compliance policy counts, and for which resources."""

    weight: int
    scope: Literal["stateful", "stateless", "all"] = "all"


class Compliance(Part, frozen=True, kw_only=True):
    """Weights and modes by compliance policy."""

    weights: dict[str, Weight] = {}
    modes: dict[str, Literal["permissive", "enforcing"]] = {}


class PrRequired(Part, frozen=True, kw_only=True, tag="pr-required", tag_field="type"):
    """Rule of the older spelling: approvals by named teams."""

    approvers: tuple[Line, ...] = ()
    min_approvals: int = 1


class ReScoreGate(Part, frozen=True, kw_only=True, tag="re-score-gate", tag_field="type"):
    """Rule of the older spelling: a score to reach."""

    min_score: int
    severity: Literal["low", "medium", "high", "critical"] = "medium"


class Soak(Part, frozen=True, kw_only=True, tag="soak", tag_field="type"):
    """Rule of the older spelling: time in a source Environment before promotion."""

    source_environment: Line = ""
    duration: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}[smhd]" + END)]


class ChangeWindow(Part, frozen=True, kw_only=True, tag="change-window", tag_field="type"):
    """Rule: when changes may happen (`allow`) or may not (`deny`; deny wins)."""

    effect: Literal["allow", "deny"] = "allow"
    cron: Line = ""
    """Five fields, as in the older spelling; or `rrule`, never both."""
    rrule: Line = ""
    """An RFC 5545 recurrence rule without DTSTART: it counts from Monday 1 January 2001, 00:00."""
    timezone: Line = "UTC"
    duration: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}[smhd]" + END)]


Rule = PrRequired | ReScoreGate | Soak | ChangeWindow


class AppliesTo(Part, frozen=True, kw_only=True):
    """Which Environments may be put under the policy; empty means all."""

    environments: tuple[Line, ...] = ()


class DefinePolicy(Command, frozen=True, kw_only=True):
    """Define an EnvironmentPolicy, in the spelling of the object, of the older rules, or both."""

    promotion: Promotion | None = None
    compliance: Compliance | None = None
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=50)] = ()
    applies_to: AppliesTo | None = None


class UpdatePolicy(DefinePolicy, frozen=True, kw_only=True):
    """Replace the whole content of an EnvironmentPolicy."""


class Approval(Event, frozen=True, kw_only=True):
    """How many members of which team must approve; an empty team is anyone but the author."""

    team: str = ""
    quorum: int


class Window(Event, frozen=True, kw_only=True):
    """A change window in one spelling."""

    effect: Literal["allow", "deny"]
    cron: str = ""
    rrule: str = ""
    timezone: str = "UTC"
    duration_minutes: int


class PolicyDefined(Event, frozen=True, kw_only=True):
    """A policy's content, whole, in one spelling. Superseded by version 2 (soak in minutes)."""

    policy: str
    approvals: tuple[Approval, ...] = ()
    soak_hours: int = 0
    source_environment: str = ""
    required_score: int | None = None
    severity: str = ""
    windows: tuple[Window, ...] = ()
    weights: dict[str, Weight] = {}
    modes: dict[str, Literal["permissive", "enforcing"]] = {}
    environments: tuple[str, ...] = ()


class PolicyDeleted(Event, frozen=True, kw_only=True):
    """The EnvironmentPolicy went with its Organization."""

    policy: str


# ---- Git and onboarding


class RecordCommit(Command, frozen=True, kw_only=True):
    """Report of the Git effect: the manifest of this aggregate stands in this commit."""

    path: Line
    commit: Line
    event_seq: int
    """Sequence of the event that the commit carries out."""


class ManifestCommitted(Event, frozen=True, kw_only=True):
    """The aggregate's manifest stands in the Organization's Git home."""

    path: str
    commit: str
    event_seq: int


class ReportStep(Command, frozen=True, kw_only=True):
    """Report of an onboarding effect on the step in progress."""

    step: Literal["git-home", "manifests", "undo-git-home"]
    status: Literal["done", "failed"]
    detail: Line = ""
    """What was made (a commit), or why it failed."""
    attempt: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The attempt that the effect carried out; 0 if it does not know."""


Step = Literal["git-home", "manifests", "ready"]


class OnboardingStarted(Event, frozen=True, kw_only=True):
    """The onboarding of an Organization runs."""

    slug: str
    steps: tuple[Step, ...]
    started_by: str
    """Id of the event that started it."""


class StepStarted(Event, frozen=True, kw_only=True):
    """A step waits for its effect or answer, until its deadline."""

    slug: str
    step: Step
    attempt: int
    gen: str
    """Which arming of the deadline counts."""
    deadline: UtcTime
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class StepCompleted(Event, frozen=True, kw_only=True):
    """A step has done its work."""

    slug: str
    step: Step
    detail: str = ""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class StepFailed(Event, frozen=True, kw_only=True):
    """An attempt at a step failed."""

    slug: str
    step: Step
    attempt: int
    reason: str
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class OnboardingCompleted(Event, frozen=True, kw_only=True):
    """All steps are done."""

    slug: str
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class CompensationStarted(Event, frozen=True, kw_only=True):
    """The onboarding gives up and takes back what it had made."""

    slug: str
    step: Step
    reason: str
    gen: str
    deadline: UtcTime
    attempt: int = 1
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class OnboardingFailed(Event, frozen=True, kw_only=True):
    """The onboarding ended without a ready Organization; `undone` says what was taken back."""

    slug: str
    step: Step
    reason: str
    undone: tuple[str, ...] = ()
    input: str = ""
    """Id of the event, firing, answer or report that led here."""
