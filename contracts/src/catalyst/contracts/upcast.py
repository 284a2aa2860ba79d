"""Older versions of an event, brought to the newest one step at a time; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from catalyst.contracts import environment_v1, environment_v2
from catalyst.contracts.message import Event


def _policy_defined_2(event: environment_v1.PolicyDefined) -> environment_v2.PolicyDefined:
    return environment_v2.PolicyDefined(
        policy=event.policy,
        approvals=event.approvals,
        soak_minutes=event.soak_hours * 60,
        source_environment=event.source_environment,
        required_score=event.required_score,
        severity=event.severity,
        windows=event.windows,
        weights=event.weights,
        modes=event.modes,
        environments=event.environments,
    )


CHAIN: Final[Mapping[type[Event], Callable[[Any], Event]]] = {
    environment_v1.PolicyDefined: _policy_defined_2,
}
"""Version of an event → how the next version is made from it."""


def upcast(event: Event) -> Event:
    """Return the newest version of an event; itself if it is the newest."""
    while (step := CHAIN.get(type(event))) is not None:
        event = step(event)
    return event


def convert(data: bytes | msgspec.Raw, kind: type[Event]) -> Event:
    """Decode an event's data as the version it was written in and bring it to the newest."""
    return upcast(msgspec.json.decode(data, type=kind))
