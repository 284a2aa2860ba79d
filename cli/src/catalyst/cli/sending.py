"""Commands on their way: who sends them, and what is wrong where one is not decided in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from catalyst.cli import owned
from catalyst.cli.findings import Finding, Health
from catalyst.cli.target import Target, door_of, reads, run
from catalyst.client.api import Client
from catalyst.client.connect import connect
from catalyst.client.errors import Problem, TimedOut
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import Ref

_OF_THE_STACK: Final = frozenset({"unavailable", "timeout"})
"""Codes that say nothing of the command."""


@asynccontextmanager
async def commands(target: Target) -> AsyncIterator[Client]:
    """Open what sends commands and reads outcomes."""
    async with explaining(target):
        if target.http:
            async with door_of(target) as door:
                yield door
        else:
            async with connect(
                target.nats, token=target.token, user=target.user, password=target.password
            ) as broker:
                yield broker


def sent_about(
    target: Target, ref: Ref, verb: str, data: dict[str, Any], timeout: float
) -> Outcome:
    """Send a command, in its first version, to one aggregate, and return its outcome.

    Raises:
        Failure: If it was refused, and there is no such Organization to see.
    """

    async def work() -> Outcome:
        async with commands(target) as door:
            return await door.send(
                f"{ref.service}.{verb}.v1",
                data,
                timeout=timeout,
                organization=ref.organization,
                aggregate=ref.aggregate,
                id=ref.id,
            )

    owner = ref.organization
    return run(work()) if owner is None else owned.sent(target, owner, work())


@asynccontextmanager
async def explaining(target: Target) -> AsyncIterator[None]:
    """Add to a failure that is none of the command's what is wrong with the stack."""
    try:
        yield
    except (TimedOut, Problem) as error:
        if isinstance(error, TimedOut) or error.code in _OF_THE_STACK:
            for cause in await causes(target):
                error.add_note(cause)
        raise


async def causes(target: Target) -> tuple[str, ...]:
    """Return what is wrong with what decides a command: readiness, broker and disk."""
    # Imported here: a command that gets its outcome does not wait for the checks to be loaded.
    from catalyst.cli import brokercheck, doorcheck  # noqa: PLC0415

    async def door() -> list[Finding]:
        if not target.http:
            return []
        async with reads(target) as opened:
            reached = await doorcheck.reached(opened, target.data)
            if reached.health is not Health.OK:
                return [reached]
            return [await doorcheck.ready(opened)]

    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(door())
        examining = tasks.create_task(brokercheck.examine(target))
    found = [*asking.result(), *examining.result(), *doorcheck.disk(target)]
    return tuple(_told(item) for item in found if item.health is Health.FAIL)


def _told(item: Finding) -> str:
    """Return a check as one line, with what to do where that is not to look elsewhere."""
    fix = "" if item.fix.startswith("see ") else f"; {item.fix}"
    return f"{item.check}: {item.detail}{fix}"
