"""What a push brings, kept beside its repository until a branch is to move to it.

A refused push leaves nothing behind: no pack, no half of one. A pack is named by the objects that
it holds, so a repository that has one of that name has what was pushed, whoever brought it. Memory
is bounded whatever is sent: `catalyst.chassis.packs` looks at a pack before anything is unpacked,
and those that need more than a little of it take turns.
"""

from __future__ import annotations

import logging
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from dulwich.object_store import DiskObjectStore
from dulwich.objects import S_ISGITLINK, Blob, Commit, ObjectID, ShaFile, Tag, Tree
from dulwich.pack import Pack, UnresolvedDeltas
from dulwich.repo import Repo

from catalyst.chassis import packs
from catalyst.chassis.errors import unquoted
from catalyst.environment_controller.adapters.git_root import sync
from catalyst.environment_controller.adapters.git_sound import fault

PIECE_BYTES: Final = 64 * 1024
LIGHT_BYTES: Final = 2 * 1024 * 1024
"""A pack that needs more memory than this is unpacked while no other such one is."""

log = logging.getLogger(__name__)

_HEAVY: Final = threading.Lock()

K = TypeVar("K", bound=ShaFile)


class Unfit(Exception):
    """What was pushed is not taken; the text says why to whoever pushed it."""


@contextmanager
def incoming(repo: Repo, folder: Path) -> Iterator[Incoming]:
    """Take in one push; what was not kept when the block ends is forgotten.

    Args:
        repo: Where it goes.
        folder: An empty one on the same file system, that is taken away at the end.
    """
    try:
        objects = folder / "objects"
        DiskObjectStore.init(objects).close()
        store = DiskObjectStore(
            objects, alternates=[repo.object_store.path], fsync_object_files=True
        )
        with closing(store), ExitStack() as turns:
            yield Incoming(repo, folder, store, turns)
    finally:
        shutil.rmtree(folder)


