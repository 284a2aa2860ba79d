"""Settings of a member: a struct of values, filled from environment variables by its `main`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from catalyst.chassis.errors import Expected

S = TypeVar("S", bound=msgspec.Struct)


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a member reaches the broker; base of every member's Settings."""

    nats_url: str = "nats://127.0.0.1:4222"
    """Address of the broker."""
    nats_user: str = ""
    """User at the broker; empty for none."""
    nats_password: str = ""
    """Password at the broker."""
    nats_password_file: str = ""
    """File that holds the password; wins over the password itself."""
    nats_replicas: int = 1
    """Copies of each stream: 1 on one node, 3 on three."""
    key_file: str = ""
    """File with the private key that signs this service's own tokens."""
    jwks: str = ""
    """Public keys of the token issuer: a file's path or an http(s) address."""
    issuer: str = "catalyst"
    """Name of our own token issuer (`iss`)."""
    other_issuers: str = ""
    """Further issuers, `<iss>=<path or address of its keys>`, separated by spaces."""
    require_tokens: bool = True
    """Refuse a command without a token. False only where the broker's permissions are ours."""
    http_host: str = "127.0.0.1"
    """Address to listen on."""
    http_port: int = 0
    """Port to listen on; 0 takes a free one."""
    http_fd: int = -1
    """Descriptor of a bound socket to listen on, inherited from whoever starts the member; else
    host and port count."""
    log_level: str = "info"
    """Least severe level that is logged: debug, info, warning or error."""
    otlp_endpoint: str = ""
    """Where traces are sent (OTLP over HTTP); empty for nowhere."""


def load(
    kind: type[S],
    environ: Mapping[str, str],
    prefix: str,
    fixed: Mapping[str, object] | None = None,
) -> S:
    """Return the settings that variables `<prefix>_<FIELD>` give; others keep their defaults.

    Args:
        kind: The struct to fill.
        environ: The variables.
        prefix: Name of the member in upper case; `CATALYST` counts where it is not set.
        fixed: Values by field that no variable changes.

    Raises:
        Expected: Naming the variable that has a wrong value or is missing.
    """
    found: dict[str, object] = {}
    for name in kind.__struct_fields__:
        value = environ.get(f"{prefix}_{name.upper()}", environ.get(f"CATALYST_{name.upper()}"))
        if value is not None:
            found[name] = value
    found |= fixed or {}
    try:
        return msgspec.convert(found, type=kind, strict=False)
    except msgspec.ValidationError as error:
        raise Expected(
            f"a setting is wrong: {error}",
            hint=f"settings are environment variables {prefix}_<NAME> or CATALYST_<NAME>",
        ) from error
