"""Which copies that run are for everybody, and which are somebody's own.

A copy that was asked for as one's own (`new` for an alias) is marked so by what uses it
(`Desired.own`). As long as it is used by that one it is its own, whoever else names it and whatever
it is called: nobody shares it without having asked. Every other copy is for everybody.

Of what was applied before there were marks a copy's name has to tell: an own one is called after
the Application and the alias that it is for. A name may deceive: what is called as any copy of its
Blueprint is called, or is used by several others, was not made for one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from catalyst.contracts.provisioning_values_v1 import Desired

MAX_NAME: Final = 40
SEVERAL: Final = 2
"""Others that use a copy, from which on it is nobody's own."""
_NUMBER: Final = re.compile(r"-([1-9]\d*)$")


def own_name(parent: str, alias: str) -> str:
    """Return how an Application's own copy for an alias is called, if that is free."""
    return short(f"{parent}-{alias.replace('_', '-')}")


def short(name: str) -> str:
    """Return a name as an Application may have it."""
    return name.lower()[:MAX_NAME].rstrip("-")


def common_name(blueprint: str) -> str:
    """Return how a copy for all who need a Blueprint is called, if that is free."""
    return short(blueprint.removeprefix("bp-"))


def numbered(name: str, number: int) -> str:
    """Return a name with a number, which it gets where it is taken without one."""
    suffix = f"-{number}"
    return f"{name[: MAX_NAME - len(suffix)].rstrip('-')}{suffix}"


def _called(copy: str, name: str) -> bool:
    """Return whether a copy has a name, with a number or without."""
    number = _NUMBER.search(copy)
    return copy == name or (number is not None and copy == numbered(name, int(number[1])))


class Copies:
    """Who uses what runs in an Environment."""

    def __init__(self, running: Mapping[str, Desired]) -> None:
        """Look at what runs."""
        uses = [
            (user, alias, other)
            for user, desired in running.items()
            for alias, other in desired.dependencies.items()
        ]
        self.users = Counter(other for _, other in {(user, other) for user, _, other in uses})
        """How many Applications use each."""
        self.owners: dict[str, frozenset[str]] = {}
        """By copy, those that it is their own; every other one is for everybody."""
        for user, alias, other in uses:
            mark = running[user].own.get(alias)
            if self._named_as_own(user, alias, running) if mark is None else mark:
                self.owners[other] = self.owners.get(other, frozenset()) | {user}

    def _named_as_own(self, user: str, alias: str, running: Mapping[str, Desired]) -> bool:
        """Return whether the copy for an alias looks like its user's own by its name."""
        copy = running[user].dependencies[alias]
        if not _called(copy, own_name(user, alias)):
            return False
        present = running.get(copy)
        by_default = present is not None and _called(copy, common_name(present.blueprint))
        return not by_default and self.users[copy] - 1 < SEVERAL
