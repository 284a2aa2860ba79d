"""Credit in dollars buys by command line: told where it is missed, asked for, and seen."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.client.shop import Shop, open_shop
from tests.integration.client.test_verbs import ENV, MANIFESTS, ORG, PRICES, carried_out, pasted

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G12.26", "G27.1")]
CODE = "DOLLAR-FAIR-7QKD-M2XW"
MAIL = ("install", "bp-mailpit", "--as", "mail", "--env", ENV)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with an Organization that has redeemed a voucher of a hundred dollars."""
    folder: Path = tmp_path_factory.mktemp("shop")
    file = folder / "manifests.yaml"
    file.write_text(MANIFESTS)
    with open_shop(folder) as found:
        found.well("apply", "-f", str(file))
        found.well("billing", "price-book", "apply", str(PRICES), by=found.bookkeeper)
        found.well("voucher", "issue", "100.00", "USD", "--code", CODE)
        redeemed = found.well("voucher", "redeem", CODE, "--org", ORG, by=found.owner)
        assert "100.00 USD" in redeemed.out
        found.once_said("bp-mailpit", "catalog", "search", "mailpit", "--org", ORG)
        yield found


def test_a_person_finds_by_the_plan_that_dollars_can_be_spent_and_spends_them(shop: Shop) -> None:
    poor = shop.blocked(*MAIL, by=shop.owner)
    assert "credit-insufficient: 0.500 OMR is due, and the credit does not cover it" in poor.out
    assert "there is 100.00 USD" in poor.out
    assert "--currency USD" in poor.out
    wrong = shop.run("plan", *MAIL, "--currency", "EUR", by=shop.owner)
    assert wrong.code == 3
    assert "the price book has no EUR, only OMR, USD" in wrong.err
    shown = shop.well("plan", *MAIL, "--currency", "usd", by=shop.owner)
    assert "bought in USD" in shown.out
    assert "total    1.30 USD a month, due now 1.30 USD" in shown.out
    assert "credit   98.70 USD afterwards" in shown.out
    done = shop.well(*pasted(shown.err, "apply"), by=shop.owner)
    assert "completed, 100 %" in done.out
    assert "98.70 USD" in shop.well("billing", "balance", "--org", ORG).out
    # Whatever comes later is bought in the same, and in no other.
    carried_out(shop, "configure", "mail", "--env", ENV, "--package", "s")
    other = ("configure", "mail", "--env", ENV, "--package", "m", "--currency", "OMR")
    refused = shop.run("plan", *other, by=shop.owner)
    assert (refused.code, "mail is bought in USD" in refused.err) == (3, True)
    month = f"{datetime.now(UTC):%Y-%m}"
    running = shop.once_said("13.00 USD", "billing", "invoice", "show", month, "--org", ORG)
    assert "OMR" not in running.out
    limit = ("send", "billing.set-spend-limit.v1", "--org", ORG, "--id", ORG)
    shop.well(*limit, "--data", '{"limit": {"currency": "USD", "minor": 2000}}', by=shop.owner)
    told = f"a month may cost 20.00 USD; {month} costs 14.30 USD so far"
    shop.once_said(told, "billing", "balance", "--org", ORG)
