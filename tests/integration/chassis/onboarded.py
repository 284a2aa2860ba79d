"""An onboarding on a real broker: its facts, its Git homes, and whether anything is left to do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.contracts import topology as contract
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot

OWN = [consumer for consumer in contract.CONSUMERS if consumer.name.startswith("environment--")]
"""What the other services wait for stays where it is: none of them runs beside an onboarding."""


async def facts(js: JetStream, aggregate: str, slug: str = "acme") -> list[str]:
    found = await js.replay("EV", f"evt.{slug}.environment.{aggregate}.{slug}.>")
    return [item.subject.split(".")[5] for item in found]


async def ends(js: JetStream) -> tuple[int, int]:
    return (await js.stream_state("CMD")).last_seq, (await js.stream_state("EV")).last_seq


async def settled(js: JetStream) -> bool:
    """Whether nothing is left for the service that runs, and nothing moved while that was read."""
    try:
        before = await ends(js)
        if (await js.stream_state("CMD")).messages:
            return False
        for consumer in OWN:
            info = await js.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
            if info["num_pending"] or info["num_ack_pending"]:
                return False
        return before == await ends(js)
    except BrokerError:
        return False


@asynccontextmanager
async def homes(folder: Path) -> AsyncIterator[DulwichHome]:
    root = GitRoot(folder)
    try:
        yield DulwichHome(root)
    finally:
        root.close()
