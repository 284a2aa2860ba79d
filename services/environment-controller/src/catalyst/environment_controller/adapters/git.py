"""Git homes as bare repositories on disk, written through dulwich; no git binary is needed.

Answers `ports.GitHome` for the effects. Objects are written and made durable before the branch
moves, and the branch moves by compare-and-set, so a kill leaves it before or behind a commit.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from dulwich.errors import NotGitRepository
from dulwich.file import FileLocked
from dulwich.objects import Commit, ObjectID, ShaFile, Tree
from dulwich.protocol import ZERO_SHA
from dulwich.refs import Ref
from dulwich.repo import Repo

from catalyst.chassis.commits import (
    committer,
    identity,
    message,
    seq_of,
)
from catalyst.chassis.errors import Retry
from catalyst.contracts.roles import HOME
from catalyst.environment_controller.adapters.git_root import GitRoot, RootBusy, sync
from catalyst.environment_controller.adapters.git_tidy import tidy
from catalyst.environment_controller.adapters.git_tree import edits, grown
from catalyst.environment_controller.ports import MAIN, Change, Head, HomeMissing, HomeState

PACKED_FROM: Final = 32
"""A commit with more new objects than this is stored as one pack: two files to make durable."""

COMMITTER: Final = committer("environment")

T = TypeVar("T")

R = TypeVar("R", bound=Repo)


class DulwichHome:
    """The Git homes below one root."""

    def __init__(self, root: GitRoot) -> None:
        """Use `root`, whose lock is taken by the first call."""
        self._root = root

    async def state(self, organization: str) -> HomeState:
        """Return whether the Organization has a home."""
        return await self._off(lambda: self._state(organization))

    async def ensure(self, organization: str) -> bool:
        """Create the home if there is none; return whether it was created now."""
        return await self._off(lambda: self._ensure(organization))

    async def commit(self, change: Change) -> str | None:
        """Make the commit; None if the branch is at its sequence or above.

        Raises:
            HomeMissing: If there is no live home.
            BadName: If a path is not one of a file in a repository.
        """
        return await self._off(lambda: self._commit(change))

    async def head(self, organization: str, branch: str = MAIN) -> Head | None:
        """Return where the branch stands; None if home or branch is missing."""
        return await self._off(lambda: self._head(organization, branch))

    async def covering(self, organization: str, seq: int, branch: str = MAIN) -> str | None:
        """Return the oldest commit whose `Catalyst-Seq` is `seq` or above."""
        return await self._off(lambda: self._covering(organization, seq, branch))

    async def archive(self, organization: str) -> None:
        """Set the home aside; nothing to do if there is none."""
        await self._off(lambda: self._archive(organization))

    async def remove(self, organization: str) -> None:
        """Delete the home with all it holds; nothing to do if there is none."""
        await self._off(lambda: self._remove(organization))

    async def _off(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread; what may pass by itself becomes `Retry`."""

        def held() -> T:
            with self._root.use():
                return work()

        try:
            return await asyncio.to_thread(held)
        except RootBusy as error:
            raise Retry(str(error), after_seconds=5) from error
        except FileLocked as error:
            raise Retry("a Git reference is locked", after_seconds=1) from error
        except OSError as error:
            raise Retry(f"the disk of the Git homes answered: {error.strerror}") from error

    def _state(self, organization: str) -> HomeState:
        if self._root.repository(organization).is_dir():
            return "live"
        return "archived" if self._root.archived(organization).is_dir() else "absent"

    def _ensure(self, organization: str) -> bool:
        if self._state(organization) != "absent":
            return False
        scratch = self._root.scratch()
        made = _bare(scratch / organization / f"{HOME}.git")
        _make_durable(scratch)
        made.parent.rename(self._root.live(organization))
        sync(self._root.live(organization).parent)
        scratch.rmdir()
        return True

    def _commit(self, change: Change) -> str | None:
        path = self._root.repository(change.organization)
        with self._root.writer(path), closing(opened(path)) as repo:
            ref = _branch(change.branch)
            parent = _tip(repo, ref)
            if parent is not None and _seq(repo, parent) >= change.seq:
                return None
            made: list[ShaFile] = []
            before = _commit_at(repo, parent).tree if parent is not None else None
            tree = _tree_at(repo, before) if before is not None else Tree()
            changes = edits(repo.object_store, tree, change)
            commit = _made(change, grown(repo.object_store, tree, changes, made).id, parent)
            _store(repo, [*made, commit])
            if not repo.refs.set_if_equals(ref, parent or ZERO_SHA, commit.id):
                raise Retry(f"the branch {change.branch!r} moved while it was written")
            tidy(repo)
            return commit.id.decode()

    def _head(self, organization: str, branch: str) -> Head | None:
        path = self._root.repository(organization)
        if not path.is_dir():
            return None
        with closing(opened(path)) as repo:
            tip = _tip(repo, _branch(branch))
            return None if tip is None else Head(tip.decode(), _seq(repo, tip))

    def _covering(self, organization: str, seq: int, branch: str) -> str | None:
        path = self._root.repository(organization)
        if not path.is_dir():
            return None
        with closing(opened(path)) as repo:
            found = None
            for commit in _history(repo, _tip(repo, _branch(branch))):
                number = seq_of(commit.message)
                if number is not None and number < seq:
                    break
                if number is not None:
                    found = commit.id.decode()
            return found

    def _archive(self, organization: str) -> None:
        live = self._root.live(organization)
        if live.is_dir():
            live.rename(self._root.archived(organization))
            sync(live.parent)

    def _remove(self, organization: str) -> None:
        live = self._root.live(organization)
        if live.is_dir():
            scratch = self._root.scratch()
            live.rename(scratch / organization)
            sync(live.parent)
            shutil.rmtree(scratch)


