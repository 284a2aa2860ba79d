"""A command on its way out: addressed, with an id, and as bytes."""

from __future__ import annotations

import base64
import re
import secrets
from typing import Final, TypedDict

import msgspec

from catalyst.client.errors import Problem
from catalyst.contracts import codec, message, subjects
from catalyst.contracts.message import COMMAND_ID, FieldError
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.rejection import CODES

SOURCE: Final = "catalyst-client"
_TYPE: Final = re.compile(r"([a-z][a-z0-9-]*)\.([a-z][a-z0-9-]*)\.v([1-9][0-9]{0,3})")
_ID_BYTES: Final = 15


class SendOptions(TypedDict, total=False):
    """What may be said about a command besides its type and data."""

    organization: str | None
    """The owner of the thing, its own creation included; None for the platform's own things."""
    id: str | None
    """The thing's natural key; left out for an Organization, whose key is its slug."""
    aggregate: str | None
    """Kind of thing, where a command may be sent to several kinds."""
    command_id: str | None
    """The same id again is the same command again; left out, one is made."""
    token: str | None
    """Bearer token of the person or service that asks, instead of the connection's."""
    traceparent: str | None
    """W3C trace context to continue."""
    source: str | None
    """The program that sends, where another one sends on its behalf."""
    correlation_id: str | None
    """What this command belongs to; left out, it begins something of its own."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A command, ready to be sent again and again under one id."""

    type: str
    ref: subjects.Ref
    subject: str
    command_id: str
    data: bytes
    token: str | None = None
    traceparent: str | None = None
    source: str = SOURCE
    correlation_id: str | None = None

    @property
    def digest(self) -> str:
        """Fingerprint of what is asked; an outcome with another one answers another command."""
        return message.digest(self.type, self.subject, self.data)

    @property
    def envelope(self) -> bytes:
        """The CloudEvents message that belongs on `subject`."""
        return msgspec.json.encode(
            message.Envelope(
                specversion="1.0",
                id=self.command_id,
                source=self.source,
                type=self.type,
                correlationid=self.correlation_id,
                data=msgspec.Raw(self.data),
                traceparent=self.traceparent,
            )
        )


def command_id() -> str:
    """Return a new command id: `c-` and 24 characters that nobody guesses."""
    return "c-" + base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode("ascii").lower()


def draft(type_: str, data: object, options: SendOptions) -> Draft:
    """Address a command and give it an id, if it has none.

    Args:
        type_: Wire name, such as `environment.create-organization.v1`.
        data: A struct of the contracts, a mapping, or JSON as bytes.
        options: Where it goes, and under which id.

    Raises:
        Problem: If it cannot be addressed, or the id or the data are not allowed. What the data
            must hold is for the owner to judge.
    """
    found = _TYPE.fullmatch(type_)
    if found is None:
        raise _wrong("unknown-type", 404, "type", f"{type_!r} is not a command's type")
    service, verb, version = found[1], found[2], int(found[3])
    aggregate = options.get("aggregate") or _only_aggregate(type_)
    organization = options.get("organization")
    key = options.get("id") or (organization if aggregate == "organization" else None)
    if not key:
        raise _wrong("invalid-data", 422, "id", f"{type_} needs the id of the {aggregate}")
    identifier = options.get("command_id") or command_id()
    if not COMMAND_ID.fullmatch(identifier):
        raise _wrong("invalid-id", 422, "command_id", f"{identifier!r} is not allowed as an id")
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    try:
        codec.check(raw)
    except codec.Undecodable as refused:
        error = FieldError(pointer=refused.pointer, rule=refused.rule, message=refused.message)
        status = CODES[refused.code].status
        raise Problem(status, refused.code, refused.message, (error,)) from refused
    ref = subjects.Ref(organization, service, aggregate, key)
    return Draft(
        type=type_,
        ref=ref,
        subject=ref.command(verb, version),
        command_id=identifier,
        data=raw,
        token=options.get("token"),
        traceparent=options.get("traceparent"),
        source=options.get("source") or SOURCE,
        correlation_id=options.get("correlation_id"),
    )


def _only_aggregate(type_: str) -> str:
    known = COMMANDS.get(type_)
    if known is None:
        text = f"no command is called {type_!r} here; name the kind of thing it is for"
        raise _wrong("unknown-type", 404, "type", text)
    if len(known.aggregates) != 1:
        text = f"{type_} goes to one of {', '.join(known.aggregates)}; say which"
        raise _wrong("invalid-data", 422, "aggregate", text)
    return known.aggregates[0]


def _wrong(code: str, status: int, field: str, text: str) -> Problem:
    return Problem(status, code, text, (FieldError(pointer="", rule=field, message=text),))
