"""A change that is followed only later: each line has the time at which it came to be so."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from tests.support.folding import folded
from tests.support.plans import apply, planned, run, town

from catalyst.chassis import clock
from catalyst.cli.following import Follower, _write
from catalyst.cli.output import Format
from catalyst.projector.views.change_document import ChangeDocument
from catalyst.projector.views.provisioning_change import CHANGE

pytestmark = pytest.mark.guarantee("G27.7")


def history() -> list[ChangeDocument]:
    """Return the row of an install after each event, the first one a second after the start."""
    place = town()
    apply(place, "ch-1", planned(place))
    run(place, "ch-1")
    ends = range(1, len(place.log) + 1)
    rows = [folded((CHANGE,), place.log[:end]).rows for end in ends]
    return [row.value.doc for found in rows for row in found.values()]


def test_a_step_and_a_change_keep_the_time_since_which_they_stand_as_they_do() -> None:
    docs = history()
    for before, after in pairwise(docs):
        same = before.status == after.status
        assert (before.since == after.since) is same
        for old, new in zip(before.steps, after.steps, strict=True):
            kept = msgspec.structs.replace(new, since=old.since)
            told = ("status", "attempt", "reason", "detail", "source")
            same = all(getattr(old, name) == getattr(kept, name) for name in told)
            assert (old.since == new.since) is same
    last = docs[-1]
    assert last.since == last.finished
    assert all(step.began and step.since and step.began < step.since for step in last.steps)


def test_whoever_follows_it_later_is_told_when_each_step_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    last = history()[-1]
    doc: dict[str, Any] = msgspec.to_builtins(last)
    assert last.finished is not None
    times = [*(step.since for step in last.steps if step.since), last.finished]
    for now, form in (
        (times[-1].replace(hour=23), "%T"),
        (datetime(2031, 1, 1, tzinfo=UTC), "%F %T"),
    ):
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        _write(Follower(), doc, 7, Format.TABLE)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(times)
        assert lines[-1].endswith("change ch-1 completed, 100 %")
        for line, time in zip(lines, times, strict=True):
            assert line.startswith(f"{time:{form}}  ")


def test_what_is_told_at_once_comes_in_the_order_in_which_it_came() -> None:
    under_way = next(doc for doc in reversed(history()) if doc.status == "running")
    lines = Follower().news(msgspec.to_builtins(under_way))
    assert [line.time for line in lines] == sorted(line.time for line in lines if line.time)
    assert lines[0].text.startswith("change ch-1 running")
