"""The projector on 10,000 keys, against the loop that everybody writes first with nats-py."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import nats
from pydantic import BaseModel

from benchmarks.embedded import organization, prepared
from benchmarks.figure import Figure, ratio
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts.topology import EV
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.follower import Follower

TARGET: Final = 20.0
SYNCS: Final = ("always", "2m")
"""The setting of `catalyst up`, which the target is for; then the broker's own default, since a
disk that is slow to sync flatters whoever writes less often."""
EVENTS_PER_KEY: Final = 10
MESSAGES_PER_BATCH: Final = 128
"""Two for each command: as many as 64 commands of a group write."""


class _Event(BaseModel):
    """As much of an event as the plain loop needs, checked as such loops do."""

    id: str
    type: str
    time: datetime
    organization: str
    actor: str
    correlationid: str
    causationid: str
    data: dict[str, Any]


class _Row(BaseModel):
    """What the plain loop keeps and puts."""

    event: str
    time: datetime
    command: str
    actor: str
    doc: dict[str, Any]


async def measure(runs: int, keys: int, naive_events: int, sync: str) -> Figure:
    """Fold a log of `keys` Organizations, then a part of it with the plain loop, in turn."""
    ours, naive = [], []
    for _ in range(runs):
        async with prepared(sync) as (js, url):
            await _attached(js)
            await _fill(js, keys)
            ours.append(await _projected(js, keys))
            naive.append(await _plainly(url, naive_events))
    found = ratio(ours, naive)
    return Figure(
        name=f"projector on {keys:,} keys, {EVENTS_PER_KEY} events each, `sync_interval: {sync}`",
        unit="rows/s",
        runs=ours,
        yardstick="nats-py and pydantic: fetch, `kv.put`, ack, one after the other",
        beside=naive,
        target=f"≥ {TARGET:.0f} times" if sync == SYNCS[0] else "none",
        holds=found >= TARGET or sync != SYNCS[0],
        note="a row counts for each event that is folded into it; ours also reads the outcomes "
        f"between the events; `sync_interval: {sync}`",
    )


def _events(keys: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield Organization, name of the event and body: each key's in its own order, keys mixed."""
    order = [f"bench-{number:06d}x" for number in range(keys)] * EVENTS_PER_KEY
    random.Random(4).shuffle(order)  # noqa: S311
    seen: dict[str, int] = {}
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    for number, slug in enumerate(order):
        count = seen[slug] = seen.get(slug, 0) + 1
        data: dict[str, Any] = {"slug": slug}
        name = "organization-resumed"
        if count == 1:
            name, data = "organization-created", {"slug": slug, **organization(slug)}
        elif count % 2 == 0:
            name, data["reason"] = "organization-suspended", "measured"
        envelope = {
            "specversion": "1.0",
            "id": f"_{number:026d}",
            "source": "catalyst/environment",
            "type": f"environment.{name}.v1",
            "time": now,
            "organization": slug,
            "actor": "user:catalyst#admin@localhost",
            "correlationid": f"c-{number}",
            "causationid": f"c-{number}",
            "data": data,
        }
        yield slug, name, json.dumps(envelope, separators=(",", ":")).encode()


async def _fill(js: JetStream, keys: int) -> None:
    """Write a log in which each event follows its command's outcome, in batches as a worker's."""
    before = (await js.stream_state(EV)).last_seq
    waiting: list[Outgoing] = []
    for number, (slug, name, body) in enumerate(_events(keys)):
        subject = f"evt.{slug}.environment.organization.{slug}.{name}.v1"
        waiting += (
            Outgoing(f"done.{slug}.c-{number}", b'{"status":"accepted"}'),
            Outgoing(subject, body),
        )
        if len(waiting) >= MESSAGES_PER_BATCH:
            await js.batch(waiting)
            waiting = []
    if waiting:
        await js.batch(waiting)
    if (await js.stream_state(EV)).last_seq != before + 2 * keys * EVENTS_PER_KEY:
        raise RuntimeError("the log is not what was written")


async def _attached(js: JetStream) -> None:
    """Let a projector make its bucket while the log is empty, so that it continues it later."""
    await _follow(js, 0)


async def _projected(js: JetStream, keys: int) -> float:
    """Return rows a second, from a projector's start until the last one is written."""
    head = (await js.stream_state(EV)).last_seq
    began = time.perf_counter()
    await _follow(js, head)
    return keys * EVENTS_PER_KEY / (time.perf_counter() - began)


async def _follow(js: JetStream, seq: int) -> None:
    follower = Follower(StreamLog(js, "bench"), StreamReadModel(js, "bench"))
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(120):
        running = tasks.create_task(follower.run())
        while True:
            session = follower.session
            if session is not None and session.flusher.checkpoint.seq >= seq:
                running.cancel()
                return
            await asyncio.sleep(0.005)


async def _plainly(url: str, number: int) -> float:
    """Return rows a second of a reader that does one thing after the other."""
    connection = await nats.connect(url)
    js = connection.jetstream()
    bucket = await js.create_key_value(bucket="naive", history=1)
    events = await js.pull_subscribe("evt.>", durable="naive", stream=EV)
    rows: dict[str, _Row] = {}
    done = 0
    began = time.perf_counter()
    while done < number:
        for message in await events.fetch(100, timeout=5):
            event = _Event.model_validate_json(message.data)
            slug = event.organization
            row = rows[slug] = _Row(
                event=event.id,
                time=event.time,
                command=event.correlationid,
                actor=event.actor,
                doc={**(rows[slug].doc if slug in rows else {}), **event.data},
            )
            await bucket.put(slug, row.model_dump_json().encode())
            await message.ack()
            done += 1
    seconds = time.perf_counter() - began
    if (await bucket.status()).values != len(rows):
        raise RuntimeError("the plain loop lost rows")
    await connection.close()
    return done / seconds
