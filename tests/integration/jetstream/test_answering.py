"""The broker goes away while a member begins to answer questions."""

import asyncio
from collections.abc import Mapping

import pytest
from tests.support.broker import own_connection

from catalyst.chassis.jetstream.answering import Answering
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
