"""How much one sender may ask for: token buckets by subject and address, and the size of a body.

All of it fails closed: what cannot be counted is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalyst.chassis import clock, problems
from catalyst.contracts.rejection import Rejected

CAPACITY: Final = 50_000
"""Senders that are remembered at once."""
SWEEP_SECONDS: Final = 1.0
REFUSALS_AT_ONCE: Final = 30
IPV6_PREFIX: Final = 64
"""A household or host has a whole network of this size, so that is what is counted."""
FREE_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""Asked by probes, and answered from memory."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

Holds = Callable[[Request], Awaitable[bool]]
"""Tells whether a request carries a token that holds."""


class Buckets:
    """One token bucket for each sender."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        capacity: int = CAPACITY,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        """Give each sender `burst` tokens, and `rate` new ones a second."""
        self._rate = rate
        self._burst = float(burst)
        self._capacity = capacity
        self._now = now
        self._held: dict[str, tuple[float, float]] = {}
        self._swept_at = float("-inf")

    def take(self, sender: str, cost: float = 1.0) -> float:
        """Take tokens and return 0, or return after how many seconds they will be there."""
        now = self._now()
        if sender not in self._held and not self._room(now):
            return SWEEP_SECONDS
        left = self._left(sender, now)
        if left < cost:
            self._held[sender] = (left, now)
            return (cost - left) / self._rate if self._rate > 0 else SWEEP_SECONDS
        self._held[sender] = (left - cost, now)
        return 0.0

    def _left(self, sender: str, now: float) -> float:
        left, at = self._held.get(sender, (self._burst, now))
        return min(self._burst, left + (now - at) * self._rate)

    def _room(self, now: float) -> bool:
        """Forget senders whose bucket is full again; answer whether there is room for one more."""
        if len(self._held) >= self._capacity and now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            full = [sender for sender in self._held if self._left(sender, now) >= self._burst]
            for sender in full:
                del self._held[sender]
        return len(self._held) < self._capacity


def networks(text: str) -> tuple[Network, ...]:
    """Return networks that are separated by spaces.

    Raises:
        ValueError: If one is none.
    """
    return tuple(ipaddress.ip_network(entry) for entry in text.split())


def sender_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the address that a request is counted for.

    That is the peer's, unless the peer is a trusted proxy: then the nearest address in
    `X-Forwarded-For` that is no trusted proxy, because whatever stands before it anybody can write.
    """
    client = scope.get("client")
    nearest = _address(client[0]) if client else None
    if nearest is None:
        return "unknown"
    for hop in reversed(_forwarded(scope)):
        if not any(nearest in network for network in trusted):
            break
        found = _address(hop)
        if found is None:
            break
        nearest = found
    if isinstance(nearest, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((nearest, IPV6_PREFIX), strict=False))
    return str(nearest)


def _forwarded(scope: Scope) -> list[str]:
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for line in lines for hop in line.decode("latin-1").split(",")]


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else found


class Throttled:
    """Refuses requests of an address that asks too often, before anything else is done.

    Who brings a token that holds is let through nevertheless, and counted by subject further on:
    else one stranger could lock out everybody behind the same address.
    """

    def __init__(
        self, app: ASGIApp, buckets: Buckets, trusted: Sequence[Network], holds: Holds
    ) -> None:
        self._app = app
        self._buckets = buckets
        self._trusted = trusted
        self._holds = holds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; its address is left in the scope for later."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = sender_address(scope, self._trusted)
        scope["catalyst.address"] = address
        wait = 0.0 if scope["path"] in FREE_PATHS else self._buckets.take(address)
        if wait and not await self._holds(Request(scope)):
            refusal = problems.response(
                "rate-limited",
                "too many requests from this address",
                headers={"Retry-After": retry_after(wait)},
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def retry_after(seconds: float) -> str:
    """Return a wait as the header wants it: whole seconds, at least one."""
    return str(max(1, min(3600, int(seconds + 0.999))))


def _encoding(scope: Scope) -> str:
    """Return how a body is packed; empty if it is sent as it is."""
    lines = [value for name, value in scope["headers"] if name == b"content-encoding"]
    words = [word.strip() for word in b",".join(lines).decode("latin-1").split(",")]
    return ", ".join(word for word in words if word.lower() not in {"", "identity"})


class Bounded:
    """Refuses a body above the limit before more of it is read, and one that is packed.

    What a packed one holds is not known before it is unpacked, and may be of any size.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int, *, free: Callable[[str], bool]) -> None:
        """Bound every body but those of paths that `free` names, which bound their own."""
        self._app = app
        self._limit = limit_bytes
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or self._free(scope["path"]):
            await self._app(scope, receive, send)
            return
        encoding = _encoding(scope)
        if encoding:
            refusal = problems.response(
                "unsupported-media-type",
                f"the header Content-Encoding says {encoding!r}: a body is sent as it is",
                headers={"Accept-Encoding": "identity", "Connection": "close"},
            )
            await refusal(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._limit:
            # The rest of the body is not read, so the connection cannot be used again.
            refusal = problems.response(
                "too-large",
                f"a body has at most {self._limit} bytes",
                headers={"Connection": "close"},
            )
            await refusal(scope, receive, send)
            return
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._limit:
                    raise Rejected("too-large", f"a body has at most {self._limit} bytes")
            return message

        await self._app(scope, bounded, send)
