"""What is left: of orders that are paid in part, and of an invoice with a line below nothing."""

from datetime import timedelta

import pytest
from tests.support import billing
from tests.support.usage import use
from tests.support.year import BEGIN, Log

from catalyst.billing.domain import credit_note, invoicing, owing
from catalyst.billing.domain.invoice import Invoice
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.rejection import Rejected


def test_money_settles_the_oldest_order_first() -> None:
    unpaid = {hold: owing.Order(amount=billing.omr(5), month="2026-04") for hold in ("old", "new")}
    left = owing.fitted(unpaid, {"OMR": 9}, {"2026-03": {"OMR": 2}})
    assert [(hold, one.amount.minor) for hold, one in left.items()] == [("old", 2), ("new", 5)]


def line(place: int, minor: int) -> bill1.InvoiceLine:
    return bill1.InvoiceLine(
        line=place,
        kind="usage",
        period="2026-04",
        subscription="blog.acme-prod",
        sku="storage",
        name="Storage",
        quantity=1,
        formula="per-unit: 1 piece",
        book="main",
        version="2026-04",
        amount=billing.omr(minor),
    )


@pytest.mark.guarantee("G12.17")
def test_no_more_is_given_back_than_the_whole_invoice_charged() -> None:
    content = bill1.InvoiceContent(
        organization="acme",
        month="2026-04",
        made=billing.NOW,
        lines=(line(1, 10), line(2, -4)),
        amounts=(),
    )
    bill = Invoice(content=content, number="2026-000001")

    def note(minor: int) -> bill1.CreditNoteContent:
        lines = (bill1.Credited(line=1, amount=billing.omr(minor)),)
        asked = bill1.IssueCreditNote(note="n", invoice="2026-04", lines=lines, reason="so")
        return credit_note.make(asked, bill, 0, "acme", billing.NOW)

    assert note(6).total == billing.omr(6)
    with pytest.raises(Rejected) as refused:
        note(7)
    assert refused.value.code == "credit-exceeds-line"


@pytest.mark.guarantee("G12.12")
@pytest.mark.parametrize("minor", [2000, 6500], ids=["a part of it", "all of it"])
def test_what_is_taken_back_is_on_the_first_invoice_that_can_bear_it_once(minor: int) -> None:
    log = Log()
    log.order()
    log.use(use("u-1", 2 * minor, meter="disk", time=BEGIN))
    log.close()
    log.use(use("u-2", 0, meter="disk", time=BEGIN + timedelta(hours=1)))
    log.close()
    log.close()
    back = [[(x.kind, x.amount) for x in one.lines if x.sku == "disk"] for one in log.invoices]
    taken = billing.omr(minor)
    assert back == [[("usage", taken)], [("adjustment", billing.omr(-minor))], []]
    assert [one.amounts[0].total.minor for one in log.invoices[1:]] == [6500 - minor, 6500]
    assert log.again("2026-02") == invoicing.text(log.invoices[1])
