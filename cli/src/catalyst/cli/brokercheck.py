"""The part of `catalyst doctor` that asks the broker itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

import msgspec

from catalyst.chassis.jetstream import topology as matching
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Denied, NotFound, Unavailable
from catalyst.chassis.jetstream.times import of_text
from catalyst.cli import ackcheck, timercheck, usecheck, workercheck
from catalyst.cli.exits import Failure
from catalyst.cli.findings import WARN_FULL, Finding, fail, ok, room, skipped, warn
from catalyst.cli.operating import operating
from catalyst.cli.target import Target
from catalyst.cli.workercheck import DECIDERS, Worker, service_of
from catalyst.client.errors import Unreachable, shown_address
from catalyst.contracts import topology
from catalyst.contracts.permissions import KEEPER, OPERATOR, member
from catalyst.contracts.topology import CMD, DLQ, EV, Consumer
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.holes import Holes, look
from catalyst.projector.older import KEEP_BEFORE, lost_before
from catalyst.projector.ports import Doubt, Garbled, Missing
from catalyst.projector.replay import KEEP, lost

CONNECT_SECONDS: Final = 2.0
LOG: Final = "log"
"""The check whether the log still has what the rows were made from."""
WHOLE_SECONDS: Final = 2.0
"""To read all rows in."""
LESS_SECONDS: Final = 2.0
"""To see whether the rows were built from a log that lost its end."""
LOOK_SECONDS: Final = 5.0
"""To read the whole log in."""
_CHECK: Final = "`catalyst replay --check` takes its time"
LIMIT_SECONDS: Final = 12.0
"""For everything that is asked of a broker that answers."""
CONSUMER: Final = "consumer"
"""How the name of a check begins that is about one durable."""
MIN_VERSION: Final = (2, 15)
STANDS_SECONDS: Final = 30.0
"""A command or an event that nobody settled for so long stands still."""
WARN_PENDING: Final = 1_000


class _Floor(msgspec.Struct):
    stream_seq: int = 0
    """Everything up to here is settled."""


class _Consumer(msgspec.Struct):
    ts: str
    ack_floor: _Floor
    num_pending: int = 0
    num_ack_pending: int = 0
    num_redelivered: int = 0
    num_waiting: int = 0


async def examine(target: Target) -> list[Finding]:
    """Look at version, streams, consumers and room; always within a few seconds."""
    if not target.nats:
        hint = "`catalyst context add --nats …` tells where it is"
        unseen = "its version, streams, consumers, room, workers, command queue and uses"
        return [skipped("broker", f"no address of it is known: {unseen} were not looked at", hint)]
    place = shown_address(target.nats)
    found: list[Finding] = []
    try:
        async with (
            asyncio.timeout(LIMIT_SECONDS),
            connect(
                target.nats,
                name=OPERATOR,
                user=target.user,
                password=target.password,
                timeout=CONNECT_SECONDS,
            ) as js,
        ):
            async for finding in _all(js, embedded=target.embedded):
                found.append(finding)  # noqa: PERF401 - what was found stays if the next fails
    except Denied:
        fix = "mend user and password: `catalyst context add` takes them"
        found.append(fail("broker", f"{place} does not take the password or the question", fix))
    except Unavailable:
        what = "no longer answers" if found else "does not answer"
        found.append(fail("broker", f"{place} {what}", "start it, or mend the address"))
    except TimeoutError:
        found.append(fail("broker", f"{place} answers too slowly", "look at its log and its disk"))
    except BrokerError as error:
        found.append(fail("broker", f"{place}: {error}", "look at the log of the broker"))
    return found


async def _all(js: JetStream, *, embedded: bool) -> AsyncIterator[Finding]:
    yield _version(js.server_version)
    yield await _room(js)
    try:
        ev = await js.stream_state(EV)
    except NotFound:
        yield fail("streams", "there is no log on this broker", "start a worker: it makes them")
        return
    yield await _streams(js, ev.config)
    yield await ackcheck.form(js)
    for consumer in topology.CONSUMERS:
        yield await reading(js, consumer)
    found = await workercheck.workers(js)
    yield workercheck.judged(found)
    yield await _waiting_commands(js, found)
    yield await timercheck.timers(js)
    yield await usecheck.uses(js, embedded=embedded)
    yield await _letters(js)
    yield await whole(js)


def _version(text: str) -> Finding:
    found = tuple(int(part) for part in text.split(".")[:2])
    if found < MIN_VERSION:
        wanted = ".".join(map(str, MIN_VERSION))
        return fail("broker", f"nats-server {text}", f"at least {wanted} is needed: upgrade it")
    return ok("broker", f"nats-server {text}")


async def _streams(js: JetStream, config: Mapping[str, Any]) -> Finding:
    """Compare what is there with what the contracts say."""
    differing = await matching.ensure(
        js,
        topology.topology(),
        replicas=config.get("num_replicas", 1),
        storage=config.get("storage", "file"),
        change=False,
    )
    if not differing:
        return ok("streams", "as the contracts say")
    told = "; ".join(f"{item.what}: {item.why}" for item in differing)
    fix = (
        "restart the members of the newest version: each makes what is missing, and "
        f"{member(KEEPER)} mends what can be changed in place"
    )
    return fail("streams", told, fix)


async def reading(js: JetStream, consumer: Consumer) -> Finding:
    """Return whether what a durable delivers is taken, and settled in time."""
    check = f"{CONSUMER} {consumer.name}"
    try:
        body = await js.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
    except NotFound:
        return fail(check, "it is not there", "start the worker of that service: it makes it")
    info = msgspec.convert(body, _Consumer)
    detail = (
        f"{info.num_pending} waiting, {info.num_ack_pending} in work, "
        f"{info.num_redelivered} delivered again"
    )
    if info.num_waiting == 0 and info.num_ack_pending == 0 and info.num_pending > 0:
        fix = "nobody takes them: is the worker of that service running?"
        return fail(check, detail, fix)
    if info.num_pending >= WARN_PENDING:
        return warn(check, detail, "the worker is behind; look again in a minute")
    if info.num_ack_pending and consumer.stream == EV:
        waits = await _oldest(js, consumer, info)
        if waits >= STANDS_SECONDS:
            # Such as an effect: it is tried until it works, or its own deadline is over.
            detail = f"{detail}; the oldest for {waits:.0f} s"
            return warn(check, detail, f"the log of {service_of(consumer)} says what it waits for")
    return ok(check, detail)


async def _oldest(js: JetStream, consumer: Consumer, info: _Consumer) -> float:
    """Return for how many seconds the first event that is not settled has stood in the log."""
    start = info.ack_floor.stream_seq + 1
    firsts = [
        found
        for subject in consumer.config["filter_subjects"]
        for found in await js.replay(consumer.stream, subject, start=start, limit=1)
    ]
    if not firsts:
        return 0.0
    first = min(firsts, key=lambda message: message.seq)
    return (of_text(info.ts) - first.time).total_seconds()


async def whole(js: JetStream) -> Finding:
    """Look whether the log still has all events, and those that the rows were made from."""
    source, model = StreamLog(js, OPERATOR), StreamReadModel(js, OPERATOR)
    holes, before = Holes(), ""
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            pointer = await model.current()
            # First: it takes a few messages, however many rows there are.
            before = "" if pointer is None else await lost_before(source, model, pointer)
            loaded = None if pointer is None else await model.bucket(pointer.epoch).load()
            state = await source.state()
    except (Doubt, Garbled, Missing, TimeoutError) as error:
        if before:
            return fail(LOG, before, KEEP_BEFORE)
        late = isinstance(error, TimeoutError)
        why = "there are too many rows for a glance" if late else error
        return skipped(LOG, f"not looked at: {why}", _CHECK)
    if loaded is not None and loaded.checkpoint.log == state.name:
        told = lost(loaded, state)
        if told:
            return fail(LOG, told, KEEP)
        holes.watch(loaded.rows)
    if before:
        return fail(LOG, before, KEEP_BEFORE)
    unseen = ""
    try:
        async with asyncio.timeout(LOOK_SECONDS), source.open_whole() as reader:
            await look(reader, holes, state.last_seq)
    except TimeoutError:
        unseen = "it is too long to be read at a glance"
    except (Doubt, Missing) as error:
        unseen = str(error)
    if holes.first is not None:
        return fail(LOG, str(holes.first), KEEP)
    if unseen:
        return skipped(LOG, f"its ends are there, its middle was not looked at: {unseen}", _CHECK)
    return ok(LOG, "no event is known to be gone")


async def built_from_less(target: Target) -> str:
    """Return what shows that the rows were built anew from a log that lost messages; or nothing.

    Nor is anything said where that cannot be seen at a glance: `examine` says why.
    """
    try:
        async with asyncio.timeout(LESS_SECONDS), operating(target) as js:
            model = StreamReadModel(js, OPERATOR)
            pointer = await model.current()
            if pointer is None:
                return ""
            return await lost_before(StreamLog(js, OPERATOR), model, pointer)
    except (Doubt, Failure, Garbled, Missing, TimeoutError, Unreachable):
        return ""


async def _room(js: JetStream) -> Finding:
    """Look at what the account may store, which is all that a broker tells of its disk."""
    info = await js.api("INFO", None)
    used, limit = info.get("storage", 0), (info.get("limits") or {}).get("max_storage", -1)
    found = _full("storage", used, limit, "raise the broker's limit or its disk")
    unlimited = f"{found.detail}, and no limit is set: its disk is the limit"
    return found if limit > 0 else ok(found.check, unlimited)


async def _waiting_commands(js: JetStream, found: Iterable[Worker]) -> Finding:
    body = await js.api(f"STREAM.INFO.{CMD}", None)
    waits = {one.service: one.waiting for one in found if one.waiting}
    return queue(body, deciding=await settling(js, DECIDERS), waits=waits)


async def settling(js: JetStream, consumers: Iterable[Consumer]) -> bool:
    """Return whether anything was settled lately of what one of these delivers."""
    for consumer in consumers:
        try:
            info = await js.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
        except NotFound:
            continue
        last = (info.get("ack_floor") or {}).get("last_active")
        if last and (of_text(info["ts"]) - of_text(last)).total_seconds() < STANDS_SECONDS:
            return True
    return False


async def _letters(js: JetStream) -> Finding:
    """Look at the room for dead letters: without it, what cannot be decided stands in the way."""
    body = await js.api(f"STREAM.INFO.{DLQ}", None)
    used, limit = body["state"]["bytes"], body["config"].get("max_bytes", -1)
    fix = "`catalyst dlq list`, then retry or drop each: full, it holds up what cannot be decided"
    return _full("room for dead letters", used, limit, fix)


def queue(
    body: Mapping[str, Any], *, deciding: bool, waits: Mapping[str, int] | None = None
) -> Finding:
    """Return how the queue of commands is: full, it takes no more; and its oldest must not wait.

    Args:
        body: What the broker says of the stream.
        deciding: Whether commands are settled all the same: then it is long, and does not stand.
        waits: How many commands wait for each service.
    """
    state = body.get("state") or {}
    if state.get("messages"):
        seconds = (of_text(body["ts"]) - of_text(state["first_ts"])).total_seconds()
        if seconds >= STANDS_SECONDS:
            told = f"{state['messages']} waiting, the oldest for {seconds:.0f} s"
            for_whom = ", ".join(f"{count} for {name}" for name, count in (waits or {}).items())
            told = f"{told}: {for_whom}" if for_whom else told
            if deciding:
                fix = "others are decided meanwhile: if the oldest stays, the worker's log says why"
                return warn("command queue", told, fix)
            return fail(
                "command queue",
                told,
                f"nobody decides: see {workercheck.CHECK}, and has the broker's disk room?",
            )
    used = (body.get("state") or {}).get("bytes", 0)
    limit = (body.get("config") or {}).get("max_bytes", -1)
    return _full("command queue", used, limit, "nobody decides: is a worker running?")


def _full(check: str, used: int, limit: int, fix: str) -> Finding:
    detail = room(used, limit)
    if limit > 0 and used >= limit * WARN_FULL:
        return warn(check, detail, fix)
    return ok(check, detail)
