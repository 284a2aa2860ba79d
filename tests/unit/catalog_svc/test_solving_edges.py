"""Edges of solving: which version a refusal is about, whose values count, and names that fit."""

from typing import Any

import pytest
from tests.support.catalogue import Shop
from tests.unit.catalog_svc.test_solving import lock, reasons, refused, solved

from catalyst.catalog_svc.domain.solving import MAX_NAME
from catalyst.contracts import blueprint_v1 as bp1


@pytest.fixture
def shop() -> Shop:
    found = Shop()
    found.organization()
    return found


def flags(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "boolean"} for name in names}}


def test_a_refusal_is_about_the_newest_version_that_was_meant(shop: Shop) -> None:
    shop.blueprint("bp-wiki", "1.0.0", "bp-aaa ^1")
    shop.blueprint("bp-wiki", "2.0.0", "bp-zzz ^2")
    missing = "there is no {} in the catalogue of acme"
    assert reasons(shop) == ["bp-wiki 2.0.0 needs bp-zzz ^2", missing.format("bp-zzz")]
    assert reasons(shop, version="^1")[-1] == missing.format("bp-aaa")


def test_a_condition_without_a_result_is_told_of_the_newest_version_alone(shop: Shop) -> None:
    bad = [{"blueprint": "bp-db", "version": "*", "alias": "db", "when": "config.deep"}]
    shop.blueprint("bp-wiki", "1.0.0", configSchema=flags("deep"), depends=bad)
    shop.blueprint("bp-wiki", "2.0.0")
    assert lock(shop) == [("wiki", "bp-wiki", "2.0.0", "target")]
    with refused("values-invalid"):
        solved(shop, version="1.0.0")


def test_what_runs_keeps_what_it_uses_and_gets_no_values_from_who_shares_it(shop: Shop) -> None:
    schema = {"type": "object", "properties": {"size": {"type": "integer", "default": 1}}}
    shop.blueprint("bp-cache", "1.0.0")
    big = {"blueprint": "bp-cache", "version": "*", "alias": "cache", "when": "config.size > 5"}
    shop.blueprint("bp-db", "1.0.0", configSchema=schema, depends=[big])
    db = {"blueprint": "bp-db", "version": "*", "alias": "db", "values": {"size": "${{ 9 }}"}}
    shop.blueprint("bp-wiki", "1.0.0", depends=[db])
    # A new one gets the values, and with them needs more; one that runs has its own.
    assert [one[0] for one in lock(shop)] == ["cache", "db", "wiki"]
    shop.runs("store", "bp-db", "1.0.0", other="elsewhere")
    found = solved(shop)
    assert [(one.application, one.role) for one in found.lock] == [
        ("store", "shared"),
        ("wiki", "target"),
    ]
    assert [one.dependencies for one in found.lock] == [{"other": "elsewhere"}, {"db": "store"}]


def test_warnings_are_of_what_is_new_deprecated_or_in_danger(shop: Shop) -> None:
    ref = shop.blueprint("bp-db", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-db")
    old = bp1.BlueprintDeprecated(
        name="bp-db", origin="public", reason="Old.", replacement="bp-postgres"
    )
    shop.tell(ref, old)
    said = "bp-db is deprecated: Old.; take bp-postgres instead"
    assert solved(shop).warnings == (said,)
    shop.runs("store", "bp-db", "1.0.0")
    assert solved(shop).warnings == ()
    leaks = bp1.VersionYanked(
        name="bp-db", origin="public", version="1.0.0", reason="It leaks.", security=True
    )
    shop.tell(ref, leaks)
    assert solved(shop).warnings == ("bp-db 1.0.0 is in danger: It leaks.",)


def test_a_name_for_what_was_never_needed_is_told_and_what_was_needed_before_is_not(
    shop: Shop,
) -> None:
    shop.blueprint("bp-db", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-db")
    shop.blueprint("bp-wiki", "2.0.0")
    shop.runs("store", "bp-db", "1.0.0")
    assert solved(shop, version="1.0.0", dependencies={"db": "store"}).warnings == ()
    assert solved(shop, version="2.0.0", dependencies={"db": "store"}).warnings == (
        "bp-wiki 2.0.0 needs nothing called db here",
    )
    shop.runs("wiki", "bp-wiki", "1.0.0", db="store")
    assert solved(shop, version="2.0.0", dependencies={"db": "store"}).warnings == ()


def test_each_name_that_is_proposed_is_another_one_and_short_enough(shop: Shop) -> None:
    long = f"bp-{'n' * 45}"
    shop.blueprint(long, "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", f"aaa={long}", f"bbb={long}", f"ccc={long}")
    asked = dict.fromkeys(("aaa", "bbb", "ccc"), "new")
    assert {one[0] for one in lock(shop, dependencies=asked)} == {
        "wiki-aaa",
        "wiki-bbb",
        "wiki-ccc",
        "wiki",
    }
    shop.blueprint("bp-blog", "1.0.0", long)
    first = "n" * MAX_NAME
    assert lock(shop, "blog")[0][0] == first
    for number in (2, 3):
        shop.runs(first if number == 2 else f"{first[:-2]}-2", "bp-wiki", "1.0.0")
        assert lock(shop, "blog")[0][0] == f"{first[:-2]}-{number}"
