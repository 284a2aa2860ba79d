"""From the catalogue to what runs, by clicking: forms, plans, changes, Applications and balance."""

import asyncio
import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Route, expect
from tests.browser.site import Site
from tests.browser.steps import (
    OWN_GATE,
    PATIENCE,
    choose,
    completed,
    forgive,
    furnish,
    open_view,
    plan,
    planned,
    status,
)
from tests.support import browser as support
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.guarantee("G26.1", "G26.7")
async def test_an_install_by_clicking_is_seen_alike_in_two_windows(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk)
    async with support.window(chromium, market.address) as other:
        await other.sign_in(market.admin)
        await other.until_row("environment", f"{slug}-prod")
        await open_view(other, slug, "Applications")
        beginning = other.page.get_by_role("region", name="How to begin")
        await expect(beginning).to_contain_text("Nothing runs here yet")

        await choose(desk, slug, "Wiki")
        await expect(desk.page.locator("[aria-label=About] dl")).to_contain_text("Copies20 at most")
        await desk.page.get_by_label("What is written down").select_option(label="debug")
        button = await plan(desk)
        shown = desk.page.locator(".plan")
        await expect(shown).to_contain_text("postgres bp-postgres")
        await expect(shown.get_by_label("Which postgres shall it use?")).to_have_value("new")
        await expect(shown.locator(".price")).to_contain_text("2.500 OMR")
        await expect(shown.locator(".price")).to_contain_text("47.500 OMR")
        await expect(shown.locator("h3")).to_have_text("Install wiki")
        await expect(shown.locator(".plan-hash")).to_have_text(re.compile("^[0-9a-f]{64}$"))
        await shown.get_by_text("files in Git").click()
        await shown.get_by_text("wiki main: environments/").first.click()
        await expect(shown.locator(".file[open] .diff .added").first).to_be_visible()
        await button.click()
        await completed(desk)
        await expect(desk.page.locator(".change-step.done")).to_have_count(6)
        simulated = desk.page.locator(".change-step", has_text="(simulated)")
        await expect(simulated).to_contain_text("Wait until it runs")
        await expect(desk.page.locator(".change-status")).to_have_text("completed (simulated)")
        await expect(desk.page.locator(".elapsed")).to_contain_text("took")

        await open_view(desk, slug, "Applications")
        for window in (desk, other):
            run = window.page.locator(".run", has_text="bp-wiki")
            await expect(run.locator(".marks")).to_contain_text(
                re.compile("Applied.*current.*Health.*healthy.*Change.*none.*Gate.*open", re.DOTALL)
            )
            await expect(run.locator(".marks")).to_contain_text("by the simulator")
            await expect(run.locator(".marks")).to_contain_text("healthy (simulated)")
            latest = window.page.get_by_role("region", name="Latest changes")
            await expect(latest).to_contain_text("completed (simulated)")
            await expect(window.page.locator(".rolled").first).to_have_text(
                f"{slug} healthy (simulated)"
            )
            await expect(window.page.get_by_role("status").filter(has_text="2 App")).to_be_visible()
        await open_view(other, slug, "Balance")
        await expect(other.page.locator(".amount")).to_have_text("47.500 OMR")
        await _opens_what_is_charged(other, market, slug)
        assert other.complaints == []

    # What cannot change any more says so, and what runs is there to be used.
    await desk.page.get_by_role("button", name="wiki", exact=True).click()
    await expect(desk.page.get_by_label("Mode")).to_be_disabled()
    await expect(desk.page.get_by_label("What is written down")).to_have_value("4")
    await _a_package_and_an_add_on_come_and_go(desk)


