"""Whoever looks at too many vouchers is told when the next look is allowed."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack
from tests.support.clients import plain
from tests.support.rig import acme

from catalyst.billing.queries import PREVIEWS_MAX, PREVIEWS_SECONDS

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G12.24")]
CODE = "NO-SUCH-CODE-7QKD"


async def test_too_many_looks_say_when_the_next_one_is_allowed(
    stack: Stack, organization: str, catalyst: Callable[..., Ran]
) -> None:
    token = stack.keys.people().person(str(acme()["owners"][0]["email"]), [])
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/v1/queries/billing/preview-voucher?organization={organization}"

    async def look(http: httpx.AsyncClient) -> httpx.Response:
        return await http.post(path, json={"code": CODE}, headers=headers)

    async with plain(base_url=stack.http) as http:
        began = time.monotonic()
        seen = {(await look(http)).status_code for _ in range(PREVIEWS_MAX)}
        assert seen == {404}
        refused = await look(http)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    # The first look was not longer ago than this, and is the next one to be forgotten.
    ago = time.monotonic() - began
    assert PREVIEWS_SECONDS - ago - 1 <= int(refused.headers["Retry-After"]) <= PREVIEWS_SECONDS
    told = await asyncio.to_thread(
        catalyst, "voucher", "preview", CODE, "--org", organization, "--token", token
    )
    assert told.code == 6
    assert "the next one is taken in" in told.err
