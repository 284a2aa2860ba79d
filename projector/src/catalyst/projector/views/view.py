"""What a view is: how the events of one aggregate become one row.

Pure. A document holds event times and codes only, never a clock's time or a process's own counts,
so that folding again gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.tally import Part, Tally

D = TypeVar("D", bound=msgspec.Struct)


class At(msgspec.Struct, frozen=True, gc=False):
    """Where and when an event happened."""

    ref: Ref
    seq: int
    time: datetime
    """The event's own time."""


class Git(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where the manifest of the thing stands."""

    commit: str
    path: str
    event_seq: int
    """Sequence of the event that the commit carries out."""


Fold = Callable[[Any, Any, At], Any]
"""Takes document, event and place; returns the next document, or None to delete the row. The
document is None only for an event that creates one."""


Look = Callable[[RowKey], Any]
"""Takes the key of another row; returns its document, or None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """What a document says of other rows, made anew whenever one of them is another.

    It stands beside what the row's own events make, moves nothing of what the row says of its last
    event, and follows from the documents alone: so that whoever folds makes the same.
    """

    make: Callable[[Any, Look, Tally], Any]
    """Returns a document as it is beside the other rows. A tally that stood beside the fold saves
    a whole the look at each of its parts; with an empty one it makes the same."""
    whole: bool = False
    """Whether a tally of its parts is kept."""
    bare: Callable[[Any], Any]
    """Returns a document without anything that other rows say."""
    touches: Callable[[Any, Any, Look], Iterable[RowKey]] | None = None
    """Takes a document before and after (None: there is none), and yields the rows that may have to
    be made anew."""
    adds: Callable[[Any], Iterable[tuple[RowKey, str, Part | None]]] | None = None
    """Yields the wholes that a document may be a part of, under which name, and what it adds."""
    again: Callable[[Any, Any], bool] = lambda _before, _after: True
    """Returns whether `make` is needed after an event that made the second of the first."""


def _name(place: RowKey) -> str:
    return place.name


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Generic[D]):
    """Rows of one kind; each is made by the events of one aggregate, and may hear of other rows."""

    kind: str
    """Kind in the row's key."""
    plural: str
    """Name of the kind in addresses."""
    service: str
    aggregate: str
    document: type[D]
    key: Callable[[Ref], RowKey]
    id_of: Callable[[RowKey], str] = _name
    """Id of the aggregate whose row has a key: `key`, the other way round."""
    folds: Mapping[type[Event], Fold]
    """What each event does; newest versions only."""
    creates: type[Event]
    """The event that starts a row. The others change nothing where there is none: reports about a
    thing may come in after it was deleted."""
    creates_too: frozenset[type[Event]] = frozenset()
    """Other events that start a row, of what nobody has to create first."""
    ignores: frozenset[type[Event]] = frozenset()
    """Events of the aggregate that change no row."""
    takes_along: Callable[[D, Event], Iterable[RowKey]] | None = None
    """Other rows that go when this event deletes the row."""
    tells: Callable[[D], Iterable[tuple[RowKey, Any]]] | None = None
    """What other rows are told after each change of one of these, each by its key."""
    hears: Callable[[D, Any], D] | None = None
    """Takes a document and what it is told; an equal document: nothing changes."""
    told_by: Callable[[D], Iterable[Ref]] | None = None
    """The aggregates whose rows told a document something that stands in it."""
    related: Related | None = None
    """What a document says of other rows; None: nothing."""
    environments: Callable[[D], Iterable[str]] | None = None
    """The Environments that a row without one in its key belongs to; None: it belongs to none."""
    labels: Callable[[D], Mapping[str, str]]
    """Labels by which rows are selected; part of no document."""

    def starts(self, event: Event) -> bool:
        """Return whether an event starts a row where there is none."""
        return type(event) is self.creates or type(event) in self.creates_too
