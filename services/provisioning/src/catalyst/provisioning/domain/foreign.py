"""What other services decide and changes depend on: their events, folded as far as plans need.

Read and guarded like this service's own; never written here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain.application import fingerprint

replace = msgspec.structs.replace

CAPTURED_MAX: Final = 1_000
"""Captures that are known; a change asks about its own within a day."""

# ---- the Organization


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """Whether something may change below it, and what stands in it."""

    phase: Literal["absent", "onboarding", "ready", "failed", "deleted"] = "absent"
    suspended: str = ""
    """Why it is suspended; empty: it is not."""
    environments: tuple[str, ...] = ()
    """Names of its Environments, sorted."""
    policies: tuple[str, ...] = ()
    """Names of its EnvironmentPolicies, sorted; they go with it alone."""
    owners: tuple[env1.Owner, ...] = ()
    """Who has which role in it."""


def organization_ref(slug: str) -> Ref:
    """Return the Organization with this slug."""
    return Ref(slug, "environment", "organization", slug)


def evolve_organization(state: Organization, event: Event) -> Organization:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case env1.OrganizationCreated():
            return replace(state, phase="onboarding", owners=event.owners)
        case env1.OwnersChanged():
            return replace(state, owners=event.owners)
        case env1.OnboardingRestarted():
            return replace(state, phase="onboarding")
        case env1.OrganizationReady():
            return replace(state, phase="ready")
        case env1.OrganizationFailed():
            return replace(state, phase="failed")
        case env1.OrganizationDeleted():
            return replace(state, phase="deleted", environments=(), policies=(), owners=())
        case env1.OrganizationSuspended():
            return replace(state, suspended=event.reason)
        case env1.OrganizationResumed():
            return replace(state, suspended="")
        case env1.EnvironmentAdded() | env1.EnvironmentRemoved() | env1.PolicyAdded():
            return _below(state, event)
        case _:
            return state


def _below(
    state: Organization, event: env1.EnvironmentAdded | env1.EnvironmentRemoved | env1.PolicyAdded
) -> Organization:
    match event:
        case env1.EnvironmentAdded():
            return replace(state, environments=_with(state.environments, event.environment))
        case env1.EnvironmentRemoved():
            left = tuple(name for name in state.environments if name != event.environment)
            return replace(state, environments=left)
        case env1.PolicyAdded():
            return replace(state, policies=_with(state.policies, event.policy))


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(sorted({*names, name}))


# ---- the Environment


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where it runs, and under which policy."""

    exists: bool = False
    env_type: env1.EnvType = "dev"
    branch: str = ""
    regions: tuple[env1.Region, ...] = ()
    policy: str | None = None
    applications: tuple[str, ...] = ()
    """Applications that were admitted, sorted."""


def environment_ref(organization: str, name: str) -> Ref:
    """Return the Environment of an Organization with this name."""
    return Ref(organization, "environment", "environment", name)


def evolve_environment(state: Environment, event: Event) -> Environment:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case env1.EnvironmentCreated():
            return Environment(
                exists=True,
                env_type=event.env_type,
                branch=event.branch,
                regions=event.regions,
                policy=event.policy,
            )
        case env1.EnvironmentUpdated():
            return replace(state, regions=event.regions)
        case env1.PolicyAttached():
            return replace(state, policy=event.policy)
        case env1.ApplicationAdmitted():
            names = tuple(sorted({*state.applications, event.application}))
            return replace(state, applications=names)
        case env1.ApplicationReleased():
            names = tuple(name for name in state.applications if name != event.application)
            return replace(state, applications=names)
        case env1.EnvironmentDeleted():
            return Environment()
        case _:
            return state


