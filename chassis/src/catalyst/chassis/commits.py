"""How a commit says who did what, for which command, at which sequence; pure.

The Git adapters of the services build commits with it and read them back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

SEQ: Final = "Catalyst-Seq"
COMMAND: Final = "Catalyst-Command"

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_IN_IDENTITY: Final = re.compile(r"[\x00-\x20<>%\x7f-\x9f\u2028\u2029]")
_NOT_IN_NAME: Final = re.compile(r"[\x00-\x1f<>\x7f-\x9f\u2028\u2029]")
_NAME_EDGES: Final = " .,:;\"'\\"
_TRAILER: Final = re.compile(rb"([A-Za-z][A-Za-z0-9-]*): (.*)")
_NUMBER: Final = re.compile(rb"[0-9]{1,19}")


def identity(actor: str) -> bytes:
    """Return an actor as a Git identity: a readable name, and the whole actor as the e-mail.

    The e-mail part is not an address: it is the actor exactly, with what Git cannot hold there
    (space, `<`, `>`, `%`, control characters) percent-encoded. `actor_of` reads it back.
    """
    kind, _, rest = actor.partition(":")
    shown = rest.rpartition("#")[2] if kind == "user" else rest
    name = _NOT_IN_NAME.sub("", shown).strip(_NAME_EDGES) or "unnamed"
    return f"{name} <{_NOT_IN_IDENTITY.sub(_percent, actor)}>".encode()


def actor_of(found: bytes) -> str:
    """Return the actor that an identity made by `identity` stands for."""
    text = found.decode("utf-8", "replace")
    return unquote(text[text.rfind("<") + 1 : text.rfind(">")])


def person(email: str) -> bytes:
    """Return a person as a Git identity, by a proven e-mail address."""
    address = _NOT_IN_IDENTITY.sub(_percent, email)
    name = _NOT_IN_NAME.sub("", email.partition("@")[0]).strip(_NAME_EDGES) or "unnamed"
    return f"{name} <{address}>".encode()


def committer(service: str) -> bytes:
    """Return Catalyst itself as a Git identity, in the name of a service."""
    return f"Catalyst <service:{service}>".encode()


def message(summary: str, command: str, seq: int, more: Mapping[str, str] | None = None) -> bytes:
    """Return a commit message that ends in our two trailers, and `more` behind them."""
    lines = (
        one_line(summary) or "Change",
        "",
        f"{COMMAND}: {one_line(command)}",
        f"{SEQ}: {seq}",
        *(f"{name}: {one_line(text)}" for name, text in (more or {}).items()),
        "",
    )
    return "\n".join(lines).encode()


def trailer(text: bytes, key: str) -> bytes | None:
    """Return the last trailer of that name in a commit message; None if it has none.

    Only the last paragraph counts, if it is not the first and each line of it is a trailer.
    """
    first, _, last = text.strip().rpartition(b"\n\n")
    if not first:
        return None
    lines = [_TRAILER.fullmatch(line) for line in last.split(b"\n")]
    found = None
    for line in lines:
        if line is None:
            return None
        if line[1] == key.encode():
            found = line[2]
    return found


def seq_of(text: bytes) -> int | None:
    """Return the `Catalyst-Seq` of a commit message; None if it carries none."""
    value = trailer(text, SEQ)
    return int(value) if value is not None and _NUMBER.fullmatch(value) else None


def one_line(text: str) -> str:
    """Return the text with each run of control characters or line breaks as one space."""
    return _CONTROL.sub(" ", text).strip()


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8"))
