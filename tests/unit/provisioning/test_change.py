"""A change goes step by step to its end, forward or back."""

from datetime import timedelta

import msgspec
import pytest
from tests.support import plans
from tests.support.changing import Town
from tests.support.plans import ADMIN, DEVELOPER, apply, install, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Evidence, progress
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.foreign import account_ref, environment_ref
from catalyst.provisioning.domain.steps import WAYS

ONE = change_ref("acme", "ch-1")
STEPS = ("admit", "hold", "repository", "commit", "observe", "capture")


def test_an_install_goes_through_every_step_and_ends_healthy_and_paid() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    run(place, "ch-1")
    begun = [event.step for event in place.events(pro1.ChangeStepStarted)]
    assert tuple(begun) == STEPS
    assert place.change("ch-1").status == "completed"
    assert place.application("blog").queue == ()
    assert place.application("blog").binding(plans.PROD).desired.change == "ch-1"  # type: ignore[union-attr]
    assert [event.result for event in plans.left(place)] == ["completed"]


def test_a_change_asks_others_in_the_words_that_they_understand() -> None:
    place = town()
    fresh = planned(place)
    apply(place, "ch-1", fresh)
    (admit,) = place.sent
    assert admit.send.ref == environment_ref("acme", plans.PROD)
    assert admit.send.command == env1.AdmitApplication(application="blog", change="ch-1")
    advance(place)
    (hold,) = place.sent
    assert hold.send.ref == account_ref("acme")
    assert isinstance(hold.send.command, bill1.HoldCredit)
    assert (hold.send.command.hold, hold.send.command.plan_hash) == ("ch-1", fresh.hash)


def test_what_costs_nothing_is_neither_held_nor_captured() -> None:
    place = town()
    apply(place, "ch-1", planned(place, priced=False))
    run(place, "ch-1")
    begun = [event.step for event in place.events(pro1.ChangeStepStarted)]
    assert begun == ["admit", "repository", "commit", "observe"]
    assert place.change("ch-1").status == "completed"


@pytest.mark.guarantee("G14.6")
def test_credit_is_not_captured_before_the_committed_revision_was_seen_healthy() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "observe")
    for health, revision in (("progressing", "ch-1"), ("healthy", "ch-0"), ("unknown", "")):
        place.see("blog", "ch-1", health=health, revision=revision)
        assert place.change("ch-1").step == "observe"
    place.see("blog", "ch-1")
    assert place.change("ch-1").step == "capture"


def test_what_was_seen_before_the_step_began_counts() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "commit")
    place.see("blog", "ch-1")
    place.report("ch-1", "commit", "blog")
    assert place.change("ch-1").step == "capture"


@pytest.mark.guarantee("G14.6")
def test_without_a_cluster_a_change_waits_in_observe_and_then_takes_everything_back() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "observe")
    deadline = place.change("ch-1").deadline
    assert deadline is not None
    assert deadline - place.now == WAYS["observe"].time
    place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.step, state.undo) == ("undoing", "commit", True)
    words = f"not seen healthy in time: blog in {plans.PROD} (nothing was seen: no-cluster)"
    assert state.reason == words
    run(place, "ch-1")
    (failed,) = place.events(pro1.ChangeFailed)
    assert failed.undone == ("commit", "repository", "hold", "admit")
    assert failed.left == ()
    assert "blog" not in place.application("blog").bindings
    assert not place.application("blog").runs_in(plans.PROD)


def test_a_refusal_is_final_and_what_was_begun_is_taken_back_in_reverse_order() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place)
    place.answer(place.sent.pop(), "credit-insufficient")
    state = place.change("ch-1")
    assert state.gave_up == "hold"
    (release,) = place.sent
    assert isinstance(release.send.command, bill1.ReleaseHold)
    place.answer(place.sent.pop(), "hold-not-found")
    (back,) = place.sent
    assert back.send.command == env1.ReleaseApplication(application="blog", change="ch-1")
    place.answer(place.sent.pop())
    (failed,) = place.events(pro1.ChangeFailed)
    assert (failed.step, failed.undone, failed.left) == ("hold", ("hold", "admit"), ())
    assert "credit-insufficient" in failed.reason


def test_an_effect_is_tried_again_and_then_given_up() -> None:
    place = town()
    apply(place, "ch-1", planned(place, priced=False))
    until(place, "commit")
    for attempt in (1, 2, 3):
        assert place.change("ch-1").attempt == attempt
        place.report("ch-1", "commit", "blog", failed="the door is closed", attempt=attempt)
    assert place.change("ch-1").status == "undoing"
    # an older attempt that reports late does nothing
    place.report("ch-1", "commit", "blog", failed="late", attempt=1)
    run(place, "ch-1")
    assert place.change("ch-1").status == "failed"


