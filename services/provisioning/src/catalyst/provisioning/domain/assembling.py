"""What every plan says, whatever it does: inputs, files, gates, steps, what is in its way."""

from __future__ import annotations

import msgspec

from catalyst.contracts.blocked_environment import of_suspended
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest, Step
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import (
    behind,
    circles,
    differences,
    fitting,
    foreign,
    gate,
    quota,
    windows,
)
from catalyst.provisioning.domain.application import Application, planned_on
from catalyst.provisioning.domain.differences import Files
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.gate import Gates
from catalyst.provisioning.domain.plan import (
    LIFETIME,
    Blocker,
    Dependency,
    Plan,
    PlannedStep,
    lock_version,
    price_version,
)
from catalyst.provisioning.domain.steps import WAYS, Unit, is_removal, subscription


def assemble(
    request: PlanRequest,
    facts: Facts,
    lock: tuple[Locked, ...],
    before: Files,
    after: Files,
    steps: tuple[Step, ...],
    *,
    sold: tuple[str, ...],
    gone: tuple[str, ...],
) -> Plan:
    """Return what every plan says.

    Args:
        request: What was asked for.
        facts: What it depends on.
        lock: The Applications that it touches.
        before: The files that stand there.
        after: The files that shall stand there.
        steps: What is done, in order.
        sold: Subscriptions that it starts or ends.
        gone: Applications that run nowhere any more afterwards.
    """
    gates = _gates(facts)
    if is_removal(request.action):
        gates = msgspec.structs.replace(gates, unchecked=())
    return Plan(
        request=request,
        inputs=_inputs(request, facts, lock, after),
        expires=facts.now + LIFETIME,
        environment=request.environment or "",
        branches={name: place.branch for name, place in facts.environments.items()},
        lock=lock,
        bases={
            subscription(Unit(item.application, item.environment)): _state(facts, item).expected(
                item.environment
            )[1]
            for item in lock
            if item.written
        },
        sold=sold,
        gone=gone,
        steps=tuple(
            PlannedStep(
                step=step,
                usual_seconds=int(WAYS[step].usual.total_seconds()),
                deadline_seconds=int(WAYS[step].time.total_seconds()),
            )
            for step in steps
        ),
        files=differences.compare(before, after),
        address="" if is_removal(request.action) else facts.git_url,
        quota=quota.counts(facts, lock, request),
        gates=gates,
        dependents=_dependents(facts, lock),
        blocked_by=(
            *_blocked(request, facts),
            *quota.blocked(facts, lock, request),
            *_impossible(gates, facts),
        ),
    )


def _state(facts: Facts, item: Locked) -> Application:
    return facts.applications.get(item.application, Application())


def _inputs(
    request: PlanRequest, facts: Facts, lock: tuple[Locked, ...], after: Files
) -> dict[str, str]:
    found = {f"organization:{facts.name}": foreign.organization_version(facts.organization)}
    if request.action == "delete-organization":
        found[f"environments:{facts.name}"] = foreign.environments_version(facts.organization)
    for name, place in facts.environments.items():
        found[f"environment:{name}"] = foreign.environment_version(place)
    for name, policy in facts.policies.items():
        found[f"policy:{name}"] = foreign.policy_version(policy)
    for item in lock:
        key = f"application:{item.application}@{item.environment}"
        found[key] = planned_on(_state(facts, item), item.environment)
        for user in fitting.moved_under(facts, item):
            state = facts.applications[user]
            found[f"application:{user}@{item.environment}"] = planned_on(state, item.environment)
        known = facts.blueprints.get(f"{item.origin}-{item.blueprint}")
        if known is not None:
            key = f"blueprint:{item.origin}-{item.blueprint}@{item.version}"
            found[key] = foreign.blueprint_version(known, item.version)
    found |= circles.inputs(facts, lock)
    found["lock"] = lock_version(lock)
    found[differences.FILES] = differences.digest(after, facts.git_url)
    if facts.quoted is not None:
        found["price-book:default"] = foreign.price_book_version(facts.price_book, facts.now)
        found["price"] = price_version(facts.quoted.quote)
    return found


