"""The log's events as the HTTP door shows them.

Part of `catalyst.client.http_transport.HttpClient`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypedDict

import msgspec

from catalyst.client.rows import Reset
from catalyst.client.sse import ServerEvent
from catalyst.client.watching import Control, control_of, decoded

START: Final = "start"
"""How a stream that goes on where it was, or begins where it was asked to, says that it stands."""


class EventFilter(TypedDict, total=False):
    """Which events; what is left out is not filtered by."""

    organization: str | None
    type: str | None
    """Wire name."""
    aggregate: str | None
    """Kind of thing that it happened to."""
    id: str | None
    """That thing's natural key."""
    command: str | None
    """Id of the command that all of it began with."""
    since: datetime | None
    after: int | None
    """Sequence behind which to begin."""
    limit: int | None


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the log, with its provenance."""

    seq: int
    time: datetime
    type: str
    id: str
    organization: str | None
    aggregate: str
    aggregate_id: str
    service: str = ""
    actor: str = ""
    correlationid: str = ""
    causationid: str = ""
    data: Any = None


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some events, oldest first, and where the next ones begin."""

    items: tuple[LoggedEvent, ...]
    as_of: int = 0
    """How far the log was looked through."""
    head: int = 0
    next: int | None = msgspec.field(name="continue", default=None)
    """Sequence to go on behind; None at the end."""


_SHAPES: Final = {"event": LoggedEvent}


def event_of(event: ServerEvent) -> LoggedEvent | Control | None:
    """Return what an event of the log's stream says; None for an unknown name.

    Raises:
        Malformed: If an event that we know is not what it should be.
    """
    if event.name == START:
        return Reset(reason=START)
    found: LoggedEvent | None = decoded(event, _SHAPES)
    return control_of(event) if found is None else found


def event_parameters(asked: EventFilter) -> dict[str, str | int | None]:
    """Return a filter as the parameters of a request."""
    since = asked.get("since")
    return {
        "organization": asked.get("organization"),
        "type": asked.get("type"),
        "aggregate": asked.get("aggregate"),
        "id": asked.get("id"),
        "command": asked.get("command"),
        "since": None if since is None else since.isoformat(),
        "continue": asked.get("after"),
        "limit": asked.get("limit"),
    }
