"""A month is closed once: when it is over, on request, or with its account."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.usage import BLOG, started, use
from tests.support.year import BEGIN, Log, lines

from catalyst.billing.domain import (
    closing,
    counting,
    explaining,
    invoice,
    invoicing,
    subscription,
    usage,
)
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts.decision import Arm, Fired
from catalyst.contracts.environment_v1 import OrganizationDeleted
from catalyst.contracts.rejection import Rejected

MONTH = [("month", "blueprint.wordpress", 1500), ("month", "package.s", 5000)]
ORDERED = [("ordered", sku, minor) for _, sku, minor in MONTH]


@pytest.fixture
def log() -> Log:
    found = Log()
    found.order("2026-01", "c-1")
    return found


@pytest.mark.guarantee("G12.15")
def test_a_running_month_is_closed_on_request_for_what_it_cost_so_far(log: Log) -> None:
    log.use(use("u-1", 10, time=BEGIN))
    decision = log.finalize("2026-01")
    [content] = log.invoices
    assert lines(content) == [*ORDERED, ("usage", "tokens", 5)]
    assert log.scene.world.state(invoice.ref_of("acme", "2026-01")).number == "2026-000001"
    assert log.again("2026-01") == invoicing.text(content)
    wait = invoicing.closes("2026-02") - log.now
    assert decision.timers == (Arm(timer="month", after=wait),)
    log.finalize("2026-01")
    assert len(log.invoices) == 1


@pytest.mark.guarantee("G12.15")
def test_what_comes_after_an_early_close_is_a_dated_line_on_the_next_invoice(log: Log) -> None:
    log.use(use("u-1", 10, time=BEGIN))
    log.finalize("2026-01")
    log.use(use("u-2", 6, time=BEGIN), use("u-3", 1, time=BEGIN, meter="calls"))
    gone = bill1.SubscriptionEnded(
        application="blog", environment="acme-prod", month="2026-01", reason="removed"
    )
    log.write(BLOG, gone)
    log.order("2026-01", "c-2")
    log.close()
    assert log.owner().later == {}
    after = log.invoices[1]
    late = [(one.kind, one.period, one.sku, one.amount.minor) for one in after.lines]
    assert late == [
        *(("month", "2026-02", sku, minor) for _, sku, minor in MONTH),
        # January is paid already.
        ("ordered", "2026-01", "change", 0),
        ("adjustment", "2026-01", "calls", 0),
        ("adjustment", "2026-01", "tokens", 3),
    ]
    assert log.again("2026-02") == invoicing.text(after)
    log.close()
    assert lines(log.invoices[2]) == MONTH


@pytest.mark.guarantee("G12.15")
def test_an_add_on_that_is_taken_away_is_charged_for_its_month_and_never_again() -> None:
    log = Log()
    whole = billing.quote(billing.item(addons=("addon.backup",)))
    ref, begun = started("2026-01", hold="c-1", lines=whole.lines)  # type: ignore[misc]
    log.order("2026-01", "c-1", begun)
    log.close()
    less = subscription.sold(
        log.scene.world.state(BLOG),
        BLOG.id,
        billing.quote(),
        month="2026-02",
        hold="c-2",
        revision="4a1b",
    )
    assert isinstance(less, bill1.SubscriptionChanged)
    log.order("2026-02", "c-2", less)
    log.close()
    log.close()
    _, february, march = log.invoices
    assert sum(one.amount.minor for one in february.lines) == whole.total.minor
    assert lines(march) == MONTH
    assert log.again("2026-02") == invoicing.text(february)
    assert subscription.monthly([log.scene.world.state(ref)], "OMR") == billing.quote().total


def running(log: Log, month: str) -> bill1.InvoiceContent:
    """Return the invoice that a month would have now."""
    owner = log.owner()
    refs = explaining.running_refs("acme", month, owner)
    states = {one: log.scene.world.state(one) for one in refs}
    return explaining.running("acme", month, log.now, owner, states).content


@pytest.mark.guarantee("G12.15")
def test_what_is_ordered_after_an_early_close_is_seen_at_once_on_the_next_invoice(log: Log) -> None:
    log.finalize("2026-01")
    wiki = subscription.ref_of("acme", "wiki.acme-prod")
    _, begun = started("2026-01", application="wiki", hold="c-2")  # type: ignore[misc]
    log.write(wiki, begun)
    captured = bill1.HoldCaptured(
        hold="c-2",
        revision="3f2a",
        amount=billing.omr(6500),
        month="2026-01",
        subscriptions=(wiki.id,),
        journal=bill1.Journal(),
    )
    log.write(billing.ACCOUNT, captured)
    # January runs on, and is closed; February has not begun, and shows what stands on it.
    assert f"{log.now:%Y-%m}" == "2026-01"
    shown = running(log, "2026-02")
    late = [one for one in shown.lines if one.kind == "ordered"]
    assert {(one.subscription, one.period, one.hold) for one in late} == {
        ("wiki.acme-prod", "2026-01", "c-2")
    }
    [amount] = shown.amounts
    assert (amount.total, amount.prepaid) == (billing.omr(3 * 6500), billing.omr(6500))
    for month in ("2026-01", "2026-03"):
        with pytest.raises(Rejected):
            running(log, month)
    log.close()
    assert log.invoices[1].lines == shown.lines


@pytest.mark.guarantee("G12.11")
def test_a_month_of_very_many_changes_is_invoiced_whole(log: Log) -> None:
    _, begun = started("2026-01")  # type: ignore[misc]
    change = bill1.SubscriptionChanged(**msgspec.structs.asdict(begun))
    for number in range(2 * subscription.BOUGHT_KEPT):
        log.order("2026-01", f"x-{number}", msgspec.structs.replace(change, hold=f"x-{number}"))
    log.order("2026-02", "y-1", msgspec.structs.replace(change, month="2026-02", hold="y-1"))
    log.close()
    [content] = log.invoices
    assert len(content.lines) == 2 + 2 * subscription.BOUGHT_KEPT
    log.order("2026-03", "z-1", msgspec.structs.replace(change, month="2026-03", hold="z-1"))
    assert len(log.scene.world.state(BLOG).bought) == subscription.BOUGHT_KEPT


def test_a_month_is_closed_early_by_a_person_in_its_turn_and_for_something(log: Log) -> None:
    def ask(month: str, **changes: Any) -> Any:
        command = bill1.FinalizeInvoice(month=month)
        by = changes.pop("by", billing.BILLING_ADMIN)
        return log.scene.when(command, billing.ACCOUNT, by=by, now=log.now, **changes)

    ask("2026-01", by=build.service("provisioning")).then_rejected("person-required")
    begins = "2026-02 has not begun: it begins on 2026-02-01, in UTC"
    next_one = "2026-01 is the month that is invoiced next"
    early = ask("2026-02")
    early.then_rejected("invoice-not-due", "/data/month")
    assert early.rejected.message == f"{begins}; {next_one}"
    ask("2025-12").then_nothing()
    log.finalize("2026-01")
    early = ask("2026-02")
    early.then_rejected("invoice-not-due", "/data/month")
    assert early.rejected.message == begins
    log.write(billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    ask("2026-01").then_rejected("account-closed")


def test_a_month_that_cost_nothing_stays_open() -> None:
    log = Log()
    command = bill1.FinalizeInvoice(month="2026-01")
    asked = log.scene.when(command, billing.ACCOUNT, by=billing.BILLING_ADMIN, now=log.now)
    asked.then_rejected("invoice-empty", "/data/month")


@pytest.mark.guarantee("G12.15")
def test_the_last_invoice_is_made_when_the_organization_is_deleted(log: Log) -> None:
    log.use(use("u-1", 10, time=BEGIN))
    removed = bill1.SubscriptionRemoved(subscription=BLOG.id, month="2026-01")
    log.write(billing.ACCOUNT, removed)
    heard = build.recorded(OrganizationDeleted(slug="acme"), build.ACME)
    gone = log.scene.hears(heard, billing.ACCOUNT, now=log.now)
    gone.then(bill1.AccountClosed(organization="acme"))
    gone.then_timers(Arm(timer="month", after=timedelta(seconds=1)))
    log.scene = gone.and_then()
    outcome = log.scene.hears(Fired(timer="month", gen="g"), billing.ACCOUNT, now=log.now)
    drafted = [one for one in outcome.events if isinstance(one, bill1.InvoiceDrafted)]
    assert [lines(one.content) for one in drafted] == [[*ORDERED, ("usage", "tokens", 5)]]
    outcome.then_timers()


@pytest.mark.guarantee("G12.15")
def test_the_draft_of_the_running_month_says_what_would_be_finalized_now(log: Log) -> None:
    log.use(use("u-1", 10, time=BEGIN))
    owner = log.owner()
    refs = explaining.running_refs("acme", "2026-01", owner)
    draft = explaining.running(
        "acme", "2026-01", log.now, owner, {one: log.scene.world.state(one) for one in refs}
    )
    line = explaining.line_of(draft, 3)
    [found] = explaining.behind(draft, line, log.of(explaining.origin_of(draft, line)))
    assert (line.sku, found["use"]["id"]) == ("tokens", "u-1")
    log.finalize("2026-01")
    assert invoicing.text(log.invoices[0]) == invoicing.text(draft.content)


def test_the_draft_of_a_month_whose_turn_has_not_come_leaves_out_what_is_invoiced_before(
    log: Log,
) -> None:
    log.use(use("u-1", 10, time=BEGIN))
    log.now = invoicing.closes("2026-01") - timedelta(hours=1)
    owner = log.owner()
    refs = explaining.running_refs("acme", "2026-02", owner)
    states = {one: log.scene.world.state(one) for one in refs}
    draft = explaining.running("acme", "2026-02", log.now, owner, states)
    assert lines(draft.content) == MONTH


# ---- months with much in them

MANY = 2_000


def crowded(count: int, uses: int) -> Log:
    """Return a log in which many Applications were bought in January, and used."""
    log = Log()
    _, begun = started("2026-01")  # type: ignore[misc]
    names = [f"a{number:04d}.acme-prod" for number in range(count)]
    for name in names:
        of = msgspec.structs.replace(begun, application=name.partition(".")[0], hold="")
        log.write(subscription.ref_of("acme", name), of)
    captured = bill1.HoldCaptured(
        hold="c-1",
        revision="3f2a",
        amount=billing.omr(0),
        month="2026-01",
        subscriptions=tuple(names),
        journal=bill1.Journal(),
    )
    log.write(billing.ACCOUNT, captured)
    each = [
        use(f"u-{number}", 10 + number, time=BEGIN, subscription=names[number])
        for number in range(uses)
    ]
    for begin in range(0, uses, counting.AT_ONCE):
        log.use(*each[begin : begin + counting.AT_ONCE])
    return log


@pytest.mark.guarantee("G12.19")
def test_a_month_of_any_size_is_closed_in_parts_that_the_broker_takes() -> None:
    log = crowded(MANY, 1_500)
    log.close()
    bill = log.scene.world.state(invoice.ref_of("acme", "2026-01"))
    assert (bill.number, bill.parts) == ("2026-000001", ())
    content: bill1.InvoiceContent = bill.content
    assert [one.line for one in content.lines] == list(range(1, 2 * MANY + 1_500 + 1))
    sold = {one.subscription for one in content.lines if one.kind == "ordered"}
    assert len(sold) == MANY
    assert bill.digest == invoicing.digest(content)
    [amount] = content.amounts
    used = sum(one.amount.minor for one in content.lines if one.kind == "usage")
    assert amount.total == billing.omr(MANY * 6500 + used)
    assert log.owner().owed("OMR") == amount.open.minor
    assert log.owner().closing is None
    drafted = [one.event for one in log.events if isinstance(one.event, bill1.InvoicePartDrafted)]
    assert len(drafted) >= 5
    assert all(len(codec.encode(one.event)) < 700_000 for one in log.events)
    assert log.again("2026-01") == invoicing.text(content)
    last = content.lines[-1]
    draft = explaining.drafted(log.of(invoice.ref_of("acme", "2026-01")), "2026-01")
    assert len(explaining.behind(draft, last, log.of(explaining.origin_of(draft, last)))) == 1


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few subscriptions and lines be too many for one part."""
    monkeypatch.setattr(invoicing, "NAMES", 3)
    monkeypatch.setattr(invoicing, "LINES", 4)


