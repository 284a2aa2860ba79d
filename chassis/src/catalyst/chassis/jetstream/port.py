"""The one door to the broker: every call that the decide loop, the relay and the stores make.

Fault tests wrap `Broker` and kill the process before and after each call, so nothing else in
the chassis may talk to the broker behind its back. Implemented by
`catalyst.chassis.jetstream.broker.JetStream`. Knows no client library.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from catalyst.chassis.jetstream.times import of_nanoseconds

CALL_SECONDS: Final = 5.0
"""How long an answer is waited for, unless a call says otherwise: a broker under load, or at its
disk, may take seconds. A connection that is lost meanwhile ends the wait at once."""


class BrokerError(Exception):
    """The broker refused, for a reason that no subclass names: waiting and trying again is right.

    It is never a bug of the message in hand, so nothing is parked because of it.
    """

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(f"{description} ({err_code or code})")
        self.code = code
        """Class of the answer, as in HTTP: 404, 503; 0 if there was no answer at all."""
        self.err_code = err_code
        """The server's own number, such as 10071; 0 if it gave none."""
        self.description = description
        """The server's words, or ours where it said nothing."""


class Unavailable(BrokerError):
    """No answer, or nobody there to give one: the request may or may not have been carried out.

    Read back what was written before anything else is concluded, then try again.
    """


class WrongSequence(BrokerError):
    """A guard did not hold: nothing of the message or batch was stored. Load and decide again.

    `actual` is the sequence that the broker found, where it says so.
    """

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(code, err_code, description)
        tail = description.rpartition(":")[2].strip()
        self.actual: int | None = int(tail) if tail.isdigit() else None


class DuplicateId(BrokerError):
    """A message id of the batch is known already: read back what stands under it."""


class NothingStored(BrokerError):
    """The batch or message was dropped as a whole: send it again after 0.2 to 1 s, up to 12 s."""


class Full(BrokerError):
    """A limit of the stream, the account or the disk is reached: wait, a person has to act.

    One limit is a unique key (`max_msgs_per_subject: 1`): there, read the subject first.
    """


class NotFound(BrokerError):
    """The stream, consumer or message does not exist."""


class Denied(BrokerError):
    """These credentials may not do that: no repetition helps, the permissions have to change."""


class TooLarge(BrokerError):
    """A message exceeds the broker's limit. Nothing was sent: the broker would hang up on it."""


class Outgoing(msgspec.Struct, frozen=True):
    """One message to be published."""

    subject: str
    """Literal: no wildcard."""
    data: bytes = b""
    headers: Mapping[str, str] = {}
    """Guards, schedules and TTLs as the broker spells them; a line break becomes a space."""

    def size(self) -> int:
        """Bytes that count against `Broker.max_payload`: headers and data.

        A batch adds up to 128 bytes of its own headers to each message.
        """
        if not self.headers:
            return len(self.data)
        size = len("NATS/1.0\r\n\r\n") + len(self.data)
        for name, text in self.headers.items():
            size += len(name) + 4 + (len(text) if text.isascii() else len(text.encode()))
        return size


class Stored(msgspec.Struct, frozen=True):
    """One message as the broker holds it."""

    stream: str
    subject: str
    seq: int
    time: datetime
    """The broker's clock, UTC; nanoseconds are cut off, not rounded."""
    data: bytes
    headers: Mapping[str, str]
    """For a name that occurs twice, the last value."""
    pending: int = 0
    """How many messages of the same read were still to follow."""


class Ack(msgspec.Struct, frozen=True):
    """The broker's word that it has stored something."""

    stream: str
    seq: int
    """Sequence of the last message: message i of n (from 1) has `seq - n + i`."""
    count: int = 1
    duplicate: bool = False
    """True if a message id was known already: `seq` is then that of the first time."""


class StreamState(msgspec.Struct, frozen=True):
    """A stream as its leader sees it."""

    created: datetime
    first_seq: int
    last_seq: int
    messages: int
    ts: datetime
    """The broker's clock when it answered."""
    config: dict[str, Any]
    """Settings in the exact JSON of the API."""


