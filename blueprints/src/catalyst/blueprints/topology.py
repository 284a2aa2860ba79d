"""Rules between the fields of a document that say where an Application may run."""

from __future__ import annotations

from collections.abc import Iterator

from catalyst.blueprints.document import Blueprint, Mode, mode
from catalyst.blueprints.findings import Finding
from catalyst.blueprints.source import Document


def placement(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return what is wrong between the fields of `placementSchema`."""
    given = blueprint.spec.get("placementSchema") or {}
    at = ("spec", "placementSchema")
    for name in ("default", "defaultOnMultiRegion"):
        if name in given and mode(given[name]) not in blueprint.modes:
            modes = (
                "modes" if "modes" in given else "modes: without them, it is single-region alone"
            )
            message = f"{name} is {given[name]}, which is not among {modes}"
            fix = f"add {given[name]} to modes, or choose one of them"
            yield source.finding((*at, name), "placement.default", message, fix)
    if given.get("minRegions", 1) > given.get("maxRegions", 5):
        message = f"minRegions {given['minRegions']} is above maxRegions {given['maxRegions']}"
        yield source.finding((*at, "minRegions"), "placement.regions", message, "swap them")
    elif given.get("minRegions", 1) > 1 and set(blueprint.modes) == {Mode.SINGLE_REGION}:
        message = f"minRegions is {given['minRegions']}, and single-region is the only mode"
        fix = "leave minRegions out, or add a mode of several regions"
        yield source.finding((*at, "minRegions"), "placement.regions", message, fix)
    elif given.get("maxRegions") == 1 and blueprint.default_mode is not Mode.SINGLE_REGION:
        message = f"maxRegions is 1, and the default {blueprint.default_mode} needs more"
        fix = "raise maxRegions, or choose single-region as the default"
        yield source.finding((*at, "maxRegions"), "placement.regions", message, fix)


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
