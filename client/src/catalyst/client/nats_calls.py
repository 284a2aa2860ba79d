"""Questions to the broker on one connection, and what it refuses out of band.

Used by `catalyst.client.nats_transport`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from nats import errors as nats_errors
from nats.aio.msg import Msg

from catalyst.client.connection import Connection
from catalyst.client.errors import Problem, TimedOut, Unreachable
from catalyst.contracts.rejection import CODES

CALL_SECONDS: Final = 1.0
"""One try of one call. A first call into a dying connection would otherwise wait for 5 s."""


class Answer(msgspec.Struct, frozen=True):
    """What came back for one call."""

    data: bytes
    headers: dict[str, str]

    @property
    def status(self) -> str:
        """Status line of an answer without a body, such as `404`; empty for a usual one."""
        return self.headers.get("Status", "")


class _Call:
    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Calls:
    """Asks on one inbox, which is subscribed at the first call.

    The broker announces a denied publish on the connection and not as an answer; here the call
    fails at once instead of running into its timeout.
    """

    def __init__(self, connection: Connection) -> None:
        """Ask over `connection`, whose errors must be handed to `complain`."""
        self._connection = connection
        self._calls: dict[str, _Call] = {}
        self._numbers = itertools.count(1)
        self._inbox = ""
        self._lock = asyncio.Lock()
        self.last_complaint: Exception | None = None
        """The last thing the connection reported."""
        self.opening = True
        """Until the first connection stands; after that the library keeps trying by itself."""

    async def ask(
        self,
        subject: str,
        payload: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        timeout: float = CALL_SECONDS,
    ) -> Answer:
        """Ask once.

        Raises:
            Problem: If these credentials may not.
            TimedOut: If no answer came, for whatever reason; it may have been carried out.
            Unreachable: If the connection is closed for good.
        """
        await self._open_inbox()
        token = str(next(self._numbers))
        call = self._calls[token] = _Call(subject)
        try:
            async with asyncio.timeout(max(timeout, 0.0)):
                await self._connection.publish(
                    subject, payload, reply=f"{self._inbox}.{token}", headers=headers
                )
                answer = await call.answer
        except nats_errors.ConnectionClosedError as error:
            raise Unreachable("the connection to the broker is closed") from error
        except (nats_errors.Error, TimeoutError, OSError) as error:
            raise TimedOut("no answer from the broker") from error
        finally:
            del self._calls[token]
        if answer.status == "503":
            raise TimedOut(f"nobody takes messages on {subject}")
        return answer

    async def listen(
        self, subject: str, take: Callable[[str, bytes], None]
    ) -> Callable[[], Awaitable[None]]:
        """Hand every message of a subject to `take`; what is returned ends that."""

        async def hand_over(message: Msg) -> None:
            take(message.subject, message.data)

        subscription = await self._connection.subscribe(subject, cb=hand_over)

        async def end() -> None:
            if not self._connection.is_closed:
                await subscription.unsubscribe()

        return end

    async def complain(self, error: Exception) -> None:
        """Take an error that the connection reports.

        Raises:
            Problem: If the broker does not take the credentials of a first connection.
        """
        self.last_complaint = error
        text = str(error)
        if self.opening and "authorization violation" in text.lower():
            raise problem("unauthenticated", "the broker does not take these credentials")
        if "permissions violation" not in text:
            return
        # The library lowers the case of what the broker says, the subject included.
        deaf = f'subscription to "{self._inbox.lower()}.' in text
        for call in self._calls.values():
            if deaf:
                call.fail(problem("forbidden", "these credentials may not hear answers here"))
            elif f'"{call.subject.lower()}"' in text:
                call.fail(problem("forbidden", f"these credentials may not use {call.subject}"))

    async def _open_inbox(self) -> None:
        async with self._lock:
            if self._inbox:
                return
            self._inbox = self._connection.new_inbox()
            await self._connection.subscribe(f"{self._inbox}.*", cb=self._take)

    async def _take(self, message: Msg) -> None:
        call = self._calls.get(message.subject.rpartition(".")[2])
        if call is not None and not call.answer.done():
            call.answer.set_result(Answer(message.data, dict(message.headers or {})))


def problem(code: str, text: str) -> Problem:
    """Return a registered code as the problem that an HTTP door would answer with."""
    return Problem(CODES[code].status, code, text)
