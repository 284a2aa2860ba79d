"""A plan is applied once, while it is fresh, and begins as what was approved."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing
from tests.support.changing import Town
from tests.support.planning import Others, install, known, plan, running, wiki
from tests.support.plans import ADMIN, DEVELOPER, PROD, apply, command, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import AHEAD, LIFETIME


@pytest.mark.guarantee("G14.2")
async def test_what_moves_between_planning_again_and_deciding_is_seen() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    fresh = await plan(place, others, install())
    place.given(
        foreign.environment_ref("acme", PROD),
        env1.EnvironmentUpdated(
            environment=PROD,
            placement="single-region",
            regions=(env1.Region(provider="hetzner", region="hel", building_block="rtz"),),
        ),
    )
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", fresh)
    assert caught.value.code == "plan-stale"
    assert [e.pointer for e in caught.value.errors] == [f"/data/inputs/environment:{PROD}"]


@pytest.mark.guarantee("G14.2")
async def test_prices_of_the_same_day_that_came_since_are_seen_whatever_they_are_called() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)

    def priced(version: str) -> None:
        start = billing.book().start - timedelta(days=365)
        book = msgspec.structs.replace(billing.book(), version=version, start=start)
        place.given(foreign.PRICE_BOOK, bill1.PriceBookApplied(content=book, digest="x"))

    priced("second-of-april")
    fresh = await plan(place, others, install())
    priced("corrected")
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", fresh)
    assert caught.value.code == "plan-stale"
    assert [e.pointer for e in caught.value.errors] == ["/data/inputs/price-book:default"]
    assert "is corrected now" in caught.value.errors[0].message


async def test_a_commit_names_the_namespace_that_its_files_have() -> None:
    names = {}
    for cluster in ("hz-fsn-rtz-prod", "hz-fsn-rtz-dev"):
        place, others = town(), Others()
        known(place)
        wiki(others)
        region = env1.Region(
            provider="hetzner", region="fsn", building_block="rtz", host_cluster=cluster
        )
        moved = env1.EnvironmentUpdated(
            environment=PROD, placement="single-region", regions=(region,)
        )
        place.given(foreign.environment_ref("acme", PROD), moved)
        await running(place, others)
        names[cluster] = [one.namespace for one in place.events(app1.RevisionCommitted)]
    assert names == {
        "hz-fsn-rtz-prod": ["", ""],
        "hz-fsn-rtz-dev": ["wiki-postgres--prod", "wiki--prod"],
    }


async def test_a_plan_that_is_too_old_is_refused() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    found = await plan(place, others, install())
    place.wait(found.expires - place.now + timedelta(seconds=1))
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert (caught.value.code, caught.value.errors[0].pointer) == ("plan-expired", "/data/expires")


@pytest.mark.guarantee("G14.2")
async def test_no_plan_lives_longer_than_it_was_given_to() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    found = await plan(place, others, install())
    most = place.now + LIFETIME + AHEAD
    longer = msgspec.structs.replace(found, expires=most + timedelta(microseconds=1))
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", longer)
    assert (caught.value.code, caught.value.errors[0].pointer) == ("expiry-far", "/data/expires")
    apply(place, "ch-1", msgspec.structs.replace(found, expires=most))


async def test_the_id_of_a_change_is_used_once() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    found = await plan(place, others, install())
    apply(place, "ch-1", found)
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "change-exists"


def gated(*, quorum: int = 0) -> tuple[Town, Others]:
    """Return `acme` with a policy that asks for approvals, and a catalogue that knows the wiki."""
    place, others = town(approvals=(env1.Approval(quorum=quorum),) if quorum else ()), Others()
    known(place)
    wiki(others)
    return place, others


def tighten(place: Town) -> None:
    """Let the policy ask for two approvals of admins."""
    asked = (env1.Approval(team="org-admin", quorum=2),)
    place.given(
        foreign.policy_ref("acme", "gate"), env2.PolicyDefined(policy="gate", approvals=asked)
    )


def approve(place: Town) -> Any:
    """Approve what waits, as an admin; return what that is told to have come to."""
    content = place.change("ch-1").content()
    sent = pro1.ApproveChange(hash=content.hash)
    return place.command(change_ref("acme", "ch-1"), sent, ADMIN).result


@pytest.mark.guarantee("G14.5")
async def test_a_change_does_not_begin_under_a_gate_that_was_opened_before_it_was_tightened() -> (
    None
):
    place, others = gated(quorum=1)
    apply(place, "ch-1", await plan(place, others, install()))
    assert place.change("ch-1").status == "waiting"
    tighten(place)
    told = approve(place)
    (failed,) = place.events(pro1.ChangeFailed)
    assert failed.reason.startswith("plan-stale: the EnvironmentPolicy gate asks for other appro")
    assert told == {"change": "ch-1", "status": "failed", "reason": failed.reason}
    assert place.change("ch-1").begun == ()


@pytest.mark.guarantee("G14.5")
async def test_a_policy_that_asks_for_no_more_than_was_given_keeps_nobody() -> None:
    place, others = gated(quorum=1)
    apply(place, "ch-1", await plan(place, others, install()))
    place.given(foreign.policy_ref("acme", "gate"), env2.PolicyDefined(policy="gate"))
    assert approve(place) == {"change": "ch-1", "status": "running"}
    assert place.change("ch-1").status == "running"


async def test_what_goes_may_go_whatever_became_of_its_blueprint() -> None:
    place, others = gated(quorum=1)
    await running(place, others)
    attached = env1.PolicyAttached(environment=PROD, policy="gate")
    place.given(foreign.environment_ref("acme", PROD), attached)
    request = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    apply(place, "ch-1", await plan(place, others, request))
    place.given(
        foreign.blueprint_ref("acme", "public", "bp-wiki"),
        blue1.BlueprintWithdrawn(name="bp-wiki", origin="public", reason="old"),
        blue1.VersionYanked(name="bp-wiki", origin="public", version="2.0.1", reason="broken"),
    )
    approve(place)
    assert place.change("ch-1").status == "running"


async def test_a_plan_is_applied_for_what_it_was_made_for_under_an_id_that_can_be_one() -> None:
    place, others = gated()
    found = await plan(place, others, install())
    with pytest.raises(Rejected) as caught:
        apply(place, "-1", found)
    assert (caught.value.code, caught.value.errors[0].pointer) == ("invalid-id", "/subject")
    other = msgspec.structs.replace(command(found), request=install(values={"logLevel": "debug"}))
    with pytest.raises(Rejected) as caught:
        place.command(change_ref("acme", "ch-1"), other, DEVELOPER, facts=found)
    told = (caught.value.code, [one.pointer for one in caught.value.errors])
    assert told == ("plan-stale", ["/data/request"])


@pytest.mark.guarantee("G14.2")
async def test_a_version_that_was_yanked_while_its_change_waited_is_not_installed() -> None:
    place, others = gated(quorum=1)
    apply(place, "ch-1", await plan(place, others, install()))
    place.given(
        foreign.blueprint_ref("acme", "public", "bp-wiki"),
        blue1.VersionYanked(name="bp-wiki", origin="public", version="2.0.1", reason="broken"),
    )
    approve(place)
    (failed,) = place.events(pro1.ChangeFailed)
    assert "bp-wiki 2.0.1 was available, and is yanked now; plan it again" in failed.reason


async def test_what_was_ordered_and_does_not_run_yet_is_said_to_be_on_its_way() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)

    async def again() -> str:
        with pytest.raises(Rejected) as caught:
            await plan(place, others, install())
        assert caught.value.code == "application-exists"
        return caught.value.message

    apply(place, "ch-1", await plan(place, others, install()))
    assert await again() == f"wiki is on its way to {PROD} already"
    run(place, "ch-1")
    assert await again() == f"wiki runs in {PROD} already"


@pytest.mark.guarantee("G14.23")
def test_a_plan_is_carried_out_once_even_if_nothing_is_left_of_that() -> None:
    place = town()
    found = planned(place, priced=False)
    apply(place, "ch-1", found)
    place.command(change_ref("acme", "ch-1"), pro1.CancelChange(reason="no"), DEVELOPER)
    while not place.change("ch-1").is_over:
        place.answer_all()
    again = planned(place, priced=False)
    assert again.hash == found.hash
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-2", found)
    told = [(one.pointer, one.message) for one in caught.value.errors]
    words = "ch-1 was made of this plan already; plan it again"
    assert (caught.value.code, told) == ("plan-stale", [("/data/hash", words)])
    assert place.change("ch-2").status == "absent"
    # The same once more is another plan.
    apply(place, "ch-2", again)
    assert place.change("ch-2").status == "running"


def test_a_plan_that_was_refused_is_not_used_up() -> None:
    place = town()
    found = planned(place, priced=False)
    with pytest.raises(Rejected):
        apply(place, "-1", found)
    apply(place, "ch-1", found)
    assert place.change("ch-1").status == "running"


def test_a_plan_is_known_for_as_long_as_it_may_be_carried_out() -> None:
    place = town()
    found = planned(place, priced=False)
    apply(place, "ch-1", found)
    (claim,) = place.claims
    until = place.claims[claim].until
    assert until is not None
    assert until > found.expires + AHEAD
    assert claim.organization == "acme"
