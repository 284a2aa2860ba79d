"""How long a server keeps a connection on which nobody asks."""

import httpx

from catalyst.chassis import app as process

PROXIES_SECONDS = 90
"""What Traefik keeps one for; nginx does for 60."""


def test_a_server_keeps_a_connection_longer_than_whoever_asks() -> None:
    ours = httpx.Limits().keepalive_expiry
    assert ours is not None
    assert max(ours, PROXIES_SECONDS) < process.KEPT_SECONDS
