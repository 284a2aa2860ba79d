"""An invoice that has its number stays as it is: it is voided whole, or credited line by line."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import billing, build
from tests.support.usage import use
from tests.support.year import BEGIN, Log

from catalyst.billing.domain import credit_note, explaining, invoice, invoicing
from catalyst.billing.domain.numbering import NOTES
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.rejection import Rejected

FEBRUARY = invoice.ref_of("acme", "2026-02")
VOID = bill1.VoidInvoice(invoice="2026-02", reason="made out to the wrong one")


def note(name: str = "n-1", **lines: int) -> bill1.IssueCreditNote:
    """Return a credit note of the invoice of February, by its lines: `one=500`."""
    places = {"one": 1, "two": 2, "nine": 9}
    return bill1.IssueCreditNote(
        note=name,
        invoice="2026-02",
        lines=tuple(
            bill1.Credited(line=places[place], amount=billing.omr(minor))
            for place, minor in lines.items()
        ),
        reason="two days of silence",
    )


@pytest.fixture
def log() -> Log:
    """A log with the invoices of January, paid when it was ordered, and February, to be paid."""
    found = Log()
    found.order()
    found.close()
    found.write(*_fact(billing.granted("g-1", 2000)))
    found.close()
    assert found.owner().open_invoices == {"2026-02": {"OMR": 4500}}
    return found


def _fact(found: Any) -> Any:
    return found


def _sums(log: Log) -> int:
    owner = log.owner()
    return sum(owner.balances.values()) + sum(one.left for one in owner.credits.values())


@pytest.mark.guarantee("G12.16")
def test_a_void_invoice_takes_nothing_keeps_its_number_and_what_it_says(log: Log) -> None:
    before = log.invoices[1]
    log.send(VOID)
    owner, bill = log.owner(), log.scene.world.state(FEBRUARY)
    assert (owner.owed("OMR"), owner.open_invoices) == (0, {})
    assert owner.available("OMR", log.now) == billing.omr(2000)
    assert (bill.status, bill.number, bill.content) == ("void", "2026-000002", before)
    assert log.again("2026-02") == invoicing.text(before)
    assert _sums(log) == 0
    log.asks(VOID).then_nothing()
    log.close()
    # The number of the one that is void is not given again.
    assert log.scene.world.state(invoice.ref_of("acme", "2026-03")).number == "2026-000003"
    [told] = explaining.corrections(log.of(FEBRUARY), 1)
    assert (told["type"], told["reason"]) == ("billing.invoice-voided.v1", VOID.reason)


@pytest.mark.guarantee("G12.16")
def test_a_credit_note_with_the_name_that_a_void_would_take_loses_nothing(log: Log) -> None:
    lines = (bill1.Credited(line=1, amount=billing.omr(700)),)
    name = "void-2026-02-omr"
    log.send(bill1.IssueCreditNote(note=name, invoice="2026-01", lines=lines, reason="a trap"))
    log.send(VOID)
    assert log.owner().available("OMR", log.now) == billing.omr(2700)
    assert _sums(log) == 0


def test_what_comes_late_for_a_month_whose_invoice_is_void_is_still_charged(log: Log) -> None:
    log.send(VOID)
    log.use(use("u-1", 10, time=BEGIN + timedelta(days=30)))
    log.close()
    assert [one.sku for one in log.invoices[2].lines if one.kind == "adjustment"] == ["tokens"]


@pytest.mark.guarantee("G12.16")
def test_an_invoice_of_which_something_is_paid_is_not_voided(log: Log) -> None:
    def refused(code: str, month: str = "2026-02", **changes: Any) -> None:
        command = bill1.VoidInvoice(invoice=month, reason="wrong")
        places = () if code == "person-required" else ("/data/invoice",)
        log.asks(command, **changes).then_rejected(code, *places)

    refused("person-required", by=build.service("provisioning"))
    refused("invoice-not-found", "2026-07")
    refused("invoice-paid", "2026-01")
    log.send(bill1.RecordPayment(payment="p-1", amount=billing.omr(1), reference="t"))
    refused("invoice-paid")
    log.send(bill1.RecordPayment(payment="p-2", amount=billing.omr(9000), reference="t"))
    refused("invoice-paid")


def test_an_invoice_that_waits_for_its_number_is_not_corrected(log: Log) -> None:
    draft = bill1.InvoiceDrafted(content=log.invoices[1], digest="x")
    log.write(invoice.ref_of("acme", "2026-03"), draft)
    log.asks(bill1.VoidInvoice(invoice="2026-03", reason="x")).then_rejected("invoice-not-final")
    lines = (bill1.Credited(line=1, amount=billing.omr(1)),)
    asked = bill1.IssueCreditNote(note="n", invoice="2026-03", lines=lines, reason="x")
    log.asks(asked).then_rejected("invoice-not-final", "/data/invoice")


@pytest.mark.guarantee("G12.17")
def test_a_credit_note_lowers_what_is_to_be_paid_and_the_rest_is_credit(log: Log) -> None:
    log.send(note("n-1", one=500, two=1000))
    assert log.owner().open_invoices == {"2026-02": {"OMR": 3000}}
    log.send(note("n-2", two=4000))
    owner, bill = log.owner(), log.scene.world.state(FEBRUARY)
    assert (owner.owed("OMR"), owner.open_invoices, bill.paid) == (0, {}, True)
    assert owner.available("OMR", log.now) == billing.omr(1000)
    assert owner.credits["correction-n-2"].left == 1000
    assert _sums(log) == 0
    made = [log.scene.world.state(credit_note.ref_of("acme", name)) for name in ("n-1", "n-2")]
    assert [one.number for one in made] == ["CN-2026-000001", "CN-2026-000002"]
    second = made[1].content
    assert (second.lowered, second.credit) == (billing.omr(3000), billing.omr(1000))
    assert [(one.line, one.invoiced, one.before) for one in second.lines] == [
        (2, billing.omr(5000), billing.omr(1000))
    ]
    log.asks(VOID).then_rejected("invoice-paid")


@pytest.mark.guarantee("G12.17")
def test_no_more_is_given_back_than_is_left_of_each_line(log: Log) -> None:
    log.send(note("n-1", one=1000))
    log.asks(note("n-2", one=501)).then_rejected("credit-exceeds-line", "/data/lines/0")
    log.asks(note("n-2", two=1, one=501)).then_rejected("credit-exceeds-line", "/data/lines/1")
    log.asks(note("n-2", nine=1)).then_rejected("invoice-line-not-found", "/data/lines/0")
    log.asks(note("n-2", one=0)).then_rejected("amount-invalid", "/data/lines/0")
    twice = tuple(bill1.Credited(line=1, amount=billing.omr(1)) for _ in range(2))
    doubled = bill1.IssueCreditNote(note="n-2", invoice="2026-02", lines=twice, reason="x")
    log.asks(doubled).then_rejected("item-duplicate", "/data/lines/1")
    dollars = (bill1.Credited(line=1, amount=bill1.Money(currency="USD", minor=1)),)
    mixed = bill1.IssueCreditNote(note="n-2", invoice="2026-02", lines=dollars, reason="x")
    log.asks(mixed).then_rejected("currency-mixed", "/data/lines/0")
    log.asks(note("n-2", one=500)).then_claims()


@pytest.mark.guarantee("G12.17")
def test_a_credit_note_counts_once_and_another_of_its_name_is_refused(log: Log) -> None:
    log.send(note("n-1", one=500))
    log.asks(note("n-1", one=500)).then_nothing()
    log.asks(note("n-1", one=501)).then_rejected("credit-note-exists", "/data/note")
    log.asks(note("n-2", one=500), by=build.service("billing")).then_rejected("person-required")


@pytest.mark.guarantee("G12.17")
@pytest.mark.guarantee("G12.11")
def test_the_last_invoice_of_a_closed_account_is_paid_as_any_other(log: Log) -> None:
    log.write(billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    log.send(bill1.RecordPayment(payment="p-1", amount=billing.omr(4500), reference="t"))
    assert (log.owner().owed("OMR"), log.owner().open_invoices) == (0, {})
    assert log.scene.world.state(FEBRUARY).status == "paid"


def test_a_void_invoice_is_not_credited_and_an_account_that_is_closed_can_be(log: Log) -> None:
    log.write(billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    log.send(VOID)
    log.asks(note("n-1", one=1)).then_rejected("invoice-void", "/data/invoice")


@pytest.mark.guarantee("G12.17")
def test_a_credit_note_is_made_again_and_opens_to_the_line_it_refers_to(log: Log) -> None:
    log.send(note("n-1", two=700))
    log.send(bill1.RecordPayment(payment="p", amount=billing.omr(9000), reference="t"))
    draft = explaining.noted(log.of(credit_note.ref_of("acme", "n-1")), "n-1")
    assert log.note_again("n-1") == credit_note.text(draft.content)
    assert draft.digest == credit_note.digest(draft.content)
    line = explaining.note_line(draft, 1)
    [told] = explaining.corrections(log.of(FEBRUARY), line.line)
    assert (told["credit_note"], told["amount"]["minor"]) == ("n-1", 700)
    assert explaining.corrections(log.of(FEBRUARY), 1) == []
    for wrong in (0, 2):
        with pytest.raises(Rejected, match="the credit note has the line 1 alone"):
            explaining.note_line(draft, wrong)
    with pytest.raises(Rejected, match="no credit note"):
        explaining.noted([], "n-9")


@pytest.mark.guarantee("G12.17")
def test_numbers_of_credit_notes_are_their_own_and_given_once() -> None:
    at = NOTES.ref(2026)
    scene = Log().scene
    command = bill1.NumberCreditNote(organization="acme", note="n-1")
    outcome = scene.when(command, at, by=billing.SERVICE)
    outcome.then_claims(NOTES.claim_of("2026", 1))
    outcome.and_then().when(command, at, by=billing.SERVICE, input_id="again").then_nothing()
    world = scene.world.with_claim(NOTES.claim_of("2026", 1), billing.ACCOUNT)
    taken = scene.going_on(world).when(command, at, by=billing.SERVICE)
    taken.then_rejected("invoice-number-taken")
