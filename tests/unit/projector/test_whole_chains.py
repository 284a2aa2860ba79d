"""What keeps a change or an Application, down to the cause, and what its marks rest on."""

import pytest
from tests.support.beside import POD, admitted, disagreeing, doc, made, place_of, told
from tests.support.changing import Town
from tests.support.log import START, On
from tests.support.plans import ADMIN, PROD, apply, locked, planned, run, town
from tests.unit.projector.test_changes import advance
from tests.unit.projector.test_fold import recorded

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.blocked_chain import FOLLOWED_MAX
from catalyst.contracts.provisioning_values_v1 import Evidence
from catalyst.projector.fold import Fold
from catalyst.projector.views.table import VIEWS
from catalyst.provisioning.domain.change import change_ref


def with_home(place: Town) -> list[On]:
    """Return what happened in a town, with the Environment that has admitted what it runs."""
    names = {item[0].id for item in place.log if item[0].aggregate == "application"}
    return [*made(PROD), *(admitted(name) for name in sorted(names)), *place.log]


@pytest.mark.guarantee("G13.14")
def test_the_row_of_a_change_leads_to_what_its_application_dies_of() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    advance(place, "observe")
    place.see("blog", "ch-1", health="degraded", evidence=(POD,))
    fold = told(with_home(place))
    row = doc(fold, "change", "ch-1")
    assert [(one.depth, one.kind, one.name, one.code) for one in row.blocked_by] == [
        (0, "application", "blog", "not-seen"),
        (1, "Pod", "blog-0", "crash-loop"),
    ]
    assert all(one.since and one.who and one.what_to_do for one in row.blocked_by)
    (step,) = (one for one in row.steps if one.step == "observe")
    assert (step.status, step.reason, step.cause) == ("running", "", "exit 1")
    # Whoever waits behind it, and the Application itself, lead to the same.
    queued = doc(fold, "change", "ch-2").blocked_by
    assert [(one.depth, one.code) for one in queued] == [
        (0, "queued"),
        (1, "not-seen"),
        (2, "crash-loop"),
    ]
    own = place_of(fold, "blog").blocked_by
    assert (own[0].code, own[0].depth) == ("crash-loop", 0)
    assert [one.code for one in own[1:]] == ["change-waiting", "queued"]

    place.see("blog", "ch-1")
    run(place, "ch-1")
    fold = told(with_home(place))
    row = doc(fold, "change", "ch-1")
    assert (row.status, row.blocked_by) == ("completed", ())
    assert {one.cause for one in row.steps} == {""}


@pytest.mark.guarantee("G13.14")
def test_a_change_leads_on_to_each_of_its_applications_and_they_to_what_works_on_them() -> None:
    place = town()
    lock = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=lock))
    advance(place, "repository")
    place.report("ch-1", "repository", "blog", failed="the Git door is away", goes_on=True)
    fold = told(with_home(place))
    for name in ("blog", "store"):
        found = [(one.depth, one.kind, one.code) for one in place_of(fold, name).blocked_by]
        assert (1, "git", "git-unavailable") in found
    advance(place, "observe")
    place.see("blog", "ch-1", health="degraded", evidence=(POD,))
    fold = told(with_home(place))
    found = [(one.depth, one.name, one.code) for one in doc(fold, "change", "ch-1").blocked_by]
    assert found == [
        (0, "store", "not-seen"),
        (1, PROD, "never-seen"),
        (0, "blog", "not-seen"),
        (1, "blog-0", "crash-loop"),
    ]


@pytest.mark.guarantee("G13.20")
def test_what_is_not_applied_leads_to_what_it_waits_for_and_on_as_long_as_that_is_so() -> None:
    place = town()
    lock = (
        locked("disk", "new"),
        locked("store", "new", disk="disk"),
        locked("blog", database="store"),
    )
    apply(place, "ch-1", planned(place, lock=lock))
    run(place, "ch-1")

    def waits(name: str, needed: str) -> None:
        told_of = waiting(name, needed)
        place.see(name, "ch-1", health="progressing", evidence=(told_of,))

    def chain(name: str) -> list[tuple[int, str, str, str]]:
        fold = told(with_home(place))
        assert disagreeing(fold) == []
        found = place_of(fold, name).blocked_by
        assert all(one.since and one.who and one.what_to_do for one in found)
        return [(one.depth, one.kind, one.name, one.code) for one in found]

    waits("blog", "store")
    assert chain("blog") == [(0, "application", "store", "dependency-not-ready")]
    waits("store", "disk")
    place.see("disk", "ch-1", health="degraded", evidence=(POD,))
    assert chain("blog") == [
        (0, "application", "store", "dependency-not-ready"),
        (1, "application", "disk", "dependency-not-ready"),
        (2, "Pod", "blog-0", "crash-loop"),
    ]
    # Whoever changes it is led to the same.
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    fold = told(with_home(place))
    assert "crash-loop" in [one.code for one in place_of(fold, "blog").blocked_by]
    assert disagreeing(fold) == []
    place.see("disk", "ch-1")
    assert [code for *_, code in chain("blog")][:2] == ["dependency-not-ready"] * 2
    assert "crash-loop" not in [code for *_, code in chain("blog")]
    place.see("store", "ch-1")
    place.see("blog", "ch-1")
    assert "dependency-not-ready" not in [code for *_, code in chain("blog")]


