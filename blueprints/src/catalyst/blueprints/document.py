"""`blueprint.yaml` as a value: both versions of the API, both spellings, every problem at once."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final

import msgspec

from catalyst.blueprints import shape, words
from catalyst.blueprints.circles import Need
from catalyst.blueprints.findings import Finding, Path, Severity
from catalyst.blueprints.merging import copied
from catalyst.blueprints.package import DOCUMENT, BadPackage, Package
from catalyst.blueprints.source import Document, parse

MAX_SPEC: Final = 64 * 1024
"""Bytes of `spec` as JSON: it travels whole in an event."""

_COMPILED: Final = words.validator(shape.BLUEPRINT)
_ROUNDS: Final = 10
"""How often more may be taken away: no map of a document lies deeper in others."""
_NAME: Final = re.compile(shape.NAME)


class Mode(StrEnum):
    """How an Application is spread over regions: the one spelling within Catalyst."""

    SINGLE_REGION = "single-region"
    ACTIVE_ACTIVE = "active-active"
    ACTIVE_HOT_STANDBY = "active-hot-standby"
    ACTIVE_PASSIVE = "active-passive"
    PRIMARY_ONLY = "primary-only"
    SECONDARY_ONLY = "secondary-only"
    EVERY_REGION = "every-region"


_OTHER_SPELLINGS: Final = {
    "singleton": Mode.SINGLE_REGION,
    "active-hotstandby": Mode.ACTIVE_HOT_STANDBY,
}


def mode(text: str) -> Mode:
    """Return the mode that a word of either spelling means.

    Raises:
        ValueError: If there is none.
    """
    return _OTHER_SPELLINGS.get(text) or Mode(text)


def canonical(name: str) -> str:
    """Return a Blueprint's name with `bp-` in front."""
    return name if name.startswith("bp-") else f"bp-{name}"


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """Another Blueprint that this one needs."""

    blueprint: str
    """With `bp-`."""
    version: str = "*"
    """A range."""
    alias: str
    """By which expressions know it; without one, the name without `bp-`, `-` as `_`."""
    when: str = ""
    """Condition as written; empty: always."""
    values: dict[str, Any] = {}
    """Configuration for it, expressions included."""

    @property
    def need(self) -> Need:
        """What is needed, whatever it is for."""
        return Need(self.blueprint, self.version)


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """What the other modules need of a document, in one spelling."""

    name: str
    """With `bp-`."""
    version: str
    title: str
    visibility: str
    schema: dict[str, Any]
    """`configSchema`; without one, a configuration is empty."""
    modes: tuple[Mode, ...]
    default_mode: Mode
    default_mode_on_multi_region: Mode
    depends: tuple[Dependency, ...]
    upgrades_from: tuple[str, ...]
    upgrades_blocks: tuple[str, ...]
    manifests: str
    """Folder of the manifests; empty: none that can be rendered."""
    values: dict[str, Any]
    overlays: dict[str, dict[str, Any]]
    outputs: dict[str, Any]
    spec: dict[str, Any]
    """As written."""

    @property
    def copies(self) -> int | None:
        """How many copies an Organization is meant to have at most; None: any number."""
        means = self.spec.get("multiInstance")
        if means is None:
            return None
        return (means.get("maxPerOrg") or None) if means["enabled"] else 1


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A document and what is wrong with its form."""

    blueprint: Blueprint | None
    """None if the form is wrong."""
    partial: Blueprint | None
    """The same, without what has a wrong form: only to look for more that is wrong."""
    source: Document | None
    findings: tuple[Finding, ...]


def read(package: Package) -> Read:
    """Return the document of a package. Never raises for what an author wrote."""
    try:
        text = package.text(DOCUMENT)
    except KeyError:
        fix = f"put {DOCUMENT} at the top of the package"
        return _failed(_finding("package.document", "", f"there is no {DOCUMENT}", fix))
    except BadPackage as error:
        return _failed(_finding("package.encoding", error.path, error.reason, error.fix))
    parsed = parse(text, DOCUMENT)
    if len(parsed.documents) != 1:
        if not parsed.findings:
            message = f"{DOCUMENT} holds {len(parsed.documents)} documents instead of one"
            return _failed(_finding("package.document", DOCUMENT, message, "keep one document"))
        return _failed(*parsed.findings)
    source = parsed.documents[0]
    findings = list(parsed.findings)
    fatal = False
    for wrong in words.violations(_COMPILED, shape.BLUEPRINT, source.value):
        unknown = wrong.rule == "additionalProperties"
        fatal = fatal or not unknown
        findings.append(
            source.finding(
                wrong.path,
                f"schema.{wrong.rule}",
                f"{wrong.message}, so it does nothing" if unknown else wrong.message,
                wrong.fix or "correct the value",
                severity=Severity.WARNING if unknown else Severity.ERROR,
            )
        )
    if fatal:
        partial = _partial(source.value)
        return Read(blueprint=None, partial=partial, source=source, findings=tuple(findings))
    size = len(msgspec.json.encode(source.value["spec"]))
    if size > MAX_SPEC:
        message = f"spec has {size} bytes, and at most {MAX_SPEC} are taken"
        fix = "shorten the description, or move values into the manifests"
        findings.append(source.finding(("spec",), "package.spec-size", message, fix))
    blueprint = of_spec(source.value["metadata"]["name"], source.value["spec"])
    return Read(blueprint=blueprint, partial=blueprint, source=source, findings=tuple(findings))


def _partial(value: Any) -> Blueprint | None:
    """Return what is left of a document without all that has a wrong form, if that is enough.

    What lacks something is taken away as a whole, and so is what then lacks that, and so on.
    """
    rest = copied(value)
    for _ in range(_ROUNDS):
        if not isinstance(rest, dict) or not isinstance(rest.get("spec"), dict):
            return None
        metadata = rest.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        spec = {"version": "0.0.0", **rest["spec"]}
        card = spec.get("card")
        spec["card"] = {"title": str(name or "unnamed")}
        spec["card"] |= card if isinstance(card, dict) else {}
        whole: dict[str, Any] = {"apiVersion": shape.API_VERSIONS[0], "kind": "Blueprint"}
        whole |= {"metadata": {"name": name or "bp-unnamed"}, "spec": spec}
        wrong = words.violations(_COMPILED, shape.BLUEPRINT, whole)
        if not wrong:
            return of_spec(name or "bp-unnamed", spec)
        for one in wrong:
            _remove(rest, one.path)
    return None


def _remove(value: dict[str, Any], path: Path) -> None:
    """Remove what stands at a path, or what lacks it; of a list's entries the whole list."""
    holder: Any = value
    for at, step in enumerate(path):
        last = at == len(path) - 1
        if not isinstance(holder, dict) or step not in holder:
            if isinstance(holder, dict) and last:
                _remove(value, path[:at])
            return
        if last or isinstance(path[at + 1], int):
            del holder[step]
            return
        holder = holder[step]


