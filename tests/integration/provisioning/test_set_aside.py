"""What the Environment was asked for is set aside, and retried when another change has come."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.billing.town import ROOT
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import planning
from tests.support.invariants import check_log
from tests.support.rig import Sender
from tests.support.waiting import until

from catalyst.chassis import timer
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import codec, roles
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Outcome
from catalyst.contracts.topology import DLQ
from catalyst.environment_controller import handlers
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.steps import UNDO_ATTEMPTS, WAYS
from catalyst.provisioning.domain.writing import DEADLINE

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.18")]

HOME = foreign.environment_ref("acme", PROD)
BOTH = ("wiki", "wiki-postgres")


class Mood:
    """Whether the rules of admission have a bug today."""

    broken = False


@pytest.fixture
def mood(monkeypatch: pytest.MonkeyPatch) -> Mood:
    found = Mood()

    def moody(rule: Any) -> Any:
        def decide(state: Any, command: Any, context: Any) -> Any:
            if found.broken:
                raise ZeroDivisionError("a bug")
            return rule.decide(state, command, context)

        return dataclasses.replace(rule, decide=decide)

    asked = {env1.AdmitApplication, env1.ReleaseApplication}
    rules = tuple(moody(rule) if rule.shape in asked else rule for rule in handlers.RULES)
    monkeypatch.setattr(handlers, "RULES", rules)
    return found


@pytest.fixture
async def place(js: JetStream, mood: Mood, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        yield found
        await check_log(js)


async def nobody_answers(place: Town, name: str) -> None:
    """Let the deadline of a change pass until it is over."""
    ref = change_ref("acme", name)
    while not (state := await place.change(name)).is_over:
        body = timer.Body(timer=DEADLINE, gen=state.gen)
        await place.js.publish(Outgoing(ref.due(DEADLINE), codec.encode(body)))

        async def passed(gen: str = state.gen) -> bool:
            return (await place.change(name)).gen != gen

        await until(passed)


async def stand(place: Town) -> tuple[str, ...]:
    home: foreign.Environment = await place.worker.states.state(HOME)
    return home.applications


async def retry(place: Town) -> Outcome:
    sender = Sender(place.js)
    token = place.keys.people().person(ROOT, [roles.SOVEREIGN_ADMIN])
    sent = await sender.send(
        "environment.retry.v1",
        PROD,
        organization="acme",
        aggregate="environment",
        headers={"Authorization": f"Bearer {token}"},
    )
    return await sender.outcome("acme", sent)


async def test_what_was_set_aside_takes_nothing_from_the_change_that_has_come(
    place: Town, mood: Mood
) -> None:
    mood.broken = True
    first = await place.apply("ch-1", await place.plan(planning.install()))
    assert first.status == "accepted", first
    await nobody_answers(place, "ch-1")
    assert (await place.change("ch-1")).left == ("admit: the deadline passed",)
    second = await place.apply("ch-2", await place.plan(planning.install()))
    assert second.status == "accepted", second
    sent = len(BOTH) * (WAYS["admit"].attempts + UNDO_ATTEMPTS + 1)

    async def all_set_aside() -> bool:
        return (await place.js.stream_state(DLQ)).messages == sent

    await until(all_set_aside)
    mood.broken = False
    done = await retry(place)
    assert done.status == "accepted", (done.code, done.message)
    assert (await place.through("ch-2")).status == "completed"
    assert await stand(place) == BOTH
    # The change that gave up has heard what became of that.
    gave_up = await place.change("ch-1")
    assert (gave_up.status, gave_up.left, gave_up.undone) == ("failed", (), ("admit",))
    # And once more, later still: as a message that nobody has seen until now.
    for name in BOTH:
        admit = env1.AdmitApplication(application=name, change="ch-1")
        asked = await place.money.ask(admit, "acme", PROD, by="provisioning")
        assert asked.code == "change-over"
        release = env1.ReleaseApplication(application=name, change="ch-1")
        asked = await place.money.ask(release, "acme", PROD, by="provisioning")
        assert asked.code == "application-wanted"
    assert await stand(place) == BOTH
