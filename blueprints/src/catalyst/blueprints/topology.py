"""Rules between the fields of a document that say where an Application may run."""

from __future__ import annotations

from collections.abc import Iterator

from catalyst.blueprints.document import Blueprint, mode
from catalyst.blueprints.findings import Finding
from catalyst.blueprints.source import Document


def placement(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return what is wrong between the fields of `placementSchema`."""
    given = blueprint.spec.get("placementSchema") or {}
    at = ("spec", "placementSchema")
    for name in ("default", "defaultOnMultiRegion"):
        if name in given and "modes" in given and mode(given[name]) not in blueprint.modes:
            message = f"{name} is {given[name]}, which is not among modes"
            fix = f"add {given[name]} to modes, or choose one of them"
            yield source.finding((*at, name), "placement.default", message, fix)
    if given.get("minRegions", 1) > given.get("maxRegions", 5):
        message = f"minRegions {given['minRegions']} is above maxRegions {given['maxRegions']}"
        yield source.finding((*at, "minRegions"), "placement.regions", message, "swap them")


def check(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return what is wrong between the fields of `topology`."""
    given = blueprint.spec.get("topology")
    if not given:
        return
    at = ("spec", "topology")
    supported = set(given["supported"])
    for name, chosen in given["defaults"].items():
        if chosen not in supported:
            message = f"the default for {name} is {chosen}, which is not among supported"
            fix = f"add {chosen} to supported, or choose one of them"
            yield source.finding((*at, "defaults", name), "topology.default", message, fix)
    for name in given.get("perTopology") or {}:
        if name not in supported:
            message = f"{name} is described and not among supported"
            fix = f"add {name} to supported, or remove it here"
            yield source.finding((*at, "perTopology", name), "topology.supported", message, fix)
