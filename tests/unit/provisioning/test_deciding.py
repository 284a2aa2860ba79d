"""Who approves, rejects or stops a change, while it still can be: each refusal has its reason."""

import msgspec
import pytest
from tests.support.changing import Town
from tests.support.each import each
from tests.support.plans import ADMIN, DEVELOPER, apply, left, planned, run, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.change import change_ref

ONE = change_ref("acme", "ch-1")
VI = Actor(
    name="user:x#vi",
    email="vi@acme.example",
    roles=frozenset({"org-developer"}),
    proven=True,
)
LINUS = Actor(
    name="user:x#linus",
    email="linus@acme.example",
    roles=frozenset({"org-admin"}),
    proven=True,
)


def change(status: str) -> Town:
    """Return a change that an org-admin has to approve, at some point of its life."""
    place = town(approvals=(env1.Approval(team="org-admin", quorum=1),))
    if status == "absent":
        return place
    apply(place, ONE.id, planned(place))
    if status != "waiting":
        decide(place, "approve", ADMIN)
    if status == "undoing":
        decide(place, "cancel", DEVELOPER)
    if status == "completed":
        run(place, ONE.id)
    assert place.change(ONE.id).status == status
    return place


def decide(place: Town, verb: str, by: Actor, *, hash_: str = "") -> list[str]:
    """Send it, about the plan of the change; return the kinds of what happened."""
    opened = place.change(ONE.id).opened
    about = hash_ or (opened.hash if opened is not None else "0" * 64)
    sent = {
        "approve": pro1.ApproveChange(hash=about),
        "reject": pro1.RejectChange(hash=about, reason="not now"),
        "cancel": pro1.CancelChange(reason="not now"),
    }[verb]
    found = place.command(ONE, sent, by)
    return [type(one.event).__name__ for one in found.events]


@pytest.mark.guarantee("G14.5")
@each(
    [
        *(("absent", verb, ADMIN, "change-not-found") for verb in ("approve", "reject", "cancel")),
        *(("completed", verb, ADMIN, "change-over") for verb in ("approve", "reject", "cancel")),
        ("waiting", "approve", DEVELOPER, "approval-own"),
        ("waiting", "approve", VI, "approval-not-needed"),
        ("waiting", "reject", VI, "approval-not-needed"),
        ("waiting", "cancel", VI, "forbidden"),
        ("running", "approve", LINUS, "approval-not-needed"),
        ("running", "reject", LINUS, "change-under-way"),
    ]
)
def test_whoever_may_not_decide_or_comes_too_late_is_told_why(
    status: str, verb: str, by: Actor, code: str
) -> None:
    place = change(status)
    with pytest.raises(Rejected) as caught:
        decide(place, verb, by)
    assert caught.value.code == code


@pytest.mark.guarantee("G14.5")
@each(["approve", "reject"])
def test_who_looked_at_another_plan_decides_nothing(verb: str) -> None:
    place = change("waiting")
    with pytest.raises(Rejected) as caught:
        decide(place, verb, ADMIN, hash_="0" * 64)
    assert (caught.value.code, caught.value.errors[0].pointer) == ("plan-stale", "/data/hash")


def test_a_rejection_says_by_whom_and_why() -> None:
    place = change("waiting")
    decide(place, "reject", ADMIN)
    assert place.events(pro1.ChangeRejected) == [
        pro1.ChangeRejected(by=ADMIN.name, reason="not now")
    ]
    assert [one.result for one in left(place)] == ["rejected"]


@each([DEVELOPER, msgspec.structs.replace(DEVELOPER, roles=frozenset()), ADMIN])
def test_its_author_or_an_admin_stops_what_waits(by: Actor) -> None:
    place = change("waiting")
    decide(place, "cancel", by)
    (failed,) = place.events(pro1.ChangeFailed)
    assert (failed.cancelled, failed.reason) == (True, "cancelled: not now")
    assert [one.result for one in left(place)] == ["cancelled"]


def test_what_is_being_taken_back_is_not_stopped_again() -> None:
    assert decide(change("undoing"), "cancel", DEVELOPER) == []
