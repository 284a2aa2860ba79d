"""What a plan rests on, read from the log: now, or as of the moment when a change was opened.

Whoever makes a plan reads through here, so that one that is made again rests on the same.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.blueprints import document, reading
from catalyst.blueprints.package import BadPackage
from catalyst.chassis.service import Loader
from catalyst.contracts import codec
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.checking import Checking
from catalyst.provisioning.domain import copies, fitting, foreign, possible, writing_plan
from catalyst.provisioning.domain.application import Application, application_ref
from catalyst.provisioning.domain.change import Change, change_ref
from catalyst.provisioning.domain.copies import Names, There
from catalyst.provisioning.domain.facts import Facts, going, held
from catalyst.provisioning.domain.place import Content
from catalyst.provisioning.domain.writing_plan import Draft
from catalyst.provisioning.ports import Contents

CACHED: Final = 64
"""Contents that are kept, read and ready."""

replace = msgspec.structs.replace
read: Final = codec.question


class Gathering:
    """Reads states and contents into the facts of a plan."""

    def __init__(self, contents: Contents, names: Names, currency: str, git_url: str) -> None:
        """Read the content of Blueprints from `contents`.

        Args:
            contents: Where it is.
            names: Of the Applications that run a Blueprint, or may.
            currency: In which is bought what names no other.
            git_url: Where clusters find the repositories: the part before `/git/`.
        """
        self._currency = currency
        self._contents = contents
        self._git_url = git_url.rstrip("/")
        self._names = names
        self._cache: OrderedDict[str, Content] = OrderedDict()
        self._checking = Checking()

    async def start(
        self, asked: PlanRequest, organization: str, load: Loader, now: datetime
    ) -> Facts:
        """Return what every plan rests on, whatever it does; `now` is when it is made."""
        owner: foreign.Organization = await load(foreign.organization_ref(organization))
        names = (asked.environment,) if asked.environment else owner.environments
        environments: dict[str, foreign.Environment] = {
            name: await load(foreign.environment_ref(organization, name)) for name in names
        }
        policies = {
            place.policy: await load(foreign.policy_ref(organization, place.policy))
            for place in environments.values()
            if place.policy is not None
        }
        facts = Facts(
            name=organization,
            now=now,
            organization=owner,
            environments=environments,
            policies=policies,
            git_url=self._git_url,
            currency=self._currency,
        )
        facts = await self._with_present(facts, asked, load)
        wanted = {asked.application} if asked.application else set[str]()
        if asked.action.startswith("delete-"):
            wanted |= {name for place in environments.values() for name in place.applications}
        return await self.with_applications(facts, wanted, load)

    async def _with_present(self, facts: Facts, asked: PlanRequest, load: Loader) -> Facts:
        """Return the facts with what is being deleted, and with what is on its way."""
        places = facts.environments.values()
        names = sorted({name for place in places for name in place.applications})
        states = {name: await load(application_ref(facts.name, name)) for name in names}
        goes = {} if asked.action == "uninstall" else going(states.values(), facts.environments)
        return replace(facts, going=goes, held=held(states, facts.environments))

    async def with_applications(self, facts: Facts, names: Iterable[str], load: Loader) -> Facts:
        """Return the facts with more Applications, and all that these may need."""
        known = dict(facts.applications)
        left = [name for name in names if name not in known]
        while left:
            name = left.pop()
            if name in known:
                continue
            state = await load(application_ref(facts.name, name))
            known[name] = state
            for environment in facts.environments:
                left += possible.needed(state, environment)
        return replace(facts, applications=known)

    async def with_dependents(
        self, facts: Facts, names: set[str], environment: str, load: Loader
    ) -> Facts:
        """Return the facts with whoever needs Applications, and whoever needs those."""
        while True:
            needed = {
                other
                for name in names
                for other in facts.applications[name].binding(environment).dependents
            }
            if needed <= names:
                return facts
            names |= needed
            facts = await self.with_applications(facts, needed, load)

    async def with_contents(self, facts: Facts, lock: Iterable[Locked]) -> Facts:
        """Return the facts with the content of all that may run beside a lock, and of the lock."""
        digests = {item.digest for item in lock}
        for environment in facts.environments:
            states = facts.applications.values()
            present = (one for state in states for one in possible.outcomes(state, environment))
            digests |= {one.digest for one in present if one is not None}
            digests |= {s.left[environment].digest for s in states if environment in s.left}
        contents = {digest: await self.content(digest) for digest in sorted(digests)}
        return replace(facts, contents=contents)

    async def judged(self, facts: Facts, lock: Iterable[Locked]) -> Facts:
        """Return the facts with what of a lock an Organization's own source may not hold today."""
        own = sorted({item.digest for item in lock if item.origin == "private"})
        found = {one: (await self.content(one)).package for one in own}
        reasons = {one: await self._checking.reason(one, made) for one, made in found.items()}
        return replace(facts, refused=reasons)

    async def with_copies(
        self, facts: Facts, lock: Iterable[Locked], environment: str, load: Loader
    ) -> Facts:
        """Return the facts with the copies of what a lock brings and its author limits.

        No plan rests on them: they are for who is told of its risks.
        """
        coming = {
            f"{item.origin}-{item.blueprint}"
            for item in lock
            if item.written
            and facts.expected(item.application, environment) is None
            and facts.contents[item.digest].blueprint.copies is not None
        }
        found: dict[str, There] = {}
        for blueprint in sorted(coming):
            there = self._names.of(facts.name, blueprint)
            names = list(there)[: copies.LOOKED]
            states = await _side_by_side(facts.name, names, load)
            each = (copies.of(name, state, blueprint) for name, state in states.items())
            found[blueprint] = There(
                seen=tuple(copy for every in each for copy in every),
                more=sum(list(there.values())[copies.LOOKED :]),
            )
        return replace(facts, copies=found)

    async def with_chosen(self, facts: Facts, lock: Iterable[Locked], load: Loader) -> Facts:
        """Return the facts with what of a lock came by a change of its own, and is used no more."""
        items = tuple(lock)
        used = {name for item in items if item.written for name in item.dependencies.values()}
        found = set[str]()
        for item in items:
            if item.written or item.application in used:
                continue
            state = facts.applications.get(item.application, Application())
            first = next(iter(state.binding(item.environment).history), None)
            change: Change = await load(change_ref(facts.name, first.change)) if first else Change()
            # Behind many changes the one that brought it is forgotten; one for itself counts then:
            # nobody is to be told to uninstall what is meant to stay.
            if change.opened is not None:
                found |= {item.application} & {change.opened.request.application}
        return replace(facts, chosen=frozenset(found))

    async def with_addresses(
        self, facts: Facts, lock: Iterable[Locked], environment: str, load: Loader
    ) -> Facts:
        """Return the facts with where clusters were told to find what a lock writes.

        No plan rests on them: they are for who is told of its risks.
        """
        found: dict[str, str] = {}
        for item in lock:
            old = facts.expected(item.application, environment) if item.written else None
            if old is not None:
                change: Change = await load(change_ref(facts.name, old.change))
                if change.opened is not None:
                    found[item.application] = change.opened.address
        return replace(facts, addresses=found)

    async def content(self, digest: str) -> Content:
        """Return the version of a Blueprint with this fingerprint.

        Raises:
            Rejected: `unavailable`, if it cannot be read.
        """
        kept = self._cache.get(digest)
        if kept is not None:
            self._cache.move_to_end(digest)
            return kept
        try:
            package = reading.read_tar(await self._contents.get(digest))
        except (BadPackage, LookupError, ValueError) as error:
            raise Rejected(
                "unavailable", f"the content {digest} cannot be read: {error}"
            ) from error
        blueprint = document.read(package).blueprint
        if blueprint is None:
            raise Rejected("unavailable", f"the content {digest} holds no Blueprint")
        found = Content(blueprint, package)
        self._cache[digest] = found
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return found

    async def whole(
        self, asked: PlanRequest, facts: Facts, lock: tuple[Locked, ...], load: Loader
    ) -> tuple[Facts, Draft]:
        """Return the facts with all that a whole lock rests on, and what is to run by it.

        Raises:
            Rejected: As `writing_plan.draft`.
        """
        moved = {item.application for item in lock if fitting.moved_under(facts, item)}
        facts = await self.with_dependents(facts, moved, asked.environment or "", load)
        facts = await self.with_contents(facts, lock)
        facts = await self.with_chosen(facts, lock, load)
        facts = replace(
            facts,
            blueprints={
                f"{item.origin}-{item.blueprint}": await load(
                    foreign.blueprint_ref(facts.name, item.origin, item.blueprint)
                )
                for item in lock
            },
        )
        return facts, writing_plan.draft(asked, facts, lock)


async def _side_by_side(
    organization: str, names: Sequence[str], load: Loader
) -> dict[str, Application]:
    """Return the states of Applications by name, in the order of the names, some read at once."""
    found: dict[str, Application] = {}
    for at in range(0, len(names), copies.AT_ONCE):
        some = names[at : at + copies.AT_ONCE]
        try:
            async with asyncio.TaskGroup() as tasks:
                read = {
                    name: tasks.create_task(_loaded(application_ref(organization, name), load))
                    for name in some
                }
        except ExceptionGroup as group:
            # One is enough to say why there is no answer.
            raise group.exceptions[0] from group
        found |= {name: task.result() for name, task in read.items()}
    return found


async def _loaded(ref: Ref, load: Loader) -> Application:
    state: Application = await load(ref)
    return state
