"""Invoices on the real broker: numbered without gaps at once, explained, and made again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.billing.town import CASHIER, Town, billing_worker
from tests.support import billing, metering
from tests.support import usage as used
from tests.support.waiting import until

from catalyst.billing.domain import (
    account,
    credit_note,
    invoice,
    invoicing,
    price_book,
    prices,
    subscription,
)
from catalyst.chassis import seeing, timer
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.topology import DLQ, EV

pytestmark = pytest.mark.real

NOW = datetime.now(UTC)
MONTH = invoicing.previous(invoicing.previous(prices.month_of(NOW)))
"""A month that is over."""
MANY = 25


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


async def sold(js: JetStream, organization: str) -> None:
    """Let an Organization have a blog in a month that is over, which nobody has closed yet."""
    owner = account.ref_of(organization)
    blog = subscription.ref_of(organization, "blog.acme-prod")
    captured = bill1.HoldCaptured(
        hold="c-1",
        revision="3f2a",
        amount=billing.omr(0),
        month=MONTH,
        subscriptions=(blog.id,),
        journal=bill1.Journal(),
    )
    _, started = used.started(invoicing.previous(MONTH))  # type: ignore[misc]
    await metering.write(
        js,
        (owner, bill1.AccountOpened(organization=organization, month=MONTH)),
        (owner, captured),
        (blog, started),
    )


async def wake(js: JetStream, organization: str, done: str = "_armed") -> None:
    """Let the account's timer fire at once, as if the decision `done` had armed it."""
    arm = Arm(timer=invoicing.TIMER, after=invoicing.GRACE * 0)
    now = datetime.now(UTC)
    await js.publish(timer.arm(account.ref_of(organization), arm, now=now, done_id=done))


async def finalized(worker: Worker, organization: str, month: str = MONTH) -> str:
    """Wait until an invoice has its number, and return it."""
    found: list[invoice.Invoice] = []

    async def numbered() -> bool:
        found[:] = [await worker.states.state(invoice.ref_of(organization, month))]
        return bool(found[0].number)

    await until(numbered)
    return found[0].number


async def crowd(js: JetStream, organization: str, names: list[str]) -> None:
    """Let an Organization have many Applications in a month that is over."""
    owner = account.ref_of(organization)
    captured = bill1.HoldCaptured(
        hold="c-1",
        revision="3f2a",
        amount=billing.omr(0),
        month=MONTH,
        subscriptions=tuple(names),
        journal=bill1.Journal(),
    )
    _, started = used.started(MONTH)  # type: ignore[misc]
    sold_ = [
        (
            subscription.ref_of(organization, name),
            msgspec.structs.replace(started, application=name.partition(".")[0], hold=""),
        )
        for name in names
    ]
    opened = bill1.AccountOpened(organization=organization, month=MONTH)
    await metering.write(js, (owner, opened), (owner, captured), *sold_)


async def priced(js: JetStream) -> None:
    """Let a price book be in force."""
    content = billing.book(used.TEXT)
    await metering.write(
        js, (price_book.DEFAULT, bill1.PriceBookApplied(content=content, digest="x"))
    )


@pytest.mark.guarantee("G12.13")
async def test_invoices_of_many_organizations_at_once_are_numbered_without_gaps(
    js: JetStream, keys: KeyRing
) -> None:
    names = [f"org-{number}" for number in range(MANY)]
    async with billing_worker(js, keys):
        await priced(js)
        for name in names:
            await sold(js, name)
            await wake(js, name)
    # Whatever was under way at the end goes on in the next worker.
    async with billing_worker(js, keys) as worker:
        numbers = [await finalized(worker, name) for name in names]
    # The month after it may be over as well; its invoice takes the next number that is free.
    claims = [
        one.subject.rpartition(".")[2] for one in await js.replay(EV, "clm._.invoice-number.>")
    ]
    year = f"{datetime.now(UTC):%Y}"
    assert claims == [invoice.number_of(year, count) for count in range(1, len(claims) + 1)]
    assert len(set(numbers)) == MANY
    assert set(numbers) <= set(claims)


@pytest.mark.guarantee("G12.14", "G12.15", "G12.16", "G12.17")
async def test_an_invoice_is_explained_and_made_again_from_the_log(
    js: JetStream, keys: KeyRing
) -> None:
    async with billing_worker(js, keys) as worker:
        await priced(js)
        await sold(js, "acme")
        await wake(js, "acme")
        number = await finalized(worker, "acme")
        ask: Any = Asked(js, keys.service("provisioning").service)
        found = await ask.ask("billing", "replay", 1, "acme", {"invoice": MONTH})
        assert (found["same"], found["number"]) == (True, number)
        assert found["digest"] == found["replayed"]
        line = await ask.ask("billing", "explain", 1, "acme", {"invoice": MONTH, "line": 1})
        assert line["line"]["formula"] == "1 month x 1.500 OMR"
        assert [one["type"] for one in line["events"]] == ["billing.subscription-started.v1"]
        assert line["price_book_seq"] > 0
        assert line["charge"] is None  # Of what is sold, the formula says all.
        for query, request in (("replay", {}), ("explain", {"line": 1})):
            with pytest.raises(Rejected) as refused:
                await ask.ask("billing", query, 1, "acme", {"invoice": "2020-01", **request})
            assert refused.value.code == "invoice-not-found"
            for both in ({}, {"invoice": MONTH, "credit_note": "n-1"}):
                with pytest.raises(Rejected) as refused:
                    await ask.ask("billing", query, 1, "acme", {**both, **request})
                (place,) = refused.value.errors
                assert (refused.value.code, place.pointer) == ("invalid-query", "/invoice")
        await _closed_on_request(Town(js, keys, worker), ask)


