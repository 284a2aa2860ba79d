"""Golden payloads of curation: `acme` curates the wiki."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.message import Command, Event

_WHY: Final = "We run one version everywhere."
_HIDDEN: Final = "We write in the other wiki."

CATALOG: Final[tuple[Command | Event, ...]] = (
    cat1.FeatureBlueprint(),
    cat1.UnfeatureBlueprint(),
    cat1.HideBlueprint(reason=_HIDDEN),
    cat1.ShowBlueprint(),
    cat1.PinVersion(version="2.0.0", reason=_WHY),
    cat1.UnpinVersion(),
    cat1.SetCategory(category="knowledge"),
    cat1.ClearCategory(),
    cat1.BlueprintFeatured(),
    cat1.BlueprintUnfeatured(),
    cat1.BlueprintHidden(reason=_HIDDEN),
    cat1.BlueprintShown(),
    cat1.VersionPinned(version="2.0.0", reason=_WHY),
    cat1.VersionUnpinned(),
    cat1.CategorySet(category="knowledge"),
    cat1.CategoryCleared(),
)
