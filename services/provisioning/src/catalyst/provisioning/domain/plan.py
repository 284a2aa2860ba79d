"""What a plan says, and its hash.

A plan is made from facts that were read before, publishes nothing, and is made again when it is
applied: another hash means that something it depends on is not as it was. In the hash stand what
was asked for and the versions of all inputs; never a balance, a quota or a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from catalyst.contracts.blocked import Link
from catalyst.contracts.codec import pointer_token
from catalyst.contracts.message import FieldError
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Quote
from catalyst.contracts.provisioning_values_v1 import (
    Approvals,
    Desired,
    Locked,
    PlanRequest,
    Step,
)
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import foreign, moved
from catalyst.provisioning.domain.application import Application, application_ref, planned_on
from catalyst.provisioning.domain.differences import FileChange
from catalyst.provisioning.domain.gate import Gates
from catalyst.provisioning.domain.possible import needs_version

NEEDS: Final = "needs:"
"""What begins the name of an input that is only what an Application may need."""
HOST: Final = "host:"
"""What begins the name of an input that is a public host."""
LIFETIME: Final = timedelta(minutes=15)
"""How long a plan may be applied; a person reads it in between."""
AHEAD: Final = timedelta(minutes=1)
"""How much the clock of who planned may be ahead of the broker's."""


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """An Application that comes with the change, or that it uses."""

    application: str
    blueprint: str
    version: str
    role: str
    before: str = ""
    """The version that runs now, of one that is upgraded."""
    needed_by: tuple[str, ...] = ()


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What the change costs."""

    quote: Quote
    delta: Money
    """What is held now, and taken in the end: the price of the month, less what is paid already."""
    before: Money | None = None
    """What the same cost a month until now; None: not told."""
    credit_after: Money | None = None
    """What is left of the credit; it is no part of what is promised."""
    covered: bool = True


class Blocker(msgspec.Struct, frozen=True, kw_only=True):
    """Why the plan cannot be applied now."""

    code: str
    message: str
    names: tuple[str, ...] = ()
    """What stands in the way, as a chain: each is needed by the next."""
    chain: tuple[Link, ...] = ()
    """What is behind it, the cause last. It is told and not promised: no part of the hash."""
    own_copy: str = ""
    """The alias of what is needed, if a copy of its own is another way, which the message names."""


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """What may hurt."""

    kind: str
    message: str
    own_copy: str = ""
    """As of a blocker: with a copy of its own for this alias, it does not hurt."""


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step, and how long it usually takes."""

    step: Step
    usual_seconds: int
    deadline_seconds: int


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """An Application that stays, and that nothing needs any more."""

    application: str
    environment: str
    charged: bool = False
    """Whether it is paid for each month."""
    needed_by: tuple[str, ...] = ()
    """Who needs it until they are gone as well, in order; empty: nobody."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen."""

    request: PlanRequest
    inputs: dict[str, str]
    """Each thing that it depends on, with the version that it saw."""
    expires: datetime
    hash: str = ""
    environment: str = ""
    branches: dict[str, str] = {}
    lock: tuple[Locked, ...]
    desired: dict[str, Desired] = {}
    """What is to run, by `<application>.<environment>`; without the change, which has no id yet."""
    bases: dict[str, str] = {}
    """The revision that each was planned on, likewise; empty: nothing runs."""
    sold: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    volumes: dict[str, tuple[str, ...]] = {}
    """What holds data of each, by `<application>.<environment>`; see `volumes.names`."""
    workloads: dict[str, tuple[str, ...]] = {}
    """What runs the containers of each that is written, likewise; see `volumes.workloads`."""
    steps: tuple[PlannedStep, ...]
    files: tuple[FileChange, ...] = ()
    address: str = ""
    """Where clusters find the repositories; empty where nothing is to run."""
    dependencies: tuple[Dependency, ...] = ()
    price: Price | None = None
    quota: dict[str, int] = {}
    """How many Applications stand in the Environment, and will; see `quota.counts`."""
    gates: Gates = Gates()
    dependents: tuple[str, ...] = ()
    """Applications that need what is changed, or goes."""
    risks: tuple[Risk, ...] = ()
    goes: tuple[str, ...] = ()
    """What goes, in order."""
    stays: tuple[str, ...] = ()
    idle: tuple[Idle, ...] = ()
    """What stays and nothing needs any more."""
    blocked_by: tuple[Blocker, ...] = ()

    @property
    def approvals(self) -> tuple[Approvals, ...]:
        """What has to be approved."""
        return self.gates.approvals


def finished(plan: Plan) -> Plan:
    """Return the plan with its hash, and with what is asked for and not checked as a risk."""
    unchecked = (Risk(kind="unchecked", message=words) for words in plan.gates.unchecked)
    return msgspec.structs.replace(
        plan,
        hash=plan_hash(plan.request, plan.inputs),
        risks=(*plan.risks, *unchecked),
    )


