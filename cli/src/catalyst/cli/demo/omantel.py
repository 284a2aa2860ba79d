"""The chapter of a small business: a catalogue, credit, a plan, a change, a month, and back.

Nothing of it runs in a cluster: a worker says of what is committed what a cluster would say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from catalyst.cli.demo.burst import Kill, fresh_id
from catalyst.cli.demo.month import Month
from catalyst.cli.demo.rows import Doc, until
from catalyst.cli.demo.screen import Screen
from catalyst.cli.following import OVER
from catalyst.cli.installation import OPERATOR_EMAIL, Installation
from catalyst.cli.kinds import money
from catalyst.client.http_transport import HttpClient, over_http
from catalyst.contracts import roles

ORGANIZATION: Final = "omantel"
ENVIRONMENT: Final = "omantel-prod"
"""Of the chapters before; it has no policy, so nobody has to approve."""
APPLICATION: Final = "blog"
PLACE: Final = f"{APPLICATION}.{ENVIRONMENT}"
BLUEPRINT: Final = "bp-wordpress"
VERSION: Final = "1.0.1"
"""What is installed: not the newest, so that there is one to upgrade to."""
CREDIT: Final = 20_000
"""What the voucher is worth, in thousandths of a rial."""
BILLING_EMAIL: Final = "billing@localhost"
TITLE: Final = "A small business, from the catalogue to its invoice (its cluster is simulated)"
LEFT_OUT: Final = "an Application is installed, paid for, upgraded, invoiced and uninstalled"
PRICES: Final = """\
book: main
version: "2026-01"
from: 2026-01-01
currencies: [OMR]
packages:
  s: {name: Small, month: {OMR: "5.000"}}
blueprints:
  bp-mariadb: {name: MariaDB, month: {OMR: "1.500"}}
  bp-postgres: {name: Postgres, month: {OMR: "1.500"}}
  bp-wiki: {name: Wiki, month: {OMR: "1.000"}}
  bp-wordpress: {name: WordPress, month: {OMR: "1.500"}}
usage:
  storage:
    name: Storage
    unit: GiB-hour
    aggregation: sum
    formula: graduated
    steps:
      - {up_to: 7300, price: {OMR: "0"}}
      - {up_to: 730000, price: {OMR: "0.000040"}}
      - {price: {OMR: "0.000030"}}
"""
_SEARCHES: Final = 100
_PAUSE_SECONDS: Final = 0.1
_TOKEN_LIFE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The HTTP door, opened by each of the three who act."""

    sovereign: HttpClient
    billing: HttpClient
    owner: HttpClient
    """The Organization's owner, and nothing beyond that."""


@asynccontextmanager
async def opened(installation: Installation, url: str) -> AsyncIterator[Doors]:
    """Open the door at `url` with tokens that the installation's own key signs."""
    people = installation.keys.people()
    billing = people.person(BILLING_EMAIL, [roles.BILLING_ADMIN], _TOKEN_LIFE)
    owner = people.person(OPERATOR_EMAIL, [], _TOKEN_LIFE)
    async with (
        over_http(url, token=installation.token()) as one,
        over_http(url, token=billing) as two,
        over_http(url, token=owner) as three,
    ):
        yield Doors(sovereign=one, billing=two, owner=three)


