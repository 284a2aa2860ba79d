"""Tokens of an identity provider and their keys, as tests sign them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from catalyst.chassis import jwks
from catalyst.chassis.jwks import StaticKeys
from catalyst.chassis.tokens import BadToken, Issuer, Verifier

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ISSUER = "https://idp.example"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
SERVICE = OKPKey.import_key(
    OKPKey.generate_key("Ed25519").as_dict(
        private=True, kid="svc", **{jwks.SERVICE_MEMBER: "billing"}
    )
)
NAMES = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


def public(*keys: Key) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    whole = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": "catalyst",
        "exp": int((NOW + timedelta(minutes=15)).timestamp()),
        "email": "ada@acme.example",
        "email_verified": True,
        "catalyst_roles": ["sovereign-admin", "org-admin", "root"],
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def sign(key: Key, body: dict[str, Any] | bytes, **header: Any) -> str:
    """Sign with the algorithm of the key, whatever the header claims."""
    alg = NAMES[key.key_type]
    whole = {"alg": alg, "typ": "JWT", "kid": key.kid, **header}
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    text = f"{b64(json.dumps(whole).encode())}.{b64(payload)}"
    signature = JWSRegistry.algorithms[alg].sign(text.encode(), key)
    return f"{text}.{b64(signature)}"


def verifier(*keys: Key, services: bool = False, leeway: int = 30) -> Verifier:
    source = StaticKeys(public(*(keys or (RSA, EC, ED))))
    return Verifier({ISSUER: Issuer(source, services=services)}, leeway=timedelta(seconds=leeway))


async def refusal(token: str, by: Verifier | None = None, at: datetime = NOW) -> str:
    with pytest.raises(BadToken) as caught:
        await (by or verifier()).verify(token, at=at)
    if len(token) > 40:
        assert token[-40:] not in str(caught.value)
    return caught.value.reason
