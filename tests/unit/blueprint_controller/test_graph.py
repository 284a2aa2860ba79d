"""The index of what depends on what: what may be chosen, for whom, and what may not any more."""

import pytest
from tests.unit.blueprint_controller.test_blueprint import PRIVATE, WIKI, World, at, recorded

from catalyst.blueprint_controller.domain import blueprint
from catalyst.blueprint_controller.domain.dependencies import Graph
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
