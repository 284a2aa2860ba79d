"""A plan says where its commit tells clusters another address of a repository."""

from typing import Final

import msgspec
import pytest
from tests.support.changing import Town
from tests.support.planning import GIT_URL, Others, configure, install, plan, remade, running
from tests.support.plans import PROD, apply, run

from catalyst.contracts import environment_v1 as env1
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G27.15")

ELSEWHERE: Final = "https://elsewhere.example"
DEBUG: Final = configure(values={"logLevel": "debug"})


def told(found: Plan) -> list[str]:
    return [one.message for one in found.risks if one.kind == "address"]


def words(now: str, before: str) -> list[str]:
    moved = "clusters find the repository of wiki at another address afterwards"
    return [f"{moved}: {now} instead of {before}"]


async def test_it_is_said_once_and_is_no_part_of_what_was_planned(
    place: Town, others: Others
) -> None:
    assert told(await running(place, others)) == []
    here = await plan(place, others, DEBUG)
    assert told(here) == []
    there = await plan(place, others, DEBUG, git_url=ELSEWHERE)
    assert told(there) == words(ELSEWHERE, GIT_URL)
    assert there.hash == here.hash
    # Applied by the plan of before the move: it is what stands there by then that counts.
    apply(place, "ch-1", msgspec.structs.replace(here, address=there.address))
    run(place, "ch-1")
    assert place.change("ch-1").status == "completed"
    info = configure(values={"logLevel": "info"})
    assert told(await plan(place, others, info, git_url=ELSEWHERE)) == []
    assert told(await plan(place, others, info)) == words(GIT_URL, ELSEWHERE)


async def test_who_approves_sees_it_as_well(place: Town, others: Others) -> None:
    await running(place, others)
    then = place.copy()
    first = await plan(place, others, DEBUG)
    apply(place, "ch-1", first)
    found = await remade(place, then, others, git_url=ELSEWHERE)
    assert found.plan is not None
    assert found.plan.hash == first.hash
    assert told(found.plan) == words(ELSEWHERE, GIT_URL)


async def test_nothing_is_said_of_what_was_committed_before_it_was_kept(
    place: Town, others: Others
) -> None:
    free = env1.PolicyAttached(environment=PROD, policy=None)
    place.given(foreign.environment_ref("acme", PROD), free)
    found = await plan(place, others, install())
    apply(place, "ch-0", msgspec.structs.replace(found, address=""))
    run(place, "ch-0")
    assert place.change("ch-0").status == "completed"
    assert told(await plan(place, others, DEBUG, git_url=ELSEWHERE)) == []
