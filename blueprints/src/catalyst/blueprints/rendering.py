"""From a package and a configuration to the Kubernetes objects: same input, same bytes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from catalyst.blueprints import kinds, manifests, templates
from catalyst.blueprints.configschema import effective
from catalyst.blueprints.dependencies import evaluated
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.expressions import BadExpression, EvaluationError
from catalyst.blueprints.findings import Finding, Path, errors
from catalyst.blueprints.manifests import CONDITION, KUSTOMIZATION, WHEN
from catalyst.blueprints.merging import merged
from catalyst.blueprints.package import Package
from catalyst.blueprints.scope import Scope
from catalyst.blueprints.source import AMBIGUOUS, Document

Each = Callable[[dict[str, Any]], dict[str, Any]]

MAX_BYTES: Final = 2 * 1024 * 1024
"""Of everything that is rendered."""


class RenderError(Exception):
    """A package that cannot be rendered with this configuration."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        """Say where it fails, and why."""
        first = findings[0]
        super().__init__(f"{first.file}:{first.line}:{first.column}: {first.message}")
        self.findings = findings


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """What a change commits."""

    files: dict[str, bytes]
    """By name: the manifests that hold an object, and the `kustomization.yaml` that lists them."""
    objects: tuple[dict[str, Any], ...]
    """In the order of the files."""


def given(blueprint: Blueprint, parameters: dict[str, Any], *, overlay: str = "") -> dict[str, Any]:
    """Return what stands over the defaults: values, overlay, parameters, later wins.

    Raises:
        KeyError: If there is no such overlay.
    """
    chosen = blueprint.overlays[overlay] if overlay else {}
    return merged(blueprint.values, chosen, parameters)


def configuration(
    blueprint: Blueprint, parameters: dict[str, Any], *, overlay: str = ""
) -> dict[str, Any]:
    """Return what an Application runs with: defaults, and over them what is `given`."""
    return effective(blueprint.schema, given(blueprint, parameters, overlay=overlay))


def render(
    package: Package, blueprint: Blueprint, scope: Scope, each: Each = lambda made: made
) -> Rendered:
    """Return the objects and the files of an Application.

    Args:
        package: What is rendered.
        blueprint: The same, as it was read.
        scope: What its expressions see.
        each: What becomes of each object before it is written; must not change what it is given.

    Raises:
        RenderError: With every place that fails.
    """
    files: dict[str, bytes] = {}
    found = objects(package, blueprint, scope)
    made = {name: [each(one) for one in group] for name, group in found.items()}
    for name, group in made.items():
        files[name.removeprefix(f"{blueprint.manifests}/")] = to_yaml(group)
    if files:
        head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        files[KUSTOMIZATION] = to_yaml([{**head, "resources": list(files)}])
    return Rendered(files=files, objects=tuple(one for group in made.values() for one in group))


def objects(
    package: Package, blueprint: Blueprint, scope: Scope
) -> dict[str, list[dict[str, Any]]]:
    """Return the objects alone, by the file of the package that they come from.

    Raises:
        RenderError: With every place that fails.
    """
    if not blueprint.manifests:
        return {}
    return made_of(manifests.read(package, blueprint.manifests), blueprint, scope)


def made_of(
    found: manifests.Manifests, blueprint: Blueprint, scope: Scope
) -> dict[str, list[dict[str, Any]]]:
    """Return the objects of manifests that were read before.

    Raises:
        RenderError: With every place that fails.
    """
    if errors(found.findings):
        raise RenderError(errors(found.findings))
    files, failing = tried(found, blueprint, scope)
    if failing:
        raise RenderError(failing)
    return files


def tried(
    found: manifests.Manifests, blueprint: Blueprint, scope: Scope
) -> tuple[dict[str, list[dict[str, Any]]], tuple[Finding, ...]]:
    """Return the objects of those manifests that could be read, and every place that fails."""
    run = _Run(blueprint, scope)
    files: dict[str, list[dict[str, Any]]] = {}
    for manifest in found.files:
        made = [one for source in manifest.objects if (one := run.object(source)) is not None]
        if made:
            files[manifest.file] = made
    return files, tuple(run.findings)


def outputs(blueprint: Blueprint, scope: Scope) -> dict[str, Any]:
    """Return `spec.outputs` with its expressions evaluated.

    Raises:
        BadExpression: If an expression is not taken; lint finds it before.
        EvaluationError: If one has no result.
    """
    found: dict[str, Any] = evaluated(blueprint.outputs, scope.variables())
    return found


def labels(blueprint: Blueprint, scope: Scope) -> dict[str, str]:
    """Return the labels that every object gets."""
    application = scope.application
    return {
        "app.kubernetes.io/name": blueprint.name.removeprefix("bp-"),
        "app.kubernetes.io/instance": application.name,
        "app.kubernetes.io/version": blueprint.version,
        "app.kubernetes.io/managed-by": "catalyst",
        "app.kubernetes.io/part-of": application.name,
        "openova.io/organization": application.organization,
        "openova.io/environment": application.environment,
        "openova.io/env-type": scope.environment.type,
        "openova.io/application": application.name,
        "openova.io/blueprint": blueprint.name,
        "openova.io/blueprint-version": blueprint.version,
    }


class _Run:
    """One rendering; findings are collected, so that all are told at once."""

    def __init__(self, blueprint: Blueprint, scope: Scope) -> None:
        self.findings: list[Finding] = []
        self._variables = scope.variables()
        self._namespace = scope.application.namespace
        self._labels = labels(blueprint, scope)
        self._seen: dict[tuple[str, str, str], Document] = {}
        self._told: dict[str, str] = {}
        """What a text with expressions gave, if it gave a text: many stand in every object."""
        self._bytes = 0

    def object(self, source: Document) -> dict[str, Any] | None:
        """Return the object of a document, or None if its condition is false or it fails."""
        before = len(self.findings)
        if not self._wanted(source):
            return None
        made = self._value(source, source.value, ())
        if len(self.findings) > before:
            return None
        self._bytes += len(msgspec.json.encode(made))
        if self._bytes > MAX_BYTES:
            self._fail(source, (), "render.size", f"more than {MAX_BYTES} bytes", "ask for less")
            return None
        self._complete(source, made)
        return None if len(self.findings) > before else made

    def _wanted(self, source: Document) -> bool:
        annotations = source.value["metadata"].get("annotations")
        text = annotations.get(WHEN) if isinstance(annotations, dict) else None
        if text is None:
            return True
        fix = "write an expression that gives true or false"
        try:
            result = templates.condition(str(text)).evaluate(self._variables)
        except BadExpression as error:
            self.findings.append(manifests.bad(source, CONDITION, str(text), error))
            return False
        except EvaluationError as error:
            self._fail(source, CONDITION, "render.expression", str(error), fix)
            return False
        if not isinstance(result, bool):
            self._fail(source, CONDITION, "render.expression", "neither true nor false", fix)
            return False
        return result

    def _value(self, source: Document, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self._text(source, value, path)
        if isinstance(value, dict):
            made = {}
            for name, inner in value.items():
                if name == WHEN and (*path, name) == CONDITION:
                    continue
                one = self._value(source, inner, (*path, name))
                if _stays(inner, one):
                    made[name] = one
            return made
        if isinstance(value, list):
            each = [self._value(source, inner, (*path, at)) for at, inner in enumerate(value)]
            return [one for inner, one in zip(value, each, strict=True) if _stays(inner, one)]
        return value

    def _text(self, source: Document, text: str, path: Path) -> Any:
        if "{{" not in text:
            return text
        if (told := self._told.get(text)) is not None:
            return told
        try:
            made = templates.parse(text).evaluate(self._variables)
        except BadExpression as error:
            self.findings.append(manifests.bad(source, path, text, error))
        except EvaluationError as error:
            at = manifests.mark_of(source, path, text, text.find("{{") + 2, 0)
            fix = "look at the types, and ask has(…) for what may be missing"
            self.findings.append(source.finding(path, "render.expression", str(error), fix, at=at))
        else:
            if isinstance(made, str):
                self._told[text] = made
            return made
        return None

    def _complete(self, source: Document, made: dict[str, Any]) -> None:
        metadata = made["metadata"]
        name = metadata.get("name")
        if not manifests.valid_object_name(name):
            fix = "at most 253 lower-case letters, digits, - and ."
            message = f"{name!r} is no name of an object"
            self._fail(source, ("metadata", "name"), "render.name", message, fix)
            return
        given = metadata.get("namespace")
        if given not in (None, self._namespace):
            message = f"the namespace is {self._namespace}, and {given} stands here"
            fix = "leave the namespace out"
            self._fail(source, ("metadata", "namespace"), "render.namespace", message, fix)
        identity = (made["apiVersion"], made["kind"], name)
        first = self._seen.setdefault(identity, source)
        if first is not source:
            message = f"{made['kind']} {name} is made twice, first in {first.file}"
            self._fail(source, ("metadata", "name"), "render.duplicate", message, "rename one")
        metadata["namespace"] = self._namespace
        self.findings.extend(kinds.steering(source, metadata))
        if not metadata.get("annotations"):
            metadata.pop("annotations", None)
        self._label(made)
        for place in _templates(made):
            if isinstance(place.setdefault("metadata", {}), dict):
                self._label(place)
            else:
                message = "the metadata of a template is a map"
                self._fail(source, ("spec",), "render.metadata", message, "write labels in a map")

    def _label(self, holder: dict[str, Any]) -> None:
        metadata = holder["metadata"]
        own = metadata.get("labels")
        metadata["labels"] = {**(own if isinstance(own, dict) else {}), **self._labels}

    def _fail(self, source: Document, path: Path, rule: str, message: str, fix: str) -> None:
        self.findings.append(source.finding(path, rule, message, fix))


def _stays(written: Any, made: Any) -> bool:
    """Return whether an entry stays: only an expression that gives null leaves it out."""
    return made is not None or not isinstance(written, str)


def _templates(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the templates of pods and jobs; not of claims, whose labels can never change."""
    spec = made.get("spec")
    found: list[dict[str, Any]] = []
    while isinstance(spec, dict):
        template = spec.get("template")
        if isinstance(template, dict):
            found.append(template)
        inner = spec.get("jobTemplate")
        if isinstance(inner, dict):
            found.append(inner)
            spec = inner.get("spec")
        else:
            break
    return found


