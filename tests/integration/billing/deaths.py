"""One Organization whose worker of billing dies where a test says, and is followed by another."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from tests.integration.billing.town import Town
from tests.support.broker import Access, SharedBroker, emptied
from tests.support.crashes import FaultyBroker, Stopper, until_first
from tests.support.rig import runtime
from tests.support.waiting import until

from catalyst.billing import handlers
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker

AT_ONCE = 6
COUNTED = ("batch", "publish cmd", "publish done", "settle Acked")


@dataclass
class Site:
    """Where something is carried out by one worker after the other."""

    access: Access
    keys: KeyRing

    def connected(self) -> Any:
        return connect(
            self.access.url, name="w", user=self.access.user, password=self.access.password
        )

    def seen(self, js: JetStream) -> Town:
        """Return the place as the log has it, whoever works there."""
        looking = runtime(js, keys=self.keys, service="billing")
        return Town(js, self.keys, Worker(handlers.service(looking.asking), looking))

    async def run(
        self, over: Callable[[Town], Awaitable[bool]], at: int = -1, side: str = "before"
    ) -> FaultyBroker:
        """Run one worker until it dies, or until it is over and nothing is asked any more."""
        async with AsyncExitStack() as stack:
            js = await stack.enter_async_context(self.connected())
            own = await stack.enter_async_context(self.connected())
            stopper = Stopper()
            faulty = FaultyBroker(own, at, side, stopper, COUNTED)
            standing = runtime(own, broker=faulty, keys=self.keys, service="billing")
            worker = Worker(handlers.service(standing.asking), standing)
            seen = self.seen(js)

            async def finished() -> None:
                await until(lambda: over(seen), 60)

                async def quiet() -> bool:
                    return not (await js.stream_state("CMD")).messages

                await until(quiet, 60)

            await until_first(worker.run(), finished(), stopper.reached.wait())
            await js.publish(Outgoing("$KV.leases.billing", b""))
        return faulty


class Story(Protocol):
    """What is carried out at a site, and how that is checked."""

    async def begin(self, site: Site, js: JetStream) -> None:
        """Let there be what it begins with."""

    async def over(self, town: Town) -> bool:
        """Return whether all has come true; may send what somebody sends next."""

    async def check(self, town: Town, point: str) -> None:
        """Assert that it ended as it does wherever somebody dies."""


async def recorded(broker: SharedBroker, keys: KeyRing, story: Story) -> list[str]:
    """Return what a worker calls where nobody dies."""
    site = Site(broker.account(), keys)
    async with site.connected() as js:
        await story.begin(site, js)
        calls = (await site.run(story.over)).calls
        await story.check(site.seen(js), "recorded")
    return calls


async def prove(
    broker: SharedBroker,
    keys: KeyRing,
    told: Callable[[], Story],
    points: Sequence[tuple[int, str]],
) -> int:
    """Let a worker die at each of the points, and another finish; return how many were reached."""
    turns = asyncio.Semaphore(AT_ONCE)
    reached: list[bool] = []

    async def one(at: int, side: str) -> None:
        async with turns:
            site, story = Site(broker.account(), keys), told()
            async with site.connected() as js:
                await story.begin(site, js)
                reached.append((await site.run(story.over, at, side)).crashed)
                await site.run(story.over)
                # What has been remembered while others died is read anew.
                await story.check(site.seen(js), f"{at} {side}")
                await emptied(js)

    async with asyncio.TaskGroup() as tasks:
        for at, side in points:
            tasks.create_task(one(at, side))
    return sum(reached)
