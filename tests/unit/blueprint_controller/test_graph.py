"""The index of what depends on what: what may be chosen, for whom, and what may not any more."""

import pytest
from tests.support.each import each
from tests.unit.blueprint_controller.test_blueprint import (
    PRIVATE,
    WIKI,
    World,
    at,
    recorded,
    woken,
)

from catalyst.blueprint_controller.domain import blueprint
from catalyst.blueprint_controller.domain.dependencies import (
    Blueprint,
    Graph,
    Version,
    is_hidden,
)
from catalyst.blueprints.circles import Need
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref


class Log:
    """A world whose events an index follows."""

    def __init__(self) -> None:
        self.world, self.graph = World(), Graph()

    def take(self, ref: Ref, events: list[Event]) -> None:
        for event in events:
            self.graph.take(recorded(ref, event))

    def register(self, ref: Ref, *needs: str, visibility: str = "listed") -> None:
        self.take(ref, self.world.register(ref, "1.0.0", *needs, visibility=visibility))


@pytest.fixture
def log() -> Log:
    return Log()


def test_of_two_with_one_name_and_version_either_may_be_meant(log: Log) -> None:
    log.register(WIKI, "bp-bb ^1")
    log.register(at("sovereign", "bp-wiki"), "bp-cc ^2")
    log.register(PRIVATE, "bp-dd *")
    shared = (Need("bp-bb", "^1"), Need("bp-cc", "^2"))
    assert log.graph.known(None) == {"bp-wiki": {"1.0.0": shared}}
    assert log.graph.known("acme")["bp-wiki"] == {"1.0.0": (*shared, Need("bp-dd", "*"))}
    assert log.graph.known("rival") == log.graph.known(None)


def test_what_is_kept_for_its_owner_is_known_to_its_owner(log: Log) -> None:
    log.register(WIKI, visibility="private")
    log.register(PRIVATE, visibility="private")
    assert log.graph.known(None) == {"bp-wiki": {"1.0.0": ()}}
    assert log.graph.known("acme") == {"bp-wiki": {"1.0.0": ()}}
    assert log.graph.known("rival") == {}


@pytest.mark.parametrize("how", ["yanked", "withdrawn"])
def test_what_is_gone_is_gone_at_its_place_alone(log: Log, how: str) -> None:
    log.register(WIKI)
    log.register(PRIVATE)
    if how == "yanked":
        yank = bp1.YankVersion(version="1.0.0", reason="x")
        log.take(WIKI, log.world.people(blueprint.yank, WIKI, yank))
    else:
        withdraw = bp1.WithdrawBlueprint(reason="x")
        log.take(WIKI, log.world.people(blueprint.withdraw, WIKI, withdraw))
    assert log.graph.is_gone(WIKI, "1.0.0")
    assert log.graph.is_gone(WIKI, "1.0.1") is (how == "withdrawn")
    assert not log.graph.is_gone(PRIVATE, "1.0.0")
    assert log.graph.known(None) == {}
    assert log.graph.known("acme") == {"bp-wiki": {"1.0.0": ()}}


OTHER = at("private", "bp-blog", "rival")


@pytest.mark.guarantee("G22.3")
async def test_whoever_waits_is_known_until_it_waits_no_more_and_by_its_owner_s_own_alone(
    log: Log,
) -> None:
    log.register(WIKI, "bp-db ^1", "bp-mail ^1")
    log.register(PRIVATE, "bp-db *")
    log.register(OTHER, "bp-db *")
    shared, own = at("public", "bp-db"), at("private", "bp-db", "acme")
    assert log.graph.waiting(shared, "bp-db") == {WIKI, PRIVATE, OTHER}
    assert log.graph.waiting(own, "bp-db") == {PRIVATE}
    assert log.graph.waiting(at("public", "bp-mail"), "bp-mail") == {WIKI}
    arrived = bp1.VersionPublished(name="bp-db", origin="public", version="1.0.0")
    told = await woken(log.graph, recorded(shared, arrived))
    assert set(told) == {WIKI.path, PRIVATE.path, OTHER.path}
    published = bp1.VersionPublished(name="bp-wiki", origin="public", version="1.0.0")
    log.take(WIKI, [published])
    assert log.graph.waiting(shared, "bp-db") == {PRIVATE, OTHER}
    assert log.graph.waiting(at("public", "bp-mail"), "bp-mail") == set()
    log.take(OTHER, [bp1.BlueprintWithdrawn(name="bp-blog", origin="private", reason="x")])
    assert log.graph.waiting(shared, "bp-db") == {PRIVATE}


def version(*, private: bool, published: bool = True, yanked: bool = False) -> Version:
    return Version(digest="", private=private, published=published, yanked=yanked)


KEPT, OPEN = version(private=True), version(private=False)


@each(
    [
        ({}, "open"),
        ({"1.0.0": KEPT}, "kept"),
        ({"1.0.0": KEPT, "2.0.0": OPEN}, "open"),
        ({"1.10.0": KEPT, "1.9.0": OPEN}, "kept"),
        ({"1.0.0": OPEN, "2.0.0-rc.1": KEPT}, "open"),
        ({"1.0.0-rc.1": OPEN, "1.0.0-rc.2": KEPT}, "kept"),
        ({"1.0.0": OPEN, "2.0.0": version(private=True, published=False)}, "open"),
        ({"1.0.0": KEPT, "2.0.0": version(private=False, yanked=True)}, "kept"),
        ({"1.0.0": version(private=True, published=False)}, "kept"),
        ({"1.0.0": version(private=True, yanked=True)}, "kept"),
    ]
)
def test_the_newest_version_that_can_be_had_says_whether_it_is_its_owner_s_alone(
    known: dict[str, Version], says: str
) -> None:
    found = Blueprint(versions=known)
    assert found.secret is (says == "kept")
    assert is_hidden("acme", WIKI, found) is found.secret
    assert not is_hidden(None, WIKI, found)
    assert not is_hidden("acme", PRIVATE, found)
