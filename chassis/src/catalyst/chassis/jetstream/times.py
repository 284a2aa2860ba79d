"""The broker's times: nanoseconds in its numbers and texts, microseconds with us, cut off."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def of_nanoseconds(nanoseconds: int) -> datetime:
    """UTC time of nanoseconds since 1970.

    Through integers: a float holds nanoseconds of today only to about 200.
    """
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def of_text(text: str) -> datetime:
    """UTC time of RFC 3339 with any number of fractional digits.

    Raises:
        ValueError: If the text is no such time.
    """
    time = datetime.fromisoformat(text)
    # As the broker writes it.
    return time if time.tzinfo is UTC else time.astimezone(UTC)
