"""HTTP clients of tests, which open hundreds of them."""

import ssl
from typing import Any, Final

import httpx

_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain(**options: Any) -> httpx.AsyncClient:
    """Return a client for addresses of plain HTTP.

    It trusts nobody, since there is nobody to check: reading who is trusted takes 40 ms each time.
    """
    return httpx.AsyncClient(verify=_NOBODY, **options)
