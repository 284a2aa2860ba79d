"""Money in any order: each thing is charged once, and everything adds up after every step."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support import accounted, billing, build
from tests.support import usage as used
from tests.support.money import Running
from tests.support.scenario import Outcome
from typing_extensions import override

from catalyst.billing.domain import (
    holds,
    invoicing,
    price_book,
    prices,
    redemption,
    subscription,
    voucher,
)
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.prices_v1 import Item
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.contracts.voucher_v1 import voucher_id

PROVISIONING = build.service("provisioning")
ACME = Ref("acme", "environment", "organization", "acme")
APPS = ("blog", "wiki", "shop")
CODES = (billing.CODE, "VCH-2BND-8K4T-QW7E")
METERS = ("tokens", "calls", "peak", "disk", "people", "storage", "unknown")
CURRENCIES = st.sampled_from(["OMR", "OMR", "OMR", "USD"])
INDEX = st.integers(0, 30)
LONG = 43_200
"""Minutes of a hold: as many as it may last."""


def money(currency: str, minor: int) -> bill1.Money:
    return bill1.Money(currency=currency, minor=minor)


class MoneyMachine(RuleBasedStateMachine):
    """Any history of one Organization's money."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Running()
        self.count = 0
        self.checked = 0
        """Events that were looked at."""

    @initialize(minor=st.sampled_from([7_000, 200_000]), limit=st.sampled_from([0, 40_000]))
    def something_is_bought(self, minor: int, limit: int) -> None:
        self.a_payment(minor, "OMR")
        self.a_credit_limit(limit, "OMR")
        self.a_hold({"blog"}, None, "OMR")
        self.a_hold_ends(0, take=True)

    def _name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"

    def _does(self, command: Any, at: Ref = billing.ACCOUNT, by: Any = None) -> Outcome:
        return self.log.does(command, at, by or billing.BILLING_ADMIN)

    # ---- time, and what is on its way

    @rule(days=st.integers(0, 20), hours=st.integers(0, 23))
    def time_passes(self, days: int, hours: int) -> None:
        self.log.now += timedelta(days=days, hours=hours)

    @precondition(lambda self: self.log.pending)
    @rule(index=INDEX)
    def something_arrives(self, index: int) -> None:
        self.log.arrive(index % len(self.log.pending))

    @precondition(lambda self: self.log.due())
    @rule(index=INDEX)
    def a_timer_fires(self, index: int) -> None:
        due = self.log.due()
        self.log.fire(due[index % len(due)])

    @rule(days=st.sampled_from([0, 32]))
    def all_arrives(self, days: int) -> None:
        self.log.now += timedelta(days=days)
        self.log.settle()

    # ---- what comes in

    @rule(minor=st.integers(1, 30_000), currency=CURRENCIES)
    def a_payment(self, minor: int, currency: str) -> None:
        name = self._name("p")
        pay = bill1.RecordPayment(payment=name, amount=money(currency, minor), reference="t")
        before = len(self.log.events)
        self._does(pay)
        after = len(self.log.events)
        assert after > before or self.log.owner().status == "absent" or currency == "USD"
        self._does(pay)
        assert len(self.log.events) == after

    @rule(
        minor=st.integers(1, 30_000),
        days=st.one_of(st.none(), st.integers(1, 40)),
        priority=st.sampled_from([10, 50]),
        currency=CURRENCIES,
    )
    def goodwill(self, minor: int, days: int | None, priority: int, currency: str) -> None:
        grant = bill1.GrantCredit(
            grant=self._name("g"),
            amount=money(currency, minor),
            reason="so",
            expires=None if days is None else self.log.now + timedelta(days=days),
            priority=priority,
        )
        self._does(grant)

    @rule(
        code=st.sampled_from(CODES),
        days=st.one_of(st.none(), st.integers(1, 40)),
        what=st.sampled_from(["issued", "redeemed", "redeemed", "revoked"]),
        currency=CURRENCIES,
    )
    def a_voucher(self, code: str, days: int | None, what: str, currency: str) -> None:
        at = voucher.ref_of(voucher_id(code))
        if what == "issued":
            worth = money(currency, 5000)
            self._does(bill1.IssueVoucher(code=code, amount=worth, cap=1, credit_days=days), at)
        elif what == "redeemed":
            entered = redemption.ref_of("acme", self._name("r"))
            self._does(bill1.RedeemVoucher(code=code), entered)
        else:
            self._does(bill1.RevokeVoucher(reason="no"), at)

    @rule(minor=st.sampled_from([0, 4000, 40_000]), currency=CURRENCIES)
    def a_credit_limit(self, minor: int, currency: str) -> None:
        self._does(bill1.SetCreditLimit(limit=money(currency, minor)))

    @rule(minor=st.sampled_from([None, None, 30_000, 90_000]), currency=CURRENCIES)
    def a_spend_limit(self, minor: int | None, currency: str) -> None:
        limit = None if minor is None else money(currency, minor)
        before = self.log.owner().spend_limits
        done = self._does(bill1.SetSpendLimit(limit=limit, currency=currency))
        if self.log.owner().status == "open" and done.rejected is None:
            others = {name: one for name, one in before.items() if name != currency}
            own = {} if minor is None else {currency: minor}
            assert self.log.owner().spend_limits == {**others, **own}

    @rule(days=st.integers(0, 25), factor=st.sampled_from(["5", "7", "0"]))
    def new_prices(self, days: int, factor: str) -> None:
        text = used.TEXT.replace("2026-04-01", f"{self.log.now + timedelta(days=days):%Y-%m-%d}")
        text = text.replace('"2026-04"', f'"{self._name("v")}"')
        text = text.replace('OMR: "1.500"', f'OMR: "{factor}.500"')
        text = text.replace("0.000500", f"0.00{factor}500")
        self._does(bill1.ApplyPriceBook(document=text), price_book.DEFAULT)

    # ---- what is bought

    @rule(
        apps=st.sets(st.sampled_from(APPS), min_size=1, max_size=2),
        plan=st.sampled_from([None, "s", "m"]),
        currency=CURRENCIES,
    )
    def a_hold(self, apps: set[str], plan: Any, currency: str) -> None:
        items = [billing.item(one, plan=plan) for one in sorted(apps)]
        quote = self._quote(items, currency)
        if quote is not None:
            hold = billing.hold(self._name("h"), quote, minutes=LONG)
            self._does(hold, by=PROVISIONING)
            limits = self.log.owner().spend_limits
            if quote.due.minor and hold.hold in self.log.owner().holds:
                # Of a currency without a limit nothing is bought beside one with it.
                assert currency in limits or not limits
                held = self.log.owner().balances[f"held:{currency}"]
                assert held <= limits.get(currency, held)

    def _quote(self, items: list[Item], currency: str) -> Any:
        month = prices.month_of(self.log.now)
        states = {
            (ref := subscription.ref_of("acme", f"{one.application}.acme-prod")): self._state(ref)
            for one in items
        }
        paid = holds.paid_for(items, "acme", month, states)
        book = prices.in_force(self._state(price_book.DEFAULT).versions, self.log.now)
        try:
            return prices.quote(book, items, currency, paid)
        except Rejected:
            # It is paid in another currency.
            return None

    def _state(self, ref: Ref) -> Any:
        return self.log.scene.world.state(ref)

    @precondition(lambda self: self.log.owner().holds)
    @rule(index=INDEX, take=st.sampled_from([True, True, False]))
    def a_hold_ends(self, index: int, *, take: bool) -> None:
        names = sorted(self.log.owner().holds)
        name = names[index % len(names)]
        ends: Any = bill1.CaptureHold(hold=name, revision="r")
        if not take:
            ends = bill1.ReleaseHold(hold=name, reason="no")
        self._does(ends, by=PROVISIONING)

    @rule(app=st.sampled_from(APPS))
    def a_subscription_ends(self, app: str) -> None:
        at = subscription.ref_of("acme", f"{app}.acme-prod")
        self._does(bill1.EndSubscription(reason="gone"), at, PROVISIONING)

    # ---- what is used

    @rule(
        number=st.integers(1, 12),
        days=st.one_of(st.integers(0, 9), st.integers(-1, 50)),
        app=st.sampled_from(("blog", "blog", *APPS, "none")),
        meter=st.sampled_from(METERS),
        quantity=st.integers(0, 3000),
        again=st.booleans(),
    )
    def something_is_used(
        self, number: int, days: int, app: str, meter: str, quantity: int, *, again: bool
    ) -> None:
        one = used.use(
            f"u-{number if again else self._name('u')}",
            quantity,
            time=self.log.now - timedelta(days=days),
            subscription=f"{app}.acme-prod",
            meter=meter,
            value=f"v{quantity % 3}" if meter == "people" else "",
        )
        self.log.reports(one, one)

    # ---- invoices

    @rule()
    def the_month_is_closed(self) -> None:
        self._does(bill1.FinalizeInvoice(month=self.log.owner().due_month or "2026-01"))

    @precondition(lambda self: self.log.invoices)
    @rule(back=st.integers(1, 3))
    def an_invoice_is_void(self, back: int) -> None:
        bill = self.log.invoices[-back:][0]
        self._does(bill1.VoidInvoice(invoice=bill.month, reason="so"))

    @precondition(lambda self: self.log.invoices)
    @rule(index=INDEX, place=INDEX, minor=st.integers(1, 3000), whole=st.booleans())
    def something_is_given_back(self, index: int, place: int, minor: int, *, whole: bool) -> None:
        bills = self.log.invoices
        month = bills[index % len(bills)].month
        lines = self.log.content(month).lines
        line = lines[place % len(lines)]
        amount = line.amount if whole else money(line.amount.currency, minor)
        note = bill1.IssueCreditNote(
            note=self._name("n"),
            invoice=month,
            lines=(bill1.Credited(line=line.line, amount=amount),),
            reason="so",
        )
        self._does(note)

    @precondition(lambda self: self.count > 12)
    @rule(sure=st.integers(0, 9))
    def the_organization_is_deleted(self, sure: int) -> None:
        if not sure:
            self.log.hears(env1.OrganizationDeleted(slug="acme"), ACME)

    # ---- what holds

    @invariant()
    def everything_adds_up(self) -> None:
        if self.checked < len(self.log.events):
            accounted.check(self.log, since=self.checked)
            self.checked = len(self.log.events)

    @override
    def teardown(self) -> None:
        """Close so many months that nothing more can come."""
        for _ in range(6):
            self.log.now += timedelta(days=32)
            self.log.settle()
            while self.log.goes_on():
                self.log.now += timedelta(minutes=1)
                self.log.settle()
        accounted.check_end(self.log)


@pytest.mark.guarantee("G12.2", "G12.11", "G12.12", "G12.13", "G12.14")
@pytest.mark.parametrize("names", [400, 1])
def test_money_adds_up_and_everything_is_charged_once_in_any_order(
    monkeypatch: pytest.MonkeyPatch, names: int
) -> None:
    monkeypatch.setattr(invoicing, "NAMES", names)
    monkeypatch.setattr(invoicing, "LINES", 2 * names)
    run_state_machine_as_test(MoneyMachine, settings=settings(stateful_step_count=40))
