"""Builders for the environment domain: a valid thing by default, and what matters is visible."""

from datetime import UTC, datetime
from typing import Any

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import roles
from catalyst.contracts.decision import Actor, Recorded
from catalyst.contracts.message import Event
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain.environment import environment_ref
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.domain.policy import policy_ref
from catalyst.environment_controller.domain.progress import onboarding_ref

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

ACME = ref_of("acme")
PROD = environment_ref("acme", "acme-prod")
DEV = environment_ref("acme", "acme-dev")
GATE = policy_ref("acme", "gate")
ONBOARDING = onboarding_ref("acme")

OWNER = env1.Owner(email="ada@acme.example", role="owner")
VIEWER = env1.Owner(email="vi@acme.example", role="viewer")


def person(*held: str) -> Actor:
    """Return a person with these roles for the Organization of the command."""
    return Actor(
        name="user:https://id.example#ada",
        email="ada@acme.example",
        roles=frozenset(held),
        proven=True,
    )


SOVEREIGN_ADMIN = person(roles.SOVEREIGN_ADMIN)
ORG_ADMIN = person(roles.ORG_ADMIN)
SECURITY_OFFICER = person(roles.SECURITY_OFFICER)


def service(name: str) -> Actor:
    """Return one of our services."""
    return Actor(name=f"service:{name}", proven=True)


SELF = service("environment")
PROVISIONING = service("provisioning")


def create_organization(**changes: Any) -> env1.CreateOrganization:
    """Return a command that is accepted for `acme`."""
    return env1.CreateOrganization(
        **{
            "display_name": "Acme",
            "kind": "customer",
            "tier": "sme",
            "billing_mode": "real",
            "sovereign_ref": "cloud.example",
            "owners": (OWNER,),
            **changes,
        }
    )


def organization_created(slug: str = "acme", **changes: Any) -> env1.OrganizationCreated:
    """Return the first fact of an Organization."""
    return env1.OrganizationCreated(
        **{
            "slug": slug,
            "display_name": slug.title(),
            "kind": "customer",
            "tier": "sme",
            "billing_mode": "real",
            "sovereign_ref": "cloud.example",
            "owners": (OWNER,),
            **changes,
        }
    )


def region(
    code: str = "fsn",
    provider: env1.Provider = "hetzner",
    block: env1.BuildingBlock = "rtz",
    host_cluster: str = "",
) -> env1.Region:
    """Return a place to run."""
    return env1.Region(
        provider=provider, region=code, building_block=block, host_cluster=host_cluster
    )


def create_environment(**changes: Any) -> env1.CreateEnvironment:
    """Return a command that is accepted for `acme-prod`."""
    return env1.CreateEnvironment(
        **{
            "env_type": "prod",
            "placement": "single-region",
            "regions": (region(),),
            **changes,
        }
    )


def environment_created(name: str = "acme-prod", **changes: Any) -> env1.EnvironmentCreated:
    """Return the first fact of an Environment of `acme`."""
    env_type = name.rpartition("-")[2]
    return env1.EnvironmentCreated(
        **{
            "environment": name,
            "organization": "acme",
            "env_type": env_type,
            "placement": "single-region",
            "regions": (region(host_cluster=f"hz-fsn-rtz-{env_type}"),),
            "branch": {"prod": "main", "dev": "develop"}.get(env_type, env_type),
            **changes,
        }
    )


def policy_defined(policy: str = "gate", **changes: Any) -> env2.PolicyDefined:
    """Return the content of a policy."""
    return env2.PolicyDefined(
        **{"policy": policy, "approvals": (env1.Approval(quorum=2),), **changes}
    )


def define_policy(**changes: Any) -> env1.DefinePolicy:
    """Return a command that is accepted for `gate`."""
    return env1.DefinePolicy(**{"promotion": env1.Promotion(required_approvers=2), **changes})


def update_policy(**changes: Any) -> env1.UpdatePolicy:
    """Return a command that is accepted for `gate`."""
    return env1.UpdatePolicy(**{"promotion": env1.Promotion(required_approvers=2), **changes})


def recorded(event: Event, ref: Ref, *, seq: int = 1, id_: str = "_e1") -> Recorded:
    """Return an event as it stands in the log."""
    return Recorded(
        event=event,
        type=named(type(event), ref.service).type,
        id=id_,
        ref=ref,
        seq=seq,
        time=NOW,
        actor=SOVEREIGN_ADMIN.name,
        correlationid="c-1",
        causationid="c-1",
    )
