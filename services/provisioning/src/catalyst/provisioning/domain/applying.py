"""Apply a plan: it is made again, and whatever it depends on is read and guarded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from catalyst.blueprints import scope
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor, Context, Decision, TakeClaim
from catalyst.contracts.provisioning_values_v1 import Action
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import ORG_ADMIN, ORG_DEVELOPER, SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Claim, Ref
from catalyst.provisioning.domain import closing, gate, hosts, plan, turn
from catalyst.provisioning.domain.application import Application
from catalyst.provisioning.domain.change import SERVICE, Change
from catalyst.provisioning.domain.foreign import (
    Environment,
    Organization,
    environment_ref,
    organization_ref,
)
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.domain.steps import Unit, is_removal, subscription
from catalyst.provisioning.domain.writing import Writing

_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
"""Of a change; its hold at billing is called so, too."""

_ALLOWED: Final[Mapping[Action, frozenset[str]]] = {
    "delete-environment": frozenset({ORG_ADMIN, SOVEREIGN_ADMIN}),
    "delete-organization": frozenset({SOVEREIGN_ADMIN}),
}
"""Who may apply what not every builder may."""
_BUILDERS: Final = frozenset({ORG_ADMIN, ORG_DEVELOPER})
_KNOWN: Final = plan.LIFETIME + 2 * plan.AHEAD
"""How long a plan is known that was carried out: beyond the time in which it may be."""


class Asking(Protocol):
    """How the plan is made again: by this service's own query."""

    async def ask(
        self,
        service: str,
        name: str,
        version: int,
        organization: str | None,
        request: Mapping[str, Any],
    ) -> Any:
        """Return the result of a query.

        Raises:
            Rejected: If it is refused.
        """
        ...


async def prepare(
    command: pro1.ApplyPlan, ref: Ref, actor: Actor, _now: datetime, asking: Asking
) -> Plan:
    """Return the plan, made again; whom it is not for is not told either why it cannot be made.

    Raises:
        Rejected: `forbidden`, or why what was asked for cannot be planned any more.
    """
    require_may(command.request.action, actor)
    request = msgspec.to_builtins(command.request)
    answer = await asking.ask(SERVICE, "plan", 1, ref.organization, request)
    return msgspec.convert(answer, Plan)


def reads(_state: Change, command: pro1.ApplyPlan, ref: Ref) -> Sequence[Ref | Claim]:
    """Name every aggregate that the plan depends on, as its inputs name them, and the plan."""
    found = plan.refs_of(command.inputs, ref.organization or "")
    hosted = hosts.asked(command.inputs)
    return (*dict.fromkeys(found.values()), plan_claim(command, ref), *hosted)


def plan_claim(command: pro1.ApplyPlan, ref: Ref) -> Claim:
    """Return the name of a plan: made again, it is another one, though it may say the same."""
    return Claim("plan", f"{command.hash}@{command.expires:%Y%m%dT%H%M%S.%f}", ref.organization)


