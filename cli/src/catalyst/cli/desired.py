"""From a manifest and what stands now to the commands that close the gap; pure.

What a manifest leaves out stays as it is; `null` takes it away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.cli import manifests
from catalyst.cli.documents import Document, Path
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.manifests import (
    Bad,
    Environment,
    EnvironmentPolicy,
    Manifest,
    Organization,
    Unfit,
)
from catalyst.cli.typed import keys_of
from catalyst.client.rows import Row
from catalyst.contracts.codec import pointer_token
from catalyst.contracts.environment_v1 import UpdatePolicy
from catalyst.contracts.environment_v2 import PolicyDefined
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected

ID_PREFIX: Final = "apply-"
_DIGEST_CHARACTERS: Final = 40


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that should be so."""

    kind: str
    """Plural, as the read model names it."""
    organization: str
    id: str
    manifest: Manifest
    document: Document
    """What was written."""

    @property
    def place(self) -> str:
        """Where it was written."""
        return self.document.place()

    @property
    def title(self) -> str:
        """How it is called in messages."""
        word = {"organizations": "organization", "environments": "environment"}
        return f"{word.get(self.kind, 'policy')}/{self.id}"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One command on the way."""

    type: str
    data: Mapping[str, Any]
    base: int = 0
    """Sequence of the row that this was decided from; 0 if there was none."""

    def command_id(self, wanted: Wanted, after: int = 0) -> str:
        """Return the id of the command: the same one for the same step from the same state.

        `after` tells a later attempt apart, where what stands under the plain id does not count.
        """
        content = msgspec.json.encode(self.data, order="sorted")
        text = f"{self.type} {wanted.organization} {wanted.id} {self.base} {after} ".encode()
        return ID_PREFIX + hashlib.sha256(text + content).hexdigest()[:_DIGEST_CHARACTERS]


class Wrong(FieldError, frozen=True, kw_only=True):
    """What is wrong with a manifest: `pointer` is one into its document."""

    place: str
    """The same for a person: file, line, document, field."""


def wrong(item: Wanted, errors: Sequence[FieldError]) -> tuple[Wrong, ...]:
    """Return what is wrong with the commands of a manifest, each where the manifest says it."""
    paths = [_written(item.manifest, error.pointer) for error in errors]
    return tuple(
        Wrong(
            pointer="".join(f"/{pointer_token(str(step))}" for step in path),
            rule=error.rule,
            message=error.message,
            place=item.document.place(path),
        )
        for error, path in zip(errors, paths, strict=True)
    )


def _written(manifest: Manifest, pointer: str) -> Path:
    """Return the path in a manifest of what a pointer into the data of a command names."""
    name: Path = ("metadata", "name")
    if pointer == "/subject":
        return ("spec", "slug") if isinstance(manifest, Organization) else name
    if pointer == "/data/label" and "label" not in manifest.spec.model_fields_set:
        return name
    if pointer == "/data/reason":
        return ("metadata", "annotations", manifests.SUSPENDED)
    _, *steps = keys_of(pointer)
    return ("spec", *manifests.spelled(manifest.spec, [_RENAMED.get(one, one) for one in steps]))


_RENAMED: Final = {"policy": "policy_ref"}
"""Fields of commands that are called otherwise in manifests, apart from how they are written."""
_ORDER: Final = ("organizations", "policies", "environments")


def wanted(documents: Sequence[Document], organization: str | None) -> list[Wanted]:
    """Return everything that the documents ask for, in an order in which it can be done.

    Args:
        documents: What was read.
        organization: Whose the policies are that do not say so themselves.

    Raises:
        Failure: With everything that is wrong with any of them.
    """
    # Imported here: who applies a plan does not wait for what knows the rules of manifests.
    from catalyst.cli import ahead  # noqa: PLC0415

    read: list[tuple[Document, Manifest]] = []
    told: list[tuple[Document, list[Bad]]] = []
    for document in documents:
        bad: list[Bad] = []
        told.append((document, bad))
        try:
            read.append((document, manifests.read(document)))
        except Unfit as unfit:
            bad += unfit.found
        bad += ahead.by_contract(document)
    slugs = {m.spec.slug for _, m in read if isinstance(m, Organization)}
    owner = organization or (next(iter(slugs)) if len(slugs) == 1 else None)
    found: list[Wanted] = []
    of = {id(document): bad for document, bad in told}
    for document, manifest in read:
        try:
            found.append(_wanted(document, manifest, owner))
        except Unfit as unfit:
            of[id(document)] += unfit.found
    if any(bad for _, bad in told):
        # Since nothing is sent, its owner's part is told as well.
        raise _refused([(one, [*bad, *ahead.by_owner(one)]) for one, bad in told])
    _refuse_doubles(found)
    return sorted(found, key=lambda item: _ORDER.index(item.kind))


def _wanted(document: Document, manifest: Manifest, owner: str | None) -> Wanted:
    match manifest:
        case Organization():
            return _organization(document, manifest)
        case Environment():
            return _environment(document, manifest)
        case EnvironmentPolicy():
            return _policy(document, manifest, owner)


def _organization(document: Document, manifest: Organization) -> Wanted:
    slug = manifest.spec.slug
    if manifest.metadata.name not in ("", slug):
        raise _wrong(("metadata", "name"), "must be the same as spec.slug")
    return Wanted(
        kind="organizations",
        organization=slug,
        id=slug,
        manifest=manifest,
        document=document,
    )


def _environment(document: Document, manifest: Environment) -> Wanted:
    spec = manifest.spec
    try:
        label = manifests.label_of(manifest)
    except ValueError as error:
        raise _wrong(("metadata", "name"), str(error)) from error
    parts = (spec.organization_ref, label, spec.env_type)
    return Wanted(
        kind="environments",
        organization=spec.organization_ref,
        id="-".join(part for part in parts if part),
        manifest=manifest,
        document=document,
    )


def _policy(document: Document, manifest: EnvironmentPolicy, owner: str | None) -> Wanted:
    labels = manifest.metadata.labels
    labelled = next((labels[key] for key in manifests.ORGANIZATION_LABELS if key in labels), "")
    organization = manifest.spec.organization_ref or labelled or owner
    if not manifest.metadata.name:
        raise _wrong(("metadata", "name"), "is missing")
    if not organization:
        text = "does not say whose it is: give spec.organizationRef, a label or --org"
        raise _wrong((), text)
    return Wanted(
        kind="policies",
        organization=organization,
        id=manifest.metadata.name,
        manifest=manifest,
        document=document,
    )


def _refuse_doubles(found: Sequence[Wanted]) -> None:
    places: dict[tuple[str, str, str], str] = {}
    for item in found:
        key = (item.kind, item.organization, item.id)
        if key in places:
            text = f"{item.place}: {item.title} stands in {places[key]} already"
            raise Failure(ExitCode.REJECTED, text, code="invalid-manifest")
        places[key] = item.place


def steps(item: Wanted, row: Row | None) -> list[Step]:
    """Return the commands that make it so; none if it is so already.

    A policy's content is compared in the one spelling that its owner keeps.

    Raises:
        Failure: If a field differs that never changes.
    """
    match item.manifest:
        case Organization() as manifest:
            return _organization_steps(item, manifest, row)
        case Environment() as manifest:
            return _environment_steps(item, manifest, row)
        case EnvironmentPolicy() as manifest:
            data = manifest.spec.given()
            data.pop("organization_ref", None)
            if row is None:
                return [_step("define-policy", data, None)]
            if _is_kept(item, data, row.doc):
                return []
            return [_step("update-policy", data, row)]


def _is_kept(item: Wanted, data: Mapping[str, Any], doc: Mapping[str, Any]) -> bool:
    """Return whether a policy's content, in either spelling, is what stands."""
    # Imported here: only policies need the rule of their owner.
    from catalyst.environment_controller.domain.findings import Findings  # noqa: PLC0415
    from catalyst.environment_controller.domain.spelling import normalize  # noqa: PLC0415

    found = Findings()
    try:
        asked = msgspec.convert(data, UpdatePolicy)
        kept = normalize(item.id, item.organization, asked, found)
        found.settle()
    except (Rejected, msgspec.ValidationError):
        # It is for the owner to say what is wrong.
        return False
    # As JSON, because that is how the row came.
    told = msgspec.json.decode(msgspec.json.encode(kept))
    return all(doc.get(name) == told[name] for name in _CONTENT)


