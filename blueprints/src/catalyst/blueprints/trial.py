"""A package rendered once before anybody installs it, so that its author hears what fails."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.blueprints import dependencies, manifests, rendering, templates, words
from catalyst.blueprints.configschema import MAX_DEPTH, beyond, effective, filled, fits, refused
from catalyst.blueprints.dependencies import Undecided
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.expressions import BadExpression, EvaluationError
from catalyst.blueprints.filling import applying, holds
from catalyst.blueprints.findings import Finding, Path, Severity, Violation
from catalyst.blueprints.manifests import Manifests, Placed
from catalyst.blueprints.merging import copied
from catalyst.blueprints.scope import ApplicationScope, Neighbour, Scope, environment
from catalyst.blueprints.soundness import Looked
from catalyst.blueprints.source import Document, walk

_TEXTS: Final = (
    "sample", "sample.example", "sample@sample.example", "https://sample.example", "sample-1", "1",
    "Sample1", "/", "1Gi", "1h", "12:00", "2026-01-01", "10.0.0.1", "10.0.0.0/8", "*",
)  # fmt: skip
NOTHING: Final = "render.nothing"
"""The rule that an installation makes something."""
MOST: Final = 1000
"""Values of a guess: a list of lists may ask for any number."""
_FIX: Final = "look at the types, and ask has(…) for what may be missing"


def findings(
    made: Manifests | None,
    blueprint: Blueprint,
    source: Document,
    told: Sequence[Finding],
    looked: Looked,
) -> Iterator[Finding]:
    """Return what fails with the defaults, or with a guess for what a person has to give.

    A guess may be what the author did not think of, so what fails with it is a warning.

    Args:
        made: The manifests.
        blueprint: The document, with what is sound of its schema.
        source: The same, as it is written.
        told: The errors that are known: what fails there is not told again.
        looked: What is wrong with the schema: what reads a field of which something is, may fail
            for that alone.
    """
    config, wrong = _configured(blueprint, {})
    rest = _without(wrong, blueprint)
    if rest.values != blueprint.values:
        blueprint = rest
        config, wrong = _configured(blueprint, {})
    if any(one.rule == "limit" for one in wrong):
        return  # With a guess it would only be more.
    guessed = bool(wrong)
    if guessed:
        config, wrong = _configured(blueprint, sampled(blueprint.schema, config))
        if wrong:
            return
    known = _Known(made, blueprint, source, told, looked)
    neighbours = {
        one.alias: Neighbour(name=one.alias, namespace=one.alias, host=one.alias)
        for one in blueprint.depends
    }
    scope = _scope(config, neighbours)
    objects, wrong_objects = rendering.tried(made, blueprint, scope) if made else ({}, ())
    failing = [*_needing(blueprint, source, config), *wrong_objects]
    outputs: Path = ("spec", "outputs")
    failing += _texts(source, blueprint.outputs, outputs, scope.variables(), "render.outputs")
    for one in failing:
        if known.place(one) not in known.places:
            yield msgspec.structs.replace(one, severity=Severity.WARNING) if guessed else one
    if made is not None and not (objects or failing or told or blueprint.depends):
        yield _nothing(made, "the values that were tried" if guessed else "its defaults")


def _configured(
    blueprint: Blueprint, parameters: dict[str, Any]
) -> tuple[dict[str, Any], list[Violation]]:
    """Return what an Application runs with, and what is wrong with that."""
    schema = blueprint.schema
    config, missing = filled(schema, rendering.given(blueprint, parameters))
    return config, beyond(config, "the configuration") or [*refused(schema, config), *missing]


def _without(wrong: Sequence[Violation], blueprint: Blueprint) -> Blueprint:
    """Return the same without those of the author's values that the schema refuses."""
    values = copied(blueprint.values)
    for one in wrong:
        holder: Any = values
        for step in one.path[:-1]:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if one.path and isinstance(holder, dict):
            holder.pop(one.path[-1], None)
    return msgspec.structs.replace(blueprint, values=values)


Place = tuple[str, int, str]
"""A file, the number of an object in it, and a pointer into that."""


class _Known:
    """Where it is known, or no wonder, that something fails."""

    def __init__(
        self,
        made: Manifests | None,
        blueprint: Blueprint,
        source: Document,
        told: Sequence[Finding],
        looked: Looked,
    ) -> None:
        files = made.files if made is not None else ()
        self._starts = {
            manifest.file: [one.mark(())[0] for one in manifest.objects] for manifest in files
        }
        self._looked = looked
        self.places = {self.place(one) for one in told}
        if not looked.fields:
            return
        for manifest in files:
            for document in manifest.objects:
                self._doubtful(document, manifests.expressions(document)[0])
        self._doubtful(source, _written(blueprint, source))

    def place(self, found: Finding) -> Place:
        """Return the place of a finding."""
        number = bisect_right(self._starts.get(found.file, ()), found.line)
        return found.file, number, found.pointer

    def _doubtful(self, document: Document, placed: Iterable[Placed]) -> None:
        for one in placed:
            reads = (reference.path for reference in one.expression.references)
            if any(
                root == "config" and self._looked.doubts(tuple(steps)) for root, *steps in reads
            ):
                self.places.add(self.place(document.finding(one.path, "", "", "")))


