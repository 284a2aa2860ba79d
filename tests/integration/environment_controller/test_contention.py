"""Many commands that all write to one aggregate, as each new Environment to its Organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.environment_controller.test_story import REGION, until
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
    """Counts what the broker refused to store."""

    refused: int = 0

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
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
    sender = Sender(js)
    async with working(
        js, service(DulwichHome(root)), broker=counting, keys=KeyRing.open(tmp_path / "keys")
    ) as worker:
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await until(
            lambda: worker.states.state(ref_of("acme")), lambda state: state.phase == "ready"
        )
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
        other = await sender.outcome("other", await sender.send(CREATE, "other", acme()))
        found = [await sender.outcome("acme", one) for one in sent]

        state = await worker.states.state(ref_of("acme"))
    root.close()
    assert {one.status for one in (other, *found)} == {"accepted"}
    assert len(state.environments) == MANY
    # Each that lost was told by the worker: asking the broker about it would take a batch.
    assert counting.refused == 0
    assert other.seq < max(one.seq for one in found)
    await check_log(js)
