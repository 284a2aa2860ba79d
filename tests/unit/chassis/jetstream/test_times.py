"""The broker's nanoseconds become our microseconds by cutting, never by rounding."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from catalyst.chassis.jetstream.times import of_nanoseconds, of_text


def test_nanoseconds_are_cut_off() -> None:
    expected = datetime(2026, 8, 1, 12, 0, 0, 999999, tzinfo=UTC)

    assert of_text("2026-08-01T12:00:00.999999999Z") == expected
    assert of_nanoseconds(1785585600_999999999) == expected


def test_another_zone_becomes_utc() -> None:
    time = of_text("2026-08-01T14:00:00+02:00")

    assert time == datetime(2026, 8, 1, 12, tzinfo=UTC)
    assert time.tzinfo is UTC
    assert time.astimezone(timezone(timedelta(hours=2))).hour == 14


@given(st.integers(min_value=0, max_value=2**62))
def test_no_microsecond_is_lost(nanoseconds: int) -> None:
    passed = of_nanoseconds(nanoseconds) - datetime(1970, 1, 1, tzinfo=UTC)

    assert passed // timedelta(microseconds=1) == nanoseconds // 1000
