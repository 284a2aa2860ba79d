"""Grouping: while one batch is in flight the next is collected, so that a batch carries many.

A batch costs the same whatever is in it. Inside one batch the broker does not protect commands from
each other, so a draft that touches what another one touches waits for the next batch. What a stored
batch has moved under those that wait is known here: they are told at once, since the broker could
only refuse each of them, one batch after the other. A refused group is decided again from what is
read anew. Called by the decide loop; calls the broker port.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from catalyst.chassis.batch import Draft
from catalyst.chassis.jetstream.port import Ack, Broker, BrokerError, Outgoing
from catalyst.chassis.measures import Measures
from catalyst.contracts.message import Outcome
from catalyst.contracts.topology import MAX_GROUP_COMMANDS, MAX_GROUP_MESSAGES


class Superseded(Exception):
    """A draft was never sent: a batch of this worker moved what it was decided from."""

    def __init__(self, guard: str) -> None:
        super().__init__(f"{guard} has moved")
        self.guard = guard
        """One guard string that has moved, the same one for all that wait for it."""


class Placed(NamedTuple):
    """Where a draft's messages stand in the log."""

    last: int
    """Last sequence of the batch; the outcome's `seq`."""
    events: tuple[int, ...]
    """Sequence of each event of the draft."""
    outcome: Outcome | None
    """The outcome as it is stored."""


class _Waiting(msgspec.Struct, eq=False):
    draft: Draft
    answer: asyncio.Future[Placed]
    writes: set[str]
    """What the draft changes, worked out once: it may be looked at for several groups."""
    size: int
    """Number of its messages, worked out once as well."""

    def is_apart_from(self, names: set[str]) -> bool:
        """Whether the draft neither writes nor guards any of these."""
        return names.isdisjoint(self.writes) and names.isdisjoint(self.draft.guards)


class _Group(msgspec.Struct):
    members: list[_Waiting] = []
    writes: set[str] = set()
    guards: dict[str, int] = {}
    messages: int = 0

    @property
    def closed(self) -> bool:
        """Whether nothing more may stand in this batch, whatever it is."""
        return len(self.members) >= MAX_GROUP_COMMANDS or (
            bool(self.members) and self.members[0].draft.alone
        )

    def takes(self, waiting: _Waiting) -> bool:
        """Whether the draft may stand in the same batch as those already here."""
        if not self.members:
            return True
        draft = waiting.draft
        if self.messages + waiting.size > MAX_GROUP_MESSAGES or draft.alone:
            return False
        return not _touches(waiting, self.writes, self.guards)

    def add(self, waiting: _Waiting) -> None:
        """Put a draft into the group."""
        self.members.append(waiting)
        self.writes |= waiting.writes
        self.guards |= waiting.draft.guards
        self.messages += waiting.size


def _touches(waiting: _Waiting, writes: set[str], guards: Mapping[str, int]) -> bool:
    """Whether one writes what the other writes or guards, or they read different sequences."""
    mine = waiting.writes
    if not mine.isdisjoint(writes) or not mine.isdisjoint(guards):
        return True
    return any(
        string in writes or guards.get(string, at) != at
        for string, at in waiting.draft.guards.items()
    )


def _outdated(guards: Mapping[str, int], moved: Mapping[str, int]) -> str:
    """Return a guard that no longer holds, the same one for all that share several."""
    return min(guard for guard, at in guards.items() if moved.get(guard, 0) > at)


def _moved(group: Sequence[_Waiting], messages: Sequence[Outgoing], first: int) -> dict[str, int]:
    """Return where everything stands now that a stored batch has moved and that may be guarded."""
    found = {message.subject: first + offset for offset, message in enumerate(messages)}
    for item in group:
        for written in item.draft.events:
            at = found[written.message.subject]
            found[written.ref.guard] = max(at, found.get(written.ref.guard, 0))
    return found


