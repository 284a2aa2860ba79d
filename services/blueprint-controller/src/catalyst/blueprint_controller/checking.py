"""What a package of a source is, once it was looked at: good, or refused with every finding.

The words come from whoever wrote the package, so each is cut to what a message takes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from catalyst.blueprint_controller.domain import spec
from catalyst.blueprint_controller.domain.holding import key_of
from catalyst.blueprints.circles import Known
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.findings import Finding, Severity, errors
from catalyst.blueprints.lint import CYCLE, lint
from catalyst.blueprints.package import DOCUMENT, BadPackage, Package, to_tar
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.rejection import Rejected

MAX_ERRORS: Final = 50
"""Findings of a refused package that are told."""
MAX_ADVICE: Final = 10
"""Findings of a good package that are told."""
MAX_NEEDS: Final = 64
_GRAVEST: Final = (Severity.ERROR, Severity.PENDING, Severity.WARNING)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What there is, beside a package."""

    known: Known
    """Every version that may be chosen, with what each depends on."""
    gone: frozenset[str] = frozenset()
    """Versions of this source that are yanked: whatever they need, they close no circle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A package, looked at: either found or refused."""

    found: bp1.Found | None = None
    tar: bytes = b""
    """What is stored of a good one."""
    refused: bp1.Refused | None = None


def unreadable(folder: str, error: BadPackage) -> Checked:
    """Return the refusal of a package that cannot be taken at all."""
    finding = _own("package.content", error.path, error.reason, error.fix)
    return Checked(refused=bp1.Refused(folder=_line(folder), findings=_told([finding], MAX_ERRORS)))


def checked(
    folder: str,
    package: Package,
    there: There,
    taken: Mapping[str, str],
    *,
    own: bool = False,
) -> Checked:
    """Return what a package is.

    Args:
        folder: Where it stands in the source.
        package: Its files.
        there: What there is beside it.
        taken: Versions that this source holds elsewhere, with their folders.
        own: Whether the source is an Organization's.
    """
    looked = lint(package, known=there.known, own=own)
    found = [*looked.findings]
    blueprint = looked.blueprint
    if blueprint is not None:
        if key_of(blueprint.name, blueprint.version) in there.gone:
            found = [one for one in found if one.rule != CYCLE]
        found += _more(blueprint, taken, folder)
    wrong = errors(found)
    if blueprint is None or wrong:
        refused = bp1.Refused(
            folder=_line(folder),
            blueprint=_line(blueprint.name) if blueprint else "",
            version=_line(blueprint.version) if blueprint else "",
            findings=_told(wrong, MAX_ERRORS),
        )
        return Checked(refused=refused)
    tar = to_tar(package)
    return Checked(
        found=bp1.Found(
            blueprint=blueprint.name,
            version=blueprint.version,
            digest=f"sha256:{hashlib.sha256(tar).hexdigest()}",
            size=len(tar),
            folder=_line(folder),
            needs=tuple(sorted({one.blueprint for one in blueprint.depends})),
            findings=_told(found, MAX_ADVICE),
        ),
        tar=tar,
    )


def _more(blueprint: Blueprint, taken: Mapping[str, str], folder: str) -> Iterable[Finding]:
    """Yield what is wrong with a good document in this source, or for a message."""
    elsewhere = taken.get(key_of(blueprint.name, blueprint.version), folder)
    if elsewhere != folder:
        what = f"{blueprint.name} {blueprint.version}"
        message = f"{what} stands in {elsewhere or 'the top folder'} as well"
        yield _own("source.twice", DOCUMENT, message, "keep one of them")
    if len({one.blueprint for one in blueprint.depends}) > MAX_NEEDS:
        message = f"it depends on more than {MAX_NEEDS} other Blueprints"
        yield _own("depends.many", DOCUMENT, message, "bundle some of them")
    try:
        spec.travelling(blueprint)
    except Rejected as error:
        yield _own("package.spec-size", DOCUMENT, error.message, "shorten the document")


def _own(rule: str, file: str, message: str, fix: str) -> Finding:
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


def _told(found: Iterable[Finding], most: int) -> tuple[bp1.Finding, ...]:
    """Return what is told: the gravest first, and of how many more there is no room."""
    graded = sorted(found, key=lambda one: _GRAVEST.index(one.severity))
    if len(graded) > most:
        left = graded[most - 1 :]
        rest = _own("package.more", "", f"{len(left)} more findings", "lint the folder to see all")
        graded = [*graded[: most - 1], msgspec.structs.replace(rest, severity=left[0].severity)]
    return tuple(
        bp1.Finding(
            severity=one.severity.value,
            rule=_line(one.rule)[:253],
            file=_line(one.file),
            line=one.line,
            column=one.column,
            pointer=_line(one.pointer),
            message=_line(one.message),
            fix=_line(one.fix),
        )
        for one in graded
    )


def _line(text: str) -> str:
    """Return a text as one line that a message takes."""
    return _UNPRINTABLE.sub(" ", text)[:300]
