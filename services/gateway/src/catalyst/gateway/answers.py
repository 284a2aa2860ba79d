"""Answers of this door: JSON that is never cached, with how fresh it is."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from catalyst.contracts import codec


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON; bytes are sent as they are."""
    return Response(
        body if isinstance(body, bytes) else codec.encode(body),
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def fresh(as_of: int, head: int | None = None, log: str = "") -> dict[str, str]:
    """Return the headers that say how fresh a single object is: sequences of the log `log`."""
    found = {
        "Catalyst-As-Of": str(as_of),
        "Catalyst-Head": str(head if head is not None else as_of),
        "Catalyst-Lag-Ms": "0",
    }
    return found | ({"Catalyst-Log": log} if log else {})
