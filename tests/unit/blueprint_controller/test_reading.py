"""A reading from beginning to end: what is written, asked for, kept and forgotten, each whole."""

from datetime import timedelta
from typing import Any

import msgspec
from tests.unit.blueprint_controller.test_source import (
    ADA,
    DIRECTORY,
    NOW,
    ROOT,
    added,
    after,
    context,
    found,
    page,
    read,
)

from catalyst.blueprint_controller.domain import schedule, source
from catalyst.blueprint_controller.domain.holding import Held, Source, evolve
from catalyst.blueprint_controller.domain.places import blueprint_ref, source_ref
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Arm, Cancel, Fired, Send
from catalyst.contracts.message import derived_id
from catalyst.contracts.rejection import Rejected

HOURLY = bp1.AddSource(
    kind="git",
    location="https://git.example/x.git",
    branch="main",
    folder="blueprints",
    origin="sovereign",
    interval="1h",
)


def hourly() -> Source:
    """Return a source that is read each hour, being read for the first time."""
    return after(Source(), source.add(Source(), HOURLY, context(ROOT)))


def refused(command: bp1.AddSource, **where: Any) -> tuple[str, str, list[str]]:
    """Return why a source is not added."""
    try:
        source.add(Source(), command, context(**where))
    except Rejected as error:
        return error.code, error.message, [one.pointer for one in error.errors]
    raise AssertionError("it was added")


def test_a_source_is_added_as_it_was_described_and_read_at_once() -> None:
    decided = source.add(Source(), HOURLY, context(ROOT))
    described = {
        name: getattr(HOURLY, name)
        for name in ("kind", "location", "branch", "folder", "origin", "interval")
    }
    started = bp1.SyncStarted(
        run=1, whole=True, deadline=NOW + schedule.SYNC_TIME, gen="d", input="d"
    )
    assert [one.event for one in decided.events] == [
        bp1.SourceAdded(name="main", **described), started,
    ]  # fmt: skip
    assert decided.timers == (Arm(timer=source.TIMER, after=schedule.SYNC_TIME),)
    state = after(Source(), decided)
    assert {name: getattr(state, name) for name in described} == described
    assert (state.status, state.run, state.reading, state.whole, state.gen) == (
        "there", 1, True, True, "d",
    )  # fmt: skip
    bare = source.add(Source(), msgspec.structs.replace(DIRECTORY, branch="x"), context(ROOT))
    assert bare.events[0].event.branch == ""  # type: ignore[attr-defined]


def test_where_a_source_may_not_be_it_says_what_may_be() -> None:
    shared = source_ref("acme", "shared")
    own = msgspec.structs.replace(DIRECTORY, origin="private")
    assert refused(own, by=ROOT) == (
        "source-origin-invalid",
        "the origin of such a source is public or sovereign",
        ["/data/origin"],
    )
    assert refused(HOURLY, by=ADA, ref=shared) == (
        "source-origin-invalid", "the origin of such a source is private", ["/data/origin"],
    )  # fmt: skip
    assert refused(own, by=ADA, ref=shared) == (
        "source-location-forbidden",
        "an Organization's source is a Git repository",
        ["/data/kind"],
    )


def bad(folder: str, name: str = "bp-bad", version: str = "1.0.0") -> bp1.Refused:
    return bp1.Refused(folder=folder, blueprint=name, version=version, findings=())


def test_each_page_asks_for_what_is_new_as_it_was_found() -> None:
    one = msgspec.structs.replace(found("bp-aa"), needs=("bp-db",))
    decided = source.report(hourly(), page(1, one, found("bp-bb"), more=2), context(done="p"))
    ref = blueprint_ref(None, "sovereign", "bp-aa")
    assert decided.commands[0] == Send(
        ref=ref,
        command=bp1.RegisterVersion(
            blueprint="bp-aa",
            origin="sovereign",
            version="1.0.0",
            digest=one.digest,
            size=10,
            needs=("bp-db",),
            source="main",
            revision="r",
            folder="bp-aa/1.0.0",
        ),
    )
    (written,) = (each.event for each in decided.events)
    assert written == bp1.VersionsFound(
        run=1,
        next=2,
        revision="r",
        found=(one, found("bp-bb")),
        refused=(),
        asked={
            derived_id("p", f"out{place}"): bp1.VersionKey(blueprint=name, version="1.0.0")
            for place, name in enumerate(("bp-aa", "bp-bb"))
        },
        input="p",
    )
    state = after(hourly(), decided)
    assert (state.reported, state.seen_revision, set(state.asked.values())) == (
        2, "r", {"bp-aa@1.0.0", "bp-bb@1.0.0"},
    )  # fmt: skip
    assert state.held == {}, "nothing is held before the reading is at its end"


