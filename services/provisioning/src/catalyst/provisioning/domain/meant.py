"""What an Application means another one to run with that is there, and runs otherwise. Pure.

The values that a Blueprint gives to what it needs go to what comes along. What is shared keeps its
own, for others use it too: so a plan says where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprints.configschema import effective
from catalyst.blueprints.merging import merged
from catalyst.contracts.provisioning_values_v1 import Desired, Locked
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import fitting
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.place import values_for_dependencies
from catalyst.provisioning.domain.plan import Risk

NAMED: Final = 5
"""Values that are named; beyond that they are counted."""
_LONGEST: Final = 60
"""Characters of a value that is named."""

Values = Mapping[str, Any]


def otherwise(
    facts: Facts, lock: tuple[Locked, ...], desired: Mapping[str, Desired]
) -> tuple[Risk, ...]:
    """Return where what is there already does not run as whoever comes to use it means it to.

    Whoever used it before, and asks nothing else of it now, was told then.
    """
    roles = {item.application: item.role for item in lock}
    found: list[Risk] = []
    for item in lock:
        if not item.written:
            continue
        old = facts.expected(item.application, item.environment)
        before = _given(facts, item, old) if old is not None else {}
        for alias, values in _given(facts, item, desired[item.application]).items():
            copy = item.dependencies.get(alias, "")
            runs = desired.get(copy) or facts.expected(copy, item.environment)
            known = old is not None and old.dependencies.get(alias) == copy
            if roles.get(copy) == "new" or runs is None or runs.digest not in facts.contents:
                continue
            if known and before.get(alias) == values:
                continue
            found += _told(item, alias, copy, tuple(_differing(values, _config(facts, runs))))
    return tuple(found)


def _given(facts: Facts, item: Locked, desired: Desired) -> Mapping[str, Values]:
    """Return what an Application gives to what it depends on, as far as that can be told."""
    content = facts.contents.get(desired.digest)
    if content is None:
        return {}
    try:
        place = facts.place(item.application, item.environment, desired, {})
        return values_for_dependencies(place, content)
    except Rejected:
        return {}


def _config(facts: Facts, runs: Desired) -> Values:
    blueprint = facts.contents[runs.digest].blueprint
    return effective(blueprint.schema, merged(blueprint.values, runs.values))


def _differing(meant: Any, runs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each value that is another, with its path; an empty map means none."""
    if isinstance(meant, dict):
        for name, value in meant.items():
            inner = runs.get(name) if isinstance(runs, dict) else None
            yield from _differing(value, inner, f"{path}.{name}" if path else name)
    elif meant != runs:
        yield path, meant, runs


def _told(
    item: Locked, alias: str, copy: str, differing: tuple[tuple[str, Any, Any], ...]
) -> tuple[Risk, ...]:
    if not differing:
        return ()
    named = differing[:NAMED]
    meant = ", ".join(_said(path, value) for path, value, _ in named)
    there = ", ".join(_said(path, value) for path, _, value in named)
    more = f" (and {len(differing) - NAMED} more)" if len(differing) > NAMED else ""
    own = fitting.own_copy(item, alias)
    another = f"; a {own} of its own is another way" if own else ""
    message = (
        f"{copy} stays as it runs, with {there}{more}, though {item.application} means its {alias}"
        f" to have {meant}{another}"
    )
    return (Risk(kind="other-values", message=message, own_copy=own),)


def _said(path: str, value: Any) -> str:
    if value is None:
        return f"no {path}"
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else value
    return f"{path}={text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…'}"
