"""Rules for the version of a document, and for the ranges that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalyst.blueprints import versions
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.findings import Finding, Path, Severity
from catalyst.blueprints.source import Document
from catalyst.blueprints.versions import Range, Version


def check(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return what is wrong with the version, and with `upgrades`."""
    try:
        versions.parse(blueprint.version)
    except versions.BadVersion as error:
        at = ("spec", "version")
        yield source.finding(at, "version", error.reason, "write a version such as 1.4.0")
    for name, ranges in (("from", blueprint.upgrades_from), ("blocks", blueprint.upgrades_blocks)):
        for index, text in enumerate(ranges):
            yield from ranged(source, ("spec", "upgrades", name, index), text)


def ranged(source: Document, path: Path, text: str) -> Iterator[Finding]:
    """Return what is wrong with a range."""
    try:
        versions.parse_range(text)
    except versions.BadVersion as error:
        message = f"{text!r} is no range: {error.reason} (character {error.column})"
        fix = "write a range such as ^1.2 or >=1.2.0 <2.0.0"
        yield source.finding(path, "version.range", message, fix)


def own_line(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return that nobody who runs an earlier version of the same major number may upgrade."""
    try:
        version = versions.parse(blueprint.version)
        reached = [versions.parse_range(text) for text in blueprint.upgrades_from]
        said = [*reached, *map(versions.parse_range, blueprint.upgrades_blocks)]
    except versions.BadVersion:
        return
    earlier = list(_earlier(version, said))
    if not reached or not earlier or any(one.contains(old) for one in said for old in earlier):
        return
    major = f"{version.major}.x"
    ranges = " or ".join(map(str, reached))
    message = (
        f"who runs an earlier {major} cannot upgrade to {version}: it is reached from {ranges}"
    )
    fix = f"add {major}, or say under `blocks` that it is meant so"
    at: Path = ("spec", "upgrades", "from")
    yield source.finding(at, "advice.upgrades", message, fix, severity=Severity.WARNING)


def _earlier(version: Version, said: Sequence[Range]) -> Iterator[Version]:
    """Yield some of its own major number: if any earlier one is within a range, one of these is."""
    bounds = (one.version for of in said for every in of.alternatives for one in every)
    first = Version(version.major, 0, 0)
    for one in (first, *bounds):
        for patch in (one.patch, one.patch + 1):
            found = Version(one.major, one.minor, patch)
            if found.major == version.major and found < version:
                yield found
