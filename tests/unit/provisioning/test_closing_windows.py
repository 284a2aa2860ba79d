"""While changes may happen it is told until when: who applies a plan later would have to wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each
from tests.support.examples import at_least

from catalyst.contracts.environment_v1 import Window
from catalyst.provisioning.domain.windows import Opening, opening, together

pytestmark = pytest.mark.guarantee("G14.8")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""
HOUR = timedelta(hours=1)


def window(rule: str, minutes: int = 120, effect: str = "allow", timezone: str = "UTC") -> Window:
    """Return a window."""
    return Window(
        effect=effect,  # type: ignore[arg-type]
        rrule=rule,
        duration_minutes=minutes,
        timezone=timezone,
    )


@each([
        ((), None),
        ((window("FREQ=DAILY;BYHOUR=12"),), "2026-03-02T14:00"),
        # Where one ends as the next begins, nothing closes.
        ((window("FREQ=DAILY;BYHOUR=12"), window("FREQ=DAILY;BYHOUR=14", 60)), "2026-03-02T15:00"),
        ((window("FREQ=DAILY;BYHOUR=12"), window("FREQ=DAILY;BYHOUR=13", 180)), "2026-03-02T16:00"),
        ((window("FREQ=HOURLY", 60),), None),
        # Deny wins, also over what is open by then.
        ((window("FREQ=WEEKLY;BYDAY=SA", 1440, "deny"),), "2026-03-07T00:00"),
        ((window("FREQ=DAILY;BYHOUR=12", 300), window("FREQ=DAILY;BYHOUR=13", 60, "deny")),
         "2026-03-02T13:00"),
        ((window("FREQ=DAILY;BYHOUR=12", 60), window("FREQ=DAILY;BYHOUR=18", 60, "deny")),
         "2026-03-02T13:00"),
        # Beyond what anybody plans for, nothing is told.
        ((window("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", 1440, "deny"),), None),
    ])  # fmt: skip
def test_until_when_changes_may_happen(windows: tuple[Window, ...], closes: str | None) -> None:
    wanted = datetime.fromisoformat(closes).replace(tzinfo=UTC) if closes else None
    found = opening(windows, NOON)
    assert found == Opening(open=True, closes=wanted)
    if wanted is not None:
        assert not opening(windows, wanted).open
        assert opening(windows, wanted - timedelta(seconds=1)).open


def test_what_is_shut_closes_at_no_time() -> None:
    assert opening((window("FREQ=DAILY;BYHOUR=22"),), NOON).closes is None


@each([
        ([Opening(open=True)], None),
        ([Opening(open=True, closes=NOON + 2 * HOUR), Opening(open=True, closes=NOON + HOUR)],
         NOON + HOUR),
        ([Opening(open=True), Opening(open=True, closes=NOON + HOUR)], NOON + HOUR),
        ([Opening(open=True, closes=NOON + HOUR), Opening(open=False, next=NOON + 3 * HOUR)], None),
    ])  # fmt: skip
def test_of_several_policies_the_first_that_closes_counts(
    found: list[Opening], closes: datetime | None
) -> None:
    assert together(found).closes == closes
    assert together(reversed(found)) == together(found)


RULES = ["FREQ=DAILY;BYHOUR=3", "FREQ=HOURLY;INTERVAL=7", "FREQ=WEEKLY;BYDAY=TU,SA", "FREQ=DAILY"]


@at_least(30)
@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from(RULES),
            st.integers(min_value=1, max_value=50),
            st.sampled_from(["allow", "deny"]),
        ),
        min_size=1,
        max_size=3,
    ),
    hours=st.integers(min_value=0, max_value=200),
)
def test_it_is_open_up_to_there_and_not_there(
    drawn: list[tuple[str, int, str]], hours: int
) -> None:
    # Everything begins and ends at a full hour, so that each of them can be asked.
    windows = [window(rule, 60 * length, effect) for rule, length, effect in drawn]
    now = NOON + hours * HOUR
    found = opening(windows, now)
    if not found.open:
        return
    later = (now + number * HOUR for number in range(1, 14 * 24))
    first = next((at for at in later if not opening(windows, at).open), None)
    if found.closes is None or found.closes >= now + 14 * 24 * HOUR:
        assert first is None
    else:
        assert found.closes == first