def plan_hash(request: PlanRequest, inputs: Mapping[str, str]) -> str:
    """Return the fingerprint of what was asked and what it depends on; keys have no order.

    Who names no currency asks for what was asked for before there was a choice.
    """
    asked = msgspec.to_builtins(request)
    if request.currency is None:
        del asked["currency"]
    content = {"request": asked, "inputs": dict(inputs)}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


# ---- inputs


def lock_version(lock: Sequence[Locked]) -> str:
    """Return the fingerprint of a lock."""
    return hashlib.sha256(msgspec.json.encode(list(lock), order="sorted")).hexdigest()[:32]


def price_version(quote: Quote) -> str:
    """Return the price book that says the price, and the price; what is due depends on the day."""
    content = (quote.lines, quote.total)
    body = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
    return f"{quote.book} {quote.version}#{body[:16]}"


def refs_of(inputs: Mapping[str, str], organization: str) -> dict[str, Ref]:
    """Return the aggregates that inputs name, by their names; other inputs are none."""
    found: dict[str, Ref] = {}
    for key in inputs:
        kind, _, name = key.partition(":")
        match kind:
            case "organization" | "environments":
                found[key] = foreign.organization_ref(organization)
            case "environment":
                found[key] = foreign.environment_ref(organization, name)
            case "policy":
                found[key] = foreign.policy_ref(organization, name)
            case "application" | "needs":
                found[key] = application_ref(organization, name.partition("@")[0])
            case "blueprint":
                origin, _, blueprint = name.partition("@")[0].partition("-")
                found[key] = foreign.blueprint_ref(organization, origin, blueprint)
            case "price-book":
                found[key] = foreign.PRICE_BOOK
            case _:
                continue
    return found


def version_of(key: str, state: Any, now: datetime) -> str:
    """Return the version of an input, from the state of its aggregate."""
    _, _, at = key.partition("@")
    match state:
        case foreign.Organization() if key.startswith("environments:"):
            return foreign.environments_version(state)
        case foreign.Organization():
            return foreign.organization_version(state)
        case foreign.Environment():
            return foreign.environment_version(state)
        case foreign.Policy():
            return foreign.policy_version(state)
        case foreign.Blueprint():
            return foreign.blueprint_version(state, at)
        case foreign.PriceBook():
            return foreign.price_book_version(state, now)
        case Application() if key.startswith(NEEDS):
            return needs_version(state, at)
        case Application():
            return planned_on(state, at)
        case _:
            raise LookupError(f"{key!r} is no input that has a state")


# ---- apply


def confirm(
    fresh: Plan,
    inputs: Mapping[str, str],
    given: str,
    read: Mapping[str, str],
    expires: datetime,
    now: datetime,
) -> None:
    """Refuse to apply a plan that is expired, blocked, or not what would happen now.

    Args:
        fresh: The plan, made again.
        inputs: The inputs that come back with the command.
        given: Its hash.
        read: The versions that the decision read, by input.
        expires: Until when it may be applied.
        now: The broker's time.

    Raises:
        Rejected: `plan-expired`; `expiry-far`; `plan-stale`, with an error for each input that
            changed; or the code of the first blocker.
    """
    if now > expires:
        raise Rejected("plan-expired", "the plan is past its expiry", pointer="/data/expires")
    if expires > now + LIFETIME + AHEAD:
        message = "no plan may be applied for so long: send back the expiry that it was given"
        raise Rejected("expiry-far", message, pointer="/data/expires")
    # Only of what the plan rests on: nobody learns what becomes of a name that they guessed.
    present = {name: read.get(name, version) for name, version in fresh.inputs.items()}
    changed = sorted(
        name for name in inputs.keys() | present.keys() if inputs.get(name) != present.get(name)
    )
    if changed:
        errors = [
            FieldError(
                pointer=f"/data/inputs/{pointer_token(name)}",
                rule="plan-stale",
                message=moved.words(name, inputs.get(name), present.get(name)),
            )
            for name in changed
        ]
        message = f"what was planned has changed: {', '.join(map(moved.subject, changed))}"
        raise Rejected("plan-stale", message, errors)
    if given != fresh.hash:
        raise Rejected("plan-stale", "the hash does not belong to this plan", pointer="/data/hash")
    if fresh.blocked_by:
        first = fresh.blocked_by[0]
        errors = [
            FieldError(
                pointer="/data/request",
                rule=item.code,
                message=item.message,
                own_copy=item.own_copy,
            )
            for item in fresh.blocked_by
        ]
        raise Rejected(first.code, first.message, errors)
