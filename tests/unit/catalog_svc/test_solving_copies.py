"""Which copy is shared: never another one's own, and what comes along shares with the target."""

from typing import Any

import pytest
from tests.support.catalogue import Shop
from tests.unit.catalog_svc.test_solving import lock, reasons, solved

from catalyst.catalog_svc.domain.copies import MAX_NAME, numbered, own_name

pytestmark = pytest.mark.guarantee("G24.6")


@pytest.fixture
def shop() -> Shop:
    """A shop with databases, of which a wiki takes any."""
    found = Shop()
    found.organization()
    for version in ("15.0.0", "16.0.0", "17.0.0"):
        found.blueprint("bp-postgres", version, upgrades={"blocks": ["<17"]})
    found.blueprint("bp-wiki", "1.0.0", "bp-postgres")
    found.blueprint("bp-files", "1.0.0", "bp-postgres <17", "cache_db=bp-postgres")
    return found


def near(shop: Shop, application: str = "wiki", **more: Any) -> dict[str, dict[str, str]]:
    """Return what each Application in the lock uses."""
    found = solved(shop, application, **more)
    return {one.application: one.dependencies for one in found.lock if one.dependencies}


def test_another_one_s_own_copy_is_not_shared_unless_it_is_named(shop: Shop) -> None:
    shop.runs("files-postgres", "bp-postgres", "17.0.0")
    shop.runs("files", "bp-files", "1.0.0", postgres="files-postgres")
    assert lock(shop)[0] == ("postgres", "bp-postgres", "17.0.0", "new")
    shop.runs("postgres", "bp-postgres", "15.0.0")
    assert lock(shop)[0] == ("postgres", "bp-postgres", "15.0.0", "shared")
    named = {"postgres": "files-postgres"}
    assert near(shop, dependencies=named) == {"wiki": named}
    # That one has named it makes it nobody else's, and who uses it goes on with it.
    shop.runs("wiki", "bp-wiki", "1.0.0", postgres="files-postgres")
    assert near(shop, "other", blueprint="bp-wiki") == {"other": {"postgres": "postgres"}}
    assert near(shop, blueprint="") == {"wiki": named}


def test_a_copy_is_everybody_s_once_whom_it_was_for_is_gone(shop: Shop) -> None:
    shop.runs("files-postgres", "bp-postgres", "15.0.0")
    assert lock(shop)[0] == ("files-postgres", "bp-postgres", "15.0.0", "shared")
    shop.runs("files", "bp-files", "1.0.0")
    assert lock(shop)[0] == ("files-postgres", "bp-postgres", "15.0.0", "shared")
    shop.runs("files", "bp-files", "1.0.0", cache_db="files-postgres")
    assert lock(shop)[0] == ("files-postgres", "bp-postgres", "15.0.0", "shared")


@pytest.mark.parametrize("copy", ["wiki-postgres", "wiki-postgres-2"])
def test_a_copy_that_is_called_as_any_of_its_blueprint_is_everybody_s(
    shop: Shop, copy: str
) -> None:
    shop.blueprint("bp-wiki-postgres", "1.0.0")
    shop.blueprint("bp-wiki", "1.1.0", "postgres=bp-wiki-postgres")
    shop.blueprint("bp-report", "1.0.0", "bp-wiki-postgres")
    shop.runs(copy, "bp-wiki-postgres", "1.0.0")
    shop.runs("wiki", "bp-wiki", "1.1.0", postgres=copy)
    assert lock(shop, "report")[0] == (copy, "bp-wiki-postgres", "1.0.0", "shared")


def test_a_copy_that_several_others_use_is_everybody_s_whatever_it_is_called(shop: Shop) -> None:
    shop.runs("wiki-postgres", "bp-postgres", "15.0.0")
    shop.runs("wiki", "bp-wiki", "1.0.0", postgres="wiki-postgres")
    shop.runs("one", "bp-files", "1.0.0", postgres="wiki-postgres", cache_db="wiki-postgres")
    assert lock(shop, "other", blueprint="bp-wiki")[0][0] == "postgres"
    shop.runs("two", "bp-wiki", "1.0.0", postgres="wiki-postgres")
    assert lock(shop, "other", blueprint="bp-wiki")[0][0] == "wiki-postgres"


