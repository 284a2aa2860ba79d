"""Who works in a broker's directory: one at a time, and told to whoever comes second."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from catalyst.cli.brokerfaults import BrokerFault, DataDirectoryInUse


@contextmanager
def held(directory: Path, shown: str) -> Iterator[IO[bytes]]:
    """Hold the directory while a child is started; the child keeps it until it ends.

    The lock belongs to the open file, which the child inherits, so it outlives this process. In
    the file stands who started the child, for whoever finds the directory held.
    """
    try:
        lock = (directory / "lock").open("a+b")
    except OSError as error:
        raise BrokerFault(
            f"the broker may not write below {shown}: {error.strerror}", hint=f"is {shown} yours?"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(lock, shown) from None
        lock.truncate(0)
        lock.write(str(os.getpid()).encode())
        lock.flush()
        yield lock


def check_free(directory: Path, shown: str) -> None:
    """Look whether anybody works in the directory, which is left as it is.

    Raises:
        DataDirectoryInUse: If somebody does.
    """
    try:
        lock = (directory / "lock").open("rb")
    except OSError:
        # There is none yet, or whoever starts here is told why it cannot be opened.
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(lock, shown) from None


def _in_use(lock: IO[bytes], shown: str) -> DataDirectoryInUse:
    """Return who holds a directory: the process that said so, unless it is gone."""
    lock.seek(0)
    said = lock.read()
    pid = int(said) if said.isdigit() else 0
    if not pid or not runs(pid):
        return DataDirectoryInUse(
            f"another Catalyst works in {shown}",
            hint="end that one with Ctrl-C, or begin another with --data and --port 0",
        )
    return DataDirectoryInUse(
        f"another Catalyst works in {shown}: process {pid}",
        hint=f"end that one with Ctrl-C or `kill {pid}`, or begin another beside it with --data "
        "and --port 0",
    )


def runs(pid: int) -> bool:
    """Whether there is a process with this id, be it somebody else's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
