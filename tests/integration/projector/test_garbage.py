"""Garbage in the bucket never stops the projector: it builds the rows anew.

What stands among the events and is none is passed over.
"""

import msgspec
import pytest
from tests.integration.projector.test_rebuild import ACME, projected
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import agrees, bearer, following, projector, served, stored
from tests.support.strays import acknowledged
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.projector.checkpoint import HEADER
from catalyst.projector.ports import Loaded

pytestmark = pytest.mark.real

GARBAGE = {
    "row": (ACME, b"\xff not json"),
    "empty row": (ACME, b"{}"),
    "document": (ACME, None),
    "key": ("a.b", b"{}"),
    "kind": ("acme._.unicorn._.acme", b'{"seq":1}'),
    "checkpoint": ("_ck", b"{}"),
    "bytes at the checkpoint": ("_ck", b"\xff"),
}


async def spoil(js: JetStream, before: Loaded, key: str, value: bytes | None) -> None:
    """Write what no projector writes, with a good checkpoint beside it where there can be one."""
    raw = value if value is not None else before.rows[key].replace(b'"owners":[', b'"owners":[7,')
    headers = {} if key == "_ck" else {HEADER: before.checkpoint.encode().decode()}
    subject = f"$KV.rm_{before.checkpoint.epoch}.{key}"
    await js.publish(Outgoing(subject, raw, headers))


@pytest.mark.parametrize("what", GARBAGE)
async def test_rows_are_built_anew_beside_garbage(js: JetStream, what: str) -> None:
    before = await projected(js)
    await spoil(js, before, *GARBAGE[what])
    async with following(js) as follower:
        await until(lambda: follower.report is not None)
        rows = await agrees(js, before.checkpoint.seq)
    assert rows == before.rows
    after = await stored(js)
    assert after is not None
    assert after.checkpoint.epoch != before.checkpoint.epoch


async def test_a_last_message_without_a_checkpoint_is_garbage_too(js: JetStream) -> None:
    before = await projected(js)
    subject = f"$KV.rm_{before.checkpoint.epoch}.{ACME}"
    await js.publish(Outgoing(subject, before.rows[ACME]))
    async with following(js):
        await until(lambda: _moved(js, before))
        assert await agrees(js, before.checkpoint.seq) == before.rows


@pytest.mark.parametrize("raw", [b"\xff", b"{}", b'{"epoch":"no such.>"}'])
async def test_garbage_in_the_pointer_is_overwritten(js: JetStream, raw: bytes) -> None:
    before = await projected(js)
    await js.publish(Outgoing("$KV.rm.current", raw))
    async with following(js) as follower:
        await until(lambda: follower.report is not None)
        assert await agrees(js, before.checkpoint.seq) == before.rows


async def test_a_bucket_spoilt_while_it_is_shown_is_replaced(js: JetStream) -> None:
    before = await projected(js)
    async with served(projector(js)) as http:
        await spoil(js, before, "a.b", b"\xff")
        # The next write finds that somebody else has written.
        seq = await LogWriter(js, "later").decide(writing.renamed("acme", "after the garbage"))
        await until(lambda: _moved(js, before))
        await agrees(js, seq)
        shown = b""

        async def told() -> bool:
            nonlocal shown
            answer = await http.get("/v1/state/organizations/acme", headers=bearer())
            shown = answer.content
            return answer.status_code == 200 and b"after the garbage" in shown

        await until(told)
    assert msgspec.json.decode(shown)["value"]["doc"]["display_name"] == "after the garbage"


async def _moved(js: JetStream, before: Loaded) -> bool:
    raw = await js.last("KV_rm", "$KV.rm.current", leader=True)
    return raw is not None and msgspec.json.decode(raw.data)["epoch"] != before.checkpoint.epoch


@pytest.mark.guarantee("G7.21")
@pytest.mark.parametrize(
    "fact", ["organization-updated.v1", "never-heard-of.v7", "no-fact", "a.b.c"]
)
async def test_an_answer_of_the_broker_freezes_no_row_and_leaves_no_hole(
    js: JetStream, fact: str
) -> None:
    log = LogWriter(js)
    await log.prepare()
    async with following(js):
        await log.decide(writing.created("acme"))
        await acknowledged(js, f"evt.acme.environment.organization.acme.{fact}")
        # The first thing of another one.
        seq = await acknowledged(js, f"evt.other.environment.organization.other.{fact}")
        assert list(await agrees(js, seq)) == [ACME]
        seq = await log.decide(writing.renamed("acme", "goes on"))
        rows = await agrees(js, seq)
    value = msgspec.json.decode(rows[ACME])
    assert (value["stale"], value["doc"]["display_name"]) == (None, "goes on")