# ---- bytes


_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./:@=+ -]*")
_QUOTED: Final = AMBIGUOUS | {"nan", "inf"}
_TEXT: Final = "tag:yaml.org,2002:str"
_START: Final = {
    list: SequenceStartEvent(None, "tag:yaml.org,2002:seq", implicit=True, flow_style=False),
    dict: MappingStartEvent(None, "tag:yaml.org,2002:map", implicit=True, flow_style=False),
}
_END: Final = {list: SequenceEndEvent(), dict: MappingEndEvent()}
_OTHERS: Final = yaml.representer.SafeRepresenter()
_RESOLVER: Final[Any] = yaml.resolver.Resolver()


def to_yaml(objects: list[dict[str, Any]]) -> bytes:
    """Return objects as one file: keys sorted, the same objects always the same bytes.

    In block style, without aliases, and with quotes where any reader of YAML could see no text.
    """
    events: list[yaml.Event] = [StreamStartEvent()]
    for one in objects:
        events.append(DocumentStartEvent(explicit=len(objects) > 1))
        _tell(one, events.append)
        events.append(DocumentEndEvent(explicit=False))
    events.append(StreamEndEvent())
    text: str = yaml.emit(events, Dumper=yaml.CSafeDumper, allow_unicode=True, width=1_000_000)
    return text.encode("utf-8")


