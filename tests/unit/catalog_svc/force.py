"""Small worlds of Blueprints, and what may run in them: found by trying everything.

It knows versions, ranges and upgrades by a table of its own, so that no mistake of the product is
made twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, TypeVar

from tests.support.catalogue import Shop

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1

T = TypeVar("T")
Key = tuple[str, str]
"""Name and version of a Blueprint."""
Assigned = dict[str, Key]
"""What each Application is a copy of."""
Ways = tuple[str, dict[str, str]]
"""An Application that meets a need, and what is shared by whom then."""

NAMES: Final = ("bp-aa", "bp-bb", "bp-cc", "bp-dd")
VERSIONS: Final = ("1.0.0", "1.1.0", "2.0.0", "2.1.0-rc.1")
"""The oldest first."""
FITS: Final[dict[str, set[str]]] = {
    "*": {"1.0.0", "1.1.0", "2.0.0"},
    "^1": {"1.0.0", "1.1.0"},
    "<2": {"1.0.0", "1.1.0"},
    ">=1.1.0": {"1.1.0", "2.0.0"},
    "^2": {"2.0.0"},
    "1.0.0": {"1.0.0"},
    ">=2.1.0-rc.1": {"2.1.0-rc.1"},
}
"""By range, what is in it: a pre-release only where one of its number is named."""
RANGES: Final = tuple(FITS)
NEEDED: Final = (*RANGES, "*", "*", ">=1.1.0", ">=1.1.0", "^2")
"""What lets something newer be needed than what runs."""
INSTALLED: Final = ("1.0.0", "^1", "*", ">=1.1.0")
"""What an upgrade may ask of the version that runs."""
WHENS: Final = ("", "config.flag", "!config.flag")
NEW: Final = "new"


def age(version: str) -> int:
    """Return the place of a version among all, the oldest first."""
    return VERSIONS.index(version)


@dataclass
class Version:
    """What a version says of itself, and what is said of it."""

    needs: dict[str, tuple[str, str]]
    """By name: the range, and the condition."""
    default: bool
    """Of the flag that conditions ask for."""
    yanked: bool = False
    from_: str = ""
    blocks: str = ""

    def wanted(self, *, flag: bool | None) -> dict[str, str]:
        """Return what is needed with a flag, which may be left to its default: name and range."""
        on = self.default if flag is None else flag
        says = {"": True, "config.flag": on, "!config.flag": not on}
        return {name: rule for name, (rule, when) in self.needs.items() if says[when]}

    def reached_from(self, version: str) -> bool:
        """Return whether what runs may be upgraded to this."""
        if self.blocks and version in FITS[self.blocks]:
            return False
        return not self.from_ or version in FITS[self.from_]


@dataclass
class World:
    """Everything that a question is about."""

    blueprints: dict[Key, Version]
    pinned: dict[str, str]
    hidden: set[str]
    running: Assigned = field(default_factory=dict)
    flags: dict[str, bool | None] = field(default_factory=dict)
    """Of what runs; None where nobody said anything."""
    uses: dict[str, dict[str, str]] = field(default_factory=dict)
    """Application → for each name that it needs the Application that it uses."""
    own: dict[str, dict[str, bool]] = field(default_factory=dict)
    """Likewise: whether that was asked for as its own; nothing, where nobody wrote it down."""

    def shop(self, *, backwards: bool = False) -> Shop:
        """Return a catalogue of it; the order in which things came is nothing to a solution."""
        found = Shop()
        found.organization()
        told = list(self.blueprints.items())
        for (name, version), one in reversed(told) if backwards else told:
            ref = found.blueprint(name, version, **self._spec(one))
            if one.yanked:
                yank = bp1.VersionYanked(name=name, origin="public", version=version, reason="x")
                found.tell(ref, yank)
        for name, version in self.pinned.items():
            found.curated(f"public-{name}", cat1.VersionPinned(version=version, reason="x"))
        for name in self.hidden:
            found.curated(f"public-{name}", cat1.BlueprintHidden(reason="x"))
        for application, (name, version) in self.running.items():
            uses = {alias(need): other for need, other in self.uses[application].items()}
            flag = self.flags[application]
            values = {} if flag is None else {"flag": flag}
            own = {alias(need): mark for need, mark in self.own[application].items()}
            found.runs(application, name, version, uses=uses, own=own, values=values)
        return found

    def _spec(self, one: Version) -> dict[str, Any]:
        flag = {"type": "boolean", "default": one.default}
        spec: dict[str, Any] = {"configSchema": {"type": "object", "properties": {"flag": flag}}}
        upgrades = {"from": [one.from_] if one.from_ else [], "blocks": [one.blocks]}
        spec["upgrades"] = upgrades if one.blocks else {"from": upgrades["from"]}
        spec["depends"] = [
            {"blueprint": name, "version": rule, "alias": alias(name)}
            | ({"when": when} if when else {})
            for name, (rule, when) in one.needs.items()
        ]
        return spec

    def owners(self, application: str) -> set[str]:
        """Return whose own copy it is: who is marked so, or else by its name unless many use it."""
        uses = [(one, need) for one, all_ in self.uses.items() for need in all_]
        uses = [(one, need) for one, need in uses if self.uses[one][need] == application]
        few = len({user for user, _ in uses}) < 3
        return {
            user
            for user, need in uses
            if self.own[user].get(need, few and application == f"{user}-{alias(need)}")
        }

    def renamed(self, old: str, new: str) -> World:
        """Return the same with another name for what runs."""

        def name(one: str) -> str:
            return new if one == old else one

        return replace(
            self,
            running={name(one): key for one, key in self.running.items()},
            flags={name(one): flag for one, flag in self.flags.items()},
            uses={
                name(one): {need: name(other) for need, other in uses.items()}
                for one, uses in self.uses.items()
            },
            own={name(one): marks for one, marks in self.own.items()},
        )

    def movable(self, application: str, version: str, target: str) -> bool:
        """Return whether what runs may get a version."""
        blueprint, now = self.running[application]
        if version == now:
            return True
        for other, uses in self.uses.items():
            if other != target and uses.get(blueprint) == application:
                rule, _ = self.blueprints[self.running[other]].needs[blueprint]
                if version not in FITS[rule]:
                    return False
        one = self.blueprints[blueprint, version]
        newer = age(version) > age(now) and one.reached_from(now)
        return newer and not one.yanked and self.pinned.get(blueprint, version) == version

    def installable(self, blueprint: str, version: str) -> bool:
        """Return whether there may be a new copy of a version."""
        yanked = self.blueprints[blueprint, version].yanked
        pinned = self.pinned.get(blueprint, version) == version
        return pinned and not yanked and blueprint not in self.hidden


def alias(name: str) -> str:
    """Return how a dependency is called."""
    return name.removeprefix("bp-")


def some(luck: Random, values: Sequence[T], least: int, most: int) -> list[T]:
    """Return so many of some values, in their order."""
    count = min(len(values), luck.randint(least, most))
    return [values[at] for at in sorted(luck.sample(range(len(values)), count))]


def drawn(luck: Random) -> World:
    """Draw Blueprints without circles, and Applications that run and fit together.

    By a seed and not by strategies: a hundred choices each would cost more than the solving.
    """
    blueprints: dict[Key, Version] = {}
    for number, name in enumerate(NAMES):
        for version in some(luck, VERSIONS, 2, 4):
            needs = some(luck, NAMES[number + 1 :], min(1, 3 - number), 3)
            blueprints[name, version] = Version(
                needs={need: (luck.choice(NEEDED), luck.choice(WHENS)) for need in needs},
                default=luck.random() < 0.5,
            )
    keys = list(blueprints)
    for key in some(luck, keys, 0, 2):
        blueprints[key].yanked = True
    for key in some(luck, keys, 0, 2):
        blueprints[key].from_ = luck.choice(INSTALLED)
    for key in some(luck, keys, 0, 3):
        blueprints[key].blocks = luck.choice(INSTALLED)
    pinned = dict(some(luck, keys, 0, 1) if luck.random() < 0.6 else ())
    hidden = {name for name in some(luck, NAMES, 0, 1) if luck.random() < 0.5}
    world = World(blueprints, pinned, hidden)
    # What others need is likely to run, several times and not in its newest version.
    old = [key for key in keys if key[1] in FITS["^1"]]
    for number in range(luck.randint(0, 8)):
        _run(
            world, luck, f"app-{number}", luck.choice(old if old and luck.random() < 0.7 else keys)
        )
    for at in reversed(range(len(world.running))):
        user = list(world.running)[at]
        for need, other in world.uses[user].items():
            if luck.random() < 0.3:
                world = world.renamed(other, f"{user}-{alias(need)}")
    return world


def _run(world: World, luck: Random, application: str, key: Key) -> None:
    """Let a version run, if what it needs does."""
    flag = luck.choice((None, True, False))
    wanted = world.blueprints[key].wanted(flag=flag)
    uses = {}
    for need, rule in wanted.items():
        fit = [
            other
            for other, (copy, present) in world.running.items()
            if copy == need and present in FITS[rule]
        ]
        if fit:
            uses[need] = luck.choice(fit)
    if uses.keys() == wanted.keys():
        world.running[application], world.flags[application] = key, flag
        world.uses[application] = uses
        marked = some(luck, list(uses), 0, len(uses)) if luck.random() < 0.7 else ()
        world.own[application] = {need: luck.random() < 0.5 for need in marked}


@dataclass(frozen=True)
class Asked:
    """What somebody asks for."""

    target: str
    blueprint: str
    wanted: str
    flag: bool | None
    choices: dict[str, str]
    """By name of what is needed: `new`, or an Application."""


def asked(world: World, luck: Random) -> Asked:
    """Draw a question."""
    target = luck.choice(["wiki", "wiki", *world.running])
    name = luck.choice(("bp-aa", "bp-aa", "bp-bb", *NAMES))
    name = world.running[target][0] if target in world.running else name
    behind = NAMES[NAMES.index(name) + 1 :]
    choices = {}
    for need in some(luck, behind, 0, 1) if luck.random() < 0.6 else ():
        copies = [one for one, (copy, _) in world.running.items() if copy == need]
        choices[need] = luck.choice(
            [NEW, *copies, *copies, luck.choice([*world.running, "nobody"])]
        )
    return Asked(
        target=target,
        blueprint=name,
        wanted=luck.choice(("*",) * 6 + RANGES),
        flag=luck.choice((None, True, False)),
        choices=choices,
    )


class Force:
    """Tries everything, one need after the other."""

    def __init__(self, world: World, question: Asked) -> None:
        """Look for what answers a question."""
        self.world = world
        self.question = question
        self.target = question.target

    def answer(self) -> str:
        """Return the newest version of the target that can be had, or how it is refused."""
        question = self.question
        fitting = [
            version
            for version in self.options(self.target, question.blueprint)
            if version in FITS[question.wanted]
        ]
        used = self.world.uses.get(self.target, {})
        known = [self.world.blueprints[question.blueprint, one].needs for one in fitting]
        if fitting and any(
            need not in used and all(need not in needs for needs in known)
            for need in question.choices
        ):
            return "invalid-data"
        for version in sorted(fitting, key=age, reverse=True):
            if self._solvable(version):
                needs = self.world.blueprints[question.blueprint, version].needs
                well = question.choices.keys() <= needs.keys() | used.keys()
                return version if well else "invalid-data"
        return "not-solvable"

    def _solvable(self, version: str) -> bool:
        key = self.question.blueprint, version
        needs = self.world.blueprints[key].wanted(flag=self.question.flag)
        agenda = [(self.target, need, rule) for need, rule in needs.items()]
        return any(self.expand({self.target: key}, {}, agenda))

    def options(self, slot: str, blueprint: str) -> list[str]:
        """Return the versions that an Application may have, all else aside."""
        all_ = [version for name, version in self.world.blueprints if name == blueprint]
        if slot in self.world.running:
            return [one for one in all_ if self.world.movable(slot, one, self.target)]
        return [one for one in all_ if self.world.installable(blueprint, one)]

    def slots(self, parent: str, blueprint: str, shared: dict[str, str]) -> Iterator[Ways]:
        """Yield the Applications that a need may be met by, with what others share from then on."""
        if not parent.startswith("new "):
            named = self._named(parent, blueprint)
            yield from ((slot, shared) for slot in named or ())
            along = parent != self.target
            yield from () if named is not None else self._for_all(blueprint, shared, along=along)
            return
        part = f"part {blueprint}"
        if part in shared:
            yield shared[part], shared
            return
        for slot in self._decided(blueprint):
            yield slot, {**shared, part: slot}
        for slot, more in self._for_all(blueprint, shared):
            yield slot, {**more, part: slot}

    def _named(self, parent: str, blueprint: str) -> list[str] | None:
        """Return what somebody chose, or what is used already; None: neither."""
        kept = self.world.uses.get(parent, {}).get(blueprint, "")
        choice = self.question.choices.get(blueprint, "") if parent == self.target else ""
        if choice == NEW:
            return [f"new {blueprint} for {parent}"]
        if choice and choice != kept:
            copy = self.world.running.get(choice, ("", ""))[0]
            return [choice] if copy == blueprint and choice != parent else []
        return [kept] if kept else None

    def _decided(self, blueprint: str) -> list[str]:
        """Return what parts of the target share with it."""
        name = self.question.blueprint
        versions = self.options(self.target, name)
        known = any(blueprint in self.world.blueprints[name, one].needs for one in versions)
        return (self._named(self.target, blueprint) or []) if known else []

    def _for_all(
        self, blueprint: str, shared: dict[str, str], *, along: bool = False
    ) -> Iterator[Ways]:
        """Yield what everybody may share who has not chosen; `along`: who is upgraded along."""
        whose = set() if along else {self.target}
        owners = self.world.owners
        present = [
            name
            for name, (copy, _) in self.world.running.items()
            if copy == blueprint
            and name != self.target
            and (not owners(name) or owners(name) & whose)
        ]
        key = f"along {blueprint}" if along else blueprint
        slots = [shared[key]] if key in shared else present or [f"new {blueprint}"]
        yield from ((slot, {**shared, key: slot}) for slot in slots)

    def expand(
        self, done: Assigned, shared: dict[str, str], agenda: list[tuple[str, str, str]]
    ) -> Iterator[bool]:
        """Yield once for each way to meet all needs."""
        if not agenda:
            yield True
            return
        (parent, blueprint, rule), rest = agenda[0], agenda[1:]
        for slot, more in self.slots(parent, blueprint, shared):
            if slot in done:
                if done[slot][1] in FITS[rule]:
                    yield from self.expand(done, more, rest)
                continue
            for version in self.options(slot, blueprint):
                if version in FITS[rule]:
                    further = [*rest, *self._needs(slot, blueprint, version)]
                    yield from self.expand({**done, slot: (blueprint, version)}, more, further)

    def _needs(self, slot: str, blueprint: str, version: str) -> list[tuple[str, str, str]]:
        if self.world.running.get(slot) == (blueprint, version):
            return []  # It runs, so what it needs does.
        wanted = self.world.blueprints[blueprint, version].wanted(flag=self.world.flags.get(slot))
        return [(slot, need, rule) for need, rule in wanted.items()]
