"""What the log has of an Application when a deadline passes counts, whether it was heard or not."""

from typing import Any

import pytest
from tests.support import plans
from tests.support.changing import Town
from tests.support.each import each
from tests.support.plans import PROD, apply, locked, planned, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.provisioning.domain.application import application_ref

pytestmark = pytest.mark.guarantee("G14.22")


def unheard(place: Town, name: str, **more: Any) -> None:
    """Let something be seen of an Application that its change has not heard yet."""
    found: dict[str, Any] = {
        "environment": PROD,
        "change": "ch-1",
        "applied": "current",
        "revision": "ch-1",
        "commit": f"commit-{name}",
        "health": "healthy",
        "source": "cluster",
        "observed_at": place.now,
        **more,
    }
    place.given(application_ref("acme", name), app1.ApplicationObserved(**found))


def observing() -> Town:
    """Return a world in which two Applications have been committed, and wait to be seen."""
    place = town()
    apply(
        place, "ch-1", planned(place, lock=(locked("store", "new"), locked("blog", store="store")))
    )
    place.answer_all()
    for step in ("repository", "commit"):
        for name in ("store", "blog"):
            place.report("ch-1", step, name)
    assert place.change("ch-1").step == "observe"
    return place


def test_what_is_seen_by_then_lets_the_change_go_on() -> None:
    place = observing()
    for name in ("store", "blog"):
        unheard(place, name)
    place.fire("ch-1", "deadline")
    assert place.change("ch-1").step == "capture"
    assert place.events(pro1.ChangeStepFailed) == []


def test_what_is_not_seen_by_then_alone_is_told_and_takes_the_change_back() -> None:
    place = observing()
    unheard(place, "store")
    place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "observe")
    words = f"not seen healthy in time: blog in {PROD} (nothing was seen: no-cluster)"
    assert state.reason == words


def test_what_was_given_up_and_is_seen_applied_by_then_goes() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall", lost=("blog-data",)))
    place.report("ch-1", "unprotect", "blog")
    assert place.change("ch-1").step == "unprotect"
    unheard(place, "blog", commit="unprotect-blog")
    place.fire("ch-1", "deadline")
    assert place.change("ch-1").step == "commit"


def test_it_is_no_answer_to_another_step() -> None:
    place = town()
    plans.install(place, "blog", "ch-0", priced=False)
    apply(place, "ch-1", planned(place, "configure", values={"n": 1}, priced=False))
    unheard(place, "blog")
    place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.step, state.attempt) == ("running", "commit", 2)


@each([
    ({"revision": "ch-0"}, "healthy, but ch-1 is not applied"),
    ({"applied": "failed"}, "healthy, but ch-1 is not applied"),
    ({"health": "degraded", "reason": "Stuck"}, "degraded, Stuck"),
])  # fmt: skip
def test_why_it_is_not_what_was_to_be_seen_is_told(more: dict[str, Any], words: str) -> None:
    place = observing()
    unheard(place, "store")
    unheard(place, "blog", **more)
    place.fire("ch-1", "deadline")
    reason = place.change("ch-1").reason
    assert reason == f"not seen healthy in time: blog in {PROD} ({words})"


def test_what_fell_silent_is_told_as_such() -> None:
    place = observing()
    for name in ("store", "blog"):
        unheard(place, name)
    silent = app1.ApplicationSilent(environment=PROD, since=place.now)
    place.given(application_ref("acme", "blog"), silent)
    place.fire("ch-1", "deadline")
    words = "healthy, and then nothing was heard for too long"
    assert place.change("ch-1").reason == f"not seen healthy in time: blog in {PROD} ({words})"


def test_what_still_runs_though_it_is_to_go_is_told_as_it_is() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    place.report("ch-1", "commit", "blog")
    unheard(place, "blog", revision="ch-0")
    place.fire("ch-1", "deadline")
    failed = place.events(pro1.ChangeStepFailed)
    assert [one.reason for one in failed] == [f"not seen gone in time: blog in {PROD} (healthy)"]
