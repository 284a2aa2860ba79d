"""Solving: one exact version for everything that is to run, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal

import msgspec

from catalyst.blueprints.dependencies import Undecided
from catalyst.blueprints.merging import merged
from catalyst.blueprints.versions import BadVersion
from catalyst.catalog_svc.domain import reasons
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.catalog_svc.domain.copies import common_name, numbered, own_name
from catalyst.catalog_svc.domain.entry import parsed_range
from catalyst.catalog_svc.domain.pins import Need, Pin
from catalyst.catalog_svc.domain.resolving import Impossible, TooMuch, resolve
from catalyst.catalog_svc.domain.universe import NEW, Request, Universe, Values
from catalyst.contracts.blocked import Link
from catalyst.contracts.codec import pointer_token
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected

_PREFIX: Final = "bp-"
_SEARCHES: Final = 8
"""Searches until the configuration of what is new is known; each lays down one level more."""


class Unsolvable(Rejected):
    """Nothing fits: `not-solvable`, with the reasons in a row."""

    def __init__(
        self,
        lines: Sequence[str],
        waits: tuple[Link, ...],
        ways: Sequence[str] = (),
        out: Sequence[str] = (),
    ) -> None:
        """Refuse for reasons.

        `waits` is the chain of what comes by itself, as links; for an alias among `ways` a copy of
        its own may be a way out, which nobody has tried; for one of `out` it is one.
        """
        told = [(line, "") for line in lines] + [(reasons.way(one), one) for one in out]
        errors = [
            FieldError(pointer="/version", rule="not-solvable", message=text, own_copy=alias)
            for text, alias in told
        ]
        super().__init__("not-solvable", "; ".join(text for text, _ in told), errors)
        self.lines = tuple(lines)
        self.waits = waits
        self.ways = tuple(ways)


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """One Application with the exact version that it has or gets."""

    application: str
    environment: str
    blueprint: str
    origin: str
    version: str
    digest: str
    role: Literal["target", "new", "shared", "upgraded"]
    dependencies: dict[str, str]
    """The Application that each alias stands for."""


class Solution(msgspec.Struct, frozen=True, kw_only=True):
    """What fits together."""

    lock: tuple[Locked, ...]
    """Dependencies before those that need them."""
    warnings: tuple[str, ...] = ()


def solve(catalogue: Catalogue, organization: str, request: Request) -> Solution:
    """Return a lock: the target as new as can be, what runs as it is if that fits.

    A refusal ends with the ways out that there are: each was solved before it is told.

    Raises:
        Rejected: `environment-not-found`, `blueprint-not-found`, `application-not-found`,
            `blueprint-cannot-run-there`, `invalid-data` for a wrong range or an alias that the
            target does not have, `values-invalid` if the target's conditions have no result, and
            `not-solvable` with the chain of reasons.
    """
    try:
        return _solved(Universe(catalogue, organization, request))
    except Unsolvable as error:
        found = [one for one in error.ways if _is_way(catalogue, organization, request, one)]
        raise Unsolvable(error.lines, error.waits, out=found) from error


def _is_way(catalogue: Catalogue, organization: str, request: Request, alias: str) -> bool:
    """Return whether there is a lock once an alias gets a copy of its own."""
    choices = {**request.dependencies, alias: NEW}
    asked = msgspec.structs.replace(request, dependencies=choices)
    try:
        _solved(Universe(catalogue, organization, asked))
    except Rejected:
        return False
    return True


def _solved(universe: Universe) -> Solution:
    root = _root(universe)
    _require_aliases(universe, [x for x in universe.candidates(universe.target) if root.fits(x)])
    given: Values = {}
    for _ in range(_SEARCHES):
        pins = _searched(universe, root, given)
        order = _order(universe, pins, given)
        known = _given(universe, pins, order, given)
        undecided = universe.guessed & {pin.slot for pin in order}
        if known == given and not undecided:
            _require_aliases(universe, [pins[universe.target]])
            return _solution(universe, pins, order, given)
        if known == given:
            universe.settled |= undecided
        universe.guessed.clear()
        given = known
    raise Rejected("not-solvable", "the configuration of what is needed never settles")


def _root(universe: Universe) -> Need:
    request, old = universe.request, universe.old
    blueprint = request.blueprint or (old.blueprint if old is not None else "")
    if not blueprint:
        message = f"{request.application} does not run in {request.environment}"
        raise Rejected("application-not-found", message, pointer="/application")
    if old is not None and old.blueprint != blueprint:
        message = f"{request.application} is a copy of {old.blueprint}"
        raise Rejected("blueprint-cannot-run-there", message, pointer="/blueprint")
    if old is None and blueprint not in universe.entries:
        message = f"there is no Blueprint {blueprint!r}{_meant(universe, blueprint)}"
        raise Rejected("blueprint-not-found", message, pointer="/blueprint")
    try:
        wanted = parsed_range(request.version)
    except BadVersion as error:
        raise Rejected("invalid-data", str(error), pointer="/version") from error
    return Need(universe.target, blueprint, wanted, None)


def _require_aliases(universe: Universe, versions: Sequence[Pin]) -> None:
    """Refuse a choice for an alias that none of these versions has, whatever is configured.

    What the target used until now may still be named: a new version may need it no more.

    Raises:
        Rejected: `invalid-data`, at each such alias.
    """
    offered = [pin.offered.blueprint for pin in versions if pin.offered is not None]
    if not offered:
        return  # what runs is offered no more: its aliases are not known
    known = sorted({one.alias for blueprint in offered for one in blueprint.depends})
    used = universe.old.dependencies if universe.old is not None else {}
    lacking = f"{versions[0].name} needs nothing called"
    there = f"; there is {', '.join(known)}" if known else "; it needs nothing"
    errors = [
        FieldError(
            pointer=f"/dependencies/{pointer_token(alias)}",
            rule="invalid-data",
            message=f"{lacking} {alias!r}{there}",
        )
        for alias in universe.request.dependencies
        if alias not in known and alias not in used
    ]
    if errors:
        raise Rejected("invalid-data", errors[0].message, errors)


def _meant(universe: Universe, blueprint: str) -> str:
    """Return which card is called almost so, as the end of a sentence; what is no card is not told.

    What all names begin with makes none of them alike.
    """
    known = universe.catalogue.visible(universe.organization)
    names = [name.removeprefix(_PREFIX) for name, one in known.items() if one.listed]
    near = get_close_matches(blueprint.removeprefix(_PREFIX), names, n=1)
    return f"; do you mean {_PREFIX}{near[0]}?" if near else ""


def _searched(universe: Universe, root: Need, given: Values) -> dict[str, Pin]:
    newest = [pin for pin in universe.candidates(universe.target) if root.fits(pin)]
    for pin in newest[:1]:
        try:
            universe.wanted(pin, given)
        except Undecided as error:
            raise _undecided(universe, pin, error) from error
    try:
        return resolve(universe, root, given)
    except TooMuch as error:
        raise Rejected("not-solvable", str(error)) from error
    except Impossible as error:
        needs = error.needs
    if newest:
        # Told of the newest version, which is the one that was meant.
        try:
            resolve(universe, root, given, only=newest[0])
        except (Impossible, TooMuch) as error:
            needs = error.needs if isinstance(error, Impossible) else needs
    lacking = needs or (root,)
    why = reasons.chain(universe, lacking)
    raise Unsolvable(why, reasons.waits(universe, lacking), reasons.ways(universe, lacking))


def _undecided(universe: Universe, pin: Pin, error: Undecided) -> Rejected:
    """Return what is wrong with the target's configuration: at its fields, if the schema says."""
    found = [] if pin.offered is None else universe.refused_by_schema(pin.offered.blueprint)
    if not found:
        return Rejected("values-invalid", str(error), pointer="/config")
    errors = [
        FieldError(pointer=f"/config{one.pointer}", rule="values-invalid", message=one.told)
        for one in found
    ]
    return Rejected("values-invalid", errors[0].message, errors)


