"""Versions that need each other: compared with every choice of versions there is."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import package

from catalyst.blueprints.circles import Known, Need, circle
from catalyst.blueprints.lint import lint
from catalyst.blueprints.versions import parse, parse_range

NAMES = ("bp-aa", "bp-bb", "bp-cc")
VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
NEEDS = st.builds(
    Need, st.sampled_from(NAMES), st.sampled_from(["*", "^1", "~1.0", "^2", "<2", "1.1.0"])
)
UNIVERSES = st.dictionaries(
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(VERSIONS), st.lists(NEEDS, max_size=2).map(tuple), min_size=1),
)
Node = tuple[str, str]


def steps(known: Known) -> set[tuple[Node, Node]]:
    """Return which version may need which, looked at pair by pair."""
    nodes = [(name, version) for name, by in known.items() for version in by]
    return {
        (one, other)
        for one, other in product(nodes, nodes)
        for need in known[one[0]][one[1]]
        if need.blueprint == other[0] and parse_range(need.version).contains(parse(other[1]))
    }


@pytest.mark.guarantee("G22.3")
@given(UNIVERSES)
def test_a_circle_is_found_exactly_if_some_choice_of_versions_closes_it(known: Known) -> None:
    direct = steps(known)
    reach = set(direct)
    while more := {(a, d) for a, b in reach for c, d in direct if b == c} - reach:
        reach |= more
    for name, by_version in known.items():
        for version, needs in by_version.items():
            way = circle(name, version, needs, known)
            assert bool(way) == (((name, version), (name, version)) in reach)
            told = [(one.split(" ")[0], one.split(" ")[1]) for one in way]
            assert direct.issuperset(pairwise(told))
            assert not way or told[0] == told[-1] == (name, version)


def test_the_way_is_short_goes_through_the_newest_and_needs_no_entry_for_its_start() -> None:
    known = {
        "bp-bb": {"1.0.0": (Need("bp-aa", "^1"),), "1.2.0": (Need("bp-aa", "^1"),)},
        "bp-cc": {"1.0.0": (Need("bp-bb", "*"),)},
    }
    needs = (Need("bp-cc", "*"), Need("bp-bb", "*"))
    assert circle("bp-aa", "1.5.0", needs, known) == ("bp-aa 1.5.0", "bp-bb 1.2.0", "bp-aa 1.5.0")
    assert circle("bp-aa", "2.0.0", needs, known) == ()
    assert circle("bp-aa", "2.0.0", (Need("bp-aa", "*"),), {}) == ("bp-aa 2.0.0", "bp-aa 2.0.0")


def test_what_is_no_version_or_no_range_leads_nowhere() -> None:
    known = {"bp-bb": {"x": (Need("bp-aa", "*"),), "1.0.0": (Need("bp-aa", "?"),)}}
    assert circle("bp-aa", "1.0.0", (Need("bp-bb", "*"),), known) == ()


def test_a_circle_is_told_as_a_path() -> None:
    known: dict[str, dict[str, tuple[Need, ...]]] = {
        "bp-postgres": {"1.0.0": (Need("bp-x", "*"), Need("bp-store", "*"))},
        "bp-store": {"3.0.0": (Need("bp-wiki", ">=1"),)},
        "bp-x": {"1.0.0": (Need("bp-x", "*"),)},
    }
    (told,) = lint(package(), known=known).findings
    assert told.rule == "depends.cycle"
    way = "bp-wiki 1.2.0 → bp-postgres 1.0.0 → bp-store 3.0.0 → bp-wiki 1.2.0"
    assert way in told.message
    known["bp-postgres"] = {"2.0.0": known["bp-postgres"]["1.0.0"]}
    assert [one.rule for one in lint(package(), known=known).findings] == ["depends.unknown"]
