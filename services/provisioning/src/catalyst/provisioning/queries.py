"""Questions that need a rule: what a change would do.

A plan is made of what is read here: states, the catalogue's lock, contents and the price. The
chassis calls it, for people and for this service itself, which plans again before it applies.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprints import document, reading
from catalyst.blueprints.package import BadPackage
from catalyst.chassis import clock
from catalyst.chassis.errors import Retry
from catalyst.chassis.service import Asking, Loader, Query
from catalyst.contracts import codec
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_blueprint import for_runner
from catalyst.contracts.decision import Actor
from catalyst.contracts.message import FieldError
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Item, Quote
from catalyst.contracts.provisioning_v1 import ApplyPlan
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.contracts.registry import BY_SHAPE
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.tables.role import BUILDERS
from catalyst.provisioning import cascade
from catalyst.provisioning.domain import (
    applying,
    assembling,
    fitting,
    foreign,
    locking,
    purchases,
    references,
    removal_plan,
    rollup,
    writing_plan,
)
from catalyst.provisioning.domain.application import Application, application_ref
from catalyst.provisioning.domain.facts import Facts, Quoted, going, held, locked_of, required
from catalyst.provisioning.domain.place import Content
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.domain.steps import is_removal
from catalyst.provisioning.ports import Contents

CACHED: Final = 64
"""Contents that are kept, read and ready."""

replace = msgspec.structs.replace


class Planner:
    """Makes plans."""

    def __init__(self, contents: Contents, asking: Asking, currency: str, git_url: str) -> None:
        """Plan with the content of Blueprints and by asking others.

        Args:
            contents: Where the content of Blueprints is.
            asking: How others are asked.
            currency: In which prices are said.
            git_url: Where clusters find the repositories: the part before `/git/`.
        """
        self._contents = contents
        self._asking = asking
        self._currency = currency
        self._git_url = git_url.rstrip("/")
        self._cache: OrderedDict[str, Content] = OrderedDict()

    async def plan(
        self, request: Mapping[str, Any], organization: str, actor: Actor, load: Loader
    ) -> Any:
        """Answer what a change would do.

        Raises:
            Rejected: For a wrong request, or where nothing can be planned.
        """
        asked = _asked(request)
        required(asked)
        if actor.service is None:
            applying.require_may(asked.action, actor)
        facts = await self._start(asked, organization, load)
        if actor.service is None:
            facts = replace(facts, author=actor.email)
        assembling.require_environment(facts, asked.environment or "")
        inside = actor.service is not None or not actor.roles.isdisjoint(BUILDERS)
        if is_removal(asked.action):
            whole = asked.action == "delete-organization"
            money = actor.service is None and (inside or whole)
            found = await self._removal(asked, facts, load, money=money)
        else:
            found = await self._writing(asked, facts, load, actor)
        return msgspec.to_builtins(found if inside else _from_outside(found))

    async def _start(self, asked: PlanRequest, organization: str, load: Loader) -> Facts:
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
            now=clock.now(),
            organization=owner,
            environments=environments,
            policies=policies,
            git_url=self._git_url,
        )
        facts = await self._with_present(facts, asked, load)
        wanted = {asked.application} if asked.application else set[str]()
        if asked.action.startswith("delete-"):
            wanted |= {name for place in environments.values() for name in place.applications}
        return await self._with_applications(facts, wanted, load)

    async def _with_present(self, facts: Facts, asked: PlanRequest, load: Loader) -> Facts:
        """Return the facts with what is being deleted, and with what is on its way."""
        places = facts.environments.values()
        names = sorted({name for place in places for name in place.applications})
        states = {name: await load(application_ref(facts.name, name)) for name in names}
        goes = {} if asked.action == "uninstall" else going(states.values(), facts.environments)
        return replace(facts, going=goes, held=held(states, facts.environments))

    async def _with_applications(self, facts: Facts, names: Iterable[str], load: Loader) -> Facts:
        """Return the facts with more Applications, and what these need."""
        known = dict(facts.applications)
        left = [name for name in names if name not in known]
        while left:
            name = left.pop()
            if name in known:
                continue
            state = await load(application_ref(facts.name, name))
            known[name] = state
            for environment in facts.environments:
                desired, _ = state.expected(environment)
                left += desired.dependencies.values() if desired is not None else ()
        return replace(facts, applications=known)

    async def _with_dependents(
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
            facts = await self._with_applications(facts, needed, load)

    async def _with_contents(self, facts: Facts, lock: Iterable[Locked]) -> Facts:
        """Return the facts with the content of all that may run beside a lock, and of the lock."""
        digests = {item.digest for item in lock}
        for environment in facts.environments:
            states = facts.applications.values()
            present = (one for state in states for one in fitting.outcomes(state, environment))
            digests |= {one.digest for one in present if one is not None}
            digests |= {s.left[environment].digest for s in states if environment in s.left}
        contents = {digest: await self._content(digest) for digest in sorted(digests)}
        return replace(facts, contents=contents)

    async def _content(self, digest: str) -> Content:
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

    # ---- what writes

    async def _writing(self, asked: PlanRequest, facts: Facts, load: Loader, actor: Actor) -> Plan:
        before = writing_plan.start(asked, facts)
        base = writing_plan.target(asked, facts, before)
        moves = base is not None and before is not None and base.digest != before.digest
        if moves:
            target = {asked.application or ""}
            facts = await self._with_dependents(facts, target, asked.environment or "", load)
        if base is not None:
            facts = await self._with_contents(facts, ())
            facts = replace(
                facts, contents={**facts.contents, base.digest: await self._content(base.digest)}
            )
        lock = None
        if base is not None and asked.action in {"configure", "rollback"}:
            lock = locking.unchanged(asked, facts, base)
        if lock is None:
            solving = writing_plan.to_solve(asked, base)
            try:
                lock = await self._solve(solving, facts.name)
            except Rejected as error:
                chain = await self._waited_for(error, solving, facts.name)
                chain = for_runner(chain) if SOVEREIGN_ADMIN in actor.roles else chain
                if not chain:
                    raise
                return writing_plan.unsolved(asked, facts, error.message, chain)
        facts = await self._with_contents(facts, lock)
        lock = references.named(asked, facts, lock, base)
        names = {name for item in lock for name in (item.application, *item.dependencies.values())}
        facts = await self._with_applications(facts, sorted(names), load)
        references.check(asked, facts, lock, base)
        lock = locking.complete(lock, facts)
        moved = {item.application for item in lock if fitting.moved_under(facts, item)}
        facts = await self._with_dependents(facts, moved, asked.environment or "", load)
        facts = await self._with_contents(facts, lock)
        facts = replace(
            facts,
            blueprints={
                f"{item.origin}-{item.blueprint}": await load(
                    foreign.blueprint_ref(facts.name, item.origin, item.blueprint)
                )
                for item in lock
            },
        )
        drafted = writing_plan.draft(asked, facts, lock)
        if drafted.items:
            facts = replace(
                facts,
                quoted=await self._quote(facts, drafted.items),
                price_book=await load(foreign.PRICE_BOOK),
            )
        return writing_plan.plan(asked, facts, drafted)

    async def _solve(self, solving: dict[str, Any], organization: str) -> tuple[Locked, ...]:
        """Return the lock that the catalogue finds.

        Raises:
            Rejected: With the chain of reasons, if there is none.
        """
        try:
            answer = await self._asking.ask("catalog", "solve", 1, organization, solving)
        except Rejected as error:
            raise locking.refused(error) from error
        try:
            return locked_of(answer, solving["environment"])
        except (msgspec.ValidationError, KeyError, TypeError) as error:
            raise Retry(f"the catalogue's lock cannot be read: {error}") from error

    async def _waited_for(
        self, error: Rejected, solving: dict[str, Any], organization: str
    ) -> tuple[Link, ...]:
        """Return what there is no lock without, of what may still come; nothing: it never will."""
        if error.code != "not-solvable":
            return ()
        answer = await self._asking.ask("catalog", "why-not", 1, organization, solving)
        try:
            return msgspec.convert(answer["chain"], tuple[Link, ...])
        except (msgspec.ValidationError, KeyError, TypeError) as wrong:
            raise Retry(f"the catalogue's reasons cannot be read: {wrong}") from wrong

    async def _quote(self, facts: Facts, items: tuple[Item, ...]) -> Quoted:
        """Return the price, as billing says it; there is no other.

        Raises:
            Rejected: If something has no price.
        """
        request = {"items": msgspec.to_builtins(items), "currency": self._currency}
        ahead = purchases.ahead(facts, items)
        if ahead:
            request["ahead"] = msgspec.to_builtins(ahead)
        answer = await self._asking.ask("billing", "quote", 1, facts.name, request)
        known = {name: answer[name] for name in Quote.__struct_fields__ if name in answer}
        after, before = answer.get("credit_after"), answer.get("monthly_before")
        return Quoted(
            quote=msgspec.convert(known, Quote),
            before=None if before is None else msgspec.convert(before, Money),
            credit_after=None if after is None else msgspec.convert(after, Money),
            covered=bool(answer.get("covered", True)),
            limited=str(answer.get("limited", "")),
        )

    # ---- what removes

    async def _removal(
        self, asked: PlanRequest, facts: Facts, load: Loader, *, money: bool
    ) -> Plan:
        if asked.application:
            facts = await self._with_dependents(
                facts, {asked.application}, asked.environment or "", load
            )
        lock = removal_plan.lock_of(asked, facts)
        facts = await self._with_contents(facts, lock)
        if asked.action == "uninstall":
            return removal_plan.plan(asked, facts, lock)
        return await cascade.plan(self._asking, asked, facts, lock, money=money)


def _from_outside(found: Plan) -> Plan:
    """Return the plan for who is not of the Organization: what goes, and nothing that stands in it.

    A sovereign-admin who deletes something sees what goes with it, and reads nobody's files.
    """
    hidden = tuple(replace(one, diff="", cut=True) for one in found.files)
    return replace(found, files=hidden)


def _asked(request: Mapping[str, Any]) -> PlanRequest:
    try:
        return msgspec.convert(request, type=PlanRequest)
    except msgspec.ValidationError as error:
        wrong = codec.invalid(error, "invalid-data", shape=PlanRequest, tree=request)
        place = FieldError(pointer=wrong.pointer, rule=wrong.code, message=wrong.sentence)
        raise Rejected(wrong.code, wrong.message, [place]) from error


async def health(
    _request: Mapping[str, Any], organization: str, _actor: Actor, load: Loader
) -> Any:
    """Answer how everything of an Organization is: worst of Environments, worst of Applications."""
    owner: foreign.Organization = await load(foreign.organization_ref(organization))
    found: dict[str, dict[str, Application]] = {}
    for name in owner.environments:
        place: foreign.Environment = await load(foreign.environment_ref(organization, name))
        found[name] = {
            application: await load(application_ref(organization, application))
            for application in place.applications
        }
    return msgspec.to_builtins(rollup.everything(organization, found))


def queries(planner: Planner) -> tuple[Query, ...]:
    """Return the queries of the service."""
    return (
        Query(name="plan", version=1, for_command=BY_SHAPE[ApplyPlan].type, run=planner.plan),
        Query(name="health", version=1, for_kind="application", run=health),
    )


_NOBODY: Final[Any] = None

QUERIES: Final = queries(Planner(_NOBODY, _NOBODY, "", ""))
"""To be listed: nothing answers them here."""
