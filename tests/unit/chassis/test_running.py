"""Lanes, the controller's loop and effects: order, backoff, and what a failure leaves."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.support.waiting import until

from catalyst.chassis import effect as effects
from catalyst.chassis import parking
from catalyst.chassis.effect import Effects
from catalyst.chassis.errors import Poison, Retry
from catalyst.chassis.jetstream.port import (
    Ack,
    Acked,
    Delivery,
    Outgoing,
    Unavailable,
    Verdict,
)
from catalyst.chassis.lane import Lanes
from catalyst.chassis.measures import Measures
from catalyst.chassis.reconcile import Reconciler
from catalyst.chassis.service import Effect, Loader, Report
from catalyst.chassis.telemetry import Telemetry
from catalyst.contracts import codec, environment_v1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Envelope
from catalyst.contracts.subjects import Ref

# ---- lanes


@given(st.lists(st.sampled_from("abc"), max_size=30))
async def test_a_lane_keeps_its_order_and_has_one_at_a_time(keys: list[str]) -> None:
    busy: set[str] = set()
    handled: list[tuple[str, int]] = []

    async def handle(item: tuple[str, int]) -> None:
        assert item[0] not in busy
        busy.add(item[0])
        await asyncio.sleep(0)
        busy.discard(item[0])
        handled.append(item)

    items = [(key, number) for number, key in enumerate(keys)]
    async with asyncio.TaskGroup() as tasks:
        lanes: Lanes[tuple[str, int]] = Lanes(tasks, handle)
        for item in items:
            lanes.put(item[0], item)
        await lanes.drained()
        assert lanes.open == 0
    for key in "abc":
        assert [item for item in handled if item[0] == key] == [
            item for item in items if item[0] == key
        ]


async def test_lanes_do_not_wait_for_each_other() -> None:
    gate = asyncio.Event()
    handled: list[str] = []

    async def handle(item: str) -> None:
        if item == "slow":
            await gate.wait()
        handled.append(item)

    async with asyncio.TaskGroup() as tasks:
        lanes: Lanes[str] = Lanes(tasks, handle)
        lanes.put("a", "slow")
        lanes.put("a", "behind")
        lanes.put("b", "quick")
        await until(lambda: handled == ["quick"])
        gate.set()
        await lanes.drained()
    assert handled == ["quick", "slow", "behind"]


async def test_lanes_that_are_abandoned_end_where_they_stand() -> None:
    handled: list[str] = []

    async def handle(item: str) -> None:
        handled.append(item)
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        lanes: Lanes[str] = Lanes(tasks, handle)
        lanes.put("a", "1")
        lanes.put("a", "2")
        lanes.put("b", "3")
        await until(lambda: len(handled) == 2)
        lanes.abandon()
    assert handled == ["1", "3"]


async def test_a_failure_ends_the_whole_group() -> None:
    async def handle(item: str) -> None:
        raise LookupError(item)

    with pytest.raises(ExceptionGroup) as ended:
        async with asyncio.TaskGroup() as tasks:
            Lanes(tasks, handle).put("a", "1")
    assert ended.group_contains(LookupError)


# ---- the controller's loop


async def test_marks_during_a_pass_lead_to_exactly_one_more() -> None:
    passes: list[str] = []
    gate = asyncio.Event()

    async def reconcile(key: str) -> float | None:
        passes.append(key)
        if len(passes) == 1:
            await gate.wait()
        return None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile)
        loop.mark("a")
        await until(lambda: len(passes) == 1)
        for _ in range(5):
            loop.mark("a")
        gate.set()
    assert passes == ["a", "a"]


async def test_one_pass_of_a_key_at_a_time_and_keys_side_by_side() -> None:
    busy: set[str] = set()
    most = 0

    async def reconcile(key: str) -> float | None:
        nonlocal most
        assert key not in busy
        busy.add(key)
        most = max(most, len(busy))
        await asyncio.sleep(0)
        busy.discard(key)
        return None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile)
        for _ in range(3):
            for key in "abc":
                loop.mark(key)
    assert most == 3


async def test_a_failing_key_backs_off_alone_and_says_why() -> None:
    failures = {"bad": 4}
    passes: list[str] = []
    seen: list[str] = []

    async def reconcile(key: str) -> float | None:
        passes.append(key)
        if failures.get(key):
            failures[key] -= 1
            if failures[key] % 2:
                raise Retry("not ready", after_seconds=0.0)
            raise ZeroDivisionError("a bug")
        return None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile, first_pause_seconds=0.001)
        loop.mark("bad")
        loop.mark("good")
        await until(lambda: "bad" in loop.failing)
        seen.append(loop.failing["bad"])
        assert "good" not in loop.failing
    assert passes.count("bad") == 5
    assert passes.count("good") == 1
    assert seen[0] in {"not ready", "ZeroDivisionError: a bug"}
    assert loop.failing == {}


async def test_backoff_doubles_up_to_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(self: Reconciler, key: str, seconds: float, *, skip_on_mark: bool) -> None:
        pauses.append(seconds)
        assert not skip_on_mark

    async def reconcile(key: str) -> float | None:
        if len(pauses) < 12:
            raise LookupError
        return None

    monkeypatch.setattr(Reconciler, "_pause", pause)
    async with asyncio.TaskGroup() as tasks:
        Reconciler(tasks, reconcile).mark("a")
    assert pauses[:4] == [0.25, 0.5, 1.0, 2.0]
    assert pauses[-1] == 60.0


async def test_a_pass_that_wants_to_look_again_is_woken_by_a_mark() -> None:
    passes = 0

    async def reconcile(key: str) -> float | None:
        nonlocal passes
        passes += 1
        return 3600.0 if passes == 1 else None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile)
        loop.mark("a")
        await until(lambda: passes == 1)
        loop.mark("a")
        await until(lambda: passes >= 2)
    assert passes == 2


# ---- effects

OWNER = Ref("acme", "environment", "onboarding", "acme")
STEP = environment_v1.StepStarted(
    slug="acme",
    step="git-home",
    attempt=1,
    gen="_g",
    deadline=datetime(2026, 1, 1, tzinfo=UTC),
    input="i",
)
REPORT = Report(
    ref=OWNER, command=environment_v1.ReportStep(step="git-home", status="done", attempt=1)
)


def delivery(seq: int = 7) -> Delivery:
    envelope = Envelope(
        specversion="1.0",
        id=f"_e{seq}",
        source="t",
        type="environment.step-started.v1",
        correlationid="c-1",
        data=msgspec.Raw(codec.encode(STEP)),
    )
    return Delivery(
        stream="EV",
        consumer="environment--git",
        subject=OWNER.event("step-started", 1),
        seq=seq,
        consumer_seq=1,
        delivered=1,
        time_ns=1_700_000_000_000_000_000,
        pending=0,
        data=codec.encode(envelope),
        headers={},
        token="t",
    )


class Outside:
    """The world that an effect acts on, and the broker that it reports to."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.runs = 0
        self.published: list[Outgoing] = []
        self.away = 0
        self.settled: list[Verdict] = []
        self.registry = CollectorRegistry()

    def counted(self, result: str) -> float | None:
        labels = {"effect": "git", "result": result}
        return self.registry.get_sample_value("catalyst_worker_effects_total", labels)

    async def run(self, recorded: Recorded, load: Loader) -> Report | None:
        self.runs += 1
        answer = self.answers.pop(0) if self.answers else REPORT
        if isinstance(answer, Exception):
            raise answer
        return cast("Report | None", answer)

    async def publish(self, message: Outgoing) -> Ack:
        if self.away:
            self.away -= 1
            raise Unavailable(503, 0, "away")
        self.published.append(message)
        return Ack("CMD", len(self.published))

    async def settle(self, given: Delivery, verdict: Verdict) -> None:
        self.settled.append(verdict)

    async def carry_out(self, failed: Report | None = None) -> None:
        effect = Effect(
            name="git",
            events=(environment_v1.StepStarted,),
            run=self.run,
            failed=lambda recorded, why: failed,
            lane=lambda recorded: recorded.ref.organization or "",
        )
        async with asyncio.TaskGroup() as tasks:
            running = Effects(
                effect,
                "environment",
                cast("Any", self),
                self.settle,
                cast("Any", None),
                lambda: "token",
                tasks,
                telemetry=Telemetry("environment"),
                measures=Measures(self.registry),
            )
            await running.accept(delivery())
            await running.lanes.drained()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_PAUSE_SECONDS", "_LONGEST_PAUSE_SECONDS", "_PUBLISH_PAUSE_SECONDS"):
        monkeypatch.setattr(effects, name, 0.0)


