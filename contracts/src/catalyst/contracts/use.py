"""How a message of use is read: by the HTTP door as by billing, so that both take the same."""

from __future__ import annotations

from datetime import UTC

import msgspec

from catalyst.contracts import codec
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.usage_v1 import Use, UseMessage


def read(data: bytes | msgspec.Raw, pointer: str = "") -> UseMessage:
    """Read a message of use.

    Args:
        data: The CloudEvent as JSON.
        pointer: Where it stands in what was sent, for errors.

    Raises:
        Undecodable: If it is none, with the place and what is wrong there.
    """
    codec.check(bytes(data))
    found = codec.decode(data, UseMessage, "usage-invalid", pointer)
    try:
        found.time.astimezone(UTC)
    except OverflowError as error:
        message = "time: is outside the years that there are"
        raise Undecodable("usage-invalid", message, f"{pointer}/time", "range") from error
    return found


def use_of(message: UseMessage, organization: str, pointer: str = "") -> Use:
    """Return what a message reports.

    Raises:
        Undecodable: If it names another Organization than the one that it was sent for.
    """
    if message.organization is not None and message.organization != organization:
        raise Undecodable(
            "usage-invalid",
            f"it was sent for {organization!r} and names {message.organization!r}",
            f"{pointer}/organization",
        )
    return Use(
        source=message.source,
        id=message.id,
        time=message.time.astimezone(UTC),
        subscription=message.subject,
        meter=message.data.meter,
        quantity=message.data.quantity,
        value=message.data.value,
    )
