"""The starter catalogue, read once for all tests."""

from __future__ import annotations

import functools
from typing import Any, Final

from tests.support.configurations import choices

from catalyst.blueprints import dependencies, manifests, rendering, versions
from catalyst.blueprints.document import Blueprint, read
from catalyst.blueprints.package import Package
from catalyst.blueprints.scope import ApplicationScope, Neighbour, Scope, environment
from catalyst.blueprints.starter import loading

NAMES: Final = loading.names()


@functools.cache
def package(name: str) -> Package:
    """Return one of them."""
    return loading.load(name)


@functools.cache
def blueprint(name: str) -> Blueprint:
    """Return its document."""
    found = read(package(name)).blueprint
    assert found is not None
    return found


@functools.cache
def read_manifests(name: str) -> manifests.Manifests:
    """Return its manifests."""
    return manifests.read(package(name), blueprint(name).manifests)


def scope(name: str, config: dict[str, Any], *, change: str = "c-1") -> Scope:
    """Return what it sees with this configuration: each dependency that is wanted is there."""
    alone = _scope(config, {}, change)
    found = {
        one.alias: Neighbour(
            name=f"{one.alias}-1",
            namespace=f"{one.alias}-ns",
            host=f"{one.alias}-1.{one.alias}-ns.svc",
        )
        for one in dependencies.wanted(blueprint(name), alone)
    }
    return _scope(config, found, change)


def _scope(config: dict[str, Any], found: dict[str, Neighbour], change: str) -> Scope:
    return Scope(
        config=config,
        application=ApplicationScope(
            name="site",
            namespace="site-ns",
            environment="acme-prod",
            organization="acme",
            change=change,
            dependencies=found,
        ),
        environment=environment("acme", "acme-prod", "prod", ("hz-fsn-rtz-prod",)),
    )


def configured(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with every default filled in."""
    return rendering.configuration(blueprint(name), parameters)


def objects(name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is made of a configuration."""
    seen = scope(name, configured(name, parameters))
    made = rendering.made_of(read_manifests(name), blueprint(name), seen)
    return [one for group in made.values() for one in group]


@functools.cache
def choices_made(name: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return what is made of each choice that its form offers, with the parameters."""
    return [(one, objects(name, one)) for one in choices(blueprint(name).schema)]


@functools.cache
def catalogue() -> dict[str, list[Blueprint]]:
    """Return every version by the name of the Blueprint, the oldest first."""
    found: dict[str, list[Blueprint]] = {}
    for name in NAMES:
        found.setdefault(blueprint(name).name, []).append(blueprint(name))
    for group in found.values():
        group.sort(key=lambda one: versions.parse(one.version))
    return found


def fitting(name: str, wanted: str) -> list[Blueprint]:
    """Return the versions of a Blueprint that a range takes, the oldest first."""
    taken = versions.parse_range(wanted)
    return [one for one in catalogue()[name] if taken.contains(versions.parse(one.version))]
