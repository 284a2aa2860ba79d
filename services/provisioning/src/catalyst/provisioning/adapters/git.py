"""Repositories of Applications over Git's smart HTTP, spoken by dulwich; answers the effects.

A plain client: it fetches the tip of a branch, builds one commit on it in memory, and pushes it as
a compare-and-set on the branch. Who comes second fetches again and builds anew. One push at a time
goes to a repository from here; against everybody else the server decides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote
from weakref import WeakValueDictionary

from dulwich.client import HTTPUnauthorized, Urllib3HttpGitClient
from dulwich.errors import GitProtocolError, NotGitRepository, SendPackError
from dulwich.objects import ObjectID
from dulwich.protocol import ZERO_SHA
from dulwich.refs import Ref
from urllib3.exceptions import HTTPError

from catalyst.chassis.errors import Poison, Retry
from catalyst.provisioning.adapters.git_memory import Branch
from catalyst.provisioning.ports import Edit, Signed

TIMEOUT_SECONDS: Final = 20.0
"""For each request."""
RACES: Final = 20
"""Lost races on one branch, after which the effect waits as if the door were not there."""
USER: Final = "provisioning"
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
        return await _off(lambda: self._branches(organization, repository))

    async def _alone(self, signed: Signed, work: Callable[[], T]) -> T:
        place = f"{signed.organization}/{signed.repository}"
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock:
            for _ in range(RACES):
                try:
                    return await _off(work)
                except _Moved:
                    # Jittered, so that two who race do not meet again.
                    await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311
        raise Retry(f"the branches of {place} move all the time", after_seconds=1)

    def _prepare(self, signed: Signed, branches: tuple[str, ...], edit: Edit) -> None:
        client, path = self._client(signed.organization, signed.repository)
        made: dict[Ref, Branch] = {}

        def updates(refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
            # Asking for a push made the repository; what is missing is told by the same answer.
            for name in branches:
                ref = _ref(name)
                if refs.get(ref, ZERO_SHA) == ZERO_SHA:
                    made[ref] = Branch()
                    made[ref].commit(signed, edit)
            return {**refs, **{ref: branch.tip for ref, branch in made.items() if branch.tip}}

        _push(client, path, updates, lambda: list(made.values()))
        for name in branches:
            if _ref(name) not in made:
                self._reopen(client, path, signed, name, edit)

    def _reopen(
        self, client: Urllib3HttpGitClient, path: str, signed: Signed, name: str, edit: Edit
    ) -> None:
        branch = _fetched(client, path, name)
        # What is heard again after it was archived takes nothing into use.
        if branch.archived and not branch.carries(signed.seq):
            branch.commit(signed, edit)
            _advance(client, path, name, branch)

    def _commit(self, signed: Signed, name: str, edit: Edit) -> str:
        client, path = self._client(signed.organization, signed.repository)
        branch = _fetched(client, path, name)
        if (branch.archived and branch.stays(edit)) or branch.holds(signed, edit):
            return branch.tip.decode()
        if not branch.carries(signed.seq):
            branch.commit(signed, edit)
            _advance(client, path, name, branch)
            return branch.tip.decode()
        if branch.seq != signed.seq:
            branch = _fetched(client, path, name, whole=True)
        return branch.covering(signed.seq)

    def _branches(self, organization: str, repository: str) -> tuple[str, ...]:
        client, path = self._client(organization, repository)
        try:
            refs = client.get_refs(path).refs
        except NotGitRepository:
            return ()
        heads = (ref.removeprefix(_HEADS).decode() for ref in refs if ref.startswith(_HEADS))
        return tuple(sorted(heads))

    def _client(self, organization: str, repository: str) -> tuple[Urllib3HttpGitClient, str]:
        client = Urllib3HttpGitClient(
            self._url,
            username=USER,
            password=self._token(),
            timeout=TIMEOUT_SECONDS,
            quiet=True,
        )
        return client, f"git/{quote(organization, safe='')}/{quote(repository, safe='')}.git"


def _ref(branch: str) -> Ref:
    return Ref(_HEADS + branch.encode())


def _fetched(client: Urllib3HttpGitClient, path: str, name: str, *, whole: bool = False) -> Branch:
    """Return the branch as it stands: its tip alone, or with all that is behind it."""
    found = Branch()

    def wants(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
        tip = refs.get(_ref(name))
        if tip is None:
            return []
        found.began = found.tip = tip
        return [tip]

    client.fetch(path, found.repo, wants, depth=None if whole else 1, protocol_version=0)
    if found.tip and not whole and found.seq is None:
        # A commit of somebody else stands on top.
        return _fetched(client, path, name, whole=True)
    return found


def _advance(client: Urllib3HttpGitClient, path: str, name: str, branch: Branch) -> None:
    """Move the branch from where it was fetched to its new tip.

    Raises:
        _Moved: If it does not stand there any more.
    """
    ref = _ref(name)

    def updates(refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
        if refs.get(ref, ZERO_SHA) != (branch.began or ZERO_SHA):
            raise _Moved
        return {**refs, ref: branch.tip}

    _push(client, path, updates, lambda: [branch])


def _push(
    client: Urllib3HttpGitClient,
    path: str,
    updates: Callable[[dict[Ref, ObjectID]], dict[Ref, ObjectID]],
    branches: Callable[[], list[Branch]],
) -> None:
    changed: dict[Ref, ObjectID] = {}

    def only_changed(refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
        wanted = updates(refs)
        changed.update({ref: tip for ref, tip in wanted.items() if refs.get(ref) != tip})
        # Nothing to push is said with what is there already.
        return changed or refs

    result = client.send_pack(path, only_changed, lambda *_a, **_k: Branch.pack(branches()))
    for ref, problem in (result.ref_status or {}).items():
        if problem is None:
            continue
        if "moved" in problem:
            raise _Moved
        name = ref.removeprefix(_HEADS).decode()
        if "archived" in problem:
            raise Poison(f"the branch {name!r} takes no commits: {problem}")
        raise Retry(f"the Git door refused the branch {name!r}: {problem}")


async def _off(work: Callable[[], T]) -> T:
    """Do blocking work in a thread; what may pass by itself becomes `Retry`."""
    try:
        return await asyncio.to_thread(work)
    except NotGitRepository as error:
        raise Poison("there is no such repository, and its name is not one to be made") from error
    except HTTPUnauthorized as error:
        raise Retry("the Git door does not believe our token yet", after_seconds=1) from error
    except (GitProtocolError, SendPackError, HTTPError, OSError) as error:
        raise Retry(f"the Git door is away: {str(error)[:200]}", after_seconds=1) from error
