"""While an Environment goes nothing begins in it; what stands in the way of its end is named."""

from typing import Any

import msgspec
import pytest
from tests.support import build, planning
from tests.support.changing import Town
from tests.support.planning import Others, install, known, plan, wiki
from tests.support.plans import ADMIN, PROD, apply, locked, run, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Deletion, PlanRequest
from catalyst.provisioning.domain import foreign, removal_plan
from catalyst.provisioning.domain.change import change_ref

pytestmark = pytest.mark.guarantee("G14.7")

END = PlanRequest(action="delete-environment", environment=PROD)
ACME = foreign.organization_ref("acme")
ROOT = msgspec.structs.replace(ADMIN, roles=frozenset({"sovereign-admin"}))
HOME = foreign.environment_ref("acme", PROD)
LATE = env1.ApplicationAdmitted(environment=PROD, application="redis")


async def deleting(*approvals: env1.Approval) -> tuple[Town, Others]:
    """Return `acme` whose Environment, in which the wiki runs, is to be deleted by `ch-1`."""
    place, others = town(approvals=approvals), Others()
    known(place)
    wiki(others)
    others.locks["redis"] = [planning.entry("redis", "bp-redis", "1.2.1", "target")]
    apply(place, "ch-0", await plan(place, others, install()))
    if approvals:
        approve(place, "ch-0")
    run(place, "ch-0")
    for name in ("wiki", "wiki-postgres"):
        place.given(HOME, env1.ApplicationAdmitted(environment=PROD, application=name))
    apply(place, "ch-1", await plan(place, others, END, ADMIN), ADMIN)
    return place, others


def approve(place: Town, name: str) -> None:
    """Approve a change as somebody else."""
    other = msgspec.structs.replace(
        ADMIN, name="user:https://id.example#vi", email="vi@acme.example"
    )
    content = place.change(name).content()
    place.command(change_ref("acme", name), pro1.ApproveChange(hash=content.hash), other)


def report(place: Town, **more: Any) -> None:
    """Let the effect of the last step report."""
    command = pro1.ReportStep(step="delete", **more)
    place.command(change_ref("acme", "ch-1"), command, build.service("provisioning"))


def blockers(found: Any) -> list[str]:
    return [item.code for item in found.blocked_by]


async def test_nothing_is_planned_for_an_environment_that_is_being_deleted() -> None:
    place, others = await deleting()
    for request in (install("redis"), END):
        found = await plan(place, others, request, ADMIN)
        assert blockers(found) == ["environment-going"]
        assert "being deleted by ch-1" in found.blocked_by[0].message


async def test_a_deletion_that_waits_keeps_nobody_and_does_not_begin_once_something_came() -> None:
    place, others = await deleting(env1.Approval(quorum=1))
    assert place.change("ch-1").status == "waiting"
    assert blockers(await plan(place, others, install("redis"))) == []
    place.given(HOME, LATE)
    approve(place, "ch-1")
    state = place.change("ch-1")
    assert (state.status, state.begun) == ("failed", ())
    assert state.reason == f"plan-stale: redis came to {PROD} since; plan it again"


@pytest.mark.parametrize("keep_data", [True, False])
async def test_a_deletion_goes_on_past_an_install_that_was_stopped_before_it(
    *, keep_data: bool
) -> None:
    place, others = town(), Others()
    known(place)
    others.locks["postgres"] = [planning.entry("postgres", "bp-postgres", "16.9.1", "target")]
    apply(place, "ch-0", await plan(place, others, install("postgres")))
    place.given(HOME, env1.ApplicationAdmitted(environment=PROD, application="postgres"))
    end = msgspec.structs.replace(END, keep_data=keep_data)
    apply(place, "ch-1", await plan(place, others, end, ADMIN), ADMIN)
    assert place.change("ch-1").status == "waiting"
    cancel = pro1.CancelChange(reason="changed my mind")
    place.command(change_ref("acme", "ch-0"), cancel, ADMIN)
    place.given(HOME, env1.ApplicationReleased(environment=PROD, application="postgres"))
    run(place, "ch-0")
    # Nothing stands in Git: there is no data to be given up, and nothing to commit.
    assert place.change("ch-1").completed == (() if keep_data else ("unprotect",))
    done = pro1.ReportStep(step="commit", application="postgres", status="done")
    place.command(change_ref("acme", "ch-1"), done, build.service("provisioning"))
    run(place, "ch-1")
    assert (place.change("ch-1").step, place.change("ch-1").reason) == ("delete", "")
    assert not place.application("postgres").bindings


