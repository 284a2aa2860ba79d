"""docs/page.png: the live page as it looks in a browser, the catalogue and a change on its way.

`uv run python -m tools.shot` runs a stack of its own with the simulated cluster, buys in it like
anybody, and takes what Chromium shows. Nothing is edited; two windows are laid over each other. If
what is to be seen does not come about, nothing is written.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, ViewportSize, expect
from tests.browser.site import Site
from tests.browser.steps import completed, furnish
from tests.support import browser as support
from tests.support.browser import Window
from tools.files import ROOT

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

PICTURE: Final = ROOT / "docs" / "page.png"
BOOK: Final = ROOT / "examples" / "price-book.yaml"
ORGANIZATION: Final = "acme"
LARGEST: Final = 200_000
"""Bytes; a README that loads slowly is not read."""
CATALOGUE: Final = (1010, 770)
CHANGE: Final = (640, 690)
CANVAS: Final = (1360, 900)
_LAID: Final = """
<style>
  body {{ margin: 0; background: #dfe8e7; }}
  img {{ position: absolute; border-radius: 12px; box-shadow: 0 10px 40px rgb(16 32 32 / 22%); }}
  .back {{ left: 28px; top: 28px; }}
  .front {{ right: 28px; bottom: 28px; }}
</style>
<img class="back" src="data:image/png;base64,{back}">
<img class="front" src="data:image/png;base64,{front}">
"""


async def taken() -> bytes:
    """Return the picture, from a stack that lasts as long as it takes."""
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder))
        options = Options(port=0, simulate_cluster=True)
        async with (
            running(installation, options, lambda _line: None) as stack,
            Site.reaching(installation, stack.context) as site,
            support.chromium() as browser,
        ):
            back, front = await _catalogue(browser, site), await _change(browser, site)
            return await _laid(browser, back, front)


async def _catalogue(browser: Browser, site: Site) -> bytes:
    async with support.window(browser, site.address, viewport=_size(CATALOGUE)) as window:
        await site.apply_prices(BOOK.read_text("utf-8"))
        await window.sign_in(site.admin)
        await window.until_row("blueprint", "public-bp-wordpress", "published")
        await furnish(site, ORGANIZATION, window)
        await window.page.goto(f"{site.address}/#/catalogue/{ORGANIZATION}")
        await expect(window.page.locator(".product")).to_have_count(20)
        return await _shown(window)


async def _change(browser: Browser, site: Site) -> bytes:
    async with support.window(browser, site.address, viewport=_size(CHANGE)) as window:
        await window.sign_in(site.admin)
        change = await site.install(ORGANIZATION, "bp-wiki", "wiki")
        await window.page.goto(f"{site.address}/#/change/{ORGANIZATION}/{change}")
        step = window.page.locator(".change-step.running", has_text="Wait until it runs")
        await step.wait_for()
        picture = await _shown(window)
        await completed(window)
        return picture


async def _shown(window: Window) -> bytes:
    await window.until_state("live")
    await window.page.mouse.move(0, 0)
    # No cursor and no ring: what is focused is nobody's in a picture.
    await window.page.evaluate("document.activeElement.blur()")
    return await window.page.screenshot()


async def _laid(browser: Browser, back: bytes, front: bytes) -> bytes:
    page = await browser.new_page(viewport=_size(CANVAS))
    texts = [base64.b64encode(part).decode() for part in (back, front)]
    await page.set_content(_LAID.format(back=texts[0], front=texts[1]), wait_until="load")
    return await page.screenshot()


def _size(pair: tuple[int, int]) -> ViewportSize:
    return ViewportSize(width=pair[0], height=pair[1])


def main() -> int:
    """Write the picture; returns the exit code."""
    picture = asyncio.run(taken())
    if len(picture) > LARGEST:
        print(f"{len(picture):,} bytes are too many: the picture stays as it is", file=sys.stderr)
        return 1
    PICTURE.write_bytes(picture)
    print(f"written: {PICTURE.relative_to(ROOT)}, {len(picture):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
