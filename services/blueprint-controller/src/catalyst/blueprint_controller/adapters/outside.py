"""HTTP to hosts outside: only to those that are allowed, never to this machine or its network.

The address is looked at where the connection is made, so that a name which means another address
a moment later gains nothing. No redirect is followed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import urllib3
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError

from catalyst.blueprint_controller.ports import Unusable

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0


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


def is_outside(address: str) -> bool:
    """Return whether an IP address is one of the public network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


def _connected(connection: Any) -> socket.socket:
    """Connect to the first address of a host, if all of them are outside.

    Raises:
        NewConnectionError: If not.
    """
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        if not all(map(is_outside, addresses)):
            raise NewConnectionError(connection, "the host is not on the public network")
        return socket.create_connection((addresses[0], connection.port), CONNECT_SECONDS)
    except (OSError, IndexError) as error:
        raise NewConnectionError(connection, f"it does not answer: {error}") from error


class _Http(HTTPConnection):
    @override
    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _Https(HTTPSConnection):
    @override
    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


class Plain(urllib3.PoolManager):
    """A pool that follows nothing and speaks Git's smart protocol alone."""

    def __init__(self) -> None:
        """Use no proxy."""
        super().__init__(
            num_pools=1,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(0, redirect=0, raise_on_redirect=False),
        )

    @override
    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        """Make one request.

        Raises:
            Unusable: If it is answered by a redirect, or not as Git answers.
        """
        more["redirect"] = False
        answer = super().request(method, url, *args, **more)
        if 300 <= answer.status < 400:
            answer.close()
            raise Unusable("refused", "the address leads elsewhere; write the one that it leads to")
        kind = answer.headers.get("Content-Type", "")
        if answer.status == 200 and not kind.startswith("application/x-git-"):
            answer.close()
            raise Unusable("unreadable", "no Git repository answers at this address")
        return answer


class Outside(Plain):
    """The same, to public addresses alone."""

    def __init__(self) -> None:
        """Make pools that look at each address."""
        super().__init__()
        self.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def reason(error: HTTPError) -> str:
    """Return what is wrong with a connection, for a person."""
    return str(getattr(error, "reason", None) or error)[:300]
