"""The fold: all rows in memory, and what each decision changes of them. No I/O.

The follower, the rebuild and the check use the same one, so that their rows are equal byte for
byte. It decodes only what it needs: the subject says which row and which event; the body is read
only for those that change a row.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from catalyst.chassis.jetstream.times import of_nanoseconds
from catalyst.contracts import registry, upcast
from catalyst.contracts.message import Event, UtcTime, is_stray
from catalyst.contracts.runtime_v1 import Parked, Unparked
from catalyst.contracts.subjects import BadSubject, Ref, RowKey
from catalyst.projector import row as rows
from catalyst.projector.ports import LogMessage
from catalyst.projector.relating import Held, relate
from catalyst.projector.row import Stale, Value
from catalyst.projector.views.tally import Tally
from catalyst.projector.views.view import At, View

log = logging.getLogger(__name__)


class _Body(msgspec.Struct, frozen=True, gc=False):
    """Of an event's envelope, what a row shows."""

    id: str
    time: UtcTime | None = None
    actor: str = ""
    correlationid: str = ""
    causationid: str = ""
    traceparent: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


_BODY: Final = msgspec.json.Decoder(_Body)


class Unreadable(Exception):
    """An event that cannot be folded; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Row(msgspec.Struct, eq=False, gc=False):
    """One row. Decoded when it is first changed, encoded when it is written.

    A value or the bytes of one are there from the start.
    """

    view: View[Any]
    _value: Value | None
    _raw: bytes | None
    trace: str | None = None
    """The `traceparent` of the event that made it, if there is one."""

    @property
    def seq(self) -> int:
        """Sequence of the event that made it."""
        return self.value.seq

    @property
    def value(self) -> Value:
        """The row's value."""
        if self._value is None:
            self._value = rows.decode(self._raw or b"", self.view.document)
        return self._value

    @property
    def raw(self) -> bytes:
        """The bytes of the value."""
        if self._raw is None:
            self._raw = rows.encode(self.value)
        return self._raw

    def but(self, value: Value, trace: str | None = None) -> Row:
        """Return the row with another value."""
        return Row(self.view, value, None, trace)


class Gone(NamedTuple):
    """A row that was deleted: what its marker says."""

    raw: bytes
    seq: int
    trace: str | None = None


Changes = dict[str, Row | Gone]
"""What a decision does, by key, in the order of first change."""


class _Handler(NamedTuple):
    """What one version of one event means to a view."""

    decode: Callable[[msgspec.Raw], Any]
    old: bool
    """True if newer versions of the event exist, so that it has to be brought to the newest."""
    ignored: bool


class _Place(NamedTuple):
    """Which row the events of an aggregate change."""

    view: View[Any]
    ref: Ref
    key: str
    handlers: Mapping[str, _Handler]
    """By fact and version, as they end a subject."""


