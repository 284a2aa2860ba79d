"""What is gone is told by what took it away, and what is left of it is still shown."""

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import PATIENCE, completed, forgive, furnish
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


async def _done(window: Window, change: str) -> None:
    await window.row("change", change).filter(has_text="completed").wait_for(timeout=PATIENCE)


@pytest.mark.guarantee("G26.2", "G26.12")
async def test_what_went_names_what_took_it_away_last_and_its_account_stays(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    await _done(desk, await market.install(slug, "bp-mailpit", "mail"))
    first = f"ch-{slug}-first"
    await _done(desk, await market.apply(slug, first, action="uninstall", application="mail"))
    again = f"ch-{slug}-again"
    await _done(desk, await market.install(slug, "bp-mailpit", "mail", change=again))
    await _done(desk, await market.install(slug, "bp-valkey", "queue"))
    whole = await market.apply(slug, f"ch-{slug}-whole", action="delete-environment")
    await _done(desk, whole)
    await page.goto(f"{market.address}/#/change/{slug}/{again}")
    told = "0.000 OMR now (this month is paid already)"
    await expect(page.locator("[aria-label=About] dl")).to_contain_text(told)
    for name in ("mail", "queue"):
        await page.goto(f"{market.address}/#/application/{slug}/{name}/{slug}-prod")
        state = page.get_by_role("region", name="Status")
        await expect(state).to_contain_text("It was removed on ")
        await expect(state.get_by_role("button", name="The change ")).to_have_text(
            f"The change {whole}"
        )
    await page.goto(f"{market.address}/#/balance/{slug}")
    ledger = page.get_by_role("region", name="Ledger")
    await expect(ledger).to_contain_text("Credit came in")
    gone = page.get_by_text(f"The Organization {slug} was deleted; its account stays.")
    await expect(gone).to_have_count(0)
    await expect(page.locator(".voucher")).to_have_count(1)
    action = {"action": "delete-organization", "environment": None}
    await market.apply(slug, f"ch-{slug}-end", **action)
    # It is said as soon as it is so, and what is left is still there.
    await expect(gone).to_be_visible(timeout=PATIENCE)
    await expect(page.get_by_text("The account is closed")).to_be_visible()
    await expect(page.locator(".voucher")).to_have_count(0)
    await expect(ledger).to_contain_text("Credit came in")
    await expect(page.get_by_role("region", name="Invoices")).to_be_visible()
    await page.reload()
    await expect(gone).to_be_visible()
    await expect(ledger).to_contain_text("Credit came in")
    # What ran there is not to be seen any more: it is said why, and where to go.
    for place in (f"application/{slug}/queue/{slug}-prod", f"change/{slug}/{again}"):
        await page.goto(f"{market.address}/#/{place}")
        why = page.locator("#view").get_by_role("alert")
        await expect(why).to_contain_text(f"The Organization '{slug}' was deleted, and with it")
        await expect(page.get_by_label("Show the views of")).to_have_value(slug)
        await expect(page.get_by_role("link", name="Rows")).to_have_attribute("href", "#/rows")
        await page.get_by_role("link", name=f"Balance of {slug}").click()
        await expect(gone).to_be_visible()
        await expect(page.get_by_role("heading", name="Balance", exact=True)).to_be_focused()
    # A month that is closed at this moment is no running one, and its invoice is not drafted yet.
    await forgive(desk)


@pytest.mark.guarantee("G26.12")
async def test_what_was_never_there_is_said_not_to_be_until_it_comes(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    view = page.locator("#view")
    await furnish(market, slug, desk)
    change = f"ch-{slug}-mail"
    for place, told in (
        (f"change/{slug}/{change}", f"There is no such change in {slug}, or it is not yours"),
        (f"application/{slug}/mail/{slug}-prod", f"no Application mail in {slug}-prod, or it"),
    ):
        await page.goto(f"{market.address}/#/{place}")
        await expect(view).to_contain_text(told)
        for wrong in ("Waiting for", "Looking", "Nothing is to run", "Status", "0 %"):
            await expect(view.get_by_text(wrong).filter(visible=True)).to_have_count(0)
        await expect(view.get_by_role("progressbar")).to_have_count(0)
        ways = view.get_by_role("link")
        await expect(ways).to_have_text([f"Applications of {slug}", "Rows"])
        assert [await one.get_attribute("href") for one in await ways.all()] == [
            f"#/applications/{slug}",
            "#/rows",
        ]
    # Once it comes, it is shown where it was said not to be.
    assert await market.install(slug, "bp-mailpit", "mail") == change
    await expect(page.get_by_role("region", name="Status")).to_be_visible(timeout=PATIENCE)
    await expect(page.get_by_role("form", name="Configuration")).to_be_visible(timeout=PATIENCE)
    await expect(view.get_by_text("There is no Application")).to_have_count(0)
    await page.goto(f"{market.address}/#/change/{slug}/{change}")
    await completed(desk)
    await expect(view.get_by_role("progressbar")).to_be_visible()