def _step(log: Log, *, again: bool = False) -> None:
    """Let the account's timer fire once; the same firing twice is decided once by its id."""
    fired = Fired(timer="month", gen="g")
    log.now = max(log.now, invoicing.closes("2026-01"))
    outcome = log.scene.hears(fired, billing.ACCOUNT, now=log.now)
    if again:
        # Whoever dies before its batch stands decides the same from the same state.
        once_more = log.scene.hears(fired, billing.ACCOUNT, now=log.now)
        assert once_more.decision == outcome.decision
    log.after(billing.ACCOUNT, outcome)
    if log.owner().closing is not None:
        # What goes on with the next part stands in the batch of this one.
        outcome.then_timers(Arm(timer="month", after=closing.SOON))


@pytest.mark.guarantee("G12.19")
@pytest.mark.usefixtures("small")
def test_each_part_takes_up_where_the_one_before_it_ended() -> None:
    log = crowded(7, 6)
    whole = crowded(7, 6)
    while log.owner().due_month == "2026-01":
        _step(log, again=True)
    with pytest.MonkeyPatch.context() as unlimited:
        unlimited.setattr(invoicing, "NAMES", 400)
        unlimited.setattr(invoicing, "LINES", 1_000)
        _step(whole)
        [expected] = whole.invoices
        # However it was parted: replay goes by what the log says, not by today's limits.
        assert log.again("2026-01") == invoicing.text(expected)
    assert log.scene.world.state(invoice.ref_of("acme", "2026-01")).content == expected
    assert len(expected.lines) == 7 * 2 + 6


