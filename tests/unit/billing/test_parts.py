"""The parts in which a month is closed, and whether another month is closed after it."""

from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support import usage as used
from tests.support.money import Running
from tests.support.year import Log

from catalyst.billing.domain import closing, invoicing, subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Fired

PROVISIONING = build.service("provisioning")
WIKI = subscription.ref_of("acme", "wiki.acme-prod")


def fired(log: Log) -> Any:
    """Return what follows when the account's timer fires."""
    return log.scene.hears(Fired(timer=invoicing.TIMER, gen="g"), billing.ACCOUNT, now=log.now)


def with_wiki(log: Log, month: str) -> None:
    """Let a wiki be paid for from a month on."""
    begun: Any = used.started(month, application="wiki", hold="c-2")
    log.write(WIKI, begun[1])
    known: Any = used.captured(month, "c-2")
    log.write(billing.ACCOUNT, msgspec.structs.replace(known[1], subscriptions=(WIKI.id,)))


@pytest.mark.guarantee("G12.19")
def test_a_part_in_which_nothing_is_charged_writes_no_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(invoicing, "NAMES", 1)
    log = Log()
    log.order("2026-02")
    with_wiki(log, "2026-01")
    log.now = invoicing.closes("2026-01")
    part = bill1.MonthPartClosed(month="2026-01", after=used.BLOG.id)
    fired(log).then(part).then_timers(Arm(timer=invoicing.TIMER, after=closing.SOON))
    log.close()
    [january] = log.invoices
    assert {line.subscription for line in log.content(january.month).lines} == {WIKI.id}


@pytest.mark.guarantee("G12.15")
def test_what_still_runs_for_a_closed_account_is_charged_in_the_month_after() -> None:
    log = Log()
    log.order("2026-01")
    log.write(billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    fired(log).then_timers(invoicing.armed("2026-02", log.now))
    log.end("2026-01")
    fired(log).then_timers()


@pytest.mark.guarantee("G12.11", "G12.15")
def test_a_month_is_not_closed_early_while_what_was_held_before_it_may_begin_in_it() -> None:
    log = Running()
    owner = bill1.RecordPayment(payment="p-1", amount=billing.omr(90_000), reference="t")
    log.does(owner, billing.ACCOUNT, billing.BILLING_ADMIN)
    wiki = billing.quote(billing.item("wiki"))
    for name, quote in (("c-1", billing.quote()), ("c-2", wiki)):
        log.does(billing.hold(name, quote), billing.ACCOUNT, PROVISIONING)
        log.does(bill1.CaptureHold(hold=name, revision="r"), billing.ACCOUNT, PROVISIONING)
    # It ends and is wanted again: for January it is paid, so that nothing is due.
    log.does(bill1.EndSubscription(reason="gone"), used.BLOG, PROVISIONING)
    again = billing.quote(paid={used.BLOG.id: billing.omr(6500)})
    hold = billing.hold("c-3", again, minutes=43_200)
    assert log.does(hold, billing.ACCOUNT, PROVISIONING).rejected is None
    log.now = invoicing.closes("2026-01")
    log.settle()
    close = bill1.FinalizeInvoice(month="2026-02")
    refused = log.does(close, billing.ACCOUNT, billing.BILLING_ADMIN)
    refused.then_rejected("invoice-not-due", "/data/month")
    assert "'c-3' is of 2026-01" in str(refused.rejected)
    log.does(bill1.CaptureHold(hold="c-3", revision="r"), billing.ACCOUNT, PROVISIONING)
    log.does(close, billing.ACCOUNT, billing.BILLING_ADMIN)
    charged = {one.subscription for one in log.content("2026-02").lines if one.kind == "month"}
    assert charged == {used.BLOG.id, WIKI.id}


@pytest.mark.guarantee("G12.15")
def test_what_is_held_in_the_month_itself_does_not_keep_it_open() -> None:
    log = Log()
    log.order("2026-01")
    fact: Any = billing.granted(minor=50_000)
    log.write(*fact)
    hold = billing.hold("c-2", billing.quote(billing.item("wiki")))
    log.after(billing.ACCOUNT, log.asks(hold, by=PROVISIONING))
    assert log.owner().holds["c-2"].month == "2026-01"
    log.finalize("2026-01")
    assert log.owner().due_month == "2026-02"
