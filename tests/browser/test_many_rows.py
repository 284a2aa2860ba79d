"""Thousands of rows: what a letter in the filter costs, and how all of them are reached.

The stream is written by the test: nobody waits until thousands of commands were decided.
"""

import json
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import expect
from tests.browser.site import Site
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]

ROWS: Final = 5000
PAGE: Final = 100
"""Lines at a time, as `rows.js` says."""
# Every line that is put in or taken out from now on.
_COUNTING: Final = """
() => {
  window.moved = 0;
  const count = records => {
    for (const {addedNodes, removedNodes} of records) {
      window.moved += addedNodes.length + removedNodes.length;
    }
  };
  new MutationObserver(count).observe(
    document.querySelector('#rows tbody'), {childList: true, subtree: true});
}
"""


@pytest_asyncio.fixture(loop_scope="package")
async def crowded(window: Window, site: Site) -> Window:
    """A window in which five thousand Organizations are shown, each called by a number."""
    value = {
        "seq": 7,
        "event": "e",
        "time": "2026-01-01T00:00:00Z",
        "command": "c",
        "actor": "user:x#a",
        "cause": "c",
        "stale": None,
        "doc": {"phase": "ready", "display_name": "One of many"},
    }
    names = [f"n{number:04}" for number in reversed(range(ROWS))]
    frames = [
        ("reset", {"reason": "start", "epoch": "e"}),
        *(("put", {"key": f"{name}._.organization._.{name}", "value": value}) for name in names),
        ("synced", {"as_of": 7, "head": 7, "lag_ms": 0, "epoch": "e", "log": "l"}),
    ]
    # What the test wrote ends at once; to begin anew within the test would draw all lines again.
    body = "retry: 600000\n\n" + "".join(
        f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in frames
    )
    headers = {"content-type": "text/event-stream"}
    await window.page.route(
        "**/v1/stream", lambda route: route.fulfill(status=200, headers=headers, body=body)
    )
    await window.page.goto(f"{site.address}/#/rows")
    await window.page.get_by_label("Token").fill(site.admin)
    await window.page.get_by_role("button", name="Sign in").click()
    await window.until_row("organization", "n0000")
    return window


@pytest.mark.guarantee("G26.9")
async def test_a_letter_in_the_filter_draws_no_more_than_can_be_read(crowded: Window) -> None:
    page = crowded.page
    lines = page.locator("#rows tbody tr")
    more = page.locator("#more-rows")
    await expect(lines).to_have_count(PAGE)
    await page.evaluate(_COUNTING)
    typed = page.get_by_label("Filter by text")
    for text, found in (("9", 1355), ("99", 95), ("999", 5), ("99", 95), ("9", 1355), ("", ROWS)):
        before = await page.evaluate("window.moved")
        await typed.fill(text)
        await expect(more).to_be_visible(visible=found > PAGE)
        if found > PAGE:
            await expect(more.locator("p")).to_have_text(
                f"{found - PAGE} more are not shown here: the filter finds them."
            )
        await expect(lines).to_have_count(min(found, PAGE))
        # Whatever is typed, each line goes or comes once.
        assert await page.evaluate("window.moved") - before <= 2 * PAGE


@pytest.mark.guarantee("G26.9")
async def test_every_line_is_reached_with_the_keyboard_alone(crowded: Window) -> None:
    page = crowded.page
    lines = page.locator("#rows tbody tr")
    await expect(page.locator("#more-rows p")).to_have_text(
        "4900 more are not shown here: the filter finds them."
    )
    await lines.nth(PAGE - 1).get_by_role("button").focus()
    await page.keyboard.press("ArrowDown")
    await expect(lines).to_have_count(2 * PAGE)
    await expect(crowded.row("organization", "n0100").get_by_role("button")).to_be_focused()
    more = page.get_by_role("button", name="Show 100 more")
    await more.press("Enter")
    await expect(lines).to_have_count(3 * PAGE)
    await expect(crowded.row("organization", "n0200").get_by_role("button")).to_be_focused()
    # Somebody who looks for something else begins at its beginning.
    await page.get_by_label("Filter by text").fill("n4")
    await expect(lines).to_have_count(PAGE)
    await page.get_by_label("Filter by text").fill("n495")
    await expect(lines).to_have_count(10)
    await expect(page.locator("#more-rows")).to_be_hidden()
