"""What runs is told on its open page what it can be upgraded to, and why to nothing else."""

import re

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import PATIENCE, choose, furnish, open_view, planned
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
    where = {"aggregate": "curation", "id": "public-bp-grafana"}
    pin = {"version": "1.0.1", "reason": "Tried it, and no other."}
    await market.command("catalog.pin-version.v1", slug, pin, **where)
    for blueprint, name, version in (
        ("bp-grafana", "boards", "*"),
        ("bp-postgres", "data", "16.9.1"),
    ):
        change = await market.install(slug, blueprint, name, version=version)
        await desk.row("change", change).filter(has_text="completed").wait_for(timeout=PATIENCE)
    await desk.stop_clock()
    await open_view(desk, slug, "Applications")
    await page.get_by_role("button", name="data", exact=True).click()
    acts = page.get_by_role("region", name="Upgrade, go back or remove")
    refused = acts.get_by_role("listitem")
    await expect(refused).to_have_text(re.compile("refuses an upgrade from 16.9.1: it blocks"))
    await expect(acts).to_contain_text("There is no version to upgrade to.")
    await page.get_by_role("button", name="Back to Applications").click()
    await page.get_by_role("button", name="boards", exact=True).click()
    await expect(refused).to_have_text(
        "1.1.1: bp-grafana is pinned to 1.0.1: Tried it, and no other."
    )
    assert await page.evaluate(OVER) <= 0
    assert await _faint(desk) == []
    await market.command("catalog.unpin-version.v1", slug, {}, **where)
    upgrade = acts.get_by_role("button", name="Plan the upgrade to 1.1.1")
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
    await expect(page.locator(".plan h3")).to_have_text("Upgrade to 1.1.1")


async def test_what_is_said_against_a_version_is_a_line_of_its_own(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    where = {"aggregate": "curation", "id": "public-bp-postgres"}
    pin = {"version": "16.9.1", "reason": "Ours: data, since 2024, is kept in it."}
    await market.command("catalog.pin-version.v1", slug, pin, **where)
    await choose(desk, slug, "Postgres")
    about = page.get_by_role("region", name="About")
    lines = about.locator(".versions > li")
    why = "bp-postgres is pinned to 16.9.1: Ours: data, since 2024, is kept in it."
    told = [["17.6.1", "kept-back", why], ["16.9.1"], ["15.10.1", "kept-back", why]]
    await expect(lines).to_have_count(len(told))
    for at, parts in enumerate(told):
        await expect(lines.nth(at).locator("strong, .badge, p")).to_have_text(parts)
    assert await page.evaluate(OVER) <= 0
    assert await _faint(desk) == []
    # Where another one is installed is called that.
    await about.get_by_text("Install another version").click()
    await expect(about.get_by_role("form", name="Another version")).to_be_visible()
