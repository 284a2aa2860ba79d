"""The parser of server-sent events, held to the HTML standard."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.client import sse
from catalyst.client.errors import Malformed
from catalyst.client.sse import ServerEvent, SseParser


def parse(*chunks: bytes) -> list[ServerEvent]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def data_of(*chunks: bytes) -> list[str]:
    return [event.data for event in parse(*chunks)]


@each([b"\n", b"\r", b"\r\n"])
def test_each_line_end_ends_a_line(end: bytes) -> None:
    stream = end.join([b"event: put", b"data: 1", b"data: 2", b"id: 7", b"", b""])
    assert parse(stream) == [ServerEvent("put", "1\n2", "7")]


def test_a_crlf_between_two_chunks_is_one_line_end() -> None:
    assert data_of(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == ["1\n2"]


def test_a_lone_cr_at_the_end_of_a_chunk_dispatches_without_waiting() -> None:
    assert data_of(b"data: 1\r\r") == ["1"]


def test_only_one_leading_space_is_stripped() -> None:
    assert data_of(b"data:  two\n\ndata:none\n\ndata:\ttab\n\n") == [" two", "none", "\ttab"]


def test_unicode_separators_are_text() -> None:
    text = "a\u0085b\u2028c\u2029d\x0be\x0cf"
    assert data_of(f"data: {text}\n\n".encode()) == [text]


def test_a_character_may_be_cut_anywhere() -> None:
    raw = "data: é€𝄞\n\n".encode()
    assert data_of(*(bytes([byte]) for byte in raw)) == ["é€𝄞"]


def test_comments_and_unknown_fields_are_ignored() -> None:
    assert parse(b": ping\ncolour: red\ndata: 1\n\n:\n\n") == [ServerEvent("message", "1", "")]


def test_an_event_without_data_is_not_dispatched_but_its_id_counts() -> None:
    parser = SseParser("5")
    assert list(parser.feed(b"id: 6\nevent: put\n\n")) == []
    assert parser.last_id == "6"
    assert list(parser.feed(b"data: x\n\n")) == [ServerEvent("message", "x", "6")]


def test_an_event_without_its_blank_line_never_comes() -> None:
    parser = SseParser("5")
    assert list(parser.feed(b"id: 6\ndata: half\n")) == []
    assert parser.last_id == "5"


def test_an_id_stays_until_the_next_one_and_an_empty_one_clears_it() -> None:
    events = parse(b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")
    assert [event.last_id for event in events] == ["1", "1", ""]


def test_an_id_with_nul_is_ignored() -> None:
    assert parse(b"id: 1\x002\ndata: a\n\n") == [ServerEvent("message", "a", "")]


def test_a_forgotten_id_does_not_come_back() -> None:
    parser = SseParser("5")
    parser.forget_id()
    assert [event.last_id for event in parser.feed(b"data: a\n\n")] == [""]


@each(
    [
        (b"retry: 1500", 1.5),
        (b"retry: 1.5", None),
        (b"retry: -1", None),
        (b"retry: \xc2\xb2", None),
    ]
)
def test_retry_is_digits_or_nothing(line: bytes, seconds: float | None) -> None:
    parser = SseParser()
    assert list(parser.feed(line + b"\n\n")) == []
    assert parser.retry_seconds == seconds


def test_a_byte_order_mark_is_dropped_at_the_start_only() -> None:
    mark = "\ufeff".encode()
    assert data_of(mark + b"data: 1\n\n" + b"data: " + mark + b"2\n\n") == ["1", "\ufeff2"]


def test_an_endless_event_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_CHARACTERS", 100)
    parser = SseParser()
    assert list(parser.feed(b"data: " + b"a" * 80 + b"\n\n")) != []
    assert list(parser.feed(b"data: " + b"a" * 80 + b"\n\n")) != []
    with pytest.raises(Malformed):
        list(parser.feed(b"data: " + b"a" * 95))


def whole(raw: bytes) -> list[ServerEvent]:
    """Parse a whole stream in the plainest way, as a second opinion."""
    events: list[ServerEvent] = []
    name, last_id, pending = "", "", ""
    data: list[str] = []
    lines = re.split(r"\r\n|\r|\n", raw.decode(errors="replace").removeprefix("\ufeff"))
    for line in lines[:-1]:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            last_id = pending
            if data:
                events.append(ServerEvent(name or "message", "\n".join(data), last_id))
            name, data = "", []
        elif field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            pending = value
    return events


PIECES = st.sampled_from(
    [
        *(b"data", b"event", b"id", b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n", b"x"),
        *(b"\xc3", b"\xa9", b"\x00", "\u2028".encode(), "\ufeff".encode(), b"retry: 5"),
    ]
)


@given(st.lists(PIECES, max_size=60), st.data())
def test_chunks_do_not_matter(pieces: list[bytes], draw: st.DataObject) -> None:
    raw = b"".join(pieces)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(raw)), max_size=10)))
    bounds = [0, *cuts, len(raw)]
    chunks = [raw[a:b] for a, b in itertools.pairwise(bounds)]
    assert parse(*chunks) == whole(raw)
