"""Rows of Applications and changes: four marks apart, steps as they go, no progress that lies."""

from typing import Any

import msgspec
import pytest
from tests.support import plans
from tests.support.changing import Town
from tests.support.folding import Folding
from tests.support.plans import PROD, apply, locked, planned, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Action, Applied, Evidence
from catalyst.projector.views.application_document import BindingDocument
from catalyst.projector.views.provisioning_application import APPLICATION
from catalyst.projector.views.provisioning_change import CHANGE
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.steps import UNDO_ATTEMPTS


def folding() -> Folding:
    """Return what folds what happens in a town."""
    return Folding((APPLICATION, CHANGE))


def rows(place: Town, before: Folding | None = None) -> dict[str, Any]:
    """Return the documents that everything that happened makes, by kind and name."""
    fold = (before or folding()).of(place.log)
    assert all(row.value.stale is None for row in fold.rows.values())
    return {
        f"{key.split('.')[2]} {key.split('.')[4]}": row.value.doc for key, row in fold.rows.items()
    }


def binding(place: Town, name: str = "blog") -> BindingDocument:
    """Return an Application in `acme-prod` as it is shown."""
    (found,) = rows(place)[f"application {name}"].bindings
    assert isinstance(found, BindingDocument)
    return found


def advance(place: Town, step: str, change: str = "ch-1") -> None:
    """Go on until a step is in progress."""
    while place.change(change).step != step:
        state = place.change(change)
        if place.sent:
            place.answer_all()
            continue
        for unit in state.remaining():
            place.report(change, str(state.step), unit.application)


def test_what_was_never_seen_is_unknown_however_far_its_change_is() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place, "observe")
    found = binding(place)
    assert found.desired is not None
    assert (found.desired.change, found.committed.commit) == ("ch-1", "commit-blog")  # type: ignore[union-attr]
    assert (found.applied.status, found.applied.reason) == ("unknown", "no-cluster")
    assert (found.health.status, found.health.as_of) == ("unknown", None)
    assert found.change is not None
    assert (found.change.change, found.change.action) == ("ch-1", "install")
    assert found.gate.open


def test_a_new_revision_is_pending_until_it_is_seen_and_health_says_of_which_it_is() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "configure", values={"n": 1}, priced=False))
    found = binding(place)
    assert (found.applied.status, found.applied.reason) == ("pending", "another-revision")
    assert (found.health.status, found.health.revision) == ("healthy", "ch-0")
    advance(place, "observe")
    place.see("blog", "ch-1")
    found = binding(place)
    assert (found.applied.status, found.health.revision) == ("current", "ch-1")
    assert found.change is None


@pytest.mark.guarantee("G13.5")
@pytest.mark.parametrize("applied", ["current", "failed"])
@pytest.mark.parametrize("again", ["nothing new", "seen again"])
def test_what_is_to_run_as_before_was_seen_already(applied: Applied, again: str) -> None:
    """Nothing speaks again where what was cancelled was never committed, or the cluster is gone."""
    place = town()
    plans.install(place, "blog", "ch-0")
    flux = Evidence(
        kind="Kustomization",
        namespace="flux-system",
        name="blog",
        uid="u",
        version=1,
        status="degraded" if applied == "failed" else "healthy",
        reason="BuildFailed" if applied == "failed" else "",
        message="no such file" if applied == "failed" else "",
    )
    seen = app1.ApplicationObserved(
        environment=PROD,
        applied=applied,
        revision="ch-0",
        commit="commit-blog",
        health="healthy",
        reason="",
        message="",
        evidence=(flux,),
        source="cluster",
        observed_at=place.now,
    )
    ref = application_ref("acme", "blog")
    place.log.append((ref, seen))
    before = binding(place).applied
    assert (before.status, before.reason) == (applied, flux.reason)
    apply(place, "ch-1", planned(place, "configure", values={"n": 1}, priced=False))
    for change in ("ch-1", "ch-2"):
        assert binding(place).applied.message == f"{change} is to run, and ch-0 was seen"
        if change == "ch-1":
            # Another one takes its place before anything comes of either.
            place.log.append((ref, desired_by(place, "ch-2")))
    if again == "seen again":
        place.log.append((ref, seen))
    place.log.append((ref, desired_by(place, "ch-0")))
    assert msgspec.structs.replace(binding(place).applied, since=before.since) == before


def desired_by(place: Town, change: str) -> app1.DesiredSet:
    """Return that what a change made is to run."""
    now = place.application("blog").binding(PROD).desired
    assert now is not None
    return app1.DesiredSet(
        environment=PROD, change=change, desired=msgspec.structs.replace(now, change=change)
    )


@pytest.mark.parametrize("action", ["configure", "uninstall"])
def test_what_was_taken_back_runs_as_before_once_that_is_seen(action: Action) -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, action, values={"n": 1}, priced=False))
    advance(place, "observe")
    place.fire("ch-1", "deadline")
    place.report("ch-1", "commit", "blog", undo=True)
    assert place.change("ch-1").status == "failed"
    # Whoever observes takes the revision from what was committed.
    committed = place.application("blog").binding(PROD).committed
    assert committed is not None
    place.see("blog", "", revision=committed.change, commit=committed.commit)
    found = binding(place)
    assert (found.applied.status, found.applied.reason) == ("current", "")
    assert found.applied.revision == found.health.revision == "ch-0"


