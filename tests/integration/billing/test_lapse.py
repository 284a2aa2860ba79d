"""The end of an account on the real broker: its last invoices, and then its credit."""

from pathlib import Path

import pytest
from tests.integration.billing.test_invoices import MONTH, priced, sold
from tests.integration.billing.town import billing_worker
from tests.support import billing, metering
from tests.support.waiting import until

from catalyst.billing.domain import account, closing
from catalyst.billing.domain.closing import LAPSED
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.environment_v1 import OrganizationDeleted
from catalyst.contracts.subjects import Ref
from catalyst.contracts.topology import EV

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G12.23")]

ACME = Ref("acme", "environment", "organization", "acme")


async def test_a_deleted_organization_pays_its_last_invoices_and_the_rest_expires_once(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    grants = [f"goodwill-g{number}" for number in range(2 * LAPSED + 5)]
    async with billing_worker(js, keys) as worker:
        await priced(js)
        await sold(js, "acme")
        facts = [billing.granted(name, 1000) for name in grants]
        await metering.write(js, *facts)  # type: ignore[arg-type]
        ended = bill1.SubscriptionRemoved(subscription="blog.acme-prod", month=MONTH)
        await metering.write(js, (billing.ACCOUNT, ended), (ACME, OrganizationDeleted(slug="acme")))

        async def closed() -> bool:
            owner: account.Account = await worker.states.state(billing.ACCOUNT)
            return owner.status == "closed"

        await until(closed)
    # What is left to do is in the log: another worker goes on.
    async with billing_worker(js, keys) as worker:

        async def spent() -> bool:
            owner: account.Account = await worker.states.state(billing.ACCOUNT)
            return not owner.credits

        await until(spent)
        owner: account.Account = await worker.states.state(billing.ACCOUNT)
    revenue = owner.balances["revenue:OMR"]
    whole = 1000 * len(grants)
    assert revenue > 0
    assert owner.balances == {
        "clearing:OMR": -whole,
        "revenue:OMR": revenue,
        "breakage:OMR": whole - revenue,
    }
    expired = await js.replay(EV, billing.ACCOUNT.event("grant-expired", 1))
    assert len(expired) == len(grants) - revenue // 1000
    assert not await js.replay(EV, "evt.acme.billing.account.*.parked.v1")
    assert closing.lapse(owner).events == ()
