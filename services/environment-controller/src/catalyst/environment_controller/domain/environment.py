"""An Environment: where it runs, under which policy, and which Applications stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context, Decision, Emit, TakeClaim, emit
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.environment_controller.domain import naming, places
from catalyst.environment_controller.domain.findings import SUBJECT, Findings
from catalyst.environment_controller.domain.manifest import (
    Committed,
    committed,
    record,
)
from catalyst.environment_controller.domain.organization import (
    SERVICE,
    Organization,
    ref_of,
    require_changeable,
    with_name,
    without_name,
)
from catalyst.environment_controller.domain.policy import policy_ref, require_editor

AGGREGATE: Final = "environment"
MULTI_REGION_MIN: Final = 2


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """One Environment, as far as decisions and manifests need it."""

    exists: bool = False
    name: str = ""
    """Stays known after a deletion: the same name may be used again."""
    organization: str = ""
    env_type: env1.EnvType = "dev"
    label: str = ""
    placement: env1.Placement = "single-region"
    regions: tuple[env1.Region, ...] = ()
    """With `host_cluster` filled in."""
    branch: str = ""
    policy: str | None = None
    applications: tuple[str, ...] = ()
    """Names of the Applications that stand in it, sorted."""
    manifest: Committed = Committed()


def environment_ref(organization: str, name: str) -> Ref:
    """Return the Environment of an Organization with this name."""
    return Ref(organization, SERVICE, AGGREGATE, name)


def name_claim(name: str) -> Claim:
    """Return the claim of an Environment's name; its deletion releases it."""
    return Claim("environment", name)


def require_environment(state: Environment, name: str) -> None:
    """Refuse what needs the Environment to exist.

    Raises:
        Rejected: `environment-not-found`.
    """
    if not state.exists:
        raise Rejected("environment-not-found", f"there is no Environment {name!r}")


def _owner(context: Context) -> tuple[str, Organization]:
    slug = context.ref.organization or ""
    return slug, context.reads[ref_of(slug)]


def reads_owner(_state: Environment, _command: object, ref: Ref) -> Sequence[Ref]:
    """Name the Organization, which may be suspended or gone."""
    return (ref_of(ref.organization or ""),)


# ---- create