def test_what_is_silent_is_not_healthy_and_says_since_when() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    ref = application_ref("acme", "blog")
    silent = app1.ApplicationSilent(environment=PROD, since=place.now)
    place.log.append((ref, silent))
    found = binding(place)
    for mark in (found.applied, found.health):
        assert (mark.status, mark.reason, mark.stale_since) == ("unknown", "stale", place.now)


def test_what_fell_silent_stays_unknown_when_it_is_to_run_again_as_before() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    ran = place.application("blog").binding(PROD).desired
    assert ran is not None
    ref = application_ref("acme", "blog")
    for event in (
        app1.DesiredSet(
            environment=PROD, change="ch-1", desired=msgspec.structs.replace(ran, change="ch-1")
        ),
        app1.ApplicationSilent(environment=PROD, since=place.now),
        app1.DesiredSet(environment=PROD, change="ch-1", desired=ran, undo=True),
    ):
        place.log.append((ref, event))
    found = binding(place)
    for mark in (found.applied, found.health):
        assert (mark.status, mark.reason, mark.stale_since) == ("unknown", "stale", place.now)


def test_what_waits_says_what_for() -> None:
    place = town(approvals=(env1.Approval(team="org-admin", quorum=1),))
    apply(place, "ch-1", planned(place))
    (waiting,) = rows(place)["application blog"].queue
    assert (waiting.change, waiting.waits_for, waiting.taken) == ("ch-1", ("approvals",), False)
    change = rows(place)["change ch-1"]
    assert (change.status, change.waits_for) == ("waiting", ("approvals",))
    assert [(item.team, item.quorum) for item in change.missing] == [("org-admin", 1)]


def test_an_application_that_never_came_about_leaves_no_row() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer(place.sent.pop(), "application-reserved")
    plans.run(place, "ch-1")
    assert set(rows(place)) == {"change ch-1"}


def test_an_application_that_was_taken_away_stays_as_archived() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    plans.run(place, "ch-1")
    found = rows(place)["application blog"]
    assert (found.archived, found.bindings, found.queue) == (True, (), ())


def test_a_change_shows_each_step_and_is_complete_when_every_step_is() -> None:
    place = town()
    lock = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=lock))
    advance(place, "repository")
    place.report("ch-1", "repository", "store")
    found = rows(place)["change ch-1"]
    shown = {step.step: step.status for step in found.steps}
    assert shown == {
        "admit": "done", "hold": "done", "repository": "running",
        "commit": "pending", "observe": "pending", "capture": "pending",
    }  # fmt: skip
    assert (found.percent, found.steps[2].applications) == (33, ("store",))
    plans.run(place, "ch-1")
    found = rows(place)["change ch-1"]
    assert (found.status, found.percent, found.left) == ("completed", 100, ())
    assert found.commits == {
        "blog": {PROD: "commit-blog"},
        "store": {PROD: "commit-store"},
    }


def test_a_change_that_gave_up_shows_what_was_taken_back() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place, "observe")
    place.fire("ch-1", "deadline")
    plans.run(place, "ch-1")
    found = rows(place)["change ch-1"]
    assert found.status == "failed"
    assert found.undone == ("commit", "repository", "hold", "admit")
    assert found.percent < 100
    assert "no-cluster" in found.reason


def test_what_is_told_of_the_money_after_the_end_stands_on_the_row_and_moves_nothing_else() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place, "repository")
    place.fire("ch-1", "deadline")
    place.command(change_ref("acme", "ch-1"), pro1.CancelChange(reason="no"), plans.DEVELOPER)
    place.report("ch-1", "repository", "blog", undo=True)
    (release,) = place.sent
    for _ in range(UNDO_ATTEMPTS):
        place.fire("ch-1", "deadline")
    back = place.sent[-1]
    place.answer(back)
    before = rows(place)["change ch-1"]
    assert before.left == ("hold: the deadline passed",)
    place.answer(release, "hold-captured")
    after = rows(place)["change ch-1"]
    assert "was taken" in after.left[1]
    assert msgspec.structs.replace(after, left=before.left) == before


@pytest.mark.guarantee("G14.18")
def test_what_a_change_left_is_no_longer_told_once_it_is_taken_back_after_all() -> None:
    place = town()
    lock = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=lock))
    while not place.change("ch-1").is_over:
        place.fire("ch-1", "deadline")
    before = rows(place)["change ch-1"]
    assert before.left == ("admit: the deadline passed",)
    first, second = place.sent[-2:]
    place.answer(first)
    assert rows(place)["change ch-1"].left == before.left
    place.answer(second, "application-wanted")
    after = rows(place)["change ch-1"]
    assert (after.left, after.undone) == ((), ("admit",))
    assert (after.status, after.percent, after.finished) == ("failed", 0, before.finished)
    assert next((one.step, one.status) for one in after.steps) == ("admit", "undone")
