"""What comes with Catalyst is registered at the first start, and once."""

from functools import partial
from pathlib import Path

import pytest
from tests.support.rig import running, runtime
from tests.support.sources import until

from catalyst.blueprint_controller import main
from catalyst.blueprint_controller.adapters.directory import read_built_in
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.domain.dependencies import Blueprint
from catalyst.blueprint_controller.domain.places import blueprint_ref, source_ref
from catalyst.blueprint_controller.main import BlueprintController
from catalyst.blueprint_controller.ports import Reading
from catalyst.blueprints.starter import loading
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts.topology import EV

pytestmark = pytest.mark.real


async def test_the_starter_catalogue_is_registered_once(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [OSError("cannot be read now")]

    def read() -> Reading:
        # What fails here is tried again, and ends nobody.
        if broken:
            raise broken.pop()
        return read_built_in()

    monkeypatch.setattr(main, "read_built_in", read)
    keys = KeyRing.open(tmp_path / "keys")
    sources = AllSources(directories="", git_hosts=(), git_url="", token=lambda: "")
    for _ in range(2):
        standing = runtime(js, keys=keys, service="blueprint")
        member = BlueprintController(standing, sources, starter=True)
        async with running(member.worker) as worker:
            await member.seed()
            state = await until(
                partial(worker.states.state, source_ref(None, "starter")),
                lambda found: found.run > 0 and not found.reading,
                60,
            )
            assert (state.bad, state.failures) == (0, 0)
            assert len(state.held) == len(loading.names())
            for key in state.held:
                name, _, version = key.partition("@")
                ref = blueprint_ref(None, "public", name)
                await until(partial(worker.states.state, ref), partial(_published, version))
    sources.close()
    started = await js.replay(EV, "evt._.blueprint.source.starter.sync-started.v1")
    assert len(started) == 1


def _published(version: str, found: Blueprint) -> bool:
    return version in found.versions and found.versions[version].published
