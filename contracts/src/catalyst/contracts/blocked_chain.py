"""Chains of what something waits for: from its own links, through other rows, to the cause.

Pure, like `blocked`, whose links these are. A link whose kind is in `LEADING` names a row that may
have links of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_application import DEPENDENCY

FOLLOWED_MAX: Final = 20
"""Rows that a chain leads through, at most."""
LEADING: Final = frozenset(
    {"change", "application", "blueprint", "source", "organization", "onboarding"}
)
"""Kinds of links that lead to a row."""
HIDDEN: Final = "not-shown"
"""Code of the neutral link that stands for what the reader may not see."""
ENDS: Final = frozenset({"application-needed", HIDDEN})
"""Codes of links that lead nowhere: what keeps the row is another matter, or not for the reader."""
BEHIND: Final = "change-waiting"
"""Code of a link that says what waits for its row: that is told of the row, and keeps nothing."""
UNDER_WAY: Final = frozenset(
    {
        *("not-seen", "under-way", "pending", "never-seen", DEPENDENCY),
        "change-in-flight",
    }
)
"""Codes of links that a start goes through where nothing is wrong."""
GENERAL: Final = "unwell"
"""Code of what is not well for a reason that another link may know better."""
NO_CAUSE: Final = UNDER_WAY | {BEHIND}
"""Codes of links that are nobody's cause."""
_NEXT_TO: Final = frozenset({GENERAL, "queued"})
"""Codes of links that are a cause only where no other link is."""
_WAITING: Final = frozenset({"change", "application"})
"""Kinds of rows that never are their own cause."""


def leads(link: Link) -> bool:
    """Return whether a link names a row whose own links go on from it."""
    return link.kind in LEADING and link.code not in ENDS


def needed(links: Sequence[Link]) -> set[str]:
    """Return the Applications that links say something waits for before Flux applies it."""
    return {one.name for one in links if (one.kind, one.code) == ("application", DEPENDENCY)}


def kept(links: Sequence[Link], before: Sequence[Link], now: datetime) -> tuple[Link, ...]:
    """Return the links, each since when it first stood there."""
    known = {(item.kind, item.name, item.code): item.since for item in before}
    replace = msgspec.structs.replace
    return tuple(
        item
        if item.since is not None
        else replace(item, since=known.get((item.kind, item.name, item.code)) or now)
        for item in links
    )


def tree(
    links: Sequence[Link],
    links_of: Callable[[str, str], Sequence[Link]],
    *,
    start: tuple[str, str] | None = None,
) -> tuple[Link, ...]:
    """Return the whole chain, through every row that its links name, each link once with its depth.

    What leads to a link stands below it, one deeper; what only stands beside it is as deep. A link
    back to a change or an Application on the way would say that it waits for itself, and is left
    out; a source or an Organization may well be its own cause. The rows of changes and Applications
    hold the chain, and what they say themselves is read from it: of these the beginning stands as
    it is, at depth 0, and what others say as well is not told of them again.

    Args:
        links: The beginning.
        links_of: Returns the links of a row from its kind, one of `LEADING`, and its name.
        start: Kind and name of the row that the beginning is of.
    """
    if not links:
        return ()
    best: dict[_Said, Link] = {}
    for link in links if start is not None and start[0] in _WAITING else ():
        _told(best, link)
    own = frozenset(best)
    depths: dict[_Said, int] = {}
    visited: set[tuple[str, str]] = set()
    way = (start,) if start is not None else ()
    ahead = [(link, way) for link in links]
    while ahead:
        link, way = ahead.pop(0)
        place = (link.kind, link.name)
        if place in way and link.kind in _WAITING:
            continue
        said, depth = _told(best, link), len(way) - (start is not None)
        if depth == 0 or said not in own:
            depths.setdefault(said, depth)
        if leads(link) and place not in visited and len(visited) < FOLLOWED_MAX:
            visited.add(place)
            below = (item for item in links_of(*place) if item.code != BEHIND)
            ahead = [*((item, (*way, place)) for item in below), *ahead]
    return tuple(_at(best[said], depth) for said, depth in depths.items())


class _Said(NamedTuple):
    kind: str
    name: str
    code: str
    message: str


def _told(best: dict[_Said, Link], link: Link) -> _Said:
    """Note what a link says, and keep the first of those that say it and know since when."""
    # Of what is not shown one link is enough.
    said = _Said(link.kind, link.name, link.code, "" if link.code == HIDDEN else link.message)
    if said not in best or best[said].since is None:
        best[said] = link
    return said


def _at(link: Link, depth: int) -> Link:
    return link if link.depth == depth else msgspec.structs.replace(link, depth=depth)


def causes(found: Sequence[Link]) -> list[Link]:
    """Return what a chain comes down to: links with nothing behind them that name a fault.

    Empty where everything is only under way.
    """
    ends = [
        link
        for at, link in enumerate(found)
        if (at + 1 == len(found) or found[at + 1].depth <= link.depth) and link.code not in NO_CAUSE
    ]
    return [link for link in ends if link.code not in _NEXT_TO] or ends


def follow(
    links: Sequence[Link], links_of: Callable[[str, str], Sequence[Link]]
) -> tuple[Link, ...]:
    """Return the links of the whole chain, as `tree` does, all beside each other."""
    return tuple(_at(link, 0) for link in tree(links, links_of))
