"""What is guessed for what a person gives, and what fails when a package is rendered with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.support.blueprints import DOCUMENT, MANIFEST, package
from tests.support.each import each

from catalyst.blueprints.configschema import MAX_DEPTH, validate
from catalyst.blueprints.findings import Severity
from catalyst.blueprints.guessing import sampled
from catalyst.blueprints.lint import lint
from catalyst.blueprints.manifests import WHEN
from catalyst.blueprints.trial import TRIALS


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


WHEN_DB = """      when: "{{ .config.postgres.mode == 'embedded' }}"\n"""
ALWAYS = DOCUMENT.replace(WHEN_DB, "")
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


BESIDE = "depends:\n    - {blueprint: bp-cache, alias: cache, values: {from: '${{ %s }}'}}\n"
SEEN = "application.dependencies.db"


@each(["name", "namespace", "host"])
def test_the_values_of_a_dependency_read_those_beside_it_as_a_plan_does(field: str) -> None:
    for beside in (f"{SEEN}.{field}", "application.dependencies.cache.name"):
        assert told(ALWAYS.replace("depends:\n", BESIDE % beside)) == [], beside


def test_one_that_is_not_there_by_default_has_to_be_asked_for_beside_it_too() -> None:
    at = "/spec/depends/0/values/from"
    beside = BESIDE % f"{SEEN}.name"
    assert told(SHARED.replace("depends:\n", beside)) == [
        (Severity.ERROR, "render.depends", at, ABSENT)
    ]
    ((severity, rule, pointer, _),) = told(DOCUMENT.replace("depends:\n", beside))
    assert (severity, rule, pointer) == (Severity.WARNING, "render.depends", at)
    asked = BESIDE % f'has({SEEN}) ? {SEEN}.name : "none"'
    assert told(SHARED.replace("depends:\n", asked)) == []


def test_a_condition_knows_no_dependency() -> None:
    when = ALWAYS.replace("alias: db\n", f"alias: db\n      when: {SEEN}.name == 'x'\n")
    assert [one[:3] for one in told(when)] == [
        (Severity.ERROR, "render.depends", "/spec/depends/0/when")
    ]


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
        assert told(ALWAYS, MANIFEST.replace("config.replicas", seen)) == [], seen


def test_for_a_secret_its_place_is_guessed() -> None:
    document = GIVEN % "type: string, x-catalyst-ui-hint: password"
    seen = "secretName(config.theme) + secretKey(config.theme)"
    assert told(document, MANIFEST.replace("config.replicas", seen)) == []


def test_what_is_guessed_is_no_finding_of_the_schema() -> None:
    schema = of("a", "b", a={"type": "integer", "minimum": 3}, b={"type": "string"})
    assert validate(schema, sampled(schema, {})) == []


# ---- with a dependency, and without it

READS = MANIFEST.replace("config.replicas", "application.dependencies.db.host")
ASKS = MANIFEST.replace(
    "config.replicas",
    "has(application.dependencies.db) ? application.dependencies.db.host : 'none'",
)
SHARED = DOCUMENT.replace("default: embedded", "default: external")
ABSENT = "there is no db; has(…) asks for it"


def test_what_reads_a_dependency_that_is_not_there_with_the_defaults_refuses() -> None:
    assert told(SHARED, READS) == [
        (Severity.ERROR, "render.expression", "/data/replicas", ABSENT),
    ]
    outputs = SHARED + "  outputs: {host: '${{ application.dependencies.db.host }}'}\n"
    assert told(outputs) == [(Severity.ERROR, "render.outputs", "/spec/outputs/host", ABSENT)]


def test_what_reads_one_that_other_values_leave_out_is_warned_of_with_these_values() -> None:
    where = f'{ABSENT} (where config.postgres.mode is "external")'
    assert told(DOCUMENT, READS) == [
        (Severity.WARNING, "render.expression", "/data/replicas", where)
    ]


@each([DOCUMENT, SHARED, ALWAYS])
def test_what_asks_for_it_or_is_left_out_with_it_is_well(document: str) -> None:
    assert told(document, ASKS) == []
    # It goes by the same condition, so it is never made without.
    when = f"metadata:\n  annotations: {{{WHEN}: \"config.postgres.mode == 'embedded'\"}}\n"
    same = READS.replace("metadata:\n", when).replace("name }}", "name }}-b")
    assert document == ALWAYS or told(document, f"{MANIFEST}---\n{same}") == []


def test_what_fails_only_with_a_dependency_is_tried_with_the_values_that_bring_it() -> None:
    wrong = ASKS.replace("db.host :", "db.host + config.postgres.mode + 1 :")
    ((severity, rule, pointer, message),) = told(SHARED, wrong)
    assert (severity, rule, pointer) == (Severity.WARNING, "render.expression", "/data/replicas")
    assert message.endswith('(where config.postgres.mode is "embedded")')


def test_what_no_value_brings_is_tried_as_if_it_were_there() -> None:
    never = DOCUMENT.replace(WHEN_DB, "      when: environment.type == 'dev'\n")
    wrong = ASKS.replace("db.host :", "db.host + 1 :")
    ((severity, rule, _, message),) = told(never, wrong)
    assert (severity, rule) == (Severity.WARNING, "render.expression")
    assert message.endswith("(where db is there)")
    assert told(never, ASKS) == []


@each(
    [
        ("type: boolean, default: false", "config.theme", "true"),
        ("type: integer, minimum: 0, default: 0", "config.theme > 0", "1"),
        ("type: string, default: '', examples: [dark]", "config.theme == 'dark'", '"dark"'),
        ("type: string, default: '', maxLength: 40", "config.theme != ''", '"sample"'),
    ]
)
def test_the_values_are_found_by_the_schema(field: str, when: str, value: str) -> None:
    document = (THEMED % field).replace(WHEN_DB, f'      when: "{when}"\n')
    wrong = ASKS.replace("db.host :", "db.host + 1 :")
    ((_, _, _, message),) = told(document, wrong)
    assert message.endswith(f"(where config.theme is {value})")


def test_the_values_are_taken_by_the_schema_and_bring_what_that_asks_for() -> None:
    branches = (
        "      postgres:\n        type: object\n        oneOf:\n"
        "          - {properties: {mode: {const: external}, address: {type: string}},"
        " required: [mode, address], additionalProperties: false}\n"
        "          - {properties: {mode: {const: embedded}}, required: [mode],"
        " additionalProperties: false}\n        default: {mode: embedded}\n"
    )
    start, end = DOCUMENT.index("      postgres:\n"), DOCUMENT.index("  depends:")
    document = DOCUMENT[:start] + branches + DOCUMENT[end:]
    address = "has(application.dependencies.db) ? 'none' : config.postgres.address"
    assert told(document, MANIFEST.replace("config.replicas", address)) == []
    ((_, _, _, message),) = told(document, READS)
    assert message == f'{ABSENT} (where config.postgres.mode is "external")'


def test_a_condition_that_is_wrong_itself_makes_nothing_else_wrong() -> None:
    broken = DOCUMENT.replace("default: embedded", "default: nowhere")
    assert [rule for _, rule, _, _ in told(broken, READS)] == ["config-schema.default"]
    unknown = DOCUMENT.replace(".config.postgres.mode", ".config.postgres.mod")
    assert [rule for _, rule, _, _ in told(unknown, READS)] == ["expression.unknown"]


def test_a_few_of_many_choices_are_tried() -> None:
    fields = "".join(f"      f{n}: {{type: boolean, default: false}}\n" for n in range(20))
    wanted = "".join(f"    - {{blueprint: bp-b{n}, when: config.f{n}}}\n" for n in range(20))
    document = ALWAYS.replace("      theme:\n", f"{fields}      theme:\n")
    document = document.replace("  manifests:\n", f"{wanted}  manifests:\n")
    row = "  r{0}: \"${{{{ has(application.dependencies.b{0}) ? 1 + 'x' : 1 }}}}\"\n"
    rows = "".join(map(row.format, range(20)))
    messages = [message for *_, message in told(document, MANIFEST + rows)]
    assert len(messages) == 20
    turned = [one for one in messages if re.search(r"where config\.f\d+ is true\)$", one)]
    assert len(turned) == TRIALS - 1


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
