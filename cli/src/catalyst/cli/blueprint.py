"""`catalyst blueprint`: for people who write Blueprints. Needs no connection."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from catalyst.blueprints import versions
from catalyst.blueprints.circles import Known, Need, is_offered
from catalyst.blueprints.document import canonical, read
from catalyst.blueprints.findings import Finding, Severity
from catalyst.blueprints.lint import lint
from catalyst.blueprints.package import DOCUMENT, MAX_BYTES, BadPackage, Package, digest
from catalyst.blueprints.reading import read_folder, read_tar
from catalyst.blueprints.starter import loading
from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.output import Format, Table, note, show
from catalyst.cli.target import OutputOption

_TAR: Final = ".tar"
_MEANT: Final = frozenset({DOCUMENT, DOCUMENT.replace(".yaml", ".yml")})


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

    Given several, they know each other, and what comes with Catalyst: a dependency that is in none
    of them is told as pending, and a circle as an error. With one, dependencies are not looked for.
    A folder that holds no Blueprint, but folders of Blueprints, stands for each of them; a folder
    in it that is called bp-…, or has a blueprint.yml, and has no blueprint.yaml is told as an
    error.

    Exit codes:
        0  nothing is wrong, or there are warnings only
        8  there is an error; a registration would refuse it

    Example:
      catalyst blueprint lint blueprints/src/catalyst/blueprints/starter/data/bp-wiki
    """
    packages = {one: _package(one) for place in places for one in _each(place)}
    given = _known(packages)
    broken = {_meant(place, package) for place, package in packages.items()} - given.keys()
    known = _with_starters(given) if len(packages) > 1 else None
    reports = [_report(place, package, known, broken) for place, package in packages.items()]
    show(reports, output, lambda: _table(reports))
    if any(report.refused for report in reports):
        raise Ended(ExitCode.CHECK_FAILED)


def _each(place: Path) -> list[Path]:
    """Return the folders of Blueprints in one that is none itself, or the place as it is."""
    if not place.is_dir() or (place / DOCUMENT).exists():
        return [place]
    try:
        if _misnamed(place) is not None:
            return [place]
        beside = sorted(one for one in place.iterdir() if one.is_dir() and one.name[0] != ".")
        inner = [one for one in beside if (one / DOCUMENT).exists() or _looks_like(one)]
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{str(place)!r} cannot be read: {error.strerror}") from error
    if inner:
        several = "" if len(inner) == 1 else "s"
        note(f"{place} is a folder of {len(inner)} Blueprint{several}; checking each")
        for one in beside:
            if one not in inner:
                note(f"{one} is left out: there is no {DOCUMENT} in it")
        return inner
    below = sorted({one.parents[1] for one in place.glob(f"*/*/{DOCUMENT}")})
    if below:
        raise Failure(
            ExitCode.USAGE,
            f"{place} holds no Blueprint, nor folders of Blueprints",
            hint=f"`catalyst blueprint lint {shlex.join(map(str, below))}` looks at those below it",
        )
    return [place]


def _looks_like(folder: Path) -> bool:
    """Return whether a folder without a document is meant to be a Blueprint all the same."""
    return canonical(folder.name) == folder.name or _misnamed(folder) is not None


def _misnamed(folder: Path) -> str | None:
    """Return the file that is meant to be the document and has another name."""
    names = (one.name for one in sorted(folder.iterdir()) if one.is_file())
    return next((name for name in names if name.lower() in _MEANT and name != DOCUMENT), None)


def _meant(place: Path, package: Package | BadPackage) -> str:
    """Return what a Blueprint is called as far as its document can be read, else by its folder."""
    found = read(package).partial if isinstance(package, Package) else None
    return found.name if found is not None else canonical(place.stem)


def _package(place: Path) -> Package | BadPackage:
    try:
        if place.is_dir():
            wrong = None if (place / DOCUMENT).exists() else _misnamed(place)
            if wrong is None:
                return read_folder(place)
            message = f"there is a {wrong}, and no {DOCUMENT}"
            return BadPackage(wrong, message, f"call it {DOCUMENT}")
        if place.suffix == _TAR:
            with place.open("rb") as file:
                return read_tar(file.read(2 * MAX_BYTES))
    except BadPackage as error:
        return error
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{str(place)!r} cannot be read: {error.strerror}") from error
    if place.is_file():
        hint = f"name its folder: {shlex.quote(str(place.parent))}" if place.name in _MEANT else ""
        text = f"{str(place)!r} is a file, and neither a folder nor a tar file"
        raise Failure(ExitCode.USAGE, text, hint=hint)
    text = f"there is no folder {str(place)!r}, and no tar file of that name"
    raise Failure(ExitCode.USAGE, text)


def _known(packages: dict[Path, Package | BadPackage]) -> Known:
    known: dict[str, dict[str, tuple[Need, ...]]] = {}
    for package in packages.values():
        found = read(package).blueprint if isinstance(package, Package) else None
        if found is not None and _versioned(found.version):
            known.setdefault(found.name, {})[found.version] = tuple(x.need for x in found.depends)
    return known


def _with_starters(known: Known) -> Known:
    """Return these with the versions that come with Catalyst of what they need, and that needs.

    They are read only if a need is met by none of those that are there.
    """
    found = {name: {**each} for name, each in known.items()}
    names, left = loading.names(), [*known]
    while left:
        needs = {need for each in found[left.pop()].values() for need in each}
        for name in sorted({one.blueprint for one in needs if not is_offered(one, found)}):
            coming = [one for one in names if one.partition("@")[0] == name]
            read_ = [read(loading.load(one)).blueprint for one in coming]
            there = {one.version: tuple(x.need for x in one.depends) for one in read_ if one}
            if there.keys() - found.get(name, {}).keys():
                found[name] = {**there, **found.get(name, {})}
                left.append(name)
    return found


def _versioned(text: str) -> bool:
    try:
        versions.parse(text)
    except versions.BadVersion:
        return False
    return True


def _report(
    place: Path, package: Package | BadPackage, known: Known | None, broken: set[str]
) -> Report:
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
    linted = lint(package, known=known, broken=broken)
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
