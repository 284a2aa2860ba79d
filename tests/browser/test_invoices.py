"""What is done with a whole invoice by clicking: to close its month, and to make it again."""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Final

import pytest
from playwright.async_api import Browser, Locator, Route, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, PATIENCE, forgive, furnish, status
from tests.support import browser as support
from tests.support.browser import Window
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]

ANN: Final = OWNERS[1]["email"]
"""Who has an Organization and does not keep the books."""
OTHER: Final = {"same": False, "bytes": 7, "digest": "aa11", "replayed": "bb22", "number": "2026-1"}


def acts(window: Window) -> Locator:
    return window.page.get_by_role("region", name="What you can do")


async def opened(window: Window, site: Site, slug: str, month: str) -> None:
    await window.page.goto(f"{site.address}/#/invoice/{slug}/{month}")
    await expect(window.page.locator(".bill-line").first).to_be_visible()


@pytest.mark.guarantee("G26.13")
async def test_a_month_is_closed_and_its_invoice_made_again_by_whoever_may(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-redis", "cache")
    await desk.page.goto(f"{market.address}/#/change/{slug}/{change}")
    await expect(status(desk)).to_have_text("completed (simulated)", timeout=PATIENCE)
    month = f"{datetime.now(UTC):%Y-%m}"
    async with support.window(chromium, market.address) as other:
        await other.sign_in(market.token(ANN))
        await opened(other, market, slug, month)
        await opened(desk, market, slug, month)
        await _says_when_it_was_charged(desk, change)
        await opened(desk, market, slug, month)

        # To close a month is for whoever keeps the books, and to be told what that means first.
        close = acts(desk).get_by_role("button", name="Close it now")
        await expect(close).to_be_hidden()
        offer = acts(desk).get_by_text("Close this month now")
        # What may be sent is read after what is shown.
        await expect(offer).to_be_visible()
        await offer.press("Enter")
        await expect(acts(desk)).to_contain_text("stays as it is from then on")
        again = acts(desk).get_by_role("button", name="Make it again from the log")
        await expect(again).to_be_hidden()
        await expect(acts(other)).to_be_hidden()
        await _is_told_of_silence(desk, close)
        await close.press("Enter")
        for window in (desk, other):
            number = window.page.locator(".hero").get_by_text(re.compile(r"^Invoice \d{4}-\d{6}$"))
            await expect(number).to_be_visible()
            await expect(window.page.get_by_text("Close this month now")).to_be_hidden()

        again = acts(other).get_by_role("button", name="Make it again from the log")
        await expect(again).to_be_visible()
        await again.press("Enter")
        says = re.compile(r"The log makes the same again: [\d,]+ bytes, with the hash [0-9a-f]{64}")
        await expect(acts(other).get_by_role("status")).to_have_text(says)
        await _a_credit_note_is_made_again(other, market, slug, month, says)
        assert other.complaints == []


async def _says_when_it_was_charged(window: Window, change: str) -> None:
    """The line of what was ordered leads to the change that it was charged with."""
    line = window.page.locator(".bill-line").first
    await line.locator("summary").press("Enter")
    await expect(line).to_contain_text(f"charged before this invoice, once the change {change} was")
    await line.get_by_role("button", name=change).click()
    await expect(status(window)).to_have_text("completed (simulated)")


async def _a_credit_note_is_made_again(
    window: Window, market: Site, slug: str, month: str, says: re.Pattern[str]
) -> None:
    given = {"line": 1, "amount": {"currency": "OMR", "minor": 100}}
    note = {"note": "cn-1", "invoice": month, "reason": "It was slow", "lines": [given]}
    where = {"aggregate": "account", "id": slug}
    await market.command("billing.issue-credit-note.v1", slug, note, **where)
    await window.page.goto(f"{market.address}/#/note/{slug}/cn-1")
    again = acts(window).get_by_role("button", name="Make it again from the log")
    await again.click()
    await expect(acts(window).get_by_role("status")).to_have_text(says)

    async def differ(route: Route) -> None:
        await route.fulfill(json={"as_of": 1, "result": OTHER})

    await window.page.route("**/v1/queries/billing/replay?*", differ)
    await again.click()
    told = re.compile("does NOT make the same again. Recorded is the hash aa11.*bb22")
    await expect(acts(window).get_by_role("status")).to_contain_text(told)


def _has(sent: list[str | None], count: int) -> bool:
    return len(sent) == count


async def _is_told_of_silence(window: Window, close: Locator) -> None:
    """What got no answer may be sent once more, and counts once."""
    place = "**/v1/commands/billing.finalize-invoice.v1?*"
    sent: list[str | None] = []

    async def lose(route: Route) -> None:
        sent.append(await route.request.header_value("idempotency-key"))
        await route.abort()

    await window.page.route(place, lose)
    for count in (1, 2):
        await close.press("Enter")
        await until(partial(_has, sent, count))
        await expect(acts(window).get_by_role("alert")).to_contain_text("what was sent counts once")
        await expect(close).to_be_enabled()
    assert sent[0] == sent[1] is not None
    await window.page.unroute(place, lose)
    await forgive(window)


async def test_a_month_that_cost_nothing_is_not_offered_to_be_closed(
    desk: Window, market: Site, slug: str
) -> None:
    await furnish(market, slug, desk)
    await desk.page.goto(f"{market.address}/#/invoice/{slug}/{datetime.now(UTC):%Y-%m}")
    await expect(desk.page.get_by_text("Nothing is charged for this month.")).to_be_visible()
    await expect(acts(desk)).to_be_hidden()
