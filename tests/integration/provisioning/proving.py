"""Telling stories at many sites while workers die, and comparing how they end."""

import asyncio
import pprint
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.integration.provisioning.endings import Ending, letters
from tests.integration.provisioning.site import Crash, Point, Site, connected
from tests.integration.provisioning.stories import Story, told
from tests.support.broker import SharedBroker
from tests.support.crashes import PAIRS, SHARE, SIDES

from catalyst.chassis.keyring import KeyRing

AT_ONCE = 6 if SHARE or PAIRS else 4

Recorded = tuple[Ending, dict[str, list[str]]]
"""How a run without a crash ended, and what each service called."""


class Prover:
    """Tells stories at many sites, and compares how they ended."""

    def __init__(
        self, broker: SharedBroker, keys: KeyRing, folder: Path, known: dict[str, Recorded]
    ) -> None:
        self._broker = broker
        self._keys = keys
        self._folder = folder
        self._known = known
        self._number = 0

    def site(self, point: Point, **more: Any) -> Site:
        self._number += 1
        folder = self._folder / f"site-{self._number}"
        return Site(self._broker.account(), self._keys, folder, point, **more)

    async def recorded(self, story: Story) -> Recorded:
        if story.name not in self._known:
            site = self.site({})
            found = await told(site, story)
            assert found.refused == []
            self._known[story.name] = (found, site.calls)
        return self._known[story.name]

    async def prove(self, story: Story, points: Iterable[Point], *, killed: bool = False) -> int:
        """Return how many workers died; of a share every point is tried, whatever others do."""
        expected, _ = await self.recorded(story)
        turns = asyncio.Semaphore(AT_ONCE)
        sites = [self.site(point, killed=killed) for point in points]
        failed: list[Exception] = []

        async def one(site: Site) -> None:
            async with turns:
                try:
                    found = await told(site, story)
                    wrong = differences(found, expected)
                    assert not wrong, pprint.pformat(wrong, width=100)
                except Exception as error:
                    async with connected(site.access) as js:
                        aside = await letters(js)
                    error.add_note(f"who was to die: {dict(site.point)}, set aside: {aside}")
                    if not (SHARE or PAIRS):
                        raise
                    failed.append(error)

        async with asyncio.TaskGroup() as tasks:
            for site in sites:
                tasks.create_task(one(site))
        if failed:
            raise ExceptionGroup(f"{len(failed)} of {len(sites)} ended otherwise", failed)
        return sum(site.died.total() for site in sites)


def differences(found: Ending, expected: Ending) -> dict[str, object]:
    """Return what is not as expected, of a mapping entry by entry: found, and expected."""
    both = {
        name: (getattr(found, name), getattr(expected, name)) for name in Ending.__struct_fields__
    }
    return {
        name: _entries(*pair) if isinstance(pair[0], dict) else pair
        for name, pair in both.items()
        if pair[0] != pair[1]
    }


def _entries(found: dict[str, object], expected: dict[str, object]) -> dict[str, object]:
    pairs = {name: (found.get(name), expected.get(name)) for name in {**found, **expected}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def sampled(calls: Sequence[str], number: int) -> list[Crash]:
    """Return so many crashes, spread over what a worker stores, sides in turn."""
    return [(n * len(calls) // number, SIDES[n % 2]) for n in range(number)]