async def ending() -> Town:
    """Return `acme` in the last step of a deletion."""
    place, _ = await deleting()
    run(place, "ch-1")
    assert place.change("ch-1").step == "delete"
    return place


async def test_what_stands_in_the_way_of_the_last_step_ends_it_at_once_and_is_named() -> None:
    place = await ending()
    words = f"refused: applications-present: Applications stand in it: {PROD}/redis"
    report(place, status="failed", detail=words, code="applications-present", attempt=1)
    state = place.change("ch-1")
    assert (state.status, state.left) == ("failed", (f"delete: {words}",))
    assert len([x for x in place.events(pro1.ChangeStepStarted) if x.step == "delete"]) == 1


async def test_organizations_below_stand_in_the_way_of_the_whole_one_in_the_same_words() -> None:
    place, others = await deleting()
    words = "other Organizations stand below it: labs"
    others.stopped = [{"code": "children-present", "message": words, "names": ["labs"]}]
    found = await plan(place, others, PlanRequest(action="delete-organization"), ROOT)
    assert ("children-present", words) in [(one.code, one.message) for one in found.blocked_by]


async def test_a_plan_that_has_moved_is_made_again_and_any_other_refusal_is_final() -> None:
    place = await ending()
    planned = Deletion(request={}, inputs={}, hash="0" * 64, expires=place.now)
    for attempt, code in enumerate(("plan-stale", "plan-expired", "applications-present"), 1):
        assert place.change("ch-1").attempt == attempt
        report(place, status="done", deletion=planned, attempt=attempt)
        place.answer(place.sent.pop(), code)
    assert place.change("ch-1").status == "failed"


@pytest.mark.parametrize("told", ["planned", "asked"])
async def test_what_is_gone_already_needs_no_deletion(told: str) -> None:
    place = await ending()
    if told == "planned":
        report(place, status="failed", detail="refused", code="environment-not-found", attempt=1)
    else:
        planned = Deletion(request={}, inputs={}, hash="0" * 64, expires=place.now)
        report(place, status="done", deletion=planned, attempt=1)
        place.answer(place.sent.pop(), "environment-not-found")
    assert place.change("ch-1").status == "completed"


def deletion(place: Town, *names: str) -> Deletion:
    """Return a plan of the last step that lists these."""
    inputs = {name: "1" for name in names if not name.startswith("host:")}
    return Deletion(request={}, inputs=inputs, hash="0" * 64, expires=place.now, goes=names)


async def test_what_was_not_planned_is_not_deleted_and_is_named_with_all_that_is_left() -> None:
    place = await ending()
    found = deletion(place, "environment:acme-dev", f"environment:{PROD}", "host:x.example")
    for _ in range(2):
        report(place, status="done", deletion=found, attempt=1)
    state = place.change("ch-1")
    words = "environment acme-dev, host x.example would go too, and was not planned; plan it again"
    assert (state.status, state.reason) == ("failed", f"plan-stale: {words}")
    assert state.left == ("environment acme-dev", f"environment {PROD}")
    assert place.sent == []
    (failed,) = place.events(pro1.ChangeStepFailed)
    assert (failed.step, failed.code) == ("delete", "plan-stale")


@pytest.mark.parametrize("names", [(), (f"environment:{PROD}",)])
async def test_what_has_gone_since_it_was_planned_stands_in_nobodys_way(
    names: tuple[str, ...],
) -> None:
    place = await ending()
    report(place, status="done", deletion=deletion(place, *names), attempt=1)
    (sent,) = place.sent
    assert isinstance(sent.send.command, env1.ApplyEnvironmentDeletion)
    place.answer(place.sent.pop())
    assert place.change("ch-1").status == "completed"


