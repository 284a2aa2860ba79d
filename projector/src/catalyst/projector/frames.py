"""Server-sent events as bytes. Pure.

Every frame is made here. Names and ids are our own and hold no line break; data is JSON in one
line, in which every CR, LF and NUL is escaped.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder()
_BREAKS: Final = (b"\n", b"\r")


def one_line(raw: bytes) -> bytes:
    """Return JSON without line breaks between its tokens; inside strings it has none."""
    if any(item in raw for item in _BREAKS):
        return _ENCODER.encode(msgspec.json.decode(raw))
    return raw


def event(name: str, data: dict[str, Any]) -> bytes:
    """Return an event without an id."""
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), _ENCODER.encode(data))


def put(key: str, raw: bytes, coalesced: int, trace: str = "") -> bytes:
    """Return the event of a row; `coalesced` counts the values that were passed over."""
    more = b'"coalesced":%d,' % coalesced if coalesced else b""
    if trace:
        more += b'"traceparent":%b,' % _ENCODER.encode(trace)
    return b'event: put\ndata: {"key":"%b",%b"value":%b}\n\n' % (
        key.encode("ascii"),
        more,
        one_line(raw),
    )


def deleted(key: str, seq: int, marker: bytes, coalesced: int, trace: str = "") -> bytes:
    """Return the event of a row that is gone; `marker` is what its deletion says, maybe nothing."""
    data: dict[str, Any] = {"key": key, "seq": seq}
    if marker:
        said = msgspec.json.decode(marker, type=dict[str, Any])
        data |= {
            name: said[name]
            for name in ("event", "time", "command", "actor", "cause")
            if name in said
        }
    if coalesced:
        data["coalesced"] = coalesced
    if trace:
        data["traceparent"] = trace
    return event("del", data)


def left(key: str, seq: int) -> bytes:
    """Return the event of a row that is still there and no longer matches the filter."""
    return event("del", {"key": key, "seq": seq, "left": True})


def identified(cursor: str, frame: bytes) -> bytes:
    """Return a frame with its id."""
    return b"id: %b\n%b" % (cursor.encode("ascii"), frame)


def retry(milliseconds: int) -> bytes:
    """Return how long a browser waits before it connects again."""
    return b"retry: %d\n\n" % milliseconds
