"""Why nothing fits: a chain that a person can read, down to what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from catalyst.catalog_svc.domain import waiting
from catalyst.catalog_svc.domain.entry import Entry, Offered
from catalyst.catalog_svc.domain.pins import Need, Pin
from catalyst.catalog_svc.domain.universe import SHARED, UNDECIDED, Universe
from catalyst.contracts.blocked import Link

MAX_NAMED: Final = 5
"""Versions that are named, at most."""


def chain(universe: Universe, needs: Sequence[Need]) -> tuple[str, ...]:
    """Return who needs what, down to the slot where it ends, and what is there."""
    lines: list[str] = []
    for need in sorted(_expanded(needs), key=_order):
        lines += _path(need)
    for slot, wanted in _slots(needs).items():
        lines += _facts(universe, slot, wanted)
    return tuple(dict.fromkeys(lines))


def waits(universe: Universe, needs: Sequence[Need]) -> tuple[Link, ...]:
    """Return what is only waited for among what stands in the way, as links down to the cause."""
    found = [
        link
        for wanted in _slots(needs).values()
        for link in waiting.chain(
            universe.catalogue,
            universe.organization,
            wanted[0].blueprint,
            [need.wanted for need in wanted],
        )
    ]
    return tuple(dict.fromkeys(found))


def ways(universe: Universe, needs: Sequence[Need]) -> tuple[str, ...]:
    """Return the target's aliases for which a copy of its own might be a way out."""
    shared = ("any:", "app:")
    found = {
        need.alias
        for need in _expanded(needs)
        if need.alias and _is_target(universe, need) and need.slot.startswith(shared)
    }
    return tuple(sorted(found))


def way(alias: str) -> str:
    """Return a way out in words."""
    return f"a {alias} of its own is another way"


def _slots(needs: Sequence[Need]) -> dict[str, list[Need]]:
    slots: dict[str, list[Need]] = {}
    for need in sorted(_expanded(needs), key=_order):
        slots.setdefault(need.slot, []).append(need)
    return slots


def _order(need: Need) -> tuple[str, ...]:
    parent = need.parent
    return (need.slot, "" if parent is None else parent.name, need.alias)


def _expanded(needs: Iterable[Need]) -> Iterator[Need]:
    """Yield the needs; for those of a choice what the choice was made for."""
    for need in needs:
        if need.parent is not None and need.parent.instead:
            yield from _expanded(need.parent.via)
        else:
            yield need


def _path(need: Need) -> list[str]:
    lines: list[str] = []
    seen: set[Pin] = set()
    at: Need | None = need
    while at is not None and at.parent is not None and at.parent not in seen:
        parent = at.parent
        seen.add(parent)
        if not parent.instead and at.slot != UNDECIDED:
            lines.append(f"{parent.name} {parent.text} needs {at.blueprint} {at.wanted}")
        at = next((one for one in parent.via if one.parent is not None), None)
    return lines[::-1]


def _facts(universe: Universe, slot: str, needs: Sequence[Need]) -> Iterator[str]:
    blueprint = needs[0].blueprint
    if slot.startswith("part:"):
        decided = universe.decided[blueprint]
        if decided.startswith("app:"):
            yield from _present(universe, decided.removeprefix("app:"), needs)
        slot = universe.common(blueprint)
    kind, _, rest = slot.partition(":")
    if kind == "wrong" and rest:
        yield _wrong(universe, rest, blueprint)
    elif kind == "wrong":
        yield f"the conditions of {blueprint} have no result for this configuration"
    elif kind == "new" or (slot == universe.target and not _exists(universe, needs)):
        yield from _offers(universe, blueprint, needs)
    else:
        names = universe.existing(kind, blueprint) if kind in SHARED else (rest,)
        for name in names:
            yield from _present(universe, name, needs)


def _exists(universe: Universe, needs: Sequence[Need]) -> bool:
    """Return whether the target runs and its Blueprint has a version that all needs fit."""
    entry = None if universe.old is None else universe.entry_of(universe.request.application)
    return entry is not None and bool(_fitting(entry.versions, needs))


def _fitting(versions: Iterable[Offered], needs: Sequence[Need]) -> list[Offered]:
    return [one for one in versions if all(need.wanted.contains(one.version) for need in needs)]


def _is_target(universe: Universe, need: Need) -> bool:
    return need.parent is not None and need.parent.slot == universe.target


def _wrong(universe: Universe, application: str, blueprint: str) -> str:
    desired = universe.running.get(application)
    if desired is None:
        return f"{application} does not run in {universe.environment}"
    if desired.blueprint == blueprint:
        return f"{application} needs {universe.request.application} itself"
    return f"{application} is a copy of {desired.blueprint}, not of {blueprint}"


def _present(universe: Universe, application: str, needs: Sequence[Need]) -> Iterator[str]:
    desired = universe.running[application]
    held = "".join(
        f", shared by {one.application}, which needs {one.wanted}"
        for one in universe.holders.get(application, ())
    )
    yield (
        f"{universe.environment} already runs {desired.blueprint} {desired.version} "
        f"as {application}{held}"
    )
    entry = universe.entry_of(application)
    if entry is None:
        return
    for one in _fitting(entry.versions, needs)[:MAX_NAMED]:
        why = universe.move_refusal(application, entry, one)
        if (
            why
            and one.text != desired.version
            and not why.startswith(_holders(universe, application))
        ):
            yield f"{application} cannot become {one.text}: {why}"


def _holders(universe: Universe, application: str) -> tuple[str, ...]:
    return tuple(f"{one.application} needs " for one in universe.holders.get(application, ()))


def _offers(universe: Universe, blueprint: str, needs: Sequence[Need]) -> Iterator[str]:
    entry = universe.entries.get(blueprint)
    if entry is None:
        yield f"there is no {blueprint} in the catalogue of {universe.organization}"
        return
    fit = _fitting((*entry.versions, *entry.pending), needs)
    refused = [why for one in fit[:MAX_NAMED] if (why := entry.refusal(one))]
    yield from refused
    if not fit:
        yield _listed(entry, needs)


def _listed(entry: Entry, needs: Sequence[Need]) -> str:
    ranges = " and ".join(dict.fromkeys(str(need.wanted) for need in needs))
    return with_others(f"no {entry.name} fits {ranges}", entry)


def with_others(lacking: str, entry: Entry) -> str:
    """Return that a version is lacking, with the newest that can be installed."""
    texts = [one.text for one in entry.versions if one.offered]
    if not texts:
        return f"{entry.name} has no version that can be installed"
    more = f" and {len(texts) - MAX_NAMED} older ones" if len(texts) > MAX_NAMED else ""
    return f"{lacking}; there is {', '.join(texts[:MAX_NAMED])}{more}"
