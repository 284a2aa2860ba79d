"""The quick parser hands over what nats-py's own would, however the bytes are cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError
from nats.protocol.parser import MAX_CONTROL_LINE_SIZE, Parser
from tests.support.each import each

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.parsing import QuickParser

TAPPED = 7


class Client:
    """What a parser calls."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        self.seen.append((sid, subject, reply, headers, data))

    async def _process_err(self, text: str) -> None:
        self.seen.append(text)

    async def _process_ping(self) -> None:
        self.seen.append("ping")

    async def _process_pong(self) -> None:
        self.seen.append("pong")

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.seen.append(info)

    def take(self, raw: wire.Raw) -> None:
        self.seen.append((TAPPED, raw.subject, raw.reply, raw.headers, raw.data))


def quick(client: Client) -> QuickParser:
    return QuickParser(client, {TAPPED: client.take}, client._process_msg)


TOKENS = st.from_regex(rb"[A-Za-z0-9_.$=-]{1,20}", fullmatch=True)
BODIES = st.binary(max_size=80)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(("msg", "hmsg", "ping", "pong", "ok", "err", "info")))
    if kind in {"ping", "pong"}:
        return kind.upper().encode() + b"\r\n"
    if kind == "ok":
        return b"+OK\r\n"
    if kind == "err":
        return b"-ERR 'Permissions Violation for Publish to \"a.b\"'\r\n"
    if kind == "info":
        return b'INFO {"server_id":"x"} \r\n'
    sid = draw(st.sampled_from((b"7", b"8")))
    reply = draw(st.one_of(st.just(b""), TOKENS.map(lambda token: token + b" ")))
    subject, body = draw(TOKENS), draw(BODIES)
    if kind == "msg":
        return b"MSG %b %b %b%d\r\n%b\r\n" % (subject, sid, reply, len(body), body)
    head = b"NATS/1.0\r\nA: %b\r\n\r\n" % draw(TOKENS)
    size = len(head) + len(body)
    return b"HMSG %b %b %b%d %d\r\n%b%b\r\n" % (
        *(subject, sid, reply, len(head), size),
        *(head, body),
    )


@given(st.lists(frames(), max_size=8), st.lists(st.integers(1, 40), max_size=30))
async def test_it_says_what_the_librarys_own_parser_says(
    sent: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(sent)
    theirs, ours = Client(), Client()
    # In one piece: cut inside a line such as `PING`, the library's own takes it for an error.
    await Parser(theirs).parse(stream)
    parser = quick(ours)
    for cut in cuts:
        await parser.parse(stream[:cut])
        stream = stream[cut:]
    await parser.parse(stream)

    assert ours.seen == theirs.seen


async def test_it_goes_on_wherever_the_bytes_are_cut() -> None:
    head, large = b"NATS/1.0\r\nA: b\r\n\r\n", b"x" * 2 * MAX_CONTROL_LINE_SIZE
    first = b"MSG a %d r %d\r\n%b\r\n" % (TAPPED, len(large), large)
    rest = b"PING\r\nHMSG b 8 %d %d\r\n%bbody\r\nMSG c 7 0\r\n\r\nPONG\r\n" % (
        len(head),
        len(head) + 4,
        head,
    )
    stream = first + rest
    seen: list[Any] = [(TAPPED, b"a", b"r", None, large), "ping", (8, b"b", b"", head, b"body")]
    seen += [(TAPPED, b"c", b"", None, b""), "pong"]
    for cut in (*range(20), *range(len(first) - 3, len(stream) + 1)):
        client = Client()
        parser = quick(client)
        await parser.parse(stream[:cut])
        await parser.parse(stream[cut:])
        assert client.seen == seen, cut


@each([b"MSG a\r\n", b"MSG a x 1\r\n", b"HMSG a 7 x y\r\n", b"WHAT\r\n", b"x" * 5000])
async def test_what_is_no_protocol_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        await quick(Client()).parse(line)


async def test_a_reset_forgets_what_was_not_whole() -> None:
    client = Client()
    parser = quick(client)
    await parser.parse(b"MSG a 7 10\r\n0123")
    parser.reset()
    await parser.parse(b"PING\r\n")

    assert client.seen == ["ping"]


async def test_a_tap_that_fails_does_not_end_the_reading() -> None:
    client = Client()

    def broken(_raw: wire.Raw) -> None:
        raise RuntimeError("no")

    parser = QuickParser(client, {TAPPED: broken}, client._process_msg)
    await parser.parse(b"MSG a 7 1\r\nx\r\nPING\r\n")

    assert client.seen == ["ping"]
