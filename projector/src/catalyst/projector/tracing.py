"""The end of a trace: the row that is written, and the moment at which readers are told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from catalyst.chassis.telemetry import Telemetry

MAX_REMEMBERED: Final = 10_000
"""Rows written and not yet shown by this process; another one may show them."""


class Traced(NamedTuple):
    """A row that a traced command changed."""

    key: str
    seq: int
    """Sequence of the event that changed it."""
    traceparent: str


class Tracing:
    """Makes the spans of the read side; costs nothing where nothing is recorded."""

    def __init__(self, telemetry: Telemetry) -> None:
        """Record with `telemetry`."""
        self._telemetry = telemetry
        self._written: dict[tuple[int, str], str] = {}
        """By sequence and key: one decision may change several rows."""

    @contextmanager
    def writing(self, rows: Iterable[Traced]) -> Iterator[None]:
        """Record one span for each row while the block writes them."""
        if not self._telemetry.recording:
            yield
            return
        with ExitStack() as spans:
            for row in rows:
                below = spans.enter_context(
                    self._telemetry.span(
                        "write row", row.traceparent, {"key": row.key, "seq": row.seq}
                    )
                )
                self._written[row.seq, row.key] = below
            yield
        while len(self._written) > MAX_REMEMBERED:
            del self._written[next(iter(self._written))]

    def shown(self, key: str, seq: int, streams: int) -> str:
        """Record that a row is visible, and how many streams are told of changes.

        Returns the `traceparent` for the frames that tell of it; empty if it is not traced.
        """
        below = self._written.pop((seq, key), None)
        if below is None:
            return ""
        span = self._telemetry.span("show row", below, {"key": key, "streams": streams})
        with span as traceparent:
            return traceparent
