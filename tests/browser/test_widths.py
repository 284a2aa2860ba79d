"""Room for everything in windows of the usual widths: nothing goes sideways, the bar is whole."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, PATIENCE, choose, forgive, furnish, plan
from tests.support import browser as support
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]

NARROW: Final = (320, 360, 390, 430, 768, 800)
WIDER: Final = (900, 1010, 1100, 1130, 1180, 1240, 1280, 1366, 1410, 1440, 1480, 1600)
VIEWS: Final = ["applications", "catalogue", "balance", "prices", "rows"]
CONTROLS: Final = [*VIEWS, "view-organization", "waiting", "sign-out"]

# Where each part of the bar is, from the top and the left, and what goes beyond the window.
_MEASURED: Final = """
() => {
  const parts = {};
  const all = '.bar :is(img, button, select, .state, #who-name)';
  for (const node of document.querySelectorAll(all)) {
    const {left, right, top, bottom} = node.getBoundingClientRect();
    const name = node.dataset.view ?? (node.id || 'brand');
    // One that is only read out takes no room.
    if (getComputedStyle(node).clipPath === 'none') parts[name] = {left, right, top, bottom};
  }
  const page = document.documentElement;
  return {parts, height: document.querySelector('.bar').offsetHeight, inner: innerWidth,
    over: page.scrollWidth - page.clientWidth};
}
"""
# What of the bar is cut, and whether the choice is too narrow for a name; what is only read out
# is not seen.
_CUT: Final = """
() => {
  const all = '.bar :is(.views button, .state, #stream-detail, #who-name)';
  const words = [...document.querySelectorAll(all)];
  const cut = words.filter(node => getComputedStyle(node).clipPath === 'none'
    && node.scrollWidth > node.clientWidth).map(node => node.textContent);
  const select = document.getElementById('view-organization');
  const whole = select.cloneNode(false);
  whole.removeAttribute('id');
  whole.append(new Option('omantel'));
  Object.assign(whole.style, {position: 'absolute', width: 'max-content'});
  select.after(whole);
  if (select.offsetWidth < whole.offsetWidth) cut.push('omantel');
  whole.remove();
  return cut;
}
"""
_OLDER: Final = (
    "() => { document.getElementById('stream-detail').textContent = 'sequence 1000000' }"
)
# Of what a selector finds: the key of its row if it is in one, its text, and its lines.
_LINES: Final = """
selector => [...document.querySelectorAll(selector)].map(node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  const tops = new Set([...range.getClientRects()].map(({top}) => Math.round(top)));
  return [node.closest('tr')?.dataset.key, node.textContent, tops.size];
})
"""


def _lines(parts: dict[str, Any]) -> list[list[str]]:
    """Return what stands beside each other, line by line from the top, each from the left."""
    lines: list[tuple[float, list[str]]] = []
    for name, box in sorted(parts.items(), key=lambda item: item[1]["top"] + item[1]["bottom"]):
        middle = (box["top"] + box["bottom"]) / 2
        if lines and middle - lines[-1][0] < 12:
            lines[-1][1].append(name)
        else:
            lines.append((middle, [name]))
    return [sorted(names, key=lambda name: float(parts[name]["left"])) for _, names in lines]


def _beside(parts: dict[str, Any], names: list[str], width: int) -> bool:
    """Whether no part covers the next, and all stand in the window."""
    edges = [0.0, *(parts[name][side] for name in names for side in ("left", "right")), width]
    return all(one <= other + 0.5 for one, other in pairwise(edges))


async def _several(window: Window, site: Site, slug: str) -> str:
    """Sign in as the sovereign-admin of several Organizations; returns one with a long name."""
    long = f"{slug}-with-a-long-name"
    for name in (slug, long):
        await site.create(name, owners=list(OWNERS))
    await window.sign_in(site.admin, f"/#/applications/{long}")
    await expect(window.page.locator("#view-organization")).to_have_value(long)
    return long


@pytest.mark.guarantee("G26.6")
async def test_the_bar_has_one_line_and_in_narrow_windows_a_second_one_of_views(
    window: Window, site: Site, slug: str
) -> None:
    await _several(window, site, slug)
    for width in (*NARROW, *WIDER):
        await window.page.set_viewport_size({"width": width, "height": 800})
        found = await window.page.evaluate(_MEASURED)
        lines = _lines(found["parts"])
        if width in NARROW:
            assert lines[1:] == [VIEWS], f"{width}: {lines}"
            assert found["height"] <= 96
        else:
            assert len(lines) == 1, f"{width}: {lines}"
            assert found["height"] == 56
        assert set(CONTROLS) <= {name for line in lines for name in line}
        for line in lines:
            assert _beside(found["parts"], line, width), f"{width}: {found['parts']}"


@pytest.mark.guarantee("G26.6")
async def test_no_word_of_the_bar_is_cut(window: Window, site: Site, slug: str) -> None:
    await _several(window, site, slug)
    await expect(window.page.locator("#who-name")).to_have_text("admin@localhost")
    await expect(window.page.locator("#stream-detail")).to_contain_text("sequence")
    for width in (*NARROW[1:], *WIDER):
        await window.page.set_viewport_size({"width": width, "height": 800})
        # As in a log that is not new any more.
        await window.page.evaluate(_OLDER)
        assert await window.page.evaluate(_CUT) == [], width


@pytest.mark.guarantee("G26.6")
async def test_the_bar_keeps_its_line_while_nothing_is_live_and_says_why_beside_it(
    window: Window, site: Site, slug: str
) -> None:
    await _several(window, site, slug)
    await window.page.context.set_offline(True)
    await window.until_state("reconnecting")
    why = window.page.locator("#stream-detail")
    await expect(why).to_contain_text("offline")
    for width in (*NARROW, *WIDER):
        await window.page.set_viewport_size({"width": width, "height": 800})
        found = await window.page.evaluate(_MEASURED)
        if width in WIDER:
            assert len(_lines(found["parts"])) == 1, f"{width}: {found['parts']}"
        assert found["over"] <= 0, width
        await expect(why).to_be_in_viewport(ratio=1)
        hidden = await why.evaluate("node => node.scrollWidth - node.clientWidth")
        assert hidden <= 0, width
    await window.page.context.set_offline(False)
    await window.until_state("live")
    await forgive(window)


@pytest.mark.guarantee("G26.6")
async def test_no_page_goes_sideways_on_a_phone_or_in_a_window(
    chromium: Browser, market: Site, slug: str
) -> None:
    screen: Any = {"viewport": {"width": 360, "height": 800}, "is_mobile": True, "has_touch": True}
    async with support.window(chromium, market.address, **screen) as window:
        await window.sign_in(market.admin)
        long = f"{slug}-with-a-long-name"
        await furnish(market, long, window)
        change = await market.install(long, "bp-wiki", "wiki")
        await window.row("change", change).filter(has_text="completed").wait_for(timeout=PATIENCE)
        month = f"{datetime.now(UTC):%Y-%m}"
        for place in (
            f"applications/{long}",
            f"catalogue/{long}",
            f"blueprint/{long}/bp-wiki",
            f"application/{long}/wiki/{long}-prod",
            f"change/{long}/{change}",
            f"balance/{long}",
            f"prices/{long}",
            f"invoice/{long}/{month}",
            f"letters/{long}",
            f"deletion/{long}/{long}-prod",
            "waiting",
            "nonsense",
            "rows",
        ):
            await window.page.goto(f"{market.address}/#/{place}")
            await expect(
                window.page.locator("#view h2:visible, #list-title:visible")
            ).to_have_count(1)
            for width in (*NARROW, *WIDER):
                await window.page.set_viewport_size({"width": width, "height": 800})
                found = await window.page.evaluate(_MEASURED)
                assert (found["over"], found["inner"]) == (0, width), f"{place} at {width}"
        assert window.complaints == []


async def test_the_state_of_a_row_has_room_beside_the_details(
    window: Window, site: Site, slug: str
) -> None:
    await _several(window, site, slug)
    await window.page.set_viewport_size({"width": 1280, "height": 800})
    await window.page.goto(f"{site.address}/#/rows")
    await window.until_row("onboarding", slug, "completed")
    await window.until_row("blueprint", "public-bp-mattermost", "published")
    await site.add_environment(slug)
    await window.until_row("environment", f"{slug}-prod", "single-region")
    # What other tests of the same stack wrote may be one word without an end.
    mine = ", ".join(f"#rows [data-key^='{owner}.'] .summary" for owner in (slug, "_"))
    lines = await window.page.evaluate(_LINES, mine)
    assert len(lines) > 20
    assert [text for _, text, count in lines if count > 1 + len(text) // 40] == []


async def test_a_change_has_one_line_for_its_id_and_one_for_what_became_of_it(
    window: Window, market: Site, slug: str
) -> None:
    await window.page.set_viewport_size({"width": 1280, "height": 800})
    await window.sign_in(market.admin)
    await furnish(market, slug, window)
    made = await market.ask("billing/voucher-code", "_", {})
    data = {"code": made["code"], "amount": {"currency": "OMR", "minor": 1000}, "cap": 1}
    where = {"aggregate": "voucher", "id": made["voucher"]}
    await market.command("billing.issue-voucher.v1", "_", data, **where)
    redemption = "c-dkhn4rni6wfus2qaxvixefst"  # As the command line makes them.
    where = {"aggregate": "redemption", "id": redemption}
    await market.command("billing.redeem-voucher.v1", slug, {"code": made["code"]}, **where)
    await window.until_row("redemption", redemption)
    change = await market.install(slug, "bp-valkey", "queue", change="ch-0b3a3d46b175db1c")
    await window.row("change", change).filter(has_text="completed").wait_for(timeout=PATIENCE)
    for name in (change, redemption):
        named = await window.page.evaluate(_LINES, f"#rows [data-key$='._.{name}'] .name")
        assert [(text, count) for _, text, count in named] == [(name, 1)]
    await expect(window.page.locator(".list-head")).to_contain_text("whichever Organization")
    await window.page.goto(f"{market.address}/#/applications/{slug}")
    became = window.page.locator(".changes .badge")
    await expect(became).to_have_text("completed (simulated)")
    lines = await window.page.evaluate(_LINES, ".changes .badge")
    assert [(text, count) for _, text, count in lines] == [("completed (simulated)", 1)]


@pytest.mark.guarantee("G26.4", "G26.6")
async def test_the_label_of_what_is_wrong_stands_below_the_bar(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    await page.goto(f"{market.address}/#/blueprint/{slug}/bp-wordpress")
    form = page.locator(".order-form")
    name = form.get_by_label("Name *", exact=True)
    await name.fill("Not a name")
    await page.get_by_role("button", name="Show the plan").focus()
    # As whoever reads on below has it: the field has gone half beneath the bar.
    await name.evaluate("one => scrollBy(0, one.getBoundingClientRect().top - 40)")
    await form.evaluate("one => one.requestSubmit()")
    await expect(name).to_be_focused()
    label = await form.locator("label", has_text="Name").first.bounding_box()
    bar = await page.locator(".bar").bounding_box()
    assert label is not None
    assert bar is not None
    assert label["y"] >= bar["y"] + bar["height"]
    await forgive(desk)


@pytest.mark.guarantee("G26.6")
async def test_amounts_stand_on_one_line_and_a_label_beside_its_box(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    await choose(desk, slug, "Wiki")
    await plan(desk)
    tops = "all => all.map(one => Math.round(one.getBoundingClientRect().top))"
    amounts = page.locator(".plan .price dd")
    await expect(amounts).to_have_count(4)
    assert len(set(await amounts.evaluate_all(tops))) == 1
    await page.set_viewport_size({"width": 390, "height": 844})
    boxes = page.locator(".extras label", has=page.get_by_role("checkbox"))
    assert await boxes.count() > 1
    # Where each line of the words begins: none beneath the box.
    beneath = """all => all.filter(one => {
      const box = one.querySelector('input').getBoundingClientRect();
      const words = document.createRange();
      words.selectNode(one.lastChild);
      return [...words.getClientRects()].some(({left}) => left < box.right);
    }).map(one => one.textContent)"""
    assert await boxes.evaluate_all(beneath) == []
