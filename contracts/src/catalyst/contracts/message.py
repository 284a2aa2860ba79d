"""What every message on the wire has in common: the envelope, the outcome, and derived ids."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

COMMAND_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
DERIVED_LENGTH: Final = 26

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
    id: str
    source: str
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    time: UtcTime | None = None
    datacontenttype: str | None = None
    subject: str | None = None
    organization: str | None = None
    actor: str | None = None
    """`user:<iss>#<sub>`, `service:<name>` or `nats:<org>`; ignored in a command's body."""
    correlationid: str | None = None
    causationid: str | None = None
    process: str | None = None
    """The path of the process manager that sent this command and wants its answer."""
    traceparent: str | None = None


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and where."""

    pointer: str
    """JSON pointer into `data`; empty for the whole."""
    rule: str
    """The rule that does not hold, as a short name."""
    message: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one recorded answer to a command."""

    id: str
    type: str
    status: Literal["accepted", "rejected"]
    digest: str
    time: UtcTime
    code: str = ""
    """Empty when accepted."""
    message: str = ""
    errors: tuple[FieldError, ...] = ()
    events: tuple[str, ...] = ()
    """Types of the events it wrote, oldest first."""
    result: Any = None
    actor: str = ""
    subject: str = ""
    correlationid: str = ""
    causationid: str = ""
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
    status: Literal["accepted", "rejected"]
    code: str
    events: int


def derived_id(source: str, position: int | str) -> str:
    """Return the id of what follows from `source` at `position`; the same for every retry."""
    digest = hashlib.sha256(f"{source}/{position}".encode()).digest()
    return "_" + base64.b32encode(digest).decode("ascii").lower()[:DERIVED_LENGTH]


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
