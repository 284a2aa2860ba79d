"""The turn of a month between a hold and its capture: what is taken counts where it was taken."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support import accounted, billing, build
from tests.support.each import each
from tests.support.money import Running
from tests.support.scenario import Outcome, given

from catalyst.billing.domain import account, subscription, usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.subjects import Ref

BLOG = subscription.ref_of("acme", "blog.acme-prod")
ORGANIZATION = Ref("acme", "environment", "organization", "acme")
LAST = datetime.fromisoformat("2026-04-30T23:59:59+00:00")
FIRST = datetime.fromisoformat("2026-05-01T00:00:00+00:00")
PAID = {"blog.acme-prod": billing.omr(6500)}
LIMIT = billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(30_000))


def then(outcome: Outcome, command: Any, now: datetime) -> Outcome:
    """Return what follows from the next command of provisioning."""
    at = BLOG if isinstance(command, bill1.EndSubscription) else billing.ACCOUNT
    by = build.service("provisioning")
    after = outcome.and_then().when(command, at, by=by, now=now)
    assert after.rejected is None, after.rejected
    return after


def capture(name: str) -> bill1.CaptureHold:
    return bill1.CaptureHold(hold=name, revision="3f2a")


@pytest.mark.guarantee("G12.18")
@each([0, 1500], lambda before: f"{before} taken in May before")
def test_what_was_quoted_for_a_month_that_is_over_counts_in_the_one_that_runs(before: int) -> None:
    outcome = given(*billing.rich(90_000), LIMIT).when(
        billing.hold(), billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    for command in (capture("c-1"), bill1.EndSubscription(reason="removed")):
        outcome = then(outcome, command, billing.NOW)
    # What is bought again costs what is not paid for April yet; in May all of it would be due.
    larger = billing.quote(billing.item(plan="m"), paid=PAID)
    outcome = then(outcome, billing.hold("c-2", larger), LAST)
    if before:
        wiki = billing.quote(billing.item("wiki", plan=None))
        outcome = then(outcome, billing.hold("c-3", wiki), FIRST)
        outcome = then(outcome, capture("c-3"), FIRST)
    outcome = then(outcome, capture("c-2"), FIRST)
    assert outcome.events[0].month == "2026-04"  # type: ignore[attr-defined]

    owner: account.Account = outcome.state(billing.ACCOUNT)
    assert (owner.month, owner.spent) == ("2026-05", {"OMR": 7500 + before})
    goes_on = owner.renewed("2026-05", "OMR")
    assert usage.spent_in(owner, (), "2026-05", "OMR").minor == goes_on + 7500 + before
    larger = billing.quote(billing.item("shop", plan="m"))
    refused = outcome.and_then().when(
        billing.hold("c-4", larger), billing.ACCOUNT, by=build.service("provisioning"), now=FIRST
    )
    refused.then_rejected("spend-limit-reached")
    assert refused.rejected is not None
    so_far = billing.omr(14_000 + 7500 + before)
    assert refused.rejected.message.startswith(f"{so_far} of the limit")


@pytest.mark.guarantee("G12.25")
def test_what_waited_for_another_month_in_which_more_is_due_is_refused_with_what_has_moved() -> (
    None
):
    bought = given(*billing.rich(90_000)).when(
        billing.hold(), billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    bought = then(bought, capture("c-1"), billing.NOW)
    gone = bill1.EndSubscription(reason="removed")
    again = billing.hold("c-2", billing.quote(paid=PAID))

    def refused(outcome: Outcome, command: Any, now: datetime) -> str:
        by = build.service("provisioning")
        found = outcome.and_then().when(command, billing.ACCOUNT, by=by, now=now)
        found.then_rejected("quote-mismatch", "/data/quote/due")
        assert found.rejected is not None
        return found.rejected.message

    # It was uninstalled and is installed again: in April that costs nothing more.
    ended = then(bought, gone, LAST)
    assert then(ended, again, LAST).decision.events
    assert refused(ended, again, FIRST) == (
        "0.000 OMR was quoted as due, and 6.500 OMR is due in 2026-05: what was paid for a month"
        " before counts for that month alone; plan it again"
    )
    # What goes only in May is paid for May as well.
    assert then(then(bought, gone, FIRST), again, FIRST).decision.events
    # Less is due where more was bought meanwhile.
    assert refused(ended, billing.hold("c-2"), LAST) == (
        "6.500 OMR was quoted as due, and 0.000 OMR is due in 2026-04: more of it is paid by now;"
        " plan it again"
    )


def test_what_was_captured_before_it_was_kept_when_counts_as_it_did() -> None:
    captured = bill1.HoldCaptured(
        hold="c-1",
        revision="3f2a",
        amount=billing.omr(0),
        month="2026-04",
        subscriptions=(),
        journal=bill1.Journal(),
    )
    state = account.evolve(account.Account(status="open", month="2026-03"), captured)
    assert state.month == "2026-04"


def a_moment_passes(log: Running) -> None:
    """Let all happen that waits for nothing."""
    for _ in range(5):
        log.now += timedelta(seconds=2)
        log.settle()


@pytest.mark.guarantee("G12.11", "G12.15")
@each(["taken", "released", "run out"])
def test_the_last_month_of_a_deleted_organization_waits_for_what_was_held_before_it(
    how: str,
) -> None:
    """What is taken then stays what it was quoted for: its own month, and not this one."""
    log = Running("2026-01")
    by = build.service("provisioning")
    paid = bill1.RecordPayment(payment="p-1", amount=billing.omr(90_000), reference="t")
    log.does(paid, billing.ACCOUNT, billing.BILLING_ADMIN)
    for command in (billing.hold("c-1"), capture("c-1")):
        assert log.does(command, billing.ACCOUNT, by).rejected is None
    log.does(bill1.EndSubscription(reason="removed"), BLOG, by)
    log.now = datetime.fromisoformat("2026-01-31T23:59:59+00:00")
    larger = billing.quote(billing.item(plan="m"), paid=PAID)
    assert log.does(billing.hold("c-2", larger), billing.ACCOUNT, by).rejected is None

    log.now = datetime.fromisoformat("2026-02-01T00:00:10+00:00")
    log.hears(env1.OrganizationDeleted(slug="acme"), ORGANIZATION)
    a_moment_passes(log)
    # January is over, whatever comes; February may still be charged for what was held.
    assert log.owner().due_month == "2026-02"
    assert list(log.owner().holds) == ["c-2"]
    if how == "taken":
        assert log.does(capture("c-2"), billing.ACCOUNT, by).rejected is None
    elif how == "released":
        end = bill1.ReleaseHold(hold="c-2", reason="no")
        assert log.does(end, billing.ACCOUNT, by).rejected is None
    else:
        log.now = log.owner().holds["c-2"].expires
        log.settle()
    a_moment_passes(log)
    # It waits no longer than that.
    assert log.owner().due_month == "2026-03"
    if how == "taken":
        lines = log.content("2026-02").lines
        assert [(line.kind, line.period) for line in lines if line.kind == "month"] == [
            ("month", "2026-02")
        ] * 2
    accounted.check_end(log)
