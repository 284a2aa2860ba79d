"""What every message on the wire has in common: the envelope, the outcome, and derived ids."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

COMMAND_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
DERIVED_LENGTH: Final = 26
_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
"""The alphabet of RFC 4648, 6, in lower case."""
_PAIRS: Final = tuple(first + second for first in _BASE32 for second in _BASE32)
_SHIFTS: Final = tuple(range(10 * (DERIVED_LENGTH // 2 - 1), -1, -10))

END: Final = r"$(?!\n)"
"""End of a pattern. `$` alone also matches before a last newline, in Python though not in JSON
Schema's dialect; this form means the same in both."""

UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant; on the wire RFC 3339 in UTC with at most six fractional digits."""


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every command's data: an order, in which an unknown field is refused."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event's data: a fact, in which an unknown field is ignored."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a value inside a command; an unknown field in it is refused as well."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CloudEvents 1.0 message in structured mode; `data` stays bytes until its type is known."""

    specversion: Literal["1.0"]
    """Version of CloudEvents."""
    id: str
    """The message's id; of a command, chosen by its sender."""
    source: str
    """Who wrote it, in the writer's own words."""
    type: str
    """The wire name of what it says, with its version."""
    data: msgspec.Raw = msgspec.Raw(b"{}")
    """What the type says: the order or the fact itself."""
    time: UtcTime | None = None
    """When it was written; of a command, the broker's time counts."""
    datacontenttype: str | None = None
    """The media type of `data`: JSON."""
    subject: str | None = None
    """The natural key of the thing that it is about."""
    organization: str | None = None
    """Slug of the Organization that owns the thing; null: none does."""
    actor: str | None = None
    """Who caused it: `user:<iss>#<sub>`, `service:<name>` or `nats:<org>`; ignored in a command's
    body."""
    correlationid: str | None = None
    """Id of the command that everything began with; of a command its own, if left out."""
    causationid: str | None = None
    """Id of the message that it follows from."""
    process: str | None = None
    """The path of the process manager that sent this command and wants its answer."""
    traceparent: str | None = None
    """The trace that it belongs to, as W3C Trace Context writes it."""


class _Said(msgspec.Struct):
    """What tells an answer of the broker from a message of ours."""

    specversion: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    type: Any = None
    stream: Any = None
    seq: Any = None
    error: Any = None


_SAID: Final = msgspec.json.Decoder(_Said)
_API: Final = "io.nats."
"""How the `type` of what the broker's API answers, and of what it reports, begins."""


def is_stray(data: bytes) -> bool:
    """Return whether a message was written by nobody here, whatever subject it stands on.

    Who publishes says where the answer goes: so what a broker acknowledges or answers can be stored
    on any subject of a log. That is empty, or has the shape of such an answer: an acknowledgement
    (`stream` and `seq`), an error (`error` with a `code`), or a `type` of the broker's API. All
    else may be a message of ours that was damaged, and is no stray.
    """
    if not data:
        return True
    try:
        said = _SAID.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    if said.specversion is not msgspec.UNSET or said.data is not msgspec.UNSET:
        return False
    acknowledged = isinstance(said.stream, str) and type(said.seq) is int
    refused = isinstance(said.error, dict) and type(said.error.get("code")) is int
    return acknowledged or refused or (isinstance(said.type, str) and said.type.startswith(_API))


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong, and where."""

    pointer: str
    """JSON pointer into `data`; empty for the whole."""
    rule: str
    """The rule that does not hold, as a short name."""
    message: str
    """What is wrong, for a person."""
    own_copy: str = ""
    """The alias of what is needed, if a copy of its own is another way, which the message names."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one recorded answer to a command."""

    id: str
    """The command's id."""
    type: str
    """The wire name of the command."""
    status: Literal["accepted", "rejected"]
    """Whether it was done or refused."""
    digest: str
    """Fingerprint of what was asked: type, subject and data."""
    time: UtcTime
    """When it was decided, by the broker's clock."""
    code: str = ""
    """Why it was refused, for programs. Empty when accepted."""
    message: str = ""
    """Why it was refused, for people."""
    errors: tuple[FieldError, ...] = ()
    """What is wrong, each with its place."""
    events: tuple[str, ...] = ()
    """Types of the events it wrote, oldest first."""
    result: Any = None
    """What the rule returned besides its events; null: nothing."""
    actor: str = ""
    """Who sent it, as far as it was proven."""
    subject: str = ""
    """The broker's subject that it came in on."""
    correlationid: str = ""
    """Id of the command that everything began with."""
    causationid: str = ""
    """Id of the message that it follows from."""
    counts: dict[str, int] = {}
    """Messages of the batch that belong to this command, by class (`chk`, `clm`, `evt`, …)."""
    before: int = 0
    """Messages of this command that stand before the outcome in its batch."""
    after: int = 0
    """Messages behind the outcome in its batch; its own sequence plus this is `seq`."""
    seq: int = 0
    """Last sequence of its batch; added by whoever reads it."""
    log: str = ""
    """Name of the log that `seq` belongs to; added by whoever reads it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a command as its sender, a process manager, hears it."""

    command_id: str
    """Id of the command."""
    status: Literal["accepted", "rejected"]
    """Whether it was done or refused."""
    code: str
    """Why it was refused, for programs. Empty when accepted."""
    events: int
    """How many events it wrote."""
    message: str = ""
    """Why it was refused, for people; a long one is cut. Empty when accepted."""


def derived_id(source: str, position: int | str) -> str:
    """Return the id of what follows from `source` at `position`; the same for every retry."""
    digest = hashlib.sha256(f"{source}/{position}".encode()).digest()
    # Base32 two characters at a time, of which each stands for five of the first 130 bits: every
    # event has such an id, and the library's own way takes three times as long.
    number = int.from_bytes(digest[:17], "big") >> 6
    return "_" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def digest(type_: str, subject: str, data: bytes | msgspec.Raw) -> str:
    """Return the fingerprint of what a command asks: type, subject and data, keys sorted.

    Raises:
        msgspec.DecodeError: If `data` is not JSON.
    """
    canonical = msgspec.json.encode(msgspec.json.decode(data), order="sorted")
    lines = b"\n".join((type_.encode(), subject.encode(), canonical))
    return hashlib.sha256(lines).hexdigest()


def log_name(created: datetime) -> str:
    """Return the name of the log: a short hash of the instant at which `EV` was created.

    Every reader of the broker's answer cuts that instant off to microseconds, in UTC.
    """
    text = created.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:10]
