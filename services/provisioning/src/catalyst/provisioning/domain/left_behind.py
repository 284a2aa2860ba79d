"""What an Application that goes keeps in others that stay, as its plan tells it. Pure.

Nobody can look into a database from here, so it is said of each Application that is used, and
nothing of it is ever deleted: others may keep theirs beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

from catalyst.contracts.provisioning_values_v1 import Locked
from catalyst.provisioning.domain.plan import Risk


def stays(lock: Iterable[Locked]) -> tuple[str, ...]:
    """Return what is left in each that what goes uses."""
    return tuple(f"{words}: it is left there" for words, _ in _kept(lock))


def risks(lock: Iterable[Locked]) -> tuple[Risk, ...]:
    """Return that it is left, for whoever wants the data of what goes deleted."""
    return tuple(
        Risk(
            kind="data-kept",
            message=(
                f"{words} is not deleted: have it deleted there, or uninstall {other} with its"
                " data as well"
            ),
        )
        for words, other in _kept(lock)
    )


def _kept(lock: Iterable[Locked]) -> list[tuple[str, str]]:
    """Return what is kept in words, and in which Application."""
    items = list(lock)
    staying = {(one.application, one.environment) for one in items if not one.written}
    return [
        (f"what {one.application} keeps in {other} in {one.environment}", other)
        for one in items
        if one.written
        for other in dict.fromkeys(one.dependencies.values())
        if (other, one.environment) in staying
    ]
