"""A plan is carried out once, whatever became of that and however often it is sent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.billing.town import OWNER
from tests.integration.provisioning.town import Town, town
from tests.support import planning
from tests.support.rig import Sender

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import codec
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.23")]


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        yield found


async def test_a_plan_of_which_nothing_is_left_is_planned_again(place: Town) -> None:
    await place.apply("ch-0", await place.plan(planning.install()))
    assert (await place.through("ch-0")).status == "completed"
    request = planning.configure(values={"logLevel": "debug"})
    first = await place.plan(request)
    assert (await place.apply("ch-1", first)).status == "accepted"
    await place.report("ch-1", "commit", "wiki")
    await place.reached("ch-1", "observe")
    stop = pro1.CancelChange(reason="not today")
    assert (await place.money.ask(stop, "acme", "ch-1")).status == "accepted"
    assert (await place.through("ch-1")).cancelled
    again = await place.plan(request)
    assert again.hash == first.hash
    refused = await place.apply("ch-2", first)
    assert (refused.code, [one.message for one in refused.errors]) == (
        "plan-stale",
        ["ch-1 was made of this plan already; plan it again"],
    )
    assert (await place.apply("ch-2", again)).status == "accepted"


async def test_of_many_who_send_a_plan_at_once_one_carries_it_out(place: Town) -> None:
    """Of the end of an Environment in which nothing runs, no Application stands in the plan."""
    request = PlanRequest(action="delete-environment", environment="acme-prod")
    first = await place.plan(request)
    done = await asyncio.gather(*(place.apply(f"ch-{number}", first) for number in range(8)))
    assert sorted(one.status for one in done) == ["accepted", *["rejected"] * 7]
    assert {one.code for one in done} <= {"", "plan-stale", "environment-not-found"}


async def test_the_same_command_once_more_has_the_same_outcome(place: Town) -> None:
    found = await place.plan(planning.install())
    command = pro1.ApplyPlan(
        request=found.request, hash=found.hash, inputs=found.inputs, expires=found.expires
    )
    data = codec.decode(codec.encode(command), dict[str, Any], "x")
    headers = {"Authorization": f"Bearer {place.keys.people().person(OWNER, [])}"}
    sender = Sender(place.js)
    answers = []
    for _ in range(2):
        sent = await sender.send(
            "provisioning.apply-plan.v1",
            "ch-1",
            data,
            organization="acme",
            command_id="c-1",
            headers=headers,
        )
        answers.append(await sender.outcome("acme", sent))
    first, again = answers
    assert (first.status, again) == ("accepted", first)
