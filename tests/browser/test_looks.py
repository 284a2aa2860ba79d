"""Readable for everybody: contrast in light and dark, names for all controls, narrow windows."""

import math
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import pytest
from playwright.async_api import Browser, ViewportSize, expect
from tests.browser.site import Site
from tests.browser.steps import furnish
from tests.support import browser as support
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]

LEAST_CONTRAST: Final = 4.5
"""WCAG 2.2, level AA, for text of any size."""

# Every text that is seen: its colour, and the colours behind it from the nearest to the farthest.
_TEXTS: Final = """
() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !node.checkVisibility() || node.closest('.unseen, .skip, option')) continue;
    const behind = [];
    for (let at = node; at; at = at.parentElement) {
      behind.push(getComputedStyle(at).backgroundColor);
    }
    found.push({text, color: getComputedStyle(node).color, behind});
  }
  return found;
}
"""
# What can be used without a name or is too small to hit, titles that leave out a level, and
# references that lead nowhere.
_FAULTS: Final = """
() => {
  const faults = [];
  const named = node => (node.ariaLabel || node.innerText || '').trim()
    || [...(node.labels ?? [])].some(label => label.textContent.trim());
  let level = 0;
  for (const node of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    if (!node.checkVisibility()) continue;
    const own = Number(node.tagName[1]);
    if (own > level + 1) faults.push(`level left out: ${node.outerHTML}`);
    level = own;
  }
  const all = 'button, input, select, textarea, summary, a[href]';
  for (const node of document.querySelectorAll(all)) {
    if (!node.checkVisibility()) continue;
    if (!named(node)) faults.push(`no name: ${node.outerHTML}`);
    const {width, height} = node.getBoundingClientRect();
    if (node.matches('button, summary, select') && Math.min(width, height) < 24
      && !node.closest('tr')) faults.push(`small: ${width} ${height} ${node.outerHTML}`);
    if (node.tabIndex < 0 && node.role !== 'tab') faults.push(`no keyboard: ${node.outerHTML}`);
  }
  const used = 'button, a[href], input, select, textarea, summary, label, tr:has(button)';
  for (const node of document.body.querySelectorAll('*')) {
    if (getComputedStyle(node).cursor !== 'pointer' || !node.checkVisibility()) continue;
    if (!node.closest(used)) faults.push(`clicked alone: ${node.outerHTML}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map(node => node.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: ${id}`);
  for (const name of ['aria-describedby', 'aria-controls', 'aria-labelledby', 'for']) {
    for (const node of document.querySelectorAll(`[${name}]`)) {
      for (const id of node.getAttribute(name).split(' ')) {
        if (!ids.includes(id)) faults.push(`${name} leads nowhere: ${id}`);
      }
    }
  }
  return faults;
}
"""