@pytest.mark.parametrize(
    ("user", "alias", "copy"),
    [
        ("files", "cache_db", "files-cache-db"),
        ("files", "cache_db", "files-cache-db-2"),
        ("f" * 35, "cache_db", f"{'f' * 35}-cach"),
        ("f" * 35, "cache_db", f"{'f' * 35}-ca-2"),
        ("f" * 35, "cache_db", f"{'f' * 35}-c-12"),
    ],
)
def test_an_own_copy_is_known_by_the_name_that_is_proposed_for_it(
    shop: Shop, user: str, alias: str, copy: str
) -> None:
    number = copy.rpartition("-")[2]
    name = own_name(user, alias)
    assert copy == (numbered(name, int(number)) if number.isdigit() else name)
    assert len(copy) <= MAX_NAME
    shop.runs(copy, "bp-postgres", "17.0.0")
    shop.runs(user, "bp-files", "1.0.0", uses={alias: copy})
    assert lock(shop)[0] == ("postgres", "bp-postgres", "17.0.0", "new")


def test_what_was_asked_for_as_one_s_own_is_so_whatever_it_is_called_and_whoever_uses_it(
    shop: Shop,
) -> None:
    # As any copy is called, and used by many who named it.
    shop.runs("postgres", "bp-postgres", "17.0.0")
    shop.runs("wiki", "bp-wiki", "1.0.0", postgres="postgres", own={"postgres": True})
    for name in ("one", "two", "three"):
        shop.runs(name, "bp-wiki", "1.0.0", postgres="postgres", own={"postgres": False})
    found = lock(shop, "other", blueprint="bp-wiki")
    assert found[0] == ("postgres-2", "bp-postgres", "17.0.0", "new")
    named = {"postgres": "postgres"}
    assert near(shop, "other", blueprint="bp-wiki", dependencies=named) == {"other": named}
    assert near(shop, blueprint="") == {"wiki": named}
    # Once nobody uses it whose own it is, it is everybody's.
    shop.runs("wiki", "bp-wiki", "1.0.0", postgres="else", own={"postgres": False})
    found = lock(shop, "other", blueprint="bp-wiki")
    assert found[0] == ("postgres", "bp-postgres", "17.0.0", "shared")


@pytest.mark.parametrize(
    ("user", "copy"), [("files", "files-cache-db"), ("f" * MAX_NAME, f"{'f' * 38}-2")]
)
def test_what_was_not_asked_for_as_one_s_own_is_everybody_s_whatever_it_is_called(
    shop: Shop, user: str, copy: str
) -> None:
    shop.runs(copy, "bp-postgres", "17.0.0")
    shop.runs(user, "bp-files", "1.0.0", uses={"cache_db": copy})
    assert lock(shop)[0] == ("postgres", "bp-postgres", "17.0.0", "new")
    shop.runs(user, "bp-files", "1.0.0", uses={"cache_db": copy}, own={"cache_db": False})
    assert lock(shop)[0] == (copy, "bp-postgres", "17.0.0", "shared")
    # What says so of another alias says nothing of this one.
    shop.runs(user, "bp-files", "1.0.0", uses={"cache_db": copy}, own={"postgres": False})
    assert lock(shop)[0] == ("postgres", "bp-postgres", "17.0.0", "new")


def test_the_target_shares_its_own_copy_again_under_another_alias(shop: Shop) -> None:
    shop.blueprint("bp-wiki", "0.9.0", "db=bp-postgres")
    shop.runs("a", "bp-postgres", "17.0.0")
    shop.runs("wiki-db", "bp-postgres", "15.0.0")
    shop.runs("wiki", "bp-wiki", "0.9.0", db="wiki-db")
    assert near(shop, blueprint="") == {"wiki": {"postgres": "wiki-db"}}
    assert near(shop, "other", blueprint="bp-wiki") == {"other": {"postgres": "a"}}


