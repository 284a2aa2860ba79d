"""What the Environment was asked for is set aside, and retried when another change has come."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.provisioning.delaying import Mood, nobody_answers, retry, set_aside
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import planning
from tests.support.invariants import check_log

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import environment_v1 as env1
from catalyst.environment_controller import handlers
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.steps import UNDO_ATTEMPTS, WAYS

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.18")]

HOME = foreign.environment_ref("acme", PROD)
BOTH = ("wiki", "wiki-postgres")


@pytest.fixture
def mood(monkeypatch: pytest.MonkeyPatch) -> Mood:
    found = Mood()
    found.spoil(monkeypatch, handlers, (env1.AdmitApplication, env1.ReleaseApplication))
    return found


@pytest.fixture
async def place(js: JetStream, mood: Mood, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        yield found
        await check_log(js)


async def stand(place: Town) -> tuple[str, ...]:
    home: foreign.Environment = await place.worker.states.state(HOME)
    return home.applications


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

    await set_aside(place, sent)
    mood.broken = False
    await retry(place, "environment", "environment", PROD)
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
