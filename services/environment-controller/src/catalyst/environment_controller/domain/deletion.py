"""Deleting: what a plan says, and when it may be carried out.

A plan is computed from state alone. It lists what goes, in order, what stays, and what stands in
the way. Whoever applies it sends back what was planned; the plan is made again from the state of
that moment, and any difference refuses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.codec import pointer_token
from catalyst.contracts.decision import Context, Decision, Emit, TakeClaim
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.topology import MAX_EVENTS_PER_COMMAND
from catalyst.environment_controller.domain.environment import (
    Environment,
    environment_ref,
    name_claim,
    require_environment,
)
from catalyst.environment_controller.domain.organization import (
    Organization,
    ref_of,
    require_existing,
    told_parent,
)
from catalyst.environment_controller.domain.policy import Policy, policy_ref
from catalyst.environment_controller.domain.registration import host_claim

PLAN_LIFETIME: Final = timedelta(minutes=15)
"""How long a plan may be applied; a person reads it in between."""
AHEAD: Final = timedelta(minutes=1)
"""How much the clock of who planned may be ahead of the broker's."""

_BOOKKEEPING: Final = frozenset({"manifest", "phase", "run", "suspended", "suspended_reason"})
"""Fields that change without changing what a deletion does."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes or stays."""

    kind: str
    name: str
    detail: str


class Blocker(msgspec.Struct, frozen=True, kw_only=True):
    """Why the plan cannot be applied now."""

    code: str
    message: str
    names: tuple[str, ...] = ()
    """What stands in the way, each as `<environment>/<application>`, or as a slug."""


class DeletionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a deletion would do."""

    request: dict[str, str]
    """What was asked for."""
    inputs: dict[str, str]
    """Each thing that the plan depends on, with the digest of its content."""
    goes: tuple[Item, ...]
    """In the order in which it goes."""
    stays: tuple[Item, ...]
    blocked_by: tuple[Blocker, ...] = ()

    @property
    def hash(self) -> str:
        """Fingerprint of request and inputs; the same for any order of keys, and at any time."""
        return plan_hash(self.request, self.inputs)


def plan_hash(request: Mapping[str, str], inputs: Mapping[str, str]) -> str:
    """Return the fingerprint of what was asked and of what it depends on."""
    content = {"request": dict(request), "inputs": dict(inputs)}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def content_digest(state: msgspec.Struct) -> str:
    """Return the digest of a state's content; bookkeeping and time are no part of it."""
    content = {
        name: value
        for name, value in msgspec.structs.asdict(state).items()
        if name not in _BOOKKEEPING
    }
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


# ---- plans


def plan_environment(name: str, state: Environment, owner: Organization) -> DeletionPlan:
    """Return what deleting an Environment would do.

    What goes and what the hash stands for is decided from its own state alone; its Organization may
    stand in the way.

    Raises:
        Rejected: `environment-not-found`.
    """
    require_environment(state, name)
    slug = state.organization
    return DeletionPlan(
        request={"organization": slug, "environment": name},
        inputs={f"environment:{name}": content_digest(state)},
        goes=_environment_goes(name, state),
        stays=(
            Item(kind="policy", name=state.policy, detail="the policy stays with the Organization")
            if state.policy is not None
            else Item(kind="policies", name=slug, detail="no policy is touched"),
            Item(
                kind="branch",
                name=state.branch,
                detail="the branches of Application repositories stay as they are",
            ),
            *_history(slug),
        ),
        blocked_by=(*_suspended(owner), *_applications_present({name: state})),
    )


