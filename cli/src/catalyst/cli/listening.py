"""At which port a data directory is found: at that of the last time, as long as nobody has it."""

from __future__ import annotations

import os
from collections.abc import Callable

from catalyst.chassis import app as process
from catalyst.chassis.errors import Expected
from catalyst.cli.installation import Installation
from catalyst.cli.processes import told_clusters


def listen(
    installation: Installation, host: str, port: int, tell: Callable[[str], None]
) -> process.Socket:
    """Return the socket of the one HTTP origin, and keep its port for the next start.

    Programs, and what Flux was told, have the address of the last time.

    Args:
        installation: Whose it is.
        host: The address.
        port: The port; 0 takes that of the last time if it is free, else any that is.
        tell: Takes a line about it, for a person.

    Raises:
        Expected: If it cannot be listened there, or that cannot be kept.
    """
    last = installation.http_port()
    bound = _bound(host, port or last, port)
    now = int(bound.getsockname()[1])
    try:
        installation.remember_http_port(now)
    except Expected:
        bound.close()
        raise
    if last not in {0, now}:
        tell(moved(last, now, port))
    return bound


def _bound(host: str, wanted: int, port: int) -> process.Socket:
    try:
        return process.listen(host, wanted)
    except Expected:
        if wanted == port:
            raise
    return process.listen(host, port)


def moved(last: int, now: int, port: int) -> str:
    """Return what follows from another port than the last time.

    Args:
        last: The port of then.
        now: The one of now.
        port: The one that was asked for; 0: any.
    """
    why, back = (
        ("as it is asked for", f"--port {last} goes back")
        if port
        else ("which is not free", f"end this, free {last} and start with --port {last} to go back")
    )
    clusters = (
        ""
        if told_clusters(os.environ)
        else "; clusters look for the repository of an Application there until its next change, "
        "whose plan says so"
    )
    return (
        f"the port is {now} and no longer {last}, {why}: links and clones still name {last}"
        f"{clusters}; {back}"
    )
