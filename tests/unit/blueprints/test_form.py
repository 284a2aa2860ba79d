"""Forms, and what differs between two versions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support import starters
from tests.support.blueprints import DOCUMENT, MANIFEST, package
from tests.support.each import each

from catalyst.blueprints.diff import Comparison, compare
from catalyst.blueprints.document import read
from catalyst.blueprints.form import Condition, Picker, fields, in_written_order
from catalyst.contracts.codec import encode

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


def sorted_maps(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as an event holds it."""
    found: dict[str, Any] = msgspec.json.decode(encode(schema))
    return found


def paths(schema: dict[str, Any]) -> list[str]:
    return [".".join(field.path) for field in fields(schema)]


NESTED = {
    "properties": {
        "z": {"type": "object", "properties": {"y": {"x-catalyst-ui-order": 9}, "x": {}, "b": {}}},
        "m": {"type": "array", "items": {"properties": {"q": {}, "p": {}}}},
        "a": {"default": {"properties": {"z": {}, "a": {}}}},
    },
    "if": {"properties": {"a": {"const": 1}}},
    "then": {"properties": {"h": {}, "g": {}}},
}


@each([SCHEMA, NESTED, *(starters.blueprint(name).schema for name in starters.NAMES)])
def test_a_form_keeps_its_order_where_maps_lose_theirs(schema: dict[str, Any]) -> None:
    written = msgspec.json.encode(schema)
    held = sorted_maps(in_written_order(schema))
    assert paths(held) == paths(schema)
    lists = [[one.path for one in field.inside] for field in fields(schema)]
    assert [[one.path for one in field.inside] for field in fields(held)] == lists
    # It is another's, and what is no schema is left alone.
    assert msgspec.json.encode(schema) == written
    assert "order" not in str((held.get("properties") or {}).get("a", {}).get("default"))


def test_an_order_that_goes_by_name_is_not_written_down() -> None:
    schema = {"properties": {"a": {}, "b": {"x-catalyst-ui-order": 0}, "c": {}}}
    assert in_written_order(schema) == schema


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


def test_a_field_is_described_by_its_schema_word_by_word() -> None:
    part = {
        "type": "string",
        "title": "Host name",
        "description": "Where it is.",
        "default": "a.example",
        "enum": ["a.example", "b.example"],
        "maxLength": 63,
        "pattern": "^[a-z.]+$",
        "format": "hostname",
    }
    number = {"type": "integer", "minimum": 0, "maximum": 9}
    entries = {"type": "array", "items": {"type": "integer"}}
    one, two, three = fields({"properties": {"h": part, "n": number, "e": entries}})
    assert (one.title, one.description, one.default, one.enum) == (
        "Host name", "Where it is.", "a.example", ("a.example", "b.example"),
    )  # fmt: skip
    assert (one.max_length, one.pattern, one.format) == (63, "^[a-z.]+$", "hostname")
    assert (two.title, two.minimum, two.maximum, two.items) == ("n", 0, 9, "")
    assert (two.default, two.enum, two.max_length, two.format) == (None, (), None, "")
    assert (three.type, three.items, three.widget) == ("array", "integer", "list")


@each(
    [
        ({}, "string", "text"),
        ({"type": ["null"]}, "string", "text"),
        ({"type": ["null", "integer"]}, "integer", "number"),
        ({"type": "number"}, "number", "number"),
        ({"type": "boolean"}, "boolean", "switch"),
        ({"type": "array"}, "array", "list"),
        ({"type": "object"}, "object", "map"),
        ({"properties": {"a": {}}}, "object", "group"),
        ({"type": "string", "maxLength": 200}, "string", "text"),
        ({"type": "string", "maxLength": 201}, "string", "textarea"),
        ({"type": "integer", "maxLength": 201}, "integer", "number"),
        ({"type": "integer", "enum": [1, 2]}, "integer", "select"),
        ({"type": "string", "x-catalyst-ui-hint": "password"}, "string", "password"),
        ({"type": "string", "x-catalyst-ui-hint": "domain-picker"}, "string", "domain"),
        ({"type": "string", "x-catalyst-ui-hint": "other"}, "string", "text"),
    ]
)
def test_each_kind_of_value_has_its_widget(part: Any, kind: str, widget: str) -> None:
    found = fields({"type": "object", "properties": {"x": part}})[0]
    assert (found.type, found.widget, found.title, found.picker) == (kind, widget, "x", None)


