"""What the port's own values know about themselves."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.port import Delivery, Outgoing

NAMES = st.text("abcXYZ-", min_size=1, max_size=10)
VALUES = st.text("äöü abc", max_size=20).map(str.strip)


@given(st.binary(max_size=100), st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_message_knows_how_large_it_will_be(data: bytes, headers: dict[str, str]) -> None:
    block = wire.block(headers) if headers else b""

    assert Outgoing("a", data, headers).size() == len(block) + len(data)


def test_a_delivery_tells_when_it_was_stored() -> None:
    delivery = Delivery("EV", "c", "a.b", 1, 1, 1, 1785585600_123456789, 0, b"", {}, "token")

    assert delivery.time == datetime(2026, 8, 1, 12, 0, 0, 123456, tzinfo=UTC)
