"""From the catalogue to what runs, by clicking: forms, plans, changes, Applications and balance."""

import re
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect
from tests.browser.site import Site
from tests.support import browser as support
from tests.support.browser import ROOT, Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

BOOK: Final = (ROOT / "examples" / "price-book.yaml").read_text("utf-8")
PATIENCE: Final = 60_000
"""Milliseconds for a change that a simulated cluster takes part in."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def market(site: Site) -> Site:
    """A stack on which Blueprints have prices."""
    await site.command(
        "billing.apply-price-book.v1",
        "_",
        {"document": BOOK},
        aggregate="price-book",
        id="default",
    )
    return site


async def _furnish(site: Site, slug: str, window: Window, credit: int = 50_000, **env: Any) -> None:
    """Make an Organization with an Environment and credit; returns when the window shows both."""
    owners = [{"email": "admin@localhost", "role": "owner"}]
    await site.create(slug, owners=owners)
    await window.until_row("onboarding", slug, "completed")
    await site.add_environment(slug, **env)
    if credit:
        given = {"currency": "OMR", "minor": credit}
        data = {"grant": "g-1", "amount": given, "reason": "To begin with"}
        await site.command("billing.grant-credit.v1", slug, data, aggregate="account", id=slug)
    await window.until_row("environment", f"{slug}-prod")


async def _open(window: Window, slug: str, view: str) -> None:
    await window.page.get_by_label("Show the views of").select_option(slug)
    await window.page.get_by_role("button", name=view, exact=True).click()


async def _choose(window: Window, slug: str, title: str) -> None:
    """Open the page of a Blueprint by way of the catalogue."""
    await _open(window, slug, "Catalogue")
    await window.page.get_by_label("Search", exact=True).fill(title)
    await window.page.locator(".cards").get_by_role("button", name=title, exact=True).click()
    await expect(window.page.locator(".order .config")).to_be_visible()


def _status(window: Window) -> Locator:
    return window.page.locator(".change-status")


async def _plan(window: Window) -> Locator:
    await window.page.get_by_role("button", name="Show the plan").click()
    button = window.page.get_by_role("button", name="Apply the plan")
    await button.wait_for()
    return button


@pytest.mark.timeout(180)
async def test_an_install_by_clicking_is_seen_alike_in_two_windows(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await _furnish(market, slug, desk)
    async with support.window(chromium, market.address) as other:
        await other.sign_in(market.admin)
        await other.until_row("environment", f"{slug}-prod")
        await _open(other, slug, "Applications")
        await expect(other.page.locator(".runs")).to_contain_text("Nothing runs here yet")

        await _choose(desk, slug, "Wiki")
        await desk.page.get_by_label("What is written down").select_option(label="debug")
        button = await _plan(desk)
        plan = desk.page.locator(".plan")
        await expect(plan).to_contain_text("postgres bp-postgres")
        await expect(plan.get_by_label("Which postgres shall it use?")).to_have_value("new")
        await expect(plan.locator(".price")).to_contain_text("2.500 OMR")
        await expect(plan.locator(".price")).to_contain_text("47.500 OMR")
        await expect(plan.locator(".plan-hash")).to_have_text(re.compile("^[0-9a-f]{64}$"))
        await plan.get_by_text("files in Git").click()
        await plan.get_by_text("wiki main: environments/").first.click()
        await expect(plan.locator(".file[open] .diff .added").first).to_be_visible()
        await button.click()
        await expect(_status(desk)).to_have_text("completed", timeout=PATIENCE)
        await expect(desk.page.locator(".change-step.done")).to_have_count(6)
        await expect(desk.page.locator(".elapsed")).to_contain_text("took")

        await _open(desk, slug, "Applications")
        for window in (desk, other):
            run = window.page.locator(".run", has_text="bp-wiki")
            await expect(run.locator(".marks")).to_contain_text(
                re.compile("Applied.*current.*Health.*healthy.*Change.*none.*Gate.*open", re.DOTALL)
            )
            await expect(run.locator(".marks")).to_contain_text("by the simulator")
            await expect(window.page.locator(".rolled").first).to_have_text(f"{slug} healthy")
            await expect(window.page.get_by_role("status").filter(has_text="2 App")).to_be_visible()
        await _open(other, slug, "Balance")
        await expect(other.page.locator(".amount")).to_have_text("47.500 OMR")
        assert other.complaints == []

    # What cannot change any more says so, and what runs is there to be used.
    await desk.page.get_by_role("button", name="wiki", exact=True).click()
    await expect(desk.page.get_by_label("Mode")).to_be_disabled()
    await expect(desk.page.get_by_label("What is written down")).to_have_value("4")


async def test_what_is_wrong_with_a_value_stands_at_its_field(
    desk: Window, market: Site, slug: str
) -> None:
    await _furnish(market, slug, desk)
    await _choose(desk, slug, "WordPress")
    memory = desk.page.get_by_label("Memory (MiB)")
    await memory.fill("3")
    await desk.page.get_by_label("Name").fill("Not a name")
    await desk.page.get_by_role("button", name="Show the plan").click()
    await expect(desk.page.get_by_label("Name")).to_be_focused()
    await expect(desk.page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    await desk.page.get_by_label("Name").fill("blog")
    await desk.page.get_by_role("button", name="Show the plan").click()
    await expect(memory).to_be_focused()
    await expect(memory).to_have_attribute("aria-invalid", "true")
    wrong = desk.page.locator(".field.wrong")
    await expect(wrong).to_have_count(1)
    await expect(wrong).to_contain_text("must be at least 256")
    assert await desk.page.get_by_role("button", name="Apply the plan").count() == 0
    await memory.fill("512")
    assert await (await _plan(desk)).is_enabled()
    # What is changed afterwards was not planned.
    await memory.fill("513")
    await expect(desk.page.get_by_role("button", name="Apply the plan")).to_have_count(0)
    _forgive(desk)


async def test_a_field_is_shown_while_its_condition_holds(
    desk: Window, market: Site, slug: str
) -> None:
    await _furnish(market, slug, desk, credit=0)
    await _choose(desk, slug, "Wiki")
    which = desk.page.get_by_label("Which one")
    await expect(which).to_be_hidden()
    await desk.page.get_by_label("Mode").select_option(label="existing")
    await expect(which).to_be_visible()
    help_text = "No bp-postgres runs there"
    await expect(desk.page.locator(".field", has=which)).to_contain_text(help_text)
    await desk.page.get_by_label("Mode").select_option(label="embedded")
    await expect(which).to_be_hidden()


async def test_without_credit_the_button_says_why_it_cannot_be_pressed(
    desk: Window, market: Site, slug: str
) -> None:
    await _furnish(market, slug, desk, credit=0)
    await _choose(desk, slug, "Redis")
    button = await _plan(desk)
    await expect(button).to_be_disabled()
    why = await button.get_attribute("aria-describedby")
    await expect(desk.page.locator(f"#{why}")).to_contain_text("It cannot be applied:")
    await expect(desk.page.locator(".plan")).to_contain_text("(not enough)")


async def test_a_change_that_waits_says_for_what_and_can_be_cancelled(
    desk: Window, market: Site, slug: str
) -> None:
    owners = [{"email": "admin@localhost", "role": "owner"}]
    await market.create(slug, owners=owners)
    await desk.until_row("onboarding", slug, "completed")
    rule = {"promotion": {"required_approvers": 1}}
    await market.send("define-policy", slug, rule, id="careful")
    await market.add_environment(slug, policy="careful")
    data = {"grant": "g-1", "amount": {"currency": "OMR", "minor": 9_000}, "reason": "For tests"}
    await market.command("billing.grant-credit.v1", slug, data, aggregate="account", id=slug)
    await desk.until_row("environment", f"{slug}-prod")
    await _choose(desk, slug, "Redis")
    button = await _plan(desk)
    await expect(desk.page.locator(".plan")).to_contain_text("1 approval of")
    await button.click()
    await expect(_status(desk)).to_have_text("waiting")
    await expect(desk.page.locator(".why")).to_contain_text("approval")
    approve = desk.page.get_by_role("button", name="Approve", exact=True)
    await expect(approve).to_be_disabled()
    await expect(desk.page.locator(".page")).to_contain_text("Somebody else has to approve it")
    await desk.page.get_by_text("Cancel this change").click()
    await desk.page.get_by_role("button", name="Cancel it").click()
    reason = desk.page.get_by_label("Why it shall be stopped")
    await expect(reason).to_have_attribute("aria-invalid", "true")
    await reason.fill("Not now")
    await desk.page.get_by_role("button", name="Cancel it").click()
    await expect(_status(desk)).to_have_text("cancelled")
    await expect(desk.page.locator(".why")).to_have_count(0)
    _forgive(desk)


async def test_a_voucher_is_looked_at_and_redeemed(desk: Window, market: Site, slug: str) -> None:
    await _furnish(market, slug, desk, credit=0)
    made = await market.ask("billing/voucher-code", "_", {})
    voucher = {"code": made["code"], "amount": {"currency": "OMR", "minor": 7_000}, "cap": 1}
    await market.command(
        "billing.issue-voucher.v1", "_", voucher, aggregate="voucher", id=made["voucher"]
    )
    await _open(desk, slug, "Balance")
    code = desk.page.get_by_label("Voucher", exact=False).and_(desk.page.get_by_role("textbox"))
    await code.fill("VCH-NONE-NONE-NONE")
    await desk.page.get_by_role("button", name="What is it worth?").click()
    await expect(code).to_have_attribute("aria-invalid", "true")
    await code.fill(made["code"])
    await desk.page.get_by_role("button", name="What is it worth?").click()
    await expect(desk.page.locator("#view")).to_contain_text("It is worth 7.000 OMR")
    await desk.page.get_by_role("button", name="Redeem it").click()
    await expect(desk.page.locator("#view")).to_contain_text("Redeemed: 7.000 OMR was added.")
    await expect(desk.page.locator(".amount")).to_have_text("7.000 OMR")
    _forgive(desk)


async def test_the_catalogue_is_used_with_the_keyboard(
    desk: Window, market: Site, slug: str
) -> None:
    await _furnish(market, slug, desk, credit=0)
    await _open(desk, slug, "Catalogue")
    await desk.page.locator(".cards .product").first.wait_for()
    await desk.page.get_by_label("Search", exact=True).focus()
    await desk.page.keyboard.type("valkey")
    await expect(desk.page.locator(".cards .product").first).to_contain_text("Valkey")
    chip = desk.page.get_by_role("button", name=re.compile("^Data"))
    await chip.focus()
    await desk.page.keyboard.press("Enter")
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await expect(chip).to_be_focused()
    await desk.page.locator("#view .chip").last.focus()
    await desk.page.keyboard.press("Tab")
    await expect(desk.page.locator(".cards button").first).to_be_focused()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_role("heading", name="Valkey", exact=True)).to_be_focused()


async def test_what_is_not_found_or_cannot_be_read_is_said(
    desk: Window, market: Site, slug: str
) -> None:
    await _furnish(market, slug, desk, credit=0)
    await _open(desk, slug, "Catalogue")
    await desk.page.locator(".cards .product").first.wait_for()
    await desk.page.get_by_label("Search", exact=True).fill("zzzzzzzzqq")
    await expect(desk.page.locator(".cards .empty")).to_contain_text("Nothing is called that")
    await desk.page.context.set_offline(True)
    await desk.page.get_by_label("Search", exact=True).fill("wiki")
    await expect(desk.page.locator("#view").get_by_role("alert")).to_contain_text("cannot be read")
    await desk.page.context.set_offline(False)
    await desk.page.get_by_role("button", name="Try again").click()
    await expect(desk.page.locator(".cards .product").first).to_be_visible()
    _forgive(desk)


def _forgive(window: Window) -> None:
    """Take back what the browser itself says of a request that was refused."""
    window.complaints = [
        text for text in window.complaints if "Failed to load resource" not in text
    ]
