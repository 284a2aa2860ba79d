"""What runs is given another form by clicking, and the one that it had before."""

import re

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import PATIENCE, completed, furnish, plan, planned
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.guarantee("G26.2")
async def test_what_runs_goes_back_to_what_it_was(desk: Window, market: Site, slug: str) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    first = await market.install(slug, "bp-redis", "cache")
    await desk.row("change", first).filter(has_text="completed").wait_for(timeout=PATIENCE)
    await page.goto(f"{market.address}/#/application/{slug}/cache/{slug}-prod")
    memory = page.get_by_label("Memory for data (MiB)")
    before = await memory.input_value()
    acts = page.get_by_role("region", name="Upgrade, go back or remove")
    back = acts.get_by_role("button", name="Plan the way back")
    await expect(acts).to_contain_text("Plan the uninstall")
    await expect(back).to_have_count(0)
    await memory.fill("512")
    button = await plan(desk)
    # What is planned stands over the plan: below the form it could be anything.
    await expect(page.locator(".plan h3")).to_have_text("Change the configuration")
    await button.click()
    await completed(desk)
    await page.get_by_role("button", name="See how cache is").click()
    await expect(memory).to_have_value("512")
    await expect(acts.get_by_role("listitem")).to_contain_text(f"Install cache in {slug}-prod")
    await back.click()
    button = await planned(desk)
    title = page.locator(".plan h3")
    await expect(title).to_have_text(re.compile(r"^Go back to what it was, with \d+\.\d+\.\d+$"))
    await expect(title).to_be_focused()
    await button.click()
    await expect(page.get_by_role("heading", name="Go back with cache")).to_be_visible()
    await completed(desk)
    await page.get_by_role("button", name="See how cache is").click()
    await expect(memory).to_have_value(before)
    # Both that came before it are offered, the later one first.
    await expect(back).to_have_count(2)
    await expect(acts.get_by_role("listitem").first).to_contain_text("Change the configuration")
