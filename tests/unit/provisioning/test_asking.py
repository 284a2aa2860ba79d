"""What a change asks of others, in which words, for how long, and which refusals are an end."""

from datetime import timedelta
from typing import Final

import pytest
from tests.support.changing import Town
from tests.support.each import each
from tests.support.planning import Others, known, plan, running, wiki
from tests.support.plans import ADMIN, DEVELOPER, PROD, apply, install, planned, town

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Context
from catalyst.contracts.provisioning_values_v1 import PlanRequest, Step
from catalyst.contracts.rejection import CODES
from catalyst.provisioning.domain import asking
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.foreign import environment_ref
from catalyst.provisioning.domain.steps import HOLD_MINUTES, WHOLE, Unit
from catalyst.provisioning.domain.writing import Writing

CH1 = change_ref("acme", "ch-1")
NOTHING_THERE: Final = sorted(asking.NOTHING_THERE)
ASKS: Final = {"admit", "hold", "capture", "release", "settle"}


def cancelled(place: Town) -> None:
    place.command(CH1, pro1.CancelChange(reason="no"), DEVELOPER)


def holding() -> Town:
    """Return a world in which a change has been admitted, and holds credit."""
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer_all()
    assert place.change("ch-1").step == "repository"
    return place


def removing(step: str) -> Town:
    """Return a world in which a removal is at a step that gives something back."""
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    place.report("ch-1", "commit", "blog")
    place.see("blog", "ch-1", health="missing")
    while place.change("ch-1").step != step:
        place.answer(place.sent.pop(0))
    return place


@each(NOTHING_THERE)
def test_what_is_not_there_is_given_back_by_that_and_nothing_is_left(code: str) -> None:
    assert code in CODES
    place = holding()
    cancelled(place)
    place.report("ch-1", "repository", "blog", undo=True)
    while place.sent:
        place.answer(place.sent.pop(0), code)
    state = place.change("ch-1")
    assert (state.status, state.undone, state.left) == (
        *("failed", ("repository", "hold", "admit"), ()),
    )


@each([(step, code) for step in ("release", "settle") for code in NOTHING_THERE])
def test_what_is_not_there_is_ended_by_that(step: str, code: str) -> None:
    place = removing(step)
    place.answer(place.sent.pop(0), code)
    state = place.change("ch-1")
    assert step in state.completed
    assert place.events(pro1.ChangeStepFailed) == []


@each(["forbidden", "internal", "hold-exists", "application-needed"])
def test_any_other_refusal_is_told(code: str) -> None:
    place = removing("release")
    place.answer(place.sent.pop(0), code)
    state = place.change("ch-1")
    assert state.status == "failed"
    assert state.left[0] == f"release blog: refused: {code}"
    place = holding()
    cancelled(place)
    place.report("ch-1", "repository", "blog", undo=True)
    place.answer(place.sent.pop(0), code)
    assert place.change("ch-1").left == (f"hold: refused: {code}",)


def test_each_is_asked_for_the_change_and_told_why() -> None:
    place = town()
    found = planned(place)
    apply(place, "ch-1", found)
    place.answer(place.sent.pop(0))
    (hold,) = place.sent
    assert found.price is not None
    assert hold.send.command == bill1.HoldCredit(
        hold="ch-1", plan_hash=found.hash, quote=found.price.quote, minutes=HOLD_MINUTES
    )
    place.answer(place.sent.pop(0))
    for step in ("repository", "commit"):
        place.report("ch-1", step, "blog")
    place.see("blog", "ch-1")
    (capture,) = place.sent
    assert capture.send.command == bill1.CaptureHold(hold="ch-1", revision="ch-1")
    (release,) = removing("release").sent
    assert release.send.command == env1.ReleaseApplication(application="blog", change="ch-1")
    (settle,) = removing("settle").sent
    assert settle.send.ref == asking.subscription_ref("acme", Unit("blog", PROD))
    assert settle.send.command == bill1.EndSubscription(reason="uninstall: ch-1")


def writing(place: Town) -> Writing:
    context = Context(now=place.now, ref=CH1, actor=DEVELOPER, input_id="i", done_id="i", reads={})
    return Writing(place.change("ch-1"), context)


STEPS: Final[tuple[Step, ...]] = (
    *("admit", "hold", "repository", "unprotect", "commit", "observe"),
    *("capture", "release", "settle", "archive", "delete"),
)


def test_what_asks_nobody_has_no_command() -> None:
    place = holding()
    asked = writing(place)
    for step in STEPS:
        for undo in (False, True):
            if step in ASKS:
                ref = asking.command(asked, step, Unit("blog", PROD), undo=undo).ref
                money = step in {"hold", "capture", "settle"}
                assert (ref.organization, ref.service) == (
                    *("acme", "billing" if money else "environment"),
                )
            else:
                with pytest.raises(LookupError, match=step):
                    asking.command(asked, step, Unit("blog", PROD), undo=undo)
    free = town()
    apply(free, "ch-1", planned(free, priced=False))
    with pytest.raises(LookupError, match="nothing is bought"):
        asking.command(writing(free), "hold", WHOLE, undo=False)


def waits(place: Town) -> tuple[int, timedelta]:
    """Return the attempt in progress, and how long it may take."""
    state = place.change("ch-1")
    assert state.deadline is not None
    return state.attempt, state.deadline - place.now


def test_each_further_attempt_has_that_much_more_time_forward_and_back() -> None:
    place = holding()
    for attempt in (1, 2, 3):
        assert waits(place) == (attempt, attempt * timedelta(minutes=2))
        if attempt < 3:
            place.fire("ch-1", "deadline")
    cancelled(place)
    assert place.change("ch-1").undo
    for attempt in (1, 2, 3):
        assert waits(place) == (attempt, attempt * timedelta(minutes=5))
        place.fire("ch-1", "deadline")
    assert (place.change("ch-1").step, *waits(place)) == ("hold", 1, timedelta(minutes=5))


async def test_how_long_each_step_of_a_removal_takes_and_may_take_is_told() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    await running(place, others)
    for name in ("wiki", "wiki-postgres"):
        admitted = env1.ApplicationAdmitted(environment=PROD, application=name)
        place.given(environment_ref("acme", PROD), admitted)
    request = PlanRequest(action="delete-environment", environment=PROD, keep_data=False)
    found = await plan(place, others, request, ADMIN)
    assert {x.step: (x.usual_seconds, x.deadline_seconds) for x in found.steps} == {
        "unprotect": (60, 1800),
        "commit": (3, 300),
        "observe": (180, 86_400),
        "release": (1, 60),
        "settle": (1, 60),
        "archive": (2, 300),
        "delete": (2, 120),
    }
