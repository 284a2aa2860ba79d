"""The sources of Blueprints, as far as it matters for what is not there: whether they are read."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.blocked_blueprint import Package, Source, Wrong, of_source
from catalyst.contracts.message import Event

LISTED_MAX: Final = 100
"""Packages of a source that are kept of those that it cannot give."""


class Read(Source, frozen=True, kw_only=True):
    """A source, and which reading its packages are of."""

    run: int = 0


def evolve(
    state: Read | None, event: Event, organization: str | None, time: datetime
) -> Read | None:
    """Fold one fact into a source; None: there is none."""
    if isinstance(event, bp1.SourceAdded):
        return state or Read(name=event.name, organization=organization)
    if state is None:
        return None
    replace = msgspec.structs.replace
    match event:
        case bp1.SourceRemoved():
            return None
        case bp1.SyncFailed():
            since = state.blocked_by[0].since if state.blocked_by else None
            why = of_source(state.name, event.code, event.message, event.failures, since or time)
            return replace(state, blocked_by=why)
        case bp1.SyncCompleted():
            return replace(state, blocked_by=())
        case bp1.VersionsFound():
            before = state.refused if event.run == state.run else ()
            refused = (*before, *map(_package, event.refused))[:LISTED_MAX]
            return replace(state, run=event.run, refused=refused)
        case _:
            return state


def _package(one: bp1.Refused) -> Package:
    errors = (x for x in one.findings if x.severity == "error")
    first = tuple(Wrong(severity=x.severity, message=x.message) for x in errors)[:1]
    return Package(folder=one.folder, blueprint=one.blueprint, version=one.version, findings=first)
