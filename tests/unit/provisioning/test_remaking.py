"""Who approves a change sees its plan: made again as it was, or told why it cannot be."""

from collections.abc import Mapping
from typing import Final

import msgspec
import pytest
from tests.support import planning
from tests.support.changing import Town
from tests.support.otherwise import made_otherwise
from tests.support.planning import Others, configure, install, known, plan, remade, running
from tests.support.plans import ADMIN, DEVELOPER, PROD, apply, town

from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign, moved
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G14.21")

HOME: Final = foreign.environment_ref("acme", PROD)
GATE: Final = foreign.policy_ref("acme", "gate")
ONE: Final = (env1.Approval(quorum=1),)
OFFICER: Final = Actor(
    name="user:x#sam", email="sam@x.example", roles=frozenset({"security-officer"}), proven=True
)
TOLD: Final = (
    *("quota", "gates", "risks", "dependents", "goes", "stays", "idle", "dependencies", "files"),
)
"""What a plan says besides what its hash rests on."""


async def gated(others: Others, *, runs: bool) -> Town:
    """Return `acme`, where a change waits for one approval; maybe the wiki runs there."""
    place = town(approvals=ONE)
    known(place)
    if runs:
        await running(place, others)
        for name in ("wiki", "wiki-postgres"):
            place.given(HOME, env1.ApplicationAdmitted(environment=PROD, application=name))
        place.given(HOME, env1.PolicyAttached(environment=PROD, policy="gate"))
    return place


def moves(place: Town, others: Others) -> None:
    """Let everything move that a plan rests on."""
    region = env1.Region(provider="hetzner", region="hel", building_block="rtz")
    place.given(
        HOME,
        env1.EnvironmentUpdated(
            environment=PROD, placement="single-region", regions=(region, region)
        ),
    )
    place.given(GATE, env2.PolicyDefined(policy="gate", approvals=(env1.Approval(quorum=2),)))
    for name, version in planning.PACKAGES:
        yanked = blue1.VersionYanked(name=name, origin="public", version=version, reason="broken")
        place.given(foreign.blueprint_ref("acme", "public", name), yanked)
    suspended = env1.OrganizationSuspended(slug="acme", reason="unpaid")
    place.given(foreign.organization_ref("acme"), suspended)
    others.monthly, others.credit = 9_000, 1
    others.locks.clear()


def told(found: Plan) -> dict[str, bytes]:
    """Return each thing that a plan tells, as its bytes."""
    parts = {name: getattr(found, name) for name in (*TOLD, "inputs", "lock", "steps", "desired")}
    price = found.price
    parts["price"] = price and (price.quote, price.delta)
    return {name: msgspec.json.encode(part) for name, part in parts.items()}


REQUESTS: Final[Mapping[str, tuple[bool, PlanRequest]]] = {
    "an install": (False, install()),
    "a configuration": (True, configure(values={"logLevel": "debug"})),
    "a removal": (
        True,
        PlanRequest(action="uninstall", environment=PROD, application="wiki", keep_data=False),
    ),
    "the end of an Environment": (True, PlanRequest(action="delete-environment", environment=PROD)),
}


@pytest.mark.parametrize("what", REQUESTS)
async def test_the_plan_of_a_change_is_made_again_byte_for_byte_whatever_moved_since(
    others: Others, what: str
) -> None:
    runs, request = REQUESTS[what]
    place = await gated(others, runs=runs)
    first = await plan(place, others, request, ADMIN)
    assert first.files
    assert first.risks or not runs
    then = place.copy()
    apply(place, "ch-1", first, ADMIN)
    assert place.change("ch-1").status == "waiting"
    moves(place, others)
    found = await remade(place, then, others)
    assert (found.change, found.hash, found.missing) == ("ch-1", first.hash, ())
    assert found.plan is not None
    assert told(found.plan) == told(first)
    assert (found.plan.hash, found.plan.blocked_by) == (first.hash, ())


