"""Effects: attempts, waiting, giving up, and the one report of each."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from catalyst.chassis import clock, parking
from catalyst.chassis import effect as effects
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
from catalyst.chassis.measures import Measures
from catalyst.chassis.service import Effect, Loader, Report
from catalyst.chassis.telemetry import Telemetry
from catalyst.contracts import codec, environment_v1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Envelope
from catalyst.contracts.subjects import Ref

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = timedelta(milliseconds=1)
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

    max_payload = 1024 * 1024

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.runs = 0
        self.seqs: list[int] = []
        self.published: list[Outgoing] = []
        self.away = 0
        self.settled: list[Verdict] = []
        self.registry = CollectorRegistry()
        self.until: datetime | None = None
        self.times: list[datetime] = []
        self.purged: list[str] = []

    async def now(self) -> datetime:
        return self.times.pop(0)

    def waited(self) -> float | None:
        name = "catalyst_worker_effect_wait_seconds"
        return self.registry.get_sample_value(name, {"effect": "git"})

    def counted(self, result: str) -> float | None:
        labels = {"effect": "git", "result": result}
        return self.registry.get_sample_value("catalyst_worker_effects_total", labels)

    async def run(self, recorded: Recorded, load: Loader) -> Report | None:
        self.runs += 1
        self.seqs.append(recorded.seq)
        answer = self.answers.pop(0) if self.answers else REPORT
        if isinstance(answer, Exception):
            raise answer
        return cast("Report | None", answer)

    async def api(self, suffix: str, payload: dict[str, str]) -> dict[str, Any]:
        assert suffix == "STREAM.PURGE.DLQ"
        self.purged.append(payload["filter"])
        return {}

    async def publish(self, message: Outgoing) -> Ack:
        if self.away:
            self.away -= 1
            raise Unavailable(503, 0, "away")
        self.published.append(message)
        return Ack("CMD", len(self.published))

    async def settle(self, given: Delivery, verdict: Verdict) -> None:
        self.settled.append(verdict)

    async def carry_out(
        self,
        failed: Report | None = None,
        deliveries: int = 1,
        letter: parking.Letter | None = None,
        made: Callable[[int], Delivery] = delivery,
        name: str = "git",
        waits: Callable[[Recorded, str], Report | None] = lambda recorded, why: None,
    ) -> None:
        effect = Effect(
            name=name,
            events=(environment_v1.StepStarted,),
            run=self.run,
            failed=lambda recorded, why: failed,
            lane=lambda recorded: recorded.ref.organization or "",
            until=lambda recorded: self.until,
            waits=waits,
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
                now=self.now,
                telemetry=Telemetry("environment"),
                measures=Measures(self.registry),
            )
            for number in range(deliveries):
                rest = running.accept(made(7 + number))
                if rest is not None:
                    await rest
            if letter is not None:
                running.again(letter)
            await running.lanes.drained()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_PAUSE_SECONDS", "_PUBLISH_PAUSE_SECONDS"):
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
    outside = Outside(LookupError("a bug"), LookupError("the same"), REPORT)
    await outside.carry_out()
    assert outside.runs == 3
    assert len(outside.published) == 1
    assert (outside.counted("again"), outside.counted("done")) == (2, 1)


BUSY = Retry("busy", after_seconds=0.0)


@pytest.mark.guarantee("G7.7")
async def test_a_world_that_is_not_ready_takes_no_attempt() -> None:
    bugs = [LookupError("a bug")] * (effects.MAX_ATTEMPTS - 1)
    waits = [BUSY] * (effects.MAX_ATTEMPTS * 3)
    outside = Outside(*waits, *bugs, *waits, REPORT)
    await outside.carry_out()
    assert outside.runs == len(waits) * 2 + len(bugs) + 1
    assert len(outside.published) == 1
    assert outside.counted("waits") == len(waits) * 2
    assert (outside.counted("again"), outside.counted("given-up")) == (len(bugs), None)


@pytest.mark.guarantee("G7.7")
async def test_what_is_behind_an_effect_that_waits_keeps_its_place() -> None:
    outside = Outside(*[BUSY] * 9)
    await outside.carry_out(deliveries=3)
    assert outside.seqs == [7] * 10 + [8, 9]


@pytest.mark.guarantee("G7.7")
async def test_an_effect_waits_no_longer_than_its_deadline() -> None:
    outside = Outside(*[BUSY] * 9)
    outside.until = NOON
    outside.times = [NOON - HOUR, NOON - MOMENT, NOON, NOON + HOUR]
    await outside.carry_out(failed=REPORT)
    assert outside.runs == 3
    assert len(outside.published) == 1
    assert (outside.counted("waits"), outside.counted("given-up")) == (2, 1)
    assert outside.settled == [Acked()]


async def test_an_effect_whose_deadline_has_passed_is_tried_once() -> None:
    outside = Outside()
    outside.until = NOON
    outside.times = [NOON + HOUR]
    await outside.carry_out()
    assert (outside.runs, outside.counted("done")) == (1, 1)


def test_pauses_grow_up_to_the_longest_and_stay_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "_FIRST_PAUSE_SECONDS", 0.25)
    assert [effects._pause(tries, 30.0) for tries in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert effects._pause(10_000, 30.0) == 30.0


@pytest.mark.guarantee("G7.7")
async def test_an_effect_that_waits_for_long_is_measured_and_logged_ever_less_often(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, effects.__name__)
    passed = iter(float(second) for second in range(10_000))
    monkeypatch.setattr(clock, "monotonic", lambda: next(passed))
    shown: list[float | None] = []
    outside = Outside(*[BUSY] * 300)
    original = outside.run

    async def looked_at(recorded: Recorded, load: Loader) -> Report | None:
        shown.append(outside.waited())
        return await original(recorded, load)

    monkeypatch.setattr(outside, "run", looked_at)
    await outside.carry_out()
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    # After 30 s of waiting, then after 60, 120, 240 and 480, for 300 tries of 2 s and more each.
    waited = [getattr(record, "waited_seconds") for record in told]  # noqa: B009
    assert waited[0] >= effects.LONG_SECONDS
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(waited))
    assert 4 <= len(told) <= 6
    assert shown[0] == 0
    assert (shown[1] or 0) > 0
    assert shown == sorted(shown, key=lambda value: value or 0)
    assert outside.waited() == 0


async def test_what_an_effect_waits_for_is_reported_once_it_lasts_and_once_for_each_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed = iter(float(second) for second in range(10_000))
    monkeypatch.setattr(clock, "monotonic", lambda: next(passed))
    full = Retry("full", after_seconds=0.0)
    told: list[str] = []

    def waits(_recorded: Recorded, why: str) -> Report:
        told.append(why)
        return REPORT

    def answers() -> list[Retry]:
        return [*[BUSY] * 60, *[full] * 3, *[BUSY] * 3]

    outside, again, quick = Outside(*answers()), Outside(*answers()), Outside(BUSY, full)
    await outside.carry_out(waits=waits)
    await again.carry_out(waits=waits)
    assert told == ["busy", "full"] * 2
    sent = [message.data for message in outside.published]
    assert len(sent) == len(set(sent)) == 3
    assert sent == [message.data for message in again.published]
    await quick.carry_out(waits=waits)
    assert len(told) == 4


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


def given_up() -> parking.Letter:
    return parking.unread(delivery(), parking.EFFECT_FAILED, "never", reaction="git")


@pytest.mark.guarantee("G7.6")
async def test_what_was_given_up_is_carried_out_when_asked_again_and_then_listed_no_more() -> None:
    outside = Outside()
    await outside.carry_out(deliveries=0, letter=given_up())
    assert (outside.runs, outside.seqs) == (1, [7])
    assert outside.purged == [OWNER.dead_letter("e", 7)]
    assert outside.published[0].subject == OWNER.command("report-step", 1)
    assert not outside.settled


@pytest.mark.guarantee("G7.6")
async def test_what_is_given_up_once_more_stays_listed() -> None:
    outside = Outside(Poison("never"))
    await outside.carry_out(deliveries=0, letter=given_up())
    assert (outside.runs, outside.published, outside.purged) == (1, [], [])
    assert outside.counted("given-up") == 1


@pytest.mark.guarantee("G5.9")
async def test_an_event_that_this_version_cannot_read_is_listed_and_not_passed_over() -> None:
    def newer(seq: int) -> Delivery:
        return msgspec.structs.replace(delivery(seq), subject=OWNER.event("step-imagined", 1))

    outside = Outside()
    await outside.carry_out(made=newer)
    (message,) = outside.published
    letter = msgspec.json.decode(message.data, type=parking.Letter)
    assert (letter.reason, letter.reaction, letter.sequence) == ("fold-failed", "git", 7)
    assert (outside.runs, outside.settled) == (0, [Acked()])


async def test_each_report_of_an_effect_is_published_under_an_id_of_its_own() -> None:
    outside, again = Outside((REPORT, REPORT)), Outside((REPORT, REPORT))
    await outside.carry_out()
    await again.carry_out()
    bodies = [message.data for message in outside.published]
    assert len(set(bodies)) == len(bodies) == 2
    assert [message.data for message in again.published] == bodies
    assert outside.settled == [Acked()]


async def test_two_effects_of_one_event_report_under_ids_of_their_own() -> None:
    """With the same id the second report would be taken for a repeat, and lost."""
    ids = set()
    for name in ("git", "deletion"):
        outside = Outside()
        await outside.carry_out(name=name)
        ids.add(msgspec.json.decode(outside.published[0].data, type=Envelope).id)
    assert len(ids) == 2
