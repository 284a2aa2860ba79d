"""Public keys of the issuers that Catalyst trusts, from a document, a file or an address.

Called by `catalyst.chassis.tokens`; calls joserfc for the keys and httpx for addresses.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key
from typing_extensions import override

from catalyst.chassis import clock
from catalyst.chassis.errors import Retry
from catalyst.chassis.once import Once
from catalyst.client.errors import shown_address

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

RENEWAL: Final = "newer keys"
"""How readiness calls it that all keys are as they were read last; it goes on with older ones."""
SERVICE_MEMBER: Final = "catalyst_service"
"""Member of a JWK that names the one service which signs with it."""
MAX_DOCUMENT_BYTES: Final = 512 * 1024
MIN_RSA_BITS: Final = 2048
FETCH_SECONDS: Final = 5.0
BACKOFF_SECONDS: Final = (1.0, 60.0)
"""First and longest wait after a fetch that failed; each wait doubles the one before."""
MAX_STALE_SECONDS: Final = 24 * 3600.0
"""How long known keys are used although their address does not answer."""

_PUBLIC_MEMBERS: Final = {
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
}


class KeysUnavailable(Retry):
    """The issuer's keys cannot be read now, so a token can neither be accepted nor refused."""


class BadDocument(ValueError):
    """The bytes are not a JWK set that holds a usable key."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key and what it may sign."""

    kid: str
    algorithm: str
    """`RS256`, `ES256` or `EdDSA`: the only one with which this key is used."""
    service: str | None
    """The service whose key this is; None for a key that signs people's tokens."""
    key: Key


def _algorithm(key: Key) -> str | None:
    if isinstance(key, RSAKey):
        return "RS256" if key.raw_value.key_size >= MIN_RSA_BITS else None
    if isinstance(key, ECKey):
        return "ES256" if key.curve_name == "P-256" else None
    if isinstance(key, OKPKey):
        return "EdDSA" if key.curve_name == "Ed25519" else None
    return None


def _trusted(jwk: Mapping[str, Any]) -> TrustedKey | str:
    """Return the key that a JWK describes, or why it is not one to check tokens with."""
    kid, service = jwk.get("kid"), jwk.get(SERVICE_MEMBER)
    if not isinstance(kid, str) or not (service is None or isinstance(service, str)):
        return "it has no id (`kid`)" if kid is None else "its names are no texts"
    members = _PUBLIC_MEMBERS.get(str(jwk.get("kty")))
    if members is None:
        return f"its type (`kty`) is none of {', '.join(_PUBLIC_MEMBERS)}"
    operations = jwk.get("key_ops", ["verify"])
    for_it = isinstance(operations, list) and "verify" in operations
    if jwk.get("use", "sig") != "sig" or not for_it:
        return "it is not there to check signatures (`use`, `key_ops`)"
    try:
        key = import_key({"kty": jwk["kty"], **{name: jwk[name] for name in members}})
        algorithm = _algorithm(key)
    except (JoseError, KeyError, TypeError, ValueError):
        return f"its members {', '.join(members)} are missing or no key"
    if algorithm is None:
        return f"it is too weak or of another curve: RSA from {MIN_RSA_BITS} bits, P-256, Ed25519"
    if jwk.get("alg", algorithm) != algorithm:
        return f"it is for another algorithm (`alg`) than {algorithm}"
    return TrustedKey(str(kid), algorithm, service, key)


def parse(document: bytes) -> dict[str, TrustedKey]:
    """Return the usable keys of a JWK set by their `kid`; others are left out.

    Raises:
        BadDocument: If it is no JWK set, or two keys share a `kid`.
    """
    return _sorted(document)[0]


def _sorted(document: bytes) -> tuple[dict[str, TrustedKey], list[str]]:
    """Return the usable keys, and why each of the others is none."""
    try:
        found = msgspec.json.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadDocument("it is no JSON") from error
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not all(isinstance(jwk, dict) for jwk in listed):
        raise BadDocument("it is no JWK set: that is an object whose `keys` is a list of keys")
    keys: dict[str, TrustedKey] = {}
    others: list[str] = []
    for jwk in listed:
        key = _trusted(jwk)
        if isinstance(key, str):
            log.info("key left out", extra={"kid": jwk.get("kid"), "reason": key})
            others.append(key)
            continue
        if key.kid in keys:
            raise BadDocument(f"two keys have the id {key.kid!r}")
        keys[key.kid] = key
    return keys, others


def _none_usable(others: list[str]) -> str:
    """Return what is wrong with a set that holds no usable key."""
    if not others:
        return "it holds no key"
    return f"no key of the {len(others)} in it can check tokens: of the first, {others[0]}"


