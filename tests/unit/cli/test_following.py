"""A change as it is followed: what nobody has seen is told at its end."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.build import NOW
from tests.support.changing import Town
from tests.support.each import each
from tests.support.plans import DEVELOPER, apply, install, planned, run, town
from tests.unit.projector.test_changes import rows
from tests.unit.provisioning.test_silent_removal import late, silent
from tests.unit.provisioning.test_unseen import NOBODY, unheard

from catalyst.chassis import clock
from catalyst.cli.chains import START_SECONDS
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.following import PATIENCE_SECONDS, Follower, _gone, _write, stands, unseen
from catalyst.cli.links import links_of
from catalyst.cli.output import Format
from catalyst.client.rows import Del, Put, Reset, Row, Synced
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.blocked import Link
from catalyst.provisioning.domain.change import change_ref


def texts(follower: Follower, doc: dict[str, Any]) -> list[str]:
    return [line.text for line in follower.news(doc)]


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
    lines = texts(follower, msgspec.to_builtins(rows(place)["change ch-1"]))
    assert f"observe    done: {NOBODY}" in lines
    assert lines[-2:] == ["change ch-1 completed, 100 %", f"  not seen: {NOBODY}"]


@pytest.mark.guarantee("G14.14")
def test_of_what_was_seen_nothing_is_told() -> None:
    place = town()
    install(place, "blog", "ch-0")
    assert unseen(msgspec.to_builtins(rows(place)["change ch-0"])) == []


@pytest.mark.guarantee("G14.25")
def test_a_removal_that_waits_on_because_its_cluster_fell_silent_says_so() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall"))
    place.report("ch-1", "commit", "blog")
    follower = Follower()
    follower.news(ended(place))
    place.now += timedelta(hours=23)
    silent(place, "blog")
    late(place, timedelta(hours=1))
    (line,) = texts(follower, ended(place))
    assert line == (
        "observe    running, attempt 2: nothing reports any more on blog from acme-prod, since"
        " 2026-03-03 09:00 UTC: the removal goes on without that once it has waited for 24 hours in"
        " which nothing was told"
    )


ROW = Put(row=Row(key="acme.=.change.=.ch-1", doc={}, seq=7, time=NOW))


@each([
        (0, [Reset(reason="start"), ROW, Synced(as_of=9), Del(key="k", seq=10)], "gone"),
        (0, [Reset(reason="start"), ROW, Synced(as_of=9)], "there"),
        # Not there yet, or nobody knows whether it ever was.
        (12, [Reset(reason="start"), Synced(as_of=9)], "there"),
        (0, [Reset(reason="start"), Synced(as_of=9)], "there"),
        (7, [Reset(reason="start"), Synced(as_of=9)], "gone"),
        (9, [Reset(reason="start"), Synced(as_of=9)], "gone"),
        # It went while the connection was lost.
        (7, [Reset(reason="start"), ROW, Synced(as_of=9), Reset(reason="again"), Synced(as_of=20)],
         "gone"),
    ])  # fmt: skip
def test_a_change_is_gone_once_its_row_was_there_and_is_not(
    since: int, items: list[Any], what: str
) -> None:
    follower = Follower(since)
    gone = [follower.is_gone(item) for item in items][-1]
    assert gone == (what == "gone")


def test_what_was_seen_once_is_gone_if_it_is_not_there_again() -> None:
    follower = Follower()
    follower.news(state())
    follower.is_gone(Reset(reason="again"))
    assert follower.is_gone(Synced(as_of=9))


def state(**more: Any) -> dict[str, Any]:
    change = {"change": "ch-1", "status": "running", "percent": 50, "reason": "", "left": []}
    return {**change, "steps": [], "blocked_by": [], **more}


def test_only_steps_that_began_are_told_and_that_approvals_are_missing_once() -> None:
    follower = Follower()
    step = {"step": "commit", "attempt": 0, "reason": "", "detail": ""}
    first = state(steps=[{**step, "status": "pending"}], waits_for=["approvals"], status="waiting")
    assert texts(follower, first) == ["change ch-1 waiting, 50 %"]
    assert [follower.offers(first) for _ in range(2)] == [True, False]
    # What was written says where it stands, and was no look at anything.
    done = {**step, "status": "done", "attempt": 1, "detail": "main"}
    last = state(steps=[done], status="completed")
    assert texts(follower, last) == ["commit     done: main", "change ch-1 completed, 50 %"]


def test_what_a_change_waits_for_anew_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    follower = Follower()
    for code in ("crash-loop", "image-pull"):
        follower.news(state(blocked_by=[document(code)]))
        assert follower.patient()
        now += PATIENCE_SECONDS
        assert not follower.patient()


def test_what_deletes_its_organization_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _gone("ch-1", "acme", Format.TABLE, wanted=True) is ExitCode.OK
    assert "completed: the Organization acme is deleted" in capsys.readouterr().out
    with pytest.raises(Failure, match="acme is deleted, and ch-1 is gone with it") as caught:
        _gone("ch-1", "acme", Format.TABLE, wanted=False)
    assert caught.value.exit_code is ExitCode.NOT_FOUND


def chain(*codes: str, since: str | None = None) -> list[Link]:
    return links_of({**document(code, since), "depth": at} for at, code in enumerate(codes))


def document(code: str, since: str | None = None) -> dict[str, Any]:
    more = {"kind": "Pod", "message": "m", "since": since, "who": "you", "what_to_do": "look"}
    return {"name": code, "code": code, **more}


class Watched:
    """A change that waits, and a clock that stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)
        self.follower = Follower()
        self.follower.news(state(blocked_by=[document("not-seen")]))
        self.now += PATIENCE_SECONDS


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


