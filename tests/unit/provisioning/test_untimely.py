"""What is heard when it says nothing: of a change that is under way, over, or at another step."""

from datetime import timedelta

import msgspec
import pytest
from tests.support import build
from tests.support.each import each
from tests.support.plans import DEVELOPER, PROD, apply, install, locked, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Context, Decision, Fired
from catalyst.contracts.provisioning_values_v1 import Deletion, Evidence
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import observing
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Observed,
    application_ref,
)
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.seen import KUSTOMIZATION

ONE = change_ref("acme", "ch-1")


# ---- changes


def test_a_change_that_two_applications_call_begins_once() -> None:
    place = town()
    both = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=both, priced=False))
    gone = (locked("blog", database="store"), locked("store"))
    apply(place, "ch-2", planned(place, "uninstall", lock=gone, priced=False))
    run(place, "ch-1")
    assert [one.next for one in place.events(app1.ChangeLeft)] == ["ch-2", "ch-2"]
    assert place.change("ch-2").status == "running"
    assert len(place.events(pro1.ChangeBegun)) == 2
    assert [one.change for one in place.events(app1.ChangeTaken)] == [
        *("ch-1", "ch-1", "ch-2", "ch-2"),
    ]


def test_what_is_seen_while_a_change_is_taken_back_takes_it_no_step_forward() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall", lost=("blog-data",)))
    place.report("ch-1", "unprotect", "blog")
    place.command(ONE, pro1.CancelChange(reason="no"), DEVELOPER)
    assert (place.change("ch-1").step, place.change("ch-1").undo) == ("unprotect", True)
    before = len(place.log)
    claim = Evidence(kind="PersistentVolumeClaim", name="blog-data", status="healthy", uid="v")
    place.see("blog", "ch-1", commit="unprotect-blog", evidence=(claim,))
    assert len(place.log) == before + 1
    assert (place.change("ch-1").step, place.change("ch-1").undo) == ("unprotect", True)


@pytest.mark.parametrize("step", ["admit", "observe"])
def test_a_timer_that_was_armed_anew_or_is_another_says_nothing(step: str) -> None:
    place = town()
    apply(place, "ch-1", planned(place, priced=False))
    if step == "observe":
        place.answer_all()
        for one in ("repository", "commit"):
            place.report("ch-1", one, "blog")
    state = place.change("ch-1")
    assert state.step == step
    for fired in (
        Fired(timer="deadline", gen=f"not-{state.gen}"),
        Fired(timer="deadline", gen=""),
        Fired(timer="turn", gen=state.gen),
        Fired(timer="other", gen=state.gen),
    ):
        assert place.hear(ONE, fired) == Decision()
    assert place.change("ch-1") == state
    assert place.hear(ONE, Fired(timer="deadline", gen=state.gen)).events


def test_a_deadline_says_nothing_once_all_is_over() -> None:
    place = town()
    install(place, "blog", "ch-1", priced=False)
    assert place.change("ch-1").gen == ""
    for gen in ("", "i-1"):
        assert place.hear(ONE, Fired(timer="deadline", gen=gen)) == Decision()


def test_what_would_delete_is_heard_in_no_other_step() -> None:
    place = town()
    install(place, "blog", "ch-0", priced=False)
    apply(place, "ch-1", planned(place, "configure", values={"n": 1}, priced=False))
    assert place.change("ch-1").step == "commit"
    planned_ = Deletion(request={}, inputs={}, hash="0" * 64, expires=place.now)
    report = pro1.ReportStep(step="commit", application="blog", status="done", deletion=planned_)
    assert place.command(ONE, report, build.service("provisioning")) == Decision()
    assert (place.change("ch-1").step, place.sent) == ("commit", [])


def test_of_what_concerns_the_whole_change_its_end_alone_is_told() -> None:
    place = town()
    install(place, "blog", "ch-1")
    steps = [one.step for one in place.events(pro1.ChangeStepProgressed)]
    assert steps == ["admit", "repository", "commit", "observe"]
    done = [one.step for one in place.events(pro1.ChangeStepCompleted)]
    assert done == ["admit", "hold", "repository", "commit", "observe", "capture"]


def test_a_hold_that_is_given_back_late_is_told_by_its_end_alone() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer(place.sent.pop())
    place.command(ONE, pro1.CancelChange(reason="no"), DEVELOPER)
    (back,) = [one for one in place.sent if isinstance(one.send.command, bill1.ReleaseHold)]
    while not place.change("ch-1").is_over:
        place.fire("ch-1", "deadline")
    assert "hold" in place.change("ch-1").passed
    before = len(place.log)
    place.answer(back)
    ((_, told),) = place.log[before:]
    assert told == pro1.ChangeStepCompleted(step="hold", undo=True, input=told.input)  # type: ignore[attr-defined]