async def _closed_on_request(town: Town, ask: Any) -> None:
    """Expect the running month to be readable, and to be closed when a billing-admin says so."""

    async def next_due() -> bool:
        owner = await town.state(account.ref_of("acme"))
        return invoicing.closes(owner.due_month) > datetime.now(UTC)

    await until(next_due)
    month = (await town.state(account.ref_of("acme"))).due_month
    running = await ask.ask("billing", "invoice", 1, "acme", {"invoice": month})
    assert (running["status"], running["number"], running["count"]) == ("running", "", 2)
    line = await ask.ask("billing", "explain", 1, "acme", {"invoice": month, "line": 2})
    assert line["line"] == running["lines"][1]
    finalize = bill1.FinalizeInvoice(month=month)
    assert (await town.ask(finalize, "acme")).code == "forbidden"
    assert (await town.ask(finalize, "acme", by=CASHIER)).status == "accepted"
    number = await finalized(town.worker, "acme", month)
    after = await ask.ask("billing", "invoice", 1, "acme", {"invoice": month})
    assert (after["status"], after["number"]) == ("finalized", number)
    assert after["lines"] == running["lines"]
    assert (await ask.ask("billing", "replay", 1, "acme", {"invoice": month}))["same"]
    await _corrected(town, ask, month)


async def _corrected(town: Town, ask: Any, month: str) -> None:
    """Expect one invoice to be credited, and the other to be voided, by a billing-admin alone."""
    lines = (bill1.Credited(line=1, amount=billing.omr(500)),)
    note = bill1.IssueCreditNote(
        note="n-1", invoice=MONTH, lines=lines, reason="two days of silence"
    )
    void = bill1.VoidInvoice(invoice=month, reason="made out to the wrong one")
    for command in (note, void):
        assert (await town.ask(command, "acme")).code == "forbidden"
        assert (await town.ask(command, "acme", by=CASHIER)).status == "accepted"
    found: list[credit_note.CreditNote] = []

    async def numbered() -> bool:
        found[:] = [await town.state(credit_note.ref_of("acme", "n-1"))]
        return bool(found[0].number)

    await until(numbered)
    assert found[0].number == f"CN-{datetime.now(UTC):%Y}-000001"
    again = await ask.ask("billing", "replay", 1, "acme", {"credit_note": "n-1"})
    assert (again["same"], again["number"]) == (True, found[0].number)
    opened = await ask.ask("billing", "explain", 1, "acme", {"credit_note": "n-1", "line": 1})
    assert (opened["invoice"], opened["credited"]["amount"]["minor"]) == (MONTH, 500)
    assert [one["credit_note"] for one in opened["corrections"]] == ["n-1"]
    assert (await ask.ask("billing", "replay", 1, "acme", {"invoice": month}))["same"]
    shown = await ask.ask("billing", "invoice", 1, "acme", {"invoice": month})
    assert shown["status"] == "void"
    owner: account.Account = await town.state(account.ref_of("acme"))
    assert month not in owner.open_invoices
    assert owner.owed("OMR") == sum(one["OMR"] for one in owner.open_invoices.values())
    with pytest.raises(Rejected) as refused:
        await ask.ask("billing", "replay", 1, "acme", {"credit_note": "n-2"})
    assert refused.value.code == "credit-note-not-found"


@pytest.mark.guarantee("G12.19")
async def test_a_long_invoice_goes_on_in_the_next_worker_part_by_part(
    js: JetStream, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoicing, "NAMES", 3)
    monkeypatch.setattr(invoicing, "LINES", 4)
    # So many that they are read in one go.
    names = [f"a{number:02d}.acme-prod" for number in range(seeing.MANY + 2)]
    owner, bill = account.ref_of("acme"), invoice.ref_of("acme", MONTH)
    async with billing_worker(js, keys) as worker:
        await priced(js)
        await crowd(js, "acme", names)
        await wake(js, "acme")

        async def begun() -> bool:
            return len((await worker.states.state(bill)).parts) > 0

        await until(begun)
    # One firing more is no more than the next part.
    await wake(js, "acme", "_again")
    async with billing_worker(js, keys) as worker:
        await finalized(worker, "acme")
        state: invoice.Invoice = await worker.states.state(bill)
        assert state.content is not None
        assert [one.subscription for one in state.content.lines[::2]] == names
        assert [one.line for one in state.content.lines] == list(range(1, 2 * len(names) + 1))
        assert (await worker.states.state(owner)).closing is None
        ask: Any = Asked(js, keys.service("provisioning").service)
        found = await ask.ask("billing", "replay", 1, "acme", {"invoice": MONTH})
        assert found["same"]
        line = await ask.ask("billing", "explain", 1, "acme", {"invoice": MONTH, "line": 1})
        assert [one["type"] for one in line["events"]] == ["billing.subscription-started.v1"]
        month = (await worker.states.state(owner)).due_month
        running = await ask.ask("billing", "invoice", 1, "acme", {"invoice": month})
        assert [one["subscription"] for one in running["lines"][::2]] == names
        assert {one["kind"] for one in running["lines"]} == {"month"}
    assert not await js.replay(DLQ, "dlq.>")
