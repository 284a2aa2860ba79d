"""One stack that does all of it, one after the other: its memory, and its searches."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec

from benchmarks import registering
from benchmarks.embedded import Up, up
from benchmarks.figure import Figure, percentile
from benchmarks.installing import MEMORY_MB, PROD, SLUG, Doc, Site, bare, site_of, taken
from catalyst.client.errors import Problem
from catalyst.contracts.usage_v1 import USE_TYPE

SEARCH_MS: Final = 20.0
AT_ONCE: Final = 500
"""Uses in one request; the door takes no more."""
TEXTS: Final = ("app", "app 7", "postgres", "wiki", "grafna", "mail", "one of many", "ap")
MAIL: Final = "mail"
"""The Application whose use is reported."""
METER: Final = "tokens"
PAUSE_SECONDS: Final = 0.25
WAIT_SECONDS: Final = 600.0

Stage = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class Runs:
    """One entry for each run."""

    highest: list[float] = field(default_factory=list)
    """Megabytes of all processes of the stack, the most that were ever seen."""
    stages: list[dict[str, float]] = field(default_factory=list)
    """The same at the end of each stage."""
    bare: list[float] = field(default_factory=list)
    """Of a Python that has imported the members."""
    searches: list[float] = field(default_factory=list)
    """Milliseconds of a search over HTTP, p95."""
    questions: list[float] = field(default_factory=list)
    """Of a question on the same way that looks for nothing."""


async def measure(runs: int, versions: int, uses: int, asked: int) -> list[Figure]:
    """Register `versions`, count `uses`, close the month and make its invoice again, each time."""
    found = Runs()
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as folder:
            registering.written(Path(folder) / registering.SOURCE, versions)
            place = {"BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES": folder}
            async with (
                up("--simulate-cluster", **place) as stack,
                site_of(stack) as site,
                _watched(stack, found) as stage,
            ):
                await _live(stack, site, found, stage, (versions, uses, asked))
        found.bare.append(await bare())
    return _figures(found, versions, uses)


async def _live(
    stack: Up, site: Site, found: Runs, stage: Stage, sizes: tuple[int, int, int]
) -> None:
    versions, uses, asked = sizes
    month = f"{datetime.now(UTC):%Y-%m}"
    await site.furnish()
    await stage("begun")
    await _registered(site, versions)
    await _search(site, found, asked)
    await stage("registered and searched")
    await site.installed(MAIL)
    await _paid(site, month)
    await _used(stack, site, uses, month)
    await stage("counted")
    await site.pay("billing.finalize-invoice.v1", {"month": month}, SLUG, SLUG)
    again = await _answered(site, "replay", month)
    if not again["same"]:
        raise RuntimeError("the log made another invoice")
    await stage("finalized and made again")


@asynccontextmanager
async def _watched(stack: Up, found: Runs) -> AsyncIterator[Stage]:
    """Look at the stack's memory all the while; yields what ends a stage."""
    seen: list[float] = []
    stages: dict[str, float] = {}

    async def look() -> None:
        while True:
            seen.append((await taken(stack.pid))[0])
            await asyncio.sleep(PAUSE_SECONDS)

    async def stage(name: str) -> None:
        stages[name] = (await taken(stack.pid))[0]
        seen.append(stages[name])

    looking = asyncio.create_task(look())
    try:
        yield stage
    finally:
        looking.cancel()
        found.highest.append(max(seen))
        found.stages.append(stages)


async def _registered(site: Site, versions: int) -> None:
    """Add the source, and wait until its last Blueprint can be had in all versions."""
    last = f"bp-app-{versions // registering.VERSIONS - 1}"
    data = {"kind": "directory", "location": registering.SOURCE, "origin": "public"}
    await site.send("blueprint.add-source.v1", data, id_=registering.SOURCE, organization=None)
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            with suppress(Problem):  # Not there yet.
                shown = await site.ask("catalog", "versions", {"blueprint": last})
                if len(shown["versions"]) == registering.VERSIONS:
                    return
            await asyncio.sleep(PAUSE_SECONDS)


async def _search(site: Site, found: Runs, asked: int) -> None:
    """Search, and ask a question that looks for nothing, in turn."""
    searches, questions = [], []
    for number in range(asked):
        began = time.perf_counter()
        await site.ask("catalog", "search", {"text": TEXTS[number % len(TEXTS)]})
        searches.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        await site.ask("provisioning", "health", {})
        questions.append(1000 * (time.perf_counter() - began))
    found.searches.append(percentile(searches, 0.95))
    found.questions.append(percentile(questions, 0.95))


async def _paid(site: Site, month: str) -> None:
    """Wait until the Application is healthy and paid: use of it counts from then on."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if (await _answered(site, "invoice", month))["lines"]:
                return
            await asyncio.sleep(PAUSE_SECONDS)


async def _used(stack: Up, site: Site, uses: int, month: str) -> None:
    """Report as many uses over HTTP, and wait until the running month has them all."""
    head = {
        "Authorization": f"Bearer {stack.billing}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    async with httpx.AsyncClient(base_url=stack.http, headers=head, timeout=WAIT_SECONDS) as door:
        for start in range(0, uses, AT_ONCE):
            body = _batch(range(start, min(start + AT_ONCE, uses)))
            answer = await door.post("/v1/usage", params={"organization": SLUG}, content=body)
            answer.raise_for_status()
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if await _quantity(site, month) >= uses:
                return
            await asyncio.sleep(PAUSE_SECONDS)


def _batch(numbers: range) -> bytes:
    now = datetime.now(UTC)
    return msgspec.json.encode(
        [
            {
                "specversion": "1.0",
                "id": f"u-{number}",
                "source": "bench",
                "type": USE_TYPE,
                "subject": f"{MAIL}.{PROD}",
                "time": now,
                "data": {"meter": METER, "quantity": 1},
            }
            for number in numbers
        ]
    )


async def _quantity(site: Site, month: str) -> int:
    lines = (await _answered(site, "invoice", month))["lines"]
    return sum(int(line["quantity"]) for line in lines if METER in line["sku"])


async def _answered(site: Site, question: str, month: str) -> Doc:
    found: Doc = await site.ask("billing", question, {"invoice": month})
    return found


def _figures(found: Runs, versions: int, uses: int) -> list[Figure]:
    stages = "; ".join(f"{name} {size:.0f}" for name, size in found.stages[-1].items())
    return [
        Figure(
            name=f"memory of `catalyst up` that registered {versions:,} versions, counted"
            f" {uses:,} uses, closed the month and made its invoice again, the most",
            unit="MB",
            runs=found.highest,
            yardstick="a Python that imports the members and does nothing",
            beside=found.bare,
            target=f"< {MEMORY_MB:.0f} MB",
            holds=max(found.highest) < MEMORY_MB,
            note=f"resident, all members and the broker; at the end of each stage: {stages}",
        ),
        Figure(
            name=f"search among {versions:,} versions over HTTP, p95",
            unit="ms",
            runs=found.searches,
            yardstick="how everything of the Organization is: a question on the same way",
            beside=found.questions,
            target=f"≤ {SEARCH_MS:.0f} ms",
            holds=percentile(found.searches, 0.5) <= SEARCH_MS,
            note="one after the other, by one person",
        ),
    ]
