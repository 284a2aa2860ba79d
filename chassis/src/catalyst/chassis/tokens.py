"""Who asks: signed tokens, checked the same way at every door and by the worker.

Called by the worker, the gateway and the projector. Keys come from `catalyst.chassis.jwks`, the
keys that this installation signs with from `catalyst.chassis.keyring`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from typing_extensions import override

from catalyst.chassis import clock, forms, jwks
from catalyst.chassis.jwks import KeySource, KeysUnavailable, TrustedKey
from catalyst.contracts.roles import PLATFORM_ROLES

__all__ = [
    "AUDIENCE",
    "OWN_ISSUER",
    "BadToken",
    "Claims",
    "Issuer",
    "KeysUnavailable",
    "Signer",
    "Verifier",
    "bearer",
    "offered",
    "trusted",
]

AUDIENCE: Final = "catalyst"
OWN_ISSUER: Final = "catalyst"
"""Issuer of the tokens that an installation signs for itself, unless it is named otherwise."""
ALGORITHMS: Final = frozenset({"RS256", "ES256", "EdDSA"})
SERVICE_PREFIX: Final = "service:"
MAX_TOKEN_BYTES: Final = 16 * 1024
DEFAULT_LEEWAY: Final = timedelta(seconds=30)
SERVICE_TTL: Final = timedelta(minutes=5)
SERVICE_RENEWAL: Final = timedelta(minutes=2)
"""A service's token is replaced when less than this is left of it."""
CACHE_SIZE: Final = 4096
_MAX_NAME: Final = 255


_WORDS: Final[Mapping[str, str]] = {
    "algorithm": "it is signed in a way that is not allowed",
    "audience": "it is for something else",
    "expired": "it has expired",
    "expiry": "it does not say until when it holds",
    "header": "its head cannot be read",
    "issuer": "whoever signed it is not trusted here",
    "malformed": "it is no token",
    "not-yet-valid": "its time has not come",
    "scheme": "it must stand behind the word Bearer",
    "signature": "it is not as it was signed",
    "subject": "it does not say who asks",
    "too-large": "it is too long",
    "unknown-key": "the key that signed it is not used here",
}
"""Each reason why a token proves nothing, for a person."""


class BadToken(Exception):
    """The token proves nothing; `reason` is a short code and never holds a part of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the token is not accepted: {_WORDS[reason]}")
        self.reason = reason


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a verified token says."""

    iss: str
    sub: str
    exp: datetime
    email: str = ""
    email_verified: bool = False
    roles: frozenset[str] = frozenset()
    """Platform roles only; roles in an Organization come from its owners."""
    service: str | None = None
    """Name of the service, if a service signed it for itself."""

    @property
    def actor(self) -> str:
        """The name under which what they do is recorded."""
        if self.service is not None:
            return SERVICE_PREFIX + self.service
        return f"user:{self.iss}#{self.sub}"

    @property
    def verified_email(self) -> str:
        """The address that may be matched with owners; empty if the issuer did not verify it."""
        return self.email if self.email_verified else ""


class _Header(msgspec.Struct):
    alg: str
    kid: str
    typ: str = "JWT"
    crit: msgspec.Raw | None = None


class _Payload(msgspec.Struct):
    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    nbf: float = 0.0
    email: str = ""
    email_verified: bool = False
    catalyst_roles: list[str] = []


class _Registry(JWSRegistry):
    """The three algorithms and no other.

    joserfc warns of `EdDSA` at each use because RFC 9864 renames it; issuers still say `EdDSA`.
    """

    @override
    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"{name!r} is not allowed")
        return self.algorithms[name]


