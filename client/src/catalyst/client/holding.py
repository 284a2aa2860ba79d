"""A watch whose first rows hold what its reader wrote.

For whoever has an outcome and goes on watching: a list that waits for a sequence tells nothing of
what another connection shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from catalyst.client.errors import Problem, TimedOut
from catalyst.client.rows import (
    Applied,
    Bye,
    Change,
    Heartbeat,
    Interrupted,
    Mirror,
    Put,
    Reset,
    Synced,
)

_LATE: Final = 504


async def held(
    changes: AsyncGenerator[Change, None], min_seq: int, *, timeout: float
) -> AsyncGenerator[Change, None]:
    """Yield what a watch brings, its first rows once this very stream shows them up to `min_seq`.

    They come as one snapshot; what the stream says of itself comes at once. A watch that began at a
    cursor has no first rows, so it is held from its beginning alone.

    Raises:
        Problem: 504 if the stream did not get there in time, with the sequence that it got to.
        TimedOut: If it showed nothing whole in that time.
    """
    mirror, reason, as_of = Mirror(), "start", 0
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    try:
        while not mirror.synced or as_of < min_seq:
            change = await asyncio.wait_for(anext(changes), end - loop.time())
            mirror.apply(change)
            match change:
                case Reset():
                    reason = change.reason
                case Synced() | Applied() | Heartbeat() if mirror.synced:
                    as_of = change.as_of
                case Bye() | Interrupted():
                    yield change
                case _:
                    pass
    except StopAsyncIteration:
        return
    except TimeoutError as late:
        if not mirror.synced:
            raise TimedOut("the rows did not come in time") from late
        told = f"the rows are at {as_of} and did not reach {min_seq} in time"
        raise Problem(_LATE, "timeout", told) from late
    yield Reset(reason=reason)
    for row in mirror.rows.values():
        yield Put(row=row)
    yield Synced(as_of=as_of)
    async for change in changes:
        yield change
