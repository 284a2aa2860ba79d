"""`catalyst catalog`: what an Organization can install, and what it should know beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.blueprints.document import canonical
from catalyst.cli import chains, owned, passed, which
from catalyst.cli.exits import ExitCode, Failure, of_problem
from catalyst.cli.kinds import noticed
from catalyst.cli.output import Format, Table, clean, note, show, write
from catalyst.cli.planrefused import form_of
from catalyst.cli.planshow import write_lines
from catalyst.cli.planvalues import merged
from catalyst.cli.source import OriginName
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    Target,
    TokenOption,
    UrlOption,
    complete_offered,
    resolve,
    run,
)
from catalyst.client.errors import Problem

_ASKED: Final = 5
"""Of so many that run it is told which newer versions they cannot have."""
_WITHOUT: Final = ", without what it needs"
_WHOSE: Final = "whose catalogue is it?"


def search(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What is looked for; nothing: everything.")
    ] = "",
    *,
    org: OwnerOption = None,
    category: Annotated[
        list[str] | None,
        typer.Option(metavar="CATEGORY", help="Only of this category; may be repeated."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Only with this tag; may be repeated.")
    ] = None,
    origin: Annotated[
        list[OriginName] | None,
        typer.Option(help="Only of this origin; may be repeated."),
    ] = None,
    featured: Annotated[bool, typer.Option("--featured", help="Only what is featured.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100)] = 20,
    offset: Annotated[int, typer.Option(help="Leave out so many.", min=0, max=10_000)] = 0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Search the Blueprints that an Organization can install; the best come first.

    Example:
      catalyst catalog search wiki --org omantel
      catalyst catalog search --category data --featured --org omantel -o json
    """
    asked: dict[str, Any] = {
        "text": text,
        "category": category or [],
        "tag": tag or [],
        "origin": [one.value for one in origin or ()],
        "featured": featured,
        "limit": limit,
        "offset": offset,
    }
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    answered = owned.answered(target, "catalog", "search", asked, owner)
    show(answered, output, lambda: _cards(answered.result))
    if output is Format.TABLE and answered.result["items"]:
        best = answered.result["items"][0]["name"]
        note(f"`catalyst catalog show {best} --org {owner}` says more of one")


