"""Events as bytes: one line of data each, and all that a reader has to be told."""

from typing import Any

import msgspec
import pytest
from tests.support.each import each

from catalyst.client.sse import SseParser
from catalyst.contracts.subjects import RowKey
from catalyst.projector import frames
from catalyst.projector.entry import Entry
from catalyst.projector.outbox import Item, Outbox

KEY = "acme._.organization._.acme"


def parsed(frame: bytes) -> tuple[str, Any]:
    (event,) = SseParser().feed(frame)
    return event.name, msgspec.json.decode(event.data)


@each([b"\n", b"\r", b"\r\n"])
def test_a_row_with_breaks_between_its_tokens_arrives_whole(between: bytes) -> None:
    raw = between.join([b'{"seq":', b"1,", b'"doc":{"name":"a\\nb\\rc"}}'])
    frame = frames.put(KEY, raw, 0)
    assert b"\r" not in frame
    assert frame.count(b"\n") == 3
    value = {"seq": 1, "doc": {"name": "a\nb\rc"}}
    assert parsed(frame) == ("put", {"key": KEY, "value": value})


def test_a_deletion_says_what_caused_it_and_nothing_else_of_its_marker() -> None:
    cause = {name: f"a {name}" for name in ("event", "time", "command", "actor", "cause")}
    marker = msgspec.json.encode({**cause, "seq": 7, "private": "x"})
    told = {"key": KEY, "seq": 7, **cause}
    assert parsed(frames.deleted(KEY, 7, marker, 0)) == ("del", told)
    assert parsed(frames.deleted(KEY, 7, b"", 2)) == ("del", {"key": KEY, "seq": 7, "coalesced": 2})


def entry(revision: int, *, deleted: bool = False) -> Entry:
    raw = msgspec.json.encode({"seq": revision})
    return Entry(KEY, RowKey.decode(KEY), revision, raw, deleted=deleted)


@pytest.mark.guarantee("G4.5")
def test_a_row_that_left_a_filter_says_that_it_is_still_there_and_a_deleted_one_does_not() -> None:
    left = Item(entry(3), shown=False, first=3, before=2, coalesced=0)
    assert parsed(left.frame()) == ("del", {"key": KEY, "seq": 3, "left": True})
    gone = left._replace(entry=entry(4, deleted=True))
    assert parsed(gone.frame()) == ("del", {"key": KEY, "seq": 4})


@pytest.mark.guarantee("G4.3")
def test_a_key_that_waits_keeps_what_was_sent_before_its_oldest_change() -> None:
    outbox = Outbox()
    outbox.add(Item(entry(3), shown=True, first=3, before=2, coalesced=0))
    outbox.add(Item(entry(9), shown=True, first=9, before=8, coalesced=1))
    oldest = outbox.oldest
    assert oldest is not None
    assert (oldest.entry.revision, oldest.first, oldest.before, oldest.coalesced) == (9, 3, 2, 2)
