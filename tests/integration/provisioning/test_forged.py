"""What nobody planned is not applied: forged, incomplete, swollen, of another Organization."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.integration.billing.town import OWNER, ROOT
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import planning
from tests.support.invariants import check_log
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.topology import DLQ
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.plan import Plan

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.2")]

replace = msgspec.structs.replace


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        yield found
        await check_log(js)
        assert not (await js.stream_state(DLQ)).messages


async def test_a_plan_that_was_forged_is_refused_and_the_true_one_is_applied_once(
    place: Town,
) -> None:
    true = await place.plan(planning.install())
    more = {f"application:other-{number}@{PROD}": "none#1" for number in range(1000)}
    forged: dict[str, tuple[Plan, str]] = {
        "hash": (replace(true, hash="0" * 64), "plan-stale"),
        "left out": (
            replace(true, inputs={k: v for k, v in true.inputs.items() if k != "lock"}),
            "plan-stale",
        ),
        "added": (replace(true, inputs={**true.inputs, "more": "1"}), "plan-stale"),
        "no name": (replace(true, inputs={**true.inputs, "application:": "1"}), "plan-stale"),
        "swollen": (replace(true, inputs={**true.inputs, **more}), "too-large"),
        "another": (replace(true, request=planning.install(plan="s")), "plan-stale"),
    }
    for what, (found, code) in forged.items():
        assert (what, (await place.apply("ch-1", found)).code) == (what, code)
    assert (await place.apply("ch-1", true)).status == "accepted"
    # It is planned again first, and then there is something already.
    assert (await place.apply("ch-1", true)).code == "application-exists"
    assert (await place.apply("ch-2", true)).code == "application-exists"


async def test_a_plan_of_one_organization_is_none_of_another(place: Town) -> None:
    await place.money.found(["beta"])

    async def ready() -> bool:
        state: foreign.Organization = await place.worker.states.state(
            foreign.organization_ref("beta")
        )
        return state.phase == "ready"

    await until(ready)
    for request in (planning.install(), PlanRequest(action="delete-organization")):
        there = request.environment is not None
        found = await place.plan(request, by=OWNER if there else ROOT)
        command = pro1.ApplyPlan(
            request=found.request, hash=found.hash, inputs=found.inputs, expires=found.expires
        )
        done = await place.money.ask(command, "beta", "ch-1", by=OWNER if there else ROOT)
        assert done.code == ("environment-not-found" if there else "plan-stale")
