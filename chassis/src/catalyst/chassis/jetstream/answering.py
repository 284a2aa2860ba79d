"""Query endpoints on the broker's micro protocol; the queue group shares them among members.

Who asks names where the answer goes, and the broker lets a member answer there whatever place it
is: so a question is taken only if its answer goes where answers are heard.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Final

from nats.errors import Error as NatsError
from nats.errors import FlushTimeoutError
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, Service, ServiceConfig

from catalyst.chassis.errors import unquoted
from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.asking import BUSY, LEFT_HEADER, TIMEOUT_HEADER, UNTIL
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.waiting import Answer, Question, Waiting

AT_ONCE: Final = 8
"""Questions that are answered at the same time; further ones wait. An answer waits for the broker
much of the time, and takes the processor for the rest: the more at once, the later is each."""
LONGEST_SECONDS: Final = 30.0
"""For one answer, from when the question came."""

SHOWN: Final = 100
"""Characters of a wrong place that are logged."""

log = logging.getLogger(__name__)

VERSION: Final = "1.0.0"

HEARD: Final = "_"
"""What a place for answers begins with: an inbox, and what the broker makes of one between
accounts. No stream takes such a subject, no outcome is awaited there, and none is the broker's."""


class Answering:
    """The endpoints of one member."""

    def __init__(self, js: JetStream, name: str, tasks: asyncio.TaskGroup) -> None:
        """Answer on `js` under the service name `name` of the micro protocol, with `tasks`."""
        self._js = js
        self._name = name
        self._tasks = tasks
        self._waiting = Waiting()
        self._open: dict[asyncio.Task[None], Question] = {}
        """What is being answered, and somebody waits for."""
        self._cut: list[Question] = []
        """What was being answered by tasks that were ended by others."""
        self._ending = False
        self._service: Service | None = None

    async def start(self) -> Service:
        """Say from now on that the member is at work, and hears all that was added before.

        Raises:
            Unavailable: If the connection is lost meanwhile and does not come back.
        """
        service = self._made()
        try:
            await service.start()
        except FlushTimeoutError as error:
            # The broker went away in between. What was subscribed is so again once it is back.
            log.warning("broker slow to begin answering", extra={"why": str(error)})
            await self._js.ready()
        return service

    async def add(self, name: str, subject: str, answer: Answer) -> None:
        """Answer questions on `subject` as soon as the broker knows; `start` waits for that.

        To be called before `start`: whoever finds somebody at work takes a question that nobody
        hears for one that does not exist.
        """

        async def handle(request: Request) -> None:
            # The library has no public name for it.
            place = request._msg.reply  # noqa: SLF001
            if not place.startswith(HEARD):
                facts = {"subject": request.subject, "place": place[:SHOWN]}
                log.warning("question without a place for its answer", extra=facts)
                return
            headers = wire.spelled(request.headers or {})
            if LEFT_HEADER in headers:
                self._leave(place)
                return
            if self._ending:
                await self._refuse(request)
                return
            now = asyncio.get_running_loop().time()
            try:
                until = now + _seconds(headers)
            except ValueError:
                wrong = f"{TIMEOUT_HEADER} is a number of milliseconds from 1 on"
                await self._send(request.respond_error("400", wrong))
                return
            # The subscription hands over one after the other: nothing is answered here.
            question = Question(name, request, headers, answer, until, place)
            for lost in self._waiting.put(question, now):
                busy = "too many questions wait: ask again in a moment"
                await self._send(lost.request.respond_error(str(BUSY), busy))
            self._next()

        config = EndpointConfig(name=name, subject=subject, handler=handle)
        await self._made().add_endpoint(config)

    async def stop(self) -> None:
        """Answer no more: whoever asked and has no answer is told at once to ask again."""
        self._ending = True
        unanswered = [*self._cut, *self._open.values()]
        for task in self._open:
            task.cancel()
        self._open.clear()
        now = asyncio.get_running_loop().time()
        while (question := self._waiting.take(now)) is not None:
            unanswered.append(question)
        for question in unanswered:
            await self._refuse(question.request)
        if self._service is None or self._js.closed.is_set():
            return
        service, self._service = self._service, None
        # The library ends an endpoint together with what has come and was not handed over.
        endpoints, service._endpoints = service._endpoints, []  # noqa: SLF001
        try:
            for endpoint in endpoints:
                await endpoint._subscription.drain()  # noqa: SLF001
            await service.stop()
        except NatsError as error:
            # Who asked is told by the connection, which is gone.
            log.info("ended without a broker", extra={"why": type(error).__name__})

    def _made(self) -> Service:
        if self._service is None:
            self._service = Service(self._js.link, ServiceConfig(name=self._name, version=VERSION))
        return self._service

    def _next(self) -> None:
        now = asyncio.get_running_loop().time()
        while len(self._open) < AT_ONCE and (question := self._waiting.take(now)) is not None:
            task = self._tasks.create_task(self._respond(question), name=question.name)
            self._open[task] = question
            task.add_done_callback(self._done)

    def _leave(self, place: str) -> None:
        """End a question whose asker does not wait any more, wherever it is."""
        self._waiting.leave(place)
        for task, question in self._open.items():
            if question.place == place:
                del self._open[task]
                task.cancel()
                return

    async def _refuse(self, request: Request) -> None:
        ends = "whoever was to answer has ended: ask again in a moment"
        await self._send(request.respond_error(str(BUSY), ends))

    async def _respond(self, question: Question) -> None:
        request = question.request
        # What is asked on the way is awaited no longer than that.
        UNTIL.set(question.until)
        try:
            async with asyncio.timeout_at(question.until) as awaited:
                body = await question.answer(request.subject, request.data, question.headers)
        except Exception as error:  # noqa: BLE001 - logged below
            if isinstance(error, TimeoutError) and awaited.expired():
                log.info("question given up", extra={"subject": request.subject})
                await self._send(request.respond_error("408", "not answered in time"))
                return
            facts = {"subject": request.subject, **unquoted(error)}
            log.error("question not answered", extra=facts)  # noqa: TRY400
            await self._send(request.respond_error("500", "the question could not be answered"))
        else:
            await self._send(request.respond(body))

    async def _send(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except NatsError as error:
            # Whoever asked asks again; the connection is the worker's to mind.
            log.warning("answer not sent", extra={"why": type(error).__name__})

    def _done(self, task: asyncio.Task[None]) -> None:
        question = self._open.pop(task, None)
        if question is not None and task.cancelled():
            # Not by us: the group that answers is ending, and takes nothing more.
            self._cut.append(question)
        else:
            self._next()


def _seconds(headers: Mapping[str, str]) -> float:
    """Return how long whoever asks waits.

    Raises:
        ValueError: If that is not said in milliseconds.
    """
    said = headers.get(TIMEOUT_HEADER)
    if said is None:
        return LONGEST_SECONDS
    if not (said.isascii() and said.isdecimal() and int(said)):
        raise ValueError(said)
    return min(int(said) / 1000, LONGEST_SECONDS)
