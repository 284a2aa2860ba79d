"""What each user of the broker may do, on a real broker with the generated permissions."""

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Denied, Outgoing
from catalyst.chassis.jetstream.puller import pull
from catalyst.chassis.jetstream.topology import ensure
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User, server_binary
from catalyst.contracts import permissions
from catalyst.contracts.permissions import BrokerUser, Permissions
from catalyst.contracts.registry import SERVICES, TABLES
from catalyst.contracts.topology import BUCKETS, CONSUMERS, STREAMS, topology_of

ORG_ROLES = ("org-admin", "org-developer", "org-viewer")
EV_GET = "$JS.API.DIRECT.GET.EV"
DONE = f"{EV_GET}.done.acme.c-1"
CREATE = "cmd.acme.environment.environment.acme-dev.create-environment.v1"
UPDATE = "cmd.acme.environment.organization.acme.update-organization.v1"
SUSPEND = "cmd.acme.environment.organization.acme.suspend-organization.v1"
FOREIGN = "cmd.globex.environment.organization.globex.update-organization.v1"
EVENT = "evt.acme.environment.organization.acme.organization-suspended.v1"
OUT = "out.acme.environment.organization.acme.fail-onboarding.v1"

MAY = {
    "environment": [
        EVENT,
        OUT,
        "st.acme.environment.organization.acme",
        "done.acme.c-1",
        "chk.acme.c-1",
        "chk.acme.c-1.2",
        "clm._.environment.acme-dev",
        "clm.acme.use.u-1",
        "tmr.acme.environment.onboarding.acme.deadline",
        "dlq.acme.environment.organization.acme.c1",
        "rsp.acme.x.c-1",
        SUSPEND,
        EV_GET,
        DONE,
        "$JS.API.STREAM.MSG.GET.EV",
        "$JS.API.STREAM.PURGE.DLQ",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.ACK.CMD.environment--commands.1.1.1.1.0",
        "$KV.leases.environment",
        "$KV.cursors.environment",
    ],
    "projector": [
        "$KV.rm.current",
        "$KV.rm_abc.acme._.organization._.acme",
        EV_GET,
        "$JS.API.STREAM.CREATE.KV_rm_abc",
        "$JS.API.STREAM.DELETE.KV_rm_abc",
        "$JS.API.CONSUMER.CREATE.EV.projector-1",
        "$JS.API.CONSUMER.CREATE.KV_rm_abc.hub-1",
        "$JS.API.CONSUMER.MSG.NEXT.EV.projector-1",
    ],
    "gateway": [
        CREATE,
        SUSPEND,
        FOREIGN,
        "cmd._.environment.organization.x.retry.v1",
        "qry.acme.environment.plan-organization-deletion.v1",
        DONE,
        EV_GET,
        "$JS.API.DIRECT.GET.DLQ",
        "$JS.API.CONSUMER.CREATE.EV.gateway-1",
        "use.acme.http",
    ],
    "operator": [
        CREATE,
        SUSPEND,
        FOREIGN,
        "qry.acme.environment.plan-organization-deletion.v1",
        EV_GET,
        "$JS.API.DIRECT.GET.KV_rm_abc",
        "$JS.API.STREAM.LIST",
        "$JS.API.CONSUMER.INFO.EV.environment--relay",
        "$JS.API.CONSUMER.CREATE.EV.mine",
        "$JS.ACK.EV.mine.1.1.1.1.0",
        "ws.acme-dev.flux.kustomization",
        "use.acme.model",
    ],
    "acme-org-admin": [CREATE, UPDATE, DONE, "qry.acme.environment.x.v1", "use.acme.model"],
    "acme-org-developer": [DONE, "use.acme.model"],
    "acme-org-viewer": [DONE, "use.acme.model"],
}
"""Each member's own work, in the words of the protocol; written by hand, not derived."""

