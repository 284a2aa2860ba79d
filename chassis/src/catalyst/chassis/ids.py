"""The only file that makes ids; later ones derive from these (`catalyst.contracts.message`)."""

from __future__ import annotations

import base64
import os
import secrets

_COUNTER_BYTES = 15


def command_id() -> str:
    """Return a new command id: `c-` and 24 characters, safe in a subject."""
    raw = secrets.token_bytes(_COUNTER_BYTES)
    return "c-" + base64.b32encode(raw).decode("ascii").lower()


def epoch() -> str:
    """Return a new random name for a version of the read model: 10 characters of `[a-z2-7]`."""
    return base64.b32encode(secrets.token_bytes(7)).decode("ascii").lower()[:10]


def member_id(name: str) -> str:
    """Return a name for this process that no other one has."""
    return f"{name}-{os.getpid()}-{secrets.token_hex(4)}"
