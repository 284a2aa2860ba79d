"""Requests that two readers could take for different things are refused, at every door.

Of two headers a proxy may believe the first and a member the last. Used by gateway and projector.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from catalyst.chassis import problems

ONCE: Final = {
    name.lower().encode(): name
    for name in (
        "Authorization",
        "Content-Type",
        "Host",
        "Idempotency-Key",
        "Last-Event-ID",
    )
}
"""Headers that are no lists, and that something is decided by."""

_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,5})(?=$|[,;\s])")


def preferred_wait(request: Request) -> int | None:
    """Return for how many seconds a sender prefers to wait (RFC 7240); None: it does not say."""
    found = _WAIT.search(", ".join(request.headers.getlist("prefer")))
    return int(found[1]) if found else None


class Unambiguous:
    """Refuses a header that stands twice, and a body that is sent in a way nobody here undoes."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        refusal = _refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)


def _refusal(scope: Scope) -> Response | None:
    seen: set[bytes] = set()
    for name, value in scope["headers"]:
        if name in ONCE:
            if name in seen:
                return problems.response(
                    "invalid-header", f"the header {ONCE[name]} is there more than once"
                )
            seen.add(name)
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            # Of what follows it is not known how it is to be read, so the connection ends.
            return problems.response(
                "not-implemented",
                "the header Transfer-Encoding says something else than chunked",
                headers={"Connection": "close"},
            )
    return None
