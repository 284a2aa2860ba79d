"""`catalyst catalog diff`: what differs between two versions of a Blueprint, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from catalyst.blueprints.document import canonical
from catalyst.cli import owned
from catalyst.cli.breaking import breaks, said, unasked
from catalyst.cli.catalog import refused
from catalyst.cli.output import Format, note, show
from catalyst.cli.planshow import write_lines
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    Target,
    TokenOption,
    UrlOption,
    resolve,
)
from catalyst.cli.which import OfferedArgument
from catalyst.client.errors import Problem

Doc = Mapping[str, Any]
_WHOSE: Final = "whose catalogue is it?"
_WORDS: Final = frozenset({"title", "description", "examples", "$comment"})
"""Keywords of words for people alone."""
_SHOWN: Final = "x-catalyst-ui-"
"""How keywords begin that only say how a form shows a field."""


def diff(
    name: OfferedArgument,
    old: Annotated[str, typer.Argument(metavar="FROM", help="The version that may run.")],
    new: Annotated[str, typer.Argument(metavar="TO", help="The version to compare it with.")],
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show what differs between two versions of a Blueprint, and for whom it breaks.

    Example:
      catalyst catalog diff bp-wordpress 1.0.1 1.1.1 --org omantel

    Told are what can be configured, with what is set by default, what it needs, and its files;
    and whether what runs can be upgraded. What an upgrade changes in an Application, line by line,
    its plan says: `catalyst plan upgrade APP --version TO --diff`.
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    asked = {"blueprint": name, "old": old, "new": new}
    try:
        answered = owned.answered(target, "catalog", "diff", asked, owner)
        old, new = answered.result["old"], answered.result["new"]
        line = _line(target, owner, name, old, new)
        runs = owned.answer(target, "catalog", "show", {"blueprint": name}, owner)["runs"]
    except Problem as problem:
        raise refused(target, problem, {**asked, "version": ""}, owner) from problem
    found: dict[str, Any] = answered.result
    found |= {
        "upgrade": {name: line[name] for name in ("upgradable", "upgrade_reason")},
        "breaks": breaks(found),
        "runs": [one for one in runs if one["version"] == old],
    }
    show(answered, output, lambda: write_lines(list(_lines(found))))
    if output is not Format.TABLE:
        return
    for one in found["runs"] if line["upgradable"] else ():
        place = f"--env {one['environment']} --org {owner}"
        plan = f"`catalyst plan upgrade {one['application']} {place} --version {new} --diff`"
        note(f"{plan} says what it changes in {one['application']}")


def _line(target: Target, owner: str, name: str, old: str, new: str) -> Doc:
    """Return how a version is listed to whoever runs another one."""
    asked = {"blueprint": canonical(name), "installed": old}
    versions = owned.answer(target, "catalog", "versions", asked, owner)["versions"]
    return next(one for one in versions if one["version"] == new)


def _lines(found: Doc) -> Iterator[str]:
    old, new = found["old"], found["new"]
    yield f"{found['blueprint']}, from {old} to {new}"
    why = found["upgrade"]["upgrade_reason"]
    yield f"an upgrade is refused: {why}" if why else f"what runs {old} can be upgraded to it"
    yield from _part("what can be configured", map(_field, found["fields"]))
    yield from _part("what it needs", map(_need, found["dependencies"]))
    yield from _part("files", (f"{one['what']:<9}{one['name']}" for one in found["files"]))
    yield from _part("is another value for whoever set none", unasked(found))
    yield from _part("breaks for", found["breaks"])
    if not any(found[name] for name in ("fields", "dependencies", "files")):
        yield "nothing differs"
    elif not found["breaks"] and not why:
        yield "breaks for nobody, as far as what can be configured tells"


def _part(heading: str, lines: Iterator[str] | list[str]) -> Iterator[str]:
    told = list(lines)
    if told:
        yield f"{heading}:"
        yield from (f"  {line}" for line in told)


def _field(field: Doc) -> str:
    before, after = _plain(field["before"]), _plain(field["after"])
    told = ""
    if field["what"] == "added":
        told = _what_it_is(after)
    elif field["what"] == "changed":
        told = "; ".join(_turned(before, after)) or "its words alone"
    return f"{field['what']:<9}{field['path']}{told and f': {told}'}"


def _need(need: Doc) -> str:
    before, after = need["before"], need["after"]
    if need["what"] == "changed":
        return f"changed  {need['name']}: {'; '.join(_turned(before, after))}"
    part = after or before
    when = f", if {part['when']}" if "when" in part else ""
    return f"{need['what']:<9}{need['name']}: {part['blueprint']} {part['version']}{when}"


def _plain(part: Doc) -> dict[str, Any]:
    """Return what is said of a field that is more than words and looks."""
    return {
        name: value
        for name, value in part.items()
        if name not in _WORDS and not name.startswith(_SHOWN)
    }


def _what_it_is(part: Doc) -> str:
    """Return what a new field is: its type, whether it has to be given, and its default."""
    told = [said(part["type"])] if "type" in part else []
    if "default" in part:
        told.append(f"{said(part['default'])} by default")
    elif part.get("required"):
        told.append("required")
    rest = [name for name in part if name not in {"type", "default", "required"}]
    return ", ".join([*told, *(f"{_spelled(name)} {said(part[name])}" for name in rest)])


def _turned(before: Doc, after: Doc) -> Iterator[str]:
    """Yield what each keyword is, and what it was."""
    for name in dict.fromkeys((*before, *after)):
        missing = "always" if name == "when" else "not said"
        now = said(after[name]) if name in after else missing
        was = said(before[name]) if name in before else missing
        yield f"{_spelled(name)} {now}, was {was}"


def _spelled(keyword: str) -> str:
    """Return a keyword as it is read; those of our own without what begins them."""
    return keyword.removeprefix("x-catalyst-")
