"""Folds the log again and compares with what is stored.

On request the whole log, in the background a few rows at a time.

`check` is what `catalyst replay --check` runs. The sampler is started by `main`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from catalyst.chassis import clock
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.entry import Entry
from catalyst.projector.fold import Fold
from catalyst.projector.holes import seq_of
from catalyst.projector.hub import Hub
from catalyst.projector.older import lost_before
from catalyst.projector.ports import (
    Doubt,
    Garbled,
    Loaded,
    Log,
    LogState,
    Missing,
    ReadModel,
)
from catalyst.projector.refold import Difference, Refold, compare
from catalyst.projector.row import Value, decode, encode
from catalyst.projector.views.table import BY_KIND, FOLD, VIEWS
from catalyst.projector.views.tally import Tally
from catalyst.projector.views.view import View

log = logging.getLogger(__name__)

SAMPLE_ROWS: Final = 20
"""Rows that are folded again each time."""
LOAD_TRIES: Final = 20
KEEP: Final = (
    "leave the read model as it is, it may be the last copy: stop everything, and restore "
    "the broker's data from a backup"
)
"""What to do where the log lost messages."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What folding the whole log again has shown."""

    epoch: str
    log: str
    as_of: int
    """Sequence at which stored and folded rows were held against each other."""
    rows: int
    events: int
    stored_hash: str
    """Hash of all keys and values in the bucket."""
    folded_hash: str
    differences: tuple[Difference, ...]
    lost: str = ""
    """What shows that the log lost messages, the first ones: then its rows may be the last copy."""
    lost_before: str = ""
    """What shows that it had lost some when these rows were built, so that both agree without."""

    @property
    def equal(self) -> bool:
        """True if the bucket holds exactly what the log says."""
        return self.stored_hash == self.folded_hash


class NotComparable(Exception):
    """There is nothing to compare: no read model yet, or one of another log or another fold."""


async def check(source: Log, model: ReadModel) -> Check:
    """Fold the log to exactly the bucket's checkpoint, and compare every byte.

    Raises:
        NotComparable: If no rows of this log and this fold are stored.
        Doubt: If something may have been missed: ask again.
    """
    pointer = await model.current()
    if pointer is None:
        raise NotComparable("there is no read model yet")
    try:
        bucket = model.bucket(pointer.epoch)
        loaded = await bucket.load()
        for _ in range(LOAD_TRIES):
            if loaded.checkpoint.to is None:
                break
            loaded = await bucket.load()
    except Missing as error:
        raise NotComparable("the bucket is gone") from error
    except Garbled as error:
        raise NotComparable(f"the bucket cannot be read: {error}") from error
    checkpoint = loaded.checkpoint
    if checkpoint.to is not None:
        raise Doubt("a decision is being written in parts")
    if checkpoint.fold != FOLD:
        raise NotComparable(f"the rows were made by fold {checkpoint.fold}, this one is {FOLD}")
    state = await source.state()
    if checkpoint.log != state.name:
        raise NotComparable("the rows are those of another log")
    async with source.open_whole() as reader:
        refold = Refold(reader)
        refold.holes.watch(loaded.rows)
        await refold.to(min(checkpoint.seq, state.last_seq))
    folded = {key: row.raw for key, row in refold.fold.rows.items()}
    return Check(
        epoch=checkpoint.epoch,
        log=checkpoint.log,
        as_of=checkpoint.seq,
        rows=len(loaded.rows),
        events=refold.events,
        stored_hash=content_hash(loaded.rows),
        folded_hash=content_hash(folded),
        differences=tuple(compare(refold.fold.rows, loaded.rows)),
        lost=lost(loaded, state) or str(refold.holes.first or ""),
        lost_before=await lost_before(source, model, pointer),
    )


def lost(loaded: Loaded, state: LogState) -> str:
    """Return what shows, at a glance, that the log lost events that rows were made from.

    Each row names the event that changed it last, and events never expire: so the log begins no
    later than the oldest of these, and ends no earlier than the checkpoint.

    Args:
        loaded: Rows of this log.
        state: The log, as it was after the rows were read.

    Returns:
        That, or nothing; what is gone from the log's middle is found by reading it alone.
    """
    if loaded.checkpoint.seq > state.last_seq:
        ends = f"the rows are as of {loaded.checkpoint.seq}, and the log ends at {state.last_seq}"
        return f"the log lost messages: {ends}"
    named = ((seq_of(raw), key) for key, raw in loaded.rows.items())
    oldest = min(((seq, key) for seq, key in named if seq is not None), default=None)
    if oldest is None or oldest[0] >= state.first_seq:
        return ""
    seq, key = oldest
    return (
        f"the log lost messages: {key} comes of the event at {seq}, "
        f"and the log begins at {state.first_seq}"
    )


