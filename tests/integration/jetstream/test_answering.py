"""A member that answers questions, or has none to answer, and a broker that goes away meanwhile."""

import asyncio
from collections.abc import Mapping

import pytest
from tests.support.broker import own_connection

from catalyst.chassis.jetstream.answering import Answering
from catalyst.chassis.jetstream.asking import at_work, micro_name
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.cli.broker import BrokerProcess

pytestmark = pytest.mark.real


async def test_questions_are_answered_once_a_broker_that_died_meanwhile_is_back(
    own_server: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_subject: str, data: bytes, _headers: Mapping[str, str]) -> bytes:
        return data

    async with (
        own_connection(own_server) as js,
        asyncio.TaskGroup() as tasks,
    ):
        flush = js.link.flush

        async def dying() -> None:
            monkeypatch.undo()
            await own_server.kill()
            tasks.create_task(own_server.start())
            # Nobody answers this one: what was sent is lost with the connection.
            await flush(1)

        monkeypatch.setattr(js.link, "flush", dying)
        answering = Answering(js, "asked", tasks)
        await answering.add("echo", "qry.echo", answer)
        assert js.link.drops == 1
        reply = await js.link.request("qry.echo", b"again", timeout=10)
        assert reply.data == b"again"
        await answering.stop()


async def test_a_member_without_any_question_says_that_it_is_at_work(js: JetStream) -> None:
    async with asyncio.TaskGroup() as tasks:
        answering = Answering(js, micro_name("mute"), tasks)
        assert not await at_work(js, "mute")
        await answering.start()
        assert await at_work(js, "mute")
        await answering.stop()
        assert not await at_work(js, "mute")
