"""One stack for the whole story; and a way in for the person who runs it."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.e2e import compose
from tests.e2e.compose import Access, Stack

ENDED: Final[dict[Path, str]] = {}
"""By file: the test in which its story ended."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note where a story ended."""
    report = yield
    if report.failed and item.get_closest_marker("story"):
        ENDED.setdefault(item.path, item.name)
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let what a story has not come to fail at once: each would wait for what nobody did."""
    if item.path in ENDED:
        pytest.fail(f"the story ended in {ENDED[item.path]}", pytrace=False)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The compose stack, ready."""
    with compose.running() as found:
        yield found


@pytest.fixture
def access(stack: Stack) -> Access:
    """Addresses and a fresh token of a sovereign-admin."""
    return stack.access()


@pytest.fixture
async def door(access: Access) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway, for whoever runs the stack."""
    headers = {"Authorization": f"Bearer {access.token}"}
    async with httpx.AsyncClient(base_url=access.http, headers=headers, timeout=40) as found:
        yield found
