"""Sources as real Git serves them: what is fetched, at which commit, and what moves below it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.blueprint_controller.test_git import HOME, add, organization
from tests.support.real_git import Exchange, RealGit
from tests.support.sources import Registry, document, registering, until, write

from catalyst.blueprint_controller.domain.places import source_ref
from catalyst.chassis.jetstream.broker import JetStream

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G22.7")]

LARGE = 300_000
"""Bytes that nothing makes smaller, and that stand in the first commit."""


@dataclass
class Reading:
    """A source of an Organization, and the repository that it reads."""

    git: RealGit
    registry: Registry
    clone: Path
    runs: int = 1

    async def first(self) -> Any:
        """Add the source; return it once it was read."""
        assert await add(self.registry, "acme", HOME.format("acme")) == ""
        return await self.registry.read("shared", 1, "acme")

    async def again(self) -> tuple[Any, list[Exchange]]:
        """Read it again; return it, and what went over the wire."""
        self.git.served.clear()
        self.runs += 1
        told = await self.registry.send(
            "blueprint.sync-source.v1", source_ref("acme", "shared"), {}, email="ada@acme.example"
        )
        assert told.status == "accepted"
        source = await self.registry.read("shared", self.runs, "acme")
        return source, list(self.git.served)

    async def versions(self, name: str, *versions: str) -> None:
        """Wait until these versions are published, and no others are there."""
        state = await until(
            lambda: self.registry.blueprint(name, "private", "acme"),
            lambda state: all(
                version in state.versions and state.versions[version].published
                for version in versions
            ),
        )
        assert set(state.versions) == set(versions)

    @property
    def bare(self) -> Path:
        """The repository that is served."""
        return self.git.home / HOME.format("acme").strip("/")


@asynccontextmanager
async def reading(js: JetStream, tmp_path: Path) -> AsyncIterator[Reading]:
    """Serve a repository with two Blueprints and something large beside them."""
    git = RealGit(tmp_path / "served")
    clone = git.repository(HOME.format("acme").strip("/"))
    write(clone, "wiki", document("bp-wiki"))
    write(clone, "forge", document("bp-forge"))
    (clone / "large").write_bytes(random.Random(1).randbytes(LARGE))  # noqa: S311 - for a test
    git.push(clone)
    async with git.serving() as url, registering(js, tmp_path, git_url=url) as registry:
        await organization(js, "acme")
        yield Reading(git, registry, clone)


def posts(served: list[Exchange]) -> list[Exchange]:
    """Return what asked for objects."""
    return [one for one in served if one.method == "POST"]


async def test_a_second_reading_fetches_what_is_new_and_nothing_else(
    js: JetStream, tmp_path: Path
) -> None:
    async with reading(js, tmp_path) as one:
        git, clone = one.git, one.clone
        old = git("rev-parse", "HEAD", at=clone)
        source = await one.first()
        assert (source.failures, source.revision) == (0, old)
        *_, whole = posts(git.served)
        assert set(whole.wants) == {old}
        assert len(whole.answered) > LARGE
        assert whole.objects == int(git("rev-list", "--objects", "--count", "HEAD", at=clone))

        # Nothing moved, so nothing is fetched.
        source, served = await one.again()
        assert (source.failures, source.revision, posts(served)) == (0, old, [])

        write(clone, "wiki", document("bp-wiki", "1.1.0"))
        new = git.push(clone)
        source, served = await one.again()
        assert (source.failures, source.revision) == (0, new)
        *_, less = posts(served)
        assert set(less.wants) == {new}
        assert old in less.haves
        # One commit, its folder, the folder in it, and one document.
        assert less.objects == 4
        assert sum(len(exchange.answered) for exchange in served) < LARGE // 50
        await one.versions("bp-wiki", "1.0.0", "1.1.0")
        await one.versions("bp-forge", "1.0.0")


async def test_what_is_read_is_one_commit_whatever_else_is_there(
    js: JetStream, tmp_path: Path
) -> None:
    async with reading(js, tmp_path) as one:
        git, clone = one.git, one.clone
        main = git("rev-parse", "HEAD", at=clone)
        # Another branch and a tag lead elsewhere.
        git("switch", "--quiet", "--create", "next", at=clone)
        write(clone, "wiki", document("bp-wiki", "9.0.0"))
        git.push(clone)
        git("tag", "v9", at=clone)
        git("push", "--quiet", "origin", "v9", at=clone)
        source = await one.first()
        assert (source.revision, set(source.held)) == (main, {"bp-wiki@1.0.0", "bp-forge@1.0.0"})
        assert {want for exchange in posts(git.served) for want in exchange.wants} == {main}
        # The branch is moved there.
        git("push", "--quiet", "origin", "next:main", at=clone)
        source, _ = await one.again()
        assert source.revision == git("rev-parse", "next", at=clone)
        assert set(source.held) == {"bp-wiki@9.0.0", "bp-forge@1.0.0"}
        await one.versions("bp-wiki", "1.0.0", "9.0.0")


async def test_what_is_pushed_by_force_is_read_and_what_is_gone_is_told(
    js: JetStream, tmp_path: Path
) -> None:
    async with reading(js, tmp_path) as one:
        git, clone = one.git, one.clone
        old = (await one.first()).revision
        # Another history, of which nothing is known, and of the old one nothing is left.
        git("switch", "--quiet", "--orphan", "other", at=clone)
        write(clone, "wiki", document("bp-wiki", "1.1.0"))
        git("add", "--all", at=clone)
        git("commit", "--quiet", "--message=again", at=clone)
        git("push", "--quiet", "--force", "origin", "other:main", at=clone)
        git("reflog", "expire", "--expire=now", "--all", at=one.bare)
        git("gc", "--quiet", "--prune=now", at=one.bare)
        source, served = await one.again()
        assert (source.failures, set(source.held)) == (0, {"bp-wiki@1.1.0"})
        assert source.revision == git("rev-parse", "other", at=clone) != old
        *_, fetched = posts(served)
        assert old in fetched.haves
        assert fetched.objects == 4
        await one.versions("bp-wiki", "1.0.0", "1.1.0")
        # And back to what was there, which is still known here.
        git("push", "--quiet", "--force", "origin", f"{old}:main", at=clone)
        source, served = await one.again()
        assert (source.failures, source.revision, posts(served)) == (0, old, [])
        assert set(source.held) == {"bp-wiki@1.0.0", "bp-forge@1.0.0"}


@pytest.mark.guarantee("G22.4")
async def test_a_repository_that_is_gone_keeps_what_it_gave_and_may_come_back(
    js: JetStream, tmp_path: Path
) -> None:
    async with reading(js, tmp_path) as one:
        git, clone = one.git, one.clone
        first = await one.first()
        away = one.bare.rename(one.bare.with_name("away.git"))
        for failures in (1, 2):
            source, served = await one.again()
            assert [exchange.status for exchange in served] == [404]
            assert (source.failures, source.revision) == (failures, first.revision)
            assert source.held == first.held
        away.rename(one.bare)
        # The branch alone is gone.
        git("branch", "--quiet", "--move", "main", "aside", at=one.bare)
        source, _ = await one.again()
        assert (source.failures, source.held) == (3, first.held)
        git("branch", "--quiet", "--move", "aside", "main", at=one.bare)
        write(clone, "forge", document("bp-forge", "2.0.0"))
        new = git.push(clone)
        source, served = await one.again()
        assert (source.failures, source.revision) == (0, new)
        *_, fetched = posts(served)
        assert fetched.objects == 4
        await one.versions("bp-forge", "1.0.0", "2.0.0")
        await one.versions("bp-wiki", "1.0.0")
