"""Several active workers, repeats and late batches: the broker's guards decide, not luck."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support.broker import Access, SharedBroker
from tests.support.crashes import FaultyBroker
from tests.support.invariants import check_log, whole_log
from tests.support.rig import Sender, acme, working
from tests.support.sequential import (
    CREATE,
    RESUME,
    SUSPEND,
    Model,
    Op,
    check_sequence,
    send_all,
)
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis import outcome
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import (
    Ack,
    BrokerError,
    Delivery,
    Outgoing,
    Unavailable,
    Verdict,
    Working,
)
from catalyst.contracts import topology as contract

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("quick", "rivals")]

SLUGS = ("acme", "omantel", "openova")


async def _decided(js: JetStream) -> None:
    async def empty() -> bool:
        return not (await js.stream_state("CMD")).messages

    await until(empty, 40)


def _program(chosen: random.Random, number: int) -> dict[str, Op]:
    verbs = [CREATE, SUSPEND, SUSPEND, RESUME]
    return {
        f"c-{n}": Op(chosen.choice(verbs), chosen.choice(SLUGS), chosen.choice("ab"))
        for n in range(number)
    }


@pytest.mark.guarantee("G1.1", "G1.4", "G2.1")
@pytest.mark.parametrize("seed", range(2))
async def test_rivals_decide_each_of_many_repeats_once(
    js: JetStream, access: Access, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311
    await topology.ensure(js, contract.topology_of("environment"))
    sent = _program(chosen, 60)
    repeated = [*sent.items(), *chosen.choices([*sent.items()], k=60)]
    chosen.shuffle(repeated)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            own = await stack.enter_async_context(
                connect(access.url, name="w", user=access.user, password=access.password)
            )
            await stack.enter_async_context(working(own))
        await send_all(Sender(js), repeated)
        await _decided(js)
    await check_sequence(js, sent)


@pytest.mark.guarantee("G2.4")
async def test_a_name_is_given_to_one_of_many_who_ask_at_once(
    js: JetStream, access: Access
) -> None:
    front = {"parent_domain": "example.org", "subdomain": "shop"}
    sender = Sender(js)
    await topology.ensure(js, contract.topology_of("environment"))
    sent = {}
    for number in range(30):
        slug = f"org-{number:02}"
        sent[slug] = await sender.send(CREATE, slug, acme(public_front=front))
    async with AsyncExitStack() as stack:
        for _ in range(3):
            own = await stack.enter_async_context(
                connect(access.url, name="w", user=access.user, password=access.password)
            )
            await stack.enter_async_context(working(own))
        outcomes = [await sender.outcome(slug, name) for slug, name in sent.items()]
    assert sorted(found.code for found in outcomes) == ["", *["host-taken"] * 29]
    claims = [item for item in await whole_log(js) if item.subject.startswith("clm._.host.")]
    assert len(claims) == 1


@dataclass
class Paused(FaultyBroker):
    """A worker that stands still in the middle of a batch, and says nothing meanwhile."""

    held: Sequence[Outgoing] = ()
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    refused: list[BrokerError] = field(default_factory=list)

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        if not self.reached.is_set():
            self.held = messages
            self.reached.set()
            await self.go_on.wait()
        try:
            return await self.inner.batch(messages, timeout=timeout)
        except BrokerError as error:
            self.refused.append(error)
            raise

    @override
    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        if not isinstance(verdict, Working) or self.go_on.is_set():
            await self.inner.settle(delivery, verdict)


async def _overtaken(
    js: JetStream, access: Access, first: Op, others: Sequence[Op]
) -> tuple[Paused, dict[str, Op]]:
    """Let a worker stand still over `first` while another decides it and `others`."""
    sender = Sender(js)
    sent = {"c-first": first, **{f"c-{n}": op for n, op in enumerate(others)}}
    async with (
        connect(access.url, name="w", user=access.user, password=access.password) as own,
        connect(access.url, name="w", user=access.user, password=access.password) as rival,
    ):
        paused = Paused(own)
        async with working(own, broker=paused):
            await first.send(sender, "c-first")
            await until(paused.reached.is_set)
            async with working(rival):
                for name in [*sent][1:]:
                    await sent[name].send(sender, name)
                    await sender.outcome(sent[name].slug, name)
                await sender.outcome(first.slug, "c-first")
                paused.go_on.set()
                await _decided(js)
                await until(lambda: bool(paused.refused))
    return paused, sent


@pytest.mark.guarantee("G1.6", "G2.2")
async def test_a_worker_that_wakes_up_late_is_refused(js: JetStream, access: Access) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    paused, sent = await _overtaken(js, access, Op(CREATE, "acme"), [Op(SUSPEND, "acme", "a")])
    assert paused.refused
    await check_log(js)
    assert (await Sender(js).outcome("acme", "c-first")).id in sent


@pytest.mark.guarantee("G2.2")
async def test_a_rejection_from_superseded_state_is_refused_and_decided_again(
    js: JetStream, access: Access
) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    # `resume` is judged before there is an Organization, and stands still with that.
    sender = Sender(js)
    async with (
        connect(access.url, name="w", user=access.user, password=access.password) as own,
        connect(access.url, name="w", user=access.user, password=access.password) as rival,
    ):
        paused = Paused(own)
        async with working(own, broker=paused):
            await Op(SUSPEND, "acme", "a").send(sender, "c-late")
            await until(paused.reached.is_set)
            assert b"organization-not-found" in paused.held[-1].data
            await Op(CREATE, "acme").send(sender, "c-create")
            async with working(rival):
                # The rival takes the create while the first worker holds its stale rejection.
                await sender.outcome("acme", "c-create")
                paused.go_on.set()
                await _decided(js)
    found = {item.id: item for item in await check_log(js)}
    assert paused.refused
    assert found["c-late"].events == ("environment.organization-suspended.v1",)


@pytest.mark.guarantee("G2.3")
async def test_what_was_only_read_elsewhere_is_guarded(js: JetStream, access: Access) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    sender = Sender(js)
    async with (
        connect(access.url, name="w", user=access.user, password=access.password) as own,
        connect(access.url, name="w", user=access.user, password=access.password) as rival,
    ):
        paused = Paused(own)
        async with working(own, broker=paused):
            child = Op(CREATE, "child", parent="acme")
            await child.send(sender, "c-child")
            await until(paused.reached.is_set)
            assert b"parent-not-found" in paused.held[-1].data
            guards = [
                item.headers.get("Nats-Expected-Last-Subject-Sequence-Subject")
                for item in paused.held
            ]
            assert "evt.acme.environment.organization.acme.>" in guards
            await Op(CREATE, "acme").send(sender, "c-parent")
            async with working(rival):
                await sender.outcome("acme", "c-parent")
                paused.go_on.set()
                await _decided(js)
    await check_sequence(js, {"c-parent": Op(CREATE, "acme"), "c-child": child})


@dataclass
class GivesUp(FaultyBroker):
    """A worker that hears nothing of its first batch, which is stored some time later."""

    late: asyncio.Event = field(default_factory=asyncio.Event)
    first: Callable[[], Awaitable[Ack]] | None = None

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        if self.first is None:
            self.first = lambda: self.inner.batch(messages, timeout=timeout)
            raise Unavailable(408, 0, "no answer")
        if not self.late.is_set():
            # The late one arrives exactly between the second reading and the second deciding.
            self.late.set()
            await self.first()
        return await self.inner.batch(messages, timeout=timeout)


@pytest.mark.guarantee("G1.6")
async def test_a_batch_that_is_stored_after_its_writer_gave_up_counts(js: JetStream) -> None:
    sender = Sender(js)
    faulty = GivesUp(js)
    async with working(js, broker=faulty):
        await Op(CREATE, "acme").send(sender, "c-1")
        found = await sender.outcome("acme", "c-1")
        await _decided(js)
    assert faulty.late.is_set()
    assert found.status == "accepted"
    await check_sequence(js, {"c-1": Op(CREATE, "acme")})


@pytest.mark.guarantee("G1.7")
async def test_nothing_of_a_refused_batch_is_stored(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js) as worker:
        await Op(CREATE, "acme").send(sender, "c-1")
        await sender.outcome("acme", "c-1")
        before = len(await whole_log(js))
        # Another writer moves the aggregate behind the worker's back.
        (event,) = [item for item in await whole_log(js) if item.subject.startswith("evt.")]
        await js.publish(Outgoing(event.subject, event.data))
        draft_seen = worker.grouping.batches
        await Op(SUSPEND, "acme", "a").send(sender, "c-2")
        found = await sender.outcome("acme", "c-2")
        assert worker.grouping.batches >= draft_seen + 2
    log = await whole_log(js)
    assert found.status == "accepted"
    # One forged event, one outcome and one event: the refused batch has left no trace.
    assert len(log) == before + 3
    done = outcome.read_back(log[-2], "log")
    assert (done.id, done.counts, done.before, done.after) == ("c-2", {"evt": 1}, 0, 1)


@pytest.mark.guarantee("G2.1", "G2.5")
def test_any_commands_take_effect_as_a_sequential_model_says(
    shared_broker: SharedBroker,
) -> None:
    run_state_machine_as_test(
        lambda: Commands(shared_broker.account()),  # type: ignore[arg-type]
        settings=settings(max_examples=6, stateful_step_count=10, deadline=None),
    )


OPS = st.builds(
    Op,
    st.sampled_from([CREATE, SUSPEND, RESUME]),
    st.sampled_from(SLUGS[:2]),
    st.sampled_from(["a", "b"]),
)


class Commands(RuleBasedStateMachine):
    """Sends commands alone, at once and again; at the end the log is compared with the model."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self.access = access
        self.runner = asyncio.Runner()
        self.sent: dict[str, Op] = {}
        self.model: Model | None = Model()
        self.over = asyncio.Event()
        self.sender: Any = None
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        ready = asyncio.Event()

        async def work() -> None:
            async with (
                connect(
                    self.access.url,
                    name="w",
                    user=self.access.user,
                    password=self.access.password,
                ) as js,
                working(js),
            ):
                self.sender = Sender(js)
                ready.set()
                await self.over.wait()

        self.working = asyncio.ensure_future(work())
        await ready.wait()

    async def _send(self, ops: Sequence[Op]) -> None:
        names = []
        for op in ops:
            names.append(f"c-{len(self.sent)}")
            self.sent[names[-1]] = op
            await op.send(self.sender, names[-1])
        for name in names:
            await self.sender.outcome(self.sent[name].slug, name)

    @rule(op=OPS)
    def one(self, op: Op) -> None:
        """A command that waits for the outcome of all before it."""

        async def send() -> None:
            await self._send([op])
            found = await self.sender.outcome(op.slug, f"c-{len(self.sent) - 1}")
            if self.model is not None:
                assert (found.code, len(found.events)) == self.model.decide(op)

        self.runner.run(send())

    @rule(ops=st.lists(OPS, min_size=2, max_size=6))
    def at_once(self, ops: list[Op]) -> None:
        """Commands of which none waits for another: any order will do."""
        self.model = None
        self.runner.run(self._send(ops))

    @precondition(lambda self: bool(self.sent))
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        """A repeat, which changes nothing."""
        name = data.draw(st.sampled_from([*self.sent]))
        self.runner.run(self.sent[name].send(self.sender, name))

    @override
    def teardown(self) -> None:
        async def end() -> None:
            await _decided(self.sender.js)
            await check_sequence(self.sender.js, self.sent)
            self.over.set()
            await self.working

        self.runner.run(end())
        self.runner.close()
