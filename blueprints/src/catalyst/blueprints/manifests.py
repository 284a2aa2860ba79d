"""The manifests of a package: which files, in which order, and every expression in them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from catalyst.blueprints import kinds, templates
from catalyst.blueprints.expressions import BadExpression, Expression
from catalyst.blueprints.findings import Finding, Path, Severity
from catalyst.blueprints.package import BadPackage, Package
from catalyst.blueprints.source import Document, Mark, Parsed, parse, walk

KUSTOMIZATION: Final = "kustomization.yaml"
WHEN: Final = "catalyst.openova.io/when"
"""The annotation that makes an object conditional."""
CONDITION: Final = ("metadata", "annotations", WHEN)
"""Where it stands; within an object, as in what its pods are made of, it decides nothing."""
MAX_OBJECTS: Final = 200
KEPT_CHARACTERS: Final = 8 * 1024
"""Shorter files are kept as they were parsed: each is rendered for every plan and commit."""
MAX_VALUES: Final = 40_000
"""Of all files together: each alone may be as large as it likes to be, and there are hundreds."""

_KEYS: Final = frozenset({"apiVersion", "kind", "resources"})
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One file of objects."""

    file: str
    """Path in the package."""
    objects: tuple[Document, ...]


class Manifests(msgspec.Struct, frozen=True, kw_only=True):
    """All files in their order, and what is wrong with their form."""

    folder: str
    files: tuple[Manifest, ...]
    findings: tuple[Finding, ...]


def read(package: Package, folder: str) -> Manifests:
    """Return the files that the folder's `kustomization.yaml` lists."""
    listed = f"{folder}/{KUSTOMIZATION}"
    findings: list[Finding] = []
    if listed not in package.files:
        fix = f"put a {KUSTOMIZATION} with the list `resources` into the folder"
        message = f"there is no {listed}, which lists the manifests"
        return Manifests(
            folder=folder,
            files=(),
            findings=(_file_finding(listed, "manifests.missing", message, fix),),
        )
    files: list[Manifest] = []
    values = 0
    for name in _resources(package, listed, findings):
        path = f"{folder}/{name}"
        documents, more = _documents(package, path, findings)
        values += more
        if values > MAX_VALUES:
            message = f"more than {MAX_VALUES} values in all files together"
            findings.append(_file_finding(path, "manifests.size", message, "split the Blueprint"))
            files = []
            break
        objects = [one for one in documents if _is_object(one, findings)]
        files.append(Manifest(file=path, objects=tuple(objects)))
    if sum(len(one.objects) for one in files) > MAX_OBJECTS:
        message = f"more than {MAX_OBJECTS} objects"
        findings.append(_file_finding(listed, "manifests.size", message, "split the Blueprint"))
        files = []
    if not any(one.objects for one in files) and not findings:
        message = "there is no object in the manifests"
        findings.append(_file_finding(listed, "manifests.empty", message, "list files"))
    return Manifests(folder=folder, files=tuple(files), findings=tuple(findings))


def _resources(package: Package, path: str, findings: list[Finding]) -> Iterator[str]:
    documents, _ = _documents(package, path, findings)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        if documents:
            fix = "write apiVersion, kind and resources"
            findings.append(documents[0].finding((), "manifests.list", "this is no list", fix))
        return
    source = documents[0]
    for name in source.value.keys() - _KEYS:
        message = f"{name} is not done: the files are rendered as they are"
        fix = "leave it out; a Kustomization has only resources here"
        findings.append(source.finding((name,), "manifests.list", message, fix))
    listed = source.value.get("resources")
    if not isinstance(listed, list):
        fix = "list the files under resources"
        findings.append(source.finding(("resources",), "manifests.list", "nothing listed", fix))
        return
    folder = path.rpartition("/")[0]
    seen: set[str] = set()
    for index, name in enumerate(listed):
        at = ("resources", index)
        plain = name.removeprefix("./") if isinstance(name, str) else ""
        if f"{folder}/{plain}" not in package.files or plain in seen or plain == KUSTOMIZATION:
            message = f"there is no file {name} in {folder}, or it is listed twice"
            fix = "name each file in the folder once; other places are not followed"
            findings.append(source.finding(at, "manifests.list", message, fix))
            continue
        seen.add(plain)
        yield plain


