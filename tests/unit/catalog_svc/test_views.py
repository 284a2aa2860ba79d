"""The row of a curation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.each import each

from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.message import Event
from catalyst.contracts.roles import PLATFORM_ROLES, may_read, may_read_platform
from catalyst.contracts.subjects import Ref
from catalyst.projector.views.catalog_curation import CURATION
from catalyst.projector.views.view import At

NOON = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
WIKI = Ref("acme", "catalog", "curation", "public-bp-wiki")


def row(ref: Ref, *events: Event) -> Any:
    """Fold events as the projector does."""
    doc = None
    for seq, event in enumerate(events, 1):
        at = At(ref=ref, seq=seq, time=NOON + timedelta(seconds=seq))
        if doc is not None or CURATION.starts(event):
            doc = CURATION.folds[type(event)](doc, event, at)
    return doc


def test_what_was_said_last_holds() -> None:
    doc = row(
        WIKI,
        cat1.BlueprintHidden(reason="Old."),
        cat1.BlueprintFeatured(),
        cat1.VersionPinned(version="1.0.0", reason="Tested."),
        cat1.CategorySet(category="pages"),
        cat1.BlueprintShown(),
    )
    assert (doc.blueprint, doc.origin, doc.organization) == ("bp-wiki", "public", "acme")
    assert (doc.featured, doc.hidden, doc.pinned, doc.category) == (True, "", "1.0.0", "pages")
    assert doc.changed == NOON + timedelta(seconds=5)


@each(
    [
        cat1.BlueprintUnfeatured(),
        cat1.BlueprintShown(),
        cat1.VersionUnpinned(),
        cat1.CategoryCleared(),
    ]
)
def test_each_is_taken_back_and_starts_nothing(event: Event) -> None:
    assert row(WIKI, event) is None
    said = [
        cat1.BlueprintFeatured(),
        cat1.BlueprintHidden(reason="Old."),
        cat1.VersionPinned(version="1.0.0", reason="Tested."),
        cat1.CategorySet(category="pages"),
    ]
    before, after = row(WIKI, *said), row(WIKI, *said, event)
    changed = {
        name
        for name in CURATION.document.__struct_fields__
        if getattr(before, name) != getattr(after, name)
    } - {"changed", "pinned_reason"}
    assert len(changed) == 1


@pytest.mark.guarantee("G24.2")
def test_members_see_their_own_and_platform_roles_the_platform_s() -> None:
    for role in ("org-admin", "org-developer", "org-viewer"):
        assert may_read("curation", (), (role,))
        assert not may_read_platform("curation", (role,))
    for role in PLATFORM_ROLES:
        assert may_read_platform("curation", (role,))
        assert not may_read("curation", (role,), ())
    labels = CURATION.labels(row(WIKI, cat1.BlueprintFeatured()))
    assert labels["openova.io/organization"] == "acme"
