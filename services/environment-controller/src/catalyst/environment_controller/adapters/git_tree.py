"""Trees of files, made from an older tree and what changes in it; writes nothing itself.

`git.py` stores the objects that come out.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from typing import Final

from dulwich.object_store import BaseObjectStore
from dulwich.objects import Blob, ShaFile, Tree

from catalyst.environment_controller.adapters.git_root import BadName
from catalyst.environment_controller.adapters.git_sound import is_name
from catalyst.environment_controller.ports import Change

FILE_MODE: Final = 0o100644

Edit = tuple[tuple[bytes, ...], bytes | None]
"""A path in its parts, with the new content, or None to take it (file or folder) away."""


def edits(store: BaseObjectStore, tree: Tree, change: Change) -> list[Edit]:
    """Return what one commit does to `tree`: what goes first, then the files.

    Raises:
        BadName: If a path could leave the tree or mean something to Git.
    """
    named = {_parts(path): content for path, content in change.files.items()}
    staying = {_parts(path) for path in change.kept} | named.keys()
    emptied = {_parts(path) for path in change.emptied}
    gone = (
        path
        for path in _files(store, tree, ())
        if path not in staying and any(path[: len(top)] == top for top in emptied)
    )
    return [*((path, None) for path in gone), *named.items()]


def _files(
    store: BaseObjectStore, tree: Tree, above: tuple[bytes, ...]
) -> Iterator[tuple[bytes, ...]]:
    for entry in tree.iteritems():
        path = (*above, entry.path)
        found = store[entry.sha] if stat.S_ISDIR(entry.mode) else None
        if isinstance(found, Tree):
            yield from _files(store, found, path)
        else:
            yield path


def grown(store: BaseObjectStore, tree: Tree, changes: Iterable[Edit], made: list[ShaFile]) -> Tree:
    """Return `tree` with the changes; every new object is added to `made`, children first."""
    below: dict[bytes, list[Edit]] = {}
    for parts, content in changes:
        name = parts[0]
        if len(parts) > 1:
            below.setdefault(name, []).append((parts[1:], content))
        elif content is None:
            _drop(tree, name)
        else:
            blob = Blob.from_string(content)
            made.append(blob)
            tree.add(name, FILE_MODE, blob.id)
    for name, inner in below.items():
        child = grown(store, _folder(store, tree, name), inner, made)
        if len(child):
            tree.add(name, stat.S_IFDIR, child.id)
        else:
            _drop(tree, name)
    made.append(tree)
    return tree


def _folder(store: BaseObjectStore, tree: Tree, name: bytes) -> Tree:
    if name in tree:
        found = store[tree[name][1]]
        if isinstance(found, Tree):
            return found
    return Tree()


def _drop(tree: Tree, name: bytes) -> None:
    if name in tree:
        del tree[name]


def _parts(path: str) -> tuple[bytes, ...]:
    parts = tuple(part.encode() for part in path.split("/"))
    if not all(map(is_name, parts)):
        raise BadName(f"{path[:80]!r} is no path of a file in a repository")
    return parts