@dataclass(slots=True, kw_only=True)
class Business:
    """One run of the chapter."""

    screen: Screen
    doors: Doors
    kill_changes: Kill
    """Kills the worker that carries out changes."""
    kill_books: Kill
    """Kills the worker that keeps the books."""
    commands: int = 0

    async def tell(self) -> None:
        """Run every step, in order; unless the change completes, the rest cannot be told."""
        self.screen.step(TITLE)
        self.screen.line("no cluster runs here: what is said to be healthy, a simulator says")
        await self.prices()
        await self.catalogue()
        await self.voucher()
        plan = await self.plan()
        if await self.install(plan):
            await self.seen()
            await self.paid(plan)
            await self.upgrade()
            await self.month(_due(plan))
            await self.uninstall()

    async def prices(self) -> None:
        """A billing-admin says what a month costs."""
        sent = await self.doors.billing.send(
            "billing.apply-price-book.v1", {"document": PRICES}, organization=None, id="default"
        )
        self.commands += 1
        self.screen.prove(
            "a billing-admin applies the price book",
            held=sent.status == "accepted",
            detail=sent.code or f"sequence {sent.seq}",
        )

    async def voucher(self) -> None:
        """A voucher is issued by the sovereign and redeemed by the Organization's owner."""
        answered = await self.doors.sovereign.query(
            "billing", "voucher-code", {}, organization=None
        )
        drawn = answered.result
        amount = {"currency": "OMR", "minor": CREDIT}
        issued = await self.doors.sovereign.send(
            "billing.issue-voucher.v1",
            {"amount": amount, "cap": 1, "description": "Welcome", "code": drawn["code"]},
            organization=None,
            aggregate="voucher",
            id=drawn["voucher"],
        )
        redeemed = await self.doors.owner.send(
            "billing.redeem-voucher.v1",
            {"code": drawn["code"]},
            organization=ORGANIZATION,
            aggregate="redemption",
            id=fresh_id("welcome"),
        )
        self.commands += 2
        account = await self._until("accounts", ORGANIZATION, lambda doc: _credit(doc) > 0)
        self.screen.prove(
            "a voucher is issued, and its owner's Organization has the credit",
            held=issued.status == redeemed.status == "accepted" and _credit(account) == CREDIT,
            detail=f"{drawn['prefix']} gave {money('OMR', _credit(account))}",
        )

    async def catalogue(self) -> None:
        """What is found has a price of the book that was just applied."""
        card, price = await self._card("wiki")
        self.screen.prove(
            "the catalogue is searched for `wiki`, and what it finds has its price",
            held=card.get("name") == "bp-wiki" and price == "1.000 OMR",
            detail=f"{card.get('name', 'nothing')}, {price or 'no price'} a month",
        )

    async def _card(self, text: str) -> tuple[Doc, str]:
        """Search until the best hit has a price: the index may be a moment behind the book."""
        card: Doc = {}
        for _ in range(_SEARCHES):
            found = await self.doors.owner.query(
                "catalog", "search", {"text": text}, organization=ORGANIZATION
            )
            card = next(iter(found.result["items"]), {})
            if card.get("price"):
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        return card, ", ".join(one["text"] for one in card.get("price") or ())

    async def plan(self) -> Doc:
        """What an installation would do and cost; nothing is done yet."""
        asked = {"action": "install", "blueprint": BLUEPRINT, "version": VERSION}
        plan = await self._planned(asked)
        page = await self.doors.owner.list("applications", organization=ORGANIZATION)
        needs = [one["application"] for one in plan["dependencies"]]
        self.screen.prove(
            "a plan says price, dependencies and hash, and changes nothing",
            held=_due(plan) == 3_000 and needs == ["mariadb"] and not page.rows
            and not plan["blocked_by"],
            detail=f"{BLUEPRINT} {VERSION} with {', '.join(needs)}, {money('OMR', _due(plan))}, "
            f"hash {plan['hash'][:12]}",
        )  # fmt: skip
        return plan

    async def install(self, plan: Doc) -> bool:
        """The plan is applied, and the worker killed while its change runs."""
        change = await self._applied(plan)
        running = await self._until("changes", change, lambda doc: doc["percent"] > 0)
        killed = await self.kill_changes()
        self.screen.line(f"killed {killed}; the change was at {running.get('percent', 0)} % then")
        done = await self._over(change)
        steps = [step["step"] for step in done.get("steps", ()) if step["status"] == "done"]
        completed = done.get("status") == "completed"
        self.screen.prove(
            "a change whose worker is killed with SIGKILL goes on and completes",
            held=running.get("status") == "running" and completed,
            detail=", ".join(steps) or str(done.get("reason", "")),
        )
        return completed

    async def seen(self) -> None:
        """The Application is healthy, and its row says that a simulator says so."""
        doc = await self._until("applications", APPLICATION, lambda doc: _health(doc) == "healthy")
        sources = [binding["health"]["source"] for binding in doc.get("bindings", ())]
        self.screen.prove(
            "the Application is healthy, and it says who saw that",
            held=_health(doc) == "healthy" and sources == ["simulator"],
            detail=f"{APPLICATION} in {ENVIRONMENT}, source: {', '.join(sources)}",
        )

    async def paid(self, plan: Doc) -> None:
        """What was taken is what was quoted, once, although the worker died in between."""
        due = _due(plan)
        account = await self._until("accounts", ORGANIZATION, _captured)
        taken = _captured(account)
        balance = _balance(account)
        self.screen.prove(
            "the credit that was captured is the quote, captured once",
            held=taken == [due] and _credit(account) == CREDIT - due and balance["held"] == 0,
            detail=f"{money('OMR', sum(taken))} of {money('OMR', CREDIT)}, "
            f"{money('OMR', _credit(account))} left",
        )

    async def upgrade(self) -> None:
        """A newer version of the Blueprint takes the place of the one that runs."""
        plan = await self._planned({"action": "upgrade"})
        done = await self._over(await self._applied(plan))
        doc = await self._until("applications", APPLICATION, _is_newer_and_well)
        version = _version(doc)
        self.screen.prove(
            "it is upgraded to a newer version, costs nothing more, and is healthy in that",
            held=done.get("status") == "completed" and plan["price"] is None
            and _is_newer_and_well(doc),
            detail=f"{BLUEPRINT} {VERSION} to {version or 'nothing'}",
        )  # fmt: skip

    async def month(self, ordered: int) -> None:
        """The month is charged; what was used is taken from what the voucher gave."""
        month = Month(
            screen=self.screen,
            billing=self.doors.billing,
            owner=self.doors.owner,
            organization=ORGANIZATION,
            place=PLACE,
            kill=self.kill_books,
        )
        taken = await month.tell(ordered)
        self.commands += month.commands
        left = CREDIT - ordered - taken
        account = await self._until("accounts", ORGANIZATION, lambda doc: _credit(doc) == left)
        self.screen.prove(
            "what is left of the voucher is what was neither ordered nor used",
            held=taken > 0 and _credit(account) == left,
            detail=f"{money('OMR', _credit(account))} left",
        )

    async def uninstall(self) -> None:
        """The way back is a plan, too."""
        plan = await self._planned({"action": "uninstall"})
        done = await self._over(await self._applied(plan))
        application = await self._until(
            "applications", APPLICATION, lambda doc: not doc["bindings"]
        )
        account = await self._until(
            "accounts", ORGANIZATION, lambda doc: PLACE not in doc["subscriptions"]
        )
        self.screen.prove(
            "it is uninstalled by plan and apply, and costs nothing from then on",
            held=done.get("status") == "completed"
            and application.get("bindings") == []
            and PLACE not in account.get("subscriptions", [PLACE]),
            detail=f"{done.get('status', 'not over')}, {done.get('percent', 0)} %",
        )

    async def _planned(self, asked: Mapping[str, str]) -> Doc:
        whole = {"application": APPLICATION, "environment": ENVIRONMENT, **asked}
        answered = await self.doors.owner.query(
            "provisioning", "plan", whole, organization=ORGANIZATION
        )
        plan: Doc = answered.result
        return plan

    async def _applied(self, plan: Doc) -> str:
        """Send a plan back as it was shown; return the change that carries it out."""
        change = fresh_id("ch")
        sent = await self.doors.owner.send(
            "provisioning.apply-plan.v1",
            {part: plan[part] for part in ("request", "hash", "inputs", "expires")},
            organization=ORGANIZATION,
            id=change,
        )
        self.commands += 1
        self.screen.prove(
            f"the plan to {plan['request']['action']} {APPLICATION} is applied by its hash",
            held=sent.status == "accepted",
            detail=sent.code or f"hash {plan['hash'][:12]}",
        )
        return change

    async def _over(self, change: str) -> Doc:
        return await self._until("changes", change, lambda doc: doc["status"] in OVER)

    async def _until(self, kinds: str, name: str, holds: Callable[[Doc], object]) -> Doc:
        return await until(self.doors.owner, ORGANIZATION, kinds, name, holds)


