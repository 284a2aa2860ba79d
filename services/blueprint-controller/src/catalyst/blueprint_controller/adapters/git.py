"""Sources in Git repositories, over smart HTTP, pinned to a commit and read as plain files.

What was fetched is kept in a folder of this process, so that the next fetch begins there; after a
restart everything is fetched anew.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from dulwich.client import Urllib3HttpGitClient
from dulwich.errors import GitProtocolError
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo
from urllib3.exceptions import HTTPError

from catalyst.blueprint_controller.adapters import failing
from catalyst.blueprint_controller.adapters.directory import too_large, too_many
from catalyst.blueprint_controller.adapters.outside import Plain
from catalyst.blueprint_controller.ports import (
    MAX_PACKAGES,
    MAX_SOURCE_BYTES,
    Listed,
    Reading,
    Unusable,
)
from catalyst.blueprints import package as packages
from catalyst.blueprints.package import (
    DOCUMENT,
    MAX_FILES,
    BadPackage,
    Package,
    of_files,
)
from catalyst.chassis import packs
from catalyst.chassis.errors import unquoted

log = logging.getLogger(__name__)

MAX_PACK_BYTES: Final = 64 * 1024 * 1024
FETCH_SECONDS: Final = 300.0
READ_SECONDS: Final = 60.0
"""For everything that is on a branch, once it was fetched."""
MAX_KEPT_BYTES: Final = 256 * 1024 * 1024
"""Of what was fetched of one branch; beyond that it is fetched anew."""
MAX_ENTRIES: Final = 100_000
"""Files and folders of one commit that are looked at."""
_MAX_DEPTH: Final = 20
_MAX_PACKAGE_ENTRIES: Final = 4 * MAX_FILES
"""Files and folders of one package that are looked at: empty folders are no files."""
_MARGIN: Final = 1024 * 1024
"""Of an answer, beside the pack."""
_FOLDER: Final = 0o040000
_FILES: Final = frozenset({0o100644, 0o100755, 0o100664})
_NO_FILES: Final = {
    0o120000: ("is a symbolic link", "put the file itself there"),
    0o160000: ("is another repository (a submodule)", "put its files there, or do without them"),
}
"""What else stands in a folder, by its mode: what is wrong with it, and what to do."""
_UNPACKING: Final = threading.Lock()
"""One at a time: each may need all the memory that there is for this."""


class GitSource:
    """One repository's branch, with what was fetched of it."""

    def __init__(self, path: Path, url: str, branch: str, called: str) -> None:
        """Keep what is fetched of `url` below `path`; `called` is who answers, for a person."""
        self._path = path
        self._url = url
        self._called = called
        self._branch = b"refs/heads/" + branch.encode()
        self._lock = threading.Lock()

    def read(self, pool: Plain, password: str, folder: str, known: str) -> Reading | None:
        """Return what is on the branch; None if its commit is `known`.

        Args:
            pool: Makes the requests.
            password: For Basic authentication; empty for none.
            folder: The folder below which the packages stand; empty: anywhere.
            known: A commit, or empty.

        Raises:
            Unusable: If it cannot be read.
        """
        with self._lock:
            try:
                commit = self._fetch(pool, password, known)
                return None if commit is None else self._reading(commit, folder)
            except (GitProtocolError, HTTPError, OSError) as error:
                log.warning(
                    "a repository cannot be fetched",
                    extra={"url": self._url, "reason": str(error)[:1000]},
                )
                raise failing.unusable(error, self._called) from error
            except packs.BadPack as error:
                raise Unusable("too-large", f"the repository is refused: {error}") from error
            except Unusable:
                raise
            except Exception as error:
                # The library trusts who answers, so anything may come out of what it was sent.
                log.warning("what a source sent cannot be read", extra=unquoted(error))
                # A part of it would stay there, and spoil every later fetch.
                if self._path.exists():
                    shutil.rmtree(self._path)
                raise Unusable("unreadable", "it does not send what Git sends") from error

    def _fetch(self, pool: Plain, password: str, known: str) -> ObjectID | None:
        """Return the branch's commit, with everything in it fetched; None if it is `known`."""
        client = Urllib3HttpGitClient(
            self._url,
            pool_manager=pool,
            username="catalyst" if password else None,
            password=password or None,
            quiet=True,
        )
        tip: list[ObjectID] = []
        repo = self._repo()
        try:
            with tempfile.TemporaryFile(dir=self._path) as file:
                size = 0
                walk = packs.Walk()

                def wants(refs: Any, depth: int | None = None) -> list[ObjectID]:
                    found = refs.get(self._branch)
                    if found is None:
                        branch = self._branch.removeprefix(b"refs/heads/").decode()
                        raise Unusable("not-found", f"the repository has no branch {branch}")
                    tip.append(found)
                    there = found.decode() == known or found in repo.object_store
                    return [] if there else [found]

                def take(data: bytes) -> int:
                    nonlocal size
                    size += len(data)
                    if size > MAX_PACK_BYTES:
                        raise too_large()
                    walk.feed(data)
                    return file.write(data)

                with pool.within(FETCH_SECONDS, MAX_PACK_BYTES + _MARGIN):
                    # Every server speaks version 0; our own door speaks no other.
                    walker = repo.get_graph_walker()
                    client.fetch_pack("", wants, walker, take, protocol_version=0)
                if size:
                    walk.end()
                    file.seek(0)
                    with _UNPACKING:
                        repo.object_store.add_thin_pack(file.read, None)
            if tip[0].decode() == known:
                return None
            repo.refs[Ref(self._branch)] = tip[0]
            return tip[0]
        finally:
            repo.close()

    def _repo(self) -> Repo:
        if sum(one.stat().st_size for one in self._path.rglob("*.pack")) > MAX_KEPT_BYTES:
            shutil.rmtree(self._path)
        if (self._path / "HEAD").is_file():
            return Repo(str(self._path))
        self._path.mkdir(parents=True, exist_ok=True)
        return Repo.init_bare(str(self._path))

    def _reading(self, tip: ObjectID, folder: str) -> Reading:
        until = time.monotonic() + READ_SECONDS
        with Repo(str(self._path)) as repo:
            commit = repo[tip]
            if not isinstance(commit, Commit):
                raise Unusable("unreadable", "the branch does not point at a commit")
            tree = _below(repo, commit.tree, [part for part in folder.split("/") if part])
            found: list[Listed] = []
            size = 0
            for name, below in _packages(repo, tree):
                if time.monotonic() > until:
                    raise Unusable("too-large", f"it takes more than {READ_SECONDS:.0f} s to read")
                package = _package(repo, below)
                if isinstance(package, Package):
                    size += package.size
                if size > MAX_SOURCE_BYTES:
                    raise too_large()
                found.append(Listed(name, package))
                if len(found) > MAX_PACKAGES:
                    raise too_many()
        found.sort(key=lambda listed: listed.folder)
        return Reading(tip.decode(), found)


