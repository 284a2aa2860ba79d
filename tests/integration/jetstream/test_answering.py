"""A member that answers questions, or has none to answer, and a broker that goes away meanwhile.

And people who ask so that nobody can be answered, or that the answer does harm where it goes.
`test_answering_many.py` has more questions than can be answered.
"""

import asyncio
from collections.abc import Mapping

import pytest
from tests.integration.jetstream.streams import log_stream
from tests.support.broker import own_connection

from catalyst.chassis.jetstream.answering import Answering
from catalyst.chassis.jetstream.asking import at_work, micro_name
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.cli.broker import BrokerProcess

pytestmark = pytest.mark.real


async def echo(_subject: str, data: bytes, _headers: Mapping[str, str]) -> bytes:
    return data


async def broken(_subject: str, _data: bytes, _headers: Mapping[str, str]) -> bytes:
    raise LookupError("a bug")


async def test_questions_are_answered_once_a_broker_that_died_meanwhile_is_back(
    own_server: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        await answering.add("echo", "qry.echo", echo)
        await answering.start()
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


@pytest.mark.guarantee("G5.9")
async def test_a_question_that_names_no_place_for_its_answer_ends_nothing(js: JetStream) -> None:
    async with asyncio.TaskGroup() as tasks:
        answering = Answering(js, micro_name("hasty"), tasks)
        await answering.add("echo", "qry.echo", echo)
        await answering.add("broken", "qry.broken", broken)
        await answering.start()
        for subject in ("qry.echo", "qry.broken"):
            await js.link.publish(subject, b"nobody hears it")
        reply = await js.link.request("qry.echo", b"heard", timeout=10)
        assert reply.data == b"heard"
        await answering.stop()


@pytest.mark.guarantee("G6.6")
async def test_no_answer_goes_into_the_log_or_to_the_broker_itself(js: JetStream) -> None:
    await log_stream(js)
    asked = []

    async def noted(subject: str, data: bytes, headers: Mapping[str, str]) -> bytes:
        asked.append(data)
        return await echo(subject, data, headers)

    async with asyncio.TaskGroup() as tasks:
        answering = Answering(js, micro_name("wary"), tasks)
        await answering.add("echo", "qry.echo", noted)
        await answering.add("broken", "qry.broken", broken)
        await answering.start()
        places = ("evt.acme.thing.x.y.happened.v1", "done.acme.c-1", "cmd.acme.x", "$KV.rm.x")
        for place in (*places, "rsp.acme.x.c-1"):
            await js.link.publish("qry.echo", b"forged", reply=place)
        # The broker takes a message without content there for the wish to lose the whole log.
        await js.link.publish("qry.broken", b"", reply="$JS.API.STREAM.DELETE.EV")
        reply = await js.link.request("qry.echo", b"heard", timeout=10)
        assert (reply.data, asked) == (b"heard", [b"heard"])
        await answering.stop()
    assert (await js.stream_state("EV")).messages == 0
