"""Creating an Organization, changing its record, and replacing its owners.

A create of what exists is refused. An update or a list of owners that is already so changes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context, Decision, Emit, TakeClaim, emit
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Claim, Ref
from catalyst.environment_controller.domain import naming
from catalyst.environment_controller.domain.findings import SUBJECT, Findings
from catalyst.environment_controller.domain.identity import check_identity
from catalyst.environment_controller.domain.organization import (
    Organization,
    ref_of,
    require_changeable,
    require_existing,
    require_own_place,
)
from catalyst.environment_controller.domain.people import check_owners

T = TypeVar("T")

HOST_MAX: Final = 253
_BACKEND: Final = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""Name of a Kubernetes Service: RFC 1035."""


def slug_claim(slug: str) -> Claim:
    """Return the claim of an Organization's slug; it is never released."""
    return Claim("organization", slug)


def host_claim(front: env1.PublicFront | None, slug: str) -> Claim | None:
    """Return the claim of a public host, or None without one."""
    if front is None:
        return None
    return Claim("host", f"{front.subdomain or slug}.{front.parent_domain}")


def _given(value: T | msgspec.UnsetType, present: T) -> T:
    return present if value is msgspec.UNSET else value


# ---- create


def reads_create(
    _state: Organization, command: env1.CreateOrganization, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the parent and the claims that creating looks at."""
    found: list[Ref | Claim] = [slug_claim(ref.id)]
    host = host_claim(command.public_front, ref.id)
    if host is not None:
        found.append(host)
    if command.parent_org is not None and command.parent_org != ref.id:
        found.append(ref_of(command.parent_org))
    return found


def create(state: Organization, command: env1.CreateOrganization, context: Context) -> Decision:
    """Create the Organization and claim its slug and its public host.

    Raises:
        Rejected: `organization-exists`, `slug-taken`, or the first broken rule with all of them.
    """
    require_own_place(context)
    slug = context.ref.id
    if state.exists:
        raise Rejected(
            "organization-exists", f"the Organization {slug!r} exists already", pointer=SUBJECT
        )
    if state.phase == "deleted" or context.claims[slug_claim(slug)].ever:
        raise Rejected("slug-taken", f"the slug {slug!r} was used before", pointer=SUBJECT)
    found = Findings()
    naming.check_slug(slug, found, SUBJECT)
    _check_billing(command.kind, command.billing_mode, found)
    _check_parent(command.parent_org, context, found)
    check_identity(command.identity, found)
    _check_front(command.public_front, None, context, found)
    check_owners(command.owners, found)
    if command.policy_delegated:
        _check_delegation(context, found)
    found.settle()
    host = host_claim(command.public_front, slug)
    return Decision(
        events=(Emit(_created(command, slug)),),
        claims=tuple(TakeClaim(claim) for claim in (slug_claim(slug), host) if claim is not None),
    )


def _created(command: env1.CreateOrganization, slug: str) -> env1.OrganizationCreated:
    return env1.OrganizationCreated(
        slug=slug,
        display_name=command.display_name,
        kind=command.kind,
        tier=command.tier,
        billing_mode=command.billing_mode,
        sovereign_ref=command.sovereign_ref,
        owners=command.owners,
        parent_org=command.parent_org,
        default_environment_type=command.default_environment_type,
        identity=command.identity,
        public_front=command.public_front,
        plan_slug=command.plan_slug,
        policy_delegated=command.policy_delegated,
    )


# ---- update


def reads_update(
    state: Organization, command: env1.UpdateOrganization, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the public hosts that are taken or given back."""
    front = _given(command.public_front, state.public_front)
    claims = {host_claim(state.public_front, ref.id), host_claim(front, ref.id)}
    return sorted(claim for claim in claims if claim is not None)


def update(state: Organization, command: env1.UpdateOrganization, context: Context) -> Decision:
    """Change what the command names; nothing happens if all of it is so already.

    Raises:
        Rejected: The first broken rule with all of them.
    """
    slug = context.ref.id
    require_existing(state, slug)
    present, wanted = _record(state, slug), _wanted(state, command, slug)
    if wanted == present:
        return Decision()
    found = Findings()
    _check_terms(present, wanted, context, found)
    if wanted.policy_delegated != present.policy_delegated:
        _check_delegation(context, found)
    _check_billing(state.kind, wanted.billing_mode, found)
    if wanted.identity != present.identity:
        check_identity(wanted.identity, found)
    _check_front(wanted.public_front, state.public_front, context, found)
    found.settle()
    before, after = host_claim(state.public_front, slug), host_claim(wanted.public_front, slug)
    claims = []
    if before != after:
        claims += [TakeClaim(before, release=True)] if before is not None else []
        claims += [TakeClaim(after)] if after is not None else []
    return Decision(events=(Emit(wanted),), claims=tuple(claims))


def _record(state: Organization, slug: str) -> env1.OrganizationUpdated:
    """Return the changeable part of the state, as the event that would set it."""
    return env1.OrganizationUpdated(
        slug=slug,
        display_name=state.display_name,
        tier=state.tier,
        billing_mode=state.billing_mode,
        default_environment_type=state.default_environment_type,
        identity=state.identity,
        public_front=state.public_front,
        plan_slug=state.plan_slug,
        policy_delegated=state.policy_delegated,
    )


def _wanted(
    state: Organization, command: env1.UpdateOrganization, slug: str
) -> env1.OrganizationUpdated:
    return env1.OrganizationUpdated(
        slug=slug,
        display_name=_given(command.display_name, state.display_name),
        tier=_given(command.tier, state.tier),
        billing_mode=_given(command.billing_mode, state.billing_mode),
        default_environment_type=_given(
            command.default_environment_type, state.default_environment_type
        ),
        identity=_given(command.identity, state.identity),
        public_front=_given(command.public_front, state.public_front),
        plan_slug=_given(command.plan_slug, state.plan_slug),
        policy_delegated=_given(command.policy_delegated, state.policy_delegated),
    )


# ---- owners


def change_owners(state: Organization, command: env1.ChangeOwners, context: Context) -> Decision:
    """Replace the list of owners; the same people with the same roles change nothing.

    Raises:
        Rejected: The first broken rule with all of them.
    """
    require_existing(state, context.ref.id)
    found = Findings()
    check_owners(command.owners, found)
    found.settle()
    if _people(command.owners) == _people(state.owners):
        return Decision()
    return emit(env1.OwnersChanged(slug=context.ref.id, owners=command.owners))


def _people(owners: Sequence[env1.Owner]) -> list[tuple[str, str]]:
    return sorted((owner.email, owner.role) for owner in owners)


# ---- rules that look at more than one field


def _check_billing(kind: env1.Kind, mode: env1.BillingMode, found: Findings) -> None:
    if mode == "real" and kind != "customer":
        found.add(
            "billing-mode-kind",
            "/data/billing_mode",
            f"billing mode 'real' is for customers; this Organization is {kind!r}",
        )


def _check_parent(parent: str | None, context: Context, found: Findings) -> None:
    if parent is None:
        return
    if parent == context.ref.id:
        found.add("parent-self", "/data/parent_org", "an Organization is not its own parent")
        return
    above: Organization = context.reads[ref_of(parent)]
    if not above.exists:
        found.add("parent-not-found", "/data/parent_org", f"there is no Organization {parent!r}")
        return
    try:
        # Its onboarding will ask once more; what is known now need not wait for that.
        require_changeable(above, parent)
    except Rejected as refused:
        found.add(refused.code, "/data/parent_org", refused.message)


def _check_delegation(context: Context, found: Findings) -> None:
    if SOVEREIGN_ADMIN not in context.actor.roles:
        found.add(
            "delegation-forbidden",
            "/data/policy_delegated",
            "only a sovereign-admin decides who edits the Organization's policies",
        )


def _check_terms(
    present: env1.OrganizationUpdated,
    wanted: env1.OrganizationUpdated,
    context: Context,
    found: Findings,
) -> None:
    """Note commercial terms that an Organization would change for itself."""
    if SOVEREIGN_ADMIN in context.actor.roles:
        return
    for name in ("tier", "billing_mode", "plan_slug"):
        if getattr(present, name) != getattr(wanted, name):
            found.add(
                "terms-forbidden",
                f"/data/{name}",
                f"only a sovereign-admin changes {name!r}",
            )


def _check_front(
    front: env1.PublicFront | None,
    present: env1.PublicFront | None,
    context: Context,
    found: Findings,
) -> None:
    if front is None or front == present:
        return
    slug = context.ref.id
    pointer = "/data/public_front/subdomain"
    naming.check_host_label(front.subdomain or slug, found, pointer)
    if front.backend_service and not _BACKEND.fullmatch(front.backend_service):
        found.add(
            "host-invalid",
            "/data/public_front/backend_service",
            f"{front.backend_service!r} is not the name of a Kubernetes Service",
        )
    claim = host_claim(front, slug)
    if claim is None or claim == host_claim(present, slug):
        return
    if len(claim.name) > HOST_MAX:
        found.add("host-invalid", pointer, f"the host {claim.name!r} is too long")
    if context.claims[claim].holder not in {None, context.ref.path}:
        found.add("host-taken", pointer, f"somebody else has the host {claim.name!r}")