Entries = list[tuple[str, int, ObjectID]]
"""Path in the package, mode and object of each file."""


def _tree(repo: Repo, tree: ObjectID) -> Tree:
    found = repo[tree]
    if not isinstance(found, Tree):
        raise Unusable("unreadable", "the commit is broken")
    return found


def _below(repo: Repo, tree: ObjectID, parts: Sequence[str]) -> ObjectID:
    for part in parts:
        entry = {name: (mode, sha) for name, mode, sha in _tree(repo, tree).items()}.get(
            part.encode()
        )
        if entry is None or entry[0] != _FOLDER:
            raise Unusable("not-found", f"the commit has no folder {'/'.join(parts)}")
        tree = entry[1]
    return tree


def _packages(repo: Repo, top: ObjectID) -> Iterator[tuple[str, ObjectID]]:
    """Yield every folder that holds a document, whatever that is.

    A link, or another repository (a submodule), is no folder here, whether a `.gitmodules` says
    where it is or not: what it leads to is not ours.
    """
    left: list[tuple[str, ObjectID, int]] = [("", top, 0)]
    seen = 0
    while left:
        path, sha, depth = left.pop()
        items = list(_tree(repo, sha).items())
        seen += len(items)
        if seen > MAX_ENTRIES or depth > _MAX_DEPTH:
            raise Unusable("too-large", "the commit holds too many files, or too deep folders")
        if any(name == DOCUMENT.encode() for name, _, _ in items):
            yield path, sha
            continue
        for name, mode, inner in items:
            text = name.decode("utf-8", "replace")
            if text.startswith("."):
                continue
            if mode == _FOLDER:
                left.append((f"{path}/{text}" if path else text, inner, depth + 1))


def _entries(repo: Repo, top: ObjectID) -> Entries:
    """Return the files of a package.

    Raises:
        BadPackage: If there are too many, or too many folders: a few trees can stand for billions.
    """
    files: Entries = []
    left: list[tuple[str, ObjectID]] = [("", top)]
    seen = 0
    while left:
        prefix, sha = left.pop()
        items = [
            (name.decode("utf-8", "replace"), mode, inner)
            for name, mode, inner in _tree(repo, sha).items()
        ]
        seen += len(items)
        if seen > _MAX_PACKAGE_ENTRIES:
            raise packages.too_many()
        for name, mode, inner in items:
            if name.startswith("."):
                continue
            if mode == _FOLDER:
                left.append((f"{prefix}{name}/", inner))
            else:
                files.append((f"{prefix}{name}", mode, inner))
    return files


def _package(repo: Repo, top: ObjectID) -> Package | BadPackage:
    try:
        return of_files(_contents(repo, _entries(repo, top)))
    except BadPackage as error:
        return error.with_traceback(None)  # Its frames hold the files that were read.


def _contents(repo: Repo, entries: Entries) -> Iterator[tuple[str, bytes]]:
    for path, mode, sha in entries:
        if mode not in _FILES:
            raise BadPackage(path[:200], *_NO_FILES.get(mode, ("is no file", "put a file there")))
        blob = repo[sha]
        if not isinstance(blob, Blob):
            raise BadPackage(path[:200], "is broken", "commit the file again")
        yield path, blob.data


def name_of(url: str, branch: str) -> str:
    """Return the name of the folder in which a branch is kept."""
    return hashlib.sha256(f"{url}\n{branch}".encode()).hexdigest()[:32]
