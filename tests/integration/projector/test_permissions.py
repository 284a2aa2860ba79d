"""The whole read side with no other rights on the broker than those generated for it."""

from pathlib import Path

import pytest
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import agrees, bearer, projector, served
from tests.support.streams import reading

from catalyst.chassis.jetstream.connection import connect
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User
from catalyst.contracts import permissions
from catalyst.projector import rebuild, replay

pytestmark = pytest.mark.real


@pytest.mark.guarantee("G6.6")
async def test_the_generated_permissions_are_enough(tmp_path: Path) -> None:
    allowed = permissions.projector()
    restricted = User(
        "projector",
        "projector",
        publish=allowed.publish,
        subscribe=allowed.subscribe,
        deny_publish=allowed.deny_publish,
    )
    settings = BrokerSettings(
        directory=tmp_path / "broker",
        accounts=[Account("OWN", [User("own", "own"), restricted])],
        sync_interval="10s",
        min_free_bytes=0,
    )
    process = BrokerProcess(settings)
    await process.start()
    try:
        async with (
            connect(process.url, name="test", user="own", password="own") as writer,
            connect(process.url, name="projector", user="projector", password="projector") as js,
        ):
            log = LogWriter(writer)
            await log.prepare()
            await log.decide(writing.created("acme"))
            member = projector(js)
            async with served(member) as http, reading(http) as stream:
                await stream.until("synced")
                seq = await log.decide(writing.renamed("acme", "Acme Limited"))
                await stream.at(seq)
                assert (await http.get("/readyz", headers=bearer())).status_code == 200
                assert (await replay.check(member.log, member.model)).equal
                await rebuild.rebuild(
                    member.log,
                    member.model,
                    await member.model.current(),
                    against=True,
                    accept=False,
                )
                await stream.until("reset")
                await stream.until("synced")
                pointer = await member.model.current()
                assert pointer is not None
                await member.model.create("abandoned")
                await member.model.delete("abandoned")
                assert await rebuild.clean_up(member.log, member.model, pointer) == []
                await agrees(writer, seq)
    finally:
        await process.stop()