@pytest.mark.guarantee("G14.3")
def test_what_cannot_be_taken_back_is_told_and_the_rest_is() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "commit")
    for _ in range(3):
        place.fire("ch-1", "deadline")
    for _ in range(3):
        place.report("ch-1", "commit", "blog", failed="the door is closed", undo=True)
    run(place, "ch-1")
    (failed,) = place.events(pro1.ChangeFailed)
    assert failed.undone == ("hold", "admit")
    assert failed.left == ("commit blog: the door is closed",)


@pytest.mark.guarantee("G14.3")
def test_credit_that_is_held_after_it_was_given_up_is_given_back() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place)
    held = place.sent[0]
    for _ in range(3):
        place.sent.clear()
        place.fire("ch-1", "deadline")
    place.answer(place.sent.pop(), "hold-not-found")
    place.answer_all()
    assert place.change("ch-1").status == "failed"
    place.answer(held)
    (again,) = place.sent
    assert isinstance(again.send.command, bill1.ReleaseHold)
    place.sent.clear()
    place.answer(held)
    assert len(place.sent) == 1, "as often as it is heard, because giving back twice is once"


def test_a_repeat_of_anything_changes_nothing() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    admit = place.sent.pop()
    place.answer(admit)
    before = len(place.log)
    place.answer(admit)
    assert len(place.log) == before
    until(place, "commit")
    place.report("ch-1", "commit", "blog")
    before = len(place.log)
    place.report("ch-1", "commit", "blog")
    place.report("ch-1", "repository", "blog")
    assert len(place.log) == before


# ---- people


def test_a_change_is_stopped_before_it_commits_and_nothing_stays() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "repository")
    place.command(ONE, pro1.CancelChange(reason="wrong"), DEVELOPER)
    run(place, "ch-1")
    (failed,) = place.events(pro1.ChangeFailed)
    assert failed.cancelled
    assert failed.undone == ("repository", "hold", "admit")
    assert [event.result for event in plans.left(place)] == ["cancelled"]


def test_a_commit_under_way_is_not_stopped_but_what_waits_to_be_seen_is() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "commit")
    with pytest.raises(Rejected, match="cannot be stopped") as caught:
        place.command(ONE, pro1.CancelChange(reason="wrong"), DEVELOPER)
    assert caught.value.code == "change-past-return"
    place.report("ch-1", "commit", "blog")
    place.command(ONE, pro1.CancelChange(reason="wrong"), DEVELOPER)
    run(place, "ch-1")
    (failed,) = place.events(pro1.ChangeFailed)
    assert failed.undone == ("commit", "repository", "hold", "admit")


def test_a_removal_is_not_stopped_once_it_has_committed() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    until(place, "observe")
    with pytest.raises(Rejected) as caught:
        place.command(ONE, pro1.CancelChange(reason="wrong"), ADMIN)
    assert caught.value.code == "change-past-return"


def test_only_its_author_or_an_admin_stops_a_change() -> None:
    place = town()
    apply(place, "ch-1", planned(place), ADMIN)
    with pytest.raises(Rejected) as caught:
        place.command(ONE, pro1.CancelChange(reason="wrong"), DEVELOPER)
    assert caught.value.code == "forbidden"


# ---- removal


def test_an_uninstall_takes_away_commits_settles_and_archives() -> None:
    place = town()
    install(place, "blog", "ch-0")
    place.log.clear()
    apply(place, "ch-1", planned(place, "uninstall"))
    run(place, "ch-1")
    begun = [event.step for event in place.events(pro1.ChangeStepStarted)]
    assert begun == ["commit", "observe", "release", "settle", "archive"]
    assert place.change("ch-1").status == "completed"
    assert place.application("blog").bindings == {}
    assert place.application("blog").archived
    (removed,) = place.events(app1.ApplicationRemoved)
    assert removed.kept_data


CLAIM = Evidence(kind="PersistentVolumeClaim", name="blog-data", status="healthy", uid="v")
LOST = ("blog-data",)


@pytest.mark.guarantee("G14.12")
def test_data_that_is_kept_is_not_waited_for_and_any_other_object_is() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    until(place, "observe")
    pod = Evidence(kind="Pod", name="blog-0", status="progressing", uid="p")
    place.see("blog", "ch-1", health="progressing", evidence=(pod, CLAIM))
    assert place.change("ch-1").step == "observe"
    place.see("blog", "ch-1", evidence=(CLAIM,))
    assert place.change("ch-1").step == "release"


