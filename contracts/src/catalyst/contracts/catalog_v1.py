"""Messages of curation: how a Blueprint is shown, and to whom. Version 1.

What the platform curates (`_`) holds for every Organization, and what an Organization curates for
itself alone. The id is the Blueprint's own, such as `public-bp-wiki`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from catalyst.contracts.blueprint_values_v1 import VersionText
from catalyst.contracts.message import END, Command, Event
from catalyst.contracts.values_v1 import Reason

CategoryName = Annotated[
    str,
    msgspec.Meta(
        min_length=2,
        max_length=40,
        pattern=r"^[a-z][a-z0-9-]*" + END,
        description="2 to 40 lower-case letters, digits or '-', beginning with a letter",
        examples=["databases"],
    ),
]

# ---- commands


class FeatureBlueprint(Command, frozen=True, kw_only=True):
    """Show a Blueprint before all others."""


class UnfeatureBlueprint(Command, frozen=True, kw_only=True):
    """Show a Blueprint among all others again."""


class HideBlueprint(Command, frozen=True, kw_only=True):
    """Keep a Blueprint from being found and newly installed; what runs goes on."""

    reason: Reason
    """Why, for whoever misses it."""


class ShowBlueprint(Command, frozen=True, kw_only=True):
    """Let a hidden Blueprint be found and installed again."""


class PinVersion(Command, frozen=True, kw_only=True):
    """Let one version of a Blueprint be installed and upgraded to, and no other."""

    version: VersionText
    """The version, which has to be published."""
    reason: Reason
    """Why, for whoever wants another one."""


class UnpinVersion(Command, frozen=True, kw_only=True):
    """Let every version be installed again."""


class SetCategory(Command, frozen=True, kw_only=True):
    """Show a Blueprint under another category than its card says."""

    category: CategoryName
    """The category."""


class ClearCategory(Command, frozen=True, kw_only=True):
    """Show a Blueprint under its card's category again."""


# ---- events


class BlueprintFeatured(Event, frozen=True, kw_only=True):
    """A Blueprint is shown before all others."""


class BlueprintUnfeatured(Event, frozen=True, kw_only=True):
    """A Blueprint is shown among all others again."""


class BlueprintHidden(Event, frozen=True, kw_only=True):
    """A Blueprint is not found and not newly installed any more."""

    reason: str
    """Why it is hidden."""


class BlueprintShown(Event, frozen=True, kw_only=True):
    """A hidden Blueprint can be found and installed again."""


class VersionPinned(Event, frozen=True, kw_only=True):
    """One version of a Blueprint can be installed, and no other."""

    version: str
    """The version."""
    reason: str
    """Why it is this one."""


class VersionUnpinned(Event, frozen=True, kw_only=True):
    """Every version can be installed again."""


class CategorySet(Event, frozen=True, kw_only=True):
    """A Blueprint is shown under another category than its card says."""

    category: str
    """The category."""


class CategoryCleared(Event, frozen=True, kw_only=True):
    """A Blueprint is shown under its card's category again."""