async def _a_package_and_an_add_on_come_and_go(window: Window) -> None:
    """What runs shows what it has; a tick that is taken away takes it away."""
    page = window.page
    package, backup = page.get_by_label("Package"), page.get_by_label("Daily backup")
    await expect(backup).not_to_be_checked()
    await package.select_option("s")
    await backup.check()
    await (await plan(window)).click()
    await completed(window)
    await page.get_by_role("button", name="Applications", exact=True).click()
    await page.get_by_role("button", name="wiki", exact=True).click()
    await expect(package).to_have_value("s")
    await expect(backup).to_be_checked()
    price = page.locator(".plan .price")
    await backup.uncheck()
    await plan(window)
    await expect(price).to_contain_text(re.compile("now(.*)750 OMR.*after(?!.*750 OMR).*now0.000"))
    await expect(price).to_contain_text("Set aside now0.000 OMR (this month is paid already)")
    await package.select_option("m")
    await plan(window)
    await expect(price).to_contain_text("OMR (6.750 OMR of the month is paid already)")
    await expect(page.locator(".plan .bad")).to_contain_text("package m: no file of wiki changes")
    await package.select_option("s")
    await package.select_option("")
    await plan(window)
    await expect(page.locator(".plan")).not_to_contain_text(re.compile("Daily backup|package"))


async def _opens_what_is_charged(window: Window, market: Site, slug: str) -> None:
    """From the balance to each event behind a line, while use comes in and the month is closed."""
    page = window.page
    month = f"{datetime.now(UTC):%Y-%m}"
    ledger = page.get_by_role("region", name="Ledger").get_by_role("listitem")
    await expect(ledger.filter(has_text="was taken").first).to_contain_text("Taken 2.500 OMR")
    invoices = page.get_by_role("region", name="Invoices")
    await expect(invoices).to_contain_text(re.compile("so far.*running.*2.500 OMR"))
    await market.use(slug, "wiki", "ai-tokens", 2_500, "u-1")
    await market.use(slug, "wiki", "nothing-such", 1, "u-2")
    use = page.get_by_role("region", name="Use")
    await expect(use).to_contain_text(
        re.compile("ai-tokens.* · 1 use *2,500 ai-tokens.*0.0024 OMR")
    )
    await expect(use).to_contain_text("has no meter 'nothing-such'")
    await expect(use.locator("summary")).to_have_text("1 use could not be counted")
    await expect(use).to_contain_text("1 nothing-such")
    await expect(invoices).to_contain_text("2.502 OMR")

    await invoices.get_by_role("button").click()
    line = page.locator(".bill-line", has_text="AI tokens")
    await line.locator("summary").press("Enter")
    await expect(line).to_contain_text("package: 2500 token = 0.002 OMR")
    await expect(line).to_contain_text("by price book main 2026-01, applied by event ")
    charged, event = line.get_by_role("listitem").first, line.get_by_role("listitem").last
    await expect(charged).to_contain_text("3 packages of 1000 token")
    await expect(event).to_contain_text("2,500 ai-tokens")
    await market.use(slug, "wiki", "ai-tokens", 1_000, "u-3")
    await expect(line).to_contain_text("2 events behind it")
    where = {"aggregate": "account", "id": slug}
    await market.command("billing.finalize-invoice.v1", slug, {"month": month}, **where)
    await expect(page.locator(".hero")).to_contain_text(re.compile("Invoice .*paid"))
    await page.get_by_role("button", name="Back to the balance").click()
    await expect(invoices).to_contain_text("paid")
    # What goes on, and what is ordered from now on, stands on the next one.
    since = "ordered or used since, and what goes on"
    await expect(invoices).to_contain_text(re.compile(f"{since}.*not begun.*2.500 OMR.*paid"))
    await expect(use).to_contain_text("closed early: what is used from now on stands on the next")
    await invoices.get_by_role("button").first.click()
    await expect(page.locator(".hero")).to_contain_text(re.compile("used since.*not begun"))
    goes_on = page.locator(".bill-line .formula").first
    await expect(goes_on).to_have_text(re.compile("1 month x .*, if it goes on$"))
    await page.get_by_role("button", name="Back to the balance").click()
    await _a_credit_note_is_a_document(window, market, slug, month)


