"""A stack and a Chromium for the files of this folder; each test uses Organizations of its own.

Not for the whole run: after minutes on a loop that stood still while a worker ran other files, on
loops of their own, the end of a stack was waited for without end. So a worker runs its files of
this folder one after another, and what they share ends with the last of them.
"""

import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.browser.site import Site
from tests.support import browser as support
from tests.support.browser import ROOT, Window, executable

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The embedded stack, as `catalyst up --simulate-cluster` runs it."""
    executable()
    installation = Installation(tmp_path_factory.mktemp("stack"))
    options = Options(port=0, simulate_cluster=True)
    async with running(installation, options, lambda _line: None) as stack:
        async with Site.reaching(installation, stack.context) as found:
            yield found
        assert not stack.failed.is_set()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def market(site: Site) -> Site:
    """The same stack, once all Blueprints that come along can be had, and have prices."""
    await site.until_offered()
    await site.apply_prices((ROOT / "examples" / "price-book.yaml").read_text("utf-8"))
    return site


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chromium() -> AsyncIterator[Browser]:
    async with support.chromium() as found:
        yield found


_numbers = itertools.count(999, -1)


@pytest.fixture
def slug() -> str:
    """A slug that no other test uses, and that stands before theirs: a window shows the first rows.

    None is part of another.
    """
    return f"org-{next(_numbers)}"


@pytest_asyncio.fixture(loop_scope="package")
async def window(chromium: Browser, site: Site) -> AsyncIterator[Window]:
    """A window in which nobody is signed in; at the end nothing may have gone wrong in it."""
    async with support.window(chromium, site.address) as found:
        yield found
        assert found.complaints == []


@pytest_asyncio.fixture(loop_scope="package")
async def desk(window: Window, site: Site) -> Window:
    """A window in which the local sovereign-admin is signed in, and rows are live."""
    await window.sign_in(site.admin)
    return window
