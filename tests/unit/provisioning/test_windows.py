"""Change windows: deny wins, the next opening is told, and local time is local."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product

import msgspec
import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each
from tests.support.examples import at_least

from catalyst.contracts.environment_v1 import Window
from catalyst.provisioning.domain.windows import Opening, opening

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""
LATEST = timedelta(days=40)
"""How much later it is asked at most."""


def window(rule: str = "", minutes: int = 120, effect: str = "allow", **more: str) -> Window:
    """Return a window."""
    return Window(
        effect=effect,  # type: ignore[arg-type]
        rrule=rule,
        duration_minutes=minutes,
        cron=more.get("cron", ""),
        timezone=more.get("timezone", "UTC"),
    )


def test_without_windows_changes_may_always_happen() -> None:
    assert opening((), NOON).open


@each([
        ((window("FREQ=DAILY;BYHOUR=12"),), True, None),
        ((window("FREQ=DAILY;BYHOUR=22"),), False, "2026-03-02T22:00"),
        ((window("FREQ=DAILY;BYHOUR=10"),), False, "2026-03-03T10:00"),
        ((window("FREQ=WEEKLY;BYDAY=SA", effect="deny"),), True, None),
        ((window("FREQ=WEEKLY;BYDAY=MO", 1440, "deny"),), False, "2026-03-03T00:00"),
        ((window("FREQ=WEEKLY;BYDAY=MO", 1440, "deny"), window("FREQ=DAILY;BYHOUR=12")),
         False, "2026-03-03T12:00"),
        ((window("FREQ=WEEKLY;BYDAY=MO", 1440, "deny"), window("FREQ=DAILY;BYHOUR=23", 180)),
         False, "2026-03-03T00:00"),
        ((window("FREQ=DAILY;BYHOUR=16", timezone="Asia/Muscat"),), True, None),
        ((window("FREQ=DAILY;BYHOUR=18", timezone="Asia/Muscat"),), False, "2026-03-02T14:00"),
        ((window("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1", 60),), False, "2027-01-01T00:00"),
        ((window("FREQ=HOURLY;INTERVAL=5", 60),), False, "2026-03-02T16:00"),
        ((window("FREQ=DAILY;BYHOUR=22;UNTIL=20260301"),), False, None),
        ((window("FREQ=DAILY;BYHOUR=22;UNTIL=20260302T230000Z"),), False, "2026-03-02T22:00"),
        # A day counts to its end, and an instant is one wherever the window is.
        ((window("FREQ=DAILY;BYHOUR=22;UNTIL=20260302"),), False, "2026-03-02T22:00"),
        ((window("FREQ=DAILY;BYHOUR=22;UNTIL=20260302T180000Z", timezone="Asia/Muscat"),),
         False, "2026-03-02T18:00"),
        ((window("FREQ=DAILY;BYHOUR=22;UNTIL=20260302T175959Z", timezone="Asia/Muscat"),),
         False, None),
        # One that ends within another shortens nothing.
        ((window("FREQ=DAILY;BYHOUR=10", 300, "deny"), window("FREQ=DAILY;BYHOUR=11", 90, "deny")),
         False, "2026-03-02T15:00"),
        ((window("FREQ=DAILY;BYHOUR=10", 300, "deny"), window("FREQ=DAILY;BYHOUR=15", 60, "deny")),
         False, "2026-03-02T16:00"),
        ((window(cron="0 22 * * 5"),), False, "2026-03-06T22:00"),
        ((window(cron="0 9 * * 7"),), False, "2026-03-08T09:00"),
        ((window(cron="0 9 * * sun"),), False, "2026-03-08T09:00"),
        ((window(cron="0 9 * APR *"),), False, "2026-04-01T09:00"),
        ((window(cron="30 13-23/5 * * *"),), False, "2026-03-02T13:30"),
        ((window(cron="30 8-23/5 * * *", minutes=60),), False, "2026-03-02T13:30"),
        ((window(cron="15,45 14 * * *"),), False, "2026-03-02T14:15"),
        # A field that begins with a star narrows the other one.
        ((window(cron="0 9 */10 * mon"),), False, "2026-05-11T09:00"),
        ((window(cron="0 9 11 * */2"),), False, "2026-04-11T09:00"),
        ((window(cron="*/30 12 * * mon-fri", minutes=20),), True, None),
        ((window(cron="0 9 1 * mon"),), False, "2026-03-09T09:00"),
        ((window(cron="0 9 15 * *"),), False, "2026-03-15T09:00"),
    ])  # fmt: skip
@pytest.mark.guarantee("G14.8")
def test_whether_it_is_open_and_when_next(
    windows: tuple[Window, ...],
    is_open: bool,  # noqa: FBT001 - drawn from the table
    next_: str | None,
) -> None:
    found = opening(windows, NOON)
    wanted = datetime.fromisoformat(next_).replace(tzinfo=UTC) if next_ else None
    assert (found.open, found.next) == (is_open, wanted)
    if wanted is not None:
        assert opening(windows, wanted).open
        assert not opening(windows, wanted - timedelta(seconds=1)).open


def test_local_time_is_local_when_clocks_change() -> None:
    # Berlin leaves winter time on 29 March 2026: 09:00 there is 08:00 UTC before, 07:00 after.
    nine = (window("FREQ=DAILY;BYHOUR=9", 60, timezone="Europe/Berlin"),)
    for day, hour in ((28, 8), (30, 7)):
        assert opening(nine, datetime(2026, 3, day, hour, 30, tzinfo=UTC)).open
        assert not opening(nine, datetime(2026, 3, day, hour - 1, 30, tzinfo=UTC)).open


@each(
    product(
        [
            window("FREQ=DAILY", timezone="Asia/Nowhere"),
            window("FREQ=DAILY", timezone="Asia"),
            window("FREQ=DAILY;BYHOUR=99"),
            window("FREQ=DAILY;INTERVAL=0"),
            window("FREQ"),
            window(cron="0 22 * *"),
            window(cron="x 22 * * 5"),
            window(cron="0 24 * * 5"),
            window(cron="0 22 0 * *"),
        ],
        ["allow", "deny"],
    )
)
@pytest.mark.guarantee("G14.8")
def test_a_window_that_cannot_be_read_keeps_shut_and_says_so(bad: Window, effect: str) -> None:
    made = msgspec.structs.replace(bad, effect=effect)
    found = opening((made,), NOON)
    assert not found.open
    assert found.problem


@each([
        (window(cron="0 22 * *"), "'0 22 * *' has not five fields"),
        (window(cron="0 24 * * 5"), "the expression '0 24 * * 5' cannot be read"),
        (window("FREQ=DAILY", timezone="Mars"), "there is no time zone 'Mars'"),
        (window("FREQ"), "the rule 'FREQ' cannot be read"),
    ])  # fmt: skip
def test_it_is_said_what_cannot_be_read(bad: Window, words: str) -> None:
    assert opening((bad,), NOON).problem.startswith(words)


@each(
    product(
        ["99991231", "99991231T235959Z"], ["Asia/Muscat", "America/New_York"], ["allow", "deny"]
    )
)
def test_a_window_may_open_until_the_end_of_time(until: str, timezone: str, effect: str) -> None:
    made = window(f"FREQ=DAILY;UNTIL={until}", 1500, effect, timezone=timezone)
    assert opening((made,), NOON) == Opening(open=effect == "allow")


@cache
def every(rule: str) -> list[datetime]:
    """Return every occurrence since the beginning that any example may ask for."""
    since = datetime(2001, 1, 1)  # noqa: DTZ001
    found = rrulestr(rule, dtstart=since)
    return found.between(since, (NOON + LATEST).replace(tzinfo=None), inc=True)


@at_least(30)
@given(
    rule=st.sampled_from(
        ["FREQ=DAILY;BYHOUR=3", "FREQ=HOURLY;INTERVAL=7", "FREQ=WEEKLY;BYDAY=TU,SA",
            "FREQ=WEEKLY;INTERVAL=3;WKST=SU;BYDAY=SU,WE",
            "FREQ=DAILY;INTERVAL=4",
         "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=HOURLY;BYDAY=SU"]),
    minutes=st.integers(min_value=1, max_value=3000),
    offset=st.integers(min_value=0, max_value=LATEST // timedelta(minutes=1)),
)  # fmt: skip
def test_it_agrees_with_every_occurrence_since_the_beginning(
    rule: str, minutes: int, offset: int
) -> None:
    now = NOON + timedelta(minutes=offset)
    naive = now.replace(tzinfo=None)
    anchored = every(rule)
    # One that began before the last one has ended sooner.
    last = anchored[bisect_right(anchored, naive) - 1]
    assert last <= naive
    inside = naive < last + timedelta(minutes=minutes)
    assert opening((window(rule, minutes),), now).open == inside
