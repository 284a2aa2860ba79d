"""Reading the read model and the log over HTTP: one object, pages, queries, the causal chain.

Part of `catalyst.client.http_transport.HttpClient`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import quote

import msgspec

from catalyst.client.errors import Malformed
from catalyst.client.events import EventFilter, EventPage, event_parameters
from catalyst.client.http_calls import ANSWER_SECONDS, HttpCalls, decode
from catalyst.client.rows import Freshness, Page, Row, row_of
from catalyst.contracts.subjects import PLATFORM

AS_OF: Final = "catalyst-as-of"
HEAD: Final = "catalyst-head"
LAG: Final = "catalyst-lag-ms"
LOG: Final = "catalyst-log"


class Filter(TypedDict, total=False):
    """Which rows; what is left out is not filtered by."""

    organization: str | None
    environment: str | None
    label: str | None
    """Such as `tier=sme,kind!=internal`."""
    field: str | None
    """Such as `phase=ready`."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a service said to a question."""

    as_of: int = 0
    """Sequence of the log that it looked at."""
    result: Any = None


class _Item(msgspec.Struct, kw_only=True):
    key: str
    value: msgspec.Raw


class _List(msgspec.Struct, kw_only=True):
    items: tuple[_Item, ...]
    as_of: int = 0
    head: int = 0
    lag_ms: int = 0
    log: str = ""
    cursor: str = ""
    next: str | None = msgspec.field(name="continue", default=None)


class Reads:
    """What can be read over HTTP."""

    def __init__(self, calls: HttpCalls) -> None:
        """Read through `calls`."""
        self.calls = calls
        """The connections and the token, for whatever else the origin serves."""

    async def get(
        self,
        kind: str,
        name: str,
        *,
        min_seq: int | None = None,
        log: str | None = None,
        timeout: float = ANSWER_SECONDS,
        **where: Unpack[Filter],
    ) -> tuple[Row, Freshness]:
        """Read one row; `kind` is the plural, such as `organizations`.

        With `min_seq`, an outcome's sequence, the answer holds everything up to it; `log` is the
        outcome's log.

        Raises:
            Problem: 404 if there is none to see, 504 if `min_seq` was not reached in time, with the
                sequence that was, 409 if it belongs to another log.
            TimedOut: If the answer did not come in time.
            Unreachable: If nobody answers.
        """
        path = f"/v1/state/{quote(kind, safe=',')}/{quote(name, safe='')}"
        query = {"min_seq": min_seq, "log": log, **parameters(where)}
        response = await self.calls.ask(
            "GET", path, query=query, timeout=timeout, hold=min_seq is not None
        )
        item = decode(response.content, _Item)
        return row_of(item.key, item.value), _freshness(response.headers)

    async def list(
        self,
        kinds: str,
        *,
        limit: int | None = None,
        continue_at: str | None = None,
        min_seq: int | None = None,
        log: str | None = None,
        timeout: float = ANSWER_SECONDS,
        **where: Unpack[Filter],
    ) -> Page:
        """Read one page of rows of some kinds (plurals with commas, or `all`).

        Raises:
            Problem: As with `get`.
            TimedOut: If the answer did not come in time.
            Unreachable: If nobody answers.
        """
        query = {
            "limit": limit,
            "continue": continue_at,
            "min_seq": min_seq,
            "log": log,
            **parameters(where),
        }
        path = f"/v1/state/{quote(kinds, safe=',')}"
        response = await self.calls.ask(
            "GET", path, query=query, timeout=timeout, hold=min_seq is not None
        )
        found = decode(response.content, _List)
        fresh = Freshness(as_of=found.as_of, head=found.head, lag_ms=found.lag_ms, log=found.log)
        rows = tuple(row_of(item.key, item.value) for item in found.items)
        return Page(rows=rows, fresh=fresh, next=found.next or "", cursor=found.cursor)

    async def pages(
        self,
        kinds: str,
        *,
        limit: int | None = None,
        min_seq: int | None = None,
        log: str | None = None,
        timeout: float = ANSWER_SECONDS,
        **where: Unpack[Filter],
    ) -> AsyncIterator[Page]:
        """Read every page, in the order of the keys; `timeout` is for each."""
        after: str | None = None
        while True:
            page = await self.list(
                kinds,
                limit=limit,
                continue_at=after,
                min_seq=min_seq,
                log=log,
                timeout=timeout,
                **where,
            )
            yield page
            if not page.next:
                return
            if page.next == after:
                raise Malformed("the list goes round in a circle")
            after = page.next

    async def events(self, **asked: Unpack[EventFilter]) -> EventPage:
        """Read one page of the log's events, oldest first."""
        response = await self.calls.ask("GET", "/v1/events", query=event_parameters(asked))
        page: EventPage = decode(response.content, EventPage)
        return page

    async def query(
        self,
        service: str,
        name: str,
        data: Mapping[str, Any],
        *,
        organization: str | None,
        version: int = 1,
    ) -> Answered:
        """Ask a service something that needs its rules, such as the plan of a deletion."""
        response = await self.calls.ask(
            "POST",
            f"/v1/queries/{quote(service, safe='')}/{quote(name, safe='')}",
            query={
                "organization": PLATFORM if organization is None else organization,
                "version": version,
            },
            body=msgspec.json.encode(data),
        )
        answered: Answered = decode(response.content, Answered)
        return answered

    async def read(self, path: str, **query: str | int | None) -> Any:
        """Read any other document of the door, such as `/v1/trace/<command>`, as plain JSON."""
        return decode((await self.calls.ask("GET", path, query=query)).content, Any)


def parameters(where: Filter) -> dict[str, str | int | None]:
    """Return a filter as the parameters of a request."""
    return {
        "organization": where.get("organization"),
        "environment": where.get("environment"),
        "label": where.get("label"),
        "field": where.get("field"),
    }


def _freshness(headers: Mapping[str, str]) -> Freshness:
    try:
        return Freshness(
            as_of=int(headers[AS_OF]),
            head=int(headers[HEAD]),
            lag_ms=int(headers[LAG]),
            log=headers.get(LOG, ""),
        )
    except (KeyError, ValueError) as error:
        raise Malformed("the answer does not say how fresh it is") from error
