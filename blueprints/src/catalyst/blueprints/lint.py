"""Every finding of a package: what registration refuses, and what an author should look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import msgspec

from catalyst.blueprints import (
    configschema,
    manifests,
    metaschema,
    numbered,
    presented,
    rendering,
    restarts,
    soundness,
    templates,
    topology,
    trial,
)
from catalyst.blueprints.advice import SECRET_NAME, advise
from catalyst.blueprints.circles import Known, circle, is_offered
from catalyst.blueprints.document import Blueprint, Read, canonical, read
from catalyst.blueprints.expressions import BadExpression, Reference
from catalyst.blueprints.fields import Fields
from catalyst.blueprints.findings import (
    Finding,
    Path,
    Severity,
    Violation,
    errors,
    found_at,
    ordered,
)
from catalyst.blueprints.package import Package
from catalyst.blueprints.powers import powers
from catalyst.blueprints.scope import KNOWN, NEIGHBOUR
from catalyst.blueprints.source import Document

CYCLE: Final = "depends.cycle"
"""Rule that a version does not need itself, by whatever way."""
MAX_NAME: Final = 63
"""A Blueprint's name is the value of a label."""
_ABSENT: Final = object()
_HELD: Final = frozenset({"properties", "items"})
"""On the way to a field of a map, or of each item of a list."""


class Linted(msgspec.Struct, frozen=True, kw_only=True):
    """A package, looked at."""

    blueprint: Blueprint | None
    """None if the document's form is wrong."""
    findings: tuple[Finding, ...]
    """In the order of the files."""

    @property
    def refused(self) -> bool:
        """Whether a registration refuses it."""
        return bool(errors(self.findings))

    @property
    def reason(self) -> str:
        """Why a registration refuses it, in one line; empty: it does not."""
        first, *more = errors(self.findings) or (None,)
        if first is None:
            return ""
        at = f"{first.file}:{first.line}: " if first.file else ""
        rest = f", and {len(more)} more" if more else ""
        return f"{at}{first.message} ({first.rule}){rest}"


