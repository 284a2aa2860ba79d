"""What follows from one input, put together piece by piece: each fact is folded as it is written.

So a rule may go on from the state that its own facts make: a step that is done begins the next one,
which may be done at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Arm, Cancel, Context, Decision, Emit, Send, TakeClaim
from catalyst.contracts.message import Command, Event
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import application, change
from catalyst.provisioning.domain.application import Application, application_ref
from catalyst.provisioning.domain.change import Change

DEADLINE: Final = "deadline"
"""Timer of the step in progress."""
TURN: Final = "turn"
"""Timer of a change that waits to begin."""


class Writing:
    """A decision of one change in the making."""

    def __init__(self, state: Change, context: Context) -> None:
        """Begin with the state that was read, and the Applications in the context."""
        self.state = state
        self.context = context
        self.organization = context.ref.organization or ""
        self.name = context.ref.id
        self._applications: dict[Ref, Application] = {
            ref: found for ref, found in context.reads.items() if isinstance(found, Application)
        }
        self._events: list[Emit] = []
        self._timers: dict[str, Arm | Cancel] = {}
        self._commands: list[Send] = []
        self._claims: list[TakeClaim] = []

    @property
    def reads(self) -> Mapping[Ref, Any]:
        """What was read besides."""
        return self.context.reads

    @property
    def content(self) -> pro1.ChangeOpened:
        """What the change says."""
        return self.state.content()

    def application(self, name: str) -> Application:
        """Return one of the Applications, with all that was written so far."""
        return self._applications[application_ref(self.organization, name)]

    def emit(self, event: Event) -> None:
        """Write a fact of the change."""
        self._events.append(Emit(event))
        self.state = change.evolve(self.state, event)

    def emit_on(self, name: str, event: Event) -> None:
        """Write a fact of an Application."""
        ref = application_ref(self.organization, name)
        self._events.append(Emit(event, ref))
        self._applications[ref] = application.evolve(self._applications[ref], event)

    def send(self, ref: Ref, command: Command) -> None:
        """Send a command to another service."""
        self._commands.append(Send(ref=ref, command=command))

    def claim(self, taken: TakeClaim) -> None:
        """Claim a name, or give it back."""
        self._claims.append(taken)

    def arm(self, timer: str, after: timedelta) -> None:
        """Arm a timer, with this input as its arming."""
        self._timers[timer] = Arm(timer=timer, after=after)

    def cancel(self, timer: str) -> None:
        """Cancel a timer."""
        self._timers[timer] = Cancel(timer)

    def decision(self, result: Any = None) -> Decision:
        """Return what was written."""
        return Decision(
            events=tuple(self._events),
            claims=tuple(self._claims),
            timers=tuple(self._timers.values()),
            commands=tuple(self._commands),
            result=result,
        )