def test_what_is_upgraded_along_does_not_share_the_target_s_own_copy(shop: Shop) -> None:
    for version, needs in (("1.0.0", ()), ("1.1.0", ("bp-postgres",))):
        shop.blueprint("bp-auth", version, *needs)
    shop.blueprint("bp-site", "1.0.0", "db=bp-postgres", "bp-auth")
    shop.blueprint("bp-site", "1.1.0", "db=bp-postgres", "bp-auth ^1.1.0")
    shop.runs("site-db", "bp-postgres", "17.0.0")
    shop.runs("auth", "bp-auth", "1.0.0")
    shop.runs("site", "bp-site", "1.0.0", db="site-db", auth="auth")
    site = {"db": "site-db", "auth": "auth"}
    of_new = {"auth": {"postgres": "postgres"}, "site": site}
    assert near(shop, "site", blueprint="") == of_new
    assert lock(shop, "site", blueprint="")[0] == ("postgres", "bp-postgres", "17.0.0", "new")
    shop.runs("postgres", "bp-postgres", "16.0.0")
    assert near(shop, "site", blueprint="") == of_new
    assert ("postgres", "bp-postgres", "16.0.0", "shared") in lock(shop, "site", blueprint="")
    shop.blueprint("bp-auth", "1.2.0", "bp-postgres ^18")
    shop.blueprint("bp-site", "1.2.0", "db=bp-postgres", "bp-auth ^1.2.0")
    assert reasons(shop, "site", blueprint="", version="1.2.0") == [
        "bp-site 1.2.0 needs bp-auth ^1.2.0",
        "bp-auth 1.2.0 needs bp-postgres ^18",
        "acme-prod already runs bp-postgres 16.0.0 as postgres",
    ]
    # Nor what the target happens to use, where everybody else takes something newer.
    shop.runs("db", "bp-postgres", "15.0.0")
    shop.runs("site", "bp-site", "1.0.0", db="db", auth="auth")
    found = near(shop, "site", blueprint="", version="1.1.0")
    assert (found["auth"], found["site"]["db"]) == ({"postgres": "site-db"}, "db")


def test_the_newest_is_shared_then_what_most_use_then_by_name(shop: Shop) -> None:
    for name, version in (("d", "16.0.0"), ("c", "16.0.0"), ("b", "16.0.0"), ("a", "15.0.0")):
        shop.runs(name, "bp-postgres", version)
    assert lock(shop)[0][0] == "b"
    shop.runs("one", "bp-wiki", "1.0.0", postgres="c")
    shop.runs("two", "bp-files", "1.0.0", postgres="d", cache_db="d")
    assert lock(shop)[0][0] == "c"
    shop.runs("three", "bp-wiki", "1.0.0", postgres="d")
    assert lock(shop)[0][0] == "d"
    # One that fits as it is comes before one that would have to be upgraded.
    shop.blueprint("bp-postgres", "15.1.0")
    shop.runs("e", "bp-postgres", "17.0.0")
    assert lock(shop)[0][0] == "e"
    shop.blueprint("bp-old", "1.0.0", "bp-postgres <16")
    assert lock(shop, "old")[0] == ("a", "bp-postgres", "15.0.0", "shared")
    shop.blueprint("bp-old", "1.1.0", "bp-postgres >=15.1.0 <16")
    assert lock(shop, "old")[0] == ("a", "bp-postgres", "15.1.0", "upgraded")


@pytest.fixture
def suite(shop: Shop) -> Shop:
    """The shop with a suite of a wiki and files."""
    shop.blueprint("bp-files", "1.1.0", "bp-postgres <17")
    shop.blueprint("bp-suite", "1.0.0", "bp-postgres", "bp-wiki", "bp-files")
    return shop


