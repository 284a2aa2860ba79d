"""What the broker forgets of deleted rows, and who may go on behind it."""

from datetime import datetime, timedelta

import msgspec
import pytest
from tests.integration.projector.streamed import ACME, ROOT, listed, prepared
from tests.support import log as writing
from tests.support.projecting import bearer, projector, served
from tests.support.streams import data, reading
from typing_extensions import override

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Stored
from catalyst.projector import hub
from catalyst.projector.adapters.bucket import stream_name
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.feed import Feed
from catalyst.projector.ports import LogState

pytestmark = pytest.mark.real

BETA = "beta._.organization._.beta"


async def _kept(js: JetStream, epoch: str, key: str) -> Stored | None:
    """What a bucket keeps of a key, a deletion included."""
    return await js.last(stream_name(epoch), f"$KV.rm_{epoch}.{key}", leader=True)


@pytest.mark.guarantee("G4.4")
@pytest.mark.parametrize("beside", [(), (writing.renamed("acme", "in the same flush"),)])
async def test_a_deletion_stays_with_the_broker_for_an_hour(
    js: JetStream, beside: tuple[writing.On, ...]
) -> None:
    """Ten minutes longer than a process remembers it: whoever starts meanwhile still finds it."""
    log = await prepared(js, "acme", "beta")
    member = projector(js)
    async with served(member) as http:
        await listed(http, await log.decide(writing.deleted("beta"), *beside), *ROOT)
        epoch = member.hub.epoch
    marker = await _kept(js, epoch, BETA)
    assert marker is not None
    assert (marker.headers["KV-Operation"], marker.headers["Nats-TTL"]) == ("PURGE", "60m")
    info = await js.api(f"STREAM.INFO.{stream_name(epoch)}", {})
    assert info["config"]["allow_msg_ttl"] is True
    assert hub.MARKER_SECONDS == 50 * 60
    row = await _kept(js, epoch, ACME)
    assert row is not None
    assert "Nats-TTL" not in row.headers


class _LaterLog(StreamLog):
    """The log, asked at another time: nobody waits here for fifty minutes."""

    def __init__(self, js: JetStream, now: datetime) -> None:
        super().__init__(js, "later")
        self._now = now

    @override
    async def state(self) -> LogState:
        return msgspec.structs.replace(await super().state(), now=self._now)


@pytest.mark.guarantee("G4.1", "G4.4")
@pytest.mark.parametrize("young", [False, True])
async def test_who_comes_back_behind_an_expired_deletion_to_a_new_process_begins_anew(
    js: JetStream, *, young: bool
) -> None:
    """A new process cannot tell what expired before it read, but from how old the rest is.

    Fifty minutes pass for it by the clock that it asks, and the deletion goes as its TTL would
    have it. Then either nothing that is left is young, or one row is.
    """
    log = await prepared(js, "acme", "beta")
    member = projector(js)
    async with served(member) as http:
        async with reading(http, headers=bearer(*ROOT)) as late:
            await late.until("synced")
        assert BETA in late.rows
        await listed(http, await log.decide(writing.deleted("beta")), *ROOT)
        async with reading(http, headers=bearer(*ROOT)) as current:
            await current.until("synced")
        seq = await log.decide(writing.renamed("acme", "later"))
        await listed(http, seq, *ROOT)
        epoch = member.hub.epoch
    newest, deletion = await _kept(js, epoch, ACME), await _kept(js, epoch, BETA)
    assert newest is not None
    assert deletion is not None
    assert newest.time > deletion.time
    stream = stream_name(epoch)
    await js.api(f"STREAM.PURGE.{stream}", {"filter": f"$KV.rm_{epoch}.{BETA}"})
    assert await _kept(js, epoch, BETA) is None

    # Times of the port are cut to microseconds, so the newest may look that much older.
    age = timedelta(seconds=hub.MARKER_SECONDS) + timedelta(microseconds=-2 if young else 2)
    again = projector(js)
    again.feed = Feed(again.hub, _LaterLog(js, newest.time + age), again.model)
    async with served(again) as http:
        assert again.hub.epoch == epoch
        async with reading(http, cursor=late.cursor, headers=bearer(*ROOT)) as stale:
            stale.rows = late.rows
            assert data(await stale.next())["reason"] == "too-old"
            await stale.until("synced")
            assert stale.rows == await listed(http, seq, *ROOT)
            assert BETA not in stale.rows
            assert ACME in stale.rows
        async with reading(http, cursor=stale.cursor, headers=bearer(*ROOT)) as quiet:
            await quiet.until("synced")
            assert quiet.names == ["synced"]
        if young:
            async with reading(http, cursor=current.cursor, headers=bearer(*ROOT)) as resumed:
                resumed.rows = current.rows
                await resumed.until("synced")
                assert resumed.names == ["put", "synced"]
                assert resumed.rows == stale.rows
