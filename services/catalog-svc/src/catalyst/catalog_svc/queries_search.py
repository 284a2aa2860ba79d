"""The question `search`: what an Organization finds in its catalogue, as cards."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, TypeVar

import msgspec

from catalyst.blueprints.document import canonical, valid_name
from catalyst.catalog_svc.domain import wording
from catalyst.catalog_svc.domain.catalogue import BUNDLE, Catalogue
from catalyst.catalog_svc.domain.entry import Entry
from catalyst.catalog_svc.domain.prices import Prices, said
from catalyst.catalog_svc.ports import Facet, Results, Search, Shelf, Shown
from catalyst.chassis import clock
from catalyst.chassis.once import Once
from catalyst.chassis.service import Loader
from catalyst.contracts import codec
from catalyst.contracts.blueprint_v1 import Origin
from catalyst.contracts.decision import Actor

KEPT: Final = 8
"""Audiences whose search is kept ready; the longest unused is made again when it is asked."""

T = TypeVar("T")

_Values = Annotated[
    tuple[Annotated[str, msgspec.Meta(max_length=63)], ...], msgspec.Meta(max_length=20)
]


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what there is."""

    text: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """What somebody typed; empty: everything."""
    category: _Values = ()
    """One of these; none: any."""
    tag: _Values = ()
    """One of these; none: any."""
    origin: Annotated[tuple[Origin, ...], msgspec.Meta(max_length=3)] = ()
    """One of these; none: any."""
    featured: bool = False
    """Only what is featured."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    """At most so many."""
    offset: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    """Leave out so many."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A Blueprint at a glance."""

    name: str
    title: str
    summary: str
    category: str
    tags: tuple[str, ...]
    icon: str
    origin: Origin
    visibility: str
    version: str
    """What would be installed."""
    featured: bool
    deprecated: str
    """Why new installs are advised against; empty: they are not."""
    replacement: str
    yanked: tuple[str, ...]
    """Versions that cannot be had any more."""
    security: bool
    """Whether one of them is dangerous to whoever runs it."""
    price: tuple[dict[str, Any], ...] | None
    """Of a month, in each currency, without what it needs; null: the price book does not say,
    which is not free."""
    needs: tuple[str, ...] = ()
    """Blueprints that it needs with its default values: each is used, or comes along and costs."""


read = codec.question
"""Returns a question in its shape."""


def card(entry: Entry, prices: Prices, now: datetime) -> Card:
    """Return a Blueprint at a glance; it needs a version that was published."""
    written = entry.card
    pinned = entry.version(entry.pinned) if entry.pinned else None
    wanted = pinned or entry.newest
    return Card(
        name=entry.name,
        title=str(written.get("title") or entry.name),
        summary=str(written.get("summary") or ""),
        category=entry.category,
        tags=_tags(written),
        icon=str(written.get("icon") or ""),
        origin=entry.origin,
        visibility=entry.visibility,
        version=wanted.text,
        featured=entry.featured,
        deprecated=entry.deprecated,
        replacement=entry.replacement,
        yanked=tuple(one.text for one in entry.versions if one.yanked),
        security=any(one.insecure for one in entry.versions),
        price=_price(entry.name, prices, now),
        # Two of the same, such as a database for each of two parts, are named once.
        needs=tuple(dict.fromkeys(need.blueprint for need in wanted.by_default)),
    )


def _price(name: str, prices: Prices, now: datetime) -> tuple[dict[str, Any], ...] | None:
    found = prices.of(name, now)
    if found is None:
        return None
    return said(found.month)


def _tags(written: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(tag) for tag in written.get("tags") or ())


def shown(entry: Entry) -> Shown:
    """Return what the search sees of a Blueprint."""
    written = entry.card
    return Shown(
        name=entry.name,
        title=str(written.get("title") or ""),
        summary=str(written.get("summary") or written.get("tagline") or ""),
        description=str(written.get("description") or ""),
        category=entry.category,
        tags=_tags(written),
        bundle=written.get("category") == BUNDLE,
        origin=entry.origin,
        featured=entry.featured,
        listed=entry.listed,
    )


class Searching:
    """Answers searches; what it keeps ready is made again from the catalogue, for each audience."""

    def __init__(self, catalogue: Catalogue, prices: Prices, shelf: Callable[[], Shelf]) -> None:
        """Search in `catalogue`, on shelves that `shelf` makes."""
        self._catalogue = catalogue
        self._prices = prices
        self._new = shelf
        self._kept: OrderedDict[str | None, tuple[tuple[int, int], Shelf]] = OrderedDict()
        self._lock = asyncio.Lock()
        self._once: Once[Shelf] = Once()

    async def search(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer what is found, the best first, with what could be chosen further.

        Raises:
            Rejected: For a wrong request, or an Organization that is not there.
        """
        asked = read(request, SearchRequest)
        audience = organization or None
        self._catalogue.require(audience)
        found = await self._found(asked, audience)
        entries = self._catalogue.entries(audience)
        names = found.names[asked.offset :]
        now = clock.now()
        end = asked.offset + len(names)
        return {
            "total": found.total,
            "items": [
                msgspec.to_builtins(card(entries[name], self._prices, now)) for name in names
            ],
            "facets": msgspec.to_builtins(found.facets),
            "next": end if names and end < found.total else None,
        }

    async def _found(self, asked: SearchRequest, audience: str | None) -> Results:
        words = wording.asked(asked.text)
        name = canonical(asked.text.strip())
        only: dict[Facet, tuple[str, ...]] = {
            "category": asked.category,
            "tag": asked.tag,
            "origin": asked.origin,
        }
        wanted = Search(
            words=words,
            name=name if valid_name(name) else "",
            only=only,
            featured=asked.featured,
            first=asked.offset + asked.limit,
        )
        if asked.text.strip() and not words:
            # Signs without a letter: nothing is called that.
            return Results(total=0, names=(), facets=dict.fromkeys(only, ()))
        return await self._searched(audience, wanted)

    async def _searched(self, audience: str | None, wanted: Search) -> Results:
        """Search on the audience's shelf, once it holds what the audience sees now."""
        now = (audience, self._catalogue.version(audience))
        shelf = await self._once.do(now, partial(self._filled, audience))
        async with self._lock:
            return shelf.search(wanted)

    async def _filled(self, audience: str | None) -> Shelf:
        async with self._lock:
            version = self._catalogue.version(audience)
            # Whoever has and curates nothing of its own sees what all others of that kind see.
            key = audience if version[1] or audience is None else ""
            kept = self._kept.pop(key) if key in self._kept else None
            shelf = self._new() if kept is None else kept[1]
            if kept is None or kept[0] != version:
                visible = tuple(self._catalogue.visible(audience).values())
                await asyncio.to_thread(lambda: shelf.put(map(shown, visible)))
            self._kept[key] = (version, shelf)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return shelf
