"""Opens and closes the connection to the broker.

Called by each process's start, by `catalyst.cli` and by the tests.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.link import Link
from catalyst.chassis.jetstream.port import Unavailable

log = logging.getLogger(__name__)

RECONNECT_WAIT_SECONDS: Final = 0.25
"""Between two attempts on one server; a restarted local broker is back within a second."""
PING_INTERVAL_SECONDS: Final = 10
"""With two pings unanswered, a dead peer is noticed after half a minute."""
FLUSH_SECONDS: Final = 2.0
"""What a closing connection may still take to send, acknowledgements above all."""


@asynccontextmanager
async def connect(
    url: str | Sequence[str],
    *,
    name: str,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    inbox_prefix: str | None = None,
    tls: ssl.SSLContext | None = None,
    tls_hostname: str | None = None,
    timeout: float = 5.0,
) -> AsyncIterator[JetStream]:
    """A connection that comes back by itself; closed, with what is left flushed, at the end.

    Args:
        url: One server or several of one cluster, such as `nats://127.0.0.1:4222`.
        name: Shown by the broker's monitoring.
        user: With `password`.
        password: With `user`.
        token: Instead of a user.
        inbox_prefix: Where replies arrive; `_INBOX_<name>` by default, so that permissions can
            keep one process from reading another's replies.
        tls: Needed for `tls://` with a private authority.
        tls_hostname: The name in the certificate, if it is not that of the url.
        timeout: Seconds for the first connection.

    Raises:
        Unavailable: If no server answers in time.
        Denied: If the broker does not accept the credentials.
    """
    link = Link()
    options: dict[str, Any] = {
        "name": name,
        "user": user,
        "password": password,
        "token": token,
        "inbox_prefix": inbox_prefix or f"_INBOX_{name}",
        "tls": tls,
        "tls_hostname": tls_hostname,
        "reconnect_time_wait": RECONNECT_WAIT_SECONDS,
        "ping_interval": PING_INTERVAL_SECONDS,
    }
    try:
        async with asyncio.timeout(timeout):
            await link.open(url if isinstance(url, str) else list(url), options)
    except TimeoutError:
        await link.close()
        # The address is left out: it may hold a password.
        raise Unavailable(503, 0, f"no broker answers: {link.last_error!r}") from link.last_error
    except BaseException:
        await link.close()
        raise
    try:
        yield JetStream(link)
    finally:
        await _close(link)


async def _close(link: Link) -> None:
    try:
        if link.is_connected:
            async with asyncio.timeout(FLUSH_SECONDS):
                await link.flush()
    except TimeoutError:
        log.warning("broker connection closed before everything was sent")
    finally:
        await link.close()
