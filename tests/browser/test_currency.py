"""In which currency something is bought is chosen by clicking, where there is a choice."""

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import choose, completed, furnish, open_view, plan
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.guarantee("G12.26", "G26.1")
async def test_credit_in_dollars_buys_in_dollars_and_what_runs_stays_so(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=1)
    await choose(desk, slug, "Wiki")
    page = desk.page
    await expect(page.get_by_label("Package")).to_be_visible()
    currency = page.get_by_label("Currency")
    # Of one there is nothing to choose.
    await expect(currency).to_have_count(0)
    given = {"currency": "USD", "minor": 10_000}
    data = {"grant": "g-2", "amount": given, "reason": "In dollars"}
    await market.command("billing.grant-credit.v1", slug, data, aggregate="account", id=slug)
    await expect(currency.locator("option")).to_have_text(
        ["OMR, the usual one", "OMR (0.001 OMR can be spent)", "USD (100.00 USD can be spent)"]
    )
    await page.get_by_label("Package").select_option("s")
    await page.get_by_role("button", name="Show the plan").click()
    shown = page.locator(".plan")
    await expect(shown.locator(".blocked").first).to_contain_text("there is 100.00 USD, in which")
    await currency.select_option("USD")
    button = await plan(desk)
    await expect(shown.locator(".price")).to_contain_text("USD")
    await expect(shown.locator(".price")).not_to_contain_text("OMR")
    await button.click()
    await completed(desk)
    await expect(page.get_by_role("region", name="About")).to_contain_text("bought in USD")
    await open_view(desk, slug, "Balance")
    await expect(page.get_by_role("region", name="Invoices")).to_contain_text("USD")
    await open_view(desk, slug, "Applications")
    await page.get_by_role("button", name="wiki", exact=True).click()
    await expect(page.get_by_label("Package")).to_have_value("s")
    await expect(currency).to_have_count(0)
    await page.get_by_label("Package").select_option("m")
    await plan(desk)
    await expect(shown.locator(".price")).to_contain_text("USD")
