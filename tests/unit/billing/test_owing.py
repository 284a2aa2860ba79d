"""What is owed and what is to be paid agree, whatever is ordered, paid, closed and corrected."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from tests.support import billing, build
from tests.support.examples import at_least
from tests.support.scenario import Outcome, Scenario, given
from tests.support.usage import TEXT, reported, use
from typing_extensions import override

from catalyst.billing.domain import account, holds, invoice, invoicing, owing, prices, subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Fired

PROVISIONING = build.service("provisioning")
BEGIN = datetime(2026, 4, 1, tzinfo=UTC)
END = datetime(2026, 6, 20, tzinfo=UTC)


@pytest.mark.guarantee("G12.11")
@pytest.mark.parametrize("ends", ["released", "captured"])
def test_what_was_paid_for_a_hold_is_not_taken_for_an_invoice(ends: str) -> None:
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(90_000)))
    scene = given(billing.applied(), billing.opened(), limit)
    scene = scene.when(billing.hold(), billing.ACCOUNT, by=PROVISIONING, now=billing.NOW).and_then()
    scene = _paid(scene, "p-1", 6500).and_then()
    sides = (("receivable", -1115), ("revenue", 1115))
    over = bill1.MonthClosed(
        month="2026-03",
        invoice="2026-03",
        open=(billing.omr(1115),),
        journal=bill1.Journal(
            postings=tuple(
                bill1.Posting(account=name, amount=billing.omr(minor))  # type: ignore[arg-type]
                for name, minor in sides
            )
        ),
    )
    scene = Scenario(scene.world.with_fact(billing.ACCOUNT, over))
    command: Any = bill1.ReleaseHold(hold="c-1", reason="cancelled")
    if ends == "captured":
        command = bill1.CaptureHold(hold="c-1", revision="3f2a")
    ended = scene.when(command, billing.ACCOUNT, by=PROVISIONING, now=billing.NOW)
    after: account.Account = ended.state()
    assert (after.owed("OMR"), after.open_invoices) == (1115, {"2026-03": {"OMR": 1115}})
    back = {"released": 6500, "captured": 0}[ends]
    assert sum(credit.left for credit in after.credits.values()) == back
    settled = _paid(ended.and_then(), "p-2", 1115)
    assert bill1.InvoicePaid(payment="p-2") in settled.events


def _paid(scene: Scenario, name: str, minor: int) -> Outcome:
    payment = bill1.RecordPayment(payment=name, amount=billing.omr(minor), reference="t")
    return scene.when(payment, billing.ACCOUNT, by=billing.BILLING_ADMIN, now=billing.NOW)


def test_a_payment_settles_the_oldest_invoices_of_its_own_currency() -> None:
    dollars = bill1.Money(currency="USD", minor=700)
    opened = {"2026-01": {"OMR": 5}, "2026-02": {"OMR": 9, "USD": 500}, "2026-03": {"USD": 300}}
    after, paid = owing.settle(opened, dollars)
    assert after == {"2026-01": {"OMR": 5}, "2026-02": {"OMR": 9}, "2026-03": {"USD": 100}}
    assert paid == ()
    assert owing.settle(after, billing.omr(14)) == (
        {"2026-03": {"USD": 100}},
        ("2026-01", "2026-02"),
    )


def test_what_is_owed_of_orders_is_the_latest_of_them_and_never_below_nothing() -> None:
    orders = {
        name: owing.Order(amount=billing.omr(minor), month="2026-04")
        for name, minor in (("c-1", 300), ("c-2", 500), ("c-3", 200))
    }

    def left(owed: int, invoiced: int = 0) -> list[tuple[str, int]]:
        found = owing.fitted(orders, {"OMR": owed}, {"2026-03": {"OMR": invoiced, "USD": 9}})
        return [(name, one.amount.minor) for name, one in found.items()]

    assert left(1000) == left(1100, 100) == [("c-1", 300), ("c-2", 500), ("c-3", 200)]
    assert left(450) == [("c-2", 250), ("c-3", 200)]
    assert left(300, 100) == left(200) == [("c-3", 200)]
    assert left(100, 100) == left(100, 300) == []


class History:
    """An account of a quarter in which anything happens; what is refused changes nothing."""

    def __init__(self, drawn: Random) -> None:
        self.drawn = drawn
        self.now = BEGIN
        self.count = 0
        self.book = billing.book(TEXT)
        opened = bill1.AccountOpened(organization="acme", month="2026-04")
        limit = bill1.CreditLimitSet(limit=billing.omr(self.drawn.choice([0, 1_000_000])))
        self.scene = given(
            billing.applied(self.book),
            (billing.ACCOUNT, opened),
            (billing.ACCOUNT, limit),
            billing.granted(minor=self.drawn.choice([1, 20_000, 500_000])),
        )
        self.drafts: dict[str, bill1.InvoiceContent] = {}

    @property
    def owner(self) -> account.Account:
        """The account."""
        found: account.Account = self.scene.world.state(billing.ACCOUNT)
        return found

    def live(self) -> None:
        """Let the quarter pass, and look at the account after each step."""
        steps: list[Callable[[], None]] = [self.order, self.order, self.end, self.end, self.use]
        steps += [self.leave, self.pay, self.finalize, self.void, self.credit]
        while self.now < END:
            self.count += 1
            self.now += self.wait()
            self.close()
            self.drawn.choice(steps)()
            self.check()
        for name in list(self.owner.holds):
            self._do(bill1.ReleaseHold(hold=name, reason="over"))
        self.now = END + timedelta(days=60)
        History.close(self)
        self.check()

    def wait(self) -> timedelta:
        """Return how long nothing happens."""
        return timedelta(hours=self.drawn.randint(1, 60))

    def check(self) -> None:
        """Assert that nothing is to be paid that is not owed, and what is owed is for something."""
        owner = self.owner
        credit = sum(one.left for one in owner.credits.values())
        assert sum(owner.balances.values()) + credit == 0
        billed = sum(one.get("OMR", 0) for one in owner.open_invoices.values())
        ordered = sum(one.amount.minor for one in owner.unpaid.values())
        sides = (side for hold in owner.holds.values() for side in hold.journal.postings)
        held = -sum(side.amount.minor for side in sides if side.account == "receivable")
        assert billed + ordered <= owner.owed("OMR") <= billed + ordered + held

    def invoiced(self) -> int:
        """Return what all invoices charge that stand, less what was given back of them."""
        found = 0
        for name, content in self.drafts.items():
            bill: invoice.Invoice = self.scene.world.state(invoice.ref_of("acme", name))
            if not bill.void:
                found += sum(one.total.minor for one in content.amounts)
                found -= sum(bill.credited.values())
        return found

    def _do(self, command: Any, name: str = "", by: Any = PROVISIONING) -> Outcome:
        at = subscription.ref_of("acme", name) if name else billing.ACCOUNT
        outcome = self.scene.when(command, at, by=by, now=self.now, input_id=f"c-{self.count}")
        self._follow(outcome)
        return outcome

    def _follow(self, outcome: Outcome) -> None:
        self.scene = outcome.and_then()
        if outcome.rejected is not None:
            return
        for event in outcome.events:
            if isinstance(event, bill1.InvoiceDrafted):
                name = event.content.month
                ref = invoice.ref_of("acme", name)
                # With the lines of its parts.
                self.drafts[name] = self.scene.world.state(ref).content
                numbered = bill1.InvoiceFinalized(number=f"2026-{name}", digest=event.digest)
                self.scene = Scenario(self.scene.world.with_fact(ref, numbered))

    def close(self) -> None:
        """Close every month that is over."""
        while self.closes():
            self.fire()

    def closes(self) -> bool:
        """Return whether a month is over, or is being closed."""
        owner = self.owner
        return owner.closing is not None or invoicing.closes(owner.due_month) <= self.now

    def fire(self) -> None:
        """Let the timer of months fire."""
        fired = Fired(timer=invoicing.TIMER, gen="")
        self._follow(self.scene.hears(fired, billing.ACCOUNT, now=self.now))

    def order(self) -> None:
        item = billing.item(self.drawn.choice("ab"), plan=self.drawn.choice([None, "s", "m"]))
        name = prices.subscription_id(item.application, item.environment)
        ref = subscription.ref_of("acme", name)
        month = prices.month_of(self.now)
        paid = holds.paid_for([item], "acme", month, {ref: self.scene.world.state(ref)})
        quote = prices.quote(self.book, [item], "OMR", paid)
        refused = self._do(billing.hold(f"c-{self.count}", quote)).rejected
        assert refused is None or refused.code in {"credit-insufficient", "hold-exists"}

    def end(self) -> None:
        if self.owner.holds:
            name = self.drawn.choice(sorted(self.owner.holds))
            taken = bill1.CaptureHold(hold=name, revision="r")
            given_back = bill1.ReleaseHold(hold=name, reason="cancelled")
            self._do(self.drawn.choice([taken, taken, given_back])).decision  # noqa: B018

    def leave(self) -> None:
        name = self.drawn.choice("ab")
        if not any(one.quote.items[0].application == name for one in self.owner.holds.values()):
            self._do(bill1.EndSubscription(reason="removed"), f"{name}.acme-prod")

    def use(self) -> None:
        time = self.now - timedelta(hours=self.drawn.randint(0, 24 * 50))
        uses = [
            use(
                f"u-{self.count}-{number}",
                self.drawn.randint(0, 3000),
                time=time + timedelta(seconds=number),
                meter=self.drawn.choice(["tokens", "disk", "peak"]),
                subscription=f"{self.drawn.choice('ab')}.acme-prod",
            )
            for number in range(3)
        ]
        month = prices.month_of(time)
        same = [one for one in uses if prices.month_of(one.time) == month]
        self.scene = reported(self.scene, *same, now=self.now, month=month).and_then()

    def pay(self) -> None:
        amount = billing.omr(self.drawn.randint(1, 9000))
        payment = bill1.RecordPayment(payment=f"p-{self.count}", amount=amount, reference="t")
        self._do(payment, by=billing.BILLING_ADMIN)

    def finalize(self) -> None:
        command = bill1.FinalizeInvoice(month=self.owner.due_month)
        self._do(command, by=billing.BILLING_ADMIN)

    def void(self) -> None:
        if self.drafts:
            name = self.drawn.choice(sorted(self.drafts))
            self._do(bill1.VoidInvoice(invoice=name, reason="wrong"), by=billing.BILLING_ADMIN)

    def credit(self) -> None:
        if self.drafts:
            name = self.drawn.choice(sorted(self.drafts))
            line = self.drawn.choice(self.drafts[name].lines)
            amount = billing.omr(self.drawn.randint(1, max(1, line.amount.minor)))
            command = bill1.IssueCreditNote(
                note=f"n-{self.count}",
                invoice=name,
                reason="so",
                lines=(bill1.Credited(line=line.line, amount=amount),),
            )
            self._do(command, by=billing.BILLING_ADMIN)


@pytest.mark.guarantee("G12.2", "G12.11")
@for_all(st.integers(0, 10**9))
@at_least(20)
def test_all_invoices_are_what_was_taken_and_what_is_to_be_paid_is_owed(seed: int) -> None:
    history = History(Random(seed))  # noqa: S311 - what happens, not what is secret
    history.live()
    assert history.invoiced() == history.owner.balances.get("revenue:OMR", 0)


class Late(History):
    """The same where months are closed late and part by part, and anything happens in between."""

    @override
    def wait(self) -> timedelta:
        """Return how long nothing happens, which is more than a month now and then."""
        return timedelta(days=40) if self.drawn.random() < 0.07 else super().wait()

    @override
    def close(self) -> None:
        """Close all that is over, or nothing, or no more than the next part."""
        if self.drawn.random() < 0.3:
            super().close()
        elif self.closes() and self.drawn.random() < 0.6:
            self.fire()


@pytest.mark.guarantee("G12.11", "G12.19")
@for_all(st.integers(0, 10**9))
@at_least(40)
def test_all_is_invoiced_once_though_months_are_closed_late_and_in_parts(seed: int) -> None:
    history = Late(Random(seed))  # noqa: S311 - what happens, not what is secret
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(invoicing, "NAMES", 1)
        patch.setattr(invoicing, "LINES", 2)
        history.live()
    assert history.invoiced() == history.owner.balances.get("revenue:OMR", 0)
