"""One connection: nats-py's client, plus what the port needs and the client does not have.

Taps hand a subscription's messages over straight from the socket, without a task, a queue and
parsed headers for each. Calls share one inbox and fail at once when the connection drops. Used by
`catalyst.chassis.jetstream.broker`, `puller` and `consume`; overrides inner methods of nats-py,
which `tests/unit/chassis/jetstream/test_link.py` holds in place.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Collection
from typing import Any

from nats import errors
from nats.aio.subscription import Subscription
from typing_extensions import override

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.parsing import QuickParser, Tap
from catalyst.chassis.jetstream.port import BrokerError, Denied, Unavailable
from catalyst.client.connection import Connection

log = logging.getLogger(__name__)


class Call:
    """A request on its way, with the replies so far."""

    __slots__ = ("deadline", "done", "late", "many", "replies", "subjects")

    def __init__(self, subjects: Collection[str], deadline: float, *, many: bool) -> None:
        self.subjects = subjects
        self.deadline = deadline
        self.many = many
        self.replies: list[wire.Raw] = []
        self.late = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, reply: wire.Raw) -> None:
        """Add a reply; the only one, or a status, is the last."""
        self.replies.append(reply)
        if not self.many or wire.status(reply.headers).code:
            self.finish(None)

    def finish(self, error: BrokerError | None) -> None:
        """Wake the caller, once."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)

    def expire(self) -> None:
        """Wake the caller, since there is no more time for a reply."""
        if not self.done.done():
            self.late = True
            self.done.set_result(None)


