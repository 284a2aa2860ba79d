"""How many Applications there may be in an Environment, as a plan tells it beforehand.

The owner of the Environment decides when an Application comes: what is told here is no promise, and
no part of the hash. Room is *held* for an Application while the change that brings it is in flight,
*used* once that is over, and free again when it was taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.provisioning.domain import behind
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Blocker
from catalyst.provisioning.domain.steps import is_new, is_removal


def limit(facts: Facts, request: PlanRequest) -> int | None:
    """Return how many there may be where the change happens; None: no limit is set."""
    place = facts.environments.get(request.environment or "")
    policy = facts.policies.get(place.policy) if place is not None and place.policy else None
    return policy.applications_max if policy is not None else None


def counts(facts: Facts, lock: Sequence[Locked], request: PlanRequest) -> dict[str, int]:
    """Return how many there are and will be; with a limit, how many it allows, used and held."""
    present = sum(len(place.applications) for place in facts.environments.values())
    if is_removal(request.action):
        after = max(0, present - sum(item.written for item in lock))
    else:
        after = present + _coming(facts, lock, request)
    found = {"applications": present, "applications_after": after}
    allowed = limit(facts, request)
    if allowed is not None:
        found["applications_limit"] = allowed
        found["applications_used"] = present - len(facts.held)
        found["applications_held"] = len(facts.held)
    return found


def blocked(facts: Facts, lock: Sequence[Locked], request: PlanRequest) -> tuple[Blocker, ...]:
    """Return that there is not enough room for what would come; nothing if there is."""
    if is_removal(request.action):
        return ()
    coming = _coming(facts, lock, request)
    found = counts(facts, lock, request)
    if not coming or found["applications_after"] <= found.get("applications_limit", 1 << 31):
        return ()
    message = (
        f"{request.environment} takes {found['applications_limit']} Applications at most:"
        f" {found['applications_used']} are used, {found['applications_held']} are held,"
        f" and {coming} more would come"
    )
    environment = request.environment or ""
    policy = facts.environments[environment].policy or ""
    chain = behind.full(policy, environment, found["applications_limit"], facts.held)
    return (Blocker(code="quota-exceeded", message=message, chain=chain),)


def _coming(facts: Facts, lock: Sequence[Locked], request: PlanRequest) -> int:
    """Return how many would be admitted; those that are there already are not counted again."""
    place = facts.environments[request.environment or ""]
    new = {item.application for item in lock if item.written and is_new(item, request.action)}
    return len(new - {*place.applications})
