"""One branch in memory: its tip with its files, and commits built on it. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dulwich.index import commit_tree
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, ShaFile
from dulwich.pack import UnpackedObject, pack_objects_to_data
from dulwich.repo import MemoryRepo

from catalyst.chassis import commits
from catalyst.provisioning.domain.files import ARCHIVED
from catalyst.provisioning.ports import Edit, Signed

FILE_MODE: Final = 0o100644
COMMITTER: Final = commits.committer("provisioning")
CHANGE: Final = "Catalyst-Change"


class Branch:
    """A branch as it was fetched, and what was committed on it since."""

    def __init__(self) -> None:
        """Begin with a branch that is not there."""
        self.repo = MemoryRepo()
        self.began: ObjectID | None = None
        """Where it stood when it was fetched."""
        self.tip: ObjectID = ObjectID(b"")
        """Where it stands now; empty if it is not there."""
        self.new: list[ShaFile] = []
        """What was made since it was fetched, each object before what names it."""

    @property
    def seq(self) -> int | None:
        """The `Catalyst-Seq` of its tip; None if the tip carries none, 0 without a tip."""
        return commits.seq_of(self._at(self.tip).message) if self.tip else 0

    @property
    def archived(self) -> bool:
        """Whether it stands still."""
        return bool(self.tip) and ARCHIVED in self.files()

    def files(self) -> dict[str, bytes]:
        """Return every file at its tip."""
        if not self.tip:
            return {}
        found = {}
        store = self.repo.object_store
        for entry in iter_tree_contents(store, self._at(self.tip).tree):
            blob = store[entry.sha]
            if isinstance(blob, Blob):
                found[entry.path.decode()] = blob.data
        return found

    def stays(self, edit: Edit) -> bool:
        """Return whether `edit` changes nothing."""
        files = self.files()
        return edit(files) == files

    def carries(self, seq: int) -> bool:
        """Return whether the branch is at that sequence or above."""
        found = (commits.seq_of(commit.message) for commit in self._history())
        return next((number for number in found if number is not None), 0) >= seq

    def covering(self, seq: int) -> str:
        """Return the oldest commit whose sequence is `seq` or above.

        Raises:
            LookupError: If there is none.
        """
        found = None
        for commit in self._history():
            number = commits.seq_of(commit.message)
            if number is not None and number < seq:
                break
            if number is not None:
                found = commit.id.decode()
        if found is None:
            raise LookupError(f"no commit carries {seq} or more")
        return found

    def holds(self, signed: Signed, edit: Edit) -> bool:
        """Return whether its tip is this commit, made by an earlier attempt that told nobody."""
        if not self.tip:
            return False
        there, wanted = self._at(self.tip).message, _message(signed)
        return _words(there) == _words(wanted) and self.stays(edit)

    def commit(self, signed: Signed, edit: Edit) -> None:
        """Commit what `edit` makes of the files."""
        store = self.repo.object_store
        blobs = []
        made: dict[ObjectID, ShaFile] = {}
        for path, content in sorted(edit(self.files()).items()):
            blob = Blob.from_string(content)
            if blob.id not in store:
                made[blob.id] = blob
            blobs.append((path.encode(), blob.id, FILE_MODE))
        before = set(store)
        tree = commit_tree(store, blobs)
        trees = [store[item] for item in set(store) - before]
        commit = Commit()
        commit.tree = tree
        commit.parents = [self.tip] if self.tip else []
        commit.author = commits.identity(signed.actor)
        if signed.email:
            commit.author = commits.person(signed.email)
        commit.committer = COMMITTER
        commit.author_time = commit.commit_time = int(signed.time.timestamp())
        commit.author_timezone = commit.commit_timezone = 0
        commit.encoding = None
        commit.message = _message(signed)
        new = [*made.values(), *trees, commit]
        for item in new:
            store.add_object(item)
        self.new += new
        self.tip = commit.id

    @staticmethod
    def pack(branches: Sequence[Branch]) -> tuple[int, Iterator[UnpackedObject]]:
        """Return all new objects of some branches, each once."""
        new = {item.id: item for branch in branches for item in branch.new}
        return pack_objects_to_data([(item, None) for item in new.values()])

    def _history(self) -> Iterator[Commit]:
        """Yield commits from the tip back, along first parents, as far as they were fetched."""
        at: ObjectID | None = self.tip or None
        while at is not None and at in self.repo.object_store:
            commit = self._at(at)
            yield commit
            at = commit.parents[0] if commit.parents else None

    def _at(self, commit: ObjectID) -> Commit:
        found = self.repo.object_store[commit]
        if not isinstance(found, Commit):
            raise TypeError(f"{commit.decode()} is no commit")
        return found


def _message(signed: Signed) -> bytes:
    more = {CHANGE: signed.change}
    return commits.message(signed.summary, signed.command, signed.seq, more)


def _words(message: bytes) -> tuple[bytes, bytes | None]:
    """Return what a commit is for: its first line, and the change."""
    return message.partition(b"\n")[0], commits.trailer(message, CHANGE)
