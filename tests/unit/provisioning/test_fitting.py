"""What needs another one fits it, however the changes end that are under way, and on the way back.

The catalogue is scripted here: what it is not asked, it cannot refuse.
"""

from typing import Any

import msgspec
import pytest
from tests.support import plans, ranges
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, known, plan
from tests.support.plans import PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Idle, Plan

pytestmark = pytest.mark.guarantee("G14.20")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Town:
    ranges.stocked(monkeypatch)
    found = town(approvals=(env1.Approval(quorum=1),))
    known(found)
    found.given(
        foreign.environment_ref("acme", PROD), env1.PolicyAttached(environment=PROD, policy=None)
    )
    return found


@pytest.fixture
def others() -> Others:
    return Others()


class Story:
    """Changes one after the other, each with the lock that the catalogue finds for it."""

    def __init__(self, place: Town, others: Others) -> None:
        self.place, self.others = place, others

    async def plan(self, action: str, name: str, *lock: dict[str, Any], **more: Any) -> Plan:
        """Return a plan; without a lock the catalogue finds none."""
        self.others.locks = {name: list(lock)} if lock else {}
        if action == "install":
            return await plan(self.place, self.others, install(name, blueprint="bp-shop", **more))
        asked = PlanRequest(action=action, environment=PROD, application=name, **more)  # type: ignore[arg-type]
        return await plan(self.place, self.others, asked)

    def begin(self, change: str, found: Plan) -> None:
        """Apply a plan, and leave it at that."""
        apply(self.place, change, found)

    async def done(self, change: str, action: str, name: str, *lock: dict[str, Any]) -> None:
        """Apply a plan, and let it come true."""
        self.begin(change, await self.plan(action, name, *lock))
        run(self.place, change)
        assert self.place.change(change).status == "completed"


def shop(version: str, name: str = "shop") -> dict[str, Any]:
    return entry(name, "bp-shop", version, store="store")


def store(version: str, role: str = "shared") -> dict[str, Any]:
    return entry("store", "bp-store", version, role)


@pytest.fixture
async def story(place: Town, others: Others) -> Story:
    """A shop 1.1.0 runs with its store 1.0.0."""
    found = Story(place, others)
    await found.done("ch-0", "install", "shop", store("1.0.0", "new"), shop("1.0.0"))
    await found.done("ch-1", "upgrade", "shop", store("1.0.0"), shop("1.1.0"))
    return found


def codes(found: Plan) -> list[tuple[str, str]]:
    """Return what stands in the way, and behind which change."""
    return [(one.code, one.chain[0].name) for one in found.blocked_by]


# ---- the way back


async def test_a_rollback_asks_nobody_as_long_as_all_fits(story: Story) -> None:
    found = await story.plan("rollback", "shop")
    assert found.desired[f"shop.{PROD}"].version == "1.0.0"


async def test_a_rollback_does_not_bring_back_what_its_dependency_has_outgrown(
    story: Story,
) -> None:
    await story.done("ch-2", "upgrade", "store", store("2.0.0", "target"))
    with pytest.raises(Rejected, match="nothing fits"):
        await story.plan("rollback", "shop")
    # The catalogue is asked for the very version, and may know a way.
    asked = story.others.asked[-1][2]
    assert (asked["application"], asked["version"]) == ("shop", "1.0.0")


async def test_a_dependency_does_not_go_back_behind_what_needs_it(story: Story) -> None:
    await story.done("ch-2", "upgrade", "store", store("2.0.0", "target"))
    assert (await story.plan("rollback", "store")).blocked_by == ()
    await story.done("ch-3", "upgrade", "shop", store("2.0.0"), shop("2.0.0"))
    with pytest.raises(Rejected, match="nothing fits"):
        await story.plan("rollback", "store")
    asked = story.others.asked[-1][2]
    assert (asked["application"], asked["version"]) == ("store", "1.0.0")


async def test_what_came_along_with_an_upgrade_goes_back_with_it_as_it_was(story: Story) -> None:
    quiet, loud = {"level": "quiet"}, {"level": "loud"}
    story.begin("ch-2", await story.plan("configure", "store", values=quiet))
    run(story.place, "ch-2")
    await story.done("ch-3", "upgrade", "shop", store("2.0.0", "upgraded"), shop("2.0.0"))
    story.begin("ch-4", await story.plan("configure", "store", values=loud))
    run(story.place, "ch-4")
    back = store("1.0.0", "upgraded"), shop("1.0.0")
    found = await story.plan("rollback", "shop", *back, revision="ch-0")
    desired = found.desired[f"store.{PROD}"]
    assert (desired.version, desired.values) == ("1.0.0", quiet)
    assert [one.message for one in found.risks if one.kind == "data-loss"] == [
        f"{name} goes from 2.0.0 back to {version}: data that the newer version wrote may not be"
        " understood by the older one"
        for name, version in (("shop", "1.0.0"), ("store", "1.0.0"))
    ]
    story.begin("ch-5", found)
    run(story.place, "ch-5")
    assert story.place.change("ch-5").status == "completed"


