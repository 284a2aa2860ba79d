"""The rows: live, the same in every window, only one's own, and honest when they stand still."""

import re

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.browser.steps import stall
from tests.support import browser as support
from tests.support.browser import Window
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


async def test_a_row_appears_and_changes_without_asking(
    desk: Window, site: Site, slug: str
) -> None:
    assert await desk.row("organization", slug).count() == 0
    await site.create(slug, display_name="First name")
    await desk.until_row("organization", slug, "First name")
    await desk.until_row("onboarding", slug, "completed")
    outcome = await site.rename(slug, "Second name")
    await desk.until_row("organization", slug, "Second name")
    await desk.until_sequence(outcome["seq"])
    await site.add_environment(slug)
    await desk.until_row("environment", f"{slug}-prod", "single-region")
    await expect(desk.row("organization", slug).locator(".age")).to_have_text(
        re.compile(r"^\d+ (s|min)$")
    )


async def test_the_rows_of_the_organization_that_is_chosen_come_first(
    desk: Window, site: Site, slug: str
) -> None:
    other = f"{slug}-other"
    for name in (slug, other):
        await site.create(name)
        await desk.until_row("organization", name)
    for chosen in (other, slug):
        await desk.page.goto(f"{site.address}/#/applications/{chosen}")
        await desk.page.get_by_role("button", name="Rows", exact=True).click()
        await expect(desk.page.locator("#rows tbody tr").first).to_have_attribute(
            "data-key", f"{chosen}._.organization._.{chosen}"
        )
        # What is of the platform, and of all others, follows.
        keys = [key.split(".")[0] for key, *_ in await desk.rows()]
        rest = keys[keys.count(chosen) :]
        assert chosen not in rest
        assert rest == sorted(rest, key=lambda one: "" if one == "_" else one)


@pytest.mark.guarantee("G13.7")
async def test_a_source_that_cannot_be_read_says_why_and_what_to_do(
    window: Window, site: Site, slug: str
) -> None:
    owner = site.token(f"dev@{slug}.example")
    await site.create(slug, owners=[{"email": f"dev@{slug}.example", "role": "owner"}])
    told = {"kind": "git", "location": f"/git/{slug}/lost.git", "origin": "private"}
    await site.command("blueprint.add-source.v1", slug, told, token=owner, id="lost")
    await window.sign_in(owner)
    await window.until_row("source", "lost", "failing")
    await window.row("source", "lost").click()
    why = window.page.locator("#panel-row .why")
    await expect(why).to_contain_text("lost cannot be read")
    await expect(why).to_contain_text("source sync lost")
    await site.send("suspend-organization", slug, {"reason": "unpaid"})
    await window.row("organization", slug).click()
    await expect(why).to_contain_text(f"{slug} is suspended: unpaid")
    await expect(why).to_contain_text("a sovereign-admin: resume the Organization")


@pytest.mark.guarantee("G4.1")
async def test_two_windows_agree_after_changes(
    chromium: Browser, desk: Window, site: Site, slug: str
) -> None:
    async with support.window(chromium, site.address) as other:
        await site.create(slug)
        await other.sign_in(site.admin)
        for number in range(20):
            await site.rename(slug, f"Name {number}")
        last = await site.add_environment(slug, "stg")
        for shown in (desk, other):
            # The rows of the Organization that each looks at stand before all others.
            await shown.page.get_by_label("Show the views of").select_option(slug)
            await shown.page.get_by_role("button", name="Rows", exact=True).click()
            await shown.until_sequence(last["seq"])
            await shown.until_row("environment", f"{slug}-stg")
            await shown.until_row("organization", slug, "Name 19")

        async def agree() -> bool:
            return await desk.rows() == await other.rows()

        await until(agree)
        assert other.complaints == []


@pytest.mark.guarantee("G4.6", "G6.2")
async def test_a_window_shows_only_what_its_reader_may_see(
    window: Window, site: Site, slug: str
) -> None:
    theirs = f"{slug}-other"
    await site.create(theirs, display_name="Not yours")
    await site.create(slug, owners=[{"email": f"dev@{slug}.example", "role": "owner"}])
    await window.sign_in(site.token(f"dev@{slug}.example"))
    await window.until_row("organization", slug, "ready")
    await site.rename(theirs, "Still not yours")
    mark = await site.rename(slug, "Yours")
    await window.until_row("organization", slug, "Yours")
    await window.until_sequence(mark["seq"])
    assert {key.split(".")[0] for key, *_ in await window.rows()} == {slug}
    assert "ot yours" not in await window.page.content()


