"""A change that waited begins only if its files still come out as they were planned."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import build, planning
from tests.support.changing import Town
from tests.support.each import each
from tests.support.otherwise import made_otherwise
from tests.support.planning import Others, configure, known, plan, running
from tests.support.plans import ADMIN, PROD, apply, planned, town

from catalyst.chassis.errors import Retry
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor, Fired, Recorded
from catalyst.contracts.message import Answer
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning import preparing
from catalyst.provisioning.domain import differences
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.foreign import environment_ref
from catalyst.provisioning.domain.turn import Compared
from catalyst.provisioning.domain.writing import DEADLINE, TURN

pytestmark = pytest.mark.guarantee("G14.2", "G14.13")

CH1 = change_ref("acme", "ch-1")
SERVICE = build.service("provisioning")
SAME = Compared(planned="a", now="a")
OTHER = Compared(planned="a", now="b")
WORDS = "plan-stale: its files come out otherwise than planned; plan it again"


# ---- what is asked


async def opened(others: Others, request: PlanRequest, *, runs: bool = False) -> tuple[Town, Town]:
    """Return `acme` with a change that waits, and as it was before."""
    place = town(approvals=(env1.Approval(quorum=1),))
    known(place)
    if runs:
        await running(place, others)
        home = environment_ref("acme", PROD)
        for name in ("wiki", "wiki-postgres"):
            place.given(home, env1.ApplicationAdmitted(environment=PROD, application=name))
        place.given(home, env1.PolicyAttached(environment=PROD, policy="gate"))
    then = place.copy()
    apply(place, "ch-1", await plan(place, others, request, ADMIN), ADMIN)
    assert place.change("ch-1").status == "waiting"
    return place, then


async def compared(
    place: Town, then: Town, others: Others, by: Actor = SERVICE, name: str = "ch-1"
) -> Any:
    seen = planning.seen(place, then, "ch-1")
    remaking = planning.planner_of(others).remaking
    return await remaking.compared({"change": name}, "acme", by, seen)


@each([planning.install(), configure(values={"logLevel": "debug"})])
async def test_files_that_come_out_as_planned_are_the_same(
    asked: PlanRequest, *, others: Others
) -> None:
    place, then = await opened(others, asked, runs=asked.action == "configure")
    found = await compared(place, then, others)
    assert found["planned"] == found["now"] == place.change("ch-1").content().inputs["files"]


async def test_files_that_a_later_version_makes_are_others(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, then = await opened(others, planning.install())
    made_otherwise(monkeypatch)
    found = await compared(place, then, others)
    assert found["planned"] == place.change("ch-1").content().inputs["files"]
    assert found["now"] != found["planned"]


async def test_a_fingerprint_that_counts_where_the_repositories_are_is_known_still(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As changes of before 30 November 2026 have it."""
    digest = differences.digest
    with monkeypatch.context() as before:
        before.setattr(differences, "digest", lambda found, _address="": digest(found))
        place, then = await opened(others, planning.install())
    found = await compared(place, then, others)
    assert found["planned"] == found["now"]
    shown = await planning.remade(place, then, others)
    assert (shown.missing, shown.plan is not None) == ((), True)
    made_otherwise(monkeypatch)
    found = await compared(place, then, others)
    assert found["planned"] != found["now"]


async def test_of_what_goes_nothing_is_compared(others: Others) -> None:
    request = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    place, then = await opened(others, request, runs=True)
    assert await compared(place, then, others) is None


async def test_of_a_change_that_is_not_there_nothing_is_known(others: Others) -> None:
    place, then = await opened(others, planning.install())
    assert await compared(place, then, others, name="ch-7") is None


