"""Hundreds of versions at once: all of them registered, each once."""

from pathlib import Path

import pytest
from tests.support.sources import document, registering, until, write

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.contracts.topology import EV

pytestmark = pytest.mark.real

NAMES = 30
VERSIONS = 10


async def test_hundreds_of_versions_are_registered(js: JetStream, tmp_path: Path) -> None:
    root = tmp_path / "sources" / "main"
    for number in range(NAMES):
        name = f"bp-app-{number}"
        needs = [f"bp-app-{number // 2} ^1"] if number else []
        for version in range(VERSIONS):
            write(root, f"{name}/{version}", document(name, f"1.{version}.0", *needs))
    async with registering(js, tmp_path) as registry:
        await registry.add("main", "main")
        source = await until(
            lambda: registry.source("main"), lambda s: s.run == 1 and not s.reading, 60, 0.2
        )
        assert (len(source.held), source.bad) == (NAMES * VERSIONS, 0)
        versions = [f"1.{number}.0" for number in range(VERSIONS)]
        for number in range(NAMES):
            await registry.published(f"bp-app-{number}", *versions)
        registered = await js.replay(EV, "evt._.blueprint.blueprint.*.version-registered.v1")
        published = await js.replay(EV, "evt._.blueprint.blueprint.*.version-published.v1")
        assert (len(registered), len(published)) == (NAMES * VERSIONS, NAMES * VERSIONS)
