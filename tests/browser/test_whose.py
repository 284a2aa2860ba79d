"""What somebody may not see is not said to be nothing, and what is not there is said to be so."""

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, forgive, furnish, open_view
from tests.support import browser as support
from tests.support.browser import Window

from catalyst.contracts.roles import BILLING_ADMIN, SECURITY_OFFICER, SOVEREIGN_ADMIN

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="package"),
]
OF_ALL = ("catalogue", "applications", "balance", "prices")
OF_ONE = ("blueprint/{}/bp-wiki", "application/{}/wiki/x-prod", "change/{}/ch-1", "note/{}/n-1")


@pytest.mark.guarantee("G26.12")
@pytest.mark.parametrize("role", [SECURITY_OFFICER, BILLING_ADMIN, SOVEREIGN_ADMIN])
async def test_what_a_role_does_not_see_is_not_said_to_be_nothing(
    window: Window, site: Site, slug: str, role: str
) -> None:
    await site.create(slug)
    view = window.page.locator("#view")
    await window.sign_in(site.token("looks@role.example", [role]))
    await window.until_row("organization", slug)
    for place in (f"applications/{slug}", f"application/{slug}/wiki/{slug}-prod"):
        await window.page.goto(f"{site.address}/#/{place}")
        told = view.get_by_role("alert")
        await expect(told).to_contain_text("Your role does not see Applications here")
        await expect(told).to_contain_text(f"Whoever owns {slug} can give you one")
        await expect(view.locator("h2")).to_have_text("Applications")
        for wrong in ("0 Applications", "Nothing runs here yet", "Nothing is to run"):
            await expect(view).not_to_contain_text(wrong)
    await window.page.goto(f"{site.address}/#/change/{slug}/ch-1")
    if role == SECURITY_OFFICER:
        # Who audits changes is told that there is none.
        await expect(view).to_contain_text(f"There is no such change in {slug}")
        await expect(view).not_to_contain_text("Your role does not see")
    else:
        await expect(view.get_by_role("alert")).to_contain_text("Your role does not see changes")


@pytest.mark.guarantee("G26.12")
@pytest.mark.parametrize(
    ("role", "place", "told", "besides"),
    [
        (BILLING_ADMIN, "catalogue/{}", "see the catalogue", ""),
        (SECURITY_OFFICER, "blueprint/{}/bp-wiki", "see the catalogue", ""),
        (SECURITY_OFFICER, "prices/{}", "see what things cost", ", billing-admin"),
    ],
)
async def test_whoever_lacks_a_role_is_told_which_and_not_to_try_again(
    window: Window, site: Site, slug: str, role: str, place: str, told: str, besides: str
) -> None:
    await site.create(slug)
    await window.sign_in(site.token("looks@role.example", [role]))
    await window.until_row("organization", slug)
    await window.page.goto(f"{site.address}/#/{place.format(slug)}")
    view = window.page.locator("#view")
    await expect(view.get_by_role("alert")).to_have_text(
        f"Your roles do not allow you to {told}: it takes one of the roles org-admin, "
        f"org-developer, org-viewer{besides}. Whoever owns {slug} can give you one."
    )
    await expect(view.get_by_role("button", name="Try again")).to_have_count(0)
    await forgive(window)


