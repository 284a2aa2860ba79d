"""Server-sent events, read as the HTML standard says; pure.

Three things go wrong elsewhere and are pinned here: a lone CR ends a line, a CRLF may fall between
two chunks, and only U+000D and U+000A end lines (U+0085, U+2028 and U+2029 are text).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final

import msgspec

from catalyst.client.errors import Malformed

MAX_EVENT_CHARACTERS: Final = 16 * 1024 * 1024
"""A frame holds one row of the read model; far more than any is a broken sender."""


class ServerEvent(msgspec.Struct, frozen=True):
    """One dispatched event."""

    name: str
    """`message` where the sender gave none."""
    data: str
    last_id: str
    """The last id that stood in the stream up to here; empty if there was none."""


class SseParser:
    """Turns the bytes of one response into events; bytes may be cut anywhere."""

    def __init__(self, last_id: str = "") -> None:
        """Start a response that continues after `last_id`."""
        self.last_id = last_id
        self.retry_seconds: float | None = None
        """What the sender asked to wait before reconnecting, if it did."""
        self.own_id = False
        """Whether the event that was yielded last brought an id of its own."""
        self._named_id = False
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._started = False
        self._after_cr = False
        self._line: list[str] = []
        self._size = 0
        self._pending_id = last_id
        self._name = ""
        self._data: list[str] = []

    def forget_id(self) -> None:
        """Drop the id seen so far: what follows no longer continues from there."""
        self.last_id = self._pending_id = ""

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Yield the events that `chunk` completes. An event without its blank line never comes.

        Raises:
            Malformed: If one event is larger than any sender of ours makes.
        """
        text = self._decoder.decode(chunk)
        if text and not self._started:
            self._started = True
            text = text.removeprefix("\ufeff")
        for line in self._lines(text):
            event = self._take_line(line)
            if event is not None:
                yield event

    def _lines(self, text: str) -> Iterator[str]:
        start = 0
        if self._after_cr and text:
            self._after_cr = False
            if text[0] == "\n":
                start = 1
        while True:
            end = _line_end(text, start)
            if end < 0:
                break
            self._grow(end - start)
            yield self._finish_line(text[start:end])
            if text[end] == "\r":
                if end + 1 == len(text):
                    self._after_cr = True
                elif text[end + 1] == "\n":
                    end += 1
            start = end + 1
        self._keep(text[start:])

    def _finish_line(self, rest: str) -> str:
        if not self._line:
            return rest
        self._line.append(rest)
        line = "".join(self._line)
        self._line.clear()
        return line

    def _keep(self, rest: str) -> None:
        if rest:
            self._line.append(rest)
            self._grow(len(rest))

    def _grow(self, characters: int) -> None:
        self._size += characters
        if self._size > MAX_EVENT_CHARACTERS:
            raise Malformed(f"an event has more than {MAX_EVENT_CHARACTERS} characters")

    def _take_line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id":
            if "\0" not in value:
                self._pending_id = value
                self._named_id = True
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_seconds = int(value) / 1000
        return None

    def _dispatch(self) -> ServerEvent | None:
        self._size = 0
        self.last_id = self._pending_id
        self.own_id, self._named_id = self._named_id, False
        name, data = self._name, self._data
        self._name, self._data = "", []
        if not data:
            return None
        return ServerEvent(name or "message", "\n".join(data), self.last_id)


def _line_end(text: str, start: int) -> int:
    """Return the index of the next CR or LF, or -1."""
    lf = text.find("\n", start)
    cr = text.find("\r", start, lf if lf >= 0 else len(text))
    return cr if cr >= 0 else lf