class Delivery(msgspec.Struct, frozen=True):
    """One message that a consumer handed over and that waits to be settled."""

    stream: str
    consumer: str
    subject: str
    seq: int
    consumer_seq: int
    """Counts this consumer's deliveries, repeats included."""
    delivered: int
    """How many times this message has been delivered, this time included."""
    time_ns: int
    """When the message was stored, by the broker's clock, in nanoseconds since 1970."""
    pending: int
    """How many messages the consumer has not been given yet."""
    data: bytes
    headers: Mapping[str, str]
    token: str
    """What `Broker.settle` needs; means nothing to anybody else."""

    @property
    def time(self) -> datetime:
        """`time_ns` as UTC, cut off to microseconds."""
        return of_nanoseconds(self.time_ns)


class Acked(msgspec.Struct, frozen=True, tag="acked"):
    """Handled: the consumer forgets the message."""


class Nacked(msgspec.Struct, frozen=True, tag="nacked"):
    """Not handled: deliver it again, once `delay_seconds` have passed."""

    delay_seconds: float = 0.0


class Working(msgspec.Struct, frozen=True, tag="working"):
    """Still being handled: start the wait for the acknowledgement anew."""


class Terminated(msgspec.Struct, frozen=True, tag="terminated"):
    """Never deliver it again; the broker announces `reason` on its advisory subject."""

    reason: str


Verdict = Acked | Nacked | Working | Terminated


class Broker(Protocol):
    """What a Catalyst process may ask of JetStream.

    Every method raises a `BrokerError`; after `Unavailable`
    nobody knows whether the call took effect. Times are seconds.
    """

    @property
    def max_payload(self) -> int:
        """Bytes of headers and data that one message may have."""
        ...

    @property
    def closed(self) -> asyncio.Event:
        """Set when the connection is gone for good: the process has to end."""
        ...

    async def rtt(self, *, timeout: float = CALL_SECONDS) -> float:
        """Seconds to the broker and back."""
        ...

    async def publish(self, message: Outgoing, *, timeout: float = CALL_SECONDS) -> Ack:
        """Store one message. No stream for the subject: `Unavailable` with code 503."""
        ...

    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = CALL_SECONDS) -> Ack:
        """Store all of 1 to 1000 messages of one stream, in this order, or none.

        Guards are checked together at the end, each against what was stored before the batch.
        """
        ...

    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        """The last message of a subject, wildcards allowed.

        Without `leader` any replica answers, maybe a moment late; the stream must then allow
        direct gets.
        """
        ...

    async def message(self, stream: str, seq: int, *, leader: bool = False) -> Stored | None:
        """The message with exactly this sequence."""
        ...

    async def last_many(
        self, stream: str, subjects: Sequence[str], *, up_to: int | None = None
    ) -> list[Stored]:
        """The last message of each subject that matches, by sequence.

        With `up_to`, the last one not above it. More than 1000 literal subjects are read in
        parts, each as of its own moment.

        Raises:
            BrokerError: With code 413, if one wildcard matches more than 1024 subjects.
        """
        ...

    async def replay(
        self, stream: str, subject: str, *, start: int = 1, limit: int | None = None
    ) -> list[Stored]:
        """All messages of a subject, wildcards allowed, from `start` on, at most `limit`.

        Whole or not at all: a page of which a reply is missing is read again.
        """
        ...

    async def core_publish(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send to whoever listens now; nothing is stored and nobody confirms."""
        ...

    async def api(
        self, suffix: str, payload: object | None, *, timeout: float = CALL_SECONDS
    ) -> dict[str, Any]:
        """Call `$JS.API.<suffix>` and return its answer, decoded."""
        ...

    async def stream_state(self, stream: str) -> StreamState:
        """Settings and bounds of a stream, from its leader."""
        ...

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Tell the consumer what became of a message.

        Nobody confirms: a verdict that is lost shows as a repeated delivery.
        """
        ...