def plan_organization(
    state: Organization,
    slug: str,
    environments: Mapping[str, Environment],
    policies: Mapping[str, Policy],
) -> DeletionPlan:
    """Return what deleting an Organization would do.

    Args:
        state: The Organization.
        slug: Its slug.
        environments: State of each of its Environments, by name.
        policies: State of each of its policies, by name.

    Raises:
        Rejected: `organization-not-found` or `organization-deleted`.
    """
    require_existing(state, slug)
    goes: list[Item] = []
    for name in sorted(environments):
        goes += _environment_goes(name, environments[name])
    goes += (
        Item(kind="policy", name=name, detail="its manifest is removed")
        for name in sorted(policies)
    )
    host = host_claim(state.public_front, slug)
    if host is not None:
        goes.append(Item(kind="host", name=host.name, detail="others may take the host"))
    goes.append(Item(kind="owners", name=slug, detail=_roles_lost(len(state.owners))))
    goes.append(Item(kind="organization", name=slug, detail="goes last, and its row with it"))
    inputs = {f"organization:{slug}": content_digest(state)}
    inputs |= {f"environment:{name}": content_digest(e) for name, e in environments.items()}
    inputs |= {f"policy:{name}": content_digest(p) for name, p in policies.items()}
    return DeletionPlan(
        request={"organization": slug},
        inputs=inputs,
        goes=tuple(goes),
        stays=(
            Item(kind="slug", name=slug, detail="stays used: no Organization gets it again"),
            Item(kind="repository", name=slug, detail="the Git home is archived, not deleted"),
            *_history(slug),
        ),
        blocked_by=_organization_blockers(state, environments, policies),
    )


def _roles_lost(people: int) -> str:
    who = "one person loses the role" if people == 1 else f"{people} people lose the roles"
    return f"{who} that they have in it"


def _environment_goes(name: str, state: Environment) -> tuple[Item, ...]:
    regions = ", ".join(region.host_cluster for region in state.regions)
    return (
        Item(kind="environment", name=name, detail=f"on {regions}; its manifest is removed"),
        Item(kind="name", name=name, detail="an Environment may be called so again"),
    )


def _history(slug: str) -> tuple[Item, ...]:
    return (
        Item(kind="log", name=slug, detail="every event stays in the log"),
        Item(kind="outcomes", name=slug, detail="outcomes of commands stay for 30 days"),
    )


def _suspended(owner: Organization) -> tuple[Blocker, ...]:
    if not owner.suspended:
        return ()
    return (
        Blocker(
            code="organization-suspended",
            message=f"the Organization is suspended: {owner.suspended_reason}",
        ),
    )


def _applications_present(environments: Mapping[str, Environment]) -> tuple[Blocker, ...]:
    names = tuple(
        f"{name}/{application}"
        for name in sorted(environments)
        for application in environments[name].applications
    )
    if not names:
        return ()
    return (
        Blocker(
            code="applications-present",
            message=f"Applications stand in it: {', '.join(names)}",
            names=names,
        ),
    )


def _children_present(state: Organization) -> tuple[Blocker, ...]:
    if not state.children:
        return ()
    return (
        Blocker(
            code="children-present",
            message=f"other Organizations stand below it: {', '.join(state.children)}",
            names=state.children,
        ),
    )


def _organization_blockers(
    state: Organization,
    environments: Mapping[str, Environment],
    policies: Mapping[str, Policy],
) -> tuple[Blocker, ...]:
    found = [*_applications_present(environments), *_children_present(state)]
    if state.phase == "onboarding":
        found.append(
            Blocker(
                code="onboarding-in-progress",
                message="the Organization is being onboarded; that ends by itself",
            )
        )
    events = len(environments) + len(policies) + 1
    if events > MAX_EVENTS_PER_COMMAND:
        found.append(
            Blocker(
                code="too-large",
                message=(
                    f"{len(environments)} Environments and {len(policies)} policies are more than"
                    f" one deletion takes ({MAX_EVENTS_PER_COMMAND - 1}): delete Environments first"
                ),
            )
        )
    return tuple(found)


# ---- apply