@pytest.mark.guarantee("G14.12")
def test_data_that_is_given_up_goes_after_the_cluster_was_seen_to_let_it() -> None:
    place = town()
    install(place, "blog", "ch-0")
    place.log.clear()
    apply(place, "ch-1", planned(place, "uninstall", lost=LOST))
    assert place.change("ch-1").step == "unprotect"
    # What was committed before is seen all the time, and is not it.
    place.see("blog", "ch-1", commit="commit-blog", evidence=(CLAIM,))
    assert place.change("ch-1").step == "unprotect"
    place.report("ch-1", "unprotect", "blog")
    place.report("ch-1", "unprotect", "blog")
    assert place.change("ch-1").step == "unprotect"
    committed = place.events(app1.RevisionCommitted)
    assert {(x.commit, x.volumes, x.kept) for x in committed} == {("unprotect-blog", LOST, False)}
    place.see("blog", "ch-1", commit="unprotect-blog", evidence=(CLAIM,))
    assert place.change("ch-1").step == "commit"
    place.report("ch-1", "commit", "blog")
    place.see("blog", "ch-1", evidence=(CLAIM,))
    assert place.change("ch-1").step == "observe"
    place.see("blog", "ch-1", health="missing")
    assert place.change("ch-1").step == "release"


@pytest.mark.guarantee("G14.12")
@pytest.mark.parametrize("end", ["cancelled", "late"])
def test_data_is_protected_again_if_the_cluster_does_not_let_it(end: str) -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall", lost=LOST))
    place.report("ch-1", "unprotect", "blog")
    if end == "cancelled":
        place.command(ONE, pro1.CancelChange(reason="no"), DEVELOPER)
    else:
        for _ in range(WAYS["unprotect"].attempts):
            place.fire("ch-1", "deadline")
    assert (place.change("ch-1").step, place.change("ch-1").undo) == ("unprotect", True)
    place.report("ch-1", "unprotect", "blog", undo=True)
    back = place.events(app1.RevisionCommitted)[-1]
    assert (back.kept, back.volumes, back.change) == (True, LOST, "ch-0")
    state = place.change("ch-1")
    assert (state.status, state.undone, state.left) == ("failed", ("unprotect",), ())
    assert place.application("blog").runs_in(plans.PROD)


def test_a_removal_that_is_taken_back_protects_its_data_once() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall", lost=LOST))
    place.report("ch-1", "unprotect", "blog")
    place.see("blog", "ch-1", commit="unprotect-blog", evidence=(CLAIM,))
    for attempt in range(1, WAYS["commit"].attempts + 1):
        place.report("ch-1", "commit", "blog", failed="no room", attempt=attempt)
    place.report("ch-1", "commit", "blog", undo=True)
    state = place.change("ch-1")
    assert (state.status, state.undone, state.left) == ("failed", ("commit",), ())


def test_a_removal_that_fails_behind_its_end_says_what_is_left() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    until(place, "settle")
    begun = place.now
    while not place.change("ch-1").is_over:
        place.fire("ch-1", "deadline")
    assert place.now - begun > timedelta(hours=12)
    (failed,) = place.events(pro1.ChangeFailed)
    assert (failed.step, failed.cancelled) == ("settle", False)
    assert failed.left == ("settle blog: the deadline passed", "archive: not begun")
    assert place.application("blog").queue == ()


def test_a_removal_that_was_not_seen_to_end_brings_back_what_ran() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    until(place, "observe")
    place.see("blog", "ch-1", health="degraded", revision="ch-0")
    place.fire("ch-1", "deadline")
    words = f"not seen gone in time: blog in {plans.PROD} (degraded)"
    assert place.change("ch-1").reason == words
    run(place, "ch-1")
    assert place.change("ch-1").status == "failed"
    assert place.application("blog").binding(plans.PROD).desired.change == "ch-0"  # type: ignore[union-attr]


# ---- progress


def test_progress_is_complete_only_when_every_step_is_done() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    seen = []
    while not place.change("ch-1").is_over:
        state = place.change("ch-1")
        seen.append(progress(state.content().steps, state.completed, state.step).percent)
        advance(place)
    state = place.change("ch-1")
    assert seen == sorted(seen)
    assert max(seen) < 100
    assert progress(state.content().steps, state.completed, state.step).percent == 100


def until(place: Town, step: str) -> None:
    """Go on until a step is in progress, and nothing of it is done."""
    while place.change("ch-1").step != step:
        advance(place)


def advance(place: Town) -> None:
    """Let one step be done."""
    state = place.change("ch-1")
    for unit in state.remaining():
        if state.step == "observe":
            removal = state.content().request.action == "uninstall"
            place.see(unit.application, "ch-1", health="missing" if removal else "healthy")
        elif place.sent:
            place.answer(place.sent.pop(0))
        else:
            place.report("ch-1", str(state.step), unit.application)


def test_the_state_survives_a_snapshot() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "observe")
    for state in (place.change("ch-1"), place.application("blog")):
        assert msgspec.json.decode(msgspec.json.encode(state), type=type(state)) == state
