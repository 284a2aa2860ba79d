"""The plan of a deletion: what goes with the Applications, as those who own it say.

The environment-controller lists what held them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from catalyst.chassis.service import Asking
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.provisioning.domain import listed, removal_plan
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Blocker, Plan


async def plan(asking: Asking, asked: PlanRequest, facts: Facts, lock: tuple[Locked, ...]) -> Plan:
    """Return what the deletion of an Environment or an Organization would do.

    Raises:
        Rejected: As the environment-controller's plan is refused.
    """
    kind = "organization" if asked.environment is None else "environment"
    request = {} if asked.environment is None else {"environment": asked.environment}
    answer = await asking.ask("environment", f"plan-{kind}-deletion", 1, facts.name, request)
    found = removal_plan.plan(
        asked,
        facts,
        lock,
        beyond=_items(answer["goes"]),
        kept=_items(answer["stays"]),
        named=listed.names(answer),
    )
    # Applications stand in the way only until they have gone, which this plan lets them.
    more = tuple(
        Blocker(code=item["code"], message=item["message"])
        for item in answer["blocked_by"]
        if item["code"] != "applications-present"
        and not (item["code"] == "organization-suspended" and asked.environment is None)
    )
    known = {item.code for item in found.blocked_by}
    new = tuple(item for item in more if item.code not in known)
    return msgspec.structs.replace(found, blocked_by=(*found.blocked_by, *new))


def _items(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(f"{item['kind']} {item['name']}: {item['detail']}" for item in found)
