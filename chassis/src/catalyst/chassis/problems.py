"""Refusals of an HTTP door as problem documents (RFC 9457), with the registered codes.

Used by the gateway and the projector. `HANDLERS` goes to Starlette: then a door only raises.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream.port import BrokerError, TooLarge
from catalyst.chassis.tokens import BadToken
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import CODES, Rejected

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:catalyst:problem:"

_BY_STATUS: Final[Mapping[int, str]] = {
    400: "invalid-query",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    429: "rate-limited",
    501: "not-implemented",
    503: "unavailable",
    504: "timeout",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The document, as it is sent."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


def document(code: str, detail: str, errors: Iterable[FieldError] = ()) -> Problem:
    """Return the document of a registered code."""
    known = CODES[code]
    return Problem(
        type=TYPE_PREFIX + code,
        title=known.meaning,
        status=known.status,
        code=code,
        detail=detail,
        errors=tuple(errors),
    )


def response(
    code: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer with the status that the code stands for; never cached."""
    found = document(code, detail, errors)
    sent = {"Cache-Control": "no-store", **(headers or {})}
    if found.status == 401:
        sent.setdefault("WWW-Authenticate", 'Bearer realm="catalyst"')
    if found.status in {429, 503}:
        sent.setdefault("Retry-After", str(CODES[code].wait_seconds))
    return Response(
        msgspec.json.encode(found), status_code=found.status, headers=sent, media_type=MEDIA_TYPE
    )


def of_rejection(refusal: Rejected) -> Response:
    """Return the answer for a rule that refuses."""
    return response(refusal.code, refusal.message, refusal.errors)


def of_undecodable(error: Undecodable) -> Response:
    """Return the answer for bytes that are no message; its place is named if it is known."""
    place = FieldError(pointer=error.pointer, rule=error.rule, message=error.sentence)
    found = (place,) if error.pointer or error.rule != error.code else ()
    return response(error.code, error.message, found)


def of_broker(error: BrokerError) -> Response:
    """Return the answer for a call that the broker did not carry out."""
    if isinstance(error, TooLarge):
        return response("too-large", error.description)
    # What the broker said is for the log: it may name streams and subjects.
    log.warning("broker call failed", extra={"error": str(error)})
    return response("unavailable", "the broker does not answer as it should")


def of_status(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer for a plain HTTP status, such as the router's 404 and 405."""
    if status < 400:
        return Response(status_code=status, headers=dict(headers or {}))
    code = _BY_STATUS.get(status, "internal" if status >= 500 else "invalid-query")
    return response(code, detail, headers=headers)


async def _rejected(_request: Request, error: Exception) -> Response:
    return of_rejection(cast(Rejected, error))


async def _undecodable(_request: Request, error: Exception) -> Response:
    return of_undecodable(cast(Undecodable, error))


async def _broker(_request: Request, error: Exception) -> Response:
    return of_broker(cast(BrokerError, error))


async def _bad_token(_request: Request, error: Exception) -> Response:
    challenge = 'Bearer realm="catalyst", error="invalid_token"'
    return response("unauthenticated", str(error), headers={"WWW-Authenticate": challenge})


async def _later(_request: Request, error: Exception) -> Response:
    wait = max(CODES["unavailable"].wait_seconds, round(cast(Retry, error).after_seconds))
    return response("unavailable", str(error), headers={"Retry-After": str(wait)})


async def _http(_request: Request, error: Exception) -> Response:
    found = cast(HTTPException, error)
    return of_status(found.status_code, found.detail, found.headers)


async def _gone(_request: Request, _error: Exception) -> Response:
    # Whoever asked left before the body was there, or the answer: nothing failed, and nobody
    # reads this.
    return Response(status_code=400)


async def _unexpected(_request: Request, _error: Exception) -> Response:
    # It goes on from here to whoever serves, and is logged there (`app.py`).
    return response("internal", "the request could not be answered; the failure was logged")


HANDLERS: Final[Mapping[Any, Any]] = {
    Rejected: _rejected,
    Undecodable: _undecodable,
    BadToken: _bad_token,
    BrokerError: _broker,
    Retry: _later,
    HTTPException: _http,
    ClientDisconnect: _gone,
    Exception: _unexpected,
}
"""For `Starlette(exception_handlers=…)`: every refusal that our code raises, and what is left."""