async def test_what_cannot_be_read_now_is_not_known(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, then = await opened(others, planning.install())
    planning.READY.clear()
    monkeypatch.setattr(planning.Shelf, "get", _nothing)
    assert await compared(place, then, others) is None


async def _nothing(_self: object, digest: str) -> bytes:
    raise LookupError(digest)


async def test_nobody_else_asks(others: Others) -> None:
    place, then = await opened(others, planning.install())
    for by in (ADMIN, build.service("billing")):
        with pytest.raises(Rejected) as caught:
            await compared(place, then, others, by)
        assert caught.value.code == "forbidden"


class Answers:
    """Answers the one question, or does not."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    async def ask(
        self, service: str, name: str, version: int, organization: str | None, request: Any
    ) -> Any:
        self.asked.append((service, name, version, organization, request))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def heard(event: Any) -> Recorded:
    return build.recorded(event, CH1)


APPROVES = pro1.ApproveChange(hash="0" * 64)
LEFT = app1.ChangeLeft(change="ch-0", environment=PROD, result="completed", next="ch-1")
SEEN = app1.ApplicationObserved(
    environment=PROD,
    change="ch-1",
    applied="current",
    health="healthy",
    source="cluster",
    observed_at=build.NOW,
)


async def asked_by(given: object, answers: Answers) -> Compared | None:
    return await preparing.compare(given, CH1, SERVICE, build.NOW, answers)


@each([APPROVES, heard(LEFT), Fired(timer=TURN, gen="g")], lambda one: type(one).__name__)
async def test_it_is_asked_before_whatever_may_let_a_change_begin(given: object) -> None:
    answers = Answers({"planned": "a", "now": "b"})
    assert await asked_by(given, answers) == OTHER
    assert answers.asked == [("provisioning", "compared", 1, "acme", {"change": "ch-1"})]
    assert await asked_by(given, Answers(None)) is None


@each(
    [
        heard(SEEN),
        Fired(timer=DEADLINE, gen="g"),
        Answer(command_id="c", status="accepted", code="", events=1),
    ],
    lambda one: type(one).__name__,
)
async def test_it_is_asked_before_nothing_else(given: object) -> None:
    answers = Answers(None)
    assert await asked_by(given, answers) is None
    assert answers.asked == []


@each([Retry("away"), Rejected("forbidden", "no")], lambda one: type(one).__name__)
async def test_nobody_is_waited_for(answer: Exception) -> None:
    assert await asked_by(APPROVES, Answers(answer)) is None


# ---- what follows


def waiting(quorum: int = 1) -> Town:
    """Return a world in which a change waits for approvals."""
    place = town(approvals=(env1.Approval(quorum=quorum),))
    apply(place, "ch-1", planned(place))
    assert place.change("ch-1").status == "waiting"
    return place


def approve(place: Town, facts: Compared | None) -> None:
    command = pro1.ApproveChange(hash=place.change("ch-1").content().hash)
    place.command(CH1, command, ADMIN, facts=facts)


@each([SAME, None], str)
def test_a_change_whose_files_are_as_planned_begins_and_so_does_one_of_which_nobody_knows(
    facts: Compared | None,
) -> None:
    place = waiting()
    approve(place, facts)
    assert place.change("ch-1").status == "running"
    assert place.sent


@pytest.mark.parametrize("quorum", [1, 2])
def test_a_change_whose_files_are_others_ends_before_anything_is_asked_of_anybody(
    quorum: int,
) -> None:
    place = waiting(quorum)
    approve(place, OTHER)
    state = place.change("ch-1")
    assert (state.status, state.reason, state.begun) == ("failed", WORDS, ())
    assert (place.sent, place.started) == ([], [])
    assert place.application("blog").queue == ()


def test_whoever_waited_in_line_or_for_a_window_is_told_as_well() -> None:
    place = waiting(2)
    place.wait(timedelta(days=1))
    gen = place.change("ch-1").gen
    place.hear(CH1, Fired(timer=TURN, gen=gen), facts=OTHER)
    assert (place.change("ch-1").status, place.change("ch-1").reason) == ("failed", WORDS)
    place = town()
    apply(place, "ch-0", planned(place, priced=False))
    place.answer_all()
    apply(place, "ch-1", planned(place, "configure", values={"n": 1}, priced=False))
    assert place.change("ch-1").status == "waiting"
    left = heard(LEFT)
    place.hear(CH1, left, facts=OTHER)
    assert (place.change("ch-1").status, place.change("ch-1").reason) == ("failed", WORDS)
