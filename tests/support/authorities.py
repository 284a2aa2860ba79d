"""The authorities that httpx trusts, read once for all of its clients.

Tests open hundreds of them, and each would read the same file again, for 40 ms. httpx has no
setting for this, so its transports are given another function that makes the context of TLS;
whoever asks for one of their own, or brings a certificate, has it made anew as before.
"""

import functools
import ssl
from typing import Any

import httpx
import httpx._transports.default as httpx_transports


def read_once() -> None:
    """Let every client of this process from now on share one context of TLS."""
    httpx_transports.create_ssl_context = _trusting  # type: ignore[attr-defined]


@functools.cache
def _authorities(*, trust_env: bool) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)


def _trusting(
    verify: ssl.SSLContext | str | bool = True,  # noqa: FBT001, FBT002 - as httpx calls it
    cert: Any = None,
    trust_env: bool = True,  # noqa: FBT001, FBT002
) -> ssl.SSLContext:
    if verify is True and cert is None:
        return _authorities(trust_env=trust_env)
    return httpx.create_ssl_context(verify, cert, trust_env)
