"""What stands in a plan's way leads on to its cause, and none of that is promised."""

from datetime import timedelta

import msgspec
import pytest
from tests.support.build import NOW
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, known, plan, running
from tests.support.plans import ADMIN, DEVELOPER, PROD, apply, town
from tests.unit.provisioning.test_deleting import deleting

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.blocked_blueprint import of_hidden, of_source, of_version
from catalyst.contracts.blocked_environment import of_obstacle
from catalyst.contracts.blueprint_values_v1 import Missing
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.plan import Blocker, Plan

ACME = foreign.organization_ref("acme")
MISSING = (Missing(blueprint="bp-db", version="^2"),)
WAITS = [
    *of_version("bp-wiki", "2.0.1", MISSING, (), NOW),
    *of_source("main", "refused", "git refused it", 3, NOW),
]


def chains(found: Plan) -> dict[str, list[tuple[str, str, str]]]:
    """Return what is behind each blocker, which says who can do something, and what."""
    for one in found.blocked_by:
        assert one.chain, one
        assert all(link.who and link.what_to_do and link.message for link in one.chain)
    return {
        one.code: [(link.kind, link.name, link.code) for link in one.chain]
        for one in found.blocked_by
    }


@pytest.mark.guarantee("G13.7")
async def test_a_plan_waits_for_a_blueprint_up_to_the_source_that_is_not_read(
    place: Town, others: Others
) -> None:
    others.waits = [*WAITS]
    found = await plan(place, others, install())
    assert chains(found) == {
        "not-solvable": [
            ("blueprint", "bp-db", "dependency-missing"),
            ("source", "main", "refused"),
        ]
    }
    assert (found.lock, found.steps, found.price) == ((), (), None)
    assert "git refused it" in found.blocked_by[0].chain[-1].message
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "not-solvable"


@pytest.mark.guarantee("G13.7", "G14.2")
async def test_neither_a_chain_nor_a_time_in_it_makes_a_plan_stale(
    place: Town, others: Others
) -> None:
    others.waits = [*WAITS]
    found = await plan(place, others, install())
    later = NOW + timedelta(days=1)
    moved = [msgspec.structs.replace(link, since=later) for link in WAITS]
    for waits in (moved, moved[:1]):
        others.waits = waits
        again = await plan(place, others, install())
        assert again.blocked_by != found.blocked_by
        assert (again.hash, again.inputs) == (found.hash, found.inputs)
    # What waited has come: there is something to choose now, so it is another plan.
    others.waits = []
    assert (await plan(place, others, install())).hash != found.hash


async def test_what_can_never_be_is_refused_and_not_planned(place: Town, others: Others) -> None:
    others.locks = {}
    with pytest.raises(Rejected) as caught:
        await plan(place, others, install())
    assert caught.value.code == "version-refused"
    assert [name for _, name, _ in others.asked] == ["solve"]


@pytest.mark.guarantee("G13.7")
async def test_an_organization_that_stands_still_says_who_lets_it_go_on(
    place: Town, others: Others
) -> None:
    place.given(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))
    place.given(ACME, env1.OrganizationFailed(slug="acme", step="ready", reason="x"))
    assert chains(await plan(place, others, install())) == {
        "organization-suspended": [("organization", "acme", "organization-suspended")],
        "organization-failed": [("onboarding", "acme", "organization-failed")],
    }


@pytest.mark.guarantee("G13.7")
async def test_money_says_whose_account_it_is(place: Town, others: Others) -> None:
    others.credit, others.limited = 1, "the month may cost 1 OMR"
    assert chains(await plan(place, others, install())) == {
        "credit-insufficient": [("account", "acme", "credit-insufficient")],
        "spend-limit-reached": [("account", "acme", "spend-limit-reached")],
    }


@pytest.mark.guarantee("G13.7")
async def test_a_team_without_people_names_the_policy(others: Others) -> None:
    place = town(approvals=(env1.Approval(team="platform", quorum=1),))
    known(place)
    found = await plan(place, others, install())
    assert chains(found) == {
        "approvals-impossible": [("approval", "platform", "approvals-impossible")]
    }
    (policy,) = (name.partition(":")[2] for name in found.inputs if name.startswith("policy:"))
    assert policy in found.blocked_by[0].chain[0].message


@pytest.mark.guarantee("G13.7")
async def test_room_that_is_only_held_names_what_holds_it(others: Others) -> None:
    place = town(approvals=(env1.Approval(quorum=1),))
    known(place)
    others.locks["redis"] = [entry("redis", "bp-redis", "1.2.1")]
    apply(place, "ch-1", await plan(place, others, install()))
    home = foreign.environment_ref("acme", PROD)
    for name in ("wiki", "wiki-postgres"):
        place.given(home, env1.ApplicationAdmitted(environment=PROD, application=name))
    policy = place.state(home).policy
    rules = env2.PolicyDefined(policy=policy, applications_max=2)
    place.given(foreign.policy_ref("acme", policy), rules)
    found = await plan(place, others, install("redis"))
    assert chains(found)["quota-exceeded"] == [
        ("policy", policy, "quota-exceeded"),
        ("application", "wiki", "room-held"),
        ("application", "wiki-postgres", "room-held"),
    ]


@pytest.mark.guarantee("G13.7")
async def test_another_change_in_the_way_is_named(place: Town, others: Others) -> None:
    there, asked = await deleting()
    assert chains(await plan(there, asked, install("redis"), ADMIN)) == {
        "environment-going": [("change", "ch-1", "environment-going")]
    }
    await running(place, others)
    removal = PlanRequest(action="uninstall", environment=PROD, application="wiki-postgres")
    found = await plan(place, others, removal)
    assert chains(found) == {"application-needed": [("application", "wiki", "application-needed")]}


@pytest.mark.guarantee("G13.7")
@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        ("organization-suspended", "organization", "acme"),
        ("onboarding-in-progress", "onboarding", "acme"),
        ("children-present", "organization", "acme"),
        ("too-large", "environment", PROD),
    ],
)
async def test_what_stands_in_the_way_of_a_deletion_says_who_and_what(
    place: Town, others: Others, code: str, kind: str, name: str
) -> None:
    others.stopped = [{"code": code, "message": "because: of it", "names": []}]
    request = PlanRequest(action="delete-environment", environment=PROD)
    assert chains(await plan(place, others, request, ADMIN)) == {code: [(kind, name, code)]}
    (link,) = of_obstacle("too-large", "", "", "acme")
    assert (link.kind, link.name) == ("organization", "acme")


def test_a_plan_of_before_has_no_chain_and_can_be_read() -> None:
    old = {"code": "too-large", "message": "m", "names": ()}
    assert msgspec.convert(old, Blocker).chain == ()


async def test_who_runs_catalyst_is_not_sent_to_who_runs_it(place: Town, others: Others) -> None:
    runner = msgspec.structs.replace(DEVELOPER, roles=DEVELOPER.roles | {SOVEREIGN_ADMIN})
    others.waits = [of_hidden("bp-wiki")]
    assert chains(await plan(place, others, install()))["not-solvable"][-1][2] == "not-shown"
    with pytest.raises(Rejected) as caught:
        await plan(place, others, install(), by=runner)
    assert (caught.value.code, caught.value.message) == ("not-solvable", "nothing fits yet")
    # Since when one of their sources is not read is news to them as well.
    others.waits = [of_hidden("bp-wiki", NOW)]
    found = await plan(place, others, install(), by=runner)
    assert chains(found)["not-solvable"] == [("source", "platform", "not-shown")]
