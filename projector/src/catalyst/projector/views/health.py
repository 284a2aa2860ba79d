"""How an Environment and an Organization are: as bad as the worst of what runs there. Pure.

An Environment takes it from the rows of its Applications, an Organization from those of its
Environments. One in which nothing runs is neither well nor ill: it is `unknown`, and no part of
what its Organization is.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from catalyst.contracts.provisioning_values_v1 import SIMULATOR
from catalyst.projector.views.application_document import ApplicationDocument, BindingDocument
from catalyst.projector.views.tally import Part, Rollup, Tally, rank


class Cluster(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who told something of an Environment."""

    source: str
    """`cluster` or `simulator`."""
    since: datetime
    """When it was seen that was told first."""


def place_of(doc: ApplicationDocument | None, environment: str) -> BindingDocument | None:
    """Return an Application where it is to run, or was seen."""
    found = () if doc is None else doc.bindings
    return next(
        (
            one
            for one in found
            if one.environment == environment
            and (one.desired is not None or one.health.as_of is not None)
        ),
        None,
    )


def part_of(doc: ApplicationDocument | None, environment: str) -> Part | None:
    """Return what an Environment is because of an Application; None: it is not to run there."""
    one = place_of(doc, environment)
    return None if doc is None or one is None else Part(of_place(doc.name, one), one.health.as_of)


def of_place(name: str, one: BindingDocument) -> Rollup:
    """Return what an Environment is because of an Application."""
    mark = one.health
    return Rollup(
        status=mark.status, reason=mark.reason, of=name, source=mark.source, since=mark.since
    )


def of_part(name: str, found: Rollup) -> Rollup:
    """Return what an Organization is because of an Environment."""
    return found if not found.of else msgspec.structs.replace(found, of=name)


def worst(tally: Tally) -> Rollup:
    """Return the worst; of several the one that is so the longest, then the first by name.

    Where anything was simulated, so is the whole.
    """
    first = tally.worst
    return msgspec.structs.replace(first, source=SIMULATOR) if tally.simulated else first


def matters(whole: Rollup, name: str, now: Rollup | None) -> bool:
    """Return whether a whole may be another one once one of its parts is as it is now."""
    simulated = now is not None and now.source == SIMULATOR
    if whole.of == name or simulated != (whole.source == SIMULATOR):
        return True
    return now is not None and bool(now.of) and (not whole.of or rank(now) < rank(whole))


def waits(cluster: Cluster | None) -> bool:
    """Return whether more may yet be heard of an Environment: nothing was, or nothing real."""
    return cluster is None or cluster.source == SIMULATOR


def heard(before: Cluster | None, tally: Tally) -> Cluster | None:
    """Return who has ever told something: the first, or the first real one after a simulator."""
    if not waits(before):
        return before
    if not (tally.seen if before is None else tally.real):
        return before
    # No more than twice in the life of an Environment.
    since, source = min(tally.sights())
    return Cluster(source=source, since=since)
