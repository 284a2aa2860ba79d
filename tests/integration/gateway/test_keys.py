"""Keys that cannot be read for a while: nobody is refused as a liar, nothing ends."""

import asyncio
import dataclasses
import logging
from pathlib import Path

import pytest
from tests.support import rig
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.tokens import trusted
from catalyst.chassis.worker import Worker


async def test_a_worker_waits_for_the_keys_of_an_issuer(
    js: JetStream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ring = KeyRing.open(tmp_path / "keys")
    later = tmp_path / "later.json"
    runtime = dataclasses.replace(rig.runtime(js), verifier=trusted(later))
    worker = Worker(rig.ORGANIZATIONS, runtime)
    sender = rig.Sender(js)
    token = ring.people().person("root@cloud.example", ["sovereign-admin"])
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        await worker.active.wait()
        key = await sender.send(
            "environment.create-organization.v1",
            "acme",
            rig.acme(),
            headers={"Authorization": f"Bearer {token}"},
        )
        await until(lambda: "door waits" in caplog.messages)
        later.write_bytes(ring.jwks_path.read_bytes())
        outcome = await sender.outcome("acme", key)
        worker.stop()
        await running
    assert (outcome.status, outcome.actor) == ("accepted", "user:catalyst#root@cloud.example")
