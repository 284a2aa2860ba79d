"""A voucher is revoked by what is shown of it, if that is of one alone."""

from collections.abc import Iterator
from typing import Final

import pytest
from tests.integration.client.shop import Shop, open_shop

from catalyst.billing.domain.voucher import grant_of
from catalyst.contracts.voucher_v1 import voucher_id

pytestmark = pytest.mark.real
ONE: Final = "WINTER-FAIR-7QKD-M2XW"
SAME: Final = ("NEWYEAR-ONE-7QKD-M2XW", "NEWYEAR-TWO-7QKD-M2XW")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack in which vouchers are issued."""
    with open_shop(tmp_path_factory.mktemp("shop"), starter=False) as found:
        yield found


def _issued(shop: Shop, code: str, shown: str) -> None:
    shop.well("voucher", "issue", "1.000", "OMR", "--code", code)
    shop.once_said(shown, "get", "vouchers", "-o", "yaml")


def test_a_voucher_is_revoked_by_the_beginning_that_the_table_shows(shop: Shop) -> None:
    _issued(shop, ONE, "WINT…")
    shop.well("voucher", "revoke", "wint", "--reason", "The fair is over.")
    shop.once_said("status: revoked", "get", "vouchers", "WINT…")


@pytest.mark.guarantee("G12.27")
def test_a_voucher_that_has_not_begun_says_so_wherever_it_is_shown(shop: Shop) -> None:
    begins = ("--starts", "2090-01-01T00:00:00Z")
    for code in ("SPRING-ONE-7QKD-M2XW", "SPRING-TWO-7QKD-M2XW"):
        shop.well("voucher", "issue", "1.000", "OMR", "--code", code, *begins)
        shop.once_said(voucher_id(code), "get", "vouchers", "-o", "yaml")
        shown = shop.well("get", "vouchers", voucher_id(code))
        assert "as of now it is not begun" in shown.err
    lines = [one for one in shop.well("get", "vouchers").out.splitlines() if "SPRI" in one]
    assert ["not begun" in one for one in lines] == [True, True]
    several = shop.run("voucher", "revoke", "SPRI…", "--reason", "Why not?")
    assert f"{voucher_id(code)} (1.000 OMR, not begun)" in several.err


def test_a_voucher_is_revoked_by_what_an_account_calls_what_it_gave(shop: Shop) -> None:
    code = "SUMMER-FAIR-7QKD-M2XW"
    _issued(shop, code, "SUMM…")
    granted = grant_of(voucher_id(code))
    shop.well("voucher", "revoke", granted, "--reason", "The fair is over.")
    shop.once_said("status: revoked", "get", "vouchers", "SUMM…")


def test_a_beginning_of_several_is_refused_with_what_fits(shop: Shop) -> None:
    for code in SAME:
        _issued(shop, code, voucher_id(code))
    ids = [voucher_id(code) for code in SAME]
    ran = shop.run("voucher", "revoke", "NEWY…", "--reason", "Why not?")
    assert ran.code == 2
    assert all(f"{one} (1.000 OMR, issued)" in ran.err for one in ids)
    assert all("status: issued" in shop.well("get", "vouchers", one).out for one in ids)
    assert shop.run("voucher", "revoke", "NEW", "--reason", "Why not?").code == 4
