"""What differs between two versions, by the names that people give it."""

from __future__ import annotations

from typing import Any

from tests.support.blueprints import package

from catalyst.blueprints.diff import Comparison, compare
from catalyst.blueprints.document import of_spec
from catalyst.blueprints.form import in_written_order


def compared(old: dict[str, Any], new: dict[str, Any]) -> Comparison:
    """Return what differs between two schemas."""
    made = [
        of_spec("bp-wiki", {"version": "1.0.0", "card": {"title": "Wiki"}, "configSchema": one})
        for one in (old, new)
    ]
    return compare(made[0], made[1])


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def told(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.what, one.path, one.keywords) for one in compared(old, new).fields]


def test_a_field_is_named_as_people_write_it_wherever_it_stands() -> None:
    def holding(default: int) -> dict[str, Any]:
        inner = of(x={"type": "integer", "default": default})
        return {
            **of(
                list={"type": "array", "items": inner},
                map={"type": "object", "additionalProperties": inner},
                named={"type": "object", "propertyNames": {"maxLength": default}},
                one={"oneOf": [of(), inner]},
                any={"anyOf": [inner]},
                all={"allOf": [inner]},
                old={"dependencies": {"y": inner}},
                new={"dependentSchemas": {"y": inner}},
                when={"if": inner, "then": inner, "else": inner},
            ),
        }

    assert told(holding(1), holding(2)) == [
        ("changed", path, (keyword,))
        for path, keyword in (
            ("all.x", "default"),
            ("any(1).x", "default"),
            ("list[].x", "default"),
            ("map.*.x", "default"),
            ("named.*", "maxLength"),
            ("new(with y).x", "default"),
            # It may list names as well, so it is told as a whole, too.
            ("old", "dependencies"),
            ("old(with y).x", "default"),
            ("one(2).x", "default"),
            ("when(else).x", "default"),
            ("when(if).x", "default"),
            ("when(then).x", "default"),
        )
    ]


def test_what_is_required_is_said_of_the_field_and_of_nothing_that_holds_it() -> None:
    before, after = of(a={}, b=of(c={})), {**of(a={}, b=of(c={})), "required": ["a"]}
    after["properties"]["b"]["required"] = ["c"]
    found = compared(before, after).fields
    assert [(one.path, one.keywords, one.before, one.after) for one in found] == [
        ("a", ("required",), {}, {"required": True}),
        ("b.c", ("required",), {}, {"required": True}),
    ]


def test_a_default_of_nothing_is_a_default() -> None:
    (found,) = compared(of(a={}), of(a={"default": None})).fields
    assert (found.keywords, found.before, found.after) == (("default",), {}, {"default": None})
    (back,) = compared(of(a={"default": None}), of(a={})).fields
    assert (back.before, back.after) == ({"default": None}, {})
    closed = of(a={"additionalProperties": False})
    assert told(of(a={}), closed) == [("changed", "a", ("additionalProperties",))]


def test_the_place_of_a_field_in_a_form_is_no_difference() -> None:
    # One that comes before others moves them all.
    before, after = of(b={}, a={}), of(c={}, b={}, a={})
    assert told(in_written_order(before), in_written_order(after)) == [("added", "c", ())]
    assert told(of(b={}, a={}), in_written_order(before)) == []


def test_files_are_compared_where_both_packages_are_there() -> None:
    spec = {"version": "1.0.0", "card": {"title": "Wiki"}}
    blueprint = of_spec("bp-wiki", spec)
    old, new = package(gone="x", same="x", other="x"), package(come="x", same="x", other="y")
    found = compare(blueprint, blueprint, old, new).files
    assert [(one.what, one.name) for one in found] == [
        ("added", "come"),
        ("removed", "gone"),
        ("changed", "other"),
    ]
    assert compare(blueprint, blueprint, old, None).files == ()
    assert compare(blueprint, blueprint, None, new).files == ()
