"""Many versions of Blueprints in one source, read by one worker and registered."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.embedded import prepared
from benchmarks.figure import Figure
from catalyst.blueprint_controller.adapters.content import StoredContent
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.domain.places import source_ref
from catalyst.blueprint_controller.handlers import service
from catalyst.chassis import ids
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.telemetry import Telemetry
from catalyst.chassis.worker import Worker
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import codec
from catalyst.contracts.message import Envelope
from catalyst.contracts.registry import BY_SHAPE
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.topology import EV

SECONDS: Final = 20.0
SYNC: Final = "always"
"""As `catalyst up` runs its broker."""
VERSIONS: Final = 10
"""Of each Blueprint."""
AT_ONCE: Final = 16
"""Contents that the yardstick stores at once, as the worker does."""
WAIT_SECONDS: Final = 300.0
SOURCE: Final = "many"
_PUBLISHED: Final = "evt._.blueprint.blueprint.*.version-published.v1"
_DOCUMENT: Final = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata:
  name: {name}
spec:
  version: {version}
  card:
    title: {title}
    summary: One of many.
"""


async def measure(runs: int, versions: int, worth: int) -> list[Figure]:
    """Register `versions`, `runs` times; `worth` is how many the goal is about."""
    seconds, plain, busy = [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as folder:
            place = Path(folder)
            packages = written(place / "sources" / SOURCE, versions)
            async with prepared(SYNC) as (js, _):
                plain.append(await _stored(js, packages))
            async with prepared(SYNC) as (js, _), _working(js, place) as keys:
                worked = time.process_time()
                seconds.append(await _registered(js, keys, versions))
                busy.append(time.process_time() - worked)
    return [
        Figure(
            name=f"{versions:,} versions of Blueprints read, registered and published",
            unit="s",
            runs=seconds,
            yardstick="as many documents put into the object store, 16 at once",
            beside=plain,
            target=f"≤ {SECONDS:.0f} s for {worth:,}",
            holds=sorted(seconds)[len(seconds) // 2] <= SECONDS * versions / worth,
            note=f"{sorted(busy)[len(busy) // 2]:.1f} s of that one core worked on it, the broker's"
            f" part aside; {VERSIONS} versions of each, nine in ten need another one;"
            f" `sync_interval: {SYNC}`, one replica",
        )
    ]


def written(root: Path, versions: int) -> list[bytes]:
    """Write as many packages into a folder; return their documents."""
    found: list[bytes] = []
    for number in range(versions // VERSIONS):
        name = f"bp-app-{number}"
        for version in range(VERSIONS):
            text = _DOCUMENT.format(name=name, version=f"1.{version}.0", title=f"App {number}")
            if number >= versions // VERSIONS // 10:
                below = f"bp-app-{number // 2}"
                text += f"  depends:\n    - {{blueprint: {below}, version: ^1}}\n"
            folder = root / name / str(version)
            folder.mkdir(parents=True)
            (folder / "blueprint.yaml").write_text(text, "utf-8")
            found.append(text.encode())
    return found


async def _stored(js: JetStream, contents: list[bytes]) -> float:
    """Return how many seconds it takes to put contents into the object store, nothing else."""
    objects = Objects(js)
    left = iter(contents)

    async def store() -> None:
        for content in left:
            await objects.put(content)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(store())
    return time.perf_counter() - began


@asynccontextmanager
async def _working(js: JetStream, place: Path) -> AsyncIterator[KeyRing]:
    keys = KeyRing.open(place / "keys")
    sources = AllSources(
        directories=str(place / "sources"), git_hosts=(), git_url="", token=lambda: ""
    )
    runtime = Runtime(
        js=js,
        broker=js,
        verifier=keys.verifier(),
        token=keys.service("blueprint").service,
        member=ids.member_id("bench"),
        require_tokens=False,
        telemetry=Telemetry("bench"),
    )
    worker = Worker(service(sources, StoredContent(js)), runtime)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        await worker.active.wait()
        try:
            yield keys
        finally:
            worker.stop()
            await running
            sources.close()


async def _registered(js: JetStream, keys: KeyRing, versions: int) -> float:
    """Return how many seconds pass from adding the source to the last version's publication."""
    command = bp1.AddSource(kind="directory", location=SOURCE, origin="public")
    message = BY_SHAPE[bp1.AddSource]
    envelope = Envelope(
        specversion="1.0",
        id=ids.command_id(),
        source="bench",
        type=message.type,
        time=datetime.now(UTC),
        data=msgspec.Raw(codec.encode(command)),
    )
    token = keys.people().person("root@example.org", [SOVEREIGN_ADMIN])
    subject = source_ref(None, SOURCE).command(message.name, message.version)
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {token}"}
    await js.publish(Outgoing(subject, codec.encode(envelope), headers))
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if await _count(js) >= versions:
                return time.perf_counter() - began
            await asyncio.sleep(0.05)


async def _count(js: JetStream) -> int:
    found = await js.api(f"STREAM.INFO.{EV}", {"subjects_filter": _PUBLISHED})
    return sum((found["state"].get("subjects") or {}).values())
