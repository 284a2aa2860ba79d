"""How a change ends: what it says of itself and of its Applications, and what stays of it."""

import msgspec
import pytest
from tests.support.changing import Town
from tests.support.each import each
from tests.support.plans import PROD, apply, install, left, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1


def until(place: Town, change: str, step: str) -> None:
    """Let everybody do what is asked of them until a step begins."""
    for _ in range(20):
        place.answer_all()
        state = place.change(change)
        if state.step == step:
            return
        place.report(change, str(state.step), "blog", undo=state.undo)
    raise AssertionError(f"{change} never comes to {step}")


def test_what_is_over_waits_for_nothing_any_more() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    run(place, "ch-1")
    assert (place.change("ch-1").status, place.timers) == ("completed", {})
    assert [one.result for one in left(place)] == ["completed"]
    apply(place, "ch-2", planned(place, "configure"))
    apply(place, "ch-3", planned(place, "configure"))
    place.answer(place.sent.pop(), "credit-insufficient")
    run(place, "ch-2")
    assert [place.change(name).status for name in ("ch-2", "ch-3")] == ["failed", "failed"]
    assert place.timers == {}
    assert [one.result for one in left(place)] == ["completed", "failed", "failed"]
    assert [one.step for one in place.events(pro1.ChangeFailed)] == ["hold", None]


@pytest.mark.guarantee("G12.25")
def test_who_refuses_to_hold_what_was_quoted_is_heard_with_what_has_moved_and_what_to_do() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer(place.sent.pop())
    words = "6.500 OMR is due in 2026-05, and 0.000 OMR was quoted: plan it again"
    place.answer(place.sent.pop(), "quote-mismatch", words)
    run(place, "ch-1")
    [failed] = place.events(pro1.ChangeFailed)
    assert (failed.step, failed.reason) == ("hold", f"refused: quote-mismatch: {words}")


@each(["before", "after"])
def test_what_began_to_run_and_was_taken_back_runs_no_longer(commit: str) -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "ch-1", "observe" if commit == "after" else "commit")
    for _ in range(3):
        if place.change("ch-1").status == "running":
            place.fire("ch-1", "deadline")
    run(place, "ch-1")
    assert place.change("ch-1").status == "failed"
    gone = app1.ApplicationRemoved(environment=PROD, change="ch-1", kept_data=True)
    assert place.events(app1.ApplicationRemoved) == [gone]
    assert not place.application("blog").runs_in(PROD)


def test_what_ran_before_runs_on_where_a_change_of_it_is_taken_back() -> None:
    place = town()
    install(place, "blog", "ch-1")
    apply(place, "ch-2", planned(place, "configure", values={"title": "Two"}))
    until(place, "ch-2", "observe")
    place.fire("ch-2", "deadline")
    run(place, "ch-2")
    assert place.change("ch-2").status == "failed"
    assert place.events(app1.ApplicationRemoved) == []
    assert place.application("blog").runs_in(PROD)
    # What stands in Git again is the revision from before, by a commit of its own.
    restored, committed = (
        place.events(app1.DesiredSet)[-1],
        place.events(app1.RevisionCommitted)[-1],
    )
    assert (restored.undo, restored.desired.change) == (True, "ch-1")
    assert (committed.change, committed.kept, committed.workloads) == ("ch-1", True, None)
    back = [one.undo for ref, one in place.log if isinstance(one, pro1.ChangeStepProgressed)]
    assert back[-1] is True


def test_a_refusal_on_the_way_back_is_final_and_told() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until(place, "ch-1", "repository")
    for _ in range(3):
        place.fire("ch-1", "deadline")
    place.report("ch-1", "repository", "blog", undo=True)
    place.answer(place.sent.pop(), "forbidden")
    run(place, "ch-1")
    (failed,) = place.events(pro1.ChangeFailed)
    assert failed.left == ("hold: refused: forbidden",)
    assert failed.undone == ("repository", "admit")
    refusals = [one for one in place.events(pro1.ChangeStepFailed) if one.step == "hold"]
    assert [(one.undo, one.attempt, one.code) for one in refusals] == [(True, 1, "forbidden")]


def test_a_commit_says_what_holds_data_as_long_as_that_stands_in_it() -> None:
    place = town()
    names = {f"blog.{PROD}": ("blog-data",)}
    fresh = msgspec.structs.replace(planned(place), volumes=names, workloads=names)
    apply(place, "ch-1", fresh)
    run(place, "ch-1")
    apply(place, "ch-2", planned(place, "uninstall"))
    run(place, "ch-2")
    told = [
        (x.change, x.volumes, x.workloads, x.kept) for x in place.events(app1.RevisionCommitted)
    ]
    assert told == [
        ("ch-1", ("blog-data",), ("blog-data",), True),
        ("ch-2", (), None, True),
    ]
