"""A package rendered before anybody installs it, so that its author hears what fails."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.blueprints import dependencies, manifests, rendering, templates, turning
from catalyst.blueprints.configschema import beyond, filled, refused
from catalyst.blueprints.dependencies import Undecided
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.expressions import BadExpression, EvaluationError
from catalyst.blueprints.findings import Finding, Path, Severity, Violation
from catalyst.blueprints.guessing import sampled
from catalyst.blueprints.manifests import Manifests, Placed
from catalyst.blueprints.merging import copied
from catalyst.blueprints.scope import ApplicationScope, Neighbour, Scope, environment
from catalyst.blueprints.soundness import Looked
from catalyst.blueprints.source import Document, walk

NOTHING: Final = "render.nothing"
"""The rule that an installation makes something."""
TRIALS: Final = 6
"""Choices of dependencies that are tried: a package may be large."""
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
    first = _Attempt(config=config, present=_present(blueprint, source, config, known))
    objects, failing = _tried(made, blueprint, source, first)
    for one in known.new(failing):
        yield msgspec.structs.replace(one, severity=Severity.WARNING) if guessed else one
    if made is not None and not (objects or failing or told or blueprint.depends):
        yield _nothing(made, "the values that were tried" if guessed else "its defaults")
    known.places.update(map(known.place, failing))
    for further in _further(blueprint, source, first, known):
        _, failing = _tried(made, blueprint, source, further)
        for one in known.new(failing):
            message = f"{one.message} (where {further.where})"
            yield msgspec.structs.replace(one, severity=Severity.WARNING, message=message)
        known.places.update(map(known.place, failing))


class _Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is rendered with."""

    config: dict[str, Any]
    present: frozenset[str]
    """The aliases of the dependencies that are there."""
    where: str = ""
    """In what this differs from the defaults."""


def _tried(
    made: Manifests | None, blueprint: Blueprint, source: Document, attempt: _Attempt
) -> tuple[bool, list[Finding]]:
    """Return whether an object is made, and what fails."""
    neighbours = {
        alias: Neighbour(name=alias, namespace=alias, host=alias) for alias in attempt.present
    }
    scope = _scope(attempt.config, neighbours)
    objects, wrong_objects = rendering.tried(made, blueprint, scope) if made else ({}, ())
    failing = [*_needing(blueprint, source, scope), *wrong_objects]
    outputs: Path = ("spec", "outputs")
    failing += _texts(source, blueprint.outputs, outputs, scope.variables(), "render.outputs")
    return bool(objects), failing


def _present(
    blueprint: Blueprint, source: Document, config: dict[str, Any], known: _Known
) -> frozenset[str]:
    """Return which dependencies are there with a configuration.

    One that cannot be decided is taken to be there: that it cannot is what is told.
    """
    alone = _scope(config, {}).variables()
    return frozenset(
        one.alias
        for index, one in enumerate(blueprint.depends)
        if known.of(source, ("spec", "depends", index, "when"))
        or turning.decided(one, alone) is not False
    )


def _further(
    blueprint: Blueprint, source: Document, first: _Attempt, known: _Known
) -> Iterator[_Attempt]:
    """Yield what else decides otherwise on a dependency: each is tried there, and without it.

    At last all are there which no configuration that was found brings.
    """
    tried = {first.present}
    for one in blueprint.depends:
        for field, value in turning.turns(one, blueprint.schema, _scope(first.config, {})):
            config, wrong = _configured(blueprint, turning.nested(field, value))
            if wrong:
                config, wrong = _configured(blueprint, sampled(blueprint.schema, config))
            present = _present(blueprint, source, config, known)
            if wrong or (one.alias in present) is (one.alias in first.present):
                continue
            if present not in tried and len(tried) < TRIALS:
                tried.add(present)
                name = ".".join(("config", *field))
                where = f"{name} is {msgspec.json.encode(value).decode()}"
                yield _Attempt(config=config, present=present, where=where)
            break
    every = frozenset(one.alias for one in blueprint.depends)
    rest = sorted(every.difference(*tried))
    if rest:
        where = f"{' and '.join(rest)} {'is' if len(rest) == 1 else 'are'} there"
        yield _Attempt(config=first.config, present=every, where=where)


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

    def new(self, failing: Iterable[Finding]) -> list[Finding]:
        """Return what is not known."""
        return [one for one in failing if self.place(one) not in self.places]

    def of(self, source: Document, path: Path) -> bool:
        """Return whether something is known of a place in the document."""
        return self.place(source.finding(path, "", "", "")) in self.places

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


def _needing(blueprint: Blueprint, source: Document, scope: Scope) -> Iterator[Finding]:
    """Yield what fails of the dependencies: their values know those beside them, as in a plan."""
    alone, beside = _scope(scope.config, {}).variables(), scope.variables()
    for index, one in enumerate(blueprint.depends):
        at: Path = ("spec", "depends", index)
        try:
            wanted = dependencies.holds(one, alone)
        except Undecided as error:
            yield source.finding((*at, "when"), "render.depends", error.reason, _FIX)
        else:
            values = one.values if wanted else {}
            yield from _texts(source, values, (*at, "values"), beside, "render.depends")


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
