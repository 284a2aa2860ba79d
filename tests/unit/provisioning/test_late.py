"""What comes late, twice, or from nobody who was asked: of answers, reports and attempts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support import build
from tests.support.changing import Sent, Town
from tests.support.plans import DEVELOPER, PROD, apply, install, locked, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Step
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import change
from catalyst.provisioning.domain.change import Change, change_ref
from catalyst.provisioning.domain.steps import UNDO_ATTEMPTS, Unit

pytestmark = pytest.mark.guarantee("G14.3")

ONE = change_ref("acme", "ch-1")
PROVISIONING = build.service("provisioning")
BOTH = (locked("store", "new"), locked("blog", database="store"))


@pytest.fixture
def place() -> Town:
    """Return a town in which two Applications come together, and were asked for."""
    found = town()
    apply(found, "ch-1", planned(found, lock=BOTH))
    return found


def releases(place: Town) -> list[Sent]:
    """Return the releases that were sent and not answered."""
    return [one for one in place.sent if isinstance(one.send.command, env1.ReleaseApplication)]


# ---- reports


def report(step: Step, **more: object) -> pro1.ReportStep:
    return pro1.ReportStep(step=step, application="blog", status="done", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["admit", "hold", "commit", "archive"])
def test_nothing_is_reported_of_a_step_that_is_no_effect_or_has_not_begun(
    place: Town, step: Step
) -> None:
    place.answer_all()
    place.answer_all()
    state = place.change("ch-1")
    assert (state.step, state.begun) == ("repository", ("admit", "hold", "repository"))
    with pytest.raises(Rejected, match="has not begun") as caught:
        place.command(ONE, report(step), PROVISIONING)
    assert caught.value.code == "step-unexpected"
    assert place.command(ONE, report("repository"), PROVISIONING).events


def test_nothing_is_reported_of_no_change_or_by_another(place: Town) -> None:
    with pytest.raises(Rejected, match="there is no change 'ch-2'") as caught:
        place.command(change_ref("acme", "ch-2"), report("repository"), PROVISIONING)
    assert caught.value.code == "change-not-found"
    for actor in (DEVELOPER, build.service("billing")):
        with pytest.raises(Rejected) as caught:
            place.command(ONE, report("repository"), actor)
        assert caught.value.code == "forbidden"


def test_a_failure_counts_once_and_for_its_own_attempt(place: Town) -> None:
    place.answer_all()
    place.answer_all()
    failed = pro1.ReportStep(
        step="repository", application="blog", status="failed", detail="no room"
    )
    assert place.command(ONE, failed, PROVISIONING, input_id="r-1").events
    assert place.change("ch-1").attempt == 2
    assert not place.command(ONE, failed, PROVISIONING, input_id="r-1").events
    place.report("ch-1", "repository", "blog", failed="late", attempt=1)
    assert place.change("ch-1").attempt == 2
    place.report("ch-1", "repository", "blog", failed="again", attempt=2)
    assert place.change("ch-1").attempt == 3


def test_what_keeps_an_attempt_is_told_and_the_attempt_goes_on(place: Town) -> None:
    place.answer_all()
    place.answer_all()
    before = place.change("ch-1")

    def keeps(**more: Any) -> pro1.ReportStep:
        told = {"attempt": 1, "detail": "the door is away", **more}
        return pro1.ReportStep(
            step="repository", application="blog", status="failed", goes_on=True, **told
        )

    (on,) = place.command(ONE, keeps(), PROVISIONING, input_id="w-1").events
    assert isinstance(on.event, pro1.ChangeStepDelayed)
    assert (on.event.step, on.event.attempt) == ("repository", 1)
    assert (on.event.application, on.event.reason) == ("blog", "the door is away")
    now = place.change("ch-1")
    assert (now.step, now.attempt, now.deadline) == (before.step, 1, before.deadline)
    assert (now.gen, now.remaining()) == (before.gen, before.remaining())
    # Told twice, of another attempt, of another direction, or of what is done: nothing follows.
    assert not place.command(ONE, keeps(), PROVISIONING, input_id="w-1").events
    assert not place.command(ONE, keeps(attempt=2), PROVISIONING).events
    assert not place.command(ONE, keeps(undo=True), PROVISIONING).events
    place.command(ONE, report("repository"), PROVISIONING)
    assert not place.command(ONE, keeps(), PROVISIONING).events


# ---- attempts


def test_what_an_attempt_did_need_not_be_done_again_and_is_told_at_the_end(place: Town) -> None:
    place.answer_all()
    place.answer_all()
    made = pro1.ReportStep(
        step="repository", application="store", status="done", detail="made store"
    )
    place.command(ONE, made, PROVISIONING)
    place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.attempt, state.remaining()) == (2, (Unit("blog"),))
    place.command(ONE, report("repository", detail="made blog"), PROVISIONING)
    done = place.events(pro1.ChangeStepCompleted)[-1]
    assert (done.step, done.detail) == ("repository", "made store; made blog")
    assert place.change("ch-1").step == "commit"


def test_what_ran_before_is_to_run_again_however_often_that_is_tried() -> None:
    place = town()
    install(place, "blog", "ch-0", priced=False)
    apply(place, "ch-1", planned(place, "configure", values={"n": 1}, priced=False))
    assert place.change("ch-1").step == "commit"
    place.fire("ch-1", "deadline")
    # Tried again: what ran before is known as it was.
    assert place.application("blog").binding(PROD).before is not None
    place.report("ch-1", "commit", "blog")
    place.fire("ch-1", "deadline")
    for attempt in range(1, UNDO_ATTEMPTS + 1):
        state = place.change("ch-1")
        assert (state.step, state.undo, state.attempt) == ("commit", True, attempt)
        desired = place.application("blog").binding(PROD).desired
        assert desired is not None
        assert desired.change == "ch-0"
        if attempt < UNDO_ATTEMPTS:
            place.fire("ch-1", "deadline")
    place.report("ch-1", "commit", "blog", undo=True)
    committed = place.application("blog").binding(PROD).committed
    assert committed is not None
    assert (committed.change, place.change("ch-1").left) == ("ch-0", ())


@pytest.mark.parametrize(
    ("step", "undo", "attempt"),
    [("repository", False, 1), ("commit", False, 2), ("repository", True, 2)],
)
def test_an_attempt_at_another_thing_begins_with_nothing_done(
    step: Step, *, undo: bool, attempt: int
) -> None:
    before = Change(
        status="running", step="repository", done=(Unit("store"),), details=("made",), attempt=1
    )
    started = pro1.ChangeStepStarted(
        step=step,
        attempt=attempt,
        gen="g",
        deadline=datetime(2026, 3, 2, tzinfo=UTC),
        undo=undo,
    )
    after = change.evolve(before, started)
    assert (after.done, after.details) == ((), ())


# ---- answers


def gives_up(place: Town) -> list[Sent]:
    """Let nobody answer that both are admitted until that is taken back; return what was asked."""
    asked, place.sent = place.sent, []
    while not place.change("ch-1").undo:
        place.fire("ch-1", "deadline")
    place.sent = releases(place)
    return asked


@pytest.mark.guarantee("G14.3")
def test_what_was_granted_late_is_given_back_once_more_whatever_is_heard_first(
    place: Town,
) -> None:
    store, blog = gives_up(place)
    first, second = releases(place)
    place.sent = []
    place.answer(first, "application-not-admitted")
    assert not place.change("ch-1").is_over
    # Its own release is not answered yet: it may have come before what was granted, or behind it.
    place.answer(blog)
    (again,) = releases(place)
    assert again.send == second.send
    place.sent = []
    place.answer(store)
    (again,) = releases(place)
    assert again.send == first.send
    place.sent = []
    place.answer(second)
    assert place.change("ch-1").is_over
    place.answer(blog)
    (again,) = releases(place)
    assert again.send == second.send


def test_what_was_granted_after_all_was_given_up_is_given_back(place: Town) -> None:
    store, _ = gives_up(place)
    while not place.change("ch-1").is_over:
        place.fire("ch-1", "deadline")
    assert place.change("ch-1").passed == ("admit",)
    place.sent = []
    place.answer(store, "organization-suspended")
    assert releases(place) == []
    place.answer(store)
    assert [one.send.command for one in releases(place)] == [
        env1.ReleaseApplication(application="store", change="ch-1")
    ]


def test_a_grant_that_was_not_given_up_is_kept(place: Town) -> None:
    asked = list(place.sent)
    place.answer_all()
    for one in asked:
        place.answer(one)
    assert releases(place) == []


def test_what_is_settled_late_leaves_the_step_in_progress_its_deadline(place: Town) -> None:
    place.answer_all()
    place.sent = []
    while place.change("ch-1").step != "hold" or not place.change("ch-1").undo:
        place.fire("ch-1", "deadline")
    back = place.sent[-1]
    while place.change("ch-1").step == "hold":
        place.fire("ch-1", "deadline")
    before = place.change("ch-1")
    assert (before.step, before.passed) == ("admit", ("repository", "hold"))
    place.answer(back)
    after = place.change("ch-1")
    assert (after.passed, after.undone) == (("repository",), ("hold",))
    assert (after.step, after.gen, after.deadline) == ("admit", before.gen, before.deadline)
    place.fire("ch-1", "deadline")
    assert place.change("ch-1").attempt == 2


@pytest.mark.parametrize("code", ["plan-stale", "plan-expired"])
def test_a_refusal_is_final_but_where_a_deletion_is_planned_again(place: Town, code: str) -> None:
    place.answer(place.sent.pop(), code)
    state = place.change("ch-1")
    assert (state.status, state.gave_up, state.step) == ("undoing", "admit", "admit")


def test_the_newest_inputs_are_known() -> None:
    state = Change()
    names = [f"i-{number}" for number in range(change.HANDLED_MAX + 3)]
    for name in names:
        state = change.evolve(state, pro1.ChangeBegun(input=name))
    assert state.handled == tuple(names[3:])


# ---- the end


def test_what_was_never_brought_is_not_told_removed(place: Town) -> None:
    # Something is seen of it, as of what somebody runs there by hand.
    place.see("blog", "", health="degraded")
    place.answer(place.sent.pop(), "organization-suspended")
    place.answer_all()
    assert place.change("ch-1").status == "failed"
    assert place.events(app1.ApplicationRemoved) == []


def test_who_needs_what_is_told_where_it_changes_and_nowhere_else(place: Town) -> None:
    run(place, "ch-1")
    added = place.events(app1.DependentAdded)
    assert [(one.dependent, one.change) for one in added] == [("blog", "ch-1")]
    assert place.events(app1.DependentRemoved) == []
