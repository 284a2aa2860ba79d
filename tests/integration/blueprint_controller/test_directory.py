"""Directories as sources: what is good is registered, what is wrong is told, nothing is lost."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.sources import document, registering, until, write

from catalyst.blueprint_controller.domain import schedule
from catalyst.blueprint_controller.domain.places import blueprint_ref
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects

pytestmark = pytest.mark.real


async def test_good_packages_are_registered_and_bad_ones_told(
    js: JetStream, tmp_path: Path
) -> None:
    root = tmp_path / "sources" / "main"
    write(root, "wiki", document("bp-wiki"))
    write(root, "wiki-2", document("bp-wiki", "2.0.0"))
    write(root, "broken", "apiVersion: catalyst.openova.io/v1\nkind: Blueprint\nspec: {}\n")
    linked = write(root, "linked", document("bp-linked"))
    (linked / "secret").symlink_to("/etc/passwd")
    write(root, "twice", document("bp-wiki"))
    async with registering(js, tmp_path) as registry:
        assert (await registry.add("main", "main")).status == "accepted"
        source = await registry.read("main", 1)
        assert (source.failures, source.bad) == (0, 3)
        assert set(source.held) == {"bp-wiki@1.0.0", "bp-wiki@2.0.0"}
        wiki = await registry.published("bp-wiki", "1.0.0", "2.0.0")
        content = Objects(js)
        for version in wiki.versions.values():
            assert await content.get(version.digest)


@pytest.mark.guarantee("G22.3")
async def test_what_is_missing_is_waited_for(js: JetStream, tmp_path: Path) -> None:
    root = tmp_path / "sources" / "main"
    write(root, "a", document("bp-aa", "1.0.0", "bp-bb ^1"))
    write(root, "b", document("bp-bb", "1.0.0", "bp-cc ^2"))
    write(root, "c", document("bp-cc", "1.0.0"))
    async with registering(js, tmp_path) as registry:
        await registry.add("main", "main")
        await registry.read("main", 1)
        await registry.published("bp-cc", "1.0.0")
        waiting = await until(
            lambda: registry.blueprint("bp-aa"), lambda state: "1.0.0" in state.versions
        )
        assert [one.blueprint for one in waiting.versions["1.0.0"].missing] == ["bp-bb"]
        write(root, "c2", document("bp-cc", "2.1.0"))
        assert (await registry.sync("main")).status == "accepted"
        await registry.published("bp-aa", "1.0.0")
        await registry.published("bp-bb", "1.0.0")


async def test_a_circle_is_refused_with_the_way(js: JetStream, tmp_path: Path) -> None:
    root = tmp_path / "sources" / "main"
    write(root, "a", document("bp-aa", "1.0.0", "bp-bb"))
    write(root, "b", document("bp-bb", "1.0.0", "bp-aa"))
    async with registering(js, tmp_path) as registry:
        await registry.add("main", "main")
        source = await registry.read("main", 1)
        assert (source.bad, source.held) == (2, {})


async def test_a_circle_is_none_any_more_once_what_closed_it_is_yanked(
    js: JetStream, tmp_path: Path
) -> None:
    root = tmp_path / "sources" / "main"
    write(root, "a", document("bp-aa", "1.0.0", "bp-bb"))
    async with registering(js, tmp_path) as registry:
        await registry.add("main", "main")
        await registry.read("main", 1)
        await until(lambda: registry.blueprint("bp-aa"), lambda state: "1.0.0" in state.versions)
        write(root, "b", document("bp-bb", "1.0.0", "bp-aa ^1"))
        write(root, "b2", document("bp-bb", "2.0.0", "bp-aa ^2"))
        await registry.sync("main")
        assert (await registry.read("main", 2)).bad == 2  # Each needs the other.
        aa = blueprint_ref(None, "public", "bp-aa")
        yank = {"version": "1.0.0", "reason": "It needs what needs it."}
        assert (await registry.send("blueprint.yank-version.v1", aa, yank)).status == "accepted"
        await registry.sync("main")
        source = await registry.read("main", 3)
        assert (source.bad, set(source.held)) == (
            *(0, {"bp-aa@1.0.0", "bp-bb@1.0.0", "bp-bb@2.0.0"}),
        )


@pytest.mark.guarantee("G22.1")
async def test_content_never_changes(js: JetStream, tmp_path: Path) -> None:
    root = tmp_path / "sources" / "main"
    write(root, "wiki", document("bp-wiki"))
    async with registering(js, tmp_path) as registry:
        await registry.add("main", "main")
        await registry.read("main", 1)
        before = await registry.published("bp-wiki", "1.0.0")
        write(root, "wiki", document("bp-wiki"), **{"README.md": "changed"})
        await registry.sync("main")
        await registry.read("main", 2)

        source = await until(lambda: registry.source("main"), lambda s: bool(s.refused))
        assert source.refused == {"bp-wiki@1.0.0": "version-immutable"}
        assert await registry.blueprint("bp-wiki") == before


@pytest.mark.guarantee("G22.4")
async def test_a_source_that_breaks_recovers_by_itself(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "FIRST_RETRY", timedelta(seconds=0.5))
    root = tmp_path / "sources" / "main"
    write(root, "wiki", document("bp-wiki"))
    write(tmp_path / "sources" / "other", "shop", document("bp-shop"))
    async with registering(js, tmp_path) as registry:
        await registry.add("main", "main")
        await registry.read("main", 1)
        good = (await registry.source("main")).revision
        root.rename(tmp_path / "away")
        await registry.sync("main")
        source = await registry.read("main", 2)
        assert source.failures
        assert source.revision == good
        assert set(source.held) == {"bp-wiki@1.0.0"}
        # Its neighbour is none the worse for it.
        await registry.add("other", "other")
        assert (await registry.read("other", 1)).failures == 0
        write(tmp_path / "away", "wiki", document("bp-wiki", "1.1.0"))
        (tmp_path / "away").rename(root)
        # Nobody asks for it.
        await until(lambda: registry.source("main"), lambda s: s.failures == 0)
        await registry.published("bp-wiki", "1.0.0", "1.1.0")
