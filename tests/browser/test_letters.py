"""What was set aside is seen with its reason and bytes, and tried again or given up by clicking."""

import msgspec
import pytest
from playwright.async_api import Browser, Locator, Route, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, PATIENCE, forgive, open_view
from tests.support import browser as support
from tests.support.browser import Window
from tests.support.waiting import until

from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts.permissions import OPERATOR
from catalyst.environment_controller.domain import registration

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]
HOSTILE = b'{"<img src=x onerror=alert(1)>'


async def _send(site: Site, slug: str, body: bytes, token: str = "") -> None:
    """Publish a command as any program does."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    user, password = site.context.operator.user, site.context.operator.password
    async with connect(site.context.nats, name=OPERATOR, user=user, password=password) as js:
        subject = f"cmd.{slug}.environment.organization.{slug}.update-organization.v1"
        await js.publish(Outgoing(subject, body, headers))


async def _open(window: Window, slug: str) -> None:
    """Open what was set aside by way of the rows."""
    await open_view(window, slug, "Rows")
    await window.page.get_by_role("button", name=f"What was set aside in {slug}").click()
    await expect(window.page.get_by_role("heading", name=f"Set aside in {slug}")).to_be_focused()
    await expect(window.page).to_have_title(f"Set aside · {slug} · Catalyst")


def _letters(window: Window) -> Locator:
    return window.page.locator("#view section.card")


@pytest.mark.guarantee("G26.11")
async def test_what_nobody_can_read_is_shown_as_text_and_given_up(
    desk: Window, site: Site, slug: str, chromium: Browser
) -> None:
    await site.create(slug, owners=list(OWNERS))
    await desk.until_row("onboarding", slug, "completed")
    await _open(desk, slug)
    await expect(desk.page.locator("#view")).to_contain_text(f"Nothing was set aside in {slug}.")
    await _send(site, slug, HOSTILE)
    letter = _letters(desk)

    async def found() -> bool:
        await desk.page.get_by_role("button", name="Look again").click()
        return await letter.count() == 1

    await until(found)
    await expect(letter).to_contain_text("Malformed json")
    await letter.get_by_text("The message itself").click()
    await expect(letter.locator("pre").last).to_have_text(HOSTILE.decode())
    await expect(letter.get_by_role("button", name="Try it again")).to_have_count(0)

    # Who only belongs to the Organization is shown nothing that only its runner can mend.
    async with support.window(chromium, site.address) as other:
        await other.sign_in(site.token("ann@example.com"))
        await other.page.goto(f"{site.address}/#/letters/{slug}")
        await expect(other.page.locator("#view")).to_contain_text(
            f"Nothing was set aside in {slug}."
        )
        assert other.complaints == []

    await letter.get_by_text("Give it up").first.click()
    await letter.get_by_role("button", name="Give it up").click()
    await expect(letter.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    await forgive(desk)
    await letter.get_by_role("textbox").fill("It is noise.")
    await letter.get_by_role("button", name="Give it up").click()
    await expect(desk.page.locator("#view")).to_contain_text(f"Nothing was set aside in {slug}.")


@pytest.mark.guarantee("G26.11")
async def test_what_was_set_aside_elsewhere_is_named_where_nothing_is(
    desk: Window, site: Site, slug: str, chromium: Browser
) -> None:
    page, other = desk.page, f"{slug}-other"
    for name in (slug, other):
        await site.create(name, owners=list(OWNERS))
        await desk.until_row("onboarding", name, "completed")
    await _send(site, other, HOSTILE)
    await _open(desk, slug)
    view, letter = page.locator("#view"), _letters(desk).filter(has_text="Malformed json")
    await expect(view).to_contain_text(f"Nothing was set aside in {slug}.")
    elsewhere = page.get_by_role("region", name="Elsewhere")
    line = elsewhere.get_by_role("listitem").filter(has_text=other)

    async def found() -> bool:
        await page.get_by_role("button", name="Look again").click()
        return await line.count() == 1

    await until(found)
    await expect(line).to_have_text(f"{other}: 1 message")
    await line.get_by_role("link", name=other).click()
    await expect(view.get_by_role("heading", name=f"Set aside in {other}")).to_be_visible()
    await expect(letter).to_have_count(1)
    # Another Organization that is chosen is shown in the same view.
    whose = page.get_by_label("Show the views of")
    await whose.select_option(slug)
    await expect(view).to_contain_text(f"Nothing was set aside in {slug}.")
    await whose.select_option(other)
    await expect(letter).to_have_count(1)
    # Who only belongs to one is told of no other.
    async with support.window(chromium, site.address) as window:
        await window.sign_in(site.token("ann@example.com"), at=f"/#/letters/{slug}")
        shown = window.page.locator("#view")
        await expect(shown).to_contain_text(f"Nothing was set aside in {slug}.")
        await window.until_answered()
        await expect(shown.get_by_role("region", name="Elsewhere")).to_have_count(0)
        assert window.complaints == []


@pytest.mark.guarantee("G26.11")
async def test_what_is_parked_appears_by_itself_and_is_tried_again(
    desk: Window, site: Site, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.create(slug, owners=list(OWNERS))
    await desk.until_row("onboarding", slug, "completed")
    await _open(desk, slug)
    message = {
        "specversion": "1.0",
        "id": f"c-later-{slug}",
        "source": "tests",
        "type": "environment.update-organization.v1",
        "data": {"display_name": "Later"},
    }

    def buggy(*_: object) -> None:
        raise ZeroDivisionError

    # As the door answers whoever may not see a message that may hold a secret.
    async def withhold(route: Route) -> None:
        answer = await route.fetch()
        withheld = {"body": "", "withheld": "a sovereign-admin sees it"}
        await route.fulfill(response=answer, json={**await answer.json(), **withheld})

    letter = desk.page.get_by_role("region", name="Update Organization")
    again = letter.get_by_role("button", name="Try it again")
    with monkeypatch.context() as bug:
        bug.setattr(registration, "_check_terms", buggy)
        await _send(site, slug, msgspec.json.encode(message), site.admin)
        await expect(letter).to_have_count(1, timeout=PATIENCE)
        await expect(letter).to_contain_text("ZeroDivisionError")
        await desk.page.route("**/v1/dlq/*", withhold)
        await letter.get_by_text("The message itself").click()
        await expect(letter.locator("pre").last).to_have_text("a sovereign-admin sees it")
        await again.click()
        await expect(letter.get_by_role("alert")).to_contain_text(
            f"'c-later-{slug}' failed again", timeout=PATIENCE
        )
    # Once the bug is mended, it is carried out.
    await again.click()
    await expect(desk.page.locator("#view")).to_contain_text(f"Nothing was set aside in {slug}.")
    await open_view(desk, slug, "Rows")
    await desk.until_row("organization", slug, "Later")
    await forgive(desk)