async def test_the_filter_looks_at_names_and_into_documents(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug, display_name="Needle in the hay")
    await site.add_environment(slug)
    await desk.until_row("environment", f"{slug}-prod")
    await desk.page.get_by_label("Filter by text").fill(f"NEEDLE {slug}")
    await expect(desk.page.locator("#rows tbody tr")).to_have_count(1)
    await desk.page.get_by_label("Filter by text").fill(slug)
    await desk.page.get_by_role("button", name="Environments").click()
    await expect(desk.page.locator("#rows tbody tr")).to_have_count(1)
    await desk.until_row("environment", f"{slug}-prod")
    await desk.page.get_by_label("Filter by text").fill("no row holds this")
    await expect(desk.page.locator("#empty")).to_have_text("No row matches the filter.")


@pytest.mark.guarantee("G3.6")
async def test_a_row_that_stands_still_says_since_when_and_why(
    desk: Window, site: Site, slug: str
) -> None:
    await stall(site, slug, desk)
    await desk.page.get_by_label("Only stale").check()
    await desk.until_row("organization", slug)
    await expect(desk.row("onboarding", slug)).to_have_count(0)
    await desk.row("organization", slug).get_by_role("button").click()
    await expect(desk.page.locator("#panel-row .notice")).to_contain_text("Stale since")


async def test_rows_are_reached_and_read_with_the_keyboard_alone(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await desk.until_row("onboarding", slug, "completed")
    await desk.until_row("account", slug)
    await desk.page.get_by_label("Filter by text").fill(slug)
    await expect(desk.page.locator("#rows tbody tr")).to_have_count(3)
    await desk.page.keyboard.press("Tab")
    await expect(desk.page.get_by_label("Only stale")).to_be_focused()
    await desk.page.keyboard.press("Tab")
    first = desk.page.locator("#rows tbody tr").first.get_by_role("button")
    await expect(first).to_be_focused()
    await desk.page.keyboard.press("ArrowDown")
    await desk.page.keyboard.press("Enter")
    title = desk.page.locator("#panel-row h3")
    await expect(title).to_have_text(slug)
    await expect(title).to_be_focused()
    chosen = desk.page.locator("#rows tr.chosen").get_by_role("button")
    await desk.page.keyboard.press("Escape")
    await expect(chosen).to_be_focused()
    await desk.page.keyboard.press("Enter")
    await desk.page.get_by_role("tab", name="Row").focus()
    await desk.page.keyboard.press("ArrowRight")
    await expect(desk.page.get_by_role("tab", name="Send a command")).to_be_focused()
    await expect(desk.page.get_by_label("Command", exact=True)).to_be_visible()


async def test_a_title_keeps_the_cursor_while_its_row_changes(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await desk.until_row("onboarding", slug, "completed")
    await desk.row("organization", slug).get_by_role("button").press("Enter")
    await site.rename(slug, "Another name")
    await expect(desk.page.locator("#panel-row .doc")).to_contain_text("Another name")
    await expect(desk.page.locator("#panel-row h3")).to_be_focused()


async def test_who_has_no_role_anywhere_is_told_so(window: Window, site: Site) -> None:
    await window.sign_in(site.token("nobody@nowhere.example"))
    await expect(window.page.locator("#empty")).to_contain_text("You have no role in any Org")


async def test_an_unknown_address_says_so_and_leads_back(
    desk: Window, site: Site, slug: str
) -> None:
    page = desk.page
    await site.create(slug)
    await desk.until_row("account", slug)
    for address in (f"#/invoice/{slug}", "#/constructor", f"#/change/{slug}", "#/%"):
        await page.goto(f"{site.address}/{address}")
        title = page.get_by_role("heading", name="There is no such page")
        await expect(title).to_be_focused()
        await expect(page.locator("#desk")).to_be_hidden()
        await page.get_by_role("region", name="View").get_by_role("link", name="Rows").click()
        await expect(page.locator("#desk")).to_be_visible()
        await expect(title).to_have_count(0)


async def test_rows_of_the_catalogue_and_of_prices_say_how_they_are(
    desk: Window, market: Site, slug: str
) -> None:
    await market.create(slug)
    await desk.until_row("account", slug)
    await desk.until_row("source", "starter", "ready")
    await desk.until_row("price-book", "default", "version ")
    made = await market.ask("billing/voucher-code", "_", {})
    data = {"code": made["code"], "amount": {"currency": "OMR", "minor": 1_000}, "cap": 1}
    await market.command(
        "billing.issue-voucher.v1", "_", data, aggregate="voucher", id=made["voucher"]
    )
    # Both are kept under names that nobody gave them.
    for kind, name, given in (
        ("price-book", "default", "main"),
        ("voucher", made["voucher"], made["prefix"]),
    ):
        button = desk.row(kind, name).get_by_role("button")
        await expect(button).to_have_text(given)
        await button.click()
        await expect(desk.page.locator("#panel-row h3")).to_have_text(given)
    await expect(desk.page.locator("#kinds")).to_contain_text("Price books")
    assert await desk.page.locator("#rows td.kind", has_text="-").count() == 0
