"""What may stand in each slot of a solution: copies that run, and copies that would be new.

A slot is an Application, whether it has a name yet or not: `app:crm` runs or is the target,
`new:bp-postgres` is a new one for all who need it, `new:app:wiki/db` is a new one for one alias,
and `any:bp-postgres` is whichever of those that run the target takes; what runs and is upgraded
along takes `all:bp-postgres`, where the target's own copies are not among them. `part:bp-postgres`
is what those that come with the target share: what was decided for the target itself, or else what
it would take. What is undecidable by the catalogue alone (`wrong:…`) holds nothing.

An Application that runs stays as it is, or is upgraded if everything that needs it allows that.
What needs it counts with the version that runs now, even where that is upgraded as well: what is
needed is upgraded first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import msgspec

from catalyst.blueprints import dependencies, versions
from catalyst.blueprints.configschema import effective, validate
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.findings import Violation
from catalyst.blueprints.merging import merged
from catalyst.blueprints.scope import ApplicationScope, Neighbour, Scope, environment
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.catalog_svc.domain.copies import Copies
from catalyst.catalog_svc.domain.entry import Entry, Offered, parsed_range
from catalyst.catalog_svc.domain.holding import holders
from catalyst.catalog_svc.domain.pins import Need, Pin, offer
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.rejection import Rejected

NEW: Final = "new"
"""What is said of an alias that is to have a copy of its own."""

SHARED: Final = ("any", "all")
"""The kinds of slots that stand for one of the copies that run."""

UNDECIDED: Final = "wrong:"
"""The slot of what a version needs whose conditions have no result."""

Values = dict[str, dict[str, Any]]
"""Configuration that slots get from those that need them."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be installed, or changed."""

    environment: str
    application: str
    blueprint: str = ""
    """With `bp-`; may be empty for an Application that runs."""
    version: str = "*"
    """A version or a range."""
    config: dict[str, Any] = {}
    dependencies: dict[str, str] = {}
    """For an alias: `new`, or the Application to use; without one, what runs is shared."""


