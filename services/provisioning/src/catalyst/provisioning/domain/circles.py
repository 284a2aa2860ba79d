"""No Application comes to wait for itself: Flux would apply none of a circle. Pure.

A plan adds nothing to what an Application needs from which a way leads back: neither by what will
run once the changes under way have come true, nor by what may run if one of them is taken back, or
until the next one comes true. What these may need is what a plan rests on, so that of two that are
applied at once the second is stale. What was needed before is not judged: a circle that stands
keeps nobody from changing something else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Final

from catalyst.contracts.provisioning_values_v1 import Locked
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import fitting, possible
from catalyst.provisioning.domain.application import Application
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import NEEDS, Blocker

Near = Callable[[str], Collection[str]]
"""What an Application needs, without what that needs."""
_EMPTY: Final = Application()


def way(facts: Facts, lock: tuple[Locked, ...], item: Locked, name: str) -> tuple[str, ...]:
    """Return how what an Application comes to need leads back to it, once all has come true.

    Args:
        facts: With the Applications of the lock, and all that these may need.
        lock: What is written, and what that uses.
        item: The Application.
        name: What it needs by the lock.

    Returns:
        The shortest way, from `name` to the Application; empty: none, or it is needed already.
    """
    if name not in _added(facts, item).values():
        return ()
    return _way(_expected(facts, lock, item.environment), name, item.application)


def require_none(facts: Facts, lock: tuple[Locked, ...]) -> None:
    """Refuse what an Application comes to need that will need it; the arguments are as of `way`.

    Raises:
        Rejected: `dependency-cycle`.
    """
    for item in lock:
        for alias, name in _added(facts, item).items():
            back = () if alias.startswith("/") else way(facts, lock, item, name)
            if back:
                message = (
                    f"{item.application} would wait for itself: {_words(item, back)};"
                    f" let it use another one as {alias}"
                )
                raise Rejected("dependency-cycle", message)


def unsettled(facts: Facts, lock: tuple[Locked, ...]) -> tuple[Blocker, ...]:
    """Return which changes have to be over first, because what they leave may close a circle.

    The arguments are as of `way`; what that finds is none of these.
    """
    found: list[Blocker] = []
    for item in lock:
        will = _expected(facts, lock, item.environment)
        may, sure = _possible(facts, lock, item.environment)
        for alias, name in _added(facts, item).items():
            back = _way(may, name, item.application)
            if not back or way(facts, lock, item, name):
                continue  # what will close a circle for good is refused
            open_ = next(one for one, other in pairwise(back) if other not in will(one))
            words = f"{item.application} may come to wait for itself ({_words(item, back)})"
            own = fitting.own_copy(item, alias)
            state = facts.applications[open_]
            found.append(fitting.waits(state, open_, item.environment, sure, words, own))
    return tuple(dict.fromkeys(found))


def inputs(facts: Facts, lock: tuple[Locked, ...]) -> dict[str, str]:
    """Return what was looked at beyond the lock, whose Applications are inputs by themselves."""
    own = {one.application for one in lock}
    found: dict[str, str] = {}
    for item in lock:
        may, _ = _possible(facts, lock, item.environment)
        for name in _added(facts, item).values():
            for one in _ways(may, name).keys() - own:
                state = facts.applications.get(one, _EMPTY)
                key = f"{NEEDS}{one}@{item.environment}"
                found[key] = possible.needs_version(state, item.environment)
    return found


def _added(facts: Facts, item: Locked) -> dict[str, str]:
    """Return what an Application needs by the lock and did not before, by alias or pointer."""
    old = facts.expected(item.application, item.environment)
    had = set(old.dependencies.values()) if old is not None else set()
    every = sorted(item.dependencies.items()) if item.written else ()
    return {alias: name for alias, name in every if name not in had}


def _expected(facts: Facts, lock: tuple[Locked, ...], environment: str) -> Near:
    """Return what is needed once every change has come true, this one too."""
    own = _own(lock)

    def near(name: str) -> Collection[str]:
        desired = facts.expected(name, environment)
        return own.get(name, desired.dependencies.values() if desired is not None else ())

    return near


def _possible(
    facts: Facts, lock: tuple[Locked, ...], environment: str
) -> tuple[Near, frozenset[str]]:
    """Return what may be needed, and which changes have come true before this one begins."""
    own = _own(lock)
    sure = fitting.over_by_then(facts, own)

    def near(name: str) -> Collection[str]:
        state = facts.applications.get(name, _EMPTY)
        return own[name] if name in own else possible.needed(state, environment, sure)

    return near, sure


def _own(lock: tuple[Locked, ...]) -> dict[str, Collection[str]]:
    return {one.application: one.dependencies.values() for one in lock if one.written}


def _way(near: Near, start: str, end: str) -> tuple[str, ...]:
    """Return the shortest way from one Application to another one; empty: none."""
    return _ways(near, start).get(end, ())


def _ways(near: Near, start: str) -> dict[str, tuple[str, ...]]:
    """Return the shortest way from one Application to each that it needs, through others too."""
    found: dict[str, tuple[str, ...]] = {start: (start,)}
    queue = [start]
    for one in queue:
        for other in sorted(near(one)):
            if other not in found:
                found[other] = (*found[one], other)
                queue.append(other)
    return found


def _words(item: Locked, back: tuple[str, ...]) -> str:
    return " → ".join((item.application, *back))
