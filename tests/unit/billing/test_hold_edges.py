"""Edges of a hold: how many may be open, until when it is kept, and what is owed at its end."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.scenario import Outcome, given
from tests.support.usage import started

from catalyst.billing.domain import holds
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Cancel

PROVISIONING = build.service("provisioning")


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
