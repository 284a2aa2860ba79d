"""What was installed in a cluster that is gone for good can be taken away, and is paid no more."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.provisioning.town import PROD, Town, passes, town, write
from tests.support import planning
from tests.support.waiting import until

from catalyst.billing.domain import subscription
from catalyst.chassis import clock
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.25")]


WIKI = application_ref("acme", "wiki")


async def silent(place: Town, since: datetime) -> None:
    """Let nothing have been heard of the wiki since then."""
    await write(place.js, WIKI, app1.ApplicationSilent(environment=PROD, since=since))
    place.worker.states.forget([WIKI])


async def test_what_ran_in_a_cluster_that_fell_silent_is_taken_away_once_its_time_is_over(
    js: JetStream, tmp_path: Path
) -> None:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as place:
        assert (
            await place.apply("ch-1", await place.plan(planning.install()))
        ).status == "accepted"
        assert (await place.through("ch-1")).status == "completed"
        # Only just: it may come back.
        fell = clock.now().replace(microsecond=0) - timedelta(minutes=15)
        await silent(place, fell)
        request = PlanRequest(action="uninstall", environment=PROD, application="wiki")
        assert (await place.apply("ch-2", await place.plan(request))).status == "accepted"
        await place.reached("ch-2", "commit")
        await place.report("ch-2", "commit", "wiki")
        await place.reached("ch-2", "observe")
        await passes(js, "ch-2", await place.change("ch-2"))

        async def waits_on() -> bool:
            return (await place.change("ch-2")).attempt > 1

        await until(waits_on)
        waits = await place.change("ch-2")
        assert (waits.status, waits.step, waits.attempt) == ("running", "observe", 2)
        assert waits.deadline == fell + timedelta(hours=24)
        assert PROD in (await place.application("wiki")).bindings
        await silent(place, fell - timedelta(hours=24))
        await passes(js, "ch-2", waits)
        await place.reached("ch-2", "release")
        found = await place.through("ch-2")
        assert (found.status, found.left) == ("completed", ())
        told = [one.event for one in await place.worker.states.history(change_ref("acme", "ch-2"))]
        done = [one for one in told if isinstance(one, pro1.ChangeStepCompleted)]
        (words,) = [one.detail for one in done if one.step == "observe"]
        assert words.startswith(f"nothing reports any more on wiki from {PROD}: ")
        assert PROD not in (await place.application("wiki")).bindings
        sold = await place.money.state(subscription.ref_of("acme", f"wiki.{PROD}"))
        assert sold.status == "ended"
