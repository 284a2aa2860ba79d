"""Finds what the log has lost, by what is still there and tells of it. Pure.

Outcomes, checks, claims with an end, timers and older snapshots leave the log by themselves, an
event never does. Four things tell of an event that is gone:

- an event carries the guard under which it was written: the sequence of its aggregate's event
  before it;
- one without a guard follows another of its own decision, directly;
- a batch with an event ends in an event, which says that it is the last;
- while it lasts, an outcome says how many events were written with it, and so where they stand.

A row tells as well: it names the event that changed it last. Each of them holds whoever crashed,
retried or was parked, so none is ever found where nothing is missing. Used by the refold, the check
and the doctor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from typing_extensions import override

from catalyst.projector.ports import ELSEWHERE, LogMessage, LogReader

READ_SECONDS: Final = 0.5


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is gone."""

    seq: int
    """Where it stood, or the first place at which it can have stood."""
    aggregate: str
    """Whose it was; empty if nothing says so."""
    told_by: str
    """What shows it."""

    @override
    def __str__(self) -> str:
        """Return it in words."""
        of = f" of {self.aggregate}" if self.aggregate else ""
        return f"the log lost messages: the event at {self.seq}{of} is gone, {self.told_by}"


class _Counts(msgspec.Struct):
    counts: dict[str, int] = {}


_COUNTS: Final = msgspec.json.Decoder(_Counts)


class _Row(msgspec.Struct):
    seq: int


_ROW: Final = msgspec.json.Decoder(_Row)


def seq_of(raw: bytes) -> int | None:
    """Return the event that changed a row last; None for a row that cannot be read."""
    try:
        return _ROW.decode(raw).seq
    except msgspec.MsgspecError:
        return None


class Holes:
    """Is shown every message of a log from its first one on, in order, none left out."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._found: dict[int, Hole] = {}
        self._named: dict[int, str] = {}
        """Key of a row by the event that changed it last, as long as that was not shown."""
        self._last: dict[str, int] = {}
        """Sequence of each aggregate's last event."""
        self._owed: deque[tuple[int, range]] = deque()
        """Where an outcome says that events stand, not yet reached; with the outcome's place."""
        self._open: bytes | None = None
        """The batch that holds an event and has not ended."""
        self._seq = 0
        """Of the last message."""

    @property
    def first(self) -> Hole | None:
        """The first event that is known to be gone."""
        return self._found[min(self._found)] if self._found else None

    def watch(self, rows: Mapping[str, bytes]) -> None:
        """Look also for the events from which rows of this log were made; before any message."""
        for key, raw in rows.items():
            seq = seq_of(raw)
            if seq is not None:
                self._named.setdefault(seq, key)

    def take(self, messages: Iterable[LogMessage]) -> None:
        """Look at the next messages."""
        for message in messages:
            if self._open is not None and message.batch != self._open:
                self._unended()
            self._reach(message.seq)
            if message.subject.startswith("evt."):
                self._event(message)
            elif message.subject.startswith("done.") and b'"evt"' in message.data:
                self._outcome(message)
            if message.commit:
                self._open = None
            self._seq = message.seq

    def rest(self, head: int) -> None:
        """Take into account that there is nothing behind the last message up to `head`."""
        if head > self._seq:
            if self._open is not None:
                self._unended()
            self._reach(head + 1)

    def expect(self, upto: int) -> None:
        """Take into account that every event up to `upto` was shown: rows may name no other."""
        for seq, key in sorted(self._named.items()):
            if seq <= upto:
                self._note(seq, "", f"and the row {key} was made from it")

    def _event(self, message: LogMessage) -> None:
        seq, guard = message.seq, message.guard
        # Of what is no event, and stands there all the same, a subject may end in any way.
        path = ".".join(message.subject.split(".", 5)[1:5])
        before = self._last.get(path, 0)
        if guard is None:
            if message.batch is not None and self._seq < seq - 1:
                self._note(seq - 1, "", f"and that at {seq} follows it in the same decision")
        elif guard != ELSEWHERE and before < guard < seq:
            self._note(guard, path, f"and that at {seq} was written as the next one")
        self._last[path] = seq
        self._named.pop(seq, None)
        if message.batch is not None:
            self._open = message.batch

    def _outcome(self, message: LogMessage) -> None:
        try:
            counts = _COUNTS.decode(message.data).counts
        except msgspec.MsgspecError:
            return
        events = counts.get("evt", 0)
        if events:
            # They stand behind all else that the decision wrote, the outcome first.
            end = message.seq + 1 + sum(counts.values())
            self._owed.append((message.seq, range(end - events, end)))

    def _reach(self, seq: int) -> None:
        """Note what an outcome says that stands before `seq` and was not shown."""
        while self._owed and self._owed[0][1].start <= seq:
            outcome, places = self._owed.popleft()
            if places.start < seq:
                self._note(places.start, "", f"and the outcome at {outcome} says that it was there")
            if seq + 1 < places.stop:
                self._owed.appendleft((outcome, range(seq + 1, places.stop)))

    def _unended(self) -> None:
        after = self._seq + 1
        self._note(after, "", f"or one behind it: the decision of that at {self._seq} has no end")
        self._open = None

    def _note(self, seq: int, aggregate: str, told_by: str) -> None:
        known = self._found.get(seq)
        if known is None or (aggregate and not known.aggregate):
            self._found[seq] = Hole(seq=seq, aggregate=aggregate, told_by=told_by)


async def look(reader: LogReader, holes: Holes, upto: int) -> None:
    """Show `holes` the log up to `upto`, from a reader that leaves nothing out.

    Raises:
        Doubt: If something may have been missed: begin again.
    """
    seen = 0
    while seen < upto:
        messages = await reader.read(timeout=READ_SECONDS)
        holes.take(messages)
        if messages:
            seen = messages[-1].seq
        else:
            seen = max(seen, reader.head)
            holes.rest(seen)
    holes.expect(upto)
