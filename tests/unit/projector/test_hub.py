"""What the hub remembers and forgets, and what a stream says of itself between two flushes."""

from typing import Any

import msgspec
import pytest
from tests.support import log as writing
from tests.support.showing import ANN, SOVEREIGN, Tab, World

from catalyst.chassis import clock
from catalyst.contracts.topology import ROW_MARKER_TTL
from catalyst.projector import filters
from catalyst.projector.access import Access, Reader
from catalyst.projector.filters import Filter
from catalyst.projector.fold import Fold
from catalyst.projector.hub import MARKER_SECONDS
from catalyst.projector.stream import Stream
from catalyst.projector.views.table import VIEWS

ALL = filters.parse("all", {})
BOB = Reader("bob@example.org", frozenset())


def tab(world: World, reader: Reader = SOVEREIGN, asked: Filter = ALL) -> Tab:
    found = Tab(world, reader, asked)
    found.connect()
    found.drain()
    found.names.clear()
    return found


def open_stream(reader: Tab) -> Stream:
    assert reader.stream is not None
    return reader.stream


def said(frame: bytes) -> dict[str, Any]:
    """Return the data of the only event in a frame."""
    _, _, data = frame.partition(b"data: ")
    found: dict[str, Any] = msgspec.json.decode(data)
    return found


@pytest.mark.guarantee("G4.1", "G4.4")
def test_who_comes_back_behind_a_forgotten_deletion_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    world = World()
    world.flush([writing.created("acme")])
    late, current = tab(world), tab(world)
    late.drop()
    world.flush([writing.deleted("acme")])
    current.drain()
    current.drop()
    now[0] += MARKER_SECONDS + 1
    world.flush()
    for reader in (late, current):
        reader.connect()
        reader.drain()
        assert reader.rows == {}
    assert late.resets == ["start", "too-old"]
    assert current.resets == ["start"]


def test_a_deletion_is_forgotten_here_before_the_bucket_forgets_it() -> None:
    assert ROW_MARKER_TTL.endswith("m")
    assert int(ROW_MARKER_TTL[:-1]) * 60 > MARKER_SECONDS


@pytest.mark.guarantee("G4.1")
def test_a_row_that_changed_again_is_missed_by_who_left_before_whatever_its_age() -> None:
    world = World()
    world.flush([writing.created("acme")])
    world.flush([writing.created("beta")])
    reader = tab(world)
    reader.drop()
    world.flush([writing.renamed("acme", "Acme Limited")])
    reader.connect()
    reader.drain()
    assert reader.names == ["put", "synced"]
    assert reader.rows == world.visible(SOVEREIGN, ALL)


@pytest.mark.guarantee("G4.7")
def test_roles_are_those_of_the_bucket_that_is_shown() -> None:
    world, other = World(), World()
    world.flush([writing.created("acme")])
    assert world.hub.owners.access(ANN, ALL).sees("acme")
    other.flush([writing.created("beta")])
    world.fold = other.fold
    world.rebuild()
    access = world.hub.owners.access(ANN, ALL)
    assert (access.sees("acme"), access.sees("beta")) == (False, True)
    world.fold = Fold(VIEWS)
    world.rebuild()
    assert not world.hub.owners.access(ANN, ALL).sees("beta")


@pytest.mark.guarantee("G4.6", "G4.7")
def test_another_bucket_shows_open_streams_what_their_roles_in_it_show() -> None:
    world, other = World(), World()
    world.flush([writing.created("acme")])
    other.flush([writing.created("acme")])
    other.flush([writing.owned("acme", (BOB.email, "owner"))])
    ann, bob = tab(world, ANN), tab(world, BOB)
    assert (len(ann.rows), len(bob.rows)) == (1, 0)
    world.fold = other.fold
    world.rebuild()
    for reader in (ann, bob):
        reader.drain()
        assert reader.rows == world.visible(reader.reader, ALL)
    assert (len(ann.rows), len(bob.rows)) == (0, 1)


