"""The same use with other content: never counted, and listed with what counts in its stead."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from tests.support.each import each
from tests.support.scenario import Held, Scenario, given
from tests.support.usage import APRIL, NOON, counted, reported, use, world

from catalyst.billing.domain import usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.usage_v1 import Unmatched, claim_of


def quantities(scene: Scenario) -> dict[str, int]:
    """Return the quantity of each meter in April."""
    state: usage.Usage = scene.world.state(APRIL)
    return {one.meter: one.quantity for one in state.meters.values()}


OTHERS: list[dict[str, Any]] = [
    {"quantity": 99},
    {"time": NOON + timedelta(seconds=1)},
    {"meter": "calls"},
    {"meter": "people", "value": "ann"},
    {"subscription": "wiki.acme-prod"},
]


def other_content(events: Iterable[Event]) -> list[Unmatched]:
    """Return what is listed for its content."""
    found = [
        one for event in events if isinstance(event, bill1.UsageUnmatched) for one in event.uses
    ]
    assert {one.code for one in found} <= {"other-content"}
    return found


@pytest.mark.guarantee("G12.20")
@each(OTHERS)
def test_the_same_use_with_other_content_is_listed_once_and_never_counted(
    changes: dict[str, Any],
) -> None:
    other = use(**changes)
    together = reported(given(*world()), use(), other, other)
    [found] = other_content(together.events)
    assert (found.use, found.first) == (other, use())
    assert "10 of 'tokens' for 'blog.acme-prod' at 2026-04-10 12:00:00 UTC counts" in found.reason
    reported(together.and_then(), other, use()).then_nothing()
    scene = counted(given(*world()), [[use()]])
    later = reported(scene, other)
    [found] = other_content(later.events)
    assert (found.use, found.first) == (other, None)
    assert "what came first, in 2026-04, counts" in found.reason
    reported(later.and_then(), other, use()).then_nothing()
    for end in (together, later):
        assert quantities(end.and_then()) == {"tokens": 10}


@pytest.mark.guarantee("G12.20")
def test_each_other_content_is_listed_on_its_own_and_in_its_own_month() -> None:
    scene = counted(given(*world()), [[use()]])
    found = other_content(reported(scene, use(quantity=1), use(quantity=2)).events)
    assert [one.use.quantity for one in found] == [1, 2]
    later = use(time=NOON + timedelta(days=30))
    opened, unmatched = reported(scene, later, now=later.time, month="2026-05").events
    assert opened == bill1.UsageOpened(month="2026-05")
    assert [one.use for one in other_content([unmatched])] == [later]


@pytest.mark.guarantee("G12.20")
def test_what_is_listed_is_listed_once_whatever_was_listed_since() -> None:
    scene = counted(given(*world()), [[use()], [use(quantity=1)], [use(quantity=2)]])
    for quantity in (1, 2):
        reported(scene, use(quantity=quantity)).then_nothing()


@pytest.mark.guarantee("G12.20")
def test_a_use_that_was_counted_before_fingerprints_were_kept_is_passed_over() -> None:
    reported(given(*world(), Held(claim_of("acme", use()), APRIL)), use(quantity=99)).then_nothing()


@pytest.mark.guarantee("G12.20")
def test_what_was_not_counted_may_be_sent_again_with_what_is_right() -> None:
    wrong = use(meter="nothing")
    outcome = reported(given(*world()), wrong, use(meter="nothing", quantity=11), wrong)
    [_, unmatched] = outcome.events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [(one.use.quantity, one.code) for one in unmatched.uses] == [
        (10, "sku-unknown"),
        (11, "sku-unknown"),
    ]
    scene = counted(outcome.and_then(), [[use()]])
    assert quantities(scene) == {"tokens": 10}
    # Both waited, and do so no more.
    assert len(other_content(reported(scene, wrong).events)) == 2
