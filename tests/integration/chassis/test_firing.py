"""A timer waits for what stands in a stream when it is its turn, for no more, and not for ever."""

import asyncio
from typing import Any

import pytest
from nats.aio.msg import Msg

from catalyst.chassis import firing
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import topology as contract
from catalyst.contracts.topology import FACTS

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.22")]

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