@pytest.mark.guarantee("G24.6")
async def test_what_comes_along_with_an_upgrade_keeps_what_was_asked_for_it(story: Story) -> None:
    ran = story.place.application("store").binding(PROD).desired
    assert ran is not None
    own = msgspec.structs.replace(ran, dependencies={"disk": "disk"}, own={"disk": True})
    now = app1.DesiredSet(environment=PROD, change="ch-0", desired=own)
    story.place.given(application_ref("acme", "store"), now)
    along = {**store("2.0.0", "upgraded"), "dependencies": {"disk": "disk"}}
    found = await story.plan("upgrade", "shop", along, shop("2.0.0"))
    assert found.desired[f"store.{PROD}"].own == {"disk": True}
    assert found.desired[f"shop.{PROD}"].own == {"store": False}


# ---- changes under way


async def test_what_is_only_coming_is_not_built_upon(place: Town, others: Others) -> None:
    story = Story(place, others)
    first = await story.plan("install", "shop", store("1.0.0", "new"), shop("1.1.0"))
    story.begin("ch-0", first)
    found = await story.plan("install", "kiosk", store("1.0.0"), shop("1.1.0", "kiosk"))
    assert codes(found) == [("dependency-unsettled", "ch-0")]
    message = found.blocked_by[0].message
    assert message.startswith("kiosk needs store ^1 || ^2, and ch-0 works on store: plan again")
    assert message.endswith("; a store of its own is another way")
    assert found.blocked_by[0].own_copy == "store"
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "dependency-unsettled"
    assert [one.own_copy for one in caught.value.errors] == ["store"]
    # What waits for that very change itself begins only if it came true.
    configured = await story.plan("configure", "shop", values={"level": "loud"})
    assert configured.blocked_by == ()
    run(place, "ch-0")
    found = await story.plan("install", "kiosk", store("1.0.0"), shop("1.1.0", "kiosk"))
    assert found.blocked_by == ()
    apply(place, "ch-1", found)


async def test_a_version_that_may_be_taken_back_is_built_upon_by_what_fits_both(
    story: Story,
) -> None:
    story.begin("ch-2", await story.plan("upgrade", "store", store("2.0.0", "target")))
    either = await story.plan("install", "kiosk", store("2.0.0"), shop("1.1.0", "kiosk"))
    assert either.blocked_by == ()
    later = await story.plan("upgrade", "shop", store("2.0.0"), shop("2.0.0"))
    assert codes(later) == [("dependency-unsettled", "ch-2")]
    run(story.place, "ch-2")
    assert (await story.plan("upgrade", "shop", store("2.0.0"), shop("2.0.0"))).blocked_by == ()


async def test_a_version_waits_for_whoever_needs_the_one_before_if_its_change_ends_badly(
    story: Story,
) -> None:
    await story.done("ch-2", "upgrade", "store", store("2.0.0", "target"))
    story.begin("ch-3", await story.plan("upgrade", "shop", store("2.0.0"), shop("2.0.0")))
    found = await story.plan("upgrade", "store", store("3.0.0", "target"))
    assert codes(found) == [("dependency-unsettled", "ch-3")]
    assert "shop needs store" in found.blocked_by[0].message
    run(story.place, "ch-3")
    assert (await story.plan("upgrade", "store", store("3.0.0", "target"))).blocked_by == ()


async def test_a_version_is_planned_on_those_who_need_it(story: Story) -> None:
    found = await story.plan("upgrade", "store", store("2.0.0", "target"))
    assert f"application:shop@{PROD}" in found.inputs
    back = await story.plan("rollback", "shop")
    apply(story.place, "ch-2", back)
    with pytest.raises(Rejected) as caught:
        apply(story.place, "ch-3", found)
    assert (caught.value.code, f"shop in {PROD}" in caught.value.message) == (
        "plan-stale",
        True,
    )
    # Other values of the same version are nobody's affair.
    run(story.place, "ch-2")
    configured = await story.plan("configure", "store", values={"level": "loud"})
    assert f"application:shop@{PROD}" not in configured.inputs


