"""The functions of expressions, one by one: what each takes, and why it fails."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.support.each import each

from catalyst.blueprints.functions import MAX_RESULT, Functions, check_plain, shown

LONG = "x" * MAX_RESULT
ADDRESS = "port takes an address such as https://example.com:8443/path"
NUMBERS = "takes numbers, at least one"
SECRET = "a secret is named secret:<name>/<key>"
JOIN = "join takes a list and a text"
REPLACE = "replace takes three texts, of which the second is not empty"
STRING = "string takes a text, a number or a boolean"
BOOL = "bool takes a boolean, 'true' or 'false'"
JSON = "json takes texts, numbers, booleans, lists, maps and null"


@each(
    [
        ("join", (["a", 1, 2.0, True, None, ["b"]], "-"), 'a-1-2-true-null-["b"]'),
        ("join", ([], "-"), ""),
        ("join", (["a"], ""), "a"),
        ("replace", ("a.b.c", ".", "--"), "a--b--c"),
        ("replace", ("a.b", "x", "y"), "a.b"),
        ("replace", ("aXa", "X", ""), "aa"),
        ("lower", ("ÄB",), "äb"),
        ("string", ("a",), "a"),
        ("string", (True,), "true"),
        ("string", (3,), "3"),
        ("string", (3.0,), "3"),
        ("string", (3.5,), "3.5"),
        ("bool", (True,), True),
        ("bool", (False,), False),
        ("bool", ("true",), True),
        ("bool", ("false",), False),
        ("min", (3, 1.5, 2), 1.5),
        ("max", (3, 1.5, 2), 3),
        ("min", ([3, 1, 2],), 1),
        ("max", ([3],), 3),
        ("min", (7,), 7),
        ("json", ({"b": 1, "a": "ä"},), '{"a": "ä", "b": 1}'),
        ("json", ("a\n",), '"a\\n"'),
        ("json", ([1.0, None, True],), "[1.0, null, true]"),
        ("json", (2.0,), "2"),
        ("secretName", ("secret:a-b/c/d",), "a-b"),
        ("secretKey", ("secret:a-b/c/d",), "c/d"),
        ("port", ("https://example.com",), 443),
        ("port", ("http://example.com/path",), 80),
        ("port", ("https://example.com:8443/path",), 8443),
        ("port", ("http://example.com:1",), 1),
    ]
)
def test_each_makes_what_it_says(name: str, given: tuple[Any, ...], wanted: Any) -> None:
    functions = Functions()
    found = functions.named()[name](*given)
    assert (found, type(found), functions.failure) == (wanted, type(wanted), "")


@each(
    [
        ("join", ("ab", "-"), JOIN),
        ("join", (["a"], 1), JOIN),
        ("replace", (1, "a", "b"), REPLACE),
        ("replace", ("a", 1, "b"), REPLACE),
        ("replace", ("a", "b", None), REPLACE),
        ("replace", ("a", "", "b"), REPLACE),
        ("lower", (1,), "lower takes a text"),
        ("string", (None,), STRING),
        ("string", (["a"],), STRING),
        ("bool", ("yes",), BOOL),
        ("bool", (1,), BOOL),
        ("bool", (["true"],), BOOL),
        ("bool", ({},), BOOL),
        ("bool", (None,), BOOL),
        ("min", (), f"min {NUMBERS}"),
        ("max", ([],), f"max {NUMBERS}"),
        ("min", ("1", 2), f"min {NUMBERS}"),
        ("max", (True, 2), f"max {NUMBERS}"),
        ("max", ([1], 2), f"max {NUMBERS}"),
        ("json", (math.nan,), JSON),
        ("json", ({"a": [math.inf]},), JSON),
        ("json", ({1: "a"},), JSON),
        ("json", (b"a",), JSON),
        ("secretName", ("secret:a",), SECRET),
        ("secretKey", ("secret:/a",), SECRET),
        ("secretKey", ("secret:a/",), SECRET),
        ("secretName", ("a secret:b/c",), SECRET),
        ("secretName", (None,), SECRET),
        ("port", ("ftp://example.com:21",), ADDRESS),
        ("port", ("https://example.com:0",), ADDRESS),
        ("port", ("https://example.com:99999",), ADDRESS),
        ("port", ("https://[",), ADDRESS),
        ("port", ("example.com",), ADDRESS),
        ("port", (443,), ADDRESS),
    ]
)
def test_what_one_does_not_take_is_told_and_nothing_raised(
    name: str, given: tuple[Any, ...], why: str
) -> None:
    functions = Functions()
    assert functions.named()[name](*given) == ""
    assert functions.failure == why


def test_the_first_thing_that_fails_is_told() -> None:
    functions = Functions()
    functions.named()["lower"](1)
    functions.named()["string"](None)
    assert functions.failure == "lower takes a text"


def test_what_is_made_has_a_limit() -> None:
    functions = Functions()
    join, replace, json = (functions.named()[one] for one in ("join", "replace", "json"))
    assert MAX_RESULT == 64 * 1024
    assert join([LONG], "") == LONG
    assert replace("." + LONG[1:], ".", "") == LONG[1:]
    assert json(LONG[2:]) == f'"{LONG[2:]}"'
    assert not functions.failure
    eighth = LONG[: MAX_RESULT // 8]
    too_long: list[tuple[Any, tuple[Any, ...]]] = [
        (join, ([LONG, "x"], "")),
        (join, (["x"] * 9, eighth)),
        (replace, ("." * 9, ".", eighth)),
        (json, (LONG[1:],)),
    ]
    for function, given in too_long:
        functions.failure = ""
        assert function(*given) == ""
        assert functions.failure == "a text has at most 65536 characters"


def test_what_is_no_json_is_not_plain() -> None:
    good: list[Any] = [None, True, 1, 1.5, "a", [1, {"a": None}], {}]
    for value in good:
        check_plain(value)
    kinds: list[Any] = [b"a", {1: 2}, [()], {"a": {1, 2}}]
    for kind in kinds:
        with pytest.raises(TypeError):
            check_plain(kind)
    numbers: list[Any] = [math.nan, [math.inf], {"a": -math.inf}]
    for number in numbers:
        with pytest.raises(ValueError):  # noqa: PT011 - it says nothing
            check_plain(number)


def test_within_a_text_a_text_stands_as_it_is() -> None:
    values: list[Any] = ['a"', 2.0, 2.5, -0.0, {"b": "ä", "a": 1}, [], None]
    assert [shown(one) for one in values] == [
        *('a"', "2", "2.5", "0", '{"a": 1, "b": "ä"}', "[]", "null"),
    ]