def test_admissions_that_are_given_back_late_are_told_one_by_one_and_then_as_a_whole() -> None:
    place = town()
    both = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=both))
    place.command(ONE, pro1.CancelChange(reason="no"), DEVELOPER)
    releases = [x for x in place.sent if isinstance(x.send.command, env1.ReleaseApplication)]
    while not place.change("ch-1").is_over:
        place.fire("ch-1", "deadline")
    before = len(place.log)
    for one in releases:
        place.answer(one, "application-not-admitted")
    told = [event for _, event in place.log[before:]]
    store, blog, whole = (
        pro1.ChangeStepProgressed(step="admit", application="store", environment=PROD, undo=True),
        pro1.ChangeStepProgressed(step="admit", application="blog", environment=PROD, undo=True),
        pro1.ChangeStepCompleted(step="admit", undo=True),
    )
    assert [msgspec.structs.replace(one, input="") for one in told] == [store, blog, whole]
    assert place.change("ch-1").left == ()


def test_a_report_of_what_has_not_begun_is_refused_at_its_step() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    report = pro1.ReportStep(step="commit", application="blog", status="done")
    with pytest.raises(Rejected) as caught:
        place.command(ONE, report, build.service("provisioning"))
    assert [(one.rule, one.pointer) for one in caught.value.errors] == [
        *(("step-unexpected", "/data/step"),),
    ]


def test_why_something_is_given_back_is_said_in_one_line_that_is_not_too_long() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer_all()
    for step in ("repository", "commit"):
        place.report("ch-1", step, "blog")
    found = app1.ApplicationObserved(
        environment=PROD,
        applied="failed",
        health="degraded",
        reason=f"No\nRoom{'.' * 300}",
        source="cluster",
        observed_at=place.now,
    )
    place.observe("blog", found)
    place.fire("ch-1", "deadline")
    for step in ("commit", "repository"):
        place.report("ch-1", step, "blog", undo=True)
    (sent,) = place.sent
    words = f"not seen healthy in time: blog in {PROD} (degraded, No Room{'.' * 300}"
    assert sent.send.command == bill1.ReleaseHold(hold="ch-1", reason=words[:253])


# ---- silence


def silent(state: Application, timer: str, gen: str = "g") -> Decision:
    """Return what follows when a timer comes due of an Application."""
    context = Context(
        now=build.NOW,
        ref=application_ref("acme", "blog"),
        actor=build.service("provisioning"),
        input_id="i",
        done_id="d",
    )
    return observing.fall_silent(state, Fired(timer=timer, gen=gen), context)


def seen(*clusters: str) -> Application:
    """Return an Application that was seen healthy in clusters; without any, in one region."""
    evidence = tuple(
        Evidence(
            kind=KUSTOMIZATION,
            name="blog-prod",
            cluster=cluster,
            status="healthy",
            uid=f"u-{cluster}",
            applied="current" if cluster else None,
        )
        for cluster in clusters or ("",)
    )
    found = Observed(
        applied="current",
        revision="ch-1",
        commit="aaa",
        health="healthy",
        reason="",
        message="",
        evidence=evidence,
        source="cluster",
        observed_at=build.NOW,
    )
    return Application(bindings={PROD: Binding(observed=found, clusters=clusters)})


def moved() -> Application:
    """Return one that was seen in a cluster that is none of its Environment any more."""
    binding = msgspec.structs.replace(seen("a", "b", "c").bindings[PROD], clusters=("a", "b"))
    return Application(bindings={PROD: binding})


def test_one_of_several_clusters_falls_silent_alone() -> None:
    (told,) = silent(seen("a", "b"), f"silent-{PROD}@a").events
    assert isinstance(told.event, app1.ApplicationObserved)
    assert {(one.cluster, one.status) for one in told.event.evidence} == {
        *(("a", "unknown"), ("b", "healthy")),
    }


def test_since_when_nothing_was_heard_is_told() -> None:
    (told,) = silent(seen(), f"silent-{PROD}").events
    since = build.NOW - timedelta(minutes=15)
    assert told.event == app1.ApplicationSilent(environment=PROD, since=since)


@each([
        (Application(), f"silent-{PROD}"),
        (Application(bindings={PROD: Binding(clusters=("a", "b"))}), f"silent-{PROD}@a"),
        (seen(), "silent-acme-dev"),
        (seen(), PROD),
        (moved(), f"silent-{PROD}@c"),
    ])  # fmt: skip
def test_nothing_falls_silent_that_was_not_heard_of(state: Application, timer: str) -> None:
    assert silent(state, timer) == Decision()