def confirm(plan: DeletionPlan, command: env1.PlannedDeletion, now: datetime) -> None:
    """Refuse a plan that is expired, blocked, or not what would happen now.

    Raises:
        Rejected: `plan-expired`; `expiry-far`; the first blocker's code; `plan-stale`, with one
            error for each input that changed.
    """
    if now > command.expires:
        raise Rejected("plan-expired", "the plan is past its expiry", pointer="/data/expires")
    if command.expires > now + PLAN_LIFETIME + AHEAD:
        message = "no plan may be applied for so long: send back the expiry that it was given"
        raise Rejected("expiry-far", message, pointer="/data/expires")
    if plan.blocked_by:
        raise _blocked(plan.blocked_by)
    if command.request != plan.request:
        raise Rejected("plan-stale", "the plan was made for another thing", pointer="/data/request")
    changed = sorted(
        name
        for name in command.inputs.keys() | plan.inputs.keys()
        if command.inputs.get(name) != plan.inputs.get(name)
    )
    if changed:
        raise Rejected(
            "plan-stale",
            f"what was planned has changed: {', '.join(map(_called, changed))}",
            [
                FieldError(
                    pointer=f"/data/inputs/{pointer_token(name)}",
                    rule="plan-stale",
                    message=_change(name, command.inputs, plan.inputs),
                )
                for name in changed
            ],
        )
    if command.hash != plan.hash:
        raise Rejected("plan-stale", "the hash does not belong to this plan", pointer="/data/hash")


def _blocked(blockers: Sequence[Blocker]) -> Rejected:
    first = blockers[0]
    errors = [
        FieldError(pointer="", rule=blocker.code, message=name or blocker.message)
        for blocker in blockers
        for name in blocker.names or ("",)
    ]
    return Rejected(first.code, first.message, errors)


def _change(name: str, planned: Mapping[str, str], present: Mapping[str, str]) -> str:
    word = "is not as it was" if name in present else "is gone since"
    return f"{_called(name)} {word if name in planned else 'was added since'}"


def _called(name: str) -> str:
    """Return what an input is about, in words."""
    kind, _, own = name.partition(":")
    return f"the {'EnvironmentPolicy' if kind == 'policy' else kind.capitalize()} {own}"


def reads_environment(
    _state: Environment, _command: env1.ApplyEnvironmentDeletion, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the Organization, which loses the Environment, and the claim of the name."""
    return (ref_of(ref.organization or ""), name_claim(ref.id))


def apply_environment(
    state: Environment, command: env1.ApplyEnvironmentDeletion, context: Context
) -> Decision:
    """Delete the Environment as planned, free its name, and tell the Organization.

    Raises:
        Rejected: `environment-not-found`, or as `confirm`.
    """
    slug, name = context.ref.organization or "", context.ref.id
    confirm(plan_environment(name, state, context.reads[ref_of(slug)]), command, context.now)
    deleted = env1.EnvironmentDeleted(environment=name, organization=slug)
    removed = env1.EnvironmentRemoved(slug=slug, environment=name)
    return Decision(
        events=(Emit(deleted), Emit(removed, ref_of(slug))),
        claims=(TakeClaim(name_claim(name), release=True),),
    )


def reads_organization(
    state: Organization, _command: env1.ApplyOrganizationDeletion, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name everything that goes with the Organization."""
    found: list[Ref | Claim] = []
    for name in state.environments:
        found += (environment_ref(ref.id, name), name_claim(name))
    found += (policy_ref(ref.id, name) for name in state.policies)
    host = host_claim(state.public_front, ref.id)
    if host is not None:
        found.append(host)
    return found


def apply_organization(
    state: Organization, command: env1.ApplyOrganizationDeletion, context: Context
) -> Decision:
    """Delete the Organization as planned, with its Environments and policies, all or nothing.

    Its parent lets go of it.

    Raises:
        Rejected: `organization-not-found`, `organization-deleted`, or as `confirm`.
    """
    slug = context.ref.id
    environments = {name: context.reads[environment_ref(slug, name)] for name in state.environments}
    policies = {name: context.reads[policy_ref(slug, name)] for name in state.policies}
    confirm(plan_organization(state, slug, environments, policies), command, context.now)
    host = host_claim(state.public_front, slug)
    released = [name_claim(name) for name in environments]
    return Decision(
        events=(
            *(
                Emit(
                    env1.EnvironmentDeleted(environment=name, organization=slug),
                    environment_ref(slug, name),
                )
                for name in environments
            ),
            *(Emit(env1.PolicyDeleted(policy=name), policy_ref(slug, name)) for name in policies),
            Emit(env1.OrganizationDeleted(slug=slug)),
        ),
        claims=tuple(
            TakeClaim(claim, release=True)
            for claim in (*released, *((host,) if host is not None else ()))
        ),
        commands=told_parent(state),
    )