def apply(state: Change, command: pro1.ApplyPlan, context: Context) -> Decision:
    """Open the change, put it into the queue of each Application, and begin if it may.

    Raises:
        Rejected: `change-exists`, `invalid-id`, `plan-expired`, `expiry-far`, `plan-stale`, also
            for one that was carried out before, or why the plan cannot be applied.
    """
    if not _ID.fullmatch(context.ref.id):
        message = "a change's id is 1 to 64 letters, digits, '-' or '_', not beginning with '-'"
        raise Rejected("invalid-id", message, pointer="/subject")
    if state.opened is not None:
        raise Rejected("change-exists", f"a change is called {context.ref.id!r} already")
    fresh: Plan = context.facts
    organization = context.ref.organization or ""
    read = {
        key: plan.version_of(key, context.reads[ref], context.now)
        for key, ref in plan.refs_of(command.inputs, organization).items()
    }
    read |= hosts.read(fresh, organization, context.claims)
    if command.request != fresh.request:
        raise Rejected("plan-stale", "the plan was made for another thing", pointer="/data/request")
    name = plan_claim(command, context.ref)
    used = context.claims[name].holder
    if used is not None:
        message = f"{used.rpartition('.')[2]} was made of this plan already; plan it again"
        raise Rejected("plan-stale", message, pointer="/data/hash")
    plan.confirm(fresh, command.inputs, command.hash, read, command.expires, context.now)
    owner: Organization = context.reads[organization_ref(organization)]
    lacking = gate.too_few(fresh.approvals, gate.people(owner.owners), context.actor.email)
    if lacking:
        raise Rejected("approvals-impossible", gate.words(lacking[0]), pointer="/data/request")
    writing = Writing(state, context)
    writing.emit(_opened(fresh, context))
    for item in closing.written(writing):
        key = subscription(Unit(item.application, item.environment))
        desired = fresh.desired.get(key)
        if desired is not None:
            desired = msgspec.structs.replace(desired, change=context.ref.id)
        waiting = app1.ChangeWaiting(
            change=context.ref.id,
            environment=item.environment,
            action=command.request.action,
            desired=desired,
            base=fresh.bases.get(key, ""),
        )
        writing.emit_on(item.application, waiting)
    closing.depend(writing)
    turn.consider(writing, context.now + turn.PATIENCE)
    decided = writing.decision({"change": context.ref.id, "status": writing.state.status})
    claims = [TakeClaim(name, ttl=_KNOWN)]
    if not writing.state.is_over:
        claims += hosts.taken(fresh, organization, context.claims)
    return msgspec.structs.replace(decided, claims=(*decided.claims, *claims))


def require_may(action: Action, who: Actor) -> None:
    """Refuse whom an action is not for.

    Raises:
        Rejected: `forbidden`.
    """
    allowed = _ALLOWED.get(action, _BUILDERS)
    if who.roles.isdisjoint(allowed):
        raise Rejected("forbidden", f"{action} is for {' and '.join(sorted(allowed))}")


def _clusters(fresh: Plan, context: Context) -> dict[str, tuple[str, ...]]:
    """Return the clusters of each Environment that has several."""
    organization = context.ref.organization or ""
    found = {}
    for name in fresh.branches:
        place = context.reads.get(environment_ref(organization, name), Environment())
        clusters = tuple(dict.fromkeys(region.host_cluster for region in place.regions))
        if len(clusters) > 1:
            found[name] = clusters
    return found


def _suffixes(fresh: Plan, context: Context) -> dict[str, str]:
    """Return what the namespaces of each Environment have behind a name, as the files have it."""
    organization = context.ref.organization or ""
    found = {}
    for name in fresh.branches:
        place = context.reads.get(environment_ref(organization, name))
        if place is not None and place.exists:
            clusters = [region.host_cluster for region in place.regions]
            around = scope.environment(organization, name, place.env_type, clusters)
            if around.namespace_suffix:
                found[name] = around.namespace_suffix
    return found


def _held(fresh: Plan, context: Context) -> dict[str, tuple[str, ...]]:
    states = {ref.id: one for ref, one in context.reads.items() if isinstance(one, Application)}
    return hosts.held(states, fresh.lock, fresh.desired)


def _opened(fresh: Plan, context: Context) -> pro1.ChangeOpened:
    return pro1.ChangeOpened(
        request=fresh.request,
        hash=fresh.hash,
        inputs=fresh.inputs,
        environment=fresh.environment,
        branches=fresh.branches,
        lock=fresh.lock,
        values={}
        if is_removal(fresh.request.action)
        else {
            item.application: fresh.desired[
                subscription(Unit(item.application, item.environment))
            ].values
            for item in fresh.lock
            if item.written
        },
        sold=fresh.sold,
        gone=fresh.gone,
        volumes=fresh.volumes,
        workloads=fresh.workloads,
        clusters=_clusters(fresh, context),
        suffixes=_suffixes(fresh, context),
        hosts=_held(fresh, context),
        quote=fresh.price.quote if fresh.price is not None and fresh.sold else None,
        approvals=fresh.approvals,
        steps=tuple(item.step for item in fresh.steps),
        address=fresh.address,
        author=context.actor.name,
        author_email=context.actor.email,
    )
