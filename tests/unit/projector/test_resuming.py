"""A reader that comes back is told what it missed, all of it, and nothing that is not its own."""

import pytest
from tests.support import log as writing
from tests.support.each import each
from tests.support.showing import ANN, SOVEREIGN, Tab, World

from catalyst.projector import filters

ALL = filters.parse("all", {})


@pytest.mark.guarantee("G4.1")
def test_a_stream_goes_on_where_it_ended() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = Tab(world, SOVEREIGN, ALL)
    reader.connect()
    reader.drain()
    reader.drop()
    world.flush([writing.renamed("acme", "Acme Limited")])
    world.flush([writing.created("beta")], [writing.deleted("acme")])
    reader.names.clear()
    reader.connect()
    reader.drain()
    assert reader.names == ["put", "del", "synced"]
    assert reader.resets == ["start"]
    assert reader.rows == world.visible(SOVEREIGN, ALL)


@pytest.mark.guarantee("G4.1")
def test_what_changes_while_a_snapshot_is_on_its_way_is_not_lost_by_a_drop_behind_it() -> None:
    world = World()
    world.flush([writing.created("acme")])
    reader = Tab(world, SOVEREIGN, ALL)
    reader.connect()
    assert reader.read()
    assert reader.names == ["reset"]
    world.flush([writing.renamed("acme", "while the snapshot is sent"), writing.created("beta")])
    assert reader.read()
    assert reader.names[-1] == "synced"
    reader.drop()
    reader.names.clear()
    reader.connect()
    reader.drain()
    assert reader.names == ["put", "put", "synced"]
    assert reader.rows == world.visible(SOVEREIGN, ALL)


@pytest.mark.guarantee("G4.6", "G6.2")
def test_what_changed_meanwhile_and_is_not_ones_own_is_not_told_on_resume() -> None:
    world = World()
    world.flush([writing.created("acme")], [writing.created("other", owners=())])
    reader = Tab(world, ANN, ALL)
    reader.connect()
    reader.drain()
    reader.drop()
    world.flush([writing.renamed("other", "hidden")], [*writing.environment_created("other")])
    world.flush([writing.deleted("other")])
    reader.names.clear()
    reader.connect()
    reader.drain()
    assert reader.names == ["synced"]


@pytest.mark.guarantee("G4.5")
def test_a_row_that_left_a_filter_meanwhile_is_told_as_gone_on_resume() -> None:
    world = World()
    asked = filters.parse("organizations", {"label": "tier=sme"})
    world.flush([writing.created("acme")])
    reader = Tab(world, SOVEREIGN, asked)
    reader.connect()
    reader.drain()
    reader.drop()
    world.flush([writing.renamed("acme", "Acme", tier="corporate")])
    reader.connect()
    reader.drain()
    assert reader.rows == {}
    assert reader.resets == ["start"]


@pytest.mark.guarantee("G4.4")
@each(
    [
        ("nonsense", "unknown-cursor"),
        ("ea.1.zzzz; drop", "unknown-cursor"),
        ("ea.01.{scope}", "unknown-cursor"),
        ("ea.999.{scope}", "unknown-cursor"),
        ("{epoch}.999999.{scope}", "unknown-cursor"),
        ("zz.1.{scope}", "epoch-changed"),
        ("{epoch}.1.aaaa", "scope-changed"),
        ("{epoch}.0.{scope}", "too-old"),
    ]
)
def test_a_cursor_that_cannot_be_honoured_is_answered_with_the_reason(
    cursor: str, reason: str
) -> None:
    world = World()
    world.flush([writing.created("acme")])
    first = Tab(world, SOVEREIGN, ALL)
    first.connect()
    first.drain()
    epoch, _, scope = first.cursor.split(".")
    if "{scope}" in cursor and cursor.startswith("ea.999"):
        cursor = cursor.replace("ea", epoch)
    late = Tab(world, SOVEREIGN, ALL)
    late.cursor = cursor.format(epoch=epoch, scope=scope)
    late.connect()
    late.drain()
    assert late.resets == [reason]
    assert late.rows == world.visible(SOVEREIGN, ALL)
