"""What a watch says beside its rows: that there is nothing yet, how far behind it is, its ends."""

from __future__ import annotations

import pytest
from tests.support.each import each
from tests.unit.cli.test_showing import row

from catalyst.cli.output import Format
from catalyst.cli.watchshow import Printer
from catalyst.client.rows import Bye, Change, Del, Heartbeat, Interrupted, Put, Reset, Synced

ABSENT = "there is no organization 'acme' yet, or it is not yours to see: waiting for it"
START = Reset(reason="start")
ACME = row("acme", 1)


def watched(*changes: Change, name: str | None = None, form: Format = Format.TABLE) -> list[bool]:
    """Write a watch; return for each change whether there was nothing before it."""
    printer, found = Printer("organizations", name, form), []
    for change in changes:
        found.append(printer.has_nothing)
        printer.take(change)
    return found


@each(
    [
        ((START, Synced(as_of=1)), 1),
        ((START, Put(row=ACME), Synced(as_of=1)), 0),
        # Said once, however often everything is shown again.
        ((START, Synced(as_of=1), Reset(reason="lost"), Synced(as_of=1)), 1),
        # It was there: that it is gone now is said by its row.
        ((START, Put(row=ACME), Synced(as_of=1), Del(key=ACME.key, seq=2), Synced(as_of=2)), 0),
        ((START, Put(row=ACME), Synced(as_of=1), Reset(reason="lost"), Synced(as_of=2)), 1),
        ((START, Heartbeat(as_of=1, head=1), Synced(as_of=1)), 1),
    ]
)
def test_what_is_waited_for_and_is_not_there_yet_is_said_to_be_absent_once(
    changes: tuple[Change, ...], times: int, *, capsys: pytest.CaptureFixture[str]
) -> None:
    watched(*changes, name="acme")
    assert capsys.readouterr().err.count(ABSENT) == times
    watched(*changes)
    assert ABSENT not in capsys.readouterr().err


def test_a_snapshot_without_rows_has_nothing_until_one_comes() -> None:
    again = Reset(reason="lost")
    synced, gone = Synced(as_of=1), Del(key=ACME.key, seq=2)
    assert watched(START, synced, gone, again, synced) == [True, True, False, False, True]
    assert watched(START, Put(row=ACME), synced, again, synced) == [True, True, False, False, True]


def test_what_is_shown_again_says_why_and_begins_a_table_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    beta, acme = row("beta", 1), row("acme", 2)
    first = (START, Put(row=beta), Put(row=acme), Synced(as_of=2))
    watched(*first, Reset(reason="lost"), Put(row=acme), Synced(as_of=3))
    said = capsys.readouterr()
    names = [line.split()[:2] for line in said.out.splitlines()]
    heading = ["CHANGE", "NAME"]
    assert names == [heading, ["-", "acme"], ["-", "beta"], heading, ["-", "acme"]]
    assert [line for line in said.err.splitlines() if "shown again" in line] == [
        "everything is shown again: lost"
    ]
    assert said.err.count("every change follows, Ctrl-C ends") == 2
    assert "as of 2; every change" in said.err


def test_how_far_it_is_behind_is_said_and_that_it_is_not_is_no_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watched(Heartbeat(as_of=5, head=5))
    assert capsys.readouterr().err == ""
    watched(Heartbeat(as_of=5, head=7))
    assert capsys.readouterr().err == "2 behind\n"


def test_an_end_that_is_not_for_good_is_told_and_ends_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watched(Bye(reason="draining", retryable=True))
    assert capsys.readouterr().err == "the other side ends the stream: draining\n"


@each([(Format.JSON, "{"), (Format.YAML, "---\n")])
def test_a_program_reads_an_object_for_each_change_and_none_of_a_lost_connection(
    form: Format, begins: str, *, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Interrupted(reason="lost", wait_seconds=0.5)
    watched(START, lost, Put(row=ACME), form=form)
    said = capsys.readouterr()
    assert said.out.startswith(begins)
    objects = said.out.splitlines() if form is Format.JSON else said.out.split("---\n")[1:]
    assert len(objects) == 2
    assert "\n\n" not in said.out
    assert said.err == "lost; again in 0.5 s\n"