def reads_create(
    _state: Environment, command: env1.CreateEnvironment, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the Organization, the claim of the name, and the policy."""
    slug = ref.organization or ""
    found: list[Ref | Claim] = [ref_of(slug), name_claim(ref.id)]
    if command.policy is not None:
        found.append(policy_ref(slug, command.policy))
    return found


def create(state: Environment, command: env1.CreateEnvironment, context: Context) -> Decision:
    """Create the Environment, claim its name, and tell the Organization that it has one more.

    Raises:
        Rejected: `environment-exists`, `environment-name-taken`, or the first broken rule with all
            of them.
    """
    slug, organization = _owner(context)
    name = context.ref.id
    require_changeable(organization, slug)
    if state.exists:
        raise Rejected(
            "environment-exists", f"the Environment {name!r} exists already", pointer=SUBJECT
        )
    found = Findings()
    _check_name(command, slug, name, found)
    # Of a name that cannot be its own, nobody is told whether others have it.
    possible = naming.parse_environment(name, slug) is not None
    if possible and context.claims[name_claim(name)].holder not in {None, context.ref.path}:
        found.add(
            "environment-name-taken", SUBJECT, f"another Organization has an Environment {name!r}"
        )
    check_regions(command.placement, command.regions, found)
    _check_policy(command.policy, context, found)
    found.settle()
    created = env1.EnvironmentCreated(
        environment=name,
        organization=slug,
        env_type=command.env_type,
        label=command.label,
        placement=command.placement,
        regions=places.placed(command.regions, command.env_type),
        branch=places.BRANCHES[command.env_type],
        policy=command.policy,
    )
    added = env1.EnvironmentAdded(slug=slug, environment=name)
    return Decision(
        events=(Emit(created), Emit(added, ref_of(slug))), claims=(TakeClaim(name_claim(name)),)
    )


def _check_name(command: env1.CreateEnvironment, slug: str, name: str, found: Findings) -> None:
    problem = naming.check_label(command.label) if command.label else ""
    if problem:
        found.add("environment-label-invalid", "/data/label", problem)
        return
    wanted = naming.EnvironmentName(
        organization=slug, env_type=command.env_type, label=command.label
    )
    if len(wanted.text) > naming.DNS_LABEL_MAX:
        found.add(
            "environment-label-invalid",
            "/data/label",
            f"the name {wanted.text!r} has more than {naming.DNS_LABEL_MAX} characters",
        )
    if wanted.text == name:
        return
    message = f"type and label make the name {wanted.text!r}, not {name!r}"
    meant = naming.parse_environment(name, slug)
    if meant is not None and meant.env_type != wanted.env_type:
        found.add("environment-name-mismatch", "/data/env_type", message)
    if meant is not None and meant.label != wanted.label:
        found.add("environment-name-mismatch", "/data/label", message)
    if meant is None:
        found.add("environment-name-mismatch", SUBJECT, message)


def check_regions(
    placement: env1.Placement, regions: Sequence[env1.Region], found: Findings
) -> None:
    """Note every region that does not exist or stands twice, and a number that does not fit."""
    seen: set[tuple[str, str, str]] = set()
    for index, region in enumerate(regions):
        pointer = f"/data/regions/{index}"
        if not places.region_known(region.provider, region.region):
            found.add(
                "region-unknown",
                f"{pointer}/region",
                f"{region.provider!r} has no region {region.region!r}",
            )
        if region.host_cluster and not places.host_cluster_fits(region.host_cluster, region):
            found.add(
                "host-cluster-invalid",
                f"{pointer}/host_cluster",
                f"{region.host_cluster!r} does not name a cluster of this region and block",
            )
        key = (region.provider, region.region, region.building_block)
        if key in seen:
            found.add("region-duplicate", pointer, "the same region and block stand there twice")
        seen.add(key)
    count = len(regions)
    distinct = len({(region.provider, region.region) for region in regions})
    if placement == "single-region" and count != 1:
        message = f"a single-region placement has exactly one region, not {count}"
        found.add("placement-cardinality", "/data/regions", message)
    if placement == "multi-region" and distinct < MULTI_REGION_MIN:
        message = f"a multi-region placement has {MULTI_REGION_MIN} or more different regions"
        found.add("placement-cardinality", "/data/regions", message)


def _check_policy(policy: str | None, context: Context, found: Findings) -> None:
    if policy is None:
        return
    state = context.reads[policy_ref(context.ref.organization or "", policy)]
    if not state.exists:
        found.add("policy-not-found", "/data/policy", f"there is no policy {policy!r}")
    elif not state.applies_to(context.ref.id):
        found.add(
            "policy-not-applicable",
            "/data/policy",
            f"the policy {policy!r} does not apply to {context.ref.id!r}",
        )


# ---- update, policy


def update(state: Environment, command: env1.UpdateEnvironment, context: Context) -> Decision:
    """Change placement and regions; nothing happens if both are so already.

    Raises:
        Rejected: The first broken rule with all of them.
    """
    slug, organization = _owner(context)
    require_environment(state, context.ref.id)
    require_changeable(organization, slug)
    placement = state.placement if command.placement is msgspec.UNSET else command.placement
    given = state.regions if command.regions is msgspec.UNSET else command.regions
    found = Findings()
    check_regions(placement, given, found)
    found.settle()
    regions = places.placed(given, state.env_type)
    if placement == state.placement and regions == state.regions:
        return Decision()
    return emit(
        env1.EnvironmentUpdated(environment=context.ref.id, placement=placement, regions=regions)
    )


def reads_attach(_state: Environment, command: env1.AttachPolicy, ref: Ref) -> Sequence[Ref]:
    """Name the Organization and the policy."""
    slug = ref.organization or ""
    if command.policy is None:
        return (ref_of(slug),)
    return (ref_of(slug), policy_ref(slug, command.policy))


def attach_policy(state: Environment, command: env1.AttachPolicy, context: Context) -> Decision:
    """Put the Environment under a policy, or under none; the same one again changes nothing.

    Raises:
        Rejected: `policy-not-delegated`, `policy-not-found` or `policy-not-applicable`.
    """
    slug, organization = _owner(context)
    require_environment(state, context.ref.id)
    require_changeable(organization, slug)
    require_editor(organization, context)
    found = Findings()
    _check_policy(command.policy, context, found)
    found.settle()
    if command.policy == state.policy:
        return Decision()
    return emit(env1.PolicyAttached(environment=context.ref.id, policy=command.policy))


# ---- Git and the fold


def record_commit(state: Environment, command: env1.RecordCommit, context: Context) -> Decision:
    """Note the commit that holds the Environment's manifest, or that took it away, if newer."""
    if not state.name:
        raise Rejected("environment-not-found", f"there is no Environment {context.ref.id!r}")
    return record(state.manifest, command, context)


def _created(state: Environment, event: env1.EnvironmentCreated) -> Environment:
    return Environment(
        exists=True,
        name=event.environment,
        organization=event.organization,
        env_type=event.env_type,
        label=event.label,
        placement=event.placement,
        regions=event.regions,
        branch=event.branch,
        policy=event.policy,
        manifest=state.manifest,
    )


def evolve(state: Environment, event: Event) -> Environment:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case env1.EnvironmentCreated():
            return _created(state, event)
        case env1.EnvironmentUpdated():
            return replace(state, placement=event.placement, regions=event.regions)
        case env1.PolicyAttached():
            return replace(state, policy=event.policy)
        case env1.ApplicationAdmitted():
            return replace(state, applications=with_name(state.applications, event.application))
        case env1.ApplicationReleased():
            return replace(state, applications=without_name(state.applications, event.application))
        case env1.EnvironmentDeleted():
            return replace(state, exists=False, policy=None, applications=())
        case env1.ManifestCommitted():
            return replace(state, manifest=committed(event))
        case _:
            return state
