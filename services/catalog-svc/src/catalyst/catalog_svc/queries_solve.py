"""The questions `solve` and `why-not`: what fits together, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from catalyst.blueprints.document import canonical
from catalyst.blueprints.versions import BadVersion
from catalyst.catalog_svc.checking import Checking
from catalyst.catalog_svc.domain import reasons, waiting
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.catalog_svc.domain.entry import parsed_range
from catalyst.catalog_svc.domain.solving import Solution, Unsolvable, solve
from catalyst.catalog_svc.domain.universe import Request
from catalyst.catalog_svc.ports import Contents
from catalyst.catalog_svc.queries_search import read
from catalyst.catalog_svc.queries_show import KIND
from catalyst.chassis.service import Loader, Query
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_blueprint import for_runner
from catalyst.contracts.decision import Actor
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN

_Name = Annotated[str, msgspec.Meta(max_length=63)]
_Named = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
_Range = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


_Why = tuple[tuple[str, ...], tuple[Link, ...]]
"""Reasons for a person, and what is waited for as links."""


class SolveRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for exact versions of everything that an Application needs."""

    environment: _Named
    """Where it runs, or is to run."""
    application: _Named
    """Its name."""
    blueprint: _Name = ""
    """With `bp-` or without; empty: what the Application runs."""
    version: _Range = "*"
    """A version, or a range of which the newest that fits is taken."""
    config: dict[str, Any] = {}
    """Its configuration, which decides what it needs."""
    dependencies: Annotated[dict[str, _Named], msgspec.Meta(max_length=64)] = {}
    """For an alias: `new`, or the Application to use; without one, what runs is shared."""


class WhyNotRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask why a version cannot be installed, or upgraded to."""

    blueprint: _Named
    """With `bp-` or without."""
    version: _Range
    """A version or a range."""
    environment: _Name = ""
    """Where; empty: nowhere in particular, and dependencies are not looked at."""
    application: _Name = ""
    """The Application to be upgraded; empty: a new one."""
    config: dict[str, Any] = {}
    """Its configuration."""
    dependencies: Annotated[dict[str, _Named], msgspec.Meta(max_length=64)] = {}
    """For an alias: `new`, or the Application to use; without one, what runs is shared."""


class Solving:
    """Answers what fits together."""

    def __init__(self, catalogue: Catalogue, contents: Contents) -> None:
        """Look in `catalogue`; what is about to be taken is looked into in `contents`."""
        self._catalogue = catalogue
        self._checking = Checking(contents)

    async def solve(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, _load: Loader
    ) -> Any:
        """Answer a lock, dependencies first.

        Raises:
            Rejected: For a wrong request; `not-solvable` with the reasons in a row, or as `solve`.
        """
        asked = read(request, SolveRequest)
        self._catalogue.require(organization)
        wanted = Request(
            environment=asked.environment,
            application=asked.application,
            blueprint=canonical(asked.blueprint) if asked.blueprint else "",
            version=asked.version,
            config=asked.config,
            dependencies=asked.dependencies,
        )
        return msgspec.to_builtins(await self._solved(organization, wanted))

    async def why_not(
        self, request: Mapping[str, Any], organization: str, actor: Actor, _load: Loader
    ) -> Any:
        """Answer what stands in the way of a version, as a chain; nothing: it can be had.

        In `chain` stands what of it is only waited for, as links down to the cause.

        Raises:
            Rejected: For a wrong request, or what is not in this Organization's catalogue.
        """
        asked = read(request, WhyNotRequest)
        self._catalogue.require(organization)
        if asked.environment:
            why, chain = await self._there(organization, asked)
        else:
            why, chain = await self._anywhere(organization, asked)
        if SOVEREIGN_ADMIN in actor.roles:
            chain = for_runner(chain)
        return {
            "possible": not why,
            "reasons": list(why),
            "chain": msgspec.to_builtins(chain),
        }

    async def _solved(self, organization: str, wanted: Request) -> Solution:
        """Return a lock of which nothing new breaks a rule of today; see `solve`.

        Raises:
            Rejected: As `solving.solve`.
        """
        while True:
            found: Solution = solve(self._catalogue, organization, wanted)
            bad = False
            for item in found.lock:
                entry = self._catalogue.installed(organization, item.origin, item.blueprint)
                one = entry.version(item.version) if entry is not None else None
                if entry is not None and one is not None and item.role != "shared":
                    bad |= await self._checking.look(entry, [one])
            if not bad:
                return found

    async def _there(self, organization: str, asked: WhyNotRequest) -> _Why:
        wanted = Request(
            environment=asked.environment,
            application=asked.application,
            blueprint=canonical(asked.blueprint),
            version=asked.version,
            config=asked.config,
            dependencies=asked.dependencies,
        )
        try:
            await self._solved(organization, wanted)
        except Unsolvable as error:
            return tuple(one.message for one in error.errors), error.waits
        except Rejected as error:
            if error.code != "not-solvable":
                raise
            return (error.message,), ()
        return (), ()

    async def _anywhere(self, organization: str, asked: WhyNotRequest) -> _Why:
        name = canonical(asked.blueprint)
        entry = self._catalogue.entries(organization).get(name)
        if entry is None:
            message = f"there is no Blueprint {name!r}"
            raise Rejected("blueprint-not-found", message, pointer="/blueprint")
        try:
            wanted = parsed_range(asked.version)
        except BadVersion as error:
            raise Rejected("invalid-data", str(error), pointer="/version") from error
        known = (*entry.versions, *entry.pending)
        fit = [one for one in known if wanted.contains(one.version)]
        await self._checking.look(entry, fit)
        lacking = f"{name} has no version {asked.version}"
        refusals = [entry.refusal(one) for one in fit] or [reasons.with_others(lacking, entry)]
        if "" in refusals:
            return (), ()
        behind = waiting.chain(self._catalogue, organization, name, [wanted])
        return tuple(dict.fromkeys(refusals)), behind


def queries(solving: Solving) -> tuple[Query, ...]:
    """Return the questions."""
    return (
        Query(name="solve", version=1, for_kind=KIND, run=solving.solve),
        Query(name="why-not", version=1, for_kind=KIND, run=solving.why_not),
    )
