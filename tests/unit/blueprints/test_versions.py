"""Versions and ranges, held to a brute force that knows nothing of bounds."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints.versions import (
    MAX_ALTERNATIVES,
    MAX_TEXT,
    BadVersion,
    Version,
    best,
    parse,
    parse_range,
    upgrade_refusal,
)

PRES = ["", "-0", "-1", "-a", "-a.1", "-a.b", "-rc.2", "-rc.10"]
SMALL = [
    f"{major}.{minor}.{patch}{pre}"
    for major, minor, patch in itertools.product(range(3), repeat=3)
    for pre in PRES
]
NUMBERS = st.integers(0, 2)
PLACEHOLDER = st.sampled_from(["x", "X", "*"])
OPERATORS = st.sampled_from(["", "^", "~", ">=", "<=", ">", "<", "="])


@st.composite
def comparators(draw: st.DrawFn) -> tuple[str, str]:
    given_ = draw(st.lists(NUMBERS, min_size=0, max_size=3))
    text = ".".join(str(number) for number in given_)
    if len(given_) < 3:
        if not given_ or draw(st.booleans()):
            text = f"{text}.{draw(PLACEHOLDER)}".removeprefix(".")
    else:
        text += draw(st.sampled_from(PRES))
    return draw(OPERATORS), text


RANGES = st.lists(st.lists(comparators(), min_size=1, max_size=3), min_size=1, max_size=2)


# ---- the brute force: every version has a place in one long list; operators are told by place


def key(text: str) -> tuple[object, ...]:
    release, _, pre = text.partition("-")
    parts = tuple((0, int(w), "") if w.isdigit() else (1, 0, w) for w in pre.split(".") if w)
    return (*(int(n) for n in release.split(".")), not parts, parts)


def numbers(text: str) -> list[int]:
    return [int(n) for n in text.partition("-")[0].split(".") if n.isdigit()]


def fits_one(operator: str, wanted: str, version: str) -> bool:
    """Whether a version fits by the words of npm's manual, its pre-release left aside."""
    have, want = numbers(version), numbers(wanted)
    pre = "-" in version
    if not want:
        return operator not in {"<", ">"}
    if len(want) == 3:
        here, there = key(version), key(wanted)
        same_pre_window = {
            "^": have[: _fixed(want)] == want[: _fixed(want)],
            "~": have[:2] == want[:2],
        }
        return {
            "": here == there, "=": here == there, ">=": here >= there, "<=": here <= there,
            ">": here > there, "<": here < there,
            "^": here >= there and same_pre_window["^"],
            "~": here >= there and same_pre_window["~"],
        }[operator]  # fmt: skip
    size = len(want)
    head = have[:size]
    # A pre-release of the first version of a group comes before the group.
    if operator in {"", "=", "~"} or (operator == "^" and (want[0] == 0 and size == 2)):
        return head == want and not pre
    if operator == "^":
        return have[0] == want[0] and head >= want and not pre
    return {
        ">=": head >= want and not pre, "<": head < want and not pre,
        ">": head > want and not pre, "<=": head <= want and not pre,
    }[operator]  # fmt: skip


def _fixed(want: list[int]) -> int:
    return 1 if want[0] else 2 if want[1] else 3


def fits(alternatives: list[list[tuple[str, str]]], version: str) -> bool:
    for bounds in alternatives:
        named = [w for _, w in bounds if "-" in w and numbers(w) == numbers(version)]
        if "-" in version and not named:
            continue
        # Where a pre-release of this release is named, the other bounds see it by its order.
        if all(
            fits_one(op, w, version) or ("-" in version and _around(op, w, version))
            for op, w in bounds
        ):
            return True
    return False