def content_hash(rows: Mapping[str, bytes]) -> str:
    """Return one hash of all keys and values, the same for the same rows."""
    digest = hashlib.sha256()
    for key in sorted(rows):
        for part in (key.encode("ascii"), rows[key]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is not what the log says."""

    key: str
    since: datetime
    """When that was first found; it may have been so for longer."""


class _Found(NamedTuple):
    epoch: str
    place: RowKey
    since: datetime


class Sampler:
    """Folds a few random rows again, now and then, and before them those that differed."""

    def __init__(self, hub: Hub, source: Log, seconds: float) -> None:
        """Check rows of `hub` against `source` about every `seconds`; 0 for never."""
        self._hub = hub
        self._log = source
        self._seconds = seconds
        self.checked = 0
        """Rows held against the log so far."""
        self._found: dict[str, _Found] = {}
        """By key; the one that was looked at longest ago is the first."""

    @property
    def differing(self) -> list[Differing]:
        """Rows shown that differed when last looked at, the longest known first.

        What was found in a bucket that is no longer shown says nothing of the one that is.
        """
        found = [
            Differing(key=key, since=item.since)
            for key, item in self._found.items()
            if item.epoch == self._hub.epoch
        ]
        return sorted(found, key=lambda item: (item.since, item.key))

    async def run(self) -> None:
        """Work for ever, unless it is switched off."""
        while self._seconds > 0:
            await asyncio.sleep(self._seconds * random.uniform(0.5, 1.5))  # noqa: S311
            try:
                await self.sample()
            except (Doubt, Missing) as error:
                log.info("rows were not checked", extra={"reason": str(error)})

    async def sample(self, count: int = SAMPLE_ROWS) -> None:
        """Check up to `count` rows that differed, and up to `count` more, chosen at random."""
        self._found = {
            key: item for key, item in self._found.items() if item.epoch == self._hub.epoch
        }
        again = {key: item.place for key, item in list(self._found.items())[:count]}
        keys = list(self._hub.rows)
        chosen = random.sample(keys, min(count, len(keys)))
        for key, place in (again | {key: self._hub.rows[key].place for key in chosen}).items():
            await self._check(key, place)

    async def _check(self, key: str, place: RowKey) -> None:
        """Hold one key, as it is shown now, against the log; it may be gone from both."""
        ref, checkpoint, epoch = reference(place), self._hub.checkpoint, self._hub.epoch
        if ref is None or checkpoint is None or checkpoint.fold != FOLD:
            return
        entry, as_of = self._hub.rows.get(key), self._hub.as_of
        # Before anything else is shown: what it says of other rows, those of this moment say.
        sound = entry is None or self._agrees(entry)
        events = await self._log.events_of(ref.path)
        for other in _told_by(entry):
            events = [*events, *await self._log.events_of(other.path)]
        fold = Fold(VIEWS)
        for event in sorted(events, key=lambda one: one.seq):
            if event.seq <= as_of:
                fold.apply([event])
        row = fold.rows.get(key)
        self.checked += 1
        known = self._found.pop(key, None)
        view = BY_KIND[place.kind]
        told = None if row is None else _bare(view, row.value)
        shown = None if entry is None else _bare(view, decode(entry.raw, view.document))
        if sound and told == shown:
            return
        since = known.since if known is not None and known.epoch == epoch else clock.now()
        self._found[key] = _Found(epoch, place, since)
        log.error("a row is not what the log says", extra={"key": key, "as_of": as_of})

    def _agrees(self, entry: Entry) -> bool:
        """Return whether a row says of the others what they say, as they are shown now."""
        view, doc = entry.view, entry.doc
        if view is None or view.related is None or doc is None or entry.stale:
            return True

        def look(place: RowKey) -> Any:
            found = self._hub.rows.get(place.encode())
            return None if found is None else found.doc

        return bool(view.related.make(doc, look, Tally()) == doc)


def _bare(view: View[Any], value: Value) -> bytes:
    """Return a row's bytes without what it says of other rows, whose events are not folded here."""
    if view.related is None or value.doc is None:
        return encode(value)
    return encode(msgspec.structs.replace(value, doc=view.related.bare(value.doc)))


def _told_by(entry: Entry | None) -> tuple[Ref, ...]:
    """Return the other aggregates whose events stand in a row as well."""
    view = BY_KIND.get(entry.place.kind) if entry is not None and not entry.deleted else None
    if entry is None or view is None or view.told_by is None or entry.doc is None:
        return ()
    return tuple(view.told_by(entry.doc))


def reference(place: RowKey) -> Ref | None:
    """Return the aggregate whose events make a row."""
    view = BY_KIND.get(place.kind)
    if view is None:
        return None
    return Ref(place.organization, view.service, view.aggregate, view.id_of(place))
