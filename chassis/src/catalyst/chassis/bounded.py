"""What comes of another server's answer, held against a bound piece by piece.

Called by whoever asks a server that may send without an end.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

from typing_extensions import override

AHEAD_BYTES: Final = 64 * 1024
"""Read at once: Git's library asks for four bytes, then for a line of some fifty."""


def bound(answer: Any, came: Callable[[int], None]) -> None:
    """Tell `came` the size of each piece of an answer of urllib3; what it raises, reading raises.

    Pieces are taken as they come, so that nothing waits for those behind them.
    """
    answer.read = io.BufferedReader(_Pieces(answer, came), AHEAD_BYTES).read


class _Pieces(io.RawIOBase):
    def __init__(self, answer: Any, came: Callable[[int], None]) -> None:
        super().__init__()
        self._answer = answer
        self._came = came

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        data: bytes = self._answer.read1(len(buffer))
        self._came(len(data))
        buffer[: len(data)] = data
        return len(data)
