"""What is told of the versions that there are, where none of them fits."""

from typing import Any

import pytest
from tests.support.catalogue import PROD, Shop
from tests.support.each import each
from tests.unit.catalog_svc.test_solve_queries import ask

from catalyst.catalog_svc.domain.solving import solve
from catalyst.catalog_svc.domain.universe import Request
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.rejection import Rejected


def told(shop: Shop, wanted: str = "^9") -> list[str]:
    answer = ask(shop, "why-not", blueprint="bp-blog", version="1.0.0", environment=PROD)
    assert answer["possible"] is False
    needs, *reasons = answer["reasons"]
    assert needs == f"bp-blog 1.0.0 needs bp-wiki {wanted}"
    return [str(one) for one in reasons]


@each(
    [
        (1, "1.1.0"),
        (5, "1.5.0, 1.4.0, 1.3.0, 1.2.0, 1.1.0"),
        (6, "1.6.0, 1.5.0, 1.4.0, 1.3.0, 1.2.0 and 1 older ones"),
        (8, "1.8.0, 1.7.0, 1.6.0, 1.5.0, 1.4.0 and 3 older ones"),
    ]
)
def test_the_newest_versions_are_named_and_the_older_ones_counted(count: int, says: str) -> None:
    shop = Shop()
    shop.organization("acme", PROD)
    for number in range(count):
        shop.blueprint("bp-wiki", f"1.{number + 1}.0")
    shop.blueprint("bp-blog", "1.0.0", "bp-wiki ^9")
    assert told(shop) == [f"no bp-wiki fits ^9; there is {says}"]


def test_of_what_is_not_offered_there_is_nothing_to_choose() -> None:
    shop = Shop()
    shop.organization("acme", PROD)
    shop.blueprint("bp-wiki", "1.0.0", published=False)
    shop.blueprint("bp-blog", "1.0.0", "bp-wiki ^9")
    assert told(shop) == ["bp-wiki has no version that can be installed"]


def test_a_yanked_version_is_not_named_as_one_that_there_is() -> None:
    shop = Shop()
    shop.organization("acme", PROD)
    ref = shop.blueprint("bp-wiki", "1.0.0")
    shop.blueprint("bp-wiki", "1.1.0")
    yanked = bp1.VersionYanked(name="bp-wiki", origin="public", version="1.1.0", reason="It leaks.")
    shop.tell(ref, yanked)
    shop.blueprint("bp-blog", "1.0.0", "bp-wiki ^9")
    assert told(shop) == ["no bp-wiki fits ^9; there is 1.0.0"]


def test_an_upgrade_to_what_there_is_not_is_told_so_as_an_install_is() -> None:
    shop = Shop()
    shop.organization("acme", PROD)
    shop.blueprint("bp-wiki", "1.0.0")
    shop.blueprint("bp-wiki", "1.1.0")
    shop.runs("wiki", "bp-wiki", "1.0.0")
    asked = {"blueprint": "bp-wiki", "version": "9.9.9", "environment": PROD}
    says = ["no bp-wiki fits 9.9.9; there is 1.1.0, 1.0.0"]
    assert ask(shop, "why-not", application="wiki", **asked)["reasons"] == says
    assert ask(shop, "why-not", application="other", **asked)["reasons"] == says


def test_an_upgrade_to_what_waits_is_told_what_it_waits_for() -> None:
    shop = Shop()
    shop.organization("acme", PROD)
    shop.blueprint("bp-wiki", "1.0.0")
    shop.blueprint("bp-wiki", "2.0.0", "bp-db ^2", published=False)
    shop.runs("wiki", "bp-wiki", "1.0.0")
    asked = {"blueprint": "bp-wiki", "version": "2.0.0", "environment": PROD}
    told = ask(shop, "why-not", application="wiki", **asked)["reasons"]
    assert told == ask(shop, "why-not", application="other", **asked)["reasons"]
    assert "already runs" not in told[0]


# ---- what runs stands in the way


def refused(shop: Shop, **more: Any) -> list[str]:
    """Return why there is no wiki."""
    request = Request(environment=PROD, application="wiki", blueprint="bp-wiki", **more)
    with pytest.raises(Rejected) as caught:
        solve(shop.catalogue, "acme", request)
    errors = caught.value.errors
    # A program reads which alias is meant, a person the words: never the one without the other.
    ways = {f"a {one.own_copy} of its own is another way": one for one in errors if one.own_copy}
    assert ways == {one.message: one for one in errors if one.message.endswith("another way")}
    return [one.message for one in errors]


def databases(*versions: str, **more: Any) -> Shop:
    """Return a shop with these databases to install."""
    shop = Shop()
    shop.organization()
    for version in versions:
        shop.blueprint("bp-postgres", version, **more)
    return shop


