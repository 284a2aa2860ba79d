"""A burst of commands with a worker killed in the middle of it, and what became of each."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from catalyst.cli.demo.plain import PlainSender
from catalyst.cli.demo.screen import Screen
from catalyst.client.http_transport import HttpClient

BURST: Final = 60
"""Commands in flight while the worker is killed."""
_RECORDED_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.1

Kill = Callable[[], Awaitable[str]]
"""Kills a worker with SIGKILL; returns what it killed, for a person."""


def fresh_id(name: str) -> str:
    """Return a command id that begins with `name` and was never used."""
    return f"{name}-{secrets.token_hex(6)}"


class Burst:
    """One burst over some Organizations."""

    def __init__(
        self, sender: PlainSender, http: HttpClient, organizations: tuple[str, ...]
    ) -> None:
        """Send with `sender`; count events through `http`."""
        self._sender = sender
        self._http = http
        self._organizations = organizations

    async def tell(self, screen: Screen, kill: Kill) -> None:
        """Publish the burst, kill a worker in the middle, and prove that nothing is lost."""
        sent: dict[str, tuple[str, Any]] = {}
        for number in range(BURST):
            slug = self._organizations[number % 3]
            sent[fresh_id(f"burst-{number}")] = (slug, {"display_name": f"{slug} {number}"})
        watching = asyncio.ensure_future(self._first_recorded(sent))
        for command_id, (slug, data) in sent.items():
            await self._sender.publish(
                slug, "organization", slug, "update-organization", data, command_id
            )
        before = await watching
        began = time.monotonic()
        killed = await kill()
        screen.line(f"killed {killed}; {before} of {BURST} outcomes were recorded by then")
        outcomes = await self._all_recorded(sent)
        took = time.monotonic() - began
        accepted = sum(1 for found in outcomes.values() if found["status"] == "accepted")
        screen.prove(
            "every command in flight has one outcome, none is lost",
            held=accepted == BURST,
            detail=f"{accepted} of {BURST} accepted, whole again after {took:.1f} s",
        )
        doubled, seen = await self._events_of(sent)
        screen.prove(
            "no event is in the log twice",
            held=not doubled and seen == BURST,
            detail=f"{seen} events for {BURST} commands",
        )

    async def _first_recorded(self, sent: Mapping[str, tuple[str, Any]]) -> int:
        """Return once some outcomes are recorded; how many."""
        first, (slug, _) = next(iter(sent.items()))
        await self._recorded(slug, first, 0.0)
        found = [await self._sender.recorded(org, name) for name, (org, _) in sent.items()]
        return len([outcome for outcome in found if outcome is not None])

    async def _recorded(self, slug: str, command_id: str, pause: float) -> Mapping[str, Any]:
        """Ask for an outcome until it is recorded."""
        while True:
            found = await self._sender.recorded(slug, command_id)
            if found is not None:
                return found
            await asyncio.sleep(pause)

    async def _all_recorded(
        self, sent: Mapping[str, tuple[str, Any]]
    ) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        try:
            async with asyncio.timeout(_RECORDED_SECONDS):
                for command_id, (slug, _) in sent.items():
                    found[command_id] = await self._recorded(slug, command_id, _PAUSE_SECONDS)
        except TimeoutError:
            # What is missing shows in the proof: it counts those that are there.
            return found
        return found

    async def _events_of(self, sent: Mapping[str, tuple[str, Any]]) -> tuple[list[str], int]:
        """Return commands with more than one event, and the number of events of all."""
        counts: dict[str, int] = {}
        for slug in self._organizations:
            after = 0
            while True:
                page = await self._http.events(
                    organization=slug,
                    type="environment.organization-updated.v1",
                    after=after,
                    limit=500,
                )
                for event in page.items:
                    if event.causationid in sent:
                        counts[event.causationid] = counts.get(event.causationid, 0) + 1
                if page.next is None:
                    break
                after = page.next
        return [name for name, count in counts.items() if count > 1], sum(counts.values())
