"""Between an event loop and blocking Git: request bodies on disk, answers out of a thread.

`git_http.py` uses it. Memory stays small whatever the size: a body beyond a megabyte goes to a
file, and a thread that writes waits until the network has taken what came before.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

PIECE_BYTES: Final = 64 * 1024
IN_MEMORY_BYTES: Final = 1024 * 1024
WRITE_SECONDS: Final = 60.0
"""How long a client may take for one piece."""
THREADS: Final = 8
"""How many exchanges run at once; further ones wait."""

log = logging.getLogger(__name__)


class BadBody(Exception):
    """The request's body is refused; `status` is the one to answer."""

    def __init__(self, status: int, text: str) -> None:
        """Refuse with this HTTP status."""
        super().__init__(text)
        self.status = status


class ClientGone(Exception):
    """Nobody takes the answer any more."""


class Body(Protocol):
    """A request's body, to be read from its start."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; empty at the end."""
        ...

    def close(self) -> None:
        """Forget it."""
        ...


async def spooled(pieces: AsyncIterator[bytes], encoding: str, max_bytes: int) -> Body:
    """Take a request's body in, unpacked.

    Args:
        pieces: The body as it arrives.
        encoding: Its `Content-Encoding`: `identity`, `gzip` or `x-gzip`.
        max_bytes: How much it may hold, packed and unpacked alike.

    Raises:
        BadBody: If it is too large, wrongly packed, or packed in another way.
    """
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise BadBody(415, f"Content-Encoding {encoding!r} is not taken; gzip is.")
    unpack = None if encoding == "identity" else zlib.decompressobj(wbits=31)
    # Closed by whoever answers, after the thread has read it.
    body = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
    try:
        taken = 0
        async for piece in pieces:
            taken += len(piece)
            _require_room(taken, max_bytes)
            _take(body, piece, unpack, max_bytes)
        _require_end(unpack)
        body.seek(0)
    except BaseException:
        body.close()
        raise
    return body


def _take(
    body: tempfile.SpooledTemporaryFile[bytes],
    piece: bytes,
    unpack: zlib._Decompress | None,
    max_bytes: int,
) -> None:
    room = max_bytes - body.tell()
    if unpack is not None:
        try:
            # One byte more than there is room for is enough to know.
            piece = unpack.decompress(piece, room + 1)
        except zlib.error as error:
            raise BadBody(400, "The gzip body is damaged.") from error
    _require_room(body.tell() + len(piece), max_bytes)
    body.write(piece)


def _require_room(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise BadBody(413, f"The body is larger than {max_bytes} bytes.")


def _require_end(unpack: zlib._Decompress | None) -> None:
    if unpack is not None and not unpack.eof:
        raise BadBody(400, "The gzip body is cut short.")


class Workers:
    """The threads that Git runs in, apart from those of everything else."""

    def __init__(self) -> None:
        """Make no thread before the first use."""
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="git-http")

    async def run(self, work: Callable[[], None]) -> None:
        """Do blocking work in one of the threads."""
        await asyncio.get_running_loop().run_in_executor(self._pool, work)


class ThreadedAnswer(Response):
    """An answer whose body a blocking function writes, piece by piece."""

    def __init__(
        self,
        work: Callable[[Callable[[bytes], None]], None],
        workers: Workers,
        finish: Callable[[], None],
        failed: Callable[[Exception], Response | None],
        *,
        headers: dict[str, str],
        media_type: str,
    ) -> None:
        """Answer with what `work` writes.

        Args:
            work: Gets the function to write with.
            workers: Where it runs.
            finish: Called at the end, whatever happened.
            failed: Turns a failure before the first piece into an answer; None re-raises it.
            headers: Of the answer.
            media_type: Of the answer.
        """
        self._work = work
        self._workers = workers
        self._finish = finish
        self._failed = failed
        self.background = None
        self.status_code = 200
        self.media_type = media_type
        self.body = b""
        self.init_headers(headers)
        del self.headers["content-length"]

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; returns when the thread has ended."""
        out = _Out(send, {"status": 200, "headers": self.raw_headers}, asyncio.get_running_loop())
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(_watch(receive, out.gone))
                try:
                    await self._workers.run(lambda: self._write(out))
                finally:
                    watch.cancel()
        except* ClientGone:
            log.info("git client went away")
        except* Exception as errors:
            answer = None if out.begun else self._failed(_first(errors))
            if answer is None:
                raise
            await answer(scope, receive, send)
        finally:
            out.gone.set()
            self._finish()

    def _write(self, out: _Out) -> None:
        self._work(out.write)
        out.end()


class _Out:
    """The way of a thread's bytes to the client; used by that thread alone."""

    def __init__(
        self, send: Send, start: dict[str, object], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._send = send
        self._start = start
        self._loop = loop
        self._waiting = bytearray()
        self.begun = False
        self.gone = threading.Event()

    def write(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) >= PIECE_BYTES:
            self._flush(more=True)

    def end(self) -> None:
        self._flush(more=False)

    def _flush(self, *, more: bool) -> None:
        body = {"type": "http.response.body", "body": bytes(self._waiting), "more_body": more}
        if self.begun:
            self._put(body)
        else:
            self.begun = True
            self._put({"type": "http.response.start", **self._start}, body)
        self._waiting.clear()

    def _put(self, *messages: dict[str, object]) -> None:
        if self.gone.is_set():
            raise ClientGone
        future = asyncio.run_coroutine_threadsafe(_sent(self._send, messages), self._loop)
        try:
            future.result(WRITE_SECONDS)
        except TimeoutError as error:
            future.cancel()
            raise ClientGone from error


async def _sent(send: Send, messages: Sequence[dict[str, object]]) -> None:
    for message in messages:
        await send(message)


async def _watch(receive: Receive, gone: threading.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    gone.set()


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    for error in errors.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise errors
