"""Public hosts: each belongs to one Application in one Environment, or to an Organization. Pure.

Under which hosts an Application answers is said by the objects that its Blueprint makes, whatever
its values are called (`blueprints/hosts.py`). A host is claimed beyond all Organizations
(`clm._.host.<name>`), in the batch that opens the change which brings it: so of two that are
applied at once one is refused. What is written beside the claim names the Application and its
Environment, so that the next change of the same one finds its own. A change that ends gives back
what its Applications neither are to answer under any more nor stand under in Git, whatever becomes
of those that wait behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from catalyst.contracts.decision import ClaimState, TakeClaim
from catalyst.contracts.provisioning_values_v1 import Desired, Locked
from catalyst.contracts.subjects import Claim, organization_token
from catalyst.provisioning.domain import behind, possible
from catalyst.provisioning.domain.application import SERVICE, Application
from catalyst.provisioning.domain.plan import HOST, Blocker, Plan, plan_hash
from catalyst.provisioning.domain.steps import Unit, subscription

HOSTS_MAX: Final = 100
"""Public hosts of all that one change writes."""
HELD_MAX: Final = 500
"""Public hosts that one change may have to give back: each of its decisions reads them."""
FREE: Final = "free"
OWN: Final = "its own"
TAKEN: Final = "taken"

Claims = Mapping[Claim, ClaimState]


def claim(host: str) -> Claim:
    """Return the claim of a host; Organizations claim theirs by the same name."""
    return Claim("host", host)


def version(state: ClaimState, organization: str, key: str) -> str:
    """Return how a host is to `<application>.<environment>`, as plans name it."""
    if state.holder is None:
        return FREE
    return OWN if _inside(state, organization) and state.digest == key else TAKEN


def _inside(state: ClaimState, organization: str) -> bool:
    """Return whether an Application of an Organization holds it, by one of its changes."""
    return (state.holder or "").startswith(f"{organization_token(organization)}.{SERVICE}.")


# ---- plans


def wanted(plan: Plan) -> tuple[Claim, ...]:
    """Return the claims of all hosts under which what a plan writes will be reached."""
    return tuple(claim(host) for host in _by_host(plan.desired))


def _by_host(desired: Mapping[str, Desired]) -> dict[str, list[str]]:
    """Return who wants each host, each as `<application>.<environment>`."""
    found: dict[str, list[str]] = {}
    for key, one in desired.items():
        for host in one.hosts:
            found.setdefault(host, []).append(key)
    return dict(sorted(found.items()))


def judged(plan: Plan, organization: str, claims: Claims) -> Plan:
    """Return a plan that rests on its hosts as well; one that another has is in its way.

    Args:
        plan: The plan.
        organization: Whose it is.
        claims: What the claim of each host says now.
    """
    inputs: dict[str, str] = {}
    blockers: list[Blocker] = []
    by_host = _by_host(plan.desired)
    for host, keys in by_host.items():
        state = claims[claim(host)]
        inputs[f"{HOST}{host}"] = version(state, organization, keys[0])
        if len(keys) > 1:
            message = f"{' and '.join(map(_words, keys))} would both have the host {host}"
            blockers.append(_taken(host, message))
        elif version(state, organization, keys[0]) == TAKEN:
            blockers.append(_taken(host, _whose(host, state, organization)))
    if len(by_host) > HOSTS_MAX:
        message = f"{len(by_host)} public hosts, {HOSTS_MAX} are allowed"
        blockers.append(Blocker(code="too-large", message=message))
    if not inputs:
        return plan
    inputs = {**plan.inputs, **inputs}
    return msgspec.structs.replace(
        plan,
        inputs=inputs,
        hash=plan_hash(plan.request, inputs),
        blocked_by=(*plan.blocked_by, *blockers),
    )


def _taken(host: str, message: str) -> Blocker:
    return Blocker(code="host-taken", message=message, chain=(behind.host(host, message),))


def _whose(host: str, state: ClaimState, organization: str) -> str:
    """Return who has a host, as far as this Organization may know."""
    if _inside(state, organization):
        return f"{_words(state.digest)} has the host {host}"
    if (state.holder or "").startswith(f"{organization_token(organization)}."):
        return f"{host} is the public host of the Organization itself"
    return f"another Organization has the host {host}"


def _words(key: str) -> str:
    return " in ".join(key.split(".", 1))


# ---- changes


def asked(inputs: Mapping[str, str]) -> tuple[Claim, ...]:
    """Return the claims that the inputs of a plan name."""
    return tuple(claim(key.removeprefix(HOST)) for key in inputs if key.startswith(HOST))


def read(plan: Plan, organization: str, claims: Claims) -> dict[str, str]:
    """Return the versions of a plan's hosts by what a decision read, by input."""
    return {
        f"{HOST}{host}": version(claims[claim(host)], organization, keys[0])
        for host, keys in _by_host(plan.desired).items()
        if claim(host) in claims
    }


def taken(plan: Plan, organization: str, claims: Claims) -> tuple[TakeClaim, ...]:
    """Return what has to be claimed for a plan: every host that is not its own already."""
    return tuple(
        TakeClaim(claim(host), digest=keys[0])
        for host, keys in _by_host(plan.desired).items()
        if version(claims[claim(host)], organization, keys[0]) == FREE
    )


def held(
    applications: Mapping[str, Application], lock: Iterable[Locked], desired: Mapping[str, Desired]
) -> dict[str, tuple[str, ...]]:
    """Return the hosts that what is written has, or may have by this change or by one before.

    Args:
        applications: As they are before the change.
        lock: What it touches.
        desired: What is to run, by `<application>.<environment>`.
    """
    found = {}
    for item in lock:
        key = subscription(Unit(item.application, item.environment))
        state = applications.get(item.application)
        if not item.written or state is None:
            continue
        had = may_hold(state, item.environment)
        new = desired[key].hosts if key in desired else ()
        if had or new:
            found[key] = tuple(sorted({*had, *new}))
    return found


def too_many(found: Mapping[str, Sequence[str]], what_to_do: str) -> tuple[Blocker, ...]:
    """Return that a change would have more hosts to give back than it can, and what to do."""
    number = sum(map(len, found.values()))
    if number <= HELD_MAX:
        return ()
    message = (
        f"{number} public hosts may have to be given back, {HELD_MAX} are allowed; {what_to_do}"
    )
    return (Blocker(code="too-large", message=message),)


def may_hold(state: Application, environment: str) -> frozenset[str]:
    """Return under which hosts an Application is reached, or may be once its changes are over.

    What stands in Git counts as well: a commit that could not be taken back may run.
    """
    committed = state.binding(environment).committed
    stands = committed.hosts if committed is not None else ()
    present = possible.outcomes(state, environment)
    return frozenset({*stands, *(host for one in present if one is not None for host in one.hosts)})


def given_back(
    held: Iterable[str], state: Application, unit: Unit, organization: str, claims: Claims
) -> tuple[TakeClaim, ...]:
    """Return the release of every host that an Application will not have any more.

    Args:
        held: Those that it had, or might have, when the change was opened.
        state: The Application, without the change.
        unit: The Application and where.
        organization: Whose it is.
        claims: What the claim of each says now. A change that ends in the batch that opens it has
            made nothing of what it found, and reads those of its plan alone.
    """
    keeps, key = may_hold(state, unit.environment), subscription(unit)
    return tuple(
        TakeClaim(claim(host), release=True)
        for host in held
        if host not in keeps
        and (state_of := claims.get(claim(host))) is not None
        and version(state_of, organization, key) == OWN
    )
