"""What a refusal names as another way is taken by pressing a button, not by typing."""

import pytest
from playwright.async_api import expect
from tests.browser.site import Site
from tests.browser.steps import choose, completed, forgive, furnish, planned
from tests.support.browser import Window

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.guarantee("G26.2", "G27.14"),
]


async def test_a_copy_of_its_own_is_chosen_where_what_runs_already_does_not_fit(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-wiki", "wiki")
    await page.goto(f"{market.address}/#/change/{slug}/{change}")
    await completed(desk)
    await choose(desk, slug, "Nextcloud")
    await page.get_by_label("Name *", exact=True).fill("files")
    await page.get_by_role("button", name="Show the plan").click()
    refused = page.locator(".order > form .problems")
    await expect(refused).to_contain_text("as postgres, shared by wiki")
    # What is typed elsewhere is pressed here.
    await expect(refused).to_contain_text("A copy of its own is another way")
    await expect(refused).not_to_contain_text("=new")
    way = refused.get_by_role("button", name="Plan it with a postgres of its own")
    await expect(way).to_be_visible()
    # It would plan what was asked for, which is something else now.
    await page.get_by_label("Name *", exact=True).fill("filing")
    await expect(way).to_have_count(0)
    await page.get_by_label("Name *", exact=True).fill("files")
    await page.get_by_role("button", name="Show the plan").click()
    await way.click()
    button = await planned(desk)
    await expect(refused).to_be_empty()
    await expect(page.locator(".plan")).to_contain_text("files-postgres bp-postgres")
    question = page.get_by_label("Which postgres shall it use?")
    await expect(question).to_have_value("new")
    # It stays chosen, whatever else is changed, and can be taken back.
    form = page.locator(".order > form")
    again = form.get_by_role("button", name="Choose its postgres anew")
    await page.get_by_label("Name *", exact=True).fill("drive")
    await expect(page.locator(".plan")).to_be_empty()
    await page.get_by_role("button", name="Show the plan").click()
    await planned(desk)
    await expect(refused).to_be_empty()
    await expect(page.locator(".plan")).to_contain_text("drive-postgres bp-postgres")
    await expect(question).to_have_value("new")
    await expect(form).to_contain_text("It uses a postgres of its own.")
    await again.click()
    await expect(refused).to_contain_text("as postgres, shared by wiki")
    await expect(again).to_have_count(0)
    await way.click()
    await planned(desk)
    await page.get_by_label("Name *", exact=True).fill("files")
    await page.get_by_role("button", name="Show the plan").click()
    button = await planned(desk)
    await expect(page.locator(".plan")).to_contain_text("files-postgres bp-postgres")
    await button.click()
    await completed(desk)
    await forgive(desk)
