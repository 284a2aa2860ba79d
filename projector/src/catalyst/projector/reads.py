"""Answers of the REST reads: one row, or a page of a list. No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.projector import frames
from catalyst.projector.access import Access, visible
from catalyst.projector.cursor import Cursor
from catalyst.projector.entry import Entry
from catalyst.projector.filters import BadFilter, Filter
from catalyst.projector.freshness import Fresh
from catalyst.projector.hub import Hub

DEFAULT_LIMIT: Final = 500
MAX_LIMIT: Final = 5000


class ListExpired(Exception):
    """A list cannot be continued: the rows belong to another bucket, or the reader's roles do."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a list goes on; opaque to whoever holds it."""

    epoch: str
    scope: str
    after: str
    """Key of the last row that was returned."""
    revision: int
    """Of the first page: a stream from there on tells of every change since."""

    def encode(self) -> str:
        """Return it as a parameter."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode("ascii").rstrip("=")


def place(text: str) -> Place:
    """Return the place that a parameter names.

    Raises:
        BadFilter: If it names none.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=Place)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadFilter("continue", "this is not where a list can go on") from error


def limit(text: str | None) -> int:
    """Return the size of a page.

    Raises:
        BadFilter: If it is not a number in range.
    """
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise BadFilter("limit", f"write a number from 1 to {MAX_LIMIT}")
    return int(text[:9])


class Page(msgspec.Struct, frozen=True):
    """Some rows of a list, and where it goes on."""

    entries: list[Entry]
    following: Place | None
    cursor: str
    """A stream with the same filter goes on from here, without a gap to the first page."""
    etag: str


def page(hub: Hub, asked: Filter, access: Access, size: int, at: Place | None) -> Page:
    """Return rows by key, behind `at`.

    Raises:
        ListExpired: If the list was begun on other rows.
    """
    if at is not None and (at.epoch, at.scope) != (hub.epoch, access.scope):
        raise ListExpired
    revision = hub.revision if at is None else at.revision
    found = sorted(visible(hub.rows.values(), access, asked), key=lambda entry: entry.key)
    rest = found if at is None else [entry for entry in found if entry.key > at.after]
    entries = rest[:size]
    following = None
    if len(rest) > size:
        following = Place(hub.epoch, access.scope, entries[-1].key, revision)
    return Page(
        entries,
        following,
        Cursor(hub.epoch, revision, access.scope).encode(),
        _etag(hub, access, found, at, size),
    )


def _etag(hub: Hub, access: Access, found: Sequence[Entry], at: Place | None, size: int) -> str:
    """Return a tag that changes with any row of the list.

    Each change takes a new revision, and a row that goes leaves fewer of them.
    """
    newest = max((entry.revision for entry in found), default=0)
    after = "" if at is None else at.after
    text = f"{hub.epoch} {access.scope} {newest} {len(found)} {after} {size}"
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


def item(entry: Entry) -> bytes:
    """Return one row as JSON."""
    return b'{"key":"%b","value":%b}' % (entry.key.encode("ascii"), frames.one_line(entry.raw))


def document(found: Page, fresh: Fresh, more: Mapping[str, Any]) -> bytes:
    """Return a page as JSON."""
    tail = msgspec.json.encode(
        {
            "continue": None if found.following is None else found.following.encode(),
            "cursor": found.cursor,
            "as_of": fresh.as_of,
            "head": fresh.head,
            "lag_ms": fresh.lag_ms,
            **more,
        }
    )
    return b'{"items":[%b],%b' % (b",".join(map(item, found.entries)), tail[1:])


def entry_etag(hub: Hub, entry: Entry) -> str:
    """Return the tag of one row."""
    return f'"{hub.epoch}-{entry.revision}"'
