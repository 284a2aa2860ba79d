"""What `catalyst doctor` says of the timers of a real log."""

import asyncio
from datetime import timedelta

import pytest
from tests.support.waiting import until

from catalyst.chassis import timer
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.times import of_text
from catalyst.cli.findings import Health
from catalyst.cli.timercheck import PAGE, timers
from catalyst.contracts import topology as contract
from catalyst.contracts.decision import Arm
from catalyst.contracts.subjects import Ref
from catalyst.contracts.topology import EV

TIME = {"look_seconds": 60.0}
"""For all of them, however busy the machine is."""
pytestmark = [pytest.mark.real, pytest.mark.guarantee("G7.26")]


async def arm(js: JetStream, name: str, after: timedelta, account: str = "acme") -> None:
    """Arm a timer of an account of `acme`."""
    now = of_text((await js.api(f"STREAM.INFO.{EV}", None))["ts"])
    ref = Ref("acme", "billing", "account", account)
    await js.publish(timer.arm(ref, Arm(timer=name, after=after), now=now, done_id=name))


async def test_what_has_fired_is_armed_no_more_and_what_is_due_later_is_well(
    js: JetStream,
) -> None:
    await topology.ensure(js, contract.topology_of("billing"))
    await arm(js, "month", timedelta(hours=1))
    await arm(js, "lapse", timedelta(seconds=1))

    async def fired() -> bool:
        return (await timers(js, **TIME)).detail == "1 armed, none is overdue"

    await until(fired)
    # As it is said of one that did not fire in time: this is due in an hour.
    found = await timers(js, late_seconds=-7200.0, **TIME)
    assert found.health is Health.FAIL
    assert found.detail.startswith("1 of 1 are overdue, the first since ")
    assert found.detail.endswith(": tmr.acme.billing.account.acme.month")


async def test_what_is_late_is_found_behind_however_many_that_were_armed_before(
    js: JetStream,
) -> None:
    await topology.ensure(js, contract.topology_of("billing"))
    many = 2 * PAGE + 1
    long = timedelta(days=300)
    await asyncio.gather(*(arm(js, "expire", long, f"a{number}") for number in range(many)))
    assert (await timers(js, **TIME)).detail == f"{many} armed, none is overdue"
    await arm(js, "month", timedelta(hours=1))
    found = await timers(js, late_seconds=-7200.0, **TIME)
    assert found.detail.startswith(f"1 of {many + 1} are overdue, the first since ")
    assert found.detail.endswith(": tmr.acme.billing.account.acme.month")
    # As where there are more of them than there is time for.
    found = await timers(js, late_seconds=-7200.0, look_seconds=0.0)
    assert found.health is Health.SKIPPED
