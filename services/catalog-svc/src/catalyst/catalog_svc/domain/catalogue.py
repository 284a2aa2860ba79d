"""The catalogue in memory: every Blueprint, who sees it, and what runs. An index of the log.

What one Organization may see is put together for it alone: of the platform's Blueprints, and of its
own. Nothing here reads across Organizations.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec

from catalyst.blueprints.versions import parse
from catalyst.catalog_svc.domain import curation, placed, sourced
from catalyst.catalog_svc.domain.curation import Curation
from catalyst.catalog_svc.domain.entry import Entry, Offered
from catalyst.catalog_svc.domain.placed import Application, Place
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import owner
from catalyst.contracts.blocked_blueprint import Source
from catalyst.contracts.blueprint_v1 import Origin
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Event
from catalyst.contracts.owner import Owner
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.rejection import Rejected

FOLLOWED: Final = (
    "evt.*.blueprint.blueprint.>",
    "evt.*.blueprint.source.>",
    "evt.*.catalog.curation.>",
    "evt.*.environment.organization.>",
    "evt.*.environment.environment.>",
    "evt.*.provisioning.application.>",
)
"""Subjects of the events that it is made of."""

_STRONGEST: Final[tuple[Origin, ...]] = ("private", "sovereign", "public")
"""On one name the first of these wins."""
OTHER: Final = "other"
"""The category of what has none, so that it is found by one, too."""
BUNDLE: Final = "bundle"
"""The category, on its card, of what consists of other Blueprints."""
_NOBODY: Final = ""
"""An audience with nothing of its own."""
_AUDIENCES: Final = 100
"""For so many what they see is kept ready."""


class _Held:
    """A Blueprint as it was registered."""

    __slots__ = ("deprecated", "name", "origin", "replacement", "versions", "withdrawn")

    def __init__(self, name: str, origin: Origin) -> None:
        self.name = name
        self.origin: Origin = origin
        self.versions: dict[str, Offered] = {}
        self.deprecated = ""
        self.replacement = ""
        self.withdrawn = ""


class _Owned:
    """What belongs to one Organization, or to the platform."""

    def __init__(self) -> None:
        self.blueprints: dict[str, _Held] = {}
        """By id."""
        self.sources: dict[str, sourced.Read] = {}
        self.curations: dict[str, Curation] = {}
        self.organization = Owner()
        self.places: dict[str, Place] = {}
        self.applications: dict[str, Application] = {}
        self.changes = 0
        """Grows with everything that may change what is seen of Blueprints."""
        self.touched: dict[str, int] = {}
        """Name of a Blueprint → the last of these changes that was about it."""

    def touch(self, id_: str) -> None:
        """Note that something may be seen of a Blueprint that was not seen before."""
        self.changes += 1
        self.touched[id_.partition("-")[2]] = self.changes


class Catalogue:
    """Everything that the catalogue's questions are answered from."""

    def __init__(self) -> None:
        """Know nothing."""
        self._owned: dict[str | None, _Owned] = {None: _Owned()}
        self._entries: OrderedDict[str | None, tuple[tuple[int, int], dict[str, Entry]]]
        self._entries = OrderedDict()
        self._kept: dict[str | None, tuple[int, dict[str, Entry]]] = {}

    # ---- folding

    def apply(self, recorded: Recorded) -> None:
        """Fold one event."""
        ref, event = recorded.ref, recorded.event
        owned = self._owned.get(ref.organization)
        if owned is None:
            owned = self._owned[ref.organization] = _Owned()
        match ref.service, ref.aggregate:
            case "blueprint", "blueprint":
                _registered(owned, ref.id, event, recorded.time)
                owned.touch(ref.id)
            case "blueprint", "source":
                _read(owned, recorded)
            case "catalog", "curation":
                known = owned.curations.get(ref.id, Curation())
                owned.curations[ref.id] = curation.evolve(known, event)
                owned.touch(ref.id)
            case "environment", "organization":
                owned.organization = owner.evolve(owned.organization, event)
                if isinstance(event, env1.OrganizationDeleted):
                    gone = self._owned[ref.organization] = _Owned()
                    gone.organization = owned.organization
                    self._entries.pop(ref.organization, None)
            case "environment", "environment":
                found = placed.place(owned.places.pop(ref.id, None), event)
                if found is not None:
                    owned.places[ref.id] = found
            case "provisioning", "application":
                before = owned.applications.get(ref.id, Application())
                owned.applications[ref.id] = placed.evolve(before, event)
            case _:
                pass

    # ---- who sees what

    def version(self, organization: str | None) -> tuple[int, int]:
        """Return a number of what an audience sees: it is another one after each change."""
        own = self._owned.get(organization)
        return self._owned[None].changes, own.changes if own and organization else 0

    def entries(self, organization: str | None) -> Mapping[str, Entry]:
        """Return every Blueprint that a name stands for, hidden and withdrawn ones too."""
        version = self.version(organization)
        kept = self._entries.get(organization)
        if kept is not None and kept[0] == version:
            return kept[1]
        made = self._made(organization)
        self._entries[organization] = (version, made)
        self._entries.move_to_end(organization)
        while len(self._entries) > _AUDIENCES:
            self._entries.popitem(last=False)
        return made

    def everybody(self, organization: str | None) -> str | None:
        """Return the audience that sees of the platform's what one does, and nothing of its own."""
        return organization and _NOBODY

    def sources(self, organization: str | None) -> tuple[Source, ...]:
        """Return the sources that an Organization's Blueprints may come from, its own first."""
        owned = [self._owned.get(organization)] if organization else []
        return tuple(
            one for each in (*owned, self._owned[None]) if each for one in each.sources.values()
        )

    def visible(self, organization: str | None) -> Mapping[str, Entry]:
        """Return what an audience can find and look at, by name with `bp-`."""
        found = self.entries(organization)
        return {
            name: one
            for name, one in found.items()
            if not one.hidden and not one.withdrawn and any(v.offered for v in one.versions)
        }

    def of_origin(self, organization: str | None, origin: str, name: str) -> Entry | None:
        """Return a Blueprint of an origin, though another one may stand for its name."""
        for held in self._held(organization, name):
            if held.origin == origin:
                return self._entry(organization, held)
        return None

    def installed(self, organization: str, origin: str, name: str) -> Entry | None:
        """Return what a copy of an Organization was made of, also if it is shown no longer."""
        owned = self._owned.get(organization if origin == "private" else None)
        held = owned.blueprints.get(f"{origin}-{name}") if owned is not None else None
        return self._entry(organization, held) if held is not None else None

    def copied(
        self, organization: str | None, copy: Desired, before: Collection[str] = ()
    ) -> Entry | None:
        """Return the Blueprint that an Application is a copy of.

        Of one that is shown to the Organization no longer it has what runs and ran there alone.

        Args:
            organization: Whose Application it is; None: the platform asks.
            copy: What is to run.
            before: Versions that ran there before.
        """
        shown = self.of_origin(organization, copy.origin, copy.blueprint)
        if shown is not None or not organization:
            return shown
        made = self.installed(organization, copy.origin, copy.blueprint)
        if made is None:
            return None
        ran = {copy.version, *before}
        known = tuple(one for one in made.versions if one.text in ran)
        return msgspec.structs.replace(made, versions=known, pending=())

    def _made(self, organization: str | None) -> dict[str, Entry]:
        own = self._owned.get(organization)
        if not organization or own is None or not own.changes:
            # Nothing of its own: it sees what any other sees.
            return self._everybody_s(organization and _NOBODY)
        made = dict(self._everybody_s(_NOBODY))
        for name in own.touched:
            made.pop(name, None)
        made.update(self._all(organization, own.touched))
        return made

    def _everybody_s(self, key: str | None) -> dict[str, Entry]:
        """Return what the platform shows; only what was touched since is made anew."""
        platform = self._owned[None]
        done, made = self._kept.get(key, (0, {}))
        if done != platform.changes:
            names = {name for name, change in platform.touched.items() if change > done}
            made = {name: one for name, one in made.items() if name not in names}
            made.update(self._all(key, names))
            self._kept[key] = platform.changes, made
        return made

    def _all(self, organization: str | None, names: Iterable[str]) -> dict[str, Entry]:
        made: dict[str, Entry] = {}
        for name in sorted(set(names)):
            strongest = next(self._held(organization, name), None)
            if strongest is not None:
                made[name] = self._entry(organization, strongest)
        return made

    def _held(self, organization: str | None, name: str) -> Iterator[_Held]:
        """Yield the Blueprints of a name that an audience may see, the strongest first.

        What is withdrawn, or was never published, stands behind all others.
        """
        own = self._owned.get(organization) if organization else None
        found: list[_Held] = []
        for origin in _STRONGEST:
            owned = own if origin == "private" else self._owned[None]
            held = owned.blueprints.get(f"{origin}-{name}") if owned is not None else None
            if held is not None and (organization is None or not _is_secret(held)):
                found.append(held)
        return iter(sorted(found, key=lambda one: bool(one.withdrawn) or not _published(one)))

    def _entry(self, organization: str | None, held: _Held) -> Entry:
        id_ = f"{held.origin}-{held.name}"
        for_all = self._owned[None].curations.get(id_, Curation())
        own = self._owned.get(organization) if organization else None
        mine = own.curations.get(id_, Curation()) if own is not None else Curation()
        pin = mine if mine.pinned else for_all
        versions = sorted(held.versions.values(), key=lambda one: one.version, reverse=True)
        made = Entry(
            name=held.name,
            origin=held.origin,
            versions=tuple(one for one in versions if one.published),
            pending=tuple(one for one in versions if not one.published),
            deprecated=held.deprecated,
            replacement=held.replacement,
            withdrawn=held.withdrawn,
            featured=for_all.featured or mine.featured,
            hidden=mine.hidden or for_all.hidden,
            pinned=pin.pinned,
            pinned_why=pin.pinned_why,
            category=mine.category or for_all.category,
        )
        if made.category or not made.versions:
            return made
        return msgspec.structs.replace(made, category=str(made.card.get("category") or OTHER))

    # ---- what runs

    def require(self, organization: str | None) -> None:
        """Refuse an Organization that is not there; without one it is the platform that asks.

        Raises:
            Rejected: `organization-not-found` or `organization-deleted`.
        """
        if not organization:
            return
        own = self._owned.get(organization)
        if own is None or own.organization.phase == "absent":
            raise Rejected("organization-not-found", f"there is no Organization {organization!r}")
        if own.organization.phase == "deleted":
            raise Rejected("organization-deleted", f"the Organization {organization!r} is deleted")

    def place(self, organization: str | None, environment: str) -> Place | None:
        """Return an Environment of an Organization."""
        own = self._owned.get(organization) if organization else None
        return own.places.get(environment) if own is not None else None

    def applications(self, organization: str | None) -> Mapping[str, Application]:
        """Return the Applications of an Organization, by name."""
        own = self._owned.get(organization) if organization else None
        return own.applications if own is not None else {}