# ---- from versions to a lock


def _edges(universe: Universe, pin: Pin, given: Values) -> dict[str, str]:
    """Return the slot behind each alias of what is to be written."""
    return {need.alias: need.slot for need in universe.needs(pin, given)}


def _final(pins: dict[str, Pin], slot: str) -> Pin:
    """Return what stands in a slot; for a choice, what was chosen."""
    pin = pins[slot]
    return _final(pins, pin.instead) if pin.instead else pin


def _order(universe: Universe, pins: dict[str, Pin], given: Values) -> tuple[Pin, ...]:
    """Return everything that is needed, dependencies first."""
    done: dict[str, Pin] = {}
    under_way: list[str] = []

    def visit(pin: Pin) -> None:
        if pin.slot in done:
            return
        if pin.slot in under_way:
            names = [pins[slot].name for slot in under_way[under_way.index(pin.slot) :]]
            raise Rejected(
                "dependency-cycle", f"this goes in a circle: {' → '.join((*names, pin.name))}"
            )
        under_way.append(pin.slot)
        for _, slot in sorted(_edges(universe, pin, given).items()):
            visit(_final(pins, slot))
        under_way.pop()
        done[pin.slot] = pin

    visit(pins[universe.target])
    return tuple(done.values())


def _given(
    universe: Universe, pins: dict[str, Pin], order: tuple[Pin, ...], given: Values
) -> Values:
    """Return the configuration that what is new gets; from those that need it, the first last."""
    found: Values = {}
    for pin in reversed(order):
        if pin.stays and pin.slot != universe.target:
            continue
        edges = _edges(universe, pin, given)
        for one in universe.wanted(pin, given):
            slot = _final(pins, edges[one.alias]).slot
            if slot.startswith("new:") and one.values:
                found[slot] = merged(found.get(slot, {}), one.values)
    return found