def lint(
    package: Package,
    *,
    known: Known | None = None,
    own: bool = False,
    broken: Collection[str] = (),
) -> Linted:
    """Return everything that is wrong with a package. Never raises for what an author wrote.

    Args:
        package: The files.
        known: The other Blueprints; without them, dependencies are not looked for.
        own: Whether an Organization's own source holds it, so that what reaches beyond an
            Application's namespace is an error.
        broken: Other Blueprints that are there and whose documents are wrong: nobody knows which
            versions of them there are, so none is told as missing.
    """
    found = read(package)
    findings = list(found.findings)
    blueprint, source = found.partial, found.source
    if blueprint is None or source is None:
        return Linted(blueprint=None, findings=ordered(findings))
    for rule in _RULES:
        findings.extend(rule(blueprint, source))
    findings.extend(presented.files(blueprint, source, package))
    findings.extend(_dependencies(blueprint, source, known, broken))
    looked = soundness.looked_at(blueprint.schema)
    findings.extend(_configuration(blueprint, looked, source))
    if _lost(found, "configSchema"):
        everything: frozenset[Path] = frozenset({()})
        looked = msgspec.structs.replace(looked, fields=everything, open=everything)
    sound = msgspec.structs.replace(blueprint, schema=looked.rest)
    seen = _Seen(
        blueprint=sound,
        looked=looked,
        fields=Fields(looked.rest),
        aliases=not _lost(found, "depends"),
    )
    findings.extend(_spec_expressions(seen, source))
    findings.extend(_values(seen, source))
    made = manifests.read(package, blueprint.manifests) if blueprint.manifests else None
    findings.extend(_manifests(made, seen, source, own=own))
    if seen.aliases and not _lost(found, "manifests"):
        if made is None and not _other_kind(blueprint) and not blueprint.depends:
            findings.append(_nothing(blueprint, source))
        findings.extend(trial.findings(made, sound, source, errors(findings), looked))
    return Linted(blueprint=found.blueprint, findings=ordered(findings))


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What expressions may read."""

    blueprint: Blueprint
    """With what is left of its schema."""
    looked: soundness.Looked
    fields: Fields
    """Of that."""
    aliases: bool
    """Whether all dependencies are known."""


def _lost(found: Read, part: str) -> bool:
    """Return whether what the spec says of something has a wrong form, so that not all is known."""
    at = f"/spec/{part}/"
    return any(at.startswith(f"{one.pointer}/"[: len(at)]) for one in errors(found.findings))


# ---- the document


def _name(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    at = ("metadata", "name")
    if len(blueprint.name) > MAX_NAME:
        message = f"{blueprint.name} has more than {MAX_NAME} characters, which no label can hold"
        yield source.finding(at, "name.length", message, "shorten the name")
    kebab = re.sub(r"[^a-z0-9]+", "-", blueprint.title.lower()).strip("-")
    if canonical(kebab) != blueprint.name:
        message = f"the title {blueprint.title!r} would be {canonical(kebab)}, not {blueprint.name}"
        fix = "let name and title say the same, or leave it if people know both"
        yield source.finding(at, "name.title", message, fix, severity=Severity.WARNING)


_RULES: Final[tuple[Callable[[Blueprint, Document], Iterator[Finding]], ...]] = (
    numbered.check,
    numbered.own_line,
    _name,
    topology.placement,
    topology.check,
    presented.endpoints,
    presented.texts,
)


def _dependencies(
    blueprint: Blueprint, source: Document, known: Known | None, broken: Collection[str]
) -> Iterator[Finding]:
    aliases: dict[str, int] = {}
    for index, one in enumerate(blueprint.depends):
        at: Path = ("spec", "depends", index)
        if one.alias in aliases:
            message = f"the alias {one.alias} is there twice"
            fix = "give each its own alias"
            yield source.finding(at, "depends.alias", message, fix)
        aliases[one.alias] = index
        yield from numbered.ranged(source, (*at, "version"), one.version)
        path = circle(blueprint.name, blueprint.version, (one.need,), known or {})
        if path:
            message = f"this goes in a circle: {' → '.join(path)}"
            fix = "remove one of these dependencies, or give it a range without that version"
            yield source.finding(at, CYCLE, message, fix)
        elif known is not None and one.blueprint not in broken and not is_offered(one.need, known):
            there = f"version of {one.blueprint} within {one.version}"
            message = f"there is no {there if known.get(one.blueprint) else one.blueprint} yet"
            fix = "add it; until then, this version waits"
            yield source.finding(at, "depends.unknown", message, fix, severity=Severity.PENDING)


# ---- the configuration


def _configuration(
    blueprint: Blueprint, looked: soundness.Looked, source: Document
) -> Iterator[Finding]:
    at: Path = ("spec", "configSchema")
    for wrong in looked.found:
        rule = f"config-schema.{wrong.rule}"
        yield source.finding((*at, *wrong.path), rule, wrong.message, wrong.fix or "correct it")
    for path, part in metaschema.walk(looked.rest):
        field = str(path[-1]) if path[-2:-1] == ("properties",) else ""
        if looked.doubts(configschema.field_path(path)) or _told_apart(part):
            continue
        if part.get("type") == "string" and SECRET_NAME.search(field):
            message = f"{field} looks like a secret, and its value would stand in the open"
            fix = "add x-catalyst-ui-hint: password, so that it says where the secret stands"
            warning = Severity.WARNING
            yield source.finding((*at, *path), "advice.password", message, fix, severity=warning)
    yield from _given_twice(blueprint, looked, source)


def _given_twice(
    blueprint: Blueprint, looked: soundness.Looked, source: Document
) -> Iterator[Finding]:
    """Return which fields a person has to give though they have a default."""
    for path, part in metaschema.walk(looked.rest):
        # In an alternative or a condition, what is required says which one is meant.
        plain = all(keyword in _HELD for keyword, _ in configschema.steps(path))
        fields, names = part.get("properties"), part.get("required")
        if not plain or not isinstance(fields, dict) or not isinstance(names, list):
            continue
        for index, name in enumerate(names):
            held, field = fields.get(name), (*configschema.field_path(path), name)
            defaulted = isinstance(held, dict) and "default" in held
            given = found_at(blueprint.values, field, _ABSENT)
            # What the author's own values give, nobody is asked for.
            if not defaulted or looked.doubts(field) or given is not _ABSENT:
                continue
            message = f"{name} has a default and is required all the same"
            message += ": whoever leaves it out is refused"
            fix = "take it out of `required`, or take its default away"
            where = ("spec", "configSchema", *path, "required", index)
            severity = Severity.WARNING
            yield source.finding(where, "advice.required", message, fix, severity=severity)


def _told_apart(part: dict[str, Any]) -> bool:
    """Return whether a text says what it holds, or is one of a few words."""
    return any(keyword in part for keyword in ("x-catalyst-ui-hint", "enum", "const"))


def _values(seen: _Seen, source: Document) -> Iterator[Finding]:
    """Return what is wrong with the values and overlays that the author sets."""
    blueprint = seen.blueprint
    if seen.looked.opens(()):
        return  # the schema is what is wrong
    at: Path = ("spec", "manifests")
    layers: list[tuple[Path, str]] = [((*at, "values"), "")]
    layers += [((*at, "overlays", name), name) for name in blueprint.overlays]
    told: set[Violation] = set()
    for path, overlay in layers:
        given = rendering.given(blueprint, {}, overlay=overlay)
        for wrong in _refused(blueprint.schema, given):
            if wrong.rule in {"required", "oneOf", "anyOf"}:
                continue  # the person gives it
            if seen.looked.doubts(wrong.path):
                continue  # the schema is what is wrong
            if wrong in told:
                continue  # it stands in the values, below each overlay
            told |= {wrong} if not overlay else set()
            yield source.finding((*path, *wrong.path), "values", wrong.message, "correct the value")


def _refused(schema: dict[str, Any], given: dict[str, Any]) -> Iterator[Violation]:
    """Return what is wrong with values once the defaults stand beside them, or cannot."""
    values, unfilled = configschema.filled(schema, given)
    yield from configschema.beyond(values, "the configuration")
    yield from configschema.refused(schema, values)
    yield from unfilled


# ---- expressions


def _spec_expressions(seen: _Seen, source: Document) -> Iterator[Finding]:
    spec = seen.blueprint.spec
    for index, one in enumerate(spec.get("depends") or ()):
        if not isinstance(one, dict):
            continue
        at: Path = ("spec", "depends", index)
        if "values" in one:
            yield from _placed(seen, source, one["values"], (*at, "values"))
        if "when" in one:
            yield from _when(seen, source, (*at, "when"), one["when"])
    if "outputs" in spec:
        yield from _placed(seen, source, spec["outputs"], ("spec", "outputs"))


def _when(seen: _Seen, source: Document, path: Path, text: str) -> Iterator[Finding]:
    try:
        found = templates.condition(text)
    except BadExpression as error:
        yield manifests.bad(source, path, text, error)
        return
    for reference in found.references:
        yield from _reference(seen, source, path, source.mark(path), reference)


def _placed(seen: _Seen, source: Document, value: Any, at: Path) -> Iterator[Finding]:
    placed, bad = manifests.expressions(source, value=value, at=at, old=True)
    yield from bad
    for one in placed:
        for reference in one.expression.references:
            yield from _reference(seen, source, one.path, one.mark, reference)


def _reference(
    seen: _Seen,
    source: Document,
    path: Path,
    mark: tuple[int, int],
    reference: Reference,
) -> Iterator[Finding]:
    """Return that an expression reads what is never there."""
    root, *steps = reference.path
    name = ".".join(reference.path)
    missing = ""
    if root == "config":
        known = not seen.looked.opens(tuple(steps))
        missing = seen.fields.missing(steps) if known else ""
    elif steps and steps[0] not in KNOWN[root]:
        missing = f"{root}.{steps[0]}"
    elif steps[:1] == ["dependencies"] and len(steps) > 1:
        if steps[1] not in {one.alias for one in seen.blueprint.depends}:
            missing = f"a dependency with the alias {steps[1]}" if seen.aliases else ""
        elif len(steps) > 2 and steps[2] not in NEIGHBOUR:
            missing = name
    if missing:
        message = f"there is no {missing}, which the expression reads"
        fix = "correct the name, or add it"
        yield source.finding(path, "expression.unknown", message, fix, at=mark)


# ---- manifests


def _manifests(
    made: manifests.Manifests | None, seen: _Seen, source: Document, *, own: bool
) -> Iterator[Finding]:
    if made is None:
        kind = _other_kind(seen.blueprint)
        if kind:
            at: Path = ("spec", "manifests")
            message = f"manifests of the kind {kind} cannot be rendered here"
            fix = "write plain manifests and name their folder: {kind: Kustomize, ref: manifests}"
            yield source.finding(at, "manifests.kind", message, fix, severity=Severity.WARNING)
        return
    yield from made.findings
    for manifest in made.files:
        for document in manifest.objects:
            yield from _placed_in(seen, document)
    yield from advise(made)
    yield from restarts.advise(made)
    yield from powers(made, Severity.ERROR if own else Severity.WARNING)


def _other_kind(blueprint: Blueprint) -> str:
    """Return of which kind manifests are that cannot be rendered; empty: there are none."""
    given = blueprint.spec.get("manifests") or {}
    kind: str = (given.get("source") or {}).get("kind", "chart" if "chart" in given else "")
    return kind


def _nothing(blueprint: Blueprint, source: Document) -> Finding:
    """Return that there is nothing to make at all."""
    at: Path = ("spec", "manifests") if "manifests" in blueprint.spec else ("spec",)
    message = "it has no manifests and depends on nothing: an installation makes nothing"
    fix = "name the folder of its manifests: {source: {kind: Kustomize, ref: manifests}}"
    return source.finding(at, trial.NOTHING, message, fix, severity=Severity.WARNING)


def _placed_in(seen: _Seen, document: Document) -> Iterator[Finding]:
    placed, bad = manifests.expressions(document)
    yield from bad
    for one in placed:
        for reference in one.expression.references:
            yield from _reference(seen, document, one.path, one.mark, reference)
