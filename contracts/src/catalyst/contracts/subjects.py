"""Subjects and keys: one reversible escape for tokens, and the grammar of each class of subject.

The grammar is class first, organization second, so that one prefix binds a permission.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import msgspec

PLATFORM: Final = "_"
"""The organization token of what no Organization owns."""

_EMPTY: Final = "="
_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN: Final = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+|=")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
"""A service or a kind of aggregate: written by hand, so that it needs no escape."""
_VERSION: Final = re.compile(r"v([1-9][0-9]{0,3})")


class BadSubject(ValueError):
    """The text is not a subject (or token) of this grammar."""


def _escaped(text: str) -> str:
    if text == "":
        return _EMPTY
    if text == "_":
        return "=5F"
    if _PLAIN.fullmatch(text):
        return text
    raw = text.encode("utf-8")
    return "".join(chr(byte) if byte in _SAFE else f"={byte:02X}" for byte in raw)


@functools.lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """Return `text` as one token: bytes outside `[A-Za-z0-9_-]` become `=XX`."""
    return _escaped(text)


@functools.lru_cache(maxsize=65536)
def unescape(token: str) -> str:
    """Return the text that `escape` made `token` from.

    Raises:
        BadSubject: If `escape` makes no text into this token.
    """
    if not _TOKEN.fullmatch(token) or token == PLATFORM:
        raise BadSubject(f"{token!r} is not a token")
    if token == _EMPTY:
        return ""
    if "=" not in token:
        return token
    raw = re.sub(rb"=([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), token.encode("ascii"))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadSubject(f"{token!r} is not UTF-8 inside") from error
    if escape(text) != token:
        raise BadSubject(f"{token!r} is not the one spelling of {text!r}")
    return text


def organization_token(organization: str | None) -> str:
    """Return the token of an Organization, or `_` for the platform (None)."""
    return PLATFORM if organization is None else escape(organization)


def organization_of(token: str) -> str | None:
    """Return the Organization that a token names, or None for the platform."""
    return None if token == PLATFORM else unescape(token)


class Ref(msgspec.Struct, frozen=True):
    """One aggregate: who owns it, which service decides it, what it is and its natural key."""

    organization: str | None
    """None for what no Organization owns."""
    service: str
    aggregate: str
    id: str

    @property
    def path(self) -> str:
        """The four tokens that every subject of this aggregate shares, class left out."""
        return _path(self)

    @property
    def guard(self) -> str:
        """The one guard string of the aggregate, used literally by every writer."""
        return f"evt.{self.path}.>"

    @property
    def snapshot(self) -> str:
        """The subject of the aggregate's state snapshot."""
        return f"st.{self.path}"

    def event(self, fact: str, version: int) -> str:
        """Return the subject of one of its events."""
        return f"evt.{self.path}.{fact}.v{version}"

    def command(self, verb: str, version: int) -> str:
        """Return the subject of a command to it."""
        return f"cmd.{self.path}.{verb}.v{version}"

    def timer(self, name: str) -> str:
        """Return the subject under which a timer of it is armed."""
        return f"tmr.{self.path}.{escape(name)}"

    def due(self, name: str) -> str:
        """Return the subject to which that timer fires."""
        return f"due.{self.timer(name)}"

    def dead_letter(self, origin: str, sequence: int) -> str:
        """Return the subject of a parked message; `origin` is the first letter of its stream."""
        return f"dlq.{self.path}.{origin}{sequence}"

    @classmethod
    def parse(cls, path: str) -> Ref:
        """Return the aggregate that `path` names.

        Raises:
            BadSubject: If the text is not four tokens of that kind.
        """
        tokens = path.split(".")
        if len(tokens) != 4:
            raise BadSubject(f"{path!r} does not name an aggregate")
        org, service, aggregate, key = tokens
        _check_kind(service, aggregate)
        return cls(organization_of(org), service, aggregate, unescape(key))


@functools.lru_cache(maxsize=65536)
def _path(ref: Ref) -> str:
    org = organization_token(ref.organization)
    return f"{org}.{ref.service}.{ref.aggregate}.{escape(ref.id)}"


class Addressed(msgspec.Struct, frozen=True):
    """A command's or event's subject, taken apart."""

    kind: str
    """`cmd`, `evt` or `out`."""
    ref: Ref
    name: str
    """The verb of a command or the fact of an event."""
    version: int

    @property
    def type(self) -> str:
        """The wire name of the message that belongs on this subject."""
        return f"{self.ref.service}.{self.name}.v{self.version}"


def parse(subject: str) -> Addressed:
    """Take a `cmd.…`, `evt.…` or `out.…` subject apart.

    Raises:
        BadSubject: If it is not of that grammar.
    """
    tokens = subject.split(".")
    if len(tokens) != 7 or tokens[0] not in {"cmd", "evt", "out"}:
        raise BadSubject(f"{subject!r} is not a message's subject")
    kind, org, service, aggregate, key, name, version = tokens
    _check_kind(service, aggregate)
    ref = Ref(organization_of(org), service, aggregate, unescape(key))
    return Addressed(kind, ref, unescape(name), _version(version))


@functools.lru_cache(maxsize=1024)
def _check_kind(service: str, aggregate: str) -> None:
    if not (_NAME.fullmatch(service) and _NAME.fullmatch(aggregate)):
        raise BadSubject(f"{service}.{aggregate} does not name a service and a kind of aggregate")


@functools.lru_cache(maxsize=1024)
def _version(token: str) -> int:
    version = _VERSION.fullmatch(token)
    if version is None:
        raise BadSubject(f"{token!r} is not a version")
    return int(version[1])


def done(organization: str | None, command_id: str) -> str:
    """Return where the outcome of a command is recorded."""
    return f"done.{organization_token(organization)}.{command_id}"


def check(organization: str | None, command_id: str, number: int = 0) -> str:
    """Return the subject of an empty message that carries a guard for something only read."""
    base = f"chk.{organization_token(organization)}.{command_id}"
    return base if number == 0 else f"{base}.{number}"


class Claim(msgspec.Struct, frozen=True, order=True):
    """A name or number that must be unique beyond one aggregate."""

    kind: str
    name: str
    organization: str | None = None
    """The Organization in which the name is unique; None if it is so everywhere."""

    @property
    def subject(self) -> str:
        """Where the claim and its release are written."""
        # Not remembered: each of 100,000 uses has a name of its own, which seldom comes again.
        return f"clm.{organization_token(self.organization)}.{self.kind}.{_escaped(self.name)}"


class RowKey(msgspec.Struct, frozen=True, order=True):
    """A row of the read model, by its place: who may see it is decided from it alone."""

    organization: str | None
    environment: str | None
    kind: str
    namespace: str | None
    name: str

    def encode(self) -> str:
        """Return the KV key: five tokens."""
        return ".".join(
            (
                organization_token(self.organization),
                PLATFORM if self.environment is None else escape(self.environment),
                escape(self.kind),
                PLATFORM if self.namespace is None else escape(self.namespace),
                escape(self.name),
            )
        )

    @classmethod
    def decode(cls, key: str) -> RowKey:
        """Return the row that a KV key names.

        Raises:
            BadSubject: If the key is not five tokens (such as `_ck`, the checkpoint's).
        """
        tokens = key.split(".")
        if len(tokens) != 5:
            raise BadSubject(f"{key!r} is not a row's key")
        org, env, kind, namespace, name = tokens
        return cls(
            organization_of(org),
            None if env == PLATFORM else unescape(env),
            unescape(kind),
            None if namespace == PLATFORM else unescape(namespace),
            unescape(name),
        )