def _around(operator: str, wanted: str, version: str) -> bool:
    """Whether a named pre-release lies within a bound that names only the first numbers."""
    want = numbers(wanted)
    if len(want) == 3:
        return False
    if not want:
        return operator not in {"<", ">"} and key(version) >= key("0.0.0")
    first = ".".join(str(n) for n in [*want, 0, 0][:3])
    have = numbers(version)[: len(want)]
    low = key(version) >= key(first)
    if operator == "^":
        top = want[:1] if want[0] or len(want) == 1 else want
        return low and numbers(version)[: len(top)] == top
    return {
        "": low and have == want, "=": low and have == want, "~": low and have == want,
        ">=": low, "<": have < want, "<=": have <= want,
        ">": key(version) >= key(_next(want)),
    }[operator]  # fmt: skip


def _next(want: list[int]) -> str:
    return f"{want[0] + 1}.0.0" if len(want) == 1 else f"{want[0]}.{want[1] + 1}.0"


@pytest.mark.guarantee("G20.5")
@given(RANGES)
@example([[("", "x"), ("", "0.0.0-0")]])
def test_a_range_holds_what_the_brute_force_says(
    alternatives: list[list[tuple[str, str]]],
) -> None:
    text = " || ".join(" ".join(op + wanted for op, wanted in bounds) for bounds in alternatives)
    found = parse_range(text)
    wrong = [v for v in SMALL if found.contains(parse(v)) != fits(alternatives, v)]
    assert wrong == [], text


@pytest.mark.guarantee("G20.5")
@given(st.sampled_from(SMALL), st.sampled_from(SMALL))
def test_versions_sort_as_semantic_versioning_says(one: str, other: str) -> None:
    assert (parse(one) < parse(other)) == (key(one) < key(other))
    assert (parse(one) == parse(other)) == (one == other)
    assert str(parse(one)) == one


