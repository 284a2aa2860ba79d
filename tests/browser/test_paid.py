"""A plan that buys nothing says what it means for what is paid, where whoever pressed finds it."""

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import completed, furnish, open_view, plan, planned
from tests.support.browser import Window

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.guarantee("G26.2"),
]


async def test_a_plan_that_takes_away_says_what_it_saves_and_what_stays_charged(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-redis", "cache")
    await page.goto(f"{market.address}/#/change/{slug}/{change}")
    await completed(desk)
    await page.get_by_role("button", name="See how cache is").click()
    await page.get_by_label("Memory").first.fill("128")
    await plan(desk)
    shown = page.locator(".plan")
    await expect(shown).to_contain_text("Unchanged, 0.750 OMR a month.")
    ask = page.get_by_role("button", name="Plan the uninstall")
    await ask.click()
    await planned(desk)
    await expect(shown.locator("h3")).to_have_text("Uninstall cache")
    await expect(shown).to_contain_text(
        "It saves 0.750 OMR a month, after the month in which it goes."
    )
    await expect(shown).to_contain_text(
        re.compile(f"{datetime.now(UTC):%Y}-.. is charged whole, 0.750 OMR or the dearest")
    )
    await expect(shown).to_contain_text("for cache: 1 month x 0.750 OMR = 0.750 OMR")
    # It stands below what was pressed, and is no part of the configuration.
    await expect(page.get_by_role("region", name="Configuration").locator(".plan")).to_have_count(0)
    pressed, found = await ask.bounding_box(), await shown.bounding_box()
    assert pressed is not None
    assert found is not None
    assert found["y"] >= pressed["y"] + pressed["height"]


@pytest.mark.guarantee("G26.7")
async def test_a_balance_says_in_words_how_far_orders_may_go_beyond_the_credit(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=1_000)
    await open_view(desk, slug, "Balance")
    shown = desk.page.get_by_role("region", name="OMR")
    await expect(shown.locator(".amount")).to_have_text("1.000 OMR")
    await expect(shown).to_contain_text("Orders are paid out of the credit; none may go beyond it.")
    limit = {"limit": {"currency": "OMR", "minor": 3_000}}
    where = {"aggregate": "account", "id": slug}
    await market.command("billing.set-credit-limit.v1", slug, limit, **where)
    told = "Orders may go up to 3.000 OMR beyond the credit, and are paid with their invoice"
    await expect(shown).to_contain_text(f"{told}.")
    await expect(shown.locator(".amount")).to_have_text("4.000 OMR")
    # The wiki and its database cost more than the credit.
    await market.install(slug, "bp-wiki", "wiki")
    await expect(shown).to_contain_text(re.compile(f"{told}; [0-9.]+ OMR of that is left"))


async def test_what_is_left_without_use_is_led_to(desk: Window, market: Site, slug: str) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-wiki", "wiki")
    await page.goto(f"{market.address}/#/change/{slug}/{change}")
    await completed(desk)
    await page.get_by_role("button", name="See how wiki is").click()
    await page.get_by_role("button", name="Plan the uninstall").click()
    await planned(desk)
    left = page.locator(".plan li", has_text="postgres: needed by nothing any more")
    # To whoever types a command is told, to whoever presses a way.
    await expect(left).not_to_contain_text("catalyst plan")
    await left.get_by_role("link", name="take postgres away on its own page").click()
    await expect(page.get_by_role("heading", name="postgres", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Plan the uninstall").click()
    await expect(page.locator(".plan h3")).to_have_text("Uninstall postgres")
