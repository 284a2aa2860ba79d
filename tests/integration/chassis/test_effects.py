"""An effect waits for a world that is not ready: in its place, visibly, up to its deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Commit
from dulwich.repo import Repo
from prometheus_client import CollectorRegistry
from tests.support.homes import MoodyHome, homes
from tests.support.rig import Sender, acme, runtime
from tests.support.sequential import CREATE
from tests.support.waiting import until

from catalyst.chassis import effect as effects
from catalyst.chassis import parking
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.measures import Measures
from catalyst.chassis.worker import Worker
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller import effects as git
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.domain import onboarding, progress
from catalyst.environment_controller.handlers import service

pytestmark = pytest.mark.real

UPDATE = "environment.update-organization.v1"
TRIES = effects.MAX_ATTEMPTS * 2
"""More than an effect that fails would have."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "_LONGEST_WAIT_SECONDS", 0.05)


class Running:
    """A worker, its Git homes, and what it measures."""

    def __init__(self, js: JetStream, folder: Path, home: MoodyHome) -> None:
        self.js = js
        self.home = home
        self.registry = CollectorRegistry()
        keys = KeyRing.open(folder / "keys")
        self.worker = Worker(service(home), runtime(js, keys=keys), Measures(self.registry))

    def sample(self, name: str, **labels: str) -> float:
        labels = {"effect": "git", **labels}
        return self.registry.get_sample_value(f"catalyst_worker_{name}", labels) or 0.0

    async def facts(self, aggregate: str) -> list[str]:
        found = await self.js.replay("EV", f"evt.acme.environment.{aggregate}.acme.>")
        return [item.subject.split(".")[5] for item in found]

    async def has(self, aggregate: str, fact: str, times: int = 1) -> bool:
        return (await self.facts(aggregate)).count(fact) == times


@asynccontextmanager
async def started(js: JetStream, folder: Path, home: MoodyHome) -> AsyncIterator[Running]:
    running = Running(js, folder, home)
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(running.worker.run())
        await until(running.worker.active.is_set)
        yield running
        running.worker.stop()
        await working


@pytest.mark.guarantee("G7.7")
async def test_a_git_home_that_is_not_ready_is_waited_for_in_the_order_of_the_log(
    js: JetStream, tmp_path: Path
) -> None:
    async with homes(tmp_path / "git") as home, started(js, tmp_path, home) as running:
        sender = Sender(js)
        home.not_ready()
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await until(lambda: home.asked.get("acme", 0) > TRIES)
        assert running.sample("effect_wait_seconds") > 0
        home.well()
        await until(lambda: running.has("organization", "organization-ready"))
        await until(lambda: running.has("organization", "manifest-committed"))
        assert "step-failed" not in await running.facts("onboarding")
        assert running.sample("effect_wait_seconds") == 0

        # Nothing has a deadline now; what happens meanwhile waits behind the first of them.
        home.asked.clear()
        home.not_ready()
        for name in ("One", "Two", "Three"):
            sent = await sender.send(UPDATE, "acme", {"display_name": name})
            assert (await sender.outcome("acme", sent)).status == "accepted"
        await until(lambda: home.asked.get("acme", 0) > TRIES)
        home.well()
        await until(lambda: running.has("organization", "manifest-committed", 4))
        assert running.sample("effects_total", result="given-up") == 0
        assert running.sample("effects_total", result="again") == 0
        assert not (await js.stream_state("DLQ")).messages
    with closing(Repo(str(GitRoot(tmp_path / "git").repository("acme")))) as repo:
        messages = [entry.commit.message.decode() for entry in repo.get_walker()][::-1]
    seqs = [int(message.rsplit("Catalyst-Seq: ", 1)[1]) for message in messages]
    assert seqs == sorted(set(seqs))
    assert [message.split("\n")[0] for message in messages][-3:] == ["Update Organization acme"] * 3


