"""A change begins when it has its turn, its approvals, and changes may happen at that time."""

from datetime import timedelta

import pytest
from tests.support import plans
from tests.support.changing import Town
from tests.support.plans import ADMIN, DEVELOPER, apply, install, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor, Fired
from catalyst.contracts.provisioning_values_v1 import Action
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign, turn
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.writing import TURN

ANY_TWO = (env1.Approval(quorum=2),)
ADMIN_ONE = (env1.Approval(team="org-admin", quorum=1),)
BY_MAIL = (env1.Approval(team="vi@acme.example, linus@acme.example", quorum=1),)


def person(name: str, *roles: str) -> Actor:
    """Return a person with a proven address."""
    return Actor(
        name=f"user:https://id.example#{name}",
        email=f"{name}@acme.example",
        roles=frozenset(roles),
        proven=True,
    )


def approve(place: Town, by: Actor, name: str = "ch-1") -> None:
    """Approve a change."""
    content = place.change(name).content()
    place.command(change_ref("acme", name), pro1.ApproveChange(hash=content.hash), by)


# ---- the queue


@pytest.mark.guarantee("G14.4")
def test_one_change_works_on_an_application_and_the_next_begins_when_it_is_over() -> None:
    place = town()
    apply(place, "ch-1", planned(place, "install"))
    apply(place, "ch-2", planned(place, "configure", values={"title": "Two"}))
    assert place.change("ch-2").status == "waiting"
    held = place.change("ch-2").held
    assert held is not None
    assert (held.waits_for, held.behind) == (("queue",), ("ch-1",))
    told = [one for one in place.events(app1.ChangeWaiting) if one.change == "ch-2"]
    assert [(one.gates, one.desired.values) for one in told] == [
        ((), {"title": "Two"}),
        (("queue",), {"title": "Two"}),
    ]
    # Looked at again, it waits for the same, which is not told again.
    place.fire("ch-2", "turn")
    assert [one.change for one in place.events(app1.ChangeWaiting)].count("ch-2") == 2
    run(place, "ch-1")
    assert place.change("ch-2").status == "running"
    run(place, "ch-2")
    assert place.change("ch-2").status == "completed"
    desired = place.application("blog").binding(plans.PROD).desired
    assert desired is not None
    assert (desired.change, desired.values) == ("ch-2", {"title": "Two"})


@pytest.mark.guarantee("G14.4")
def test_a_change_that_was_planned_on_a_result_that_did_not_come_does_nothing() -> None:
    place = town()
    apply(place, "ch-1", planned(place, "install"))
    apply(place, "ch-2", planned(place, "configure", values={"title": "Two"}))
    place.answer(place.sent.pop(), "application-reserved")
    run(place, "ch-1")
    (_, failed) = place.events(pro1.ChangeFailed)
    assert "plan-stale: it was planned on ch-1 of blog" in failed.reason
    assert place.change("ch-2").begun == ()
    assert place.application("blog").queue == ()


@pytest.mark.guarantee("G14.4")
def test_nobody_is_asked_to_approve_what_was_planned_on_a_result_that_did_not_come() -> None:
    place = town(approvals=(env1.Approval(quorum=1),))
    for name, values in (("ch-1", {"n": 1}), ("ch-2", {"n": 2})):
        action: Action = "install" if name == "ch-1" else "configure"
        apply(place, name, planned(place, action, values=values))
    place.command(change_ref("acme", "ch-1"), pro1.CancelChange(reason="no"), DEVELOPER)
    place.pass_on()
    (_, failed) = place.events(pro1.ChangeFailed)
    assert failed.reason.startswith("plan-stale: it was planned on ch-1 of blog")
    assert place.application("blog").queue == ()


def test_an_install_after_an_uninstall_that_is_under_way_was_planned_on_nothing() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    apply(place, "ch-2", planned(place, "install"))
    run(place, "ch-1")
    run(place, "ch-2")
    assert place.change("ch-2").status == "completed"
    assert not place.application("blog").archived


