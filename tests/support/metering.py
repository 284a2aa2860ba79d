"""Use on a real broker: an Organization that is metered, and reporters that publish."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from tests.support import billing
from tests.support import usage as used

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import codec
from catalyst.contracts.message import Envelope, Event
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Ref
from catalyst.contracts.usage_v1 import USE_TYPE

AT_ONCE = 500


async def write(js: JetStream, *facts: tuple[Ref, Event]) -> None:
    """Write facts straight into the log, as if they had been decided."""
    for number, (ref, event) in enumerate(facts):
        message = named(type(event), ref.service)
        envelope = Envelope(
            specversion="1.0",
            id=f"_fact-{number}",
            source="test",
            type=message.type,
            time=datetime.now(UTC),
            organization=ref.organization,
            actor="service:billing",
            correlationid=f"_fact-{number}",
            causationid=f"_fact-{number}",
            data=msgspec.Raw(codec.encode(event)),
        )
        await js.publish(Outgoing(ref.event(message.name, 1), codec.encode(envelope)))


async def settle(js: JetStream, month: str) -> None:
    """Let `acme` have an account and a blog that is metered from a month on."""
    await write(
        js,
        billing.applied(billing.book(used.TEXT)),  # type: ignore[arg-type]
        billing.opened(),  # type: ignore[arg-type]
        used.started(month),  # type: ignore[arg-type]
    )


def message(id_: str, time: datetime, quantity: int = 1, **changes: Any) -> bytes:
    """Return a message of use of the blog."""
    tree = {
        "specversion": "1.0",
        "id": id_,
        "source": "meter",
        "type": USE_TYPE,
        "subject": "blog.acme-prod",
        "time": time.isoformat(),
        "data": {"meter": "tokens", "quantity": quantity},
    }
    return msgspec.json.encode({**tree, **changes})


async def report(js: JetStream, messages: Iterable[bytes], organization: str = "acme") -> None:
    """Publish messages of use, many at once; returns once all are stored."""
    waiting: Sequence[bytes] = list(messages)
    for start in range(0, len(waiting), AT_ONCE):
        await asyncio.gather(
            *(
                js.publish(Outgoing(f"use.{organization}.meter", body))
                for body in waiting[start : start + AT_ONCE]
            )
        )