@pytest.mark.guarantee("G7.3")
async def test_a_commit_that_was_given_up_is_made_up_by_a_retry_or_dropped(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "_FIRST_PAUSE_SECONDS", 0.0)
    async with homes(tmp_path / "git") as home, started(js, tmp_path, home) as running:
        sender = Sender(js)
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await until(lambda: running.has("organization", "manifest-committed"))
        home.commits = LookupError("a bug")
        for name in ("One", "Two"):
            await sender.outcome("acme", await sender.send(UPDATE, "acme", {"display_name": name}))

        async def letters() -> list[str]:
            return sorted(item.subject for item in await js.replay("DLQ", ">"))

        async def are(number: int) -> bool:
            return len(await letters()) == number

        async def asked(verb: str, subject: str) -> tuple[str, object]:
            data = {"subject": subject} | ({"reason": "made up"} if verb == "drop" else {})
            sent = await sender.send(
                f"environment.{verb}.v1", "acme", data, aggregate="organization"
            )
            found = await sender.outcome("acme", sent)
            return found.code, found.result

        await until(lambda: are(2))
        first, second = await letters()
        # It fails again: it stays listed, and nothing claims more.
        before = running.sample("effects_total", result="given-up")
        assert await asked("retry", second) == ("", {"asked": 1})
        await until(lambda: running.sample("effects_total", result="given-up") == before + 1)
        assert await letters() == [first, second]
        home.commits = None
        assert await asked("retry", second) == ("", {"asked": 1})
        await until(lambda: are(1))
        await until(lambda: running.has("organization", "manifest-committed", 2))
        assert await asked("drop", first) == ("", {"freed": 1})
        assert await letters() == []
        assert await asked("retry", first) == ("not-parked", None)
    with closing(Repo(str(GitRoot(tmp_path / "git").repository("acme")))) as repo:
        head = repo[repo.head()]
        assert isinstance(head, Commit)
        _, blob = tree_lookup_path(repo.__getitem__, head.tree, b"organization.yaml")
        assert b"Two" in repo[blob].as_raw_string()


@pytest.mark.guarantee("G7.6")
async def test_a_git_home_that_is_never_ready_fails_the_step_with_its_reason(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadlines are far off, and the effect gives up long before: its report decides."""
    monkeypatch.setattr(git, "REPORT_TIME", timedelta(seconds=59))
    monkeypatch.setattr(
        onboarding, "STEP_TIME", dict.fromkeys(progress.STEPS, timedelta(seconds=60))
    )
    monkeypatch.setattr(onboarding, "MAX_ATTEMPTS", 1)
    async with homes(tmp_path / "git") as home, started(js, tmp_path, home) as running:
        home.not_ready()
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")
        await until(lambda: running.has("organization", "organization-failed"), 60)
        found = await js.last("EV", "evt.acme.environment.onboarding.acme.step-failed.v1")
        assert found is not None
        assert b"the disk of the Git homes answered: full" in found.data
        assert not (await js.stream_state("DLQ")).messages


@pytest.mark.guarantee("G7.3")
async def test_an_event_too_large_to_be_kept_is_read_in_the_log_for_a_retry(
    js: JetStream, tmp_path: Path
) -> None:
    async with homes(tmp_path / "git") as home, started(js, tmp_path, home) as running:
        sender = Sender(js)
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await until(lambda: running.has("organization", "manifest-committed"))
        ref = Ref("acme", "environment", "organization", "acme")
        await sender.outcome("acme", await sender.send(UPDATE, "acme", {"display_name": "One"}))
        updated = await js.last("EV", ref.event("organization-updated", 1), leader=True)
        assert updated is not None
        event = msgspec.json.decode(updated.data)
        event |= {"id": "e-1", "data": {**event["data"], "later": "x" * 900_000}}
        at = await js.publish(Outgoing(updated.subject, msgspec.json.encode(event)))
        stored = await js.message("EV", at.seq)
        assert stored is not None
        subject = ref.dead_letter("e", at.seq)
        letter = parking.Letter(
            stream="EV",
            sequence=at.seq,
            time=stored.time,
            subject=stored.subject,
            message_id="",
            message_type="",
            reason=parking.EFFECT_FAILED,
            body=stored.data,
            reaction=git.NAME,
        )
        await parking.put_aside(js, subject, letter)
        (kept,) = await js.replay("DLQ", ">")
        assert parking.read(kept).size == len(stored.data)
        retry = {"subject": subject}
        sent = await sender.send("environment.retry.v1", "acme", retry, aggregate="organization")
        assert (await sender.outcome("acme", sent)).result == {"asked": 1}

        async def done() -> bool:
            return not (await js.stream_state("DLQ")).messages

        await until(done)