_REGISTRY: Final = _Registry(strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer that is trusted, and for what."""

    keys: KeySource
    services: bool = False
    """True only for this installation's own issuer: its keys may name services."""


class _Known(msgspec.Struct, frozen=True):
    claims: Claims
    nbf: float
    version: int


class Verifier:
    """Checks tokens against the issuers that are trusted."""

    def __init__(
        self,
        issuers: Mapping[str, Issuer],
        *,
        audience: str = AUDIENCE,
        leeway: timedelta = DEFAULT_LEEWAY,
    ) -> None:
        """Trust these issuers, by the `iss` of their tokens; `leeway` is for skewed clocks."""
        self._issuers = dict(issuers)
        self._audience = audience
        self._leeway = leeway
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def verify(self, token: str, *, at: datetime) -> Claims:
        """Return what the token says, if it holds at the instant `at`.

        Raises:
            BadToken: If it does not: the asker has to bring another one.
            KeysUnavailable: If nobody can tell now, because the issuer's keys cannot be read.
        """
        try:
            raw = token.encode("ascii")
        except UnicodeEncodeError as error:
            raise BadToken("malformed") from error
        fingerprint = hashlib.sha256(raw).digest()
        known = self._known.get(fingerprint)
        if known is not None:
            version = await self._issuers[known.claims.iss].keys.version()
            if version != known.version:
                known = None
        if known is None:
            known = await self._check(raw)
            self._remember(fingerprint, known)
        self._judge_time(known, at)
        return known.claims

    async def check(self) -> str | None:
        """Return None if there are keys of every issuer, else of which there are none, and why."""
        found = {name: await one.keys.lacking() for name, one in self._issuers.items()}
        return "; ".join(f"no keys of {name}: {why}" for name, why in found.items() if why) or None

    async def renewed(self) -> str | None:
        """Return None if all keys are as they were read last, else whose are older, and why."""
        found = {name: one.keys.older for name, one in self._issuers.items()}
        told = (f"those of {name} are from before: {why}" for name, why in found.items() if why)
        return "; ".join(told) or None

    def _remember(self, fingerprint: bytes, known: _Known) -> None:
        self._known[fingerprint] = known
        self._known.move_to_end(fingerprint)
        if len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)

    def _judge_time(self, known: _Known, at: datetime) -> None:
        if at - self._leeway >= known.claims.exp:
            raise BadToken("expired")
        if at.timestamp() + self._leeway.total_seconds() < known.nbf:
            raise BadToken("not-yet-valid")

    async def _check(self, raw: bytes) -> _Known:
        header, payload, compact = _take_apart(raw)
        if header.alg not in ALGORITHMS:
            raise BadToken("algorithm")
        if header.crit is not None or header.typ.lower() not in {"jwt", "at+jwt"}:
            raise BadToken("header")
        issuer = self._issuers.get(payload.iss)
        if issuer is None:
            raise BadToken("issuer")
        version = await issuer.keys.version()
        key = await issuer.keys.find(header.kid)
        if key is None or (key.service is not None and not issuer.services):
            raise BadToken("unknown-key")
        if key.algorithm != header.alg:
            raise BadToken("algorithm")
        try:
            good = jws.validate_compact(compact, key.key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError) as error:
            raise BadToken("signature") from error
        if not good:
            raise BadToken("signature")
        return _Known(self._claims(payload, key), payload.nbf, version)

    def _claims(self, payload: _Payload, key: TrustedKey) -> Claims:
        audiences = [payload.aud] if isinstance(payload.aud, str) else payload.aud
        if self._audience not in audiences:
            raise BadToken("audience")
        if not 0 < len(payload.sub) <= _MAX_NAME or not payload.sub.isprintable():
            raise BadToken("subject")
        try:
            exp = datetime.fromtimestamp(payload.exp, UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise BadToken("expiry") from error
        if payload.sub.startswith(SERVICE_PREFIX) or key.service is not None:
            if key.service is None or payload.sub != SERVICE_PREFIX + key.service:
                raise BadToken("subject")
            return Claims(iss=payload.iss, sub=payload.sub, exp=exp, service=key.service)
        return Claims(
            iss=payload.iss,
            sub=payload.sub,
            exp=exp,
            email=payload.email,
            email_verified=payload.email_verified,
            roles=PLATFORM_ROLES.intersection(payload.catalyst_roles),
        )


def _take_apart(raw: bytes) -> tuple[_Header, _Payload, jws.CompactSignature]:
    if len(raw) > MAX_TOKEN_BYTES:
        raise BadToken("too-large")
    try:
        compact = jws.extract_compact(raw, registry=_REGISTRY)
        header = msgspec.convert(compact.headers(), _Header)
        payload = msgspec.json.decode(compact.payload, type=_Payload)
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise BadToken("malformed") from error
    return header, payload, compact


class Signer:
    """Signs tokens with one key: people's with an issuer's, its own with a service's."""

    def __init__(self, key: Key, *, issuer: str = OWN_ISSUER) -> None:
        """Sign as `issuer` with a private key; a service's carries the member of its name."""
        named = key.get(jwks.SERVICE_MEMBER)
        self._key = key
        self._issuer = issuer
        self._algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[key.key_type]
        self._service = named if isinstance(named, str) else None
        self._current: tuple[datetime, str] | None = None

    def person(
        self,
        email: str,
        roles: Iterable[str] = (),
        ttl: timedelta = timedelta(hours=12),
        *,
        subject: str | None = None,
        verified: bool = True,
    ) -> str:
        """Return a token for a person; `roles` are platform roles, the subject is the address.

        Raises:
            ValueError: If the key is a service's, or a role is not one that a token may carry.
        """
        asked = sorted(set(roles))
        if self._service is not None:
            raise ValueError("a service's key signs no token of a person")
        if not PLATFORM_ROLES.issuperset(asked):
            raise ValueError(f"a token carries platform roles only: {sorted(PLATFORM_ROLES)}")
        return self._sign(
            {
                "sub": subject or email,
                "email": email,
                "email_verified": verified,
                "catalyst_roles": asked,
            },
            ttl,
        )[1]

    def service(self) -> str:
        """Return the service's token of now, renewed well before it expires.

        Raises:
            ValueError: If the key is not a service's.
        """
        if self._service is None:
            raise ValueError("this key belongs to no service")
        if self._current is None or self._current[0] - clock.now() < SERVICE_RENEWAL:
            self._current = self._sign({"sub": SERVICE_PREFIX + self._service}, SERVICE_TTL)
        return self._current[1]

    def _sign(self, claims: dict[str, object], ttl: timedelta) -> tuple[datetime, str]:
        now = clock.now()
        exp = now + ttl
        body = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": exp.timestamp(),
            **claims,
        }
        header = {"alg": self._algorithm, "typ": "JWT", "kid": str(self._key.kid)}
        payload = msgspec.json.encode(body)
        return exp, jws.serialize_compact(header, payload, self._key, registry=_REGISTRY)


def bearer(header: str | None) -> str | None:
    """Return the token of an `Authorization` header, or None if there is no such header.

    Raises:
        BadToken: If the header is there but is not `Bearer` with a token.
    """
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise BadToken("scheme")
    return token


def offered(header: str) -> str:
    """Return the token in an `Authorization` header of Bearer or Basic; empty if there is none.

    Git sends a token as the password of Basic; the name beside it does not matter.
    """
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text.partition(":")[2]


def trusted(own_jwks: Path | str, *, own_issuer: str = OWN_ISSUER, others: str = "") -> Verifier:
    """Return the verifier of an installation.

    Args:
        own_jwks: The key ring's public document: path or address. Only its keys name services.
        own_issuer: The `iss` of tokens signed with the ring.
        others: Further issuers, `<iss>=<path or address of its JWK set>`, separated by spaces.

    Raises:
        ValueError: If `others` is not of that form.
    """
    issuers = {own_issuer: Issuer(jwks.source(str(own_jwks)), services=True)}
    for name, location in forms.issuers(others).items():
        if name in issuers:
            raise ValueError(f"{name!r} is not a further issuer")
        issuers[name] = Issuer(jwks.source(location))
    return Verifier(issuers)
