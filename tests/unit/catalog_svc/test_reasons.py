"""What is told of the versions that there are, where none of them fits."""

from tests.support.catalogue import PROD, Shop
from tests.support.each import each
from tests.unit.catalog_svc.test_solve_queries import ask

from catalyst.contracts import blueprint_v1 as bp1


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
