"""Whoever dies between storing content and telling of it: nothing is lost, nothing told twice."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.rig import FreeLease, deliver_again_after, runtime
from tests.support.sources import document, registering, write
from typing_extensions import override

from catalyst.blueprint_controller.adapters.content import StoredContent
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.domain.places import source_ref
from catalyst.blueprint_controller.handlers import service
from catalyst.chassis import worker as workers
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts.codec import encode
from catalyst.contracts.topology import EV, OBJECTS

pytestmark = pytest.mark.real

PACKAGES = 3


class Dying(StoredContent):
    """A store whose process dies when it has stored so many contents."""

    def __init__(self, js: JetStream, after: int) -> None:
        super().__init__(js)
        self._after = after
        self.reached = asyncio.Event()

    @override
    async def put(self, tars: Sequence[bytes]) -> None:
        await super().put(tars[: self._after])
        self.reached.set()
        await asyncio.Event().wait()


@pytest.mark.guarantee("G22.2")
@pytest.mark.parametrize("after", [0, 1, PACKAGES])
async def test_a_death_around_the_store_loses_nothing(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    deliver_again_after(monkeypatch, 2.0)
    monkeypatch.setattr(workers, "Lease", FreeLease)
    root = tmp_path / "sources" / "main"
    for number in range(PACKAGES):
        write(root, f"{number}", document(f"bp-app-{number}"))
    keys = KeyRing.open(tmp_path / "keys")
    content = Dying(js, after)
    sources = AllSources(
        directories=str(tmp_path / "sources"), git_hosts=(), git_url="", token=lambda: ""
    )
    first = Worker(service(sources, content), runtime(js, keys=keys, service="blueprint"))
    running = asyncio.create_task(first.run())
    await first.active.wait()
    token = keys.people().person("root@example.org", ["sovereign-admin"])
    body = {
        "specversion": "1.0",
        "id": "c-add",
        "source": "test",
        "type": "blueprint.add-source.v1",
        "data": {"kind": "directory", "location": "main", "origin": "public"},
    }
    subject = source_ref(None, "main").command("add-source", 1)
    await js.publish(Outgoing(subject, encode(body), {"Authorization": f"Bearer {token}"}))
    async with asyncio.timeout(60):
        await content.reached.wait()
    assert await js.replay(EV, "evt._.blueprint.blueprint.>") == []
    running.cancel()
    await asyncio.wait({running})
    sources.close()

    async with registering(js, tmp_path) as registry:
        for number in range(PACKAGES):
            await registry.published(f"bp-app-{number}", "1.0.0")
        told = await js.replay(EV, "evt._.blueprint.blueprint.*.version-registered.v1")
        assert len(told) == PACKAGES
        stored = await js.replay(OBJECTS, "$O.blueprints.M.>")
        assert len(stored) == PACKAGES