def _solution(
    universe: Universe, pins: dict[str, Pin], order: tuple[Pin, ...], given: Values
) -> Solution:
    names = _names(universe, order)
    lock = []
    for pin in order:
        desired = universe.running.get(pin.application)
        if pin.stays and pin.slot != universe.target and desired is not None:
            near = desired.dependencies
        else:
            near = {
                alias: names[_final(pins, slot).slot]
                for alias, slot in _edges(universe, pin, given).items()
            }
        lock.append(
            Locked(
                application=names[pin.slot],
                environment=universe.environment,
                blueprint=pin.name,
                origin=pin.origin,
                version=pin.text,
                digest=pin.digest,
                role=_role(universe, pin),
                dependencies=near,
            )
        )
    return Solution(lock=tuple(lock), warnings=_warnings(universe, order, lock[-1]))


def _role(universe: Universe, pin: Pin) -> Any:
    if pin.slot == universe.target:
        return "target"
    if pin.slot.startswith("new:"):
        return "new"
    return "shared" if pin.stays else "upgraded"


def _warnings(universe: Universe, order: tuple[Pin, ...], target: Locked) -> tuple[str, ...]:
    found = []
    for pin in order:
        entry = universe.catalogue.of_origin(universe.organization, pin.origin, pin.name)
        if entry is None:
            continue
        if entry.deprecated and not pin.stays:
            instead = f"; take {entry.replacement} instead" if entry.replacement else ""
            found.append(f"{pin.name} is deprecated: {entry.deprecated}{instead}")
        if pin.offered is not None and pin.offered.yanked:
            danger = "is in danger" if pin.offered.insecure else "was yanked"
            found.append(f"{pin.name} {pin.text} {danger}: {pin.offered.yanked}")
    known = universe.old.dependencies if universe.old is not None else {}
    found += [
        f"{target.blueprint} {target.version} needs nothing called {alias} here"
        for alias in universe.request.dependencies
        if alias not in target.dependencies and alias not in known
    ]
    return tuple(dict.fromkeys(found))


def _names(universe: Universe, order: tuple[Pin, ...]) -> dict[str, str]:
    """Return a name for each slot: what it has, or a proposal that is free."""
    names = {pin.slot: pin.application for pin in order if pin.application}
    taken = {*names.values(), *universe.running}
    for pin in reversed(order):
        if pin.slot in names:
            continue
        wanted = _wanted_name(pin, names)
        name, number = wanted, 2
        while name in taken or not _is_free(universe, name, pin):
            name, number = numbered(wanted, number), number + 1
        names[pin.slot] = name
        taken.add(name)
    return names


def _wanted_name(pin: Pin, names: dict[str, str]) -> str:
    """Return how it should be called: after its Blueprint, or after the one that it is for."""
    rest = pin.slot.partition(":")[2]
    if "/" not in rest:
        return common_name(pin.name)
    parent, _, alias = rest.rpartition("=")[0].rpartition("/")
    return own_name(names[parent], alias)


def _is_free(universe: Universe, name: str, pin: Pin) -> bool:
    """Return whether a name can be used: nothing has it, or a copy of the same elsewhere does."""
    found = universe.applications.get(name)
    if found is None or name == NEW:
        return name != NEW
    copies = [found.expected(environment) for environment in found.environments()]
    return all(one is not None and one.blueprint == pin.name for one in copies)
