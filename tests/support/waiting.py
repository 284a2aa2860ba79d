"""Waiting for what is to come about, with a deadline and without a guess at how long it takes."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Final

LONGEST_PAUSE: Final = 0.05
"""In seconds; reached after a third of one."""


async def until(
    condition: Callable[[], bool | Awaitable[bool]], seconds: float = 60.0, pause: float = 0.01
) -> None:
    """Return as soon as `condition` holds; it is looked at every `pause` seconds, later less often.

    Each look may be a question to a broker that is shared, so the pause grows to `LONGEST_PAUSE`.

    Raises:
        TimeoutError: If it does not within `seconds`.
    """
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(pause)
            pause = max(pause, min(pause * 1.2, LONGEST_PAUSE))
