"""A small business on real containers: Blueprints of its own, plans, changes, use, and the invoice.

Tests here stand in the order of the story, and each goes on where the one before it ended. The
cluster is simulated; the workers that carry out the change are killed in the middle of it.
"""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import nats
import pytest
import pytest_asyncio
from tests.e2e import market
from tests.e2e.compose import Access, Stack
from tests.support import metering
from tests.support.waiting import until

from catalyst.client.http_transport import HttpClient, over_http
from catalyst.client.rows import Put
from catalyst.contracts.message import Outcome

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.story,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

ORGANIZATION: Final = "omantel"
PLACE: Final = "omantel-prod"
SHOP: Final = "shop"
SARA: Final = "sara@omantel.example"
"""The owner, who also keeps the price book."""
CREDIT: Final = 20_000
DUE: Final = 4_000
"""The shop and its database, in thousandths of a rial."""
ORDERS: Final = (70, 60, 50, 40)
"""What a meter reports, each twice."""
LAST: Final = 5
"""What it reports once, behind them."""
USED: Final = 6_250
"""What all orders cost, beyond the hundred that are included."""
KILLED: Final = ("provisioning", "billing", "environment-controller")
SOURCES: Final = "blueprint-controller:/var/lib/catalyst/blueprints"
"""Where the blueprint-controller finds what directories hold."""
SECONDS: Final = 60.0
"""Until something expected has to be seen."""

Doc = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the HTTP door."""

    door: HttpClient

    async def does(self, type_: str, data: object, **where: Any) -> Outcome:
        """Send a command that has to be accepted."""
        outcome = await self.door.send(type_, data, timeout=SECONDS, **where)
        assert outcome.status == "accepted", outcome
        return outcome

    async def asks(self, service: str, name: str, **asked: Any) -> Doc:
        """The answer to a query about omantel."""
        answered = await self.door.query(service, name, asked, organization=ORGANIZATION)
        found: Doc = answered.result
        return found

    async def sees(
        self,
        kinds: str,
        name: str,
        holds: Callable[[Doc], object],
        owner: str | None = ORGANIZATION,
    ) -> Doc:
        """The row once something holds of it."""
        last: Doc = {}
        watch = self.door.watch(kinds, name=name, organization=owner)
        try:
            async with asyncio.timeout(SECONDS), aclosing(watch.changes()) as changes:
                async for change in changes:
                    last = change.row.doc if isinstance(change, Put) else {}
                    if last and holds(last):
                        return last
        except TimeoutError:
            pytest.fail(f"{kinds}/{name} is still {last}")
        raise AssertionError("the stream ended")

    async def applies(self, change: str, **request: Any) -> Doc:
        """Plan and apply by the plan's hash, as `change`; returns the plan."""
        asked = {"application": SHOP, "environment": PLACE, **request}
        plan = await self.asks("provisioning", "plan", **asked)
        assert not plan["blocked_by"], plan
        body = {part: plan[part] for part in ("request", "hash", "inputs", "expires")}
        await self.does("provisioning.apply-plan.v1", body, organization=ORGANIZATION, id=change)
        return plan


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(stack: Stack) -> AsyncIterator[Person]:
    """Whoever runs the installation."""
    access = await asyncio.to_thread(stack.access)
    async with over_http(access.http, token=access.token) as door:
        yield Person(door)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sara(stack: Stack) -> AsyncIterator[Person]:
    """The owner of omantel."""
    access = await asyncio.to_thread(stack.access, SARA, "billing-admin")
    async with over_http(access.http, token=access.token) as door:
        yield Person(door)


async def test_a_source_of_ones_own_fills_the_catalogue(
    stack: Stack, admin: Person, tmp_path: Path
) -> None:
    market.write(tmp_path / "market", market.FIRST)
    await asyncio.to_thread(stack.compose, "cp", str(tmp_path / "market"), SOURCES)

    source = {"kind": "directory", "location": "market", "branch": "main", "folder": ""}
    await admin.does(
        "blueprint.add-source.v1",
        {**source, "origin": "public", "interval": "1h"},
        organization=None,
        aggregate="source",
        id="market",
    )
    read = await admin.sees("sources", "market", lambda doc: doc["status"] != "reading", None)
    assert (read["status"], read["versions"], read["bad"]) == ("ready", 1, 0), read


