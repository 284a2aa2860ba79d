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

from catalyst.blueprint_controller.checking import Checked, checked, unreadable
from catalyst.blueprint_controller.domain.dependencies import Graph
from catalyst.blueprint_controller.domain.source import Source, key_of
from catalyst.blueprint_controller.ports import Content, Listed, Place, Reading, Sources, Unusable
from catalyst.blueprints import document
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

Known = Mapping[str, tuple[str, ...]]


def effects(sources: Sources, content: Content, graph: Graph, index: Index) -> tuple[Effect, ...]:
    """Return the effects of this service."""
    reader = _Reader(sources, content, graph)
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
            events=(bp1.VersionPublished, bp1.DependentsWoken),
            run=waker.run,
            failed=lambda _recorded, _why: None,
            lane=lambda recorded: recorded.ref.path,
        ),
    )


class _Reader:
    """Reads sources, page by page."""

    def __init__(self, sources: Sources, content: Content, graph: Graph) -> None:
        self._sources = sources
        self._content = content
        self._graph = graph
        self._open: dict[str, tuple[int, Reading, Known]] = {}
        """Path of each source that is being read, with the reading and what depends on what."""

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
        reading, known = opened
        command = await self._page(state, reading, known, start)
        if not command.next:
            self._open.pop(path, None)
        return _report(recorded, command)

    async def _opened(
        self, recorded: Recorded, state: Source, start: int
    ) -> tuple[Reading, Known] | None:
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
        reading = await self._sources.read(place, "" if state.whole or start else state.revision)
        if reading is None:
            return None
        here = await asyncio.to_thread(_needs_of, reading.packages)
        known = _merged(self._graph.known(recorded.ref.organization), here)
        self._open[recorded.ref.path] = state.run, reading, known
        return reading, known

    async def _page(
        self, state: Source, reading: Reading, known: Known, start: int
    ) -> bp1.ReportSync:
        found: list[bp1.Found] = []
        refused: list[bp1.Refused] = []
        taken = {key: held.folder for key, held in state.seen.items()}
        size, place = 0, start
        while place < len(reading.packages) and place - start < PAGE and size < PAGE_BYTES:
            listed = reading.packages[place]
            place += 1
            one = await asyncio.to_thread(_looked_at, listed, known, taken)
            if one.found is not None:
                await self._content.put(one.tar)
                taken[key_of(one.found.blueprint, one.found.version)] = listed.folder
                found.append(one.found)
                size += len(msgspec.json.encode(one.found))
            if one.refused is not None:
                refused.append(one.refused)
                size += len(msgspec.json.encode(one.refused))
        return bp1.ReportSync(
            run=state.run,
            start=start,
            next=place if place < len(reading.packages) else 0,
            revision=reading.revision,
            found=tuple(found),
            refused=tuple(refused),
        )


def _looked_at(listed: Listed, known: Known, taken: Mapping[str, str]) -> Checked:
    if not isinstance(listed.package, Package):
        return unreadable(listed.folder, listed.package)
    return checked(listed.folder, listed.package, known, taken)


def _needs_of(packages: Sequence[Listed]) -> dict[str, tuple[str, ...]]:
    """Return the Blueprints in a source, with what each depends on."""
    found: dict[str, set[str]] = {}
    for listed in packages:
        if isinstance(listed.package, Package):
            blueprint = document.read(listed.package).blueprint
            if blueprint is not None:
                names = {one.blueprint for one in blueprint.depends}
                found.setdefault(blueprint.name, set()).update(names)
    return {name: tuple(sorted(names)) for name, names in found.items()}


def _merged(one: Known, other: Known) -> Known:
    return {
        name: tuple(sorted({*one.get(name, ()), *other.get(name, ())})) for name in {*one, *other}
    }


class _Waker:
    """Finds the Blueprints that wait for one that arrived."""

    def __init__(self, graph: Graph, index: Index) -> None:
        self._graph = graph
        self._index = index

    async def run(self, recorded: Recorded, _load: Loader) -> Report | None:
        """Report who waits. Whoever waits was registered before: its decision read this one."""
        if self._index.position < recorded.seq:
            await self._index.catch_up()
        if self._index.position < recorded.seq:
            raise Retry("the index is behind the event", after_seconds=0.1)
        after = recorded.event.after if isinstance(recorded.event, bp1.DependentsWoken) else ""
        name = recorded.ref.id.partition("-")[2]
        paths = [ref.path for ref in self._graph.waiting(recorded.ref, name)]
        left = [path for path in sorted(paths) if path > after]
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