STARTS = ("not-seen", "under-way", "pending", "dependency-not-ready", "change-in-flight")


@pytest.mark.guarantee("G14.19")
def test_what_only_starts_is_told_once_it_stays_as_it_is(watched: Watched) -> None:
    follower = watched.follower
    assert follower.waiting(chain(*STARTS)) == []
    watched.now += START_SECONDS - 1
    # That it was seen again just now is no change.
    assert follower.waiting(chain(*STARTS, since="2026-04-20T10:00:05Z")) == []
    watched.now += 1
    assert follower.waiting(chain(*STARTS, since="2026-04-20T10:00:09Z"))[0] == "blocked by"
    # Once is enough, whenever it is seen again.
    assert follower.waiting(chain(*STARTS, since="2026-04-20T10:00:11Z")) == []


@pytest.mark.guarantee("G14.19")
def test_a_start_that_gets_on_is_not_told(watched: Watched) -> None:
    for stage in (STARTS[:2], STARTS[:1], STARTS[1:3]):
        assert watched.follower.waiting(chain(*stage)) == []
        watched.now += START_SECONDS - 1


@pytest.mark.guarantee("G14.19")
@pytest.mark.parametrize("code", ["crash-loop", "image-not-pulled", "no-room", "no-cluster"])
def test_what_fails_is_told_at_once_with_what_only_starts(watched: Watched, code: str) -> None:
    told = watched.follower.waiting(chain("not-seen", "under-way", code))
    assert len(told) == 6
    assert told[:2] == ["blocked by", f"  Pod {code}: m ({code})"]


@pytest.mark.guarantee("G14.19")
def test_what_was_told_is_not_told_again_when_something_else_is_found_behind_it(
    watched: Watched,
) -> None:
    follower = watched.follower
    assert len(follower.waiting(chain("not-seen", "crash-loop"))) == 5
    assert follower.waiting(chain("not-seen", "crash-loop", "silent")) == [
        "blocked as before, and by",
        "  Pod silent: m (silent)",
        "    → you: look",
    ]
    assert follower.waiting(chain("not-seen", "silent")) == []
    assert follower.waiting(chain("not-seen", "crash-loop")) == []


def ended(place: Town) -> dict[str, Any]:
    """Return the row of the change that was played."""
    found: dict[str, Any] = msgspec.to_builtins(rows(place)["change ch-1"])
    return found


