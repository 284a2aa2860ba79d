"""What each user of the broker may do, on a real broker with the generated permissions."""

import itertools
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from tests.integration.gateway.allowed import EVENT, EVERYBODY, Row, hearing, publishing

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Denied, Outgoing
from catalyst.chassis.jetstream.puller import pull
from catalyst.chassis.jetstream.topology import ensure
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User, server_binary
from catalyst.contracts import permissions
from catalyst.contracts.permissions import BrokerUser, Permissions
from catalyst.contracts.registry import SERVICES
from catalyst.contracts.topology import (
    BUCKETS,
    CONSUMERS,
    STREAMS,
    VERSION,
    Stream,
    topology_of,
)

ORG_ROLES = ("org-admin", "org-developer", "org-viewer")
USERS: dict[str, Permissions] = {
    **permissions.MEMBERS,
    **{f"acme-{role}": permissions.organization_user("acme", role) for role in ORG_ROLES},
}


def user(name: str, rules: Permissions) -> User:
    return User(
        name,
        name,
        publish=rules.publish,
        subscribe=rules.subscribe,
        deny_publish=rules.deny_publish,
        responses=rules.responses,
    )


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """A broker on which nobody may do more than the contracts say."""
    accounts = [Account("CATALYST", [user(name, rules) for name, rules in USERS.items()])]
    process = BrokerProcess(
        BrokerSettings(
            directory=tmp_path / "broker",
            accounts=accounts,
            sync_interval="10s",
            min_free_bytes=0,
        )
    )
    await process.start()
    yield process
    await process.stop()


class Refusals:
    """A connection that counts what the broker refuses."""

    def __init__(self) -> None:
        self.client = Client()
        self.refused: set[str] = set()

    async def note(self, error: Exception) -> None:
        text = str(error)
        if "permissions violation" in text:
            self.refused.add(text.partition('"')[2].partition('"')[0])

    async def publish(self, subjects: list[str]) -> set[str]:
        for subject in subjects:
            await self.client.publish(subject, b"")
        return await self._settled(subjects)

    async def subscribe(self, subjects: list[str]) -> set[str]:
        for subject in subjects:
            await self.client.subscribe(subject)
        return await self._settled(subjects)

    async def _settled(self, subjects: list[str]) -> set[str]:
        # The broker answers in order, but the client puts a ping before what still waits to be
        # sent: after the second one, every refusal has been read.
        await self.client.flush()
        await self.client.flush()
        return {subject for subject in subjects if subject.lower() in self.refused}


@asynccontextmanager
async def raw(url: str, name: str) -> AsyncIterator[Refusals]:
    found = Refusals()
    await found.client.connect(url, user=name, password=name, error_cb=found.note)
    yield found
    await found.client.close()


@asynccontextmanager
async def member(process: BrokerProcess, name: str) -> AsyncIterator[JetStream]:
    known = permissions.member(name)
    async with connect(process.url, name=known, user=name, password=name) as js:
        yield js


