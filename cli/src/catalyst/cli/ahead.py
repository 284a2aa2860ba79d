"""What would be refused of a manifest once it is sent: known before, so that it is told at once.

Beside the shape of a manifest (`manifests`), which is looked at first, that is what the contract of
its command says of each field, and what the owner says of several together, as far as that needs
nothing but the manifest. A manifest that has not even its shape is looked at all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from pydantic.alias_generators import to_camel

from catalyst.cli import manifests
from catalyst.cli.documents import Document, Path
from catalyst.cli.manifests import Bad
from catalyst.cli.typed import keys_of
from catalyst.contracts import environment_v1 as env
from catalyst.contracts.message import FieldError
from catalyst.contracts.registry import COMMANDS
from catalyst.environment_controller.domain import naming
from catalyst.environment_controller.domain.environment import check_regions
from catalyst.environment_controller.domain.findings import SUBJECT, Findings
from catalyst.environment_controller.domain.identity import check_identity
from catalyst.environment_controller.domain.people import check_owners
from catalyst.environment_controller.domain.spelling import normalize
from catalyst.gateway.fields import wrong_fields

Fields = Mapping[str, Any]

_RENAMED: Final = {"policy_ref": "policy"}
"""Fields that a command calls otherwise than a manifest does, apart from how they are written."""
_WRITTEN: Final = {name: written for written, name in _RENAMED.items()}
_APART: Final = frozenset({"slug", "organization_ref"})
"""Fields of a manifest that stand in the subject of its command, and not in its data."""
_CREATES: Final[Mapping[str, type]] = {
    "Organization": env.CreateOrganization,
    "Environment": env.CreateEnvironment,
    "EnvironmentPolicy": env.DefinePolicy,
}


def by_contract(document: Document) -> list[Bad]:
    """Return what no owner would take of any field."""
    made = _data(document)
    if made is None:
        return []
    kind, data = made
    (message,) = (one for one in COMMANDS.values() if one.shape is _CREATES[kind])
    found = wrong_fields(message, msgspec.json.encode(data))
    return [_bad(document, error) for error in found]


def by_owner(document: Document) -> list[Bad]:
    """Return which rules of the owner about names, or about several fields, are broken.

    Each is looked at as far as what it is about is right for itself.
    """
    made = _data(document)
    if made is None:
        return []
    kind, data = made
    found = Findings()
    _CHECKS[kind](
        _text(document.value.get("metadata"), "name"), document.value["spec"], data, found
    )
    return [_bad(document, error) for error in found.errors]


def _organization(name: str, spec: Fields, data: Fields, found: Findings) -> None:
    slug = _text(spec, "slug")
    if slug:
        naming.check_slug(slug, found, SUBJECT)
        if name not in {"", slug}:
            found.add("slug-mismatch", "/metadata/name", "must be the same as spec.slug")
    check_identity(_read(data.get("identity"), env.Identity), found)
    owners = _read(data.get("owners"), tuple[env.Owner, ...])
    if owners:
        check_owners(owners, found)


def _environment(name: str, spec: Fields, data: Fields, found: Findings) -> None:
    head, tail = f"{_text(spec, 'organizationRef')}-", f"-{_text(spec, 'envType')}"
    inner = name.removeprefix(head).removesuffix(tail)
    label = _text(data, "label") or (inner if name == f"{head}{inner}{tail}" else "")
    problem = naming.check_label(label) if label else ""
    if problem:
        found.add("environment-label-invalid", "/data/label", problem)
    placement = _read(data.get("placement"), env.Placement)
    regions = _read(data.get("regions"), tuple[env.Region, ...])
    if placement and regions:
        check_regions(placement, regions, found)


def _policy(name: str, _spec: Fields, data: Fields, found: Findings) -> None:
    if name:
        naming.check_policy_name(name, found, SUBJECT)
    command = _read(data, env.DefinePolicy)
    if command is not None:
        normalize(name, "", command, found)


_CHECKS: Final[Mapping[str, Callable[[str, Fields, Fields, Findings], None]]] = {
    "Organization": _organization,
    "Environment": _environment,
    "EnvironmentPolicy": _policy,
}


def _read(found: object, shape: Any) -> Any:
    """Return a part of the data as the owner has it; None if it is not there, or not right."""
    try:
        return msgspec.convert(found, shape)
    except msgspec.ValidationError:
        return None


def _text(found: Any, name: str) -> str:
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _data(document: Document) -> tuple[str, dict[str, Any]] | None:
    """Return the kind, and the data of the command that makes it; None where nothing says either.

    What is null is left out: it takes away what is there.
    """
    value = document.value
    kind = _text(value, "kind")
    if kind not in _CREATES or not isinstance(value.get("spec"), dict):
        return None
    found = _renamed(value["spec"])
    return kind, {_RENAMED.get(name, name): found[name] for name in found if name not in _APART}


def _aliases(part: type[manifests.Part]) -> Iterator[tuple[str, str]]:
    for below in part.__subclasses__():
        yield from ((field.alias or name, name) for name, field in below.model_fields.items())


_NAMES: Final[Mapping[str, str]] = dict(_aliases(manifests.Part))
"""The fields of all manifests as they are written, with their names in messages."""


def _renamed(found: Any) -> Any:
    if isinstance(found, dict):
        named = ((_NAMES.get(name, name), value) for name, value in found.items())
        return {name: _renamed(value) for name, value in named if value is not None}
    return [_renamed(one) for one in found] if isinstance(found, list) else found


def _bad(document: Document, error: FieldError) -> Bad:
    return Bad(path=_path(document, error.pointer), rule=error.rule, message=error.message)


def _path(document: Document, pointer: str) -> Path:
    """Return the path in a manifest of what a pointer into its command names."""
    if pointer == SUBJECT:
        own = document.value["kind"] == "Organization"
        return ("spec", "slug") if own else ("metadata", "name")
    root, *steps = keys_of(pointer)
    if root == "metadata":
        return (root, *steps)
    found: Any = document.value["spec"]
    if steps == ["label"] and "label" not in found:
        return ("metadata", "name")
    path: list[str | int] = ["spec"]
    for step in steps:
        if isinstance(found, list) and step.isdecimal():
            path.append(int(step))
            found = found[int(step)] if int(step) < len(found) else None
            continue
        wanted = _WRITTEN.get(step, step)
        there = found if isinstance(found, dict) else {}
        name = next((one for one in there if _NAMES.get(one, one) == wanted), None)
        path.append(to_camel(wanted) if name is None else name)
        found = there.get(name) if name is not None else None
    return tuple(path)
