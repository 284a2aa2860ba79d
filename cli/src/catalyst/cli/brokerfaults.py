"""What can be wrong with the embedded broker, and how its log says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final


class BrokerFault(Exception):
    """The embedded broker cannot run; the text tells a person why."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Say what is wrong; `hint` says what to do about it."""
        super().__init__(message)
        self.hint = hint


class DataDirectoryInUse(BrokerFault):
    """Another broker works on the same directory."""


class PortTaken(BrokerFault):
    """Somebody else listens on the port."""


class StoreCorrupt(BrokerFault):
    """What the directory holds cannot be read, or parts of it are missing."""


class DiskFull(BrokerFault):
    """There is no room to write to."""


def fault_in(log: str, directory: Path, port: int, shown: str) -> BrokerFault | None:
    """Return what the broker's log complains about; None if all is well.

    Args:
        log: What it said since its start.
        directory: Its own.
        port: Where it listens.
        shown: How a person calls the directory.
    """
    for line in log.splitlines():
        if "address already in use" in line:
            return PortTaken(
                f"port {port}, which the broker needs, is taken",
                hint="stop who listens there, or choose another port",
            )
        if "no space left on device" in line:
            return DiskFull(f"the disk of {shown} is full", hint=NO_ROOM)
        if "permission denied" in line or "not writable" in line:
            return BrokerFault(
                f"the broker may not write below {shown}: permission denied",
                hint=f"give {shown} and all that is in it to this user, or choose another "
                "directory with --data",
            )
        if any(sign in line for sign in _SIGNS_OF_DAMAGE) or _lost_blocks(line, directory):
            return StoreCorrupt(
                f"what the broker stored in {shown} cannot be read: "
                f"{_PREFIX.sub('', line.partition('] ')[2])}",
                hint=f"restore the whole directory {shown} from a copy, or move it away and begin "
                "anew with an empty one",
            )
    return None


NO_ROOM: Final = "make room, or choose another directory with --data"
_PREFIX: Final = re.compile(r"^[\d/]+ [\d:.]+ \[\w+\]\s*")
"""When the broker said it, and how loud."""
_SIGNS_OF_DAMAGE: Final = (
    "Can't start JetStream",
    "metafile",
)
"""After the last one the server goes on without the stream."""
_STALE_INDEX: Final = "could not locate msg block"
"""What the server says after a crash about an index that is behind its files, which it then makes
anew; and what it says about a file of the log that is gone."""


def _lost_blocks(line: str, directory: Path) -> bool:
    """Whether a warning speaks of a log of which a file is really missing.

    Events are never removed, so the files of `EV` count up from 1. In other streams files go as
    their messages go, and an index that still names one means nothing.
    """
    if _STALE_INDEX not in line or "[EV]" not in line:
        return False
    for stream in directory.glob("store/jetstream/*/streams/EV/msgs"):
        numbers = sorted(int(path.stem) for path in stream.glob("*.blk") if path.stem.isdigit())
        if numbers != list(range(1, len(numbers) + 1)):
            return True
    return False