def test_a_list_tells_its_entries_and_a_picker_may_take_any_blueprint() -> None:
    numbers = {"type": "array", "title": "Numbers", "items": {"type": "integer"}}
    other = {"type": "string", "x-catalyst-ui-hint": "application-ref"}
    first, second = fields({"type": "object", "properties": {"a": numbers, "b": other}})
    assert (first.items, first.title) == ("integer", "Numbers")
    assert (second.items, second.widget, second.picker) == ("", "application", Picker())


def test_a_list_of_maps_tells_what_is_in_each_however_deep() -> None:
    port = {"type": "object", "properties": {"number": {"type": "integer", "default": 80}}}
    entry = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {}, "ports": {"type": "array", "items": port}},
    }
    (found,) = fields({"properties": {"hosts": {"type": "array", "items": entry}}})
    name, ports = found.inside
    assert (found.items, name.path, name.required) == ("object", ("name",), True)
    assert (ports.path, ports.required) == (("ports",), False)
    assert [(one.path, one.default) for one in ports.inside] == [(("number",), 80)]
    assert name.inside == ()


MODE: dict[str, Any] = {"type": "string", "enum": ["own", "shared", "none"]}
OWN = Condition(path=("mode",), values=("own",))
REST = Condition(path=("mode",), values=("shared", "none"))
ELSE = {"then": {}, "else": {"required": ["name"]}}
NEEDED = {"if": {"properties": {"mode": {"const": "own"}}}, "then": {"required": ["name"]}}


def of(properties: dict[str, Any], **more: Any) -> dict[tuple[str, ...], Any]:
    schema = {"type": "object", "properties": properties, **more}
    return {one.path: (one.required, one.required_when, one.shown_when) for one in fields(schema)}


@pytest.mark.parametrize("where", ["beside", "allOf"])
def test_a_field_that_a_condition_asks_for_is_required_under_it(where: str) -> None:
    rule: dict[str, Any] = {
        "if": {"properties": {"mode": {"const": "own"}}},
        "then": {"required": ["host", "extra"]},
        "else": {"required": ["name", "port"], "properties": {"port": {"type": "integer"}}},
    }
    rules = {"allOf": [rule]} if where == "allOf" else rule
    text = {"type": "string"}
    found = of({"mode": MODE, "host": text, "name": text}, **rules)
    assert found == {
        ("mode",): (False, (), ()),
        ("host",): (False, ((OWN,),), ()),
        ("name",): (False, ((REST,),), ()),
        ("port",): (True, (), (REST,)),
        ("extra",): (False, ((OWN,),), ()),
    }


def test_of_a_switch_the_other_position_is_known_too() -> None:
    on = {"properties": {"tls": {"const": True}}, "required": ["tls"]}
    found = of(
        {"tls": {"type": "boolean"}}, **{"if": on, "else": {"required": ["why"]}, "then": {}}
    )
    assert found["why",] == (False, ((Condition(path=("tls",), values=(False,)),),), ())


def test_what_depends_on_a_field_that_is_given_is_required_with_it() -> None:
    text = {"type": "string"}
    given = Condition(path=("cert",))
    for keyword in ("dependentRequired", "dependencies"):
        found = of({"cert": text, "key": text}, **{keyword: {"cert": ["key", "chain"]}})
        assert found["key",] == (False, ((given,),), ())
        assert found["chain",] == (False, ((given,),), ())
    if_given = {"if": {"required": ["cert"]}, "then": {"required": ["key"]}}
    assert of({"cert": text, "key": text}, **if_given)["key",] == (False, ((given,),), ())