def show_(
    name: Annotated[
        str,
        typer.Argument(
            metavar="BLUEPRINT",
            help="Name of the Blueprint, `bp-` or not.",
            autocompletion=complete_offered,
        ),
    ],
    *,
    org: OwnerOption = None,
    version: Annotated[
        str, typer.Option("--version", help="Version; without one, what would be installed.")
    ] = "",
    form: Annotated[
        bool, typer.Option("--form", help="Show what can be configured, as a form.")
    ] = False,
    why_not: Annotated[
        str | None,
        typer.Option("--why-not", metavar="VERSION", help="Say why a version cannot be had."),
    ] = None,
    env: Annotated[
        str, typer.Option("--env", help="With --form or --why-not: where it shall run.")
    ] = "",
    app: Annotated[
        str, typer.Option("--app", help="With --form or --why-not: the Application, if it runs.")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="With --why-not: one value. Repeatable."),
    ] = None,
    values: Annotated[
        str | None,
        typer.Option("--values", help="With --why-not: file with values. --set goes over it."),
    ] = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show a Blueprint: what it is, its versions, its price, and where it runs.

    Example:
      catalyst catalog show bp-wordpress --org omantel
      catalyst catalog show bp-wordpress --form --env omantel-prod --org omantel
      catalyst catalog show bp-wordpress --why-not 2.0.0 --env omantel-prod --org omantel
      catalyst catalog show bp-team-suite --why-not 1.0.0 --env acme-prod --set baseDomain=acme.test
    """
    if form and why_not is not None:
        raise Failure(ExitCode.USAGE, "--form and --why-not are two questions", hint="ask one")
    config = merged(values, settings)
    if config and (why_not is None or not env):
        raise Failure(ExitCode.USAGE, "--set and --values go with --why-not and --env")
    target = resolve(context, url, token)
    owner = (
        owned.owner_of_environment(target, None, env)
        if env and not org
        else owned.owner_of(target, org, _WHOSE)
    )
    asked: dict[str, Any] = {"blueprint": name, "version": version}
    where = {"environment": env, "application": app}
    question = "show"
    say: Callable[[dict[str, Any]], None] = partial(_whole, owner, asked=version)
    if why_not is not None:
        question, say = "why-not", lambda result: _reasons(target, result, owner)
        asked |= {"version": why_not, **where} | ({"config": config} if config else {})
    elif form:
        question, say = "form", _form
        asked |= where
    try:
        answered = owned.answered(target, "catalog", question, asked, owner)
    except Problem as problem:
        raise refused(target, problem, asked, owner) from problem
    if question == "show":
        _note_newer(target, owner, answered.result)
    show(answered, output, lambda: say(answered.result))
    if output is Format.TABLE and why_not is None:
        place = f"--env {env or 'ENVIRONMENT'} --org {owner}"
        full = canonical(name)
        place += f" --version {version}" if version else ""
        note(f"`catalyst plan install {full} --as NAME {place}` says what an installation would do")


def price(amounts: list[dict[str, Any]] | None) -> str:
    """Return what a Blueprint costs in words; what has no price is not free."""
    if amounts is None:
        return "no price"
    if not any(one["minor"] for one in amounts):
        return "no charge of its own"
    return " or ".join(str(one["text"]) for one in amounts) + " a month"


def refused(target: Target, problem: Problem, asked: dict[str, Any], owner: str) -> Failure:
    """Return why nothing is shown, and what may have been meant or is to be said."""
    failure = of_problem(problem)
    name = asked["blueprint"]
    if problem.code == "values-invalid":
        shows = form_of(canonical(name), asked["version"], asked["environment"], owner)
        failure.hint = f"--set PATH=VALUE gives it a value; {shows} lists the fields"
    if problem.code == "environment-not-found" and "environment" in asked:
        failure.hint = owned.environments(target, asked["environment"], owner)
    # Asked why not, the service itself says what may be meant.
    if problem.code == "blueprint-not-found" and "do you mean" not in problem.message:
        near = owned.suggested(name, lambda: which.names(target, owner), before="bp-")
        failure.hint = f"{near}`catalyst catalog search --org {owner}` shows those there are"
    return failure


def _cards(result: dict[str, Any]) -> None:
    if not result["items"]:
        note(f"nothing else: {result['total']} in all" if result["total"] else "nothing was found")
        return
    table = Table("NAME", "TITLE", "VERSION", "CATEGORY", "ORIGIN", "PRICE", "NOTES")
    for card in result["items"]:
        table.add(
            card["name"],
            card["title"],
            card["version"],
            card["category"],
            card["origin"],
            price(card["price"]),
            _notes(card),
        )
    table.write()
    shown = len(result["items"])
    note("; ".join((f"{shown} of {result['total']}", *_facets(result.get("facets") or {}))))
    if result["next"] is not None:
        note(f"more: --offset {result['next']}")


def _facets(facets: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield what a search can be narrowed by, where that leaves a choice, with how many of each."""
    for facet in ("category", "origin"):
        counts = facets.get(facet) or ()
        if len(counts) > 1:
            yield f"--{facet} " + ", ".join(f"{one['value']} ({one['count']})" for one in counts)


def _notes(card: dict[str, Any]) -> str:
    notes = ["featured"] if card["featured"] else []
    if card["security"]:
        notes.append("security")
    if card["deprecated"]:
        notes.append("deprecated")
    # A service of an earlier version says nothing of it.
    needs = f"needs {', '.join(card['needs'])} (priced apart)" if card.get("needs") else ""
    return "; ".join(filter(None, (", ".join(notes), needs)))


def _whole(owner: str, result: dict[str, Any], asked: str) -> None:
    card = result["card"]
    version = result["version"] if asked else card["version"] or "without a version"
    write(clean(f"{card['title']} ({card['name']} {version})"))
    for text in (card["summary"], result["description"]):
        if text:
            write(clean(text))
    write("")
    for heading, value in (
        ("price", price(card["price"]) + (_WITHOUT if card.get("needs") else "")),
        ("origin", card["origin"]),
        ("category", card["category"]),
        ("tags", ", ".join(card["tags"])),
        ("license", result["license"]),
        ("documentation", result["documentation"]),
        ("needs", ", ".join(result["needs"])),
        ("copies", _copies(result.get("copies"))),
        ("deprecated", card["deprecated"]),
    ):
        if value:
            write(clean(f"{heading + ':':<15}{value}"))
    write("")
    _versions(result["versions"])
    if result["runs"]:
        write("")
        table = Table("APPLICATION", "ENVIRONMENT", "VERSION", "NOTICE")
        for one in result["runs"]:
            said = "; ".join(noticed(one))
            table.add(one["application"], one["environment"], one["version"], said)
        table.write()
        _tell_newer(owner, card["name"], result["runs"])


