"""Frames and header blocks of the broker's text protocol, where nats-py's own way is too slow.

Used by `catalyst.chassis.jetstream.link` and the readers beside it. CPU only.
"""

import functools
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

_SPACE: Final = re.compile(r"[ \t\r\n]")
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LINE_BREAKS: Final = str.maketrans({"\r": " ", "\n": " "})
_BLANK: Final = " \t\n\r\v\f"
"""What is no part of a name or value at its ends; other white space that Python knows is."""


class Raw(msgspec.Struct, gc=False):
    """One message as it came from the socket."""

    subject: bytes
    reply: bytes
    headers: bytes | None
    """The whole block, `NATS/1.0` and the final empty line included."""
    data: bytes


class Status(NamedTuple):
    """What a message without a payload says about a request."""

    code: int
    """0 if the message is no such answer."""
    description: str


class Place(NamedTuple):
    """Where a delivered message stands, as its reply subject tells."""

    delivered: int
    """How many times the message has been delivered, this time included."""
    seq: int
    consumer_seq: int
    time_ns: int
    pending: int


READ: Final = (
    "Authorization",
    "Catalyst-Actor",
    "Catalyst-Left",
    "Catalyst-Reply",
    "Catalyst-Since",
    "Catalyst-Timeout-Ms",
    "traceparent",
)
"""What is read of the headers of commands and questions, which anybody may send."""
_READ: Final = {name.lower(): name for name in READ}
NO_STATUS: Final = Status(0, "")


def fields(headers: bytes | None) -> dict[str, str]:
    """Names and values of a header block; the last one of a repeated name counts.

    Never raises, since anybody may publish anything: what is no header is left out, and bytes
    that are not UTF-8 become U+FFFD.
    """
    found: dict[str, str] = {}
    if headers is None:
        return found
    # Each message that is read comes through here: decoded as a whole, it takes half as long.
    for line in headers.decode("utf-8", "replace").split("\r\n")[1:]:
        name, colon, text = line.partition(":")
        if colon:
            found[name.strip(_BLANK)] = text.strip(_BLANK)
    return found


def spelled(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that somebody sent, with those that we read under the names that we read them by.

    The broker keeps names as they are written, and clients differ: some write them as HTTP has
    them, in any case, and Go's carrier of traces writes `Traceparent`.
    """
    return {_READ.get(name.lower(), name): text for name, text in headers.items()}


def field(headers: bytes | None, name: bytes) -> bytes | None:
    """Value of one header, without reading the others; `name` is matched exactly."""
    return None if headers is None else after(headers, b"\r\n" + name + b":")


def after(headers: bytes, mark: bytes) -> bytes | None:
    """What follows the last `mark` (line break, name, colon) up to the end of its line."""
    at = headers.rfind(mark)
    if at < 0:
        return None
    start = at + len(mark)
    return headers[start : headers.index(b"\r\n", start)].strip()


def status(headers: bytes | None) -> Status:
    """The inline status of a header block, such as `404 Message Not Found`."""
    if headers is None or headers[8:9] != b" ":
        return NO_STATUS
    return _said(headers[9 : headers.index(b"\r\n")])


@functools.lru_cache(maxsize=64)
def _said(line: bytes) -> Status:
    code, _, description = line.decode("utf-8", "replace").partition(" ")
    return Status(int(code), description) if code.isdigit() else NO_STATUS


def place(reply: bytes) -> Place:
    """What the reply subject of a delivery says.

    `$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<time>.<pending>`, or with domain
    and account before the stream and a random token at the end.
    """
    tokens = reply.split(b".")
    return Place(*map(int, tokens[4:9] if len(tokens) == 9 else tokens[6:11]))


def block(headers: Mapping[str, str]) -> bytes:
    """The header block for some headers.

    Raises:
        ValueError: If a name holds anything but the characters of an HTTP token.
    """
    lines = ["NATS/1.0"]
    for name, text in headers.items():
        value = text.strip()
        if not value.isprintable():
            value = value.translate(_LINE_BREAKS)
        lines.append(_beginning(name) + value)
    lines.append("\r\n")
    return "\r\n".join(lines).encode()


@functools.lru_cache(maxsize=256)
def _beginning(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no header name")
    return f"{name}: "


def frame(subject: str, data: bytes, headers: bytes | None, reply: str = "") -> bytes:
    """One publish, ready for the socket; `headers` is a whole block or nothing.

    Raises:
        ValueError: If the subject is empty or holds white space, which would end the frame.
    """
    if not subject or _SPACE.search(subject):
        raise ValueError(f"{subject!r} is no subject")
    address = f"{subject} {reply} " if reply else f"{subject} "
    if headers is None:
        return b"PUB %b%d\r\n%b\r\n" % (address.encode(), len(data), data)
    size = len(headers)
    return b"HPUB %b%d %d\r\n%b%b\r\n" % (
        address.encode(),
        size,
        size + len(data),
        headers,
        data,
    )
