"""Invoices: every month once and whole, every use on one of them, and the same bytes again."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from tests.support import billing
from tests.support.scenario import given
from tests.support.usage import BLOG, started, use
from tests.support.year import BEGIN, Log, lines

from catalyst.billing.domain import (
    account,
    counting,
    credit_note,
    explaining,
    invoice,
    invoicing,
    usage,
)
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Fired
from catalyst.contracts.money_v1 import micro_half_even
from catalyst.contracts.rejection import Rejected

MONTH = [("month", "blueprint.wordpress", 1500), ("month", "package.s", 5000)]


def begun() -> Log:
    """Return a log in which the blog was bought in January."""
    log = Log()
    log.write(*_fact(started("2026-01")))
    return log


def _fact(found: Any) -> Any:
    return found


def bought(log: Log, *items: Any, month: str, **changes: Any) -> None:
    """Let the blog be changed."""
    event = bill1.SubscriptionChanged(
        application="blog",
        environment="acme-prod",
        book="main",
        version="2026-04",
        lines=billing.quote(*items).lines,
        month=month,
        hold="c-2",
        revision="3f2b",
    )
    log.write(BLOG, event)


@pytest.fixture
def log() -> Log:
    found = begun()
    found.know()
    return found


@pytest.mark.guarantee("G12.11")
def test_what_was_paid_when_it_was_ordered_is_on_the_invoice_and_not_due(log: Log) -> None:
    log.close()
    [content] = log.invoices
    assert lines(content) == [("ordered", sku, minor) for _, sku, minor in MONTH]
    [amount] = content.amounts
    assert (amount.total, amount.prepaid, amount.open) == (
        billing.omr(6500),
        billing.omr(6500),
        billing.omr(0),
    )
    assert log.scene.world.state(invoice.ref_of("acme", "2026-01")).paid


@pytest.mark.guarantee("G12.11")
def test_what_goes_on_is_charged_whole_each_month_and_owed_without_credit(log: Log) -> None:
    log.close()
    log.close()
    assert lines(log.invoices[1]) == MONTH
    assert log.owner().owed("OMR") == 6500
    assert log.owner().open_invoices == {"2026-02": {"OMR": 6500}}


@pytest.mark.guarantee("G12.11")
def test_credit_is_taken_first_and_a_payment_settles_the_oldest_invoice(log: Log) -> None:
    log.close()
    log.write(*_fact(billing.granted(minor=1500)))
    log.close()
    log.close()
    assert log.invoices[1].amounts[0].credit == billing.omr(1500)
    assert log.owner().open_invoices == {"2026-02": {"OMR": 5000}, "2026-03": {"OMR": 6500}}
    log.send(bill1.RecordPayment(payment="p1", amount=billing.omr(4000), reference="t"))
    assert log.owner().open_invoices == {"2026-02": {"OMR": 1000}, "2026-03": {"OMR": 6500}}
    decision = log.send(bill1.RecordPayment(payment="p2", amount=billing.omr(9000), reference="t"))
    paid = [(one.ref.id, one.event) for one in decision.events[1:] if one.ref is not None]
    assert paid == [
        ("2026-02", bill1.InvoicePaid(payment="p2")),
        ("2026-03", bill1.InvoicePaid(payment="p2")),
    ]
    assert log.owner().open_invoices == {}
    assert log.owner().available("OMR", log.now) == billing.omr(1500)


@pytest.mark.guarantee("G12.11")
def test_a_change_charges_what_went_on_and_what_it_cost_more(log: Log) -> None:
    log.close()
    bought(log, billing.item(plan="m"), month="2026-02")
    bought(log, billing.item(plan="s"), month="2026-02")
    log.close()
    assert lines(log.invoices[1]) == [*MONTH, ("ordered", "change", 7500), ("ordered", "change", 0)]
    change = log.invoices[1].lines[2]
    said = "14.000 OMR a month, less 6.500 OMR paid for this one"
    assert (change.name, change.formula) == ("Change of what is sold", said)
    assert log.invoices[1].amounts[0].open == billing.omr(6500)
    log.close()
    assert lines(log.invoices[2]) == MONTH


@pytest.mark.guarantee("G12.11")
def test_the_month_in_which_it_ended_is_charged_and_none_after_it(log: Log) -> None:
    log.close()
    log.end("2026-02")
    log.close()
    assert lines(log.invoices[1]) == MONTH
    log.close()
    assert len(log.invoices) == 2
    assert log.owner().due_month == "2026-04"
    assert log.owner().removed == {}


def test_what_ends_before_the_month_is_closed_is_still_charged_for_it(log: Log) -> None:
    log.close()
    log.end("2026-03")
    log.close()
    log.close()
    assert [lines(one) for one in log.invoices[1:]] == [MONTH, MONTH]


@pytest.mark.guarantee("G12.12")
def test_use_is_priced_exactly_and_rounded_once_at_the_line(log: Log) -> None:
    log.use(*(use(f"u-{n}", 1, time=BEGIN) for n in range(5)))
    log.close()
    [line] = [one for one in log.invoices[0].lines if one.kind == "usage"]
    assert (line.amount, line.quantity, line.version) == (billing.omr(2), 5, "2026-04")
    assert line.formula == "per-unit: 5 piece"


@pytest.mark.guarantee("G12.12")
def test_late_use_is_a_dated_line_on_the_next_invoice_for_what_is_missing(log: Log) -> None:
    log.use(use("u-1", 10, time=BEGIN))
    log.close()
    log.use(use("u-2", 6, time=BEGIN))
    log.close()
    late = [one for one in log.invoices[1].lines if one.kind == "adjustment"]
    assert [(one.period, one.quantity, one.amount.minor) for one in late] == [("2026-01", 16, 3)]
    assert late[0].formula == "per-unit: 16 piece, less 0.005 OMR invoiced before"
    log.close()
    assert "tokens" not in {one.sku for one in log.invoices[2].lines}


def test_use_that_comes_before_its_month_is_closed_is_on_its_own_invoice(log: Log) -> None:
    log.now = invoicing.closes("2026-01") - timedelta(hours=1)
    log.use(use("u-1", 10, time=BEGIN))
    log.close()
    assert [one.period for one in log.invoices[0].lines if one.kind == "usage"] == ["2026-01"]


@pytest.mark.guarantee("G12.12")
def test_what_is_taken_back_waits_for_an_invoice_that_can_bear_it(log: Log) -> None:
    disk = {"meter": "disk", "time": BEGIN}
    log.use(use("u-1", 4_000_000, **disk))
    log.close()
    log.use(use("u-2", 0, **{**disk, "time": BEGIN + timedelta(hours=1)}))
    log.end("2026-01")
    log.close()
    assert len(log.invoices) == 1
    log.write(*_fact(started("2026-03")))
    log.know("2026-03")
    log.close()
    assert [one.kind for one in log.invoices[1].lines] == ["ordered", "ordered"]


@pytest.mark.guarantee("G12.11")
def test_a_month_is_closed_a_day_after_it_is_over_and_only_once(log: Log) -> None:
    log.now = invoicing.closes("2026-01") - timedelta(seconds=1)
    early = log.scene.hears(Fired(timer="month", gen="g"), billing.ACCOUNT, now=log.now)
    early.then().then_timers(Arm(timer="month", after=timedelta(seconds=1)))
    decision = log.close()
    wait = invoicing.closes("2026-02") - log.now
    assert decision.timers == (Arm(timer="month", after=wait),)
    again = log.scene.hears(Fired(timer="month", gen="g"), billing.ACCOUNT, now=log.now)
    again.then()


def test_a_month_that_cost_nothing_has_no_invoice_and_takes_no_number() -> None:
    log = Log()
    decision = log.close()
    assert [one.event for one in decision.events] == [
        bill1.MonthClosed(month="2026-01", invoice="", open=(), journal=bill1.Journal())
    ]
    assert decision.commands == ()


def test_a_closed_account_without_anything_is_not_invoiced_for_ever(log: Log) -> None:
    log.close()
    log.end("2026-02")
    log.write(billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    soon = Arm(timer="month", after=timedelta(seconds=1))
    assert log.close().timers == (soon,)
    again = log.scene.hears(Fired(timer="month", gen="g"), billing.ACCOUNT, now=log.now)
    again.then_timers()


@pytest.mark.guarantee("G12.13")
def test_numbers_follow_each_other_and_each_is_claimed() -> None:
    at = invoice.numbers_of(2026)
    scene = given()
    for count, name in enumerate(("acme", "globex", "acme"), 1):
        command = bill1.NumberInvoice(organization=name, invoice=f"2026-0{count}")
        outcome = scene.when(command, at, by=billing.SERVICE)
        outcome.then_claims(invoice.claim_of("2026", count))
        assert [one.number for one in _numbered(outcome)] == [f"2026-00000{count}"]
        scene = outcome.and_then()
        scene.when(command, at, by=billing.SERVICE, input_id="again").then_nothing()


def _numbered(outcome: Any) -> list[bill1.InvoiceNumbered]:
    return [one for one in outcome.events if isinstance(one, bill1.InvoiceNumbered)]


def test_a_number_that_somebody_holds_is_not_given() -> None:
    at, claim = invoice.numbers_of(2026), invoice.claim_of("2026", 1)
    world = given().world.with_claim(claim, billing.ACCOUNT)
    scene = given().going_on(world)
    command = bill1.NumberInvoice(organization="acme", invoice="2026-01")
    scene.when(command, at, by=billing.SERVICE).then_rejected("invoice-number-taken")


@pytest.mark.guarantee("G12.14")
def test_a_line_opens_to_its_events_and_to_nothing_else(log: Log) -> None:
    log.use(use("u-1", 10, time=BEGIN), use("u-2", 1, time=BEGIN, meter="calls"))
    log.use(use("u-3", 5, time=BEGIN))
    log.close()
    log.use(use("u-4", 5, time=BEGIN))
    draft = explaining.drafted(log.of(invoice.ref_of("acme", "2026-01")), "2026-01")
    assert draft.number == "2026-000001"
    [line] = [one for one in draft.content.lines if one.sku == "tokens"]
    found = explaining.behind(draft, line, log.of(explaining.origin_of(draft, line)))
    assert [one["use"]["id"] for one in found] == ["u-1", "u-3"]
    assert all(log.events[one["seq"] - 1].type == one["type"] for one in found)
    first = explaining.line_of(draft, 1)
    [sold] = explaining.behind(draft, first, log.of(BLOG))
    assert sold["type"] == "billing.subscription-started.v1"
    with pytest.raises(Rejected, match=f"the lines 1 to {len(draft.content.lines)}"):
        explaining.line_of(draft, 99)
    with pytest.raises(Rejected, match="no invoice"):
        explaining.drafted([], "2026-02")


STEP = st.one_of(
    st.tuples(st.just("use"), st.integers(0, 40), st.sampled_from(("tokens", "peak", "disk"))),
    st.tuples(st.just("grant"), st.integers(1, 9000), st.sampled_from((20, 400))),
    st.tuples(st.just("pay"), st.integers(1, 9000), st.just("")),
    st.tuples(st.just("change"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("end"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("void"), st.integers(1, 12), st.just("")),
    st.tuples(st.just("note"), st.integers(1, 12), st.sampled_from((1, 700, 5000))),
)


def correct(log: Log, bill: str, name: str, minor: Any) -> None:
    """Void an invoice, or credit some of its first line; either may be refused."""
    command: Any = bill1.VoidInvoice(invoice=bill, reason="wrong")
    if minor:
        lines = (bill1.Credited(line=1, amount=billing.omr(minor)),)
        command = bill1.IssueCreditNote(note=name, invoice=bill, lines=lines, reason="wrong")
    if log.asks(command).rejected is None:
        log.send(command)


YEAR = st.lists(st.lists(STEP, max_size=5), min_size=12, max_size=12)


def _do(log: Log, step: Any) -> None:
    kind, amount, what = step
    name, month = f"n-{len(log.events)}", f"{log.now:%Y-%m}"
    state = log.scene.world.state(BLOG)
    match kind:
        case "use":
            age = timedelta(days=amount)
            log.use(use(name, amount * 997, time=log.now - age, meter=what))
        case "grant":
            log.write(
                *_fact(
                    billing.granted(name, amount, expires=log.now + timedelta(days=what), gen="g")
                )
            )
        case "pay":
            log.send(bill1.RecordPayment(payment=name, amount=billing.omr(amount), reference="t"))
        case "change" if state.status == "active":
            bought(log, billing.item(plan="m" if amount else "s"), month=month)
        case "end" if state.status == "active":
            log.end(month)
        case "void" | "note":
            correct(log, f"2026-{amount:02d}", name, what)
        case _:
            log.write(*_fact(started(month, hold=name)))
            log.know(month, name)


@pytest.mark.guarantee("G12.14")
@for_all(YEAR)
@settings(max_examples=12, deadline=None)
def test_a_year_of_invoices_is_made_again_byte_for_byte(months: list[list[Any]]) -> None:
    log = begun()
    log.know()
    for month in months:
        for step in month:
            log.now += timedelta(hours=17)
            _do(log, step)
        log.close()
    for content in log.invoices:
        assert log.again(content.month) == invoicing.text(content)
        for amount in content.amounts:
            parts = (amount.prepaid, amount.credit, amount.open)
            assert sum(part.minor for part in parts) == amount.total.minor
            assert min(part.minor for part in parts) >= 0
    numbers: dict[str, list[int]] = {}
    for one in log.events:
        if isinstance(one.event, bill1.InvoiceNumbered | bill1.CreditNoteNumbered):
            numbers.setdefault(one.ref.path, []).append(one.event.count)
        if isinstance(one.event, bill1.CreditNoteDrafted):
            assert log.note_again(one.event.content.note) == credit_note.text(one.event.content)
    assert all(counts == list(range(1, len(counts) + 1)) for counts in numbers.values())
    given_ = sum(len(counts) for path, counts in numbers.items() if "credit-note" not in path)
    assert given_ == len(log.invoices)
    owner = log.owner()
    assert sum(owner.balances.values()) + sum(one.left for one in owner.credits.values()) == 0
    assert owner.owed("OMR") == sum(one["OMR"] for one in owner.open_invoices.values())
    _each_use_is_invoiced_once(log)


def _each_use_is_invoiced_once(log: Log) -> None:
    """Expect the lines of all invoices to add up to what each meter was invoiced at."""
    sums: dict[tuple[str, str], int] = {}
    for content in log.invoices:
        for line in content.lines:
            if line.kind in {"usage", "adjustment"}:
                place = (line.period, line.sku)
                sums[place] = sums.get(place, 0) + line.amount.minor
    states = {
        ref.id: log.scene.world.state(ref)
        for ref in {one.ref for one in log.events}
        if ref.aggregate == "usage"
    }
    for month, state in states.items():
        for key, billed in state.invoiced.items():
            meter = state.meters[key]
            assert sums[month, meter.meter] == billed.amount.minor
            if billed.quantity == meter.quantity:
                assert billed.amount == micro_half_even(meter.amount)


def test_months_follow_each_other_over_the_year() -> None:
    assert account.next_month("2026-12") == "2027-01"
    assert invoicing.previous("2026-01") == "2025-12"
    assert invoicing.months_of("2026-02") == ("2025-11", "2025-12", "2026-01", "2026-02")
    # The oldest use that is taken belongs to a month that the next invoice looks at.
    for month in (f"2026-{number:02d}" for number in range(1, 13)):
        oldest = usage.first_day(month) - counting.LATE
        assert f"{oldest:%Y-%m}" in invoicing.months_of(invoicing.previous(month))
