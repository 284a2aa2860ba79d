"""A Blueprint at a glance."""

from tests.unit.catalog_svc.test_search import Catalog, shop

from catalyst.contracts import catalog_v1 as cat1


def test_a_card_names_what_its_version_needs_whatever_is_set() -> None:
    facts = shop()
    depends = [
        {"blueprint": "bp-postgres", "version": "^1", "alias": "database"},
        {"blueprint": "bp-postgres", "version": "^1", "alias": "archive"},
        {"blueprint": "bp-cache", "version": "^1", "alias": "cache", "when": "config.fast"},
    ]
    facts.blueprint("bp-postgres", "1.0.0")
    facts.blueprint("bp-wiki", "1.0.0")
    facts.blueprint("bp-wiki", "2.0.0", depends=depends)
    catalog = Catalog(facts)

    def needs() -> dict[str, list[str]]:
        return {one["name"]: one["needs"] for one in catalog.ask("search")["items"]}

    assert needs() == {"bp-postgres": [], "bp-wiki": ["bp-postgres"]}
    facts.curated("public-bp-wiki", cat1.VersionPinned(version="1.0.0", reason="tried"))
    assert needs() == {"bp-postgres": [], "bp-wiki": []}


def test_what_has_no_category_is_found_by_one_too() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0", card={"title": "Wiki", "category": "cms"})
    for name in ("bp-chat", "bp-mail"):
        facts.blueprint(name, "1.0.0", card={"title": name})
    catalog = Catalog(facts)
    told = catalog.ask("search")
    assert [(one["name"], one["category"]) for one in told["items"]] == [
        *(("bp-chat", "other"), ("bp-mail", "other"), ("bp-wiki", "cms")),
    ]
    counts = {one["value"]: one["count"] for one in told["facets"]["category"]}
    assert counts == {"other": 2, "cms": 1}
    assert catalog.found(category=["other"]) == ["bp-chat", "bp-mail"]
    assert catalog.ask("show", blueprint="bp-chat")["card"]["category"] == "other"
    facts.curated("public-bp-chat", cat1.CategorySet(category="talk"))
    assert catalog.found(category=["other"]) == ["bp-mail"]
