"""Versions side by side: each waits and is published by itself; what is said of one is whole."""

import pytest
from tests.unit.blueprint_controller.test_blueprint import WIKI, World, at, refused

from catalyst.blueprint_controller.domain import blueprint
from catalyst.blueprint_controller.domain.blueprint import evolve
from catalyst.blueprints.circles import Need
from catalyst.contracts import blueprint_v1 as bp1

DB, CACHE = at("public", "bp-db"), at("public", "bp-cache")


def published(version: str) -> bp1.VersionPublished:
    return bp1.VersionPublished(name="bp-wiki", origin="public", version=version)


@pytest.mark.guarantee("G22.3")
def test_a_version_that_waits_is_published_whatever_stands_before_it() -> None:
    world = World()
    world.register(WIKI, "1.0.0")
    world.register(WIKI, "1.1.0", "bp-db", digit="2")
    world.register(WIKI, "1.2.0", "bp-db ^2", digit="3")
    world.register(WIKI, "1.3.0", "bp-db", digit="4")
    assert [one.published for one in world.state(WIKI).versions.values()] == [
        True, False, False, False,
    ]  # fmt: skip
    world.register(DB)
    assert world.check(WIKI) == [published("1.1.0"), published("1.3.0")]
    states = world.state(WIKI).versions
    assert [one.missing for one in states.values()] == [(), (), (Need("bp-db", "^2"),), ()]
    assert world.check(WIKI) == []
    world.register(DB, "2.0.0", digit="5")
    assert world.check(WIKI) == [published("1.2.0")]


@pytest.mark.guarantee("G22.3")
def test_what_is_waited_for_is_told_anew_once_some_of_it_has_come() -> None:
    world = World()
    first = world.register(WIKI, "1.0.0", "bp-db ^1", "bp-cache")
    both = (bp1.Missing(blueprint="bp-db", version="^1"),
            bp1.Missing(blueprint="bp-cache", version="*"))  # fmt: skip
    assert [one.missing for one in first if isinstance(one, bp1.VersionRegistered)] == [both]
    assert world.check(WIKI) == []
    world.register(DB)
    awaits = bp1.VersionAwaits(name="bp-wiki", version="1.0.0", missing=both[1:], cycle=())
    assert world.check(WIKI) == [awaits]
    assert world.state(WIKI).versions["1.0.0"].missing == (Need("bp-cache", "*"),)
    assert world.check(WIKI) == []
    # Of what goes again, too.
    yank = bp1.YankVersion(version="1.0.0", reason="It leaks.")
    world.people(blueprint.yank, DB, yank)
    again = bp1.VersionAwaits(name="bp-wiki", version="1.0.0", missing=both, cycle=())
    assert world.check(WIKI) == [again]


def test_a_circle_that_keeps_a_version_waiting_is_told_as_the_way() -> None:
    world = World()
    world.register(WIKI, "1.0.0", "bp-db")
    known = {"bp-db": {"1.0.0": (Need("bp-wiki", "*"),)}}
    way = ("bp-wiki 1.0.0", "bp-db 1.0.0", "bp-wiki 1.0.0")
    missing = (bp1.Missing(blueprint="bp-db", version="*"),)
    told = bp1.VersionAwaits(name="bp-wiki", version="1.0.0", missing=missing, cycle=way)
    assert world.check(WIKI, known) == [told]
    assert world.state(WIKI).versions["1.0.0"].cycle == way
    assert world.check(WIKI, known) == []
    gone = bp1.VersionAwaits(name="bp-wiki", version="1.0.0", missing=missing, cycle=())
    assert world.check(WIKI) == [gone]


def test_a_published_version_waits_for_nothing_and_is_in_no_circle() -> None:
    world = World()
    world.register(WIKI, "1.0.0", "bp-db")
    awaits = bp1.VersionAwaits(
        name="bp-wiki",
        version="1.0.0",
        missing=(bp1.Missing(blueprint="bp-db", version="*"),),
        cycle=("a 1", "b 1", "a 1"),
    )
    state = evolve(evolve(world.state(WIKI), awaits), published("1.0.0"))
    one = state.versions["1.0.0"]
    assert (one.published, one.missing, one.cycle) == (True, (), ())


def test_what_people_say_of_a_blueprint_is_written_whole() -> None:
    world = World()
    world.register(WIKI)
    advice = bp1.DeprecateBlueprint(reason="Slow.", replacement="bp-pages")
    assert world.people(blueprint.deprecate, WIKI, advice) == [
        bp1.BlueprintDeprecated(
            name="bp-wiki", origin="public", reason="Slow.", replacement="bp-pages"
        )
    ]
    yank = bp1.YankVersion(version="1.0.0", reason="It leaks.", security=True)
    assert world.people(blueprint.yank, WIKI, yank) == [
        bp1.VersionYanked(
            name="bp-wiki", origin="public", version="1.0.0", reason="It leaks.", security=True
        )
    ]
    with refused("blueprint-version-not-found") as caught:
        world.people(blueprint.yank, WIKI, bp1.YankVersion(version="9.0.0", reason="x"))
    assert [one.pointer for one in caught.value.errors] == ["/data/version"]
    gone = bp1.WithdrawBlueprint(reason="Law.")
    assert world.people(blueprint.withdraw, WIKI, gone) == [
        bp1.BlueprintWithdrawn(name="bp-wiki", origin="public", reason="Law.")
    ]
