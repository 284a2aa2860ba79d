"""What a plan, and its refusal, tells those who may not see everything."""

import msgspec
import pytest
from tests.support.planning import Others, install, known, plan, wiki
from tests.support.plans import ADMIN, DEVELOPER, PROD, apply, command, run, town

from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import applying, foreign
from catalyst.provisioning.domain.change import change_ref

CANCEL = pro1.CancelChange(reason="stop")
ROOT = Actor(name="user:x#root", roles=frozenset({"sovereign-admin"}), proven=True)

pytestmark = pytest.mark.guarantee("G23.1")


async def test_inputs_that_a_plan_does_not_have_tell_nothing_of_what_they_name() -> None:
    """A guess at a Blueprint that the platform keeps for itself is answered like any other."""
    place, others = town(), Others()
    known(place)
    wiki(others)
    secret = blue1.VersionRegistered(
        name="bp-secret",
        origin="sovereign",
        version="1.0.0",
        digest=f"sha256:{'1' * 64}",
        size=1,
        spec={},
        source="own",
    )
    place.given(foreign.blueprint_ref("acme", "sovereign", "bp-secret"), secret)
    fresh = await plan(place, others, install())
    told = []
    for name in ("bp-secret", "bp-nothing"):
        key = f"blueprint:sovereign-{name}@1.0.0"
        guessed = msgspec.structs.replace(fresh, inputs={**fresh.inputs, key: "guess"})
        with pytest.raises(Rejected) as caught:
            place.command(change_ref("acme", "ch-1"), command(guessed), DEVELOPER, facts=fresh)
        assert caught.value.code == "plan-stale"
        told.append(caught.value.errors[0].message.replace(name, ""))
    assert told[0] == told[1]


async def test_whoever_deletes_from_outside_sees_what_goes_and_reads_no_file() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    apply(place, "ch-0", await plan(place, others, install()))
    run(place, "ch-0")
    for name in ("wiki", "wiki-postgres"):
        admitted = env1.ApplicationAdmitted(environment=PROD, application=name)
        place.given(foreign.environment_ref("acme", PROD), admitted)
    request = PlanRequest(action="delete-environment", environment=PROD)
    others.money["credit"] = [{"currency": "OMR", "minor": 48_000}]
    outside = await plan(place, others, request, ROOT)
    assert [name for _, name, _ in others.asked].count("open-money") == 0
    inside = await plan(place, others, request, ADMIN)
    assert {one.diff for one in outside.files} == {""}
    assert all(one.diff for one in inside.files)
    assert [one.path for one in outside.files] == [one.path for one in inside.files]
    assert (outside.hash, outside.goes) == (inside.hash, inside.goes)
    assert set(inside.stays) - set(outside.stays) == {"credit: 48.000 OMR left"}


async def test_whom_an_action_is_not_for_is_not_told_why_it_cannot_be_planned() -> None:
    """The reasons name what runs inside; the plan is not even made."""
    place, others = town(), Others()
    known(place)
    wiki(others)
    found = await plan(place, others, install())
    others.asked.clear()
    for by, request in (
        (ROOT, found.request),
        (DEVELOPER, PlanRequest(action="delete-environment", environment=PROD)),
        (ADMIN, PlanRequest(action="delete-organization")),
    ):
        given = msgspec.structs.replace(command(found), request=request)
        with pytest.raises(Rejected) as caught:
            await applying.prepare(given, change_ref("acme", "ch-1"), by, place.now, others)
        assert caught.value.code == "forbidden"
    assert others.asked == []


async def test_a_sovereign_admin_may_stop_a_deletion_and_hears_of_no_other_change() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    apply(place, "ch-1", await plan(place, others, install()))
    told = []

    def stopped(name: str) -> None:
        with pytest.raises(Rejected) as caught:
            place.command(change_ref("acme", name), CANCEL, ROOT)
        told.append((caught.value.code, caught.value.message.replace(name, "")))

    stopped("ch-1")
    stopped("ch-2")
    run(place, "ch-1")
    assert place.change("ch-1").is_over
    stopped("ch-1")
    assert set(told) == {("change-not-found", "there is no change ''")}
    request = PlanRequest(action="delete-environment", environment=PROD)
    apply(place, "ch-3", await plan(place, others, request, ADMIN), ADMIN)
    # Nothing runs there, so it deletes already: the rule of every change answers, and tells why.
    with pytest.raises(Rejected) as caught:
        place.command(change_ref("acme", "ch-3"), CANCEL, ROOT)
    assert caught.value.code == "change-past-return"
