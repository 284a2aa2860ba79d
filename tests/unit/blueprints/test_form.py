"""Forms, and what differs between two versions."""

from __future__ import annotations

from typing import Any

from tests.support.blueprints import DOCUMENT, MANIFEST, package

from catalyst.blueprints.diff import Comparison, compare
from catalyst.blueprints.document import read
from catalyst.blueprints.form import Condition, Picker, fields

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["b"],
    "properties": {
        "a": {"type": "string"},
        "b": {"type": "integer", "x-catalyst-ui-order": 2, "default": 1, "maximum": 5},
        "c": {"type": "boolean", "x-catalyst-ui-order": 1},
        "db": {
            "type": "string",
            "x-catalyst-ui-hint": "application-ref",
            "x-catalyst-ui-filter": {"blueprint": "postgres", "environment": "current"},
        },
        "volume": {
            "type": "object",
            "x-catalyst-immutable": True,
            "properties": {"size": {"type": "integer"}},
        },
    },
    "oneOf": [
        {"properties": {"a": {"const": "x"}, "host": {"type": "string"}}},
        {"properties": {"a": {"const": "y"}, "port": {"type": "integer"}}},
    ],
    "dependencies": {"c": {"properties": {"cert": {"type": "string"}}}},
}


def test_fields_come_by_their_order_and_then_as_written() -> None:
    order = [".".join(field.path) for field in fields(SCHEMA)]
    assert order == ["c", "b", "a", "db", "volume", "volume.size", "host", "port", "cert"]


def test_a_field_says_all_that_a_form_needs() -> None:
    by_name = {".".join(field.path): field for field in fields(SCHEMA)}
    number = by_name["b"]
    assert (number.required, number.default, number.maximum) == (True, 1, 5)
    assert number.widget == "number"
    assert by_name["db"].picker == Picker(blueprint="bp-postgres", current_environment=True)
    assert by_name["volume.size"].immutable
    assert by_name["host"].shown_when == (Condition(path=("a",), values=("x",)),)
    assert by_name["port"].shown_when == (Condition(path=("a",), values=("y",)),)
    assert by_name["cert"].shown_when == (Condition(path=("c",)),)
    assert by_name["a"].shown_when == ()


def difference(document: str, manifest: str = MANIFEST) -> Comparison:
    old, new = package(), package(document, manifest)
    before, after = read(old).blueprint, read(new).blueprint
    assert before is not None
    assert after is not None
    return compare(before, after, old, new)


def test_the_same_version_differs_in_nothing() -> None:
    same = difference(DOCUMENT)
    assert (same.fields, same.dependencies, same.files) == ((), (), ())


def test_fields_defaults_dependencies_and_files_are_told_apart() -> None:
    document = (
        DOCUMENT.replace("default: 2", "default: 3\n        maximum: 9")
        .replace("      theme:\n", "      colour:\n")
        .replace("alias: db", "alias: database")
    )
    found = difference(document, MANIFEST + "  more: x\n")
    assert [(one.what, one.path, one.keywords) for one in found.fields] == [
        ("added", "colour", ("type",)),
        ("changed", "replicas", ("default", "maximum")),
        ("removed", "theme", ("type",)),
    ]
    (default,) = found.defaults
    assert (default.before["default"], default.after["default"]) == (2, 3)
    assert [(one.what, one.name) for one in found.dependencies] == [
        ("added", "database"),
        ("removed", "db"),
    ]
    added, removed = found.dependencies
    assert added.keywords == ("blueprint", "values", "version", "when")
    assert (added.before, added.after) == ({}, removed.before)
    assert (added.after["blueprint"], added.after["version"]) == ("bp-postgres", "^1.0")
    assert [one.name for one in found.files] == ["blueprint.yaml", "manifests/app.yaml"]


def test_a_changed_dependency_is_told_with_what_it_was() -> None:
    document = (
        DOCUMENT.replace("version: ^1.0", "version: ^2.0")
        .replace("blueprint: bp-postgres", "blueprint: bp-mariadb")
        .replace("""      when: "{{ .config.postgres.mode == 'embedded' }}"\n""", "")
    )
    (found,) = difference(document).dependencies
    assert (found.what, found.name) == ("changed", "db")
    assert found.keywords == ("blueprint", "version", "when")
    when = "{{ .config.postgres.mode == 'embedded' }}"
    assert found.before == {"blueprint": "bp-postgres", "version": "^1.0", "when": when}
    assert found.after == {"blueprint": "bp-mariadb", "version": "^2.0"}
    same = document.replace("^2.0", "^2.1")
    before, after = read(package(document)).blueprint, read(package(same)).blueprint
    assert before is not None
    assert after is not None
    (narrowed,) = compare(before, after).dependencies
    assert (narrowed.before, narrowed.after) == ({"version": "^2.0"}, {"version": "^2.1"})


def test_a_field_that_becomes_required_is_a_change_of_that_field() -> None:
    needed = DOCUMENT.replace(
        "    additionalProperties: false\n",
        "    additionalProperties: false\n    required: [theme]\n",
    )
    (found,) = difference(needed).fields
    assert (found.path, found.keywords) == ("theme", ("required",))
