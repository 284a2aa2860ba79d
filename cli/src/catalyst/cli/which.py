"""Which Blueprint a person means by a name, as its id: it is in one catalogue once alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from catalyst.blueprints.document import canonical
from catalyst.cli import owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Table, note
from catalyst.cli.target import Target, complete_blueprint, complete_offered
from catalyst.client.errors import ClientError, Problem
from catalyst.contracts.subjects import PLATFORM

_ID: Final = re.compile(r"(?:public|sovereign|private)-bp-.+")
_MISSING: Final = "blueprint-not-found"
_FORBIDDEN: Final = "forbidden"
_PAGE: Final = 100

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the Blueprint, `bp-` or not.",
        autocompletion=complete_blueprint,
    ),
]


OfferedArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of the Blueprint, `bp-` or not.", autocompletion=complete_offered
    ),
]
"""The same, where it is looked for in a catalogue."""


def called(id_: str) -> str:
    """Return what a Blueprint with this id is called."""
    return id_.partition("-")[2]


def kept(target: Target, name: str, owner: str | None) -> str:
    """Return the id of a Blueprint that an Organization keeps, or the platform.

    Who may read none that the platform keeps is answered by whoever decides: the likeliest id is as
    good as any other.

    Raises:
        Failure: If there is no such Blueprint, or there are two.
    """
    if _ID.fullmatch(name):
        return name
    wanted = canonical(name)
    try:
        docs = owned.docs(target, "blueprints", owner or PLATFORM)
    except Problem as problem:
        if owner is not None:
            owned.require(target, owner)
        # Nothing takes back what is said against a Blueprint: it is guessed only to be refused.
        if owner is not None or problem.status not in owned.HIDDEN:
            raise
        return f"public-{wanted}"
    ids = [f"{doc['origin']}-{wanted}" for doc in docs if doc["name"] == wanted]
    if len(ids) > 1:
        text = f"NAME: there are several called {wanted}"
        raise Failure(ExitCode.USAGE, text, hint=f"give the id: {' or '.join(sorted(ids))}")
    if ids:
        return ids[0]
    if owner is not None and not docs:
        owned.require(target, owner)
    whose = "the platform" if owner is None else repr(owner)
    near = owned.suggested(name, lambda: [doc["name"] for doc in docs], before="bp-")
    listed = f"`catalyst get blueprints --org {owner or PLATFORM}` shows those there are"
    if owner is not None:
        hides = f"`catalyst catalog hide {wanted} --org {owner}`"
        listed += f"; {hides} keeps from {owner} what the platform offers"
    missing = owned.no_such(f"Blueprint {wanted!r} of {whose}", near + listed)
    missing.code = _MISSING
    raise missing


def offered(target: Target, name: str, owner: str | None) -> str:
    """Return the id of a Blueprint in an Organization's catalogue, or everybody's; hidden or not.

    Who may not look at it is answered by whoever decides, as in `kept`.

    Raises:
        Failure: If there is no such Blueprint.
    """
    if _ID.fullmatch(name):
        return name
    wanted = canonical(name)
    try:
        found = owned.answer(target, "catalog", "show", {"blueprint": wanted}, owner)
    except Problem as problem:
        if problem.code == _FORBIDDEN:
            return f"public-{wanted}"
        if problem.code != _MISSING:
            raise
    else:
        return f"{found['card']['origin']}-{wanted}"
    # What is hidden is not found: it was curated before.
    curated = owned.docs(target, "curations", owner or PLATFORM)
    known = [f"{doc['origin']}-{wanted}" for doc in curated if doc["blueprint"] == wanted]
    if known:
        return known[0]
    missing = owned.no_such(
        f"Blueprint {wanted!r} in {_catalogue(owner)}", _near(target, name, owner)
    )
    missing.code = _MISSING
    raise missing


def _catalogue(owner: str | None) -> str:
    return "everybody's catalogue" if owner is None else f"the catalogue of {owner!r}"


def _near(target: Target, name: str, owner: str | None) -> str:
    near = owned.suggested(name, lambda: names(target, owner), before="bp-")
    if owner is None:
        return f"{near}`catalyst get blueprints --org {PLATFORM}` shows those there are"
    return f"{near}`catalyst catalog search --org {owner}` shows those there are"


def names(target: Target, owner: str | None) -> Iterator[str]:
    """Yield the names of all Blueprints that a search finds."""
    offset: int | None = 0
    while offset is not None:
        asked = {"text": "", "limit": _PAGE, "offset": offset}
        found = owned.answer(target, "catalog", "search", asked, owner)
        yield from (card["name"] for card in found["items"])
        offset = found["next"]


# ---- what runs of it


def copies(target: Target, id_: str, owner: str | None) -> list[dict[str, Any]] | None:
    """Return where a Blueprint runs, of what the one who asks sees; None if that is not known now.

    Without an owner, in whichever Organization.
    """
    try:
        docs = owned.docs(target, "applications", owner)
    except ClientError as error:
        note(f"where it runs is not known now: {error}")
        return None
    return [
        {
            "organization": doc["organization"],
            "application": doc["name"],
            "environment": place["environment"],
            "version": place["desired"]["version"],
        }
        for doc in docs
        for place in doc["bindings"]
        if place["desired"] and _is(place["desired"], id_)
    ]


def _is(desired: Mapping[str, Any], id_: str) -> bool:
    return f"{desired['origin']}-{desired['blueprint']}" == id_


def write_copies(found: Iterable[Mapping[str, Any]]) -> None:
    """Write where it runs as a table."""
    table = Table("APPLICATION", "ENVIRONMENT", "ORG", "VERSION")
    for one in found:
        table.add(one["application"], one["environment"], one["organization"], one["version"])
    table.write()
