"""Edges of an invoice: when it is made, and what of one currency is no part of another."""

from datetime import datetime, timedelta

import pytest
from tests.support import billing
from tests.support.each import each
from tests.support.usage import started
from tests.support.year import Log

from catalyst.billing.domain import invoicing, ledger, subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm
from catalyst.contracts.money_v1 import Money


@each([("2026-01", "2026-02-02"), ("2026-12", "2027-01-02"), ("2028-02", "2028-03-02")])
def test_a_month_is_closed_a_whole_day_after_its_end_and_at_once_if_that_is_over(
    month: str, day: str
) -> None:
    at = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    assert invoicing.closes(month) == at
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    for now, after in ((at - hour, hour), (at - second, second), (at, second), (at + hour, second)):
        assert invoicing.armed(month, now) == Arm(timer="month", after=after)


def test_an_invoice_that_was_paid_when_it_was_ordered_moves_nothing() -> None:
    log = Log()
    log.order()
    [over] = [one.event for one in log.close().events if isinstance(one.event, bill1.MonthClosed)]
    assert (over.journal, over.open) == (bill1.Journal(), (billing.omr(0),))


def test_no_month_is_closed_before_the_one_whose_turn_it_is() -> None:
    log = Log()
    log.order()
    log.now = invoicing.closes("2026-01") - timedelta(hours=1)
    february = bill1.FinalizeInvoice(month="2026-02")
    refused = log.asks(february)
    refused.then_rejected("invoice-not-due", "/data/month")
    assert str(refused.rejected) == "2026-01 is the month that is invoiced next"
    # Nor while that one is being closed.
    log.write(billing.ACCOUNT, bill1.MonthPartClosed(month="2026-01", after="a.acme-prod"))
    log.asks(february).then_rejected("invoice-not-due", "/data/month")
    log.asks(bill1.FinalizeInvoice(month="2026-01")).then_nothing()


# ---- two currencies on one invoice

SHOP = subscription.ref_of("acme", "shop.acme-prod")


def usd(minor: int) -> Money:
    return Money(currency="USD", minor=minor)


def credit(log: Log, amount: Money) -> None:
    """Let credit come in."""
    name = f"goodwill-{amount.currency.lower()}"
    grant = bill1.Grant(grant=name, amount=amount, source="goodwill", priority=50)
    event = bill1.CreditGranted(grant=grant, journal=ledger.grant(grant), gen="")
    log.write(billing.ACCOUNT, event)


def invoiced(*amounts: Money) -> Log:
    """Return a log with an invoice of February of 6.500 OMR and 16.90 USD, some from credit."""
    found = Log()
    found.order()
    lines = billing.quote(billing.item("shop"), currency="USD").lines
    _, begun = started("2026-01", application="shop", lines=lines, hold="c-2")  # type: ignore[misc]
    found.write(SHOP, begun)
    captured = bill1.HoldCaptured(
        hold="c-2",
        revision="3f2a",
        amount=usd(0),
        month="2026-01",
        subscriptions=(SHOP.id,),
        journal=bill1.Journal(),
    )
    found.write(billing.ACCOUNT, captured)
    found.close()
    for amount in amounts:
        credit(found, amount)
    found.close()
    return found


@pytest.fixture
def log() -> Log:
    """A log with an invoice of which some of each currency came from credit."""
    return invoiced(billing.omr(2000), usd(300))


def stands(log: Log) -> tuple[dict[str, dict[str, int]], list[int], list[int]]:
    """Return what is open, what is owed and what can be spent, the last two in OMR and USD."""
    owner = log.owner()
    both = ("OMR", "USD")
    owed = [owner.owed(currency) for currency in both]
    return owner.open_invoices, owed, [owner.available(one, log.now).minor for one in both]


@pytest.mark.parametrize("place", [0, 1], ids=["January", "February"])
def test_each_currency_of_an_invoice_adds_up_for_itself(log: Log, place: int) -> None:
    said = [(one.total, one.prepaid, one.credit, one.open) for one in log.invoices[place].amounts]
    zero, none = billing.omr(0), usd(0)
    assert (
        said
        == [
            [
                (billing.omr(6500), billing.omr(6500), zero, zero),
                (usd(1690), usd(1690), none, none),
            ],
            [
                (billing.omr(6500), zero, billing.omr(2000), billing.omr(4500)),
                (usd(1690), none, usd(300), usd(1390)),
            ],
        ][place]
    )


def test_a_payment_pays_its_own_currency_of_an_invoice_and_all_of_it_once_both_are(
    log: Log,
) -> None:
    assert stands(log) == ({"2026-02": {"OMR": 4500, "USD": 1390}}, [4500, 1390], [0, 0])
    first = log.send(bill1.RecordPayment(payment="p-1", amount=usd(1400), reference="t"))
    assert len(first.events) == 1
    assert stands(log) == ({"2026-02": {"OMR": 4500}}, [4500, 0], [0, 10])
    second = log.send(bill1.RecordPayment(payment="p-2", amount=billing.omr(4500), reference="t"))
    assert bill1.InvoicePaid(payment="p-2") in [one.event for one in second.events]
    assert stands(log) == ({}, [0, 0], [0, 10])


def test_a_void_invoice_gives_back_each_currency(log: Log) -> None:
    log.send(bill1.VoidInvoice(invoice="2026-02", reason="wrong"))
    assert stands(log) == ({}, [0, 0], [2000, 300])


def test_an_invoice_of_which_one_currency_is_paid_is_not_voided(log: Log) -> None:
    log.send(bill1.RecordPayment(payment="p-1", amount=usd(1390), reference="t"))
    log.asks(bill1.VoidInvoice(invoice="2026-02", reason="wrong")).then_rejected("invoice-paid")


def test_a_credit_note_lowers_what_is_open_in_its_own_currency(log: Log) -> None:
    in_dollars = [one for one in log.invoices[1].lines if one.amount.currency == "USD"]
    for number, (line, left) in enumerate(zip(in_dollars, (1000, 0), strict=True)):
        credited = (bill1.Credited(line=line.line, amount=line.amount),)
        note = bill1.IssueCreditNote(
            note=f"n-{number}", invoice="2026-02", lines=credited, reason="silence"
        )
        log.send(note)
        assert log.owner().open_invoices["2026-02"].get("USD", 0) == left
        assert stands(log)[1] == [4500, left]
    assert stands(log) == ({"2026-02": {"OMR": 4500}}, [4500, 0], [0, 300])


def test_an_invoice_of_which_credit_paid_one_currency_is_voided_unless_some_was_given_back() -> (
    None
):
    void = bill1.VoidInvoice(invoice="2026-02", reason="wrong")
    log = invoiced(usd(2000))
    assert stands(log) == ({"2026-02": {"OMR": 6500}}, [6500, 0], [0, 310])
    [dollars, _] = [one for one in log.invoices[1].lines if one.amount.currency == "USD"]
    credited = (bill1.Credited(line=dollars.line, amount=usd(1)),)
    log.asks(void).then_claims()
    noted = bill1.IssueCreditNote(note="n", invoice="2026-02", lines=credited, reason="silence")
    scene = log.asks(noted).and_then()
    again = scene.when(void, billing.ACCOUNT, by=billing.BILLING_ADMIN, now=log.now)
    again.then_rejected("invoice-paid")
    log.send(void)
    assert stands(log) == ({}, [0, 0], [0, 2000])
