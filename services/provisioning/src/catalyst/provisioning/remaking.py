"""The plan of a change, made again from what its events hold: who approves sees what they approve.

A change keeps its request, its lock, its quote and the inputs of its plan, and the log keeps what
each of them was at that moment. So the plan is made again as of the event that opened the change.
Its hash tells whether it is the same: in it stand the request, each version and the fingerprint of
all files. Another one is not shown; then it is told what comes out differently.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.chassis.service import Asking, Loader, Reader
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor, Recorded
from catalyst.contracts.provisioning_values_v1 import ChangeId
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.contracts.tables.role import BUILDERS, SECURITY_OFFICER
from catalyst.provisioning import cascade
from catalyst.provisioning.domain import assembling, foreign, gate, moved, turn, writing_plan
from catalyst.provisioning.domain.change import SERVICE, Change, change_ref
from catalyst.provisioning.domain.differences import FILES, Files, Spot, digest, spots
from catalyst.provisioning.domain.facts import Facts, Quoted
from catalyst.provisioning.domain.plan import HOST, NEEDS, Plan, plan_hash
from catalyst.provisioning.domain.steps import Unit, is_removal, subscription
from catalyst.provisioning.gathering import Gathering, read

log = logging.getLogger(__name__)

_PRICED: Final = frozenset({"price", "price-book:default"})
"""Inputs that stand for a price; of what costs nothing a change keeps no quote beside them."""
_LATER: Final = frozenset({"unavailable"})
"""Codes of what may go well when it is asked again."""

replace = msgspec.structs.replace


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plan is wanted."""

    change: ChangeId


class Remade(msgspec.Struct, frozen=True, kw_only=True):
    """The plan that a change carries out."""

    change: str
    hash: str
    """The plan's hash, as the change has it."""
    plan: Plan | None = None
    """The plan, made again to the same hash; null: it cannot be."""
    missing: tuple[str, ...] = ()
    """Why it cannot be made again, in words."""


class Remaking:
    """Makes the plans of changes again."""

    def __init__(self, gathering: Gathering, asking: Asking) -> None:
        """Read through `gathering`; of deletions, ask others what goes besides."""
        self._gathering = gathering
        self._asking = asking

    async def planned(
        self, request: Mapping[str, Any], organization: str, actor: Actor, see: Reader
    ) -> Any:
        """Answer the plan of a change, to whoever is asked to approve it or makes plans there.

        What is no part of the hash is as of the same moment, but what is left of the credit, which
        is not told, what of a deletion others say now, and other copies that are gone since.

        Raises:
            Rejected: For a wrong request; `change-not-found`, also for a change that whoever asks
                is not shown; `unavailable` where it may be made in a moment.
        """
        name = read(request, Asked).change
        ref = change_ref(organization, name)
        state: Change = await see(ref)
        inside = actor.service is not None or not actor.roles.isdisjoint(BUILDERS)
        opened = state.opened
        if opened is None or not (inside or _is_asked(state, actor)):
            raise Rejected("change-not-found", f"there is no change {name!r}")
        recorded = await _opening(ref, see)
        remade = Remade(change=name, hash=opened.hash)
        try:
            found = await self._again(
                opened, recorded, organization, see, money=inside, copies=True
            )
        except Rejected as error:
            if error.code in _LATER:
                raise
            return msgspec.to_builtins(replace(remade, missing=(error.message,)))
        return msgspec.to_builtins(_compared(remade, opened, found))

    async def compared(
        self, request: Mapping[str, Any], organization: str, actor: Actor, see: Reader
    ) -> Any:
        """Answer this service how the files of a change come out by now; null: nobody knows.

        A removal has none, so that nothing of it comes out otherwise.

        Raises:
            Rejected: For a wrong request; `forbidden` to anybody else.
        """
        name = read(request, Asked).change
        if actor.service != SERVICE:
            raise Rejected("forbidden", f"only the service {SERVICE!r} asks this")
        ref = change_ref(organization, name)
        state: Change = await see(ref)
        opened = state.opened
        if opened is None or FILES not in opened.inputs or is_removal(opened.request.action):
            return None
        recorded = await _opening(ref, see)
        try:
            found = await self._again(opened, recorded, organization, see, money=True, copies=False)
        except Rejected as error:
            log.info("not compared", extra={"change": name, "why": error.message})
            return None
        planned = opened.inputs[FILES]
        return msgspec.to_builtins(turn.Compared(planned=planned, now=found.inputs[FILES]))

    async def _again(
        self,
        opened: pro1.ChangeOpened,
        recorded: Recorded,
        organization: str,
        see: Reader,
        *,
        money: bool,
        copies: bool,
    ) -> Plan:
        """Return the plan as of the event that opened the change.

        Args:
            opened: The event.
            recorded: The same as it stands in the log.
            organization: Whose change it is.
            see: How states are seen.
            money: Whether what is open is told with a removal.
            copies: Whether other copies of what comes are told.

        Raises:
            Rejected: Where it cannot be made any more.
        """
        load = _as_of(recorded.seq, see)
        asked = opened.request
        facts = await self._gathering.start(asked, organization, load, recorded.time)
        facts = replace(facts, author=opened.author_email)
        assembling.require_environment(facts, asked.environment or "")
        if is_removal(asked.action):
            return await cascade.removal(
                self._gathering, self._asking, asked, facts, load, money=money
            )
        return await self._written(opened, facts, load, copies=copies)

    async def _written(
        self, opened: pro1.ChangeOpened, facts: Facts, load: Loader, *, copies: bool
    ) -> Plan:
        asked, lock = opened.request, opened.lock
        names = {name for item in lock for name in (item.application, *item.dependencies.values())}
        facts = await self._gathering.with_applications(facts, sorted(names), load)
        facts = await self._gathering.with_contents(facts, lock)
        facts, drafted = await self._gathering.whole(asked, facts, lock, load)
        if copies:
            at = asked.environment or ""
            facts = await self._gathering.with_copies(facts, lock, at, load)
            facts = await self._gathering.with_addresses(facts, lock, at, load)
        if opened.quote is not None:
            facts = replace(
                facts,
                quoted=Quoted(quote=opened.quote),
                price_book=await load(foreign.PRICE_BOOK),
            )
        found = writing_plan.plan(asked, facts, drafted)
        # A change of before 30 November 2026 does not say what is needed through others.
        unsaid = {x for x in found.inputs if x.startswith(NEEDS) and x not in opened.inputs}
        inputs = {name: one for name, one in found.inputs.items() if name not in unsaid}
        # Which hosts were free is kept by nobody else; which it wants is in its files.
        inputs |= {name: one for name, one in opened.inputs.items() if name.startswith(HOST)}
        found = replace(found, inputs=inputs)
        planned = opened.inputs.get(FILES)
        if planned != found.inputs[FILES] and planned == digest(_files(found, facts)):
            # A fingerprint of before 30 November 2026, in which counts where repositories are.
            found = replace(found, inputs={**found.inputs, FILES: planned})
        return found