# ---- who may need it still


@pytest.mark.guarantee("G14.7")
async def test_what_may_be_needed_again_does_not_go(story: Story) -> None:
    story.begin("ch-3", await story.plan("uninstall", "shop"))
    found = await story.plan("uninstall", "store")
    assert codes(found) == [("dependency-unsettled", "ch-3")]
    assert "ch-3 works on shop" in found.blocked_by[0].message
    with pytest.raises(Rejected) as caught:
        apply(story.place, "ch-4", found)
    assert caught.value.code == "dependency-unsettled"
    newer = await story.plan("upgrade", "store", store("3.0.0", "target"))
    assert codes(newer) == [("dependency-unsettled", "ch-3")]
    run(story.place, "ch-3")
    gone = await story.plan("uninstall", "store")
    assert (gone.blocked_by, gone.dependents) == ((), ())
    apply(story.place, "ch-4", gone)


@pytest.mark.guarantee("G14.7")
async def test_what_goes_and_comes_again_does_not_go_once_more_from_under_who_brings_it(
    story: Story,
) -> None:
    await story.done("ch-2", "uninstall", "shop")
    story.begin("ch-3", await story.plan("uninstall", "store"))
    back = store("1.0.0", "new"), shop("1.1.0")
    story.begin("ch-4", await story.plan("install", "shop", *back))
    run(story.place, "ch-3")
    assert story.place.change("ch-4").status == "running"
    found = await story.plan("uninstall", "store")
    assert [one.code for one in found.blocked_by] == ["application-needed"]
    run(story.place, "ch-4")
    assert story.place.change("ch-4").status == "completed"


async def test_what_is_on_its_way_out_is_told_with_what_takes_it_out(story: Story) -> None:
    story.begin("ch-2", await story.plan("uninstall", "shop"))
    for action in ("configure", "uninstall"):
        with pytest.raises(Rejected, match="any more once ch-2 is over") as caught:
            await story.plan(action, "shop")
        assert caught.value.code == "application-not-found"
    run(story.place, "ch-2")
    with pytest.raises(Rejected, match=f"shop does not run in {PROD}$"):
        await story.plan("uninstall", "shop")


@pytest.mark.guarantee("G14.7")
async def test_what_is_exchanged_stays_until_that_is_over(story: Story) -> None:
    own = entry("shop-store", "bp-store", "2.0.0", "new")
    other = entry("shop", "bp-shop", "1.1.0", store="shop-store")
    request = {"dependencies": {"store": "new"}}
    story.begin("ch-2", await story.plan("configure", "shop", own, other, **request))
    assert codes(await story.plan("uninstall", "store")) == [("dependency-unsettled", "ch-2")]
    story.place.command(
        change_ref("acme", "ch-2"), pro1.CancelChange(reason="not now"), plans.DEVELOPER
    )
    run(story.place, "ch-2")
    assert story.place.change("ch-2").status == "failed"
    assert [one.code for one in (await story.plan("uninstall", "store")).blocked_by] == [
        "application-needed"
    ]
    story.begin("ch-3", await story.plan("configure", "shop", own, other, **request))
    run(story.place, "ch-3")
    assert (await story.plan("uninstall", "store")).blocked_by == ()


@pytest.mark.guarantee("G14.12")
async def test_what_is_exchanged_is_told_with_its_data_and_what_it_costs_on(story: Story) -> None:
    own = entry("shop-store", "bp-store", "2.0.0", "new")
    other = entry("shop", "bp-shop", "1.1.0", store="shop-store")
    exchange = await story.plan("configure", "shop", own, other, dependencies={"store": "new"})
    [lost] = [one.message for one in exchange.risks if one.kind == "data-loss"]
    assert lost.startswith("shop uses shop-store instead of store: what it keeps in store stays")
    assert exchange.idle == (Idle(application="store", environment=PROD, charged=True),)
    # Whoever shares it still needs it, and who keeps it loses nothing.
    await story.done("ch-2", "install", "kiosk", store("1.0.0"), shop("1.1.0", "kiosk"))
    assert (
        await story.plan("configure", "shop", own, other, dependencies={"store": "new"})
    ).idle == ()
    loud = await story.plan("configure", "shop", values={"level": "loud"})
    assert (loud.idle, [one for one in loud.risks if one.kind == "data-loss"]) == ((), [])