def of_spec(name: str, spec: dict[str, Any]) -> Blueprint:
    """Return the Blueprint of a spec that was found well when it was registered."""
    placement = spec.get("placementSchema") or {}
    modes = tuple(dict.fromkeys(mode(word) for word in placement.get("modes") or ()))
    modes = modes or (Mode.SINGLE_REGION,)
    default = mode(placement["default"]) if "default" in placement else modes[0]
    on_many = placement.get("defaultOnMultiRegion")
    upgrades = spec.get("upgrades") or {}
    manifests = spec.get("manifests") or {}
    source = manifests.get("source") or {}
    return Blueprint(
        name=canonical(name),
        version=spec["version"],
        title=spec["card"].get("title") or canonical(name),
        visibility=spec.get("visibility", "listed"),
        schema=spec.get("configSchema") or {"type": "object", "additionalProperties": False},
        modes=modes,
        default_mode=default,
        default_mode_on_multi_region=mode(on_many) if on_many else default,
        depends=tuple(dependency(one) for one in spec.get("depends") or ()),
        upgrades_from=tuple(upgrades.get("from") or ()),
        upgrades_blocks=tuple(upgrades.get("blocks") or ()),
        manifests=folder(source.get("ref", "")) if source.get("kind") == "Kustomize" else "",
        values=manifests.get("values") or {},
        overlays=manifests.get("overlays") or {},
        outputs=spec.get("outputs") or {},
        spec=spec,
    )


def folder(ref: str) -> str:
    """Return `manifests.source.ref` as a path within the package."""
    return ref.removeprefix("./").rstrip("/")


def dependency(written: str | dict[str, Any]) -> Dependency:
    """Return an entry of `depends`, which may be a bare name."""
    given: dict[str, Any] = {"blueprint": written} if isinstance(written, str) else written
    name = canonical(given["blueprint"])
    return Dependency(
        blueprint=name,
        version=given.get("version") or "*",
        alias=given.get("alias") or name.removeprefix("bp-").replace("-", "_"),
        when=given.get("when", ""),
        values=given.get("values") or {},
    )


def valid_name(name: str) -> bool:
    """Return whether a Blueprint may have this name, `bp-` or not."""
    return _NAME.fullmatch(name) is not None and len(canonical(name)) <= 63


def _failed(*findings: Finding) -> Read:
    return Read(blueprint=None, partial=None, source=None, findings=findings)


def _finding(rule: str, file: str, message: str, fix: str) -> Finding:
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
