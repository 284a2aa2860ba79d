"""Edges of a credit note: what is left of the whole, one currency, and one number."""

from typing import Any

import pytest
from tests.support import billing, build
from tests.support.year import BEGIN, Log

from catalyst.billing.domain import credit_note, invoice, numbering
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.rejection import Rejected

pytestmark = pytest.mark.guarantee("G12.17")


def line(number: int, minor: int, currency: str = "OMR") -> bill1.InvoiceLine:
    return bill1.InvoiceLine(
        line=number,
        kind="usage",
        period="2026-01",
        subscription="blog.acme-prod",
        sku="tokens",
        name="Tokens",
        quantity=1,
        formula="so",
        book="main",
        version="1",
        amount=Money(currency=currency, minor=minor),
    )


def bill(*lines: bill1.InvoiceLine, **credited: int) -> invoice.Invoice:
    """Return an invoice with these lines, of which something was given back by line `l<n>`."""
    content = bill1.InvoiceContent(
        organization="acme", month="2026-01", made=BEGIN, lines=lines, amounts=()
    )
    back = {name.removeprefix("l"): minor for name, minor in credited.items()}
    return invoice.Invoice(content=content, number="2026-000001", credited=back)


def refused(of: invoice.Invoice, *lines: tuple[int, int, str]) -> list[tuple[str, str]]:
    """Return the code and place of each reason why such a note cannot be; none if it can."""
    asked = tuple(
        bill1.Credited(line=place, amount=Money(currency=currency, minor=minor))
        for place, minor, currency in lines
    )
    note = bill1.IssueCreditNote(note="n-1", invoice="2026-01", lines=asked, reason="so")
    try:
        credit_note.make(note, of, 0, "acme", BEGIN)
    except Rejected as found:
        return [(one.rule, one.pointer) for one in found.errors]
    return []


def test_no_more_is_given_back_than_is_left_of_the_whole_invoice() -> None:
    lines = line(1, 1000), line(2, -300)
    assert refused(bill(*lines), (1, 700, "OMR")) == []
    assert refused(bill(*lines), (1, 701, "OMR")) == [("credit-exceeds-line", "/data/lines")]
    assert refused(bill(*lines, l1=600), (1, 100, "OMR")) == []
    assert refused(bill(*lines, l1=600), (1, 101, "OMR")) == [
        ("credit-exceeds-line", "/data/lines")
    ]


def test_what_is_left_is_that_of_the_notes_currency() -> None:
    lines = line(1, 1000), line(2, -300), line(3, 5000, "USD")
    assert refused(bill(*lines, l3=4000), (1, 700, "OMR")) == []
    assert refused(bill(*lines), (1, 701, "OMR")) == [("credit-exceeds-line", "/data/lines")]
    assert refused(bill(*lines, l1=700), (3, 5000, "USD")) == []


def test_a_note_is_of_one_currency_which_is_that_of_each_line() -> None:
    lines = line(1, 1000), line(2, 1000), line(3, 1000, "USD")
    mixed = "currency-mixed"
    assert refused(bill(*lines), (1, 1, "OMR"), (2, 1, "USD")) == [(mixed, "/data/lines/1")]
    assert refused(bill(*lines), (1, 1, "OMR"), (3, 1, "USD")) == [(mixed, "/data/lines/1")]
    assert refused(bill(*lines), (3, 1, "OMR")) == [(mixed, "/data/lines/0")]


def test_a_line_that_is_not_there_is_told_with_those_that_are() -> None:
    one = ("invoice-line-not-found", "/data/lines/0")
    assert refused(bill(line(1, 1)), (2, 1, "OMR")) == [one]
    told = {0: "no lines", 1: "the line 1 alone", 3: "the lines 1 to 3"}
    assert {count: invoice.numbered([None] * count) for count in told} == told


def test_a_document_takes_one_number_and_says_what_it_was_drafted_with() -> None:
    log = Log()
    log.order()
    log.close()
    log.send(
        bill1.IssueCreditNote(
            note="n-1",
            invoice="2026-01",
            lines=(bill1.Credited(line=1, amount=billing.omr(1)),),
            reason="so",
        )
    )
    year = log.now.year
    numbered: tuple[tuple[Any, Any, Any], ...] = (
        (
            invoice.ref_of("acme", "2026-01"),
            numbering.INVOICES.ref(year),
            bill1.InvoiceNumbered(organization="acme", invoice="2026-01", count=9, number="9"),
        ),
        (
            credit_note.ref_of("acme", "n-1"),
            numbering.NOTES.ref(year),
            bill1.CreditNoteNumbered(organization="acme", note="n-1", count=9, number="9"),
        ),
    )
    for at, series, event in numbered:
        assert log.scene.world.state(at).number
        log.scene.hears(build.recorded(event, series), at, now=log.now).then_nothing()
        drafted, final = (
            one.event
            for one in log.of(at)
            if isinstance(
                one.event,
                bill1.InvoiceDrafted
                | bill1.InvoiceFinalized
                | bill1.CreditNoteDrafted
                | bill1.CreditNoteFinalized,
            )
        )
        assert drafted.digest == final.digest
        assert final.digest


def test_how_an_invoice_stands_is_told_by_what_became_of_it_last() -> None:
    of = bill(line(1, 1))
    stands = [
        invoice.Invoice(content=of.content),
        of,
        invoice.evolve(of, bill1.InvoicePaid(payment="p-1")),
        invoice.evolve(of, bill1.InvoiceVoided(reason="so")),
    ]
    assert [one.status for one in stands] == ["draft", "finalized", "paid", "void"]
