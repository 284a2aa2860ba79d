"""A version in a slot, and the need that a slot holds one."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalyst.blueprints.versions import Range, Version
from catalyst.catalog_svc.domain.entry import Entry, Offered


@dataclass(frozen=True, slots=True)
class Pin:
    """A version in a slot."""

    slot: str
    application: str
    """Its name; empty: it has none yet."""
    name: str
    """Of the Blueprint."""
    origin: str
    text: str
    version: Version = field(compare=False)
    digest: str = field(compare=False, default="")
    offered: Offered | None = field(compare=False, default=None)
    stays: bool = field(compare=False, default=False)
    """Whether this is what runs already."""
    instead: str = ""
    """Of a choice: the slot that is chosen."""
    via: tuple[Need, ...] = field(compare=False, default=())
    """Who needed it when it was chosen."""


@dataclass(frozen=True, slots=True)
class Need:
    """That a slot holds a version of a range."""

    slot: str
    blueprint: str
    wanted: Range
    parent: Pin | None
    """Who needs it; None: whoever asked."""
    alias: str = ""

    def fits(self, pin: Pin) -> bool:
        """Return whether a version satisfies this."""
        return pin.name == self.blueprint and self.wanted.contains(pin.version)


def offer(slot: str, application: str, entry: Entry, one: Offered) -> Pin:
    """Return a version that is offered, in a slot."""
    return Pin(
        slot=slot,
        application=application,
        name=entry.name,
        origin=entry.origin,
        text=one.text,
        version=one.version,
        digest=one.digest,
        offered=one,
    )
