"""The stream's state in words, and rows that come to agree after every kind of break."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.support import browser as support
from tests.support.browser import Window, Wire
from tests.support.waiting import until

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


async def _agree(one: Window, other: Window) -> None:
    async def same() -> bool:
        return await one.rows() == await other.rows()

    await until(same)


@pytest.mark.guarantee("G4.1")
async def test_a_broken_connection_shows_and_then_converges(
    chromium: Browser, desk: Window, site: Site, slug: str
) -> None:
    gone = f"{slug}-gone"
    await site.create(slug)
    await site.create(gone)
    await site.add_environment(gone)
    async with (
        Wire(site.address).open() as wire,
        support.window(chromium, wire.address, once=True) as far,
    ):
        await far.sign_in(site.admin)
        await far.until_row("environment", f"{gone}-prod")
        cursors: list[str | None] = []
        far.page.on(
            "request",
            lambda request: (
                cursors.append(request.headers.get("last-event-id"))
                if request.url.endswith("/v1/stream")
                else None
            ),
        )
        wire.cut()
        await far.until_state("reconnecting")
        await expect(far.page.locator("#stream-state")).to_have_text("reconnecting")
        for number in range(5):
            await site.rename(slug, f"While away {number}")
        last = await site.add_environment(slug, "dev")
        assert await far.row("environment", f"{slug}-dev").count() == 0
        await far.until_row("environment", f"{gone}-prod")
        wire.mend()
        await far.until_state("live")
        await far.until_sequence(last["seq"])
        await far.until_row("organization", slug, "While away 4")
        await _agree(desk, far)
        # It went on where it was: no connection asked for all rows anew.
        assert cursors
        assert all(cursors)
        assert "reset" not in (await far.states())[1:]


async def test_a_machine_without_a_network_says_so_and_comes_back(
    desk: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    await desk.until_row("organization", slug)
    # The first connection was tried as well, and not without a network.
    await desk.page.evaluate("() => window.detailsSeen.splice(0)")
    await desk.page.context.set_offline(True)
    await desk.until_state("reconnecting")
    await site.rename(slug, "Renamed meanwhile")
    # It goes on being said, whatever is tried meanwhile.
    tries = "() => window.detailsSeen.filter(text => text.includes('trying now')).length > 1"
    await desk.page.wait_for_function(tries)
    told = [text for text in await desk.details() if "try" in text]
    assert [text for text in told if not text.startswith("this machine is offline; ")] == []
    await desk.page.context.set_offline(False)
    await desk.until_state("live")
    await desk.until_row("organization", slug, "Renamed meanwhile")
    # What the browser itself says of requests without a network is all that it may say.
    assert all("ERR_INTERNET_DISCONNECTED" in text for text in desk.complaints)
    desk.complaints.clear()


async def test_a_silent_connection_is_called_behind_and_then_given_up(
    chromium: Browser, site: Site, slug: str
) -> None:
    await site.create(slug)
    async with (
        Wire(site.address).open() as wire,
        support.window(chromium, wire.address, once=True) as far,
    ):
        await far.stop_clock()
        await far.sign_in(site.admin)
        await far.until_row("organization", slug)
        wire.hold()
        await site.rename(slug, "Held back")
        await far.page.clock.fast_forward(25_000)
        await far.until_state("behind")
        text = await far.page.locator("#stream-state").inner_text()
        seconds, _, rest = text.partition(" ")
        assert int(seconds) >= 25
        assert rest == "s behind"
        wire.release()
        await far.until_row("organization", slug, "Held back")
        await far.until_state("live")
        wire.hold()
        await far.page.clock.fast_forward(60_000)
        await far.until_state("reconnecting")
        wire.release()
        await far.page.clock.fast_forward(60_000)
        await far.until_state("live")


@pytest.mark.guarantee("G4.7")
async def test_a_change_of_roles_begins_anew_with_what_may_be_seen_now(
    window: Window, site: Site, slug: str
) -> None:
    theirs = f"{slug}-shared"
    mail = f"dev@{slug}.example"
    others = [{"email": "owner@example.com", "role": "owner"}]
    await site.create(slug, owners=[{"email": mail, "role": "owner"}])
    await site.create(theirs, owners=[*others, {"email": mail, "role": "viewer"}])
    await window.sign_in(site.token(mail))
    await window.until_row("organization", theirs, "ready")
    await site.send("change-owners", theirs, {"owners": others})
    await expect(window.row("organization", theirs)).to_have_count(0)
    await window.until_state("live")
    assert "reset" in await window.states()
    assert theirs not in await window.page.locator("#rows").inner_text()
    await window.until_row("organization", slug)


async def test_an_answer_that_was_lost_is_asked_for_under_the_same_id(
    chromium: Browser, site: Site, slug: str
) -> None:
    await site.create(slug)
    async with (
        Wire(site.address).open() as wire,
        support.window(chromium, wire.address, once=True) as far,
    ):
        await far.sign_in(site.admin)
        await far.choose_command("Suspend Organization")
        await far.form.get_by_label("Organization").fill(slug)
        await far.form.get_by_label("Reason").fill("Twice, maybe")
        sent: list[str] = []
        far.page.on(
            "request",
            lambda request: (
                sent.append(request.headers["idempotency-key"])
                if "/v1/commands/" in request.url
                else None
            ),
        )
        wire.cut()
        await far.send()
        await expect(far.page.locator(".outcome")).to_contain_text("under the same id")
        wire.mend()
        await far.until_state("live")
        await far.send()
        await expect(far.page.locator(".outcome .badge")).to_have_text("accepted")
        assert len(sent) == 2
        assert sent[0] == sent[1]


async def test_a_stack_that_stops_says_goodbye_and_windows_come_back_to_it(
    chromium: Browser, tmp_path: Path
) -> None:
    installation = Installation(tmp_path)
    options = Options(port=0)
    async with support.window(chromium, "", once=True) as window:
        async with _site(installation, options) as site:
            window.address = site.address
            await site.create("before", display_name="Before")
            await window.sign_in(site.admin)
            await window.until_row("organization", "before", "ready")
        await window.until_state("reconnecting")
        assert any("ended the stream: shutdown" in detail for detail in await window.details())
        port = urlsplit(window.address).port or 0
        async with _site(installation, Options(port=port)) as site:
            await site.rename("before", "After")
            await window.until_row("organization", "before", "After")
            await window.until_state("live")


@asynccontextmanager
async def _site(installation: Installation, options: Options) -> AsyncIterator[Site]:
    async with (
        running(installation, options, lambda _line: None) as stack,
        Site.reaching(installation, stack.context) as site,
    ):
        yield site


async def test_a_window_that_nobody_sees_gives_its_connection_back(
    desk: Window, site: Site, slug: str
) -> None:
    await desk.stop_clock()
    await desk.page.reload()
    await desk.until_state("live")
    await _show(desk, hidden=True)
    await desk.page.clock.fast_forward(70_000)
    await desk.until_state("reconnecting")
    await expect(desk.page.locator("#stream-detail")).to_contain_text("nobody looks")
    await site.create(slug)
    assert await desk.row("organization", slug).count() == 0
    await _show(desk, hidden=False)
    await desk.until_state("live")
    await desk.until_row("organization", slug)


async def _show(window: Window, *, hidden: bool) -> None:
    value = "true" if hidden else "false"
    await window.page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{value: {value}, configurable: true}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
