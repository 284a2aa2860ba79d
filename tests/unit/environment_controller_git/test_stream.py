"""Bodies in and answers out: bounded in memory, ended when nobody listens."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse, Response
from typing_extensions import override

from catalyst.environment_controller.adapters.git_stream import (
    PIECE_BYTES,
    BadBody,
    ClientGone,
    ThreadedAnswer,
    Workers,
    spooled,
)

Write = Callable[[bytes], None]


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read_all(encoding: str, limit: int, *parts: bytes) -> bytes:
    body = await spooled(pieces(*parts), encoding, limit)
    try:
        return body.read(10**9)
    finally:
        body.close()


@given(st.binary(max_size=5000), st.integers(1, 4999))
def test_a_packed_body_arrives_however_it_is_cut(content: bytes, cut: int) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(content) + packer.flush()
    parts = [packed[start : start + cut] for start in range(0, len(packed), cut)]
    assert asyncio.run(read_all("gzip", max(len(content), len(packed)), *parts)) == content


async def test_a_packed_body_that_never_says_anything_is_refused() -> None:
    # An empty stored block: five bytes of input without any output, for ever.
    head = zlib.compressobj(wbits=31).flush(zlib.Z_SYNC_FLUSH)
    nothing = [head, *([b"\x00\x00\x00\xff\xff"] * 300)]
    with pytest.raises(BadBody) as refused:
        await read_all("gzip", 1000, *nothing)
    assert refused.value.status == 413


class Caller:
    """One end of an ASGI connection."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.got.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)


class Finished:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def teapot(error: Exception) -> Response | None:
    return PlainTextResponse("short and stout", 418) if isinstance(error, KeyError) else None


def answer(work: Callable[[Write], None], finished: Finished) -> ThreadedAnswer:
    return ThreadedAnswer(work, Workers(), finished, teapot, headers={"X-A": "b"}, media_type="a/b")


async def serve(work: Callable[[Write], None], caller: Caller, finished: Finished) -> None:
    async with asyncio.timeout(20):
        await answer(work, finished)({"type": "http"}, caller.receive, caller.send)


async def test_small_writes_arrive_together() -> None:
    caller, finished = Caller(), Finished()

    def work(write: Write) -> None:
        for number in range(1000):
            write(b"%d," % number)

    await serve(work, caller, finished)
    assert caller.body == b"".join(b"%d," % number for number in range(1000))
    start, body = caller.got
    assert (start["status"], (b"x-a", b"b") in start["headers"]) == (200, True)
    assert not body["more_body"]
    assert finished.count == 1


async def test_the_thread_is_never_ahead_of_a_slow_client() -> None:
    finished, written, seen = Finished(), list[int](), list[int]()

    class Slow(Caller):
        @override
        async def send(self, message: Any) -> None:
            if message["type"] == "http.response.body":
                seen.append(len(written))
            for _ in range(20):
                await asyncio.to_thread(int)
            await super().send(message)

    def work(write: Write) -> None:
        for number in range(5):
            write(b"x" * PIECE_BYTES)
            written.append(number)

    caller = Slow()
    await serve(work, caller, finished)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert len(caller.body) == 5 * PIECE_BYTES


async def test_the_thread_ends_when_the_client_is_gone() -> None:
    caller, finished, raised = Caller(), Finished(), list[str]()

    def work(write: Write) -> None:
        try:
            while True:
                write(b"x" * PIECE_BYTES)
                caller_loop.call_soon_threadsafe(caller.gone.set)
        except ClientGone:
            raised.append("gone")
            raise

    caller_loop = asyncio.get_running_loop()
    await serve(work, caller, finished)
    assert raised == ["gone"]
    assert finished.count == 1


async def test_a_failure_before_the_first_piece_gets_an_answer_of_its_own() -> None:
    caller, finished = Caller(), Finished()

    def work(write: Write) -> None:
        write(b"never sent")
        raise KeyError("x")

    await serve(work, caller, finished)
    assert (caller.got[0]["status"], caller.body) == (418, b"short and stout")
    assert finished.count == 1


async def test_a_failure_in_the_middle_breaks_the_answer_off() -> None:
    caller, finished = Caller(), Finished()

    def work(write: Write) -> None:
        write(b"x" * PIECE_BYTES)
        raise KeyError("x")

    with pytest.RaisesGroup(KeyError):
        await serve(work, caller, finished)
    assert caller.got[-1]["more_body"]
    assert finished.count == 1


async def test_a_bug_is_not_hidden() -> None:
    caller, finished = Caller(), Finished()

    def work(write: Write) -> None:
        raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError):
        await serve(work, caller, finished)
    assert finished.count == 1
