"""Questions that need a rule: what a deletion would do.

The chassis calls them, once it knows that the one who asks may send the command that follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.chassis import clock
from catalyst.chassis.service import Loader, Query
from catalyst.contracts import codec
from catalyst.contracts.blocked_environment import of_obstacle
from catalyst.contracts.decision import Actor
from catalyst.contracts.environment_v1 import (
    ApplyEnvironmentDeletion,
    ApplyOrganizationDeletion,
    Slug,
)
from catalyst.contracts.registry import BY_SHAPE
from catalyst.contracts.rejection import Rejected
from catalyst.environment_controller.domain import deletion
from catalyst.environment_controller.domain.environment import environment_ref
from catalyst.environment_controller.domain.organization import ref_of, require_existing
from catalyst.environment_controller.domain.policy import policy_ref


class OrganizationDeletion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what deleting an Organization would do."""

    organization: Slug | None = None
    """None: the one that the question is addressed under."""


class EnvironmentDeletion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what deleting an Environment would do."""

    environment: str
    organization: Slug | None = None
    """None: the one that the question is addressed under."""


def _require_same(asked: str | None, organization: str) -> None:
    if asked is not None and asked != organization:
        raise Rejected(
            "subject-mismatch",
            f"the question is addressed under {organization!r}",
            pointer="/organization",
        )


def _answer(plan: deletion.DeletionPlan) -> Any:
    """Return the plan as JSON: `request`, `hash`, `inputs`, `expires` are what an apply sends.

    What stands in the way has a `chain`, as in the plans of provisioning: told and not promised.
    """
    expires = (clock.now() + deletion.PLAN_LIFETIME).replace(microsecond=0)
    return {
        **msgspec.to_builtins(plan),
        "blocked_by": [_explained(plan.request, one) for one in plan.blocked_by],
        "hash": plan.hash,
        "expires": msgspec.to_builtins(expires),
    }


def _explained(request: Mapping[str, str], blocker: deletion.Blocker) -> dict[str, Any]:
    links = of_obstacle(
        blocker.code,
        blocker.message,
        request.get("environment", ""),
        request["organization"],
        blocker.names,
    )
    return {**msgspec.to_builtins(blocker), "chain": msgspec.to_builtins(links)}


async def plan_organization_deletion(
    request: Mapping[str, Any], organization: str, _actor: Actor, load: Loader
) -> Any:
    """Answer what deleting an Organization would do.

    Raises:
        Rejected: For a wrong request, or an Organization that is not there.
    """
    _require_same(codec.question(request, OrganizationDeletion).organization, organization)
    state = await load(ref_of(organization))
    require_existing(state, organization)
    environments = {
        name: await load(environment_ref(organization, name)) for name in state.environments
    }
    policies = {name: await load(policy_ref(organization, name)) for name in state.policies}
    return _answer(deletion.plan_organization(state, organization, environments, policies))


async def plan_environment_deletion(
    request: Mapping[str, Any], organization: str, _actor: Actor, load: Loader
) -> Any:
    """Answer what deleting an Environment would do.

    Raises:
        Rejected: For a wrong request, or an Environment that is not there.
    """
    asked = codec.question(request, EnvironmentDeletion)
    _require_same(asked.organization, organization)
    state = await load(environment_ref(organization, asked.environment))
    owner = await load(ref_of(organization))
    return _answer(deletion.plan_environment(asked.environment, state, owner))


QUERIES: Final = (
    Query(
        name="plan-organization-deletion",
        version=1,
        for_command=BY_SHAPE[ApplyOrganizationDeletion].type,
        run=plan_organization_deletion,
    ),
    Query(
        name="plan-environment-deletion",
        version=1,
        for_command=BY_SHAPE[ApplyEnvironmentDeletion].type,
        run=plan_environment_deletion,
    ),
)
