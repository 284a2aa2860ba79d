"""Streams as a pure model: whatever a reader does, it converges, without a gap or a reversal."""

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support import log as writing
from tests.support.examples import at_least
from tests.support.showing import ANN, SOVEREIGN, Tab, World
from typing_extensions import override

from catalyst.contracts import environment_v1 as env
from catalyst.projector import filters
from catalyst.projector.access import Reader
from catalyst.projector.entry import Entry
from catalyst.projector.filters import Filter
from catalyst.projector.outbox import Item, Outbox

SLUGS = ("acme", "beta", "gamma")
ALL = filters.parse("all", {})
BOB = Reader("bob@example.org", frozenset())


def tab(world: World, reader: Reader = SOVEREIGN, asked: Filter = ALL) -> Tab:
    found = Tab(world, reader, asked)
    found.connect()
    found.drain()
    return found


def test_a_first_stream_begins_with_a_reset_and_ends_its_snapshot_with_an_id() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world)
    assert reader.names == ["reset", "put", "synced"]
    assert reader.resets == ["start"]
    assert reader.cursor


def test_an_empty_read_model_is_synced_at_once() -> None:
    reader = tab(World())
    assert reader.names == ["reset", "synced"]


def test_rows_and_their_as_of_come_together() -> None:
    world = World()
    reader = tab(world)
    world.flush([writing.created("acme")])
    reader.drain()
    assert reader.names[-2:] == ["put", "applied"]
    assert reader.as_of == world.seq


def test_a_reader_who_sees_none_of_the_changes_is_told_how_far_the_rows_are() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world, asked=filters.parse("all", {"organization": "beta"}))
    world.flush([writing.renamed("acme", "Acme Limited")])
    before = reader.cursor
    reader.drain()
    assert reader.names[-1] == "applied"
    assert reader.as_of == world.seq
    assert reader.cursor != before


@pytest.mark.guarantee("G4.3")
def test_a_slow_reader_gets_the_latest_value_and_the_number_that_was_passed_over() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world)
    for number in range(5):
        world.flush([writing.renamed("acme", f"Acme {number}")])
    reader.names.clear()
    reader.drain()
    assert reader.names == ["put", "applied"]
    assert reader.coalesced == 4


@pytest.mark.guarantee("G4.3")
def test_the_as_of_of_a_slow_reader_does_not_pass_its_oldest_unsent_row() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world)
    told = world.seq
    world.flush([writing.renamed("acme", "Acme Limited")])
    world.flush([writing.created("beta")])
    assert reader.stream is not None
    assert reader.stream.as_of == told
    heartbeat = reader.stream.heartbeat()
    assert f'"as_of":{told},'.encode() in heartbeat


@pytest.mark.guarantee("G4.4")
def test_another_epoch_resets_open_streams() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world)
    world.rebuild()
    reader.drain()
    assert reader.resets == ["start", "epoch-changed"]
    assert reader.rows == world.visible(SOVEREIGN, ALL)


@pytest.mark.guarantee("G4.7")
def test_a_role_that_is_lost_ends_the_view_of_an_open_stream_at_once() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world, ANN)
    assert list(reader.rows) == ["acme._.organization._.acme"]
    world.flush(
        [writing.owned("acme", ("bob@example.org", "owner"))],
        [writing.renamed("acme", "Not for Ann")],
    )
    reader.drain()
    assert reader.resets == ["start", "access-changed"]
    assert reader.rows == {}


@pytest.mark.guarantee("G4.7")
def test_a_role_that_is_granted_opens_the_view_of_an_open_stream() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = tab(world, BOB)
    assert reader.rows == {}
    world.flush([writing.owned("acme", ("Bob@Example.org", "viewer"))])
    reader.drain()
    assert reader.resets == ["start", "access-changed"]
    assert reader.rows == world.visible(BOB, ALL) != {}


BOTH = Reader("ann@example.org", frozenset({"sovereign-admin"}))
"""Sees every Organization, and owns the new ones as well."""


def test_who_sees_a_kind_everywhere_is_not_reset_by_new_organizations_of_their_own() -> None:
    world = World()
    reader = tab(world, BOTH, filters.parse("organizations", {}))
    world.flush([writing.created("acme")])
    reader.drain()
    assert reader.resets == ["start"]
    assert list(reader.rows) == ["acme._.organization._.acme"]


@pytest.mark.guarantee("G4.7")
def test_a_platform_role_is_shown_what_only_owners_see_once_it_owns_the_organization() -> None:
    world = World()
    reader = tab(world, BOTH)
    world.flush([writing.created("acme")])
    reader.drain()
    assert reader.resets == ["start", "access-changed"]
    assert reader.rows == world.visible(BOTH, ALL) != {}


@pytest.mark.guarantee("G4.5")
def test_a_row_that_leaves_a_filter_is_told_as_gone() -> None:
    world = World()
    asked = filters.parse("organizations", {"field": "tier=sme"})
    world.flush([writing.created("acme")])
    reader = tab(world, asked=asked)
    assert len(reader.rows) == 1
    world.flush([writing.renamed("acme", "Acme", tier="corporate")])
    reader.drain()
    assert reader.rows == {}
    world.flush([writing.renamed("acme", "Acme", tier="sme")])
    reader.drain()
    assert len(reader.rows) == 1