def test_each_that_could_be_shared_is_named_and_the_way_around_them() -> None:
    shop = databases("15.0.0", "16.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "sql=bp-postgres ^17")
    shop.runs("one", "bp-postgres", "15.0.0")
    shop.runs("two", "bp-postgres", "16.0.0")
    told = [
        "bp-wiki 1.0.0 needs bp-postgres ^17",
        "acme-prod already runs bp-postgres 15.0.0 as one",
        "acme-prod already runs bp-postgres 16.0.0 as two",
    ]
    # A way that leads nowhere is not told.
    assert refused(shop) == told
    shop.blueprint("bp-postgres", "17.0.0", upgrades={"blocks": ["<17"]})
    assert refused(shop)[-1] == "a sql of its own is another way"


def test_only_what_the_target_needs_itself_is_chosen_otherwise() -> None:
    shop = databases("15.0.0", "16.0.0")
    shop.blueprint("bp-chat", "1.0.0", "db=bp-postgres ^15")
    shop.blueprint("bp-wiki", "1.0.0", "bp-chat", "sql=bp-postgres ^16")
    shop.runs("db", "bp-postgres", "15.0.0")
    both = [
        "bp-wiki 1.0.0 needs bp-chat *",
        "bp-chat 1.0.0 needs bp-postgres ^15",
        "bp-wiki 1.0.0 needs bp-postgres ^16",
        "acme-prod already runs bp-postgres 15.0.0 as db",
    ]
    assert refused(shop) == [*both, "a sql of its own is another way"]
    shop.blueprint("bp-wiki", "2.0.0", "bp-chat ^2")
    shop.blueprint("bp-chat", "2.0.0", "db=bp-postgres ^17")
    assert refused(shop) == [
        "bp-wiki 2.0.0 needs bp-chat ^2",
        "bp-chat 2.0.0 needs bp-postgres ^17",
        "acme-prod already runs bp-postgres 15.0.0 as db",
    ]


def test_two_that_bring_along_what_disagrees_are_told_with_who_needs_them() -> None:
    shop = databases("15.0.0", "16.0.0")
    shop.blueprint("bp-a", "1.0.0", "bp-postgres ^15")
    shop.blueprint("bp-b", "1.0.0", "bp-postgres ^16")
    shop.blueprint("bp-wiki", "1.0.0", "bp-b", "bp-a")
    for name in ("two", "one"):
        shop.runs(name, "bp-postgres", "15.0.0")
    assert refused(shop) == [
        "bp-wiki 1.0.0 needs bp-a *",
        "bp-a 1.0.0 needs bp-postgres ^15",
        "bp-wiki 1.0.0 needs bp-b *",
        "bp-b 1.0.0 needs bp-postgres ^16",
        "acme-prod already runs bp-postgres 15.0.0 as one",
        "acme-prod already runs bp-postgres 15.0.0 as two",
    ]


def test_what_is_upgraded_for_it_is_told_down_to_what_holds_it() -> None:
    shop = databases("15.0.0")
    shop.blueprint("bp-chat", "1.0.0", "bp-postgres")
    shop.blueprint("bp-chat", "2.0.0", "bp-postgres ^16")
    shop.blueprint("bp-wiki", "1.0.0", "bp-chat ^2")
    shop.runs("db", "bp-postgres", "15.0.0")
    shared = "shared by chat, which needs *, shared by talk, which needs *"
    for name in ("chat", "talk"):
        shop.runs(name, "bp-chat", "1.0.0", postgres="db")
    assert refused(shop) == [
        "bp-wiki 1.0.0 needs bp-chat ^2",
        "bp-chat 2.0.0 needs bp-postgres ^16",
        f"acme-prod already runs bp-postgres 15.0.0 as db, {shared}",
    ]


def test_no_more_than_the_newest_five_are_said_not_to_be_reached() -> None:
    shop = databases("15.0.0")
    for minor in range(7):
        shop.blueprint("bp-postgres", f"16.{minor}.0", upgrades={"blocks": ["15.x"]})
    shop.blueprint("bp-wiki", "1.0.0", "sql=bp-postgres ^16")
    shop.runs("db", "bp-postgres", "15.0.0")
    assert refused(shop) == [
        "bp-wiki 1.0.0 needs bp-postgres ^16",
        "acme-prod already runs bp-postgres 15.0.0 as db",
        *(
            f"db cannot become 16.{minor}.0: 16.{minor}.0 refuses an upgrade from 15.0.0: "
            "it blocks 15.x"
            for minor in (6, 5, 4, 3, 2)
        ),
        "a sql of its own is another way",
    ]
