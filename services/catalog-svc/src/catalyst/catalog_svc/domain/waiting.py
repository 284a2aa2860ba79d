"""What keeps a version from being there: a chain of links, as one Organization may see it.

What is another Organization's is not in it, and what is the platform's own is not named: the
platform's sources stand there as one neutral link.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from catalyst.blueprints.versions import Range
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.catalog_svc.domain.entry import Entry, Offered
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_blueprint import Listed, Shelves, of_version
from catalyst.contracts.blocked_chain import follow

MAX_NAMED: Final = 5
"""Versions whose chains are told, at most; the newest."""


def chain(
    catalogue: Catalogue, organization: str | None, name: str, wanted: Sequence[Range]
) -> tuple[Link, ...]:
    """Return why no version of a Blueprint can be had, down to the cause.

    Nothing, if one can be had, or if what is there is refused for good and nothing is waited for.

    Args:
        catalogue: What there is.
        organization: Who asks; None: the platform.
        name: The Blueprint, with `bp-`.
        wanted: Ranges that a version has to be in.
    """
    entry = catalogue.entries(organization).get(name)
    shelves = _shelves(catalogue, organization, entry)
    if entry is None:
        return follow(shelves.links_of("blueprint", name), shelves.links_of)
    known = (*entry.versions, *entry.pending)
    fit = [one for one in known if all(each.contains(one.version) for each in wanted)]
    if not fit:
        behind = shelves.links_of("blueprint", name)
        return tuple(link for link in behind if link.kind == "source")
    if not all(entry.refusal(one) for one in fit):
        return ()
    waiting = [one for one in fit if _comes(entry, one)][:MAX_NAMED]
    return follow([link for one in waiting for link in _waits(name, one)], shelves.links_of)


def _comes(entry: Entry, one: Offered) -> bool:
    """Return whether a version is only waited for, and not refused for another reason."""
    return not (one.published or one.yanked or entry.withdrawn or entry.hidden)


def _waits(name: str, one: Offered) -> tuple[Link, ...]:
    if one.registered is None:
        return ()
    return of_version(name, one.text, one.missing, one.cycle, one.registered)


def _shelves(catalogue: Catalogue, organization: str | None, entry: Entry | None) -> Shelves:
    """Return what a Blueprint may depend on: of one that all have, never what is somebody's own."""
    private = entry is None or entry.origin == "private"
    audience = organization if private else catalogue.everybody(organization)

    def listed(name: str) -> Sequence[Listed]:
        return tuple(_listed(catalogue, audience, organization, name))

    sources = catalogue.sources(organization if private else None)
    return Shelves(listed, sources, platform=not organization)


def _listed(
    catalogue: Catalogue, audience: str | None, organization: str | None, name: str
) -> Iterator[Listed]:
    entry = catalogue.entries(audience).get(name)
    if entry is None:
        return
    pending = sorted(entry.pending, key=lambda one: one.version, reverse=True)[:MAX_NAMED]
    yield Listed(
        name=name,
        organization=organization if entry.origin == "private" else None,
        sources=frozenset(one.source for one in (*entry.versions, *entry.pending)),
        blocked_by=tuple(link for one in pending for link in _waits(name, one)),
    )
