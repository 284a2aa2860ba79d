"""Query endpoints on the broker's micro protocol; the queue group shares them among members.

Who asks names where the answer goes, and the broker lets a member answer there whatever place it
is: so a question is taken only if its answer goes where answers are heard.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from nats.errors import Error as NatsError
from nats.errors import FlushTimeoutError
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, Service, ServiceConfig

from catalyst.chassis.errors import unquoted
from catalyst.chassis.jetstream.broker import JetStream

AT_ONCE: Final = 32
"""Questions that are answered at the same time; further ones wait."""
LONGEST_SECONDS: Final = 30.0
"""For one answer; whoever asked has given up long before."""

SHOWN: Final = 100
"""Characters of a wrong place that are logged."""

log = logging.getLogger(__name__)

VERSION: Final = "1.0.0"

HEARD: Final = "_"
"""What a place for answers begins with: an inbox, and what the broker makes of one between
accounts. No stream takes such a subject, no outcome is awaited there, and none is the broker's."""

Answer = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes]]
"""Takes subject, body and headers of a question; returns the body of the answer."""


class Answering:
    """The endpoints of one member."""

    def __init__(self, js: JetStream, name: str, tasks: asyncio.TaskGroup) -> None:
        """Answer on `js` under the service name `name` of the micro protocol, with `tasks`."""
        self._js = js
        self._name = name
        self._tasks = tasks
        self._free = asyncio.Semaphore(AT_ONCE)
        self._open: set[asyncio.Task[None]] = set()
        self._service: Service | None = None

    async def start(self) -> Service:
        """Say from now on that the member is at work, with endpoints or without.

        Raises:
            Unavailable: If the connection is lost meanwhile and does not come back.
        """
        if self._service is None:
            self._service = Service(self._js.link, ServiceConfig(name=self._name, version=VERSION))
            try:
                await self._service.start()
            except FlushTimeoutError as error:
                # The broker went away in between. What was subscribed is so again once it is back.
                log.warning("broker slow to begin answering", extra={"why": str(error)})
                await self._js.ready()
        return self._service

    async def add(self, name: str, subject: str, answer: Answer) -> None:
        """Answer questions on `subject` from now on.

        Raises:
            Unavailable: As `start`.
        """
        service = await self.start()

        async def handle(request: Request) -> None:
            # The library has no public name for it.
            place = request._msg.reply  # noqa: SLF001
            if not place.startswith(HEARD):
                facts = {"subject": request.subject, "place": place[:SHOWN]}
                log.warning("question without a place for its answer", extra=facts)
                return
            # The subscription hands over one after the other, and an answer waits for the broker
            # most of the time: answered in turn, each would wait for all before it.
            await self._free.acquire()
            task = self._tasks.create_task(respond(request), name=name)
            self._open.add(task)
            task.add_done_callback(self._done)

        async def respond(request: Request) -> None:
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    body = await answer(request.subject, request.data, request.headers or {})
            except Exception as error:  # noqa: BLE001 - logged below
                facts = {"subject": request.subject, **unquoted(error)}
                log.error("question not answered", extra=facts)  # noqa: TRY400
                await self._send(request.respond_error("500", "the question could not be answered"))
            else:
                await self._send(request.respond(body))

        await service.add_endpoint(EndpointConfig(name=name, subject=subject, handler=handle))

    async def stop(self) -> None:
        """Answer no more."""
        if self._service is not None:
            await self._service.stop()
            self._service = None
        for task in self._open:
            task.cancel()

    async def _send(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except NatsError as error:
            # Whoever asked asks again; the connection is the worker's to mind.
            log.warning("answer not sent", extra={"why": type(error).__name__})

    def _done(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self._free.release()
