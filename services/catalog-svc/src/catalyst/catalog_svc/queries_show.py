"""Questions about Blueprints: `show`, `versions`, `diff`, `form`, and `notices` of what runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from catalyst.blueprints.diff import compare
from catalyst.blueprints.document import Dependency, canonical
from catalyst.blueprints.versions import BadVersion, Version, parse
from catalyst.catalog_svc import checking
from catalyst.catalog_svc.checking import Checking
from catalyst.catalog_svc.domain import forming, holding, icons, lines, reasons
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.catalog_svc.domain.entry import Entry, Offered
from catalyst.catalog_svc.domain.prices import Prices
from catalyst.catalog_svc.ports import Contents
from catalyst.catalog_svc.queries_search import Searching, card, read
from catalyst.chassis import clock
from catalyst.chassis.service import Loader, Query
from catalyst.contracts.decision import Actor
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.rejection import Rejected

README: Final = "README.md"
KIND: Final = "curation"
"""Whoever may read what is curated for an Organization may ask for its catalogue."""

_Name = Annotated[str, msgspec.Meta(max_length=63)]
_Named = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
_Version = Annotated[str, msgspec.Meta(max_length=64)]


class ShowRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what a Blueprint is."""

    blueprint: _Named
    """With `bp-` or without."""
    version: _Version = ""
    """Empty: what would be installed."""


class IconRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the picture of a Blueprint."""

    blueprint: _Named
    """With `bp-` or without."""
    version: _Version = ""
    """Empty: what would be installed."""


class VersionsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask which versions there are, and which can be upgraded to."""

    blueprint: _Named
    """With `bp-` or without."""
    installed: _Version = ""
    """What is upgraded; empty: what `application` runs, or nothing."""
    environment: _Name = ""
    """Where `application` runs."""
    application: _Name = ""
    """The Application to be upgraded; empty: none."""


class DiffRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what differs between two versions."""

    blueprint: _Named
    """With `bp-` or without."""
    old: _Version
    new: _Version


class FormRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the form of a Blueprint's configuration."""

    blueprint: _Named
    """With `bp-` or without."""
    version: _Version = ""
    """Empty: what would be installed, or what `application` runs."""
    environment: _Name = ""
    """Where it shall run, or runs; empty: anywhere."""
    application: _Name = ""
    """The Application to be configured; empty: a new one."""


class NoticesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what has to be known of the Applications that run."""

    application: _Name = ""
    """Of this one alone; empty: of all."""


class Looking:
    """Answers what somebody asks of one Blueprint."""

    def __init__(self, catalogue: Catalogue, prices: Prices, contents: Contents) -> None:
        """Look in `catalogue`; READMEs and files come from `contents`."""
        self._catalogue = catalogue
        self._prices = prices
        self._contents = contents
        self._checking = Checking(contents)

    async def show(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer what a Blueprint is, what it costs, its versions, and where it runs.

        Raises:
            Rejected: For a wrong request, or what is not in this Organization's catalogue.
        """
        asked = read(request, ShowRequest)
        entry = self._entry(organization, asked.blueprint)
        await self._checking.look(entry, entry.versions)
        one = _one(entry if asked.version else entry.today, asked.version)
        written: Mapping[str, Any] = one.spec.get("card") or {}
        present = forming.present(self._catalogue.applications(organization or None))
        runs = [run for run in present if _is_of(entry, run.desired)]
        held = holding.of(self._catalogue, organization or None, runs)
        return {
            "card": msgspec.to_builtins(card(entry.today, self._prices, clock.now())),
            "version": one.text,
            "description": str(written.get("description") or ""),
            "documentation": str(written.get("documentation") or written.get("docs") or ""),
            "license": str(written.get("license") or ""),
            "owner": one.spec.get("owner") or {},
            "readme": await self._readme(one),
            "needs": [_needed(need, one) for need in one.blueprint.depends],
            "copies": one.blueprint.copies,
            "modes": [str(mode) for mode in one.blueprint.modes],
            "hidden": entry.hidden,
            "withdrawn": entry.withdrawn,
            "pinned": entry.pinned,
            "pinned_why": entry.pinned_why,
            "versions": msgspec.to_builtins(lines.lines(entry, None)),
            "runs": [
                {
                    "application": run.application,
                    "environment": run.environment,
                    "version": run.desired.version,
                    "security": _insecure(entry, run.desired.version),
                    "notices": msgspec.to_builtins(entry.notices(run.desired.version)),
                    "newest": lines.newest(
                        entry, parse(run.desired.version), held[run.environment, run.application]
                    ),
                }
                for run in runs
            ],
        }

    async def icon(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer the picture that the card of a version names.

        Raises:
            Rejected: As `show`; `not-found` if it names none, `unavailable` if it cannot be read.
        """
        asked = read(request, IconRequest)
        one = _one(self._entry(organization, asked.blueprint), asked.version)
        written: Mapping[str, Any] = one.spec.get("card") or {}
        package = await self._contents.get(one.digest)
        return msgspec.to_builtins(icons.icon(package, str(written.get("icon") or "")))

    async def versions(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer which versions there are, the newest first, and which can be upgraded to.

        Raises:
            Rejected: As `show`; `application-not-found` for one that does not run there.
        """
        asked = read(request, VersionsRequest)
        running = self._running(organization, asked.environment, asked.application)
        entry = self._entry(organization, asked.blueprint, running)
        await self._checking.look(entry, entry.versions)
        installed = asked.installed or (running.version if running is not None else "")
        found = lines.lines(entry, _parsed(installed, "/installed") if installed else None)
        return {
            "blueprint": entry.name,
            "origin": entry.origin,
            "installed": installed or None,
            "versions": msgspec.to_builtins(found),
        }

    async def diff(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer what differs between two versions: fields, defaults, dependencies, files.

        Raises:
            Rejected: As `show`; `unavailable` if the content cannot be read now.
        """
        asked = read(request, DiffRequest)
        entry = self._entry(organization, asked.blueprint)
        old, new = _one(entry, asked.old), _one(entry, asked.new)
        found = compare(
            old.blueprint,
            new.blueprint,
            await self._contents.get(old.digest),
            await self._contents.get(new.digest),
        )
        return {
            "blueprint": entry.name,
            "old": old.text,
            "new": new.text,
            **msgspec.to_builtins(found),
            "defaults": msgspec.to_builtins(found.defaults),
        }

    async def form(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer the fields in order, each with what is set and what can be chosen.

        Raises:
            Rejected: As `versions`; `environment-not-found` for one that is not there.
        """
        asked = read(request, FormRequest)
        audience = organization or None
        self._catalogue.require(audience)
        if asked.environment and self._catalogue.place(audience, asked.environment) is None:
            message = f"there is no Environment {asked.environment!r}"
            raise Rejected("environment-not-found", message, pointer="/environment")
        running = self._running(organization, asked.environment, asked.application)
        entry = self._entry(organization, asked.blueprint, running)
        version = asked.version or (running.version if running is not None else "")
        found = forming.form(
            _one(entry, version).blueprint,
            forming.present(self._catalogue.applications(audience)),
            asked.environment,
            asked.application,
        )
        return msgspec.to_builtins(found) | self._prices.offered(clock.now())

    async def notices(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer which Applications run what was yanked, withdrawn or deprecated, and why.

        Told as well is what would not be registered any more, and to what each can be upgraded.

        Raises:
            Rejected: For a wrong request; `organization-not-found` or `organization-deleted`.
        """
        asked = read(request, NoticesRequest)
        self._catalogue.require(organization or None)
        found, upgrades = [], []
        present = forming.present(self._catalogue.applications(organization or None))
        runs = [run for run in present if asked.application in {"", run.application}]
        held = holding.of(self._catalogue, organization or None, runs)
        for run in runs:
            of, version = run.desired, run.desired.version
            entry = self._catalogue.installed(organization, of.origin, of.blueprint)
            if entry is not None and (one := entry.version(version)) is not None:
                await self._checking.look(entry, [one])
            notices = entry.notices(version) if entry is not None else ()
            where = {
                "application": run.application,
                "environment": run.environment,
                "blueprint": of.blueprint,
                "version": version,
            }
            if notices:
                found.append({**where, "notices": msgspec.to_builtins(notices)})
            needing = held[run.environment, run.application]
            if newest := await self._newest(organization, of, needing):
                upgrades.append({**where, "newest": newest})
        return {"applications": found, "upgrades": upgrades}

    # ---- what they share

    def _entry(self, organization: str, name: str, running: Desired | None = None) -> Entry:
        """Return a Blueprint that the audience may look at: what it finds, and what it runs."""
        audience = organization or None
        self._catalogue.require(audience)
        wanted = canonical(name)
        if running is not None:
            if running.blueprint != wanted:
                message = f"the Application is a copy of {running.blueprint}"
                raise Rejected("blueprint-cannot-run-there", message, pointer="/blueprint")
            known = self._catalogue.copied(audience, running)
        else:
            known = self._catalogue.entries(audience).get(wanted)
        seen = known is not None and bool(known.versions)
        if known is None or not seen or not (self._found(known) or self._runs(audience, known)):
            message = f"there is no Blueprint {wanted!r} in this catalogue"
            raise Rejected("blueprint-not-found", message, pointer="/blueprint")
        return known

    def _found(self, entry: Entry) -> bool:
        gone = entry.hidden or entry.withdrawn
        return not gone and any(one.offered for one in entry.versions)

    def _runs(self, audience: str | None, entry: Entry) -> bool:
        runs = forming.present(self._catalogue.applications(audience))
        return any(_is_of(entry, run.desired) for run in runs)

    def _running(self, organization: str, environment: str, application: str) -> Desired | None:
        if not application:
            return None
        self._catalogue.require(organization or None)
        known = self._catalogue.applications(organization or None).get(application)
        found = known.running.get(environment) if known is not None else None
        if found is None:
            message = f"{application!r} does not run in {environment!r}"
            raise Rejected("application-not-found", message, pointer="/application")
        return found

    async def _newest(
        self, organization: str, running: Desired, held: Sequence[holding.Holder]
    ) -> str:
        """Return to what a copy can be upgraded; empty: to nothing that it is shown.

        The newest is looked into, and the next where that one is refused: all of what runs is
        asked about at once, and to look into every version would take longer than anybody waits.
        """
        entry = self._catalogue.copied(organization or None, running)
        if entry is None:
            return ""
        installed = parse(running.version)
        for _ in range(checking.MOST):
            newest = entry.version(lines.newest(entry, installed, held))
            if newest is None:
                return ""
            if not await self._checking.look(entry, [newest]):
                return newest.text
        return ""

    async def _readme(self, one: Offered) -> str | None:
        """Return the README; empty if there is none, None if it cannot be read now."""
        try:
            package = await self._contents.get(one.digest)
        except Rejected:
            return None  # the card is worth having without it
        raw = package.files.get(README, b"")
        return raw.decode("utf-8", errors="replace")


def _is_of(entry: Entry, desired: Desired) -> bool:
    return (desired.blueprint, desired.origin) == (entry.name, entry.origin)


def _needed(need: Dependency, one: Offered) -> str:
    """Return what is needed in words: always, by default, or with some of its settings alone."""
    text = f"{need.blueprint} {need.version}"
    if not need.when:
        return text
    if need in one.by_default:
        return f"{text} (by default)"
    inside = re.fullmatch(r"\$?\{\{(.*)\}\}", need.when.strip(), re.DOTALL)
    condition = (inside[1] if inside else need.when).strip()
    return f"{text} (if its settings ask for it: {condition})"


def _insecure(entry: Entry, version: str) -> bool:
    known = entry.version(version)
    return known is not None and known.insecure


def _one(entry: Entry, version: str) -> Offered:
    """Return a published version.

    Raises:
        Rejected: `blueprint-version-not-found`.
    """
    wanted = version or entry.pinned
    if not wanted:
        return entry.newest
    found = entry.version(wanted)
    if found is None or not found.published:
        lacking = f"{entry.name} has no version {wanted!r} that is published"
        message = reasons.with_others(lacking, entry)
        raise Rejected("blueprint-version-not-found", message, pointer="/version")
    return found


def _parsed(text: str, pointer: str) -> Version:
    try:
        return parse(text)
    except BadVersion as error:
        raise Rejected("invalid-data", str(error), pointer=pointer) from error


def queries(searching: Searching, looking: Looking) -> tuple[Query, ...]:
    """Return the questions about what there is."""
    return (
        Query(name="search", version=1, for_kind=KIND, run=searching.search),
        Query(name="show", version=1, for_kind=KIND, run=looking.show),
        Query(name="icon", version=1, for_kind=KIND, run=looking.icon),
        Query(name="versions", version=1, for_kind=KIND, run=looking.versions),
        Query(name="diff", version=1, for_kind=KIND, run=looking.diff),
        Query(name="form", version=1, for_kind=KIND, run=looking.form),
        Query(name="notices", version=1, for_kind=KIND, run=looking.notices),
    )
