"""Where an Organization's people sign in: what each identity provider needs to be told.

The documents demand nothing per provider. The least that lets a sign-in work is demanded here:

- `azure-sso`: `tenant_id`, `client_id`, `client_secret_ref`; the addresses follow from the first.
- `okta`: `issuer`, `client_id`, `client_secret_ref`; the addresses follow from the issuer.
- `generic-oidc`: `issuer`, `client_id`, `client_secret_ref`; the three addresses are discovered
  from the issuer, or all three are given.
- none: no settings at all, so that nobody believes that they have an effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from catalyst.contracts.environment_v1 import FederationConfig, Identity
from catalyst.environment_controller.domain.findings import Findings

IDENTITY: Final = "/data/identity"
CONFIG: Final = f"{IDENTITY}/federation_config"

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "azure-sso": ("tenant_id", "client_id", "client_secret_ref"),
    "okta": ("issuer", "client_id", "client_secret_ref"),
    "generic-oidc": ("issuer", "client_id", "client_secret_ref"),
}
"""Provider → settings without which it cannot work."""

ADDRESSES: Final = ("authorization_url", "token_url", "jwks_url")
"""Given together or not at all."""

_HTTPS: Final = re.compile(
    r"https://(?P<host>[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)"
    r"(:(?P<port>[0-9]{1,5}))?(/[^\s#\\\"<>{}|^`]*)?"
)
_PORT_MAX: Final = 65535


def _https(text: str) -> bool:
    match = _HTTPS.fullmatch(text)
    return match is not None and 0 < int(match["port"] or 443) <= _PORT_MAX


def _check_needed(provider: str, config: FederationConfig, found: Findings) -> None:
    for name in NEEDED[provider]:
        if not getattr(config, name):
            found.add("federation-incomplete", f"{CONFIG}/{name}", f"{provider!r} needs {name!r}")
    given = [name for name in ADDRESSES if getattr(config, name)]
    if given and len(given) < len(ADDRESSES):
        for name in ADDRESSES:
            if name not in given:
                found.add(
                    "federation-incomplete",
                    f"{CONFIG}/{name}",
                    f"{name!r} is needed because {given[0]!r} is given: all three or none",
                )


def _check_valid(config: FederationConfig, found: Findings) -> None:
    for name in ("issuer", *ADDRESSES):
        text = getattr(config, name)
        if text and not _https(text):
            found.add("federation-invalid", f"{CONFIG}/{name}", f"{text!r} is not an https address")
    secret = config.client_secret_ref
    for name in ("name", "key") if secret is not None else ():
        if not getattr(secret, name):
            found.add(
                "federation-invalid",
                f"{CONFIG}/client_secret_ref/{name}",
                f"the secret's {name} is empty",
            )
    for index, mapper in enumerate(config.claim_mappers):
        for name in ("src", "dest"):
            if not getattr(mapper, name):
                found.add(
                    "federation-invalid",
                    f"{CONFIG}/claim_mappers/{index}/{name}",
                    f"the claim's {name!r} is empty",
                )


def check_identity(identity: Identity | None, found: Findings) -> None:
    """Note every setting of the identity provider that is missing or not valid."""
    if identity is None:
        return
    provider, config = identity.federation_provider, identity.federation_config
    if not provider:
        if config is not None:
            found.add(
                "federation-incomplete",
                f"{IDENTITY}/federation_provider",
                "settings are given, but not the provider that they are for",
            )
        return
    _check_needed(provider, config or FederationConfig(), found)
    if config is not None:
        _check_valid(config, found)
