"""What the worker holds of each aggregate: state, version, what is parked. Loaded at first use.

A load is the snapshot, then the events above its version. What is held may be superseded at any
time; every decision made from it carries the version as a guard, and a refused guard makes it load
again. Called by the decide loop, by effects and by queries; calls the broker port.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, overload

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from catalyst.chassis import claiming, events, sifting
from catalyst.chassis.claiming import HeldClaim
from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.chassis.service import Aggregate, Kind
from catalyst.contracts import codec, runtime_v1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.topology import EV

log = logging.getLogger(__name__)

HELD_MAX: Final = 20_000
"""Aggregates kept in memory; the longest unused is forgotten first."""


LISTED: Final = 8
"""Messages in a row that are no events, of which each is listed; of more, the first ones are."""

_SHORT: Final = 8
"""Events of a history that is read whole at first use."""


class ParkedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a `parked` names and no `unparked` does."""

    subject: str
    message_id: str
    message_type: str
    reason: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `st.…` message: the state before the events of its own batch."""

    fold: int
    version: int
    """Sequence of the last event in the state."""
    state: msgspec.Raw
    parked: tuple[ParkedEntry, ...] = ()


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An aggregate as it was when it was read."""

    ref: Ref
    state: Any
    version: int
    """Sequence of its last event; 0 if it has none. The number that its guard expects."""
    parked: tuple[ParkedEntry, ...] = ()
    broken: str = ""
    """Why the fold failed; then `state` means nothing."""
    strays: tuple[Stored, ...] = ()
    """What stands behind its last event and is none: the first `LISTED` of it, until told."""
    passed: int = 0
    """How many messages that are, all of them."""
    since_snapshot: int = 0
    """Events folded since the last snapshot."""
    presumed: bool = False
    """Taken for absent without a look; what is decided from it is proved by its guard alone."""


