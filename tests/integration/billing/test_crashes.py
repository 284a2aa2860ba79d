"""A redemption ends once, with one grant, wherever its worker dies."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.billing.town import OWNER, ROOT, Town
from tests.support import billing, build
from tests.support.broker import Access, SharedBroker, emptied
from tests.support.crashes import FaultyBroker, Stopper, points
from tests.support.invariants import check_log
from tests.support.rig import deliver_again_after, runtime
from tests.support.waiting import until

from catalyst.billing import handlers
from catalyst.billing.domain import redemption, voucher
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
from catalyst.contracts.environment_v1 import Owner
from catalyst.contracts.message import Envelope

pytestmark = pytest.mark.real
AT_ONCE = 6
COUNTED = ("batch", "publish cmd", "publish done", "settle Acked")
ISSUE = bill1.IssueVoucher(code=billing.CODE, amount=billing.omr(5000), cap=3)
REDEEM = bill1.RedeemVoucher(code=billing.CODE)


@dataclass
class Site:
    """Where one redemption is carried out."""

    access: Access
    keys: KeyRing
    states: Any = field(default=None)

    def connected(self) -> Any:
        return connect(
            self.access.url, name="w", user=self.access.user, password=self.access.password
        )

    async def begin(self, js: JetStream) -> None:
        """Let `acme` have an account, a voucher be issued, and its code be entered."""
        await topology.ensure(js, contract.topology_of("billing"))
        created = build.organization_created(owners=(Owner(email=OWNER, role="owner"),))
        envelope = Envelope(
            specversion="1.0",
            id="_created",
            source="test",
            type="environment.organization-created.v1",
            organization="acme",
            actor="service:environment",
            data=msgspec.Raw(codec.encode(created)),
        )
        subject = build.ACME.event("organization-created", 1)
        await js.publish(Outgoing(subject, codec.encode(envelope)))
        town = Town(js, self.keys, self.states)
        await town.send(ISSUE, "_", billing.VOUCHER.id, by=ROOT)
        await self.run(self._ready)
        await town.send(REDEEM, "acme", "r-1")

    async def _ready(self, worker: Worker) -> bool:
        issued: voucher.Voucher = await worker.states.state(billing.VOUCHER)
        opened = await worker.states.state(billing.ACCOUNT)
        return issued.status == "issued" and opened.status == "open"

    async def _ended(self, worker: Worker) -> bool:
        state = await worker.states.state(billing.REDEMPTION)
        return state.step in {"completed", "failed"}

    async def run(self, over: Any = None, at: int = -1, side: str = "before") -> FaultyBroker:
        """Run one worker until it dies, or until it is over."""
        async with AsyncExitStack() as stack:
            js = await stack.enter_async_context(self.connected())
            own = await stack.enter_async_context(self.connected())
            stopper = Stopper()
            faulty = FaultyBroker(own, at, side, stopper, COUNTED)
            standing = runtime(own, broker=faulty, keys=self.keys, service="billing")
            worker = Worker(handlers.service(standing.asking), standing)
            looking = runtime(js, keys=self.keys, service="billing")
            seen = Worker(handlers.service(looking.asking), looking)
            done = over or self._ended

            async def finished() -> None:
                await until(lambda: done(seen), 60)

                async def quiet() -> bool:
                    return not (await js.stream_state("CMD")).messages

                await until(quiet, 60)

            ends = {
                asyncio.ensure_future(worker.run()),
                asyncio.ensure_future(finished()),
                asyncio.ensure_future(stopper.reached.wait()),
            }
            first, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in ends:
                task.cancel()
            await asyncio.wait(ends)
            for task in first:
                task.result()
            await js.publish(Outgoing("$KV.leases.billing", b""))
            self.states = seen
        return faulty

    async def check(self, js: JetStream, point: str) -> None:
        """Assert that there is one grant, one redemption that counts, and nothing left over."""
        assert all(one.status == "accepted" for one in await check_log(js)), point
        looking = runtime(js, keys=self.keys, service="billing")
        seen = Worker(handlers.service(looking.asking), looking).states
        owner = await seen.state(billing.ACCOUNT)
        kept: voucher.Voucher = await seen.state(billing.VOUCHER)
        ended: redemption.Redemption = await seen.state(billing.REDEMPTION)
        assert ended.step == "completed", point
        assert (kept.redeemed, kept.reserved) == (("acme",), {}), point
        assert [one.left for one in owner.credits.values()] == [5000], point
        assert sum(owner.balances.values()) == -5000, point
        assert not (await js.stream_state("DLQ")).messages, point


async def _prove(site: Site, at: int, side: str) -> bool:
    async with site.connected() as js:
        await site.begin(js)
        reached = (await site.run(at=at, side=side)).crashed
        await site.run()
        await site.check(js, f"{at} {side}")
        await emptied(js)
    return reached


async def _prove_all(broker: SharedBroker, keys: KeyRing, points: Sequence[tuple[int, str]]) -> int:
    turns = asyncio.Semaphore(AT_ONCE)
    reached: list[bool] = []

    async def one(at: int, side: str) -> None:
        async with turns:
            reached.append(await _prove(Site(broker.account(), keys), at, side))

    async with asyncio.TaskGroup() as tasks:
        for at, side in points:
            tasks.create_task(one(at, side))
    return sum(reached)


@pytest.mark.guarantee("G12.8", "G1.2")
async def test_a_redemption_ends_once_wherever_its_worker_dies(
    shared_broker: SharedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_again_after(monkeypatch, 2.0)
    keys = KeyRing.open(tmp_path / "keys")
    recorded = Site(shared_broker.account(), keys)
    async with recorded.connected() as js:
        await recorded.begin(js)
        calls = (await recorded.run()).calls
        await recorded.check(js, "recorded")
    assert len(calls) >= 10
    chosen = points(calls, each=3)
    assert await _prove_all(shared_broker, keys, chosen) >= len(chosen) * 2 // 3
