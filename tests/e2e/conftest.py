"""One stack for the whole story; and a way in for the person who runs it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.e2e import compose
from tests.e2e.compose import Access, Stack


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
