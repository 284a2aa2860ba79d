"""Whatever is wrong with a package is told in one go: no fault hides another, or makes one up."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import package
from tests.support.each import each

from catalyst.blueprints.findings import Severity
from catalyst.blueprints.lint import lint
from catalyst.blueprints.soundness import check

FIELDS = """\
      {name}: {{{what}}}
"""
DOCUMENT = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata: {{name: bp-wiki}}
spec:
  version: 1.2.0
  card: {{title: Wiki}}
  configSchema:
    type: object
    additionalProperties: false
    properties:
{fields}\
  depends:
    - {{blueprint: bp-aa, alias: aa, version: '{range}', when: '{when}'}}
    - {{blueprint: bp-bb, alias: bb, when: '{other}', values: {{a: '{value}', b: '{second}'}}}}
  outputs: {{host: '{host}', port: '{port}'}}
  manifests:
    source: {{kind: Kustomize, ref: manifests}}
    values: {{count: {count}, size: {size}}}
"""
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: first}}
data: {{a: '{first}', b: '{both}', c: '${{{{ application.dependencies.aa.host }}}}'}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: second}}
data: {{a: '{next}', b: '{counted}'}}
"""
WELL = {
    "secret": "type: string, x-catalyst-ui-hint: password",
    "word": "type: string, pattern: '^a+$', default: aa",
    "number": "type: integer, minimum: 1, default: 1",
    "bounds": "type: integer, minimum: 1, maximum: 3, default: 2",
    "kind": "type: integer, default: 4",
    "choice": "type: string, enum: [a, b], default: a",
    "group": "type: object, properties: {inner: {type: string, default: x}}",
    "apiToken": "type: string, x-catalyst-ui-hint: password",
    "count": "type: integer, default: 1",
    "size": "type: integer, default: 1",
}
REST = {
    "range": "^1.0",
    "when": 'config.word == "aa"',
    "other": "true",
    "value": "${{ application.name }}",
    "second": "${{ application.name }}",
    "host": "${{ application.name }}",
    "port": "80",
    "values.count": "1",
    "values.size": "1",
    "first": "${{ config.choice }}",
    "both": "${{ config.kind + 1 }}",
    "next": '${{ config.group.inner + "s" }}',
    "counted": "${{ config.count + config.number }}",
}
FAULTS: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "secret": ("type: string, x-catalyst-ui-hint: passwrd",
               {("config-schema.enum", "secret/x-catalyst-ui-hint")}),
    "word": ("type: string, pattern: '(a+)+$(?=b)', default: aa",
             {("config-schema.pattern", "word/pattern")}),
    "number": ("type: integer, minimum: 5, default: 1",
               {("config-schema.default", "number/default")}),
    "bounds": ("type: integer, minimum: 9, maximum: 3, default: 2",
               {("config-schema.bounds", "bounds/minimum")}),
    "kind": ("type: intger, default: 4", {("config-schema.anyOf", "kind/type")}),
    "choice": ("type: string, enm: [a, b], default: a",
               {("config-schema.additionalProperties", "choice/enm")}),
    "group": ("type: object, propertis: {inner: {type: string, default: x}}",
              {("config-schema.additionalProperties", "group/propertis")}),
    "apiToken": ("type: string, x-catalyst-ui-hnt: password",
                 {("config-schema.additionalProperties", "apiToken/x-catalyst-ui-hnt")}),
    "range": ("^y", {("version.range", "/spec/depends/0/version")}),
    "when": ("config.count", {("render.depends", "/spec/depends/0/when")}),
    "other": ("config.count + \"x\" == \"y\"", {("render.depends", "/spec/depends/1/when")}),
    "second": ("${{ application.nam }}", {("expression.unknown", "/spec/depends/1/values/b")}),
    "host": ("${{ config.count + application.name }}", {("render.outputs", "/spec/outputs/host")}),
    "port": ("${{ 1 + }}", {("expression", "/spec/outputs/port")}),
    "values.count": ("x", {("values", "/spec/manifests/values/count")}),
    "values.size": ("{}", {("values", "/spec/manifests/values/size")}),
    "first": ("${{ config.nothing }}", {("expression.unknown", "/data/a")}),
    "both": ("${{ application.name + 1 }}", {("render.expression", "/data/b")}),
    "next": ("${{ 1 + application.name }}", {("render.expression", "/data/a")}),
}  # fmt: skip
"""By place: what stands there, and what is told of it."""


def told(*places: str) -> list[tuple[str, str, str, int]]:
    """Return what is told where there are faults in these places."""
    there = {**WELL, **REST, **{place: FAULTS[place][0] for place in places}}
    fields = "".join(FIELDS.format(name=name, what=there[name]) for name in WELL)
    more = {"count": there["values.count"], "size": there["values.size"]}
    document = DOCUMENT.format(**{**there, **more, "fields": fields})
    found = lint(package(document, MANIFEST.format(**there)), known=None).findings
    assert all(one.message and one.fix and one.line for one in found)
    return [(one.severity, one.rule, one.pointer, one.line) for one in found]


def expected(*places: str) -> list[tuple[str, str]]:
    """Return what these faults are, each by itself."""
    schema = "/spec/configSchema/properties/"
    return sorted(
        (rule, pointer if pointer.startswith("/") else schema + pointer)
        for place in places
        for rule, pointer in FAULTS[place][1]
    )


def test_without_a_fault_nothing_is_told() -> None:
    assert told() == []


@pytest.mark.guarantee("G20.3")
@each([*((one,) for one in FAULTS), *combinations(FAULTS, 2)])
def test_a_fault_hides_none_and_makes_none_up(*places: str) -> None:
    found = told(*places)
    assert sorted((rule, pointer) for _, rule, pointer, _ in found) == expected(*places)
    assert {severity for severity, *_ in found} == {Severity.ERROR}


@pytest.mark.guarantee("G20.3")
@given(st.sets(st.sampled_from(sorted(FAULTS)), min_size=3))
def test_nor_do_many(places: set[str]) -> None:
    found = told(*places)
    assert sorted((rule, pointer) for _, rule, pointer, _ in found) == expected(*places)


def rules(schema: Any) -> list[tuple[str, str]]:
    return [(one.pointer, one.rule) for one in check(schema)]


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.guarantee("G20.3")
@each([
    # What a text is for cannot be told without its type, which is wrong itself.
    ({"type": "strng", "x-catalyst-ui-hint": "password"}, ["/type"]),
    ({"typ": "string", "x-catalyst-ui-hint": "password"}, ["/typ"]),
    ({"colour": "red", "x-catalyst-ui-hint": "password"}, ["/colour", "/x-catalyst-ui-hint"]),
    ({"type": "string", "x-catalyst-ui-hint": "app-ref", "x-catalyst-ui-filter": {}},
     ["/x-catalyst-ui-hint"]),
    # Nothing fits between bounds that are the wrong way round; that is told once.
    ({"minLength": 3, "maxLength": 1, "default": "xx", "const": "xx"}, ["/minLength"]),
    # Whether more fields may be there is not known either.
    ({"additionalProperties": False, "propertes": {"b": {}}, "required": ["b"],
      "default": {"b": 1}}, ["/propertes"]),
    ({"additionalProperties": False, "properties": {"b": 5}, "default": {"b": 1}},
     ["/properties/b"]),
    ({"additionalProperties": False, "properties": [], "default": {"b": 1}}, ["/properties"]),
    # What rules out less refuses more.
    ({"not": {"type": "strng", "const": 1}, "default": 2}, ["/not/type"]),
    ({"oneOf": [{"const": 1, "minimum": "x"}, {"const": 1, "maximum": 4}], "default": 1},
     ["/oneOf/0/minimum"]),
    ({"if": {"const": 1, "minmum": 4}, "then": {"const": 2}, "default": 1}, ["/if/minmum"]),
    # What is right of the rest is looked at.
    ({"x-catalyst-ui-hint": "passwrd", "type": "string", "maxLength": 1, "default": "xx"},
     ["/x-catalyst-ui-hint", "/default"]),
    ({"properties": {"b": {"type": "strng"}, "c": {"minimum": 3, "default": 1}}},
     ["/properties/b/type", "/properties/c/default"]),
    ({"dependencies": {"b": 5, "c": ["d"], "d": {"minimum": 3, "default": 1}}},
     ["/dependencies/b", "/dependencies/d/default"]),
    ({"anyOf": [7, {"minimum": 3, "maximum": 1}], "items": None, "default": 5},
     ["/anyOf/0", "/items", "/anyOf/1/minimum"]),
])  # fmt: skip
def test_of_one_field_too(part: Any, at: list[str]) -> None:
    assert [pointer.removeprefix("/properties/a") for pointer, _ in rules(of(a=part))] == at


@pytest.mark.guarantee("G20.3")
def test_what_is_wrong_at_the_top_hides_no_field() -> None:
    wrong = {**of(a={"minimum": 5, "default": 1}), "typ": "object"}
    del wrong["type"]
    assert rules(wrong) == [("/typ", "additionalProperties"), ("/properties/a/default", "default")]
    assert rules({**of(a={"pattern": "(?=b)"}), "type": "string", "required": 5}) == [
        ("/required", "type"),
        ("/type", "root"),
        ("/properties/a/pattern", "pattern"),
    ]
    assert rules(5) == [("", "type")]