def _files(found: Plan, facts: Facts) -> Files:
    """Return all files of a plan."""
    at = found.environment
    own = {
        item.application: found.desired[subscription(Unit(item.application, at))]
        for item in found.lock
        if item.written
    }
    shared = (item.application for item in found.lock if not item.written)
    near = {name: one for name in shared if (one := facts.expected(name, at)) is not None}
    made: dict[Spot, bytes] = {}
    for name, desired in own.items():
        standing = facts.standing(name, at, desired, {**near, **own})
        made |= spots(name, found.branches[at], standing.files)
    return made


def _is_asked(state: Change, actor: Actor) -> bool:
    """Return whether a change waits for a security-officer, who need not be of its Organization."""
    waits = state.status == "waiting" and SECURITY_OFFICER in actor.roles
    return waits and bool(gate.counts_for(state.content().approvals, actor))


async def _opening(ref: Ref, see: Reader) -> Recorded:
    """Return the event that opened a change."""
    every = await see.history(ref)
    return next(one for one in every if isinstance(one.event, pro1.ChangeOpened))


def _as_of(seq: int, see: Reader) -> Loader:
    """Return how states are seen as they were at a sequence."""

    async def load(ref: Ref, *, up_to: int | None = None) -> Any:
        return await see(ref, up_to=seq if up_to is None else min(seq, up_to))

    return load


def _compared(remade: Remade, opened: pro1.ChangeOpened, found: Plan) -> Remade:
    """Return the plan if it is the same; else what of it is not."""
    kept = {name: opened.inputs[name] for name in _PRICED & opened.inputs.keys()}
    inputs = found.inputs if opened.quote is not None else {**found.inputs, **kept}
    if plan_hash(found.request, inputs) != opened.hash:
        return replace(remade, missing=moved.between(opened.inputs, inputs))
    # Nothing stood in its way, else it would not have been applied.
    same = replace(found, inputs=opened.inputs, hash=opened.hash, blocked_by=())
    return replace(remade, plan=same)
