"""Commands over NATS when things go wrong: lost replies, restarts, refusals."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.support.broker import own_connection, private, settings
from tests.support.rig import acme, working

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.jetstream.topology import ensure
from catalyst.cli.broker import Account, BrokerProcess, User
from catalyst.client import nats_transport
from catalyst.client.api import Client
from catalyst.client.connect import connect
from catalyst.client.errors import Problem, TimedOut, Undecided, Unreachable
from catalyst.contracts import permissions, subjects
from catalyst.contracts.message import Envelope, Outcome, digest
from catalyst.contracts.topology import CMD, topology

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
RESUME = "environment.resume-organization.v1"
SUSPEND = "environment.suspend-organization.v1"
SUSPENDED = {"reason": "x"}
Answering = Callable[[Outcome, str], Awaitable[None]]


@asynccontextmanager
async def deciding(js: JetStream, answer: Answering) -> AsyncIterator[list[str]]:
    """Accept every command as a worker would, and reply with `answer`; yields what arrived."""
    arrived: list[str] = []
    waiting: asyncio.Queue[tuple[str, str, bytes]] = asyncio.Queue()

    def take(message: object) -> None:
        subject = bytes(getattr(message, "subject")).decode()  # noqa: B009 - of a raw message
        headers = bytes(getattr(message, "headers")).decode()  # noqa: B009
        waiting.put_nowait((subject, headers, bytes(getattr(message, "data"))))  # noqa: B009

    async def work() -> None:
        while True:
            subject, headers, data = await waiting.get()
            envelope = msgspec.json.decode(data, type=Envelope)
            arrived.append(envelope.id)
            ref = subjects.parse(subject).ref
            outcome = Outcome(
                id=envelope.id,
                type=envelope.type,
                status="accepted",
                digest=digest(envelope.type, subject, envelope.data),
                time=datetime.now(UTC),
            )
            place = subjects.done(ref.organization, envelope.id)
            ack = await js.publish(Outgoing(place, msgspec.json.encode(outcome)))
            reply = headers.partition("Catalyst-Reply: ")[2].partition("\r\n")[0]
            await answer(msgspec.structs.replace(outcome, seq=ack.seq), reply)

    await ensure(js, topology())
    sid = await js.link.tap("cmd.>", take)
    async with asyncio.TaskGroup() as tasks:
        working_task = tasks.create_task(work())
        try:
            yield arrived
        finally:
            working_task.cancel()
            await js.link.untap(sid)


async def silence(_outcome: Outcome, _reply: str) -> None:
    """Lose the reply."""


def again(js: JetStream) -> Answering:
    """Lose the reply to each command once, and reply when the command comes again."""
    known: set[str] = set()

    async def reply(outcome: Outcome, subject: str) -> None:
        if outcome.id in known:
            await js.core_publish(subject, msgspec.json.encode(outcome))
        known.add(outcome.id)

    return reply


async def test_a_lost_reply_is_made_good_by_the_record(js: JetStream, broker_url: str) -> None:
    async with deciding(js, silence) as arrived, connect(broker_url) as catalyst:
        outcome = await catalyst.send(RESUME, {}, organization="acme", command_id="c-1")
    assert (outcome.id, outcome.status) == ("c-1", "accepted")
    assert outcome.seq > 0
    assert arrived == ["c-1"]


async def test_the_record_of_another_command_is_not_taken_for_ours(
    js: JetStream, broker_url: str
) -> None:
    async with deciding(js, silence), connect(broker_url) as catalyst:
        await catalyst.send(RESUME, {}, organization="acme", command_id="c-1")
    # Nobody decides any more; the record alone has to tell the two apart.
    async with connect(broker_url) as catalyst:
        outcome = await catalyst.send(SUSPEND, SUSPENDED, organization="acme", command_id="c-1")
    assert (outcome.status, outcome.code) == ("rejected", "command-id-reused")


async def test_a_late_answer_to_another_command_under_the_id_is_not_taken_for_ours(
    js: JetStream, broker_url: str
) -> None:
    late: list[tuple[Outcome, str]] = []

    async def answer(outcome: Outcome, reply: str) -> None:
        late.append((outcome, reply))
        # The first one is not answered before another command of that id is.
        for one, place in late if len(late) > 1 else ():
            await js.core_publish(place, msgspec.json.encode(one))

    async with deciding(js, answer), connect(broker_url) as catalyst:
        first = await catalyst.send(RESUME, {}, organization="acme", command_id="c-1")
        second = await catalyst.send(SUSPEND, SUSPENDED, organization="acme", command_id="c-1")
    assert (first.type, second.type) == (RESUME, SUSPEND)


async def test_without_a_worker_the_wait_ends_and_the_command_stays(
    js: JetStream, broker_url: str
) -> None:
    await ensure(js, topology())
    async with connect(broker_url) as catalyst:
        with pytest.raises(TimedOut, match="c-1"):
            await catalyst.send(RESUME, {}, organization="acme", command_id="c-1", timeout=0.4)
    state = await js.stream_state("CMD")
    assert state.messages == 1


async def test_without_streams_nothing_is_sent(broker_url: str) -> None:
    async with connect(broker_url) as catalyst:
        with pytest.raises(TimedOut, match="not confirmed"):
            await catalyst.submit(RESUME, {}, organization="acme", timeout=0.4)


async def test_a_command_above_the_limit_is_refused_and_the_connection_lives(
    js: JetStream, broker_url: str
) -> None:
    await ensure(js, topology())
    async with connect(broker_url) as catalyst:
        with pytest.raises(Problem) as caught:
            await catalyst.submit(RESUME, b'{"a":"' + b"x" * 2_000_000 + b'"}', organization="acme")
        assert caught.value.status == 413
        assert (await catalyst.submit(RESUME, {}, organization="acme")).command_id


async def test_a_broker_that_restarts_in_between_does_not_lose_the_outcome(
    own_server: BrokerProcess,
) -> None:
    slugs = [f"org{number}x" for number in range(12)]

    async def restart() -> None:
        await own_server.kill()
        await own_server.start()

    async with (
        own_connection(own_server) as js,
        working(js),
        connect(own_server.url, user="own", password="own") as catalyst,
    ):
        await catalyst.send(CREATE, acme(), organization="first1x")
        async with asyncio.TaskGroup() as tasks:
            sent = [
                tasks.create_task(catalyst.send(CREATE, acme(), organization=slug, timeout=60))
                for slug in slugs
            ]
            tasks.create_task(restart())
        assert {task.result().status for task in sent} == {"accepted"}


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    process = private(tmp_path)
    await process.start()
    url = process.url
    await process.stop()
    with pytest.raises(Unreachable):
        async with connect(url):
            pass


async def test_wrong_credentials_are_refused_at_once(own_server: BrokerProcess) -> None:
    with pytest.raises(Problem) as caught:
        async with connect(own_server.url, user="own", password="wrong"):
            pass
    assert (caught.value.status, caught.value.code) == (401, "unauthenticated")


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """A broker with the permissions of an Organization's viewer and admin."""
    users = [User("own", "own")]
    for role in ("org-viewer", "org-admin"):
        rules = permissions.organization_user("acme", role)
        users.append(User(role, role, publish=rules.publish, subscribe=rules.subscribe))
    plain = settings(tmp_path, [])
    process = BrokerProcess(msgspec.structs.replace(plain, accounts=[Account("OWN", users)]))
    await process.start()
    yield process
    await process.stop()


