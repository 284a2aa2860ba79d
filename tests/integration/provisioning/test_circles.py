"""Whoever plans at once, whoever takes back: no Application comes to wait for itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.provisioning.town import PROD, Town, town
from tests.support.planning import configure, entry, install

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.plan import Plan

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G24.5")]


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        yield found


async def using(place: Town, name: str, uses: str = "") -> Plan:
    """Return the plan by which an Application uses another one, or none any more."""
    aliases = {"next": uses} if uses else {}
    shared = [entry(uses, "bp-redis", "1.2.1", "shared")] if uses else []
    place.others.locks[name] = [*shared, entry(name, "bp-redis", "1.2.1", **aliases)]
    if (await place.application(name)).expected(PROD)[0] is None:
        return await place.plan(install(name, blueprint="bp-redis"))
    return await place.plan(configure(application=name, dependencies=aliases))


async def standing(place: Town, *names: str) -> None:
    """Let each Application use the next one."""
    for name, *uses in reversed([names[at : at + 2] for at in range(len(names))]):
        assert (await place.apply(f"ch-{name}", await using(place, name, *uses))).code == ""
        assert (await place.through(f"ch-{name}")).status == "completed"


async def needed(place: Town, *names: str) -> dict[str, str]:
    """Return what each Application needs by what is to run."""
    found = {}
    for name in names:
        desired = (await place.application(name)).binding(PROD).desired
        assert desired is not None
        found[name] = " ".join(desired.dependencies.values())
    return found


async def test_of_two_that_close_a_circle_at_once_one_is_applied(place: Town) -> None:
    await standing(place, "rb", "rc", "rd")
    await standing(place, "re", "rf", "ra")
    for turn in range(3):
        plans = {"ra": await using(place, "ra", "rb"), "rd": await using(place, "rd", "re")}
        done = await asyncio.gather(
            *(place.apply(f"ch-{name}-{turn}", found) for name, found in plans.items())
        )
        assert sorted(one.status for one in done) == ["accepted", "rejected"]
        (lost,) = (one for one in done if one.status == "rejected")
        assert lost.code in {"plan-stale", "dependency-cycle"}
        (won,) = (n for n, one in zip(plans, done, strict=True) if one.status == "accepted")
        (other,) = plans.keys() - {won}
        await place.through(f"ch-{won}-{turn}")
        with pytest.raises(Rejected, match=f"{other} would wait for itself"):
            await using(place, other, {"ra": "rb", "rd": "re"}[other])
        assert (await place.apply(f"back-{turn}", await using(place, won))).status == "accepted"
        await place.through(f"back-{turn}")


async def test_what_a_cancelled_change_brings_back_is_in_no_circle(place: Town) -> None:
    await standing(place, "rb", "rc", "rd", "ra")
    await place.apply("ch-1", await using(place, "rd"))
    await place.report("ch-1", "commit", "rd")
    await place.reached("ch-1", "observe")
    found = await using(place, "ra", "rb")
    assert (await place.apply("ch-2", found)).code == "dependency-unsettled"
    stop = pro1.CancelChange(reason="not today")
    assert (await place.money.ask(stop, "acme", "ch-1")).status == "accepted"
    assert (await place.through("ch-1")).cancelled
    assert (await needed(place, "ra", "rb", "rc", "rd")) == {
        "ra": "", "rb": "rc", "rc": "rd", "rd": "ra",
    }  # fmt: skip