@pytest.mark.guarantee("G13.20")
def test_a_change_leads_through_its_application_to_what_that_waits_for_as_it_is_by_then() -> None:
    place = town()
    lock = (locked("disk", "new"), locked("store", "new", disk="disk"))
    apply(place, "ch-1", planned(place, lock=(*lock, locked("blog", database="store"))))
    run(place, "ch-1")
    for name in ("store", "disk"):
        place.see(name, "ch-1")
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    advance(place, "observe", "ch-2")
    for name, needed in (("blog", "store"), ("store", "disk")):
        place.see(name, "ch-1", health="progressing", evidence=(waiting(name, needed),))
    # Neither disk nor what it is like is of the change, nor does disk's row name any of its queue.
    place.see("disk", "ch-1", health="degraded", evidence=(POD,))
    assert "crash-loop" in codes(place, "ch-2")
    place.see("disk", "ch-1")
    assert "crash-loop" not in codes(place, "ch-2")


@pytest.mark.guarantee("G13.20")
def test_however_many_wait_for_an_application_whoever_waits_for_one_of_them_is_led_to_it() -> None:
    place = town()
    stores = [f"store{number}" for number in range(FOLLOWED_MAX + 1)]
    lock = [locked("disk", "new"), *(locked(name, "new", disk="disk") for name in stores)]
    apply(place, "ch-1", planned(place, lock=(*lock, locked("blog", database=stores[-1]))))
    run(place, "ch-1")
    for name in stores:
        place.see(name, "ch-1", health="progressing", evidence=(waiting(name, "disk"),))
    place.see("blog", "ch-1", health="progressing", evidence=(waiting("blog", stores[-1]),))
    place.see("disk", "ch-1", health="degraded", evidence=(POD,))
    fold = Fold(VIEWS)
    for message in recorded(*with_home(place)):
        fold.apply([message])
    assert disagreeing(fold) == []
    assert place_of(fold, "blog").blocked_by[-1].code == "crash-loop"


def codes(place: Town, change: str) -> list[str]:
    return [one.code for one in doc(told(with_home(place)), "change", change).blocked_by]


def waiting(name: str, needed: str) -> Evidence:
    return Evidence(
        kind="Kustomization",
        name=f"{name}-prod",
        status="progressing",
        reason="DependencyNotReady",
        message=f"dependency 'acme/{needed}-prod' is not ready",
    )


def test_what_is_taken_back_and_what_is_cancelled_leaves_no_chain_that_is_not_so() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    advance(place, "observe")
    place.fire("ch-1", "deadline")
    run(place, "ch-1")
    run(place, "ch-2")
    fold = told(with_home(place))
    for change in ("ch-1", "ch-2"):
        assert doc(fold, "change", change).blocked_by == ()


# ---- what a mark rests on


@pytest.mark.guarantee("G13.15")
def test_each_of_the_four_marks_says_what_it_rests_on_of_which_revision_and_since_when() -> None:
    place = town(approvals=(env1.Approval(team="org-admin", quorum=1),))
    apply(place, "ch-1", planned(place))
    one = place_of(told(with_home(place)), "blog")
    (ground,) = one.gate.evidence
    assert (ground.kind, ground.name, ground.status) == ("approval", "org-admin", "missing")
    assert ground.message == "1 approval missing"

    hash_ = place.change("ch-1").content().hash
    place.command(change_ref("acme", "ch-1"), pro1.ApproveChange(hash=hash_, comment="go"), ADMIN)
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    advance(place, "observe")
    flux = Evidence(
        kind="Kustomization", name="blog", status="degraded", reason="BuildFailed", message="no"
    )
    failed = app1.ApplicationObserved(
        environment=PROD,
        applied="failed",
        revision="ch-0",
        health="degraded",
        reason="BuildFailed",
        evidence=(flux, POD),
        source="cluster",
        observed_at=START,
    )
    place.observe("blog", failed)
    one = place_of(told(with_home(place)), "blog")
    # Another revision than the one that is to run: it was seen, and Flux says why no more.
    assert one.applied.evidence == (flux,)
    assert [item.name for item in one.health.evidence] == ["blog", "blog-0"]
    assert one.change.change == "ch-1"
    assert [(item.name, item.status) for item in one.change.evidence][:2] == [
        ("observe", "running"),
        ("commit", "done"),
    ]
    assert {item.name for item in one.gate.evidence} == {"ch-1", "org-admin"}
    for mark in (one.applied, one.health, one.change, one.gate):
        assert mark.revision == "ch-0"
        assert mark.since is not None
        assert mark.evidence
