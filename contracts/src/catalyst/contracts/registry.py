"""Every message there is: its wire name, its shape, and where it may be addressed."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import runtime_v1
from catalyst.contracts.tables import billing, blueprint, catalog, environment, provisioning
from catalyst.contracts.tables.row import Message, Table

__all__ = [
    "BY_SHAPE",
    "BY_TYPE",
    "COMMANDS",
    "EVENTS",
    "MESSAGES",
    "RUNTIME_SHAPES",
    "SERVICES",
    "TABLES",
    "Message",
    "named",
]

TABLES: Final[tuple[Table, ...]] = (
    environment.TABLE,
    blueprint.TABLE,
    catalog.TABLE,
    provisioning.TABLE,
    billing.TABLE,
)
"""Each service's table. What the registry, roles, streams, permissions and members say of a service
comes from its row here."""

SERVICES: Final = tuple(table.service for table in TABLES)
"""Services that take commands; a command to another one gets no acknowledgement."""

MESSAGES: Final[tuple[Message, ...]] = tuple(
    message for table in TABLES for message in table.messages
)

BY_TYPE: Final[dict[str, Message]] = {message.type: message for message in MESSAGES}
COMMANDS: Final[dict[str, Message]] = {t: m for t, m in BY_TYPE.items() if m.kind == "command"}
EVENTS: Final[dict[str, Message]] = {t: m for t, m in BY_TYPE.items() if m.kind == "event"}

RUNTIME_SHAPES: Final[frozenset[type]] = frozenset(
    {
        runtime_v1.Retry,
        runtime_v1.Drop,
        runtime_v1.TakeAnswer,
        runtime_v1.Parked,
        runtime_v1.Unparked,
    }
)
"""Shapes that every service has under its own name."""

BY_SHAPE: Final[dict[type, Message]] = {
    message.shape: message for message in MESSAGES if message.shape not in RUNTIME_SHAPES
}
_RUNTIME: Final[dict[tuple[str, type], Message]] = {
    (message.service, message.shape): message
    for message in MESSAGES
    if message.shape in RUNTIME_SHAPES
}


def named(shape: type, service: str) -> Message:
    """Return the message that a shape is, to or of an aggregate of `service`."""
    if shape in RUNTIME_SHAPES:
        return _RUNTIME[service, shape]
    return BY_SHAPE[shape]