def _documents(
    package: Package, path: str, findings: list[Finding]
) -> tuple[tuple[Document, ...], int]:
    """Return the documents of a file, and how many values they hold."""
    try:
        text = package.text(path)
        parsed = (_kept if len(text) < KEPT_CHARACTERS else parse)(text, path)
    except BadPackage as error:
        findings.append(_file_finding(path, "package.encoding", error.reason, error.fix))
        return (), 0
    findings.extend(parsed.findings)
    return parsed.documents, parsed.values


@functools.lru_cache(maxsize=256)
def _kept(text: str, path: str) -> Parsed:
    return parse(text, path)


def _is_object(source: Document, findings: list[Finding]) -> bool:
    value = source.value
    if not isinstance(value, dict):
        message = "a document of a manifest is a Kubernetes object"
        findings.append(source.finding((), "manifests.object", message, "write apiVersion, kind"))
        return False
    well = True
    for path in (("apiVersion",), ("kind",), ("metadata", "name")):
        found: Any = value
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        if not isinstance(found, str) or not found or ("${{" in found and path[0] != "metadata"):
            name = ".".join(path)
            message = f"{name} is missing or no plain text"
            findings.append(source.finding(path, "manifests.object", message, f"write {name}"))
            well = False
    if well:
        found = list(kinds.check(source))
        findings.extend(found)
        well = all(one.rule != "manifests.object" for one in found)
    return well


def valid_object_name(name: Any) -> bool:
    """Return whether Kubernetes takes this as a name."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class Placed(msgspec.Struct, frozen=True):
    """An expression and where it stands."""

    path: Path
    expression: Expression
    mark: Mark
    condition: bool
    """Whether it decides if its object is made."""


def expressions(
    source: Document, *, value: Any = None, at: Path = (), old: bool = False
) -> tuple[list[Placed], list[Finding]]:
    """Return every expression of a document, or of the part of it at a path, and all bad ones."""
    placed: list[Placed] = []
    findings: list[Finding] = []
    for path, text in walk(source.value if value is None else value, at):
        condition = path == CONDITION
        if not isinstance(text, str) or not (condition or "{{" in text):
            continue
        try:
            if condition:
                found = templates.condition(text)
                placed.append(Placed(path, found, source.mark(path), condition=True))
                continue
            for number, part in enumerate(templates.parse(text, old=old).expressions):
                mark = mark_of(source, path, text, part.offset, number)
                placed.append(Placed(path, part.expression, mark, condition=False))
        except BadExpression as error:
            findings.append(bad(source, path, text, error))
    return placed, findings


def bad(source: Document, path: Path, text: str, error: BadExpression) -> Finding:
    """Return a bad expression as a finding at its character."""
    opened = text.count("{{", 0, error.offset)
    mark = mark_of(source, path, text, error.offset, max(opened - 1, 0))
    return source.finding(path, "expression", error.reason, error.fix, at=mark)


def mark_of(source: Document, path: Path, text: str, offset: int, number: int) -> Mark:
    """Return the place in the file of a character of a text's value.

    The text is written in one of YAML's styles. Its n-th `{{` is the n-th in the file, too; from
    there on, characters are counted if none is escaped or folded.
    """
    written = source.written(path)
    in_value, in_file = 0, 0
    for _ in range(number + 1):
        in_value = text.find("{{", in_value) + 2
        in_file = written.find("{{", in_file) + 2
        if in_value < 2 or in_file < 2:
            # No braces: a bare condition.
            quoted = 1 if written[:1] in {"'", '"'} else 0
            plain = "\n" not in written
            return source.mark_in(path, quoted + offset if plain else 0)
    between = text[in_value:offset]
    same = written.startswith(between, in_file)
    return source.mark_in(path, in_file + (offset - in_value if same else 0))


def _file_finding(file: str, rule: str, message: str, fix: str) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        rule=rule,
        file=file,
        line=0,
        column=0,
        pointer="",
        message=message,
        fix=fix,
    )