async def test_an_owner_has_credit_and_finds_the_blueprint_with_its_price(
    admin: Person, sara: Person
) -> None:
    organization = {
        "display_name": "Omantel",
        "kind": "customer",
        "tier": "sme",
        "billing_mode": "real",
        "sovereign_ref": "cloud.example",
        "owners": [{"email": SARA, "role": "owner"}],
    }
    environment = {
        "env_type": "prod",
        "placement": "single-region",
        "regions": [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}],
    }
    await admin.does("environment.create-organization.v1", organization, organization=ORGANIZATION)
    await sara.sees("organizations", ORGANIZATION, lambda doc: doc["phase"] == "ready")
    await sara.does(
        "environment.create-environment.v1", environment, organization=ORGANIZATION, id=PLACE
    )
    await sara.does(
        "billing.apply-price-book.v1",
        {"document": market.PRICES},
        organization=None,
        id="default",
    )
    drawn = (await admin.door.query("billing", "voucher-code", {}, organization=None)).result
    voucher = {
        "amount": {"currency": "OMR", "minor": CREDIT},
        "cap": 1,
        "description": "Welcome",
        "code": drawn["code"],
    }
    await admin.does(
        "billing.issue-voucher.v1",
        voucher,
        organization=None,
        aggregate="voucher",
        id=drawn["voucher"],
    )
    await sara.does(
        "billing.redeem-voucher.v1",
        {"code": drawn["code"]},
        organization=ORGANIZATION,
        aggregate="redemption",
        id="welcome",
    )
    await sara.sees("accounts", ORGANIZATION, lambda doc: _balance(doc)["credit"] == CREDIT)

    async def priced() -> bool:
        found = await sara.asks("catalog", "search", text="shop")
        cards = [card for card in found["items"] if card["name"] == market.BLUEPRINT]
        return [one["text"] for card in cards for one in card.get("price") or ()] == ["2.500 OMR"]

    # The index may be a moment behind source and book.
    await until(priced, SECONDS)


async def test_an_install_whose_workers_are_killed_is_carried_out_and_paid_once(
    stack: Stack, sara: Person
) -> None:
    # Nobody says what runs, so the change is not over when its workers die.
    await asyncio.to_thread(stack.compose, "kill", "simulator")
    plan = await sara.applies("install-shop", action="install", blueprint=market.BLUEPRINT)
    assert plan["price"]["quote"]["due"] == {"currency": "OMR", "minor": DUE}
    assert [one["blueprint"] for one in plan["dependencies"]] == ["bp-postgres"]
    await asyncio.to_thread(stack.compose, "kill", *KILLED)
    before = await sara.sees("changes", "install-shop", lambda doc: doc["status"])
    assert before["status"] == "running", before
    await asyncio.to_thread(stack.up)

    done = await sara.sees("changes", "install-shop", lambda doc: doc["finished"])
    assert (done["status"], done["percent"], done["undone"]) == ("completed", 100, []), done
    shop = await sara.sees("applications", SHOP, lambda doc: _health(doc) == "healthy")
    assert [binding["health"]["source"] for binding in shop["bindings"]] == ["simulator"]
    account = await sara.sees("accounts", ORGANIZATION, lambda doc: not doc["holds"])
    assert _balance(account)["credit"] == CREDIT - DUE
    captured = [entry for entry in account["ledger"] if entry["kind"] == "hold-captured"]
    assert len(captured) == 1
    assert _balance(account)["revenue"] == DUE
    # What runs is what was committed, once.
    log = await sara.door.list("changes", organization=ORGANIZATION)
    assert [row.doc["commits"].keys() for row in log.rows] == [{SHOP, *_needed(plan)}]


async def test_what_a_meter_reports_twice_is_counted_once(access: Access, sara: Person) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    uses = [_orders(number, quantity) for number, quantity in enumerate(ORDERS)]
    last = _orders(len(ORDERS), LAST)

    broker = await nats.connect(access.nats, user=access.user, password=access.password)
    try:
        for use in uses:
            stored = await broker.jetstream().publish(f"use.{ORGANIZATION}.till", use)
            assert stored.stream == "USE"
    finally:
        await broker.close()
    # The same ones again by the other way in, and a last one: once it counts, they came twice.
    told = await sara.door.calls.ask(
        "POST",
        "/v1/usage",
        query={"organization": ORGANIZATION},
        body=b"[" + b",".join([*uses, last]) + b"]",
        media_type="application/cloudevents-batch+json",
    )
    assert json.loads(told.content) == {"accepted": len(uses) + 1}

    used = await sara.sees("usage", month, lambda doc: doc["uses"] > len(ORDERS))
    assert (used["uses"], used["unmatched_count"]) == (len(ORDERS) + 1, 0), used


