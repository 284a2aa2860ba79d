"""What runs in the cluster that is none, or in one for each region, and what is said of it when.

Everything is decided here without a clock or a broker: events and words go in, steps come out, each
with how long to wait before it. The same history and seed give the same steps.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec

from catalyst.contracts.subjects import organization_of, unescape
from catalyst.simulator.objects import (
    Lacking,
    Mode,
    Running,
    Stage,
    Told,
    facts,
    is_ready,
    left_out,
    volumes,
    waiting,
    workloads,
)

STAGES: Final[tuple[Stage, ...]] = ("applying", "starting", "settled")
SLOW: Final = 10
VERSIONS_A_STAGE: Final = 1000
"""Resource versions that one telling of all objects takes."""
MODES: Final[frozenset[str]] = frozenset(get_args(Mode))

Place = tuple[str, str]
"""An Environment and an Application in it."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told after a while, unless something newer came meanwhile."""

    place: Place
    turn: int
    """Which commit, or word, it belongs to."""
    wait: float
    """Seconds after the step before it."""
    stage: Stage
    gone: bool = False


class Cluster:
    """Everything that runs."""

    def __init__(self, seed: int = 0, pace: float = 1.0) -> None:
        """Begin empty; `pace` is about how many seconds a stage takes."""
        self._seed = seed
        self._pace = pace
        self._running: dict[Place, Running] = {}
        self._stages: dict[Place, Stage] = {}
        self._left: dict[Place, Running] = {}
        """What is gone but for its volumes."""
        self._behind: dict[Place, dict[str, Running]] = {}
        """What is gone but for its volumes in each namespace that it has moved from."""
        self._modes: dict[Place, Mode] = {}
        self._wanted: dict[Place, bool] = {}
        self._clusters: dict[Place, tuple[str, ...]] = {}
        """Those of an Environment with several regions: each says the same."""
        self._going: set[Place] = set()
        """What was committed away, and is not gone yet."""
        self._needs: dict[Place, tuple[str, ...]] = {}
        """What each needs by what it is to run, but itself."""
        self._ready: set[Place] = set()
        """What Flux called ready when it looked last."""
        self._applied: set[Place] = set()
        """What Flux has begun to apply as it is committed now, or did before this process began."""
        self._otherwise: set[Place] = set()
        """What was seen with another commit since the one that is there now."""
        self._held: dict[Place, tuple[Stage, ...]] = {}
        """What waits for something that it needs, with what comes once that is ready."""
        self._old: set[Place] = set()
        """What was committed long ago, and has been told of before."""
        self._turns: dict[Place, int] = {}

    @property
    def places(self) -> tuple[Place, ...]:
        """What runs now."""
        return tuple(self._running)

    def event(self, subject: str, data: dict[str, Any], *, old: bool = False) -> tuple[Step, ...]:
        """Take an event of an Application; return what follows.

        What is `old` has settled long ago.
        """
        tokens = subject.split(".")
        place = (str(data["environment"]), unescape(tokens[4]))
        if tokens[5] == "desired-set":
            self._wanted[place] = data.get("desired") is not None
            self._clusters[place] = tuple(data.get("clusters", ()))
            needs = (data.get("desired") or {}).get("dependencies", {}).values()
            self._needs[place] = tuple(sorted({*needs} - {place[1]}))
            return ()
        before = self._running.get(place)
        if tokens[5] == "application-observed":
            if before is not None:
                same = data.get("commit") == before.commit
                (self._applied if same else self._otherwise).add(place)
            return ()
        turn = self._turns[place] = self._turns.get(place, 0) + 1
        waited = self._never_applied(place)
        self._otherwise.discard(place)
        self._held.pop(place, None)
        if not self._wanted.get(place, True):
            if before is None:
                return ()
            self._going.add(place)
            return (self._step(place, turn, "applying", gone=True),)
        self._going.discard(place)
        self._applied.discard(place)
        (self._old.add if old else self._old.discard)(place)
        namespace = str(data.get("namespace", "")) or place[1]
        running = Running(
            organization=organization_of(tokens[1]) or "",
            application=place[1],
            namespace=namespace,
            environment=place[0],
            change=str(data["change"]),
            branch=str(data["branch"]),
            commit=str(data["commit"]),
            before=_standing(before, waited=waited),
            volumes=self._volumes(place, namespace),
            wanted=dict.fromkeys(_named(data), bool(data.get("kept", True))),
            workloads=self._ran(place, data.get("workloads")),
            waits=bool(data.get("kept", True)),
            needs=self._needs.get(place, ()),
        )
        self._running[place] = msgspec.structs.replace(
            running, leaves=_leaves(before, running, waited=waited)
        )
        self._left.pop(place, None)
        stages = STAGES[-1:] if old else STAGES
        return tuple(self._step(place, turn, stage) for stage in stages)

    def word(self, subject: str, data: dict[str, Any]) -> tuple[Step, ...]:
        """Take a word about how an Application is to fare; return what follows.

        Raises:
            ValueError: If it is none.
        """
        tokens = subject.split(".")
        place = (unescape(tokens[1]), unescape(tokens[3]))
        mode = data.get("mode")
        if mode not in MODES:
            raise ValueError(f"{mode!r} is none of {', '.join(sorted(MODES))}")
        self._modes[place] = mode
        if place not in self._running:
            return ()
        turn = self._turns[place] = self._turns.get(place, 0) + 1
        if place in self._going:
            return (self._step(place, turn, "applying", gone=True),)
        return (self._step(place, turn, "settled"),)

    def tell(self, step: Step, version: int) -> tuple[Told, ...]:
        """Return what is said at a step; nothing if something newer came, or it is to be silent."""
        running = self._running.get(step.place)
        if running is None or self._turns.get(step.place) != step.turn:
            return ()
        mode = self._modes.get(step.place, "well")
        lacking = None if step.gone or step.place in self._applied else self._lacking(running)
        if lacking is not None:
            return self._hold(step, running, lacking, version)
        self._held.pop(step.place, None)
        self._applied.add(step.place)
        self._stages[step.place] = step.stage
        self._ready.discard(step.place)
        if is_ready(running, step.stage, mode):
            self._ready.add(step.place)
        if step.stage == "settled" and not step.gone:
            # Flux goes by what stands in the cluster, so what was never applied protects nothing,
            # and exposes nothing either.
            claims = {**running.volumes, **running.wanted}
            running = self._running[step.place] = msgspec.structs.replace(running, volumes=claims)
        pruned: tuple[Told, ...] = ()
        if mode != "silence" and (step.gone or step.stage != "applying"):
            pruned = self._prune(step.place, running, version)
            running = self._running[step.place]
        if step.gone:
            kept = {name: True for name, stays in running.volumes.items() if stays}
            if kept:
                self._left[step.place] = msgspec.structs.replace(running, volumes=kept)
            del self._running[step.place]
            self._stages.pop(step.place, None)
            self._applied.discard(step.place)
            self._going.discard(step.place)
        if mode == "silence":
            return ()
        said = (
            told
            for one in self._everywhere(step.place, running)
            for told in facts(one, step.stage, mode, version + len(pruned), gone=step.gone)
        )
        return (*pruned, *said)

    def _never_applied(self, place: Place) -> bool:
        """Return whether the commit that is there now never stood in the cluster.

        Flux kept it waiting, or had not come to it. What is old has been applied unless something
        else was seen since.
        """
        if place in self._applied:
            return False
        return place in self._held or place in self._otherwise or place not in self._old

    def _lacking(self, running: Running) -> Lacking | None:
        """Return the first of what an Application needs that is not ready; None: all of it is."""
        for name in running.needs:
            place = (running.environment, name)
            if place not in self._ready:
                return Lacking(name, there=place in self._running)
        return None

    def _hold(
        self, step: Step, running: Running, lacking: Lacking, version: int
    ) -> tuple[Told, ...]:
        """Let a commit wait, and say so.

        Of what is old that was said before, and what it needs may only be told of a little later.
        """
        old = step.place in self._old
        quiet = old and step.place not in self._held
        self._held[step.place] = STAGES[-1:] if old else STAGES
        if quiet or self._modes.get(step.place) == "silence":
            return ()
        everywhere = self._everywhere(step.place, running)
        return tuple(waiting(one, lacking, version) for one in everywhere)

    def freed(self) -> tuple[tuple[Step, ...], ...]:
        """Return what follows for all that need wait no more, each for itself; once."""
        found = []
        for place, stages in tuple(self._held.items()):
            if self._lacking(self._running[place]) is None:
                del self._held[place]
                turn = self._turns[place] = self._turns[place] + 1
                found.append(tuple(self._step(place, turn, stage) for stage in stages))
        return tuple(found)

    def _prune(self, place: Place, running: Running, version: int) -> tuple[Told, ...]:
        """Return what is said of what a commit leaves out, now that it is applied: once."""
        told: list[Told] = []
        for leaf in running.leaves:
            for one in self._everywhere(place, leaf):
                told += left_out(running, one, version + len(told))
            kept = {name: True for name, stays in leaf.volumes.items() if stays}
            if leaf.namespace != running.namespace and kept:
                behind = msgspec.structs.replace(leaf, volumes=kept)
                self._behind.setdefault(place, {})[leaf.namespace] = behind
        self._running[place] = msgspec.structs.replace(running, leaves=())
        return tuple(told)

    def again(self, version: int) -> Iterator[Told]:
        """Yield what is said now and then of everything, so that nobody takes us for silent."""
        for place, running in self._running.items():
            if self._modes.get(place) != "silence":
                yield from self._said_again(place, running, version)
        behind = [(place, one) for place, all_ in self._behind.items() for one in all_.values()]
        for place, left in (*self._left.items(), *behind):
            if self._modes.get(place) != "silence":
                for one in self._everywhere(place, left):
                    yield from volumes(one, version)

    def _said_again(self, place: Place, running: Running, version: int) -> Iterator[Told]:
        """Yield what is said again of what runs, after Flux has looked at what it needs."""
        stage = self._stages.get(place)
        mode = self._modes.get(place, "well")
        lacking = None if place in self._going else self._lacking(running)
        if place not in self._applied:
            # What ran before goes on, and was told of; of this commit there is no more to say.
            if place in self._held and lacking is not None:
                yield from (waiting(x, lacking, version) for x in self._everywhere(place, running))
            return
        if stage is None:
            return
        if stage == "settled" and lacking is not None:
            self._ready.discard(place)
            self._held[place] = STAGES[-1:]
        else:
            lacking = None  # Flux is at it already.
        for one in self._everywhere(place, running):
            yield from facts(one, stage, mode, version, lacking=lacking)

    def _everywhere(self, place: Place, running: Running) -> tuple[Running, ...]:
        """Return it as it runs in each cluster of its Environment."""
        clusters = self._clusters.get(place) or ("",)
        return tuple(msgspec.structs.replace(running, cluster=name) for name in clusters)

    def _volumes(self, place: Place, namespace: str) -> dict[str, bool]:
        """Return the volumes in a namespace before a commit is applied: none goes by it."""
        before = self._running.get(place)
        known = (*(before.leaves if before is not None else ()), before, self._left.get(place))
        behind = self._behind.get(place, {}).pop(namespace, None)
        found: dict[str, bool] = {}
        for one in (behind, *known):
            if one is not None and one.namespace == namespace:
                found |= one.volumes
        return found

    def _ran(self, place: Place, named: list[str] | None) -> tuple[str, ...] | None:
        """Return what runs by a commit; one that brings back what was before names nothing."""
        before = self._running.get(place)
        if named is None:
            return before.workloads if before is not None else None
        return tuple(named)

    def _step(self, place: Place, turn: int, stage: Stage, *, gone: bool = False) -> Step:
        # Seeded by what it is about, so that the order in which others come changes nothing.
        chance = random.Random(f"{self._seed}/{place}/{turn}/{stage}")  # noqa: S311 - a simulation
        slow = SLOW if self._modes.get(place) == "slow" else 1
        wait = self._pace * slow * chance.uniform(0.5, 1.5)
        return Step(place=place, turn=turn, wait=wait, stage=stage, gone=gone)


def _standing(before: Running | None, *, waited: bool) -> str:
    """Return the commit that was applied last, as the next one comes: not one that still waited."""
    if before is None:
        return ""
    return before.before if waited else before.commit


def _leaves(before: Running | None, running: Running, *, waited: bool) -> tuple[Running, ...]:
    """Return what ran before and is not in a commit, or not there; what was left before as well."""
    if before is None:
        return ()
    found = []
    for one in before.leaves if waited else (*before.leaves, before):
        here = workloads(running) if one.namespace == running.namespace else ()
        rest = tuple(word for word in workloads(one) if word not in here)
        if rest or one.namespace != running.namespace:
            found.append(msgspec.structs.replace(one, workloads=rest, leaves=()))
    return tuple(found)


def _named(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the volumes of a commit; of those that a template makes, one for each replica, one."""
    # What keeps passwords has a kind before its name; nothing is said of secrets here.
    claims = (str(name) for name in data.get("volumes", ()) if "/" not in str(name))
    return tuple(name.replace("*", "0") for name in claims)
