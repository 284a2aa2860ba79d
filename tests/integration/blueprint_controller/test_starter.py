"""What comes with Catalyst is registered at the first start, and once."""

import re
from functools import partial
from pathlib import Path

import pytest
from tests.support.rig import running, runtime
from tests.support.sources import until
from tools import starters

from catalyst.blueprint_controller import main
from catalyst.blueprint_controller.adapters.directory import read_built_in
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.domain.dependencies import Blueprint
from catalyst.blueprint_controller.domain.places import blueprint_ref, source_ref
from catalyst.blueprint_controller.main import BlueprintController
from catalyst.blueprint_controller.ports import Reading
from catalyst.blueprints.package import DOCUMENT, Package, of_files
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


@pytest.mark.guarantee("G21.6")
async def test_what_knows_an_older_catalogue_gets_the_versions_of_this_one(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What needs nothing else, as this program has it and as one before it had it.
    now = [name for name in loading.names() if name.startswith(("bp-valkey", "bp-mailpit"))]
    before = {name: _before(loading.load(name)) for name in now}
    keys = KeyRing.open(tmp_path / "keys")
    monkeypatch.setattr(loading, "names", lambda: now)
    with monkeypatch.context() as older:
        older.setattr(loading, "load", before.__getitem__)
        assert await _registered(js, keys) == set(starters.current())
    held = await _registered(js, keys)

    assert held == set(starters.current())
    assert len(held) == len(now)
    started = await js.replay(EV, "evt._.blueprint.source.starter.sync-started.v1")
    assert len(started) == 2
    published = await js.replay(EV, "evt._.blueprint.blueprint.*.version-published.v1")
    assert len(published) == 2 * len(now)


def _before(content: Package) -> Package:
    """Return what stood there before its version was raised: other content in an older one."""
    text = content.text(DOCUMENT)
    version = re.search(r"(?m)^  version: (\d+\.\d+\.)(\d+)$", text)
    assert version is not None
    older = text.replace(version[0], f"  version: 0.9.{version[2]}")
    files = {**content.files, DOCUMENT: older.encode(), "README.md": b"# As it was\n"}
    return of_files(files)


async def _registered(js: JetStream, keys: KeyRing) -> set[str]:
    """Start a worker, and return what it holds once all of that is published."""
    sources = AllSources(directories="", git_hosts=(), git_url="", token=lambda: "")
    member = BlueprintController(runtime(js, keys=keys, service="blueprint"), sources, starter=True)
    revision = read_built_in().revision
    async with running(member.worker) as worker:
        await member.seed()
        state = await until(
            partial(worker.states.state, source_ref(None, "starter")),
            lambda found: found.revision == revision and not found.reading,
            60,
        )
        assert (state.bad, state.failures, dict(state.refused)) == (0, 0, {})
        for key in state.held:
            name, _, version = key.partition("@")
            ref = blueprint_ref(None, "public", name)
            await until(partial(worker.states.state, ref), partial(_published, version))
    sources.close()
    return set(state.held)


def _published(version: str, found: Blueprint) -> bool:
    return version in found.versions and found.versions[version].published