async def test_a_whole_organization_is_deleted_by_who_owns_it_as_it_was_planned() -> None:
    place, others = town(), Others()
    whole = PlanRequest(action="delete-organization")
    apply(place, "ch-1", await plan(place, others, whole, ROOT), ROOT)
    assert place.change("ch-1").step == "delete"
    found = deletion(place, f"environment:{PROD}")
    report(place, status="done", deletion=found, attempt=1)
    (sent,) = place.sent
    assert sent.send.ref == ACME
    assert sent.send.command == env1.ApplyOrganizationDeletion(
        request=found.request, inputs=found.inputs, hash=found.hash, expires=found.expires
    )
    place.answer(place.sent.pop())
    assert place.change("ch-1").status == "completed"


@pytest.mark.parametrize(
    ("came", "named"),
    [
        (env1.EnvironmentAdded(slug="acme", environment="acme-dev"), "environment acme-dev"),
        (env1.PolicyAdded(slug="acme", policy="strict"), "policy strict"),
    ],
)
async def test_a_deletion_does_not_begin_once_something_came_to_the_organization(
    came: Any, named: str
) -> None:
    place, others = town(approvals=(env1.Approval(quorum=1),)), Others()
    place.given(ACME, env1.PolicyAdded(slug="acme", policy="gate"))
    others.goes.append(planning.goes("policy:gate"))
    whole = PlanRequest(action="delete-organization")
    before = await plan(place, others, whole, ROOT)
    others.goes.append(planning.goes("policy:strict"))
    after = await plan(place, others, whole, ROOT)
    assert set(after.inputs.items()) - set(before.inputs.items()) == {
        ("goes:policy:strict", "listed")
    }
    assert before.hash != after.hash
    apply(place, "ch-1", before, ROOT)
    assert place.change("ch-1").status == "waiting"
    place.given(ACME, came)
    approve(place, "ch-1")
    state = place.change("ch-1")
    assert (state.status, state.begun) == ("failed", ())
    assert state.reason == f"plan-stale: {named} came since; plan it again"


async def test_the_plan_of_an_end_names_the_open_money_and_its_hash_does_not_know_it() -> None:
    place, others = town(), Others()
    whole = PlanRequest(action="delete-organization")
    before = await plan(place, others, whole, ROOT)
    assert [words for words in before.stays if "log" in words] == ["every event stays in the log"]
    four, one, none = ({"currency": "OMR", "minor": minor} for minor in (4000, 1000, 0))
    owing = {"total": four, "prepaid": one, "credit": one, "open": {**one, "minor": 2000}}
    settled = {"total": four, "prepaid": four, "credit": none, "open": none}
    others.money = {
        "credit": [four],
        "holds": [{"name": "ch-7", "amount": four}],
        "unpaid": [{"name": "2026-02", "amount": four}],
        "running": [
            {"month": "2026-03", "amounts": [owing, settled], "problem": ""},
            {"month": "2026-04", "amounts": [], "problem": "no price for x"},
        ],
    }
    after = await plan(place, others, whole, ROOT)
    assert after.hash == before.hash
    assert set(after.goes) - set(before.goes) == {
        "credit: 4.000 OMR left, not paid out after the last invoice",
        "hold ch-7: 4.000 OMR set aside",
    }
    bill = "invoice 2026-03: 4.000 OMR until now, to be invoiced once the Organization is deleted; "
    paid, credit = ("1.000", "is paid already"), ("1.000", "comes from credit")
    parts = (paid, credit, ("2.000", "has to be paid then"))
    assert set(after.stays) - set(before.stays) == {
        "invoice 2026-02: 4.000 OMR to be paid",
        bill + ", ".join(f"{part} OMR of it {how}" for part, how in parts),
        f"{bill}4.000 OMR of it is paid already, nothing more has to be paid",
        "invoice 2026-04: what it costs until now is unknown: no price for x",
    }


def test_what_is_too_much_for_one_change_is_told_by_its_plan() -> None:
    many = [locked(f"app-{number}") for number in range(65)]
    assert removal_plan._too_many(many) == ()
    (blocker,) = removal_plan._too_many([*many, locked("one-more")])
    assert (blocker.code, "uninstall some" in blocker.message) == ("too-large", True)
    used = [locked(f"app-{number}", a="x", b="y") for number in range(40)]
    assert [item.code for item in removal_plan._too_many(used)] == ["too-large"]
