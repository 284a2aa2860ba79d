"""Use that fits nothing waits: it counts by itself, once, as if what it lacks had been there."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from tests.support import billing
from tests.support.each import each
from tests.support.examples import at_least
from tests.support.scenario import Given, Outcome, Scenario, given
from tests.support.usage import (
    AGGREGATIONS,
    APRIL,
    NOON,
    TEXT,
    counted,
    reported,
    started,
    use,
    world,
)

from catalyst.billing.domain import counting, explaining, subscription, usage, waiting
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Fired, Recorded
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.contracts.usage_v1 import Use

SHOP = subscription.ref_of("acme", "shop.acme-prod")


def fact(one: Given) -> tuple[Ref, Event]:
    """Return a fact and its place."""
    assert isinstance(one, tuple)
    return one


LACKED: dict[str, tuple[Ref, Event]] = {
    "book": fact(billing.applied(billing.book(TEXT))),
    "account": fact(billing.opened()),
    "blog": fact(started()),
    "shop": (SHOP, fact(started(application="shop"))[1]),
}


def state_of(scene: Scenario) -> usage.Usage:
    """Return April."""
    state: usage.Usage = scene.world.state(APRIL)
    return state


def quantities(scene: Scenario) -> dict[str, tuple[int, int]]:
    """Return the quantity of each meter in April, and of how many uses it was made."""
    return {key: (one.quantity, one.uses) for key, one in state_of(scene).meters.items()}


def fires(scene: Scenario, now: datetime = NOON) -> Outcome:
    """Return what follows once it is time to look again."""
    return scene.hears(Fired(timer=waiting.TIMER, gen="any"), APRIL, now=now)


def armed(outcome: Outcome) -> timedelta | None:
    """Return after what it is looked at again."""
    [arm] = outcome.decision.timers or [None]
    assert arm is None or (isinstance(arm, Arm) and arm.timer == waiting.TIMER)
    return arm.after if isinstance(arm, Arm) else None


def looked_through(scene: Scenario, now: datetime = NOON) -> Scenario:
    """Return the scene after the end of a round of looking again, and one whole round."""
    for _ in range(2):
        outcome = fires(scene, now)
        while armed(outcome) == waiting.SOON:
            outcome = fires(outcome.and_then(), now)
        scene = outcome.and_then()
    return scene


def naive(uses: list[Use]) -> dict[str, tuple[int, int]]:
    """Return the quantities of uses, the first of each name, in the plainest way."""
    first: dict[str, Use] = {}
    for one in uses:
        first.setdefault(one.id, one)
    found: dict[str, list[Use]] = {}
    for one in first.values():
        found.setdefault(usage.key_of(one.subscription, one.meter), []).append(one)
    return {key: (_quantity(of), len(of)) for key, of in found.items()}


def _quantity(of: list[Use]) -> int:
    match AGGREGATIONS[of[0].meter]:
        case "sum":
            return sum(one.quantity for one in of)
        case "count":
            return len(of)
        case "max":
            return max(one.quantity for one in of)
        case "latest":
            return max(of, key=lambda one: (one.time, one.source, one.id)).quantity
        case _:
            return len({one.value for one in of})


@st.composite
def orders(draw: st.DrawFn) -> list[list[Use] | str]:
    """Return batches of use, what they lack, and firings, in any order; some uses come again.

    Some say other things under the name of another: they lack the same.
    """
    uses: list[Use] = []
    for number in range(draw(st.integers(1, 8))):
        meter = draw(st.sampled_from(sorted(AGGREGATIONS)))
        uses += [
            use(
                f"u-{number}",
                draw(st.integers(0, 50)),
                time=NOON - timedelta(minutes=draw(st.integers(0, 5000))),
                meter=meter,
                subscription=draw(st.just(f"{['blog', 'shop'][number % 2]}.acme-prod")),
                value=draw(st.sampled_from("abc")) if meter == "people" else "",
            )
            for _ in range(draw(st.sampled_from((1, 1, 2))))
        ]
    again = draw(st.lists(st.sampled_from(uses), max_size=4))
    come = draw(st.permutations([*uses, *again]))
    batches: list[list[Use] | str] = []
    rest = list(come)
    while rest:
        size = draw(st.integers(1, 4))
        batches.append(rest[:size])
        rest = rest[size:]
    for one in (*LACKED, *draw(st.lists(st.just("fires"), max_size=3))):
        batches.insert(draw(st.integers(0, len(batches))), one)
    return batches


@pytest.mark.guarantee("G12.22")
@for_all(orders(), st.sampled_from((2, waiting.PART)))
@at_least(40)
def test_in_whatever_order_use_and_what_it_lacks_come_the_month_is_the_same(
    order: list[list[Use] | str], part: int
) -> None:
    scene = given()
    came: list[Use] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting, "PART", part)
        for one in order:
            if isinstance(one, list):
                came += one
                scene = counted(scene, [one])
            elif one == "fires":
                scene = fires(scene).and_then()
            else:
                scene = Scenario(scene.world.with_fact(*LACKED[one]))
        scene = looked_through(scene)
    assert quantities(scene) == naive(came)
    assert state_of(scene).waiting == {}
    fires(scene).then_nothing()


@pytest.mark.guarantee("G12.22")
@each(LACKED)
def test_what_is_listed_counts_by_itself_once_what_it_lacks_is_there(missing: str) -> None:
    there = [fact for name, fact in LACKED.items() if name != missing]
    outcome = reported(given(there), use(subscription="blog.acme-prod"), use("u-2", 5))
    if missing == "shop":
        assert armed(outcome) is None
        return
    assert armed(outcome) == waiting.LEAST
    scene = outcome.and_then()
    waits = fires(scene)
    assert (waits.events, armed(waits)) == ([], waiting.LEAST)
    scene = Scenario(scene.world.with_fact(*LACKED[missing]))
    outcome = fires(scene)
    [recorded] = outcome.events
    assert isinstance(recorded, bill1.UsageRecorded)
    assert [one.id for one in recorded.uses] == ["u-1", "u-2"]
    assert recorded.waited == 2
    assert armed(outcome) is None
    fires(outcome.and_then()).then_nothing()
    reported(outcome.and_then(), use(), use("u-2", 5)).then_nothing()


@pytest.mark.guarantee("G12.22")
def test_what_waits_counts_before_another_thing_of_its_name_that_comes_later() -> None:
    scene = reported(given(world()[:2]), use(quantity=1)).and_then()
    scene = Scenario(scene.world.with_fact(*LACKED["blog"]))
    outcome = reported(scene, use(quantity=2), use("u-2"))
    recorded, unmatched = outcome.events
    assert isinstance(recorded, bill1.UsageRecorded)
    assert [(one.id, one.quantity) for one in recorded.uses] == [("u-1", 1), ("u-2", 10)]
    assert recorded.waited == 1
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [(one.code, one.use.quantity) for one in unmatched.uses] == [("other-content", 2)]


@pytest.mark.guarantee("G12.22")
def test_all_that_waits_under_the_names_of_a_batch_is_looked_at_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much of it there is: a part of it alone let what came later count."""
    monkeypatch.setattr(waiting, "PART", 1)
    scene = counted(given(*world()[:2]), [[use("u-1", 1), use("u-1", 2), use("u-2", 3)]])
    scene = Scenario(scene.world.with_fact(*LACKED["blog"]))
    outcome = reported(scene, use("u-2", 4), use("u-1", 5))
    [recorded] = [one for one in outcome.events if isinstance(one, bill1.UsageRecorded)]
    assert [(one.id, one.quantity) for one in recorded.uses] == [("u-1", 1), ("u-2", 3)]