def test_the_parts_share_the_copy_that_the_target_gets_for_itself(suite: Shop) -> None:
    suite.runs("postgres", "bp-postgres", "17.0.0")
    asked = {"postgres": "new"}
    own = {"postgres": "suite-postgres"}
    for_all = near(suite, "suite", dependencies=asked)
    assert (for_all["files"], for_all["wiki"]) == (own, own)
    assert for_all["suite"] == {**own, "wiki": "wiki", "files": "files"}
    # It is as new as all of them allow.
    assert lock(suite, "suite", dependencies=asked)[0] == (
        *("suite-postgres", "bp-postgres", "16.0.0", "new"),
    )
    suite.runs("other", "bp-postgres", "16.0.0")
    assert near(suite, "suite", dependencies=asked) == for_all
    # So it is with one that is named.
    suite.runs("theirs-postgres", "bp-postgres", "15.0.0")
    suite.runs("theirs", "bp-chat", "1.0.0", postgres="theirs-postgres")
    named = {"postgres": "theirs-postgres"}
    found = near(suite, "suite", dependencies=named)
    assert (found["files"], found["wiki"]) == (named, named)


def test_a_part_that_comes_later_shares_what_is_used_already(suite: Shop) -> None:
    suite.blueprint("bp-suite", "0.9.0", "bp-postgres", "bp-files")
    suite.runs("postgres", "bp-postgres", "17.0.0")
    suite.runs("suite-postgres", "bp-postgres", "16.0.0")
    suite.runs("files", "bp-files", "1.1.0", postgres="suite-postgres")
    suite.runs("suite", "bp-suite", "0.9.0", postgres="suite-postgres", files="files")
    assert near(suite, "suite", blueprint="")["wiki"] == {"postgres": "suite-postgres"}
    # What was a part is no part when it is changed itself: it keeps what it uses.
    assert near(suite, "files", blueprint="") == {"files": {"postgres": "suite-postgres"}}


def test_parts_that_cannot_share_it_share_what_all_others_do(suite: Shop) -> None:
    suite.blueprint("bp-suite", "2.0.0", "bp-postgres ^17", "bp-files")
    asked = {"version": "2.0.0", "dependencies": {"postgres": "new"}}
    found = near(suite, "suite", **asked)
    assert found["files"] == {"postgres": "postgres"}
    assert found["suite"] == {"postgres": "suite-postgres", "files": "files"}
    suite.runs("db", "bp-postgres", "15.0.0")
    assert near(suite, "suite", **asked)["files"] == {"postgres": "db"}
    suite.runs("db", "bp-postgres", "17.0.0")
    assert reasons(suite, "suite", **asked) == [
        "bp-suite 2.0.0 needs bp-postgres ^17",
        "bp-suite 2.0.0 needs bp-files *",
        "bp-files 1.1.0 needs bp-postgres <17",
        "acme-prod already runs bp-postgres 17.0.0 as db",
        "db cannot become 16.0.0: 16.0.0 is older than the installed 17.0.0",
        "db cannot become 15.0.0: 15.0.0 is older than the installed 17.0.0",
    ]


def test_a_way_out_is_told_if_it_leads_out(suite: Shop) -> None:
    suite.runs("postgres", "bp-postgres", "17.0.0")
    told = [
        "bp-suite 1.0.0 needs bp-files *",
        "bp-files 1.1.0 needs bp-postgres <17",
        "bp-suite 1.0.0 needs bp-postgres *",
        "acme-prod already runs bp-postgres 17.0.0 as postgres",
    ]
    found = reasons(suite, "suite")
    assert found[-1] == "a postgres of its own is another way"
    assert set(told) <= set(found)
    suite.blueprint("bp-suite", "2.0.0", "bp-postgres ^17", "bp-files")
    refused = reasons(suite, "suite", version="2.0.0")
    assert refused[-1] == "acme-prod already runs bp-postgres 17.0.0 as postgres"
