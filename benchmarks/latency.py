"""From a command's write to its row at ten readers of the live stream of a running stack."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx
from nats.aio.client import Client

from benchmarks.embedded import Up, command, organization, up
from benchmarks.figure import Figure, percentile

TARGET_MS: Final = 10.0
RATE: Final = 100
"""Commands a second."""
READERS: Final = 10
ORGANIZATIONS: Final = 20
REGION: Final = {"provider": "hetzner", "region": "fsn", "building_block": "rtz"}
_COMMAND: Final = re.compile(rb'event: put\ndata: \{"key":"[^"]*".*?"command":"(m-[0-9]+)"')


class Reader:
    """A browser, as far as it matters: an open stream, and when each command's row came."""

    def __init__(self) -> None:
        """Start without having seen anything."""
        self.seen: dict[bytes, float] = {}
        self.synced = asyncio.Event()

    async def run(self, stack: Up) -> None:
        """Read until cancelled; before its rows are loaded, the door asks to come again."""
        while not self.synced.is_set():
            await self._read(stack)
            await asyncio.sleep(0.05)

    async def _read(self, stack: Up) -> None:
        place = urlsplit(stack.http)
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**20)
        lines = [
            "GET /v1/stream?kinds=organizations,environments HTTP/1.1",
            f"Host: {place.netloc}",
            f"Authorization: {stack.token['Authorization']}",
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode())
        try:
            if b" 200 " not in await reader.readline():
                return
            while True:
                frame = await reader.readuntil(b"\n\n")
                found = _COMMAND.search(frame)
                if found:
                    self.seen.setdefault(found[1], time.perf_counter())
                elif b"event: synced" in frame:
                    self.synced.set()
        finally:
            writer.close()


Make = Callable[[int], tuple[str, bytes]]
"""Makes subject and body of the command with a number."""


async def measure(runs: int, seconds: float) -> list[Figure]:
    """Send commands at an even pace, `runs` times for `seconds`; one stack for all of it.

    First those whose change stands in the log and the rows alone; then those whose change is also
    committed to the Organization's Git home, on the same cores and the same disk.
    """
    async with up() as stack, _reading(stack) as readers:
        connection = await stack.connect()
        await _prepare(stack, connection)
        pacer = Pacer(connection, readers)
        plain = await _runs(pacer, runs, seconds, _admission, stack.provisioning)
        committed = await _runs(pacer, runs, seconds, _update, stack.token)
        await connection.close()
    name = f"write → live row at {READERS} readers, {RATE} commands/s"
    target = f"≤ {TARGET_MS:.0f} ms on an idle machine"
    held = percentile(plain.medians, 0.5) <= TARGET_MS
    return [
        _figure(f"{name}, p50", plain.medians, plain.stored, target, held=held),
        _figure(f"{name}, p99", plain.tails, plain.stored, "none"),
        _figure(
            "the same with a Git commit for each, p50", committed.medians, plain.stored, "none"
        ),
    ]


def _figure(
    name: str, runs: list[float], beside: list[float], target: str, *, held: bool = True
) -> Figure:
    return Figure(
        name=name,
        unit="ms",
        runs=runs,
        yardstick="until the broker has stored the command",
        beside=beside,
        target=target,
        holds=held,
    )


@dataclass(slots=True)
class Runs:
    """Milliseconds, one entry for each run."""

    medians: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    """Until the broker has confirmed the command; the median."""


async def _runs(
    pacer: Pacer, runs: int, seconds: float, make: Make, headers: dict[str, str]
) -> Runs:
    found = Runs()
    await pacer.send(1.0, make, headers)
    for _ in range(runs):
        latencies, acks = await pacer.send(seconds, make, headers)
        found.medians.append(percentile(latencies, 0.5))
        found.tails.append(percentile(latencies, 0.99))
        found.stored.append(percentile(acks, 0.5))
    return found


def _slug(number: int) -> str:
    return f"bench-{number % ORGANIZATIONS:02d}x"


def _admission(number: int) -> tuple[str, bytes]:
    """Admit an Application to an Environment, and take it out again the next time."""
    slug, turn = _slug(number), number // ORGANIZATIONS
    verb = "release-application" if turn % 2 else "admit-application"
    data = {"application": "shop"}
    return command(verb, slug, f"m-{number}", data, environment=f"{slug}-dev")


def _update(number: int) -> tuple[str, bytes]:
    data = {"display_name": f"Name {number}"}
    return command("update-organization", _slug(number), f"m-{number}", data)


@asynccontextmanager
async def _reading(stack: Up) -> AsyncIterator[list[Reader]]:
    readers = [Reader() for _ in range(READERS)]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(reader.run(stack)) for reader in readers]
        for reader in readers:
            await reader.synced.wait()
        yield readers
        for task in running:
            task.cancel()


async def _prepare(stack: Up, connection: Client) -> None:
    """Create Organizations, each with an Environment, and wait until they are ready."""
    js = connection.jetstream()
    numbers = range(ORGANIZATIONS)
    async with httpx.AsyncClient(base_url=stack.http, headers=stack.token) as http:
        for slug in map(_slug, numbers):
            subject, body = command("create-organization", slug, "c-1", organization(slug))
            await js.publish(subject, body, headers=stack.token)
        await _shown(http, "organizations?field=phase=ready")
        data = {"env_type": "dev", "placement": "single-region", "regions": [REGION]}
        for slug in map(_slug, numbers):
            name = f"{slug}-dev"
            subject, body = command("create-environment", slug, "c-2", data, environment=name)
            await js.publish(subject, body, headers=stack.token)
        await _shown(http, "environments")


async def _shown(http: httpx.AsyncClient, kind: str) -> None:
    async with asyncio.timeout(60):
        while True:
            answer = await http.get(f"/v1/state/{kind}")
            if len(answer.json()["items"]) == ORGANIZATIONS:
                return
            await asyncio.sleep(0.1)


class Pacer:
    """Sends commands at an even pace and waits until every reader has every row."""

    def __init__(self, connection: Client, readers: list[Reader]) -> None:
        """Send on `connection`; numbers go on from one call to the next."""
        self._js = connection.jetstream()
        self._readers = readers
        self._numbers = itertools.count()

    async def send(
        self, seconds: float, make: Make, headers: dict[str, str]
    ) -> tuple[list[float], list[float]]:
        """Return milliseconds to each reader's row, and to the broker's confirmation."""
        sent: dict[bytes, float] = {}
        acks: list[float] = []

        async def one(number: int) -> None:
            subject, body = make(number)
            sent[b"m-%d" % number] = began = time.perf_counter()
            await self._js.publish(subject, body, headers=headers, timeout=30)
            acks.append((time.perf_counter() - began) * 1000)

        start = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for index in range(int(RATE * seconds)):
                await asyncio.sleep(max(0.0, start + index / RATE - time.perf_counter()))
                tasks.create_task(one(next(self._numbers)))
        async with asyncio.timeout(30):
            while True:
                if all(sent.keys() <= reader.seen.keys() for reader in self._readers):
                    break
                await asyncio.sleep(0.01)
        found = [
            (reader.seen[name] - began) * 1000
            for reader in self._readers
            for name, began in sent.items()
        ]
        return found, acks
