"""Frames and header blocks: what anybody may send us, and what we send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.protocol.parser import Parser
from tests.support.each import each

from catalyst.chassis import door
from catalyst.chassis.jetstream import wire

NAMES = st.text("abcXYZ09-_!#$%&'*+.^`|~", min_size=1, max_size=20)
VALUES = st.text(st.characters(codec="utf-8"), max_size=40)
# What Python calls white space at the ends of a value is not kept, and line breaks become spaces.
PLAIN = VALUES.filter(lambda text: text == text.strip() and "\r" not in text and "\n" not in text)


@given(st.dictionaries(NAMES, PLAIN, min_size=1, max_size=6))
def test_headers_come_back_as_they_were_sent(headers: dict[str, str]) -> None:
    block = wire.block(headers)

    expected = {name: text.encode().strip().decode() for name, text in headers.items()}
    assert wire.fields(block) == expected


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=6))
def test_a_header_value_cannot_begin_another_line(headers: dict[str, str]) -> None:
    assert wire.block(headers).count(b"\r\n") == len(headers) + 2


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read_as_headers(data: bytes) -> None:
    block = b"NATS/1.0" + data + b"\r\n\r\n"

    assert isinstance(wire.fields(block), dict)
    assert isinstance(wire.status(block).code, int)
    wire.field(block, b"Nats-Sequence")


def test_the_last_of_two_equal_names_counts() -> None:
    block = b"NATS/1.0\r\nNats-Sequence: 1\r\nOther: x\r\nNats-Sequence: 7\r\n\r\n"

    assert wire.fields(block)["Nats-Sequence"] == "7"
    assert wire.field(block, b"Nats-Sequence") == b"7"


@pytest.mark.guarantee("G5.14")
@each((door.ACTOR_HEADER, door.REPLY_HEADER, door.SINCE_HEADER, *wire.READ))
def test_what_is_read_is_found_in_whatever_case_it_was_written(name: str) -> None:
    for written in (name, name.lower(), name.upper(), name.title()):
        assert wire.spelled({written: "x", "Own-name": "y"}) == {name: "x", "Own-name": "y"}


def test_a_name_is_found_only_at_the_start_of_a_line() -> None:
    block = b"NATS/1.0\r\nX-Nats-Sequence: 1\r\nOther: Nats-Sequence: 2\r\n\r\n"

    assert wire.field(block, b"Nats-Sequence") is None


def test_a_message_without_headers_has_none() -> None:
    assert wire.fields(None) == {}
    assert wire.field(None, b"A") is None
    assert wire.status(None) == wire.NO_STATUS


@each(
    [
        (b"NATS/1.0 404 Message Not Found\r\n\r\n", 404, "Message Not Found"),
        (b"NATS/1.0 503\r\n\r\n", 503, ""),
        (b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 3\r\n\r\n", 100, "Idle Heartbeat"),
        (b"NATS/1.0\r\nA: b\r\n\r\n", 0, ""),
        (b"NATS/1.0 what\r\n\r\n", 0, ""),
    ]
)
def test_an_inline_status_is_told_from_headers(block: bytes, code: int, description: str) -> None:
    assert wire.status(block) == (code, description)


@each(["", "a b", "a:b", "a\r\nb", "ä"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no header name"):
        wire.block({name: "x"})


@each(["", "a b", "a\r\nPUB b 0\r\n", "a\tb"])
def test_a_subject_cannot_end_its_frame(subject: str) -> None:
    with pytest.raises(ValueError, match="no subject"):
        wire.frame(subject, b"", None)


class Recorder:
    """Takes from nats-py's own parser what it takes from a socket."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes, bytes, bytes | None]] = []

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        self.messages.append((subject, reply, data, headers))


@given(
    st.binary(max_size=300),
    st.dictionaries(NAMES, PLAIN, max_size=4),
    st.sampled_from(["", "_INBOX_x.1"]),
)
async def test_a_frame_says_what_another_parser_reads(
    data: bytes, headers: dict[str, str], reply: str
) -> None:
    block = wire.block(headers) if headers else None
    frame = wire.frame("a.b", data, block, reply)
    # A server passes a publish on under the number of a subscription.
    received = frame.replace(b"PUB a.b ", b"MSG a.b 1 ", 1)

    recorder = Recorder()
    await Parser(recorder).parse(received)

    assert recorder.messages == [(b"a.b", reply.encode(), data, block)]


def test_both_forms_of_an_acknowledgement_subject_say_where_a_message_stands() -> None:
    expected = wire.Place(delivered=2, seq=30, consumer_seq=40, time_ns=50, pending=6)

    assert wire.place(b"$JS.ACK.EV.name.2.30.40.50.6") == expected
    assert wire.place(b"$JS.ACK._.ACCHASH.EV.name.2.30.40.50.6.random") == expected
    assert wire.place(b"$JS.ACK.hub.ACCHASH.EV.name.2.30.40.50.6") == expected
