"""The hub without a broker: a fold whose flushes are handed to it, and readers that may be slow."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from tests.support import log as writing
from tests.support.forward import Forward
from tests.support.log import START, On

from catalyst.client.sse import ServerEvent, SseParser
from catalyst.contracts.subjects import RowKey
from catalyst.projector.access import Reader
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.entry import Entry
from catalyst.projector.filters import Filter
from catalyst.projector.fold import Changes, Fold, Gone
from catalyst.projector.hub import Hub
from catalyst.projector.ports import BucketMessage, LogMessage
from catalyst.projector.stream import Stream
from catalyst.projector.views.table import FOLD, VIEWS

SOVEREIGN = Reader("root@example.org", frozenset({"sovereign-admin"}))
ANN = Reader("ann@example.org", frozenset())


class World:
    """A log, its rows and a bucket, all in memory; the hub shows what it is told to."""

    def __init__(self) -> None:
        self.fold = Fold(VIEWS)
        self.hub = Hub()
        self.seq = 0
        self.revision = 0
        self.epochs = 0
        self.shown: dict[int, dict[str, int]] = {}
        """By `as_of`: the sequence of every row at that moment."""
        self.rebuild()

    def rebuild(self) -> None:
        """Show the same rows from another bucket."""
        self.epochs += 1
        entries = []
        self.revision = 0
        for key, row in self.fold.rows.items():
            self.revision += 1
            entries.append(Entry(key, RowKey.decode(key), self.revision, row.raw, deleted=False))
        self.revision += 1
        self.hub.replace(entries, self._checkpoint(), self.revision, self.revision)
        self._remember()

    def flush(self, *decisions: Sequence[On]) -> None:
        """Fold decisions and show them as one flush."""
        changes: Changes = {}
        for events in decisions:
            changes.update(self.fold.apply(self._written(events)))
        messages = []
        for key, change in changes.items():
            self.revision += 1
            messages.append(
                BucketMessage(
                    revision=self.revision,
                    key=key,
                    value=change.raw,
                    deleted=isinstance(change, Gone),
                    checkpoint=None,
                    time_ns=0,
                )
            )
        self.revision += 1
        messages.append(
            BucketMessage(
                revision=self.revision,
                key="",
                value=b"",
                deleted=False,
                checkpoint=self._checkpoint(),
                time_ns=0,
            )
        )
        self.hub.apply(messages)
        self._remember()

    def _written(self, events: Sequence[On]) -> list[LogMessage]:
        found = []
        for on in events:
            self.seq += 1
            sent = writing.message(on, f"c-{self.seq}", 0, START + timedelta(seconds=self.seq))
            found.append(
                LogMessage(
                    seq=self.seq,
                    subject=sent.subject,
                    time_ns=self.seq,
                    batch=None,
                    commit=False,
                    data=sent.data,
                )
            )
        return found

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            seq=self.seq,
            event_seq=self.seq,
            event_time=None,
            epoch="e" + "abcdefghijklmnop"[self.epochs % 16],
            log="log",
            fold=FOLD,
        )

    def _remember(self) -> None:
        self.shown[self.seq] = {key: row.value.seq for key, row in self.fold.rows.items()}

    def visible(self, reader: Reader, asked: Filter) -> dict[str, int]:
        """What a reader should see now: key and sequence."""
        access = self.hub.owners.access(reader, asked)
        return {
            entry.key: entry.seq
            for entry in self.hub.rows.values()
            if asked.at(entry.place) and access.may(entry.place) and asked.holds(entry)
        }


class Tab:
    """One reader, with what it has been told."""

    def __init__(self, world: World, reader: Reader, asked: Filter) -> None:
        self.world = world
        self.reader = reader
        self.asked = asked
        self.rows: dict[str, int] = {}
        self.cursor = ""
        self.as_of = 0
        self.synced = False
        self.resets: list[str] = []
        self.names: list[str] = []
        self.coalesced = 0
        self.stream: Stream | None = None
        self._parser = SseParser()
        self._snapshot: dict[str, int] | None = None
        self._forward = Forward()

    def connect(self) -> None:
        """Open a stream where the last one ended."""
        self.drop()
        self.stream = self.world.hub.open(self.reader, self.asked)
        self.stream.begin(self.cursor)
        self._parser = SseParser()
        self.synced = False

    def drop(self) -> None:
        if self.stream is not None:
            self.world.hub.close(self.stream)
            self.stream = None

    def read(self, *, part: float = 1.0) -> bool:
        """Take one chunk, or lose the connection after a part of it; True if there was one."""
        if self.stream is None:
            return False
        data = self.stream.chunk() or self.stream.bookmark()
        for event in self._parser.feed(data[: round(len(data) * part)]):
            self._take(event)
        if part < 1.0:
            self.drop()
        return bool(data)

    def drain(self) -> None:
        while self.read():
            pass

    def _take(self, event: ServerEvent) -> None:
        self.names.append(event.name)
        data = msgspec.json.decode(event.data)
        rows = self.rows if self._snapshot is None else self._snapshot
        match event.name:
            case "reset":
                self.resets.append(data["reason"])
                self._snapshot = {}
                self._forward.begin()
                self.cursor = ""
                self._parser.forget_id()
                self.as_of = 0
                self.synced = False
            case "put":
                self._allowed(data["key"])
                seq = data["value"]["seq"]
                self._forward.met(data["key"], seq)
                rows[data["key"]] = seq
                self.coalesced += data.get("coalesced", 0)
            case "del":
                self._allowed(data["key"])
                self._forward.met(data["key"], data["seq"])
                rows.pop(data["key"], None)
            case "synced":
                if self._snapshot is not None:
                    self.rows, self._snapshot = self._snapshot, None
                self.synced = True
                self._told(data["as_of"])
            case "applied":
                assert self.synced, "nothing is applied before the snapshot is whole"
                self._told(data["as_of"])
            case _:
                assert event.name == "heartbeat"
        if self._snapshot is not None and event.name != "reset":
            assert not event.last_id, "no id while a snapshot is on its way"
        elif self._snapshot is None and event.last_id:
            self.cursor = event.last_id

    def _allowed(self, key: str) -> None:
        place = RowKey.decode(key)
        access = self.world.hub.owners.access(self.reader, self.asked)
        assert self.asked.at(place)
        assert access.may(place), "a row that may not be seen"

    def _told(self, as_of: int) -> None:
        """Nothing that was shown at `as_of` may be older here."""
        assert as_of >= self.as_of, "as_of went back"
        self.as_of = as_of
        for key, seq in self.world.shown.get(as_of, {}).items():
            if key in self.rows:
                assert self.rows[key] >= seq, f"{key} is older than {as_of}"