class Fold:
    """All rows as of the last decision that was applied."""

    def __init__(
        self, views: Iterable[View[Any]], stored: Mapping[str, bytes] | None = None
    ) -> None:
        """Begin with the rows that a bucket holds, or with none."""
        self._views = {(view.service, view.aggregate): (view, _handlers(view)) for view in views}
        by_kind = {view.kind: view for view, _ in self._views.values()}
        self.rows: dict[str, Row] = {}
        """By key."""
        self.tallies: dict[str, Tally] = {}
        """What the parts of a whole add to it, by its key; made when it is first needed."""
        self._places: dict[str, _Place | None] = {}
        for key, raw in (stored or {}).items():
            self.rows[key] = Row(by_kind[key.split(".")[2]], None, raw)

    def apply(self, events: Iterable[LogMessage]) -> Changes:
        """Fold one decision and return what it changes."""
        changes: Changes = {}
        for message in events:
            self._event(message, changes)
        if self._concerned(changes):
            relate(Held(self, changes))
        for key, change in changes.items():
            if isinstance(change, Row):
                self.rows[key] = change
            else:
                self.rows.pop(key, None)
        return changes

    def _event(self, message: LogMessage, changes: Changes) -> None:
        subject = message.subject
        end = subject.rfind(".", 4, subject.rfind("."))
        path = subject[4:end]
        try:
            place = self._places[path]
        except KeyError:
            place = self._places[path] = self._place(path)
        if place is None:
            return
        row = self.row(place.key, changes)
        value = None if row is None else row.value
        if value is not None:
            stale = value.stale
            if stale is not None and stale.code in rows.FROZEN:
                self._freeze(place, value, stale, changes)
                return
        try:
            self._change(place, value, subject[end + 1 :], message, changes)
        except Unreadable as error:
            if is_stray(message.data):
                facts = {"subject": message.subject, "seq": message.seq}
                log.warning("what stands here is no event: passed over", extra=facts)
                return
            log.error(  # noqa: TRY400 - the cause was logged where it arose
                "an event cannot be folded, its row stands still",
                extra={"code": error.code, "subject": message.subject, "seq": message.seq},
            )
            since = of_nanoseconds(message.time_ns)
            stale = Stale(since=self._since(message, since), code=error.code, count=0)
            self._freeze(place, value or _empty(message), stale, changes)

    def _concerned(self, changes: Changes) -> bool:
        """Return whether what rows say of each other may change: most events change none of it."""
        for key, change in changes.items():
            before = self.rows.get(key)
            if isinstance(change, Gone):
                if before is not None and before.view.related is not None:
                    return True
                continue
            related = change.view.related
            if related is None:
                continue
            if related.touches is not None:
                return True
            if related.again(None if before is None else before.value.doc, change.value.doc):
                return True
        return False

    def row(self, key: str, changes: Changes) -> Row | None:
        """Return a row as some changes leave it."""
        change = changes.get(key)
        if change is None:
            return self.rows.get(key)
        return change if isinstance(change, Row) else None

    def _place(self, path: str) -> _Place | None:
        try:
            ref = Ref.parse(path)
        except BadSubject:
            log.warning("an event stands on a subject of no aggregate", extra={"path": path})
            return None
        found = self._views.get((ref.service, ref.aggregate))
        if found is None:
            return None
        view, handlers = found
        return _Place(view, ref, view.key(ref).encode(), handlers)

    def _change(
        self, place: _Place, value: Value | None, name: str, message: LogMessage, changes: Changes
    ) -> None:
        handler = place.handlers.get(name)
        if handler is None:
            raise Unreadable(rows.UNKNOWN_EVENT)
        if handler.ignored:
            return
        body, event = _read(message, handler)
        at = At(place.ref, message.seq, body.time or of_nanoseconds(message.time_ns))
        doc = None if value is None else value.doc
        stale = None if value is None else value.stale
        if isinstance(event, _OF_THE_RUNTIME):
            stale = _parked(stale, event, at)
        elif doc is None and not place.view.starts(event):
            return
        else:
            before, doc = doc, _folded(place.view, doc, event, at)
            if doc is None and place.view.takes_along is not None:
                for other in place.view.takes_along(before, event):
                    self._take_along(other.encode(), message, body, at, changes)
            if doc is not None and place.view.tells is not None:
                self._tell(place.view, doc, message, body, at, changes)
        changed = _value(message, body, at, stale, doc)
        if doc is not None or stale is not None:
            changes[place.key] = Row(place.view, changed, None, body.traceparent)
        elif value is not None:
            changes[place.key] = Gone(rows.encode(changed), message.seq, body.traceparent)

    def _take_along(
        self, key: str, message: LogMessage, body: _Body, at: At, changes: Changes
    ) -> None:
        if self.row(key, changes) is not None:
            marker = rows.encode(_value(message, body, at, None, None))
            changes[key] = Gone(marker, message.seq, body.traceparent)

    def _tell(
        self,
        view: View[Any],
        doc: Any,
        message: LogMessage,
        body: _Body,
        at: At,
        changes: Changes,
    ) -> None:
        """Let other rows hear of a document; one that stands still hears nothing."""
        for key, news in _told(view, doc, at):
            row = self.row(key.encode(), changes)
            if row is None or row.value.doc is None:
                continue
            value = row.value
            if value.stale is not None and value.stale.code in rows.FROZEN:
                continue
            heard = _heard(row.view, value.doc, news, at)
            if heard != value.doc:
                made = _value(message, body, at, value.stale, heard)
                changes[key.encode()] = Row(row.view, made, None, body.traceparent)

    def _freeze(self, place: _Place, value: Value, stale: Stale, changes: Changes) -> None:
        """Keep the row's last document, and count one event more that is not in it."""
        counted = msgspec.structs.replace(stale, count=stale.count + 1)
        frozen = msgspec.structs.replace(value, stale=counted)
        changes[place.key] = Row(place.view, frozen, None)

    def _since(self, message: LogMessage, otherwise: Any) -> Any:
        """Return the event's own time, as far as its envelope can be read."""
        try:
            return _BODY.decode(message.data).time or otherwise
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return otherwise