def _written(blueprint: Blueprint, source: Document) -> Iterator[Placed]:
    """Yield every expression of the document that is taken."""
    for index, one in enumerate(blueprint.depends):
        at: Path = ("spec", "depends", index)
        yield from manifests.expressions(source, value=one.values, at=(*at, "values"), old=True)[0]
        with contextlib.suppress(BadExpression):
            if one.when:
                yield Placed((*at, "when"), templates.condition(one.when), (0, 0), condition=True)
    outputs: Path = ("spec", "outputs")
    yield from manifests.expressions(source, value=blueprint.outputs, at=outputs, old=True)[0]


def _needing(blueprint: Blueprint, source: Document, config: dict[str, Any]) -> Iterator[Finding]:
    alone = _scope(config, {}).variables()
    for index, one in enumerate(blueprint.depends):
        at: Path = ("spec", "depends", index)
        try:
            wanted = dependencies.holds(one, alone)
        except Undecided as error:
            yield source.finding((*at, "when"), "render.depends", error.reason, _FIX)
        else:
            values = one.values if wanted else {}
            yield from _texts(source, values, (*at, "values"), alone, "render.depends")


def _nothing(made: Manifests, tried: str) -> Finding:
    """Return that no object is made, told of the first one whose condition does not hold."""
    first = next(one for manifest in made.files for one in manifest.objects)
    message = f"with {tried} no object is made: each has a condition that does not hold"
    fix = "let an object stand without a condition, or give the field that it reads a default"
    return first.finding(manifests.CONDITION, NOTHING, message, fix, severity=Severity.WARNING)


def _texts(
    source: Document, value: Any, at: Path, variables: Mapping[str, Any], rule: str
) -> Iterator[Finding]:
    for path, text in walk(value, at):
        if not isinstance(text, str):
            continue
        try:
            dependencies.evaluated(text, variables)
        except (BadExpression, EvaluationError) as error:
            yield source.finding(path, rule, str(error), _FIX)


def _scope(config: dict[str, Any], found: dict[str, Neighbour]) -> Scope:
    return Scope(
        config=config,
        application=ApplicationScope(
            name="sample",
            namespace="sample",
            environment="sample-prod",
            organization="sample",
            dependencies=found,
        ),
        environment=environment("sample", "sample-prod", "prod", ("hz-fsn-rtz-prod",)),
    )


def sampled(schema: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with a guess for each field that is required and not there."""
    return _completed(schema, effective(schema, values), {}, 0)


def _completed(
    schema: dict[str, Any], value: dict[str, Any], outer: dict[str, Any], depth: int
) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        return value
    made: set[str] = set()
    known = {**outer, **(schema.get("properties") or {})}
    for name in schema.get("required") or ():
        if name not in value:
            value[name] = _example(known.get(name, {}), depth + 1)
            made.add(name)
    for name, part in (schema.get("properties") or {}).items():
        if name not in made and isinstance(value.get(name), dict):
            _completed(part, value[name], {}, depth + 1)
    for further in applying(schema, value):
        _completed(further, value, known, depth + 1)
    for keyword in ("oneOf", "anyOf"):
        choices = schema.get(keyword) or ()
        if choices and not any(holds(one, value) for one in choices):
            _completed(choices[0], value, known, depth + 1)
    return value


def _example(part: dict[str, Any], depth: int) -> Any:
    for keyword in ("default", "const"):
        if keyword in part:
            return copied(part[keyword])
    kind = part.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return _completed(part, {}, {}, depth)
    if kind == "array":
        one = _example(part.get("items") or {}, depth + 1) if depth < MAX_DEPTH else None
        count = part.get("minItems", 0)
        return [one] * count if count * sum(1 for _ in walk(one)) <= MOST else []
    guesses = [*(part.get("enum") or ()), *(part.get("examples") or ()), *_guesses(part, kind)]
    compiled = words.validator(part)
    return copied(next((one for one in guesses if fits(part, one, compiled)), None))


def _guesses(part: dict[str, Any], kind: str) -> list[Any]:
    match kind:
        case "string":
            padded = "a" * min(part.get("minLength", 0), 1000)
            return [*_TEXTS, "secret:sample/value", padded]
        case "integer" | "number":
            low = part.get("minimum", part.get("exclusiveMinimum", 0) + 1)
            step = part.get("multipleOf", 1)
            return [low, part.get("maximum", 0), -(-low // step) * step]
        case "boolean":
            return [False, True]
        case _:
            return []