def test_the_last_page_ends_a_reading_and_says_when_the_next_one_is() -> None:
    first = source.report(hourly(), page(1, found("bp-aa"), more=2, refused=(bad("x"),)), context())
    state = after(hourly(), first)
    last = source.report(
        state, page(1, found("bp-bb"), start=2, refused=(bad("y"),)), context(done="e")
    )
    assert last.events[-1].event == bp1.SyncCompleted(
        run=1,
        revision="r",
        versions=2,
        refused=2,
        gone=(),
        next_at=NOW + timedelta(hours=1),
        gen="e",
        input="e",
    )
    assert last.timers == (Arm(timer=source.TIMER, after=timedelta(hours=1)),)
    state = after(state, last)
    assert sorted(state.held) == ["bp-aa@1.0.0", "bp-bb@1.0.0"]
    assert state.held["bp-aa@1.0.0"] == Held(found("bp-aa").digest, "bp-aa/1.0.0")
    assert (state.bad, state.seen, state.seen_bad) == (2, {}, {})
    assert (state.reading, state.gen, state.revision, state.failures) == (False, "e", "r", 0)
    # Its timer counts by the arming of the end.
    (again,) = source.react(state, Fired(timer=source.TIMER, gen="e"), context()).events
    assert again.event.run == 2  # type: ignore[attr-defined]
    assert source.react(state, Fired(timer=source.TIMER, gen="d"), context()).events == ()


def test_without_an_interval_the_next_reading_waits_for_somebody_to_ask() -> None:
    built_in = msgspec.structs.replace(added(), interval="")
    decided = source.report(built_in, page(1, found("bp-aa")), context())
    assert decided.events[-1].event.next_at is None  # type: ignore[attr-defined]
    assert decided.timers == (Cancel(source.TIMER),)


def test_what_has_not_changed_is_told_with_what_there_is() -> None:
    first = source.report(hourly(), page(1, found("bp-aa"), refused=(bad("x"),)), context())
    state = after(hourly(), first)
    timer = Fired(timer=source.TIMER, gen=state.gen)
    state = after(state, source.react(state, timer, context(done="d2")))
    decided = source.report(state, page(2, unchanged=True), context(done="u"))
    (told,) = (one.event for one in decided.events)
    assert told == bp1.SyncCompleted(
        run=2,
        revision="r",
        unchanged=True,
        versions=1,
        refused=1,
        next_at=NOW + timedelta(hours=1),
        gen="u",
        input="u",
    )
    state = after(state, decided)
    assert (list(state.held), state.bad, state.reading, state.gen) == (
        ["bp-aa@1.0.0"], 1, False, "u",
    )  # fmt: skip


def started(state: Source, run: int) -> Source:
    event = bp1.SyncStarted(run=run, whole=False, deadline=NOW, gen=f"g{run}", input="")
    return evolve(state, event)


def test_a_reading_begins_with_nothing_of_the_one_that_broke() -> None:
    broken = after(
        started(read(found("bp-aa")), 2),
        source.report(
            started(read(found("bp-aa")), 2),
            page(2, found("bp-bb"), more=3, refused=(bad("x"),)),
            context(),
        ),
    )
    assert (list(broken.seen), list(broken.seen_bad), broken.reported) == (
        ["bp-bb@1.0.0"], ["x"], 3,
    )  # fmt: skip
    failed = bp1.SyncFailed(
        run=2, code="x", message="x", failures=1, next_at=NOW, gen="f", input=""
    )
    for state in (evolve(broken, failed), started(broken, 3)):
        assert (state.seen, state.seen_bad) == ({}, {})
        assert list(state.held) == ["bp-aa@1.0.0"], "what was read last stays"
    again = started(broken, 3)
    assert (again.seen_revision, again.reported, again.run) == ("", 0, 3)
    assert evolve(broken, failed).gen == "f"


def test_what_has_gone_is_told_with_what_stands_in_its_folder_now() -> None:
    state = started(read(found("bp-aa"), found("bp-bb"), found("bp-cc"), found("bp-dd")), 2)
    stands = (
        found("bp-aa"),
        found("bp-new", folder="bp-bb/1.0.0"),
    )
    decided = source.report(state, page(2, *stands, refused=(bad("bp-cc/1.0.0"),)), context())
    gone = decided.events[-1].event.gone  # type: ignore[attr-defined]
    assert [(one.blueprint, one.version, one.folder, one.now) for one in gone] == [
        ("bp-bb", "1.0.0", "bp-bb/1.0.0", "bp-new 1.0.0"),
        ("bp-cc", "1.0.0", "bp-cc/1.0.0", "bp-bad 1.0.0"),
        ("bp-dd", "1.0.0", "bp-dd/1.0.0", ""),
    ]


def test_each_refusal_is_noted_beside_the_others() -> None:
    state = read(found("bp-aa"), found("bp-bb"))
    for command, name in list(state.asked.items()):
        blueprint, _, version = name.partition("@")
        state = evolve(
            state,
            bp1.RegistrationRefused(
                blueprint=blueprint, version=version, code=f"no-{blueprint}", input=command
            ),
        )
    assert state.refused == {"bp-aa@1.0.0": "no-bp-aa", "bp-bb@1.0.0": "no-bp-bb"}
    assert state.asked == {}
