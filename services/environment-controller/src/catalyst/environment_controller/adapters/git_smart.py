"""Git's smart HTTP exchanges over dulwich, blocking; `git_http.py` runs them in threads.

Version 0 of the protocol, which every git client falls back to. Reading is dulwich's own; taking a
push is stricter than dulwich: a branch moves only if it still stands where the pusher saw it, only
to objects that are all there, and `main` only forwards. A branch with a file `ARCHIVED` stands
still until a push takes that file away.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, cast

from dulwich.errors import GitProtocolError
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Commit, ObjectID, Tree
from dulwich.protocol import CAPABILITY_ATOMIC, ZERO_SHA, ReceivableProtocol
from dulwich.refs import Ref, check_ref_format
from dulwich.repo import Repo
from dulwich.server import Backend, BackendRepo, ReceivePackHandler, UploadPackHandler
from typing_extensions import override

from catalyst.chassis.errors import unquoted
from catalyst.environment_controller.adapters.git import opened, opened_as
from catalyst.environment_controller.adapters.git_incoming import (
    Ancestors,
    Incoming,
    Unfit,
    incoming,
)
from catalyst.environment_controller.adapters.git_tidy import tidy
from catalyst.environment_controller.ports import MAIN

Service = Literal["git-upload-pack", "git-receive-pack"]
SERVICES: Final[tuple[Service, ...]] = ("git-upload-pack", "git-receive-pack")

log = logging.getLogger(__name__)

ARCHIVED: Final = b"ARCHIVED"
"""File at the top of a branch whose Application runs nowhere any more."""
_PROTECTED: Final = Ref(b"refs/heads/" + MAIN.encode())
_BRANCHES: Final = b"refs/heads/"
_UPDATED: Final = (_BRANCHES, b"refs/tags/")
_WANT: Final = re.compile(rb"want ([0-9a-f]{40})")
_WANTS_BYTES: Final = 64 * 1024
"""What a client wants stands at the beginning of its request."""
_BEHIND_MAX: Final = 10_000
"""Commits that are looked through for one that is no longer a tip."""
MAX_UPDATES: Final = 1000
"""How many branches and tags one push may move."""
MAX_REF_BYTES: Final = 200
Update = tuple[ObjectID, ObjectID, Ref]
Read = Callable[[int], bytes]
Write = Callable[[bytes], None]


class Refused(Exception):
    """The exchange breaks the protocol; the text says how."""


def advertise(path: Path, service: Service, write: Write) -> None:
    """Write what the repository holds, as the first answer of an exchange.

    Raises:
        HomeMissing: If there is no such repository.
    """
    with closing(opened(path)) as repo:
        protocol = _Protocol(lambda _size: b"", write)
        protocol.write_pkt_line(b"# service=" + service.encode() + b"\n")
        protocol.write_pkt_line(None)
        _handler(repo, service, protocol, first=True).handle()


def exchange(
    path: Path,
    service: Service,
    read: Read,
    write: Write,
    *,
    writer: threading.Lock,
    scratch: Callable[[], Path],
    max_bytes: int,
) -> None:
    """Answer one request of a client.

    Args:
        path: Where the repository stands.
        service: What the client asks for.
        read: Returns up to that many bytes of the request; empty at its end.
        write: Takes the answer, piece by piece.
        writer: Held while branches move.
        scratch: Makes an empty folder on the file system of the repository.
        max_bytes: How much a pushed pack may hold.

    Raises:
        HomeMissing: If there is no such repository.
        Refused: If the client breaks the protocol.
    """
    with closing(opened_as(path, Fetched)) as repo:
        if service == "git-upload-pack":
            begin = read(_WANTS_BYTES)
            repo.remember(_WANT.findall(begin))
            handler = _handler(repo, service, _Protocol(_joined(begin, read), write))
        else:
            handler = _handler(repo, service, _Protocol(read, write, MAX_UPDATES + 1))
        if isinstance(handler, _ReceivePack):
            handler.writer, handler.scratch, handler.max_bytes = writer, scratch, max_bytes
        try:
            handler.handle()
        except (GitProtocolError, AssertionError, ValueError) as error:
            # Their words may name files of this server.
            log.info("git request not understood", extra=unquoted(error))
            raise Refused("the request is not one of git's") from error


class Fetched(Repo):
    """A repository as one fetch sees it.

    A clone is two requests, and a branch may move in between. What the first one advertised is then
    no longer a tip; it may be fetched all the same, as long as a branch leads back to it. What
    moves while the second one is answered moves for the next fetch.
    """

    offered: Mapping[Ref, ObjectID] | None = None

    def remember(self, wanted: Sequence[bytes]) -> None:
        """Offer the tips of now, and those wanted commits that the branches lead back to."""
        self.offered = refs = super().get_refs()
        missing = {ObjectID(sha) for sha in wanted} - set(refs.values())
        if not missing:
            return
        tips = [sha for name, sha in refs.items() if name.startswith(b"refs/heads/")]
        walker = self.get_walker(include=tips, max_entries=_BEHIND_MAX)
        found = [entry.commit.id for entry in walker if entry.commit.id in missing]
        self.offered = {**refs, **{Ref(b"refs/behind/" + sha): sha for sha in found}}

    @override
    def get_refs(self) -> dict[Ref, ObjectID]:
        return super().get_refs() if self.offered is None else dict(self.offered)


def _joined(begin: bytes, read: Read) -> Read:
    """Return a reader of `begin` and then of what `read` gives."""
    rest = [begin]

    def joined(size: int) -> bytes:
        if not rest[0]:
            return read(size)
        piece, rest[0] = rest[0][:size], rest[0][size:]
        return piece

    return joined


class _Protocol(ReceivableProtocol):
    """A request's lines, of which those of a push, all kept until the last one, are few."""

    def __init__(self, read: Read, write: Write, max_lines: int | None = None) -> None:
        def counted(data: bytes) -> int:
            write(data)
            return len(data)

        super().__init__(read, counted)
        self._left = max_lines

    @override
    def read_pkt_line(self) -> bytes | None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Refused(f"one push moves no more than {MAX_UPDATES} branches and tags")
        return super().read_pkt_line()


