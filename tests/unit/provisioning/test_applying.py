"""A plan is applied once, and while it is fresh."""

from datetime import timedelta

import pytest
from tests.support.planning import Others, install, known, plan, wiki
from tests.support.plans import PROD, apply, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign


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


async def test_a_plan_that_is_too_old_is_refused() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    found = await plan(place, others, install())
    place.wait(found.expires - place.now + timedelta(seconds=1))
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "plan-expired"


async def test_the_id_of_a_change_is_used_once() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    found = await plan(place, others, install())
    apply(place, "ch-1", found)
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "change-exists"
