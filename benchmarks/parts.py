"""The parts of a measurement, by name: each is taken in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from benchmarks import (
    billing,
    catalogue,
    fanout,
    grouping,
    installing,
    latency,
    living,
    projecting,
    registering,
    starting,
)
from benchmarks.figure import Figure
from catalyst.chassis import loop


async def _start(quick: bool) -> list[Figure]:  # noqa: FBT001
    return [await starting.measure(3 if quick else 5)]


async def _latency(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await latency.measure(3, 2.0 if quick else 10.0)


async def _grouping(quick: bool) -> list[Figure]:  # noqa: FBT001
    return [await grouping.measure(3, 1500 if quick else 4000, 200 if quick else 500)]


async def _projecting(quick: bool) -> list[Figure]:  # noqa: FBT001
    events = 500 if quick else 2000
    return [await projecting.measure(3, 10_000, events, sync) for sync in projecting.SYNCS]


async def _fanout(quick: bool) -> list[Figure]:  # noqa: FBT001
    return [await fanout.measure(3, 1.5 if quick else 4.0)]


async def _catalogue(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await catalogue.measure(3, 10_000, 150 if quick else 450)


async def _billing(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await billing.measure(1 if quick else 3, 20_000 if quick else 100_000, 100_000)


async def _registering(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await registering.measure(1 if quick else 3, 300 if quick else 1000, 1000)


async def _installing(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await installing.measure(3, 10 if quick else 40, 3 if quick else 10)


async def _living(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await living.measure(
        1 if quick else 3, 200 if quick else 1000, 5_000 if quick else 100_000, 40 if quick else 200
    )


PARTS: Final[dict[str, Callable[[bool], Coroutine[Any, Any, list[Figure]]]]] = {
    "start": _start,
    "latency": _latency,
    "grouping": _grouping,
    "projecting": _projecting,
    "fanout": _fanout,
    "billing": _billing,
    "catalogue": _catalogue,
    "registering": _registering,
    "installing": _installing,
    "living": _living,
}


def measured(name: str, *, quick: bool) -> list[Figure]:
    """Take one part, on a loop as every member has it."""
    return loop.run(PARTS[name](quick))
