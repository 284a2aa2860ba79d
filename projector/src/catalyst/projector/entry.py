"""A row as the hub shows it: encoded once, whoever reads it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from catalyst.contracts.subjects import RowKey
from catalyst.projector import frames, row
from catalyst.projector.views.table import BY_KIND
from catalyst.projector.views.view import View

_NULL: Final = msgspec.Raw(b"null")


class _Head(msgspec.Struct):
    seq: int
    stale: msgspec.Raw = _NULL


_HEAD: Final = msgspec.json.Decoder(_Head)
_NO_HEAD: Final = _Head(seq=0)


class Entry:
    """One key at one revision: a row, or the mark that it was deleted."""

    __slots__ = (
        "_body",
        "_doc",
        "deleted",
        "key",
        "place",
        "raw",
        "revision",
        "seq",
        "stale",
        "trace",
    )

    def __init__(
        self, key: str, place: RowKey, revision: int, raw: bytes, *, deleted: bool
    ) -> None:
        """Hold the bytes that stand in the bucket."""
        self.key = key
        self.place = place
        self.revision = revision
        self.raw = raw
        """The value; of a deletion, what it says about itself, maybe nothing."""
        self.deleted = deleted
        head = _HEAD.decode(raw) if raw else _NO_HEAD
        self.seq = head.seq
        """Sequence in the log of the event that this came from."""
        self.stale = head.stale != _NULL
        self.trace = ""
        """The `traceparent` that its frames carry; set before the first is made."""
        self._body: bytes | None = None
        self._doc: Any = None

    @property
    def view(self) -> View[Any] | None:
        """The view that made it."""
        return BY_KIND.get(self.place.kind)

    @property
    def doc(self) -> Any:
        """The document, as the view's own type; None if there is none."""
        if self._doc is None and not self.deleted and self.view is not None:
            self._doc = row.decode(self.raw, self.view.document).doc
        return self._doc

    def frame(self, coalesced: int) -> bytes:
        """Return the event that tells of it, without an id."""
        if coalesced:
            return self._encode(coalesced)
        if self._body is None:
            self._body = self._encode(0)
        return self._body

    def _encode(self, coalesced: int) -> bytes:
        if self.deleted:
            return frames.deleted(self.key, self.seq, self.raw, coalesced, self.trace)
        return frames.put(self.key, self.raw, coalesced, self.trace)