def _handler(
    repo: Repo,
    service: Service,
    protocol: ReceivableProtocol,
    *,
    first: bool = False,
) -> UploadPackHandler | ReceivePackHandler:
    backend, args = _One(repo), ["/"]
    if service == "git-upload-pack":
        return UploadPackHandler(backend, args, protocol, stateless_rpc=True, advertise_refs=first)
    handler = _ReceivePack(backend, args, protocol, stateless_rpc=True, advertise_refs=first)
    handler.opened = repo
    return handler


class _One(Backend):
    """Serves one repository that is open already, whatever the path says."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo

    @override
    def open_repository(self, path: str) -> BackendRepo:
        return cast("BackendRepo", self._repo)


class _ReceivePack(ReceivePackHandler):
    """Takes a push; see the module for what it refuses beyond dulwich."""

    opened: Repo
    writer: threading.Lock
    scratch: Callable[[], Path]
    max_bytes: int

    @override
    def _apply_pack(self, refs: list[Update]) -> Iterator[tuple[bytes, bytes]]:
        with incoming(self.opened, self.scratch()) as pushed:
            if any(new != ZERO_SHA for _, new, _ in refs):
                try:
                    pushed.take(cast("ReceivableProtocol", self.proto).recv, self.max_bytes)
                except Unfit as error:
                    yield b"unpack", str(error).encode()
                    return
            yield b"unpack", b"ok"
            with self.writer:
                yield from self._move(refs, pushed)
                tidy(self.opened)

    def _move(self, refs: Sequence[Update], pushed: Incoming) -> Iterable[tuple[bytes, bytes]]:
        times = Counter(ref for _, _, ref in refs)
        found = [
            (
                update,
                b"it is named twice" if times[update[2]] > 1 else self._problem(*update, pushed),
            )
            for update in refs
        ]
        if self.has_capability(CAPABILITY_ATOMIC) and any(problem for _, problem in found):
            return [(ref, problem or b"atomic push failed") for (_, _, ref), problem in found]
        if not all(problem for _, problem in found):
            pushed.keep()
        return [(update[2], problem or self._set(*update)) for update, problem in found]

    def _problem(self, old: ObjectID, new: ObjectID, ref: Ref, pushed: Incoming) -> bytes:
        """Return why a ref may not move; empty if it may."""
        if not ref.startswith(_UPDATED) or not check_ref_format(ref):
            return b"only branches and tags can be pushed"
        if len(ref) > MAX_REF_BYTES:
            return b"its name is too long"
        now = self.opened.refs.read_ref(ref) or ZERO_SHA
        if now != old:
            return b"the branch moved meanwhile; fetch first"
        store = pushed.store
        archived = old != ZERO_SHA and _archived(store, old)
        if new == ZERO_SHA:
            kept = archived or ref == _PROTECTED
            return b"this branch is not deleted" if kept else b""
        problem = pushed.problem(new, self.opened.get_refs().values())
        if problem:
            return problem.encode()
        if ref.startswith(_BRANCHES) and not isinstance(store[new], Commit):
            return b"a branch points at a commit"
        if archived and _archived(store, new) and not _same(store, old, new):
            return b"this repository is archived, and takes no commits"
        if ref == _PROTECTED and old != ZERO_SHA and old not in Ancestors(store, [new]):
            return b"this branch moves only forwards"
        return b""

    def _set(self, old: ObjectID, new: ObjectID, ref: Ref) -> bytes:
        refs = self.opened.refs
        try:
            moved = (
                refs.remove_if_equals(ref, old)
                if new == ZERO_SHA
                else refs.set_if_equals(ref, old, new)
            )
        except OSError:
            return b"the disk refused it, or a branch of a name above or below it exists"
        return b"ok" if moved else b"the branch moved meanwhile; fetch first"


def _same(store: DiskObjectStore, old: ObjectID, new: ObjectID) -> bool:
    """Return whether a commit changes no file; what was built on `old` then comes too late."""
    before, after = store[old], store[new]
    if not (isinstance(before, Commit) and isinstance(after, Commit)):
        return False
    return before.tree == after.tree and old in Ancestors(store, [new])


def _archived(store: DiskObjectStore, commit: ObjectID) -> bool:
    found = store[commit]
    tree = store[found.tree] if isinstance(found, Commit) else None
    return isinstance(tree, Tree) and ARCHIVED in tree
