"""HTTP to hosts outside: only to those that are allowed, never to this machine or its network.

A network that is named counts as outside. The address is looked at where the connection is made, so
that a name which means another address a moment later gains nothing. No redirect is followed.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import urllib3
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError

from catalyst.blueprint_controller.ports import Unusable
from catalyst.chassis.bounded import bound

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0
"""For the next bytes of an answer; how long all of them may take is said to `within`."""
MAX_REFS_BYTES: Final = 8 * 1024 * 1024
"""Of the list of branches and tags, all of which the library keeps."""
_TRANSLATED: Final = tuple(
    map(
        ipaddress.IPv6Network,
        ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96", "::ffff:0:0:0/96"),
    )
)
"""IPv6 addresses that stand for one of IPv4, which may be one of this network."""


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Inside(NewConnectionError):
    """A host is not on the public network."""


class Status(HTTPError):
    """A server answers, and not with what was asked for."""

    def __init__(self, status: int) -> None:
        """Keep what it answers."""
        super().__init__(f"HTTP status {status}")
        self.status = status


def wanted(location: str) -> SplitResult:
    """Return an address that can be read over HTTP.

    Raises:
        ValueError: If it is none; with the reason.
    """
    parts = urlsplit(location)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("write an address such as https://git.example/team/blueprints.git")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a password does not stand in an address")
    if parts.query or parts.fragment:
        raise ValueError("an address of a repository has no ? and no #")
    _ = parts.port  # raises if it is no number
    return parts


def is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Return whether a host is on the list; `*.example.com` stands for every host below it."""
    name = host.lower().rstrip(".")
    return any(
        name.endswith(one[1:]) if one.startswith("*.") else name == one
        for one in (entry.strip().lower() for entry in allowed)
        if one
    )


def is_outside(address: str, networks: Sequence[Network] = ()) -> bool:
    """Return whether an IP address is one of the public network, or of one that is named."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    if any((mapped or found) in network for network in networks):
        return True
    if any(found in network for network in _TRANSLATED):
        return False
    return (mapped or found).is_global and not found.is_multicast


def looked_up(host: str, port: int | None) -> list[str]:
    """Return the addresses that a name has now.

    Raises:
        OSError: If it cannot be looked up.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def _connected(connection: Any, networks: Sequence[Network]) -> socket.socket:
    """Connect to the first address of a host, if all of them are outside, or in `networks`.

    Raises:
        NewConnectionError: If not; `Inside` if one is of this machine or its network.
    """
    try:
        addresses = looked_up(connection.host, connection.port)
        if not all(is_outside(one, networks) for one in addresses):
            raise Inside(connection, "the host is not on the public network")
        return socket.create_connection((addresses[0], connection.port), CONNECT_SECONDS)
    except (OSError, IndexError) as error:
        raise NewConnectionError(connection, f"it does not answer: {error}") from error


def _plainly(connection: Any) -> socket.socket:
    """Connect as the library does."""
    opened: socket.socket = HTTPConnection._new_conn(connection)  # noqa: SLF001 - its hook for this
    return opened


class Plain(urllib3.PoolManager):
    """A pool that follows nothing and speaks Git's smart protocol alone."""

    def __init__(self, connect: Callable[[Any], socket.socket] = _plainly) -> None:
        """Use no proxy; connections are made by `connect`."""
        super().__init__(
            num_pools=1,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(0, redirect=0, raise_on_redirect=False),
        )
        self._connect = connect
        self._guards: list[socket.socket] = []
        """A second handle of each connection: it is cut off by that, whatever it waits for."""
        self._answers: list[Any] = []
        """What nobody may have read to its end: a refusal, which keeps its connection."""
        self._late = False
        self._left = 0

        def open_(connection: Any) -> socket.socket:
            return self._open(connection)

        opened = {"_new_conn": open_}
        self.pool_classes_by_scheme = {
            "http": _pool(urllib3.HTTPConnectionPool, type("_Http", (HTTPConnection,), opened)),
            "https": _pool(urllib3.HTTPSConnectionPool, type("_Https", (HTTPSConnection,), opened)),
        }

    def _open(self, connection: Any) -> socket.socket:
        opened = self._connect(connection)
        self._guards.append(opened.dup())
        if self._late:
            self.cut()
        return opened

    @contextmanager
    def within(self, seconds: float, most: int) -> Iterator[None]:
        """Let everything that is asked for take so long and bring so many bytes.

        Raises:
            Unusable: If it takes longer; a server that sends a byte now and then does not hold us.
        """
        self._left = most
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if self._late and not isinstance(error, Unusable):
                message = f"the fetch took more than {seconds:.0f} s"
                raise Unusable("unreachable", message) from error
            raise
        finally:
            timer.cancel()
            for answer in self._answers:
                answer.close()
            self._answers.clear()
            self.clear()
            for guard in self._guards:
                guard.close()
            self._guards.clear()

    def cut(self) -> None:
        """End whatever is asked or waited for, from another thread: no more comes of it."""
        self._late = True
        for guard in list(self._guards):
            with suppress(OSError):  # It has ended by itself.
                guard.shutdown(socket.SHUT_RDWR)

    @override
    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        """Make one request.

        Raises:
            Unusable: If it is answered by a redirect, or not as Git answers; by reading the answer,
                too, if it is too large.
            Status: If it is refused.
        """
        more["redirect"] = False
        answer = super().request(method, url, *args, **more)
        self._answers.append(answer)
        if 300 <= answer.status < 400:
            answer.close()
            raise Unusable("refused", "the address leads elsewhere; write the one that it leads to")
        if answer.status != 200:
            answer.close()
            raise Status(answer.status)
        kind = answer.headers.get("Content-Type", "")
        if not kind.startswith("application/x-git-"):
            answer.close()
            raise Unusable("unreadable", "no Git repository answers at this address")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            answer.close()
            raise Unusable("unreadable", "the answer is compressed, which was not asked for")
        self._bound(answer, self._left if method == "POST" else MAX_REFS_BYTES)
        return answer

    def _bound(self, answer: Any, most: int) -> None:
        """Let no more than so many bytes be read of an answer."""
        left = most

        def came(size: int) -> None:
            nonlocal left
            left -= size
            if left < 0:
                answer.close()
                message = f"the answer has more than {most // 1024 // 1024} MiB"
                raise Unusable("too-large", message)

        bound(answer, came)


def _pool(pool: Any, connection: Any) -> Any:
    """Return a class of pools whose connections are of a class."""
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class Outside(Plain):
    """The same, to public addresses alone, and to those in networks that are named."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        """Make connections that look at each address."""
        super().__init__(partial(_connected, networks=networks))
