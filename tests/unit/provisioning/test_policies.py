"""A change under several policies at once: that of each Environment which goes counts."""

from datetime import timedelta

import msgspec
import pytest
from tests.support import build, planning
from tests.support.changing import Town
from tests.support.planning import Others, known, plan
from tests.support.plans import ADMIN, OWNERS, apply

from catalyst.chassis import clock
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain import foreign

WHOLE = PlanRequest(action="delete-organization")
ROOT = msgspec.structs.replace(ADMIN, roles=frozenset({"sovereign-admin"}))
ACME = foreign.organization_ref("acme")
ALWAYS = env1.Window(effect="allow", rrule="FREQ=DAILY;BYHOUR=0", duration_minutes=24 * 60)
NEVER = env1.Window(effect="deny", rrule="FREQ=DAILY;BYHOUR=0", duration_minutes=24 * 60)
TEN, NOON = (
    env1.Window(effect="allow", rrule=f"FREQ=DAILY;BYHOUR={hour}", duration_minutes=9 * 60)
    for hour in (11, 13)
)
"""Closed when these tests begin, at ten, and open at the same time later."""


KINDS: dict[env1.EnvType, str] = {"dev": "develop", "prod": "main"}


@pytest.fixture(autouse=True)
def _ten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever plans have the time of the town."""
    monkeypatch.setattr(clock, "now", lambda: build.NOW)


def two(first: env1.Window, second: env1.Window) -> tuple[Town, Others]:
    """Return `acme` with two Environments, each under a policy with one of these windows."""
    place, others = Town(), Others()
    known(place)
    others.goes = [
        planning.goes(f"{what}{kind}")
        for what in ("environment:acme-", "policy:for-")
        for kind in KINDS
    ]
    place.given(
        ACME,
        build.organization_created(owners=OWNERS),
        env1.OrganizationReady(slug="acme"),
        *(env1.EnvironmentAdded(slug="acme", environment=f"acme-{kind}") for kind in KINDS),
        *(env1.PolicyAdded(slug="acme", policy=f"for-{kind}") for kind in KINDS),
    )
    for (kind, branch), window in zip(KINDS.items(), (first, second), strict=True):
        created = env1.EnvironmentCreated(
            environment=f"acme-{kind}",
            organization="acme",
            env_type=kind,
            placement="single-region",
            regions=(env1.Region(provider="hetzner", region="fsn", building_block="rtz"),),
            branch=branch,
            policy=f"for-{kind}",
        )
        place.given(foreign.environment_ref("acme", f"acme-{kind}"), created)
        policy = env2.PolicyDefined(policy=f"for-{kind}", windows=(window,))
        place.given(foreign.policy_ref("acme", f"for-{kind}"), policy)
    return place, others


@pytest.mark.guarantee("G14.8")
@pytest.mark.parametrize(
    ("first", "second", "hours"),
    [
        (TEN, ALWAYS, 1),
        (ALWAYS, TEN, 1),
        (TEN, NOON, 3),
        (NOON, TEN, 3),
        (TEN, NEVER, None),
        (NEVER, TEN, None),
    ],
)
async def test_one_closed_window_holds_it_back_and_the_last_to_open_is_told(
    first: env1.Window, second: env1.Window, hours: int | None
) -> None:
    place, others = two(first, second)
    opens = None if hours is None else place.now + timedelta(hours=hours)
    found = await plan(place, others, WHOLE, ROOT)
    assert (found.gates.opening.open, found.gates.opening.next) == (False, opens)

    apply(place, "ch-1", found, ROOT)

    state = place.change("ch-1")
    assert state.held is not None
    assert (state.status, state.held.waits_for) == ("waiting", ("window",))
    assert state.held.opens == opens
    if opens is not None:
        place.fire("ch-1", "turn")
        assert place.now == opens
        assert place.change("ch-1").status == "running"


async def test_two_open_windows_hold_nothing_back() -> None:
    place, others = two(ALWAYS, ALWAYS)
    found = await plan(place, others, WHOLE, ROOT)
    assert found.gates.opening.open
    apply(place, "ch-1", found, ROOT)
    assert place.change("ch-1").status == "running"


@pytest.mark.guarantee("G14.7")
async def test_a_suspended_organization_can_still_be_deleted_at_once_or_after_waiting() -> None:
    suspended = env1.OrganizationSuspended(slug="acme", reason="unpaid")
    for waits in (False, True):
        place, others = two(TEN if waits else ALWAYS, ALWAYS)
        if not waits:
            place.given(ACME, suspended)
        found = await plan(place, others, WHOLE, ROOT)
        assert found.blocked_by == ()
        apply(place, "ch-1", found, ROOT)
        if waits:
            place.given(ACME, suspended)
            place.fire("ch-1", "turn")
        assert (place.change("ch-1").status, place.change("ch-1").reason) == ("running", "")
        assert not place.events(pro1.ChangeFailed)
