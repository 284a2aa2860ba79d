"""Room for Applications: what a plan tells of it, held while a change is in flight, used after."""

import pytest
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, known, plan, wiki
from tests.support.plans import PROD, apply, run, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G14.15")

HOME = foreign.environment_ref("acme", PROD)
GATE = foreign.policy_ref("acme", "gate")
CONFIGURE = PlanRequest(
    action="configure", environment=PROD, application="wiki", values={"logLevel": "debug"}
)


@pytest.fixture
def others() -> Others:
    """Return a catalogue that knows the wiki with its database, and a cache alone."""
    found = Others()
    wiki(found)
    found.locks["redis"] = [entry("redis", "bp-redis", "1.2.1")]
    return found


@pytest.fixture
def place() -> Town:
    """Return `acme` with every Blueprint, under a policy that demands nothing."""
    found = town()
    known(found)
    found.given(HOME, env1.PolicyAttached(environment=PROD, policy="gate"))
    limit(found, None)
    return found


def limit(place: Town, applications: int | None) -> None:
    place.given(GATE, env2.PolicyDefined(policy="gate", applications_max=applications))


def admitted(place: Town, *names: str) -> None:
    for name in names:
        place.given(HOME, env1.ApplicationAdmitted(environment=PROD, application=name))


def told(found: Plan) -> tuple[int, ...]:
    """Return limit, used, held and after."""
    return tuple(found.quota[f"applications_{name}"] for name in ("limit", "used", "held", "after"))


async def test_without_a_limit_a_plan_only_counts(place: Town, others: Others) -> None:
    admitted(place, "blog")
    found = await plan(place, others, install())
    assert found.quota == {"applications": 1, "applications_after": 3}
    assert found.blocked_by == ()
    apply(place, "ch-1", await plan(place, others, install("redis")))
    run(place, "ch-1")
    last = await plan(
        place, others, PlanRequest(action="uninstall", environment=PROD, application="redis")
    )
    assert last.quota == {"applications": 1, "applications_after": 0}


async def test_what_a_change_in_flight_was_admitted_for_is_held_and_used_once_it_is_over(
    place: Town, others: Others
) -> None:
    limit(place, 4)
    admitted(place, "blog")
    first = await plan(place, others, install())
    assert told(first) == (4, 1, 0, 3)
    apply(place, "ch-1", first)
    admitted(place, "wiki", "wiki-postgres")
    full = await plan(place, others, install("redis"))
    assert (told(full), full.blocked_by) == ((4, 1, 2, 4), ())
    run(place, "ch-1")
    assert place.change("ch-1").status == "completed"
    assert told(await plan(place, others, install("redis"))) == (4, 3, 0, 4)
    # A configuration is in flight, and holds nothing: the room is used already.
    again = await plan(place, others, CONFIGURE)
    assert told(again) == (4, 3, 0, 3)
    apply(place, "ch-2", again)
    assert told(await plan(place, others, install("redis"))) == (4, 3, 0, 4)
    removal = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    run(place, "ch-2")
    assert told(await plan(place, others, removal)) == (4, 3, 0, 2)


async def test_a_full_environment_is_told_beforehand_and_refuses_who_is_new_alone(
    place: Town, others: Others
) -> None:
    apply(place, "ch-1", await plan(place, others, install()))
    run(place, "ch-1")
    admitted(place, "wiki", "wiki-postgres")
    limit(place, 2)
    found = await plan(place, others, install("redis"))
    told = [(one.code, one.message) for one in found.blocked_by]
    sentence = f"{PROD} takes 2 Applications at most: 2 are used, 0 are held, and 1 more would come"
    assert told == [("quota-exceeded", sentence)]
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-2", found)
    assert (caught.value.code, caught.value.message) == ("quota-exceeded", sentence)
    # Lowered below what is there, it keeps nobody who is.
    limit(place, 1)
    assert (await plan(place, others, CONFIGURE)).blocked_by == ()
    removal = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    assert (await plan(place, others, removal)).blocked_by == ()
    limit(place, None)
    assert (await plan(place, others, install("redis"))).blocked_by == ()


@pytest.mark.guarantee("G14.1")
async def test_neither_the_limit_nor_what_is_held_moves_the_hash(
    place: Town, others: Others
) -> None:
    before = await plan(place, others, install())
    limit(place, 9)
    limited = await plan(place, others, install())
    admitted(place, "blog")
    full = await plan(place, others, install())
    assert before.hash == limited.hash == full.hash
    assert before.quota != limited.quota != full.quota


async def test_a_refusal_ends_the_change_and_leaves_nothing(place: Town, others: Others) -> None:
    apply(place, "ch-1", await plan(place, others, install()))
    database, target = place.sent
    assert isinstance(target.send.command, env1.AdmitApplication)
    assert database.send.command == env1.AdmitApplication(
        application="wiki-postgres", together=("wiki",), change="ch-1"
    )
    assert target.send.command.together == ("wiki-postgres",)
    place.answer(database)
    words = "the policy 'gate' lets 2 Applications into 'acme-prod': 1 are used or held, and 2 more"
    place.answer(target, "quota-exceeded", words)
    place.sent[:2] = []
    assert place.change("ch-1").status == "undoing"
    assert place.application("wiki").is_held(PROD)
    run(place, "ch-1")
    state = place.change("ch-1")
    assert (state.status, state.reason) == ("failed", f"refused: quota-exceeded: {words}")
    assert state.begun == ("admit",)
    assert not place.application("wiki").is_held(PROD)
    assert place.events(pro1.ChangeFailed)[0].left == ()