class Grouping:
    """Sends the drafts of all lanes, one batch in flight at a time."""

    def __init__(self, broker: Broker, measures: Measures | None = None) -> None:
        """Send through `broker`; nothing moves until `run` does."""
        self._broker = broker
        self._measures = measures or Measures()
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._guarding: dict[str, set[_Waiting]] = {}
        """Those that wait, by what they guard: looking at all of them for each batch takes long."""
        self._moved: dict[str, int] = {}
        """Sequences of what the last batch has moved, until those that came meanwhile are told."""
        self.batches = 0
        """Batches sent so far."""
        self.commands = 0
        """Drafts that those batches carried."""

    @property
    def waiting(self) -> int:
        """Drafts that stand in no batch yet."""
        return len(self._queue)

    async def commit(self, draft: Draft) -> Placed:
        """Store a draft, whole, in some batch.

        Raises:
            BrokerError: As the broker port says; after `Unavailable` nobody knows.
            Superseded: If it can be stored no more, and nothing was tried.
        """
        answer: asyncio.Future[Placed] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(draft, answer, draft.writes(), draft.size())
        self._queue.append(waiting)
        for name in draft.guards:
            self._guarding.setdefault(name, set()).add(waiting)
        self._arrived.set()
        return await answer

    async def run(self) -> None:
        """Send batches for ever."""
        while True:
            await self._arrived.wait()
            if len(self._queue) < MAX_GROUP_COMMANDS:
                # One turn of the loop lets every lane that is ready put its draft here first.
                await asyncio.sleep(0)
            group = self._collect()
            if not self._queue:
                self._arrived.clear()
            if group:
                await self._send(group)

    def _collect(self) -> list[_Waiting]:
        if self._moved:
            # Whoever put a draft here before the last batch was known of could not know better.
            self._tell()
            self._moved = {}
        group = _Group()
        rest: deque[_Waiting] = deque()
        blocked: set[str] = set()
        while self._queue and not group.closed:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                # It was told, or whoever waited is gone.
                self._leave(waiting)
                continue
            if waiting.is_apart_from(blocked) and group.takes(waiting):
                self._leave(waiting)
                group.add(waiting)
            else:
                # Whatever waits keeps its place before those that touch the same things.
                blocked.update(waiting.writes, waiting.draft.guards)
                rest.append(waiting)
        # What was not looked at stands behind what was.
        self._queue.extendleft(reversed(rest))
        return group.members

    async def _send(self, group: Sequence[_Waiting]) -> None:
        ordered = sorted(group, key=lambda item: bool(item.draft.events))
        messages, places = _lay_out(ordered)
        self.batches += 1
        self.commands += len(ordered)
        self._measures.group_size.observe(len(ordered))
        try:
            ack = await self._store(messages)
        except BrokerError as error:
            for item in ordered:
                if not item.answer.done():
                    item.answer.set_exception(error)
            return
        first = ack.seq - len(messages) + 1
        for item, place in zip(ordered, places, strict=True):
            if not item.answer.done():
                item.answer.set_result(_placed(place, first, ack.seq))
        # Last, so that what is held has moved on before those that lost look at it.
        self._moved = _moved(ordered, messages, first)
        self._tell()

    def _tell(self) -> None:
        """Tell those that wait and were decided from what has moved since."""
        for name, at in self._moved.items():
            for waiting in tuple(self._guarding.get(name, ())):
                if waiting.draft.guards[name] < at:
                    self._leave(waiting)
                    found = _outdated(waiting.draft.guards, self._moved)
                    if not waiting.answer.done():
                        waiting.answer.set_exception(Superseded(found))

    def _leave(self, waiting: _Waiting) -> None:
        """Look no more after the guards of a draft: it is sent, or will not be."""
        for name in waiting.draft.guards:
            others = self._guarding.get(name)
            if others is not None:
                others.discard(waiting)
                if not others:
                    del self._guarding[name]

    async def _store(self, messages: Sequence[Outgoing]) -> Ack:
        # A message alone needs no staging: the same guard on a plain publish costs a tenth.
        if len(messages) == 1:
            return await self._broker.publish(messages[0])
        return await self._broker.batch(messages)


class _Place(NamedTuple):
    recorded: Outcome | None
    events: range
    """Offsets of its events in the batch."""


def _lay_out(group: Sequence[_Waiting]) -> tuple[list[Outgoing], list[_Place]]:
    """Return the messages of a batch and where each draft's outcome and events stand in it."""
    total = sum(item.size for item in group)
    messages: list[Outgoing] = []
    places: list[_Place] = []
    for item in group:
        draft, recorded = item.draft, None
        before = draft.before_done()
        messages.extend(before)
        if draft.outcome is not None:
            after = total - len(messages) - 1
            recorded = draft.recorded(before=len(before), after=after)
            messages.append(draft.done_message(recorded))
        messages.extend(draft.after_done())
        end = len(messages)
        places.append(_Place(recorded, range(end - len(draft.events), end)))
    return messages, places


def _placed(place: _Place, first: int, last: int) -> Placed:
    events = tuple([first + offset for offset in place.events])
    return Placed(last=last, events=events, outcome=place.recorded)
