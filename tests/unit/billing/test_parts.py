"""The parts in which a month is closed, and whether another month is closed after it."""

from typing import Any

import msgspec
import pytest
from tests.support import billing
from tests.support import usage as used
from tests.support.year import Log

from catalyst.billing.domain import closing, invoicing, subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Fired

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
