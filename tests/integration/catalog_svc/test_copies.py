"""What a plan says of the copies that there are, from the log of the real broker."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.billing.town import OWNER, ROOT
from tests.integration.catalog_svc.town import Town
from tests.integration.provisioning.town import PROD
from tests.support.rig import Sender

from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.real

SAFE = "bp-vaultwarden"
MEANS = f"{SAFE} is made for one in an Organization, and acme would have"
OWNERS = [{"email": who, "role": "owner"} for who in (OWNER, "ben@example.org")]


async def sent(town: Town, command: str, name: str, data: Any, by: str = ROOT) -> None:
    sender = Sender(town.js)
    token = town.keys.people().person(by, [SOVEREIGN_ADMIN] if by == ROOT else [])
    headers = {"Authorization": f"Bearer {token}"}
    given = await sender.send(command, name, data, organization="acme", headers=headers)
    assert (await sender.outcome("acme", given)).status == "accepted"


async def status(town: Town, change: str) -> str:
    found = (await town.provisioning.states.state(change_ref("acme", change))).status
    assert isinstance(found, str)
    return found


async def planned(town: Town, name: str) -> Plan:
    return await town.plan(SAFE, application=name, values={"domain": f"{name}.example"})


def told(found: Plan) -> list[str]:
    return [risk.message for risk in found.risks if risk.kind == "copies"]


@pytest.mark.guarantee("G14.24")
async def test_a_copy_too_many_is_told_while_the_others_are_on_their_way_or_wait(
    town: Town,
) -> None:
    assert (await town.ask("catalog", "show", {"blueprint": SAFE}))["copies"] == 1
    first = await planned(town, "safe")
    assert told(first) == []
    assert await town.applied("ch-1", first) == ""
    safe = f"safe is on its way to {PROD}"
    assert told(await planned(town, "vault")) == [f"{MEANS} 2: {safe}"]

    await sent(town, "environment.change-owners.v1", "acme", {"owners": OWNERS})
    policy = {"promotion": {"required_approvers": 1}}
    await sent(town, "environment.define-policy.v1", "gate", policy)
    await sent(town, "environment.attach-policy.v1", PROD, {"policy": "gate"})
    second = await planned(town, "vault")
    # It is told, and nobody is kept from it.
    assert await town.applied("ch-2", second) == ""
    assert (await status(town, "ch-1"), await status(town, "ch-2")) == ("running", "waiting")
    vault = f"vault is on its way to {PROD}"
    third = await planned(town, "chest")
    assert told(third) == [f"{MEANS} 3: {safe}, {vault}"]
    # Whoever approves the second is told what its author was.
    shown = await town.ask("provisioning", "planned", {"change": "ch-2"})
    assert [one["message"] for one in shown["plan"]["risks"] if one["kind"] == "copies"] == [
        f"{MEANS} 2: {safe}"
    ]

    enough = {"reason": "One is enough."}
    await sent(town, "provisioning.cancel-change.v1", "ch-2", enough, by=OWNER)
    again = await planned(town, "chest")
    assert told(again) == [f"{MEANS} 2: {safe}"]
    assert again.hash == third.hash
    # What came to nothing is looked at no more.
    assert town.planner.names.of("acme", f"public-{SAFE}") == {"safe": 1}
