"""Many installs at once: each is accounted for, and every branch is one line of commits.

Twenty in two Environments at a desk, 120 in twelve in CI, which is a minute of one core;
`CATALYST_INSTALLS=200` makes it two hundred in twenty.
"""

import asyncio
import os
from pathlib import Path

import pytest
from tests.integration.billing.town import CASHIER, OWNER
from tests.integration.provisioning.endings import histories
from tests.integration.provisioning.site import Site, applying, ask, connected, plan
from tests.integration.provisioning.town import Town
from tests.support import billing, planning
from tests.support.broker import SharedBroker
from tests.support.invariants import check_log
from tests.support.rig import Sender
from tests.support.waiting import until

from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.topology import DLQ
from catalyst.provisioning.domain import foreign

INSTALLS = int(os.environ.get("CATALYST_INSTALLS", "120" if os.environ.get("CI") else "20"))
EACH = 10
"""Installs in each Environment."""
SHARED = 2
"""In so many Environments at once each Application is installed, so that they meet on it."""
AT_ONCE = 30
"""People who ask for a plan at the same time; what is applied all goes on at once."""
pytestmark = pytest.mark.real


def environment(number: int) -> str:
    return f"acme-e{number}-dev"


async def furnish(place: Town, count: int) -> None:
    """Make Environments, and let there be enough credit."""
    paid = bill1.RecordPayment(payment="p2", amount=billing.omr(5_000_000), reference="t 2")
    assert (await place.money.ask(paid, "acme", by=CASHIER)).status == "accepted"
    sender = Sender(place.js)
    token = place.keys.people().person(OWNER, [])
    for number in range(count):
        sent = await sender.send(
            "environment.create-environment.v1",
            environment(number),
            {
                "env_type": "dev",
                "label": f"e{number}",
                "placement": "single-region",
                "regions": [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}],
            },
            organization="acme",
            headers={"Authorization": f"Bearer {token}"},
        )
        done = await sender.outcome("acme", sent)
        assert done.status == "accepted", (done.code, done.message, done.errors)


async def install(place: Town, application: str, where: str, turns: asyncio.Semaphore) -> str:
    """Plan and apply until the plan is still true when it comes; return the change's name."""
    request = PlanRequest(
        action="install", environment=where, application=application, blueprint="bp-postgres"
    )
    for attempt in range(40):
        name = f"ch-{application}-{where}-{attempt}"
        async with turns:
            done = await ask(place, applying(await plan(place, request)), name, seconds=300)
        if done.status == "accepted":
            return name
        assert done.code == "plan-stale", done
    raise AssertionError(f"{application} in {where} was never planned in time")


@pytest.mark.guarantee("G14.10")
async def test_many_installs_at_once_are_all_accounted_for(
    shared_broker: SharedBroker, tmp_path: Path
) -> None:
    site = Site(shared_broker.account(), KeyRing.open(tmp_path / "keys"), tmp_path / "site")
    count = INSTALLS // EACH
    wanted = [
        (f"db-{number}-{group}", environment(group * SHARED + member))
        for group in range(count // SHARED)
        for number in range(EACH)
        for member in range(SHARED)
    ]
    assert len(wanted) == INSTALLS
    for application, _ in wanted:
        site.others.locks[application] = [
            planning.entry(application, "bp-postgres", "16.9.1", "target")
        ]
    async with site.open() as place:
        await furnish(place, count)
        turns = asyncio.Semaphore(AT_ONCE)
        names = await asyncio.gather(*(install(place, *one, turns) for one in wanted))
        await over(place, names)
        states = [await place.change(name) for name in names]
        assert {(one.status, one.reason) for one in states} == {("completed", "")}
        await settled(site, place, wanted, names)


async def over(place: Town, names: list[str]) -> None:
    """Wait until all changes are over."""
    left = set(names)

    async def ended() -> bool:
        for name in sorted(left):
            if not (await place.change(name)).is_over:
                return False
            left.discard(name)
        return True

    await until(ended, 300)


async def settled(site: Site, place: Town, wanted: list[tuple[str, str]], names: list[str]) -> None:
    """Check money, admissions and branches: each install once, and nothing besides."""
    account = await place.money.state(billing.ACCOUNT)
    assert account.holds == {}
    assert account.balances["revenue:OMR"] == 2000 * len(wanted)
    assert len(account.subscriptions) == len(wanted)
    async with connected(site.access) as js:
        outcomes = {one.id: one for one in await check_log(js)}
        assert not (await js.stream_state(DLQ)).messages
    refused = [one for one in outcomes.values() if one.status != "accepted"]
    assert {one.code for one in refused} <= {"plan-stale"}
    for where in {where for _, where in wanted}:
        home: foreign.Environment = await place.worker.states.state(
            foreign.environment_ref("acme", where)
        )
        assert set(home.applications) == {name for name, at in wanted if at == where}
    found = histories(site.folder / "git")
    repositories = {name.split()[0] for name in found} - {"home.git"}
    assert repositories == {f"{name}.git" for name, _ in wanted}
    for name, where in wanted:
        lines = [line.split(" ", 1)[1] for line in found[f"{name}.git develop"]]
        assert lines[0] == f"Begin the repository of {name}"
        assert lines.count(f"Install {name} in {where}: bp-postgres 16.9.1") == 1
        assert len(lines) == 1 + SHARED
    assert len(set(names)) == len(wanted)
