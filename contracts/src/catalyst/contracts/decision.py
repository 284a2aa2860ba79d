"""The values that rules take and return, so that deciding stays pure.

`decide(state, command, context) -> Decision`; what a rule reads besides its own state is named
beforehand by `reads(state, command, ref)` and handed over in the context. The runtime guards all of
it: a decision that was made from superseded state is refused by the broker and made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from catalyst.contracts.message import Command, Event
from catalyst.contracts.subjects import Claim, Ref


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as far as it was proven."""

    name: str
    """`user:<iss>#<sub>`, `service:<name>` or `nats:<org>`."""
    email: str = ""
    """Verified e-mail address of a person, else empty."""
    roles: frozenset[str] = frozenset()
    """Roles that hold for the Organization of the command, platform roles included."""
    proven: bool = False
    """True if a token was verified; False for a bare credential of the broker."""

    @property
    def service(self) -> str | None:
        """The service that asks, or None."""
        return self.name.removeprefix("service:") if self.name.startswith("service:") else None


class ClaimState(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim's subject says now."""

    holder: str | None = None
    """Path of the aggregate that holds the name; None if never claimed or released."""
    ever: bool = False
    """True if it was ever claimed."""
    digest: str = ""
    """What the holder put beside the name, to tell a repeat from another thing; empty: nothing."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides state and command that a rule may use."""

    now: datetime
    """The broker's timestamp of the input; never a process's clock."""
    ref: Ref
    actor: Actor
    input_id: str
    """Id of the command, event or firing that is decided."""
    done_id: str
    """Id under which the outcome is recorded; a timer armed here carries it as its `gen`."""
    reads: Mapping[Ref, Any] = {}
    """State of every aggregate that `reads` named."""
    claims: Mapping[Claim, ClaimState] = {}
    facts: Any = None
    """What the rule's preparation found; None for a rule without one."""


class Emit(msgspec.Struct, frozen=True):
    """An event on an aggregate; `ref` None means the one that decides."""

    event: Event
    ref: Ref | None = None


class TakeClaim(msgspec.Struct, frozen=True):
    """Claim a name for the deciding aggregate, or release it."""

    claim: Claim
    release: bool = False
    ttl: timedelta | None = None
    """After which the claim is as if it had never been, in whole seconds; None for never."""
    digest: str = ""
    """What stands beside the name, for whoever finds it taken; empty: nothing."""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """Arm a timer of the deciding aggregate; arming again replaces it."""

    timer: str
    after: timedelta


class Cancel(msgspec.Struct, frozen=True):
    """Cancel a timer of the deciding aggregate; cancelling one that is gone changes nothing."""

    timer: str


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """A command to be sent, by a process manager; it stands in the log first."""

    ref: Ref
    command: Command


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from one input, all or nothing."""

    events: tuple[Emit, ...] = ()
    claims: tuple[TakeClaim, ...] = ()
    timers: tuple[Arm | Cancel, ...] = ()
    """A Cancel needs an event in the same decision: it travels on one."""
    commands: tuple[Send, ...] = ()
    result: Any = None
    """JSON that the sender finds in the outcome."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it stands in the log, with its provenance."""

    event: Event
    type: str
    id: str
    ref: Ref
    seq: int
    time: datetime
    actor: str
    correlationid: str
    causationid: str
    """Id of the command (or other input) that caused it."""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a stream that no service orders, such as a fact or a use."""

    value: Any
    """What the source made of it."""
    seq: int
    """Its place in its stream; later ones are larger."""
    time: datetime
    """When the broker stored it."""


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """A timer of the deciding aggregate came due."""

    timer: str
    gen: str
    """Id of the `done` that armed it; it counts only if the state still waits for that one."""


def emit(*events: Event, **rest: Any) -> Decision:
    """Return a decision that writes these events on the deciding aggregate."""
    return Decision(events=tuple(Emit(event) for event in events), **rest)