class Link(Connection):
    """A connection that never gives up by itself, and says when it is closed for good."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()
        """Set when nothing will ever arrive again."""
        self.drops = 0
        """How often the connection was lost. A reader compares it to notice a gap."""
        self._up = asyncio.Event()
        self._taps: dict[int, Tap] = {}
        self._ps = QuickParser(self, self._taps, self._process_msg)
        self._calls: dict[bytes, Call] = {}
        self._sweeping: asyncio.Handle | None = None
        self._due = 0.0
        """When the calls are looked at next; the handle of a moment that is nearly there has none
        on uvloop."""
        self._watchers: set[Callable[[], None]] = set()
        self._counter = 0
        self._inbox = ""
        self._deaf: Denied | None = None
        self._said = ""

    @property
    def server_name(self) -> str:
        """The server of the present connection, or of the last one."""
        return str(self._server_info.get("server_name", ""))

    async def open(self, servers: str | list[str], options: dict[str, Any]) -> None:
        """Connect for the first time; the callbacks are the link's own.

        Raises:
            Denied: If the broker does not take the credentials.
        """
        await super().connect(
            servers,
            error_cb=self._on_first_error,
            disconnected_cb=self._on_drop,
            reconnected_cb=self._on_up,
            closed_cb=self._on_closed,
            max_reconnect_attempts=-1,
            **options,
        )
        self._error_cb = self._on_error
        self._inbox = f"{self.new_inbox()}."
        await self.tap(f"{self._inbox}*", self._take_reply)
        self._up.set()

    async def ready(self, timeout: float) -> None:
        """Wait until there is a connection.

        Raises:
            Unavailable: If there is none after `timeout` seconds, or never again.
        """
        if self.is_connected:
            return
        self._up.clear()
        try:
            async with asyncio.timeout(timeout):
                while not self.is_connected:
                    if self.is_closed:
                        raise Unavailable(503, 0, "the connection to the broker is closed")
                    self._up.clear()
                    await self._up.wait()
        except TimeoutError:
            raise Unavailable(503, 0, "no connection to the broker") from None

    async def tap(self, subject: str, take: Tap) -> int:
        """Subscribe without a queue; answers the number that `untap` wants."""
        self._sid += 1
        sid = self._sid
        subscription = Subscription(self, sid, subject)
        # The client replays what stands in this table after a reconnect.
        self._subs[sid] = subscription
        self._taps[sid] = take
        await self._send_subscribe(subscription)
        return sid

    async def untap(self, sid: int) -> None:
        """End a tap; unknown numbers are ignored, since a closed link has none."""
        if self._taps.pop(sid, None) is None or self._subs.pop(sid, None) is None:
            return
        if self.is_connected:
            await self._send_unsubscribe(sid)

    async def hush(self, sid: int) -> None:
        """End a tap at the broker, and return when all that it had sent has been taken.

        Raises:
            Unavailable: If the connection is gone: nothing more will come then.
        """
        await self.ready(0)
        await self._send_unsubscribe(sid)
        try:
            await self.flush()
        except errors.Error as error:
            raise Unavailable(503, 0, "the connection to the broker was lost") from error

    def watch(self, dropped: Callable[[], None]) -> None:
        """Call `dropped` whenever the connection is lost, until `unwatch`."""
        self._watchers.add(dropped)

    def unwatch(self, dropped: Callable[[], None]) -> None:
        """Stop calling it."""
        self._watchers.discard(dropped)

    async def send(self, *frames: bytes) -> None:
        """Queue frames for the socket, together and in order.

        Raises:
            Unavailable: If the connection is closed, or too much waits for it to come back.
        """
        if self.is_closed:
            raise Unavailable(503, 0, "the connection to the broker is closed")
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        if not self.is_connected and self._pending_data_size + len(data) > self._max_pending_size:
            raise Unavailable(503, 0, "no connection to the broker, and its buffer is full")
        self.stats["out_msgs"] += len(frames)
        self.stats["out_bytes"] += len(data)
        await self._send_command(data)
        if not self._is_flushing():
            await self._flush_pending()

    async def call(
        self,
        frames: Callable[[str], list[bytes]],
        subjects: Collection[str],
        *,
        timeout: float,
        many: bool = False,
    ) -> list[wire.Raw]:
        """Send what `frames` makes of an inbox, and wait for the reply to it.

        With `many`, all replies up to and with the one that has a status.

        Raises:
            Unavailable: If no reply came, or nobody listens.
            Denied: If the broker refused one of `subjects`, or all replies, to these credentials.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        if not self.is_connected:
            await self.ready(timeout)
        if self._deaf is not None:
            raise self._deaf
        self._counter += 1
        token = str(self._counter)
        key = token.encode()
        call = self._calls[key] = Call(subjects, deadline, many=many)
        self._sweep_at(loop, deadline)
        try:
            made = frames(self._inbox + token)
            if self._pending_data_size < self._max_pending_size // 2:
                await self.send(*made)
            else:
                # It may have to wait for the socket.
                async with asyncio.timeout_at(deadline):
                    await self.send(*made)
            await call.done
        except TimeoutError:
            call.late = True
        finally:
            del self._calls[key]
        if call.late:
            raise Unavailable(408, 0, f"no answer within {timeout:g} s")
        if wire.status(call.replies[-1].headers).code == 503:
            raise Unavailable(503, 0, f"nobody answers on {next(iter(subjects))!r}")
        return call.replies

    def _sweep_at(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """Let late calls end. One timer serves all: one for each costs as much as the call."""
        if self._sweeping is not None:
            if self._due <= deadline:
                return
            self._sweeping.cancel()
        self._due = deadline
        self._sweeping = loop.call_at(deadline, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeping = None
        now = loop.time()
        first = math.inf
        for call in self._calls.values():
            if call.deadline <= now:
                call.expire()
            else:
                first = min(first, call.deadline)
        if first < math.inf:
            self._sweep_at(loop, first)

    def _is_flushing(self) -> bool:
        """Whether what was just queued is written anyway, by whoever was told to before."""
        told, flusher = self._flush_queue, self._flusher_task
        if told is None or flusher is None:
            return False
        return not told.empty() and not flusher.done()

    def _take_reply(self, reply: wire.Raw) -> None:
        call = self._calls.get(reply.subject[len(self._inbox) :])
        if call is not None:
            call.take(reply)

    @override
    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        # nats-py writes it past what still waits to be sent, so that its answer would say nothing
        # about whether the broker has read that.
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        await self._send_command(b"PING\r\n")
        await self._flush_pending()

    @override
    async def _process_pong(self) -> None:
        # nats-py takes it for an error of the connection, and ends that, if whoever asked has left.
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    @override
    async def _read_loop(self) -> None:
        await super()._read_loop()
        # nats-py logs an unexpected error, ends the loop and goes on calling itself connected.
        if self.is_connected and self._reading_task is asyncio.current_task():
            await self._process_op_err(errors.Error("the read loop ended"))

    async def _on_up(self) -> None:
        log.info("broker connection is back")
        self._said = ""
        self._up.set()

    async def _on_drop(self) -> None:
        if not self.is_closed:
            log.warning("broker connection lost")
        self.drops += 1
        # What was not sent yet must not be sent later, when its caller has long given up.
        self._pending.clear()
        self._pending_data_size = 0
        self._fail(Unavailable(503, 0, "the connection to the broker was lost"))
        for dropped in tuple(self._watchers):
            dropped()

    async def _on_closed(self) -> None:
        self.closed.set()
        self._up.set()
        self._fail(Unavailable(503, 0, "the connection to the broker is closed"))
        for dropped in tuple(self._watchers):
            dropped()

    async def _on_first_error(self, error: Exception) -> None:
        if "authorization violation" in str(error).lower():
            raise Denied(403, 0, "the broker does not accept these credentials") from error
        await self._on_error(error)

    async def _on_error(self, error: Exception) -> None:
        text = str(error) or repr(error)
        # A broker that is away refuses four times a second, always in the same words.
        level = logging.DEBUG if text == self._said else logging.WARNING
        self._said = text
        log.log(level, "broker connection reported an error", extra={"error": text})
        # nats-py lowers the case of what the server says, the subject included.
        if "permissions violation for subscription" in text and self._inbox.lower() in text:
            self._deaf = Denied(403, 0, text)
            self._fail(self._deaf)
        elif "permissions violation" in text:
            for call in self._calls.values():
                if any(f'"{subject.lower()}"' in text for subject in call.subjects):
                    call.finish(Denied(403, 0, text))

    def _fail(self, error: BrokerError) -> None:
        for call in self._calls.values():
            call.finish(error)
