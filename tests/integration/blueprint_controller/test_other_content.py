"""Two sources, and one that changes meanwhile, hold other content under one version.

Whoever is registered first stays, wherever a worker dies: until it is told that a version is
registered, any content may become it, although some of it stands in the store already. From then
on nothing replaces it, and each source that holds other content says so.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.blueprint_controller.deaths import Point, Site, side_by_side
from tests.support.broker import SharedBroker
from tests.support.crashes import SHARE, points
from tests.support.invariants import check_log
from tests.support.rig import deliver_again_after
from tests.support.sources import document, write
from tests.support.waiting import until
from typing_extensions import override

from catalyst.blueprint_controller.adapters.content import StoredContent
from catalyst.blueprint_controller.domain.places import blueprint_ref, source_ref
from catalyst.blueprints.package import digest
from catalyst.blueprints.reading import read_tar
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts.message import Envelope
from catalyst.contracts.topology import CMD, EV

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600 if SHARE else 600)]
NAME, VERSION = "bp-app", "1.0.0"
KEY = f"{NAME}@{VERSION}"
SOURCES = ("one", "two")
REGISTERED = f"evt._.blueprint.blueprint.public-{NAME}.version-registered.v1"


def content(team: str) -> str:
    return document(NAME, VERSION, more=f"  owner: {{team: {team}}}\n")


@dataclass
class Contest(Site):
    """Neither source waits for the other; while nobody works, the first one changes."""

    services: tuple[str, ...] = ("blueprint",)
    announced: list[str] = field(default_factory=list)
    """The content that had been told as the version's when the worker died."""

    @override
    async def _history(self, js: JetStream) -> None:
        for source in SOURCES:
            write(self.folder / "sources" / source, "app", content(source))
        for source in SOURCES:
            place = {"kind": "directory", "location": source, "origin": "public"}
            await self._send(js, "blueprint.add-source.v1", source_ref(None, source), place)
        for source in SOURCES:
            await self._ended(js, source, 1)
        for source in SOURCES:
            await self._send(js, "blueprint.sync-source.v1", source_ref(None, source), {})
            await self._ended(js, source, 2)
        await until(lambda: _nothing_asked(js), 90)

    async def _ended(self, js: JetStream, source: str, run: int) -> None:
        async def ended() -> bool:
            found = await self._state(js, source_ref(None, source))
            return bool(found.run >= run and not found.reading)

        await until(ended, 90)

    @override
    async def _left_behind(self, js: JetStream) -> None:
        self.announced = await registered(js)
        write(self.folder / "sources" / SOURCES[0], "app", content("changed"))

    async def checked(self, js: JetStream) -> str:
        """Hold what there is in the end against the promise; return whose content won."""
        outcomes = await check_log(js)
        assert not (await js.stream_state("DLQ")).messages
        told = await registered(js)
        assert len(told) == 1
        assert self.announced in ([], told)
        state = await self._state(js, blueprint_ref(None, "public", NAME))
        assert [one.digest for one in state.versions.values()] == told
        package = read_tar(await StoredContent(js).get(told[0]))
        assert digest(package) == told[0]
        asked = [one for one in outcomes if one.type == "blueprint.register-version.v1"]
        assert {one.code for one in asked} <= {"", "version-immutable"}
        held: Mapping[str, Any] = {
            source: await self._state(js, source_ref(None, source)) for source in SOURCES
        }
        for source in held.values():
            other = source.held[KEY].digest != told[0]
            assert source.refused == ({KEY: "version-immutable"} if other else {})
        assert set(self.refused.values()) == {""}
        (team,) = [
            team
            for team in (*SOURCES, "changed")
            if f"team: {team}}}" in package.files["blueprint.yaml"].decode()
        ]
        return team


async def registered(js: JetStream) -> list[str]:
    """Return the contents that were told as the version's, in turn."""
    log = await js.replay(EV, REGISTERED)
    data = [msgspec.json.decode(one.data, type=Envelope).data for one in log]
    return [msgspec.json.decode(one)["digest"] for one in data]


async def _nothing_asked(js: JetStream) -> bool:
    if (await js.stream_state(CMD)).messages:
        return False
    listed = await js.api(f"CONSUMER.LIST.{EV}", {"offset": 0})
    return all(
        not (one["num_pending"] or one["num_ack_pending"]) for one in listed["consumers"] or ()
    )


@pytest.mark.guarantee("G22.1")
async def test_what_is_told_as_a_versions_content_stays_wherever_a_worker_dies(
    shared_broker: SharedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_again_after(monkeypatch, 4.0)
    keys = KeyRing.open(tmp_path / "keys")
    recorded = Contest(shared_broker.account(), keys, tmp_path / "recorded", {})
    assert await recorded.ended(recorded.checked) in SOURCES
    found: list[Point] = [{"blueprint": one} for one in points(recorded.calls["blueprint"], each=3)]
    if not (SHARE or os.environ.get("CI")):
        found = found[::3]
    sites = [
        Contest(shared_broker.account(), keys, tmp_path / f"site-{number}", point)
        for number, point in enumerate(found)
    ]
    winners: list[str] = []

    async def won(site: Contest) -> None:
        winners.append(await site.ended(site.checked))

    await side_by_side(sites, won)
    # Some died before anything was told, and what had changed meanwhile came first; some later.
    # A share of the points may lie on one side of that.
    assert SHARE or {"changed"} < set(winners)
    assert SHARE or any(site.announced for site in sites)
