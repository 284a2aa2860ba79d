"""The way in: one function, whatever the address.

async with connect("http://127.0.0.1:8080", token=token) as catalyst:
    outcome = await catalyst.send("environment.resume-organization.v1", {}, organization="acme")
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from catalyst.client.api import Client
from catalyst.client.errors import Problem
from catalyst.client.http_transport import over_http

NATS_SCHEMES: Final = frozenset({"nats", "tls", "ws", "wss"})
HTTP_SCHEMES: Final = frozenset({"http", "https"})


@asynccontextmanager
async def connect(
    url: str,
    *,
    token: str | None = None,
    user: str | None = None,
    password: str | None = None,
    inbox_prefix: str | None = None,
) -> AsyncIterator[Client]:
    """Open what the address says: `nats://…` or `http(s)://…`.

    Both send commands and await outcomes. Whoever reads and watches as well, opens
    `catalyst.client.http_transport.over_http` and gets that type.

    Args:
        url: Of the broker or of the HTTP door.
        token: Bearer token that says who asks.
        user: With `password`: the broker's own credentials; HTTP has none.
        password: With `user`.
        inbox_prefix: Where the broker's answers arrive, if its permissions prescribe that; HTTP
            has none.

    Raises:
        Unreachable: If no broker answers within 5 s.
        Problem: If the credentials are not taken, or the address is none of these.
    """
    scheme = urlsplit(url).scheme
    if scheme in NATS_SCHEMES:
        # The broker's library takes as long to load as the rest of this package.
        from catalyst.client.nats_transport import DEFAULT_INBOX, over_nats  # noqa: PLC0415

        async with over_nats(
            url,
            token=token,
            user=user,
            password=password,
            inbox_prefix=inbox_prefix or DEFAULT_INBOX,
        ) as broker:
            yield broker
    elif scheme in HTTP_SCHEMES:
        if user or password or inbox_prefix:
            raise Problem(400, "invalid-query", "an HTTP address takes a token, not a password")
        async with over_http(url, token=token) as door:
            yield door
    else:
        raise Problem(400, "invalid-query", f"the address begins with {scheme!r}, not nats or http")
