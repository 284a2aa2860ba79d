"""What its keepers say of a Blueprint is so at once, for whom it is meant, and for nobody else."""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from tests.integration.client.shop import KEEPING, WAIT_SECONDS, Shop, open_supplied
from tests.integration.client.test_verbs import CODE, ENV, MANIFESTS, ORG, PRICES, carried_out

from catalyst.contracts.roles import SECURITY_OFFICER

pytestmark = pytest.mark.real
WHY: Final = ("--reason", "It loses pages.")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with an Organization that has credit and prices."""
    folder = tmp_path_factory.mktemp("shop")
    with open_supplied(folder, MANIFESTS, organization=ORG, prices=PRICES, code=CODE) as found:
        yield found


def test_what_is_said_against_a_blueprint_names_the_copies_that_it_reaches(shop: Shop) -> None:
    shop.once_said("bp-wordpress", "catalog", "search", "wordpress", "--org", ORG)
    carried_out(shop, "install", "bp-wordpress", "--as", "blog", "--env", ENV, "--version", "1.0.1")
    officer = shop.installation.keys.people().person("sec@example.org", [SECURITY_OFFICER])
    yank = ("blueprint", "yank", "wordpress", "1.0.1", *WHY)
    # Who decides it is not who sees what runs.
    assert "nothing that you see runs it" in shop.well(*yank, by=officer).err
    again = shop.well(*yank)
    assert "it was so before" in again.out
    assert ["blog", ENV, ORG, "1.0.1"] in [line.split() for line in again.out.splitlines()]
    assert shop.run(*yank, by=shop.owner).code == 7
    other = shop.well("blueprint", "yank", "wordpress", "1.1.1", *WHY)
    assert "nothing that you see runs it" in other.err
    shop.once_said("yanked: It loses pages.", "app", "show", "blog", "--org", ORG)
    deprecate = ("blueprint", "deprecate", "wordpress", *WHY, "--replacement", "wiki")
    assert ["blog", ENV, ORG, "1.0.1"] in [
        line.split() for line in shop.well(*deprecate).out.splitlines()
    ]
    shop.once_said("deprecated", "catalog", "show", "wordpress", "--org", ORG)
    shop.well("blueprint", "withdraw", "loki", *WHY)
    assert "blueprint-withdrawn" in shop.run("blueprint", "deprecate", "loki", *WHY).err
    used_all(shop, "blueprint")


@pytest.mark.guarantee("G27.2")
def test_an_organization_curates_its_own_catalogue_and_the_platform_that_of_everybody(
    shop: Shop,
) -> None:
    for org, by in ((ORG, shop.owner), ("_", "")):
        mine = ("--org", org)
        shop.well("catalog", "feature", "wiki", *mine, by=by)
        assert "it was so before" in shop.well("catalog", "feature", "bp-wiki", *mine, by=by).out
        listed(shop, "bp-wiki", "--featured")
        shop.well("catalog", "unfeature", "wiki", *mine, by=by)
        listed(shop, "bp-wiki", "--featured", there=False)
        hidden = shop.well("catalog", "hide", "postgres", *WHY, *mine, by=by)
        listed(shop, "bp-postgres", there=False)
        # What takes it back is pasted, though it is not found any more.
        assert f"`catalyst catalog unhide bp-postgres --org {org}`" in plainly(hidden.err)
        shop.well("catalog", "unhide", "postgres", *mine, by=by)
        listed(shop, "bp-postgres")
        alone = shop.well("catalog", "categorize", "wiki", "colaboration", *mine, by=by)
        assert "do you mean collaboration" in alone.err
        listed(shop, "bp-wiki", "--category", "colaboration")
        shop.well("catalog", "uncategorize", "wiki", *mine, by=by)
        listed(shop, "bp-wiki", "--category", "colaboration", there=False)
        pin = ("catalog", "pin", "grafana")
        assert shop.run(*pin, "9.0.0", *WHY, *mine, by=by).code == 4
        shop.well(*pin, "1.0.1", *WHY, *mine, by=by)
        shop.once_said("kept-back", "catalog", "show", "grafana", "--org", ORG)
        shop.well("catalog", "unpin", "grafana", *mine, by=by)
    diff = ("catalog", "diff", "wiki", "1.0.1", "--org", ORG)
    told = shop.well(*diff, "2.0.1", by=shop.owner).out
    assert "what runs 1.0.1 can be upgraded to it" in told
    assert "  added    postgres(2).application: string, required, pattern " in told
    assert "breaks for:\n  whoever has a postgres that does not fit ^16.9.0\n" in told
    none = shop.run(*diff, "9.0.0", by=shop.owner)
    assert (none.code, "there is 2.1.1" in none.err) == (4, True)
    everybody = shop.run("catalog", "feature", "wiki", "--org", "_", by=shop.owner)
    assert (everybody.code, "sovereign-admin" in everybody.err) == (7, True)
    used_all(shop, "catalog")


@pytest.mark.guarantee("G27.2")
def test_what_an_account_gets_and_may_spend_is_said_by_who_may(shop: Shop) -> None:
    mine = ("--org", ORG)
    grant = ("billing", "grant", "5.000", "OMR", "--as", "outage-1", *WHY, *mine)
    shop.well(*grant, by=shop.bookkeeper)
    assert "it stood there before, and counts once" in shop.well(*grant, by=shop.bookkeeper).out
    assert shop.run(*grant, by=shop.owner).code == 7
    other = shop.run("billing", "grant", "6.000", *grant[3:], by=shop.bookkeeper)
    assert (other.code, "grant-exists" in other.err) == (3, True)
    paid = ("billing", "payment", "20.000", "OMR", "--as", "p-1", "--reference", "T 7", *mine)
    shop.well(*paid, by=shop.bookkeeper)
    shop.once_said("20.000 OMR left of payment", "billing", "balance", *mine)
    assert "5.000 OMR left of goodwill" in shop.well("billing", "balance", *mine).out

    limit = ("billing", "limit")
    assert "no limit is set" in shop.well(*limit, "show", *mine, by=shop.owner).out
    assert shop.run(*limit, "spend", "0.500", "OMR", *mine, by=shop.bookkeeper).code == 7
    shop.well(*limit, "spend", "0.500", "OMR", *mine, by=shop.owner)
    shop.once_said("a month may cost 0.500 OMR; ", *limit, "show", *mine)
    wanted = ("install", "bp-forgejo", "--as", "code", "--env", ENV)
    told = "spend-limit-reached"
    assert told in shop.blocked(*wanted, by=shop.owner).out
    shop.well(*limit, "lift", "OMR", *mine, by=shop.owner)
    assert "there was none before" in shop.well(*limit, "lift", *mine, by=shop.owner).out
    shop.once_free(told, "plan", *wanted)
    shop.well(*limit, "credit", "3.000", "OMR", *mine, by=shop.bookkeeper)
    shop.once_said("orders may go up to 3.000 OMR beyond the credit", *limit, "show", *mine)
    shown = shop.well(*limit, "show", *mine, "--json").json
    assert (shown["spend_limits"], shown["credit_limits"]) == (
        [],
        [{"currency": "OMR", "minor": 3_000}],
    )
    used_all(shop, "billing")


def used_all(shop: Shop, group: str) -> None:
    """Take note that every verb of a group that keepers have was run and did what it says."""
    assert {verb for verb in KEEPING if verb[0] == group} <= shop.used


def listed(shop: Shop, what: str, *narrowed: str, there: bool = True) -> None:
    """Take note that a search finds something, or finds it no more."""
    deadline = time.monotonic() + WAIT_SECONDS
    asked = ("catalog", "search", "--org", ORG, "--limit", "100", *narrowed, "--json")
    while (
        what in [card["name"] for card in shop.well(*asked).json["result"]["items"]]
    ) is not there:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def plainly(text: str) -> str:
    """Return a text whose commands begin as they do on a PATH."""
    return text.replace("`uv run catalyst", "`catalyst")