@pytest.mark.guarantee("G12.22")
def test_much_is_looked_at_in_parts_and_what_never_fits_keeps_nothing_from_counting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "PART", 3)
    never = [use(f"never-{number}", meter="nothing") for number in range(7)]
    later = [use(f"later-{number}", subscription="shop.acme-prod") for number in range(5)]
    scene = counted(given(*world()), [never, later])
    scene = Scenario(scene.world.with_fact(*LACKED["shop"]))
    sizes = []
    for _ in range(4):
        outcome = fires(scene)
        sizes.append(sum(len(x.uses) for x in outcome.events if isinstance(x, bill1.UsageRecorded)))
        scene = outcome.and_then()
    assert sizes == [0, 0, 2, 3]
    assert armed(outcome) == waiting.LEAST
    assert quantities(scene) == {"shop.acme-prod/tokens": (50, 5)}
    assert [one.use for one in state_of(scene).waiting.values()] == never
    assert state_of(looked_through(scene)) == state_of(scene)


@pytest.mark.guarantee("G12.22")
def test_what_has_waited_too_long_is_listed_as_late_and_waits_no_more() -> None:
    scene = reported(given(world()[:2]), use()).and_then()
    at = NOON + counting.LATE
    assert armed(fires(scene, at)) == min(counting.LATE / 10, waiting.LONGEST)
    outcome = fires(Scenario(scene.world.with_fact(*LACKED["blog"])), at)
    assert len(outcome.events) == 1
    outcome = fires(
        Scenario(scene.world.with_fact(*LACKED["blog"])), at + timedelta(microseconds=1)
    )
    [unmatched] = outcome.events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [(one.code, one.since) for one in unmatched.uses] == [("usage-late", None)]
    assert armed(outcome) is None
    assert state_of(outcome.and_then()).waiting == {}