async def test_what_costs_nothing_is_made_again_as_well(others: Others) -> None:
    others.free = {"wiki", "wiki-postgres"}
    place = await gated(others, runs=False)
    first = await plan(place, others, install())
    then = place.copy()
    apply(place, "ch-1", first)
    assert place.change("ch-1").content().quote is None
    found = await remade(place, then, others)
    assert found.plan is not None
    assert (found.plan.hash, found.plan.price) == (first.hash, None)


async def test_an_installation_that_moved_shows_the_plan_that_it_had(others: Others) -> None:
    """As `catalyst up` at another port."""
    place = await gated(others, runs=False)
    then = place.copy()
    first = await plan(place, others, install())
    apply(place, "ch-1", first)
    found = await remade(place, then, others, git_url="https://elsewhere.example")
    assert found.plan is not None
    assert found.plan.hash == first.hash
    assert any("https://elsewhere.example/git/" in one.diff for one in found.plan.files)


async def test_what_comes_out_otherwise_is_not_shown_and_told(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a later version of Catalyst, which makes other files of the same."""
    place = await gated(others, runs=False)
    then = place.copy()
    apply(place, "ch-1", await plan(place, others, install()))
    made_otherwise(monkeypatch)
    found = await remade(place, then, others)
    assert (found.plan, found.missing) == (None, ("its files come out otherwise than planned",))


async def test_of_a_deletion_is_told_what_came_or_went_since(others: Others) -> None:
    place = await gated(others, runs=False)
    request = PlanRequest(action="delete-environment", environment=PROD)
    then = place.copy()
    apply(place, "ch-1", await plan(place, others, request, ADMIN), ADMIN)
    others.goes = [planning.goes("host:wiki.example")]
    found = await remade(place, then, others)
    assert found.plan is None
    assert found.missing == (
        f"environment {PROD} has gone, or does not go with it any more",
        "host wiki.example would go too, and was not planned",
    )


async def test_what_cannot_be_read_now_may_be_asked_again(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await gated(others, runs=False)
    then = place.copy()
    apply(place, "ch-1", await plan(place, others, install()))
    planning.READY.clear()
    monkeypatch.setattr(planning, "CONTENTS", {})
    with pytest.raises(Rejected) as caught:
        await remade(place, then, others)
    assert caught.value.code == "unavailable"


WHO: Final[Mapping[str, tuple[Actor, bool]]] = {
    "an admin": (ADMIN, True),
    "its author": (DEVELOPER, True),
    "a security-officer": (OFFICER, True),
    "whoever runs the platform": (
        Actor(name="user:x#root", roles=frozenset({"sovereign-admin"}), proven=True),
        False,
    ),
    "a viewer": (Actor(name="user:x#vi", roles=frozenset({"org-viewer"}), proven=True), False),
}


@pytest.mark.guarantee("G23.1")
@pytest.mark.parametrize("who", WHO)
async def test_a_plan_is_shown_to_who_is_asked_or_plans_there_and_nobody_else(
    others: Others, who: str
) -> None:
    by, shown = WHO[who]
    place = await gated(others, runs=False)
    then = place.copy()
    apply(place, "ch-1", await plan(place, others, install()))
    if shown:
        found = await remade(place, then, others, by)
        assert found.plan is not None
        assert all(one.diff for one in found.plan.files)
        return
    with pytest.raises(Rejected) as caught:
        await remade(place, then, others, by)
    assert (caught.value.code, caught.value.message) == (
        *("change-not-found", "there is no change 'ch-1'"),
    )


@pytest.mark.guarantee("G23.1")
async def test_an_officer_sees_a_change_only_while_it_asks_for_one(others: Others) -> None:
    place = town(approvals=(env1.Approval(team="org-admin", quorum=1),))
    known(place)
    then = place.copy()
    apply(place, "ch-1", await plan(place, others, install()))
    with pytest.raises(Rejected, match="there is no change 'ch-1'"):
        await remade(place, then, others, OFFICER)
    place = await gated(others, runs=False)
    then = place.copy()
    apply(place, "ch-1", await plan(place, others, install()))
    assert (await remade(place, then, others, OFFICER)).plan is not None
    hash_ = place.change("ch-1").content().hash
    place.command(change_ref("acme", "ch-1"), pro1.ApproveChange(hash=hash_), OFFICER)
    assert place.change("ch-1").status == "running"
    with pytest.raises(Rejected, match="there is no change 'ch-1'"):
        await remade(place, then, others, OFFICER)
    # Who is of the Organization looks at what was approved later, too.
    assert (await remade(place, then, others)).plan is not None


WORDS: Final[Mapping[tuple[str, str | None, str | None], str]] = {
    ("application:blog@acme-prod", "ch-1#a", "ch-2#b"): (
        "blog in acme-prod was what ch-1 makes of it, and is what ch-2 makes of it now"
    ),
    ("application:blog@acme-prod", "none#a", "ch-2#b"): (
        "blog in acme-prod did not run, and is what ch-2 makes of it now"
    ),
    ("application:blog@acme-prod", "ch-1#a", "none#b"): (
        "blog in acme-prod was what ch-1 makes of it, and is not to run now"
    ),
    ("application:blog@acme-prod", "ch-1#a", "ch-1#b"): (
        "blog in acme-prod is needed by others than planned, or runs elsewhere in another way"
    ),
    ("application:blog@acme-prod", None, "ch-1#b"): (
        "blog in acme-prod is part of it now, and was not planned"
    ),
    ("application:blog@acme-prod", "ch-1#b", None): "blog in acme-prod is no part of it any more",
    ("blueprint:public-bp-wiki@2.0.1", "2.0.1 available#a", "2.0.1 yanked#a"): (
        "bp-wiki 2.0.1 was available, and is yanked now"
    ),
    ("blueprint:public-bp-wiki@2.0.1", "2.0.1 available#a", "gone"): "bp-wiki 2.0.1 is gone",
    ("organization:acme", "ready#a", "suspended#b"): (
        "the Organization acme was ready, and is suspended now"
    ),
    ("environments:acme", "1#a", "2#b"): "the Environments of acme were 1, and are 2 now",
    ("environments:acme", "1#a", "1#b"): "the Environments of acme are others than planned",
    ("environment:acme-prod", "prod#a", "prod#b"): (
        "the Environment acme-prod has other regions, another branch or another policy than planned"
    ),
    ("environment:acme-prod", "prod#a", "gone#b"): "the Environment acme-prod is gone",
    ("policy:gate", "defined#a", "defined#b"): (
        "the EnvironmentPolicy gate asks for other approvals than planned, or has other windows"
    ),
    ("price-book:default", "2026-03", "2026-04"): (
        "the price book was 2026-03, and is 2026-04 now"
    ),
    ("price", "main 2026-03#a", "main 2026-04#a"): "its price is another one than planned",
    ("lock", "a", "b"): "its versions are others than planned, or use others",
    ("goes:host:x.example", None, "listed"): "host x.example would go too, and was not planned",
    ("moon", "a", "b"): "moon was a, and is b now",
}


@pytest.mark.guarantee("G14.2")
@pytest.mark.parametrize("case", WORDS)
def test_whatever_moved_is_said_in_words(case: tuple[str, str | None, str | None]) -> None:
    assert moved.words(*case) == WORDS[case]


def test_only_what_moved_is_said() -> None:
    then, now = {"files": "a", "lock": "a"}, {"files": "a", "lock": "b"}
    assert moved.between(then, now) == ("its versions are others than planned, or use others",)


KINDS: Final = {"files", *(name.partition(":")[0] for name, *_ in WORDS)}


@pytest.mark.guarantee("G14.2")
async def test_every_kind_of_input_has_words(others: Others) -> None:
    place = await gated(others, runs=True)
    requests = (
        configure(values={"logLevel": "debug"}, plan="s"),
        PlanRequest(action="delete-environment", environment=PROD),
    )
    for request in requests:
        for name in (await plan(place, others, request, ADMIN)).inputs:
            assert name.partition(":")[0] in KINDS
            assert moved.subject(name) != name
