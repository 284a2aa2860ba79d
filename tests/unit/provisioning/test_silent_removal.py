"""A removal from a cluster that nobody hears any more ends, and says that nobody has seen it."""

import msgspec
import pytest
from tests.support import planning
from tests.support.build import NOW
from tests.support.changing import Town
from tests.support.each import each
from tests.support.planning import Others, known, plan, wiki
from tests.support.plans import PROD, apply, install, locked, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Evidence, PlanRequest
from catalyst.provisioning.domain.application import Application, Binding, Observed, application_ref
from catalyst.provisioning.domain.fulfilled import is_silent

pytestmark = pytest.mark.guarantee("G14.25")

NOBODY = f"nothing reports any more on blog from {PROD}: nobody has seen that its objects are gone"


def silent(place: Town, name: str) -> None:
    """Let nothing be heard of an Application for too long."""
    place.given(
        application_ref("acme", name), app1.ApplicationSilent(environment=PROD, since=place.now)
    )


def removing(*names: str, lost: tuple[str, ...] = ()) -> Town:
    """Return a world in which Applications that were seen are on their way out, and committed."""
    place = town()
    for name in names:
        install(place, name, f"ch-{name}")
    place.log.clear()
    lock = tuple(map(locked, names))
    apply(place, "ch-1", planned(place, "uninstall", lock=lock, lost=lost))
    for step in ("unprotect", "commit") if lost else ("commit",):
        for name in names:
            place.report("ch-1", step, name)
    return place


def test_what_is_silent_when_its_time_is_over_is_gone_as_far_as_anybody_will_ever_see() -> None:
    place = removing("blog")
    silent(place, "blog")
    assert place.change("ch-1").step == "observe"
    place.fire("ch-1", "deadline")
    run(place, "ch-1")
    state = place.change("ch-1")
    assert (state.status, state.left) == ("completed", ())
    (told,) = [x for x in place.events(pro1.ChangeStepCompleted) if x.step == "observe"]
    (progress,) = [x for x in place.events(pro1.ChangeStepProgressed) if x.step == "observe"]
    assert (told.detail, progress.detail, progress.source) == (NOBODY, NOBODY, None)
    assert place.events(pro1.ChangeStepFailed) == []
    assert PROD not in place.application("blog").bindings


def test_what_still_speaks_is_not_passed_over_nor_what_is_silent_beside_it() -> None:
    place = removing("blog", "shop")
    silent(place, "blog")
    place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "observe")
    assert "shop in acme-prod (healthy)" in state.reason
    assert [x for x in place.events(pro1.ChangeStepProgressed) if x.step == "observe"] == []


def test_what_was_seen_gone_is_not_said_to_be_unseen() -> None:
    place = removing("blog", "shop")
    place.see("shop", "ch-1", health="missing")
    silent(place, "blog")
    place.fire("ch-1", "deadline")
    (told,) = [x for x in place.events(pro1.ChangeStepCompleted) if x.step == "observe"]
    assert told.detail == NOBODY


def test_of_several_each_is_named() -> None:
    place = removing("blog", "shop")
    for name in ("blog", "shop"):
        silent(place, name)
    place.fire("ch-1", "deadline")
    (told,) = [x for x in place.events(pro1.ChangeStepCompleted) if x.step == "observe"]
    words = "nobody has seen that their objects are gone"
    assert told.detail == f"nothing reports any more on blog, shop from {PROD}: {words}"


def test_what_is_to_run_is_never_taken_for_healthy_because_nobody_hears_it() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer_all()
    for step in ("repository", "commit"):
        place.report("ch-1", step, "blog")
    place.see("blog", "ch-1", health="progressing")
    silent(place, "blog")
    place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "observe")


def test_data_is_not_given_up_where_nobody_sees_that_its_protection_is_lifted() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall", lost=("blog-data",)))
    place.report("ch-1", "unprotect", "blog")
    silent(place, "blog")
    for _ in range(3):
        place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "unprotect")


SEEN = Observed(
    applied="current",
    revision="ch-1",
    commit="aaa",
    health="unknown",
    reason="Silent",
    message="",
    evidence=(),
    source="cluster",
    observed_at=NOW,
)


def item(kind: str, reason: str = "Silent", **more: str) -> Evidence:
    """Return something that was seen in one of several clusters, and is not any more."""
    found = {"kind": kind, "name": "x", "status": "unknown", "reason": reason, "cluster": "one"}
    return msgspec.convert({**found, **more}, Evidence)


@each([
        ((item("Pod"),), None, True),
        ((item("Pod"), item("PersistentVolumeClaim", reason="", status="healthy")), None, True),
        # What another cluster still tells of has yet to go there.
        ((item("Pod"), item("Pod", reason="", status="healthy", cluster="two")), None, False),
        ((item("Pod"), item("Pod", status="degraded", cluster="two")), None, False),
        # What is kept keeps no removal from its end, and says nothing of who is silent.
        ((item("PersistentVolumeClaim"),), None, False),
        ((item("PersistentVolumeClaim"),), ("x",), True),
        ((), None, False),
    ])  # fmt: skip
def test_of_several_clusters_those_that_are_silent_keep_a_removal_from_nothing(
    evidence: tuple[Evidence, ...],
    lost: tuple[str, ...] | None,
    found: bool,  # noqa: FBT001 - drawn from the table
) -> None:
    seen = msgspec.structs.replace(SEEN, evidence=evidence)
    state = Application(bindings={PROD: Binding(observed=seen)})
    assert is_silent(state, PROD, lost) is found
    assert not is_silent(state, "acme-dev", lost)


async def test_the_plan_of_a_removal_says_that_nobody_may_see_it_any_more() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    apply(place, "ch-0", await plan(place, others, planning.install()))
    run(place, "ch-0")
    silent(place, "wiki")
    request = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    found = await plan(place, others, request)
    (told,) = [risk.message for risk in found.risks if risk.kind == "unseen"]
    assert told == (
        f"nothing reports any more on wiki from {PROD}: as long as that is so, nobody sees whether"
        " its objects are gone, and the removal goes on without that after 24 hours"
    )
