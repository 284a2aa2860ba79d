"""Whole chains of what something waits for, through every row that its links lead to.

Rows are read as whoever asks: what they do not see, no chain goes through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from catalyst.cli.links import Doc, link_lines, links_in, links_of
from catalyst.cli.owned import NOT_FOUND
from catalyst.cli.target import Target, reads, run
from catalyst.client.errors import ClientError, Problem
from catalyst.client.reads import Reads
from catalyst.contracts.blocked import Link, own
from catalyst.contracts.blocked_blueprint import Listed, Package, Shelves, Source
from catalyst.contracts.blocked_chain import (
    FOLLOWED_MAX,
    GENERAL,
    HIDDEN,
    NO_CAUSE,
    causes,
    leads,
    tree,
)
from catalyst.contracts.roles import PLATFORM_ROLES

START_SECONDS: Final = 30.0
"""How long the same may be under way before that is worth telling: a normal start is over then."""
ON_THE_WAY: Final = "seen on the way to it"
"""What stands above the links that are no cause."""
_WHOLE: Final = frozenset({"change", "application"})
"""Kinds of rows whose own chain goes to the cause already."""

_ROWS: Final = {
    "application": "applications",
    "change": "changes",
    "organization": "organizations",
    "onboarding": "onboardings",
}
"""Kinds of links that lead to one row with links of its own, with the kind's plural."""


async def whole(
    door: Reads,
    links: Sequence[Link],
    owner: str | None,
    *,
    start: tuple[str, str] | None = None,
    environment: str = "",
) -> list[str]:
    """Return a chain as lines, as `as_lines` orders them; the rest is as in `linked`."""
    found = await linked(door, links, owner, start=start, environment=environment)
    return as_lines(found)


def as_lines(found: Sequence[Link], first: Sequence[Link] | None = None) -> list[str]:
    """Return a chain as lines: its causes first, then how they came to be felt, to the deepest.

    What several ways lead through is told where it comes first, and not again.

    Args:
        found: The links.
        first: The causes, if `found` is a part of the chain alone.
    """
    roots = causes(found) if first is None else first
    firsts = {_said(link): link for link in reversed(found)}
    found = [link for link in found if firsts[_said(link)] is link]
    told = [link for link in found if link in roots]
    rest = [link for link in found if link not in roots]
    if not told:
        return [line for link in rest for line in _lines(link, link.depth)]
    lines = [line for link in told for line in _lines(link, 0)]
    if rest:
        top = min(link.depth for link in rest)
        lines.append(ON_THE_WAY)
        for link in rest:
            what, who = _lines(link, link.depth - top + 1)
            # To look at it leads to the cause, which was told.
            lines += [what] if link.code in NO_CAUSE or link.code == GENERAL else [what, who]
    return lines


def _said(link: Link) -> tuple[str, str, str, str]:
    return link.kind, link.name, link.code, link.message


def _lines(link: Link, depth: int) -> list[str]:
    return link_lines(msgspec.to_builtins(link), depth)


async def linked(
    door: Reads,
    links: Sequence[Link],
    owner: str | None,
    *,
    start: tuple[str, str] | None = None,
    environment: str = "",
) -> tuple[Link, ...]:
    """Return the links of a whole chain.

    Args:
        door: Where rows are read.
        links: The beginning.
        owner: The Organization whose rows are followed; None: the platform's.
        start: Kind and name of the row that the beginning is of.
        environment: Where; of Applications, only what concerns this one is followed. Empty: all.

    Raises:
        ClientError: If rows cannot be read.
    """
    if start is not None and start[0] in _WHOLE:
        return tuple(links)
    rows = _Rows(door, owner, environment)
    known: dict[tuple[str, str], Sequence[Link]] = {} if start is None else {start: links}
    ahead = [*links]
    while ahead and len(known) < FOLLOWED_MAX:
        link = ahead.pop(0)
        place = (link.kind, link.name)
        if leads(link) and place not in known:
            known[place] = await rows.links_of(*place)
            ahead += known[place]
    found = tree(links, lambda kind, name: known.get((kind, name), ()), start=start)
    if any(link.code == HIDDEN for link in found) and await rows.platform():
        # What was told to them as not shown, the rows that they see tell better.
        return tuple(link for link in found if link.code != HIDDEN)
    return found


async def told(
    target: Target,
    found: Iterable[Doc],
    owner: str | None,
    *,
    start: tuple[str, str] | None = None,
    environment: str = "",
) -> list[str]:
    """Return the chain of links that were told, as `whole`; as far as it is known if rows are not.

    Args:
        target: Where rows are read.
        found: The links, as documents.
        owner: As in `whole`, like the others.
        start: Likewise.
        environment: Likewise.
    """
    links = links_of(found)
    try:
        async with reads(target) as door:
            return await whole(door, links, owner, start=start, environment=environment)
    except ClientError:
        return as_lines(links)


def behind(
    target: Target, blockers: Iterable[Doc], owner: str, environment: str
) -> list[list[str]]:
    """Return the chain behind each that stands in a plan's way; nothing where none is told."""
    return [
        run(told(target, one["chain"], owner, environment=environment)) if one.get("chain") else []
        for one in blockers
    ]


class _Rows:
    """What links lead to; each kind is read once, when a link leads there."""

    def __init__(self, door: Reads, owner: str | None, environment: str) -> None:
        self._door = door
        self._owner = owner
        self._environment = environment
        self._shelves: Shelves | None = None
        self._platform: bool | None = None

    async def links_of(self, kind: str, name: str) -> Sequence[Link]:
        """Return the links of what a link of this kind names."""
        if kind in {"blueprint", "source"}:
            return (await self._on_shelves()).links_of(kind, name)
        if self._owner is None:
            return ()
        return await self._one(_ROWS[kind], name)

    async def _on_shelves(self) -> Shelves:
        if self._shelves is None:
            owners = {self._owner, None}
            sources = [
                Source(
                    name=doc["name"],
                    organization=doc["organization"],
                    refused=tuple(msgspec.convert(doc["refused"], list[Package])),
                    blocked_by=tuple(links_in(doc)),
                )
                for doc in await self._docs("sources")
                if doc["organization"] in owners
            ]
            blueprints = [
                Listed(
                    name=doc["name"],
                    organization=doc["organization"],
                    sources=frozenset(one["source"] for one in doc["versions"]),
                    blocked_by=tuple(links_in(doc)),
                )
                for doc in await self._docs("blueprints")
                if doc["organization"] in owners
            ]
            self._shelves = Shelves(
                lambda name: [one for one in blueprints if one.name == name],
                sources,
                platform=await self.platform(),
            )
        return self._shelves

    async def platform(self) -> bool:
        """Return whether the platform's sources are shown to the reader, if there are any."""
        if self._platform is None:
            session = await self._door.read("/v1/session")
            self._platform = not PLATFORM_ROLES.isdisjoint(session["roles"])
        return self._platform

    async def _docs(self, kinds: str, **where: Any) -> list[dict[str, Any]]:
        return [
            row.doc
            async for page in self._door.pages(kinds, **where)
            for row in page.rows
            if isinstance(row.doc, dict)
        ]

    async def _one(self, kinds: str, name: str) -> list[Link]:
        try:
            row, _ = await self._door.get(kinds, name, organization=self._owner)
        except Problem as problem:
            if problem.status != NOT_FOUND:
                raise
            return []
        doc = row.doc if isinstance(row.doc, dict) else {}
        here = [
            one
            for one in (doc, *(doc.get("bindings") or ()))
            if self._environment in {"", one.get("environment") or self._environment}
        ]
        return [link for one in here for link in own(links_in(one))]
