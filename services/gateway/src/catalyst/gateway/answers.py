"""Answers of this door: JSON that is never cached, with how fresh it is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
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


class Fresh(msgspec.Struct, frozen=True, kw_only=True):
    """How current an answer is."""

    as_of: int
    """Everything up to this sequence of the log is in it."""
    head: int
    """The newest sequence that this process knows of."""
    lag_ms: int
    """Age of the oldest event behind `as_of`; 0 if there is none."""
    log: str
    """Name of the log that both belong to."""


def fresh(found: Fresh) -> dict[str, str]:
    """Return the headers that say how fresh a single object is."""
    return {
        "Catalyst-As-Of": str(found.as_of),
        "Catalyst-Head": str(found.head),
        "Catalyst-Lag-Ms": str(found.lag_ms),
        "Catalyst-Log": found.log,
    }
