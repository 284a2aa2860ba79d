"""Work in a thread that ends when a test lets it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from tests.support.waiting import until


class Gate:
    """Holds up whoever passes, and counts them."""

    def __init__(self) -> None:
        """Begin closed."""
        self.passed = 0
        self._open = threading.Event()

    def before(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return `work`, behind this gate."""

        def held(*given: Any, **named: Any) -> Any:
            self.passed += 1
            assert self._open.wait(60)
            return work(*given, **named)

        return held

    async def given_up(self, ask: Callable[[], Any]) -> Any:
        """Ask, give up in the middle of it, ask again, and return what the second one is told."""
        first = asyncio.create_task(ask())
        try:
            await until(lambda: self.passed == 1)
            first.cancel()
            await asyncio.wait([first])
            assert first.cancelled()
            second = asyncio.create_task(ask())
            await asyncio.sleep(0)
        finally:
            self._open.set()
        return await second
