"""Who sees which Blueprint, and under which name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.catalogue import PROD, Shop

from catalyst.catalog_svc.domain import catalogue
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

WIKI = "public-bp-wiki"


def sees(shop: Shop, organization: str | None) -> dict[str, str]:
    """Return name and origin of what is visible."""
    visible = shop.catalogue.visible(organization)
    return {name: entry.origin for name, entry in visible.items()}


@pytest.mark.guarantee("G24.2")
def test_on_one_name_private_wins_over_sovereign_over_public() -> None:
    shop = Shop()
    shop.blueprint("bp-wiki", "1.0.0")
    assert sees(shop, "acme") == {"bp-wiki": "public"}
    shop.blueprint("bp-wiki", "1.0.0", origin="sovereign")
    assert sees(shop, "acme") == {"bp-wiki": "sovereign"}
    own = shop.blueprint("bp-wiki", "1.0.0", origin="private", organization="acme")
    assert sees(shop, "acme") == {"bp-wiki": "private"}
    assert sees(shop, "rival") == sees(shop, None) == {"bp-wiki": "sovereign"}
    shop.tell(own, bp1.BlueprintWithdrawn(name="bp-wiki", origin="private", reason="x"))
    assert sees(shop, "acme") == {"bp-wiki": "sovereign"}


def test_what_is_not_published_yanked_whole_or_withdrawn_is_not_seen() -> None:
    shop = Shop()
    ref = shop.blueprint("bp-wiki", "1.0.0", published=False)
    assert sees(shop, "acme") == {}
    published = bp1.VersionPublished(name="bp-wiki", origin="public", version="1.0.0")
    shop.tell(ref, published)
    assert sees(shop, "acme") == {"bp-wiki": "public"}
    shop.tell(ref, bp1.VersionYanked(name="bp-wiki", origin="public", version="1.0.0", reason="x"))
    assert sees(shop, "acme") == {}
    shop.blueprint("bp-wiki", "1.0.1")
    assert sees(shop, "acme") == {"bp-wiki": "public"}
    shop.tell(ref, bp1.BlueprintWithdrawn(name="bp-wiki", origin="public", reason="x"))
    assert sees(shop, "acme") == {}


def test_versions_stand_newest_first_and_the_card_is_of_the_newest_release() -> None:
    shop = Shop()
    for version in ("1.10.0", "1.9.0", "2.0.0-rc.1", "1.10.1"):
        shop.blueprint("bp-wiki", version)
    entry = shop.catalogue.entries("acme")["bp-wiki"]
    assert [one.text for one in entry.versions] == ["2.0.0-rc.1", "1.10.1", "1.10.0", "1.9.0"]
    assert entry.card["title"] == "Version 1.10.1"


def test_the_card_is_of_no_version_that_was_yanked_as_long_as_there_is_another() -> None:
    shop = Shop()
    for version in ("2.0.0-rc.1", "2.0.0-rc.2"):
        ref = shop.blueprint("bp-wiki", version)
    yank = bp1.VersionYanked(name="bp-wiki", origin="public", version="2.0.0-rc.2", reason="x")
    shop.tell(ref, yank)
    assert shop.catalogue.entries("acme")["bp-wiki"].card["title"] == "Version 2.0.0-rc.1"


@pytest.mark.guarantee("G24.1")
def test_curation_of_the_platform_is_for_all_and_an_organization_s_for_itself() -> None:
    shop = Shop()
    shop.blueprint("bp-wiki", "1.0.0")
    shop.blueprint("bp-wiki", "2.0.0")
    pin = cat1.VersionPinned(version="1.0.0", reason="Tested.")
    shop.curated(WIKI, cat1.BlueprintFeatured(), cat1.CategorySet(category="pages"), pin)
    shop.curated(WIKI, cat1.CategorySet(category="own"), organization="acme")
    mine, other = (shop.catalogue.entries(name)["bp-wiki"] for name in ("acme", "rival"))
    assert (mine.featured, mine.category, mine.pinned) == (True, "own", "1.0.0")
    assert (other.featured, other.category, other.pinned) == (True, "pages", "1.0.0")
    shop.curated(WIKI, cat1.BlueprintHidden(reason="x"), organization="acme")
    assert (sees(shop, "acme"), sees(shop, "rival")) == ({}, {"bp-wiki": "public"})
    shop.curated(WIKI, cat1.BlueprintHidden(reason="y"))
    shop.curated(WIKI, cat1.BlueprintShown(), organization="acme")
    assert sees(shop, "acme") == sees(shop, "rival") == {}


def test_the_platform_can_keep_one_to_itself() -> None:
    shop = Shop()
    shop.blueprint("bp-inner", "1.0.0", origin="sovereign", visibility="private")
    assert sees(shop, None) == {"bp-inner": "sovereign"}
    assert sees(shop, "acme") == {}


@pytest.mark.guarantee("G24.2")
@pytest.mark.parametrize("published", [True, False], ids=["yanked", "pending"])
def test_what_the_platform_keeps_to_itself_stays_so_though_nobody_can_install_it(
    *, published: bool
) -> None:
    shop = Shop()
    ref = shop.blueprint("bp-inner", "1.0.0", visibility="private", published=published)
    if published:
        yank = bp1.VersionYanked(name="bp-inner", origin="public", version="1.0.0", reason="x")
        shop.tell(ref, yank)
    assert "bp-inner" in shop.catalogue.entries(None)
    assert "bp-inner" not in shop.catalogue.entries("acme")
    assert shop.catalogue.of_origin("acme", "public", "bp-inner") is None


def test_an_organization_that_is_not_there_is_told() -> None:
    shop = Shop()
    with pytest.raises(Rejected, check=lambda error: error.code == "organization-not-found"):
        shop.catalogue.require("acme")
    shop.organization()
    shop.catalogue.require("acme")
    shop.catalogue.require(None)


NAMES = st.sampled_from(["bp-aa", "bp-bb", "bp-cc"])
VERSIONS = st.sampled_from(["1.0.0", "1.1.0", "2.0.0-rc.1"])
CURATIONS: st.SearchStrategy[Event] = st.sampled_from(
    [
        cat1.BlueprintFeatured(),
        cat1.BlueprintHidden(reason="x"),
        cat1.BlueprintShown(),
        cat1.VersionPinned(version="1.0.0", reason="x"),
        cat1.VersionUnpinned(),
        cat1.CategorySet(category="own"),
    ]
)
STEPS = st.one_of(
    st.tuples(st.just("version"), st.sampled_from([None, "acme", "rival"]), NAMES, VERSIONS),
    st.tuples(st.just("yank"), st.sampled_from([None, "acme", "rival"]), NAMES, VERSIONS),
    st.tuples(st.just("curate"), st.sampled_from([None, "acme", "rival"]), NAMES, CURATIONS),
)


def follow(shop: Shop, step: Any) -> None:
    """Let one thing happen."""
    what, organization, name, detail = step
    origin: bp1.Origin = "private" if organization else "public"
    if what == "version":
        shop.blueprint(name, detail, origin=origin, organization=organization)
    elif what == "yank":
        yank = bp1.VersionYanked(name=name, origin=origin, version=detail, reason="x")
        shop.tell(Ref(organization, "blueprint", "blueprint", f"{origin}-{name}"), yank)
    else:
        shop.curated(f"public-{name}", detail, organization=organization)
        if organization:
            shop.curated(f"private-{name}", detail, organization=organization)


def whole(shop: Shop, organization: str | None) -> Any:
    """Return everything that an audience can be told of Blueprints."""
    return {
        name: (
            entry.origin,
            entry.card,
            entry.category,
            entry.hidden,
            entry.pinned,
            entry.featured,
            [(one.text, one.digest, one.yanked) for one in entry.versions],
        )
        for name, entry in shop.catalogue.entries(organization).items()
    }


@pytest.mark.guarantee("G24.2")
@given(st.lists(STEPS, max_size=25))
def test_nothing_that_another_organization_does_is_seen(steps: list[Any]) -> None:
    """Asking in between, too, so that nothing kept from before is shown."""
    both, alone = Shop(), Shop()
    for step in steps:
        follow(both, step)
        if step[1] != "rival":
            follow(alone, step)
        assert whole(both, "acme") == whole(alone, "acme")
        assert whole(both, None) == whole(alone, None)
    fresh = Shop()
    for step in steps:
        follow(fresh, step)
    assert whole(fresh, "rival") == whole(both, "rival")


def lived(shop: Shop, *, asked: bool) -> None:
    """Let an Organization have things of its own, and be deleted."""
    shop.organization()
    shop.blueprint("bp-shared", "1.0.0")
    shop.blueprint("bp-old", "1.0.0", origin="private", organization="acme")
    shop.curated("public-bp-shared", cat1.BlueprintHidden(reason="x"), organization="acme")
    source = bp1.SourceAdded(name="ours", kind="git", location="/git/x.git", origin="private")
    shop.tell(Ref("acme", "blueprint", "source", "ours"), source)
    shop.runs("old", "bp-old", "1.0.0", origin="private")
    if asked:
        assert sees(shop, "acme") == {"bp-old": "private"}
    gone = env1.OrganizationDeleted(slug="acme")
    shop.tell(Ref("acme", "environment", "organization", "acme"), gone)


def test_of_an_organization_that_was_deleted_nothing_is_left() -> None:
    shop = Shop()
    lived(shop, asked=True)
    assert sees(shop, "acme") == {"bp-shared": "public"}
    assert shop.catalogue.installed("acme", "private", "bp-old") is None
    assert shop.catalogue.applications("acme") == {}
    assert shop.catalogue.place("acme", PROD) is None
    assert shop.catalogue.sources("acme") == ()
    with pytest.raises(Rejected, check=lambda error: error.code == "organization-deleted"):
        shop.catalogue.require("acme")


def test_whatever_else_happens_to_an_organization_takes_nothing_of_its_own() -> None:
    shop = Shop()
    shop.organization()
    shop.blueprint("bp-own", "1.0.0", origin="private", organization="acme")
    source = bp1.SourceAdded(name="ours", kind="git", location="/git/x.git", origin="private")
    shop.tell(Ref("acme", "blueprint", "source", "ours"), source)
    shop.runs("own", "bp-own", "1.0.0", origin="private")
    for event in (
        env1.OrganizationSuspended(slug="acme", reason="x"),
        env1.OrganizationResumed(slug="acme"),
        env1.OrganizationReady(slug="acme"),
    ):
        shop.tell(Ref("acme", "environment", "organization", "acme"), event)
        assert sees(shop, "acme") == {"bp-own": "private"}
        assert list(shop.catalogue.applications("acme")) == ["own"]
        assert shop.catalogue.place("acme", PROD) is not None
        assert [one.name for one in shop.catalogue.sources("acme")] == ["ours"]


@pytest.mark.parametrize("asked", [True, False], ids=["asked before", "not asked before"])
def test_the_next_organization_of_a_name_sees_nothing_of_the_one_before(*, asked: bool) -> None:
    """Nor what was kept ready for that one: as many things have happened in both."""
    shop = Shop()
    lived(shop, asked=asked)
    shop.organization()
    shop.blueprint("bp-new", "1.0.0", origin="private", organization="acme")
    shop.curated("public-bp-shared", cat1.BlueprintFeatured(), organization="acme")
    assert sees(shop, "acme") == {"bp-new": "private", "bp-shared": "public"}


def test_of_each_origin_there_is_its_own_whichever_stands_for_the_name() -> None:
    shop = Shop()
    shop.blueprint("bp-wiki", "1.0.0")
    shop.blueprint("bp-wiki", "2.0.0", origin="sovereign")
    shop.blueprint("bp-wiki", "3.0.0", origin="private", organization="acme")
    found = {
        origin: shop.catalogue.of_origin("acme", origin, "bp-wiki")
        for origin in ("public", "sovereign", "private")
    }
    assert {origin: one.origin for origin, one in found.items() if one is not None} == {
        origin: origin for origin in found
    }
    for organization in ("rival", None):
        assert shop.catalogue.of_origin(organization, "private", "bp-wiki") is None
    assert shop.catalogue.of_origin("acme", "public", "bp-none") is None


@pytest.mark.guarantee("G24.2")
def test_what_the_platform_keeps_for_itself_is_said_by_the_newest_that_can_be_installed() -> None:
    shop = Shop()
    ref = shop.blueprint("bp-wiki", "1.0.0")
    shop.blueprint("bp-wiki", "2.0.0", visibility="private")
    assert sees(shop, "acme") == {}
    shop.tell(ref, bp1.VersionYanked(name="bp-wiki", origin="public", version="2.0.0", reason="x"))
    assert sees(shop, "acme") == {"bp-wiki": "public"}
    # A release says more than what comes before one.
    shop.blueprint("bp-wiki", "3.0.0-rc.1", visibility="private")
    assert sees(shop, "acme") == {"bp-wiki": "public"}


@pytest.mark.guarantee("G24.1")
def test_what_is_featured_hidden_or_filed_by_the_platform_or_by_oneself_is_so() -> None:
    shop = Shop()
    card = {"title": "Wiki", "category": "text"}
    shop.blueprint("bp-wiki", "1.0.0", card=card)

    def seen(organization: str | None) -> tuple[bool, str, str, str]:
        one = shop.catalogue.entries(organization)["bp-wiki"]
        return one.featured, one.hidden, one.pinned, one.category

    plain = (False, "", "", "text")
    assert seen("acme") == seen("rival") == seen(None) == plain
    featured: list[Event] = [
        cat1.BlueprintFeatured(),
        cat1.BlueprintHidden(reason="ours"),
        cat1.VersionPinned(version="1.0.0", reason="x"),
        cat1.CategorySet(category="own"),
    ]
    for event in featured:
        shop.curated(WIKI, event, organization="acme")
    assert seen("acme") == (True, "ours", "1.0.0", "own")
    assert seen("rival") == seen(None) == plain
    for event in (cat1.BlueprintHidden(reason="all"), cat1.CategorySet(category="all")):
        shop.curated(WIKI, event)
    # One's own word goes first, and being featured needs one of the two.
    assert seen("acme") == (True, "ours", "1.0.0", "own")
    assert seen("rival") == seen(None) == (False, "all", "", "all")
    shop.curated(WIKI, cat1.BlueprintFeatured())
    shop.curated(WIKI, cat1.BlueprintUnfeatured(), organization="acme")
    assert seen("acme")[0] is seen("rival")[0] is True


@pytest.mark.parametrize("published", [True, False], ids=["published", "pending"])
def test_of_what_the_platform_took_back_a_copy_has_what_ran_and_nothing_that_came_since(
    *, published: bool
) -> None:
    shop = Shop()
    shop.organization()
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        shop.blueprint("bp-wiki", version)
    for version in ("1.0.0", "1.1.0"):
        shop.runs("wiki", "bp-wiki", version)
    shop.blueprint("bp-wiki", "2.0.0", visibility="private")
    shop.blueprint("bp-wiki", "3.0.0", visibility="private", published=published)
    ran = shop.catalogue.applications("acme")["wiki"]
    copy = ran.expected(PROD)
    assert copy is not None
    entry = shop.catalogue.copied("acme", copy, ran.before[PROD])
    assert entry is not None
    assert [one.text for one in (*entry.versions, *entry.pending)] == ["1.1.0", "1.0.0"]
    # The platform itself sees all of it.
    whole_ = shop.catalogue.copied(None, copy)
    assert whole_ is not None
    assert whole_.version("3.0.0") is not None


def test_what_everybody_sees_is_less_than_what_the_platform_does() -> None:
    shop = Shop()
    shop.blueprint("bp-inner", "1.0.0", origin="sovereign", visibility="private")
    shop.blueprint("bp-wiki", "1.0.0")
    shop.blueprint("bp-own", "1.0.0", origin="private", organization="acme")
    seen = {name: sees(shop, shop.catalogue.everybody(name)) for name in (None, "acme")}
    assert seen == {
        None: {"bp-inner": "sovereign", "bp-wiki": "public"},
        "acme": {"bp-wiki": "public"},
    }


def test_what_is_seen_is_kept_ready_for_so_many_and_made_anew_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue, "_AUDIENCES", 2)
    shop = Shop()
    for name in ("a", "b", "c"):
        shop.blueprint(f"bp-{name}", "1.0.0", origin="private", organization=name)
    first, second = (shop.catalogue.entries(name) for name in ("a", "b"))
    assert shop.catalogue.entries("a") is first
    shop.catalogue.entries("c")
    assert shop.catalogue.entries("b") is second
    again = shop.catalogue.entries("a")
    assert again is not first
    assert again == first
