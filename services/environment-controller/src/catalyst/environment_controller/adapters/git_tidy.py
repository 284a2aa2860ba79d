"""Few files in a repository, however many commits it gets: called after a branch has moved.

Whoever reads a repository opens each of its packs. Memory is bounded: objects are copied one by
one, and a pack that has become large is left alone.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from dulwich.pack import Pack, full_unpacked_object
from dulwich.repo import Repo

LOOSE_SAMPLE: Final = 4
"""With more files than this in one of the 256 folders of loose objects, they are packed; it stands
for about a thousand objects."""

PACKS_KEPT: Final = 24
"""With more small packs than this they are put into one."""

SMALL_BYTES: Final = 1024 * 1024
"""A pack larger than this is not copied again."""

log = logging.getLogger(__name__)


def tidy(repo: Repo) -> None:
    """Put what lies about into packs, and small packs into one; nobody else writes meanwhile.

    What the disk does not take now is done after a later commit.
    """
    try:
        _tidy(repo)
    except OSError as error:
        log.warning("a repository is not tidied", extra={"errno": error.errno})


def _tidy(repo: Repo) -> None:
    objects = Path(repo.object_store.path)
    sample = objects / "17"
    if sample.is_dir() and sum(1 for _ in sample.iterdir()) > LOOSE_SAMPLE:
        repo.object_store.pack_loose_objects()
    small = [
        path for path in (objects / "pack").glob("*.pack") if path.stat().st_size < SMALL_BYTES
    ]
    if len(small) > PACKS_KEPT:
        _put_together(repo, small)


def _put_together(repo: Repo, small: list[Path]) -> None:
    store = repo.object_store
    names = {path.stem for path in small}
    packs = [pack for pack in store.packs if Path(pack.data.path).stem in names]
    held = dict.fromkeys(sha for pack in packs for sha in pack)
    made = store.add_pack_data(len(held), (full_unpacked_object(store[sha]) for sha in held))
    for pack in packs:
        if made is None or pack.name() != made.name():
            _remove(pack)


def _remove(pack: Pack) -> None:
    # Without its index it counts no longer; a kill in between leaves what the next start clears.
    path = Path(pack.data.path)
    path.with_suffix(".idx").unlink()
    path.unlink()
