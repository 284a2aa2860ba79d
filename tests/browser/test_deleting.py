"""An Environment and an Organization are deleted by clicking, after all that goes was listed."""

import pytest
from playwright.async_api import Browser, ViewportSize, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, PATIENCE, completed, furnish, open_view, planned
from tests.browser.test_approving import OVER
from tests.browser.test_looks import _FAULTS, _faint
from tests.support import browser as support
from tests.support.browser import Window

from catalyst.contracts.roles import SOVEREIGN_ADMIN

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.guarantee("G26.15"),
]
SHOW = "Show what would go and what would stay"
DOES = "and all that is listed"


@pytest.mark.guarantee("G26.6")
async def test_an_environment_and_then_its_organization_are_deleted_by_the_plan_that_was_shown(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-postgres", "db")
    await desk.row("change", change).filter(has_text="completed").wait_for(timeout=PATIENCE)
    await open_view(desk, slug, "Applications")
    await page.get_by_text("Delete an Environment or the Organization").press("Enter")
    await page.get_by_role("button", name=f"Plan the deletion of Environment {slug}-prod").click()
    title = page.get_by_role("heading", name=f"Delete the Environment {slug}-prod").first
    await expect(title).to_be_focused()
    await page.get_by_role("button", name=SHOW).click()
    button = await planned(desk, f"Delete {slug}-prod and all that is listed")
    await expect(button).to_have_class("danger")
    shown = page.locator(".plan")
    goes = shown.locator(".part", has=page.get_by_role("heading", name="What goes", exact=True))
    stays = shown.locator(".part", has=page.get_by_role("heading", name="What stays", exact=True))
    await expect(goes).to_contain_text("db")
    # What else is chosen has another plan.
    kept = await shown.locator(".plan-hash").inner_text()
    data = page.get_by_label("Delete volumes and databases as well")
    await data.check()
    await expect(button).to_have_count(0)
    await page.get_by_role("button", name=SHOW).click()
    await planned(desk, DOES)
    assert await shown.locator(".plan-hash").inner_text() != kept
    await data.uncheck()
    await page.get_by_role("button", name=SHOW).click()
    await expect(shown.locator(".plan-hash")).to_have_text(kept)
    plan = {"action": "delete-environment", "environment": f"{slug}-prod"}
    told = await market.ask("provisioning/plan", slug, plan)
    await expect(goes.locator("li")).to_have_count(len(told["goes"]))
    await expect(stays.locator("li")).to_have_count(len(told["stays"] + told["idle"]))
    assert told["goes"]
    assert told["stays"]
    sizes: tuple[ViewportSize, ...] = (
        {"width": 390, "height": 844},
        {"width": 1280, "height": 720},
    )
    for size in sizes:
        await page.set_viewport_size(size)
        assert await page.evaluate(OVER) <= 0
    assert await page.evaluate(_FAULTS) == []
    assert await _faint(desk) == []
    await (await planned(desk, DOES)).click()
    await completed(desk)
    await expect(page.get_by_text(kept).first).to_be_visible()

    await page.goto(f"{market.address}/#/deletion/{slug}")
    await page.get_by_role("button", name=SHOW).click()
    button = await planned(desk, f"Delete {slug} and all that is listed")
    typed = page.get_by_label(f"Type the name of the Organization, {slug}, to delete it")
    for other in ("", f"{slug}-prod", slug.upper()):
        await typed.fill(other)
        await expect(button).to_be_disabled()
        await expect(page.locator(".plan-foot")).to_contain_text("Type its name first.")
    await typed.fill(slug)
    await button.click()
    gone = page.get_by_text(f"The Organization '{slug}' was deleted")
    await expect(gone).to_be_visible(timeout=PATIENCE)


async def test_a_sovereign_admin_who_sees_no_changes_is_led_to_the_row(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk)
    async with support.window(chromium, market.address) as window:
        page = window.page
        await window.sign_in(market.token("root@else.example", [SOVEREIGN_ADMIN]))
        await window.row("organization", slug).get_by_role("button").click()
        await page.get_by_role("button", name="Plan its deletion").click()
        title = page.get_by_role("heading", name=f"Delete the Organization {slug}")
        await expect(title).to_be_focused()
        await page.get_by_role("button", name="Back to Rows").click()
        await window.row("environment", f"{slug}-prod").get_by_role("button").click()
        await page.get_by_role("button", name="Plan its deletion").click()
        title = page.get_by_role("heading", name=f"Delete the Environment {slug}-prod")
        await expect(title).to_be_focused()
        await page.get_by_role("button", name=SHOW).click()
        await (await planned(window, DOES)).click()
        begun = page.get_by_role("status").filter(has_text="is being deleted")
        await expect(begun).to_contain_text(f"The Environment {slug}-prod is being deleted")
        await page.get_by_role("link", name="Its row shows how far that is.").click()
        await expect(page.locator("#panel-row")).to_contain_text(f"{slug}-prod")
        assert window.complaints == []


async def test_who_may_not_delete_is_offered_nothing(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk)
    viewer = f"vi@{slug}.example"
    owners = [
        {"email": "admin@localhost", "role": "owner"},
        {"email": viewer, "role": "viewer"},
    ]
    await market.send("change-owners", slug, {"owners": owners})
    async with support.window(chromium, market.address) as window:
        page = window.page
        await window.sign_in(market.token(viewer), at=f"#/applications/{slug}")
        await expect(page.locator("#view")).to_contain_text("Nothing runs here yet")
        await expect(page.get_by_text("Delete an Environment")).to_be_hidden()
        await page.goto(f"{market.address}/#/deletion/{slug}/{slug}-prod")
        await expect(page.locator("#view")).to_contain_text("or a sovereign-admin")
        await expect(page.get_by_role("button", name=SHOW)).to_have_count(0)
        assert window.complaints == []


async def test_a_deletion_is_offered_to_whose_role_takes_it_alone(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk)
    developer = f"dev@{slug}.example"
    owners = [*OWNERS, {"email": developer, "role": "developer"}]
    await market.send("change-owners", slug, {"owners": owners})
    for email, may in ((developer, False), ("ann@example.com", True)):
        async with support.window(chromium, market.address) as window:
            page = window.page
            await window.sign_in(market.token(email), at=f"#/applications/{slug}")
            await expect(page.locator("#view")).to_contain_text("Nothing runs here yet")
            offered = page.get_by_text("Delete an Environment", exact=True)
            await expect(offered).to_be_visible(visible=may)
            await page.goto(f"{market.address}/#/deletion/{slug}/{slug}-prod")
            shown = page.get_by_role("button", name=SHOW)
            whom = page.get_by_text(f"It is for whoever owns or administers {slug}")
            await expect(shown).to_have_count(1 if may else 0)
            await expect(whom).to_have_count(0 if may else 1)
            # The Organization itself is deleted by who runs the platform.
            await page.goto(f"{market.address}/#/deletion/{slug}")
            await expect(page.get_by_text("It is for a sovereign-admin.")).to_be_visible()
            await expect(shown).to_have_count(0)
            assert window.complaints == []


async def test_what_is_not_there_is_not_offered_to_be_deleted(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk)
    page = desk.page
    await page.goto(f"{market.address}/#/deletion/{slug}/nosuch")
    await expect(page.locator("#view")).to_contain_text(
        f"There is no Environment 'nosuch' in {slug}.", timeout=PATIENCE
    )
    await expect(page.get_by_role("button", name=SHOW)).to_be_hidden()
    await page.get_by_role("link", name=f"Applications of {slug}").click()
    await page.get_by_text("Delete an Environment or the Organization").click()
    await page.get_by_role("button", name=f"Plan the deletion of Environment {slug}-prod").click()
    await expect(page.get_by_role("button", name=SHOW)).to_be_visible()
