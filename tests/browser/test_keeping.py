"""What whoever keeps the platform's money does by clicking: vouchers, and the price book."""

import re
from typing import Final, get_args

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import forgive, furnish, open_view
from tests.browser.test_looks import _FAULTS, _faint
from tests.support.browser import ROOT, Window

from catalyst.cli import kinds
from catalyst.client.rows import Row
from catalyst.contracts.voucher_v1 import Standing

OMR: Final = {"currency": "OMR", "minor": 1_000}
STARTS = "2021-01-31T08:00"
ENDS = "2031-01-31T18:00"
"""As a person types them, where they are."""
_SAID = """
async time => {
  const { instant } = await import('/js/words.js');
  return instant(time);
}
"""
pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.guarantee("G26.4")
async def test_a_voucher_is_issued_looked_at_redeemed_and_revoked(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=0)
    issued = await _issued(desk, slug)
    await open_view(desk, slug, "Balance")
    code = desk.page.get_by_label("Voucher", exact=False).and_(desk.page.get_by_role("textbox"))
    await code.fill("VCH-NONE-NONE-NONE")
    await desk.page.get_by_role("button", name="What is it worth?").click()
    await expect(code).to_have_attribute("aria-invalid", "true")
    await expect(desk.page.get_by_text("there is no voucher with this code")).to_have_count(1)
    await expect(desk.page.locator(".voucher")).not_to_contain_text("voucher-not-found")
    await code.fill(issued)
    await desk.page.get_by_role("button", name="What is it worth?").click()
    worth = desk.page.get_by_role("form", name="Voucher").locator(".facts > div")
    until = await desk.page.evaluate(_SAID, ENDS)
    told = ["You get7.000 OMR of credit", f"Given tothe account of the Organization {slug}"]
    told += [f"What forFor {slug}", f"Redeem it until{until}"]
    await expect(worth).to_have_text([*told, "The credit lasts90 days from when you redeem it"])
    await desk.page.get_by_role("button", name=f"Redeem it for {slug}").click()
    added = f"Redeemed: 7.000 OMR was added to the account of {slug}."
    await expect(desk.page.locator("#view")).to_contain_text(added)
    await expect(desk.page.locator(".amount")).to_have_text("7.000 OMR")
    credit = desk.page.get_by_role("region", name="Where the credit comes from")
    await expect(credit).to_have_text(re.compile("7.000 OMRvoucher \\S+ · until .+$"))
    await desk.page.set_viewport_size({"width": 390, "height": 844})
    card = await desk.page.get_by_role("form", name="Voucher").bounding_box()
    ledger = await desk.page.get_by_role("region", name="Ledger").bounding_box()
    assert card is not None
    assert ledger is not None
    assert card["y"] + card["height"] <= ledger["y"]
    for role, form in (("org-admin", True), ("org-developer", False)):
        found, told = await desk.page.evaluate(_VOUCHER_FOR, [role, slug])
        assert (found, "redeemed by whoever administers" in told) == (form, not form)
    await _revoked(desk, slug, issued)
    await forgive(desk)


async def _issued(desk: Window, slug: str) -> str:
    """Issue a voucher by clicking, after doing it wrongly; returns its code."""
    await open_view(desk, slug, "Prices")
    await desk.page.get_by_text("Issue a voucher").first.press("Enter")
    form = desk.page.get_by_role("form", name="Issue a voucher")
    worth, cap = form.get_by_label("Worth"), form.get_by_label("How often")
    button = form.get_by_role("button", name="Issue it")
    for wrong in ("", "7 rials", "7.0001 OMR"):
        await worth.fill(wrong)
        await worth.press("Enter")
        await expect(worth).to_be_focused()
        await expect(worth).to_have_attribute("aria-invalid", "true")
    await worth.fill("7.000 OMR")
    await cap.fill("0")
    await button.click()
    await expect(cap).to_be_focused()
    await expect(form.locator(".wrong")).to_have_text(re.compile("must be a number from 1 to"))
    await expect(form.locator(".problems")).to_be_empty()
    await cap.fill("2")
    await form.get_by_label("What it is for").fill(f"For {slug}")
    ends, starts = form.get_by_label("Redeemable until"), form.get_by_label("Redeemable from")
    await form.get_by_label("Days that its credit lasts").fill("90")
    # What is wrong with a date stands at it, as with all else.
    await ends.fill("2020-01-31T18:00")
    await button.click()
    await expect(ends).to_be_focused()
    await expect(form.locator(".wrong")).to_contain_text("its end is past")
    await ends.fill(ENDS)
    await starts.fill(STARTS)
    await button.click()
    said = form.get_by_role("status")
    await expect(said).to_contain_text("It is issued. Its code, which nobody is shown again: VCH-")
    await expect(worth).to_have_value("")
    assert await desk.page.evaluate(_FAULTS) == []
    assert await _faint(desk) == []
    return await said.locator("code").inner_text()


async def _revoked(desk: Window, slug: str, code: str) -> None:
    """Revoke a voucher that was redeemed once, with the keyboard alone."""
    await open_view(desk, slug, "Prices")
    line = desk.page.locator(".vouchers li", has_text=f"For {slug}")
    await expect(line).to_contain_text("1 of 2 redeemed")
    await expect(line).not_to_contain_text(code)
    await line.get_by_text("Revoke it", exact=True).first.press("Enter")
    why, button = line.get_by_label("Why"), line.get_by_role("button", name="Revoke it")
    await button.press("Enter")
    await expect(why).to_be_focused()
    await expect(why).to_have_attribute("aria-invalid", "true")
    await why.fill("Given to the wrong one")
    await why.press("Enter")
    await expect(line.locator(".badge")).to_have_text("revoked")
    await expect(line).to_contain_text("Given to the wrong one")
    await expect(line.get_by_text("Revoke it")).to_have_count(0)
    await expect(desk.page.get_by_role("heading", name="Vouchers", exact=True)).to_be_focused()


