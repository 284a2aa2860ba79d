"""The folder that holds every Git home: its lock, its layout, and what a crash left in it.

Layout, all on one file system so that a move is one step:

- `homes/<org>/<repository>.git`: live repositories, served under `/git/<org>/<repository>.git`;
- `archive/<org>/…`: those of deleted Organizations;
- `work/`: repositories being made or being deleted; emptied at start.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from catalyst.contracts.roles import HOME

CLOSE_SECONDS: Final = 10.0
"""How long `close` waits for what is still being done."""

TAKEN: Final = frozenset(
    {HOME, "catalog", "catalog-sovereign", "catalyst-tenant", "iac", "shared-blueprints", "system"}
)
"""Names that no Application's repository gets: they are those of repositories of the platform."""

_APPLICATION: Final = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
_ORGANIZATION: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_REPOSITORY: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


class RootBusy(Exception):
    """Another process holds the root."""


class BadName(ValueError):
    """The text names no Organization or repository; it never becomes a path."""


class GitRoot:
    """The root folder, held by one process at a time.

    The lock is taken by the first use and kept until `close`; a process that does not get it can
    go on with everything but Git, and gets it later when the holder is gone.
    """

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is touched before the first use."""
        self.path = path
        self._descriptor: int | None = None
        self._guard = threading.Condition()
        self._users = 0
        self._writers: dict[Path, threading.Lock] = {}

    @property
    def held(self) -> bool:
        """Whether this process holds the root."""
        return self._descriptor is not None

    @contextmanager
    def use(self) -> Iterator[None]:
        """Hold the root at least for the block; afterwards it stays held until `close`.

        The first use takes the lock and clears what a crash left behind.

        Raises:
            RootBusy: If another process holds it.
            OSError: If the folder cannot be made or read.
        """
        with self._guard:
            if self._descriptor is None:
                self._descriptor = self._locked()
            self._users += 1
        try:
            yield
        finally:
            with self._guard:
                self._users -= 1
                self._guard.notify_all()

    def _locked(self) -> int:
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RootBusy("another process holds the Git homes") from error
        for folder in ("homes", "archive", "work"):
            (self.path / folder).mkdir(mode=0o700, exist_ok=True)
        for left in (self.path / "work").iterdir():
            shutil.rmtree(left)
        for left in stale_files(self.path / "homes"):
            left.unlink()

    def close(self) -> None:
        """Let the root go, once nothing is being done in it any more.

        If something still is after `CLOSE_SECONDS`, the root stays held until the process ends:
        nobody else may write beside it.
        """
        with self._guard:
            idle = self._guard.wait_for(lambda: self._users == 0, CLOSE_SECONDS)
            if idle and self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def live(self, organization: str) -> Path:
        """Return the folder of an Organization's live repositories.

        Raises:
            BadName: If the text is no Organization's name.
        """
        return self.path / "homes" / _checked(_ORGANIZATION, organization)

    def archived(self, organization: str) -> Path:
        """Return the folder of a deleted Organization's repositories.

        Raises:
            BadName: If the text is no Organization's name.
        """
        return self.path / "archive" / _checked(_ORGANIZATION, organization)

    def repository(self, organization: str, name: str = HOME) -> Path:
        """Return where a live repository stands, or would stand.

        Raises:
            BadName: If one of the texts names nothing.
        """
        return self.live(organization) / f"{_checked(_REPOSITORY, name)}.git"

    def creatable(self, organization: str, name: str) -> bool:
        """Return whether a repository of this name may be made: an Application's, beside a home.

        Raises:
            BadName: If one of the texts names nothing.
        """
        fits = _APPLICATION.fullmatch(name) is not None and "--" not in name
        reserved = name in TAKEN or name == f"{organization}-environment"
        return fits and not reserved and self.repository(organization).is_dir()

    def scratch(self) -> Path:
        """Return a new empty folder, on the same file system, that the next start clears."""
        return Path(tempfile.mkdtemp(dir=self.path / "work"))

    def writer(self, repository: Path) -> threading.Lock:
        """Return the lock under which the refs of one repository are moved, one at a time."""
        with self._guard:
            return self._writers.setdefault(repository, threading.Lock())


def stale_files(folder: Path) -> Iterator[Path]:
    """Yield what a killed writer left below `folder`: locks, half-written packs, and halves of one.

    A pack counts once both of its files are there; no branch moves to what is in one that lacks its
    index, or the reverse.
    """
    for parent, _, files in os.walk(folder):
        packs, indexes = (
            {name.removesuffix(kind) for name in files if name.endswith(kind)}
            for kind in (".pack", ".idx")
        )
        alone = {f"{name}.pack" for name in packs - indexes}
        alone |= {f"{name}.idx" for name in indexes - packs}
        for name in files:
            begun = name.endswith(".lock") or name.startswith(("tmp_pack_", "tmp_obj_"))
            if begun or name in alone:
                yield Path(parent) / name


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise BadName(f"{text[:80]!r} is not a name")
    return text
