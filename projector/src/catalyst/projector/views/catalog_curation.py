"""The row of a curation: how a Blueprint is shown, for everybody or for one Organization."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View

_replace = msgspec.structs.replace


class CurationDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a curation."""

    blueprint: str
    """With `bp-`."""
    origin: str
    organization: str | None
    """For whom; None: for everybody."""
    featured: bool
    hidden: str
    """Why it is hidden; empty: it is not."""
    pinned: str
    """The version that alone can be installed; empty: every one can."""
    pinned_reason: str
    category: str
    """Empty: the card's own."""
    changed: datetime


Doc = CurationDocument


def key(ref: Ref) -> RowKey:
    """Return the key of a curation's row."""
    return RowKey(ref.organization, None, "curation", None, ref.id)


def _fold(doc: Doc | None, event: Event, at: At) -> Doc:
    if doc is None:
        origin, _, name = at.ref.id.partition("-")
        doc = Doc(
            blueprint=name,
            origin=origin,
            organization=at.ref.organization,
            featured=False,
            hidden="",
            pinned="",
            pinned_reason="",
            category="",
            changed=at.time,
        )
    return _replace(doc, changed=at.time, **_said(event))


def _said(event: Event) -> dict[str, Any]:
    match event:
        case cat1.BlueprintFeatured() | cat1.BlueprintUnfeatured():
            return {"featured": isinstance(event, cat1.BlueprintFeatured)}
        case cat1.BlueprintHidden(reason=reason):
            return {"hidden": reason}
        case cat1.BlueprintShown():
            return {"hidden": ""}
        case cat1.VersionPinned(version=version, reason=reason):
            return {"pinned": version, "pinned_reason": reason}
        case cat1.VersionUnpinned():
            return {"pinned": "", "pinned_reason": ""}
        case cat1.CategorySet(category=category):
            return {"category": category}
        case _:
            return {"category": ""}


def _labels(doc: Doc) -> Mapping[str, str]:
    owner = {} if doc.organization is None else {"openova.io/organization": doc.organization}
    return {**owner, "openova.io/blueprint": doc.blueprint, "openova.io/origin": doc.origin}


_SAYS: Final[tuple[type[Event], ...]] = (
    cat1.BlueprintFeatured,
    cat1.BlueprintHidden,
    cat1.VersionPinned,
    cat1.CategorySet,
)
_TAKES_BACK: Final[tuple[type[Event], ...]] = (
    cat1.BlueprintUnfeatured,
    cat1.BlueprintShown,
    cat1.VersionUnpinned,
    cat1.CategoryCleared,
)
_FOLDS: Final[dict[type[Event], Fold]] = dict.fromkeys((*_SAYS, *_TAKES_BACK), _fold)

CURATION: Final[View[Any]] = View(
    kind="curation",
    plural="curations",
    service="catalog",
    aggregate="curation",
    document=CurationDocument,
    key=key,
    folds=_FOLDS,
    creates=cat1.BlueprintFeatured,
    creates_too=frozenset(_SAYS),
    labels=_labels,
)