class KeySource(ABC):
    """Where an issuer's keys come from, and the keys as they were last read."""

    max_age_seconds: float = 300.0
    """After this long the document is read again before the next use."""
    min_interval_seconds: float = 10.0
    """Tokens with unknown key ids cause no more than one reading in this time."""

    def __init__(self, place: str) -> None:
        """Name the place where the keys are, for the log."""
        self._place = place
        self._keys: dict[str, TrustedKey] = {}
        self._trouble = ""
        """Why the document is of no use as it was read last; empty: it is."""
        self._document = b""
        self._version = 0
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._wait_seconds = 0.0
        self._reading = asyncio.Lock()
        self._once: Once[None] = Once()

    @abstractmethod
    async def read(self) -> bytes:
        """Return the document as it is now.

        Raises:
            OSError: If it cannot be had now.
        """

    async def version(self) -> int:
        """Return a number that changes when the keys do; reads them again if they are old.

        Raises:
            KeysUnavailable: If there is nothing, or nothing recent enough, to judge by.
        """
        age = clock.monotonic() - self._read_at
        if age > self.max_age_seconds and (self._version == 0 or not self._reading.locked()):
            await self._refresh(self._wait_seconds)
            age = clock.monotonic() - self._read_at
        if age > MAX_STALE_SECONDS + self.max_age_seconds:
            raise KeysUnavailable("the issuer's keys cannot be read")
        return self._version

    async def find(self, kid: str) -> TrustedKey | None:
        """Return the key with this id, after one more reading if it is not known yet.

        Raises:
            KeysUnavailable: As `version`.
        """
        await self.version()
        if kid not in self._keys:
            await self._refresh(max(self._wait_seconds, self.min_interval_seconds))
        return self._keys.get(kid)

    async def _refresh(self, wait_seconds: float) -> None:
        """Read the document unless that was tried less than `wait_seconds` ago."""
        # A question that is given up is no reason to leave the keys unread.
        await self._once.do(wait_seconds, partial(self._read_anew, wait_seconds))

    async def _read_anew(self, wait_seconds: float) -> None:
        async with self._reading:
            if clock.monotonic() - self._tried_at < wait_seconds:
                return
            self._tried_at = clock.monotonic()
            try:
                document = await self.read()
                same = document == self._document and self._version > 0
                keys, others = (self._keys, []) if same else _sorted(document)
            except (OSError, BadDocument) as error:
                first, longest = BACKOFF_SECONDS
                self._wait_seconds = min(max(first, self._wait_seconds * 2), longest)
                self._trouble = getattr(error, "strerror", None) or str(error)
                log.warning("keys not read", extra={"place": self._place, "reason": self._trouble})
                return
            self._wait_seconds = 0.0
            self._read_at = self._tried_at
            if not same:
                self._keys, self._document = keys, document
                self._version += 1
            if keys:
                self._trouble = ""
            elif not same:
                # Whoever empties it means it: the keys from before are used no longer.
                self._trouble = _none_usable(others)
                log.warning("no usable key", extra={"place": self._place, "reason": self._trouble})

    async def lacking(self) -> str:
        """Return why there is no key to check any token with; empty: there is one."""
        try:
            await self.version()
        except KeysUnavailable:
            return self._trouble
        return "" if self._keys else self._trouble

    @property
    def older(self) -> str:
        """Why keys are used that were read before, and not those of now; empty: they are not."""
        return self._trouble if self._keys else ""


class StaticKeys(KeySource):
    """Keys that never change while the process runs."""

    max_age_seconds = float("inf")

    def __init__(self, document: bytes | Mapping[str, Any]) -> None:
        """Take a JWK set.

        Raises:
            BadDocument: If it is none.
        """
        super().__init__("the program")
        self._document = document if isinstance(document, bytes) else msgspec.json.encode(document)
        self._keys = parse(self._document)
        self._version = 1
        self._read_at = clock.monotonic()

    @override
    async def read(self) -> bytes:
        return self._document


class FileKeys(KeySource):
    """Keys in a file, which may be replaced while the process runs."""

    max_age_seconds = 5.0
    min_interval_seconds = 1.0

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path

    @override
    async def read(self) -> bytes:
        return await asyncio.to_thread(self._path.read_bytes)


class UrlKeys(KeySource):
    """Keys at an address, as identity providers publish them."""

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Take an `https://` address (`http://` for a provider on the same network).

        Args:
            url: Where the JWK set is.
            transport: Another way to send requests than a plain connection.
        """
        # An address may hold a password or a key of whoever asks.
        super().__init__(shown_address(url).partition("?")[0])
        self._url = url
        self._transport = transport

    @override
    async def read(self) -> bytes:
        # Loading it takes a tenth of a start, and most installations have their keys in a file.
        import httpx  # noqa: PLC0415

        options: dict[str, Any] = {"timeout": FETCH_SECONDS, "follow_redirects": False}
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                httpx.AsyncClient(transport=self._transport, **options) as http,
                http.stream("GET", self._url) as answer,
            ):
                answer.raise_for_status()
                document = b""
                async for part in answer.aiter_bytes():
                    document += part
                    if len(document) > MAX_DOCUMENT_BYTES:
                        raise OSError("the key document is too large")
                return document
        except httpx.HTTPStatusError as error:
            raise OSError(f"its address answers {error.response.status_code}") from error
        except TimeoutError as error:
            raise OSError(f"its address does not answer within {FETCH_SECONDS:g} s") from error
        except httpx.HTTPError as error:
            raise OSError(f"{type(error).__name__} while fetching keys") from error


def source(location: str) -> KeySource:
    """Return the keys at a location: `https://…`, `http://…`, or the path of a file."""
    if location.startswith(("https://", "http://")):
        return UrlKeys(location)
    return FileKeys(Path(location.removeprefix("file://")))