async def test_a_report_has_the_same_id_every_time() -> None:
    first, second = Outside(), Outside()
    await first.carry_out()
    await second.carry_out()
    assert first.published[0].data == second.published[0].data
    assert first.published[0].subject == OWNER.command("report-step", 1)
    assert first.published[0].headers == {"Authorization": "Bearer token"}
    assert first.settled == [Acked()]


async def test_an_effect_is_tried_again_and_reported_once() -> None:
    outside = Outside(LookupError("a bug"), Retry("busy", after_seconds=0.0), REPORT)
    await outside.carry_out()
    assert outside.runs == 3
    assert len(outside.published) == 1
    assert (outside.counted("again"), outside.counted("done")) == (2, 1)


async def test_a_broker_that_is_away_takes_no_attempt() -> None:
    away = Unavailable(503, 0, "away")
    outside = Outside(*[away] * (effects.MAX_ATTEMPTS * 2), REPORT)
    outside.away = 3
    await outside.carry_out()
    assert outside.runs == effects.MAX_ATTEMPTS * 2 + 1
    assert len(outside.published) == 1
    assert outside.settled == [Acked()]


async def test_an_effect_that_gives_up_reports_it() -> None:
    outside = Outside(*[LookupError("a bug")] * effects.MAX_ATTEMPTS)
    await outside.carry_out(failed=REPORT)
    assert outside.runs == effects.MAX_ATTEMPTS
    assert outside.published[0].subject == OWNER.command("report-step", 1)


async def test_an_effect_that_gives_up_unheard_is_listed_with_its_reason() -> None:
    outside = Outside(Poison("never"))
    await outside.carry_out()
    assert outside.runs == 1
    (message,) = outside.published
    assert message.subject == OWNER.dead_letter("e", 7)
    letter = msgspec.json.decode(message.data, type=parking.Letter)
    assert (letter.reason, letter.detail, letter.reaction) == ("effect-failed", "never", "git")
    assert outside.settled == [Acked()]
    assert (outside.counted("given-up"), outside.counted("done")) == (1, None)