async def _a_credit_note_is_a_document(window: Window, market: Site, slug: str, month: str) -> None:
    """It is listed, says which lines it gives back, and leads to its invoice and back."""
    page = window.page
    given = {"line": 1, "amount": {"currency": "OMR", "minor": 100}}
    note = {"note": "cn-1", "invoice": month, "reason": "It was slow", "lines": [given]}
    where = {"aggregate": "account", "id": slug}
    await market.command("billing.issue-credit-note.v1", slug, note, **where)
    invoices = page.get_by_role("region", name="Invoices")
    listed = invoices.get_by_role("listitem").filter(has_text="finalized")
    await expect(listed).to_contain_text("0.100 OMR")
    await listed.get_by_role("button").click()
    view = page.locator("#view")
    await expect(view.get_by_role("heading", name="Credit note")).to_be_focused()
    await expect(view).to_contain_text("It was slow")
    line = view.locator(".bill-line")
    await expect(line).to_contain_text(re.compile("line 1, for .* invoiced, .* left of it"))
    await line.locator("summary").press("Enter")
    await expect(line.get_by_role("listitem").first).to_contain_text("event ")
    await view.get_by_role("button", name=re.compile(" of ")).click()
    await expect(view.locator(".notice")).to_contain_text("gave back 0.100 OMR of line 1")
    await view.locator(".notice").get_by_role("button", name="cn-1").click()
    await expect(view).to_contain_text("It was slow")
    await page.get_by_role("button", name="Back to the balance").click()


