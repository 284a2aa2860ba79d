"""Reads the broker's text protocol for a link: messages of taps at once, all else as nats-py does.

nats-py's parser matches up to seven patterns for each message and cuts its buffer twice, which was
two fifths of all that a projector did. Here a chunk from the socket is walked once. Used by
`catalyst.chassis.jetstream.link`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from nats.errors import ProtocolError
from nats.protocol.parser import MAX_CONTROL_LINE_SIZE, Parser
from typing_extensions import override

from catalyst.chassis.errors import unquoted
from catalyst.chassis.jetstream import wire

log = logging.getLogger(__name__)

_CRLF: Final = b"\r\n"
_HEADERS: Final = b"HMSG "
_PLAIN: Final = b"MSG "

Tap = Callable[[wire.Raw], None]
"""Takes one message in the read loop: must be quick and must not raise."""
Deliver = Callable[[int, bytes, bytes, bytes, Any], Awaitable[None]]
"""Takes a message of a subscription without a tap: number, subject, reply, data, headers."""


class QuickParser(Parser):
    """Walks what arrived; what is not whole yet waits for the next chunk."""

    def __init__(self, client: Any, taps: Mapping[int, Tap], deliver: Deliver) -> None:
        """Hand messages to `taps` by the number of their subscription, others to `deliver`."""
        super().__init__(client)
        self._taps = taps
        self._deliver = deliver
        self._rest = b""

    @override
    def reset(self) -> None:
        super().reset()
        self._rest = b""

    @override
    async def parse(self, data: bytes = b"") -> None:
        buffer = self._rest + data if self._rest else bytes(data)
        at, size = 0, len(buffer)
        taps = self._taps
        try:
            while at < size:
                end = buffer.find(_CRLF, at)
                if end < 0:
                    if size - at > MAX_CONTROL_LINE_SIZE:
                        raise ProtocolError("nats: a control line without an end")
                    return
                if buffer.startswith(_HEADERS, at):
                    words = buffer[at + 5 : end].split()
                    head = int(words[-2])
                elif buffer.startswith(_PLAIN, at):
                    words = buffer[at + 4 : end].split()
                    head = 0
                else:
                    line = buffer[at : end + 2]
                    at = end + 2
                    await super().parse(line)
                    continue
                sid, start = int(words[1]), end + 2
                after = start + int(words[-1])
                if after + 2 > size:
                    return
                headers = buffer[start : start + head] if head else None
                body = buffer[start + head : after]
                reply = words[2] if len(words) == (5 if head else 4) else b""
                at = after + 2
                take = taps.get(sid)
                if take is None:
                    await self._deliver(sid, words[0], reply, body, headers)
                    continue
                try:
                    take(wire.Raw(words[0], reply, headers, body))
                except Exception as error:  # noqa: BLE001 - logged below
                    # Otherwise the read loop would end, and nothing would ever arrive again. A
                    # puller catches its own and doubts; a call that misses its answer ends in time.
                    log.error("a tap failed", extra=unquoted(error))  # noqa: TRY400
        except (ValueError, IndexError) as error:
            raise ProtocolError("nats: malformed MSG") from error
        finally:
            self._rest = buffer[at:]
