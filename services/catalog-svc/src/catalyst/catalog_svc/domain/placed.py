"""What runs where in an Organization, as far as the catalogue depends on it."""

from __future__ import annotations

from typing import Any

import msgspec

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Desired

replace = msgspec.structs.replace


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An Environment."""

    env_type: str
    regions: tuple[str, ...] = ()
    """Names of its host clusters."""


class Queued(msgspec.Struct, frozen=True):
    """A change that wants an Application."""

    change: str
    environment: str
    desired: Desired | None


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """An Application in all Environments."""

    running: dict[str, Desired] = {}
    """What is to run, by Environment."""
    before: dict[str, frozenset[str]] = {}
    """Versions that ran in an Environment once, or do: it can go back to them."""
    queue: tuple[Queued, ...] = ()

    def expected(self, environment: str) -> Desired | None:
        """Return what will run in an Environment once every change that waits is over."""
        last = next((one for one in reversed(self.queue) if one.environment == environment), None)
        return last.desired if last is not None else self.running.get(environment)

    def environments(self) -> tuple[str, ...]:
        """Return where it runs or will run."""
        names = {*self.running, *(one.environment for one in self.queue)}
        return tuple(name for name in sorted(names) if self.expected(name) is not None)


def evolve(state: Application, event: Event) -> Application:
    """Fold one fact of an Application; total."""
    match event:
        case app1.ChangeWaiting():
            known = any(
                (one.change, one.environment) == (event.change, event.environment)
                for one in state.queue
            )
            queued = Queued(event.change, event.environment, event.desired)
            return state if known else replace(state, queue=(*state.queue, queued))
        case app1.ChangeLeft():
            left = tuple(
                one
                for one in state.queue
                if (one.change, one.environment) != (event.change, event.environment)
            )
            return replace(state, queue=left)
        case app1.DesiredSet():
            return _desired(state, event)
        case app1.ApplicationRemoved():
            running = {k: v for k, v in state.running.items() if k != event.environment}
            return replace(state, running=running)
        case _:
            return state


def _desired(state: Application, event: app1.DesiredSet) -> Application:
    running: dict[str, Any] = dict(state.running)
    if event.desired is None:
        running.pop(event.environment, None)
        return replace(state, running=running)
    running[event.environment] = event.desired
    known = state.before.get(event.environment, frozenset())
    before = {**state.before, event.environment: known | {event.desired.version}}
    return replace(state, running=running, before=before)


def place(state: Place | None, event: Event) -> Place | None:
    """Fold one fact of an Environment; None where there is none."""
    match event:
        case env1.EnvironmentCreated():
            regions = tuple(region.host_cluster for region in event.regions)
            return Place(env_type=event.env_type, regions=regions)
        case env1.EnvironmentUpdated():
            regions = tuple(region.host_cluster for region in event.regions)
            return state and replace(state, regions=regions)
        case env1.EnvironmentDeleted():
            return None
        case _:
            return state
