"""Rows of the read model, watched until what the story waits for is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Put

WAIT_SECONDS: Final = 45.0

Doc = Mapping[str, Any]


async def until(
    door: HttpClient, organization: str, kinds: str, name: str, holds: Callable[[Doc], object]
) -> Doc:
    """Watch a row until something holds of it; what it was last if it does not in time."""
    last: Doc = {}
    watch = door.watch(kinds, name=name, organization=organization)
    try:
        async with asyncio.timeout(WAIT_SECONDS), aclosing(watch.changes()) as changes:
            async for change in changes:
                if isinstance(change, Put):
                    last = change.row.doc
                    if holds(last):
                        break
    except TimeoutError:
        # The proof that looks at it says what is missing.
        return last
    return last
