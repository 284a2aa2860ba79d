"""What is guessed for what a person gives, and what fails when a package is rendered with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.blueprints import DOCUMENT, MANIFEST, package
from tests.support.each import each

from catalyst.blueprints.configschema import MAX_DEPTH, validate
from catalyst.blueprints.findings import Severity
from catalyst.blueprints.lint import lint
from catalyst.blueprints.manifests import WHEN
from catalyst.blueprints.trial import sampled


def of(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


@each(
    [
        ({"default": [1]}, [1]),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"default": 1, "const": 2}, 1),
        ({}, "sample"),
        ({"type": "string"}, "sample"),
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"type": "string", "examples": ["too long", "b"], "maxLength": 3}, "b"),
        ({"type": "string", "format": "hostname", "pattern": "[.]"}, "sample.example"),
        ({"type": "string", "format": "email"}, "sample@sample.example"),
        ({"type": "string", "format": "uri"}, "https://sample.example"),
        ({"type": "string", "pattern": "^[a-z]+-[0-9]$"}, "sample-1"),
        ({"type": "string", "pattern": "^[0-9]+$"}, "1"),
        ({"type": "string", "pattern": "^[A-Z][a-z]+[0-9]$"}, "Sample1"),
        ({"type": "string", "pattern": "^/"}, "/"),
        ({"type": "string", "pattern": "^[0-9]+Gi$"}, "1Gi"),
        ({"type": "string", "pattern": "^[0-9]+h$"}, "1h"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "format": "ipv4"}, "10.0.0.1"),
        ({"type": "string", "pattern": "/[0-9]+$"}, "10.0.0.0/8"),
        ({"type": "string", "pattern": "^[*]$"}, "*"),
        ({"type": "string", "pattern": "^[0-9:]+$", "minLength": 3}, "12:00"),
        ({"type": "string", "minLength": 40}, "a" * 40),
        ({"type": "string", "minLength": 1000}, "a" * 1000),
        ({"type": "string", "minLength": 1001}, None),
        ({"type": "string", "x-catalyst-ui-hint": "password"}, "secret:sample/value"),
        ({"type": "string", "pattern": "^nobody guesses this$"}, None),
        ({"type": ["integer", "string"]}, 1),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "integer", "maximum": 0}, 0),
        ({"type": "integer", "maximum": -5}, -5),
        ({"type": "integer", "multipleOf": 8}, 0),
        ({"type": "integer", "minimum": 3, "multipleOf": 8}, 8),
        ({"type": "integer", "minimum": 17, "multipleOf": 8}, 24),
        ({"type": "number", "enum": [2.5]}, 2.5),
        ({"type": "integer", "exclusiveMinimum": 0, "multipleOf": 8}, 8),
        ({"type": "number", "minimum": 1.5}, 1.5),
        ({"type": "number", "exclusiveMinimum": 0.2, "maximum": 0.5}, 0.5),
        ({"type": "boolean"}, False),
        ({"type": "boolean", "not": {"const": False}}, True),
        ({"type": "boolean", "enum": [True]}, True),
        ({"type": "null"}, None),
        ({"type": "object"}, {}),
        (of("b", b={"type": "integer"}, c={}), {"b": 1}),
        (of("b", b={"default": 3}), {"b": 3}),
        ({"type": "array", "items": {"default": 5}, "minItems": 1}, [5]),
        ({"type": "array"}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "minItems": 1}, ["sample"]),
    ]
)
def test_a_guess_fits_where_one_can_be_found(part: dict[str, Any], guess: Any) -> None:
    schema = of("a", a=part)
    found = sampled(schema, {})
    assert found == {"a": guess}
    assert type(found["a"]) is type(guess)


def test_what_is_given_stays_and_what_it_asks_for_comes() -> None:
    schema = of("a", a={"type": "integer"}, b=of("c", c={"type": "boolean"}))
    assert sampled(schema, {"a": 5, "b": {}}) == {"a": 5, "b": {"c": False}}
    assert sampled(schema, {}) == {"a": 1}
    assert sampled({"required": ["x"]}, {}) == {"x": "sample"}
    given: dict[str, Any] = {}
    sampled(schema, given)
    assert given == {}


def test_what_else_holds_asks_too() -> None:
    size = {"type": "integer", "minimum": 7}
    # What a further schema asks for is described by the one around it.
    assert sampled({**of(s=size), "allOf": [{"required": ["s"]}]}, {}) == {"s": 7}
    branch = {"if": {"required": ["a"]}, "then": {"required": ["s"]}, "else": {"required": ["t"]}}
    assert sampled({**of(s=size), **branch}, {"a": 1}) == {"a": 1, "s": 7}
    assert sampled({**of(s=size), **branch}, {}) == {"t": "sample"}
    for keyword in ("oneOf", "anyOf"):
        choice = {keyword: [of("s", s=size), of("t", t=size)]}
        assert sampled({"type": "object", **choice}, {}) == {"s": 7}
        assert sampled({"type": "object", **choice}, {"t": 9}) == {"t": 9}
    nested = {"allOf": [{"allOf": [{"required": ["s"]}]}]}
    assert sampled({**of(s=size), **nested}, {}) == {"s": 7}


def test_a_guess_goes_as_deep_as_a_schema_may_and_no_further() -> None:
    def nested(levels: int, wrap: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        made = of("x", x={"type": "integer"})
        for _ in range(levels):
            made = wrap(made)
        return made

    wraps: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
        lambda inner: of("a", a=inner),
        lambda inner: {"allOf": [inner]},
        lambda inner: {"anyOf": [inner]},
        lambda inner: {"type": "object", "oneOf": [inner]},
    ]
    for wrap in wraps:
        assert "x" in str(sampled(nested(MAX_DEPTH, wrap), {}))
        assert "x" not in str(sampled(nested(MAX_DEPTH + 1, wrap), {}))
    # So does what is given.
    for levels, wanted in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        given: dict[str, Any] = {}
        for _ in range(levels):
            given = {"a": given}
        found = sampled(nested(levels, lambda inner: of(a=inner)), given)
        assert ("x" in str(found)) is wanted
    lists: dict[str, Any] = {"type": "integer"}
    for _ in range(40):
        lists = {"type": "array", "items": lists, "minItems": 1}
    entries: Any = sampled(of("a", a=lists), {})["a"]
    depth = 0
    while isinstance(entries, list):
        entries, depth = entries[0], depth + 1
    assert (entries, depth) == (None, MAX_DEPTH)


# ---- what fails


Told = tuple[Severity, str, str, str]


def told(document: str = DOCUMENT, manifest: str = MANIFEST) -> list[Told]:
    """Return how grave each finding is, its rule, its place and its words."""
    found = lint(package(document, manifest)).findings
    return [(one.severity, one.rule, one.pointer, one.message) for one in found]


OUTPUTS = DOCUMENT + "  outputs: {host: '${{ config.replicas + config.theme }}'}\n"
THEMED = DOCUMENT.replace("      theme:\n        type: string\n", "      theme: {%s}\n")
GIVEN = THEMED.replace("    properties:\n", "    required: [theme]\n    properties:\n", 1)


def test_what_fails_with_the_defaults_refuses() -> None:
    themed = THEMED % "type: string, default: x"
    assert told(themed) == []
    manifest = MANIFEST.replace("config.replicas", "config.replicas + config.theme")
    ((severity, rule, pointer, _),) = told(themed, manifest)
    assert (severity, rule, pointer) == (Severity.ERROR, "render.expression", "/data/replicas")
    outputs = OUTPUTS.replace(*(DOCUMENT, themed))
    ((severity, rule, pointer, _),) = told(outputs)
    assert (severity, rule, pointer) == (Severity.ERROR, "render.outputs", "/spec/outputs/host")


def test_a_dependency_that_cannot_be_decided_is_told_at_its_place() -> None:
    first = "depends:\n    - {blueprint: bp-cache, alias: cache}\n    - blueprint: bp-postgres"
    document = DOCUMENT.replace("depends:\n    - blueprint: bp-postgres", first)
    assert told(document) == []
    when = "{{ .config.postgres.mode == 'embedded' }}"
    broken = document.replace(when, "config.replicas + config.postgres.mode == 'x'")
    ((severity, rule, pointer, message),) = told(broken)
    assert (severity, rule, pointer) == (Severity.ERROR, "render.depends", "/spec/depends/1/when")
    assert message


def test_what_fails_with_a_guess_is_a_warning() -> None:
    document = GIVEN % "type: string"
    manifest = MANIFEST.replace("config.replicas", "config.replicas + config.theme")
    assert [one[:3] for one in told(document, manifest)] == [
        (Severity.WARNING, "render.expression", "/data/replicas")
    ]
    # Where no guess fits, nothing is tried.
    assert told(GIVEN % "type: string, pattern: '^nobody guesses this$'", manifest) == []


def test_what_is_seen_in_a_trial_is_an_environment_and_neighbours_of_some_name() -> None:
    for seen in (
        "environment.name + application.organization + application.environment",
        "application.dependencies.db.host + application.dependencies.db.namespace",
        "application.name + application.namespace + application.dependencies.db.name",
    ):
        assert told(manifest=MANIFEST.replace("config.replicas", seen)) == [], seen


def test_for_a_secret_its_place_is_guessed() -> None:
    document = GIVEN % "type: string, x-catalyst-ui-hint: password"
    seen = "secretName(config.theme) + secretKey(config.theme)"
    assert told(document, MANIFEST.replace("config.replicas", seen)) == []


def test_what_is_guessed_is_no_finding_of_the_schema() -> None:
    schema = of("a", "b", a={"type": "integer", "minimum": 3}, b={"type": "string"})
    assert validate(schema, sampled(schema, {})) == []


# ---- what makes nothing

ALONE = DOCUMENT[: DOCUMENT.index("  depends:")] + DOCUMENT[DOCUMENT.index("  manifests:") :]
ANNOTATED = MANIFEST.replace("metadata:\n", "metadata:\n  annotations: {%s: '%s'}\n")
OFF = ANNOTATED % (WHEN, "config.replicas > 5")
PLACE = f"/metadata/annotations/{WHEN.replace('/', '~1')}"


def test_a_blueprint_that_makes_no_object_is_warned_of_at_the_first_condition() -> None:
    assert told(ALONE) == []
    ((severity, rule, pointer, message),) = told(ALONE, OFF)
    assert (severity, rule, pointer) == (Severity.WARNING, "render.nothing", PLACE)
    assert "with its defaults no object is made" in message
    assert told(ALONE, f"{OFF}---\n{MANIFEST}".replace("name: $", "name: one-$", 1)) == []
    # What it depends on is installed.
    assert told(DOCUMENT, OFF) == []


def test_what_makes_nothing_with_a_guess_is_not_told_of_the_defaults() -> None:
    given = ALONE.replace("    properties:\n", "    required: [theme]\n    properties:\n", 1)
    ((_, rule, _, message),) = told(given, OFF)
    assert (rule, "the values that were tried" in message) == ("render.nothing", True)


@each(["", "  manifests: {}\n"])
def test_a_blueprint_without_manifests_and_dependencies_is_warned_of(manifests: str) -> None:
    document = ALONE[: ALONE.index("  manifests:")] + manifests
    ((severity, rule, pointer, _),) = told(document)
    place = "/spec/manifests" if manifests else "/spec"
    assert (severity, rule, pointer) == (Severity.WARNING, "render.nothing", place)
    composite = DOCUMENT[: DOCUMENT.index("  manifests:")] + manifests
    assert told(composite) == []


def test_manifests_of_another_kind_or_form_are_told_as_that_alone() -> None:
    other = ALONE.replace("{kind: Kustomize, ref: manifests}", "{kind: HelmChart, ref: manifests}")
    assert [rule for _, rule, _, _ in told(other)] == ["manifests.kind"]
    for part in ("manifests", "depends"):
        wrong = ALONE[: ALONE.index("  manifests:")] + f"  {part}: 5\n"
        assert [rule for _, rule, _, _ in told(wrong)] == ["schema.type"]


def test_what_fails_is_not_told_as_making_nothing_too() -> None:
    broken = ANNOTATED % (WHEN, "config.replicas + config.theme")
    themed = ALONE.replace("      theme:\n        type: string\n", "      theme: {default: x}\n")
    rules = [rule for _, rule, _, _ in told(themed, broken)]
    assert rules
    assert "render.nothing" not in rules
