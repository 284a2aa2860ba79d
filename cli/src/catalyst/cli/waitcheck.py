"""The part of `catalyst doctor` that names what waits: for which cause, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from catalyst.chassis import clock
from catalyst.cli import chains
from catalyst.cli.findings import Finding, ok, warn
from catalyst.cli.kinds import called, plural
from catalyst.cli.links import links_in
from catalyst.client.reads import Reads
from catalyst.client.rows import Row
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_chain import UNDER_WAY
from catalyst.contracts.blocked_environment import ONBOARDED

WAITING: Final = "waiting rows"
SHOWN: Final = 5
"""Causes that are told; each is followed through the rows that lead to it."""
_ON_ITS_WAY: Final = UNDER_WAY | {"answer-awaited", "git-under-way", ONBOARDED}
"""Codes of links that are worth telling only if they last."""
_KINDS: Final = "organizations,environments,onboardings,sources,blueprints,applications,changes"


class _Waiter(msgspec.Struct, frozen=True, kw_only=True):
    """Something that waits, and for what as far as its own row knows."""

    kind: str
    name: str
    owner: str | None
    environment: str
    links: list[Link]


async def waiting(door: Reads) -> Finding:
    """Name the causes for which anything waits or fails, each with what waits for it."""
    alike: dict[tuple[str | None, str, str, str], list[_Waiter]] = {}
    async for page in door.pages(_KINDS):
        for row in page.rows:
            for one in _waiters(row):
                last = one.links[-1]
                alike.setdefault((one.owner, last.kind, last.name, last.code), []).append(one)
    if not alike:
        return ok(WAITING, "nothing waits or fails")
    causes: dict[str, list[str]] = {}
    todo: dict[str, None] = {}
    for waiters in list(alike.values())[:SHOWN]:
        cause = await _cause(door, waiters[0])
        causes.setdefault(f"{cause.message} ({cause.code})", []).extend(
            f"{one.kind} {one.name}" for one in waiters
        )
        todo[f"{cause.who}: {cause.what_to_do}"] = None
    told = "; ".join(f"{cause}: {_some(names)}" for cause, names in causes.items())
    more = f"; and {len(alike) - SHOWN} more" if len(alike) > SHOWN else ""
    everything = _whole(next(iter(alike.values()))[0])
    return warn(WAITING, told + more, "; ".join([*todo, everything]))


def _whole(one: _Waiter) -> str:
    """Return the command that shows all that the first one waits for."""
    owner = f" --org {one.owner}" if one.owner else ""
    command = f"catalyst get {plural(one.kind)} {one.name}{owner}"
    return f"`{command}` shows the whole of what {one.kind} {one.name} waits for"


def _waiters(row: Row) -> Iterator[_Waiter]:
    """Yield what a row says of itself; an Application says it of each place where it runs."""
    doc: Mapping[str, Any] = row.doc if isinstance(row.doc, dict) else {}
    at = row.place
    for part in (doc, *(doc.get("bindings") or ())):
        links = links_in(part)
        if links and not all(_is_young(link) for link in links):
            yield _Waiter(
                kind=at.kind,
                name=called(row),
                owner=at.organization,
                environment=part.get("environment") or "",
                links=links,
            )


def _is_young(link: Link) -> bool:
    if link.code not in _ON_ITS_WAY or link.since is None:
        return False
    return (clock.now() - link.since).total_seconds() < chains.START_SECONDS


async def _cause(door: Reads, waiter: _Waiter) -> Link:
    """Return the link that is nearest to the cause: the last of the deepest ones."""
    found = await chains.linked(
        door,
        waiter.links,
        waiter.owner,
        start=(waiter.kind, waiter.name),
        environment=waiter.environment,
    )
    return max(reversed(found), key=lambda one: one.depth) if found else waiter.links[-1]


def _some(names: list[str]) -> str:
    named = list(dict.fromkeys(names))
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return ", ".join(named[:SHOWN]) + more
