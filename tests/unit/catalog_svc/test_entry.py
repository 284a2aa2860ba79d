"""One Blueprint as an audience has it: which version stands for it, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.catalogue import NOON, Shop
from tests.support.each import each

from catalyst.blueprints.package import Package, of_files
from catalyst.catalog_svc.domain import icons
from catalyst.catalog_svc.domain.entry import Entry
from catalyst.catalog_svc.domain.prices import Prices
from catalyst.catalog_svc.queries_search import card, shown
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.rejection import Rejected

WIKI = "public-bp-wiki"


def yanked(version: str, *, insecure: bool = False) -> bp1.VersionYanked:
    return bp1.VersionYanked(
        name="bp-wiki", origin="public", version=version, reason="Broken.", security=insecure
    )


def entry(shop: Shop, name: str = "bp-wiki", organization: str | None = "acme") -> Entry:
    return shop.catalogue.entries(organization)[name]


def refusals(found: Entry, *, upgrade: bool = False) -> dict[str, str]:
    """Return why each version cannot be had; empty: it can."""
    known = (*found.versions, *found.pending)
    return {one.text: found.refusal(one, upgrade=upgrade) for one in known}


@pytest.fixture
def shop() -> Shop:
    """Return a catalogue with two versions of a wiki that anybody can have."""
    found = Shop()
    for version in ("1.0.0", "2.0.0"):
        about = {"title": f"Wiki {version}", "summary": "Pages.", "icon": "wiki.svg", "tags": ["a"]}
        found.blueprint("bp-wiki", version, card=about)
    return found


@pytest.mark.guarantee("G24.1")
def test_the_card_is_of_the_newest_version_that_can_be_had_or_of_the_pinned_one(shop: Shop) -> None:
    told = card(entry(shop), Prices(), NOON)
    assert (told.version, told.title, told.summary) == ("2.0.0", "Wiki 2.0.0", "Pages.")
    assert (told.icon, told.tags, told.yanked, told.security) == ("wiki.svg", ("a",), (), False)
    shop.curated(WIKI, cat1.VersionPinned(version="1.0.0", reason="Tested."))
    assert card(entry(shop), Prices(), NOON).version == "1.0.0"
    shop.curated(WIKI, cat1.VersionUnpinned())
    ref = shop.blueprint("bp-wiki", "1.5.0", published=False)
    shop.tell(ref, yanked("2.0.0", insecure=True))
    told = card(entry(shop), Prices(), NOON)
    assert (told.version, told.title) == ("1.0.0", "Wiki 1.0.0")
    assert (told.yanked, told.security) == (("2.0.0",), True)


def test_the_card_of_who_wrote_little_is_made_of_the_name() -> None:
    bare = Shop()
    bare.blueprint("bp-wiki", "1.0.0", card={"tagline": "Pages at once."})
    told = card(entry(bare), Prices(), NOON)
    assert (told.title, told.summary, told.icon, told.tags) == ("bp-wiki", "", "", ())
    found = shown(entry(bare))
    assert (found.title, found.summary, found.description) == ("", "Pages at once.", "")


def test_the_search_sees_what_the_card_says() -> None:
    full = Shop()
    about = {"title": "Wiki", "summary": "Pages.", "tagline": "x", "description": "Many."}
    full.blueprint("bp-wiki", "1.0.0", card={**about, "tags": ["notes"]}, visibility="unlisted")
    found = shown(entry(full))
    assert (found.title, found.summary, found.description) == ("Wiki", "Pages.", "Many.")
    assert (found.tags, found.origin, found.listed) == (("notes",), "public", False)


@pytest.mark.guarantee("G24.1")
def test_each_reason_why_a_version_cannot_be_had_is_told(shop: Shop) -> None:
    ref = shop.blueprint("bp-wiki", "3.0.0", "bp-db ^2", published=False)
    missing = (bp1.Missing(blueprint="bp-db", version="^2"),)
    shop.tell(ref, bp1.VersionAwaits(name="bp-wiki", version="3.0.0", missing=missing))
    shop.tell(ref, yanked("2.0.0"))
    assert refusals(entry(shop)) == {
        "1.0.0": "",
        "2.0.0": "bp-wiki 2.0.0 was yanked: Broken.",
        "3.0.0": "bp-wiki 3.0.0 is not published yet: it waits for bp-db ^2",
    }
    shop.curated(WIKI, cat1.VersionPinned(version="2.0.0", reason="Tested."))
    assert refusals(entry(shop))["1.0.0"] == "bp-wiki is pinned to 2.0.0: Tested."
    shop.curated(WIKI, cat1.VersionPinned(version="1.0.0", reason="Tested."))
    assert refusals(entry(shop))["1.0.0"] == ""
    shop.curated(WIKI, cat1.BlueprintHidden(reason="Old."))
    assert set(refusals(entry(shop)).values()) == {"bp-wiki is hidden: Old."}
    # Hiding takes nothing from what runs.
    assert refusals(entry(shop), upgrade=True)["1.0.0"] == ""
    pending = entry(shop).version("3.0.0")
    assert pending is not None
    assert not pending.published


@each(
    [
        ("public", "listed", True),
        ("public", "unlisted", False),
        ("sovereign", "private", False),
        ("private", "private", True),
        ("private", "unlisted", False),
    ]
)
def test_what_is_unlisted_or_of_the_platform_alone_stands_among_no_cards(
    origin: Any,
    visibility: str,
    listed: bool,  # noqa: FBT001
) -> None:
    shop = Shop()
    owner = "acme" if origin == "private" else None
    more: Any = {"origin": origin, "organization": owner, "visibility": visibility}
    shop.blueprint("bp-wiki", "1.0.0", **more)
    assert entry(shop, organization=owner).listed is listed


def pictures(**sizes: int) -> Package:
    return of_files({name.replace("_", "."): b"x" * size for name, size in sizes.items()})


@each(
    [
        ("a.svg", "image/svg+xml"),
        ("./a.svg", "image/svg+xml"),
        ("b.PNG", "image/png"),
        ("c.webp", "image/webp"),
        ("d.jpg", "has more than 64 KiB"),
        ("e.html", "an icon ends with one of"),
        ("none.svg", "names no file"),
        ("https://elsewhere.example/a.svg", "names no file"),
        ("", "names no file"),
    ]
)
def test_an_icon_is_a_picture_of_the_package_and_not_too_large(named: str, told: str) -> None:
    most = icons.MAX_BYTES
    package = pictures(a_svg=1, b_PNG=most, c_webp=2, d_jpg=most + 1, e_html=1)
    if told.startswith("image/"):
        assert icons.icon(package, named).media_type == told
        return
    with pytest.raises(Rejected, match=told) as caught:
        icons.icon(package, named)
    assert caught.value.code == "not-found"