def _tell(value: Any, tell: Callable[[yaml.Event], None]) -> None:
    """Tell a value as events: to make nodes of it first would take more than twice as long."""
    kind = type(value)
    if kind is str:
        tell(_short_text(value) if len(value) <= _SHORT else _text(value))
    elif kind is dict:
        tell(_START[dict])
        for name, inner in sorted(value.items()):
            _tell(name, tell)
            _tell(inner, tell)
        tell(_END[dict])
    elif kind is list:
        tell(_START[list])
        for inner in value:
            _tell(inner, tell)
        tell(_END[list])
    else:
        node = _OTHERS.represent_data(value)
        tell(ScalarEvent(None, node.tag, (True, False), node.value))


_SHORT: Final = 64
"""Characters of a text that is likely to come again, as names and keys do."""


def _text(text: str) -> ScalarEvent:
    style = None
    if "\n" in text and not re.search(r"[ \t]\n|[^\x20-\x7e\n\t]", text):
        style = "|"
    elif not _PLAIN.fullmatch(text) or text.lower() in _QUOTED:
        style = '"' if re.search(r"[^\x20-\x7e]", text) else "'"
    is_text = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) == _TEXT
    return ScalarEvent(None, _TEXT, (is_text, True), text, style=style)


_short_text = functools.lru_cache(maxsize=4096)(_text)
