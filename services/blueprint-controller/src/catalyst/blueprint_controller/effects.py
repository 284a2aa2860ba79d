"""What is done outside: sources are read and checked, and who waits for a Blueprint is found.

The content of a good package is stored before anything is reported of it, so that no event ever
names content that is not there. A reading is reported in pages, each of them the report of one
event: `sync-started` for the first, `versions-found` for the next.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from catalyst.blueprint_controller.checking import Checked, There, checked, unreadable
from catalyst.blueprint_controller.domain.blueprint import turn
from catalyst.blueprint_controller.domain.dependencies import Graph, add
from catalyst.blueprint_controller.domain.holding import Source, key_of
from catalyst.blueprint_controller.domain.places import blueprint_ref
from catalyst.blueprint_controller.ports import Content, Listed, Place, Reading, Sources, Unusable
from catalyst.blueprints import document
from catalyst.blueprints.circles import Known, Need
from catalyst.blueprints.package import Package
from catalyst.chassis.errors import Retry
from catalyst.chassis.index import Index
from catalyst.chassis.service import Effect, Loader, Report
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Recorded

SYNC: Final = "sync"
DEPENDENTS: Final = "dependents"
PAGE: Final = 100
"""Packages in one report, at most."""
PAGE_BYTES: Final = 128 * 1024
"""Of one report, about: a command has at most 256 KiB."""
WAKE_PAGE: Final = 200
REPORT_TIME: Final = timedelta(seconds=2)
"""The effect gives up that long before the deadline, so that the report with the reason is there
first."""
_TEXT_MAX: Final = 1000


def effects(sources: Sources, content: Content, graph: Graph, index: Index) -> tuple[Effect, ...]:
    """Return the effects of this service."""
    reader = _Reader(sources, content, graph, index)
    waker = _Waker(graph, index)
    return (
        Effect(
            name=SYNC,
            events=(bp1.SyncStarted, bp1.VersionsFound),
            run=reader.run,
            failed=_failed,
            lane=lambda recorded: recorded.ref.path,
            until=_until,
        ),
        Effect(
            name=DEPENDENTS,
            events=(
                bp1.VersionPublished,
                bp1.VersionRegistered,
                bp1.VersionAwaits,
                bp1.VersionYanked,
                bp1.BlueprintWithdrawn,
                bp1.DependentsWoken,
            ),
            run=waker.run,
            failed=lambda _recorded, _why: None,
            lane=lambda recorded: recorded.ref.path,
        ),
    )


class _Reader:
    """Reads sources, page by page."""

    def __init__(self, sources: Sources, content: Content, graph: Graph, index: Index) -> None:
        self._sources = sources
        self._content = content
        self._graph = graph
        self._index = index
        self._open: dict[str, tuple[int, Reading, There]] = {}
        """Path of each source that is being read, with the reading and what is beside it."""

    async def run(self, recorded: Recorded, load: Loader) -> Report | None:
        """Report the next page; again gives the same report of the same revision."""
        start = 0
        if isinstance(recorded.event, bp1.VersionsFound):
            start = recorded.event.next
            if not start:
                return None
        state: Source = await load(recorded.ref, up_to=recorded.seq)
        path = recorded.ref.path
        try:
            opened = await self._opened(recorded, state, start)
        except Unusable as error:
            self._open.pop(path, None)
            problem = bp1.Problem(code=error.code, message=_line(error.message))
            return _report(recorded, bp1.ReportSync(run=state.run, start=start, problem=problem))
        if opened is None:
            command = bp1.ReportSync(run=state.run, revision=state.revision, unchanged=True)
            return _report(recorded, command)
        reading, there = opened
        own = recorded.ref.organization is not None
        command = await self._page(state, reading, there, start, own=own)
        if not command.next:
            self._open.pop(path, None)
        return _report(recorded, command)

    async def _opened(
        self, recorded: Recorded, state: Source, start: int
    ) -> tuple[Reading, There] | None:
        kept = self._open.get(recorded.ref.path)
        if kept is not None and start and kept[0] == state.run:
            return kept[1], kept[2]
        place = Place(
            organization=recorded.ref.organization,
            name=recorded.ref.id,
            kind=state.kind,
            location=state.location,
            branch=state.branch,
            folder=state.folder,
        )
        found = await self._sources.read(place, "" if state.whole or start else state.revision)
        if found is None:
            return None
        reading, here = await asyncio.to_thread(_in_order, found)
        # What was yanked before somebody asked for this reading closes no circle in it.
        await self._index.catch_up()
        there = self._there(recorded.ref.organization, state.origin, here)
        self._open[recorded.ref.path] = state.run, reading, there
        return reading, there

    def _there(self, organization: str | None, origin: str, here: Known) -> There:
        """Return what there is, with what this source brings."""
        known = self._graph.known(organization)
        gone: set[str] = set()
        for name, by_version in here.items():
            ref = blueprint_ref(organization, origin, name)
            for version, needs in by_version.items():
                if self._graph.is_gone(ref, version):
                    gone.add(key_of(name, version))
                else:
                    add(known, name, version, needs)
        return There(known=known, gone=frozenset(gone))

    async def _page(
        self, state: Source, reading: Reading, there: There, start: int, *, own: bool
    ) -> bp1.ReportSync:
        taken = {key: held.folder for key, held in state.seen.items()}
        looked = await asyncio.to_thread(_page_of, reading.packages, start, there, taken, own=own)
        await self._content.put([one.tar for one in looked if one.found is not None])
        place = start + len(looked)
        return bp1.ReportSync(
            run=state.run,
            start=start,
            next=place if place < len(reading.packages) else 0,
            revision=reading.revision,
            found=tuple(one.found for one in looked if one.found is not None),
            refused=tuple(one.refused for one in looked if one.refused is not None),
        )


def _page_of(
    packages: Sequence[Listed], start: int, there: There, taken: dict[str, str], *, own: bool
) -> list[Checked]:
    """Return the packages of one report, looked at."""
    looked: list[Checked] = []
    size = 0
    for listed in packages[start : start + PAGE]:
        one = _looked_at(listed, there, taken, own=own)
        looked.append(one)
        if one.found is not None:
            taken[key_of(one.found.blueprint, one.found.version)] = listed.folder
        size += len(msgspec.json.encode(one.found or one.refused))
        if size >= PAGE_BYTES:
            break
    return looked


def _looked_at(listed: Listed, there: There, taken: Mapping[str, str], *, own: bool) -> Checked:
    if not isinstance(listed.package, Package):
        return unreadable(listed.folder, listed.package)
    return checked(listed.folder, listed.package, there, taken, own=own)


def _in_order(reading: Reading) -> tuple[Reading, Known]:
    """Return a reading with dependencies first, and the versions in it with what each depends on.

    So most of what depends on something finds it there when it is registered.
    """
    known: dict[str, dict[str, tuple[Need, ...]]] = {}
    names: dict[str, str] = {}
    for listed in reading.packages:
        if isinstance(listed.package, Package):
            blueprint = document.read(listed.package).blueprint
            if blueprint is not None:
                names[listed.folder] = blueprint.name
                needs = tuple(one.need for one in blueprint.depends)
                known.setdefault(blueprint.name, {})[blueprint.version] = needs
    depths = _depths(
        {
            name: {need.blueprint for needs in by_version.values() for need in needs}
            for name, by_version in known.items()
        }
    )
    packages = sorted(
        reading.packages,
        key=lambda listed: (depths.get(names.get(listed.folder, ""), 0), listed.folder),
    )
    return Reading(reading.revision, packages), known


def _depths(needs: Mapping[str, set[str]]) -> dict[str, int]:
    """Return how many others stand below each; those in a circle stand behind all others."""
    left = {name: further & needs.keys() for name, further in needs.items()}
    depths: dict[str, int] = {}
    depth = 0
    while left:
        free = [name for name, further in left.items() if further <= depths.keys()] or list(left)
        depths.update(dict.fromkeys(free, depth))
        left = {name: further for name, further in left.items() if name not in depths}
        depth += 1
    return depths


class _Waker:
    """Finds the Blueprints that wait for one that arrived, or that turned out to wait as well.

    Registrations that cross see nothing of each other, so a circle may be closed by one that does
    not know: whoever waits for what itself waits looks again, and tells the circle on. What is
    yanked or withdrawn may have closed one, and its end is told on in the same way.
    """

    def __init__(self, graph: Graph, index: Index) -> None:
        self._graph = graph
        self._index = index

    async def run(self, recorded: Recorded, _load: Loader) -> Report | None:
        """Report who waits. Whoever waits was registered before: its decision read this one."""
        match recorded.event:
            case bp1.VersionRegistered(missing=()):
                # It is published by itself.
                return None
            case _:
                pass
        if self._index.position < recorded.seq:
            await self._index.catch_up()
        if self._index.position < recorded.seq:
            raise Retry("the index is behind the event", after_seconds=0.1)
        after = recorded.event.after if isinstance(recorded.event, bp1.DependentsWoken) else ""
        name = recorded.ref.id.partition("-")[2]
        paths = [ref.path for ref in self._graph.waiting(recorded.ref, name)]
        left = sorted((path for path in paths if turn(path) > after), key=turn)
        if not left:
            return None
        command = bp1.WakeDependents(waiting=tuple(left[:WAKE_PAGE]), more=len(left) > WAKE_PAGE)
        return _report(recorded, command)


def _report(recorded: Recorded, command: bp1.ReportSync | bp1.WakeDependents) -> Report:
    return Report(ref=recorded.ref, command=command)


def _until(recorded: Recorded) -> datetime | None:
    match recorded.event:
        case bp1.SyncStarted(deadline=deadline):
            return deadline - REPORT_TIME
        case _:
            return None


def _failed(recorded: Recorded, why: str) -> Report | None:
    """Return what the source hears when the effect gave up."""
    match recorded.event:
        case bp1.SyncStarted(run=run):
            start = 0
        case bp1.VersionsFound(run=run, next=start):
            pass
        case _:
            return None
    problem = bp1.Problem(code="unreadable", message=_line(why))
    return _report(recorded, bp1.ReportSync(run=run, start=start, problem=problem))


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_TEXT_MAX]


def fingerprint(packages: Sequence[tuple[str, str]]) -> str:
    """Return the revision of a source that has no commits: of folders and what is in each."""
    return f"sha256:{hashlib.sha256(msgspec.json.encode(packages)).hexdigest()}"
