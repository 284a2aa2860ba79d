"""Whether Applications fit those that they need, whatever becomes of the changes under way. Pure.

The catalogue finds versions for the time when every change that waits has come true. A change waits
for those before it on its own Applications, not for those on what these need or are needed by: so
whatever those may leave there has to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import takewhile

from catalyst.blueprints import versions
from catalyst.contracts.provisioning_values_v1 import Desired, Locked
from catalyst.provisioning.domain import behind
from catalyst.provisioning.domain.application import Application
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Blocker
from catalyst.provisioning.domain.possible import outcomes


def fits(facts: Facts, name: str, environment: str, new: Desired) -> bool:
    """Return whether a revision fits what it needs and what needs it, as these will run.

    Args:
        facts: With who needs the Application, where the revision has another version.
        name: The Application.
        environment: Where.
        new: The revision.
    """
    old = facts.expected(name, environment)
    if old is not None and (old.digest, old.dependencies) == (new.digest, new.dependencies):
        return True
    needs = all(
        _takes(facts, new, alias, facts.expected(other, environment))
        for alias, other in new.dependencies.items()
    )
    users = facts.applications[name].binding(environment).dependents
    present = (facts.expected(other, environment) for other in users)
    return needs and all(_is_taken(facts, name, new, user) for user in present)


def unsettled(
    facts: Facts, lock: Iterable[Locked], desired: Mapping[str, Desired]
) -> tuple[Blocker, ...]:
    """Return which changes have to be over first, because it may not fit what they leave.

    Args:
        facts: With all that is needed, and with who needs what gets another version.
        lock: What is written, and what that uses.
        desired: What is written, by Application.
    """
    own = {item.application: item for item in lock if item.written}
    present, sure = facts.applications, over_by_then(facts, own)
    found: list[Blocker] = []
    for name, item in own.items():
        new, environment = desired[name], item.environment
        for alias, other in new.dependencies.items():
            if other in present and other not in own:
                words = f"{name} needs {other} {_wanted(facts, new, alias)}".rstrip()
                takes = partial(_takes, facts, new, alias)
                copy = own_copy(item, alias)
                found += _open(present[other], other, environment, sure, takes, words, copy)
        for user in moved_under(facts, item):
            if user not in own:
                takes = partial(_is_taken, facts, name, new)
                words = f"{user} needs {name}, which gets {new.version}"
                found += _open(present[user], user, environment, sure, takes, words)
    return tuple(dict.fromkeys(found))


def needed_again(facts: Facts, item: Locked, user: str) -> tuple[Blocker, ...]:
    """Return the change that has to be over before an Application goes that a user may need.

    Nothing if it does not need it either way, or will need it for good.
    """
    name, environment = item.application, item.environment
    sure = facts.applications[name].changes()

    def goes_without(one: Desired | None) -> bool:
        return one is None or name not in one.dependencies.values()

    words = f"{user} may need {name} again"
    return _open(facts.applications[user], user, environment, sure, goes_without, words)


def _open(
    state: Application,
    name: str,
    environment: str,
    sure: Collection[str],
    takes: Callable[[Desired | None], bool],
    words: str,
    own: str = "",
) -> tuple[Blocker, ...]:
    """Return the change that has to be over, if what is expected fits and what may be does not."""
    left = outcomes(state, environment, sure)
    if all(map(takes, left)) or not takes(left[-1]):
        return ()
    return (waits(state, name, environment, sure, words, own),)


def over_by_then(facts: Facts, names: Iterable[str]) -> frozenset[str]:
    """Return the changes that have come true before one that works on these Applications begins."""
    present = facts.applications
    return frozenset(one for name in names if name in present for one in present[name].changes())


def own_copy(item: Locked, alias: str) -> str:
    """Return the alias if with a copy of its own nothing is waited for; empty: that is no way."""
    return alias if item.role == "target" and not alias.startswith("/") else ""


def waits(
    state: Application,
    name: str,
    environment: str,
    sure: Collection[str],
    words: str,
    own: str = "",
) -> Blocker:
    """Return that a change of an Application has to be over first, where one of them is open."""
    queued = [one.change for one in state.queue if one.environment == environment]
    # What stands before one that is waited for anyway is over by then.
    *_, change = takewhile(lambda one: one not in sure, reversed(queued))
    another = f"; a {own} of its own is another way" if own else ""
    message = f"{words}, and {change} works on {name}: plan again once that is over{another}"
    link = behind.unsettled(change, f"{change} works on {name}, and may be taken back")
    return Blocker(code="dependency-unsettled", message=message, chain=(link,), own_copy=own)


def moved_under(facts: Facts, item: Locked) -> tuple[str, ...]:
    """Return who needs an Application, if it gets another version."""
    old = facts.expected(item.application, item.environment)
    if not item.written or old is None or old.digest == item.digest:
        return ()
    return facts.applications[item.application].binding(item.environment).dependents


def _wanted(facts: Facts, user: Desired, alias: str) -> str:
    """Return the range in which something is needed; empty: any, as of what values name."""
    every = facts.contents[user.digest].blueprint.depends
    return next((one.version for one in every if one.alias == alias), "")


def _takes(facts: Facts, user: Desired, alias: str, other: Desired | None) -> bool:
    """Return whether something runs for an alias, in a version that is needed."""
    if other is None:
        return False
    wanted = _wanted(facts, user, alias)
    return not wanted or versions.parse_range(wanted).contains(versions.parse(other.version))


def _is_taken(facts: Facts, name: str, new: Desired, user: Desired | None) -> bool:
    """Return whether whoever needs an Application takes it as it will be."""
    if user is None:
        return True
    aliases = (alias for alias, used in user.dependencies.items() if used == name)
    return all(_takes(facts, user, alias, new) for alias in aliases)
