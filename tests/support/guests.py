"""Another service for tests: its events stand in the log, and nothing of it runs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
import pytest
from tests.support.crashes import FaultyBroker
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Ack, Outgoing, Stored
from catalyst.contracts import registry
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.contracts.tables.row import Message

THING = Ref("acme", "guest", "thing", "t")


class ThingMoved(Event, frozen=True, kw_only=True):
    """A thing of the guest moved."""

    by: int = 1


class ThingPainted(Event, frozen=True, kw_only=True):
    """A thing of the guest has another colour."""


class Thing(msgspec.Struct, frozen=True):
    """What the service under test makes of a guest's thing."""

    moved: int = 0


def evolve(state: Thing, event: Event) -> Thing:
    """Count how far it moved; its colour is nothing to us."""
    return Thing(state.moved + event.by) if isinstance(event, ThingMoved) else state


def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry know the guest's events, as its table would."""
    for name, shape in (("thing-moved", ThingMoved), ("thing-painted", ThingPainted)):
        message = Message(
            service="guest", name=name, version=1, kind="event", shape=shape, aggregates=("thing",)
        )
        monkeypatch.setitem(registry.EVENTS, message.type, message)


async def write(js: JetStream, fact: str = "thing-moved", ref: Ref = THING, **data: int) -> Ack:
    """Write one event of the guest's."""
    body = {
        "specversion": "1.0",
        "id": f"_{js.unique()}",
        "source": "guest",
        "type": f"guest.{fact}.v1",
        "data": data,
    }
    return await js.publish(Outgoing(ref.event(fact, 1), msgspec.json.encode(body)))


@dataclass
class Meanwhile(FaultyBroker):
    """Lets somebody act once, just before a decision is stored."""

    act: Callable[[], Awaitable[object]] | None = None
    before: str = ""
    """Word in the subject of one of the decision's messages; empty for the next one."""

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        if self.act is not None and any(self.before in item.subject for item in messages):
            act, self.act = self.act, None
            await act()
        return await super().batch(messages, timeout=timeout)


async def until_stored(js: JetStream, subject: str) -> list[Stored]:
    """Return what stands on a subject of the log, once there is something."""
    found: list[Stored] = []

    async def there() -> bool:
        found[:] = await js.replay("EV", subject)
        return bool(found)

    await until(there)
    return found


async def until_parked(js: JetStream, number: int = 1) -> None:
    """Wait until so many messages of aggregates of `acme` are parked."""

    async def there() -> bool:
        return len(await js.replay("EV", "evt.acme.*.*.*.parked.v1")) >= number

    await until(there)
