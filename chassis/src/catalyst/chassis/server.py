"""The HTTP server of a member: one socket, one application, a bounded goodbye.

Used by each member's `main`, and by `catalyst up` for the one origin of the embedded stack.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from catalyst.chassis.errors import Expected

GOODBYE_SECONDS: Final = 5
"""What open answers, streams among them, may still take when the member ends."""
KEEP_ALIVE_SECONDS: Final = 65
"""Longer than the idle time of the usual proxies, so that they close first."""
BACKLOG: Final = 512


class _Quiet(uvicorn.Server):
    """Leaves signals to the process, which has more to end than this server."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an application on a socket that is bound at once."""

    def __init__(
        self, app: ASGIApp, *, host: str, port: int, send_buffer_bytes: int | None = None
    ) -> None:
        """Bind to `host` and `port` (0: any free one); connections wait until `run`.

        Args:
            app: What answers.
            host: Name or address of an interface.
            port: Where to listen.
            send_buffer_bytes: Small for streams, so that a slow reader is noticed here and not
                hidden by the kernel.

        Raises:
            Expected: If the address cannot be had.
        """
        self._socket = _bound(host, port, send_buffer_bytes)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        # Headers that say who forwarded what are read by the rate limits alone, and only from
        # proxies that are named: the server itself believes nobody.
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GOODBYE_SECONDS,
        )
        self._server = _Quiet(config)

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def stop(self) -> None:
        """Ask `run` to end: no new connections, and a while for those that are open."""
        self._server.should_exit = True

    async def run(self) -> None:
        """Serve until `stop`; cancelled, it still says goodbye."""
        try:
            await self._server.serve(sockets=[self._socket])
        except asyncio.CancelledError:
            if self._server.started:
                await self._server.shutdown(sockets=[self._socket])
            raise
        finally:
            self._socket.close()


def _bound(host: str, port: int, send_buffer_bytes: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if send_buffer_bytes is not None:
            # Accepted connections inherit it.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        found.bind((host, port))
        found.listen(BACKLOG)
        found.setblocking(False)  # noqa: FBT003 - the socket's own signature
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise Expected(
                f"port {port} of {host} is taken", hint="stop who listens there, or use another"
            ) from error
        raise Expected(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return found
