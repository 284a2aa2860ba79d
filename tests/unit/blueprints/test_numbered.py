"""From which versions another one may be reached, as its author is advised."""

from __future__ import annotations

import json

from tests.support.blueprints import DOCUMENT, package
from tests.support.each import each

from catalyst.blueprints.findings import Severity
from catalyst.blueprints.lint import lint

UPGRADES = "  upgrades: {from: %s, blocks: %s}\n"


def upgrades(version: str, reached: list[str], blocks: list[str]) -> list[str]:
    """Return what is advised of a version with these ranges."""
    document = DOCUMENT.replace("version: 1.2.0", f"version: {version}", 1)
    text = document + UPGRADES % (json.dumps(reached), json.dumps(blocks))
    found = lint(package(text)).findings
    assert all(one.severity is Severity.WARNING for one in found)
    return [f"{one.rule} at {one.pointer}: {one.message}" for one in found]


@each(
    [
        ("2.1.0", ["1.x"], []),
        ("2.0.1", ["1.x", ">=0.5 <2.0.0"], []),
        ("2.1.0", ["<2.0.0"], []),
        ("2.1.0", [">=2.1.0"], []),
        ("2.1.0-rc.1", ["1.x"], ["0.x"]),
        ("0.2.0", ["1.x"], []),
        ("999999999.999999999.0", ["1.x"], []),
    ]
)
def test_that_no_earlier_version_of_its_own_major_number_upgrades_to_one_is_told(
    version: str, reached: list[str], blocks: list[str]
) -> None:
    major = version.partition(".")[0]
    (told,) = upgrades(version, reached, blocks)
    assert told == (
        f"advice.upgrades at /spec/upgrades/from: who runs an earlier {major}.x cannot upgrade to"
        f" {version}: it is reached from {' or '.join(reached)}"
    )


@each(
    [
        ("2.0.0", ["1.x"], []),
        ("2.0.0-rc.1", ["1.x"], []),
        ("2.1.0", [], []),
        ("2.1.0", ["1.x", "2.x"], []),
        ("2.1.0", [">=1.5"], []),
        ("2.1.0", ["1.x || 2.0.5"], []),
        ("2.1.0", ["1.x", ">2.0.5"], []),
        ("2.1.7", ["~2.1.0"], []),
        ("0.2.0", ["0.1.x"], []),
        # It is said that it is meant so.
        ("2.1.0", ["1.x"], ["2.0.x"]),
    ]
)
def test_where_some_do_or_it_is_meant_so_nothing_is_told(
    version: str, reached: list[str], blocks: list[str]
) -> None:
    assert upgrades(version, reached, blocks) == []
