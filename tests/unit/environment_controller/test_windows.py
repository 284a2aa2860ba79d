"""Change windows: cron expressions, recurrence rules and time zones are judged precisely."""

from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies
from tests.support.each import each

from catalyst.contracts import environment_v1 as env1
from catalyst.environment_controller.domain import cron, rrule, windows
from catalyst.environment_controller.domain.findings import Findings

# ---- cron


@each(
    [
        "* * * * *",
        "0 22 * * 5",
        "*/15 8-17 * * mon-fri",
        "0,30 0 1,15 jan-jun/2 *",
        "5 4 * * sun",
        "0 0 29 2 *",
        "0 0 * * 7",
        "59 23 31 12 0",
        "0 0 31 2 1",
        "0-59/59 * 31 1,2 *",
        "0 0 1,31 2 *",
    ]
)
def test_a_cron_expression_is_taken_as_it_is(text: str) -> None:
    assert cron.check(text) == text


def test_a_cron_expression_is_kept_in_one_form() -> None:
    assert cron.check("  0   22 *  *\tSAT ") == "0 22 * * sat"


@each(
    [
        ("", "5 fields are needed, 0 are given"),
        ("* * * *", "5 fields are needed, 4 are given"),
        ("* * * * * *", "5 fields are needed, 6 are given"),
        ("@daily", "5 fields are needed, 1 are given"),
        ("60 * * * *", "field 1 (minute): 60 is not between 0 and 59"),
        ("* 24 * * *", "field 2 (hour): 24 is not between 0 and 23"),
        ("* * 0 * *", "field 3 (day of month): 0 is not between 1 and 31"),
        ("* * * 13 *", "field 4 (month): 13 is not between 1 and 12"),
        ("* * * * 8", "field 5 (day of week): 8 is not between 0 and 7"),
        ("* * * mon *", "field 4 (month): 'mon' is not a name here"),
        ("jan * * * *", "field 1 (minute): 'jan' is not a name here"),
        ("5-1 * * * *", "field 1 (minute): '5-1' begins after its end"),
        ("*/0 * * * *", "field 1 (minute): the step 0 of '*/0' is not between 1 and 59"),
        ("*/60 * * * *", "field 1 (minute): the step 60 of '*/60' is not between 1 and 59"),
        ("5/2 * * * *", "field 1 (minute): '5/2' is not a number, name, range or step"),
        ("1, * * * *", "field 1 (minute): '' is not a number, name, range or step"),
        ("-1 * * * *", "field 1 (minute): '-1' is not a number, name, range or step"),
        ("* * L * *", "field 3 (day of month): 'l' is not a number, name, range or step"),
        ("? * * * *", "field 1 (minute): '?' is not a number, name, range or step"),
        ("0 0 30 2 *", "field 3 (day of month): '30' never comes in month '2'"),
        ("0 0 31 4,6,9,11 *", "field 3 (day of month): '31' never comes in month '4,6,9,11'"),
        ("٣ * * * *", "field 1 (minute): '٣' is not a number, name, range or step"),
    ]
)
def test_a_wrong_cron_expression_says_where(text: str, said: str) -> None:
    with pytest.raises(cron.BadCron) as refused:
        cron.check(text)
    assert str(refused.value) == said


@given(strategies.text(max_size=40))
def test_any_text_is_either_cron_or_refused(text: str) -> None:
    with suppress(cron.BadCron):
        kept = cron.check(text)
        assert cron.check(kept) == kept


# ---- RRULE


@each(
    [
        "FREQ=DAILY",
        "FREQ=HOURLY;BYMINUTE=0,30",
        "FREQ=HOURLY;BYYEARDAY=1",
        "FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=22",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYDAY=2TU,+3WE;BYSETPOS=-1",
        "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,-1",
        "FREQ=YEARLY;BYWEEKNO=52,-1;BYDAY=MO;WKST=SU",
        "FREQ=YEARLY;BYYEARDAY=366,-366",
        "FREQ=YEARLY;BYDAY=53MO",
        "FREQ=DAILY;INTERVAL=2;UNTIL=20301231",
        "FREQ=DAILY;UNTIL=20301231T235959Z",
        "FREQ=MONTHLY;BYMONTH=1,2;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "BYHOUR=0;FREQ=DAILY",
        "FREQ=DAILY;BYSECOND=59",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=1,31",
        "FREQ=DAILY;INTERVAL=1",
        f"FREQ=DAILY;INTERVAL={rrule._INTERVAL_MAX}",
    ]
)
def test_a_recurrence_rule_is_taken_as_it_is(text: str) -> None:
    assert rrule.check(text) == text


def test_a_recurrence_rule_is_kept_in_upper_case() -> None:
    assert rrule.check("freq=weekly;byday=mo") == "FREQ=WEEKLY;BYDAY=MO"


