"""Who may come in, what the page keeps of a token, and how it ends."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect
from tests.browser.site import Site
from tests.browser.steps import forgive
from tests.support import browser as support
from tests.support.browser import Window

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

MARK = "catalyst-signed-in"
"""The cookie that says that there is a session, to scripts as well."""
pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


async def test_signing_in_shows_the_rows_and_who_it_is(
    window: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await window.sign_in(site.admin)
    await window.until_row("organization", slug, "ready")
    await expect(window.page.locator("#who-name")).to_have_text("admin@localhost")
    await expect(window.page.get_by_label("Token")).to_be_hidden()


@pytest.mark.guarantee("G26.8")
async def test_who_comes_in_is_shown_what_they_run_or_the_way_to_it(
    window: Window, site: Site, slug: str
) -> None:
    page = window.page
    person = f"new@{slug}.example"
    await window.sign_in(site.token(person), at="")
    await expect(page.locator("#view")).to_contain_text("You are in no Organization yet")
    await expect(page.get_by_label("Show the views of")).to_be_hidden()
    await page.get_by_role("button", name="Sign out").click()
    other = f"looks-on@{slug}.example"
    owners = [{"email": person, "role": "owner"}, {"email": other, "role": "viewer"}]
    await site.create(slug, owners=owners)
    await window.sign_in(site.token(person), at="")
    await expect(page.get_by_role("heading", name="Applications")).to_be_visible()
    await expect(page.get_by_label("Show the views of")).to_have_value(slug)
    # The same again for whoever comes back.
    await page.get_by_role("button", name="Sign out").click()
    await window.sign_in(site.token(person), at="")
    await expect(page.get_by_label("Show the views of")).to_have_value(slug)
    way = page.get_by_role("region", name="How to begin")
    await expect(way.locator(".done")).to_have_text(re.compile(f"{slug} is ready"))
    # To skip what comes first leads to what is shown, and nowhere else.
    await page.get_by_role("link", name="Skip to the content").press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    make = way.get_by_role("button", name="Make an Environment")
    await expect(make).to_have_class("primary")
    await make.press("Enter")
    await expect(page.get_by_label("Command", exact=True)).to_be_focused()
    await expect(window.form.get_by_label("Organization")).to_have_value(slug)
    await expect(window.form.get_by_label("Environment name")).to_have_value(f"{slug}-prod")
    # What becomes possible meanwhile is offered by itself, wherever one stands.
    await page.goto(f"{site.address}/#/blueprint/{slug}/bp-redis")
    order = page.get_by_role("region", name="Install")
    await expect(order.get_by_role("button", name="Make an Environment")).to_be_visible()
    await site.add_environment(slug)
    where = order.get_by_label("Environment")
    await expect(where).to_have_value("0")
    await expect(order).not_to_contain_text("has no Environment yet")
    await site.add_environment(slug, "dev")
    await expect(where.locator("option")).to_have_text(["choose…", f"{slug}-dev", f"{slug}-prod"])
    await expect(where.locator("option:checked")).to_have_text(f"{slug}-prod")
    await page.get_by_role("button", name="Applications", exact=True).click()
    await expect(way.locator(".done")).to_have_count(2)
    await way.get_by_role("button", name="Open the catalogue").click()
    await expect(page.locator("#view h2")).to_have_text("Catalogue")
    # Whoever may not read a thing is not shown a place for it, and nothing is asked in vain.
    await page.get_by_role("button", name="Sign out").click()
    await window.sign_in(site.token(other), at=f"/#/balance/{slug}")
    await expect(page.locator("#view")).to_contain_text("shown to whoever administers")
    await expect(page.get_by_role("region", name="Invoices")).to_have_count(0)


async def test_no_script_can_read_the_token_once_it_was_given(desk: Window, site: Site) -> None:
    kept = await desk.page.evaluate(
        "[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage),"
        " document.documentElement.outerHTML, document.getElementById('token').value].join('|')"
    )
    assert site.admin not in kept
    told, cookie = sorted(
        await desk.page.context.cookies(f"{site.address}/v1"), key=lambda one: one["httpOnly"]
    )
    # Nothing but when the session ends stands in what scripts may read.
    assert told["name"] == MARK
    assert datetime.fromisoformat(told["value"]).timestamp() == pytest.approx(
        told["expires"], abs=1
    )
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["path"] == "/v1"


async def test_a_session_outlives_the_window(desk: Window, slug: str, site: Site) -> None:
    await site.create(slug)
    await desk.page.reload()
    await desk.until_state("live")
    await desk.until_row("organization", slug)


@pytest.mark.guarantee("G26.16")
async def test_a_session_holds_at_another_port_of_the_host_as_its_cookie_does_and_ends_at_each(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    async with support.Wire(site.address).open() as moved:
        other = await support.another(desk.page.context, moved.address)
        await other.page.goto(f"{moved.address}/#/rows")
        await other.until_row("organization", slug)
        assert other.complaints == []
        await other.page.get_by_role("button", name="Sign out").click()
        # Nothing is asked there any more, nor shown, and the same in the window of the other port.
        for shown in (other, desk):
            await shown.page.get_by_label("Token").wait_for()
            await expect(shown.page.locator("#door-notice")).to_have_text("You are signed out.")
            assert await shown.rows() == []
            assert slug not in await shown.page.content()
        assert await desk.page.context.cookies(f"{site.address}/v1") == []
        assert other.complaints == []
    await forgive(desk)


@pytest.mark.guarantee("G26.16")
async def test_a_session_of_something_else_on_the_host_is_asked_for_once_and_left_alone(
    desk: Window, site: Site, slug: str, tmp_path: Path
) -> None:
    await site.create(slug)
    context = desk.page.context
    ours = await context.cookies(f"{site.address}/v1")
    later = (datetime.now(UTC) + timedelta(hours=9)).isoformat()
    theirs = {True: Installation(tmp_path).token(), False: later}
    foreign = [{**one, "value": theirs[one["httpOnly"]]} for one in ours]
    asked: list[str] = []
    async with support.Wire(site.address).open() as moved:
        other = await support.another(context, moved.address)
        other.page.on(
            "request",
            lambda request: asked.append(request.method) if "/v1/session" in request.url else None,
        )
        await context.add_cookies(foreign)  # type: ignore[arg-type]
        # However often it is opened: that is no session that ended.
        for _ in range(3):
            await other.page.goto(f"{moved.address}/#/rows")
            # Gone before it is answered, the first one would ask again: nobody could know.
            await other.page.get_by_label("Token").wait_for()
            await other.page.reload()
            await other.page.get_by_label("Token").wait_for()
            await expect(other.page.locator("#door-notice")).to_be_hidden()
        assert asked == ["GET"]
        # Where one was signed in it ended, by which nobody elsewhere is signed out.
        await desk.page.reload()
        await expect(desk.page.locator("#door-notice")).to_contain_text("has ended")
        found = await context.cookies(f"{site.address}/v1")
        assert [one["value"] for one in found] == [one["value"] for one in foreign]
        # Another session is asked for again.
        await context.add_cookies(ours)  # type: ignore[arg-type]
        await other.page.reload()
        await other.until_row("organization", slug)
    await forgive(desk)


async def test_signing_out_puts_everything_away_in_every_window_of_the_profile(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    other = await support.another(desk.page.context, site.address)
    await other.page.goto(f"{site.address}/#/rows")
    await other.until_row("organization", slug)
    await desk.page.get_by_role("button", name="Sign out").click()
    for shown in (desk, other):
        await shown.page.get_by_label("Token").wait_for()
        assert await shown.rows() == []
        assert slug not in await shown.page.content()
    assert await desk.page.context.cookies(f"{site.address}/v1") == []
    assert other.complaints == []


@pytest.mark.guarantee("G6.5")
async def test_a_token_that_does_not_hold_is_refused_at_its_field(
    chromium: Browser, site: Site, tmp_path: Path
) -> None:
    forged = site.admin[:-8] + "AAAAAAAA"
    async with support.window(chromium, site.address) as window:
        await window.page.goto(site.address)
        old = site.token("old@example.com", ttl=timedelta(hours=-1))
        for given, said in (
            ("", "Paste a token"),
            ("not a token at all", "Paste the whole line that begins with ey"),
            ("tökén", "This is no token"),
            (forged, "not as it was signed"),
            (Installation(tmp_path).token(), "the command that `up` printed"),
            (old, "has expired"),
        ):
            await window.page.get_by_label("Token").fill(given)
            await window.page.get_by_role("button", name="Sign in").click()
            await expect(window.page.locator("#token-error")).to_contain_text(said)
            await expect(window.page.get_by_label("Token")).to_have_attribute(
                "aria-invalid", "true"
            )
            assert await window.page.locator("#desk").is_hidden()
        # Its last moments are granted to clocks that differ; the cookie's are over.
        brief = site.token("brief@example.com", ttl=timedelta(seconds=-1))
        await window.page.get_by_label("Token").fill(brief)
        await window.page.get_by_role("button", name="Sign in").click()
        await expect(window.page.locator("#door-notice")).to_contain_text("has ended")


async def test_the_line_that_makes_a_token_is_whole_in_any_window_and_can_be_copied(
    window: Window, site: Site
) -> None:
    page = window.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(site.address)
    line = page.locator(".command code")
    parts = await line.locator("span").all_inner_texts()
    assert [part.split()[0] for part in parts] == ["uv", "--email", "--role", "--role"]
    for width in (320, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        # No option is broken, and nothing of the line is cut.
        tops = "all => all.map(one => one.getClientRects().length)"
        assert await line.locator("span").evaluate_all(tops) == [1, 1, 1, 1], width
        over = "one => one.scrollWidth - one.clientWidth"
        assert await page.locator(".command pre").evaluate(over) <= 0, width
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == " ".join(parts)
    assert parts[0] == "uv run catalyst token"
    window.spent = True


async def test_where_there_is_no_organization_the_first_steps_are_shown(
    chromium: Browser, tmp_path: Path
) -> None:
    installation = Installation(tmp_path)
    async with (
        running(installation, Options(port=0), lambda _line: None) as stack,
        Site.reaching(installation, stack.context) as empty,
        support.window(chromium, empty.address, once=True) as window,
    ):
        # What may be sent is read later than the rows.
        await window.page.route("**/v1/contracts", lambda route: _later(window, route))
        await window.sign_in(empty.admin, at="")
        way = window.page.get_by_role("region", name="How to begin")
        await expect(way.locator("li")).to_have_count(3)
        await expect(way.locator("li").last).to_contain_text("Choose one in the catalogue")
        await way.get_by_role("button", name="Create an Organization").click()
        await expect(window.page.locator("#command option:checked")).to_have_text(
            "Create Organization"
        )
        assert window.complaints == []


async def _later(window: Window, route: Route) -> None:
    await window.page.locator("#view", has_text="You are in no Organization yet").wait_for()
    await route.continue_()


@pytest.mark.guarantee("G4.8")
async def test_the_rows_go_when_the_token_expires(window: Window, site: Site, slug: str) -> None:
    await site.create(slug, owners=[{"email": "brief@example.com", "role": "owner"}])
    # Late in a second: its mark, a cookie, is kept by whole ones and goes before it.
    left = 5.9 - datetime.now(UTC).timestamp() % 1
    await window.sign_in(site.token("brief@example.com", ttl=timedelta(seconds=left)))
    await window.until_row("organization", slug)
    await expect(window.page.locator("#door-notice")).to_contain_text("expired", timeout=15_000)
    assert await window.rows() == []
    assert slug not in await window.page.content()