_OF_THE_RUNTIME: Final = (Parked, Unparked)


@functools.cache
def _decoder(shape: type[Event]) -> Callable[[msgspec.Raw], Any]:
    """Return what reads an event; to make it takes longer than to read many with it."""
    return msgspec.json.Decoder(shape).decode


def _handlers(view: View[Any]) -> dict[str, _Handler]:
    """Return what every registered event on the view's aggregate means to it."""
    return {
        f"{message.name}.v{message.version}": _Handler(
            _decoder(message.shape),
            message.shape in upcast.CHAIN,
            message.shape in view.ignores,
        )
        for message in _messages(view.service, view.aggregate)
    }


@functools.cache
def _messages(service: str, aggregate: str) -> tuple[registry.Message, ...]:
    return tuple(
        message
        for message in registry.EVENTS.values()
        if message.service == service and aggregate in message.aggregates
    )


def _read(message: LogMessage, handler: _Handler) -> tuple[_Body, Event]:
    try:
        body = _BODY.decode(message.data)
        event = handler.decode(body.data)
        return body, upcast.upcast(event) if handler.old else event
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(rows.UNREADABLE_EVENT) from error


def _folded(view: View[Any], doc: Any, event: Event, at: At) -> Any:
    fold = view.folds.get(type(event))
    if fold is None:
        raise Unreadable(rows.UNKNOWN_EVENT)
    try:
        return fold(doc, event, at)
    except Exception as error:  # a bug in one view must not stop the other rows
        log.exception("a view failed", extra={"kind": view.kind, "seq": at.seq})
        raise Unreadable(rows.UNFOLDABLE_EVENT) from error


def _told(view: View[Any], doc: Any, at: At) -> list[tuple[RowKey, Any]]:
    if view.tells is None:
        return []
    try:
        return list(view.tells(doc))
    except Exception as error:  # likewise
        log.exception("a view failed", extra={"kind": view.kind, "seq": at.seq})
        raise Unreadable(rows.UNFOLDABLE_EVENT) from error


def _heard(view: View[Any], doc: Any, news: Any, at: At) -> Any:
    if view.hears is None:
        return doc
    try:
        return view.hears(doc, news)
    except Exception as error:  # likewise
        log.exception("a view failed", extra={"kind": view.kind, "seq": at.seq})
        raise Unreadable(rows.UNFOLDABLE_EVENT) from error


def _value(message: LogMessage, body: _Body, at: At, stale: Stale | None, doc: Any) -> Value:
    return Value(
        seq=message.seq,
        event=body.id,
        time=at.time,
        command=body.correlationid,
        actor=body.actor,
        cause=body.causationid,
        stale=stale,
        doc=doc,
    )


def _empty(message: LogMessage) -> Value:
    """Return a value without a document, for an aggregate whose very first event is a bad one."""
    return Value(
        seq=message.seq,
        event="",
        time=of_nanoseconds(message.time_ns),
        command="",
        actor="",
        cause="",
        stale=None,
        doc=None,
    )


def _parked(stale: Stale | None, event: Parked | Unparked, at: At) -> Stale | None:
    """Return how many messages are set aside now; `since` and code are those of the first."""
    if isinstance(event, Parked):
        if stale is None:
            return Stale(since=at.time, code=event.reason, count=1)
        return msgspec.structs.replace(stale, count=stale.count + 1)
    if stale is None or stale.count <= 1:
        return None
    return msgspec.structs.replace(stale, count=stale.count - 1)
