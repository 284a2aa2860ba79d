"""More questions than can be answered: what is answered is heard, and nothing is done in vain."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.msg import Msg
from tests.support.broker import Access
from tests.support.waiting import until

from catalyst.chassis.jetstream import waiting
from catalyst.chassis.jetstream.answering import AT_ONCE, Answering
from catalyst.chassis.jetstream.asking import BUSY, TIMEOUT_HEADER, ask, micro_name
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Unavailable

pytestmark = pytest.mark.real

SUBJECT = "qry.slow"
PATIENT = 60.0
"""Seconds that nobody waits here."""
SHORT = 0.2
"""Seconds after which whoever asked gives up."""
STEPS, STEP_SECONDS = 4, 0.002
"""Of an answer that takes the processor."""


class Slow:
    """Answers nothing before it is let, and remembers what it began, in order."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.ended: list[bytes] = []
        self.open = asyncio.Event()

    async def answer(self, _subject: str, data: bytes, _headers: Mapping[str, str]) -> bytes:
        self.begun.append(data)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.ended.append(data)
            raise
        return data


@asynccontextmanager
async def answered(js: JetStream, slow: Slow) -> AsyncIterator[asyncio.TaskGroup]:
    """Let questions on `SUBJECT` be answered; the group is for those who ask."""
    async with asyncio.TaskGroup() as tasks:
        answering = Answering(js, micro_name("slow"), tasks)
        await answering.add("slow", SUBJECT, slow.answer)
        await answering.start()
        yield tasks
        await answering.stop()


def asked(
    js: JetStream, tasks: asyncio.TaskGroup, names: list[bytes], timeout: float = PATIENT
) -> list[asyncio.Task[bytes | int]]:
    """Ask many questions at once, in order; each ends with its answer, or the code of the error."""

    async def one(name: bytes) -> bytes | int:
        try:
            return await ask(js, SUBJECT, name, {}, timeout=timeout)
        except Unavailable as error:
            return error.code

    return [tasks.create_task(one(name)) for name in names]


def named(prefix: str, count: int) -> list[bytes]:
    return [f"{prefix}-{number}".encode() for number in range(count)]


@pytest.mark.guarantee("G7.15")
async def test_the_newest_question_is_answered_first(js: JetStream) -> None:
    slow = Slow()
    async with answered(js, slow) as tasks:
        first = asked(js, tasks, named("first", AT_ONCE))
        await until(lambda: len(slow.begun) == AT_ONCE)
        later = named("later", 3 * AT_ONCE)
        waits = asked(js, tasks, later)
        # What is sent later on one connection comes later: then all of these have come.
        await js.link.flush()
        await js.link.request("$SRV.PING.catalyst-slow", timeout=10)
        slow.open.set()
        assert await asyncio.gather(*first) == named("first", AT_ONCE)
        assert await asyncio.gather(*waits) == later
    assert slow.begun[AT_ONCE:] == later[::-1]


@pytest.mark.guarantee("G7.15")
async def test_what_nobody_waits_for_any_more_is_not_begun(js: JetStream) -> None:
    slow = Slow()
    async with answered(js, slow) as tasks:
        first = asked(js, tasks, named("first", AT_ONCE))
        await until(lambda: len(slow.begun) == AT_ONCE)
        given_up = asked(js, tasks, named("early", 3 * AT_ONCE), timeout=SHORT)
        assert set(await asyncio.gather(*given_up)) == {408}
        # What is sent later on one connection comes later: then all of these have come.
        await js.link.request("$SRV.PING.catalyst-slow", timeout=10)
        come = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > come + SHORT)
        slow.open.set()
        assert await asyncio.gather(*first) == named("first", AT_ONCE)
        assert await ask(js, SUBJECT, b"late", {}, timeout=PATIENT) == b"late"
    assert slow.begun == [*named("first", AT_ONCE), b"late"]
    assert slow.ended == []


@pytest.mark.guarantee("G7.15")
async def test_what_was_begun_is_ended_once_nobody_waits_for_it(js: JetStream) -> None:
    slow = Slow()
    async with answered(js, slow) as tasks:
        given_up = asked(js, tasks, named("early", AT_ONCE), timeout=SHORT)
        assert set(await asyncio.gather(*given_up)) == {408}
        await until(lambda: len(slow.ended) == AT_ONCE)
        slow.open.set()
        assert await ask(js, SUBJECT, b"late", {}, timeout=PATIENT) == b"late"
    assert slow.begun == [*slow.ended, b"late"]