def _gates(facts: Facts) -> Gates:
    """Return the gates of all policies together: every approval, and the last one to open."""
    people = gate.people(facts.organization.owners)
    policies = facts.policies.values()
    found = [gate.gates(policy, facts.now, people, facts.author) for policy in policies]
    return Gates(
        approvals=tuple(one for item in found for one in item.approvals),
        impossible=tuple(one for item in found for one in item.impossible),
        officers=tuple(one for item in found for one in item.officers),
        opening=windows.together(item.opening for item in found),
        unchecked=tuple(one for item in found for one in item.unchecked),
    )


def _impossible(gates: Gates, facts: Facts) -> tuple[Blocker, ...]:
    policies = sorted(facts.policies)
    return tuple(
        Blocker(
            code="approvals-impossible",
            message=gate.words(item),
            chain=(behind.approvals(item.team, policies),),
        )
        for item in gates.approvals
        if item.team in gates.impossible
    )


def _blocked(request: PlanRequest, facts: Facts) -> tuple[Blocker, ...]:
    owner = facts.organization
    found = []
    if owner.suspended and request.action != "delete-organization":
        message = f"the Organization is suspended: {owner.suspended}"
        chain = (of_suspended(facts.name, owner.suspended),)
        found.append(Blocker(code="organization-suspended", message=message, chain=chain))
    if owner.phase == "failed" and not request.action.startswith("delete-"):
        message = "the onboarding of the Organization failed; restart it first"
        chain = (behind.failed(facts.name),)
        found.append(Blocker(code="organization-failed", message=message, chain=chain))
    found += (
        Blocker(
            code="environment-going",
            message=f"{name} is being deleted by {change}; plan again once that is over",
            chain=(behind.deleted_by(name, change),),
        )
        for name, change in facts.going.items()
    )
    return (*found, *_unpaid(request, facts))


def _unpaid(request: PlanRequest, facts: Facts) -> tuple[Blocker, ...]:
    quoted = facts.quoted
    if quoted is None:
        return ()
    found = []
    if not quoted.covered:
        due = str(quoted.quote.due)
        others = " and ".join(map(str, quoted.elsewhere)) if request.action == "install" else ""
        message = f"{due} is due, and the credit does not cover it"
        message += f"; there is {others}, in which it can be bought" if others else ""
        elsewhere = quoted.elsewhere if others else ()
        chain = (behind.too_little_credit(facts.name, due, elsewhere),)
        found.append(Blocker(code="credit-insufficient", message=message, chain=chain))
    if quoted.limited:
        chain = (behind.spend_limit(facts.name, quoted.limited),)
        found.append(Blocker(code="spend-limit-reached", message=quoted.limited, chain=chain))
    return tuple(found)


def _dependents(facts: Facts, lock: tuple[Locked, ...]) -> tuple[str, ...]:
    own = {item.application for item in lock if item.written}
    names = {
        name
        for item in lock
        if item.written
        for name in _state(facts, item).binding(item.environment).dependents
    }
    return tuple(sorted(names - own))


def require_environment(facts: Facts, name: str) -> None:
    """Refuse an Environment or an Organization that is not there.

    Raises:
        Rejected: `organization-not-found`, `organization-deleted` or `environment-not-found`.
    """
    if facts.organization.phase == "absent":
        raise Rejected("organization-not-found", f"there is no Organization {facts.name!r}")
    if facts.organization.phase == "deleted":
        raise Rejected("organization-deleted", f"the Organization {facts.name!r} is deleted")
    if name and not facts.environments[name].exists:
        raise Rejected(
            "environment-not-found",
            f"there is no Environment {name!r}",
            pointer="/request/environment",
        )


def dependencies(
    lock: tuple[Locked, ...], facts: Facts, environment: str
) -> tuple[Dependency, ...]:
    """Return what is needed by what is asked for, with what becomes of it."""
    found = []
    for item in lock:
        if item.role == "target":
            continue
        old = facts.expected(item.application, environment)
        users = [x.application for x in lock if item.application in x.dependencies.values()]
        found.append(
            Dependency(
                application=item.application,
                blueprint=item.blueprint,
                version=item.version,
                role=item.role,
                before=old.version if old is not None and item.role == "upgraded" else "",
                needed_by=tuple(users),
            )
        )
    return tuple(found)
