"""`catalyst blueprint`: for people who write Blueprints. Needs no connection."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from catalyst.blueprints.circles import Known, Need
from catalyst.blueprints.document import read
from catalyst.blueprints.findings import Finding, Severity
from catalyst.blueprints.lint import lint
from catalyst.blueprints.package import DOCUMENT, MAX_BYTES, BadPackage, Package, digest
from catalyst.blueprints.reading import read_folder, read_tar
from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.output import Format, Table, note, show
from catalyst.cli.target import OutputOption

_TAR: Final = ".tar"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One Blueprint, looked at."""

    place: str
    """Where it was read."""
    name: str
    """Empty if the document has a wrong form."""
    version: str
    digest: str
    """Of the content; empty if it cannot be taken at all."""
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Whether a registration would refuse it."""
        return any(found.severity is Severity.ERROR for found in self.findings)


def lint_(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR",
            help="Folders of Blueprints, folders that hold several, or tar files of them.",
        ),
    ],
    *,
    output: OutputOption = Format.TABLE,
) -> None:
    """Show everything that is wrong with a Blueprint: where, by which rule, and what to do.

    Given several, they know each other: a dependency that is in none of them is told as pending,
    and a circle as an error. With one, dependencies are not looked for. A folder that holds no
    Blueprint, but folders of Blueprints, stands for each of them.

    Exit codes:
        0  nothing is wrong, or there are warnings only
        8  there is an error; a registration would refuse it

    Example:
      catalyst blueprint lint blueprints/src/catalyst/blueprints/starter/data/bp-wiki
    """
    packages = {one: _package(one) for place in places for one in _each(place)}
    known = _known(packages) if len(packages) > 1 else None
    reports = [_report(place, package, known) for place, package in packages.items()]
    show(reports, output, lambda: _table(reports))
    if any(report.refused for report in reports):
        raise Ended(ExitCode.CHECK_FAILED)


def _each(place: Path) -> list[Path]:
    """Return the folders of Blueprints in one that is none itself, or the place as it is."""
    if not place.is_dir() or (place / DOCUMENT).exists():
        return [place]
    try:
        inner = sorted(one.parent for one in place.glob(f"*/{DOCUMENT}"))
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{str(place)!r} cannot be read: {error.strerror}") from error
    if inner:
        note(f"{place} is no Blueprint, and holds {len(inner)}: each is looked at")
        return inner
    below = sorted({one.parents[1] for one in place.glob(f"*/*/{DOCUMENT}")})
    if below:
        raise Failure(
            ExitCode.USAGE,
            f"{place} holds no Blueprint, nor folders of Blueprints",
            hint=f"`catalyst blueprint lint {shlex.join(map(str, below))}` looks at those below it",
        )
    return [place]


def _package(place: Path) -> Package | BadPackage:
    try:
        if place.is_dir():
            return read_folder(place)
        if place.suffix == _TAR:
            with place.open("rb") as file:
                return read_tar(file.read(2 * MAX_BYTES))
    except BadPackage as error:
        return error
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{str(place)!r} cannot be read: {error.strerror}") from error
    text = f"there is no folder {str(place)!r}, and no tar file of that name"
    raise Failure(ExitCode.USAGE, text)


def _known(packages: dict[Path, Package | BadPackage]) -> Known:
    known: dict[str, dict[str, tuple[Need, ...]]] = {}
    for package in packages.values():
        found = read(package).blueprint if isinstance(package, Package) else None
        if found is not None:
            known.setdefault(found.name, {})[found.version] = tuple(x.need for x in found.depends)
    return known


def _report(place: Path, package: Package | BadPackage, known: Known | None) -> Report:
    if isinstance(package, BadPackage):
        finding = Finding(
            severity=Severity.ERROR,
            rule="package",
            file=package.path,
            line=0,
            column=0,
            pointer="",
            message=package.reason,
            fix=package.fix,
        )
        return Report(place=str(place), name="", version="", digest="", findings=(finding,))
    linted = lint(package, known=known)
    blueprint = linted.blueprint
    return Report(
        place=str(place),
        name=blueprint.name if blueprint else "",
        version=blueprint.version if blueprint else "",
        digest=digest(package),
        findings=linted.findings,
    )


def _table(reports: list[Report]) -> None:
    table = Table("PLACE", "SEVERITY", "RULE", "MESSAGE", "FIX")
    for report in reports:
        for found in report.findings:
            file = str(Path(report.place, found.file)) if found.file else report.place
            place = f"{file}:{found.line}:{found.column}" if found.line else file
            table.add(place, found.severity, found.rule, found.message, found.fix)
    if table.rows:
        table.write()
    for report in reports:
        label = f"{report.name} {report.version}" if report.name else report.place
        note(f"{label}: {_counted(report)}")


def _counted(report: Report) -> str:
    counts = [
        f"{count} {severity.value}{'s' if count != 1 and severity != Severity.PENDING else ''}"
        for severity in Severity
        if (count := sum(found.severity is severity for found in report.findings))
    ]
    return ", ".join(counts) or "nothing is wrong"