def test_readers_of_one_topic_get_the_same_bytes() -> None:
    world = World()
    first, second = tab(world), tab(world)
    world.flush([writing.created("acme")])
    assert first.stream is not None
    assert second.stream is not None
    assert len(world.hub.topics) == 1
    assert first.stream.chunk() is second.stream.chunk()


def test_a_closed_stream_leaves_nothing_behind() -> None:
    world = World()
    reader = tab(world)
    reader.drop()
    assert not world.hub.streams
    assert not world.hub.topics


class Streaming(RuleBasedStateMachine):
    """Tabs that drop, lag and come back, while rows, roles and epochs change."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.tabs = [
            Tab(self.world, SOVEREIGN, ALL),
            Tab(self.world, ANN, ALL),
            Tab(self.world, BOB, filters.parse("organizations", {})),
            Tab(self.world, ANN, filters.parse("all", {"organization": "acme"})),
            Tab(self.world, SOVEREIGN, filters.parse("organizations", {"field": "tier=sme"})),
            Tab(self.world, SOVEREIGN, filters.parse("all", {"environment": "acme-prod"})),
        ]
        self.waiting: list[list[writing.On]] = []

    names = st.sampled_from(SLUGS)

    @rule(slug=names)
    def create(self, slug: str) -> None:
        self.waiting.append([writing.created(slug)])

    @rule(slug=names, tier=st.sampled_from(["sme", "corporate"]))
    def change(self, slug: str, tier: str) -> None:
        self.waiting.append([writing.renamed(slug, slug, tier=tier)])

    @rule(slug=names)
    def add_environment(self, slug: str) -> None:
        self.waiting.append(list(writing.environment_created(slug)))

    @rule(slug=names)
    def delete(self, slug: str) -> None:
        self.waiting.append([writing.deleted(slug)])

    @rule(
        slug=names,
        people=st.sets(st.sampled_from(["ann@example.org", "bob@example.org"])),
        role=st.sampled_from(["owner", "viewer"]),
    )
    def change_owners(self, slug: str, people: set[str], role: env.OwnerRole) -> None:
        owners = [(email, role) for email in sorted(people)]
        self.waiting.append([writing.owned(slug, *owners)])

    @precondition(lambda self: self.waiting)
    @rule()
    def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        self.world.flush(*waiting)

    @rule()
    def idle_flush(self) -> None:
        self.world.flush()

    @rule()
    def rebuild(self) -> None:
        self.flush_rest()
        self.world.rebuild()

    @rule(number=st.integers(0, 5))
    def connect(self, number: int) -> None:
        self.tabs[number].connect()

    @rule(number=st.integers(0, 5))
    def read(self, number: int) -> None:
        self.tabs[number].read()

    @rule(number=st.integers(0, 5), part=st.floats(0, 0.99))
    def lose(self, number: int, part: float) -> None:
        self.tabs[number].read(part=part)

    @rule(number=st.integers(0, 5))
    def catch_up(self, number: int) -> None:
        self.tabs[number].drain()

    def flush_rest(self) -> None:
        if self.waiting:
            self.flush()

    @invariant()
    def who_is_synced_and_owed_nothing_sees_what_is_shown(self) -> None:
        for reader in self.tabs:
            stream = reader.stream
            if stream is not None and reader.synced and not stream.owes:
                assert reader.rows == self.world.visible(reader.reader, reader.asked)

    @override
    def teardown(self) -> None:
        self.flush_rest()
        for reader in self.tabs:
            if reader.stream is None:
                reader.connect()
            reader.drain()
            assert reader.rows == self.world.visible(reader.reader, reader.asked)
            assert reader.as_of == self.world.seq
            reader.drop()
        assert not self.world.hub.topics


@pytest.mark.guarantee("G4.1", "G4.2", "G4.3", "G4.5", "G4.6")
def test_readers_that_drop_and_lag_and_come_back_converge() -> None:
    run_state_machine_as_test(Streaming, settings=settings(at_least(60), stateful_step_count=40))


def item(entry: Entry, first: int) -> Item:
    return Item(entry=entry, shown=True, first=first, before=first - 1, coalesced=0)


def test_an_outbox_keeps_the_order_of_first_change_and_hands_out_by_size() -> None:
    world = World()
    for slug in SLUGS:
        world.flush([writing.created(slug)])
    outbox = Outbox()
    for first, entry in enumerate(world.hub.rows.values(), 10):
        outbox.add(item(entry, first))
    again = next(iter(world.hub.rows.values()))
    outbox.add(item(again, 20))
    assert outbox.coalesced == 1
    taken = outbox.take(1, 30)
    assert [revision for revision, _ in taken] == [10]
    assert b'"coalesced":1' in taken[0][1]
    assert outbox.oldest is not None
    assert outbox.oldest.first == 11
    assert [revision for revision, _ in outbox.take(1 << 20, 30)] == [11, 30]
    assert len(outbox) == 0


def test_text_with_line_separators_arrives_as_it_was_written() -> None:
    world = World()
    name = "a\u0085b\u2028c\u2029d"
    world.flush([writing.created("acme", display_name=name)])
    reader = Tab(world, SOVEREIGN, ALL)
    reader.connect()
    assert reader.stream is not None
    reader.stream.chunk()
    frame = reader.stream.chunk()
    line = next(line for line in frame.split(b"\n") if line.startswith(b"data: "))
    assert msgspec.json.decode(line[6:])["value"]["doc"]["display_name"] == name
