"""The solver against brute force: on small universes it finds a lock exactly if there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from tests.support.catalogue import PROD, Shop
from tests.support.examples import at_least

from catalyst.blueprints.versions import parse, parse_range, upgrade_refusal
from catalyst.catalog_svc.domain.solving import Solution, solve
from catalyst.catalog_svc.domain.universe import Request
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.rejection import Rejected

T = TypeVar("T")

NAMES = ("bp-aa", "bp-bb", "bp-cc", "bp-dd")
VERSIONS = ("1.0.0", "1.1.0", "2.0.0", "2.1.0-rc.1")
RANGES = ("*", "^1", "<2", ">=1.1.0", "^2", "1.0.0", ">=2.1.0-rc.1")


@dataclass
class World:
    """Everything that a question is about."""

    blueprints: dict[tuple[str, str], dict[str, str]]
    """Name and version → what it needs, by name, with the range."""
    yanked: set[tuple[str, str]]
    froms: dict[tuple[str, str], str]
    running: dict[str, tuple[str, str]]
    """Application → name and version."""
    uses: dict[str, dict[str, str]] = field(default_factory=dict)
    """Application → for each name that it needs the Application that it uses."""

    def shop(self, *, backwards: bool = False) -> Shop:
        """Return a catalogue of it; the order in which things came is nothing to a solution."""
        found = Shop()
        found.organization()
        told = list(self.blueprints.items())
        for (name, version), needs in reversed(told) if backwards else told:
            froms = self.froms.get((name, version))
            more: dict[str, Any] = {"upgrades": {"from": [froms]}} if froms else {}
            ref = found.blueprint(name, version, *(f"{n} {r}" for n, r in needs.items()), **more)
            if (name, version) in self.yanked:
                yank = bp1.VersionYanked(name=name, origin="public", version=version, reason="x")
                found.tell(ref, yank)
        for application, (name, version) in self.running.items():
            uses = {n.removeprefix("bp-"): other for n, other in self.uses[application].items()}
            found.runs(application, name, version, uses=uses)
        return found


def some(luck: Random, values: Sequence[T], least: int, most: int) -> list[T]:
    """Return so many of some values, in their order."""
    count = min(len(values), luck.randint(least, most))
    return [values[at] for at in sorted(luck.sample(range(len(values)), count))]


def drawn(luck: Random) -> World:
    """Draw Blueprints without circles, and Applications that run and fit together.

    By a seed and not by strategies: a hundred choices each would cost more than the solving.
    """
    blueprints: dict[tuple[str, str], dict[str, str]] = {}
    for number, name in enumerate(NAMES):
        for version in some(luck, VERSIONS, 1, 4):
            needs = some(luck, NAMES[number + 1 :], 0, 3)
            blueprints[name, version] = {need: luck.choice(RANGES) for need in needs}
    keys = list(blueprints)
    froms = {key: luck.choice(("1.x", "1.0.0", "*")) for key in some(luck, keys, 0, 2)}
    world = World(blueprints, set(some(luck, keys, 0, 2)), froms, {})
    for number in range(luck.randint(0, 5)):
        name, version = luck.choice(keys[::-1])
        uses = {}
        for need, wanted in blueprints[name, version].items():
            fit = [
                other
                for other, (copy, present) in world.running.items()
                if copy == need and fits(wanted, present)
            ]
            if fit:
                uses[need] = luck.choice(fit)
        if uses.keys() == blueprints[name, version].keys():
            world.running[f"app-{number}"] = (name, version)
            world.uses[f"app-{number}"] = uses
    return world


def fits(rule: str, version: str) -> bool:
    """Return whether a version is in a range."""
    return parse_range(rule).contains(parse(version))


Assigned = dict[str, tuple[str, str]]


class Force:
    """Tries everything, one need after the other."""

    def __init__(self, world: World, target: str) -> None:
        self.world = world
        self.target = target

    def solvable(self, name: str, wanted: str) -> Iterator[str]:
        """Yield the target's version in every solution."""
        for version in self.options(self.target, name):
            needs = self.world.blueprints[name, version]
            agenda = [(self.target, need, rule) for need, rule in needs.items()]
            first = {self.target: (name, version)}
            if fits(wanted, version) and any(self.expand(first, {}, agenda)):
                yield version

    def options(self, slot: str, blueprint: str) -> list[str]:
        """Return the versions that an Application may have, all else aside."""
        all_ = [version for name, version in self.world.blueprints if name == blueprint]
        if slot in self.world.running:
            return [version for version in all_ if self.movable(slot, version)]
        return [version for version in all_ if (blueprint, version) not in self.world.yanked]

    def movable(self, application: str, version: str) -> bool:
        """Return whether what runs may get a version."""
        world = self.world
        blueprint, now = world.running[application]
        if version == now:
            return True
        for other, uses in world.uses.items():
            needs = world.blueprints[world.running[other]]
            uses_it = other != self.target and uses.get(blueprint) == application
            if uses_it and not fits(needs[blueprint], version):
                return False
        froms = world.froms.get((blueprint, version))
        ranges = [parse_range(froms)] if froms else []
        refused = upgrade_refusal(parse(now), parse(version), ranges, [])
        return not refused and (blueprint, version) not in world.yanked

    def slots(self, parent: str, blueprint: str, chosen: dict[str, str]) -> list[str]:
        """Return the Applications that a need may be met by."""
        kept = self.world.uses.get(parent, {}).get(blueprint)
        if kept:
            return [kept]
        present = [
            name
            for name, (copy, _) in self.world.running.items()
            if copy == blueprint and name != self.target
        ]
        if blueprint in chosen:
            return [chosen[blueprint]]
        return present or [f"new {blueprint}"]

    def expand(
        self, done: Assigned, chosen: dict[str, str], agenda: list[tuple[str, str, str]]
    ) -> Iterator[bool]:
        """Yield once for each way to meet all needs."""
        if not agenda:
            yield True
            return
        (parent, blueprint, rule), rest = agenda[0], agenda[1:]
        for slot in self.slots(parent, blueprint, chosen):
            kept = self.world.uses.get(parent, {}).get(blueprint)
            more = chosen if kept else {**chosen, blueprint: slot}
            if slot in done:
                if fits(rule, done[slot][1]):
                    yield from self.expand(done, more, rest)
                continue
            for version in self.options(slot, blueprint):
                if fits(rule, version):
                    stays = self.world.running.get(slot) == (blueprint, version)
                    needs = {} if stays else self.world.blueprints[blueprint, version]
                    further = [*rest, *((slot, need, rule_) for need, rule_ in needs.items())]
                    yield from self.expand({**done, slot: (blueprint, version)}, more, further)


