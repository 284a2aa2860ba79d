"""A Blueprint at a glance."""

from typing import Any

import pytest
from tests.unit.catalog_svc.test_search import Catalog, shop

from catalyst.contracts import catalog_v1 as cat1


def test_a_card_names_what_its_version_needs_always() -> None:
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


@pytest.mark.parametrize(
    ("when", "comes"),
    [
        ("config.store == 'embedded'", True),
        ("config.store == 'external'", False),
        ("!config.fast", True),
        # Nobody has said it, and nothing says it by default.
        ("config.people > 5", False),
        # Neither what it is called, nor where it shall run, is known yet.
        ("application.name == 'wiki'", False),
        ("environment.type != 'none'", False),
    ],
)
def test_what_the_default_settings_ask_for_stands_on_the_card(when: str, *, comes: bool) -> None:
    facts = shop()
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "store": {"type": "string", "default": "embedded"},
            "fast": {"type": "boolean", "default": True},
            "people": {"type": "integer"},
        },
    }
    needs = {"blueprint": "bp-postgres", "version": "^1", "alias": "database", "when": when}
    # The version's own values go over the defaults of its fields.
    own: dict[str, Any] = {"configSchema": schema, "manifests": {"values": {"fast": False}}}
    facts.blueprint("bp-wiki", "1.0.0", depends=[needs], **own)
    told = Catalog(facts).ask("show", blueprint="wiki")
    assert told["card"]["needs"] == ["bp-postgres"] * comes
    asked = f"if its settings ask for it: {when}"
    assert told["needs"] == [f"bp-postgres ^1 ({'by default' if comes else asked})"]


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
