"""What a service's table is made of: its messages, who may send them, who reads, who reacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from catalyst.contracts import runtime_v1 as run1
from catalyst.contracts.message import Command, Event

Sender = Literal["anyone", "services", "runtime"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one message."""

    service: str
    name: str
    """The verb of a command, the fact of an event."""
    version: int
    kind: Literal["command", "event"]
    shape: type[Command] | type[Event]
    aggregates: tuple[str, ...]
    """Aggregates that it may be addressed to."""
    sent_by: Sender = "anyone"
    """Who may send the command: anyone with the role, or services alone."""

    @property
    def type(self) -> str:
        """The wire name."""
        return f"{self.service}.{self.name}.v{self.version}"

    @property
    def summary(self) -> str:
        """What it means, in one line."""
        return (self.shape.__doc__ or "").strip().splitlines()[0]


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """A durable of a process manager or of an effect."""

    name: str
    filters: tuple[str, ...]
    """Subjects of the events that it hears."""


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A durable on a stream that no service orders: `FACTS` or `USE`."""

    name: str
    stream: str
    filters: tuple[str, ...]
    """Subjects of the messages that it hears."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """All of one service. A released row is never removed."""

    service: str
    """Its name in subjects, and its user at the broker."""
    member: str
    """The deployable that works for it."""
    aggregates: tuple[str, ...]
    messages: tuple[Message, ...]
    command_roles: Mapping[str, frozenset[str]]
    """Verb of each command that people send, with the roles that may."""
    service_commands: Mapping[str, frozenset[str]] = {}
    """Verb of each command that services send, with the services that may."""
    reads_everywhere: Mapping[str, frozenset[str]] = {}
    """Kinds of rows that a platform role reads in every Organization."""
    reads_platform: Mapping[str, frozenset[str]] = {}
    """Kinds of rows that a platform role reads where no Organization owns them, nowhere else."""
    reads_own: Mapping[str, frozenset[str]] = {}
    """Kinds of rows that a role of an Organization reads in that Organization."""
    service_reads: Mapping[str, frozenset[str]] = {}
    """Kinds of aggregates whose history a service is shown, in every Organization."""
    reactions: tuple[Reaction, ...] = ()
    sources: tuple[Feed, ...] = ()
    """What it hears from streams that no service orders."""
    content: Literal["", "reads", "writes"] = ""
    """What it does with the content of Blueprints in the object store."""
    asks: tuple[str, ...] = ()
    """Services whose queries it asks."""


class Rows:
    """Makes the rows of one service's messages."""

    def __init__(self, service: str) -> None:
        """Make rows for `service`."""
        self._service = service

    def commands(
        self,
        aggregate: str | Sequence[str],
        *rows: tuple[str, type[Command]],
        sent_by: Sender = "anyone",
        version: int = 1,
    ) -> Iterable[Message]:
        """Yield one row for each command to these aggregates."""
        for name, shape in rows:
            yield self._row(aggregate, name, shape, "command", version, sent_by)

    def events(
        self, aggregate: str | Sequence[str], *rows: tuple[str, type[Event]], version: int = 1
    ) -> Iterable[Message]:
        """Yield one row for each event of these aggregates."""
        for name, shape in rows:
            yield self._row(aggregate, name, shape, "event", version, "anyone")

    def runtime(self, aggregates: Sequence[str]) -> Iterable[Message]:
        """Yield what every aggregate of every service takes and writes."""
        yield from self.commands(aggregates, ("retry", run1.Retry), ("drop", run1.Drop))
        yield from self.commands(aggregates, ("take-answer", run1.TakeAnswer), sent_by="services")
        yield from self.events(aggregates, ("parked", run1.Parked), ("unparked", run1.Unparked))

    def _row(
        self,
        aggregate: str | Sequence[str],
        name: str,
        shape: Any,
        kind: Any,
        version: int,
        sent_by: Sender,
    ) -> Message:
        return Message(
            service=self._service,
            name=name,
            version=version,
            kind=kind,
            shape=shape,
            aggregates=(aggregate,) if isinstance(aggregate, str) else tuple(aggregate),
            sent_by=sent_by,
        )
