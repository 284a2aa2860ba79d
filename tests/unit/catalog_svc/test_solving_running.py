"""What runs already: as it is, upgraded, or back where it was, and each only where it may."""

from typing import Any

import pytest
from tests.support.catalogue import Shop, digest
from tests.unit.catalog_svc.test_solving import BOTH, lock, reasons, solved

from catalyst.contracts import catalog_v1 as cat1


@pytest.fixture
def shop() -> Shop:
    found = Shop()
    found.organization()
    return found


def test_what_stays_as_it_is_has_the_content_that_runs(shop: Shop) -> None:
    shop.blueprint("bp-db", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-db")
    shop.runs("db", "bp-db", "1.0.0")
    shop.runs("wiki", "bp-wiki", "1.0.0", db="db")
    assert [one.digest for one in solved(shop, blueprint="").lock] == [
        digest("bp-db", "1.0.0"),
        digest("bp-wiki", "1.0.0"),
    ]


def test_what_is_needed_does_not_go_back_for_a_target_that_goes_forward(shop: Shop) -> None:
    for version in BOTH:
        shop.blueprint("bp-store", version)
        shop.runs("store", "bp-store", version)
    shop.blueprint("bp-wiki", "1.0.0", "bp-store ^2")
    shop.blueprint("bp-wiki", "2.0.0", "bp-store ^1")
    shop.runs("wiki", "bp-wiki", "1.0.0", store="store")
    assert reasons(shop, version="2.0.0")[0] == "bp-wiki 2.0.0 needs bp-store ^1"
    assert reasons(shop, "blog", blueprint="bp-wiki", version="2.0.0")


def test_the_target_goes_back_by_a_range_as_well_but_only_to_what_ran_there(shop: Shop) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        shop.blueprint("bp-wiki", version)
    for version in BOTH:
        shop.runs("wiki", "bp-wiki", version)
    assert lock(shop, version="1.x")[0][2] == "1.0.0"
    assert reasons(shop, version="1.1.0")


def test_what_is_hidden_is_upgraded_where_it_runs_and_installed_nowhere(shop: Shop) -> None:
    for version in BOTH:
        shop.blueprint("bp-wiki", version)
    shop.runs("wiki", "bp-wiki", "1.0.0")
    shop.curated("public-bp-wiki", cat1.BlueprintHidden(reason="Old."), organization="acme")
    assert lock(shop) == [("wiki", "bp-wiki", "2.0.0", "target")]
    assert reasons(shop, "blog", blueprint="bp-wiki") == ["bp-wiki is hidden: Old."]


@pytest.mark.parametrize("big", [True, False])
def test_what_is_upgraded_decides_by_the_values_that_it_runs_with(shop: Shop, *, big: bool) -> None:
    schema = {"type": "object", "properties": {"big": {"type": "boolean"}}, "required": ["big"]}
    more = {"blueprint": "bp-cache", "version": "*", "alias": "cache", "when": "config.big"}
    shop.blueprint("bp-cache", "1.0.0")
    shop.blueprint("bp-store", "1.0.0", configSchema=schema)
    shop.blueprint("bp-store", "2.0.0", configSchema=schema, depends=[more])
    shop.blueprint("bp-wiki", "1.0.0", "bp-store ^2")
    shop.runs("store", "bp-store", "1.0.0", values={"big": big})
    assert [one[0] for one in lock(shop)] == (["cache"] if big else []) + ["store", "wiki"]


@pytest.mark.parametrize(
    ("value", "needs"),
    [
        ("application.dependencies.db.host == 'db'", True),
        ("application.name == 'wiki'", True),
        ("application.name == 'bp-wiki'", False),
        ("environment.name == 'acme-prod'", True),
    ],
)
def test_a_condition_knows_its_application_and_what_it_uses(
    shop: Shop, value: str, *, needs: bool
) -> None:
    for name in ("bp-db", "bp-cache"):
        shop.blueprint(name, "1.0.0")
    depends: list[dict[str, Any]] = [
        {"blueprint": "bp-db", "version": "*", "alias": "db"},
        {"blueprint": "bp-cache", "version": "*", "alias": "cache", "when": value},
    ]
    shop.blueprint("bp-wiki", "1.0.0", depends=depends)
    shop.blueprint("bp-blog", "1.0.0", "bp-wiki")
    # As the target, and as what is new and has no name yet.
    for target in ("wiki", "blog"):
        assert ("cache" in [one[0] for one in lock(shop, target)]) is needs


def test_what_is_shared_as_it_is_brings_nothing_along(shop: Shop) -> None:
    for version in BOTH:
        shop.blueprint("bp-db", version)
    shop.blueprint("bp-chat", "1.0.0", "bp-db")
    shop.blueprint("bp-wiki", "1.0.0", "bp-chat")
    shop.runs("db", "bp-db", "1.0.0")
    shop.runs("chat", "bp-chat", "1.0.0", db="db")
    assert lock(shop) == [
        ("chat", "bp-chat", "1.0.0", "shared"),
        ("wiki", "bp-wiki", "1.0.0", "target"),
    ]


def test_what_an_alias_stands_for_in_another_version_is_found_anew(shop: Shop) -> None:
    for name in ("bp-postgres", "bp-mariadb"):
        shop.blueprint(name, "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "db=bp-postgres")
    shop.blueprint("bp-wiki", "2.0.0", "db=bp-mariadb")
    shop.runs("pg", "bp-postgres", "1.0.0")
    shop.runs("wiki", "bp-wiki", "1.0.0", db="pg")
    assert lock(shop) == [
        ("mariadb", "bp-mariadb", "1.0.0", "new"),
        ("wiki", "bp-wiki", "2.0.0", "target"),
    ]
    shop.runs("maria", "bp-mariadb", "1.0.0")
    assert lock(shop)[0] == ("maria", "bp-mariadb", "1.0.0", "shared")
    # A plan names what is used until now along with what is chosen anew.
    assert lock(shop, dependencies={"db": "pg"})[0] == ("maria", "bp-mariadb", "1.0.0", "shared")


def test_a_way_back_takes_what_is_needed_back_and_never_forward(shop: Shop) -> None:
    """That it ran there once says nothing of how it comes there from an older one."""
    shop.blueprint("bp-store", "1.0.0")
    shop.blueprint("bp-store", "2.0.0", upgrades={"blocks": ["1.x"]})
    for version in ("1.0.0", "2.0.0", "1.0.0"):
        shop.runs("store", "bp-store", version)
    shop.blueprint("bp-wiki", "1.0.0", "bp-store ^2")
    shop.blueprint("bp-wiki", "2.0.0", "bp-store ^1")
    for version in BOTH:
        shop.runs("wiki", "bp-wiki", version, store="store")
    assert reasons(shop, blueprint="", version="1.0.0") == [
        "bp-wiki 1.0.0 needs bp-store ^2",
        "acme-prod already runs bp-store 1.0.0 as store",
        "store cannot become 2.0.0: 2.0.0 refuses an upgrade from 1.0.0: it blocks 1.x",
        "a store of its own is another way",
    ]