_CONTENT: Final = tuple(
    name for name in PolicyDefined.__struct_fields__ if name not in {"policy", "slug"}
)
"""Fields of a policy's row that its manifest decides."""


def _organization_steps(item: Wanted, manifest: Organization, row: Row | None) -> list[Step]:
    given = manifest.spec.given()
    given.pop("slug")
    found: list[Step] = []
    if row is None:
        found.append(_step("create-organization", given, None))
        doc: Mapping[str, Any] = {}
    else:
        doc = row.doc
        _refuse_changes(item, given, doc, ("kind", "sovereign_ref", "parent_org"))
        changed = {
            name: value
            for name, value in given.items()
            if name not in _FIXED and not same(value, doc.get(name))
        }
        if changed:
            found.append(_step("update-organization", changed, row))
        if _people(given["owners"]) != _people(doc.get("owners") or ()):
            found.append(_step("change-owners", {"owners": given["owners"]}, row))
    annotations = manifest.metadata.annotations
    reason = annotations.get(manifests.SUSPENDED)
    if reason and not doc.get("suspended"):
        found.append(_step("suspend-organization", {"reason": reason}, row))
    if reason is None and manifests.SUSPENDED in annotations and doc.get("suspended"):
        found.append(_step("resume-organization", {}, row))
    return found


