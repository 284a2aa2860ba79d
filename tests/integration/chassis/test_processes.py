"""Onboarding, the relay, the Git effect and timers: whatever dies around them, each ends once."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dulwich.repo import Repo
from tests.support.broker import Access, SharedBroker, emptied
from tests.support.crashes import FaultyBroker, Stopper
from tests.support.invariants import check_log, whole_log
from tests.support.rig import Sender, acme, runtime, working
from tests.support.sequential import CREATE
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Effect, Loader, Report, Service
from catalyst.chassis.worker import Worker
from catalyst.contracts import environment_v1
from catalyst.contracts import topology as contract
from catalyst.contracts.decision import Recorded
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.domain import onboarding
from catalyst.environment_controller.handlers import service

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("quick"), pytest.mark.timeout(240)]

AT_ONCE = 8


async def _facts(js: JetStream, aggregate: str, slug: str = "acme") -> list[str]:
    found = await js.replay("EV", f"evt.{slug}.environment.{aggregate}.{slug}.>")
    return [item.subject.split(".")[5] for item in found]


async def _ends(js: JetStream) -> tuple[int, int]:
    return (await js.stream_state("CMD")).last_seq, (await js.stream_state("EV")).last_seq


async def _settled(js: JetStream) -> bool:
    """Whether nothing is left that anybody has to do, and nothing moved while that was read."""
    try:
        before = await _ends(js)
        if (await js.stream_state("CMD")).messages:
            return False
        for consumer in contract.CONSUMERS:
            info = await js.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
            if info["num_pending"] or info["num_ack_pending"]:
                return False
        return before == await _ends(js)
    except BrokerError:
        return False


@asynccontextmanager
async def _homes(folder: Path) -> AsyncIterator[DulwichHome]:
    root = GitRoot(folder)
    try:
        yield DulwichHome(root)
    finally:
        root.close()


@dataclasses.dataclass(frozen=True)
class Site:
    """Where one onboarding is carried out."""

    access: Access
    keys: KeyRing
    folder: Path

    def connected(self) -> Any:
        return connect(
            self.access.url, name="w", user=self.access.user, password=self.access.password
        )

    async def run(
        self, at: int = -1, side: str = "before", counted: tuple[str, ...] = ("",)
    ) -> FaultyBroker:
        """Run one worker until it dies, or until nothing is left to do."""
        async with AsyncExitStack() as stack:
            js = await stack.enter_async_context(self.connected())
            own = await stack.enter_async_context(self.connected())
            home = await stack.enter_async_context(_homes(self.folder))
            stopper = Stopper()
            faulty = FaultyBroker(own, at, side, stopper, counted)
            worker = Worker(service(home), runtime(own, broker=faulty, keys=self.keys))

            async def ready() -> None:
                async def onboarded() -> bool:
                    return "organization-ready" in await _facts(js, "organization")

                await until(onboarded, 90)
                await until(lambda: _settled(js), 90)

            ends = {
                asyncio.ensure_future(worker.run()),
                asyncio.ensure_future(ready()),
                asyncio.ensure_future(stopper.reached.wait()),
            }
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in ends:
                task.cancel()
            await asyncio.wait(ends)
            for task in done:
                task.result()
            await js.publish(Outgoing("$KV.leases.environment", b""))
        return faulty

    async def prove(self, at: int, side: str, counted: tuple[str, ...]) -> bool:
        """Let a worker die at a point and a sound one finish; tell whether the point was met."""
        async with self.connected() as js:
            await topology.ensure(js, contract.topology())
            await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")
            reached = (await self.run(at, side, counted)).crashed
            await self.run()
            await self.check(js, f"{at} {side}")
            await emptied(js)
        return reached

    async def check(self, js: JetStream, point: str) -> None:
        """Assert that the Organization became ready once, by one commit, and nothing failed."""
        outcomes = await check_log(js)
        assert all(found.status == "accepted" for found in outcomes), (point, outcomes)
        assert (await _facts(js, "organization")).count("organization-ready") == 1, point
        assert Counter(await _facts(js, "onboarding")) == Counter(
            {
                "onboarding-started": 1,
                "step-started": 3,
                "step-completed": 3,
                "onboarding-completed": 1,
            }
        ), point
        with Repo(str(GitRoot(self.folder).repository("acme"))) as repo:
            seqs = [entry.commit.message for entry in repo.get_walker()]
        assert len(seqs) == len(set(seqs)), point
        assert not (await js.stream_state("DLQ")).messages, point


async def _prove_all(
    broker: SharedBroker,
    folder: Path,
    points: Sequence[tuple[int, str]],
    counted: tuple[str, ...],
) -> int:
    turns = asyncio.Semaphore(AT_ONCE)
    keys = KeyRing.open(folder / "keys")
    reached: list[bool] = []

    async def one(number: int, at: int, side: str) -> None:
        async with turns:
            site = Site(broker.account(), keys, folder / f"git{number}")
            reached.append(await site.prove(at, side, counted))

    async with asyncio.TaskGroup() as tasks:
        for number, (at, side) in enumerate(points):
            tasks.create_task(one(number, at, side))
    return sum(reached)


async def _recorded(broker: SharedBroker, folder: Path, counted: tuple[str, ...]) -> list[str]:
    site = Site(broker.account(), KeyRing.open(folder / "keys"), folder / "recorded")
    async with site.connected() as js:
        await topology.ensure(js, contract.topology())
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")
        calls = (await site.run(counted=counted)).calls
        await site.check(js, "recorded")
    return calls


@pytest.mark.guarantee("G1.9", "G1.10")
async def test_relay_and_effect_are_carried_out_once_wherever_they_die(
    shared_broker: SharedBroker, tmp_path: Path
) -> None:
    """Both end in a publish to the queue: before each and after each."""
    counted = ("publish cmd",)
    calls = await _recorded(shared_broker, tmp_path, counted)
    points = [(at, side) for at in range(len(calls)) for side in ("before", "after")]
    assert len(points) >= 8
    assert await _prove_all(shared_broker, tmp_path, points, counted) >= len(points) - 2


@pytest.mark.guarantee("G1.2", "G1.10")
async def test_an_onboarding_ends_once_wherever_its_worker_dies(
    shared_broker: SharedBroker, tmp_path: Path
) -> None:
    """A sample of all calls, the same in every run; each second one dies after its call."""
    counted = ("batch", "settle Acked", "last", "publish")
    calls = await _recorded(shared_broker, tmp_path, counted)
    points = [
        (at, "after" if turn % 2 else "before")
        for turn, at in enumerate(range(3, len(calls), max(1, len(calls) // 14)))
    ]
    assert await _prove_all(shared_broker, tmp_path, points, counted) >= len(points) - 4


async def _commands_of(js: JetStream) -> list[tuple[str, bytes]]:
    return [
        (item.subject, item.data) for item in await whole_log(js) if item.subject.startswith("out.")
    ]


@pytest.mark.guarantee("G1.9", "G1.1")
async def test_doubled_commands_answers_and_firings_change_nothing(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with _homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")

        async def onboarded() -> bool:
            return "organization-ready" in await _facts(js, "organization")

        await until(onboarded)
        await until(lambda: _settled(js))
        before = await _facts(js, "organization") + await _facts(js, "onboarding")
        outcomes = len(await check_log(js))
        relayed = await _commands_of(js)
        # The question to the Organization, and its answer, each a second time.
        assert {subject.split(".")[5] for subject, _ in relayed} == {
            "complete-onboarding",
            "take-answer",
        }
        for subject, data in relayed:
            await js.publish(Outgoing(subject, data))
        await until(lambda: _settled(js))
        assert before == await _facts(js, "organization") + await _facts(js, "onboarding")
        assert outcomes == len(await check_log(js))


async def test_a_refusal_at_the_door_is_answered_to_the_process_as_well(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with _homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        path = "acme.environment.onboarding.acme"
        wrong: list[dict[str, Any]] = [
            {"type": "environment.nothing.v1"},
            {"data": {"colour": 1}},
            {"organization": "b"},
        ]
        for number, changes in enumerate(wrong):
            body = {
                "specversion": "1.0",
                "id": f"_refused{number}",
                "source": "test",
                "type": "environment.complete-onboarding.v1",
                "actor": "service:environment",
                "process": path,
                **changes,
            }
            await js.publish(
                Outgoing(
                    "out.acme.environment.organization.acme.complete-onboarding.v1",
                    msgspec.json.encode(body),
                )
            )
            found = await Sender(js).outcome("acme", f"_refused{number}")
            assert found.status == "rejected"
            assert found.counts["out"] == 1
        subject = f"out.{path}.take-answer.v1"
        answers = [data for name, data in await _commands_of(js) if name == subject]
        assert len(answers) == 3
        assert b'"command_id":"_refused0"' in answers[0]
        await until(lambda: _settled(js))
    # Answers are not answered.
    assert len(await _commands_of(js)) == 6


class Silent:
    """An effect whose reports are lost, as long as it is told so."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    async def run(self, recorded: Recorded, load: Loader) -> Report | None:
        event = recorded.event
        if isinstance(event, environment_v1.StepStarted):
            self.heard.append(event.attempt)
            return None
        assert isinstance(event, environment_v1.CompensationStarted)
        command = environment_v1.ReportStep(
            step="undo-git-home", status="done", detail="removed", attempt=event.attempt
        )
        return Report(ref=recorded.ref, command=command)


