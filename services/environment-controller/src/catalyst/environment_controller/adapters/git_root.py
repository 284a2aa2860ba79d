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
from pathlib import Path
from typing import Final

HOME: Final = "home"
"""Name of the repository that holds an Organization's manifests."""

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
        self._guard = threading.Lock()
        self._writers: dict[Path, threading.Lock] = {}

    @property
    def held(self) -> bool:
        """Whether this process holds the root."""
        return self._descriptor is not None

    def hold(self) -> None:
        """Take the root's lock unless it is held already, and clear what a crash left behind.

        Raises:
            RootBusy: If another process holds it.
            OSError: If the folder cannot be made or read.
        """
        with self._guard:
            if self._descriptor is not None:
                return
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._take(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor

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
        """Let the root go."""
        with self._guard:
            if self._descriptor is not None:
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

    def scratch(self) -> Path:
        """Return a new empty folder, on the same file system, that the next start clears."""
        return Path(tempfile.mkdtemp(dir=self.path / "work"))

    def writer(self, repository: Path) -> threading.Lock:
        """Return the lock under which the refs of one repository are moved, one at a time."""
        with self._guard:
            return self._writers.setdefault(repository, threading.Lock())


def stale_files(folder: Path) -> Iterator[Path]:
    """Yield the lock files and half-written packs that a killed writer left below `folder`."""
    for parent, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".lock") or name.startswith(("tmp_pack_", "tmp_obj_")):
                yield Path(parent) / name


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise BadName(f"{text[:80]!r} is not a name")
    return text
