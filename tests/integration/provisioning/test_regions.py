"""An Environment of two regions on the real broker: heard apart, gained, lost, the worst counts."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import facts, planning
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.topology import DLQ
from catalyst.contracts.values_v1 import Region
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.domain.application import Observed
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.real

FSN, HEL, NBG = (f"hz-{region}-rtz-prod" for region in ("fsn", "hel", "nbg"))


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    keys = KeyRing.open(tmp_path / "keys")
    async with town(js, keys, tmp_path, sources=(hearing.source(),)) as found:
        yield found
        assert not (await js.stream_state(DLQ)).messages


async def placed(place: Town, *regions: str) -> None:
    """Let the Environment run in these regions."""
    command = env1.UpdateEnvironment(
        placement="multi-region",
        regions=tuple(
            Region(provider="hetzner", region=region, building_block="rtz") for region in regions
        ),
    )
    done = await place.money.ask(command, "acme", PROD)
    assert done.status == "accepted", done


async def begun(place: Town, name: str, found: Plan, commits: dict[str, str]) -> None:
    """Let a change go on until it has committed."""
    done = await place.apply(name, found)
    assert done.status == "accepted", done
    if found.request.action == "install":
        await place.reached(name, "repository")
        for application in commits:
            await place.report(name, "repository", application)
    await place.reached(name, "commit")
    for application, commit in commits.items():
        await place.report(name, "commit", application, commits={PROD: commit})
    await place.reached(name, "observe")


async def say(
    place: Town, cluster: str, commits: dict[str, str], version: int, waiting: str = ""
) -> None:
    """Let the observer of a cluster say what it sees of each Application."""
    for application, commit in commits.items():
        for subject, data in (
            facts.kustomization(version, commit),
            facts.pod(version + 1, waiting=waiting),
        ):
            body = msgspec.json.decode(data.replace(b"blog", application.encode()))
            body["cluster"] = cluster
            body["object"]["metadata"]["uid"] += f"@{cluster}"
            sent = Outgoing(subject.replace("blog", application), msgspec.json.encode(body))
            await place.js.publish(sent)


async def becomes(place: Town, health: str, *clusters: str) -> Observed:
    """Wait until the wiki is so, seen in exactly these clusters; return what is seen."""

    async def so() -> bool:
        found = (await place.application("wiki")).binding(PROD).observed
        heard = {one.cluster for one in found.evidence} if found is not None else set()
        return found is not None and (found.health, heard) == (health, set(clusters))

    await until(so)
    found = (await place.application("wiki")).binding(PROD).observed
    assert found is not None
    return found


async def reconfigured(place: Town, name: str, level: str, commit: str) -> dict[str, str]:
    """Let a change of the wiki commit; return its commit."""
    request = planning.configure(values={"logLevel": level})
    await begun(place, name, await place.plan(request), {"wiki": commit})
    return {"wiki": commit}


@pytest.mark.guarantee("G13.4", "G14.6")
async def test_a_region_degrades_heals_is_gained_and_is_lost(place: Town) -> None:
    await placed(place, "fsn", "hel")
    commits = {"wiki": "aaa", "wiki-postgres": "bbb"}
    await begun(place, "ch-1", await place.plan(planning.install()), commits)
    await say(place, FSN, commits, 10)
    seen = await becomes(place, "unknown", FSN, HEL)
    assert seen.message == f"cluster {HEL}: nothing is seen of it in {HEL}"
    assert (await place.change("ch-1")).step == "observe"
    await say(place, HEL, commits, 900)
    assert (await place.over("ch-1")).status == "completed"
    await becomes(place, "healthy", FSN, HEL)

    # What the other says, later and of a higher version, mends nothing.
    await say(place, HEL, commits, 902, waiting="CrashLoopBackOff")
    await say(place, FSN, commits, 5000)
    seen = await becomes(place, "degraded", FSN, HEL)
    assert seen.reason == "CrashLoopBackOff"
    assert seen.message.startswith(f"Pod wiki-0 in {HEL}: ")
    await say(place, HEL, commits, 904)
    await becomes(place, "healthy", FSN, HEL)

    await placed(place, "fsn", "hel", "nbg")
    await becomes(place, "healthy", FSN, HEL)
    second = await reconfigured(place, "ch-2", "debug", "ccc")
    await say(place, FSN, second, 5002)
    await say(place, HEL, second, 906)
    seen = await becomes(place, "unknown", FSN, HEL, NBG)
    assert NBG in seen.message
    assert (await place.change("ch-2")).step == "observe"
    await say(place, NBG, second, 1)
    assert (await place.over("ch-2")).status == "completed"
    await becomes(place, "healthy", FSN, HEL, NBG)

    await placed(place, "fsn", "nbg")
    await say(place, HEL, second, 908, waiting="CrashLoopBackOff")
    await becomes(place, "degraded", FSN, HEL, NBG)
    third = await reconfigured(place, "ch-3", "info", "ddd")
    await say(place, HEL, second, 910, waiting="ImagePullBackOff")
    await say(place, FSN, third, 5004)
    await say(place, NBG, third, 3)
    assert (await place.over("ch-3")).status == "completed"
    await becomes(place, "healthy", FSN, NBG)