def test_only_those_whose_roles_changed_are_placed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.flush([writing.created("acme")])
    for reader in (SOVEREIGN, ANN, BOB):
        tab(world, reader)
    placed = []
    access = world.hub.owners.access

    def counted(reader: Reader, asked: Filter) -> Access:
        placed.append(reader.email)
        return access(reader, asked)

    monkeypatch.setattr(world.hub.owners, "access", counted)
    ann = (ANN.email, "owner")
    world.flush([writing.owned("acme", ann, (BOB.email, "viewer"))])  # type: ignore[arg-type]
    assert placed == [BOB.email]


@pytest.mark.guarantee("G4.5")
def test_a_row_that_never_matched_a_filter_is_not_told_as_gone() -> None:
    world = World()
    world.flush([writing.created("acme", tier="corporate")])
    reader = tab(world, asked=filters.parse("organizations", {"field": "tier=sme"}))
    world.flush([writing.renamed("acme", "Acme Limited", tier="corporate")])
    world.flush([writing.deleted("acme")])
    reader.drain()
    assert set(reader.names) == {"applied"}


def test_a_second_snapshot_carries_no_id_and_no_as_of_before_it_is_whole() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world)
    stream = open_stream(reader)
    cursor = reader.cursor
    assert stream.heartbeat().startswith(b"id: %b\nevent: heartbeat\n" % cursor.encode())
    world.rebuild()
    for _ in range(2):
        heartbeat = stream.heartbeat()
        assert heartbeat.startswith(b"event: heartbeat\n")
        assert said(heartbeat)["as_of"] == 0
        assert said(stream.bye("rotation", retryable=True))["cursor"] == ""
        assert reader.read()
    assert reader.names == ["reset", "put", "synced"]
    assert said(stream.heartbeat())["as_of"] == world.seq
    assert said(stream.bye("rotation", retryable=True))["cursor"] == reader.cursor != cursor


def test_the_first_reason_to_begin_anew_is_told_whatever_changes_before_it_is() -> None:
    world = World()
    world.flush([writing.created("acme")])
    opened = world.hub.open(ANN, ALL)
    opened.begin("")
    world.flush([writing.owned("acme", ("bo@example.org", "owner"))])
    world.rebuild()
    assert said(opened.chunk())["reason"] == "start"
    came_back = world.hub.open(ANN, ALL)
    came_back.begin("nonsense")
    world.flush([writing.owned("acme", ("ann@example.org", "owner"))])
    assert said(came_back.chunk())["reason"] == "unknown-cursor"
    world.flush([writing.owned("acme", ("bo@example.org", "owner"))])
    assert said(came_back.chunk())["reason"] == "access-changed"


def test_what_was_owed_is_not_sent_behind_the_snapshot_that_holds_it() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world)
    for name in ("first", "second"):
        world.flush([writing.renamed("acme", name)])
    world.rebuild()
    reader.drain()
    assert reader.names == ["reset", "put", "synced"]


@pytest.mark.guarantee("G4.1", "G4.3")
@pytest.mark.parametrize("flushes", [1, 2])
def test_a_goodbye_does_not_name_a_cursor_behind_what_was_not_sent(flushes: int) -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world)
    stream = open_stream(reader)
    told = world.seq
    for number in range(flushes):
        world.flush([writing.renamed("acme", f"Acme {number}"), writing.created(f"new-{number}")])
    assert stream.as_of == said(stream.heartbeat())["as_of"] == told
    bye = said(stream.bye("shutdown", retryable=True))
    assert bye["cursor"] == reader.cursor
    reader.cursor = bye["cursor"]
    reader.connect()
    reader.drain()
    assert reader.resets == ["start"]
    assert reader.rows == world.visible(SOVEREIGN, ALL)


def test_who_has_no_part_in_a_flush_is_reminded_once_of_how_far_the_rows_are() -> None:
    world = World()
    reader = tab(world, asked=filters.parse("all", {"organization": "beta"}))
    stream = open_stream(reader)
    stream.news.clear()
    world.flush([writing.created("acme")])
    assert not stream.news.is_set()
    world.hub.remind()
    assert stream.news.is_set()
    reader.drain()
    assert reader.names == ["applied"]
    stream.news.clear()
    world.hub.remind()
    assert not stream.news.is_set()
