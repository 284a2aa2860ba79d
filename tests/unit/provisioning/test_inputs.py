"""What a plan rests on, and no more; what was yanked is not brought back, and is told."""

import asyncio
from collections.abc import Callable
from copy import deepcopy

import msgspec
import pytest
from tests.support import planning
from tests.support.changing import Town
from tests.support.planning import Others, install, known, plan, wiki
from tests.support.plans import ADMIN, PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.decision import Actor
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.plan import Plan

ACME = foreign.organization_ref("acme")
HOME = foreign.environment_ref("acme", PROD)
GATE = foreign.policy_ref("acme", "gate")
ROOT = msgspec.structs.replace(ADMIN, roles=frozenset({"sovereign-admin"}))
DELETION = PlanRequest(action="delete-organization")


async def upgraded() -> tuple[Town, Others]:
    """Let the wiki run in 2.1.1, after it ran in 2.0.1."""
    place, others = town(), Others()
    known(place)
    wiki(others)
    apply(place, "ch-0", await plan(place, others, install()))
    run(place, "ch-0")
    others.locks["wiki"] = [
        planning.entry("wiki-postgres", "bp-postgres", "16.9.1", "shared"),
        planning.entry("wiki", "bp-wiki", "2.1.1", postgres="wiki-postgres"),
    ]
    apply(place, "ch-1", await plan(place, others, of("upgrade")))
    run(place, "ch-1")
    return place, others


@pytest.fixture(scope="module")
def made() -> tuple[Town, Others]:
    return asyncio.run(upgraded())


@pytest.fixture
def place(made: tuple[Town, Others]) -> Town:
    """Return `acme`, in which the wiki runs, and every Blueprint."""
    return made[0].copy()


@pytest.fixture
def others(made: tuple[Town, Others]) -> Others:
    """Return a catalogue that knows the wiki."""
    return deepcopy(made[1])


def of(action: str, **more: object) -> PlanRequest:
    """Return a request about the wiki."""
    content = {"action": action, "environment": PROD, "application": "wiki", **more}
    return msgspec.convert(content, PlanRequest)


def yank(place: Town, name: str, version: str) -> None:
    """Yank a version as broken."""
    place.given(
        foreign.blueprint_ref("acme", "public", name),
        blue1.VersionYanked(name=name, origin="public", version=version, reason="it leaks"),
    )


def told(found: Plan) -> list[str]:
    """Return what a plan says of yanked versions."""
    return [risk.message for risk in found.risks if risk.kind == "yanked"]


ONE_MORE: dict[str, tuple[PlanRequest, Actor, Callable[[bool], bool]]] = {
    "a configuration": (of("configure", values={"logLevel": "debug"}), ADMIN, lambda same: same),
    "a removal": (of("uninstall"), ADMIN, lambda same: same),
    "the end of all": (DELETION, ROOT, lambda same: not same),
}


@pytest.mark.guarantee("G14.1")
@pytest.mark.parametrize("what", ONE_MORE)
async def test_one_more_environment_matters_only_to_what_deletes_them_all(
    place: Town, others: Others, what: str
) -> None:
    request, by, right = ONE_MORE[what]
    before = await plan(place, others, request, by)
    place.given(ACME, env1.EnvironmentAdded(slug="acme", environment="acme-dev"))
    after = await plan(place, others, request, by)
    assert right(before.hash == after.hash)
    assert right(before.inputs == after.inputs)


@pytest.mark.guarantee("G14.1")
async def test_the_end_of_an_onboarding_makes_no_plan_stale_and_its_failure_does(
    place: Town, others: Others
) -> None:
    request = of("configure", values={"logLevel": "debug"})
    hashes = []
    for event in (
        env1.OnboardingRestarted(slug="acme", run=2),
        env1.OrganizationReady(slug="acme"),
        env1.OrganizationFailed(slug="acme", step="git-home", reason="no room"),
    ):
        place.given(ACME, event)
        hashes.append((await plan(place, others, request)).hash)
    assert (hashes[0] == hashes[1], hashes[1] == hashes[2]) == (True, False)