_FIXED: Final = frozenset({"kind", "sovereign_ref", "parent_org", "owners"})


def _environment_steps(item: Wanted, manifest: Environment, row: Row | None) -> list[Step]:
    spec = manifest.spec
    given = spec.given()
    if row is None:
        data = {
            "env_type": spec.env_type,
            "label": manifests.label_of(manifest),
            "placement": spec.placement,
            "regions": given["regions"],
        }
        if spec.policy_ref is not None:
            data["policy"] = spec.policy_ref
        return [_step("create-environment", data, None)]
    doc: Mapping[str, Any] = row.doc
    found: list[Step] = []
    changed: dict[str, Any] = {}
    if spec.placement != doc.get("placement"):
        changed["placement"] = spec.placement
    regions = [_kept(region, doc.get("regions") or ()) for region in given["regions"]]
    if not same(regions, doc.get("regions")):
        changed["regions"] = regions
    if changed:
        found.append(_step("update-environment", changed, row))
    if "policy_ref" in given and spec.policy_ref != doc.get("policy"):
        found.append(_step("attach-policy", {"policy": spec.policy_ref}, row))
    return found


def _kept(region: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a region with the host cluster that it has, unless another one is asked for."""
    place = ("provider", "region", "building_block")
    for other in known:
        if all(other.get(name) == region.get(name) for name in place):
            return {"host_cluster": other.get("host_cluster", ""), **region}
    return dict(region)


def same(given: Any, found: Any) -> bool:
    """Return whether what was written is what is there, whatever it leaves out."""
    if isinstance(given, Mapping) and isinstance(found, Mapping):
        return all(same(value, found.get(name)) for name, value in given.items())
    if isinstance(given, list | tuple) and isinstance(found, list | tuple):
        pairs = zip(given, found, strict=False)
        return len(given) == len(found) and all(same(one, other) for one, other in pairs)
    return bool(given == found)


def _people(owners: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(owner["email"].lower(), owner["role"]) for owner in owners}


def _refuse_changes(
    item: Wanted, given: Mapping[str, Any], doc: Mapping[str, Any], names: Sequence[str]
) -> None:
    for name in names:
        if name in given and given[name] != doc.get(name):
            code = "immutable-field"
            text = f"it is {doc.get(name)!r} and never changes; the manifest says {given[name]!r}"
            error = FieldError(pointer=f"/data/{name}", rule=code, message=text)
            raise Failure(ExitCode.REJECTED, text, code=code, errors=(error,))


def _step(verb: str, data: Mapping[str, Any], row: Row | None) -> Step:
    return Step(type=f"environment.{verb}.v1", data=data, base=0 if row is None else row.seq)


def _wrong(path: Path, text: str) -> Unfit:
    return Unfit(Bad(path=path, rule="mismatch", message=text))


def _refused(told: Sequence[tuple[Document, Sequence[Bad]]]) -> Failure:
    """Return everything that is wrong, each once and at its place, in the order of the lines."""
    lines: list[str] = []
    errors: list[FieldError] = []
    for document, found in told:
        shown: list[Bad] = []
        for one in found:
            # Of what is wrong as a whole nothing more is said of its parts.
            if not any(_covers(other.path, one.path) for other in shown):
                shown.append(one)
        for bad in sorted(shown, key=lambda one: document.line(one.path)):
            lines.append(f"{document.place(bad.path)}: {bad.message}")
            pointer = "".join(f"/{pointer_token(str(step))}" for step in bad.path)
            errors.append(FieldError(pointer=pointer, rule=bad.rule, message=bad.message))
    text = "\n".join(lines)
    return Failure(ExitCode.REJECTED, text, code="invalid-manifest", errors=tuple(errors))


def _covers(path: Path, other: Path) -> bool:
    return path == other or (bool(path) and other[: len(path)] == path)
