"""The table of `catalog`: curation of Blueprints, and questions about the catalogue."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.tables.role import ADMINS, MEMBERS, PLATFORM_ROLES
from catalyst.contracts.tables.row import Rows, Table

_ROWS: Final = Rows("catalog")
AGGREGATES: Final = ("curation",)
_KINDS: Final = frozenset(AGGREGATES)

_MESSAGES: Final = (
    *_ROWS.commands(
        "curation",
        ("feature-blueprint", cat1.FeatureBlueprint),
        ("unfeature-blueprint", cat1.UnfeatureBlueprint),
        ("hide-blueprint", cat1.HideBlueprint),
        ("show-blueprint", cat1.ShowBlueprint),
        ("pin-version", cat1.PinVersion),
        ("unpin-version", cat1.UnpinVersion),
        ("set-category", cat1.SetCategory),
        ("clear-category", cat1.ClearCategory),
    ),
    *_ROWS.events(
        "curation",
        ("blueprint-featured", cat1.BlueprintFeatured),
        ("blueprint-unfeatured", cat1.BlueprintUnfeatured),
        ("blueprint-hidden", cat1.BlueprintHidden),
        ("blueprint-shown", cat1.BlueprintShown),
        ("version-pinned", cat1.VersionPinned),
        ("version-unpinned", cat1.VersionUnpinned),
        ("category-set", cat1.CategorySet),
        ("category-cleared", cat1.CategoryCleared),
    ),
    *_ROWS.runtime(AGGREGATES),
)

TABLE: Final = Table(
    service="catalog",
    member="catalog-svc",
    content="reads",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={
        f"{message.name}.v{message.version}": ADMINS
        for message in _MESSAGES
        if message.kind == "command" and message.shape.__module__ == cat1.__name__
    },
    reads_platform=dict.fromkeys(PLATFORM_ROLES, _KINDS),
    reads_own=dict.fromkeys(MEMBERS, _KINDS),
    service_reads={"catalog": _KINDS},
)
