"""`catalyst app`: Applications, how they are, and what happened to them."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format, Table, show, write
from catalyst.cli.target import (
    ContextOption,
    OrgOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    organization,
    reads,
    resolve,
    run,
)
from catalyst.client.errors import Problem
from catalyst.client.rows import Row

_NOT_FOUND: Final = 404
_PAGE: Final = 500


def list_(
    *,
    org: OrgOption = None,
    env: Annotated[str | None, typer.Option("--env", help="Environment, by name.")] = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List Applications where they run, with four marks: applied, health, change, gate.

    Example:
      catalyst app list --org omantel --env omantel-prod
    """
    owner, target = _owner(org), resolve(context, url, token)

    async def work() -> list[Row]:
        async with reads(target) as door:
            page = await door.list("applications", organization=owner, limit=_PAGE)
            return list(page.rows)

    docs = [msgspec.to_builtins(row.doc) for row in run(work())]
    found = [
        (doc["name"], place)
        for doc in docs
        for place in doc["bindings"]
        if env is None or place["environment"] == env
    ]

    def table() -> None:
        lines = Table("NAME", "ENVIRONMENT", "BLUEPRINT", "APPLIED", "HEALTH", "CHANGE", "GATE")
        for name, place in found:
            desired = place["desired"] or {}
            version = f"{desired.get('blueprint', '')} {desired.get('version', '')}".strip()
            change = place["change"]
            lines.add(
                name,
                place["environment"],
                version,
                _mark(place["applied"]),
                _mark(place["health"]),
                change and f"{change['action']} {change['change']}",
                "open" if place["gate"]["open"] else place["gate"]["waits_for"],
            )
        lines.write()

    show([{"name": name, **place} for name, place in found], output, table)


def show_(
    name: Annotated[str, typer.Argument(metavar="APP", help="Name of the Application.")],
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show an Application: each mark with its evidence and age, and what it waits for.

    Example:
      catalyst app show blog --org omantel
    """
    doc = _doc(resolve(context, url, token), name, _owner(org))

    def lines() -> None:
        for place in doc["bindings"]:
            _place(place)

    show(doc, output, lines)


def history(
    name: Annotated[str, typer.Argument(metavar="APP", help="Name of the Application.")],
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the changes of an Application, oldest first; `plan rollback --to` takes one of them.

    Example:
      catalyst app history blog --org omantel
    """
    owner, target = _owner(org), resolve(context, url, token)

    async def work() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: str | None = None
        async with reads(target) as door:
            while True:
                page = await door.list("changes", organization=owner, limit=_PAGE, continue_at=more)
                found += [msgspec.to_builtins(row.doc) for row in page.rows]
                more = page.next or None
                if not more:
                    return found

    docs = [doc for doc in run(work()) if any(one["application"] == name for one in doc["lock"])]
    docs.sort(key=lambda doc: doc["opened"])

    def table() -> None:
        lines = Table("CHANGE", "ACTION", "ENVIRONMENT", "STATUS", "BY", "OPENED", "WHY")
        for doc in docs:
            lines.add(
                doc["change"],
                doc["request"]["action"],
                doc["environment"],
                doc["status"],
                doc["author_email"] or doc["author"],
                doc["opened"],
                doc["reason"],
            )
        lines.write()

    show(docs, output, table)


def _place(place: dict[str, Any]) -> None:
    write(f"{place['environment']}:")
    desired = place["desired"]
    if desired is not None:
        write(f"  wanted   {desired['blueprint']} {desired['version']}, by {desired['change']}")
    committed = place["committed"]
    if committed is not None:
        where = f"{committed['repository']} {committed['branch']}"
        write(f"  in Git   {committed['commit'][:12]} on {where}")
    for label, mark in (("applied", place["applied"]), ("health", place["health"])):
        seen = f", seen {mark['as_of']} by {mark['source']}" if mark["as_of"] else ", never seen"
        stale = f", silent since {mark['stale_since']}" if mark["stale_since"] else ""
        why = f": {mark['message'] or mark['reason']}" if mark["message"] or mark["reason"] else ""
        write(f"  {label:<8} {mark['status']}{why}{seen}{stale}")
        for item in mark["evidence"]:
            said = f" {item['reason']} {item['message']}".rstrip()
            write(f"           {item['kind']} {item['name']}: {item['status']}{said}")
    if place["change"]:
        write(f"  change   {place['change']['action']} {place['change']['change']}")
    for link in place["blocked_by"]:
        write(f"  waits for {link['kind']} {link['name']}: {link['message']}")
        write(f"            {link['who']}: {link['what_to_do']}")


def _mark(mark: dict[str, Any]) -> str:
    stale = " (stale)" if mark["stale_since"] else ""
    reason = f" {mark['reason']}" if mark["reason"] else ""
    return f"{mark['status']}{reason}{stale}"


def _doc(target: Target, name: str, owner: str) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        async with reads(target) as door:
            row, _ = await door.get("applications", name, organization=owner)
            found: dict[str, Any] = msgspec.to_builtins(row.doc)
            return found

    try:
        return run(work())
    except Problem as problem:
        if problem.status != _NOT_FOUND:
            raise
        raise Failure(
            ExitCode.NOT_FOUND, f"there is no Application {name!r} of {owner!r}", code=problem.code
        ) from problem


def _owner(org: str | None) -> str:
    owner = organization(org)
    if owner is None:
        raise Failure(ExitCode.USAGE, "--org is missing: whose Applications?")
    return owner
