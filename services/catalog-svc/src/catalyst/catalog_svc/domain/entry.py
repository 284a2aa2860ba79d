"""What the catalogue knows of a Blueprint, and how it is shown to one audience."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec

from catalyst.blueprints import dependencies, document
from catalyst.blueprints.configschema import effective
from catalyst.blueprints.document import Blueprint, Dependency
from catalyst.blueprints.expressions import Variables
from catalyst.blueprints.versions import Range, Version, parse_range
from catalyst.contracts.blueprint_v1 import Missing, Origin

parsed_range = lru_cache(maxsize=4096)(parse_range)
"""Return a range; every range is written by many."""


class Offered:
    """One registered version. Its document is read when it is first looked at."""

    __slots__ = (
        "_blueprint", "_by_default", "cycle", "digest", "insecure", "missing", "name", "outdated",
        "published", "registered", "source", "spec", "text", "version", "yanked",
    )  # fmt: skip

    def __init__(self, name: str, version: Version, digest: str, spec: dict[str, Any]) -> None:
        """Know a version that is not published yet."""
        self.name = name
        self.version = version
        self.text = str(version)
        self.digest = digest
        self.spec = spec
        self.published = False
        self.yanked = ""
        """Why it was yanked; empty: it was not."""
        self.insecure = False
        """Whether it was yanked because whoever runs it is in danger."""
        self.outdated: str | None = None
        """Why it would not be registered today; empty: it would; None: nobody has asked yet."""
        self.missing: tuple[Missing, ...] = ()
        """What it waits for before it is published."""
        self.cycle: tuple[str, ...] = ()
        """Blueprints that need each other, so that it never is published."""
        self.registered: datetime | None = None
        self.source = ""
        """Where it came from."""
        self._blueprint: Blueprint | None = None
        self._by_default: tuple[Dependency, ...] | None = None

    @property
    def blueprint(self) -> Blueprint:
        """Its document."""
        if self._blueprint is None:
            self._blueprint = document.of_spec(self.name, self.spec)
        return self._blueprint

    @property
    def by_default(self) -> tuple[Dependency, ...]:
        """What it needs as long as nobody sets anything, wherever it runs.

        What depends on the place, or on a field without a default, is not told.
        """
        if self._by_default is None:
            self._by_default = tuple(_by_default(self.blueprint))
        return self._by_default

    @property
    def offered(self) -> bool:
        """Whether it can be had at all."""
        return self.published and not self.yanked

    def upgrades_from(self) -> tuple[Range, ...]:
        """Return from which versions it can be reached; none: from every older one."""
        return tuple(parsed_range(text) for text in self.blueprint.upgrades_from)

    def upgrades_blocks(self) -> tuple[Range, ...]:
        """Return from which versions it cannot be reached, whatever else is said."""
        return tuple(parsed_range(text) for text in self.blueprint.upgrades_blocks)


def _by_default(blueprint: Blueprint) -> Iterator[Dependency]:
    if not any(one.when for one in blueprint.depends):
        yield from blueprint.depends
        return
    seen = Variables({"config": effective(blueprint.schema, blueprint.values)})
    for one in blueprint.depends:
        try:
            if dependencies.holds(one, seen):
                yield one
        except dependencies.Undecided:
            continue


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever runs a version has to know of it."""

    mark: Literal["yanked", "outdated", "withdrawn", "deprecated"]
    reason: str
    security: bool = False
    """Whether whoever runs it is in danger."""
    replacement: str = ""
    """Blueprint to take instead; empty: none is named."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A Blueprint as one audience has it: an Organization, or the platform."""

    name: str
    """With `bp-`."""
    origin: Origin
    versions: tuple[Offered, ...]
    """Published ones, the newest first; yanked ones are among them."""
    pending: tuple[Offered, ...] = ()
    """Registered, and waiting for what they depend on."""
    deprecated: str = ""
    """Why new installs are advised against; empty: they are not."""
    replacement: str = ""
    """Blueprint to take instead; empty: none is named."""
    withdrawn: str = ""
    """Why it is in the catalogue no longer; empty: it is."""
    featured: bool = False
    hidden: str = ""
    """Why it is hidden; empty: it is not."""
    pinned: str = ""
    """The version that alone can be installed; empty: every one can."""
    pinned_why: str = ""
    category: str = ""
    """As curated, else the card's, else `catalogue.OTHER`; empty: it has no version."""

    @property
    def newest(self) -> Offered:
        """The version whose card is shown: the newest that is neither yanked nor a pre-release."""
        for one in self.versions:
            if one.offered and not one.version.pre:
                return one
        return next((one for one in self.versions if one.offered), self.versions[0])

    @property
    def today(self) -> Entry:
        """The same with what may be registered today alone, as far as it is known, if any may."""
        kept = self.pinned
        good = tuple(one for one in self.versions if not one.outdated or one.text == kept)
        some = any(one.offered for one in good)
        return msgspec.structs.replace(self, versions=good) if some else self

    @property
    def card(self) -> dict[str, Any]:
        """The card of the newest version."""
        found: dict[str, Any] = self.newest.spec.get("card") or {}
        return found

    @property
    def visibility(self) -> str:
        """`listed`, `unlisted` or `private`, as the newest version says."""
        return str(self.newest.spec.get("visibility") or "listed")

    @property
    def listed(self) -> bool:
        """Whether it stands among the cards; else it is found by its whole name alone.

        What is private to an Organization is listed there, unless its author says `unlisted`.
        """
        return self.visibility == "listed" or (
            self.origin == "private" and self.visibility == "private"
        )

    def version(self, text: str) -> Offered | None:
        """Return one registered version."""
        return next((one for one in (*self.versions, *self.pending) if one.text == text), None)

    def notices(self, text: str) -> tuple[Notice, ...]:
        """Return what was said against a version since it was offered, the gravest first."""
        found = []
        one = self.version(text)
        if one is not None and one.yanked:
            found.append(Notice(mark="yanked", reason=one.yanked, security=one.insecure))
        if one is not None and one.outdated:
            found.append(Notice(mark="outdated", reason=one.outdated))
        if self.withdrawn:
            found.append(Notice(mark="withdrawn", reason=self.withdrawn))
        elif self.deprecated:
            notice = Notice(mark="deprecated", reason=self.deprecated, replacement=self.replacement)
            found.append(notice)
        return tuple(found)

    def refusal(self, one: Offered, *, upgrade: bool = False) -> str:
        """Return why a version cannot be installed, or upgraded to; empty if it can.

        Hiding keeps new copies away, and nothing from what runs.
        """
        if self.withdrawn:
            return f"{self.name} is withdrawn: {self.withdrawn}"
        if self.hidden and not upgrade:
            return f"{self.name} is hidden: {self.hidden}"
        if one.yanked:
            return f"{self.name} {one.text} was yanked: {one.yanked}"
        if one.outdated:
            return f"{self.name} {one.text} would not be registered any more: {one.outdated}"
        if not one.published:
            waits = ", ".join(f"{need.blueprint} {need.version}" for need in one.missing)
            return f"{self.name} {one.text} is not published yet: it waits for {waits or 'others'}"
        if self.pinned and one.text != self.pinned:
            return f"{self.name} is pinned to {self.pinned}: {self.pinned_why}"
        return ""
