"""Puts the messages of the log back together into whole decisions.

What was decided together was written as one batch and is shown together. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from catalyst.projector.ports import LogMessage


class Whole(msgspec.Struct, gc=False):
    """Messages up to the end of a decision."""

    seq: int
    """Sequence of the last one."""
    events: list[LogMessage]
    """Those of them that are events; often none."""


class Assembler:
    """Remembers the decision that has begun and not ended."""

    def __init__(self, start: int) -> None:
        """Begin behind sequence `start`, where a decision ends."""
        self.seq = start
        """The end of the last whole decision."""
        self._batch: bytes | None = None
        self._events: list[LogMessage] = []
        self._last = start

    def take(self, messages: Iterable[LogMessage]) -> Iterator[Whole]:
        """Yield each decision that ends in these messages."""
        for message in messages:
            if self._batch is not None and message.batch != self._batch:
                # Its last message has expired, so it held no event: an event is never expired, and
                # where there is one, one stands last.
                yield self._end()
            self._batch = message.batch
            self._last = message.seq
            if message.subject.startswith("evt."):
                self._events.append(message)
            if message.commit or message.batch is None:
                yield self._end()

    def rest(self, head: int, *, whole: bool = False) -> Whole | None:
        """Return what is over because nothing follows up to `head`; None in mid-decision.

        The last messages of a decision without events may have expired, and it is over all the
        same. One with an event ends in an event, which does not expire: it is over only if the log
        has lost that.

        Args:
            head: Nothing is missing up to here.
            whole: Whether all messages were shown, so that nothing stands before `head`.
        """
        if (self._events and not (whole and head > self._last)) or head <= self.seq:
            return None
        self._last = head
        return self._end()

    def _end(self) -> Whole:
        self.seq = self._last
        events, self._events = self._events, []
        self._batch = None
        return Whole(self.seq, events)