# ---- the EnvironmentPolicy


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What it demands before something may change."""

    exists: bool = False
    approvals: tuple[env1.Approval, ...] = ()
    windows: tuple[env1.Window, ...] = ()
    applications_max: int | None = None
    """How many Applications may stand in each Environment under it; None: no limit."""
    soak_minutes: int = 0
    """How long a change runs elsewhere first; told in plans, and not checked."""
    required_score: int | None = None
    """Which compliance score must be reached; likewise."""


def policy_ref(organization: str, name: str) -> Ref:
    """Return the EnvironmentPolicy of an Organization with this name."""
    return Ref(organization, "environment", "policy", name)


def evolve_policy(state: Policy, event: Event) -> Policy:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case env2.PolicyDefined():
            return Policy(
                exists=True,
                approvals=event.approvals,
                windows=event.windows,
                applications_max=event.applications_max,
                soak_minutes=event.soak_minutes,
                required_score=event.required_score,
            )
        case env1.PolicyDeleted():
            return Policy()
        case _:
            return state


# ---- a Blueprint


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a Blueprint."""

    digest: str
    yanked: str = ""
    """Why it was yanked; empty: it was not."""


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """Its versions, and whether it may be installed."""

    versions: dict[str, Version] = {}
    withdrawn: bool = False


def blueprint_ref(organization: str, origin: str, name: str) -> Ref:
    """Return a Blueprint; private ones belong to the Organization, all others to the platform."""
    owner = organization if origin == "private" else None
    return Ref(owner, "blueprint", "blueprint", f"{origin}-{name}")


def evolve_blueprint(state: Blueprint, event: Event) -> Blueprint:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case blue1.VersionRegistered():
            known = Version(digest=event.digest)
        case blue1.VersionYanked():
            found = state.versions.get(event.version, Version(digest=""))
            known = replace(found, yanked=event.reason)
        case blue1.BlueprintWithdrawn():
            return replace(state, withdrawn=True)
        case _:
            return state
    return replace(state, versions={**state.versions, event.version: known})


# ---- the price book


class PriceBook(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions there are, and from when on each is in force."""

    versions: dict[str, datetime] = {}
    """When each begins, in the order in which they were applied."""

    def in_force(self, now: datetime) -> str:
        """Return the version that began last; of two the one applied later; empty: none."""
        begun = [name for name, start in reversed(self.versions.items()) if start <= now]
        return max(begun, key=self.versions.__getitem__, default="")


PRICE_BOOK: Final = Ref(None, "billing", "price-book", "default")


def evolve_price_book(state: PriceBook, event: Event) -> PriceBook:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case bill1.PriceBookApplied():
            versions = {**state.versions, event.content.version: event.content.start}
            return PriceBook(versions=versions)
        case _:
            return state


# ---- the account


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken of what it held."""

    captured: tuple[str, ...] = ()
    """The changes for which it was, the newest last."""


ACCOUNT_EVENTS: Final[frozenset[type[Event]]] = frozenset({bill1.HoldCaptured})
"""All of an account that is looked at here: each posting is another one."""


def account_ref(organization: str) -> Ref:
    """Return the Organization's account."""
    return Ref(organization, "billing", "account", organization)


def evolve_account(state: Account, event: Event) -> Account:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case bill1.HoldCaptured():
            return Account(captured=(*state.captured, event.hold)[-CAPTURED_MAX:])
        case _:
            return state


# ---- their versions, as plans name them


def organization_version(state: Organization) -> str:
    """Return whether it may change: so the end of its onboarding is none, and its failure is one.

    Which Environments it has matters to its deletion alone.
    """
    phase = "ready" if state.phase == "onboarding" else state.phase
    content = (phase, state.suspended)
    return f"{'suspended' if state.suspended else phase}#{fingerprint(content)}"


def environments_version(state: Organization) -> str:
    """Return which Environments it has."""
    return f"{len(state.environments)}#{fingerprint(state.environments)}"


def environment_version(state: Environment) -> str:
    """Return the version of an Environment without the Applications that stand in it."""
    content = (state.exists, state.env_type, state.branch, state.regions, state.policy)
    return f"{state.env_type if state.exists else 'gone'}#{fingerprint(content)}"


def policy_version(state: Policy) -> str:
    """Return the version of a policy without its quota, which is judged when Applications come."""
    content = {name: getattr(state, name) for name in ("exists", "approvals", "windows")}
    return f"{'defined' if state.exists else 'gone'}#{fingerprint(content)}"


def blueprint_version(state: Blueprint, version: str) -> str:
    """Return whether a version can be had, and its content."""
    found = state.versions.get(version)
    if found is None:
        return "gone"
    word = "withdrawn" if state.withdrawn else "yanked" if found.yanked else "available"
    return f"{version} {word}#{found.digest[:16]}"


def price_book_version(state: PriceBook, now: datetime) -> str:
    """Return the version in force."""
    return state.in_force(now) or "none"