@each(
    [
        ("^1.2.3", "1.9.0", "2.0.0"),
        ("^0.2.3", "0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("~1.2", "1.2.9", "1.3.0"),
        ("~1.2.3", "1.2.9", "1.3.0"),
        ("1.2.x", "1.2.0", "1.3.0"),
        ("^0", "0.9.0", "1.0.0"),
        ("^0.0", "0.0.9", "0.1.0"),
        (">1.2.3", "1.2.4", "1.2.3"),
        ("<1.2.3", "1.2.2", "1.2.3"),
        (">=1.2.3", "1.2.3", "1.2.2"),
        ("<=1.2.3", "1.2.3", "1.2.4"),
        ("=1.2.3", "1.2.3", "1.2.4"),
        (">1", "2.0.0", "1.9.9"),
        ("<1.2", "1.1.9", "1.2.0-rc.1"),
        ("<=1.2.3", "1.2.3", "1.2.3-rc.1"),
        (">=1.2.0-rc.1 <=1.2.3", "1.2.0-rc.1", "1.2.3-rc.1"),
        ("<1.2.0-rc.2", "1.2.0-rc.1", "1.2.0-rc.2"),
        ("<1.2.0 >=1.0.0-rc.1", "1.0.0-rc.2", "1.1.0-rc.2"),
        (">1.2", "1.3.0", "1.2.9"),
        ("<=1.2", "1.2.9", "1.3.0"),
        (">=1.2 <2", "1.9.9", "2.0.0"),
        ("1.x || >=3.1.0", "3.1.0", "2.5.0"),
        ("*", "0.0.1", "1.0.0-rc.1"),
        ("^1.2.0-rc.1", "1.2.0-rc.2", "1.3.0-rc.1"),
    ]
)
def test_ranges_mean_what_npm_means(text: str, inside: str, outside: str) -> None:
    assert parse_range(text).contains(parse(inside))
    assert not parse_range(text).contains(parse(outside))


@each([("1", 1), ("1.2", 1), ("v1.2.3", 1), ("1.2.3+build", 1), ("1.2.3-RC", 1), ("01.2.3", 1),
     ("1.02.3", 3), ("1.2.3-", 1), ("1.2.3-a..b", 9), ("1.2.3-a.b.01", 11), ("", 1), (" 1.2.3", 1),
     ("1.2.3\n", 1), ("1.2.9999999999", 5), ("\u0661.2.3", 1),
     (f"1.2.3-{'a' * (MAX_TEXT - 5)}", 1)])  # fmt: skip
def test_what_is_no_version_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(BadVersion) as caught:
        parse(text)
    assert caught.value.column == column


@each([("", 1), ("^", 1), ("1.2 ||", 7), (">=1 <y", 6), ("1.2 - 1.4", 5), ("1.x.3", 1), ("=>1", 1),
     ("1.2.3.4", 1), ("~>1", 1), ("v1", 1), ("1.2-rc", 1), ("1 || 2 y", 8), ("1 || 1.2 - 1.4", 10),
     ("1 || 1.02", 8), ("1 || 1.2.3-a.01", 14), ("1 ".ljust(MAX_TEXT + 1), 1),
     (" || ".join("1" * (MAX_ALTERNATIVES + 1)), 1)])  # fmt: skip
def test_what_is_no_range_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(BadVersion) as caught:
        parse_range(text)
    assert caught.value.column == column


@each([("latest", "'latest': it is no version"), (">=1 <y", "'>=1 <y': y is no version")])
def test_what_is_no_version_is_not_named_twice(text: str, told: str) -> None:
    with pytest.raises(BadVersion, match="is no version; write") as caught:
        parse_range(text)
    assert str(caught.value).startswith(told)


def test_what_reaches_a_limit_is_taken() -> None:
    assert parse(f"1.2.3-{'a' * (MAX_TEXT - 6)}").pre
    assert parse("999999999.0.0").major == 999_999_999
    parse_range("1".ljust(MAX_TEXT))
    parse_range(" || ".join("1" * MAX_ALTERNATIVES))


@given(st.text(max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        parse_range(text)
    except BadVersion as error:
        assert 1 <= error.column <= len(text) + 2  # noqa: PT017 - any text may be drawn


def test_the_best_is_the_newest_that_fits() -> None:
    candidates = [parse(text) for text in ("1.0.0", "1.4.0", "1.5.0-rc.1", "2.0.0")]
    assert best(candidates, parse_range("^1")) == Version(1, 4, 0)
    assert best(candidates, parse_range("^3")) is None


@pytest.mark.guarantee("G20.6")
@each(
    [
        ("1.1.0", ["1.x"], [], ""),
        ("1.1.0", [], [], ""),
        ("0.9.0", ["1.x"], [], "can be reached from 1.x"),
        ("1.1.0", ["1.x"], ["1.1.x"], "blocks 1.1.x"),
        ("1.1.0", ["1.x"], ["1.0.x", "1.1.x"], "it blocks 1.1.x$"),
        ("1.1.0", ["1.0.x", "1.1.x"], ["1.0.x"], ""),
        ("2.0.0", ["*"], [], "is installed"),
        ("2.1.0", ["*"], [], "older"),
        ("1.5.0-rc.1", ["1.x"], [], "can be reached from"),
        ("1.5.0-rc.1", [">=1.5.0-rc.0"], [], ""),
    ]
)
def test_an_upgrade_is_refused_with_the_reason(
    installed: str, from_: list[str], blocks: list[str], why: str
) -> None:
    found = upgrade_refusal(
        parse(installed),
        parse("2.0.0"),
        [parse_range(one) for one in from_],
        [parse_range(one) for one in blocks],
    )
    assert re.search(why, found) if why else found == ""


def test_a_build_may_be_numbered_by_its_time() -> None:
    earlier, later = parse("1.0.0-20261129153000"), parse("1.0.0-20261129153001")
    assert earlier < later < parse("1.0.0")
    assert str(later) == "1.0.0-20261129153001"
    with pytest.raises(BadVersion):
        parse(f"1.0.0-{'1' * 19}")
