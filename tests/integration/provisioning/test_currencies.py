"""From a voucher in dollars to an invoice in dollars, beside what is bought in rials."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.billing.town import CASHIER, ROOT
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import billing, metering, planning
from tests.support.waiting import until

from catalyst.billing.domain import invoice, subscription, usage
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Command
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.topology import DLQ

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G12.26")]


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        yield found


def usd(minor: int) -> bill1.Money:
    return bill1.Money(currency="USD", minor=minor)


async def accepted(place: Town, command: Command, at: tuple[str, str], by: str) -> None:
    done = await place.money.ask(command, *at, by=by)
    assert done.status == "accepted", (done.code, done.errors)


async def dollars_come_in(place: Town) -> None:
    """Let `acme` redeem a voucher of a hundred dollars."""
    voucher = bill1.IssueVoucher(code=billing.CODE, amount=usd(10_000), cap=1)
    await accepted(place, voucher, ("_", billing.VOUCHER.id), ROOT)
    await accepted(
        place, bill1.RedeemVoucher(code=billing.CODE), ("acme", "r-1"), "ann@example.org"
    )

    async def credited() -> bool:
        owner = await place.money.state(billing.ACCOUNT)
        return bool(owner.available("USD", datetime.now(UTC)) == usd(10_000))

    await until(credited)


async def bought(place: Town, name: str, request: PlanRequest) -> bill1.Money:
    """Let a change be carried out whole, and return what was due for it."""
    found = await place.plan(request)
    assert found.price is not None
    assert (await place.apply(name, found)).status == "accepted"
    state = await place.through(name)
    assert state.status == "completed", state.reason
    quote = state.content().quote
    assert quote is not None
    assert (quote.total, quote.due) == (found.price.quote.total, found.price.delta)
    return quote.due


async def closed(place: Town, month: str) -> invoice.Invoice:
    """Let the running month be invoiced."""
    await accepted(place, bill1.FinalizeInvoice(month=month), ("acme", "acme"), CASHIER)
    found: list[invoice.Invoice] = []

    async def numbered() -> bool:
        found[:] = [await place.money.state(invoice.ref_of("acme", month))]
        return bool(found[0].number)

    await until(numbered)
    return found[0]


async def test_what_a_voucher_in_dollars_buys_is_charged_in_dollars_from_the_plan_to_the_invoice(
    place: Town,
) -> None:
    with pytest.raises(Rejected) as refused:
        await place.plan(planning.install(currency="EUR"))
    [error] = refused.value.errors
    assert (error.rule, error.pointer, error.message) == (
        "currency-not-priced",
        "/request/currency",
        "the price book has no EUR, only OMR, USD",
    )
    [poor] = (await place.plan(planning.install(plan="s", currency="USD"))).blocked_by
    assert poor.code == "credit-insufficient"
    assert poor.message.startswith("18.20 USD is due, and the credit does not cover it; there is")
    assert "50.000 OMR" in poor.message
    await dollars_come_in(place)
    rich = await place.plan(planning.install(plan="s"))
    assert rich.price is not None
    assert (rich.price.quote.total, rich.blocked_by) == (billing.omr(7000), ())
    # The wiki costs nothing, its package 13.00, its database 5.20; a larger package is 19.50 more.
    install = planning.install(plan="s", currency="USD")
    assert await bought(place, "ch-1", install) == usd(1820)
    assert await bought(place, "ch-2", planning.configure(plan="m")) == usd(1950)
    place.others.locks["second"] = [
        planning.entry("wiki-postgres", "bp-postgres", "16.9.1", "shared"),
        planning.entry("second", "bp-wiki", "2.0.1", postgres="wiki-postgres"),
    ]
    second = planning.install("second", blueprint="bp-wiki", plan="s")
    assert await bought(place, "ch-3", second) == billing.omr(5000)

    owner = await place.money.state(billing.ACCOUNT)
    now = datetime.now(UTC)
    assert (owner.balances["revenue:USD"], owner.balances["revenue:OMR"]) == (3770, 5000)
    assert (owner.available("USD", now), owner.available("OMR", now)) == (
        usd(6230),
        billing.omr(45_000),
    )
    sold = await place.money.state(subscription.ref_of("acme", f"wiki.{PROD}"))
    assert sold.monthly == usd(3250)

    # Beyond the first thousand, 5,000 GiB-hours cost 0.000104 dollars each, or 0.000040 rials.
    month = f"{now:%Y-%m}"
    storage: Any = {"data": {"meter": "storage", "quantity": 6000}}
    each = (f"wiki.{PROD}", f"second.{PROD}")
    await metering.report(
        place.js, [metering.message(f"u-{name}", now, subject=name, **storage) for name in each]
    )

    async def counted() -> bool:
        used: usage.Usage = await place.money.state(usage.ref_of("acme", month))
        return len(used.meters) == 2

    await until(counted)
    bill = await closed(place, month)
    assert bill.content is not None
    assert bill.content.amounts == (
        bill1.InvoiceAmount(
            total=billing.omr(5200),
            prepaid=billing.omr(5000),
            credit=billing.omr(200),
            open=billing.omr(0),
        ),
        bill1.InvoiceAmount(total=usd(3822), prepaid=usd(3770), credit=usd(52), open=usd(0)),
    )
    lines = bill.content.lines
    of_dollars = [(one.subscription, one.sku, one.amount.minor) for one in lines if
                  one.amount.currency == "USD"]  # fmt: skip
    assert of_dollars == [
        (f"wiki-postgres.{PROD}", "blueprint.postgres", 520),
        (f"wiki.{PROD}", "blueprint.wiki", 0),
        (f"wiki.{PROD}", "package.s", 1300),
        (f"wiki.{PROD}", "change", 1950),
        (f"wiki.{PROD}", "storage", 52),
    ]
    await _opened(place, month, bill)
    assert not await place.js.replay(DLQ, "dlq.>")


async def _opened(place: Town, month: str, bill: invoice.Invoice) -> None:
    """Expect each line to open to its price and events, and the log to make the same invoice."""
    ask: Any = Asked(place.js, place.keys.service("provisioning").service)
    assert bill.content is not None
    for line in bill.content.lines:
        asked = {"invoice": month, "line": line.line}
        told = await ask.ask("billing", "explain", 1, "acme", asked)
        assert told["line"]["amount"] == {
            "currency": line.amount.currency,
            "minor": line.amount.minor,
        }
        assert told["events"]
    again = await ask.ask("billing", "replay", 1, "acme", {"invoice": month})
    assert (again["same"], again["digest"]) == (True, again["replayed"])


async def test_another_currency_is_refused_as_long_as_the_month_is_paid_in_the_first(
    place: Town,
) -> None:
    await dollars_come_in(place)
    await bought(place, "ch-1", planning.install(plan="s", currency="USD"))
    with pytest.raises(Rejected) as refused:
        await place.plan(planning.configure(plan="m", currency="OMR"))
    [error] = refused.value.errors
    assert (error.rule, error.pointer) == ("currency-mixed", "/request/currency")
    gone = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    assert (await place.apply("ch-2", await place.plan(gone))).status == "accepted"
    assert (await place.through("ch-2")).status == "completed"
    # What is gone stays paid for its month: it comes back in the same currency, for nothing.
    place.others.locks["wiki"][0] = planning.entry(
        "wiki-postgres", "bp-postgres", "16.9.1", "shared"
    )
    with pytest.raises(Rejected) as refused:
        await place.plan(planning.install(plan="s"))
    [error] = refused.value.errors
    assert (error.rule, error.pointer) == ("currency-mixed", "/request/currency")
    assert error.message.startswith(f"this month of wiki.{PROD} is paid in USD, so that it cannot")
    again = await place.plan(planning.install(plan="s", currency="USD"))
    assert again.price is not None
    assert again.price.delta == usd(0)