@pytest.mark.guarantee("G26.4")
async def test_what_is_wrong_with_a_value_stands_at_its_field(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk)
    await choose(desk, slug, "WordPress")
    memory = desk.page.get_by_label("Memory (MiB)")
    # Each hint is a sentence of its own, behind what the Blueprint says.
    await expect(desk.page.locator(".order-form .help", has_text="never shrinks")).to_have_text(
        re.compile(r"never shrinks\. From 1 to \d+\.")
    )
    page, form = desk.page, desk.page.locator(".order-form")
    name, where, wrong = form.get_by_label("Name"), form.get_by_label("Env"), form.locator(".wrong")
    await memory.fill("3")
    await name.fill("Not a name")
    # The form for another place may come later than the button is pressed.
    come, asked = asyncio.Event(), "**/v1/queries/catalog/form*"

    async def late(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await page.route(asked, late)
    before = await memory.element_handle()
    await where.select_option(label="choose…")
    await page.get_by_role("button", name="Show the plan").click()
    await expect(form.locator("[aria-invalid]")).to_have_count(3)
    come.set()
    await before.wait_for_element_state("hidden")
    await page.unroute(asked)
    # It is called Name here, whatever a program calls it; and all is told at once.
    told = ("Choose where it shall run", "It must be 2 to 40 lower-case", "It must be at least 256")
    for place, text in enumerate(told):
        await expect(wrong.locator(".error").nth(place)).to_have_text(re.compile(f"^{text}"))
    await expect(form.locator("[aria-invalid]")).to_have_count(3)
    await expect(where).to_be_focused()
    await where.select_option(f"{slug}-prod")
    await page.get_by_role("button", name="Show the plan").click()
    await expect(name).to_be_focused()
    await expect(wrong).to_have_count(2)
    await name.fill("blog")
    await page.get_by_role("button", name="Show the plan").click()
    await expect(memory).to_be_focused()
    await expect(memory).to_have_attribute("aria-invalid", "true")
    await expect(wrong).to_have_count(1)
    await expect(desk.page.get_by_text("must be at least 256")).to_have_count(1)
    await expect(desk.page.locator(".order .problems").first).to_be_empty()
    assert await desk.page.get_by_role("button", name="Apply the plan").count() == 0
    await memory.fill("512")
    assert await (await plan(desk)).is_enabled()
    # What is changed afterwards was not planned.
    await memory.fill("513")
    await expect(desk.page.get_by_role("button", name="Apply the plan")).to_have_count(0)
    await _a_package_and_add_ons_are_ordered(desk)
    await _an_older_version_is_looked_at_and_planned(desk, slug)
    await forgive(desk)


async def _an_older_version_is_looked_at_and_planned(window: Window, slug: str) -> None:
    page = window.page
    await page.get_by_text("Install another version").click()
    form = page.get_by_role("form", name="Another version")
    version = form.get_by_label("Version")
    await form.get_by_role("button").click()
    await expect(version).to_be_focused()
    await version.select_option(label="1.0.1")
    await form.get_by_role("button").click()
    about = page.get_by_role("region", name="About")
    await expect(about).to_contain_text(f"Nothing stands in the way of 1.0.1 in {slug}-prod.")
    await about.get_by_role("button", name="Plan the install of 1.0.1").click()
    await planned(window)
    await expect(page.locator(".plan")).to_contain_text("1.0.1")
    # What stands in the way leads on to its cause.
    link = {"kind": "change", "name": "ch-1", "code": "queued", "message": "ch-1 is before it"}
    link |= {"since": "", "who": "whoever began it", "what_to_do": "wait for it"}
    told = {"possible": False, "reasons": ["mariadb cannot become `9`"], "chain": [link]}
    place = "**/v1/queries/catalog/why-not*"
    await page.route(place, lambda route: route.fulfill(json={"as_of": 1, "result": told}))
    await form.get_by_role("button").press("Enter")
    await expect(about.get_by_role("status").locator("li")).to_have_text("mariadb cannot become 9")
    await expect(about.get_by_role("button", name="Plan the install")).to_have_count(0)
    await about.get_by_role("button", name="ch-1").click()
    await expect(page.get_by_role("heading", name="ch-1")).to_be_visible()
    await page.unroute(place)


async def _a_package_and_add_ons_are_ordered(window: Window) -> None:
    """What the price book does not sell together says so where it was chosen."""
    page = window.page
    await page.get_by_label("Package").select_option("s")
    support, backup = (page.get_by_label(name) for name in ("Support by tele", "Daily backup"))
    await support.check()
    await page.get_by_role("button", name="Show the plan").click()
    addons = page.get_by_role("group", name="Add-ons")
    await expect(addons.locator("> .error")).to_contain_text("addon.backup can be had")
    await support.uncheck()
    await backup.check()
    await plan(window)
    # WordPress and its database cost 3.000 OMR; a small package and backups come on top.
    await expect(page.locator(".plan .price")).to_contain_text("A month for these after8.750 OMR")
    await expect(addons.locator("> .error")).to_be_empty()


async def test_a_field_is_shown_while_its_condition_holds(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=0)
    await choose(desk, slug, "Wiki")
    # From a bookmark, too, where the form is there before the rows.
    await desk.page.reload()
    where = desk.page.locator(".order").get_by_label("Environment")
    await expect(where.locator("option:checked")).to_have_text(f"{slug}-prod")
    which = desk.page.get_by_label("Which one")
    await expect(which).to_be_hidden()
    await desk.page.get_by_label("Mode").select_option(label="existing")
    await expect(which).to_be_visible()
    help_text = "No bp-postgres runs there"
    await expect(desk.page.locator(".field", has=which)).to_contain_text(help_text)
    await desk.page.get_by_label("Mode").select_option(label="embedded")
    await expect(which).to_be_hidden()


@pytest.mark.guarantee("G13.7", "G26.4")
async def test_without_credit_the_button_says_why_it_cannot_be_pressed(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=0)
    await choose(desk, slug, "Redis")
    button = await plan(desk)
    await expect(button).to_be_disabled()
    why = await button.get_attribute("aria-describedby")
    await expect(desk.page.locator(f"#{why}")).to_contain_text("It cannot be applied:")
    await expect(desk.page.locator(".plan")).to_contain_text("(not enough)")
    behind = desk.page.locator(".plan .blocked .why")
    await expect(behind).to_contain_text("What is behind it")
    await expect(behind).to_contain_text(f"the account of {slug} has less than")
    await expect(behind).to_contain_text("voucher redeem")


@pytest.mark.guarantee("G26.2", "G26.3")
async def test_a_change_that_waits_says_for_what_and_can_be_cancelled(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, policy="careful")
    await choose(desk, slug, "Redis")
    button = await plan(desk)
    await expect(desk.page.locator(".plan")).to_contain_text("1 approval of")
    await expect(desk.page.locator(".plan .facts > div")).to_have_text(OWN_GATE)
    await button.click()
    await expect(status(desk)).to_have_text("waiting")
    await expect(desk.page.locator(".why")).to_contain_text("approval")
    approve = desk.page.get_by_role("button", name="Approve", exact=True)
    await expect(approve).to_be_disabled()
    await expect(desk.page.locator(".page")).to_contain_text("Somebody else has to approve it")
    await desk.page.get_by_text("Cancel this change").click()
    await desk.page.get_by_role("button", name="Cancel it").click()
    reason = desk.page.get_by_label("Why it shall be stopped")
    await expect(reason).to_have_attribute("aria-invalid", "true")
    await expect(desk.page.locator(".acts .wrong .error")).not_to_be_empty()
    await expect(desk.page.locator(".page .problems")).to_be_empty()
    await reason.fill("Not now")
    await desk.page.get_by_role("button", name="Cancel it").click()
    await expect(status(desk)).to_have_text("cancelled")
    await expect(desk.page.locator(".why")).to_have_count(0)
    await forgive(desk)


@pytest.mark.guarantee("G26.6")
async def test_the_catalogue_is_used_with_the_keyboard(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk, credit=0)
    await open_view(desk, slug, "Catalogue")
    press = desk.page.locator(".product", has_text="WordPress").locator(".price-line")
    await expect(press).to_contain_text("a month · needs mariadb (priced apart)")
    suite = desk.page.locator(".product", has_text="Team suite").locator(".price-line")
    await expect(suite).to_contain_text("needs postgres, wiki, mattermost, nextcloud, vaultwarden")
    await desk.page.get_by_label("Search", exact=True).press_sequentially("valkey")
    await expect(desk.page.locator(".cards .product").first).to_contain_text("Valkey")
    chip = desk.page.get_by_role("button", name=re.compile("^Data"))
    await chip.press("Enter")
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
    await furnish(market, slug, desk, credit=0)
    await open_view(desk, slug, "Catalogue")
    await desk.page.locator(".cards .product").first.wait_for()
    await desk.page.get_by_label("Search", exact=True).fill("zzzzzzzzqq")
    nothing = "Nothing found for 'zzzzzzzzqq'; try another word"
    await expect(desk.page.locator(".cards .empty")).to_contain_text(nothing)
    await desk.page.context.set_offline(True)
    await desk.page.get_by_label("Search", exact=True).fill("wiki")
    await expect(desk.page.locator("#view").get_by_role("alert")).to_contain_text("cannot be read")
    await desk.page.context.set_offline(False)
    await desk.page.get_by_role("button", name="Try again").click()
    wiki = desk.page.locator(".cards").get_by_role("button", name="Wiki", exact=True)
    await expect(wiki).to_be_visible()
    # What is not to be found any more goes from the page by itself.
    where, why = {"aggregate": "curation", "id": "public-bp-wiki"}, {"reason": "We write on paper"}
    await market.command("catalog.hide-blueprint.v1", slug, why, **where)
    await expect(wiki).to_have_count(0)
    await desk.page.goto(f"{market.address}/#/change/{slug}/ch-nosuch")
    await expect(desk.page.get_by_text("There is no such change")).to_be_visible(timeout=PATIENCE)
    await forgive(desk)
