"""A source's rules: pages, repeats, late and impossible reports, failures and what is gone."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalyst.blueprint_controller.domain import schedule, source
from catalyst.blueprint_controller.domain.holding import Source, evolve
from catalyst.blueprint_controller.domain.places import source_ref
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Actor, Arm, Cancel, Context, Decision, Fired
from catalyst.contracts.message import Answer, Event, derived_id
from catalyst.contracts.owner import Owner, owner_ref
from catalyst.contracts.rejection import Rejected

NOW = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
MAIN = source_ref(None, "main")
SELF = Actor(name="service:blueprint", proven=True)
ROOT = Actor(name="user:x#root", roles=frozenset({"sovereign-admin"}), proven=True)
ADA = Actor(name="user:x#ada", roles=frozenset({"org-admin"}), proven=True)
DIRECTORY = bp1.AddSource(kind="directory", location="main", origin="public")
GIT = bp1.AddSource(kind="git", location="/git/acme/home.git", origin="private")


def context(by: Actor = SELF, done: str = "d", ref: Any = MAIN, phase: Any = "there") -> Context:
    """Return a context in which the owner of the source is there."""
    reads = {} if ref.organization is None else {owner_ref(ref.organization): Owner(phase=phase)}
    return Context(now=NOW, ref=ref, actor=by, input_id=done, done_id=done, reads=reads)


def after(state: Source, decided: Decision | Iterable[Event]) -> Source:
    """Return the state after what was decided."""
    events = [one.event for one in decided.events] if isinstance(decided, Decision) else decided
    for event in events:
        state = evolve(state, event)
    return state


def found(name: str, version: str = "1.0.0", digit: str = "1", folder: str = "") -> bp1.Found:
    """Return a good package."""
    digest = f"sha256:{digit * 64}"
    place = folder or f"{name}/{version}"
    return bp1.Found(blueprint=name, version=version, digest=digest, size=10, folder=place)


def page(run: int, *packages: bp1.Found, start: int = 0, more: int = 0, **rest: Any) -> Any:
    """Return a report."""
    return bp1.ReportSync(run=run, start=start, next=more, revision="r", found=packages, **rest)


def added() -> Source:
    """Return a source that is being read for the first time."""
    return after(Source(), source.add(Source(), DIRECTORY, context(ROOT)))


def read(*packages: bp1.Found) -> Source:
    """Return a source that was read."""
    state = added()
    return after(state, source.report(state, page(1, *packages), context()))


def refused(call: Any, code: str) -> None:
    """Expect a refusal."""
    with pytest.raises(Rejected) as caught:
        call()
    assert caught.value.code == code


def test_who_may_add_what() -> None:
    acme = source_ref("acme", "shared")
    assert source.add(Source(), DIRECTORY, context(ROOT)).events
    assert source.add(Source(), GIT, context(ADA, ref=acme)).events
    refused(lambda: source.add(Source(), DIRECTORY, context(ADA)), "forbidden")
    refused(lambda: source.add(Source(), GIT, context(ROOT, ref=acme)), "forbidden")
    refused(
        lambda: source.add(Source(), GIT, context(ADA, ref=acme, phase="absent")),
        "organization-not-found",
    )
    own = msgspec.structs.replace(DIRECTORY, origin="private")
    refused(lambda: source.add(Source(), own, context(ADA, ref=acme)), "source-location-forbidden")
    refused(lambda: source.add(Source(), own, context(ROOT)), "source-origin-invalid")
    refused(lambda: source.add(added(), DIRECTORY, context(ROOT)), "source-exists")
    starter = source_ref(None, source.STARTER)
    refused(lambda: source.add(Source(), DIRECTORY, context(ROOT, ref=starter)), "source-built-in")
    often = msgspec.structs.replace(DIRECTORY, interval="1s")
    refused(lambda: source.add(Source(), often, context(ROOT)), "source-interval-invalid")


def test_who_may_read_and_remove_what_and_when() -> None:
    acme = source_ref("acme", "shared")
    idle = read(found("bp-aa"))
    rules: tuple[Any, ...] = (
        (source.sync, bp1.SyncSource()),
        (source.remove, bp1.RemoveSource()),
    )
    for rule, command in rules:
        assert rule(idle, command, context(ROOT)).events
        assert rule(idle, command, context(ADA, ref=acme)).events
        refused(lambda rule=rule, one=command: rule(idle, one, context(ADA)), "forbidden")
        refused(
            lambda rule=rule, one=command: rule(idle, one, context(ROOT, ref=acme)), "forbidden"
        )
        for state in (Source(), Source(status="removed")):
            refused(
                lambda rule=rule, one=command, state=state: rule(state, one, context(ROOT)),
                "source-not-found",
            )
    refused(lambda: source.sync(added(), bp1.SyncSource(), context(ROOT)), "sync-in-progress")
    gone = context(ADA, ref=acme, phase="absent")
    refused(lambda: source.sync(idle, bp1.SyncSource(), gone), "organization-not-found")
    assert source.remove(idle, bp1.RemoveSource(), gone).events
    starter = msgspec.structs.replace(idle, kind="built-in")
    refused(lambda: source.remove(starter, bp1.RemoveSource(), context(ROOT)), "source-built-in")


def test_what_comes_with_catalyst_is_read_again_once_it_is_another() -> None:
    place = source_ref(None, source.STARTER)
    seed = bp1.SeedSource(revision="r1")
    state = after(Source(), source.seed(Source(), seed, context(ref=place)))
    assert (state.status, state.kind, state.whole) == ("there", "built-in", True)
    assert source.seed(state, seed, context(ref=place)) == Decision()
    other = bp1.SeedSource(revision="r2")
    assert after(state, source.seed(state, other, context(ref=place))).run == 2
    away = after(state, [bp1.SourceRemoved(name=source.STARTER)])
    assert after(away, source.seed(away, seed, context(ref=place))).status == "there"
    for refusal in (
        context(ROOT, ref=place),
        context(),
        context(ref=source_ref("acme", "starter")),
    ):
        refused(lambda one=refusal: source.seed(Source(), seed, one), "forbidden")


def test_a_reading_ends_in_time_and_the_next_one_is_told() -> None:
    def told(decided: Decision, **expected: Any) -> None:
        event = decided.events[-1].event
        assert {name: getattr(event, name) for name in expected} == expected

    often = msgspec.structs.replace(DIRECTORY, interval="5m")
    begun = source.add(Source(), often, context(ROOT))
    told(begun, deadline=NOW + schedule.SYNC_TIME)
    assert begun.timers == (Arm(timer=source.TIMER, after=schedule.SYNC_TIME),)
    state = after(Source(), begun)
    five = timedelta(minutes=5)
    for ended in (
        source.report(state, page(1, found("bp-aa")), context()),
        source.report(state, page(1, unchanged=True), context()),
    ):
        told(ended, next_at=NOW + five)
        assert ended.timers == (Arm(timer=source.TIMER, after=five),)
    wrong = bp1.Problem(code="refused", message="no")
    failed = source.report(state, page(1, problem=wrong), context())
    soon = schedule.FIRST_RETRY
    told(failed, next_at=NOW + soon, failures=1)
    assert failed.timers == (Arm(timer=source.TIMER, after=soon),)
    place = source_ref(None, source.STARTER)
    starter = after(
        Source(), source.seed(Source(), bp1.SeedSource(revision="r"), context(ref=place))
    )
    asked = source.report(starter, page(1, found("bp-aa")), context(ref=place))
    told(asked, next_at=None)
    assert asked.timers == (Cancel(source.TIMER),)
    failed = source.report(starter, page(1, problem=wrong), context(ref=place))
    told(failed, next_at=NOW + soon)


def test_another_timer_and_another_arming_begin_nothing() -> None:
    idle = read(found("bp-aa"))
    for fired in (Fired(timer="other", gen=idle.gen), Fired(timer=source.TIMER, gen="other")):
        assert source.react(idle, fired, context()) == Decision()
    gone = msgspec.structs.replace(idle, status="removed")
    assert source.react(gone, Fired(timer=source.TIMER, gen=idle.gen), context()) == Decision()


def test_somebody_who_asks_has_everything_read_and_a_branch_is_git_s_alone() -> None:
    acme = source_ref("acme", "shared")
    for command, by, ref, branch in ((DIRECTORY, ROOT, MAIN, ""), (GIT, ADA, acme, "next")):
        asked = msgspec.structs.replace(command, branch="next")
        state = after(Source(), source.add(Source(), asked, context(by, ref=ref)))
        assert (state.branch, state.whole) == (branch, True)
    idle = read(found("bp-aa"))
    assert after(idle, source.sync(idle, bp1.SyncSource(), context(ROOT))).whole
    fired = source.react(idle, Fired(timer=source.TIMER, gen=idle.gen), context())
    assert not after(idle, fired).whole


@pytest.mark.parametrize("name", ["X Y", "x y", "a", "Main", "9to5", "a.b", "a" * 64, "ä-b"])
def test_a_name_that_no_version_could_say_it_comes_from_is_refused(name: str) -> None:
    with pytest.raises(Rejected, match="2 to 63 lower-case letters") as caught:
        source.add(Source(), DIRECTORY, context(ROOT, ref=source_ref(None, name)))
    assert caught.value.code == "source-name-invalid"
    # One that was added before there was this rule can be read and removed.
    there = context(ROOT, ref=source_ref(None, name))
    assert source.remove(added(), bp1.RemoveSource(), there).events


def test_what_is_new_is_asked_for_once() -> None:
    state = added()
    first = source.report(state, page(1, found("bp-aa"), found("bp-bb"), more=2), context(done="1"))
    assert [send.command.blueprint for send in first.commands] == ["bp-aa", "bp-bb"]  # type: ignore[attr-defined]
    state = after(state, first)
    assert set(state.asked) == {derived_id("1", "out0"), derived_id("1", "out1")}
    last = source.report(state, page(1, found("bp-cc"), start=2), context(done="2"))
    state = after(state, last)
    assert not state.reading
    assert set(state.held) == {"bp-aa@1.0.0", "bp-bb@1.0.0", "bp-cc@1.0.0"}
    state = after(state, source.sync(state, bp1.SyncSource(), context(ROOT, done="3")))
    again = source.report(state, page(2, found("bp-aa"), found("bp-bb", digit="2")), context())
    assert [send.command.blueprint for send in again.commands] == ["bp-bb"]  # type: ignore[attr-defined]
    gone = [one.event for one in again.events if isinstance(one.event, bp1.SyncCompleted)]
    assert [(one.blueprint, one.now) for one in gone[0].gone] == [("bp-cc", "")]


def test_a_refusal_is_forgotten_once_it_is_asked_for_again_or_is_there_no_longer() -> None:
    state = after(added(), source.report(added(), page(1, found("bp-aa")), context(done="1")))
    first = derived_id("1", "out0")
    reason = Answer(command_id=first, status="rejected", code="version-immutable", events=0)
    refusal = source.react(state, reason, context(done="x"))
    state = after(state, refusal)
    assert (state.asked, state.refused) == ({}, {"bp-aa@1.0.0": "version-immutable"})
    # What was refused is asked for again, and only the newest question counts.
    for run in (2, 3):
        state = after(state, source.sync(state, bp1.SyncSource(), context(ROOT, done=f"s{run}")))
        changed = found("bp-aa", digit=str(run))
        state = after(state, source.report(state, page(run, changed), context(done=f"r{run}")))
        assert (list(state.asked), state.refused) == ([derived_id(f"r{run}", "out0")], {})
    state = after(state, refusal)
    assert state.refused
    state = after(state, source.sync(state, bp1.SyncSource(), context(ROOT, done="s4")))
    state = after(state, source.report(state, page(4), context(done="r4")))
    assert (state.asked, state.refused) == ({}, {})


def test_repeats_and_late_reports_change_nothing_and_impossible_ones_are_refused() -> None:
    state = added()
    first = page(1, found("bp-aa"), more=1)
    state = after(state, source.report(state, first, context()))
    assert source.report(state, first, context()) == Decision()
    refused(lambda: source.report(state, page(1, start=2), context()), "sync-unexpected")
    refused(lambda: source.report(state, page(2), context()), "sync-unexpected")
    refused(lambda: source.report(state, first, context(ROOT)), "forbidden")
    refused(lambda: source.report(Source(), first, context()), "source-not-found")
    state = after(state, source.report(state, page(1, start=1), context()))
    assert source.report(state, page(1, start=1), context()) == Decision()
    gone = after(state, source.remove(state, bp1.RemoveSource(), context(ROOT)))
    assert source.report(gone, page(1, start=1), context()) == Decision()


def test_a_source_that_changes_while_it_is_read_is_read_again() -> None:
    state = added()
    state = after(state, source.report(state, page(1, found("bp-aa"), more=1), context()))
    other = msgspec.structs.replace(page(1, start=1), revision="another")
    decided = source.report(state, other, context())
    assert isinstance(decided.events[0].event, bp1.SyncFailed)
    assert after(state, decided).held == {}


@pytest.mark.guarantee("G22.4")
def test_a_failure_keeps_what_was_read_and_tries_again_later_each_time() -> None:
    state = read(found("bp-aa"))
    pauses = []
    for run in range(2, 12):
        state = after(state, source.sync(state, bp1.SyncSource(), context(ROOT)))
        problem = bp1.Problem(code="unreachable", message="away")
        decided = source.report(state, page(run, problem=problem), context())
        state = after(state, decided)
        (timer,) = decided.timers
        assert isinstance(timer, Arm)
        pauses.append(timer.after)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (schedule.FIRST_RETRY, schedule.LONGEST_RETRY)
    assert (set(state.held), state.failures) == ({"bp-aa@1.0.0"}, 10)
    state = after(state, source.sync(state, bp1.SyncSource(), context(ROOT)))
    state = after(state, source.report(state, page(12, unchanged=True), context()))
    assert (set(state.held), state.failures) == ({"bp-aa@1.0.0"}, 0)


def test_a_refusal_is_noted_once_and_asked_for_again() -> None:
    state = added()
    state = after(state, source.report(state, page(1, found("bp-aa")), context(done="1")))
    asked = derived_id("1", "out0")
    no = Answer(command_id=asked, status="rejected", code="version-immutable", events=0)
    yes = Answer(command_id=asked, status="accepted", code="", events=1)
    assert source.react(state, yes, context()) == Decision()
    state = after(state, source.react(state, no, context()))
    assert state.refused == {"bp-aa@1.0.0": "version-immutable"}
    assert source.react(state, no, context()) == Decision()
    state = after(state, source.sync(state, bp1.SyncSource(), context(ROOT)))
    assert source.report(state, page(2, found("bp-aa")), context()).commands


@pytest.mark.guarantee("G22.4")
def test_timers_count_only_if_they_are_the_newest() -> None:
    state = read(found("bp-aa"))
    old = Fired(timer=source.TIMER, gen="another")
    assert source.react(state, old, context()) == Decision()
    due = Fired(timer=source.TIMER, gen=state.gen)
    started = source.react(state, due, context(done="n"))
    assert isinstance(started.events[0].event, bp1.SyncStarted)
    state = after(state, started)
    late = source.react(state, Fired(timer=source.TIMER, gen="n"), context())
    assert isinstance(late.events[0].event, bp1.SyncFailed)
    acme = source_ref("acme", "shared")
    gone = source.react(read(), due, context(ref=acme, phase="deleted"))
    assert [type(one.event) for one in gone.events] == [bp1.SourceRemoved]


def test_the_built_in_source_is_seeded_once_for_each_content() -> None:
    place = context(ref=source_ref(None, source.STARTER))
    seed = bp1.SeedSource(revision=f"sha256:{'1' * 64}")
    state = after(Source(), source.seed(Source(), seed, place))
    assert source.seed(state, seed, place) == Decision()
    other = bp1.SeedSource(revision=f"sha256:{'2' * 64}")
    assert source.seed(state, other, place).events
    by_root = context(ROOT, ref=place.ref)
    refused(lambda: source.remove(state, bp1.RemoveSource(), by_root), "source-built-in")
    refused(lambda: source.seed(state, seed, by_root), "forbidden")


@pytest.mark.parametrize("place", [("acme", source.STARTER), (None, "main")])
def test_what_comes_with_catalyst_is_seeded_nowhere_else(place: tuple[str | None, str]) -> None:
    seed = bp1.SeedSource(revision=f"sha256:{'1' * 64}")
    at = context(ref=source_ref(*place))
    refused(lambda: source.seed(Source(), seed, at), "forbidden")


def test_a_report_of_the_reading_before_changes_nothing_while_the_next_goes_on() -> None:
    state = read(found("bp-aa"))
    state = after(state, source.sync(state, bp1.SyncSource(), context(ROOT)))
    assert (state.run, bool(state.reading)) == (2, True)
    assert source.report(state, page(1, start=1), context()) == Decision()
    refused(lambda: source.report(state, page(3), context()), "sync-unexpected")
    refused(lambda: source.report(state, page(2, start=1), context()), "sync-unexpected")
    assert source.report(state, page(2, found("bp-bb")), context()).events


@given(st.integers(1, 10_000), st.timedeltas(schedule.SHORTEST, schedule.LONGEST))
def test_a_retry_is_never_sooner_than_the_one_before(failures: int, wanted: timedelta) -> None:
    pause = schedule.retry(wanted, failures)
    assert timedelta(0) < pause <= max(wanted, schedule.LONGEST_RETRY)
    assert pause <= schedule.retry(wanted, failures + 1)