@pytest.mark.guarantee("G12.19")
@pytest.mark.usefixtures("small")
def test_a_running_month_that_is_closed_in_parts_goes_on_without_waiting_for_its_end() -> None:
    log = crowded(7, 6)
    log.now = BEGIN
    decision = log.send(bill1.FinalizeInvoice(month="2026-01"))
    steps = 0
    while log.owner().closing is not None:
        assert decision.timers == (Arm(timer="month", after=closing.SOON),)
        fired = log.scene.hears(Fired(timer="month", gen="g"), billing.ACCOUNT, now=log.now)
        decision = log.after(billing.ACCOUNT, fired)
        steps += 1
        assert steps < 20
    assert steps > 1
    assert log.now == BEGIN < invoicing.closes("2026-01")
    assert len(log.content("2026-01").lines) == 7 * 2 + 6


@pytest.mark.guarantee("G12.19")
@pytest.mark.usefixtures("small")
def test_what_comes_between_two_parts_is_on_this_invoice_or_on_the_next_one_once() -> None:
    log = crowded(7, 6)
    log.now = BEGIN
    log.send(bill1.FinalizeInvoice(month="2026-01"))
    log.asks(bill1.FinalizeInvoice(month="2026-01")).then_nothing()
    owner = log.owner()
    assert owner.closing is not None
    log.order("2026-01", "c-late")
    log.use(use("late-1", 1_000, time=BEGIN, subscription="a0000.acme-prod"))
    refs = explaining.running_refs("acme", "2026-01", log.owner())
    states = {one: log.scene.world.state(one) for one in refs}
    before = explaining.lines_of(log.of(invoice.ref_of("acme", "2026-01")))
    draft = explaining.running("acme", "2026-01", log.now, log.owner(), states, before)
    log.now = BEGIN
    log.use(use("late-2", 1_000, time=BEGIN, subscription="a0001.acme-prod"))
    log.close()
    log.close()
    first, second = log.content("2026-01"), log.content("2026-02")
    assert len(draft.content.lines) == len(first.lines) == 7 * 2 + 6
    assert BLOG.id not in {one.subscription for one in first.lines}
    late = [one for one in second.lines if one.subscription == BLOG.id]
    assert [one.period for one in late if one.kind == "ordered"] == ["2026-01", "2026-01"]
    both = (*first.lines, *second.lines)
    tokens = sum(one.amount.minor for one in both if one.sku == "tokens")
    state = log.scene.world.state(usage.ref_of("acme", "2026-01"))
    assert tokens == sum(one.amount.minor for one in state.invoiced.values())
    for month, content in (("2026-01", first), ("2026-02", second)):
        assert log.again(month) == invoicing.text(content)


@pytest.mark.guarantee("G12.19", "G12.11")
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("month", "on"), [("2026-01", "2026-02"), ("2026-03", "2026-03")])
def test_what_is_ordered_and_ended_between_two_parts_is_charged_once(month: str, on: str) -> None:
    log = crowded(7, 6)
    log.send(bill1.FinalizeInvoice(month="2026-01"))
    assert log.owner().closing is not None
    log.order(month, "c-late")
    log.end(month)
    for _ in range(4):
        log.close()
    found = [one.month for one in log.invoices for line in one.lines if line.hold == "c-late"]
    assert found == [on, on]
