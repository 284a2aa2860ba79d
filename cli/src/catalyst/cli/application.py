"""`catalyst app`: Applications, how they are, and what happened to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import typer

from catalyst.cli import chains, goingback, owned, said
from catalyst.cli.ages import ago, lasting
from catalyst.cli.exits import Failure
from catalyst.cli.following import unseen
from catalyst.cli.kinds import mark, noticed, source_of, wanted
from catalyst.cli.links import links_in
from catalyst.cli.output import Format, Table, note, show
from catalyst.cli.planshow import write_lines
from catalyst.cli.saving import REMOVALS
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    SeenEnvOption,
    Target,
    TokenOption,
    UrlOption,
    complete_application,
    complete_environment,
    resolve,
    run,
)
from catalyst.client.errors import ClientError
from catalyst.contracts.blocked_application import NEVER_SEEN, NO_CLUSTER
from catalyst.contracts.provisioning_values_v1 import as_seen

_WHOSE: Final = "whose Applications?"
_BACK: Final = 10
"""How many ways back are named, the newest first; about as many are kept."""


def list_(
    *,
    org: OwnerOption = None,
    env: SeenEnvOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List Applications where they run, with four marks: applied, health, change, gate.

    NOTICE says what was yanked, withdrawn or deprecated of what runs, and why; and which newer
    version it can be upgraded to.

    Example:
      catalyst app list --org omantel --env omantel-prod
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)

    with owned.allowed_in(target, owner):
        docs = owned.docs(target, "applications", owner)
    if not docs:
        owned.require(target, owner)
    found = [
        (doc["name"], place)
        for doc in docs
        for place in doc["bindings"]
        if env is None or place["environment"] == env
    ]
    if found:
        _note_notices(target, owner, found)
    elif env is not None:
        owned.require_environment(target, owner, env)

    def table() -> None:
        lines = Table(
            "NAME", "ENVIRONMENT", "BLUEPRINT", "APPLIED", "HEALTH", "CHANGE", "GATE", "NOTICE"
        )
        for name, place in found:
            change = place["change"]
            lines.add(
                name,
                place["environment"],
                wanted(place),
                mark(place["applied"]),
                mark(place["health"]),
                change and f"{change['action']} {change['change']}",
                "open" if place["gate"]["open"] else place["gate"]["waits_for"],
                "; ".join(_noticed(place)),
            )
        lines.write()

    show([{"name": name, **place} for name, place in found], output, table)
    if output is Format.TABLE and not found:
        note(f"nothing runs; `catalyst catalog search --org {owner}` shows what could")
    elif output is Format.TABLE:
        note(f"`catalyst app show {found[0][0]} --org {owner}` shows the evidence of each mark")


def show_(
    name: Annotated[
        str,
        typer.Argument(
            metavar="APP", help="Name of the Application.", autocompletion=complete_application
        ),
    ],
    *,
    org: OwnerOption = None,
    env: Annotated[
        str | None,
        typer.Option(
            "--env", help="Environment, by name; else each.", autocompletion=complete_environment
        ),
    ] = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show an Application: what stands in its way, and each mark with its evidence and age.

    Example:
      catalyst app show blog --org omantel
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    try:
        doc = owned.row(target, "applications", name, owner, _missing(name, owner))
    except Failure as missing:
        known = owned.suggested(name, lambda: names(owned.docs(target, "applications", owner)))
        missing.hint = known + missing.hint
        raise
    if env is not None:
        owned.require_environment(target, owner, env)
        doc["bindings"] = [one for one in doc["bindings"] if one["environment"] == env]
    if doc["bindings"]:
        _note_notices(target, owner, [(name, place) for place in doc["bindings"]], name)

    waiting = _queued(target, doc, owner)

    def told() -> None:
        _note_inside(target, owner, doc)
        lines = [line for place in doc["bindings"] for line in _place(place)]
        write_lines(lines or [f"{name} runs nowhere" if env is None else f"{name} is not in {env}"])

    show(doc, output, told)
    if output is Format.TABLE:
        for change in waiting:
            said.approving(change)
        note(f"`catalyst app history {name} --org {owner}` shows what happened to it")


def history(
    name: Annotated[
        str,
        typer.Argument(
            metavar="APP", help="Name of the Application.", autocompletion=complete_application
        ),
    ],
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the changes of an Application, oldest first, and to which it can go back.

    Example:
      catalyst app history blog --org omantel
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    known = owned.docs(target, "changes", owner)
    docs = [doc for doc in known if name in _concerned(doc)]
    if not docs:
        owned.require(target, owner)
        missing = _missing(name, owner)
        others = [other for doc in known for other in _concerned(doc)]
        missing.hint = owned.suggested(name, lambda: others) + missing.hint
        raise missing
    docs.sort(key=lambda doc: doc["opened"])

    def table() -> None:
        lines = Table("CHANGE", "ACTION", "VERSION", "ENVIRONMENT", "STATUS", "BY", "OPENED", "WHY")
        for doc in docs:
            lines.add(
                doc["change"],
                _action(doc["request"], name),
                _version(doc, name),
                doc["environment"],
                as_seen(doc["status"], source_of(doc)),
                doc["author_email"] or doc["author"],
                doc["opened"],
                doc["reason"] or unseen(doc),
            )
        lines.write()

    show(docs, output, table)
    if output is not Format.TABLE:
        return
    # Where it runs no longer, as after an uninstall, there is no way back.
    for where in dict.fromkeys(doc["environment"] for doc in reversed(docs)):
        ways = goingback.ways_back(docs, name, where, wanted_in(target, name, where, owner))
        if ways:
            more = f"; likewise --to {', '.join(ways[1:_BACK])}" if ways[1:] else ""
            note(
                f"`catalyst plan rollback {name} --env {where} --org {owner} --to {ways[0]}` plans "
                f"the way back to that{more}"
            )


def _action(request: dict[str, Any], name: str) -> str:
    """Return what a change does, and to which other Application, which this one is a part of."""
    other = request.get("application") or name
    return str(request["action"]) + (f" {other}" if other != name else "")


def _missing(name: str, owner: str) -> Failure:
    hint = f"`catalyst app list --org {owner}` shows those there are"
    return owned.no_such(f"Application {name!r} of {owner!r}", hint)


def names(docs: Iterable[dict[str, Any]], env: str | None = None) -> list[str]:
    """Return the names of Applications; with an Environment, of those that shall run there."""
    return [
        doc["name"]
        for doc in docs
        if env is None
        or any(place["environment"] == env and place["desired"] for place in doc["bindings"])
    ]


def wanted_in(target: Target, name: str, env: str, owner: str) -> dict[str, Any]:
    """Return what is to run of an Application in an Environment; empty if that is not shown."""
    try:
        doc = owned.row(target, "applications", name, owner, _missing(name, owner))
    except Failure:
        return {}
    found = (one["desired"] for one in doc["bindings"] if one["environment"] == env)
    return next(found, None) or {}


def _concerned(doc: dict[str, Any]) -> list[str]:
    """Return the Applications that a change is about, or brought along."""
    found = [doc["request"]["application"], *(one["application"] for one in doc["lock"])]
    return [name for name in found if name]


def _version(doc: dict[str, Any], name: str) -> str:
    """Return the version that a change gives an Application; of one that it removes, nothing."""
    locked = next((one for one in doc["lock"] if one["application"] == name), None)
    gone = doc["request"]["action"] in REMOVALS
    return "" if locked is None or gone else str(locked["version"])


def _note_notices(
    target: Target, owner: str, found: Iterable[tuple[str, dict[str, Any]]], name: str = ""
) -> None:
    """Write to each place what was said against what runs there; null, if that is not known."""
    try:
        answer = owned.answer(target, "catalog", "notices", {"application": name}, owner)
    except ClientError as error:
        note(f"whether anything of it was yanked or withdrawn is not known now: {error}")
        known, newer = None, {}
    else:
        known = {_at(one): one["notices"] for one in answer["applications"]}
        newer = {_at(one): one["newest"] for one in answer.get("upgrades", ())}
    for application, place in found:
        at = (application, place["environment"])
        place["notices"] = None if known is None else known.get(at, [])
        place["newest"] = newer.get(at, "")


def _note_inside(target: Target, owner: str, doc: dict[str, Any]) -> None:
    """Write to each place without a public host how it is given one, where its form asks for it."""
    for place in doc["bindings"]:
        runs = place["desired"]
        if runs is None or runs.get("hosts"):
            continue
        asked = {"environment": place["environment"], "application": doc["name"]}
        asked |= {name: runs[name] for name in ("blueprint", "version")}
        try:
            form = owned.answer(target, "catalog", "form", asked, owner)
        except ClientError as error:
            note(f"whether it can have a public host is not known now: {error}")
            continue
        bare = (one["field"] for one in form["fields"] if not one["value"])
        fields = [".".join(one["path"]) for one in bare if one["widget"] == "domain"]
        if fields:
            where = f"--env {place['environment']} --org {owner}"
            way = f"`catalyst plan configure {doc['name']} {where} --set {fields[0]}=HOST`"
            place["inside"] = f"none, reached from inside the cluster alone; {way} gives it one"


def _at(one: dict[str, Any]) -> tuple[str, str]:
    return one["application"], one["environment"]


def _noticed(place: dict[str, Any]) -> Iterable[str]:
    return ["not known"] if place["notices"] is None else noticed(place)


def _place(place: dict[str, Any]) -> Iterator[str]:
    yield f"{place['environment']}:"
    chain = chains.as_lines(links_in(place))
    if chain:
        yield "  blocked by"
        yield from (f"    {line}" for line in chain)
    desired = place["desired"]
    if desired is not None:
        yield f"  wanted   {desired['blueprint']} {desired['version']}, by {desired['change']}"
        hosts = desired.get("hosts") or filter(None, (place.get("inside"),))
        yield from (f"  host     {host}" for host in hosts)
    yield from (f"  notice   {text}" for text in _noticed(place))
    committed = place["committed"]
    if committed is not None:
        where = f"{committed['repository']} {committed['branch']}"
        yield f"  in Git   {committed['commit'][:12]} on {where}"
    for label in ("applied", "health"):
        found = place[label]
        status = as_seen(found["status"], found["source"])
        why = found["message"] or found["reason"]
        said = f": {why}" if why else ""
        if found["as_of"]:
            said += f", seen {ago(found['as_of'])} by {found['source']}"
        elif found["reason"] not in {NO_CLUSTER, NEVER_SEEN}:
            said += ", never seen"
        stale = f", silent {lasting(found['stale_since'])}" if found["stale_since"] else ""
        yield f"  {label:<8} {status}{said}{stale}"
        for item in found["evidence"]:
            more = f" {item['reason']} {item['message']}".rstrip()
            where = f" in {item['cluster']}" if item.get("cluster") else ""
            yield f"           {item['kind']} {item['name']}{where}: {item['status']}{more}"
    change, gate = place["change"], place["gate"]
    if change:
        yield f"  change   {change['action']} {change['change']}, {lasting(change['since'])}"
        yield from _grounds(change)
        yield from _meanwhile(change)
    else:
        yield "  change   none" if gate["open"] else "  change   none has begun"
    yield f"  gate     {_gate(gate)}"
    yield from _grounds(gate)
    if not change:
        yield from _meanwhile(gate)


def _grounds(found: dict[str, Any]) -> Iterator[str]:
    """Yield what a mark rests on of which no cluster tells."""
    for one in found.get("evidence") or ():
        message = f": {one['message']}" if one["message"] else ""
        since = f", {lasting(one['since'])}" if one["since"] else ""
        yield f"           {one['kind']} {one['name']}: {one['status']}{message}{since}"


def _meanwhile(found: dict[str, Any]) -> Iterator[str]:
    """Yield which revision runs as long as a change works or waits: not what it made itself."""
    if found.get("evidence"):
        revision, change = found["revision"], found["change"]
        runs = f"what {revision} made" if revision else "nothing that was seen"
        own = "runs already: what it made"
        yield f"           {own if revision == change else f'runs meanwhile: {runs}'}"


def _queued(target: Target, doc: dict[str, Any], owner: str) -> list[dict[str, Any]]:
    """Return the changes that work on an Application or wait for it, as far as they are shown."""
    names = dict.fromkeys(one["change"] for one in doc["queue"])
    found = (run(said.row(target, change, owner)) for change in names)
    return [change for change in found if change is not None]


def _gate(gate: dict[str, Any]) -> str:
    """Return whether a change waits for its gates, which one, for what and for how long."""
    if gate["open"]:
        return "open"
    since = f", {lasting(gate['since'])}" if gate["since"] else ""
    return f"closed: {gate['change']} waits for {', '.join(gate['waits_for']) or 'its turn'}{since}"
