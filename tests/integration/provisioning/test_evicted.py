"""What a cluster leaves lying of an Application that runs keeps no change from its end."""

from pathlib import Path

import msgspec
import pytest
from tests.integration.provisioning.town import town
from tests.support import facts, planning

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.provisioning.adapters import hearing

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.17")]

NAMES = ("wiki", "wiki-postgres")


def evicted(version: int) -> tuple[str, bytes]:
    """Return what Kubernetes says of a pod that had no room, and in whose place is another."""
    subject, data = facts.pod(version, name="blog-old", ready=False)
    body = msgspec.json.decode(data)
    owner = {"kind": "ReplicaSet", "name": "blog-7d4", "uid": "u-rs", "controller": True}
    body["object"]["metadata"]["ownerReferences"] = [owner]
    body["object"]["status"] = {"phase": "Failed", "reason": "Evicted"}
    return subject, msgspec.json.encode(body)


async def test_an_application_is_healthy_beside_a_pod_that_was_evicted(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with town(js, keys, tmp_path, sources=(hearing.source(),)) as place:
        done = await place.apply("ch-1", await place.plan(planning.install()))
        assert done.status == "accepted", done
        for step in ("repository", "commit"):
            await place.reached("ch-1", step)
            for name in NAMES:
                await place.report("ch-1", step, name)
        await place.reached("ch-1", "observe")
        for name in NAMES:
            told = (evicted(3), facts.pod(1), facts.kustomization(2, f"commit-of-{name}"))
            for subject, data in told:
                body = data.replace(b"blog", name.encode())
                await place.js.publish(Outgoing(subject.replace("blog", name), body))
        assert (await place.over("ch-1")).status == "completed"
        seen = (await place.application("wiki")).binding("acme-prod").observed
        assert seen is not None
        assert {one.name for one in seen.evidence} >= {"wiki-0", "wiki-old"}
