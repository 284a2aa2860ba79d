"""Edges of a correction: what is paid in any way is not voided, and paid is told once."""

from typing import Any

import pytest
from tests.support import billing
from tests.support.each import each
from tests.support.scenario import given
from tests.support.usage import use
from tests.support.year import BEGIN, Log

from catalyst.billing.domain import invoice
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.subjects import Ref

FEBRUARY = invoice.ref_of("acme", "2026-02")
VOID = bill1.VoidInvoice(invoice="2026-02", reason="wrong")


def note(name: str, *lines: tuple[int, int], bill: str = "2026-02") -> bill1.IssueCreditNote:
    """Return a credit note of an invoice, by its lines."""
    return bill1.IssueCreditNote(
        note=name,
        invoice=bill,
        lines=tuple(bill1.Credited(line=line, amount=billing.omr(minor)) for line, minor in lines),
        reason="silence",
    )


@pytest.fixture
def log() -> Log:
    """A log with the invoice of January, and that of February over 1.500 and 5.000 OMR."""
    found = Log()
    found.order()
    found.close()
    found.close()
    assert found.owner().open_invoices == {"2026-02": {"OMR": 6500}}
    return found


@each([VOID, note("n-1", (1, 1))], lambda command: type(command).__name__)
def test_only_an_account_that_is_there_is_corrected_under_its_own_name(command: Any) -> None:
    by = billing.BILLING_ADMIN
    given().when(command, billing.ACCOUNT, by=by).then_rejected("account-not-found")
    other = Ref("acme", "billing", "account", "other")
    there = other, bill1.AccountOpened(organization="other")
    given(there).when(command, other, by=by).then_rejected("subject-mismatch")


def test_an_invoice_with_something_on_it_that_was_paid_when_it_was_ordered_is_not_voided() -> None:
    log = Log()
    log.order()
    log.use(use("u-1", 2000, time=BEGIN))
    log.close()
    assert log.owner().open_invoices == {"2026-01": {"OMR": 1000}}
    log.asks(bill1.VoidInvoice(invoice="2026-01", reason="wrong")).then_rejected("invoice-paid")


def test_an_invoice_that_credit_paid_whole_is_not_voided() -> None:
    log = Log()
    log.order()
    log.close()
    log.write(*billing.granted(minor=9000))  # type: ignore[misc]
    log.close()
    assert log.scene.world.state(FEBRUARY).paid
    log.asks(VOID).then_rejected("invoice-paid")


def test_a_void_invoice_is_told_with_its_number(log: Log) -> None:
    voided = log.send(VOID)
    assert voided.result == {"number": "2026-000002"}
    # Nothing was paid by credit, so none comes back.
    (back,) = (one.event for one in voided.events if isinstance(one.event, bill1.InvoiceReversed))
    assert (back.grants, back.lowered) == ((), (billing.omr(6500),))


def test_what_credit_paid_of_a_void_invoice_is_a_grant_of_its_own() -> None:
    log = Log()
    log.order()
    log.close()
    log.write(*billing.granted(minor=2000))  # type: ignore[misc]
    log.close()
    log.send(VOID)
    given_back = log.owner().credits["correction-void.2026-02.omr"]
    assert (given_back.left, given_back.grant.source) == (2000, "correction")
    assert given_back.grant.reason == "the invoice 2026-000002 is void"


def test_a_credit_note_says_that_an_invoice_is_paid_once_nothing_is_left_of_it(log: Log) -> None:
    def paid(command: bill1.IssueCreditNote) -> list[Any]:
        events = log.send(command).events
        return [one.ref for one in events if isinstance(one.event, bill1.InvoicePaid)]

    assert paid(note("n-1", (1, 1500))) == []
    assert not log.scene.world.state(FEBRUARY).paid
    assert paid(note("n-2", (2, 4999))) == []
    assert paid(note("n-3", (2, 1))) == [FEBRUARY]
    assert log.scene.world.state(FEBRUARY).paid
    # January was paid before: what is given back of it is credit, and told as nothing else.
    assert paid(note("n-4", (1, 700), bill="2026-01")) == []
    assert log.owner().available("OMR", log.now) == billing.omr(700)
