"""Repositories of Applications over Git's smart HTTP, spoken by dulwich; answers the effects.

A plain client: it fetches the tip of a branch, builds one commit on it in memory, and pushes it as
a compare-and-set on the branch. Who comes second fetches again and builds anew. One push at a time
goes to a repository from here; against everybody else the server decides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote
from weakref import WeakValueDictionary

from dulwich.objects import ObjectID
from dulwich.protocol import ZERO_SHA
from dulwich.refs import Ref

from catalyst.chassis.errors import Poison, Retry
from catalyst.provisioning.adapters.git_door import Door, NoRepository, Refs
from catalyst.provisioning.adapters.git_memory import Branch
from catalyst.provisioning.ports import Edit, Signed

RACES: Final = 20
"""Lost races on one branch, after which the effect waits as if the door were not there."""
_HEADS: Final = b"refs/heads/"

T = TypeVar("T")


class _Moved(Exception):
    """The branch no longer stands where it was fetched."""


class GitRepositories:
    """The repositories behind one Git door."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        """Speak to the door at `url`, the part before `/git/`, as the service of the token."""
        self._url = url.rstrip("/")
        self._token = token
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prepare(self, signed: Signed, branches: tuple[str, ...], edit: Edit) -> None:
        """Make the repository and its branches; see `ports.Repositories`."""
        await self._alone(signed, lambda: self._prepare(signed, branches, edit))

    async def commit(self, signed: Signed, branch: str, edit: Edit) -> str:
        """Commit, or find the commit; see `ports.Repositories`."""
        return await self._alone(signed, lambda: self._commit(signed, branch, edit))

    async def branches(self, organization: str, repository: str) -> tuple[str, ...]:
        """Return the branches that are there; see `ports.Repositories`."""
        return await asyncio.to_thread(lambda: self._branches(organization, repository))

    async def _alone(self, signed: Signed, work: Callable[[], T]) -> T:
        place = f"{signed.organization}/{signed.repository}"
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock:
            for _ in range(RACES):
                try:
                    return await asyncio.to_thread(work)
                except _Moved:
                    # Jittered, so that two who race do not meet again.
                    await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311
        raise Retry(f"the branches of {place} move all the time", after_seconds=1)

    def _prepare(self, signed: Signed, branches: tuple[str, ...], edit: Edit) -> None:
        made: dict[Ref, Branch] = {}
        begun = {_ref(name): Branch() for name in branches}
        for branch in begun.values():
            branch.commit(signed, edit)

        def updates(refs: Refs) -> Refs:
            # Asking for a push made the repository; what is missing is told by the same answer.
            made.update((ref, one) for ref, one in begun.items() if not _stands(refs, ref))
            return {ref: branch.tip for ref, branch in made.items()}

        with self._door(signed.organization, signed.repository) as door:
            try:
                _push(door, updates, lambda: list(made.values()))
            except NoRepository as error:
                reason = f"{signed.organization!r} has no Git home, or {signed.repository!r}"
                raise Poison(f"{reason} is no name for a repository") from error
            for name in branches:
                if _ref(name) not in made:
                    self._reopen(door, signed, name, edit)

    def _reopen(self, door: Door, signed: Signed, name: str, edit: Edit) -> None:
        branch = _fetched(door, name)
        # What is heard again after it was archived takes nothing into use.
        if branch.archived and not branch.carries(signed.seq):
            branch.commit(signed, edit)
            _advance(door, name, branch)

    def _commit(self, signed: Signed, name: str, edit: Edit) -> str:
        with self._door(signed.organization, signed.repository) as door:
            try:
                return _committed(door, signed, name, edit)
            except NoRepository as error:
                # It was made before: it is on its way back, or lost. Nobody writes it anew.
                raise Retry(f"the repository {signed.repository!r} is not there") from error

    def _branches(self, organization: str, repository: str) -> tuple[str, ...]:
        with self._door(organization, repository) as door:
            try:
                refs = door.refs()
            except NoRepository:
                return ()
        heads = (ref.removeprefix(_HEADS).decode() for ref in refs if ref.startswith(_HEADS))
        return tuple(sorted(heads))

    def _door(self, organization: str, repository: str) -> Door:
        path = f"git/{quote(organization, safe='')}/{quote(repository, safe='')}.git"
        return Door(self._url, self._token(), path)


def _committed(door: Door, signed: Signed, name: str, edit: Edit) -> str:
    branch = _fetched(door, name)
    if (branch.archived and branch.stays(edit)) or branch.holds(signed, edit):
        return branch.tip.decode()
    if not branch.carries(signed.seq):
        branch.commit(signed, edit)
        _advance(door, name, branch)
        return branch.tip.decode()
    if branch.seq != signed.seq:
        branch = _fetched(door, name, whole=True)
    return branch.covering(signed.seq)


def _ref(branch: str) -> Ref:
    return Ref(_HEADS + branch.encode())


def _stands(refs: Refs, ref: Ref) -> bool:
    return refs.get(ref, ZERO_SHA) != ZERO_SHA


def _fetched(door: Door, name: str, *, whole: bool = False) -> Branch:
    """Return the branch as it stands: its tip alone, or with all that is behind it."""
    found = Branch()

    def wants(refs: Refs) -> list[ObjectID]:
        tip = refs.get(_ref(name))
        if tip is None:
            return []
        found.began = found.tip = tip
        return [tip]

    door.fetch(found.repo, wants, depth=None if whole else 1)
    if found.tip and not whole and found.seq is None:
        # A commit of somebody else stands on top.
        return _fetched(door, name, whole=True)
    return found


def _advance(door: Door, name: str, branch: Branch) -> None:
    """Move the branch from where it was fetched to its new tip.

    Raises:
        _Moved: If it does not stand there any more.
    """
    ref, moved = _ref(name), False

    def updates(refs: Refs) -> Refs:
        nonlocal moved
        moved = refs.get(ref, ZERO_SHA) != (branch.began or ZERO_SHA)
        return {} if moved else {ref: branch.tip}

    _push(door, updates, lambda: [branch])
    if moved:
        raise _Moved


def _push(
    door: Door, updates: Callable[[Refs], Refs], branches: Callable[[], list[Branch]]
) -> None:
    for ref, problem in door.push(updates, lambda: Branch.pack(branches())).items():
        if "moved" in problem:
            raise _Moved
        name = ref.removeprefix(_HEADS).decode()
        if "archived" in problem:
            raise Poison(f"the branch {name!r} takes no commits: {problem}")
        raise Retry(f"the Git door refused the branch {name!r}: {problem}")
