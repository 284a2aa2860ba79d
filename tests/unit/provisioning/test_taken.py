"""What is taken of a change that gave up: it is told, and nothing is charged on."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from tests.support import plans
from tests.support.billing import omr
from tests.support.changing import Sent, Town
from tests.support.each import each
from tests.support.plans import apply, install, locked, planned, town

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Fired
from catalyst.contracts.message import Answer
from catalyst.contracts.provisioning_values_v1 import Step
from catalyst.provisioning.domain import process
from catalyst.provisioning.domain.asking import subscription_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.foreign import account_ref
from catalyst.provisioning.domain.steps import HOLD_MINUTES, UNDO_ATTEMPTS, WAYS, Unit

pytestmark = pytest.mark.guarantee("G14.16")

BLOG = Unit("blog", plans.PROD)


def given_up() -> tuple[Town, Sent]:
    """Return an install that runs and was not charged for half a day, and a capture of it."""
    place = town()
    apply(place, "ch-1", planned(place))
    return place, capture_lost(place)


def advance(place: Town, step: str) -> None:
    """Go on until a step is in progress."""
    while place.change("ch-1").step != step:
        forward(place)


def forward(place: Town) -> None:
    """Let the step in progress be done for all of its units."""
    state = place.change("ch-1")
    for unit in state.remaining():
        if state.step == "observe":
            place.see(unit.application, "ch-1")
        elif place.sent:
            place.answer(place.sent.pop(0))
        else:
            place.report("ch-1", str(state.step), unit.application)


def capture_lost(place: Town) -> Sent:
    """Let everything be done up to the capture, and nobody answer that; return one of those sent.

    The change takes back its commit then.
    """
    advance(place, "capture")
    (capture,) = place.sent
    begun = place.now
    for _ in range(WAYS["capture"].attempts):
        assert place.change("ch-1").step == "capture"
        place.fire("ch-1", "deadline")
    assert place.now - begun > timedelta(hours=12)
    assert (place.change("ch-1").status, place.change("ch-1").step) == ("undoing", "commit")
    place.sent.clear()
    return capture


def ends(place: Town) -> list[Sent]:
    """Return the ends of subscriptions that were sent and not answered."""
    return [one for one in place.sent if isinstance(one.send.command, bill1.EndSubscription)]


def end(place: Town) -> None:
    """Let everything that is taken back be done, as far as billing can."""
    while not place.change("ch-1").is_over:
        state = place.change("ch-1")
        if WAYS[state.step].kind == "effect":  # type: ignore[index]
            for unit in state.remaining():
                place.report("ch-1", str(state.step), unit.application, undo=True)
            continue
        asked = [x for x in place.sent if not isinstance(x.send.command, bill1.EndSubscription)]
        for one in asked:
            place.sent.remove(one)
            taken = isinstance(one.send.command, bill1.ReleaseHold)
            place.answer(one, "hold-captured" if taken else "")


def test_what_billing_took_late_is_told_and_what_it_sold_is_ended() -> None:
    place, _ = given_up()
    end(place)
    (sent,) = ends(place)
    assert sent.send.ref == subscription_ref("acme", BLOG)
    assert sent.send.command == bill1.EndSubscription(
        reason="install taken back: ch-1", hold="ch-1"
    )
    (failed,) = place.events(pro1.ChangeFailed)
    assert failed.undone == ("commit", "repository", "admit")
    (told,) = failed.left
    assert told.startswith("hold: 5.000 OMR was taken")
    assert "no further month is charged for blog in acme-prod" in told


@each(["at once", "while the hold is given back", "once it is over"])
def test_it_is_told_once_whenever_it_is_heard(when: str) -> None:
    place, capture = given_up()
    if when == "at once":
        gen = place.change("ch-1").gen
        place.answer(capture)
        # What is being taken back has its deadline still.
        assert place.change("ch-1").gen == gen
        place.fire("ch-1", "deadline")
        assert (place.change("ch-1").step, place.change("ch-1").attempt) == ("commit", 2)
    if when != "at once":
        for step in ("commit", "repository"):
            place.report("ch-1", step, "blog", undo=True)
        assert place.change("ch-1").step == "hold"
    if when == "while the hold is given back":
        place.answer(capture)
        assert place.change("ch-1").step == "admit"
    if when == "once it is over":
        for _ in range(UNDO_ATTEMPTS):
            place.fire("ch-1", "deadline")
        release, back = place.sent[0], place.sent[-1]
        place.sent.clear()
        place.answer(back)
        assert place.change("ch-1").left == ("hold: the deadline passed",)
        assert not ends(place)
        place.answer(release, "hold-captured")
    end(place)
    place.answer(capture)
    assert len(ends(place)) == 1
    state = place.change("ch-1")
    assert state.status == "failed"
    assert sum("was taken" in one for one in state.left) == 1


def test_the_commands_of_the_step_behind_it_are_known_by_their_answers() -> None:
    place, _ = given_up()
    for step in ("commit", "repository"):
        place.report("ch-1", step, "blog", undo=True)
    (release,) = place.sent
    place.sent.clear()
    place.answer(release, "hold-captured")
    (back,) = [x for x in place.sent if isinstance(x.send.command, env1.ReleaseApplication)]
    place.answer(ends(place)[0], "subscription-not-found")
    assert not place.change("ch-1").is_over
    place.answer(back)
    assert place.change("ch-1").is_over


def test_what_ran_before_runs_on_and_is_not_ended() -> None:
    place = town()
    install(place, "blog", "ch-0")
    lock = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, "configure", lock=lock))
    capture_lost(place)
    end(place)
    (sent,) = ends(place)
    assert sent.send.ref == subscription_ref("acme", Unit("store", plans.PROD))
    (told,) = place.change("ch-1").left
    assert "no further month is charged for store in acme-prod" in told
    assert "blog in acme-prod is charged as changed until it is changed again" in told


def test_what_becomes_of_the_money_is_told_as_far_as_there_is_any() -> None:
    taken = "hold: 5.000 OMR was taken before it could be given back, for a month that is charged"
    back = "whole; `catalyst billing credit-note` gives it back once that month is invoiced"
    nothing = "hold: it was taken before it could be given back, and nothing was due"
    month = "no further month is charged for blog in acme-prod"
    changed = "blog in acme-prod is charged as changed until it is changed again"
    for action, due, wanted in (
        ("install", 5000, f"{taken} {back}; {month}"),
        ("install", 0, f"{nothing}; {month}"),
        ("configure", 5000, f"{taken} {back}; {changed}"),
    ):
        place = town()
        if action == "configure":
            install(place, "blog", "ch-0")
        fresh = planned(place, action)  # type: ignore[arg-type]
        assert fresh.price is not None
        quote = replace(fresh.price.quote, due=omr(due))
        apply(place, "ch-1", replace(fresh, price=replace(fresh.price, quote=quote)))
        capture_lost(place)
        end(place)
        assert place.change("ch-1").left == (wanted,)


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("attempt", [1, WAYS["capture"].attempts])
def test_what_is_taken_is_not_given_up_whatever_becomes_of_the_answers(
    attempt: int,
    refused: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place, "capture")
    for _ in range(attempt - 1):
        place.fire("ch-1", "deadline")
    # Another change's money is not this one's.
    place.given(account_ref("acme"), plans.captured("ch-0"))
    assert place.change("ch-1").attempt == attempt
    place.given(account_ref("acme"), plans.captured("ch-1"))
    if refused:
        place.answer(place.sent.pop(), "hold-not-found")
    else:
        place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.left, state.completed) == ("completed", (), state.content().steps)
    assert place.application("blog").runs_in(plans.PROD)
    # What is on its way still changes nothing.
    before = len(place.log)
    place.answer_all()
    assert len(place.log) == before


def test_the_account_is_read_where_a_capture_may_be_given_up_and_nowhere_else() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    ref = change_ref("acme", "ch-1")
    while not place.change("ch-1").is_over:
        state = place.change("ch-1")
        fired = Fired(timer="deadline", gen=state.gen)
        read = account_ref("acme") in process.reads(state, fired, ref)
        assert read == (state.step == "capture")
        no = Answer(command_id="c", status="rejected", code="x", events=0)
        assert (account_ref("acme") in process.reads(state, no, ref)) == (state.step == "capture")
        yes = Answer(command_id="c", status="accepted", code="", events=0)
        assert account_ref("acme") not in process.reads(state, yes, ref)
        step = state.step
        while place.change("ch-1").step == step and not place.change("ch-1").is_over:
            forward(place)


def test_what_is_captured_in_time_ends_nothing() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    plans.run(place, "ch-1")
    captures = [one for one in place.change("ch-1").asked.items() if one[1].step == "capture"]
    assert captures
    assert place.change("ch-1").status == "completed"
    before = len(place.log)
    place.answer(Sent(captures[0][0], change_ref("acme", "ch-1"), None))  # type: ignore[arg-type]
    assert (len(place.log), place.sent) == (before, [])


@pytest.mark.guarantee("G14.3")
def test_a_hold_outlives_every_step_up_to_its_capture() -> None:
    steps: tuple[Step, ...] = ("repository", "commit", "observe", "capture")
    each = (WAYS[step] for step in steps)
    needed = sum((way.time * sum(range(1, way.attempts + 1)) for way in each), timedelta())
    assert timedelta(minutes=HOLD_MINUTES) > needed
