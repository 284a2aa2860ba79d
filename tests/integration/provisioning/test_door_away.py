"""A change whose Git door is away for a while: it says so, waits, and then commits once."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.git.conftest import Served, identify
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import planning
from tests.support.between import Between, between
from tests.support.waiting import until

from catalyst.chassis import effect
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.topology import DLQ
from catalyst.environment_controller.adapters.git_http import by_token, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning.adapters.content import ReadVersions, StoredContents
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.effects import effects

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.10")]

BOTH = ("wiki", "wiki-postgres")


@dataclass
class Place:
    town: Town
    proxy: Between
    homes: Path

    async def delays(self, name: str) -> list[pro1.ChangeStepDelayed]:
        """Return what kept a change, oldest first."""
        events = await self.town.worker.states.history(change_ref("acme", name))
        return [one.event for one in events if isinstance(one.event, pro1.ChangeStepDelayed)]

    def subjects(self, repository: str) -> list[str]:
        folder = self.homes / "acme" / f"{repository}.git"
        done = subprocess.run(
            ["git", "-C", folder, "log", "--format=%s", "main"], capture_output=True, check=True
        )
        return done.stdout.decode().splitlines()


@pytest.fixture
async def place(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    monkeypatch.setattr(effect, "LONG_SECONDS", 0.2)
    root = GitRoot(tmp_path / "git")
    served = Served(git_app(root, by_token(identify)))
    try:
        async with between(f"http://127.0.0.1:{served.start()}") as proxy:
            outside = effects(
                GitRepositories(proxy.url, lambda: "provisioning"),
                ReadVersions(StoredContents(Objects(js))),
                planning.GIT_URL,
            )
            keys = KeyRing.open(tmp_path / "keys")
            async with town(js, keys, tmp_path, root=root, effects=outside) as found:
                yield Place(found, proxy, tmp_path / "git" / "homes")
                assert not (await js.stream_state(DLQ)).messages
    finally:
        served.stop()


async def test_a_change_says_that_the_door_is_away_and_goes_on_when_it_is_back(
    place: Place,
) -> None:
    place.proxy.hangs_up = True
    done = await place.town.apply("ch-1", await place.town.plan(planning.install()))
    assert done.status == "accepted", done

    async def told() -> bool:
        return {one.application for one in await place.delays("ch-1")} == set(BOTH)

    await until(told)
    state = await place.town.change("ch-1")
    assert (state.step, state.attempt) == ("repository", 1)
    (one, *_) = await place.delays("ch-1")
    assert (one.step, one.attempt, one.undo) == ("repository", 1, False)
    assert one.reason == "the Git door is away: it broke the connection off"
    place.proxy.hangs_up = False
    await place.town.reached("ch-1", "observe")
    # Each was told once for each reason, however often it was tried.
    assert len(await place.delays("ch-1")) == len(BOTH)
    state = await place.town.change("ch-1")
    for name in BOTH:
        begun, installed = f"Begin the repository of {name}", f"Install {name} in {PROD}"
        found = place.subjects(name)
        assert len(found) == 2
        assert found[-1] == begun
        assert found[0].startswith(installed)
        assert set(state.commits[name]) == {PROD}