class Incoming:
    """The pack of one push."""

    def __init__(self, repo: Repo, folder: Path, store: DiskObjectStore, turns: ExitStack) -> None:
        """Use `incoming`."""
        self._repo = repo
        self._folder = folder
        self._turns = turns
        self._pack: Pack | None = None
        self.store = store
        """What was pushed, and all that the repository holds."""

    def take(self, read: Callable[[int], bytes], max_bytes: int) -> None:
        """Take the pack in.

        Args:
            read: Returns up to that many bytes of it; empty at its end.
            max_bytes: How much it may hold.

        Raises:
            Unfit: If it is broken, too large, or holds what is no object of Git's.
            OSError: If the disk does not take it.
        """
        with tempfile.TemporaryFile(dir=self._folder) as file:
            walk, size = packs.Walk(), 0
            try:
                while piece := read(PIECE_BYTES):
                    size += len(piece)
                    if size > max_bytes:
                        raise Unfit(f"the pack is larger than {max_bytes} bytes")
                    walk.feed(piece)
                    file.write(piece)
                needed = walk.end()
            except packs.BadPack as error:
                raise Unfit(f"the pack is refused: {error}") from error
            if needed > LIGHT_BYTES:
                self._turns.enter_context(_HEAVY)
            file.seek(0)
            self._unpack(file.read)

    def _unpack(self, read: Callable[[int], bytes]) -> None:
        try:
            pack = self.store.add_thin_pack(read, None)
            faults = (fault(item) for item in pack.iterobjects())
            found = next((why for why in faults if why), "")
        except OSError:
            raise
        except UnresolvedDeltas as error:
            raise Unfit("the pack changes objects that are not here") from error
        except Exception as error:
            # A parser of hostile bytes raises anything, and its words name files of this server.
            log.info("pushed pack refused", extra=unquoted(error))
            raise Unfit("the pack is damaged, or an object in it is not one of Git's") from error
        if found:
            raise Unfit(f"the pack is refused: {found}")
        self._pack = pack if len(pack) else None

    def keep(self) -> None:
        """Move the pack into the repository; called while nobody else writes there."""
        if self._pack is None:
            return
        made = Path(self._pack.data.path)
        there = Path(self._repo.object_store.pack_dir) / made.name
        pack, index = (there.with_suffix(kind) for kind in (".pack", ".idx"))
        if pack.exists() and index.exists():
            return
        # A pack counts once both files are there, so the index comes last; one that was left
        # without its pack, by a kill, may count the objects in another order.
        index.unlink(missing_ok=True)
        made.rename(pack)
        made.with_suffix(".idx").rename(index)
        sync(there.parent)

    def problem(self, new: ObjectID, tips: Iterable[ObjectID]) -> str:
        """Return why no branch or tag can be at `new`; empty if one can.

        Args:
            new: An object.
            tips: What branches and tags are at: all that these need is there.
        """
        try:
            self._need(new, tips)
        except KeyError:
            return "objects are missing"
        except TypeError:
            return "an object is of another kind than what names it says"
        return ""

    def _need(self, new: ObjectID, tips: Iterable[ObjectID]) -> None:
        """Walk through all that `new` needs and `tips` do not.

        Raises:
            KeyError: If something is missing.
            TypeError: If something is of another kind.
        """
        known = Ancestors(self.store, tips)
        seen = _Seen()
        trees, known_trees = list[ObjectID](), list[ObjectID]()
        ahead: list[tuple[ObjectID, type[ShaFile]]] = [(new, ShaFile)]
        while ahead:
            sha, kind = ahead.pop()
            match self._object(sha, kind):
                case Tag() as found:
                    inner, name = found.object
                    ahead += seen.new([(name, inner)])
                case Commit() as found if self._is_old(sha) and sha in known:
                    known_trees.append(found.tree)
                case Commit() as found:
                    trees.append(found.tree)
                    ahead += seen.new((parent, Commit) for parent in found.parents)
                case Tree():
                    trees.append(sha)
                case _:
                    pass  # A file needs nothing else.
        for tree in known_trees:
            self._look_below(tree, seen, lambda _sha: None)
        for tree in trees:
            self._look_below(tree, seen, lambda sha: self._object(sha, Blob))

    def _look_below(self, top: ObjectID, seen: _Seen, file: Callable[[ObjectID], object]) -> None:
        """Look into a tree and its folders, and call `file` for each file; all that is new."""
        ahead = [sha for sha, _ in seen.new([(top, Tree)])]
        while ahead:
            tree = self._object(ahead.pop(), Tree)
            for sha, kind in seen.new(_named(tree)):
                if kind is Tree:
                    ahead.append(sha)
                else:
                    file(sha)

    def _object(self, sha: ObjectID, kind: type[K]) -> K:
        found = self.store[sha]
        if not isinstance(found, kind):
            raise TypeError
        return found

    def _is_old(self, sha: ObjectID) -> bool:
        return self._pack is None or sha not in self._pack


class _Seen:
    """What was met on a walk, and as what."""

    def __init__(self) -> None:
        self._kinds: dict[ObjectID, type[ShaFile]] = {}

    def new(
        self, named: Iterable[tuple[ObjectID, type[ShaFile]]]
    ) -> Iterator[tuple[ObjectID, type[ShaFile]]]:
        """Yield what was not met before.

        Raises:
            TypeError: If something was met as another kind.
        """
        for sha, kind in named:
            before = self._kinds.get(sha)
            if before is None:
                self._kinds[sha] = kind
                yield sha, kind
            elif before is not kind:
                raise TypeError


def _named(tree: Tree) -> Iterator[tuple[ObjectID, type[ShaFile]]]:
    for entry in tree.iteritems():
        if not S_ISGITLINK(entry.mode):
            yield entry.sha, Tree if stat.S_ISDIR(entry.mode) else Blob


class Ancestors:
    """The commits that some objects lead back to, themselves included; found as far as asked."""

    def __init__(self, store: DiskObjectStore, tips: Iterable[ObjectID]) -> None:
        """Look for them in `store`, from `tips` on."""
        self._store = store
        self._ahead = list(tips)
        self._seen: set[ObjectID] = set()

    def __contains__(self, commit: ObjectID) -> bool:
        """Return whether it is one of them."""
        while commit not in self._seen and self._ahead:
            sha = self._ahead.pop()
            if sha in self._seen:
                continue
            self._seen.add(sha)
            match self._store[sha]:
                case Commit() as found:
                    self._ahead += found.parents
                case Tag() as found:
                    self._ahead.append(found.object[1])
                case _:
                    pass
        return commit in self._seen
