"""Questions that need a rule: what a change would do, and how everything is.

A plan is made of what `gathering` reads, of the catalogue's lock, and of the price. The chassis
calls it, for people and for this service itself, which plans again before it applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.chassis import clock
from catalyst.chassis.errors import Retry
from catalyst.chassis.service import Asking, History, Query, Reader
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_blueprint import for_runner
from catalyst.contracts.decision import Actor, Recorded
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Quote
from catalyst.contracts.provisioning_v1 import ApplyPlan, ApproveChange
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.contracts.registry import BY_SHAPE
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Ref
from catalyst.contracts.tables.role import BUILDERS
from catalyst.provisioning import cascade
from catalyst.provisioning.domain import (
    applying,
    assembling,
    foreign,
    hosts,
    locking,
    purchases,
    references,
    rollup,
    writing_plan,
)
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.copies import Names
from catalyst.provisioning.domain.facts import Facts, Quoted, locked_of, required
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.domain.steps import is_removal
from catalyst.provisioning.domain.writing_plan import Draft
from catalyst.provisioning.gathering import Gathering, read
from catalyst.provisioning.ports import Contents
from catalyst.provisioning.remaking import Remaking

replace = msgspec.structs.replace


class Planner:
    """Makes plans."""

    def __init__(self, contents: Contents, asking: Asking, currency: str, git_url: str) -> None:
        """Plan with the content of Blueprints and by asking others.

        Args:
            contents: Where the content of Blueprints is.
            asking: How others are asked.
            currency: In which is bought what names no other.
            git_url: Where clusters find the repositories: the part before `/git/`.
        """
        self.names: Final = Names()
        """To be told of what is to run, and where: see `copies.FOLLOWED`."""
        self._gathering = Gathering(contents, self.names, currency, git_url)
        self._asking = asking
        self.remaking: Final = Remaking(self._gathering, asking)
        """Makes the plans of changes again."""

    async def plan(
        self, request: Mapping[str, Any], organization: str, actor: Actor, load: Reader
    ) -> Any:
        """Answer what a change would do.

        Raises:
            Rejected: For a wrong request, or where nothing can be planned.
        """
        asked = read(request, PlanRequest)
        required(asked)
        if actor.service is None:
            applying.require_may(asked.action, actor)
        facts = await self._gathering.start(asked, organization, load, clock.now())
        if actor.service is None:
            facts = replace(facts, author=actor.email)
        assembling.require_environment(facts, asked.environment or "")
        inside = actor.service is not None or not actor.roles.isdisjoint(BUILDERS)
        if is_removal(asked.action):
            whole = asked.action == "delete-organization"
            money = actor.service is None and (inside or whole)
            found = await cascade.removal(
                self._gathering, self._asking, asked, facts, load, money=money
            )
        else:
            found = await self._writing(asked, facts, load, actor)
        return msgspec.to_builtins(found if inside else _from_outside(found))

    # ---- what writes

    async def _writing(self, asked: PlanRequest, facts: Facts, load: Reader, actor: Actor) -> Plan:
        gather = self._gathering
        before = writing_plan.start(asked, facts)
        base = writing_plan.target(asked, facts, before)
        moves = base is not None and before is not None and base.digest != before.digest
        if moves:
            target = {asked.application or ""}
            facts = await gather.with_dependents(facts, target, asked.environment or "", load)
        if base is not None:
            facts = await gather.with_contents(facts, ())
            facts = replace(
                facts, contents={**facts.contents, base.digest: await gather.content(base.digest)}
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
        facts = await gather.with_contents(facts, lock)
        lock = references.named(asked, facts, lock, base)
        names = {name for item in lock for name in (item.application, *item.dependencies.values())}
        facts = await gather.with_applications(facts, sorted(names), load)
        lock = locking.complete(lock, facts)
        references.check(asked, facts, lock, base)
        facts = await gather.judged(facts, lock)
        facts, drafted = await gather.whole(asked, facts, lock, load)
        if actor.service is None:
            facts = await gather.with_copies(facts, lock, asked.environment or "", load)
            facts = await gather.with_addresses(facts, lock, asked.environment or "", load)
        if drafted.items:
            facts = replace(
                facts,
                quoted=await self._quote(facts, drafted),
                price_book=await load(foreign.PRICE_BOOK),
            )
        found = writing_plan.plan(asked, facts, drafted)
        return hosts.judged(found, facts.name, await load.claims(hosts.wanted(found)))

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

    async def _quote(self, facts: Facts, drafted: Draft) -> Quoted:
        """Return the price, as billing says it; there is no other.

        Raises:
            Rejected: If something has no price, or not in this currency.
        """
        items = drafted.items
        request = {"items": msgspec.to_builtins(items), "currency": drafted.currency}
        ahead = purchases.ahead(facts, items)
        if ahead:
            request["ahead"] = msgspec.to_builtins(ahead)
        try:
            answer = await self._asking.ask("billing", "quote", 1, facts.name, request)
        except Rejected as error:
            raise purchases.refused(error) from error
        known = {name: answer[name] for name in Quote.__struct_fields__ if name in answer}
        after, before = answer.get("credit_after"), answer.get("monthly_before")
        return Quoted(
            quote=msgspec.convert(known, Quote),
            before=None if before is None else msgspec.convert(before, Money),
            credit_after=None if after is None else msgspec.convert(after, Money),
            covered=bool(answer.get("covered", True)),
            limited=str(answer.get("limited", "")),
            elsewhere=msgspec.convert(answer.get("elsewhere", ()), tuple[Money, ...]),
        )


def _from_outside(found: Plan) -> Plan:
    """Return the plan for who is not of the Organization: what goes, and nothing that stands in it.

    A sovereign-admin who deletes something sees what goes with it, and reads nobody's files.
    """
    hidden = tuple(replace(one, diff="", cut=True) for one in found.files)
    return replace(found, files=hidden)


async def health(
    _request: Mapping[str, Any], organization: str, _actor: Actor, history: History
) -> Any:
    """Answer how everything of an Organization is: worst of Environments, worst of Applications."""
    owner = foreign.Organization()
    for one in await history(foreign.organization_ref(organization)):
        owner = foreign.evolve_organization(owner, one.event)
    refs = {name: foreign.environment_ref(organization, name) for name in owner.environments}
    events = await history.many(list(refs.values()))
    homes = {name: events[ref] for name, ref in refs.items()}
    # Those that are gone may have been the first of which a cluster told.
    ever = {name: rollup.ever_in(home) for name, home in homes.items()}
    names = sorted({name for found in ever.values() for name in found})
    of_applications = await _histories(history, organization, names, application_ref)
    queues = {name: rollup.working(one) for name, one in of_applications.items()}
    working = sorted(set[str]().union(*queues.values()))
    changes = await _histories(history, organization, working, change_ref)
    wholes = []
    for name, home in sorted(homes.items()):
        cluster = rollup.cluster_of(name, [of_applications[one] for one in ever[name]])
        found = (
            rollup.told(one, name, of_applications[one], cluster) for one in rollup.now_in(home)
        )
        here = {one.application: one for one in found if one is not None}
        led = (rollup.led(one, changes, here, queues) for one in here.values())
        wholes.append(rollup.whole(name, led))
    return msgspec.to_builtins(rollup.everything(organization, wholes))


async def _histories(
    history: History, organization: str, names: Sequence[str], ref: Callable[[str, str], Ref]
) -> dict[str, Sequence[Recorded]]:
    """Return all that happened to each of several, by name."""
    refs = {name: ref(organization, name) for name in names}
    found = await history.many(list(refs.values()))
    return {name: found[at] for name, at in refs.items()}


def queries(planner: Planner) -> tuple[Query, ...]:
    """Return the queries of the service."""
    return (
        Query(name="plan", version=1, for_command=BY_SHAPE[ApplyPlan].type, run=planner.plan),
        Query(
            name="planned",
            version=1,
            for_command=BY_SHAPE[ApproveChange].type,
            run=planner.remaking.planned,
        ),
        Query(
            name="compared",
            version=1,
            for_command=BY_SHAPE[ApplyPlan].type,
            run=planner.remaking.compared,
        ),
        Query(name="health", version=1, for_kind="application", run=health, of_history=True),
    )


_NOBODY: Final[Any] = None

QUERIES: Final = queries(Planner(_NOBODY, _NOBODY, "", ""))
"""To be listed: nothing answers them here."""
