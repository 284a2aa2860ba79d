"""What the checks of `catalyst doctor` say of silence, and of letters that nobody could read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.each import each

from catalyst.cli.brokercheck import examine, queue
from catalyst.cli.dlq import retry, unreadable
from catalyst.cli.doctor import (
    _Condition,
    _Differing,
    _door,
    apart_told,
    kept,
    roomless,
    sampled,
    summed,
)
from catalyst.cli.doorcheck import disk, limited, services
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.findings import Finding, Health, fail, ok, skipped
from catalyst.cli.target import Target
from catalyst.cli.workercheck import Worker, judged
from catalyst.client import http_calls
from catalyst.client.errors import ClientError, Problem, TimedOut, Unreachable

UNREADABLE = "dlq.acme.environment.unknown.unknown.c7"


async def well() -> Finding:
    return ok("reads", "fine")


async def silent() -> Finding:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


def test_a_check_that_answers_is_shown_as_it_is() -> None:
    assert asyncio.run(limited("reads", well(), 5.0)) == ok("reads", "fine")


@pytest.mark.parametrize(
    ("messages", "first", "deciding", "health"),
    [
        (0, "0001-01-01T00:00:00Z", False, Health.OK),
        (3, "2026-01-01T11:59:50.123456789Z", False, Health.OK),
        (3, "2026-01-01T11:59:20.123456789Z", False, Health.FAIL),
        (3, "2026-01-01T11:59:20.123456789Z", True, Health.WARN),
    ],
)
def test_a_queue_whose_oldest_command_stands_still_is_wrong(
    messages: int, first: str, *, deciding: bool, health: Health
) -> None:
    state = {"messages": messages, "first_ts": first, "bytes": 10}
    body = {"ts": "2026-01-01T12:00:00.5Z", "state": state, "config": {"max_bytes": 1000}}
    found = queue(body, deciding=deciding, waits={"billing": 2, "environment": 1})
    assert found.health == health
    stands = health is not Health.OK
    assert found.detail.endswith("s: 2 for billing, 1 for environment") is stands
    assert "nobody decides" not in found.fix or not deciding


def test_an_address_alone_says_what_was_not_looked_at() -> None:
    found = asyncio.run(examine(Target(http="http://127.0.0.1:1")))
    assert [item.health for item in found] == [Health.SKIPPED]
    assert "not looked at" in found[0].detail


@each(
    [
        ({}, ok("services", "all 5 answer")),
        ({"billing": 503, "catalog": 503}, "nobody answers for catalog, billing"),
        ({"billing": 403}, "not looked at: no"),
        ({"billing": 408}, "late"),
        ({"billing": 200}, "billing answers a question that there is not"),
    ]
)
def test_without_the_broker_each_service_is_asked_whether_it_is_there(
    said: dict[str, int], told: Finding | str
) -> None:
    """One that is there says that it knows no such question."""

    async def ask(_method: str, place: str, *, query: object, **_more: object) -> None:
        assert query == {"organization": "_", "version": 1}
        status = said.get(place.split("/")[3], 404)
        if status == 408:
            raise TimedOut("late")
        if status != 200:
            raise Problem(status, "forbidden" if status == 403 else "x", "no")

    door: Any = SimpleNamespace(calls=SimpleNamespace(ask=ask))
    found = asyncio.run(limited("services", services(door), 5.0))
    assert found == told or (found.detail == told and found.health is not Health.OK)


def test_what_is_stopped_is_started_where_its_data_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fix(data: str) -> str:
        return asyncio.run(_door(Target(http="http://127.0.0.1:1", data=data)))[0].fix

    # A door that is not there is tried again until the time is over.
    monkeypatch.setattr(http_calls, "FIRST_CONTACT_SECONDS", 0.0)
    monkeypatch.chdir(tmp_path)
    assert fix("").startswith("start it with `catalyst up`, or")
    assert fix(str(tmp_path / ".catalyst")).startswith("start it with `catalyst up`, or")
    other = fix(str(tmp_path / "my d2"))
    assert other.startswith(f"start it with `catalyst up --data '{tmp_path}/my d2'`, or")


def test_a_check_without_an_answer_is_a_row() -> None:
    found = asyncio.run(limited("reads", silent(), 0.01))
    assert (found.check, found.health) == ("reads", Health.FAIL)


@each(
    [
        (Problem(403, "forbidden", "no"), Health.SKIPPED),
        (Problem(503, "unavailable", "no"), Health.FAIL),
        (Unreachable("nobody answers at http://x"), Health.FAIL),
        (TimedOut("late"), Health.FAIL),
    ]
)
def test_a_check_that_is_refused_is_a_row(error: ClientError, health: Health) -> None:
    async def refused() -> Finding:
        raise error

    found = asyncio.run(limited("reads", refused(), 5.0))
    assert found.health is health
    assert ("not looked at" in found.detail) == (health is Health.SKIPPED)


def test_a_letter_that_was_never_a_command_is_not_tried_again() -> None:
    assert unreadable(UNREADABLE)
    assert not unreadable("dlq.acme.environment.organization.unknown.c7")
    with pytest.raises(Failure) as caught:
        retry(UNREADABLE, url="http://127.0.0.1:1", timeout=0.1)
    assert caught.value.exit_code is ExitCode.REJECTED
    assert "never a command" in caught.value.message
    assert f"`catalyst dlq drop {UNREADABLE} --reason WHY`" in caught.value.hint


def test_what_was_never_a_command_is_listed_first_and_dropped_with_a_reason() -> None:
    said = apart_told(2)
    assert said.startswith("2 unreadable")
    assert said.index("`catalyst dlq list`") < said.index("`catalyst dlq show SUBJECT`")
    assert "`catalyst dlq drop SUBJECT --reason WHY`" in said


BEFORE, AFTER = ok("streams", "as the contracts say"), ok("disk", "60 GiB free")
WELL = [ok(f"consumer {name}", "0 waiting") for name in ("a", "b", "c")]
WRONG = fail("consumer d", "9 waiting", "nobody takes them")
DIFFERING = (_Differing("a", datetime(2026, 1, 1, tzinfo=UTC)),)


def test_consumers_that_are_well_are_one_line() -> None:
    found = summed([BEFORE, *WELL, AFTER])
    assert [item.check for item in found] == ["streams", "consumers", "disk"]
    assert found[1].detail.startswith("all 3 ")


def test_a_consumer_that_is_not_well_is_named() -> None:
    found = summed([BEFORE, WELL[0], WRONG, *WELL[1:], AFTER])
    assert [item.check for item in found] == ["streams", "consumers", "consumer d", "disk"]
    assert found[1].detail.startswith("3 of 4 ")
    for nothing in ([BEFORE, WRONG, AFTER], [skipped("broker", "not looked at"), AFTER]):
        assert summed(nothing) == nothing


def test_where_the_log_lost_messages_nothing_advises_to_write_rows_anew() -> None:
    rows = sampled(_Condition(rows=2, checked=2, differing=1, differences=DIFFERING))
    assert kept([rows, ok("log", "there"), AFTER]) == [rows, ok("log", "there"), AFTER]
    found = kept([rows, fail("log", "the log lost messages", "keep"), AFTER])
    assert [item.detail for item in found] == [rows.detail, "the log lost messages", AFTER.detail]
    assert not any("rebuild" in item.fix for item in found)


def test_rows_that_differ_are_looked_at_before_they_are_written_anew() -> None:
    found = sampled(_Condition(rows=2, checked=2, differing=1, differences=DIFFERING))
    check, rebuild = found.fix.index("replay --check"), found.fix.index("replay --rebuild")
    assert check < rebuild


def test_where_no_row_was_held_against_the_log_nothing_is_said_to_be_equal() -> None:
    for rows, said in ((0, "there are none"), (7, "none of 7 was held against the log yet")):
        found = sampled(_Condition(rows=rows, checked=0, differing=0, differences=()))
        assert (found.health, found.detail.split(":")[0]) == (Health.SKIPPED, said)
    some = sampled(_Condition(rows=7, checked=1, differing=0, differences=()))
    assert (some.health, some.detail) == (Health.OK, "1 held against the log, none differs")


def test_on_a_full_disk_nobody_is_told_to_end_workers() -> None:
    """None can renew its lease there, so all seem to hang, and none has ended."""
    hanging = judged([Worker(service="environment", waiting=2)])
    full = fail("disk", "0.0 GiB free below /data", "make room")
    (worker, told) = roomless([hanging, full])
    assert (worker.detail, worker.health, told) == (hanging.detail, Health.FAIL, full)
    assert "make room first, see disk" in worker.fix
    assert "kill" not in worker.fix
    elsewhere = skipped("broker's disk", "not seen from here")
    for others in ([ok("disk", "9 GiB free")], [full, elsewhere]):
        assert roomless([hanging, *others]) == [hanging, *others]
    assert roomless([judged([]), full]) == [judged([]), full]


def test_a_disk_that_may_not_be_looked_at_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, said in (("file/data", "cannot be looked at: Not a directory"), ("no", "is gone")):
        (found,) = disk(Target(data=str(tmp_path / name)))
        assert (found.health, found.detail) == (Health.WARN, f"{tmp_path / name} {said}")
