"""What runs is told on its open page what it can be upgraded to, and why to nothing else."""

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import PATIENCE, furnish, open_view, planned
from tests.browser.test_approving import OVER
from tests.browser.test_looks import _faint
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.guarantee("G26.2", "G23.4")
async def test_the_open_page_of_what_runs_learns_of_a_version_and_says_why_there_is_none(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    where = {"aggregate": "curation", "id": "public-bp-valkey"}
    pin = {"version": "1.0.2", "reason": "Tried it, and no other."}
    await market.command("catalog.pin-version.v1", slug, pin, **where)
    first = await market.install(slug, "bp-valkey", "cache")
    await desk.row("change", first).filter(has_text="completed").wait_for(timeout=PATIENCE)
    await desk.stop_clock()
    await open_view(desk, slug, "Applications")
    await page.get_by_role("button", name="cache", exact=True).click()
    acts = page.get_by_role("region", name="Upgrade, go back or remove")
    await expect(acts).to_contain_text("There is no version to upgrade to.")
    refused = acts.get_by_role("listitem")
    await expect(refused).to_have_text(
        "1.0.3: bp-valkey is pinned to 1.0.2: Tried it, and no other."
    )
    assert await page.evaluate(OVER) <= 0
    assert await _faint(desk) == []
    await market.command("catalog.unpin-version.v1", slug, {}, **where)
    upgrade = acts.get_by_role("button", name="Plan the upgrade to 1.0.3")
    await page.clock.run_for(30_000)
    await expect(upgrade).to_have_count(0)
    await page.clock.run_for(31_000)
    await expect(upgrade).to_be_visible()
    await expect(refused).to_have_count(0)
    await expect(acts).not_to_contain_text("There is no version")
    # It is asked again all the time, and nothing moves under a hand that found it.
    await upgrade.focus()
    async with page.expect_response("**/v1/queries/catalog/versions*"):
        await page.clock.run_for(61_000)
    await desk.until_answered()
    await expect(upgrade).to_be_focused()
    await upgrade.press("Enter")
    await planned(desk)
    await expect(page.locator(".plan h3")).to_have_text("Upgrade to 1.0.3")