class States:
    """The worker's memory of aggregates, and how it is filled."""

    def __init__(
        self,
        broker: Broker,
        aggregates: Mapping[Kind, Aggregate[Any]],
        aside: Callable[[Ref, Sequence[Stored], int], Awaitable[None]] | None = None,
    ) -> None:
        """Hold what one service decides or reads; `aggregates` is its table by kind.

        `aside` lists what stands among the events of one that it decides, and is none: the first
        few, and how many there are.
        """
        self._aside = aside
        self._broker = broker
        self._aggregates = aggregates
        self._held: OrderedDict[Ref, Held] = OrderedDict()

    async def get(self, ref: Ref) -> Held:
        """Return what is held, loading it at first use."""
        held = self._known(ref)
        if held is None:
            held = await self._told(await self._first(ref))
            self._keep(held)
        return held

    async def _told(self, held: Held) -> Held:
        """List what stands among the events of an aggregate of ours and is none."""
        if not held.strays:
            return held
        aggregate = self._of(held.ref)
        if aggregate is not None and not aggregate.service and self._aside is not None:
            await self._aside(held.ref, held.strays, held.passed)
        return replace(held, strays=(), passed=0)

    def presume(self, ref: Ref) -> Held:
        """Return what is held, or else the aggregate without an event, as it most likely is."""
        held = self._known(ref)
        return self._eventless(ref, presumed=True) if held is None else held

    def _known(self, ref: Ref) -> Held | None:
        held = self._held.get(ref)
        if held is not None:
            self._held.move_to_end(ref)
        return held

    def forget(self, refs: Sequence[Ref]) -> None:
        """Load these again at their next use: another writer may have been there."""
        for ref in refs:
            self._held.pop(ref, None)

    def moved(self, read: Mapping[Ref, Held]) -> Ref | None:
        """Return one of what was read that is held as something newer by now, if there is one."""
        for ref, held in read.items():
            known = self._held.get(ref)
            if known is not None and known.version > held.version:
                return ref
        return None

    def let_go(self, read: Mapping[Ref, Held]) -> None:
        """Load these again unless something newer than what was read is held already."""
        for ref, held in read.items():
            if self._held.get(ref) is held:
                self._held.pop(ref)

    def advance(
        self, before: Held, recorded: Sequence[tuple[Any, int]], *, snapshot: bool = False
    ) -> None:
        """Fold what was just stored on top of the very state that it was decided from.

        Args:
            before: The state of the decision.
            recorded: Events and their sequences, oldest first.
            snapshot: Whether a snapshot of `before` was stored with them.
        """
        aggregate = self._of(before.ref)
        expected = None if before.presumed else before
        if self._held.get(before.ref) is not expected or aggregate is None:
            self.forget([before.ref])
            return
        # What is stored is no presumption any more: its guard held.
        after = replace(before, presumed=False) if before.presumed else before
        if snapshot:
            after = replace(after, since_snapshot=0)
        for event, seq in recorded:
            after = _fold(aggregate, after, event, seq)
        self._keep(after)

    def snapshot(self, held: Held, every: int) -> bytes | None:
        """Return a snapshot of the state if one is due, before the events of the next batch."""
        aggregate = self._of(held.ref)
        if aggregate is None or held.broken or held.since_snapshot < every:
            return None
        return codec.encode(
            Snapshot(
                fold=aggregate.fold,
                version=held.version,
                state=events.encode(held.state),
                parked=held.parked,
            )
        )

    async def load(self, ref: Ref, *, up_to: int | None = None) -> Held:
        """Read an aggregate from the log, as of sequence `up_to` or now; nothing is kept."""
        aggregate = self._of(ref)
        held = self._eventless(ref)
        if aggregate is None:
            return await self._fold_rest(held, None, up_to)
        if aggregate.events:
            kept, version = await sifting.read(self._broker, ref.guard, aggregate.events, up_to)
            return replace(_folded(held, aggregate, kept), version=version)
        # A snapshot has the shape of its owner's state, which is not that of another's fold.
        stored = None if aggregate.service else await self._broker.last(EV, ref.snapshot)
        if stored is not None:
            held = _from_snapshot(held, aggregate, stored, up_to)
        return await self._fold_rest(held, aggregate, up_to)

    async def state(self, ref: Ref, *, up_to: int | None = None) -> Any:
        """Return an aggregate's state for an effect or a query.

        Raises:
            events.Unreadable: If the fold fails.
        """
        held = await self.load(ref, up_to=up_to)
        if held.broken:
            raise events.Unreadable(held.broken)
        return held.state

    async def history(self, ref: Ref) -> Sequence[Recorded]:
        """Return every event of an aggregate, oldest first.

        Raises:
            events.Unreadable: If one cannot be read.
        """
        return _history(await self._broker.replay(EV, ref.guard))

    async def states(self, refs: Sequence[Ref]) -> dict[Ref, Any]:
        """Return the states of many aggregates of one kind and Organization, read in one go.

        Raises:
            events.Unreadable: If the fold of one fails.
        """
        found: dict[Ref, Any] = {}
        for ref, stored in (await self._together(refs)).items():
            held = _folded(self._eventless(ref), self._of(ref), stored)
            if held.broken:
                raise events.Unreadable(held.broken)
            found[ref] = held.state
        return found

    async def histories(self, refs: Sequence[Ref]) -> dict[Ref, Sequence[Recorded]]:
        """Return every event of many aggregates of one kind and Organization, read in one go.

        Raises:
            events.Unreadable: If one cannot be read.
        """
        return {ref: _history(every) for ref, every in (await self._together(refs)).items()}

    async def _together(self, refs: Sequence[Ref]) -> dict[Ref, list[Stored]]:
        found: dict[Ref, list[Stored]] = {ref: [] for ref in refs}
        wanted = {ref.path: ref for ref in refs}
        kind = refs[0].path.rpartition(".")[0]
        for stored in await self._broker.replay(EV, f"evt.{kind}.>"):
            ref = wanted.get(".".join(stored.subject.split(".", 5)[1:5]))
            if ref is not None:
                found[ref].append(stored)
        return found

    async def claims(self, claims: Sequence[Claim]) -> dict[Claim, HeldClaim]:
        """Read claims, many at once; they are never kept."""
        return await claiming.read(self._broker, claims)

    async def _first(self, ref: Ref) -> Held:
        """Load an aggregate; a short history is read whole, and no snapshot looked for.

        Most of what is looked up here for the first time has none at all: it is being made.
        """
        stored = await self._broker.replay(EV, ref.guard, limit=_SHORT)
        if len(stored) == _SHORT:
            return await self.load(ref)
        return _folded(self._eventless(ref), self._of(ref), stored)

    def _eventless(self, ref: Ref, *, presumed: bool = False) -> Held:
        aggregate = self._of(ref)
        initial = None if aggregate is None else aggregate.initial
        return Held(ref=ref, state=initial, version=0, presumed=presumed)

    def _of(self, ref: Ref) -> Aggregate[Any] | None:
        return self._aggregates.get((ref.service, ref.aggregate))

    async def _fold_rest(
        self, held: Held, aggregate: Aggregate[Any] | None, up_to: int | None
    ) -> Held:
        rest = await self._broker.replay(EV, held.ref.guard, start=held.version + 1)
        if up_to is not None:
            rest = [stored for stored in rest if stored.seq <= up_to]
        return _folded(held, aggregate, rest)

    def _keep(self, held: Held) -> None:
        self._held[held.ref] = held
        self._held.move_to_end(held.ref)
        while len(self._held) > HELD_MAX:
            self._held.popitem(last=False)


