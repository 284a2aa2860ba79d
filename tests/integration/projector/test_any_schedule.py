"""Deaths, doubles, sleepers, lost consumers and restarts in any order: rows are those of a fold.

Each of these alone is walked through call by call in `test_schedules`; here they meet.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.integration.projector.test_schedules import decisions
from tests.support import log as writing
from tests.support.broker import own_connection, private
from tests.support.faults import Killed, Script, ScriptedModel
from tests.support.log import LogWriter, On
from tests.support.projecting import agrees, stored
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import NotFound
from catalyst.cli.broker import BrokerProcess
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.follower import Follower, Moved
from catalyst.projector.ports import Doubt, GuardLost, Missing

pytestmark = pytest.mark.real

MOST = 3
"""Projectors at once."""
KEYS = 2
"""In one flush, so that a decision of more keys is written in parts."""
WIDE = [writing.environment("acme", f"acme-{number}") for number in range(5)]
"""What one decision changes that is written in parts."""


class Step(NamedTuple):
    """What happens next."""

    what: Literal["kill", "cut", "start", "hold", "wake", "lose", "restart"]
    whom: int = 0
    """Which of the projectors there are, counted round."""
    calls: int = 0
    """Calls that it makes before it dies."""
    after: bool = False
    """Whether the last one is carried out."""


STEPS = st.builds(
    Step,
    st.sampled_from(["kill", "kill", "cut", "start", "start", "hold", "wake", "lose", "restart"]),
    whom=st.integers(0, MOST - 1),
    calls=st.integers(0, 4),
    after=st.booleans(),
)


class Projector:
    """One process that folds, as far as a test can kill it: nothing is cleaned up."""

    def __init__(self, js: JetStream, tasks: asyncio.TaskGroup) -> None:
        self.script = Script()
        model = ScriptedModel(StreamReadModel(js, "test"), self.script)
        self.follower = Follower(StreamLog(js, "test"), model, max_keys=KEYS)
        self.task = tasks.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self.follower.run()
        except* (Killed, Moved, GuardLost, Doubt, Missing):
            # What it goes on after by itself, if it lives, and what failed as it died.
            assert self.script.dead

    @property
    def alive(self) -> bool:
        return not self.task.done() and not self.script.dead

    @property
    def sleeps(self) -> bool:
        """Whether it is held in the middle of a write, or will be at the next one."""
        return self.script.hold is not None

    @property
    def stands(self) -> bool:
        """Whether it is held in the middle of a write."""
        return self.sleeps and self.script.holding.is_set()

    @property
    def writes(self) -> bool:
        """Whether it takes itself for the one that writes."""
        return self.alive and self.follower.status == "following"

    def wake(self) -> None:
        """Let it go on that was held."""
        if self.script.hold is not None:
            self.script.hold.set()
            self.script.hold = None
            self.script.holding.clear()


class Site:
    """A broker, a log that grows, and whoever folds it now."""

    def __init__(self, broker: BrokerProcess, js: JetStream, tasks: asyncio.TaskGroup) -> None:
        self._broker, self._js, self._tasks = broker, js, tasks
        self._log = LogWriter(js)
        self._changes = _changes()
        self.projectors: list[Projector] = []
        self.seq = 0
        self.happened: set[str] = set()
        """What really came about: a projector that stands by dies at no write."""

    async def begin(self) -> None:
        await self._log.prepare()
        (_, made), _ = writing.environment_created("acme")
        await self._log.decide(*((ref, made) for ref in WIDE))
        await self._write()
        self.start()

    async def take(self, step: Step) -> None:
        """Let one step happen, while the log grows."""
        match step.what:
            case "start":
                self.start()
            case "lose":
                await self._write()
                await until(lambda: self._any_writes() or not self._awake())
                for name in (await self._js.api("CONSUMER.NAMES.EV", {}))["consumers"] or ():
                    with suppress(NotFound):  # Whose it was has just ended it itself.
                        await self._js.api(f"CONSUMER.DELETE.EV.{name}", None)
                        self.happened.add("lose")
            case "restart":
                await self._broker.kill()
                await self._broker.start()
                await self._js.ready()
                self.happened.add("restart")
            case _:
                alive = self._alive()
                if alive:
                    await self._happen_to(alive[step.whom % len(alive)], step)
        await self._write()

    async def _happen_to(self, one: Projector, step: Step) -> None:
        script = one.script
        match step.what:
            case "kill":
                script.kill_at, script.after = len(script.calls) + step.calls, step.after
                await self._write()
                await self._until(lambda: script.dead)
                # Else it is killed while it waits.
                one.task.cancel()
                self.happened.update({"kill"} if script.dead else ())
            case "cut":
                one.task.cancel()
            case "hold":
                script.hold = script.hold or asyncio.Event()
                await self._write()
                await self._until(script.holding.is_set)
                self.happened.update({"hold"} if script.holding.is_set() else ())
            case _:
                await self._wake(one)

    async def _wake(self, one: Projector) -> None:
        """Let one go on; first whoever is awake takes over from it, if there is somebody."""
        zombie = one.stands and one.writes
        if zombie and self._awake():
            await self._write()
            await self._until(lambda: False)
            one.wake()
            await until(lambda: not one.writes)
            await agrees(self._js, self.seq)
            self.happened.add("zombie")
        one.wake()

    def start(self) -> None:
        """Let one more fold, unless there are enough."""
        if len(self._alive()) < MOST:
            self.projectors.append(Projector(self._js, self._tasks))
            self.happened.update({"double"} if len(self._alive()) > 1 else ())

    def _alive(self) -> list[Projector]:
        return [one for one in self.projectors if one.alive]

    def _awake(self) -> list[Projector]:
        return [one for one in self._alive() if not one.sleeps]

    def _any_writes(self) -> bool:
        return any(one.writes for one in self.projectors)

    async def _write(self) -> None:
        for events in next(self._changes):
            self.seq = await self._log.decide(*events)

    async def _until(self, happened: Callable[[], bool]) -> None:
        """Wait for what is to happen, or until it cannot: all is folded, or all are held."""

        async def over() -> bool:
            if happened() or all(one.stands for one in self._alive()):
                return True
            found = await stored(self._js)
            return found is not None and found.checkpoint.seq >= self.seq

        await until(over)

    async def end(self) -> None:
        """Let whoever is left finish, the sleepers too, and compare."""
        for one in self._alive():
            await self._wake(one)
        if not self._alive():
            self.start()
        await self._write()
        await agrees(self._js, self.seq)
        for one in self.projectors:
            one.task.cancel()


def _changes() -> Iterator[list[Sequence[On]]]:
    """Endless decisions, a few at once, the last of them with more keys than fit into a flush."""
    every = decisions(29)
    for number in itertools.count():
        # Each counts one more: left out or folded twice, it would show.
        wide = [(ref, writing.parked(ref)) for ref in WIDE]
        yield [*itertools.islice(every, 1 + number % 4), wide]


EVERYTHING = [
    Step("start"),
    Step("kill", calls=1),
    Step("kill", calls=2),
    Step("start"),
    Step("hold"),
    Step("start"),
    Step("wake"),
    Step("kill", whom=1, after=True),
    Step("lose"),
    Step("restart"),
    Step("start"),
    Step("hold", whom=1),
]


@pytest.mark.guarantee("G3.1", "G3.2", "G3.3", "G3.4", "G3.8")
@settings(max_examples=settings().max_examples // 5)
@given(schedule=st.lists(STEPS, min_size=2, max_size=8))
@example(schedule=EVERYTHING)
@example(schedule=[Step("hold"), Step("kill")])
async def test_after_any_schedule_the_rows_are_those_of_a_fresh_fold(
    schedule: list[Step], tmp_path_factory: pytest.TempPathFactory
) -> None:
    broker = private(tmp_path_factory.mktemp("broker"))
    await broker.start()
    try:
        async with own_connection(broker) as js, asyncio.TaskGroup() as tasks:
            site = Site(broker, js, tasks)
            await site.begin()
            for step in schedule:
                await site.take(step)
            await site.end()
    finally:
        await broker.stop()
    if schedule == EVERYTHING:
        assert site.happened == {"double", "hold", "kill", "lose", "restart", "zombie"}
