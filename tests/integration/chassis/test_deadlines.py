"""Deadlines of an onboarding: each fires once, for the step that still waits, and leads on."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.chassis.onboarded import facts, homes, settled
from tests.support.invariants import check_log, whole_log
from tests.support.rig import Sender, acme, working
from tests.support.sequential import CREATE
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Effect, Loader, Report, Service
from catalyst.contracts import environment_v1
from catalyst.contracts.decision import Recorded
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.domain import onboarding, progress
from catalyst.environment_controller.handlers import service

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("quick")]


class Silent:
    """An effect whose reports are lost, as long as it is told so."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    async def run(self, recorded: Recorded, load: Loader) -> Report | None:
        event = recorded.event
        if isinstance(event, environment_v1.StepStarted):
            self.heard.append(event.attempt)
            return None
        assert isinstance(event, environment_v1.CompensationStarted)
        command = environment_v1.ReportStep(
            step="undo-git-home", status="done", detail="removed", attempt=event.attempt
        )
        return Report(ref=recorded.ref, command=command)


def _silent(effect: Silent, home: DulwichHome) -> Service:
    quiet = Effect(
        name="git",
        events=(environment_v1.StepStarted, environment_v1.CompensationStarted),
        run=effect.run,
        failed=lambda recorded, why: None,
        lane=lambda recorded: recorded.ref.organization or "",
    )
    whole = service(home)
    return Service(
        name=whole.name,
        aggregates=whole.aggregates,
        rules=whole.rules,
        processes=whole.processes,
        effects=(quiet,),
    )


@pytest.mark.guarantee("G7.6", "G1.11", "G1.16")
async def test_a_deadline_that_passes_leads_to_attempts_and_then_takes_back(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = dict.fromkeys(progress.STEPS, timedelta(seconds=0.2))
    monkeypatch.setattr(onboarding, "STEP_TIME", short)
    effect = Silent()
    keys = KeyRing.open(tmp_path / "keys")
    async with homes(tmp_path / "git") as home, working(js, _silent(effect, home), keys=keys):
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")

        async def failed() -> bool:
            return "organization-failed" in await facts(js, "organization")

        await until(failed, 30)
        await until(lambda: settled(js))
        assert effect.heard == [1, 2, 3]
        expected = [
            "onboarding-started",
            *["step-started", "step-failed"] * 3,
            "compensation-started",
            "onboarding-failed",
        ]
        assert await facts(js, "onboarding") == expected
        firings = [item for item in await whole_log(js) if item.subject.startswith("due.")]
        # One for each attempt; that of taking back was cancelled.
        assert len(firings) == 3
        decided = [found.time for found in await check_log(js) if found.type == "timer"]
        assert sorted(decided) == [item.time for item in firings]

        # A firing that comes again, or for an arming that was replaced, changes nothing.
        outcomes = {found.id for found in await check_log(js)}
        stale = b'{"timer":"deadline","gen":"_nobody"}'
        for data in [*(item.data for item in firings), stale]:
            await js.publish(Outgoing(firings[0].subject, data))
        await until(lambda: settled(js))
        assert await facts(js, "onboarding") == expected
        (new,) = [item for item in await check_log(js) if item.id not in outcomes]
        assert (new.type, new.events) == ("timer", ())


@pytest.mark.guarantee("G1.11")
async def test_a_timer_of_a_step_that_is_done_does_not_fire(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        onboarding, "STEP_TIME", dict.fromkeys(progress.STEPS, timedelta(seconds=3))
    )
    keys = KeyRing.open(tmp_path / "keys")
    async with homes(tmp_path / "git") as home, working(js, service(home), keys=keys):
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")

        async def onboarded() -> bool:
            return "organization-ready" in await facts(js, "organization")

        await until(onboarded)
        # Another timer, armed later and due later, shows that the time has passed.
        due = "due.tmr.acme.environment.onboarding.acme.witness"
        state = await js.stream_state("EV")
        at = (state.ts + timedelta(seconds=4)).isoformat().replace("+00:00", "Z")
        await js.publish(
            Outgoing(
                "tmr.acme.environment.onboarding.acme.witness",
                b'{"timer":"witness","gen":"x"}',
                {
                    "Nats-Schedule": f"@at {at}",
                    "Nats-Schedule-Target": due,
                    "Nats-Schedule-TTL": "720h",
                },
            )
        )

        async def fired() -> bool:
            return await js.last("EV", due) is not None

        await until(fired)
        firings = [item.subject for item in await whole_log(js) if item.subject.startswith("due.")]
    assert firings == [due]
