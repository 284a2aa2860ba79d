"""A worker: everything that happens when something arrives for one service, wired.

Started by the service's `main`. Order: streams and durables match, roles are caught up, the lease
is held, then the first message is taken. Who loses the lease lets go and waits for it again. On
the way out the lanes empty before the connection closes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple

from catalyst.chassis import clock, cursors, events, inputs, parking
from catalyst.chassis.access import RolesTable
from catalyst.chassis.brokerclock import BrokerClock
from catalyst.chassis.clearing import Clearing
from catalyst.chassis.deciding import Deciding
from catalyst.chassis.door import Door, Unreadable
from catalyst.chassis.effect import Effects
from catalyst.chassis.errors import Retry, said, unquoted
from catalyst.chassis.firing import Firings
from catalyst.chassis.grouping import Grouping
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.consume import Durable, Intake
from catalyst.chassis.jetstream.port import Acked, BrokerError, Delivery, Unavailable, Verdict
from catalyst.chassis.job import Job
from catalyst.chassis.lane import Lanes
from catalyst.chassis.lease import Lease
from catalyst.chassis.measures import Measures
from catalyst.chassis.questions import Questions
from catalyst.chassis.relay import Relay
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.service import Process, Service
from catalyst.chassis.sourcing import Sourcing
from catalyst.chassis.states import States
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
from catalyst.contracts.message import Outcome
from catalyst.contracts.topology import Consumer

log = logging.getLogger(__name__)


class _Taken(NamedTuple):
    """A durable that this worker takes from, and the lanes that its messages go to."""

    consumer: Consumer
    durable: Durable
    lanes: Lanes[Any]


class Worker:
    """Runs one service until it is asked to stop."""

    def __init__(
        self, service: Service, runtime: Runtime, measures: Measures | None = None
    ) -> None:
        """Wire the service's table to the broker; nothing is fetched before `run`."""
        self._measures = measures or Measures()
        self._service = service
        self._runtime = runtime
        broker = runtime.broker
        self.table = RolesTable(runtime.js)
        aside = partial(parking.list_strays, broker)
        self.states = States(broker, service.by_kind, aside)
        self.grouping = Grouping(broker, self._measures)
        self._clock = BrokerClock(broker)
        self._deciding = Deciding(
            service,
            broker,
            self.states,
            self.grouping,
            self._clock,
            runtime.asking,
            self._measures,
        )
        self._door = Door(
            service=service.name,
            verifier=runtime.verifier,
            table=self.table,
            clock=self._clock,
            require_tokens=runtime.require_tokens,
        )
        self.active = asyncio.Event()
        """Set while this worker holds the lease and takes messages."""
        self._stop = asyncio.Event()
        self._intake: Intake | None = None

    def reading(self) -> str | None:
        """Return what is still read at the start, in words; None if this worker knows enough."""
        if not self.table.ready.is_set():
            return "the owners are being read"
        behind = next((item for item in self._service.indexes if not item.is_ready), None)
        return None if behind is None else f"the index {behind.name!r} is being read"

    def stop(self) -> None:
        """Ask `run` to drain and return."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`, then empty the lanes and return.

        Raises:
            ExceptionGroup: With `Unavailable` when the connection is gone for good: the process has
                to end and may start again.
        """
        await self._runtime.js.ready()
        await self._make_topology()
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(self.table.run(), name="roles"),
                tasks.create_task(self._until_closed(), name="connection"),
                *(
                    tasks.create_task(index.run(self._runtime.js, self._measures), name=index.name)
                    for index in self._service.indexes
                ),
            ]
            await self.table.ready.wait()
            for index in self._service.indexes:
                await index.ready()
            lease = Lease(
                self._runtime.broker,
                self._service.name,
                self._runtime.member,
                replicas=self._runtime.replicas,
            )
            helpers.append(tasks.create_task(self.grouping.run(), name="grouping"))
            waiting = tasks.create_task(self._stop.wait())
            while not self._stop.is_set():
                taking = tasks.create_task(lease.acquire(), name="lease")
                await asyncio.wait({waiting, taking}, return_when=asyncio.FIRST_COMPLETED)
                if taking.done():
                    await self._work(tasks, lease, waiting)
                taking.cancel()
            for task in (*helpers, waiting):
                task.cancel()

    async def _until_closed(self) -> None:
        """End the process with the connection, also while another one holds the lease."""
        await self._runtime.js.closed.wait()
        raise Unavailable(503, 0, "the connection to the broker is closed")

    async def _work(
        self, tasks: asyncio.TaskGroup, lease: Lease, stopping: asyncio.Task[Any]
    ) -> None:
        """Take messages until `stopping` is done or the lease is another's."""
        durables = self._durables(tasks)
        taken = [item.durable for item in durables]
        lanes = {id(item.lanes): item.lanes for item in durables}.values()
        self._measures.watch(self.active.is_set, lambda: sum(item.open for item in lanes))
        intake = Intake(self._runtime.js, taken, port=self._runtime.broker)
        self._intake = intake
        keeping = tasks.create_task(lease.keep(), name="lease")
        keeper = cursors.Keeper(self._runtime.broker, [item.consumer for item in durables])
        clearing = Clearing(self._runtime.broker, [item.consumer for item in durables])
        noting = [tasks.create_task(item.run()) for item in (keeper, clearing)]
        questions = Questions(self._service, self._runtime, self.table, self.states, tasks)
        await questions.start()
        fetching = tasks.create_task(intake.run(), name="intake")
        self.active.set()
        log.info("working", extra={"service": self._service.name})
        try:
            await asyncio.wait({stopping, keeping}, return_when=asyncio.FIRST_COMPLETED)
            lost = keeping.done()
            left = await intake.drain()
            if not lost:
                await keeper.keep()
                await clearing.clear()
            log.info("drained", extra={"unsettled": left})
            await fetching
            for item in durables:
                # What could not be settled in time is delivered again, here or elsewhere.
                item.lanes.abandon()
        finally:
            self.active.clear()
            for task in (keeping, *noting):
                task.cancel()
            await questions.stop()
        if not lost:
            await lease.release()

    async def _make_topology(self) -> None:
        for finding in await self._topology():
            log.warning(
                "setting left as it is",
                extra={"what": finding.what, "wanted": str(finding.wanted), "why": finding.why},
            )

    async def _topology(self) -> list[topology.Finding]:
        """Make the broker match; one that is slow to answer is asked again for a while.

        Raises:
            Unavailable: If it does not answer then either, or the connection is gone for good.
        """
        broker = self._runtime.broker
        until = clock.monotonic() + _TOPOLOGY_SECONDS
        while True:
            try:
                return await topology.ensure(
                    broker,
                    contract.topology_of(self._service.name),
                    replicas=self._runtime.replicas,
                )
            except Unavailable as error:
                if broker.closed.is_set() or clock.monotonic() > until:
                    raise
                log.info("broker not ready", extra={"why": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)

    def _durables(self, tasks: asyncio.TaskGroup) -> list[_Taken]:
        name = self._service.name
        jobs: Lanes[Callable[[], Awaitable[None]]] = Lanes(tasks, _call)
        relaying: Lanes[Delivery] = Lanes(tasks, self._relay().handle)

        def command(delivery: Delivery) -> None:
            jobs.put(_lane(delivery.subject), partial(self._on_command, delivery))

        def relay(delivery: Delivery) -> None:
            relaying.put(_lane(delivery.subject), delivery)

        firings = Firings(
            self._service, self._runtime.broker, jobs, tasks, self._finish, self._unread
        )
        found = [
            self._taken(contract.command_consumer(name), command, jobs),
            self._taken(contract.timer_consumer(name), firings.accept, firings.waits),
            self._taken(contract.relay_consumer(name), relay, relaying),
        ]
        by_name = {consumer.name: consumer for consumer in contract.CONSUMERS}
        for process in self._service.processes:
            if not process.events:
                continue  # It hears timers and answers alone, which need no durable of its own.
            take = partial(self._on_event, process, jobs)
            found.append(self._taken(by_name[f"{name}--{process.name}"], take, jobs))
        for source in self._service.sources:
            consumer = by_name[f"{name}--{source.name}"]
            if consumer.stream != source.stream:
                raise ValueError(f"{consumer.name} reads {consumer.stream}, not {source.stream}")
            sourcing = Sourcing(
                source,
                name,
                self._runtime.broker,
                self._deciding,
                self._settle,
                jobs,
                self._measures,
            )
            found.append(self._taken(consumer, sourcing.accept, jobs))
        for effect in self._service.effects:
            effects = Effects(
                effect,
                name,
                self._runtime.broker,
                self._settle,
                self.states.state,
                self._runtime.token,
                tasks,
                now=self._clock.now,
                telemetry=self._runtime.telemetry,
                measures=self._measures,
            )
            self._deciding.again[effect.name] = effects.again
            consumer = by_name[f"{name}--{effect.name}"]
            found.append(self._taken(consumer, effects.accept, effects.lanes))
        return found

    def _relay(self) -> Relay:
        runtime = self._runtime
        return Relay(
            self._service.name,
            runtime.broker,
            self._settle,
            runtime.token,
            telemetry=runtime.telemetry,
            measures=self._measures,
        )

    def _taken(
        self,
        consumer: Consumer,
        take: Callable[[Delivery], Awaitable[None] | None],
        lanes: Lanes[Any],
    ) -> _Taken:
        async def ensure() -> None:
            await topology.ensure_consumer(
                self._runtime.broker, consumer, replicas=self._runtime.replicas
            )

        return _Taken(consumer, Durable(consumer.stream, consumer.name, take, ensure), lanes)

    async def _settle(self, delivery: Delivery, verdict: Verdict) -> None:
        if self._intake is None:
            raise RuntimeError("nothing is fetched yet")
        await self._intake.settle(delivery, verdict)

    async def _on_command(self, delivery: Delivery) -> None:
        try:
            job = await self._admitted(delivery)
        except Unreadable as error:
            letter = parking.unread(delivery, error.code, error.message)
            log.warning("dead letter", extra={"code": error.code, "subject": delivery.subject})
            await self._unread(delivery, letter)
            return
        await self._finish(job, delivery)

    async def _admitted(self, delivery: Delivery) -> Job:
        while True:
            try:
                return await self._door.admit(delivery)
            except (BrokerError, Retry) as error:
                # Broker or the issuer's keys cannot be asked now: nobody is refused for that.
                log.info("door waits", extra={"why": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)
            except Unreadable:
                raise
            except Exception as error:
                # A bug in reading one message must not stop those behind it.
                log.error("door failed", extra={"subject": delivery.subject, **unquoted(error)})  # noqa: TRY400
                raise Unreadable("internal", said(error, quoting=False)) from error

    def _on_event(
        self,
        process: Process,
        jobs: Lanes[Callable[[], Awaitable[None]]],
        delivery: Delivery,
    ) -> Awaitable[None] | None:
        try:
            recorded = events.recorded(
                delivery.subject, delivery.data, seq=delivery.seq, time=delivery.time
            )
        except events.Unreadable as error:
            letter = parking.unread_event(delivery, error, process.name)
            return self._unread(delivery, letter)
        job = inputs.from_event(process, self._service.name, recorded, delivery.subject)
        if job is None:
            return self._settle(delivery, Acked())
        job.body = delivery.data
        job.traceparent = events.traceparent(delivery.data)
        jobs.put(job.ref.path, partial(self._finish, job, delivery))
        return None

    async def _unread(self, delivery: Delivery, letter: parking.Letter) -> None:
        """Set aside a message that never became a job, and settle it."""
        await parking.put_aside(self._runtime.broker, parking.unread_subject(delivery), letter)
        self._measures.letter(letter.reason)
        await self._settle(delivery, Acked())

    async def _finish(self, job: Job, delivery: Delivery) -> None:
        """Answer a job, tell its sender, then settle; nothing is settled before it is recorded."""
        job.delivery = delivery
        job.delivered = delivery.delivered
        if delivery.delivered > 1:
            self._measures.redeliveries.inc()
        span = self._runtime.telemetry.span(
            f"decide {job.type}", job.traceparent, {"catalyst.aggregate": job.ref.path}
        )
        with span as traceparent:
            job.traceparent = traceparent
            found = await self._deciding.answer(job)
        if found is not None:
            self._measures.answered(job.type, found)
            await self._reply(job, found)
        await self._settle(delivery, Acked())

    async def _reply(self, job: Job, found: Outcome) -> None:
        if not job.reply:
            return
        try:
            await self._runtime.broker.core_publish(job.reply, codec.encode(found))
        except BrokerError as error:
            # Only a hint is lost: the outcome is recorded and can be read.
            log.info("reply not sent", extra={"command_id": job.done_id, "why": str(error)})


_PAUSE_SECONDS: Final = 0.5
_TOPOLOGY_SECONDS: Final = 30.0


async def _call(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def _lane(subject: str) -> str:
    """Return the four tokens that name an aggregate, behind the first of a subject."""
    return ".".join(subject.split(".")[1:5])
