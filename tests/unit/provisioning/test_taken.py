"""What is taken of a change that gave up: it is told, and nothing is charged on."""

from datetime import timedelta

import pytest
from tests.support import plans
from tests.support.changing import Sent, Town
from tests.support.plans import apply, install, locked, planned, town

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Step
from catalyst.provisioning.domain.asking import subscription_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.steps import HOLD_MINUTES, UNDO_ATTEMPTS, WAYS, Unit

pytestmark = pytest.mark.guarantee("G14.16")

BLOG = Unit("blog", plans.PROD)


def given_up() -> tuple[Town, Sent]:
    """Return an install that runs and was not charged for half a day, and a capture of it."""
    place = town()
    apply(place, "ch-1", planned(place))
    return place, capture_lost(place)


def capture_lost(place: Town) -> Sent:
    """Let everything be done up to the capture, and nobody answer that; return one of those sent.

    The change takes back its commit then.
    """
    while place.change("ch-1").step != "capture":
        state = place.change("ch-1")
        for unit in state.remaining():
            if state.step == "observe":
                place.see(unit.application, "ch-1")
            elif place.sent:
                place.answer(place.sent.pop(0))
            else:
                place.report("ch-1", str(state.step), unit.application)
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


@pytest.mark.parametrize("when", ["at once", "while the hold is given back", "once it is over"])
def test_it_is_told_once_whenever_it_is_heard(when: str) -> None:
    place, capture = given_up()
    if when == "at once":
        place.answer(capture)
        # What is being taken back has its deadline still.
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