@pytest.mark.guarantee("G12.22")
def test_what_lacks_another_thing_than_before_is_told_anew_and_waits_since_the_first() -> None:
    scene = reported(given(), use()).and_then()
    scene = Scenario(scene.world.with_fact(*LACKED["account"]))
    outcome = fires(scene, NOON + timedelta(hours=1))
    [unmatched] = outcome.events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [(one.code, one.since) for one in unmatched.uses] == [("subscription-not-found", NOON)]
    assert armed(outcome) == timedelta(minutes=6)
    assert len(state_of(outcome.and_then()).waiting) == 1


@each(
    [
        ({"value": "ann"}, []),
        ({"time": NOON + timedelta(days=1)}, []),
        ({}, [(billing.ACCOUNT, bill1.AccountClosed(organization="acme"))]),
    ]
)
def test_what_no_waiting_mends_does_not_wait(changes: dict[str, Any], facts: list[Given]) -> None:
    outcome = reported(given(*world(), facts), use(**changes))
    assert armed(outcome) is None
    assert state_of(outcome.and_then()).waiting == {}


@pytest.mark.guarantee("G12.22")
def test_no_more_waits_than_a_state_may_hold_and_the_rest_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "MOST", 2)
    scene = counted(given(*world()[:2]), [[use("a")], [use("b"), use("c"), use("c")]])
    assert [one.use.id for one in state_of(scene).waiting.values()] == ["a", "b"]
    reported(scene, use("c")).then_nothing()
    scene = looked_through(Scenario(scene.world.with_fact(*LACKED["blog"])))
    assert quantities(counted(scene, [[use("c")]])) == {"blog.acme-prod/tokens": (30, 3)}


@pytest.mark.guarantee("G12.22")
def test_a_line_of_an_invoice_tells_which_use_was_listed_first() -> None:
    event = bill1.UsageRecorded(uses=(use("a"), use("b")), meters=(), waited=1)
    one = Recorded(
        event=event,
        type="billing.usage-recorded.v1",
        id="e-1",
        ref=APRIL,
        seq=7,
        time=NOON,
        actor="service:billing",
        correlationid="c",
        causationid="c",
    )
    line = bill1.InvoiceLine(
        line=1,
        kind="usage",
        period="2026-04",
        subscription="blog.acme-prod",
        sku="tokens",
        name="Tokens",
        quantity=20,
        formula="",
        book="main",
        version="2026-04",
        amount=billing.omr(10),
    )
    content = bill1.InvoiceContent(
        organization="acme", month="2026-04", made=NOON, lines=(line,), amounts=()
    )
    draft = explaining.Drafted(content=content, digest="", seq=9, number="")
    found = explaining.behind(draft, line, [one])
    assert [(x["use"]["id"], x.get("waited", False)) for x in found] == [("a", True), ("b", False)]


def test_it_is_looked_at_again_by_what_has_waited_least() -> None:
    long, short = NOON - timedelta(hours=20), NOON - timedelta(hours=5)
    for since in ([long, short], [short, long], [short]):
        assert waiting.armed(since, NOON).after == timedelta(minutes=30)
    assert waiting.armed([long], NOON).after == timedelta(hours=2)
    assert waiting.armed([NOON, long], NOON).after == waiting.LEAST
    assert waiting.armed([NOON - timedelta(days=40)], NOON).after == waiting.LONGEST
