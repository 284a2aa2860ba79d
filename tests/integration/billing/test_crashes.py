"""A redemption, and the months of an account, end once wherever the worker dies."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from tests.integration.billing.deaths import Site, Story, prove, recorded
from tests.integration.billing.town import CASHIER, OWNER, ROOT, Town
from tests.support import billing, build, metering
from tests.support import usage as used
from tests.support.broker import SharedBroker
from tests.support.crashes import points
from tests.support.invariants import check_log
from tests.support.rig import deliver_again_after
from typing_extensions import override

from catalyst.billing.domain import (
    account,
    credit_note,
    invoice,
    invoicing,
    prices,
    redemption,
    subscription,
    voucher,
)
from catalyst.chassis import timer
from catalyst.chassis.asking import Asked
from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
from catalyst.contracts.decision import Arm
from catalyst.contracts.environment_v1 import Owner
from catalyst.contracts.message import Command, Envelope
from catalyst.contracts.topology import EV

pytestmark = pytest.mark.real


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyRing:
    deliver_again_after(monkeypatch, 2.0)
    return KeyRing.open(tmp_path / "keys")


ISSUE = bill1.IssueVoucher(code=billing.CODE, amount=billing.omr(5000), cap=3)
REDEEM = bill1.RedeemVoucher(code=billing.CODE)


class Redemption(Story):
    """`acme` has an account, a voucher is issued, and its code is entered."""

    @override
    async def begin(self, site: Site, js: JetStream) -> None:
        await topology.ensure(js, contract.topology_of("billing"))
        created = build.organization_created(owners=(Owner(email=OWNER, role="owner"),))
        envelope = Envelope(
            specversion="1.0",
            id="_created",
            source="test",
            type="environment.organization-created.v1",
            organization="acme",
            actor="service:environment",
            data=msgspec.Raw(codec.encode(created)),
        )
        subject = build.ACME.event("organization-created", 1)
        await js.publish(Outgoing(subject, codec.encode(envelope)))
        town = site.seen(js)
        await town.send(ISSUE, "_", billing.VOUCHER.id, by=ROOT)
        await site.run(self._ready)
        await town.send(REDEEM, "acme", "r-1")

    async def _ready(self, town: Town) -> bool:
        issued: voucher.Voucher = await town.state(billing.VOUCHER)
        opened = await town.state(billing.ACCOUNT)
        return issued.status == "issued" and opened.status == "open"

    @override
    async def over(self, town: Town) -> bool:
        state = await town.state(billing.REDEMPTION)
        return state.step in {"completed", "failed"}

    @override
    async def check(self, town: Town, point: str) -> None:
        """Assert that there is one grant, one redemption that counts, and nothing left over."""
        assert all(one.status == "accepted" for one in await check_log(town.js)), point
        owner = await town.state(billing.ACCOUNT)
        kept: voucher.Voucher = await town.state(billing.VOUCHER)
        ended: redemption.Redemption = await town.state(billing.REDEMPTION)
        assert ended.step == "completed", point
        assert (kept.redeemed, kept.reserved) == (("acme",), {}), point
        assert [one.left for one in owner.credits.values()] == [5000], point
        assert sum(owner.balances.values()) == -5000, point
        assert not (await town.js.stream_state("DLQ")).messages, point


@pytest.mark.guarantee("G12.8", "G1.2")
async def test_a_redemption_ends_once_wherever_its_worker_dies(
    shared_broker: SharedBroker, keys: KeyRing
) -> None:
    calls = await recorded(shared_broker, keys, Redemption())
    assert len(calls) >= 10
    chosen = points(calls, each=3)
    assert await prove(shared_broker, keys, Redemption, chosen) >= len(chosen) * 2 // 3


NOW = datetime.now(UTC)
RUNS = prices.month_of(NOW - invoicing.GRACE)
"""The month that is closed next once one is closed: on request, for it is not over yet."""
OVER = invoicing.previous(RUNS)
NAMES = tuple(f"a{number}.acme-prod" for number in range(7))
NOTE = credit_note.ref_of("acme", "n-1")
OPEN = 7 * 6500 - 20_000 - 500 - 10_000
"""What is left to be paid of the first month: less credit, the credit note, and a payment."""


class Months(Story):
    """A month is closed in parts by its timer, the next one on request; both are corrected.

    Of the first a line is given back, and some of it is paid; the second is void.
    """

    def __init__(self) -> None:
        self._sent: set[str] = set()
        self.point = ""
        self.ended: dict[str, Any] = {}

    @override
    async def begin(self, site: Site, js: JetStream) -> None:
        await topology.ensure(js, contract.topology_of("billing"))
        _, captured = used.captured(OVER)  # type: ignore[misc]
        _, started = used.started(OVER)  # type: ignore[misc]
        opened = bill1.AccountOpened(organization="acme", month=OVER)
        sold: list[Any] = [
            (
                subscription.ref_of("acme", name),
                msgspec.structs.replace(started, application=name.partition(".")[0], hold=""),
            )
            for name in NAMES
        ]
        facts: list[Any] = [
            billing.applied(billing.book(used.TEXT)),
            (billing.ACCOUNT, opened),
            billing.granted(minor=20_000),
            (billing.ACCOUNT, msgspec.structs.replace(captured, subscriptions=NAMES)),
            *sold,
        ]
        await metering.write(js, *facts)
        arm = Arm(timer=invoicing.TIMER, after=invoicing.GRACE * 0)
        await js.publish(timer.arm(billing.ACCOUNT, arm, now=NOW, done_id="_armed"))

    @override
    async def over(self, town: Town) -> bool:
        first, second = await self._bills(town)
        if not first.number:
            return False
        credited = (bill1.Credited(line=1, amount=billing.omr(500)),)
        reason = "two days of silence"
        await self._once(
            town,
            bill1.IssueCreditNote(note="n-1", invoice=OVER, lines=credited, reason=reason),
            bill1.FinalizeInvoice(month=RUNS),
        )
        note: credit_note.CreditNote = await town.state(NOTE)
        if not (note.number and second.number):
            return False
        await self._once(
            town,
            bill1.RecordPayment(payment="p-1", amount=billing.omr(10_000), reference="t 1"),
            bill1.VoidInvoice(invoice=RUNS, reason="made out to the wrong one"),
        )
        owner: account.Account = await town.state(billing.ACCOUNT)
        if owner.open_invoices != {OVER: {"OMR": OPEN}}:
            return False
        return await self._is_replayed(town)

    async def _once(self, town: Town, *commands: Command) -> None:
        for command in commands:
            name = type(command).__name__
            if name not in self._sent:
                self._sent.add(name)
                await town.send(command, "acme", by=CASHIER)

    async def _bills(self, town: Town) -> tuple[invoice.Invoice, invoice.Invoice]:
        refs = [invoice.ref_of("acme", month) for month in (OVER, RUNS)]
        first, second = [await town.state(ref) for ref in refs]
        return first, second

    async def _is_replayed(self, town: Town) -> bool:
        """Return whether the log makes all of it again, once somebody is there to say so."""
        ask = Asked(town.js, town.keys.service("provisioning").service)
        for request in ({"invoice": OVER}, {"invoice": RUNS}, {"credit_note": "n-1"}):
            try:
                found = await ask.ask("billing", "replay", 1, "acme", request)
            except (Retry, BrokerError):
                return False
            assert found["same"], request
        return True

    @override
    async def check(self, town: Town, point: str) -> None:
        """Keep what there is in the end, but for times."""
        assert all(one.status == "accepted" for one in await check_log(town.js)), point
        assert not (await town.js.stream_state("DLQ")).messages, point
        owner: account.Account = await town.state(billing.ACCOUNT)
        note: credit_note.CreditNote = await town.state(NOTE)
        assert note.content is not None
        self.point = point
        self.ended = {
            "account": (owner.due_month, owner.closing, owner.balances, owner.open_invoices),
            "credit": sorted((name, one.left) for name, one in owner.credits.items()),
            "note": (note.number, note.content.lines, note.content.total, note.content.lowered),
            "claims": sorted(one.subject for one in await town.js.replay(EV, "clm.>")),
            "events": await _counted(town.js),
        }
        for bill in await self._bills(town):
            assert bill.content is not None
            amounts, lines = bill.content.amounts, bill.content.lines
            self.ended[bill.content.month] = (bill.number, bill.status, amounts, lines)

    def differences(self, expected: Self) -> dict[str, tuple[Any, Any]]:
        """Return what did not end as expected: found, and expected."""
        pairs = {name: (self.ended.get(name), one) for name, one in expected.ended.items()}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


async def _counted(js: JetStream) -> Counter[str]:
    stored = await js.replay(EV, "evt.>")
    return Counter(msgspec.json.decode(one.data, type=Envelope).type for one in stored)


@pytest.mark.guarantee("G12.13", "G12.17", "G12.19", "G1.2")
async def test_months_are_closed_and_corrected_once_wherever_the_worker_dies(
    shared_broker: SharedBroker, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoicing, "NAMES", 3)
    expected = Months()
    calls = await recorded(shared_broker, keys, expected)
    assert expected.ended["events"]["billing.month-part-closed.v1"] == 4
    assert [one[:2] for one in map(expected.ended.get, (OVER, RUNS))] == [  # type: ignore[index]
        (invoice.number_of(f"{NOW:%Y}", 1), "finalized"),
        (invoice.number_of(f"{NOW:%Y}", 2), "void"),
    ]
    told: list[Months] = []

    def story() -> Months:
        told.append(Months())
        return told[-1]

    chosen = points(calls, each=3)
    assert await prove(shared_broker, keys, story, chosen) >= len(chosen) * 2 // 3
    assert len(told) == len(chosen)
    assert {one.point: found for one in told if (found := one.differences(expected))} == {}