async def _found(
    url: str, rows: Iterable[Row], attempt: Callable[[Refusals, list[str]], Awaitable[set[str]]]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return what each user got through with and should not, and what the other way round."""
    table = dict(rows)
    too_much, too_little = {}, {}
    for name in USERS:
        async with raw(url, name) as probe:
            got = table.keys() - await attempt(probe, list(table))
        wanted = {subject for subject, who in table.items() if name in who}
        if got != wanted:
            too_much[name], too_little[name] = got - wanted, wanted - got
    return too_much, too_little


@pytest.mark.guarantee("G6.6")
async def test_each_user_may_publish_its_own_and_nothing_else(guarded: BrokerProcess) -> None:
    assert set(USERS) == EVERYBODY
    assert await _found(guarded.url, publishing(), Refusals.publish) == ({}, {})


@pytest.mark.guarantee("G6.6")
async def test_each_user_hears_its_own_and_nothing_else(guarded: BrokerProcess) -> None:
    assert await _found(guarded.url, hearing(), Refusals.subscribe) == ({}, {})


async def test_the_worker_makes_the_topology_and_the_projector_its_bucket(
    guarded: BrokerProcess,
) -> None:
    for service in SERVICES:
        async with member(guarded, service) as js:
            assert await ensure(js, topology_of(service)) == []
    async with member(guarded, "environment") as js:
        stored = await js.publish(Outgoing("evt.acme.environment.organization.acme.x.v1", b"{}"))
        assert (await js.batch([Outgoing("done.acme.c-1"), Outgoing(EVENT, b"{}")])).count == 2
        assert await js.last("KV_leases", "$KV.leases.none", leader=True) is None
    async with member(guarded, "projector") as js:
        assert await ensure(js, ((*STREAMS, *BUCKETS), ())) == []
        async with pull(js, "EV", name="projector", start=1) as puller:
            assert (await puller.read(timeout=60))[0].seq == stored.seq
    async with member(guarded, "operator") as js:
        assert await ensure(js, ((*STREAMS, *BUCKETS), CONSUMERS), change=False) == []
        assert len(await js.replay("EV", ">")) == 3
        with pytest.raises(Denied):
            await js.publish(Outgoing(EVENT, b"{}"))
    async with member(guarded, "gateway") as js:
        assert (await js.stream_state("EV")).messages == 3
        async with pull(js, "EV", name="gateway", start=2) as puller:
            assert (await puller.read(timeout=60))[0].seq == 2
        with pytest.raises(Denied):
            await js.api("STREAM.DELETE.EV", None)


@pytest.mark.guarantee("G6.6")
async def test_one_member_alone_changes_a_stream_that_stands(guarded: BrokerProcess) -> None:
    bigger = changed_log(max_consumers=6000)
    async with member(guarded, "catalog") as js:
        assert await ensure(js, topology_of("catalog")) == []
    async with member(guarded, "environment") as js:
        for number in range(3):
            await js.publish(Outgoing(f"evt.acme.environment.organization.acme.x{number}.v1"))
        before = await js.stream_state("EV")
    for name in sorted(USERS.keys() - {"environment"}):
        async with member(guarded, name) as js:
            for verb in ("UPDATE", "CREATE"):
                with pytest.raises(BrokerError):
                    await js.api(f"STREAM.{verb}.EV", {**before.config, "max_msgs": 1})
    async with member(guarded, "catalog") as js:
        found = await ensure(js, (bigger, topology_of("catalog")[1]), version=VERSION + 1)
        assert [(item.what, item.why) for item in found if " EV:" in item.what] == [
            ("stream EV: max_consumers", "only environment-controller may change it"),
            ("stream EV: metadata", "only environment-controller may change it"),
        ]
    async with member(guarded, "environment") as js:
        after = await js.stream_state("EV")
        assert (after.config, after.messages) == (before.config, 3)
        assert await ensure(js, (bigger, ()), version=VERSION + 1) == []
        after = await js.stream_state("EV")
        assert (after.config["max_consumers"], after.messages) == (6000, 3)


def changed_log(**more: Any) -> tuple[Stream, ...]:
    return tuple(
        Stream(item.name, {**item.config, **more}) if item.name == "EV" else item
        for item in (*STREAMS, *BUCKETS)
    )


@pytest.mark.guarantee("G6.6")
async def test_a_service_answers_where_the_asker_listens_and_nowhere_else(
    guarded: BrokerProcess,
) -> None:
    async with raw(guarded.url, "environment") as service, raw(guarded.url, "operator") as asker:

        async def answer(message: object) -> None:
            await service.client.publish(message.reply, b"yes")  # type: ignore[attr-defined]

        await service.client.subscribe("qry.*.environment.ask.v1", cb=answer)
        await service.publish([])
        reply = await asker.client.request("qry.acme.environment.ask.v1", b"?", timeout=60)
        assert reply.data == b"yes"
        assert await service.publish(["_INBOX.elsewhere"]) == {"_INBOX.elsewhere"}


@pytest.mark.guarantee("G6.6")
async def test_no_credential_of_an_organization_loses_a_stream_by_where_it_wants_its_answer(
    guarded: BrokerProcess,
) -> None:
    """The broker answers wherever it is told to: an empty answer may be a wish to itself there."""
    for service in SERVICES:
        async with member(guarded, service) as js:
            assert await ensure(js, topology_of(service)) == []
    async with member(guarded, "environment") as js:
        await js.publish(Outgoing(EVENT, b"{}"))
    async with member(guarded, "operator") as js:
        for role in ORG_ROLES:
            name = f"acme-{role}"
            said = [one.replace("*", "x").replace(">", "x.y") for one in USERS[name].publish]
            async with raw(guarded.url, name) as probe:
                for subject, stream in itertools.product(said, STREAMS):
                    for verb in ("DELETE", "PURGE"):
                        reply = f"$JS.API.STREAM.{verb}.{stream.name}"
                        await probe.client.publish(subject, b"", reply=reply)
                assert await probe.publish([]) == set()
            for stream in STREAMS:
                assert (await js.stream_state(stream.name)).config["name"] == stream.name
            assert await js.last("EV", EVENT) is not None


@pytest.mark.guarantee("G6.6")
async def test_an_operator_has_nothing_that_it_wrote_stored_as_an_event(
    guarded: BrokerProcess,
) -> None:
    for service in SERVICES:
        async with member(guarded, service) as js:
            assert await ensure(js, topology_of(service)) == []
    said = "ws.acme-dev.flux.x"
    async with raw(guarded.url, "operator") as probe, member(guarded, "operator") as js:
        await probe.client.publish(said, b'{"specversion":"1.0","data":{}}')
        assert await probe.publish([]) == set()
        before = (await js.stream_state("EV")).last_seq
        asked = {
            "$JS.API.DIRECT.GET.FACTS": b'{"seq":1}',
            f"$JS.API.DIRECT.GET.FACTS.{said}": b"",
            "$JS.API.STREAM.MSG.GET.FACTS": b'{"seq":1}',
        }
        for subject, body in asked.items():
            await probe.client.publish(subject, body, reply=EVENT)
        assert await probe.publish([]) == set()
        stored = await js.last("EV", EVENT)
        # That answer is none of ours: it is wrapped, and passed over as what it is.
        assert stored is None or b"specversion" not in stored.data
        assert (await js.stream_state("EV")).last_seq <= before + 1


@pytest.mark.parametrize("form", ["authorization", "accounts"])
def test_the_rendered_block_is_a_configuration_that_the_broker_takes(
    tmp_path: Path, form: str
) -> None:
    users = [
        BrokerUser(name=name, password=f'p"w\\{name}', permissions=rules)
        for name, rules in USERS.items()
    ]
    users[0] = BrokerUser(name="x", password="$SECRET", permissions=users[0].permissions)
    if form == "authorization":
        block: dict[str, Any] = {"authorization": permissions.authorization(users)}
    else:
        system = BrokerUser(name="sys", password="s", permissions=users[0].permissions)
        block = {
            "accounts": permissions.accounts(users, system=system),
            "system_account": "SYS",
        }
    path = tmp_path / "nats.conf"
    path.write_text(permissions.render(block))
    tried = subprocess.run(
        [str(server_binary()), "-t", "-c", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"SECRET": "s3cret"},
    )
    assert tried.returncode == 0, tried.stderr
    assert '"password": $SECRET' in path.read_text()
    json.dumps(block)