def _note_newer(target: Target, owner: str, result: dict[str, Any]) -> None:
    """Write to some that run why each newer version is passed over.

    Null to those behind them, and where it is not known.
    """
    for place, one in enumerate(result["runs"]):
        one["passed_over"] = None
        if place < _ASKED:
            copy = passed.Copy.at(one, owner, result["card"]["name"])
            one["passed_over"] = passed.over(target, copy, one.get("newest") or one["version"])


def _tell_newer(owner: str, blueprint: str, runs: Sequence[dict[str, Any]]) -> None:
    """Say which newer versions what runs cannot be upgraded to, and why; of some that run."""
    for one in runs:
        for why in one["passed_over"] or ():
            where = f"{one['application']} in {one['environment']}"
            write(clean(f"{where} is not upgraded: {why}"))
        if one["passed_over"]:
            note(f"{passed.Copy.at(one, owner, blueprint).shows} says more of one")


def _copies(most: int | None) -> str:
    """Return how many an Organization is meant to have; empty: any number."""
    if most is None:
        return ""
    return f"{'one' if most == 1 else f'{most} at most'} in an Organization"


def _versions(versions: list[dict[str, Any]]) -> None:
    table = Table("VERSION", "STATE", "REASON")
    for one in versions:
        table.add(one["version"], one["state"], one["reason"])
    table.write()


def _form(result: dict[str, Any]) -> None:
    table = Table("FIELD", "TITLE", "TYPE", "VALUE", "REQUIRED", "WHEN", "FIXED", "CHOICES")
    for one in result["fields"]:
        field = one["field"]
        options = [option["application"] for option in one["options"]]
        _field(table, ".".join(field["path"]), field, one["value"], options)
        _inside(table, field, ".".join(field["path"]))
    table.write()


def _inside(table: Table, field: dict[str, Any], name: str) -> None:
    """Add what is in each entry of a list of maps."""
    for one in field.get("inside") or ():
        inner = f"{name}[].{'.'.join(one['path'])}"
        _field(table, inner, one, one.get("default"), [])
        _inside(table, one, inner)


def _field(
    table: Table, name: str, field: dict[str, Any], value: Any, options: Sequence[str]
) -> None:
    table.add(
        name,
        field["title"],
        _type(field),
        _typed(value),
        _required(field),
        _all(field.get("shown_when") or ()),
        field.get("immutable", False),
        options or field.get("enum", []),
    )


def _type(field: dict[str, Any]) -> str:
    """Return what a field takes: of what is spelled as a string, what it stands for."""
    if field.get("widget") == "password":
        return "secret:<name>/<key>"
    if field.get("widget") == "application":
        return f"Application of {(field.get('picker') or {}).get('blueprint') or 'any Blueprint'}"
    return str(field["type"])


def _typed(value: Any) -> Any:
    """Return a value as `--set` takes it, where that is another way than Python's."""
    return (
        msgspec.json.encode(value).decode() if isinstance(value, dict | list) and value else value
    )


def _required(field: dict[str, Any]) -> str | bool:
    """Return whether a field has to be given, or when."""
    if field.get("required"):
        return "only then" if field.get("shown_when") else True
    ways = field.get("required_when") or ()
    return f"if {', or '.join(map(_all, ways))}" if ways else False


def _all(conditions: Sequence[dict[str, Any]]) -> str:
    """Return conditions that hold together, as words; empty: always."""
    return " and ".join(map(_holds, conditions))


def _holds(condition: dict[str, Any]) -> str:
    # As `--set` takes it: true, not True.
    values = [
        one if isinstance(one, str) else msgspec.json.encode(one).decode()
        for one in condition["values"]
    ]
    said = f"is {' or '.join(values)}" if values else "is given"
    return f"{'.'.join(condition['path'])} {said}"


def _reasons(target: Target, result: dict[str, Any], owner: str) -> None:
    reasons = result["reasons"]
    if not reasons:
        write("nothing stands in the way")
    for reason in reasons:
        write(clean(str(reason)))
    write_lines(run(chains.told(target, result.get("chain") or (), owner)))
