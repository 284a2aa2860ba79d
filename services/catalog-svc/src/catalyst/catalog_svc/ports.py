"""What the questions of catalog-svc need of the outside, as they need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, Protocol

import msgspec

from catalyst.blueprints.package import Package

Facet = Literal["category", "tag", "origin"]
FACETS: Final[tuple[Facet, ...]] = ("category", "tag", "origin")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A Blueprint as the search sees it: text and marks, nothing else."""

    name: str
    """With `bp-`."""
    title: str
    summary: str = ""
    description: str = ""
    category: str = ""
    """Empty: none."""
    tags: tuple[str, ...] = ()
    bundle: bool = False
    """Whether it consists of others: its tags are theirs."""
    origin: str = ""
    featured: bool = False
    listed: bool = True
    """False: found by its whole name alone."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for."""

    words: tuple[str, ...] = ()
    """Each has to be there, somehow, or any where nothing has all; none: everything listed."""
    name: str = ""
    """A whole name, with `bp-`: what is not listed is found by this alone."""
    only: Mapping[Facet, tuple[str, ...]] = {}
    """For a facet, the values of which one has to be there."""
    featured: bool = False
    """Only what is featured."""
    first: int | None = None
    """How many are named at most; None: all."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How much was found of one value of a facet."""

    value: str
    count: int


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the best first."""

    total: int
    """How much was found, named or not."""
    names: tuple[str, ...]
    facets: Mapping[Facet, tuple[Count, ...]]
    """For each facet what would be found of each value, without the choice in that facet."""


class Shelf(Protocol):
    """The Blueprints of one audience, ready to be searched."""

    def put(self, shown: Iterable[Shown]) -> None:
        """Hold exactly these from now on."""
        ...

    def search(self, wanted: Search) -> Results:
        """Return all that fits, in an order that depends on nothing but what is held."""
        ...


class Contents(Protocol):
    """The content of Blueprints, by its fingerprint."""

    async def get(self, digest: str) -> Package:
        """Return a package.

        Raises:
            Rejected: `unavailable`, if it is not there or cannot be read now.
        """
        ...
