"""Sources of Blueprints, as far as what is not there depends on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from catalyst.catalog_svc.domain.sourced import LISTED_MAX, Read, evolve
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.blocked_blueprint import Package, Wrong
from catalyst.contracts.message import Event

NOON = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
ADDED = bp1.SourceAdded(name="main", kind="git", location="/git/a/m.git", origin="private")


def failed(failures: int) -> bp1.SyncFailed:
    return bp1.SyncFailed(run=failures, code="refused", message="no", failures=failures)


def finding(severity: Any, message: str) -> bp1.Finding:
    return bp1.Finding(
        severity=severity, rule="r", file="f", line=1, column=1, pointer="", message=message
    )


def refused(number: int, *findings: bp1.Finding) -> bp1.Refused:
    return bp1.Refused(folder=f"f{number}", blueprint="bp-wiki", version="1.0.0", findings=findings)


def found(run: int, *packages: bp1.Refused) -> bp1.VersionsFound:
    return bp1.VersionsFound(run=run, next=0, revision="r", refused=packages, asked={})


def folded(*events: Event, state: Read | None = None) -> Read | None:
    for number, event in enumerate(events):
        state = evolve(state, event, "acme", NOON + timedelta(hours=number))
    return state


def test_a_source_is_there_from_its_first_event_to_its_last() -> None:
    assert folded(ADDED) == Read(name="main", organization="acme", run=0)
    assert folded(ADDED, bp1.SourceRemoved(name="main")) is None
    assert folded(bp1.SourceRemoved(name="main")) is None
    for event in (failed(1), found(1), bp1.SyncCompleted(run=1, revision="r")):
        assert folded(event) is None
    # Told again, it stays what it was.
    read = folded(ADDED, found(1, refused(1)))
    assert read is not None
    assert folded(ADDED, state=read) == read


def test_it_is_not_read_since_it_failed_first() -> None:
    once = folded(ADDED, failed(1))
    assert once is not None
    (link,) = once.blocked_by
    assert (link.name, link.code, link.since) == ("main", "refused", NOON + timedelta(hours=1))
    assert link.message == "main cannot be read: no"
    twice = folded(ADDED, failed(1), failed(2))
    assert twice is not None
    (link,) = twice.blocked_by
    assert (link.since, link.message) == (
        *(NOON + timedelta(hours=1), "main cannot be read: no; it was tried 2 times"),
    )
    well = folded(ADDED, failed(1), bp1.SyncCompleted(run=1, revision="r"))
    assert well == folded(ADDED)
    again = folded(ADDED, failed(1), bp1.SyncCompleted(run=1, revision="r"), failed(1))
    assert again is not None
    assert again.blocked_by[0].since == NOON + timedelta(hours=3)


def test_what_it_cannot_give_is_that_of_its_last_reading() -> None:
    worst = (finding("warning", "look"), finding("error", "first"), finding("error", "second"))
    state = folded(ADDED, found(1, refused(1, *worst), refused(2)), found(1, refused(3)))
    assert state is not None
    assert [one.folder for one in state.refused] == ["f1", "f2", "f3"]
    assert state.refused[0] == Package(
        folder="f1",
        blueprint="bp-wiki",
        version="1.0.0",
        findings=(Wrong(severity="error", message="first"),),
    )
    assert state.refused[1].findings == ()
    newer = folded(found(2, refused(4)), state=state)
    assert newer is not None
    assert ([one.folder for one in newer.refused], newer.run) == (["f4"], 2)
    gone = folded(found(3), state=newer)
    assert gone is not None
    assert (gone.refused, gone.run) == ((), 3)
    # That it was read to its end, or not at all, takes nothing of it away.
    for event in (failed(1), bp1.SyncCompleted(run=2, revision="r"), started()):
        kept = folded(event, state=newer)
        assert kept is not None
        assert kept.refused == newer.refused


def started() -> bp1.SyncStarted:
    return bp1.SyncStarted(run=4, whole=False, deadline=NOON, gen="g")


def test_so_many_are_kept_and_no_more() -> None:
    assert LISTED_MAX == 100
    many = [refused(number) for number in range(60)]
    state = folded(ADDED, found(1, *many), found(1, *many))
    assert state is not None
    assert len(state.refused) == 100
    assert state.refused[60].folder == "f0"
