"""A decision whose rows are larger than one write may be: in parts, and shown at once."""

import asyncio
import itertools
from typing import Final

import pytest
from tests.integration.projector.test_schedules import run_until_killed
from tests.support import log as writing
from tests.support.faults import Script
from tests.support.log import LogWriter, On
from tests.support.projecting import agrees, following
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.feed import Feed
from catalyst.projector.flush import MAX_BYTES, MAX_KEYS
from catalyst.projector.hub import Hub

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G3.8")]

LONG: Final = 900_000
SLUGS: Final = tuple(f"org{number:02}" for number in range(10))
"""So many rows of `LONG` bytes do not fit into one write, by their bytes alone."""
assert len(SLUGS) < MAX_KEYS
assert LONG * len(SLUGS) > MAX_BYTES


def named(letter: str) -> list[On]:
    """Return one decision that gives every Organization a long name."""
    return [writing.renamed(slug, letter * LONG) for slug in SLUGS]


async def prepared(js: JetStream) -> LogWriter:
    """Return a log with small Organizations in it, shown by nobody yet."""
    log = LogWriter(js)
    await log.prepare()
    await log.decide(*(writing.created(slug, display_name="-") for slug in SLUGS))
    return log


@pytest.mark.guarantee("G3.1")
async def test_killed_between_the_parts_of_rows_beyond_the_limit_of_bytes(js: JetStream) -> None:
    log = await prepared(js)
    for number in itertools.count():
        seq = await log.decide(*named("ab"[number % 2]))
        script = Script(kill_at_write=number)
        await run_until_killed(js, script, seq, max_keys=MAX_KEYS)
        async with following(js):
            await agrees(js, seq)
        if not script.dead:
            break
    assert number == 2


async def test_rows_beyond_the_limit_of_bytes_are_shown_at_once(js: JetStream) -> None:
    log = await prepared(js)
    hub = Hub()
    feed = Feed(hub, StreamLog(js, "hub"), StreamReadModel(js, "hub"))
    seen: set[frozenset[str]] = set()

    def look() -> bool:
        names = frozenset(entry.doc.display_name[:1] for entry in hub.rows.values())
        seen.add(names)
        return names == {"b"}

    async with following(js), asyncio.TaskGroup() as tasks:
        showing = tasks.create_task(feed.run())
        await until(hub.loaded.is_set)
        for letter in "ab":
            await log.decide(*named(letter))
        await until(look)
        showing.cancel()
    assert all(len(names) == 1 for names in seen)
