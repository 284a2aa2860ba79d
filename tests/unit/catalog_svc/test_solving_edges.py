"""Edges of solving: which version a refusal is about, whose values count, and names that fit."""

from typing import Any

import pytest
from tests.support.catalogue import Shop
from tests.unit.catalog_svc.test_solving import lock, reasons, refused, solved

from catalyst.catalog_svc.domain.copies import MAX_NAME
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


@pytest.mark.guarantee("G24.4")
def test_an_alias_that_no_version_asked_for_has_is_refused_with_those_that_there_are(
    shop: Shop,
) -> None:
    shop.blueprint("bp-db", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-db", "cache=bp-db")
    shop.blueprint("bp-wiki", "2.0.0")
    shop.runs("store", "bp-db", "1.0.0")
    for asked in ({"db": "store"}, {"db": "store", "cache": "new"}):
        assert solved(shop, version="1.0.0", dependencies=asked).warnings == ()
    with refused("invalid-data") as caught:
        solved(shop, version="1.0.0", dependencies={"bd": "new", "db": "new", "a/b": "store"})
    assert [(one.pointer, one.rule, one.message) for one in caught.value.errors] == [
        (
            "/dependencies/bd",
            "invalid-data",
            "bp-wiki needs nothing called 'bd'; there is cache, db",
        ),
        (
            "/dependencies/a~1b",
            "invalid-data",
            "bp-wiki needs nothing called 'a/b'; there is cache, db",
        ),
    ]
    # Another version's alias: of a range, what is taken decides.
    for version in ("2.0.0", "*"):
        with refused("invalid-data") as caught:
            solved(shop, version=version, dependencies={"db": "store"})
        assert caught.value.message == "bp-wiki needs nothing called 'db'; it needs nothing"
    # Nor is it lost in what stands in the way.
    shop.blueprint("bp-shop", "1.0.0", "bp-none")
    with refused("invalid-data") as caught:
        solved(shop, blueprint="bp-shop", dependencies={"nome": "new"})
    assert caught.value.message == "bp-shop needs nothing called 'nome'; there is none"


def test_an_alias_that_is_not_needed_as_configured_is_told_and_one_used_before_is_not(
    shop: Shop,
) -> None:
    needed = {"blueprint": "bp-db", "version": "*", "alias": "db", "when": "false"}
    shop.blueprint("bp-db", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-db")
    shop.blueprint("bp-wiki", "2.0.0", depends=[needed])
    shop.blueprint("bp-wiki", "3.0.0")
    shop.runs("store", "bp-db", "1.0.0")
    assert solved(shop, version="2.0.0", dependencies={"db": "store"}).warnings == (
        "bp-wiki 2.0.0 needs nothing called db here",
    )
    shop.runs("wiki", "bp-wiki", "1.0.0", db="store")
    for version in ("2.0.0", "3.0.0"):
        assert solved(shop, version=version, dependencies={"db": "store"}).warnings == ()
    with refused("invalid-data"):
        solved(shop, version="3.0.0", dependencies={"bd": "store"})


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


def asks(*names: str, **needs: str) -> dict[str, Any]:
    """Return a Blueprint that asks for fields, and needs things if one of them is on."""
    return {
        "configSchema": {**flags(*names), "required": list(names)},
        "depends": [
            {"blueprint": f"bp-{need}", "version": "*", "alias": need, "when": f"config.{name}"}
            for need, name in needs.items()
        ],
    }


def wants(name: str, **values: Any) -> dict[str, Any]:
    return {"blueprint": f"bp-{name}", "version": "*", "alias": name, "values": values}


def test_what_a_new_one_asks_for_is_what_those_that_need_it_give(shop: Shop) -> None:
    """As deep as it goes; of two that give the same field it is the one that is needed first."""
    for name in ("aaa", "bbb", "ccc"):
        shop.blueprint(f"bp-{name}", "1.0.0")
    shop.blueprint("bp-db", "1.0.0", **asks("one", "two", aaa="one", bbb="two"))
    chat = asks("deep", ccc="deep")
    chat["depends"].append(wants("db", one=True, two="${{ config.deep }}"))
    shop.blueprint("bp-chat", "1.0.0", **chat)
    shop.blueprint("bp-wiki", "1.0.0", depends=[wants("chat", deep=True)])
    assert {one[0] for one in lock(shop)} == {"aaa", "bbb", "ccc", "db", "chat", "wiki"}
    shop.blueprint("bp-wiki", "2.0.0", depends=[wants("chat", deep=False), wants("db", one=False)])
    assert {one[0] for one in lock(shop)} == {"aaa", "db", "chat", "wiki"}


def test_what_nobody_gives_is_told_without_a_range_that_nobody_wrote(shop: Shop) -> None:
    shop.blueprint("bp-aaa", "1.0.0")
    shop.blueprint("bp-db", "1.0.0", **asks("one", aaa="one"))
    shop.blueprint("bp-wiki", "1.0.0", "bp-db ^1")
    assert reasons(shop) == [
        "bp-wiki 1.0.0 needs bp-db ^1",
        "the conditions of bp-db have no result for this configuration",
    ]


def test_an_older_version_is_taken_where_nobody_gives_what_a_newer_one_asks_for(
    shop: Shop,
) -> None:
    """Though the older one gives something in its turn."""
    shop.blueprint("bp-aaa", "1.0.0")
    shop.blueprint("bp-store", "1.0.0", **asks("big", aaa="big"))
    shop.blueprint("bp-db", "1.0.0", depends=[wants("store", big=True)])
    shop.blueprint("bp-db", "2.0.0", **asks("one", aaa="one"))
    shop.blueprint("bp-wiki", "1.0.0", "bp-db")
    assert [one[:3] for one in lock(shop)] == [
        ("aaa", "bp-aaa", "1.0.0"),
        ("store", "bp-store", "1.0.0"),
        ("db", "bp-db", "1.0.0"),
        ("wiki", "bp-wiki", "1.0.0"),
    ]


def test_however_many_versions_ask_for_what_nobody_gives_the_reason_is_told(shop: Shop) -> None:
    shop.blueprint("bp-aaa", "1.0.0")
    for number in range(20):
        shop.blueprint("bp-db", f"1.{number}.0", **asks("one", aaa="one"))
    shop.blueprint("bp-wiki", "1.0.0", "bp-db ^1")
    assert reasons(shop)[-1] == "the conditions of bp-db have no result for this configuration"
    shop.blueprint("bp-db", "1.20.0")
    assert [one[2] for one in lock(shop)] == ["1.20.0", "1.0.0"]
