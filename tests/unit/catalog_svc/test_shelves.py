"""What a search is for, and on which shelf: none holds more than who asks may see."""

import asyncio
from typing import Any

import pytest
from tests.support.catalogue import Shop
from tests.support.each import each
from tests.support.gates import Gate
from tests.unit.catalog_svc.test_search import WHO, Catalog, load, shop
from typing_extensions import override

from catalyst.catalog_svc import queries_search
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.catalog_svc.domain.prices import Prices
from catalyst.contracts import catalog_v1 as cat1


@pytest.fixture
def facts() -> Shop:
    """Return a catalogue in which not everything is for everybody."""
    found = shop()
    found.blueprint("bp-wiki", "1.0.0")
    found.blueprint("bp-chat", "1.0.0")
    found.curated("public-bp-chat", cat1.BlueprintFeatured())
    found.blueprint("bp-inner-tool", "1.0.0", visibility="unlisted")
    return found


@pytest.fixture
def catalog(facts: Shop) -> Catalog:
    """Return its questions, answered from one shelf."""
    return Catalog(facts)


@each(
    [
        ({}, ["bp-chat", "bp-wiki"]),
        ({"text": "  "}, ["bp-chat", "bp-wiki"]),
        ({"text": "inner"}, []),
        ({"text": " inner-tool "}, ["bp-inner-tool"]),
        ({"text": "bp-inner-tool"}, ["bp-inner-tool"]),
        ({"text": "!?"}, []),
        ({"featured": True}, ["bp-chat"]),
    ]
)
def test_what_is_asked_for_is_found_and_what_is_unlisted_by_its_whole_name_alone(
    request_: dict[str, Any], names: list[str], *, catalog: Catalog
) -> None:
    assert catalog.found(**request_) == names


@pytest.mark.guarantee("G24.2")
@each([("", "acme"), ("acme", ""), ("acme", "beta")])
def test_whoever_asked_before_changes_nothing(first: str, second: str) -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0")
    facts.blueprint("bp-kept", "1.0.0", origin="sovereign", visibility="private")
    if second == "beta":
        facts.blueprint("bp-own", "1.0.0", origin="private", organization="acme")
    catalog = Catalog(facts)
    for organization in (first, second):
        assert catalog.found("bp-kept", organization) == ([] if organization else ["bp-kept"])
        own = ["bp-own"] if (second, organization) == ("beta", "acme") else []
        assert sorted(catalog.found(organization=organization)) == [*own, "bp-wiki"]


def test_one_shelf_serves_all_who_have_nothing_of_their_own_until_something_changes(
    facts: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts.organization("gamma")
    facts.blueprint("bp-own", "1.0.0", origin="private", organization="acme")
    filled: list[int] = []

    class Counted(Tantivy):
        @override
        def put(self, shown: Any) -> None:
            known = list(shown)
            filled.append(len(known))
            super().put(known)

    searching = queries_search.Searching(facts.catalogue, Prices(), Counted)

    def ask(organization: str) -> int:
        found = asyncio.run(searching.search({}, organization, WHO, load))
        return int(found["total"])

    assert [ask(name) for name in ("beta", "gamma", "acme", "", "acme", "beta")] == [
        2,
        2,
        3,
        2,
        3,
        2,
    ]
    assert filled == [3, 4, 3]
    facts.blueprint("bp-mail", "1.0.0")
    assert (ask("beta"), filled) == (3, [3, 4, 3, 4])
    monkeypatch.setattr(queries_search, "KEPT", 1)
    filled.clear()
    assert [ask(name) for name in ("beta", "beta", "acme", "beta")] == [3, 3, 4, 3]
    assert filled == [5, 4]


@pytest.mark.guarantee("G7.16")
def test_a_shelf_is_filled_to_the_end_though_nobody_waits_for_it(
    facts: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(Tantivy, "put", gate.before(Tantivy.put))
    searching = queries_search.Searching(facts.catalogue, Prices(), Tantivy)
    found = asyncio.run(gate.given_up(lambda: searching.search({}, "beta", WHO, load)))
    assert (found["total"], gate.passed) == (2, 1)


def test_a_bundle_says_with_its_tags_what_its_parts_are_whatever_it_is_shown_under() -> None:
    facts = shop()
    for name, category in (("bp-all", "bundle"), ("bp-vault", "security")):
        card = {"title": name, "category": category, "tags": ["passwords"]}
        facts.blueprint(name, "1.0.0", card=card)
    catalog = Catalog(facts)
    assert catalog.found(text="passwords") == ["bp-vault", "bp-all"]
    facts.curated("public-bp-all", cat1.CategorySet(category="team"))
    assert catalog.found(text="passwords") == ["bp-vault", "bp-all"]