def _due(plan: Doc) -> int:
    due: int = plan["price"]["quote"]["due"]["minor"]
    return due


def _balance(account: Doc) -> Doc:
    balances = [one for one in account.get("balances", ()) if one["currency"] == "OMR"]
    return balances[0] if balances else {"credit": 0, "held": 0}


def _credit(account: Doc) -> int:
    credit: int = _balance(account)["credit"]
    return credit


def _captured(account: Doc) -> list[int]:
    """Return what each capture took to the revenue."""
    return [
        posting["amount"]["minor"]
        for entry in account.get("ledger", ())
        if entry["kind"] == "hold-captured"
        for posting in entry["postings"]
        if posting["account"] == "revenue"
    ]


def _health(application: Doc) -> str:
    found = [one for one in application.get("bindings", ()) if one["environment"] == ENVIRONMENT]
    return str(found[0]["health"]["status"]) if found else ""


def _version(application: Doc) -> str:
    """Return what is to run, and is what was applied."""
    found = [one for one in application.get("bindings", ()) if one["environment"] == ENVIRONMENT]
    if not found or not found[0]["desired"] or found[0]["applied"]["status"] != "current":
        return ""
    return str(found[0]["desired"]["version"])


def _is_newer_and_well(application: Doc) -> bool:
    return _version(application) not in {"", VERSION} and _health(application) == "healthy"
