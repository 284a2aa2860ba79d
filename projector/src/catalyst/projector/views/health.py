"""How an Environment and an Organization are: as bad as the worst of what runs there. Pure.

An Environment takes it from the rows of its Applications, an Organization from those of its
Environments. One in which nothing runs is neither well nor ill: it is `unknown`, and no part of
what its Organization is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, get_args

import msgspec

from catalyst.contracts.blocked import NOTHING_RUNS
from catalyst.contracts.provisioning_values_v1 import SIMULATOR, Health
from catalyst.projector.views.application_document import (
    ApplicationDocument,
    BindingDocument,
    application_key,
)
from catalyst.projector.views.view import Look

_ORDER: Final = {word: at for at, word in enumerate(get_args(Health))}
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Rollup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The worst of several, and which of them that is."""

    status: str
    """`healthy`, `progressing`, `degraded`, `missing` or `unknown`."""
    reason: str = ""
    """One word that says why."""
    of: str = ""
    """What is so: the Application, or the Environment; empty: nothing runs."""
    source: str = ""
    """Who saw it: `cluster`, or `simulator` if that saw any of it; empty: nobody."""
    since: datetime | None = None
    """Since when that is so."""


NOTHING: Final = Rollup(status="unknown", reason=NOTHING_RUNS)


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


def places(
    organization: str, environment: str, applications: Iterable[str], look: Look
) -> list[tuple[str, BindingDocument]]:
    """Return what an Environment is as bad as: its Applications, where they are to run."""
    found = []
    for name in applications:
        one = place_of(look(application_key(organization, name)), environment)
        if one is not None:
            found.append((name, one))
    return found


def of_place(name: str, one: BindingDocument) -> Rollup:
    """Return what an Environment is because of an Application."""
    mark = one.health
    return Rollup(
        status=mark.status, reason=mark.reason, of=name, source=mark.source, since=mark.since
    )


def of_part(name: str, found: Rollup) -> Rollup:
    """Return what an Organization is because of an Environment."""
    return found if not found.of else msgspec.structs.replace(found, of=name)


def worst(found: Iterable[Rollup]) -> Rollup:
    """Return the worst; of several the one that is so the longest, then the first by name.

    Where anything was simulated, so is the whole.
    """
    told = [one for one in found if one.of]
    if not told:
        return NOTHING
    first = min(told, key=_bad)
    simulated = any(one.source == SIMULATOR for one in told)
    return msgspec.structs.replace(first, source=SIMULATOR) if simulated else first


def matters(whole: Rollup, name: str, now: Rollup | None) -> bool:
    """Return whether a whole may be another one once one of its parts is as it is now."""
    simulated = now is not None and now.source == SIMULATOR
    if whole.of == name or simulated != (whole.source == SIMULATOR):
        return True
    return now is not None and bool(now.of) and (not whole.of or _bad(now) < _bad(whole))


def _bad(one: Rollup) -> tuple[int, datetime, str]:
    return (-_ORDER.get(one.status, len(_ORDER)), one.since or _NEVER, one.of)


def waits(cluster: Cluster | None) -> bool:
    """Return whether more may yet be heard of an Environment: nothing was, or nothing real."""
    return cluster is None or cluster.source == SIMULATOR


def heard(before: Cluster | None, found: Iterable[tuple[str, BindingDocument]]) -> Cluster | None:
    """Return who has ever told something: the first, or the first real one after a simulator."""
    if not waits(before):
        return before
    told = [
        (one.health.as_of, one.health.source) for _, one in found if one.health.as_of is not None
    ]
    real = [one for one in told if one[1] != SIMULATOR]
    if not told or (before is not None and not real):
        return before
    since, source = min(real or told)
    return Cluster(source=source, since=since)
