"""The plan of a removal: of a deletion, with what goes beside the Applications, as its owners say.

The environment-controller lists what held them, and billing what money is open. A plan that is made
again to be applied asks for no money: it is no part of what is promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from catalyst.chassis.service import Asking, Loader
from catalyst.contracts.blocked_environment import of_obstacle
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.provisioning.domain import listed, removal_plan
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Blocker, Plan
from catalyst.provisioning.gathering import Gathering


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """An amount, and the hold or the invoice that it belongs to."""

    name: str
    amount: Money


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """What an invoice adds up to in one currency, and how it is paid."""

    total: Money
    prepaid: Money
    credit: Money
    open: Money


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A month that is not closed."""

    month: str
    amounts: tuple[Amount, ...]
    problem: str


class OpenMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What billing says is open."""

    credit: tuple[Money, ...]
    holds: tuple[Open, ...]
    unpaid: tuple[Open, ...]
    running: tuple[Running, ...]


async def removal(
    gathering: Gathering,
    asking: Asking,
    asked: PlanRequest,
    facts: Facts,
    load: Loader,
    *,
    money: bool,
) -> Plan:
    """Return what taking something away would do; `money` is as in `plan`.

    Raises:
        Rejected: `application-not-found`, or as the environment-controller's plan is refused.
    """
    if asked.application:
        facts = await gathering.with_dependents(
            facts, {asked.application}, asked.environment or "", load
        )
    lock = removal_plan.lock_of(asked, facts)
    facts = await gathering.with_contents(facts, lock)
    if asked.action == "uninstall":
        # What goes uses nothing any more.
        stays = (item for item in lock if not item.written)
        facts = await gathering.with_chosen(facts, stays, load)
        return removal_plan.plan(asked, facts, lock)
    return await plan(asking, asked, facts, lock, money=money)


async def plan(
    asking: Asking, asked: PlanRequest, facts: Facts, lock: tuple[Locked, ...], *, money: bool
) -> Plan:
    """Return what the deletion of an Environment or an Organization would do.

    Args:
        asking: How others are asked.
        asked: What was asked for.
        facts: What it depends on.
        lock: The Applications that go.
        money: Whether whoever asks wants to know, and may, what money is open.

    Raises:
        Rejected: As the environment-controller's plan is refused.
    """
    kind = "organization" if asked.environment is None else "environment"
    request = {} if asked.environment is None else {"environment": asked.environment}
    answer = await asking.ask("environment", f"plan-{kind}-deletion", 1, facts.name, request)
    lost: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    if money:
        told = await asking.ask("billing", "open-money", 1, facts.name, {})
        lost, due = _money(msgspec.convert(told, OpenMoney), whole=asked.environment is None)
    found = removal_plan.plan(
        asked,
        facts,
        lock,
        beyond=(*lost, *_items(answer["goes"])),
        # That the log stays is said of every removal, so not once more here.
        kept=(*due, *_items(item for item in answer["stays"] if item["kind"] != "log")),
        named=listed.names(answer),
    )
    # Applications stand in the way only until they have gone, which this plan lets them.
    more = tuple(
        Blocker(
            code=item["code"],
            message=item["message"],
            chain=of_obstacle(item["code"], item["message"], asked.environment or "", facts.name),
        )
        for item in answer["blocked_by"]
        if item["code"] != "applications-present"
    )
    known = {item.code for item in found.blocked_by}
    new = tuple(item for item in more if item.code not in known)
    return msgspec.structs.replace(found, blocked_by=(*found.blocked_by, *new))


def _items(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(f"{item['kind']} {item['name']}: {item['detail']}" for item in found)


def _money(found: OpenMoney, *, whole: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what of the money goes and what stays: with an Environment, none of it goes."""
    end = ", not paid out after the last invoice" if whole else ""
    held = [f"hold {one.name}: {one.amount} set aside" for one in found.holds]
    left = [f"credit: {amount} left{end}" for amount in found.credit]
    bills = [f"invoice {one.name}: {one.amount} to be paid" for one in found.unpaid]
    when = "once the Organization is deleted" if whole else "once the month is over"
    for one in found.running:
        bills += [
            f"invoice {one.month}: {amount.total} until now, to be invoiced {when}; {_paid(amount)}"
            for amount in one.amounts
        ]
        if one.problem:
            bills.append(f"invoice {one.month}: what it costs until now is unknown: {one.problem}")
    if whole:
        return (*left, *held), tuple(bills)
    return (), (*left, *held, *bills)


def _paid(amount: Amount) -> str:
    """Return how an invoice is paid as things are, in words; what is nothing is left out."""
    parts = [
        f"{part} {how}"
        for part, how in (
            (amount.prepaid, "of it is paid already"),
            (amount.credit, "of it comes from credit"),
            (amount.open, "of it has to be paid then"),
        )
        if part.minor
    ]
    if not amount.open.minor:
        parts.append("nothing more has to be paid")
    return ", ".join(parts)
