"""Content by digest: immutable, stored whole, verified by whoever reads it."""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import pytest
from tests.support.crashes import FaultyBroker
from typing_extensions import override

from catalyst.chassis.jetstream import objects, topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import CHUNK_BYTES, Objects, WrongContent, digest_of
from catalyst.chassis.jetstream.port import Ack, NotFound, Outgoing, Unavailable
from catalyst.contracts import topology as contract
from catalyst.contracts.topology import BLUEPRINTS, MAX_CONTENT_BYTES, OBJECTS

pytestmark = pytest.mark.real

SMALL = b"a Blueprint"


@dataclass
class Overtaken(FaultyBroker):
    """Somebody else stores a content right before the first batch."""

    other: bytes = SMALL

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        if "batch" not in self.calls:
            await Objects(self.inner).put(self.other)
        return await super().batch(messages, timeout=timeout)


@pytest.fixture
async def store(js: JetStream) -> Objects:
    await topology.ensure(js, ((*contract.BUCKETS,), ()))
    return Objects(js)


async def _messages(js: JetStream) -> int:
    return (await js.stream_state(OBJECTS)).messages


@pytest.mark.guarantee("G1.13")
@pytest.mark.parametrize("size", [1, CHUNK_BYTES, CHUNK_BYTES + 1, MAX_CONTENT_BYTES])
async def test_what_was_put_is_what_is_got(js: JetStream, store: Objects, size: int) -> None:
    data = os.urandom(size)
    digest = await store.put(data)
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}" == digest_of(data)
    assert await Objects(js).get(digest) == data
    # Any tool that speaks the object store reads it.
    found = await (await js.link.jetstream().object_store(BLUEPRINTS)).get(digest[7:])
    assert found.data == data


@pytest.mark.guarantee("G1.13")
async def test_content_is_stored_once_whoever_puts_it(js: JetStream, store: Objects) -> None:
    puts = [Objects(js).put(SMALL) for _ in range(8)]
    assert len(set(await asyncio.gather(*puts))) == 1
    assert await store.put(SMALL) == digest_of(SMALL)
    assert await _messages(js) == 2


@pytest.mark.guarantee("G1.13")
async def test_small_contents_share_a_batch_and_one_that_is_there_keeps_no_other_away(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await topology.ensure(js, ((*contract.BUCKETS,), ()))
    monkeypatch.setattr(objects, "GROUP_BYTES", 200)
    contents = [b"%d" % number * 20 for number in range(10, 20)]
    overtaken = Overtaken(js, other=contents[3])
    digests = await Objects(overtaken).put_all([*contents, contents[0]])
    assert digests == tuple(map(digest_of, [*contents, contents[0]]))
    # Two groups of five; the first of them was refused, and each of its contents put alone.
    assert overtaken.calls.count("batch") == 2 + 5
    assert [await Objects(js).get(digest) for digest in digests[:10]] == contents
    assert await _messages(js) == 2 * len(contents)
    assert await Objects(js).put_all(contents) == digests[:10]
    assert await _messages(js) == 2 * len(contents)


@pytest.mark.guarantee("G1.13")
@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_put_that_is_cut_off_leaves_all_or_nothing(
    js: JetStream, store: Objects, side: str
) -> None:
    async def cut_off() -> None:
        raise Unavailable(503, 0, "cut off")

    dying = Objects(FaultyBroker(js, 0, side, cut_off, ("batch",)))
    data = os.urandom(3 * CHUNK_BYTES)
    with pytest.raises(Unavailable):
        await dying.put(data)
    assert await _messages(js) == (0 if side == "before" else 4)
    assert await store.get(await store.put(data)) == data
    assert await _messages(js) == 4


@pytest.mark.guarantee("G1.13")
async def test_wrong_content_is_never_handed_out(js: JetStream, store: Objects) -> None:
    digest = await store.put(SMALL)
    about = store._about(digest)
    stored = await js.last(OBJECTS, about)
    assert stored is not None
    info = msgspec.json.decode(stored.data)
    await js.publish(Outgoing(f"$O.{BLUEPRINTS}.C.other", b"another text"))
    await js.publish(Outgoing(about, msgspec.json.encode({**info, "nuid": "other"})))
    with pytest.raises(WrongContent, match="another digest"):
        await Objects(js).get(digest)
    await js.publish(Outgoing(about, b"{}"))
    with pytest.raises(WrongContent, match="does not describe"):
        await Objects(js).get(digest)


async def test_a_part_of_it_is_not_taken_for_the_whole(js: JetStream, store: Objects) -> None:
    digest = await store.put(SMALL)
    about = store._about(digest)
    stored = await js.last(OBJECTS, about)
    assert stored is not None
    info = msgspec.json.decode(stored.data)
    await js.publish(Outgoing(about, msgspec.json.encode({**info, "chunks": 2})))
    with pytest.raises(Unavailable, match="1 of 2 chunks"):
        await Objects(js).get(digest)


async def test_what_is_not_there_or_no_digest_is_told_apart(store: Objects) -> None:
    with pytest.raises(NotFound):
        await store.get("sha256:" + "0" * 64)
    for text in ("", "latest", "0" * 64, "sha256:" + "A" * 64, "sha256:" + "0" * 64 + "\n"):
        with pytest.raises(ValueError, match="is not `sha256:`"):
            await store.get(text)


async def test_content_of_no_size_or_too_much_is_refused(js: JetStream, store: Objects) -> None:
    for data in (b"", bytes(MAX_CONTENT_BYTES + 1)):
        with pytest.raises(ValueError, match="are allowed"):
            await store.put(data)
    assert await _messages(js) == 0


async def test_what_was_read_is_kept_until_there_is_too_much(
    js: JetStream, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "CACHE_BYTES", 25)
    counting = FaultyBroker(js)
    reader = Objects(counting)
    first, second, third = [await store.put(letter * 10) for letter in (b"a", b"b", b"c")]
    for digest in (first, second, first, first):
        await reader.get(digest)
    assert counting.calls.count("replay") == 2
    await reader.get(third)
    await reader.get(first)
    assert counting.calls.count("replay") == 3
    await reader.get(second)
    assert counting.calls.count("replay") == 4
