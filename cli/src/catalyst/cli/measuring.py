"""Where each member of a stack in one process says how it is and what it measures.

Members with processes of their own have such an address anyway. Here the one origin shows the
gateway's health and measurements, so every other member gets a port that answers nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from catalyst.chassis import app as process
from catalyst.chassis.app import Member

SHOWN: Final = frozenset({"/healthz", "/readyz", "/metrics"})


@asynccontextmanager
async def measuring(members: Mapping[str, Member]) -> AsyncIterator[dict[str, str]]:
    """Serve each member's health and measurements for the block; yields the addresses by name."""
    async with AsyncExitStack() as stack:
        found = {}
        for name, member in members.items():
            bound = process.listen("127.0.0.1", 0)
            serving = process.serving(_alone(member.app), bound, grace_seconds=1)
            found[name] = await stack.enter_async_context(serving)
        yield found


def _alone(app: ASGIApp) -> ASGIApp:
    """Answer what is of the process alone; everything else is for the one origin to admit."""
    missing = PlainTextResponse(f"only {', '.join(sorted(SHOWN))} are here\n", 404)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["path"] in SHOWN else missing)(scope, receive, send)

    return answer
