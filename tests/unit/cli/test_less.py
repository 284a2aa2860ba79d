"""Rows that were built from a log that had lost its end: they agree with it, and that is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from catalyst.cli import brokercheck, replay, up
from catalyst.cli.contexts import Context, Credentials
from catalyst.cli.exits import Ended, ExitCode
from catalyst.cli.findings import Health
from catalyst.cli.target import Target
from catalyst.projector.older import KEEP_BEFORE
from catalyst.projector.ports import Pointer
from catalyst.projector.replay import KEEP, Check

TOLD = "the log lost messages: the rows before these were as of 14, and it is not the same"
HERE = Context(nats="nats://127.0.0.1:1", operator=Credentials(user="op", password="p"))


@pytest.mark.guarantee("G3.10")
@pytest.mark.parametrize("lost", ["", "the event at 7 is gone"])
def test_a_check_that_finds_both_equal_says_what_neither_has(
    lost: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def checked(_target: Target) -> Check:
        return Check(
            epoch="e",
            log="l",
            as_of=7,
            rows=1,
            events=2,
            stored_hash="a",
            folded_hash="a",
            differences=(),
            lost=lost,
            lost_before=TOLD,
        )

    monkeypatch.setattr(replay, "checked", checked)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(Ended) as ended:
        replay.replay(check_=True, url=HERE.nats)
    assert ended.value.exit_code is ExitCode.CHECK_FAILED
    said = capsys.readouterr()
    assert "result  equal, and messages of the log are gone\n" in said.out
    # What is gone since then comes first: those rows may be the last copy.
    assert (lost or TOLD) in said.err
    assert (KEEP if lost else KEEP_BEFORE).partition("`")[0] in said.err


@pytest.mark.guarantee("G3.10")
@pytest.mark.parametrize("told", ["", TOLD])
async def test_a_start_leads_to_what_says_more(
    told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    async def built_from_less(target: Target) -> str:
        asked.append((target.nats, target.user, target.password))
        return told

    monkeypatch.setattr(brokercheck, "built_from_less", built_from_less)
    await up._tell_of_less(HERE, asyncio.Event())
    assert asked == [(HERE.nats, "op", "p")]
    said = capsys.readouterr().err
    assert told in said
    assert bool(said) == bool(told)
    assert ("catalyst doctor`" in said) == bool(told)


async def test_a_broker_that_knows_nobody_by_name_is_asked_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def built_from_less(target: Target) -> str:
        asked.append((target.user, target.password))
        return ""

    monkeypatch.setattr(brokercheck, "built_from_less", built_from_less)
    nobody = Context(nats=HERE.nats, operator=Credentials(user="", password=""))
    await up._tell_of_less(nobody, asyncio.Event())
    assert asked == [(None, None)]


@pytest.mark.parametrize("ends", [False, True])
async def test_nobody_who_only_looks_ends_what_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, ends: bool
) -> None:
    stop = asyncio.Event()

    async def built_from_less(_target: Target) -> str:
        if ends:
            # The broker is gone first, by the signal that reaches us next.
            asyncio.get_running_loop().call_soon(stop.set)
        raise KeyError

    monkeypatch.setattr(up, "MOMENT", 60.0 if ends else 0.0)
    monkeypatch.setattr(brokercheck, "built_from_less", built_from_less)
    await up._tell_of_less(HERE, stop)
    told = "it was not seen whether the log lost messages" in capsys.readouterr().err
    assert told is not ends


@pytest.mark.guarantee("G3.10")
@pytest.mark.parametrize(("told", "health"), [(TOLD, Health.FAIL), ("", Health.SKIPPED)])
async def test_a_doctor_without_time_for_all_rows_names_what_is_gone(
    told: str, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Model:
        def __init__(self, *_: object) -> None:
            """Take a connection and a name."""

        async def current(self) -> Pointer:
            return Pointer(epoch="e", previous="p")

        def bucket(self, _epoch: str) -> Model:
            return self

        async def load(self) -> None:
            raise TimeoutError

    async def lost_before(*_: object) -> str:
        return told

    monkeypatch.setattr(brokercheck, "StreamReadModel", Model)
    monkeypatch.setattr(brokercheck, "lost_before", lost_before)
    found = await brokercheck.whole(None)  # type: ignore[arg-type]
    assert found.health is health
    assert found.detail == (told or "not looked at: there are too many rows for a glance")


async def test_where_no_broker_answers_a_start_says_nothing_of_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A refused connection is tried again until the time is over.
    monkeypatch.setattr(brokercheck, "LESS_SECONDS", 0.1)
    assert await brokercheck.built_from_less(Target(nats=HERE.nats)) == ""
