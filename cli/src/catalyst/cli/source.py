"""`catalyst source`: where Blueprints come from, and what was wrong when they were read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final

import typer

from catalyst.cli import owned, untaken
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.get import Wanted, read
from catalyst.cli.output import Format, clean, note, write
from catalyst.cli.send import conclude, exit_of
from catalyst.cli.sending import sent_about
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    SeenOrgOption,
    TimeoutOption,
    TokenOption,
    UrlOption,
    complete_source,
    organization,
    resolve,
)
from catalyst.client.rows import Row
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import Ref

_OURS: Final = "/git/"
_GIT: Final = ("https://", "http://", _OURS)
_FORBIDDEN: Final = "source-location-forbidden"
_TAKEN: Final = "source-exists"
_SET: Final = "set it where `catalyst up` runs, then start that again"
_INSIDE: Final = "public network"
"""What is said of a host that may be named and is not read all the same."""
_NETWORKS: Final = (
    "BLUEPRINT_CONTROLLER_GIT_NETWORKS names private networks that sources of the platform may "
    f"stand on; {_SET}"
)
_CLONED: Final = (
    "a clone of it below the directory that BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES names can be a "
    "source of the platform"
)
_SERVICES_PUSH: Final = (
    "services alone push to our own Git: until one has, there is nothing to read; Blueprints of "
    "your own stand on another host, or in a directory"
)


class OriginName(StrEnum):
    """Whose Blueprints a source holds."""

    PUBLIC = "public"
    SOVEREIGN = "sovereign"
    PRIVATE = "private"


OrgOption = Annotated[
    str | None, typer.Option("--org", help="Organization, by its slug; else the platform.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the source.")]
KnownArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of the source.", autocompletion=complete_source),
]


def add(
    name: NameArgument,
    location: Annotated[
        str,
        typer.Argument(
            metavar="LOCATION",
            help="Address of a Git repository on the public network that asks for no password, "
            "or path of a directory on the server.",
        ),
    ],
    *,
    org: OrgOption = None,
    branch: Annotated[str, typer.Option(help="Branch of the Git repository.")] = "main",
    folder: Annotated[
        str, typer.Option(help="Folder below which the packages stand; empty: anywhere.")
    ] = "",
    origin: Annotated[
        OriginName | None,
        typer.Option(help="Whose the Blueprints are; with --org always private, else public."),
    ] = None,
    interval: Annotated[
        str, typer.Option(help="Time between two readings, such as 10m or 1h.")
    ] = "10m",
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Add a source of Blueprints; it is read at once, and again after each interval.

    A repository that cannot be read from outside is cloned into a directory on the server.

    Example:
      catalyst source add team https://git.example/team/blueprints.git --interval 1h
      catalyst source add shared https://git.example/omantel/blueprints.git --org omantel
      catalyst source add cloned team
    """
    owner = organization(org)
    private = owner is not None
    if origin is not None and private != (origin is OriginName.PRIVATE):
        raise Failure(
            ExitCode.USAGE,
            f"--origin {origin.value} does not fit "
            + ("an Organization's source" if private else "a source of the platform"),
            hint="with --org a source is private, without it public or sovereign",
        )
    data: dict[str, Any] = {
        "kind": "git" if location.startswith(_GIT) else "directory",
        "location": location,
        "branch": branch,
        "folder": folder,
        "origin": (origin or (OriginName.PRIVATE if private else OriginName.PUBLIC)).value,
        "interval": interval,
    }
    target = resolve(context, url, token)
    found = sent_about(target, Ref(owner, "blueprint", "source", name), "add-source", data, timeout)
    listed = f"`catalyst source list{_of(owner)}`"
    _finish(
        found,
        output,
        f"{name} is added as a source of {owner or 'the platform'}, and read at once",
        f"{listed} shows how many versions it holds, and what is wrong",
        hint=_instead(found, name, location, owner),
    )
    if location.startswith(_OURS) and exit_of(found) is ExitCode.OK:
        note(_SERVICES_PUSH)


def list_(
    *,
    org: SeenOrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List sources, when they were read, and what is wrong with them.

    Example:
      catalyst source list --org omantel
    """
    owner = org and (organization(org) or "_")
    wanted = Wanted(kinds="sources", where={"organization": owner})
    target = resolve(context, url, token)

    @cache
    def blueprints() -> list[dict[str, Any]]:
        return owned.docs(target, "blueprints", owner or None)

    def waiting(_row: Row, doc: Mapping[str, Any]) -> int:
        return len(untaken.waiting(blueprints()).get((doc["organization"], doc["name"]), ()))

    some = read(target, wanted, output, beside=(("WAITING", waiting),))
    if some and output is Format.TABLE:
        for line in untaken.told_waiting(blueprints()):
            note(line)


def sync(
    name: KnownArgument,
    *,
    org: OrgOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Read a source now, everything in it.

    Example:
      catalyst source sync starter
    """
    target = resolve(context, url, token)
    owner = organization(org)
    found = sent_about(target, Ref(owner, "blueprint", "source", name), "sync-source", {}, timeout)
    listed = f"`catalyst source list{_of(owner)}` shows what it holds"
    _finish(found, output, f"{name} is being read", listed)


def remove(
    name: KnownArgument,
    *,
    org: OrgOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Read a source no longer; what was registered from it stays.

    Example:
      catalyst source remove team
    """
    target = resolve(context, url, token)
    found = sent_about(
        target, Ref(organization(org), "blueprint", "source", name), "remove-source", {}, timeout
    )
    _finish(found, output, f"{name} is read no longer; what was registered from it stays")


def _of(owner: str | None) -> str:
    return f" --org {owner}" if owner else ""


def _instead(found: Outcome, name: str, location: str, owner: str | None) -> str:
    """Return what to do about a source that is not added; empty: what its code says."""
    if found.code == _TAKEN:
        return f"`catalyst source remove {name}{_of(owner)}` comes first, or take another name"
    if found.code == _FORBIDDEN and _INSIDE in found.message:
        return _CLONED if owner else f"{_NETWORKS}; or {_CLONED}"
    return _where(location, owner) if found.code == _FORBIDDEN else ""


def _where(location: str, owner: str | None) -> str:
    """Return what to do where Blueprints are not read from a location."""
    if location.startswith(_OURS) or (owner and not location.startswith(_GIT)):
        own = f"`{_OURS}{owner}/NAME.git`" if owner else "an Organization's with `--org`"
        return f"on our own Git, {own} can be read"
    if location.startswith(_GIT):
        return f"BLUEPRINT_CONTROLLER_GIT_HOSTS names the hosts that are allowed; {_SET}"
    return (
        "a directory is read below the one that BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES names, and "
        f"no other; for another, {_SET}"
    )


def _finish(found: Outcome, form: Format, said: str, next_: str = "", *, hint: str = "") -> None:
    """Say what was done, or why it was not, and end with the code that fits."""
    if form is Format.TABLE and exit_of(found) is ExitCode.OK:
        write(clean(said))
        if next_:
            note(next_)
        return
    conclude(found, form, hint)