def _colour(text: str) -> tuple[float, float, float, float]:
    """Read `rgb(1, 2, 3)`, `rgba(1, 2, 3, 0.5)`, or a mixed `color(srgb 0.1 0.2 0.3 / 0.5)`."""
    kind, _, inside = text.partition("(")
    words = re.split(r"[\s,/]+", inside[:-1])
    scale = 255.0 if kind == "color" else 1.0
    red, green, blue, *alpha = (float(word) for word in words if word != "srgb")
    return red * scale, green * scale, blue * scale, alpha[0] if alpha else 1.0


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [
        part / 255 / 12.92 if part / 255 <= 0.03928 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in colour[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(item: dict[str, Any]) -> float:
    behind = next(colour for colour in map(_colour, item["behind"]) if colour[3] == 1)
    light, dark = sorted((_luminance(_colour(item["color"])), _luminance(behind)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


async def _faint(window: Window) -> list[str]:
    """Wait for what moves to come to rest; return the texts that are hard to read."""
    await window.page.evaluate(
        # One whose element is drawn anew meanwhile is over too.
        "Promise.allSettled(document.getAnimations().map(animation => animation.finished))"
    )
    texts = await window.page.evaluate(_TEXTS)
    assert len(texts) > 5
    return [
        f"{item['text']}: {math.floor(_contrast(item) * 100) / 100}"
        for item in texts
        if _contrast(item) < LEAST_CONTRAST
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_what_is_behind_it(
    chromium: Browser, site: Site, slug: str, scheme: support.Scheme
) -> None:
    await site.create(slug)
    await site.send("suspend-organization", slug, {"reason": "To be looked at"})
    async with support.window(chromium, site.address, color_scheme=scheme) as window:
        await window.page.goto(site.address)
        await window.page.get_by_label("Token").wait_for()
        assert await _faint(window) == []
        await window.sign_in(site.admin)
        ground = await window.page.evaluate(
            "getComputedStyle(document.body.parentElement).backgroundColor"
        )
        assert (_luminance(_colour(ground)) > 0.5) is (scheme == "light")
        await window.until_row("organization", slug, "suspended")
        await window.row("organization", slug).get_by_role("button").click()
        await expect(window.page.locator("#panel-row .step").first).to_be_visible()
        assert await _faint(window) == []
        await window.choose_command("Create Organization")
        await window.send()
        await expect(window.form.locator(".wrong").first).to_be_visible()
        assert await _faint(window) == []
        await window.choose_command("Resume Organization")
        await window.form.get_by_label("Organization").fill(f"{slug}-no")
        await window.send()
        await expect(window.page.locator(".problems code")).to_be_visible()
        assert await _faint(window) == []
        await window.page.context.set_offline(True)
        await window.until_state("reconnecting")
        assert await _faint(window) == []


async def test_everything_that_can_be_used_has_a_name(desk: Window, site: Site, slug: str) -> None:
    await site.create(slug)
    await desk.until_row("onboarding", slug, "completed")
    assert await desk.page.evaluate(_FAULTS) == []
    await desk.row("organization", slug).get_by_role("button").click()
    await expect(desk.page.locator("#panel-row .step").first).to_be_visible()
    assert await desk.page.evaluate(_FAULTS) == []
    for command in ("Create Organization", "Define policy", "Update Organization"):
        await desk.choose_command(command)
        for button in await desk.form.get_by_role("button", name="Add ").all():
            await button.click()
        assert await desk.page.evaluate(_FAULTS) == []
    levels = await desk.page.locator("h1, h2, h3, h4").evaluate_all(
        "nodes => nodes.filter(node => node.checkVisibility()).map(node => Number(node.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(later - sooner <= 1 for sooner, later in pairwise(levels))


async def test_changes_of_the_stream_are_read_out_once(desk: Window) -> None:
    said = desk.page.locator("#stream-said")
    await expect(said).to_have_attribute("aria-live", "polite")
    await expect(said).to_have_text("The stream is live.")


async def test_a_long_name_takes_no_room_of_others(window: Window, site: Site) -> None:
    await window.page.set_viewport_size({"width": 320, "height": 800})
    await window.sign_in(site.token(f"{'a-long-name.' * 5}end@somewhere-far-away.example"))
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await window.page.evaluate(over) <= 0
    leave = await window.page.get_by_role("button", name="Sign out").bounding_box()
    assert leave is not None
    assert leave["x"] + leave["width"] <= 320


@pytest.mark.parametrize("width", [320, 700, 1600])
async def test_nothing_is_cut_off_in_a_window_of_any_width(
    chromium: Browser, site: Site, slug: str, width: int
) -> None:
    await site.create(slug, display_name="A name that goes on and on " * 4)
    viewport: ViewportSize = {"width": width, "height": 800}
    narrow = width < 640
    async with support.window(chromium, site.address, viewport=viewport) as window:
        await window.sign_in(site.admin)
        # So many kinds are a list where their buttons would take the rows' place.
        kind = window.page.get_by_role("combobox", name="Kind")
        await expect(kind).to_be_visible(visible=narrow)
        await expect(window.page.locator("#kinds")).to_be_visible(visible=not narrow)
        await expect(window.page.locator("#rows tbody tr").first).to_be_in_viewport()
        # Beside the rows, but not above them, is room for saying that none is chosen.
        hint = window.page.get_by_text("Choose a row to see its document")
        await expect(hint).to_be_visible(visible=width >= 992)
        if narrow:
            await kind.press("ArrowDown")
            await expect(window.page.locator("#rows td.kind", has_text="Blueprint")).to_have_count(
                0
            )
        await window.row("organization", slug).get_by_role("button").click()
        await expect(window.page.locator("#panel-row .step").first).to_be_visible()
        await expect(window.page.locator("#panel-row h3")).to_be_in_viewport()
        back = window.page.get_by_role("button", name="Back to the rows")
        await expect(back).to_be_visible(visible=width < 992)
        if await back.is_visible():
            await back.click()
            chosen = window.row("organization", slug).get_by_role("button")
            await expect(chosen).to_be_focused()
            await chosen.press("Enter")
        over = (
            "Math.max(...[document.documentElement, ...document.querySelectorAll('.card, .scroll')]"
            ".map(node => node.scrollWidth - node.clientWidth))"
        )
        assert await window.page.evaluate(over) <= 0
        await window.choose_command("Create Organization")
        assert await window.page.evaluate(over) <= 0
        assert window.complaints == []


@pytest.mark.guarantee("G26.6")
@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1400)])
async def test_every_view_of_an_organization_can_be_read_and_used(
    chromium: Browser, market: Site, slug: str, scheme: support.Scheme, width: int
) -> None:
    viewport: ViewportSize = {"width": width, "height": 800}
    async with support.window(
        chromium, market.address, viewport=viewport, color_scheme=scheme
    ) as window:
        await window.sign_in(market.admin)
        await furnish(market, slug, window, policy="careful")
        change = await market.install(slug, "bp-redis", "cache")
        await window.until_row("change", change, "waiting")
        month = f"{datetime.now(UTC):%Y-%m}"
        shown = {
            f"catalogue/{slug}": ".product",
            f"blueprint/{slug}/bp-wiki": ".config",
            f"applications/{slug}": ".run",
            f"application/{slug}/cache/{slug}-prod": ".marks",
            f"change/{slug}/{change}": ".change-step",
            f"balance/{slug}": ".page form",
            f"prices/{slug}": "#view section",
            f"invoice/{slug}/{month}": ".bill .empty",
            f"letters/{slug}": "#view .card",
            "nonsense": "#view a",
            "waiting": f".ask[aria-label*='{slug}']",
            f"deletion/{slug}/{slug}-prod": "#view form",
            "rows": "#rows tbody tr",
        }
        for place, seen in shown.items():
            await window.page.goto(f"{market.address}/#/{place}")
            await window.page.locator(seen).first.wait_for()
            assert await _faint(window) == [], place
            assert await window.page.evaluate(_FAULTS) == [], place
            over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await window.page.evaluate(over) <= 0, place
            category = window.page.get_by_role("group", name="Category")
            assert await category.is_visible() is place.startswith("catalogue")
        views = await window.page.locator(".bar button[data-view]").evaluate_all(
            "nodes => nodes.map(node => node.dataset.view)"
        )
        assert set(views) <= {place.partition("/")[0] for place in shown}
