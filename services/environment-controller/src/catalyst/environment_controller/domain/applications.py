"""Applications in an Environment: let in for a change, and let go unless another change wants it.

Provisioning's changes ask, and what they ask may come late: set aside by the broker or by a fault,
and retried when the change that asked has given up and another one has come. So both rules look at
the Application itself, guarded, and never at which message came first: nothing is let in for a
change that is not in flight there, and nothing is let go that another change has brought, or is
about to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context, Decision, emit
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import naming
from catalyst.environment_controller.domain.environment import Environment, require_environment
from catalyst.environment_controller.domain.findings import Findings
from catalyst.environment_controller.domain.manifest import require_service
from catalyst.environment_controller.domain.organization import (
    Organization,
    ref_of,
    require_changeable,
    with_name,
    without_name,
)
from catalyst.environment_controller.domain.policy import Policy, policy_ref

PROVISIONING: Final = "provisioning"
AGGREGATE: Final = "application"
EVENTS: Final[frozenset[type[Event]]] = frozenset(
    {app1.ChangeTaken, app1.ChangeLeft, app1.DesiredSet, app1.ApplicationRemoved}
)
"""All of an Application that is looked at here."""


# ---- the Application, as provisioning decides it


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """Who works on an Application, and where it is to run."""

    in_flight: dict[str, str] = {}
    """The change that has its turn, by Environment; there is one at a time."""
    runs: tuple[str, ...] = ()
    """Environments in which something of it is to run, sorted."""


def application_ref(organization: str, name: str) -> Ref:
    """Return the Application of an Organization with this name."""
    return Ref(organization, PROVISIONING, AGGREGATE, name)


def evolve(state: Application, event: Event) -> Application:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case app1.ChangeTaken():
            return replace(state, in_flight={**state.in_flight, event.environment: event.change})
        case app1.ChangeLeft() if state.in_flight.get(event.environment) == event.change:
            rest = {at: one for at, one in state.in_flight.items() if at != event.environment}
            return replace(state, in_flight=rest)
        case app1.DesiredSet() if event.desired is not None:
            return replace(state, runs=with_name(state.runs, event.environment))
        case app1.DesiredSet() | app1.ApplicationRemoved():
            return replace(state, runs=without_name(state.runs, event.environment))
        case _:
            return state


# ---- let in


def reads_admit(state: Environment, command: env1.AdmitApplication, ref: Ref) -> Sequence[Ref]:
    """Name the Organization, the Application, and the policy that limits how many there may be."""
    slug = ref.organization or ""
    found = [ref_of(slug), *_judged(command, ref)]
    if state.policy is not None and command.application not in state.applications:
        found.append(policy_ref(slug, state.policy))
    return found


def admit(state: Environment, command: env1.AdmitApplication, context: Context) -> Decision:
    """Let an Application stand in the Environment; again changes nothing.

    Who came before a limit was lowered stays. What one change brings is admitted one by one, and
    each counts those that are still to come: of two changes for which there is not enough room
    together, one passes.

    Raises:
        Rejected: `change-over`, `application-name-invalid`, `application-reserved`,
            `quota-exceeded`, or why nothing may change.
    """
    require_service(context, PROVISIONING)
    slug = context.ref.organization or ""
    organization: Organization = context.reads[ref_of(slug)]
    require_environment(state, context.ref.id)
    _require_in_flight(command, context)
    if command.application in state.applications:
        return Decision()
    require_changeable(organization, slug)
    found = Findings()
    naming.check_application(command.application, slug, found, "/data/application")
    found.settle()
    _require_room(state, command, context)
    return emit(
        env1.ApplicationAdmitted(environment=context.ref.id, application=command.application)
    )


def _require_in_flight(command: env1.AdmitApplication, context: Context) -> None:
    if not command.change:
        return
    if _application(command, context).in_flight.get(context.ref.id) != command.change:
        raise Rejected(
            "change-over",
            f"the change {command.change!r} does not bring {command.application!r}"
            f" to {context.ref.id!r} any more",
            pointer="/data/change",
        )


def _require_room(state: Environment, command: env1.AdmitApplication, context: Context) -> None:
    if state.policy is None:
        return
    policy: Policy = context.reads[policy_ref(context.ref.organization or "", state.policy)]
    limit = policy.applications_max if policy.exists else None
    asked = {command.application, *command.together} - {*state.applications}
    present = len(state.applications)
    if limit is None or present + len(asked) <= limit:
        return
    raise Rejected(
        "quota-exceeded",
        f"the policy {state.policy!r} lets {limit} Applications into {context.ref.id!r}:"
        f" {present} are used or held, and {len(asked)} more would come",
        pointer="/data/application",
    )


# ---- let go


def reads_release(_state: Environment, command: env1.ReleaseApplication, ref: Ref) -> Sequence[Ref]:
    """Name the Application, which says whether another change wants it."""
    return _judged(command, ref)


def release(state: Environment, command: env1.ReleaseApplication, context: Context) -> Decision:
    """Take an Application out of the Environment, of a suspended Organization as well.

    Raises:
        Rejected: `application-not-admitted` or `application-wanted`.
    """
    require_service(context, PROVISIONING)
    require_environment(state, context.ref.id)
    if command.application not in state.applications:
        raise Rejected(
            "application-not-admitted",
            f"the Application {command.application!r} is not in {context.ref.id!r}",
            pointer="/data/application",
        )
    _require_unwanted(command, context)
    return emit(
        env1.ApplicationReleased(environment=context.ref.id, application=command.application)
    )


def _require_unwanted(command: env1.ReleaseApplication, context: Context) -> None:
    """Refuse to let go for a change that is over what stands there for another one."""
    if not command.change:
        return
    found = _application(command, context)
    place = context.ref.id
    in_flight = found.in_flight.get(place, "")
    if in_flight == command.change:
        return
    if in_flight or place in found.runs:
        why = f"the change {in_flight!r} works on it" if in_flight else "it is to run there"
        raise Rejected(
            "application-wanted",
            f"the change {command.change!r} is over, and {command.application!r} stays in"
            f" {place!r}: {why}",
            pointer="/data/change",
        )


# ---- by what both are judged


def _judged(command: env1.AdmitApplication | env1.ReleaseApplication, ref: Ref) -> tuple[Ref, ...]:
    """Return the Application; of what was asked before changes were named, nothing is known."""
    if not command.change:
        return ()
    return (application_ref(ref.organization or "", command.application),)


def _application(
    command: env1.AdmitApplication | env1.ReleaseApplication, context: Context
) -> Application:
    found: Application = context.reads[_judged(command, context.ref)[0]]
    return found
