"""The port on a real broker, over one connection.

Opened by `catalyst.chassis.jetstream.connection.connect`.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from nats.nuid import NUID
from typing_extensions import override

from catalyst.chassis import clock
from catalyst.chassis.jetstream import reads, wire
from catalyst.chassis.jetstream.answers import answered
from catalyst.chassis.jetstream.link import Link
from catalyst.chassis.jetstream.port import (
    CALL_SECONDS,
    Ack,
    Acked,
    Broker,
    BrokerError,
    Delivery,
    Nacked,
    NotFound,
    Outgoing,
    Stored,
    StreamState,
    Terminated,
    TooLarge,
    Unavailable,
    Verdict,
    Working,
)
from catalyst.chassis.jetstream.times import of_text

MAX_BATCH: Final = 1000
"""Messages in one atomic batch, a limit of the server."""
_NO_HEADERS: Final = b"NATS/1.0\r\n"


class _Refusal(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    """The fields of a publish acknowledgement, which is also how an API refusal looks."""

    stream: str = ""
    seq: int = 0
    count: int = 1
    duplicate: bool = False
    error: _Refusal | None = None


class _State(msgspec.Struct):
    first_seq: int
    last_seq: int
    messages: int


class _Info(msgspec.Struct):
    created: str
    ts: str
    state: _State
    config: dict[str, Any]


_ANSWER: Final = msgspec.json.Decoder(_Answer)


class JetStream(Broker):
    """Every call of the port, as requests on one `Link`."""

    def __init__(self, link: Link) -> None:
        self.link = link
        """For the readers of this package; nobody else sends on it."""
        self._nuid = NUID()

    @property
    @override
    def max_payload(self) -> int:
        return self.link.max_payload

    @property
    @override
    def closed(self) -> asyncio.Event:
        return self.link.closed

    @property
    def server_name(self) -> str:
        """The server that this connection talks to now."""
        return self.link.server_name

    @property
    def server_version(self) -> str:
        """Version of that server, such as `2.15.1`."""
        found = self.link.connected_server_version
        return f"{found.major}.{found.minor}.{found.patch}"

    def unique(self) -> str:
        """A name that nobody else has: of letters and digits, for consumers and batches."""
        return self._nuid.next().decode()

    async def ready(self, timeout: float = 30.0) -> None:
        """Wait until there is a connection, for example after the broker was restarted.

        Raises:
            Unavailable: If there is none after `timeout` seconds, or never again.
        """
        await self.link.ready(timeout)

    @override
    async def rtt(self, *, timeout: float = CALL_SECONDS) -> float:
        await self.link.ready(timeout)
        # The time of a loop stands still in each of its rounds, and uvloop's counts milliseconds.
        began = clock.monotonic()
        try:
            async with asyncio.timeout(timeout):
                await self.link.flush()
        except TimeoutError:
            raise Unavailable(408, 0, f"no answer within {timeout:g} s") from None
        return clock.monotonic() - began

    @override
    async def publish(self, message: Outgoing, *, timeout: float = CALL_SECONDS) -> Ack:
        headers = wire.block(message.headers) if message.headers else None
        _measure(self.link.max_payload, message.subject, message.data, headers)
        replies = await self.link.call(
            lambda inbox: [wire.frame(message.subject, message.data, headers, inbox)],
            (message.subject,),
            timeout=timeout,
        )
        return _acknowledged(replies[0].data)

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = CALL_SECONDS) -> Ack:
        if not 1 <= len(messages) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} messages, not {len(messages)}")
        named = self.unique().encode()
        last, limit = len(messages), self.link.max_payload

        def frames(inbox: str) -> list[bytes]:
            made = []
            # Messages of a large batch share their headers, and differ in a number only.
            blocks: dict[int, bytes] = {}
            for number, message in enumerate(messages, 1):
                own = blocks.get(id(message.headers))
                if own is None:
                    own = wire.block(message.headers)[:-2] if message.headers else _NO_HEADERS
                    blocks[id(message.headers)] = own
                commit = b"Nats-Batch-Commit: 1\r\n" if number == last else b""
                block = b"%bNats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\n%b\r\n" % (
                    own,
                    named,
                    number,
                    commit,
                )
                _measure(limit, message.subject, message.data, block)
                reply = inbox if number == last else ""
                made.append(wire.frame(message.subject, message.data, block, reply))
            return made

        subjects = {message.subject for message in messages}
        replies = await self.link.call(frames, subjects, timeout=timeout)
        return _acknowledged(replies[0].data)

    @override
    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        if leader:
            return await self._from_leader(stream, {"last_by_subj": subject})
        if "*" in subject or ">" in subject:
            return await reads.one(self.link, stream, "", {"last_by_subj": subject})
        # The only form of a direct get that permissions can restrict.
        return await reads.one(self.link, stream, f".{subject}", None)

    @override
    async def message(self, stream: str, seq: int, *, leader: bool = False) -> Stored | None:
        if leader:
            return await self._from_leader(stream, {"seq": seq})
        return await reads.one(self.link, stream, "", {"seq": seq})

    @override
    async def last_many(
        self, stream: str, subjects: Sequence[str], *, up_to: int | None = None
    ) -> list[Stored]:
        return await reads.last_many(self.link, stream, subjects, up_to)

    @override
    async def replay(
        self, stream: str, subject: str, *, start: int = 1, limit: int | None = None
    ) -> list[Stored]:
        return await reads.replay(self.link, stream, subject, start, limit)

    @override
    async def core_publish(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        block = wire.block(headers) if headers else None
        _measure(self.link.max_payload, subject, data, block)
        await self.link.ready(1.0)
        await self.link.send(wire.frame(subject, data, block))

    @override
    async def api(
        self, suffix: str, payload: object | None, *, timeout: float = CALL_SECONDS
    ) -> dict[str, Any]:
        data = b"" if payload is None else msgspec.json.encode(payload)
        subject = f"$JS.API.{suffix}"
        replies = await self.link.call(
            lambda inbox: [wire.frame(subject, data, None, inbox)], (subject,), timeout=timeout
        )
        answer = replies[0].data
        _acknowledged(answer)
        return msgspec.json.decode(answer, type=dict[str, Any])

    @override
    async def stream_state(self, stream: str) -> StreamState:
        info = msgspec.convert(await self.api(f"STREAM.INFO.{stream}", None), _Info)
        return StreamState(
            created=of_text(info.created),
            first_seq=info.state.first_seq,
            last_seq=info.state.last_seq,
            messages=info.state.messages,
            ts=of_text(info.ts),
            config=info.config,
        )

    @override
    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        await self.link.send(wire.frame(delivery.token, _word(verdict), None))

    async def _from_leader(self, stream: str, payload: Mapping[str, object]) -> Stored | None:
        try:
            answer = await self.api(f"STREAM.MSG.GET.{stream}", payload)
        except NotFound as error:
            if error.err_code == 10037:
                return None
            raise
        message = answer["message"]
        headers = base64.b64decode(message["hdrs"]) if "hdrs" in message else None
        time: datetime = of_text(message["time"])
        return Stored(
            stream=stream,
            subject=message["subject"],
            seq=message["seq"],
            time=time,
            data=base64.b64decode(message.get("data", "")),
            headers=wire.fields(headers),
        )


def _measure(limit: int, subject: str, data: bytes, block: bytes | None) -> None:
    """Refuse what the broker would hang up on."""
    size = len(data) + (len(block) if block is not None else 0)
    if size > limit:
        raise TooLarge(413, 0, f"{subject!r} has {size} of {limit} bytes")


def _acknowledged(data: bytes) -> Ack:
    try:
        answer = _ANSWER.decode(data)
    except msgspec.DecodeError as error:
        raise BrokerError(500, 0, f"the broker's answer cannot be read: {error}") from error
    if answer.error is not None:
        refusal = answer.error
        raise answered(refusal.code, refusal.err_code, refusal.description)
    return Ack(answer.stream, answer.seq, answer.count, answer.duplicate)


def _word(verdict: Verdict) -> bytes:
    match verdict:
        case Acked():
            return b"+ACK"
        case Nacked(delay_seconds=0):
            return b"-NAK"
        case Nacked(delay_seconds=delay):
            return b'-NAK {"delay": %d}' % round(delay * 1e9)
        case Working():
            return b"+WPI"
        case Terminated(reason=reason):
            return b"+TERM " + reason.encode()