def check(world: World, target: str, found: Solution) -> None:
    """Fail unless a lock is one."""
    lock = {one.application: one for one in found.lock}
    assert len(lock) == len(found.lock)
    seen: set[str] = set()
    for one in found.lock:
        assert one.role == "shared" or set(one.dependencies.values()) <= seen
        seen.add(one.application)
        for need, rule in world.blueprints[one.blueprint, one.version].items():
            there = lock.get(one.dependencies[need.removeprefix("bp-")])
            if there is None:
                assert one.role == "shared"
            else:
                assert there.blueprint == need
                assert fits(rule, there.version)
        old = world.running.get(one.application)
        expected = "new" if old is None else "shared" if old[1] == one.version else "upgraded"
        assert one.role == ("target" if one.application == target else expected)
    for application, uses in world.uses.items():
        for need, other in uses.items():
            if application not in lock and other in lock:
                rule = world.blueprints[world.running[application]][need]
                assert fits(rule, lock[other].version)


def answer(shop: Shop, request: Request) -> Solution | None:
    """Return the solution; None for a refusal, which has reasons."""
    try:
        return solve(shop.catalogue, "acme", request)
    except Rejected as error:
        if error.code != "not-solvable" or not error.errors:
            raise
        return None


@pytest.mark.guarantee("G24.3")
@at_least(200)
@given(st.integers(0, 2**48))
def test_there_is_a_lock_exactly_if_brute_force_finds_one(seed: int) -> None:
    luck = Random(seed)  # noqa: S311 - for a test
    world = drawn(luck)
    target = luck.choice(["wiki", *world.running])
    name = world.running[target][0] if target in world.running else luck.choice(NAMES)
    wanted = luck.choice(("*", "*", *RANGES))
    request = Request(environment=PROD, application=target, blueprint=name, version=wanted)
    possible = set(Force(world, target).solvable(name, wanted))
    found = answer(world.shop(), request)
    assert (found is not None) == bool(possible)
    if found is None:
        return
    event(f"a lock of {len(found.lock)}, {'some' if world.running else 'nothing'} runs")
    check(world, target, found)
    assert parse(found.lock[-1].version) == max(map(parse, possible))
    again = world.shop(backwards=True)
    again.blueprint("bp-aa", "1.2.0", origin="private", organization="rival")
    assert answer(again, request) == found