def _from_snapshot(
    held: Held, aggregate: Aggregate[Any], stored: Stored, up_to: int | None
) -> Held:
    try:
        found = msgspec.json.decode(stored.data, type=Snapshot)
        if found.fold != aggregate.fold or (up_to is not None and found.version > up_to):
            return held
        state = msgspec.json.decode(found.state, type=aggregate.state)
    except msgspec.MsgspecError:
        # An older program's snapshot that no longer fits is only a shortcut lost: the log has all.
        return held
    return replace(held, state=state, version=found.version, parked=found.parked)


def _recorded(stored: Stored) -> Recorded:
    return events.recorded(stored.subject, stored.data, seq=stored.seq, time=stored.time)


class _History(Sequence[Recorded]):
    """Events of an aggregate, each decoded whenever it is looked at.

    A busy month's, all decoded at once, take several times as much memory as their bytes.
    """

    def __init__(self, every: Sequence[Stored]) -> None:
        self._every = every

    @overload
    def __getitem__(self, at: int) -> Recorded: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Recorded]: ...

    @override
    def __getitem__(self, at: int | slice) -> Recorded | Sequence[Recorded]:
        if isinstance(at, slice):
            return _History(self._every[at])
        return _recorded(self._every[at])

    @override
    def __len__(self) -> int:
        return len(self._every)


def _history(every: Sequence[Stored]) -> Sequence[Recorded]:
    found: list[Stored] = []
    passed, why = 0, ""
    for stored in every:
        try:
            _recorded(stored)
        except events.Stray as error:
            passed, why = passed + 1, why or str(error)
        else:
            found.append(stored)
    if passed:
        _passed_over(why, passed)
    return _History(found)


def _passed_over(why: str, count: int) -> None:
    log.warning("passed over what is no event", extra={"why": why, "count": count})


def _folded(held: Held, aggregate: Aggregate[Any] | None, rest: Sequence[Stored]) -> Held:
    strays: list[Stored] = []
    behind, passed, why = 0, 0, ""
    for stored in rest:
        if aggregate is not None and not sifting.matters(stored.subject, aggregate.events):
            held = replace(held, version=stored.seq)
            continue
        try:
            recorded = _recorded(stored)
        except events.Stray as error:
            if len(strays) < LISTED:
                strays.append(stored)
            behind, passed, why = behind + 1, passed + 1, why or str(error)
            held = replace(held, version=stored.seq)
            continue
        except events.Unreadable as error:
            held = replace(held, version=stored.seq, broken=held.broken or str(error))
            continue
        if behind:
            strays, behind = [], 0
        held = _fold(aggregate, held, recorded.event, stored.seq)
    if passed:
        _passed_over(why, passed)
    return replace(held, strays=tuple(strays), passed=behind) if behind else held


def _fold(aggregate: Aggregate[Any] | None, held: Held, event: Any, seq: int) -> Held:
    """Fold one event; what is parked is kept even where the fold of the state fails."""
    if isinstance(event, runtime_v1.Parked):
        entry = ParkedEntry(
            subject=event.subject,
            message_id=event.message_id,
            message_type=event.message_type,
            reason=event.reason,
        )
        return replace(held, version=seq, parked=(*held.parked, entry))
    if isinstance(event, runtime_v1.Unparked):
        rest = tuple(item for item in held.parked if item.subject != event.subject)
        return replace(held, version=seq, parked=rest)
    state, broken = held.state, held.broken
    if aggregate is not None and not broken:
        try:
            state = aggregate.evolve(state, event)
        except Exception as error:  # noqa: BLE001 - whatever a fold raises freezes its aggregate
            broken = f"{type(event).__name__} at {seq}: {error!r}"
    since = held.since_snapshot + 1
    return replace(held, state=state, version=seq, broken=broken, since_snapshot=since)