def test_a_nested_condition_and_a_nested_need_keep_their_paths() -> None:
    group = {"type": "object", "properties": {"mode": MODE}}
    rule = {
        "if": {"properties": {"db": {"properties": {"mode": {"const": "own"}}}}},
        "then": {"properties": {"db": {"type": "object", "required": ["host"]}}},
    }
    found = of({"db": group}, **rule)
    own = Condition(path=("db", "mode"), values=("own",))
    assert found["db", "host"] == (False, ((own,),), ())


@each(
    [
        {"if": {"properties": {"n": {"minimum": 3}}}, "then": {"required": ["name"]}},
        {"if": {"not": {"required": ["n"]}}, "then": {"required": ["name"]}},
        {"if": {"properties": {"n": {"const": 3}}}, "else": {"required": ["name"]}},
        {"oneOf": [{"required": ["name"]}, {"required": ["n"]}]},
        {"if": {"properties": {"n": {}}}, "then": {"required": ["name"]}},
        {"if": {"properties": {"mode": {"const": "own"}}, "minProperties": 2}, **ELSE},
        {"if": {"properties": {"mode": {"const": "own"}, "tls": {"const": True}}}, **ELSE},
        {"if": {"required": ["mode"]}, **ELSE},
        {"if": {"minProperties": 2, "properties": {"db": {"properties": {"mode": {"const": 1}}}}},
         "then": {"required": ["name"]}},
        {"if": {"properties": {"n": {"minimum": 3}}}, "then": NEEDED},
    ]
)  # fmt: skip
def test_what_cannot_be_said_of_fields_requires_nothing_and_hides_nothing(more: Any) -> None:
    known = {"n": {"type": "integer"}, "mode": MODE, "tls": {"type": "boolean"}}
    for properties in ({**known, "name": {"type": "string"}}, known):
        assert of(properties, **more)["name",] == (False, (), ())


def test_what_always_holds_is_shown_always_wherever_it_stands() -> None:
    rule = {"if": {"properties": {"mode": {"const": "own"}}}, "then": {"properties": {"host": {}}}}
    always = {"properties": {"host": {"title": "Host"}}}
    for parts in ([rule, always], [always, rule]):
        schema = {"type": "object", "properties": {"mode": MODE}, "allOf": parts}
        (_, host) = fields(schema)
        assert (host.title, host.shown_when) == ("Host", ())


def test_several_values_may_choose_an_alternative_and_its_own_choice_is_a_field() -> None:
    size = {"type": "string", "enum": ["s", "l"]}
    branch = {"properties": {"mode": {"enum": ["own", "x"]}, "size": size}}
    both = Condition(path=("mode",), values=("own", "x"))
    assert of({}, oneOf=[branch]) == {("size",): (False, (), (both,))}
    given = Condition(path=("a",))
    found = of({"a": {}, "mode": {"enum": ["x", "y"]}}, dependentRequired={"a": ["mode"]})
    assert found["mode",] == (False, ((given,),), ())


def test_what_chooses_between_alternatives_is_asked_for_by_them_alone() -> None:
    own = {"properties": {"mode": {"const": "own"}, "size": {"type": "integer"}}}
    there = {"properties": {"mode": {"const": "there"}}, "required": ["mode", "host"]}
    found = of({}, oneOf=[own, there], required=["mode", "title"])
    assert found == {
        ("size",): (False, (), (OWN,)),
        ("title",): (True, (), ()),
        ("host",): (False, ((Condition(path=("mode",), values=("there",)),),), ()),
    }


def test_a_field_of_two_conditions_has_both_and_one_that_is_always_required_has_none() -> None:
    given = {"a": ["name"], "b": ["name"]}
    text = {"type": "string"}
    found = of({"a": text, "b": text, "name": text}, dependentRequired=given)
    ways = tuple((Condition(path=(one,)),) for one in "ab")
    assert found["name",] == (False, ways, ())
    found = of({"a": text, "b": text}, dependentRequired=given, required=["name", "a"])
    assert found["name",] == (True, (), ())
    assert found["a",] == (True, (), ())


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