async def test_what_the_broker_denies_is_told_at_once(guarded: BrokerProcess) -> None:
    async with own_connection(guarded) as js:
        await ensure(js, topology())
        async with connect(
            guarded.url, user="org-viewer", password="org-viewer", inbox_prefix="_INBOX_acme"
        ) as catalyst:
            with pytest.raises(Problem) as caught:
                await catalyst.submit(
                    "environment.change-owners.v1", {"owners": []}, organization="acme"
                )
    assert (caught.value.status, caught.value.code) == (403, "forbidden")


async def test_an_inbox_that_the_broker_denies_is_told_at_once(guarded: BrokerProcess) -> None:
    async with own_connection(guarded) as js:
        await ensure(js, topology())
        async with connect(guarded.url, user="org-admin", password="org-admin") as catalyst:
            with pytest.raises(Problem) as caught:
                await catalyst.outcome("c-1", organization="acme")
    assert caught.value.code == "forbidden"


async def test_credentials_of_one_organization_send_and_get_the_outcome(
    guarded: BrokerProcess,
) -> None:
    """They read no record: whoever loses the first answer is answered once more."""
    async with (
        own_connection(guarded) as js,
        deciding(js, again(js)) as arrived,
        connect(
            guarded.url, user="org-admin", password="org-admin", inbox_prefix="_INBOX_acme"
        ) as catalyst,
    ):
        outcome = await catalyst.send(
            "environment.change-owners.v1", {"owners": []}, organization="acme"
        )
        with pytest.raises(Problem) as caught:
            await catalyst.outcome(outcome.id, organization="acme")
    assert (outcome.status, outcome.log) == ("accepted", "")
    assert outcome.seq > 0
    assert arrived == [outcome.id, outcome.id]
    assert caught.value.code == "forbidden"


LITTLE = ("org-admin", "org-admin", "_INBOX_acme")
OWNERS = "environment.change-owners.v1"


@asynccontextmanager
async def of_one_organization(guarded: BrokerProcess) -> AsyncIterator[Client]:
    """Connect with credentials that read no record."""
    user, password, inbox = LITTLE
    async with connect(guarded.url, user=user, password=password, inbox_prefix=inbox) as catalyst:
        yield catalyst


async def test_whoever_reads_no_record_sends_again_ever_more_seldom(
    guarded: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is slow is not kept busy with repeats: each takes it longer than the first."""
    monkeypatch.setattr(nats_transport, "LOOK_FIRST_SECONDS", 0.02)
    monkeypatch.setattr(nats_transport, "LOOK_CAP_SECONDS", 0.02)
    monkeypatch.setattr(nats_transport, "AGAIN_FIRST_SECONDS", 0.05)
    async with (
        own_connection(guarded) as js,
        deciding(js, silence) as arrived,
        of_one_organization(guarded) as catalyst,
    ):
        for command_id in ("c-1", "c-2"):
            with pytest.raises(Undecided):
                await catalyst.send(
                    OWNERS, {"owners": []}, organization="acme", command_id=command_id, timeout=2.0
                )
    # At 0.05 s, then after 0.1, 0.2, 0.4 and 0.8 more: five in 2 s, beside the command itself.
    assert 2 <= arrived.count("c-1") <= 6
    assert 2 <= arrived.count("c-2") <= 6


async def test_an_answer_counts_though_no_repeat_is_taken(
    guarded: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that is full takes no repeat, and whoever waits still hears of the command itself."""
    monkeypatch.setattr(nats_transport, "AGAIN_FIRST_SECONDS", 0.05)
    async with (
        own_connection(guarded) as js,
        deciding(js, again(js)),
        of_one_organization(guarded) as catalyst,
    ):
        full = {**(await js.stream_state(CMD)).config, "max_msgs": 1}
        await js.api(f"STREAM.UPDATE.{CMD}", full)
        outcome = await catalyst.send(OWNERS, {"owners": []}, organization="acme", timeout=20.0)
        assert (await js.stream_state(CMD)).messages == 1
    assert outcome.status == "accepted"
