"""What a cluster leaves lying keeps no change from its end, and what has just crashed does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import facts, planning
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.provisioning.adapters import hearing

pytestmark = pytest.mark.real

NAMES = ("wiki", "wiki-postgres")


def evicted(version: int) -> tuple[str, bytes]:
    """Return what Kubernetes says of a pod that had no room, and in whose place is another."""
    subject, data = facts.pod(version, name="blog-old", ready=False)
    body = msgspec.json.decode(data)
    owner = {"kind": "ReplicaSet", "name": "blog-7d4", "uid": "u-rs", "controller": True}
    body["object"]["metadata"]["ownerReferences"] = [owner]
    body["object"]["status"] = {"phase": "Failed", "reason": "Evicted"}
    return subject, msgspec.json.encode(body)


def restarted(version: int, after: int, code: int) -> tuple[str, bytes]:
    """Return what Kubernetes says, after some minutes, of a pod that ended and runs again."""
    began = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    subject, data = facts.pod(version, time=(began + timedelta(minutes=after)).isoformat())
    body = msgspec.json.decode(data)
    body["object"]["status"]["containerStatuses"] = [
        {
            "name": "main",
            "state": {"running": {"startedAt": began.isoformat()}},
            "lastState": {"terminated": {"exitCode": code}},
        }
    ]
    return subject, msgspec.json.encode(body)


@asynccontextmanager
async def committed(js: JetStream, folder: Path) -> AsyncIterator[Town]:
    """Run a town in which a change has committed, and waits until it is seen."""
    keys = KeyRing.open(folder / "keys")
    async with town(js, keys, folder, sources=(hearing.source(),)) as place:
        done = await place.apply("ch-1", await place.plan(planning.install()))
        assert done.status == "accepted", done
        for step in ("repository", "commit"):
            await place.reached("ch-1", step)
            for name in NAMES:
                await place.report("ch-1", step, name)
        await place.reached("ch-1", "observe")
        yield place


async def say(place: Town, name: str, *told: tuple[str, bytes]) -> None:
    """Let an observer tell something of an Application."""
    for subject, data in told:
        body = data.replace(b"blog", name.encode())
        await place.js.publish(Outgoing(subject.replace("blog", name), body))


@pytest.mark.guarantee("G13.17")
async def test_an_application_is_healthy_beside_a_pod_that_was_evicted(
    js: JetStream, tmp_path: Path
) -> None:
    async with committed(js, tmp_path) as place:
        for name in NAMES:
            applied = facts.kustomization(2, f"commit-of-{name}")
            await say(place, name, evicted(3), facts.pod(1), applied)
        assert (await place.over("ch-1")).status == "completed"
        seen = (await place.application("wiki")).binding(PROD).observed
        assert seen is not None
        assert {one.name for one in seen.evidence} >= {"wiki-0", "wiki-old"}


@pytest.mark.guarantee("G13.18")
async def test_nothing_is_taken_for_what_runs_for_a_moment_between_two_crashes(
    js: JetStream, tmp_path: Path
) -> None:
    async with committed(js, tmp_path) as place:
        # What its liveness probe has killed may end well.
        codes = dict(zip(NAMES, (1, 0), strict=True))
        for name, code in codes.items():
            applied = facts.kustomization(2, f"commit-of-{name}")
            await say(place, name, restarted(1, 0, code), applied)

        async def told() -> bool:
            found = [await place.application(name) for name in NAMES]
            seen = [one.binding(PROD).observed for one in found]
            marks = [(one.applied, one.reason) if one else None for one in seen]
            return marks == [("current", "Restarted")] * len(NAMES)

        await until(told)
        assert (await place.change("ch-1")).step == "observe"
        for name, code in codes.items():
            await say(place, name, restarted(1, 5, code))
        assert (await place.over("ch-1")).status == "completed"
