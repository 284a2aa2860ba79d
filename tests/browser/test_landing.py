"""Where somebody is: the name of the window, where the cursor stands, when something was."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, ViewportSize, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, forgive, furnish, open_view
from tests.support import browser as support
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.guarantee("G26.6")
async def test_a_window_is_called_by_what_it_shows(desk: Window, site: Site, slug: str) -> None:
    page = desk.page
    await site.create(slug, owners=list(OWNERS))
    await desk.until_row("organization", slug)
    await expect(page).to_have_title("Rows · Catalyst")
    for view in ("Catalogue", "Balance", "Prices", "Applications"):
        await open_view(desk, slug, view)
        await expect(page).to_have_title(f"{view} · {slug} · Catalyst")
    shown = {
        f"blueprint/{slug}/bp-wiki": "bp-wiki",
        f"application/{slug}/wiki/{slug}-prod": f"wiki in {slug}-prod",
        f"change/{slug}/ch-1": "Change ch-1",
        f"invoice/{slug}/2026-11": "Invoice 2026-11",
        "nonsense": "There is no such page",
    }
    for place, title in shown.items():
        await page.goto(f"{site.address}/#/{place}")
        await expect(page).to_have_title(f"{title} · {slug} · Catalyst")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_title("Catalyst")
    await forgive(desk)  # What the addresses name is not there.


@pytest.mark.guarantee("G26.6")
async def test_who_goes_back_stands_on_the_title_of_what_is_shown(
    desk: Window, site: Site, slug: str
) -> None:
    page = desk.page
    await site.create(slug, owners=list(OWNERS))
    await desk.until_row("organization", slug)
    ways = {
        f"blueprint/{slug}/bp-wiki": ("Back to the catalogue", "Catalogue"),
        f"invoice/{slug}/2026-11": ("Back to the balance", "Balance"),
        f"change/{slug}/ch-1": ("Back to Applications", "Applications"),
    }
    for place, (back, title) in ways.items():
        await page.goto(f"{site.address}/#/{place}")
        # Once it is read: until then another button of that name stands there.
        await expect(page.locator("#view h2")).to_be_focused()
        await page.get_by_role("button", name=back).press("Enter")
        await expect(page.get_by_role("heading", name=title, exact=True)).to_be_focused()
    await page.goto(f"{site.address}/#/nonsense")
    links = page.get_by_role("region", name="View")
    await links.get_by_role("link", name="Rows").press("Enter")
    await expect(page.get_by_role("heading", name="Rows", exact=True)).to_be_focused()
    await forgive(desk)  # Once that month is over, it has no invoice.


async def test_the_address_of_a_row_shows_the_row_whatever_was_shown(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await desk.until_row("onboarding", slug, "completed")
    await desk.choose_command("Create Organization")
    for kind in ("organization", "onboarding"):
        await desk.page.goto(f"{site.address}/#{slug}._.{kind}._.{slug}")
        await expect(desk.page.locator("#panel-row h3")).to_be_visible()
        await expect(desk.page.get_by_role("tab", name="Row")).to_have_attribute(
            "aria-selected", "true"
        )
        await desk.choose_command("Create Organization")
        await expect(desk.form).to_be_visible()


async def test_an_age_says_when_it_was_where_its_reader_is(
    chromium: Browser, site: Site, slug: str
) -> None:
    await site.create(slug)
    place: Any = {"locale": "en-GB", "timezone_id": "Asia/Muscat"}
    async with support.window(chromium, site.address, **place) as window:
        await window.sign_in(site.admin)
        await window.until_row("organization", slug)
        exact = re.compile(r"^[A-Z][a-z]+day,? .* at \d\d:\d\d:\d\d (GST|GMT\+4)$")
        age = window.row("organization", slug).locator("td.age")
        await expect(age).to_have_attribute("title", exact)
        await window.row("organization", slug).get_by_role("button").click()
        changed = window.page.locator("#panel-row .facts [data-time]")
        await expect(changed).to_have_attribute("title", exact)
        await expect(window.page.locator("#panel-row .step .quiet").first).to_have_attribute(
            "title", exact
        )
        assert window.complaints == []


async def test_the_documentation_of_a_blueprint_is_a_link_that_tells_nothing(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug, owners=list(OWNERS))
    await desk.until_row("blueprint", "public-bp-wordpress", "published")
    await desk.page.goto(f"{site.address}/#/blueprint/{slug}/bp-wordpress")
    link = desk.page.locator("#view .facts a")
    await expect(link).to_have_attribute("href", "https://wordpress.org/documentation/")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(desk.page.locator("#view .facts dt", has_text="License")).to_be_visible()
    await expect(link).to_have_count(1)


async def test_who_may_not_look_is_told_who_can_change_that(
    window: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await window.sign_in(site.token("nobody@nowhere.example"))
    for view in ("catalogue", "prices"):
        await window.page.goto(f"{site.address}/#/{view}/{slug}")
        told = window.page.locator("#view").get_by_role("alert")
        await expect(told).to_contain_text(f"you have no role in {slug} that lets you see it.")
        await expect(told).to_contain_text(f"Whoever owns {slug} can give you one")
    await forgive(window)


async def test_a_narrow_window_says_that_nothing_is_live_wherever_it_is_scrolled(
    chromium: Browser, site: Site, slug: str
) -> None:
    await site.create(slug)
    viewport: ViewportSize = {"width": 360, "height": 700}
    async with support.window(chromium, site.address, viewport=viewport) as window:
        await window.sign_in(site.admin)
        await window.page.locator("#rows tbody tr").last.scroll_into_view_if_needed()
        state = window.page.locator("#stream")
        await expect(state).not_to_be_in_viewport()
        await window.page.context.set_offline(True)
        await window.until_state("reconnecting")
        await expect(state).to_be_in_viewport()
        await expect(state).to_contain_text("offline")
        await window.page.context.set_offline(False)
        await window.until_state("live")
        await expect(state).not_to_be_in_viewport()


async def test_an_address_beside_the_page_says_that_nothing_is_there_and_leads_to_it(
    chromium: Browser, site: Site
) -> None:
    # No window of ours: that one looks for the state of a stream, which is not on this page.
    page = await chromium.new_page()
    try:
        answer = await page.goto(f"{site.address}/no/such")
        assert answer is not None
        assert answer.status == 404
        await expect(page).to_have_title("There is no such page · Catalyst")
        round_edge = "getComputedStyle(document.querySelector('.card')).borderRadius"
        assert await page.evaluate(round_edge) == "12px"
        await page.get_by_role("link", name="Go to Catalyst").click()
        await page.get_by_label("Token").wait_for()
    finally:
        await page.close()


@pytest.mark.guarantee("G26.8")
async def test_of_the_first_steps_the_one_that_can_wait_says_so(
    desk: Window, site: Site, slug: str
) -> None:
    page = desk.page
    await furnish(site, slug, desk, credit=0)
    await open_view(desk, slug, "Applications")
    steps = page.get_by_role("region", name="How to begin").get_by_role("listitem")
    credit = steps.filter(has_text="Credit, for what has a price")
    await expect(credit).to_contain_text("(can wait until a plan asks for it)")
    await expect(steps.get_by_text("can wait")).to_have_count(1)
    # So the step that stands out is the one behind it.
    await expect(steps.last.get_by_role("button", name="Open the catalogue")).to_have_class(
        "primary"
    )
    given = {"currency": "OMR", "minor": 1000}
    data = {"grant": "g-1", "amount": given, "reason": "To begin with"}
    await site.command("billing.grant-credit.v1", slug, data, aggregate="account", id=slug)
    await expect(credit).to_contain_text("(done)")
    await expect(credit).not_to_contain_text("can wait")
