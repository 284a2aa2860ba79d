"""Onboarding, the relay, the Git effect and timers: whatever dies around them, each ends once."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dulwich.repo import Repo
from tests.integration.chassis.onboarded import facts, homes, settled
from tests.support.broker import Access, SharedBroker, emptied
from tests.support.crashes import FaultyBroker, Stopper, points, until_first
from tests.support.invariants import check_log, whole_log
from tests.support.rig import Sender, acme, runtime, take_and_return, working
from tests.support.sequential import CREATE
from tests.support.waiting import until

from catalyst.chassis import parking
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import topology as contract
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.handlers import service

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("quick")]
AT_ONCE = 8


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
            home = await stack.enter_async_context(homes(self.folder))
            stopper = Stopper()
            faulty = FaultyBroker(own, at, side, stopper, counted)
            worker = Worker(service(home), runtime(own, broker=faulty, keys=self.keys))

            async def ready() -> None:
                async def onboarded() -> bool:
                    return "organization-ready" in await facts(js, "organization")

                await until(onboarded, 90)
                await until(lambda: settled(js), 90)

            await until_first(worker.run(), ready(), stopper.reached.wait())
            await js.publish(Outgoing("$KV.leases.environment", b""))
        return faulty

    async def prove(self, at: int, side: str, counted: tuple[str, ...]) -> bool:
        """Let a worker die at a point and a sound one finish; tell whether the point was met."""
        async with self.connected() as js:
            await topology.ensure(js, contract.topology_of("environment"))
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
        assert (await facts(js, "organization")).count("organization-ready") == 1, point
        assert Counter(await facts(js, "onboarding")) == Counter(
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
        await topology.ensure(js, contract.topology_of("environment"))
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")
        calls = (await site.run(counted=counted)).calls
        await site.check(js, "recorded")
    return calls


@pytest.mark.guarantee("G1.9", "G1.10")
async def test_relay_and_effect_are_carried_out_once_wherever_they_die(
    shared_broker: SharedBroker, tmp_path: Path
) -> None:
    """Both end in a publish to the queue."""
    counted = ("publish cmd",)
    calls = await _recorded(shared_broker, tmp_path, counted)
    assert len(calls) >= 4
    chosen = points(calls, each=5)
    assert await _prove_all(shared_broker, tmp_path, chosen, counted) >= len(chosen) - 2


@pytest.mark.guarantee("G1.2", "G1.10")
async def test_an_onboarding_ends_once_wherever_its_worker_dies(
    shared_broker: SharedBroker, tmp_path: Path
) -> None:
    counted = ("batch", "settle Acked", "last", "publish")
    calls = await _recorded(shared_broker, tmp_path, counted)
    chosen = points(calls, each=2)
    assert await _prove_all(shared_broker, tmp_path, chosen, counted) >= len(chosen) * 2 // 3


async def _commands_of(js: JetStream) -> list[tuple[str, bytes]]:
    return [
        (item.subject, item.data) for item in await whole_log(js) if item.subject.startswith("out.")
    ]


@pytest.mark.guarantee("G1.9", "G1.1")
async def test_doubled_commands_answers_and_firings_change_nothing(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")

        async def onboarded() -> bool:
            return "organization-ready" in await facts(js, "organization")

        await until(onboarded)
        await until(lambda: settled(js))
        before = await facts(js, "organization") + await facts(js, "onboarding")
        outcomes = len(await check_log(js))
        relayed = await _commands_of(js)
        # The question to the Organization, and its answer, each a second time.
        assert {subject.split(".")[5] for subject, _ in relayed} == {
            "complete-onboarding",
            "take-answer",
        }
        for subject, data in relayed:
            await js.publish(Outgoing(subject, data))
        await until(lambda: settled(js))
        assert before == await facts(js, "organization") + await facts(js, "onboarding")
        assert outcomes == len(await check_log(js))


@pytest.mark.guarantee("G1.9", "G1.16")
async def test_the_relay_names_who_sent_a_command_and_since_when(
    js: JetStream, tmp_path: Path
) -> None:
    """Its age begins in the log: however long it waits for its relay, it grows old meanwhile."""
    keys = KeyRing.open(tmp_path / "keys")
    address = "acme.environment.organization.acme.complete-onboarding.v1"
    relayed = await js.link.subscribe(f"cmd.{address}")
    body = {
        "specversion": "1.0",
        "id": "_sent",
        "source": "test",
        "type": "environment.complete-onboarding.v1",
        "actor": "service:provisioning",
    }
    await topology.ensure(js, contract.topology_of("environment"))
    sent = await js.publish(Outgoing(f"out.{address}", msgspec.json.encode(body)))
    stored = await js.message("EV", sent.seq)
    assert stored is not None
    async with homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        found = await relayed.next_msg(timeout=60)
        outcome = await Sender(js).outcome("acme", "_sent")
    assert found.data == stored.data
    assert found.headers is not None
    assert found.headers["Catalyst-Actor"] == outcome.actor == "service:provisioning"
    assert datetime.fromisoformat(found.headers["Catalyst-Since"]) == stored.time
    token = found.headers["Authorization"].removeprefix("Bearer ")
    claims = await keys.verifier().verify(token, at=stored.time)
    assert claims.service == "environment"


async def test_a_refusal_at_the_door_is_answered_to_the_process_as_well(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
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
        await until(lambda: settled(js))
    # Answers are not answered.
    assert len(await _commands_of(js)) == 6


async def test_an_unreadable_message_for_relay_or_timer_is_listed(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    bad = (
        "out.acme.environment.organization.acme.complete-onboarding.v1",
        "due.tmr.acme.environment.onboarding.acme.deadline",
    )
    async with homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        for subject in bad:
            await js.publish(Outgoing(subject, b"\xff{"))
        await until(lambda: settled(js))
        letters = [item.subject for item in await js.replay("DLQ", ">")]
    assert len(letters) == 2
    assert all(name.startswith("dlq.acme.environment.unknown.") for name in letters)


@pytest.mark.guarantee("G1.9")
async def test_the_relay_waits_for_a_full_queue_and_loses_nothing(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
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
        await until(lambda: settled(js))


@pytest.mark.guarantee("G7.1", "G7.10")
async def test_an_event_that_was_delivered_too_often_is_set_aside_before_it_is_decided(
    js: JetStream, tmp_path: Path
) -> None:
    """It may be what kills each worker that decides it."""
    await topology.ensure(js, contract.topology_of("environment"))
    sender = Sender(js)
    async with working(js):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
    for _ in range(parking.MAX_DELIVERIES):
        await take_and_return(js, "EV", "environment--onboarding", 1)
    async with homes(tmp_path / "git") as home, working(js, service(home)):

        async def parked() -> bool:
            return "parked" in await facts(js, "onboarding")

        await until(parked)
        (letter,) = [parking.read(item) for item in await js.replay("DLQ", ">")]
        assert (letter.reason, letter.reaction) == ("redelivered", "onboarding")
        assert "onboarding-started" not in await facts(js, "onboarding")
        sent = await sender.send("environment.retry.v1", "acme", aggregate="onboarding")
        assert (await sender.outcome("acme", sent)).result == {"freed": 1}
        assert (await facts(js, "onboarding"))[:2] == ["parked", "onboarding-started"]
    await check_log(js)
