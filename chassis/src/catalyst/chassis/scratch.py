"""A folder for what a process needs only while it runs, gone with it also where it was killed.

A process holds a lock on each of its own. One that nobody holds was left by a process that was
killed, and goes as soon as the next one is made for the same.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final

log = logging.getLogger(__name__)

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Scratch:
    """A new, empty folder; as a context manager, for the block."""

    def __init__(self, purpose: str) -> None:
        """Make one where the system keeps such; what was left of the same `purpose` goes first.

        Raises:
            OSError: If none can be made.
        """
        prefix = f"catalyst-{purpose}-"
        _remove_left(Path(tempfile.gettempdir()), prefix)
        held = None
        while held is None:
            # Whoever clears at this moment may take a new one for one that was left.
            self.path = Path(tempfile.mkdtemp(prefix=prefix))
            held = _held(self.path)
        self._descriptor = held

    def __enter__(self) -> Path:
        """Return where it is."""
        return self.path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        self.close()

    def close(self) -> None:
        """Remove it with all that is in it; nobody may write there any more."""
        try:
            with suppress(FileNotFoundError):  # The system clears such folders, too.
                shutil.rmtree(self.path)
        finally:
            os.close(self._descriptor)


def _held(path: Path) -> int | None:
    """Return what holds a folder from now on; None if somebody else does, or it is gone."""
    with ExitStack() as undone:
        try:
            descriptor = os.open(path, _OPEN)
            undone.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = path.stat().st_ino == os.fstat(descriptor).st_ino
        except (FileNotFoundError, BlockingIOError):
            return None
        if not there:
            return None
        undone.pop_all()
        return descriptor


def _remove_left(root: Path, prefix: str) -> None:
    """Remove our own folders that no process holds any more."""
    for path in root.glob(f"{prefix}*"):
        try:
            if path.lstat().st_uid != os.geteuid():
                continue
            descriptor = _held(path)
            if descriptor is None:
                continue
            try:
                shutil.rmtree(path)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            continue  # Somebody else was quicker.
        except OSError as error:
            log.warning(
                "a folder that was left stays", extra={"path": str(path), "why": str(error)}
            )
