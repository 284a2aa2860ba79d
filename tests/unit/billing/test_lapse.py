"""Credit of a closed account: it pays the last invoice, and what is left of it then expires."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.usage import use
from tests.support.year import BEGIN, Log

from catalyst.billing.domain import closing, invoicing, ledger
from catalyst.billing.domain.closing import LAPSED
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Fired
from catalyst.contracts.environment_v1 import OrganizationDeleted
from catalyst.contracts.message import Event
from catalyst.projector.views.billing_account import ACCOUNT
from catalyst.projector.views.view import At

pytestmark = pytest.mark.guarantee("G12.23")


@pytest.fixture
def log() -> Log:
    """A log in which the blog runs in January."""
    found = Log()
    found.order()
    return found


def delete(log: Log) -> None:
    """Let the Organization be deleted."""
    heard = build.recorded(OrganizationDeleted(slug="acme"), build.ACME)
    gone = log.scene.hears(heard, billing.ACCOUNT, now=log.now)
    gone.then(bill1.AccountClosed(organization="acme"))
    log.after(billing.ACCOUNT, gone)


def fire(log: Log, timer: str = invoicing.TIMER) -> Any:
    """Let a timer of the account fire."""
    outcome = log.scene.hears(Fired(timer=timer, gen="g"), billing.ACCOUNT, now=log.now)
    return log.after(billing.ACCOUNT, outcome)


def credit(log: Log) -> dict[str, int]:
    """Return what is left of each grant."""
    return {name: one.left for name, one in log.owner().credits.items()}


def row(log: Log) -> Any:
    """Return the account's row, as the projector makes it."""
    doc: Any = None
    for one in log.of(billing.ACCOUNT):
        event: Event = one.event
        if type(event) in ACCOUNT.folds:
            at = At(ref=one.ref, seq=one.seq, time=one.time)
            doc = ACCOUNT.folds[type(event)](doc, event, at)
    return doc


def test_what_the_last_invoice_leaves_of_the_credit_is_breakage_and_nothing_can_be_spent(
    log: Log,
) -> None:
    log.write(*billing.granted(minor=500))  # type: ignore[misc]
    log.send(bill1.RecordPayment(payment="p-1", amount=billing.omr(7000), reference="t"))
    log.use(use("u-1", 2000, time=BEGIN))
    log.end()
    assert row(log).balances[0].available == 7500
    delete(log)
    # Until the invoice is made the credit is there for it, and for nothing else.
    assert credit(log) == {"goodwill-g1": 500, "payment-p-1": 7000}
    assert (row(log).balances[0].credit, row(log).balances[0].available) == (7500, 0)
    assert log.owner().available("OMR", log.now) == billing.omr(0)

    decision = fire(log)
    assert decision.timers == ()
    expired = [one.event for one in decision.events if isinstance(one.event, bill1.GrantExpired)]
    assert [one.grant for one in expired] == ["payment-p-1"]
    [content] = log.invoices
    [amount] = content.amounts
    assert (amount.credit, amount.open) == (billing.omr(1000), billing.omr(0))
    assert log.again("2026-01") == invoicing.text(content)
    owner = log.owner()
    assert owner.balances == {"clearing:OMR": -7500, "revenue:OMR": 1000, "breakage:OMR": 6500}
    assert owner.credits == {}
    [balance] = row(log).balances
    assert (balance.credit, balance.available, balance.breakage) == (0, 0, 6500)


def test_what_is_owed_stays_owed_when_the_credit_expires(log: Log) -> None:
    log.use(use("u-1", 2000, time=BEGIN))
    log.end()
    log.close()
    assert log.owner().owed("OMR") == 1000
    log.write(*billing.granted(minor=4000))  # type: ignore[misc]
    delete(log)
    # February has begun: it is closed as well, and costs nothing.
    assert fire(log).timers == ()
    owner = log.owner()
    assert (owner.credits, owner.balances["breakage:OMR"]) == ({}, 4000)
    assert (owner.owed("OMR"), owner.open_invoices) == (1000, {"2026-01": {"OMR": 1000}})
    # What comes in later settles it; more than that is somebody's money, and stays.
    log.send(bill1.RecordPayment(payment="p-1", amount=billing.omr(1200), reference="t"))
    assert (log.owner().owed("OMR"), log.owner().open_invoices) == (0, {})
    assert credit(log) == {"payment-p-1": 200}
    assert row(log).balances[0].available == 0


def test_credit_waits_for_what_may_still_be_invoiced(log: Log) -> None:
    log.write(*billing.granted(minor=9000))  # type: ignore[misc]
    log.finalize("2026-01")
    left = credit(log)
    # After the early close: it is a line on February's invoice.
    log.use(use("u-1", 2000, time=BEGIN))
    log.end()
    delete(log)
    wait = invoicing.closes("2026-02") - log.now
    assert fire(log).timers == (Arm(timer=invoicing.TIMER, after=wait),)
    assert credit(log) == left
    log.close()
    assert [one.amounts[0].credit.minor for one in log.invoices][-1] == 1000
    while log.owner().credits:
        assert log.owner().due_month <= f"{log.now:%Y-%m}"
        fire(log)
    assert log.owner().balances["breakage:OMR"] == left["goodwill-g1"] - 1000


