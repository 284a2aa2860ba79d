"""One input of a lane, whatever it was on the wire: a command, an event, a firing, an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from catalyst.chassis.jetstream.port import Delivery
from catalyst.contracts import runtime_v1
from catalyst.contracts.decision import Actor, Arrived, Fired, Recorded
from catalyst.contracts.message import Answer, Command
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.secret import is_secret
from catalyst.contracts.subjects import Ref


@dataclass(frozen=True, slots=True)
class Collected:
    """Messages of one source for one aggregate, decided as one input."""

    source: str
    items: tuple[Arrived, ...]
    """Oldest first, at least one."""

    @property
    def is_several(self) -> bool:
        """Whether it could be decided in smaller parts."""
        return len(self.items) > 1


Payload = Command | Recorded | Fired | Answer | Collected


class Job(msgspec.Struct, kw_only=True):
    """Everything that deciding one input needs, and how to settle it."""

    ref: Ref
    """The aggregate that decides."""
    type: str
    """Wire name of a command or event; `timer` for a firing."""
    input_id: str
    done_id: str
    """Id under which the outcome is recorded."""
    digest: str
    now: datetime
    """Broker's timestamp of the input."""
    actor: Actor
    correlationid: str
    payload: Payload | None
    """None where the door refused before the data was read."""
    origin: str
    """First letter of the stream that it came from, in lower case."""
    sequence: int
    """Where the input stands in its stream."""
    delivery: Delivery | None
    """What is to be settled; None for a parked message that is decided again."""
    delivered: int = 1
    causationid: str = ""
    subject: str = ""
    body: bytes = b""
    process: Ref | None = None
    """The process manager that wants the answer."""
    hears: bool = True
    """Whether its aggregate takes answers to what it sends: it is a process manager."""
    reply: str = ""
    """Core subject to answer on; empty for none."""
    refusal: Rejected | None = None
    """What the door said no with; recorded as the outcome."""
    record: bool = True
    """False: the refusal is answered, not recorded."""
    reaction: str = ""
    """Name of the process manager whose event this is."""
    traceparent: str = ""
    attempts: int = 0
    """How often deciding it ended in a bug."""
    freed: set[str] = set()
    """Dead letters that a `retry` or `drop` has taken in hand, over all its attempts."""

    @property
    def is_several(self) -> bool:
        """Whether it stands for several messages of a source."""
        return isinstance(self.payload, Collected) and self.payload.is_several

    @property
    def is_secret(self) -> bool:
        """Whether what was sent may hold a secret, which a bug's own words may quote."""
        if isinstance(self.payload, Command):
            return is_secret(type(self.payload))
        return isinstance(self.payload, Collected)

    @property
    def is_runtime(self) -> bool:
        """Whether it is `retry` or `drop`, which work on a parked aggregate."""
        return isinstance(self.payload, (runtime_v1.Retry, runtime_v1.Drop))
