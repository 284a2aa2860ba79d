"""How a message of use is read: by the HTTP door as by billing, so that both take the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from catalyst.contracts import codec
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.message import UtcTime
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
    wrong = _of_time(found.time, pointer)
    if wrong is not None:
        raise wrong
    return found


def use_of(message: UseMessage, organization: str, pointer: str = "") -> Use:
    """Return what a message reports.

    Raises:
        Undecodable: If it names another Organization than the one that it was sent for.
    """
    wrong = _of_organization(message.organization, organization, pointer)
    if wrong is not None:
        raise wrong
    return Use(
        source=message.source,
        id=message.id,
        time=message.time.astimezone(UTC),
        subscription=message.subject,
        meter=message.data.meter,
        quantity=message.data.quantity,
        value=message.data.value,
    )


def beyond(tree: Any, organization: str, pointer: str = "") -> tuple[Undecodable, ...]:
    """Return what its schema does not say of a message that is refused: its time and its owner.

    Args:
        tree: The message as plain JSON values.
        organization: The Organization that it was sent for.
        pointer: Where it stands in what was sent.
    """
    if not isinstance(tree, dict):
        return ()
    time, named = _given(tree, "time", UtcTime), _given(tree, "organization", str)
    found = (
        None if time is None else _of_time(time, pointer),
        _of_organization(named, organization, pointer),
    )
    return tuple(one for one in found if one is not None)


def _given(tree: dict[str, Any], name: str, kind: Any) -> Any:
    try:
        return msgspec.convert(tree.get(name), kind | None)
    except msgspec.ValidationError:
        return None  # The schema says so.


def _of_time(time: datetime, pointer: str) -> Undecodable | None:
    try:
        time.astimezone(UTC)
    except OverflowError:
        text = "is outside the years that there are"
        return Undecodable("usage-invalid", f"time: {text}", f"{pointer}/time", "range", text)
    return None


def _of_organization(named: str | None, organization: str, pointer: str) -> Undecodable | None:
    if named is None or named == organization:
        return None
    text = f"it was sent for {organization!r} and names {named!r}"
    return Undecodable("usage-invalid", text, f"{pointer}/organization")
