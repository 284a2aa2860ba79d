"""A change that was rejected says by whom and that nothing of it comes, and is planned again."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, furnish, planned, status
from tests.browser.test_approving import OVER
from tests.browser.test_looks import _FAULTS, _faint
from tests.support import browser as support
from tests.support.browser import Window

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.guarantee("G26.2"),
]


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 390)], ids=["light-wide", "dark-narrow"]
)
async def test_a_rejected_change_says_by_whom_and_is_planned_again(
    desk: Window, market: Site, chromium: Browser, slug: str, scheme: str, width: int
) -> None:
    ann, viewer = f"ann@{slug}.example", f"vi@{slug}.example"
    await furnish(market, slug, desk, policy="careful")
    owners = [
        OWNERS[0],
        {"email": ann, "role": "admin"},
        {"email": viewer, "role": "viewer"},
    ]
    await market.send("change-owners", slug, {"owners": owners})
    change = await market.install(slug, "bp-redis", "cache", values={"maxMemoryMiB": 128})
    view: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    async with support.window(chromium, market.address, **view) as other:
        page = other.page
        place = f"#/change/{slug}/{change}"
        await other.sign_in(market.admin, at=place)
        await expect(status(other)).to_have_text("waiting")
        steps = page.get_by_role("region", name="Steps").get_by_role("listitem")
        await expect(steps.first).to_contain_text("later")
        again = page.get_by_role("button", name="Plan the same again")
        await expect(again).to_be_hidden()
        reject = "provisioning.reject-change.v1"
        shown = await market.ask("provisioning/planned", slug, {"change": change})
        said = {"hash": shown["hash"], "reason": "Use what runs"}
        about = page.get_by_role("region", name="About")
        await market.command(reject, slug, said, id=change, token=market.token(ann))
        await expect(status(other)).to_have_text("rejected")
        await expect(about.locator("dl > div", has_text="Rejected by")).to_contain_text(ann)
        # None of it comes any more, and nobody approves it any more.
        for one in await steps.all():
            await expect(one.locator(".badge")).to_have_text("not done")
        does = page.get_by_role("region", name="What it does")
        await does.get_by_role("button", name="Show its plan").or_(does.get_by_text("Hash")).click()
        approved = does.locator(".facts div", has_text="Approved").locator("dd")
        await expect(approved).to_have_text("nobody")
        await again.click()
        button = await planned(other)
        await expect(page.locator(".plan h3")).to_be_focused()
        await expect(page.locator(".plan")).to_contain_text("maxMemoryMiB: 128")
        assert await page.evaluate(OVER) <= 0
        assert await _faint(other) == []
        assert await page.evaluate(_FAULTS) == []
        await button.click()
        await expect(status(other)).to_have_text("waiting")
        await expect(about).to_contain_text("maxMemoryMiB = 128")
        assert change not in page.url
        assert other.complaints == []
    async with support.window(chromium, market.address) as other:
        await other.sign_in(market.token(viewer), at=place)
        await expect(status(other)).to_have_text("rejected")
        await expect(again_of(other)).to_be_hidden()
        assert other.complaints == []


def again_of(window: Window) -> Any:
    """The button that whoever may not plan is not offered."""
    return window.page.get_by_role("button", name="Plan the same again")
