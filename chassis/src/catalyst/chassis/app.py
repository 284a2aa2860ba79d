"""A member as a process: ordered start, signals, drain, exit code.

A member is anything with `run`, `stop` and an HTTP app. `catalyst up` runs several in one process;
`python -m catalyst.<member>` runs one through `main` here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Final, Protocol, TypeVar

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from catalyst.chassis import logs, loop, settings
from catalyst.chassis.errors import Expected, said, unquoted
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.chassis.settings import BrokerSettings

log = logging.getLogger(__name__)

S = TypeVar("S", bound=BrokerSettings)

Socket = socket.socket
"""A bound socket, as `listen` returns it."""

NOT_SENT_BYTES: Final = 16 * 1024
"""What the kernel may hold of a connection that its peer has no room for."""
STUCK_MILLISECONDS: Final = 30_000
"""After this long without room at the peer, a connection is dropped."""
KEPT_SECONDS: Final = 120
"""How long a connection stands on which nobody asks: longer than whoever asks keeps it. Proxies do
for 60 or 90 s, our own clients for 5. Of what is asked as the server ends it, no answer comes."""


class Member(Protocol):
    """One deployable part of Catalyst."""

    @property
    def app(self) -> ASGIApp:
        """Its HTTP surface, health and metrics included."""
        ...

    async def run(self) -> None:
        """Work until `stop`, then drain and return."""
        ...

    def stop(self) -> None:
        """Ask `run` to drain and return."""
        ...


class _Server(uvicorn.Server):
    """A server that leaves signals to the process that runs it."""

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them alone."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes a free one.

    Raises:
        Expected: If the port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, so that asyncio knows TCP and lets what is written go at once. Otherwise each answer on
    # a connection that was kept waits 40 ms for the reader to say that it has the one before.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _keep_buffers_small(bound)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise Expected(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="choose another port with --port, or 0 for any free one",
        ) from error
    return bound


def _keep_buffers_small(bound: socket.socket) -> None:
    """Leave unsent bytes with us, so that a slow reader's rows coalesce here and not in the kernel.

    Accepted connections inherit it, where the system has it. A peer that takes nothing for half a
    minute is dropped by the kernel, which alone can still close such a connection.
    """
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MILLISECONDS)


@asynccontextmanager
async def serving(
    app: ASGIApp, bound: socket.socket, *, grace_seconds: int = 5
) -> AsyncIterator[str]:
    """Serve an app for the block; yields its address, such as `http://127.0.0.1:8080`."""
    config = uvicorn.Config(
        _telling(app),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        # Whoever connects from this machine could otherwise name any address as its own.
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=KEPT_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
        # Small buffers, so that a slow reader's rows are coalesced with us and not in the kernel.
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.serve(sockets=[bound]), name="http")
        try:
            yield address(*bound.getsockname()[:2])
        finally:
            server.should_exit = True
            await running


def address(host: str, port: int) -> str:
    """Return a host, or an address of one, and a port as HTTP has them."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def here(bound: Socket) -> str:
    """Return where this machine itself reaches what listens, on every network or on one."""
    host, port = bound.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return address(host, port)


def _telling(app: ASGIApp) -> ASGIApp:
    """Log here what `app` raises: the server would with a traceback, which may quote the request.

    Nobody waits for it: what is unanswered then, or answered in part, the server ends by itself.
    """

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - logged below
            log.error("request failed", extra={"path": scope["path"], **unquoted(error)})  # noqa: TRY400

    return told


def main(
    member: str,
    kind: type[S],
    build: Callable[[S], AbstractAsyncContextManager[Member]],
    environ: Mapping[str, str] | None = None,
) -> int:
    """Run one member until it is told to stop; returns the exit code of the process."""
    found = os.environ if environ is None else environ
    prefix = member.upper().replace("-", "_")
    try:
        chosen = settings.load(kind, found, prefix)
        logs.configure(member, chosen.log_level)
        for stray in settings.strays(kind, found, prefix):
            log.warning(stray)
        names = (settings.variable(found, prefix, name) for name in ("http_host", "http_port"))
        with _bound(chosen, " and ".join(names)) as bound:
            return loop.run(_member(member, chosen, build, bound))
    except Expected as error:
        sys.stderr.write(f"{member}: {error}\n")
        if error.hint:
            sys.stderr.write(f"{error.hint}\n")
        return 2


def _bound(chosen: BrokerSettings, named: str) -> Socket:
    if chosen.http_fd >= 0:
        return socket.socket(fileno=chosen.http_fd)
    try:
        return listen(chosen.http_host, chosen.http_port)
    except Expected as error:
        raise Expected(str(error), hint=f"{named} say where; port 0 is any free one") from error


async def _member(
    name: str,
    chosen: S,
    build: Callable[[S], AbstractAsyncContextManager[Member]],
    bound: Socket,
) -> int:
    async with build(chosen) as member:
        stop_on_signal(member.stop)
        try:
            async with serving(member.app, bound) as address:
                log.info("started", extra={"address": address})
                await member.run()
        except ExceptionGroup as group:
            # The process has to end, so that whoever runs it can start it anew.
            log.critical("stopped by a failure", extra={**unquoted(group), "why": words(group)})
            return 1
    log.info("stopped", extra={"service": name})
    return 0


def words(group: ExceptionGroup[Exception]) -> str:
    """Return all failures of a group, in one line."""
    return "; ".join(_words(leaf) for leaf in _leaves(group))


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _words(error: Exception) -> str:
    """Return a failure; what the broker or the system says is said, a bug may quote a message."""
    return said(error, quoting=isinstance(error, BrokerError | Expected | OSError))


def stop_on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGINT and SIGTERM."""
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop)