class Universe:
    """Everything that a solution may be made of, seen by one Organization in one Environment."""

    def __init__(self, catalogue: Catalogue, organization: str, request: Request) -> None:
        """Look at what there is.

        Raises:
            Rejected: `environment-not-found`.
        """
        self.request = request
        self.organization = organization
        self.environment = request.environment
        found = catalogue.place(organization, request.environment)
        if found is None:
            message = f"there is no Environment {request.environment!r}"
            raise Rejected("environment-not-found", message, pointer="/environment")
        self.place = found
        self.catalogue = catalogue
        self.entries = catalogue.entries(organization)
        self.applications = catalogue.applications(organization)
        self.running: dict[str, Desired] = {
            name: desired
            for name, one in sorted(self.applications.items())
            if (desired := one.expected(request.environment)) is not None
        }
        self.copies = Copies(self.running)
        self.target = f"app:{request.application}"
        self.old = self.running.get(request.application)
        self.above = self._above()
        # What the target needs its new version says.
        self.holders = holders(catalogue, organization, self.environment, but=request.application)
        self.goes_back = self._goes_back()
        self._candidates: dict[str, tuple[Pin, ...]] = {}
        self.settled: set[str] = set()
        """Slots of what is new that get no more values from those that need it."""
        self.guessed: set[str] = set()
        """Those in which something was left undecided because they may get some."""

    def _above(self) -> frozenset[str]:
        """Return what needs the target, through others too: it is of no use to the target."""
        users: dict[str, list[str]] = {}
        for name, desired in self.running.items():
            for other in desired.dependencies.values():
                users.setdefault(other, []).append(name)
        found: set[str] = set()
        left = [self.request.application]
        while left:
            more = [name for name in users.get(left.pop(), ()) if name not in found]
            found.update(more)
            left += more
        return frozenset(found - {self.request.application})

    def _goes_back(self) -> bool:
        """Return whether an older version of the target is asked for, by its very name."""
        entry = self.entry_of(self.request.application) if self.old is not None else None
        wanted = entry.version(self.request.version) if entry is not None else None
        if wanted is None or self.old is None:
            return False
        return wanted.version < versions.parse(self.old.version)

    def entry_of(self, application: str) -> Entry | None:
        """Return the Blueprint that a running Application is a copy of."""
        ran = self.applications[application].before.get(self.environment, frozenset())
        return self.catalogue.copied(self.organization, self.running[application], ran)

    def existing(self, kind: str, blueprint: str) -> tuple[str, ...]:
        """Return the Applications that run a Blueprint here, by name, and may be shared unasked.

        Never the target itself, nor what waits for it, nor what is another one's own; what is the
        target's own is for a slot of the kind `any` alone.
        """
        none = {self.request.application, *self.above}
        owner = self.request.application if kind == "any" else ""
        return tuple(
            name
            for name, desired in self.running.items()
            if desired.blueprint == blueprint
            and name not in none
            and owner in self.copies.owners.get(name, {owner})
        )

    @cached_property
    def decided(self) -> dict[str, str]:
        """By Blueprint, what an alias of the target stands for by choice, or because it is used."""
        found: dict[str, str] = {}
        for pin in self.candidates(self.target):
            for one in pin.offered.blueprint.depends if pin.offered is not None else ():
                slot = self.slot(pin, one.alias, one.blueprint)
                circle = slot.removeprefix("app:") in self.above
                if slot.startswith(("app:", f"{NEW}:{self.target}/")) and not circle:
                    found[one.blueprint] = min(slot, found.get(one.blueprint, slot))
        return found

    # ---- what may stand in a slot

    def candidates(self, slot: str) -> tuple[Pin, ...]:
        """Return what may stand in a slot, the preferred first."""
        found = self._candidates.get(slot)
        if found is None:
            found = self._candidates[slot] = tuple(self._made(slot))
        return found

    def _made(self, slot: str) -> Iterator[Pin]:
        kind, _, rest = slot.partition(":")
        if slot == self.target and self.old is None:
            yield from self._fresh(slot, self.request.blueprint, self.request.application)
        elif kind == "app":
            yield from self._present(slot, rest)
        elif kind in SHARED:
            yield from self._shared(slot, kind, rest)
        elif kind == "part":
            for other in (self.decided[rest], self.common(rest)):
                for pin in self.candidates(other):
                    yield replace(pin, slot=slot, application="", stays=False, instead=other)
        elif kind == "new":
            blueprint = rest.rpartition("=")[2]
            yield from self._fresh(slot, blueprint, "")

    def _fresh(self, slot: str, blueprint: str, application: str) -> Iterator[Pin]:
        entry = self.entries.get(blueprint)
        for one in entry.versions if entry is not None else ():
            if entry is not None and not entry.refusal(one):
                yield offer(slot, application, entry, one)

    def _shared(self, slot: str, kind: str, blueprint: str) -> list[Pin]:
        """Return what any of the copies that run may be, the one to share first.

        As it is before upgraded, what the target uses already where it is to share it, the newest,
        what most use, by name.
        """
        names = self.existing(kind, blueprint)
        old = self.old if kind == "any" else None
        used = old.dependencies.values() if old is not None else ()
        pins = [
            replace(pin, instead=f"app:{name}")
            for name in names
            for pin in self._present(slot, name)
        ]
        pins.sort(key=lambda pin: (pin.version, self.copies.users[pin.application]), reverse=True)
        return sorted(pins, key=lambda pin: (not pin.stays, pin.application not in used))

    def _present(self, slot: str, application: str) -> Iterator[Pin]:
        """Yield what an Application that runs may be: as it is, or upgraded; the target newest."""
        desired = self.running[application]
        entry = self.entry_of(application)
        known = entry.version(desired.version) if entry is not None else None
        stays = Pin(
            slot=slot,
            application=application,
            name=desired.blueprint,
            origin=desired.origin,
            text=desired.version,
            version=versions.parse(desired.version),
            digest=desired.digest,
            offered=known,
            stays=True,
        )
        upgrades = [
            offer(slot, application, entry, one)
            for one in (entry.versions if entry is not None else ())
            if entry is not None and not self.move_refusal(application, entry, one)
        ]
        if application != self.request.application:
            yield stays
            yield from upgrades
            return
        yield from sorted((*upgrades, stays), key=lambda pin: pin.version, reverse=True)

    def move_refusal(self, application: str, entry: Entry, one: Offered) -> str:
        """Return why an Application that runs cannot get another version; empty if it can.

        The target can go back to what ran there before, and then what it needs can as well.
        """
        desired = self.running[application]
        if one.text == desired.version:
            return f"{application} runs {one.text} already"
        for holder in self.holders.get(application, ()):
            if not holder.wanted.contains(one.version):
                return f"{holder.application} needs {entry.name} {holder.wanted}"
        before = self.applications[application].before.get(self.environment, frozenset())
        older = one.version < versions.parse(desired.version)
        returns = application == self.request.application or (older and self.goes_back)
        if returns and one.text in before and not one.yanked and not one.outdated:
            return ""
        return entry.refusal(one, upgrade=True) or versions.upgrade_refusal(
            versions.parse(desired.version),
            one.version,
            one.upgrades_from(),
            one.upgrades_blocks(),
        )

    # ---- what a version needs

    def needs(self, pin: Pin, given: Values) -> tuple[Need, ...]:
        """Return what a version in a slot needs.

        Raises:
            dependencies.Undecided: If a condition has no result for its configuration.
        """
        if pin.instead:
            return (Need(pin.instead, pin.name, parsed_range(pin.text), pin),)
        if (pin.stays and pin.slot != self.target) or pin.offered is None:
            return ()
        return tuple(
            Need(
                self.slot(pin, one.alias, one.blueprint),
                one.blueprint,
                parsed_range(one.version),
                pin,
                one.alias,
            )
            for one in self.wanted(pin, given)
        )

    def wanted(self, pin: Pin, given: Values) -> tuple[dependencies.Wanted, ...]:
        """Return which dependencies a version wants with its configuration.

        What is new and may still get values is taken to want nothing while it cannot be decided.

        Raises:
            dependencies.Undecided: If a condition has no result for it.
        """
        if pin.offered is None or not pin.offered.blueprint.depends:
            return ()
        blueprint = pin.offered.blueprint
        if not any(one.when or one.values for one in blueprint.depends):
            return tuple(
                dependencies.Wanted(
                    blueprint=one.blueprint, version=one.version, alias=one.alias, values={}
                )
                for one in blueprint.depends
            )
        try:
            return dependencies.wanted(blueprint, self._scope(pin, blueprint, given))
        except dependencies.Undecided:
            if pin.application or pin.slot in self.settled:
                raise
            self.guessed.add(pin.slot)
            return ()

    def refused_by_schema(self, blueprint: Blueprint) -> list[Violation]:
        """Return what a Blueprint's schema refuses of the configuration that was asked for."""
        values = merged(blueprint.values, self.request.config)
        return validate(blueprint.schema, values, blueprint.values)

    def _scope(self, pin: Pin, blueprint: Blueprint, given: Values) -> Scope:
        name = pin.application or pin.name.removeprefix("bp-")
        if pin.slot == self.target:
            values = self.request.config
        elif pin.application:
            values = self.running[pin.application].values
        else:
            values = given.get(pin.slot, {})
        place = environment(
            self.organization, self.environment, self.place.env_type, self.place.regions
        )
        near = {
            one.alias: Neighbour(
                name=one.alias, namespace=one.alias + place.namespace_suffix, host=one.alias
            )
            for one in blueprint.depends
        }
        return Scope(
            config=effective(blueprint.schema, merged(blueprint.values, values)),
            application=ApplicationScope(
                name=name,
                namespace=name + place.namespace_suffix,
                environment=self.environment,
                organization=self.organization,
                dependencies=near,
            ),
            environment=place,
        )

    def slot(self, parent: Pin, alias: str, blueprint: str) -> str:
        """Return the slot that an alias of a version stands for."""
        chosen = ""
        kept = ""
        if parent.application in self.running:
            kept = self.running[parent.application].dependencies.get(alias, "")
        if parent.slot == self.target:
            chosen = self.request.dependencies.get(alias, "")
        if chosen == NEW:
            return f"new:{parent.slot}/{alias}={blueprint}"
        for one in (chosen, kept):
            fits = self._is(one, blueprint) and one != parent.application
            if fits and (one == kept or one not in self.above):
                return f"app:{one}"
            if one and one != kept:
                return f"wrong:{one}"
        if parent.slot.startswith("new:") and blueprint in self.decided:
            return f"part:{blueprint}"
        comes = parent.slot == self.target or parent.slot.startswith("new:")
        return self.common(blueprint, "any" if comes else "all")

    def common(self, blueprint: str, kind: str = "any") -> str:
        """Return the slot that all who need a Blueprint share: the target and what comes with it.

        For what is upgraded along it is of the kind `all`.
        """
        return f"{kind if self.existing(kind, blueprint) else NEW}:{blueprint}"

    def _is(self, application: str, blueprint: str) -> bool:
        found = self.running.get(application)
        return found is not None and found.blueprint == blueprint
