"""Requests to the HTTP door, repeated where that helps, and its problems as errors.

Used by `catalyst.client.http_transport`, `catalyst.client.reads` and `catalyst.client.watching`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
import msgspec

from catalyst.client.backoff import Backoff
from catalyst.client.errors import (
    ClientError,
    Malformed,
    Problem,
    TimedOut,
    Unreachable,
    shown_address,
)
from catalyst.contracts.message import FieldError

RETRY_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
"""For one try; a request that the door itself holds open gets its wait on top."""
HELD_SECONDS: Final = 3.0
"""For an answer that the door was asked to give when the time is over, to arrive: it says more than
that none came, and whoever is busy may be late with it."""
FIRST_CONTACT_SECONDS: Final = 2.0
"""How long somebody who was never there is waited for; who was there once is waited for longer."""
JSON: Final = "application/json"
PROBLEM_TYPE: Final = "application/problem+json"

Query = Mapping[str, str | int | None]


class _ProblemBody(msgspec.Struct, kw_only=True):
    title: str = ""
    detail: str = ""
    code: str = ""
    errors: tuple[FieldError, ...] = ()


class HttpCalls:
    """One origin, one token, one pool of connections."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        token: str | None,
        elsewhere: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Ask through `http`, whose base is the origin; `token` says who asks.

        Where a request goes unanswered, `elsewhere` says where the same origin is now, if it is no
        longer there; None: it is not known to be anywhere else.
        """
        self.http = http
        self._token = token
        self._elsewhere = elsewhere
        self._met = False

    @property
    def address(self) -> str:
        """Where the other side is, as it may be shown to a person."""
        return shown_address(str(self.http.base_url).rstrip("/"))

    def headers(self, more: Mapping[str, str | None], token: str | None = None) -> dict[str, str]:
        """Return the headers of a request; those that are None are left out."""
        found = {name: value for name, value in more.items() if value is not None}
        bearer = token or self._token
        if bearer:
            found["Authorization"] = f"Bearer {bearer}"
        return found

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: bytes | None = None,
        media_type: str = JSON,
        token: str | None = None,
        timeout: float = ANSWER_SECONDS,
        held_seconds: float = 0.0,
        hold: bool = False,
    ) -> httpx.Response:
        """Ask until there is a usable answer or `timeout` seconds are over.

        Args:
            method: Only for requests that may be repeated: reads, and commands with an id.
            path: Below the origin, already quoted.
            query: Parameters; those that are None are left out.
            headers: More headers; those that are None are left out.
            body: Of the request, if it has one.
            media_type: Of the body.
            token: Instead of the connection's.
            timeout: For all tries together.
            held_seconds: How long the door was asked to hold each try open. What it says then may
                arrive when the time is over.
            hold: Ask the door to hold each try open for as long as there is time, and to say then
                what it has come to.

        Raises:
            Problem: If the answer is a refusal.
            TimedOut: If the last try went unanswered.
            Unreachable: If nobody could be connected to.
        """
        began = _clock()
        waits = Backoff()
        sent = self.headers(headers or {}, token)
        if body is not None:
            sent["Content-Type"] = media_type
        while True:
            deadline = began + timeout
            left = deadline - _clock()
            late = HELD_SECONDS if held_seconds else 0.0
            one_try = max(0.1, min(ANSWER_SECONDS + held_seconds, left + late))
            if hold:
                held = max(0, round(min(left, ANSWER_SECONDS)))
                sent["Prefer"] = f"wait={held}"
                one_try = max(left, held) + HELD_SECONDS
            try:
                return await self._once(
                    method,
                    path,
                    query=query,
                    headers=sent,
                    body=body,
                    timeout=one_try,
                )
            except ClientError as error:
                if isinstance(error, Unreachable | TimedOut) and (address := self._elsewhere()):
                    self.http.base_url = address
                wait = waits.next(_asked_wait(error))
                if isinstance(error, Unreachable) and not self._met:
                    deadline = min(deadline, began + FIRST_CONTACT_SECONDS)
                if not may_retry(error) or _clock() + wait >= deadline:
                    raise
            await asyncio.sleep(wait)

    async def _once(
        self,
        method: str,
        path: str,
        *,
        query: Query | None,
        headers: dict[str, str],
        body: bytes | None,
        timeout: float,
    ) -> httpx.Response:
        params = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            response = await self.http.request(
                method,
                path,
                params=params,
                headers=headers,
                content=body,
                timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            )
        except httpx.HTTPError as error:
            said = transport_error(error, self.address)
            # Whoever took the question was there, though the answer did not come.
            self._met = self._met or not isinstance(said, Unreachable)
            raise said from error
        self._met = True
        if response.status_code >= 400:
            raise problem_of(response.status_code, response.headers, response.content)
        return response


def may_retry(error: ClientError) -> bool:
    """Return whether the same request may succeed later."""
    if isinstance(error, Problem):
        return error.status in RETRY_STATUSES
    return isinstance(error, Unreachable | TimedOut)


def transport_error(error: httpx.HTTPError | httpx.StreamError, address: str) -> ClientError:
    """Return what a failure below HTTP means for the caller, who asked at `address`."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
        return Unreachable(f"nobody answers at {address}")
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"no answer from {address} in time")
    return TimedOut(f"the connection to {address} broke before the answer was whole")


def problem_of(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """Return an answer of 400 and above as an error, whether or not it is a problem document."""
    found = _ProblemBody()
    if headers.get("content-type", "").partition(";")[0].strip() == PROBLEM_TYPE:
        try:
            found = msgspec.json.decode(body, type=_ProblemBody)
        except msgspec.MsgspecError:
            # A proxy may cut a body short; the status still says what to do.
            found = _ProblemBody(detail=f"status {status}, with a body that cannot be read")
    code = found.code or f"http-{status}"
    text = found.detail or found.title or f"status {status}"
    return Problem(
        status, code, text, found.errors, retry_after_seconds=_seconds(headers.get("retry-after"))
    )


def decode(raw: bytes, kind: Any) -> Any:
    """Decode an answer's body.

    Raises:
        Malformed: If it is not what this version of the protocol says.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise Malformed(f"the answer cannot be read: {error}") from error


def _asked_wait(error: ClientError) -> float:
    return (error.retry_after_seconds or 0.0) if isinstance(error, Problem) else 0.0


def _seconds(text: str | None) -> float | None:
    # Dates are allowed there, too; our doors send seconds.
    return float(text) if text and text.isascii() and text.isdigit() else None


def _clock() -> float:
    return asyncio.get_running_loop().time()