def _is_secret(held: _Held) -> bool:
    """Return whether the platform keeps a Blueprint for itself, as its newest version says."""
    if held.origin == "private":
        return False
    known = [one for one in held.versions.values() if one.offered] or [*held.versions.values()]
    newest = max(known, key=lambda one: (not one.version.pre, one.version), default=None)
    return newest is not None and newest.spec.get("visibility") == "private"


def _published(held: _Held) -> bool:
    return any(one.published for one in held.versions.values())


def _read(owned: _Owned, recorded: Recorded) -> None:
    ref, before = recorded.ref, owned.sources.pop(recorded.ref.id, None)
    found = sourced.evolve(before, recorded.event, ref.organization, recorded.time)
    if found is not None:
        owned.sources[ref.id] = found


def _registered(owned: _Owned, id_: str, event: Event, time: datetime) -> None:
    held = owned.blueprints.get(id_)
    if held is None and isinstance(event, bp1.VersionRegistered):
        held = owned.blueprints[id_] = _Held(event.name, event.origin)
    if held is None:
        return
    match event:
        case bp1.VersionRegistered():
            made = Offered(held.name, parse(event.version), event.digest, event.spec)
            made.missing = event.missing
            made.registered = time
            made.source = event.source
            held.versions.setdefault(event.version, made)
        case bp1.VersionPublished() if event.version in held.versions:
            held.versions[event.version].published = True
        case bp1.VersionAwaits() if event.version in held.versions:
            held.versions[event.version].missing = event.missing
            held.versions[event.version].cycle = event.cycle
        case bp1.VersionYanked() if event.version in held.versions:
            version = held.versions[event.version]
            version.yanked = event.reason
            version.insecure = version.insecure or event.security
        case bp1.BlueprintDeprecated():
            held.deprecated, held.replacement = event.reason, event.replacement or ""
        case bp1.BlueprintWithdrawn():
            held.withdrawn = event.reason
        case _:
            pass
