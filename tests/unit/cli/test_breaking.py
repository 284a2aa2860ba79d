"""For whom a version breaks something: what is told once, and what breaks nobody."""

from __future__ import annotations

from typing import Any

from tests.support.each import each

from catalyst.cli import breaking


def of(*fields: dict[str, Any], needs: tuple[dict[str, Any], ...] = ()) -> list[str]:
    return breaking.breaks({"fields": fields, "dependencies": needs})


def field(path: str, what: str, before: Any = None, after: Any = None) -> dict[str, Any]:
    return {"path": path, "what": what, "before": before or {}, "after": after or {}}


def need(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {"what": "changed", "name": "db", "before": before, "after": after}


@each([".size", "[].size", "(dark).size"])
def test_what_went_with_what_held_it_is_not_told_of_by_itself(inner: str) -> None:
    gone = field("disk", "removed")
    assert of(gone, field(f"disk{inner}", "removed")) == ["whoever set disk: it is there no longer"]
    given = field(f"disk{inner}", "added", after={"required": True})
    # What only begins with the same letters, or came where another went, stands by itself.
    assert of(gone, field("disks", "removed"), given) == [
        "whoever set disk: it is there no longer",
        "whoever set disks: it is there no longer",
        f"everybody: disk{inner} has to be given",
    ]


def test_a_field_that_changed_is_told_of_beside_one_in_it_that_did() -> None:
    narrower = {"before": {"maximum": 9}, "after": {"maximum": 5}}
    assert of(*(field(path, "changed", **narrower) for path in ("disk", "disk.size"))) == [
        "whoever set disk to more than 5",
        "whoever set disk.size to more than 5",
    ]


@each(
    [
        ({"maximum": 5}, {"maximum": 5}, []),
        ({"maximum": 5}, {"maximum": 6}, []),
        ({"minimum": 5}, {"minimum": 4}, []),
        ({"minimum": 5}, {"minimum": 6}, ["less than 6"]),
        ({"type": "string"}, {"default": "a"}, []),
        ({"type": "string"}, {"type": ["string", "null"]}, []),
        ({"type": ["string", "null"]}, {"type": "string"}, ["a value that is no string"]),
        ({}, {"uniqueItems": True}, ["entries that are the same"]),
        ({"uniqueItems": True}, {"uniqueItems": False}, []),
    ]
)
def test_only_what_could_be_set_and_cannot_be_any_more_breaks(
    before: dict[str, Any], after: dict[str, Any], whats: list[str]
) -> None:
    told = of(field("disk", "changed", before, after))
    assert told == [f"whoever set disk to {what}" for what in whats]


@each(
    [
        ({"when": "config.a"}, {"when": "config.b"}, []),
        ({"version": "^1"}, {"version": "^1 || ^2"}, []),
        ({"version": "^1 || ^2"}, {"version": "^2"}, ["whoever has a db that does not fit ^2"]),
    ]
)
def test_a_need_breaks_where_what_fitted_does_not_any_more(
    before: dict[str, Any], after: dict[str, Any], told: list[str]
) -> None:
    assert of(needs=(need(before, after),)) == told


def test_only_a_default_that_was_one_and_is_another_is_told_of() -> None:
    changed = field("a", "changed", {"default": 1}, {"default": 2})
    others = [
        field("b", "added", {}, {"default": 2}),
        field("c", "changed", {"default": 1}, {}),
        field("d", "changed", {}, {"default": 1}),
    ]
    assert breaking.unasked({"defaults": [changed, *others]}) == ["a is 2, was 1"]