_VOUCHER_FOR = """
async ([role, slug]) => {
  const { Balance } = await import('/js/balance.js');
  const node = document.createElement('div');
  const session = {roles: [], organizations: {[slug]: [role]}};
  new Balance(node, slug, {rows: () => new Map(), go: () => {}, session}).stop();
  return [node.querySelector('form') !== null, node.textContent];
}
"""


@pytest.mark.guarantee("G26.4")
async def test_a_price_book_is_put_in_force_and_what_is_wrong_in_it_has_its_line(
    window: Window, market: Site, slug: str
) -> None:
    page = window.page
    await market.create(slug)
    keeper = market.token("books@cloud.example", ["billing-admin"])
    await window.sign_in(keeper, at=f"/#/prices/{slug}")
    await page.get_by_text("Put another version in force").click()
    form = page.get_by_role("form", name="Another version of the price book")
    book, button = form.get_by_label("Price book"), form.get_by_role("button")
    await button.click()
    await expect(book).to_be_focused()
    document = (ROOT / "examples" / "price-book.yaml").read_text("utf-8")
    await book.fill(document.replace('OMR: "5.000"', 'OMR: "5,000"'))
    await button.click()
    await expect(form.locator(".wrong .error")).to_contain_text(re.compile("^line [0-9]+, column"))
    await expect(book).to_be_focused()
    assert await page.evaluate(_FAULTS) == []
    assert await _faint(window) == []
    await book.fill(document)
    await button.click()
    await expect(form.get_by_role("status")).to_contain_text("Version 2026-01 is taken")
    # Vouchers are issued by somebody else.
    await expect(page.get_by_role("form", name="Issue a voucher")).to_have_count(0)
    await forgive(window)


@pytest.mark.guarantee("G26.4")
async def test_a_voucher_is_issued_in_the_form_that_makes_its_name_and_in_no_other(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=0)
    page = desk.page
    await desk.choose_command("Create Organization")
    await page.get_by_label("Command", exact=True).select_option("billing.issue-voucher.v1")
    panel = page.get_by_role("tabpanel", name="Send a command")
    await expect(panel).to_contain_text("Issue a voucher; its id is made of the code")
    await expect(panel).to_contain_text("sent by sovereign-admin")
    await expect(panel.get_by_role("form")).to_have_count(0)
    await expect(panel.get_by_role("button")).to_have_count(0)
    await page.get_by_role("link", name="Issue a voucher among the prices").click()
    await page.get_by_text("Issue a voucher", exact=True).click()
    await expect(page.get_by_role("button", name="Issue it")).to_be_visible()


@pytest.mark.guarantee("G26.4")
async def test_whoever_issues_no_vouchers_is_not_led_there(window: Window, market: Site) -> None:
    await window.sign_in(market.token("books@cloud.example", ["billing-admin"]))
    await window.page.get_by_role("tab", name="Send a command").click()
    await window.page.locator("#command").select_option("billing.issue-voucher.v1")
    panel = window.page.get_by_role("tabpanel", name="Send a command")
    await expect(panel).to_contain_text("sent by sovereign-admin")
    await expect(panel.get_by_role("link")).to_have_count(0)
    await expect(panel.get_by_role("button")).to_have_count(0)


_STANDING = """
async docs => {
  const { standing, canBeRevoked } = await import('/js/voucher.js');
  const { STATES } = await import('/js/kinds.js');
  return docs.map(doc => [standing(doc), STATES.voucher(doc)[0], canBeRevoked(doc)]);
}
"""


@pytest.mark.guarantee("G12.27")
async def test_a_voucher_stands_alike_in_each_view_and_for_a_program(desk: Window) -> None:
    past, coming = "2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"
    docs = [
        {"status": status, "redeemed": redeemed, "cap": 2, "starts": starts, "ends": ends}
        for status in ("issued", "used up", "revoked")
        for redeemed in ((2,) if status == "used up" else (0, 1, 2))
        for starts in (None, past, coming)
        for ends in (None, past, coming)
    ]
    shown = await desk.page.evaluate(_STANDING, [{**doc, "amount": OMR} for doc in docs])
    row = Row(key="k", seq=1)
    told = [dict(kinds.columns("vouchers"))["STATUS"](row, doc) for doc in docs]
    assert set(told) == set(get_args(Standing))
    assert shown == [[one, one, one in {"issued", "not begun"}] for one in told]


@pytest.mark.guarantee("G12.27")
async def test_a_used_up_voucher_says_so_and_is_not_offered_to_be_revoked(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=0)
    names = {}
    for about in ("spent", "open"):
        made = await market.ask("billing/voucher-code", "_", {})
        data = {"code": made["code"], "amount": OMR, "cap": 1, "description": f"{slug} {about}"}
        where = {"aggregate": "voucher", "id": made["voucher"]}
        await market.command("billing.issue-voucher.v1", "_", data, **where)
        names[about] = made
    where = {"aggregate": "redemption", "id": f"r-{slug}"}
    code = {"code": names["spent"]["code"]}
    await market.command("billing.redeem-voucher.v1", slug, code, **where)
    await desk.until_row("voucher", names["spent"]["voucher"], "used up")
    await desk.until_row("voucher", names["open"]["voucher"], "issued")
    await open_view(desk, slug, "Prices")
    for about, said, revoked in (("spent", "used up", 0), ("open", "issued", 1)):
        line = desk.page.locator(".vouchers li", has_text=f"{slug} {about}")
        await expect(line.locator(".badge")).to_have_text(said)
        await expect(line.locator("summary", has_text="Revoke it")).to_have_count(revoked)
