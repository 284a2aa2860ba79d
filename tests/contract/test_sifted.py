"""Aggregates of which another service reads some kinds of events alone."""

import msgspec
import pytest
from tools import snapshots

from catalyst.billing import handlers as billing
from catalyst.blueprint_controller import handlers as blueprint
from catalyst.catalog_svc import handlers as catalog
from catalyst.chassis.service import Aggregate
from catalyst.contracts import upcast
from catalyst.contracts.message import Event
from catalyst.contracts.registry import EVENTS
from catalyst.environment_controller import handlers as environment
from catalyst.provisioning import handlers as provisioning

EXAMPLES = snapshots.read(snapshots.EXAMPLE_FILES)
SIFTED = [
    aggregate
    for table in (billing, blueprint, catalog, environment, provisioning)
    for aggregate in table.AGGREGATES
    if aggregate.events
]


def events_of(aggregate: Aggregate[object]) -> dict[type[Event], Event]:
    """Return an example of each event of the aggregate, by the shape in which it is written."""
    return {
        message.shape: upcast.convert(msgspec.json.encode(EXAMPLES[name]), message.shape)
        for name, message in EVENTS.items()
        if message.service == aggregate.service
        and aggregate.name in message.aggregates
        and issubclass(message.shape, Event)
    }


def test_what_may_have_thousands_of_events_is_sifted() -> None:
    assert {(one.service, one.name) for one in SIFTED} == {
        ("provisioning", "application"),
        ("billing", "account"),
    }


@pytest.mark.guarantee("G2.10")
@pytest.mark.parametrize("aggregate", SIFTED, ids=lambda one: one.name)
def test_what_is_not_read_would_change_nothing(aggregate: Aggregate[object]) -> None:
    every = events_of(aggregate)
    assert aggregate.events < every.keys()
    states = [aggregate.initial]
    for shape in sorted(aggregate.events, key=lambda one: one.__name__):
        states += [aggregate.evolve(state, every[shape]) for state in states]
    for shape in every.keys() - aggregate.events:
        for state in states:
            assert aggregate.evolve(state, every[shape]) is state, shape


@pytest.mark.guarantee("G2.10")
@pytest.mark.parametrize("aggregate", SIFTED, ids=lambda one: one.name)
def test_what_is_read_is_read_in_each_of_its_versions(aggregate: Aggregate[object]) -> None:
    newest = {type(event): shape for shape, event in events_of(aggregate).items()}
    for shape, event in events_of(aggregate).items():
        assert (shape in aggregate.events) == (newest[type(event)] in aggregate.events)