def test_the_queue_goes_on_past_a_change_that_is_stopped_while_it_waits() -> None:
    place = town()
    install(place, "blog", "ch-0")
    for value in range(1, 5):
        fresh = planned(place, "configure", values={"n": value})
        apply(place, f"ch-{value}", fresh)
    assert place.change("ch-3").status == "waiting"
    place.command(change_ref("acme", "ch-2"), pro1.CancelChange(reason="no"), DEVELOPER)
    place.pass_on()
    # Planned on one that is gone, they end at once; the one before them goes on.
    for name, base in (("ch-3", "ch-2"), ("ch-4", "ch-3")):
        state = place.change(name)
        words = f"plan-stale: it was planned on {base} of blog, and ch-1 is to run"
        assert (state.status, state.reason) == ("failed", words)
    run(place, "ch-1")
    assert place.change("ch-1").status == "completed"
    assert place.application("blog").queue == ()


def test_what_was_planned_on_two_changes_waits_for_both_of_them() -> None:
    place = town()
    apply(place, "ch-1", planned(place, "install"))
    apply(place, "ch-2", planned(place, "configure", values={"n": 2}))
    apply(place, "ch-3", planned(place, "uninstall"))
    apply(place, "ch-4", planned(place, "install"))
    for name in ("ch-1", "ch-2", "ch-3", "ch-4"):
        run(place, name)
        assert place.change(name).status == "completed"


# ---- approvals


@pytest.mark.guarantee("G14.5")
def test_a_change_waits_for_approvals_of_others_than_its_author() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    with pytest.raises(Rejected) as caught:
        approve(place, DEVELOPER)
    assert caught.value.code == "approval-own"
    approve(place, person("vi", "org-developer"))
    approve(place, person("vi", "org-developer"))
    assert place.change("ch-1").status == "waiting"
    assert len(place.events(pro1.ChangeApproved)) == 1
    approve(place, person("linus", "org-admin"))
    assert place.change("ch-1").status == "running"


def test_the_author_does_not_count_under_another_name_with_the_same_address() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    other = Actor(name="user:https://other#1", email="DEV@acme.example", proven=True)
    with pytest.raises(Rejected) as caught:
        approve(place, other)
    assert caught.value.code == "approval-own"


@pytest.mark.parametrize(
    ("asked", "outsider", "member"),
    [
        (ADMIN_ONE, person("vi", "org-developer"), ADMIN),
        (BY_MAIL, ADMIN, person("linus", "org-developer")),
    ],
)
@pytest.mark.guarantee("G14.5")
def test_an_approval_counts_for_the_team_that_was_asked(
    asked: tuple[env1.Approval, ...], outsider: Actor, member: Actor
) -> None:
    place = town(approvals=asked)
    apply(place, "ch-1", planned(place))
    with pytest.raises(Rejected) as caught:
        approve(place, outsider)
    assert caught.value.code == "approval-not-needed"
    approve(place, member)
    assert place.change("ch-1").status == "running"


@pytest.mark.guarantee("G14.5")
def test_an_approval_is_for_one_plan_and_no_other() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    with pytest.raises(Rejected) as caught:
        place.command(change_ref("acme", "ch-1"), pro1.ApproveChange(hash="0" * 64), ADMIN)
    assert caught.value.code == "plan-stale"


def test_a_change_that_is_rejected_ends_without_having_done_anything() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    hash_ = place.change("ch-1").content().hash
    place.command(change_ref("acme", "ch-1"), pro1.RejectChange(hash=hash_, reason="no"), ADMIN)
    (failed,) = place.events(pro1.ChangeFailed)
    assert (failed.step, failed.reason) == (None, "rejected: no")
    assert [event.result for event in plans.left(place)] == ["rejected"]
    assert place.sent == []


def test_the_gate_of_what_waits_stands_on_the_application() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    (entry,) = place.application("blog").queue
    assert (entry.gates, entry.taken) == (("approvals",), False)
    approve(place, ADMIN)
    approve(place, person("vi"))
    (entry,) = place.application("blog").queue
    assert (entry.gates, entry.taken) == ((), True)
    assert len(place.events(app1.ChangeTaken)) == 1


