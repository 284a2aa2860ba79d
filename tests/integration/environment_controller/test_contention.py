"""Many commands that all write to one aggregate, as each new Environment to its Organization."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.environment_controller.test_story import REGION, until
from tests.support import waiting
from tests.support.crashes import FaultyBroker
from tests.support.invariants import check_log
from tests.support.rig import Sender, acme, working
from typing_extensions import override

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Ack, BrokerError, Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.handlers import service

pytestmark = pytest.mark.real

MANY = 80
CREATE = "environment.create-organization.v1"


@dataclass
class Counting(FaultyBroker):
    """Counts what the broker refused to store, and lets a batch wait."""

    refused: int = 0
    held: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        self.held += not self.opened.is_set()
        await self.opened.wait()
        try:
            return await self.inner.batch(messages, timeout=timeout)
        except BrokerError:
            self.refused += 1
            raise


@pytest.mark.guarantee("G2.9")
async def test_each_is_decided_in_its_turn_and_nobody_else_waits_for_all(
    js: JetStream, tmp_path: Path
) -> None:
    root = GitRoot(tmp_path / "git")
    counting = Counting(js)
    counting.opened.set()
    sender = Sender(js)
    async with working(
        js, service(DulwichHome(root)), broker=counting, keys=KeyRing.open(tmp_path / "keys")
    ) as worker:
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await until(
            lambda: worker.states.state(ref_of("acme")),
            lambda state: state.phase == "ready" and state.manifest.commit,
        )
        counting.opened.clear()
        sent = [
            await sender.send(
                "environment.create-environment.v1",
                f"acme-n{number:03}-dev",
                {
                    "env_type": "dev",
                    "label": f"n{number:03}",
                    "placement": "single-region",
                    "regions": [REGION],
                },
                organization="acme",
            )
            for number in range(MANY)
        ]
        await waiting.until(lambda: counting.held > 0)
        behind = await sender.send(CREATE, "other", acme())
        # The first of them is on its way to the broker. All others, and what came behind them and
        # touches nothing of theirs, wait for the next batch.
        await waiting.until(lambda: worker.grouping.waiting == MANY)
        counting.opened.set()
        other = await sender.outcome("other", behind)
        found = [await sender.outcome("acme", one) for one in sent]

        state = await worker.states.state(ref_of("acme"))
    root.close()
    assert {one.status for one in (other, *found)} == {"accepted"}
    assert len(state.environments) == MANY
    # Each that lost was told by the worker: asking the broker about it would take a batch.
    assert counting.refused == 0
    places = [one.seq for one in found]
    assert len(set(places)) == MANY, "one batch holds one of them"
    # It came behind all of them, and stands in the first batch that was made after it came.
    assert sum(place < other.seq for place in places) <= 1
    await check_log(js)