MUST_NOT = {
    "environment": [
        "evt.acme.billing.account.acme.account-opened.v1",
        "st.acme.billing.account.acme",
        "cmd.acme.billing.account.acme.open-account.v1",
        "dlq.acme.billing.account.acme.c1",
        "_INBOX_gateway.x",
        "_INBOX.x",
        "$KV.rm.current",
        "$KV.rm_abc._ck",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.PURGE.EV",
        "$JS.API.STREAM.MSG.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "use.acme.model",
        "anything",
    ],
    "projector": [
        EVENT,
        SUSPEND,
        "done.acme.c-1",
        "out.acme.environment.organization.acme.fail-onboarding.v1",
        "rsp.acme.x",
        "$KV.cursors.environment",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.DELETE.CMD",
        "$JS.API.STREAM.DELETE.KV_rm",
        "$JS.API.STREAM.PURGE.EV",
        "$JS.API.STREAM.MSG.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.CREATE.CMD.thief",
        "$JS.API.CONSUMER.CREATE.USE.thief",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.ACK.EV.environment--relay.1.1.1.1.0",
    ],
    "gateway": [
        EVENT,
        OUT,
        "done.acme.c-1",
        "rsp.acme.x",
        "cmd.acme.nobody.thing.x.do.v1",
        "dlq.acme.environment.organization.acme.c1",
        "$KV.rm.current",
        "$KV.leases.environment",
        "$JS.API.STREAM.CREATE.EV",
        "$JS.API.STREAM.UPDATE.EV",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
    ],
    "operator": [
        EVENT,
        OUT,
        "done.acme.c-1",
        "$KV.rm.current",
        "$JS.API.STREAM.UPDATE.EV",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.PURGE.EV",
        "$JS.API.STREAM.MSG.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.CREATE.CMD.thief",
        "$JS.API.CONSUMER.CREATE.USE.thief",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
        "$JS.API.CONSUMER.CREATE.EV.environment--relay",
        "$JS.ACK.EV.environment--relay.1.1.1.1.0",
        "_INBOX_gateway.x",
    ],
    "acme-org-admin": [
        FOREIGN,
        SUSPEND,
        EVENT,
        "cmd.acme.environment.organization.acme.create-organization.v1",
        "cmd.acme.environment.environment.acme-dev.admit-application.v1",
        "cmd._.environment.organization.acme.update-organization.v1",
        f"{EV_GET}.done.globex.c-1",
        f"{EV_GET}.evt.acme.environment.organization.acme.organization-created.v1",
        EV_GET,
        "qry.globex.environment.x.v1",
        "use.globex.model",
        "rsp.acme.x",
        "$JS.API.STREAM.INFO.EV",
    ],
    "acme-org-developer": [CREATE, UPDATE, FOREIGN],
    "acme-org-viewer": [CREATE, UPDATE, FOREIGN],
}
MAY_HEAR = {
    "environment": ["_INBOX_environment-controller.x.y", "qry.*.environment.plan.v1", "$SRV.PING"],
    "projector": ["_INBOX_projector.x"],
    "gateway": ["_INBOX_gateway.x", "rsp.acme.x.*"],
    "operator": ["_INBOX.x.*", "_INBOX_operator.x", "rsp.acme.x.*", "evt.acme.>"],
    "acme-org-admin": ["_INBOX_acme.x", "rsp.acme.x.*"],
    "acme-org-developer": ["_INBOX_acme.x"],
    "acme-org-viewer": ["_INBOX_acme.x"],
}
EVERYTHING_OF_OTHERS = [">", "cmd.>", "done.>", "_INBOX_stranger.>", "$JS.API.>", "$KV.>"]
MUST_NOT_HEAR = {
    "environment": ["rsp.>", "evt.>", "_INBOX.>", "_INBOX_gateway.>", "qry.acme.billing.x.v1"],
    "projector": ["rsp.>", "evt.>", "_INBOX.>", "_INBOX_environment.>"],
    "gateway": ["evt.>", "_INBOX.>", "_INBOX_environment.>"],
    "operator": ["_INBOX_gateway.>"],
    "acme-org-admin": ["rsp.globex.>", "rsp.>", "evt.acme.>", "_INBOX.>", "_INBOX_globex.>"],
    "acme-org-developer": ["rsp.globex.>", "evt.acme.>"],
    "acme-org-viewer": ["rsp.globex.>", "evt.acme.>"],
}
for table in TABLES[1:]:
    # What holds for every service, told of `environment` in full above.
    own = f"acme.{table.service}.{table.aggregates[0]}.x"
    MAY[table.service] = [
        f"evt.{own}.happened.v1",
        f"st.{own}",
        f"cmd.{own}.do.v1",
        "done.acme.c-1",
        "rsp.acme.x.c-1",
        f"$JS.API.CONSUMER.MSG.NEXT.CMD.{table.service}--commands",
        f"$JS.ACK.CMD.{table.service}--commands.1.1.1.1.0",
    ]
    MUST_NOT[table.service] = [
        EVENT,
        SUSPEND,
        "st.acme.environment.organization.acme",
        "dlq.acme.environment.organization.acme.c1",
        "_INBOX_gateway.x",
        "$KV.rm.current",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
        "$JS.ACK.EV.environment--relay.1.1.1.1.0",
    ]
    MAY_HEAR[table.service] = [f"_INBOX_{table.member}.x", f"qry.*.{table.service}.ask.v1"]
    MUST_NOT_HEAR[table.service] = ["rsp.>", "evt.>", "_INBOX.>", "qry.acme.environment.x.v1"]
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


