"""Edges of a hold: how many may be open, until when it is kept, and what is owed at its end."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.scenario import Outcome, given
from tests.support.usage import started

from catalyst.billing.domain import holds, subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Cancel

PROVISIONING = build.service("provisioning")
BLOG = subscription.ref_of("acme", "blog.acme-prod")


def then(outcome: Outcome, command: Any, by: Any = PROVISIONING) -> Outcome:
    """Return what follows from the next command to the account."""
    return outcome.and_then().when(command, billing.ACCOUNT, by=by, now=billing.NOW)


def held(*facts: Any, **changes: Any) -> Outcome:
    """Return what follows from a hold."""
    return given(*facts).when(
        billing.hold(**changes), billing.ACCOUNT, by=PROVISIONING, now=billing.NOW
    )


def test_so_many_holds_may_be_open_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "MOST_OPEN", 2)
    outcome = held(*billing.rich(100_000))
    second, third = (
        billing.hold(f"c-{number}", billing.quote(billing.item(f"wiki-{number}")))
        for number in (2, 3)
    )
    full = then(outcome, second)
    then(full, third).then_rejected("holds-too-many")
    # What is open already is the same again, and each that ends makes room.
    then(full, second).then_nothing()
    ended = then(full, bill1.ReleaseHold(hold="c-1", reason="cancelled"))
    assert then(ended, third).state().holds.keys() == {"c-2", "c-3"}


def test_a_hold_says_until_when_it_is_kept_and_which_month_it_pays_for() -> None:
    [event] = held(*billing.rich(), minutes=60).events
    assert isinstance(event, bill1.CreditHeld)
    assert event.expires == billing.NOW + timedelta(minutes=60)
    assert event.month == "2026-04"


@pytest.mark.parametrize(
    ("paid", "owed"), [(0, 1500), (400, 1100), (1499, 1), (1500, None), (9000, None)]
)
def test_a_capture_says_what_of_it_is_owed_still(paid: int, owed: int | None) -> None:
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(90_000)))
    outcome = held(*billing.rich(5000), limit)
    if paid:
        payment = bill1.RecordPayment(payment="p-1", amount=billing.omr(paid), reference="t")
        outcome = then(outcome, payment, billing.BILLING_ADMIN)
    ended = then(outcome, bill1.CaptureHold(hold="c-1", revision="3f2a"))
    captured = ended.events[0]
    assert isinstance(captured, bill1.HoldCaptured)
    assert captured.owed == (None if owed is None else billing.omr(owed))
    # It was taken in the month that it pays for.
    assert (captured.month, captured.taken) == ("2026-04", "")
    assert ended.state().owed("OMR") == (owed or 0)


def test_what_another_hold_owes_is_not_owed_of_the_one_that_is_captured() -> None:
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(90_000)))
    wiki = billing.hold("c-2", billing.quote(billing.item("wiki")))
    both = then(held(*billing.rich(5000), limit), wiki)
    for name, owed in (("c-1", 1500), ("c-2", 6500)):
        captured = then(both, bill1.CaptureHold(hold=name, revision="3f2a")).events[0]
        assert isinstance(captured, bill1.HoldCaptured)
        assert captured.owed == billing.omr(owed)


def test_a_release_takes_its_timer_back() -> None:
    released = then(held(*billing.rich()), bill1.ReleaseHold(hold="c-1", reason="cancelled"))
    released.then_timers(Cancel("hold.c-1"))


def test_a_hold_from_before_months_were_kept_pays_for_the_month_in_which_it_is_captured() -> None:
    """Whatever was paid since: it was quoted for no month that could be named instead."""
    outcome = held(*billing.rich())
    [event] = outcome.events
    assert isinstance(event, bill1.CreditHeld)
    old = billing.ACCOUNT, msgspec.structs.replace(event, month="")
    scene = given(*billing.rich(), old, started())
    command = bill1.CaptureHold(hold="c-1", revision="3f2a")
    captured = scene.when(command, billing.ACCOUNT, by=PROVISIONING, now=billing.NOW)
    assert [one.month for one in captured.events] == ["2026-04", "2026-04"]  # type: ignore[attr-defined]


def test_of_a_grant_that_is_empty_nothing_is_held() -> None:
    facts = (*billing.rich(6500), billing.granted("later", 9000))
    wiki = billing.hold("c-2", billing.quote(billing.item("wiki")))
    [event] = then(held(*facts), wiki).events
    assert isinstance(event, bill1.CreditHeld)
    assert [(one.account, one.entry, one.amount.minor) for one in event.journal.postings] == [
        ("credit", "later", -6500),
        ("held", "c-2", 6500),
    ]


def test_what_lacks_is_told_with_what_may_be_owed_beside_the_credit() -> None:
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(500)))
    refused = held(*billing.rich(5999), limit).then_rejected("credit-insufficient").rejected
    assert refused is not None
    assert refused.message == "6.500 OMR is due, and 6.499 OMR is available"


def test_a_hold_for_which_nothing_was_due_gives_nothing_back() -> None:
    free = billing.quote(paid={"blog.acme-prod": billing.omr(6500)})
    outcome = held(*billing.rich(), started(), quoted=free)
    before = outcome.state()
    for command in (
        bill1.ReleaseHold(hold="c-1", reason="cancelled"),
        bill1.CaptureHold(hold="c-1", revision="3f2a"),
    ):
        ended = then(outcome, command)
        assert ended.events[0].journal == bill1.Journal()  # type: ignore[attr-defined]
        after = ended.state()
        assert (after.credits, after.balances) == (before.credits, before.balances)


def test_a_release_takes_back_what_its_own_hold_owed_and_no_more() -> None:
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(90_000)))
    wiki = billing.hold("c-2", billing.quote(billing.item("wiki")))
    both = then(held(*billing.rich(5000), limit), wiki)
    released = then(both, bill1.ReleaseHold(hold="c-1", reason="cancelled"))
    [event] = released.events
    assert isinstance(event, bill1.HoldReleased)
    assert event.grant is None
    assert released.state().owed("OMR") == 6500
    assert released.state().available("OMR", billing.NOW) == billing.omr(5000 + 90_000 - 6500)


def test_an_empty_grant_is_kept_for_the_hold_that_may_give_it_back() -> None:
    facts = (*billing.rich(6500), billing.granted("later", 9000))
    wiki = billing.hold("c-2", billing.quote(billing.item("wiki")))
    both = then(held(*facts), wiki)
    captured = then(both, bill1.CaptureHold(hold="c-2", revision="3f2a"))
    released = then(captured, bill1.ReleaseHold(hold="c-1", reason="cancelled"))
    left = {name: one.left for name, one in released.state().credits.items()}
    assert left == {"goodwill-g1": 6500, "later": 2500}


def test_what_has_ended_is_not_begun_again_by_a_capture_that_comes_late() -> None:
    capture = bill1.CaptureHold(hold="c-1", revision="3f2a")
    bought = then(held(*billing.rich()), capture)
    end = bill1.EndSubscription(reason="removed")
    ended = bought.and_then().when(end, BLOG, by=PROVISIONING, now=billing.NOW)
    again = then(ended, capture)
    again.then_nothing()
    then(again, bill1.ReleaseHold(hold="c-1", reason="late")).then_rejected("hold-captured")
    assert again.state(BLOG).status == "ended"
    assert again.state(billing.ACCOUNT).subscriptions == ()