def ensure_repository(root: GitRoot, organization: str, name: str) -> None:
    """Make an Application's repository if there is none, and it may be made; else nothing happens.

    Called with the root in use. A kill leaves it whole or not there.
    """
    path = root.repository(organization, name)
    with root.writer(path):
        if path.is_dir() or not root.creatable(organization, name):
            return
        scratch = root.scratch()
        made = _bare(scratch / path.name)
        _make_durable(scratch)
        made.rename(path)
        sync(path.parent)
        scratch.rmdir()


def _bare(path: Path) -> Path:
    path.mkdir(parents=True)
    Repo.init_bare(str(path), default_branch=MAIN.encode()).close()
    return path


def opened(path: Path) -> Repo:
    """Open a live repository; see `opened_as`."""
    return opened_as(path, Repo)


def opened_as(path: Path, kind: type[R]) -> R:
    """Open a live repository as `kind`; what it writes is durable before a branch names it.

    Raises:
        HomeMissing: If nothing stands there.
        RuntimeError: If what stands there is no repository.
    """
    if not path.is_dir():
        raise HomeMissing(f"{path.parent.name!r} has no repository {path.name!r}")
    try:
        repo = kind(str(path))
    except NotGitRepository as error:
        raise RuntimeError(f"the repository {path.name!r} is damaged") from error
    repo.object_store.fsync_object_files = True
    return repo


def _branch(name: str) -> Ref:
    return Ref(b"refs/heads/" + name.encode())


def _tip(repo: Repo, ref: Ref) -> ObjectID | None:
    try:
        return repo.refs[ref]
    except KeyError:
        return None


def _commit_at(repo: Repo, commit: ObjectID) -> Commit:
    found = repo.object_store[commit]
    if not isinstance(found, Commit):
        raise TypeError(f"{commit.decode()} is no commit")
    return found


def _tree_at(repo: Repo, tree: ObjectID) -> Tree:
    found = repo.object_store[tree]
    if not isinstance(found, Tree):
        raise TypeError(f"{tree.decode()} is no tree")
    return found


def _history(repo: Repo, tip: ObjectID | None) -> Iterator[Commit]:
    """Yield commits from `tip` back, along first parents."""
    while tip is not None:
        commit = _commit_at(repo, tip)
        yield commit
        tip = commit.parents[0] if commit.parents else None


def _seq(repo: Repo, tip: ObjectID) -> int:
    """Return the newest `Catalyst-Seq` at or behind `tip`: a service may have pushed on top."""
    for commit in _history(repo, tip):
        number = seq_of(commit.message)
        if number is not None:
            return number
    return 0


def _made(change: Change, tree: ObjectID, parent: ObjectID | None) -> Commit:
    commit = Commit()
    commit.tree = tree
    commit.parents = [] if parent is None else [parent]
    commit.author = identity(change.actor)
    commit.committer = COMMITTER
    commit.author_time = commit.commit_time = int(change.time.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = None
    commit.message = message(change.summary, change.command, change.seq)
    return commit


def _store(repo: Repo, objects: list[ShaFile]) -> None:
    """Write the objects, each before what names it."""
    new = [item for item in objects if item.id not in repo.object_store]
    if len(new) > PACKED_FROM:
        repo.object_store.add_objects([(item, None) for item in new])
        return
    for item in new:
        repo.object_store.add_object(item)


def _make_durable(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            sync(Path(parent) / name)
        sync(Path(parent))
