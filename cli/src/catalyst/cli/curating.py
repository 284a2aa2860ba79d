"""`catalyst catalog feature|hide|pin|categorize`, and back: how a Blueprint is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.cli import owned, which
from catalyst.cli.charging import ReasonOption
from catalyst.cli.exits import ExitCode
from catalyst.cli.near import alike, meant
from catalyst.cli.output import Format, clean, note, show, write
from catalyst.cli.send import conclude, exit_of
from catalyst.cli.sending import sent_about
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    complete_organization,
    resolve,
)
from catalyst.cli.which import OfferedArgument
from catalyst.client.errors import ClientError
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import PLATFORM, Ref

_WHOSE: Final = "whose catalogue is it?"
CatalogueOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        autocompletion=complete_organization,
        help="Organization, by its slug, or `_`, everybody; else the only one that you see.",
    ),
]


def feature(
    name: OfferedArgument,
    *,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show a Blueprint before all others.

    Example:
      catalyst catalog feature bp-wiki --org omantel

    In the catalogue of an Organization by its org-admin; with --org _, in everybody's, by a
    sovereign-admin.
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("feature-blueprint", {}, timeout)
    curation.finish(sent, output, "features {}: it is shown before all others", "unfeature")


def unfeature(
    name: OfferedArgument,
    *,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show a Blueprint among all others again.

    Example:
      catalyst catalog unfeature bp-wiki --org omantel
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("unfeature-blueprint", {}, timeout)
    curation.finish(sent, output, "features {} no longer")


def hide(
    name: OfferedArgument,
    *,
    reason: ReasonOption,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Keep a Blueprint from being found and newly installed; what runs goes on.

    Example:
      catalyst catalog hide bp-wiki --org omantel --reason "We write in another one."

    In the catalogue of an Organization by its org-admin; with --org _, in everybody's, by a
    sovereign-admin. Hidden again, it has the new reason.
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("hide-blueprint", {"reason": reason}, timeout)
    said = "hides {}: it is not found, and not newly installed"
    curation.finish(sent, output, said, "unhide", reaches=lambda _: True)


def unhide(
    name: OfferedArgument,
    *,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let a hidden Blueprint be found and installed again.

    Example:
      catalyst catalog unhide bp-wiki --org omantel
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("show-blueprint", {}, timeout)
    curation.finish(sent, output, "hides {} no longer")


def pin(
    name: OfferedArgument,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The version, such as 1.4.2.")],
    *,
    reason: ReasonOption,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let one version of a Blueprint be installed and upgraded to, and no other.

    Example:
      catalyst catalog pin bp-wordpress 1.0.1 --org omantel --reason "1.1.1 is not tried yet."

    In the catalogue of an Organization by its org-admin; with --org _, in everybody's, by a
    sovereign-admin. What runs in another version goes on.
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("pin-version", {"version": version, "reason": reason}, timeout)
    said = f"pins {{}} to {version}: no other version can be installed or upgraded to"
    curation.finish(sent, output, said, "unpin", reaches=lambda runs: runs != version)


def unpin(
    name: OfferedArgument,
    *,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let every version of a Blueprint be installed again.

    Example:
      catalyst catalog unpin bp-wordpress --org omantel
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("unpin-version", {}, timeout)
    curation.finish(sent, output, "pins {} to no version any more")


def categorize(
    name: OfferedArgument,
    category: Annotated[
        str, typer.Argument(metavar="CATEGORY", help="The category, such as databases.")
    ],
    *,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show a Blueprint under another category than its card says.

    Example:
      catalyst catalog categorize bp-wiki collaboration --org omantel

    In the catalogue of an Organization by its org-admin; with --org _, in everybody's, by a
    sovereign-admin.
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("set-category", {"category": category}, timeout)
    curation.finish(sent, output, f"shows {{}} under the category {category}", "uncategorize")
    if output is Format.TABLE:
        curation.tell_alone(category)


def uncategorize(
    name: OfferedArgument,
    *,
    org: CatalogueOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show a Blueprint under its card's category again.

    Example:
      catalyst catalog uncategorize bp-wiki --org omantel
    """
    curation = _Curation(resolve(context, url, token), org, name)
    sent = curation.sent("clear-category", {}, timeout)
    curation.finish(sent, output, "shows {} under its card's category")


class _Curation:
    """How one Blueprint is shown, to one Organization or to everybody."""

    def __init__(self, target: Target, org: str | None, name: str) -> None:
        """Find whose catalogue it is, and which Blueprint of it is meant."""
        self._target = target
        self._owner = None if org == PLATFORM else owned.owner_of(target, org, _WHOSE)
        self._id = which.offered(target, name, self._owner)

    def sent(self, verb: str, data: dict[str, Any], timeout: float) -> Outcome:
        """Send a command about it, and return its outcome."""
        ref = Ref(self._owner, "catalog", "curation", self._id)
        return sent_about(self._target, ref, verb, data, timeout)

    def finish(
        self,
        sent: Outcome,
        form: Format,
        said: str,
        back: str = "",
        *,
        reaches: Callable[[str], bool] | None = None,
    ) -> None:
        """Say what was done and what takes it back, or why it was not done.

        Args:
            sent: What became of the command.
            form: In which form; all but the table have the outcome, with the copies as `runs`.
            said: What was done, with a place for the name.
            back: The verb that takes it back; empty: none has to.
            reaches: Whether it is worth telling of a copy that runs a version; none: of no copy.
        """
        name = which.called(self._id)
        if exit_of(sent) is not ExitCode.OK:
            conclude(sent, form, self._instead(sent, name))
        outcome: dict[str, Any] = msgspec.to_builtins(sent)
        found = None
        if reaches is not None:
            found = which.copies(self._target, self._id, self._owner)
            found = found and [one for one in found if reaches(one["version"])]
            outcome["runs"] = found
        who = self._owner or "the platform"
        again = "" if sent.events else "; it was so before"
        show(outcome, form, lambda: write(clean(f"{who} {said.format(name)}{again}")))
        if form is not Format.TABLE:
            return
        if found:
            note("what runs goes on:")
            which.write_copies(found)
        if back:
            note(f"`catalyst catalog {back} {name} --org {self._owner or PLATFORM}` takes it back")

    def _instead(self, sent: Outcome, name: str) -> str:
        if sent.code != "blueprint-version-not-found":
            return ""
        if self._owner is None:
            return f"`catalyst get blueprints {self._id} --org {PLATFORM}` shows its versions"
        return f"`catalyst catalog show {name} --org {self._owner}` shows its versions"

    def tell_alone(self, category: str) -> None:
        """Say so where no other Blueprint has a category: it may be mistyped."""
        try:
            there = self._found(category=[category], limit=2)["items"]
            known = [one["value"] for one in self._found(limit=1)["facets"]["category"]]
        except ClientError:
            return
        if all(card["name"] == which.called(self._id) for card in there):
            others = [one for one in known if one != category]
            near = meant(alike(category, others))
            note(f"no other Blueprint is in {category}; {near}there are {', '.join(others)}")

    def _found(self, **asked: Any) -> Any:
        return owned.answer(self._target, "catalog", "search", {"text": "", **asked}, self._owner)