@pytest.mark.guarantee("G27.7")
@pytest.mark.parametrize("action", ["install", "upgrade"])
def test_whoever_sees_a_change_give_up_is_told_how_things_stand_and_what_to_type(
    action: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    place = town()
    if action == "upgrade":
        install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, action))
    place.answer_all()
    for step in ("repository", "commit") if action == "install" else ("commit",):
        place.report("ch-1", step, "blog")
    place.fire("ch-1", "deadline")
    run(place, "ch-1")
    _write(Follower(), ended(place), 7, Format.TABLE)
    told = capsys.readouterr()
    now = {"install": "nothing of it runs", "upgrade": "what ran before goes on"}[action]
    repository = "  stays: repository acme/blog: archived, unless blog runs elsewhere"
    stand = [line.partition("  ")[2] for line in told.out.splitlines()]
    assert stand[stand.index(f"  all that it had done is taken back: {now}") + 1 :] == [
        *([repository] if action == "install" else []),
        f"  stays: {DATA}",
    ]
    what = {"install": "install bp-blog --as blog", "upgrade": "upgrade blog"}[action]
    assert f"catalyst plan {what} --env acme-prod --org acme`" in told.err


DATA = "volumes and credentials, if it brought any to acme-prod: data is kept"


def gave_up(action: str, *undone: str, **more: Any) -> dict[str, Any]:
    """Return what counts of the row of a change that gave up."""
    roles = {"blog": "target", "blog-postgres": "new", "mail": "shared"}
    lock = [{"application": name, "role": role} for name, role in roles.items()]
    return {
        "status": "failed",
        "organization": "acme",
        "environment": "acme-prod",
        "request": {"action": action},
        "lock": lock,
        "undone": list(undone),
        "left": [],
        **more,
    }


def archived(*names: str) -> list[str]:
    return [f"repository acme/{x}: archived, unless {x} runs elsewhere" for x in names]


STANDING = [
    (gave_up("install", "admit"), "nothing of it is left", []),
    (gave_up("install", "hold", "admit"), "nothing of it is left", []),
    (gave_up("install", "repository", "admit"), "nothing of it runs",
     archived("blog", "blog-postgres")),
    (gave_up("install", "commit", "repository", "admit"), "nothing of it runs",
     [*archived("blog", "blog-postgres"), DATA]),
    # What it brought along is new, and what it changed may have got a volume more.
    (gave_up("configure", "commit", "repository"), "what ran before goes on",
     [*archived("blog-postgres"), DATA]),
    (gave_up("configure", "hold"), "what ran before goes on", []),
    # What was to go brought nothing.
    *((gave_up(action, "commit", "unprotect"), "what ran before goes on", [])
      for action in ("uninstall", "delete-environment", "delete-organization")),
]  # fmt: skip
"""Rows of changes that gave up, what is told of how things stand, and what is told to stay."""


@pytest.mark.guarantee("G27.7")
@each(STANDING)
def test_what_stays_of_a_change_that_is_taken_back_is_told(
    doc: dict[str, Any], now: str, left: list[str]
) -> None:
    assert stands(doc) == [
        f"all that it had done is taken back: {now}",
        *(f"stays: {text}" for text in left),
    ]
    assert stands({**doc, "status": "completed"}) == []


@pytest.mark.guarantee("G27.7")
def test_nobody_is_told_to_try_again_what_goes_on_or_went_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    _write(Follower(), ended(place), 7, Format.TABLE)
    run(place, "ch-1")
    _write(Follower(), ended(place), 8, Format.TABLE)
    told = capsys.readouterr()
    assert "change ch-1 completed" in told.out
    assert told.err == ""


@pytest.mark.guarantee("G27.7")
def test_of_what_had_not_begun_it_is_told_that_nothing_was_done() -> None:
    place = town(approvals=(env1.Approval(team="", quorum=1),))
    apply(place, "ch-1", planned(place))
    cancel = pro1.CancelChange(reason="not today")
    place.command(change_ref("acme", "ch-1"), cancel, DEVELOPER)
    lines = texts(Follower(), ended(place))
    assert lines[-2:] == [
        "change ch-1 cancelled, 0 %: cancelled: not today",
        "  nothing of it was done",
    ]


@pytest.mark.guarantee("G27.7")
def test_what_is_left_is_told_in_its_own_words_alone() -> None:
    lines = texts(
        Follower(),
        {
            "change": "ch-1",
            "status": "failed",
            "percent": 50,
            "reason": "r",
            "left": ["commit blog: the door is away"],
            "undone": ["hold"],
            "request": {"action": "install"},
            "steps": [],
            "blocked_by": [],
        },
    )
    assert lines == ["change ch-1 failed, 50 %: r", "  left: commit blog: the door is away"]
