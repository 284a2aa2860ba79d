"""A change as it is followed: what nobody has seen is told at its end."""

from typing import Any

import msgspec
import pytest
from tests.support.build import NOW
from tests.support.plans import apply, install, planned, run, town
from tests.unit.projector.test_changes import rows
from tests.unit.provisioning.test_unseen import NOBODY, unheard

from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.following import Follower, _gone, unseen
from catalyst.cli.output import Format
from catalyst.client.rows import Del, Put, Reset, Row, Synced


@pytest.mark.guarantee("G14.14")
def test_a_removal_that_nobody_saw_is_told_so_at_its_step_and_at_its_end() -> None:
    place = town()
    install(place, "blog", "ch-0")
    unheard(place, "blog")
    apply(place, "ch-1", planned(place, "uninstall"))
    place.report("ch-1", "commit", "blog")
    follower = Follower()
    assert unseen(msgspec.to_builtins(rows(place)["change ch-1"])) == []
    run(place, "ch-1")
    lines = follower.news(msgspec.to_builtins(rows(place)["change ch-1"]))
    assert f"observe    done: {NOBODY}" in lines
    assert lines[-2:] == ["change ch-1 completed, 100 %", f"  not seen: {NOBODY}"]


@pytest.mark.guarantee("G14.14")
def test_of_what_was_seen_nothing_is_told() -> None:
    place = town()
    install(place, "blog", "ch-0")
    assert unseen(msgspec.to_builtins(rows(place)["change ch-0"])) == []


ROW = Put(row=Row(key="acme.=.change.=.ch-1", doc={}, seq=7, time=NOW))


@pytest.mark.parametrize(
    ("since", "items", "what"),
    [
        (0, [Reset(reason="start"), ROW, Synced(as_of=9), Del(key="k", seq=10)], "gone"),
        (0, [Reset(reason="start"), ROW, Synced(as_of=9)], "there"),
        # Not there yet, or nobody knows whether it ever was.
        (12, [Reset(reason="start"), Synced(as_of=9)], "there"),
        (0, [Reset(reason="start"), Synced(as_of=9)], "there"),
        (7, [Reset(reason="start"), Synced(as_of=9)], "gone"),
        # It went while the connection was lost.
        (7, [Reset(reason="start"), ROW, Synced(as_of=9), Reset(reason="again"), Synced(as_of=20)],
         "gone"),
    ],
)  # fmt: skip
def test_a_change_is_gone_once_its_row_was_there_and_is_not(
    since: int, items: list[Any], what: str
) -> None:
    follower = Follower(since)
    gone = [follower.is_gone(item) for item in items][-1]
    assert gone == (what == "gone")


def test_what_deletes_its_organization_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _gone("ch-1", "acme", Format.TABLE, wanted=True) is ExitCode.OK
    assert "completed: the Organization acme is deleted" in capsys.readouterr().out
    with pytest.raises(Failure, match="acme is deleted, and ch-1 is gone with it") as caught:
        _gone("ch-1", "acme", Format.TABLE, wanted=False)
    assert caught.value.exit_code is ExitCode.NOT_FOUND