@pytest.mark.guarantee("G6.6")
async def test_each_user_may_publish_its_own_and_nothing_else(guarded: BrokerProcess) -> None:
    assert set(USERS) == set(MAY) == set(MUST_NOT)
    for name in USERS:
        async with raw(guarded.url, name) as probe:
            assert await probe.publish(MAY[name]) == set(), name
            assert await probe.publish(MUST_NOT[name]) == set(MUST_NOT[name]), name


@pytest.mark.guarantee("G6.6")
async def test_each_user_hears_its_own_and_nothing_else(guarded: BrokerProcess) -> None:
    for name in USERS:
        async with raw(guarded.url, name) as probe:
            assert await probe.subscribe(MAY_HEAR[name]) == set(), name
            foreign = [*EVERYTHING_OF_OTHERS, *MUST_NOT_HEAR[name]]
            assert await probe.subscribe(foreign) == set(foreign), name


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
            assert (await puller.read(timeout=5))[0].seq == stored.seq
    async with member(guarded, "operator") as js:
        assert await ensure(js, ((*STREAMS, *BUCKETS), CONSUMERS), change=False) == []
        assert len(await js.replay("EV", ">")) == 3
        with pytest.raises(Denied):
            await js.publish(Outgoing(EVENT, b"{}"))
    async with member(guarded, "gateway") as js:
        assert (await js.stream_state("EV")).messages == 3
        async with pull(js, "EV", name="gateway", start=2) as puller:
            assert (await puller.read(timeout=5))[0].seq == 2
        with pytest.raises(Denied):
            await js.api("STREAM.DELETE.EV", None)


@pytest.mark.guarantee("G6.6")
async def test_a_service_answers_where_the_asker_listens_and_nowhere_else(
    guarded: BrokerProcess,
) -> None:
    async with raw(guarded.url, "environment") as service, raw(guarded.url, "operator") as asker:

        async def answer(message: object) -> None:
            await service.client.publish(message.reply, b"yes")  # type: ignore[attr-defined]

        await service.client.subscribe("qry.*.environment.ask.v1", cb=answer)
        await service.publish([])
        reply = await asker.client.request("qry.acme.environment.ask.v1", b"?", timeout=5)
        assert reply.data == b"yes"
        assert await service.publish(["_INBOX.elsewhere"]) == {"_INBOX.elsewhere"}


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
