"""How everything of an Organization is: as bad as the worst of its Applications.

What was never seen, or not for long, is `unknown`, and so is what holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from catalyst.contracts.blocked import Link, of_application
from catalyst.contracts.provisioning_values_v1 import Applied, Gate, Health, Source
from catalyst.provisioning.domain.application import Application, Binding
from catalyst.provisioning.domain.observing import worst


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Four things that are said of an Application in an Environment, kept apart."""

    application: str
    applied: Applied
    """Whether what is to run is what runs."""
    health: Health
    change: str
    """The change that works on it; empty: none."""
    gates: tuple[Gate, ...]
    """What the next change waits for."""
    revision: str
    """The revision that was seen; empty: none."""
    as_of: datetime | None
    """When the newest of it was seen; null: never."""
    stale_since: datetime | None
    """When it was seen last, if that is too long ago."""
    source: Source | None
    """Who saw it; null: nobody."""
    blocked_by: tuple[Link, ...]
    """Why it is not as it is to be, the cause last."""


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """Several Applications together."""

    name: str
    health: Health
    """The worst of all; healthy if there is nothing."""
    applications: tuple[Marks, ...]


class Everything(msgspec.Struct, frozen=True, kw_only=True):
    """A whole Organization."""

    name: str
    health: Health
    environments: tuple[Whole, ...]


def marks(name: str, environment: str, state: Application) -> Marks:
    """Return what is said of an Application in an Environment."""
    binding = state.binding(environment)
    seen = binding.observed
    here = [item for item in state.queue if item.environment == environment]
    change = next((item.change for item in here if item.taken), "")
    stale = seen.silent_since if seen is not None else None
    applied, health = _seen(binding)
    return Marks(
        application=name,
        applied=applied,
        health=health,
        change=change,
        gates=next((item.gates for item in here if not item.taken), ()),
        revision=seen.revision if seen is not None else "",
        as_of=seen.observed_at if seen is not None else None,
        stale_since=stale,
        source=seen.source if seen is not None else None,
        blocked_by=of_application(
            name,
            environment,
            wanted=binding.desired is not None,
            change=change,
            seen=seen is not None,
            stale_since=stale,
            as_of=seen.observed_at if seen is not None else None,
            applied=applied,
            health=health,
            evidence=seen.evidence if seen is not None else (),
            source=seen.source if seen is not None else None,
        ),
    )


def _seen(binding: Binding) -> tuple[Applied, Health]:
    """Return the two marks that rest on what was seen: stale evidence is none."""
    seen = binding.observed
    if seen is None or seen.silent_since is not None:
        return "unknown", "unknown"
    desired = binding.desired
    applied = seen.applied
    if desired is not None and applied == "current" and seen.revision != desired.change:
        applied = "pending"
    return applied, seen.health


def whole(environment: str, states: Mapping[str, Application]) -> Whole:
    """Return an Environment with its Applications; those that are not to run there are left out."""
    found = tuple(
        marks(name, environment, state)
        for name, state in sorted(states.items())
        if environment in state.bindings
    )
    health = worst(item.health for item in found) if found else "healthy"
    return Whole(name=environment, health=health, applications=found)


def everything(
    organization: str, environments: Mapping[str, Mapping[str, Application]]
) -> Everything:
    """Return an Organization with its Environments."""
    found = tuple(whole(name, states) for name, states in sorted(environments.items()))
    health = worst(item.health for item in found) if found else "healthy"
    return Everything(name=organization, health=health, environments=found)
