"""The FastStream application: reads the log and the words for it, and publishes facts.

Nothing is acknowledged and nothing kept: at each start the log is read anew, and everything is said
again, with higher versions. That changes nothing for whoever has heard it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.security import SASLPlaintext
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy as Acks
from nats.js.api import ConsumerConfig, DeliverPolicy

from catalyst.contracts.permissions import SIMULATOR, inbox
from catalyst.simulator.cluster import VERSIONS_A_STAGE, Cluster, Step
from catalyst.simulator.objects import Told

REPEAT_SECONDS: Final = 120.0
"""How often everything is said again."""
EVENTS: Final = "evt.*.provisioning.application.*.*.v1"
WORDS: Final = "ws.*.simulator.*"
OLD_SECONDS: Final = 10.0
"""What was committed that long before the start has settled meanwhile."""
FORGOTTEN_SECONDS: Final = 30.0
"""After which the broker forgets a reader that is gone."""
FOLLOWED: Final = frozenset({"application-observed", "desired-set", "revision-committed"})

log = logging.getLogger("catalyst.simulator")


class Simulator:
    """One simulated cluster."""

    def __init__(
        self, url: str, user: str, password: str, *, seed: int = 0, pace: float = 1.0
    ) -> None:
        """Connect to the broker at `url` once it runs; see `Cluster` for seed and pace."""
        self._readers = {
            "EV": _reader(DeliverPolicy.ALL),
            "FACTS": _reader(DeliverPolicy.LAST_PER_SUBJECT),
        }
        self.reading = asyncio.Event()
        """Set once both streams are read."""
        self._cluster = Cluster(seed, pace)
        self._stop = asyncio.Event()
        self._version = 0
        self._began = time.time()
        self._tasks: asyncio.TaskGroup | None = None
        # The one place where this user hears answers; what is fetched comes there, too.
        replies = inbox(SIMULATOR)
        self._broker = NatsBroker(
            url,
            security=SASLPlaintext(user, password),
            inbox_prefix=replies,
            logger=None,
            # Else each message goes through a thread, into which its arguments are converted.
            apply_types=False,
            decoder=_raw,
            # For ever: FastStream would spin on a connection that was given up.
            max_reconnect_attempts=-1,
        )
        self._broker.subscriber(
            EVENTS,
            stream=JStream("EV", declare=False),
            pull_sub=PullSub(batch_size=1, timeout=1.0),
            config=self._readers["EV"],
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=f"{replies}.".encode(),
        )(self._event)
        self._broker.subscriber(
            WORDS,
            stream=JStream("FACTS", declare=False),
            pull_sub=PullSub(batch_size=1, timeout=1.0),
            config=self._readers["FACTS"],
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=f"{replies}.".encode(),
        )(self._word)

    @property
    def readers(self) -> Mapping[str, str]:
        """The name by which the broker knows the reader of each stream; empty before it reads."""
        return {stream: reader.name or "" for stream, reader in self._readers.items()}

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    async def run(self) -> None:
        """Simulate until `stop`."""
        async with self._broker, asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await self._broker.start()
            self.reading.set()
            tasks.create_task(self._repeat(), name="repeat")
            await self._stop.wait()

    def stop(self) -> None:
        """End; what was to be told later is not told."""
        self._stop.set()

    async def _event(self, message: Msg) -> None:
        subject = message.subject
        if subject.split(".")[5] in FOLLOWED:
            body = msgspec.json.decode(message.data)
            stored = message.metadata.timestamp.timestamp()
            old = stored < self._began - OLD_SECONDS
            self._follow(self._cluster.event(subject, body["data"], old=old))

    async def _word(self, message: Msg) -> None:
        subject = message.subject
        try:
            word: dict[str, Any] = msgspec.json.decode(message.data, type=dict[str, Any])
            self._follow(self._cluster.word(subject, word))
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("word is not understood", extra={"subject": subject, "why": str(error)})

    def _follow(self, steps: tuple[Step, ...]) -> None:
        if steps and self._tasks is not None and not self._stop.is_set():
            self._tasks.create_task(self._carry_out(steps))

    async def _carry_out(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            try:
                await asyncio.wait_for(self._stop.wait(), step.wait)
            except TimeoutError:
                await self._publish(self._cluster.tell(step, self._next()))
                for freed in self._cluster.freed():
                    self._follow(freed)
            else:
                return

    async def _repeat(self) -> None:
        # Not ended by cancellation, which can be lost in a publish that is just answered.
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), REPEAT_SECONDS)
            except TimeoutError:
                await self._publish(tuple(self._cluster.again(self._next())))

    async def _publish(self, told: tuple[Told, ...]) -> None:
        for fact in told:
            try:
                await self._broker.publish(fact.body, fact.subject, stream="FACTS")
            except (NatsError, TimeoutError) as error:
                # The next repetition says it again.
                log.warning("fact was not stored", extra={"why": type(error).__name__})

    def _next(self) -> int:
        """Return a version above all before it, over restarts too: a cluster's only grow."""
        # Versions of several objects are told at once.
        self._version = max(self._version + VERSIONS_A_STAGE, time.time_ns() // 1_000_000)
        return self._version


async def _raw(message: NatsMessage) -> Msg:
    return message.raw_message


def _reader(policy: DeliverPolicy) -> ConsumerConfig:
    # The client gives it a name of its own when it subscribes.
    return ConsumerConfig(
        ack_policy=Acks.NONE,
        deliver_policy=policy,
        inactive_threshold=FORGOTTEN_SECONDS,
    )