def test_credit_waits_for_what_was_ordered_and_removed_between_two_parts() -> None:
    log = Log()
    log.write(*billing.granted(minor=9000))  # type: ignore[misc]
    delete(log)
    # All that stood there then is drafted; the hold of the blog was still open.
    log.write(billing.ACCOUNT, bill1.MonthPartClosed(month="2026-01", after="zz.acme-prod"))
    log.order()
    log.end()
    wait = invoicing.closes("2026-02") - log.now
    assert fire(log).timers == (Arm(timer=invoicing.TIMER, after=wait),)
    assert credit(log) == {"goodwill-g1": 9000}
    log.now += wait
    fire(log)
    assert [one.kind for one in log.content("2026-02").lines] == ["ordered", "ordered"]
    while log.owner().credits:
        assert log.owner().due_month <= f"{log.now:%Y-%m}"
        fire(log)
    assert log.owner().removed == {}


def test_credit_waits_for_a_hold_that_may_give_some_of_it_back() -> None:
    log = Log()
    for one in billing.rich(10_000)[2:]:
        log.write(*one)  # type: ignore[misc]
    quoted = msgspec.structs.replace(billing.quote(), version="2026-01")
    held = bill1.CreditHeld(
        hold="c-1",
        plan_hash=billing.PLAN_HASH,
        quote=quoted,
        expires=BEGIN + timedelta(days=30),
        gen="g",
        journal=ledger.hold(log.owner().credits, quoted.due, BEGIN, entry="c-1"),
        month="2026-01",
    )
    log.write(billing.ACCOUNT, held)
    delete(log)
    [timer] = fire(log).timers
    assert timer.timer == invoicing.TIMER
    assert credit(log) == {"goodwill-g1": 3500}
    fire(log, "hold.c-1")
    assert credit(log) == {"goodwill-g1": 10_000}
    log.now = invoicing.closes("2026-02")
    while log.owner().credits:
        assert log.owner().due_month <= f"{log.now:%Y-%m}"
        fire(log)
    assert log.owner().balances == {
        "clearing:OMR": -10_000,
        "held:OMR": 0,
        "breakage:OMR": 10_000,
    }


def test_however_many_grants_there_are_each_expires_once() -> None:
    log = Log()
    count = 2 * LAPSED + 1
    for number in range(count):
        log.write(*billing.granted(f"goodwill-g{number}", 3))  # type: ignore[misc]
    delete(log)
    again = Arm(timer=closing.LAPSE, after=closing.SOON)
    assert [fire(log).timers, fire(log, "lapse").timers] == [(again,), (again,)]
    assert len(credit(log)) == 1
    assert fire(log, "lapse").timers == ()
    assert log.owner().balances == {"clearing:OMR": -3 * count, "breakage:OMR": 3 * count}
    assert fire(log, "lapse").events == ()


def test_the_credit_of_an_old_account_that_is_never_invoiced_expires_as_well() -> None:
    log = Log(month="")
    log.write(*billing.granted(minor=5000))  # type: ignore[misc]
    heard = build.recorded(OrganizationDeleted(slug="acme"), build.ACME)
    gone = log.scene.hears(heard, billing.ACCOUNT, now=log.now)
    gone.then_timers(Arm(timer=closing.LAPSE, after=closing.SOON))
    log.after(billing.ACCOUNT, gone)
    fire(log, closing.LAPSE)
    assert log.owner().balances == {"clearing:OMR": -5000, "breakage:OMR": 5000}


def test_a_log_from_before_is_what_it_was() -> None:
    log = Log()
    log.write(*billing.granted(minor=5000))  # type: ignore[misc]
    log.write(billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    over = bill1.MonthClosed(month="2026-01", invoice="", open=(), journal=bill1.Journal())
    log.write(billing.ACCOUNT, over)
    assert (credit(log), log.owner().balances) == ({"goodwill-g1": 5000}, {"clearing:OMR": -5000})


def test_as_many_grants_as_one_batch_takes_need_no_further_one_and_empty_ones_are_left() -> None:
    log = Log()
    for number in range(LAPSED):
        log.write(*billing.granted(f"goodwill-g{number}", 3))  # type: ignore[misc]
    full = log.owner().credits
    empty = {"spent": msgspec.structs.replace(full["goodwill-g0"], left=0)}
    decision = closing.lapse(msgspec.structs.replace(log.owner(), credits={**empty, **full}))
    assert [one.event.grant for one in decision.events] == list(full)  # type: ignore[attr-defined]
    assert decision.timers == ()
