"""`catalyst blueprint deprecate|withdraw|yank`: what its keeper says against a Blueprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from catalyst.blueprints.document import canonical
from catalyst.cli import which
from catalyst.cli.charging import ReasonOption
from catalyst.cli.exits import ExitCode
from catalyst.cli.output import Format, clean, note, show, write
from catalyst.cli.send import conclude, exit_of
from catalyst.cli.sending import sent_about
from catalyst.cli.source import OrgOption
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    organization,
    resolve,
)
from catalyst.cli.which import NameArgument
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import PLATFORM, Ref


def deprecate(
    name: NameArgument,
    *,
    reason: ReasonOption,
    replacement: Annotated[
        str | None, typer.Option(help="Name of the Blueprint to take instead, `bp-` or not.")
    ] = None,
    org: OrgOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Advise against new installs of a Blueprint; what runs goes on, and can be upgraded.

    Example:
      catalyst blueprint deprecate bp-redis --replacement bp-valkey --reason "Valkey goes on."

    It is about all its versions, and nothing takes it back. Needs the role sovereign-admin; for a
    Blueprint of an Organization's own, with --org, org-admin.
    """
    data = {"reason": reason, "replacement": replacement and canonical(replacement)}
    target, owner = resolve(context, url, token), organization(org)
    id_ = which.kept(target, name, owner)
    sent = sent_about(
        target, Ref(owner, "blueprint", "blueprint", id_), "deprecate-blueprint", data, timeout
    )
    said = f"{which.called(id_)} is deprecated: new installs are advised against"
    _finish(target, sent, output, said, id_, owner)


def withdraw(
    name: NameArgument,
    *,
    reason: ReasonOption,
    org: OrgOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take a Blueprint out of the catalogue; what runs goes on.

    Example:
      catalyst blueprint withdraw bp-redis --reason "Its licence does not allow it any more."

    It is about all its versions, none is registered any more, and nothing takes it back:
    `catalyst catalog hide` can be undone. Needs the role sovereign-admin; for a Blueprint of an
    Organization's own, with --org, org-admin.
    """
    target, owner = resolve(context, url, token), organization(org)
    id_ = which.kept(target, name, owner)
    sent = sent_about(
        target,
        Ref(owner, "blueprint", "blueprint", id_),
        "withdraw-blueprint",
        {"reason": reason},
        timeout,
    )
    said = f"{which.called(id_)} is withdrawn: nobody finds or installs it any more"
    _finish(target, sent, output, said, id_, owner)


def yank(
    name: NameArgument,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The version, such as 1.4.2.")],
    *,
    reason: ReasonOption,
    security: Annotated[
        bool, typer.Option("--security", help="Whoever runs it is in danger, and is told so.")
    ] = False,
    org: OrgOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Keep one version of a Blueprint from being installed; its content stays for what runs.

    Example:
      catalyst blueprint yank bp-wordpress 1.0.1 --reason "It loses uploads." --security

    Nothing takes it back; yanked again with --security, it says so from then on. Needs the role
    sovereign-admin or security-officer; for a Blueprint of an Organization's own, with --org,
    org-admin.
    """
    data = {"version": version, "reason": reason, "security": security}
    target, owner = resolve(context, url, token), organization(org)
    id_ = which.kept(target, name, owner)
    sent = sent_about(
        target, Ref(owner, "blueprint", "blueprint", id_), "yank-version", data, timeout
    )
    said = f"{which.called(id_)} {version} is yanked: nobody installs it any more"
    said += ", and whoever runs it is told to be in danger" if security else ""
    _finish(target, sent, output, said, id_, owner, version=version)


def _finish(
    target: Target,
    sent: Outcome,
    form: Format,
    said: str,
    id_: str,
    owner: str | None,
    *,
    version: str = "",
) -> None:
    """Say what was done and which copies it reaches, or why it was not done.

    Other forms have the outcome, with the copies as `runs`: null, if they are not known now.
    """
    if exit_of(sent) is not ExitCode.OK:
        listed = f"`catalyst get blueprints {id_} --org {owner or PLATFORM}` shows its versions"
        conclude(sent, form, listed if sent.code == "blueprint-version-not-found" else "")
    found = which.copies(target, id_, owner)
    if found is not None and version:
        found = [one for one in found if one["version"] == version]
    outcome = {**msgspec.to_builtins(sent), "runs": found}
    show(outcome, form, lambda: _told(said, found, again=not sent.events))
    if form is Format.TABLE:
        _tell_reached(found)


def _told(said: str, found: Sequence[Mapping[str, Any]] | None, *, again: bool) -> None:
    before = "; it was so before, and the reason stays the one that was given then" if again else ""
    write(clean(said + before))
    if found:
        which.write_copies(found)


def _tell_reached(found: Sequence[Mapping[str, Any]] | None) -> None:
    if not found:
        if found is not None:
            note("nothing that you see runs it; whoever runs it is told all the same")
        return
    first = found[0]
    shows = f"`catalyst app show {first['application']} --org {first['organization']}`"
    note(f"what runs goes on, and is told of it; {shows} says what it can be upgraded to")