async def test_the_end_of_an_organization_says_what_becomes_of_its_money(
    place: Town, others: Others
) -> None:
    (line,) = [x for x in (await plan(place, others, DELETION, ROOT)).stays if "account" in x]
    assert "credit that is left after it is not paid out" in line
    assert not [x for x in (await plan(place, others, of("uninstall"))).stays if "account" in x]


async def test_a_rollback_does_not_bring_back_what_was_yanked(place: Town, others: Others) -> None:
    assert (await plan(place, others, of("rollback"))).lock[-1].version == "2.0.1"
    yank(place, "bp-wiki", "2.0.1")
    with pytest.raises(Rejected, match="it was yanked: it leaks") as caught:
        await plan(place, others, of("rollback"))
    assert caught.value.code == "version-refused"


async def test_a_yank_is_told_in_every_plan_of_what_runs_it_or_needs_it(
    place: Town, others: Others
) -> None:
    request = of("configure", values={"logLevel": "debug"})
    assert told(await plan(place, others, request)) == []
    yank(place, "bp-postgres", "16.9.1")
    yank(place, "bp-wiki", "2.1.1")
    assert told(await plan(place, others, request)) == [
        "wiki-postgres runs bp-postgres 16.9.1, which was yanked: it leaks",
        "wiki runs bp-wiki 2.1.1, which was yanked: it leaks",
    ]
    # Back to other values of the very version that runs.
    apply(place, "ch-2", await plan(place, others, request))
    run(place, "ch-2")
    assert len(told(await plan(place, others, of("rollback")))) == 2


def gated(place: Town) -> None:
    """Let there be a policy that asks for nothing."""
    place.given(HOME, env1.PolicyAttached(environment=PROD, policy="gate"))
    place.given(GATE, env2.PolicyDefined(policy="gate"))


def elsewhere(place: Town) -> None:
    """Let the wiki run in another Environment, too."""
    desired = place.application("wiki").binding(PROD).desired
    there = app1.DesiredSet(environment="acme-dev", change="ch-9", desired=desired)
    place.given(application_ref("acme", "wiki"), there)


NIGHT = env1.Window(effect="allow", rrule="FREQ=DAILY;BYHOUR=22", duration_minutes=120)
FIELDS: dict[str, tuple[PlanRequest, Callable[[Town], None]]] = {
    "the windows of its policy": (
        of("configure", values={"logLevel": "debug"}),
        lambda place: place.given(GATE, env2.PolicyDefined(policy="gate", windows=(NIGHT,))),
    ),
    "that its Blueprint was withdrawn": (
        of("configure", values={"logLevel": "debug"}),
        lambda place: place.given(
            foreign.blueprint_ref("acme", "public", "bp-wiki"),
            blue1.BlueprintWithdrawn(name="bp-wiki", origin="public", reason="x"),
        ),
    ),
    "that what it shares was yanked": (
        of("configure", values={"logLevel": "debug"}),
        lambda place: yank(place, "bp-postgres", "16.9.1"),
    ),
    "that it runs elsewhere as well": (of("uninstall"), elsewhere),
}


@pytest.mark.guarantee("G14.1", "G14.2")
@pytest.mark.parametrize("what", FIELDS)
async def test_what_moves_within_an_input_moves_the_hash_and_makes_the_plan_stale(
    place: Town, others: Others, what: str
) -> None:
    request, move = FIELDS[what]
    gated(place)
    before = await plan(place, others, request)
    move(place)
    assert (await plan(place, others, request)).hash != before.hash
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-2", before)
    assert caught.value.code == "plan-stale"


def test_of_a_blueprint_is_folded_only_what_a_plan_rests_on() -> None:
    told = blue1.VersionPublished(name="bp-wiki", origin="public", version="2.1.1")
    assert foreign.evolve_blueprint(foreign.Blueprint(), told) == foreign.Blueprint()
