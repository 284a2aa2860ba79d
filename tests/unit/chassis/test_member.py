"""A member does not start with a part of its service missing, or with one that hears nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.support.each import each
from tools.flows import SERVICES

from catalyst.chassis.errors import Expected
from catalyst.chassis.member import whole
from catalyst.chassis.service import Service


@each(sorted(SERVICES))
def test_every_service_has_a_part_for_each_durable(name: str) -> None:
    assert whole(SERVICES[name]) is SERVICES[name]


def _table(service: Service, **parts: object) -> Service:
    names = ("name", "aggregates", "rules", "processes", "sources", "effects")
    kept = {name: getattr(service, name) for name in names}
    return Service(**{**kept, **parts})


def _without_source(service: Service) -> Service:
    return _table(service, sources=())


def _without_processes(service: Service) -> Service:
    return _table(service, processes=())


def _with_another_source(service: Service) -> Service:
    more = replace(service.sources[0], name="more")
    return _table(service, sources=(*service.sources, more))


def _with_another_effect(service: Service) -> Service:
    more = replace(service.effects[0], name="more")
    return _table(service, effects=(*service.effects, more))


@each(
    [
        (_without_source, "the source 'observation' is missing"),
        (_without_processes, "the reaction '[a-z-]+' is missing"),
        (_with_another_source, "the source 'more' has no durable"),
        (_with_another_effect, "the reaction 'more' has no durable"),
    ]
)
def test_a_part_without_a_durable_or_the_other_way_round_is_refused(
    change: Callable[[Service], Service], said: str
) -> None:
    with pytest.raises(Expected, match=said):
        whole(change(SERVICES["provisioning"]))