@each(
    [
        ("", "'' is not NAME=VALUE"),
        ("BYDAY=MO", "FREQ is missing"),
        ("FREQ=DAILY;", "'' is not NAME=VALUE"),
        ("FREQ=", "'FREQ=' is not NAME=VALUE"),
        ("RRULE:FREQ=DAILY", "'RRULE:FREQ' is not a part"),
        ("FREQ=DAILY;DTSTART=20300101", "'DTSTART' is not a part"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ stands there twice"),
        ("FREQ=FORTNIGHTLY", "'FORTNIGHTLY' is none of"),
        ("FREQ=MINUTELY", "once an hour at most"),
        ("FREQ=SECONDLY", "once an hour at most"),
        ("FREQ=DAILY;COUNT=3", "COUNT needs a first occurrence"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL: '0'"),
        (f"FREQ=DAILY;INTERVAL={rrule._INTERVAL_MAX + 1}", "is not a number from 1 to"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL: '-1'"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL: '1.5'"),
        ("FREQ=DAILY;UNTIL=20301301", "UNTIL: '20301301'"),
        ("FREQ=DAILY;UNTIL=20300230", "UNTIL: '20300230'"),
        ("FREQ=DAILY;UNTIL=20301231T235959", "UNTIL:"),
        ("FREQ=DAILY;UNTIL=20301231T250000Z", "UNTIL:"),
        ("FREQ=DAILY;UNTIL=2030-12-31", "UNTIL:"),
        ("FREQ=DAILY;UNTIL=2030123", "UNTIL:"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR: 24 is not between 0 and 23"),
        ("FREQ=DAILY;BYHOUR=-1", "BYHOUR: '-1' is not a number"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE: 60 is not between"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND: 60 is not between 0 and 59"),
        ("FREQ=DAILY;BYSECOND=61", "BYSECOND: 61 is not between"),
        ("FREQ=DAILY;BYMONTH=0", "BYMONTH: 0 is not between"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY: 0 is not between"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY: -32 is not between"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY: 367 is not between"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO: 54 is not between"),
        ("FREQ=DAILY;BYHOUR=1,,2", "BYHOUR: '' is not a number"),
        ("FREQ=WEEKLY;BYDAY=MON", "BYDAY: 'MON' is not a weekday"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY: '0MO' counts beyond"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY: '54MO' counts beyond"),
        ("FREQ=WEEKLY;BYDAY=1MO", "a counted weekday is not allowed with FREQ=WEEKLY"),
        ("FREQ=WEEKLY;BYDAY=MO,1TU", "a counted weekday is not allowed with FREQ=WEEKLY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "beside BYWEEKNO"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY is not allowed with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY is not allowed with FREQ=MONTHLY"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY is not allowed with FREQ=DAILY"),
        ("FREQ=WEEKLY;BYYEARDAY=1", "BYYEARDAY is not allowed with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO is not allowed with FREQ=MONTHLY"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS needs another BY part"),
        ("FREQ=WEEKLY;WKST=XX", "WKST: 'XX' is not a weekday"),
        ("FREQ=WEEKLY;WKST=1MO", "WKST: '1MO' is not a weekday"),
        ("FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=31", "BYMONTHDAY: 31 never comes in month 2,4"),
    ]
)
def test_a_wrong_recurrence_rule_says_where(text: str, said: str) -> None:
    with pytest.raises(rrule.BadRule) as refused:
        rrule.check(text)
    assert said in str(refused.value)


@given(
    strategies.lists(
        strategies.tuples(
            strategies.sampled_from(["FREQ", "BYDAY", "BYHOUR", "UNTIL", "INTERVAL", "BYSETPOS"]),
            strategies.text("0123456789-+,MOTUFRDAILYWEKZ", max_size=12),
        ),
        max_size=5,
    )
)
def test_any_text_is_either_a_rule_or_refused(parts: list[tuple[str, str]]) -> None:
    text = ";".join(f"{name}={value}" for name, value in parts)
    with suppress(rrule.BadRule):
        kept = rrule.check(text)
        assert rrule.check(kept) == kept


# ---- zones and durations


def _zone(timezone: str) -> tuple[str, ...]:
    found = Findings()
    rule = env1.ChangeWindow(cron="* * * * *", duration="1h", timezone=timezone)
    windows.windows((rule,), found, "/data/rules")
    return tuple(error.pointer for error in found.errors)


@each(
    [
        "UTC",
        "GMT",
        "Etc/UTC",
        "Etc/GMT+12",
        "Asia/Muscat",
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "America/Port-au-Prince",
        "America/North_Dakota/New_Salem",
        "Antarctica/DumontDUrville",
        "Asia/Ust-Nera",
    ]
)
def test_a_time_zone_is_an_area_with_a_city_of_it(timezone: str) -> None:
    assert _zone(timezone) == ()


@each(
    [
        *("", "Berlin", "utc", "CET", "+02:00", "Europe/", "Europe/../etc", "Mars/Base"),
        *("Asia/Nowhere", "asia/muscat", "Etc/GMT+99", "America/North_Dakota"),
    ]
)
def test_what_is_no_time_zone_is_refused(timezone: str) -> None:
    assert _zone(timezone) == ("/data/rules/0/timezone",)


def test_the_city_that_is_meant_is_named() -> None:
    found = Findings()
    rule = env1.ChangeWindow(cron="* * * * *", duration="1h", timezone="Asia/Muskat")
    windows.windows((rule,), found, "/data/rules")
    assert "such as 'Asia/Muscat'" in found.errors[0].message


def test_each_zone_that_is_taken_can_be_read_where_windows_are_opened() -> None:
    for name in windows._ZONES:
        assert ZoneInfo(name).key == name
    assert len(windows._ZONES) > 400


@each([("60s", 1), ("0s", 0), ("90m", 90), ("2h", 120), ("3d", 4320)])
def test_durations_are_whole_minutes(duration: str, minutes: int) -> None:
    found = Findings()
    assert windows.whole_minutes(duration, found, "/x") == minutes
    assert found.errors == ()


def test_a_part_of_a_minute_is_refused() -> None:
    found = Findings()
    assert windows.whole_minutes("61s", found, "/x") is None
    assert [error.pointer for error in found.errors] == ["/x"]
