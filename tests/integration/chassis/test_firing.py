"""A timer waits for what stands in a stream when it is its turn, for no more, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from nats.aio.msg import Msg
from tests.support.broker import own_connection
from tests.support.waiting import until

from catalyst.chassis import firing, timer
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Delivery, Outgoing, StreamState, Unavailable
from catalyst.chassis.job import Job
from catalyst.chassis.lane import Lanes
from catalyst.chassis.service import Service
from catalyst.cli.broker import BrokerProcess
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
from catalyst.contracts.topology import EV, FACTS
from catalyst.provisioning import handlers
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.domain.change import change_ref

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.22")]

CHANGE = change_ref("acme", "ch-1")

(READER,) = (
    item
    for item in contract.CONSUMERS
    if item.stream == FACTS and item.name.startswith("provisioning--")
)


@pytest.fixture(autouse=True)
async def streams(js: JetStream) -> None:
    await topology.ensure(js, contract.topology_of("provisioning"))


async def _say(js: JetStream, count: int) -> None:
    for number in range(count):
        await js.publish(Outgoing("ws.acme-prod.k8s.Pod.blog.blog-0", str(number).encode()))


async def _taken(js: JetStream, count: int) -> list[Msg]:
    """Take messages as a worker does."""
    reader = await js.link.jetstream().pull_subscribe_bind(consumer=READER.name, stream=FACTS)
    taken: list[Msg] = await reader.fetch(count)
    return taken


async def test_nothing_is_waited_for_where_nothing_stands(js: JetStream) -> None:
    assert await firing.caught_up(js, READER)
    await _say(js, 2)
    for message in await _taken(js, 2):
        await message.ack_sync()
    assert await firing.caught_up(js, READER)


async def test_all_that_stands_there_is_settled_first_and_what_comes_later_is_not_waited_for(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _say(js, 2)
    first, second = await _taken(js, 2)
    looked = asyncio.Event()
    ask = js.api

    async def api(path: str, body: Any) -> dict[str, Any]:
        found = await ask(path, body)
        looked.set()
        return found

    monkeypatch.setattr(js, "api", api)
    # The second alone leaves something before it.
    await second.ack_sync()
    waiting = asyncio.create_task(firing.caught_up(js, READER))
    await looked.wait()
    await _say(js, 3)
    assert not waiting.done()
    await first.ack_sync()
    assert await waiting


async def test_what_nobody_settles_is_not_waited_for_for_ever(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "LONGEST_SECONDS", 0.3)
    await _say(js, 1)
    assert not await firing.caught_up(js, READER)


async def test_nor_is_a_reader_that_never_comes_back(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "LONGEST_SECONDS", 0.3)
    await _say(js, 1)
    await js.api(f"CONSUMER.DELETE.{FACTS}.{READER.name}", None)
    assert not await firing.caught_up(js, READER)


class Deadlines:
    """Timers of one change and a command for it, in the order in which they are decided."""

    def __init__(self, js: JetStream, tasks: asyncio.TaskGroup) -> None:
        self.decided: list[str] = []
        self._jobs: Lanes[Callable[[], Awaitable[None]]] = Lanes(tasks, _call)
        found = Service(
            name="provisioning",
            aggregates=(),
            rules=(),
            processes=handlers.PROCESSES,
            sources=(hearing.source(),),
        )
        self.firings = firing.Firings(found, js, self._jobs, tasks, self._decide, self._never)

    def fires(self, gen: str) -> None:
        data = codec.encode(timer.Body(timer="deadline", gen=gen))
        subject = CHANGE.due("deadline")
        delivery = Delivery(
            stream=EV,
            consumer="provisioning-timers",
            subject=subject,
            seq=1,
            consumer_seq=1,
            delivered=1,
            time_ns=1,
            pending=0,
            data=data,
            headers={},
            token="",
        )
        assert self.firings.accept(delivery) is None

    def command(self, name: str) -> None:
        async def decide() -> None:
            self.decided.append(name)

        self._jobs.put(CHANGE.path, decide)

    async def _decide(self, job: Job, _delivery: Delivery) -> None:
        self.decided.append(job.correlationid)

    async def _never(self, *_: object) -> None:
        raise AssertionError("every timer here can be read")


async def _call(work: Callable[[], Awaitable[None]]) -> None:
    await work()


@pytest.mark.guarantee("G7.19")
async def test_what_comes_after_a_timer_that_waits_is_decided_before_it_and_timers_in_order(
    js: JetStream,
) -> None:
    await _say(js, 1)
    (fact,) = await _taken(js, 1)
    async with asyncio.TaskGroup() as tasks:
        deadlines = Deadlines(js, tasks)
        deadlines.fires("first")
        deadlines.command("cancel")
        deadlines.fires("second")
        deadlines.command("report")
        await until(lambda: len(deadlines.decided) == 2)
        await fact.ack_sync()
        await until(lambda: len(deadlines.decided) == 4)
    assert deadlines.decided == ["cancel", "report", "first", "second"]


@pytest.mark.guarantee("G7.20")
async def test_a_reader_that_the_broker_cannot_say_anything_of_is_not_waited_for_for_ever(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the members that hold its stream are gone, and those that hold the log are not."""
    monkeypatch.setattr(firing, "LONGEST_SECONDS", 0.3)
    state = js.stream_state

    async def without(stream: str) -> StreamState:
        if stream == FACTS:
            raise Unavailable(503, 10118, "stream is offline")
        return await state(stream)

    monkeypatch.setattr(js, "stream_state", without)
    assert not await firing.caught_up(js, READER)


@pytest.mark.guarantee("G7.20")
async def test_while_the_whole_broker_is_away_nothing_is_given_up(
    own_server: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "LONGEST_SECONDS", 0.3)
    async with own_connection(own_server) as js:
        await topology.ensure(js, contract.topology_of("provisioning"))
        await _say(js, 1)
        await own_server.kill()
        monkeypatch.setattr(js, "api", partial(js.api, timeout=0.5))
        tried = 0
        state = js.stream_state

        async def counted(stream: str) -> StreamState:
            nonlocal tried
            tried += 1
            return await state(stream)

        monkeypatch.setattr(js, "stream_state", counted)
        waiting = asyncio.create_task(firing.caught_up(js, READER))
        # The pauses between these alone are longer than it would wait.
        await until(lambda: tried > 2)
        assert not waiting.done()
        # Once the broker is back time counts, and here it takes a while until the fact is settled.
        monkeypatch.setattr(firing, "LONGEST_SECONDS", 3600.0)
        since = tried
        await until(lambda: tried > since + 1)
        await own_server.start()
        await js.ready()
        (fact,) = await _taken(js, 1)
        await fact.ack_sync()
        assert await waiting
