"""Ports that nobody is given by chance: below those that systems hand out."""

import random
import socket

FIRST, LAST = 20_000, 30_000


def free_ports(number: int) -> list[int]:
    """Return ports at which nothing listens, and that no connection of this machine is given."""
    found: list[int] = []
    while len(found) < number:
        port = random.SystemRandom().randrange(FIRST, LAST)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found