async def test_a_newer_version_is_upgraded_to_and_rolled_back(
    stack: Stack, admin: Person, sara: Person, tmp_path: Path
) -> None:
    market.write(tmp_path / "market", market.NEXT)
    await asyncio.to_thread(stack.compose, "cp", str(tmp_path / "market"), SOURCES)
    await admin.does(
        "blueprint.sync-source.v1", {}, organization=None, aggregate="source", id="market"
    )
    await admin.sees("sources", "market", lambda doc: doc["versions"] == 2, None)

    async def offered() -> bool:
        found = await sara.asks("catalog", "versions", blueprint=market.BLUEPRINT)
        return market.NEXT in {one["version"] for one in found["versions"]}

    await until(offered, SECONDS)
    for action, version in (("upgrade", market.NEXT), ("rollback", market.FIRST)):
        plan = await sara.applies(f"{action}-shop", action=action)
        assert plan["price"] is None
        done = await sara.sees("changes", f"{action}-shop", lambda doc: doc["finished"])
        assert done["status"] == "completed", done
        await sara.sees("applications", SHOP, functools.partial(_runs, version=version))
    account = await sara.sees("accounts", ORGANIZATION, lambda doc: not doc["holds"])
    assert _balance(account)["credit"] == CREDIT - DUE


async def test_the_month_is_invoiced_explained_and_made_again_from_the_log(sara: Person) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    await sara.does(
        "billing.finalize-invoice.v1",
        {"month": month},
        organization=ORGANIZATION,
        aggregate="account",
        id=ORGANIZATION,
    )
    invoice = await sara.sees("invoices", month, lambda doc: doc["number"])

    (amounts,) = invoice["amounts"]
    sums = {name: amounts[name]["minor"] for name in ("total", "prepaid", "credit", "open")}
    assert sums == {"total": DUE + USED, "prepaid": DUE, "credit": USED, "open": 0}
    lines = {(line["kind"], line["subscription"]): line for line in invoice["lines"]}
    assert {place for _, place in lines} == {f"{SHOP}.{PLACE}", f"postgres.{PLACE}"}
    for line in lines.values():
        found = await sara.asks("billing", "explain", invoice=month, line=line["line"])
        assert (found["line"], found["count"]) == (line, len(found["events"]))
        assert found["price_book_seq"]
        if line["kind"] != "usage":
            assert found["events"]
            continue
        assert [one["use"]["quantity"] for one in found["events"]] == [*ORDERS, LAST]
    replayed = await sara.asks("billing", "replay", invoice=month)
    assert replayed["same"] is True


async def test_it_is_uninstalled_by_plan_and_costs_nothing_from_then_on(sara: Person) -> None:
    await sara.applies("remove-shop", action="uninstall")

    done = await sara.sees("changes", "remove-shop", lambda doc: doc["finished"])
    assert done["status"] == "completed", done
    await sara.sees("applications", SHOP, lambda doc: not doc["bindings"])
    place = f"{SHOP}.{PLACE}"
    await sara.sees("accounts", ORGANIZATION, lambda doc: place not in doc["subscriptions"])


def _orders(number: int, quantity: int) -> bytes:
    """Return a meter's message: so many orders."""
    data = {"meter": "orders", "quantity": quantity}
    return metering.message(f"o-{number}", datetime.now(UTC), subject=f"{SHOP}.{PLACE}", data=data)


def _balance(account: Doc) -> Doc:
    found: list[Doc] = [one for one in account["balances"] if one["currency"] == "OMR"]
    return found[0] if found else {"credit": 0, "revenue": 0}


def _needed(plan: Doc) -> set[str]:
    return {one["application"] for one in plan["dependencies"]}


def _health(application: Doc) -> str:
    found = [one for one in application["bindings"] if one["environment"] == PLACE]
    return str(found[0]["health"]["status"]) if found else ""


def _runs(application: Doc, version: str) -> bool:
    """Return whether this version is what was wanted, and what is healthy."""
    (found,) = application["bindings"]
    marks = (found["applied"]["status"], found["health"]["status"])
    return found["desired"]["version"] == version and marks == ("current", "healthy")