@pytest.mark.guarantee("G26.12")
async def test_who_is_given_a_role_sees_what_was_kept_from_them_at_once(
    window: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await window.sign_in(site.token("late@role.example", [SECURITY_OFFICER]))
    await window.until_row("organization", slug)
    await open_view(window, slug, "Applications")
    view = window.page.locator("#view")
    await expect(view.get_by_role("alert")).to_contain_text("does not see Applications")
    owners = [
        {"email": "owner@example.com", "role": "owner"},
        {"email": "Late@role.example", "role": "developer"},
    ]
    await site.send("change-owners", slug, {"owners": owners})
    await expect(view).to_contain_text("Nothing runs here yet")
    await expect(view.get_by_role("alert")).to_have_count(0)


@pytest.mark.guarantee("G26.12")
@pytest.mark.parametrize("platform", [[], [SECURITY_OFFICER]])
async def test_who_loses_their_role_is_told_at_once_and_sees_what_was_shown_no_more(
    window: Window, site: Site, slug: str, platform: list[str]
) -> None:
    mine = {"email": "Late@role.example", "role": "developer"}
    others = [{"email": "owner@example.com", "role": "owner"}]
    await site.create(slug, owners=[*others, mine])
    await window.sign_in(site.token("late@role.example", platform))
    await window.until_row("organization", slug)
    await open_view(window, slug, "Applications")
    view = window.page.locator("#view")
    await expect(view).to_contain_text("Nothing runs here yet")
    await site.send("change-owners", slug, {"owners": others})
    told = view.get_by_role("alert")
    if platform:
        await expect(told).to_contain_text("Your role does not see Applications here")
    else:
        await expect(told).to_contain_text(f"you have no role in {slug} that lets you see it")
    await expect(told).to_contain_text(f"Whoever owns {slug} can give you one")
    for wrong in ("0 Applications", "Nothing runs here yet"):
        await expect(view).not_to_contain_text(wrong)
    # Given back, it shows again what it did.
    await site.send("change-owners", slug, {"owners": [*others, mine]})
    await expect(view).to_contain_text("Nothing runs here yet")
    await expect(told).to_have_count(0)


@pytest.mark.guarantee("G26.12")
@pytest.mark.parametrize("place", [*(f"{name}/{{}}" for name in OF_ALL), *OF_ONE])
async def test_every_view_of_no_organization_says_that_there_is_none(
    desk: Window, site: Site, slug: str, place: str
) -> None:
    view = desk.page.locator("#view")
    await desk.page.goto(f"{site.address}/#/{place.format(slug)}")
    told = view.get_by_role("alert")
    await expect(told).to_have_text(f"There is no Organization '{slug}'.")
    for wrong in ("How to begin", "The account of", "price book", "Looking"):
        await expect(view).not_to_contain_text(wrong)
    # Once it is made, its view comes by itself.
    await site.create(slug, owners=list(OWNERS))
    await expect(told.filter(has_text="There is no Organization")).to_have_count(0)
    await forgive(desk)  # What else the address names is not there.


@pytest.mark.guarantee("G26.12")
async def test_who_sees_no_organization_is_not_told_whether_there_is_one(
    window: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await window.sign_in(site.token("nobody@nowhere.example"))
    view = window.page.locator("#view")
    for name in (slug, f"{slug}-none"):
        for place in OF_ALL:
            await window.page.goto(f"{site.address}/#/{place}/{name}")
            await expect(view.get_by_role("alert")).to_have_text(
                f"There is no Organization '{name}', or you have no role in {name} that lets you"
                f" see it.Whoever owns {name} can give you one."
            )


async def test_an_address_that_leads_nowhere_names_every_view(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug, owners=list(OWNERS))
    await desk.until_row("organization", slug)
    await desk.page.goto(f"{site.address}/#/nonsense")
    links = desk.page.locator("#view").get_by_role("link")
    buttons = desk.page.locator(".bar button[data-view]")
    # Beside one of them stands how much waits.
    named = {text.strip(" \n0123456789") for text in await buttons.all_inner_texts()}
    await expect(links).to_have_count(len(named))
    assert {text.strip() for text in await links.all_inner_texts()} == named


@pytest.mark.guarantee("G26.4")
@pytest.mark.parametrize("given", ["", "  ", "no such code!"])
async def test_a_voucher_that_is_none_is_refused_at_the_field_by_its_name(
    desk: Window, site: Site, slug: str, given: str
) -> None:
    await site.create(slug, owners=list(OWNERS))
    await desk.until_row("organization", slug)
    await open_view(desk, slug, "Balance")
    form = desk.page.get_by_role("form", name="Voucher")
    code = form.get_by_role("textbox")
    await code.fill(given)
    await form.get_by_role("button", name="What is it worth?").click()
    await expect(code).to_have_attribute("aria-invalid", "true")
    await expect(code).to_be_focused()
    told = form.locator(".error")
    await expect(told).to_contain_text("must be" if given.strip() else "has to be given")
    await expect(form).not_to_contain_text("code:")
    await forgive(desk)


@pytest.mark.guarantee("G26.10")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_runs_stands_with_its_picture_for_a_member(
    chromium: Browser, market: Site, slug: str, scheme: support.Scheme
) -> None:
    dev = f"dev@{slug}.example"
    async with support.window(chromium, market.address, color_scheme=scheme) as window:
        await window.sign_in(market.admin)
        await furnish(market, slug, window)
    await market.send(
        "change-owners", slug, {"owners": [OWNERS[0], {"email": dev, "role": "developer"}]}
    )
    await market.install(slug, "bp-postgres", "db")
    async with support.window(chromium, market.address, color_scheme=scheme) as window:
        await window.sign_in(market.token(dev), f"/#/applications/{slug}")
        await expect(window.page.locator(".run .emblem img")).to_have_count(1)
        await window.page.get_by_role("button", name="db", exact=True).click()
        picture = window.page.locator(".hero .emblem img")
        assert await picture.evaluate("async image => (await image.decode(), image.naturalWidth)")
        assert window.complaints == []