def _silent(effect: Silent, home: DulwichHome) -> Service:
    quiet = Effect(
        name="git",
        events=(environment_v1.StepStarted, environment_v1.CompensationStarted),
        run=effect.run,
        failed=lambda recorded, why: None,
        lane=lambda recorded: recorded.ref.organization or "",
    )
    whole = service(home)
    return Service(
        name=whole.name,
        aggregates=whole.aggregates,
        rules=whole.rules,
        processes=whole.processes,
        effects=(quiet,),
    )


@pytest.mark.guarantee("G7.6", "G1.11")
async def test_a_deadline_that_passes_leads_to_attempts_and_then_takes_back(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = dict.fromkeys(onboarding.STEPS, timedelta(seconds=0.2))
    monkeypatch.setattr(onboarding, "STEP_TIME", short)
    effect = Silent()
    keys = KeyRing.open(tmp_path / "keys")
    async with _homes(tmp_path / "git") as home, working(js, _silent(effect, home), keys=keys):
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")

        async def failed() -> bool:
            return "organization-failed" in await _facts(js, "organization")

        await until(failed, 30)
        await until(lambda: _settled(js))
        assert effect.heard == [1, 2, 3]
        expected = [
            "onboarding-started",
            *["step-started", "step-failed"] * 3,
            "compensation-started",
            "onboarding-failed",
        ]
        assert await _facts(js, "onboarding") == expected
        firings = [item for item in await whole_log(js) if item.subject.startswith("due.")]
        # One for each attempt; that of taking back was cancelled.
        assert len(firings) == 3

        # A firing that comes again, or for an arming that was replaced, changes nothing.
        outcomes = {found.id for found in await check_log(js)}
        stale = b'{"timer":"deadline","gen":"_nobody"}'
        for data in [*(item.data for item in firings), stale]:
            await js.publish(Outgoing(firings[0].subject, data))
        await until(lambda: _settled(js))
        assert await _facts(js, "onboarding") == expected
        (new,) = [item for item in await check_log(js) if item.id not in outcomes]
        assert (new.type, new.events) == ("timer", ())


@pytest.mark.guarantee("G1.11")
async def test_a_timer_of_a_step_that_is_done_does_not_fire(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        onboarding, "STEP_TIME", dict.fromkeys(onboarding.STEPS, timedelta(seconds=3))
    )
    keys = KeyRing.open(tmp_path / "keys")
    async with _homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")

        async def onboarded() -> bool:
            return "organization-ready" in await _facts(js, "organization")

        await until(onboarded)
        # Another timer, armed later and due later, shows that the time has passed.
        due = "due.tmr.acme.environment.onboarding.acme.witness"
        state = await js.stream_state("EV")
        at = (state.ts + timedelta(seconds=4)).isoformat().replace("+00:00", "Z")
        await js.publish(
            Outgoing(
                "tmr.acme.environment.onboarding.acme.witness",
                b'{"timer":"witness","gen":"x"}',
                {
                    "Nats-Schedule": f"@at {at}",
                    "Nats-Schedule-Target": due,
                    "Nats-Schedule-TTL": "720h",
                },
            )
        )

        async def fired() -> bool:
            return await js.last("EV", due) is not None

        await until(fired)
        firings = [item.subject for item in await whole_log(js) if item.subject.startswith("due.")]
    assert firings == [due]


async def test_an_unreadable_message_for_relay_or_timer_is_listed(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    bad = (
        "out.acme.environment.organization.acme.complete-onboarding.v1",
        "due.tmr.acme.environment.onboarding.acme.deadline",
    )
    async with _homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        for subject in bad:
            await js.publish(Outgoing(subject, b"\xff{"))
        await until(lambda: _settled(js))
        letters = [item.subject for item in await js.replay("DLQ", ">")]
    assert len(letters) == 2
    assert all(name.startswith("dlq.acme.environment.unknown.") for name in letters)


@pytest.mark.guarantee("G1.9")
async def test_the_relay_waits_for_a_full_queue_and_loses_nothing(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with _homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        config = (await js.stream_state("CMD")).config
        await js.api("STREAM.UPDATE.CMD", {**config, "max_bytes": 1})
        body = {
            "specversion": "1.0",
            "id": "_waits",
            "source": "test",
            "type": "environment.complete-onboarding.v1",
            "actor": "service:environment",
        }
        subject = "out.acme.environment.organization.acme.complete-onboarding.v1"
        await js.publish(Outgoing(subject, msgspec.json.encode(body)))

        async def came_again() -> bool:
            info = await js.api("CONSUMER.INFO.EV.environment--relay", None)
            return bool(info["num_redelivered"])

        await until(came_again)
        assert await js.last("EV", "done.acme._waits") is None
        await js.api("STREAM.UPDATE.CMD", config)
        found = await Sender(js).outcome("acme", "_waits")
        assert (found.code, found.actor) == ("organization-not-found", "service:environment")
        await until(lambda: _settled(js))
