"""An event loop whose clock goes on at once to when something is due, so that no test waits."""

import asyncio
import selectors
import time
from collections.abc import Mapping

from typing_extensions import override


class _Selector(selectors.DefaultSelector):
    """Does not wait for what is due later: it says that this much time has gone by."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        found = super().select(0)
        if not found:
            self.skipped += timeout
        return found


class SkippingLoop(asyncio.SelectorEventLoop):
    """For tests without sockets, threads or processes: nothing else can happen meanwhile."""

    def __init__(self) -> None:
        self._skipping = _Selector()
        super().__init__(self._skipping)

    @override
    def time(self) -> float:
        return time.monotonic() + self._skipping.skipped


def pytest_asyncio_loop_factories() -> Mapping[str, type[SkippingLoop]]:
    """For the conftest.py of a folder: each of its tests has such a loop."""
    return {"skipping": SkippingLoop}
