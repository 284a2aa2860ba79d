"""Sources of Blueprints for tests: packages on disk, a worker that reads them, a plain sender."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.support.rig import DEADLINE_SECONDS, running, runtime

from catalyst.blueprint_controller.adapters.content import StoredContent
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.domain.places import blueprint_ref, source_ref
from catalyst.blueprint_controller.handlers import service
from catalyst.blueprint_controller.ports import Content
from catalyst.chassis import ids, outcome
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Broker, Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts.message import Outcome
from catalyst.contracts.registry import BY_TYPE
from catalyst.contracts.subjects import Ref

DOCUMENT = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata:
  name: {name}
spec:
  version: {version}
  card:
    title: {title}
    summary: For tests.
"""


def document(name: str, version: str = "1.0.0", *needs: str, more: str = "") -> str:
    """Return a small document; `needs` are names, with a range behind a space if need be."""
    title = name.removeprefix("bp-").replace("-", " ").title()
    text = DOCUMENT.format(name=name, version=version, title=title) + more
    if needs:
        text += "  depends:\n"
        for need in needs:
            blueprint, _, wanted = need.partition(" ")
            text += f"    - {{blueprint: {blueprint}, version: '{wanted or '*'}'}}\n"
    return text


def write(root: Path, folder: str, text: str, **more: str) -> Path:
    """Write a package into a folder; `more` adds files."""
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / "blueprint.yaml").write_text(text, "utf-8")
    for name, content in more.items():
        (place / name).write_text(content, "utf-8")
    return place


class Registry:
    """A worker for Blueprints, and commands to it as any program would send them."""

    def __init__(self, js: JetStream, worker: Worker, keys: KeyRing) -> None:
        """Talk to `worker` through `js`, with tokens of `keys`."""
        self.js = js
        self.worker = worker
        self._keys = keys

    async def send(
        self, type_: str, ref: Ref, data: Mapping[str, Any], *, email: str = ""
    ) -> Outcome:
        """Send one command and return its outcome; as a sovereign-admin unless `email` says who."""
        name, version = type_.removeprefix("blueprint.").rsplit(".v", 1)
        found = ids.command_id()
        body = {"specversion": "1.0", "id": found, "source": "test", "type": type_, "data": data}
        assert ref.aggregate in BY_TYPE[type_].aggregates
        roles = [] if email else ["sovereign-admin"]
        token = self._keys.people().person(email or "root@example.org", roles)
        subject = ref.command(name, int(version))
        headers = {"Authorization": f"Bearer {token}"}
        await self.js.publish(Outgoing(subject, msgspec.json.encode(body), headers))
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                told = await outcome.find(self.js, ref.organization, found, "log")
                if told is not None:
                    return told
                await asyncio.sleep(0.01)

    async def add(self, name: str, location: str, **more: Any) -> Outcome:
        """Add a directory of the platform."""
        data = {"kind": "directory", "location": location, "origin": "public", **more}
        return await self.send("blueprint.add-source.v1", source_ref(None, name), data)

    async def sync(self, name: str) -> Outcome:
        """Read a source of the platform now."""
        return await self.send("blueprint.sync-source.v1", source_ref(None, name), {})

    async def source(self, name: str, organization: str | None = None) -> Any:
        """Return the state of a source."""
        return await self.worker.states.state(source_ref(organization, name))

    async def blueprint(self, name: str, origin: str = "public", org: str | None = None) -> Any:
        """Return the state of a Blueprint."""
        return await self.worker.states.state(blueprint_ref(org, origin, name))

    async def read(self, name: str, run: int, organization: str | None = None) -> Any:
        """Return the source once a reading has ended, well or not."""
        return await until(
            lambda: self.source(name, organization), lambda s: s.run >= run and not s.reading
        )

    async def published(self, name: str, *versions: str) -> Any:
        """Return a public Blueprint once these versions of it are published."""
        return await until(
            lambda: self.blueprint(name),
            lambda state: all(
                v in state.versions and state.versions[v].published for v in versions
            ),
        )


async def until(
    what: Callable[[], Awaitable[Any]],
    holds: Callable[[Any], bool],
    seconds: float = 60.0,
    pause: float = 0.02,
) -> Any:
    """Return what `what` gives once it holds."""
    found: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = await what()
                if holds(found):
                    return found
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"it never held; at last: {found}") from None


@asynccontextmanager
async def registering(
    js: JetStream,
    folder: Path,
    *,
    broker: Broker | None = None,
    content: Content | None = None,
    git_url: str = "",
    git_hosts: tuple[str, ...] = (),
    token: str = "",
) -> AsyncIterator[Registry]:
    """Run the worker for the block; sources stand below `folder`/sources."""
    keys = KeyRing.open(folder / "keys")
    root = folder / "sources"
    root.mkdir(exist_ok=True)
    sources = AllSources(
        directories=str(root), git_hosts=git_hosts, git_url=git_url, token=lambda: token
    )
    standing = runtime(js, broker=broker, keys=keys, service="blueprint")
    table = service(sources, content or StoredContent(broker or js))
    try:
        async with running(Worker(table, standing)) as worker:
            yield Registry(js, worker, keys)
    finally:
        sources.close()
