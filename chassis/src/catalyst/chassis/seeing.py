"""How a query sees the log: aggregate by aggregate, or many at once.

What is looked up on its own costs the broker a walk through the log; many of one kind and
Organization are read in one. Handed to queries by `questions.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from typing_extensions import override

from catalyst.chassis.service import History, Reader
from catalyst.chassis.states import States
from catalyst.contracts.decision import ClaimState, Recorded
from catalyst.contracts.subjects import Claim, Ref

MANY: Final = 16
"""Aggregates of one kind that are read in one go rather than each on its own."""

T = TypeVar("T")


class Present(Reader):
    """States as they are now."""

    def __init__(self, states: States) -> None:
        """Read through `states`."""
        self._states = states

    @override
    async def __call__(self, ref: Ref, *, up_to: int | None = None) -> Any:
        return await self._states.state(ref, up_to=up_to)

    @override
    async def many(self, refs: Sequence[Ref]) -> Mapping[Ref, Any]:
        return await _many(refs, self._states.state, self._states.states)

    @override
    async def history(self, ref: Ref) -> Sequence[Recorded]:
        return await self._states.history(ref)

    @override
    async def claims(self, claims: Sequence[Claim]) -> Mapping[Claim, ClaimState]:
        found = await self._states.claims(claims)
        return {claim: held.state for claim, held in found.items()}


class Past(History):
    """Events as they happened."""

    def __init__(self, states: States) -> None:
        """Read through `states`."""
        self._states = states

    @override
    async def __call__(self, ref: Ref) -> Sequence[Recorded]:
        return await self._states.history(ref)

    @override
    async def many(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Recorded]]:
        return await _many(refs, self._states.history, self._states.histories)


async def _many(
    refs: Sequence[Ref],
    one: Callable[[Ref], Awaitable[T]],
    together: Callable[[Sequence[Ref]], Awaitable[Mapping[Ref, T]]],
) -> dict[Ref, T]:
    """Read aggregates, those of one kind together where they are many, the others side by side."""
    kinds: dict[tuple[str | None, str, str], list[Ref]] = {}
    for ref in dict.fromkeys(refs):
        kinds.setdefault((ref.organization, ref.service, ref.aggregate), []).append(ref)
    found: dict[Ref, T] = {}

    async def read(ref: Ref) -> None:
        found[ref] = await one(ref)

    async def read_all(of: Sequence[Ref]) -> None:
        found.update(await together(of))

    try:
        async with asyncio.TaskGroup() as tasks:
            for of in kinds.values():
                if len(of) >= MANY:
                    tasks.create_task(read_all(of))
                else:
                    for ref in of:
                        tasks.create_task(read(ref))
    except ExceptionGroup as group:
        # One is enough to say why there is no answer.
        raise group.exceptions[0] from group
    return found