@pytest.mark.guarantee("G7.15")
async def test_everybody_has_an_answer_in_the_end_where_all_who_have_none_ask_again(
    js: JetStream,
) -> None:
    """Answered in order, all at once, nobody would be: each had waited too long when it came."""
    tries: Counter[bytes] = Counter()

    async def busy(_subject: str, data: bytes, _headers: Mapping[str, str]) -> bytes:
        tries[data] += 1
        for _ in range(STEPS):
            # As while something reckons, nothing else of the process goes on meanwhile.
            threading.Event().wait(STEP_SECONDS)
            await asyncio.sleep(0)
        return data

    async def one(name: bytes) -> bytes:
        while True:
            try:
                return await ask(js, SUBJECT, name, {}, timeout=3 * AT_ONCE * STEPS * STEP_SECONDS)
            except Unavailable:
                continue

    async with asyncio.TaskGroup() as tasks:
        answering = Answering(js, micro_name("busy"), tasks)
        await answering.add("busy", SUBJECT, busy)
        await answering.start()
        names = named("all", 12 * AT_ONCE)
        assert await asyncio.gather(*map(one, names)) == names
        await answering.stop()
    assert tries.total() >= len(names)


@pytest.mark.guarantee("G7.15")
async def test_beyond_a_number_the_oldest_are_told_so_at_once(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST", 3)
    slow = Slow()
    async with answered(js, slow) as tasks:
        first = asked(js, tasks, named("first", AT_ONCE))
        await until(lambda: len(slow.begun) == AT_ONCE)
        waits = asked(js, tasks, named("later", 5))
        assert await asyncio.gather(*waits[:2]) == [BUSY, BUSY]
        slow.open.set()
        assert await asyncio.gather(*waits[2:]) == named("later", 5)[2:]
        await asyncio.gather(*first)


@pytest.mark.guarantee("G7.15")
async def test_beyond_a_size_as_well(js: JetStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_BYTES", 1_000)
    slow = Slow()
    async with answered(js, slow) as tasks:
        first = asked(js, tasks, named("first", AT_ONCE))
        await until(lambda: len(slow.begun) == AT_ONCE)
        waits = asked(js, tasks, [b"a" * 600, b"b" * 600, b"c" * 300])
        assert await waits[0] == BUSY
        tasks.create_task(ask(js, SUBJECT, b"d", {"Large": "x" * 600}, timeout=PATIENT))
        assert await waits[1] == BUSY
        slow.open.set()
        assert await waits[2] == b"c" * 300
        await asyncio.gather(*first)


@pytest.mark.guarantee("G7.15")
async def test_what_is_asked_on_the_way_is_awaited_no_longer_than_the_question(
    js: JetStream,
) -> None:
    slow = Slow()
    waits: list[int] = []

    async def passing_on(_subject: str, data: bytes, _headers: Mapping[str, str]) -> bytes:
        return await ask(js, SUBJECT, data, {}, timeout=PATIENT)

    async def note(subject: str, data: bytes, headers: Mapping[str, str]) -> bytes:
        waits.append(int(headers[TIMEOUT_HEADER]))
        return await slow.answer(subject, data, headers)

    async with asyncio.TaskGroup() as tasks:
        answering = Answering(js, micro_name("slow"), tasks)
        await answering.add("passing", "qry.passing", passing_on)
        await answering.add("slow", SUBJECT, note)
        await answering.start()
        while not waits:
            # On a machine that stands still meanwhile, nobody waits when it is passed on.
            with pytest.raises(Unavailable):
                await ask(js, "qry.passing", b"x", {}, timeout=0.3)
        await until(lambda: bool(slow.ended))
        await answering.stop()
    assert max(waits) <= 300


@pytest.mark.guarantee("G7.15")
@pytest.mark.parametrize("said", ["", "0", "-1", "1.5", "soon", "\u0663", "1e3"])
async def test_a_wrong_time_is_told(js: JetStream, said: str) -> None:
    slow = Slow()
    async with answered(js, slow):
        reply = await js.link.request(SUBJECT, b"x", timeout=10, headers={TIMEOUT_HEADER: said})
    assert reply.headers is not None
    assert reply.headers["Nats-Service-Error-Code"] == "400"
    assert TIMEOUT_HEADER in reply.headers["Nats-Service-Error"]
    assert slow.begun == []


@pytest.mark.guarantee("G5.14")
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
async def test_a_header_of_a_question_counts_in_whatever_case_it_is_written(
    js: JetStream, spell: Callable[[str], str]
) -> None:
    heard: list[Mapping[str, str]] = []

    async def note(_subject: str, data: bytes, headers: Mapping[str, str]) -> bytes:
        heard.append(headers)
        return data

    async with asyncio.TaskGroup() as tasks:
        answering = Answering(js, micro_name("slow"), tasks)
        await answering.add("slow", SUBJECT, note)
        await answering.start()
        wrong = {spell(TIMEOUT_HEADER): "soon"}
        reply = await js.link.request(SUBJECT, b"x", timeout=10, headers=wrong)
        assert reply.headers is not None
        assert reply.headers["Nats-Service-Error-Code"] == "400"
        token = {spell("Authorization"): "Bearer a.b.c", "Own-Name": "kept"}
        await js.link.request(SUBJECT, b"x", timeout=10, headers=token)
        await answering.stop()
    assert heard == [{"Authorization": "Bearer a.b.c", "Own-Name": "kept"}]


@pytest.mark.guarantee("G7.15")
async def test_whoever_does_not_say_how_long_it_waits_is_answered(js: JetStream) -> None:
    slow = Slow()
    slow.open.set()
    async with answered(js, slow):
        assert (await js.link.request(SUBJECT, b"x", timeout=10)).data == b"x"


async def asked_in_vain(js: JetStream, tasks: asyncio.TaskGroup, slow: Slow) -> list[bytes]:
    """Keep a member busy to the end, and return what waits behind that; nobody asks any more."""
    first = asked(js, tasks, named("first", AT_ONCE))
    await until(lambda: len(slow.begun) == AT_ONCE)
    waits = asked(js, tasks, later := named("later", 2 * AT_ONCE))
    await js.link.flush()
    for one in (*first, *waits):
        one.cancel()
    return later


@pytest.mark.guarantee("G7.17")
async def test_whoever_stops_asking_ends_what_was_begun_and_lets_nothing_begin(
    js: JetStream,
) -> None:
    slow = Slow()
    async with answered(js, slow) as tasks:
        await asked_in_vain(js, tasks, slow)
        await until(lambda: len(slow.ended) == AT_ONCE)
        slow.open.set()
        assert await ask(js, SUBJECT, b"next", {}, timeout=PATIENT) == b"next"
    assert sorted(slow.ended) == sorted(named("first", AT_ONCE))
    assert slow.begun == [*named("first", AT_ONCE), b"next"]


@pytest.mark.guarantee("G7.17")
async def test_whoever_stops_asking_ends_what_is_asked_on_the_way_and_nothing_else(
    js: JetStream,
) -> None:
    slow = Slow()

    async def passing_on(_subject: str, data: bytes, _headers: Mapping[str, str]) -> bytes:
        return await ask(js, SUBJECT, data, {}, timeout=PATIENT)

    async with answered(js, slow) as tasks:
        answering = Answering(js, micro_name("passing"), tasks)
        await answering.add("passing", "qry.passing", passing_on)
        await answering.start()
        stays = tasks.create_task(ask(js, "qry.passing", b"stays", {}, timeout=PATIENT))
        leaves = tasks.create_task(ask(js, "qry.passing", b"leaves", {}, timeout=PATIENT))
        await until(lambda: len(slow.begun) == 2)
        leaves.cancel()
        await until(lambda: slow.ended == [b"leaves"])
        slow.open.set()
        assert await stays == b"stays"
        await answering.stop()


@pytest.mark.guarantee("G7.18")
async def test_a_member_that_ends_tells_all_who_wait_to_ask_again_before_it_is_gone(
    js: JetStream, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those whose question is being answered, waits for its turn, or was just sent."""
    slow = Slow()
    heard: list[bytes] = []

    async def hear(message: Msg) -> None:
        heard.append(message.data)

    await js.link.subscribe(SUBJECT, cb=hear)
    async with asyncio.TaskGroup() as tasks:
        async with (
            connect(access.url, name="ends", user=access.user, password=access.password) as its,
            asyncio.TaskGroup() as work,
        ):
            answering = Answering(its, micro_name("slow"), work)
            await answering.add("slow", SUBJECT, slow.answer)
            await answering.start()
            await its.link.flush()
            waits = asked(js, tasks, named("early", 3 * AT_ONCE))
            await until(lambda: len(slow.begun) == AT_ONCE)
            end = its.link._send_unsubscribe

            async def ending(*args: Any, **more: Any) -> None:
                monkeypatch.undo()
                # The broker has handed them over, and hears of the end only then.
                waits.extend(asked(js, tasks, named("late", 3 * AT_ONCE)))
                await until(lambda: len(heard) == 6 * AT_ONCE)
                await end(*args, **more)

            monkeypatch.setattr(its.link, "_send_unsubscribe", ending)
            await answering.stop()
        assert await asyncio.gather(*waits) == [BUSY] * 6 * AT_ONCE
    assert sorted(slow.ended) == sorted(slow.begun)


@pytest.mark.guarantee("G7.18")
async def test_a_member_that_breaks_tells_whoever_it_was_answering_to_ask_again(
    js: JetStream,
) -> None:
    slow = Slow()

    waits: list[asyncio.Task[bytes | int]] = []

    async def breaking() -> None:
        await until(lambda: len(slow.begun) == AT_ONCE)
        raise LookupError("a bug")

    async def answers() -> None:
        async with asyncio.TaskGroup() as work:
            answering = Answering(js, micro_name("slow"), work)
            await answering.add("slow", SUBJECT, slow.answer)
            await answering.start()
            waits.extend(asked(js, tasks, named("early", 3 * AT_ONCE)))
            work.create_task(breaking())
            try:
                await asyncio.Event().wait()
            finally:
                await answering.stop()

    async with asyncio.TaskGroup() as tasks:
        with pytest.raises(ExceptionGroup, match="unhandled"):
            await answers()
        assert await asyncio.gather(*waits) == [BUSY] * 3 * AT_ONCE
