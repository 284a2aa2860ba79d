"""An EnvironmentPolicy: what it demands before something may change, and who may edit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.decision import Context, Decision, Emit, emit
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import ORG_ADMIN, SECURITY_OFFICER, SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import naming
from catalyst.environment_controller.domain.findings import SUBJECT, Findings
from catalyst.environment_controller.domain.manifest import Committed, committed, record
from catalyst.environment_controller.domain.organization import (
    SERVICE,
    Organization,
    ref_of,
    require_changeable,
)
from catalyst.environment_controller.domain.spelling import normalize

AGGREGATE: Final = "policy"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One EnvironmentPolicy, in the one spelling that is kept."""

    exists: bool = False
    name: str = ""
    approvals: tuple[env1.Approval, ...] = ()
    soak_minutes: int = 0
    source_environment: str = ""
    required_score: int | None = None
    severity: str = ""
    windows: tuple[env1.Window, ...] = ()
    weights: dict[str, env1.Weight] = {}
    modes: dict[str, Literal["permissive", "enforcing"]] = {}
    environments: tuple[str, ...] = ()
    """Names of the Environments that it may be put on; empty means all."""
    applications_max: int | None = None
    """How many Applications may stand in each Environment under it; None: no limit."""
    manifest: Committed = Committed()

    def applies_to(self, environment: str) -> bool:
        """Return whether an Environment may be put under this policy."""
        return not self.environments or environment in self.environments


def policy_ref(organization: str, name: str) -> Ref:
    """Return the EnvironmentPolicy of an Organization with this name."""
    return Ref(organization, SERVICE, AGGREGATE, name)


def require_editor(organization: Organization, context: Context) -> None:
    """Refuse an org-admin whose Organization may not edit its own policies.

    Raises:
        Rejected: `policy-not-delegated`, or `forbidden` for anyone without a fitting role.
    """
    roles = context.actor.roles
    if not roles.isdisjoint({SOVEREIGN_ADMIN, SECURITY_OFFICER}):
        return
    if ORG_ADMIN not in roles:
        raise Rejected("forbidden", "the actor's roles do not allow to edit policies")
    if not organization.policy_delegated:
        raise Rejected(
            "policy-not-delegated",
            f"the policies of {context.ref.organization!r} are not delegated to its own admins",
        )


def _owner(context: Context) -> tuple[str, Organization]:
    slug = context.ref.organization or ""
    return slug, context.reads[ref_of(slug)]


def reads_owner(_state: Policy, _command: env1.DefinePolicy, ref: Ref) -> Sequence[Ref]:
    """Name the Organization, whose delegation and suspension count."""
    return (ref_of(ref.organization or ""),)


def define(state: Policy, command: env1.DefinePolicy, context: Context) -> Decision:
    """Define a policy, and tell its Organization that it has one more.

    Raises:
        Rejected: `policy-exists`, or the first broken rule with all of them.
    """
    slug, organization = _owner(context)
    require_changeable(organization, slug)
    require_editor(organization, context)
    if state.exists:
        raise Rejected(
            "policy-exists", f"the policy {context.ref.id!r} exists already", pointer=SUBJECT
        )
    found = Findings()
    naming.check_policy_name(context.ref.id, found, SUBJECT)
    defined = normalize(context.ref.id, slug, command, found)
    found.settle()
    added = env1.PolicyAdded(slug=slug, policy=context.ref.id)
    return Decision(events=(Emit(defined), Emit(added, ref_of(slug))))


def update(state: Policy, command: env1.UpdatePolicy, context: Context) -> Decision:
    """Replace the whole content of a policy; the same content changes nothing.

    An Environment that is under the policy stays under it, even if `applies_to` no longer names
    it: that list is judged when a policy is attached.

    Raises:
        Rejected: `policy-not-found`, or the first broken rule with all of them.
    """
    slug, organization = _owner(context)
    require_changeable(organization, slug)
    require_editor(organization, context)
    if not state.exists:
        raise Rejected(
            "policy-not-found", f"there is no policy {context.ref.id!r}", pointer=SUBJECT
        )
    found = Findings()
    defined = normalize(context.ref.id, slug, command, found)
    found.settle()
    if evolve(state, defined) == state:
        return Decision()
    return emit(defined)


def record_commit(state: Policy, command: env1.RecordCommit, context: Context) -> Decision:
    """Note the commit that holds the policy's manifest, if it is newer."""
    if not state.name:
        raise Rejected("policy-not-found", f"there is no policy {context.ref.id!r}")
    return record(state.manifest, command, context)


def evolve(state: Policy, event: Event) -> Policy:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case env2.PolicyDefined():
            return Policy(
                exists=True,
                name=event.policy,
                approvals=event.approvals,
                soak_minutes=event.soak_minutes,
                source_environment=event.source_environment,
                required_score=event.required_score,
                severity=event.severity,
                windows=event.windows,
                weights=event.weights,
                modes=event.modes,
                environments=event.environments,
                applications_max=event.applications_max,
                manifest=state.manifest,
            )
        case env1.PolicyDeleted():
            return replace(state, exists=False)
        case env1.ManifestCommitted():
            return replace(state, manifest=committed(event))
        case _:
            return state