def test_nobody_waits_for_ever() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    begun = place.now
    while place.change("ch-1").status == "waiting":
        place.fire("ch-1", "turn")
    assert place.now - begun == turn.PATIENCE
    assert place.change("ch-1").status == "failed"
    assert f"{turn.PATIENCE.days} days" in place.change("ch-1").reason


# ---- windows

NIGHT = env1.Window(effect="allow", rrule="FREQ=DAILY;BYHOUR=22", duration_minutes=120)


@pytest.mark.guarantee("G14.8")
def test_a_change_begins_when_the_window_opens() -> None:
    place = town(NIGHT)
    apply(place, "ch-1", planned(place))
    held = place.change("ch-1").held
    assert held is not None
    assert held.waits_for == ("window",)
    assert held.opens == place.now.replace(hour=22)
    place.fire("ch-1", "turn")
    assert place.now == held.opens
    assert place.change("ch-1").status == "running"


def test_a_change_in_the_queue_that_comes_late_for_the_window_waits_for_the_next() -> None:
    place = town(NIGHT)
    place.wait(timedelta(hours=13))
    apply(place, "ch-1", planned(place))
    apply(place, "ch-2", planned(place, "configure", values={"n": 1}))
    until_over(place)
    held = place.change("ch-2").held
    assert held is not None
    assert held.waits_for == ("window",)


def until_over(place: Town) -> None:
    """Let the first change fail late, after its window has closed."""
    while not place.change("ch-1").is_over:
        if place.sent:
            place.answer_all()
        elif place.change("ch-1").step == "observe":
            place.wait(timedelta(hours=3))
            place.see("blog", "ch-1")
        else:
            state = place.change("ch-1")
            place.report("ch-1", str(state.step), "blog", undo=state.undo)


def test_what_is_gone_meanwhile_ends_a_change_that_waits() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    place.given(
        foreign.organization_ref("acme"), env1.OrganizationSuspended(slug="acme", reason="unpaid")
    )
    approve(place, ADMIN)
    approve(place, person("vi"))
    assert "suspended: unpaid" in place.change("ch-1").reason
    assert place.sent == []
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    gone = env1.EnvironmentDeleted(environment=plans.PROD, organization="acme")
    place.given(foreign.environment_ref("acme", plans.PROD), gone)
    approve(place, ADMIN)
    assert place.change("ch-1").reason == "the Environment acme-prod is gone"


@pytest.mark.guarantee("G14.11")
@pytest.mark.parametrize("noticed", ["by an approval", "by itself within a day"])
def test_nobody_is_asked_to_approve_what_was_planned_for_another_environment_than_there_is(
    noticed: str,
) -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    free = env1.PolicyAttached(environment=plans.PROD, policy=None)
    place.given(foreign.environment_ref("acme", plans.PROD), free)
    begun = place.now
    if noticed == "by an approval":
        approve(place, ADMIN)
    else:
        place.fire("ch-1", TURN)
    assert place.now - begun <= timedelta(days=1)
    state = place.change("ch-1")
    assert (state.status, state.begun) == ("failed", ())
    words = "plan-stale: the Environment acme-prod has other regions, another branch or another pol"
    assert state.reason.startswith(words)


@pytest.mark.guarantee("G14.11")
def test_a_policy_that_changes_is_judged_once_all_that_was_asked_for_is_there() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    less = env2.PolicyDefined(policy="gate", approvals=(env1.Approval(quorum=1),), windows=())
    place.given(foreign.policy_ref("acme", "gate"), less)
    place.fire("ch-1", TURN)
    approve(place, ADMIN)
    assert place.change("ch-1").status == "waiting"
    approve(place, person("vi"))
    assert place.change("ch-1").status == "running"


def test_a_change_that_is_looked_at_late_waits_no_longer_than_it_may() -> None:
    place = town(approvals=ANY_TWO)
    apply(place, "ch-1", planned(place))
    ref, begun = change_ref("acme", "ch-1"), place.now
    place.wait(turn.PATIENCE - timedelta(hours=3))
    place.hear(ref, Fired(timer=TURN, gen=place.change("ch-1").gen))
    assert place.timers[ref, TURN].due == begun + turn.PATIENCE
    place.fire("ch-1", TURN)
    assert place.change("ch-1").status == "failed"
