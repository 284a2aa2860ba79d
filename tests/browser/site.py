"""The stack as a test sees it: its address, tokens for anybody, and a way to change things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.support.clients import plain
from tests.support.waiting import until

from catalyst.cli.contexts import Context
from catalyst.cli.installation import Installation
from catalyst.contracts.roles import BILLING_ADMIN, SOVEREIGN_ADMIN


class Site:
    """A stack that runs."""

    def __init__(
        self, installation: Installation, context: Context, http: httpx.AsyncClient
    ) -> None:
        self.installation = installation
        self.context = context
        self.address = context.http
        self.admin = self.token("admin@localhost", [SOVEREIGN_ADMIN, BILLING_ADMIN])
        """Token of the local sovereign-admin, who keeps the books as well."""
        self._http = http

    @classmethod
    @asynccontextmanager
    async def reaching(cls, installation: Installation, context: Context) -> AsyncIterator["Site"]:
        """Reach a stack for the block."""
        async with plain(base_url=context.http, timeout=30) as http:
            yield cls(installation, context, http)

    def token(
        self, email: str, roles: list[str] | None = None, ttl: timedelta = timedelta(hours=1)
    ) -> str:
        """Return a token of a person."""
        return self.installation.keys.people().person(email, roles or [], ttl)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask without a token, as anybody."""
        return await self._http.get(path, **options)

    async def send(
        self, name: str, organization: str, data: dict[str, Any], **query: str
    ) -> dict[str, Any]:
        """Send a command as the sovereign-admin; returns its outcome, which must be accepted."""
        return await self.command(f"environment.{name}.v1", organization, data, **query)

    async def command(
        self,
        message: str,
        organization: str,
        data: dict[str, Any],
        *,
        token: str = "",
        **query: str,
    ) -> dict[str, Any]:
        """Send a command of any service, likewise; or as whoever `token` is of."""
        answer = await self._http.post(
            f"/v1/commands/{message}",
            params={"organization": organization, **query},
            json=data,
            headers={"Authorization": f"Bearer {token or self.admin}", "Prefer": "wait=20"},
        )
        outcome: dict[str, Any] = answer.json()
        assert outcome.get("status") == "accepted", outcome
        return outcome

    async def ask(self, question: str, organization: str, data: dict[str, Any]) -> dict[str, Any]:
        """Ask a service, such as `billing/quote`, as the sovereign-admin; returns its result."""
        answer = await self._http.post(
            f"/v1/queries/{question}",
            params={"organization": organization},
            json=data,
            headers={"Authorization": f"Bearer {self.admin}"},
        )
        found: dict[str, Any] = answer.raise_for_status().json()["result"]
        return found

    async def until_offered(self) -> None:
        """Return once every version of the Blueprints that come along can be installed."""
        asked: dict[str, Any] = {
            "params": {"limit": 5000},
            "headers": {"Authorization": f"Bearer {self.admin}"},
        }

        async def offered() -> bool:
            answer = await self._http.get("/v1/state/sources,blueprints", **asked)
            docs: dict[str, list[dict[str, Any]]] = {"source": [], "blueprint": []}
            for row in answer.raise_for_status().json()["items"]:
                docs[row["key"].split(".")[2]].append(row["value"]["doc"])
            read = [doc for doc in docs["source"] if doc["kind"] == "built-in"]
            versions = [one for doc in docs["blueprint"] for one in doc["versions"]]
            there = [one for one in versions if one["source"] == "starter"]
            done = [one for one in there if one["status"] != "pending"]
            ready = [doc["versions"] for doc in read if doc["status"] == "ready"]
            return ready == [len(done)]

        await until(offered)

    async def apply_prices(self, book: str) -> None:
        """Put a price book in force."""
        where = {"aggregate": "price-book", "id": "default"}
        await self.command("billing.apply-price-book.v1", "_", {"document": book}, **where)

    async def install(
        self, slug: str, blueprint: str, name: str, *, change: str = "", **more: Any
    ) -> str:
        """Begin to install into `<slug>-prod` what a plan says; returns the name of the change."""
        about = {"action": "install", "application": name, "blueprint": blueprint}
        request = {**about, "values": {}, **more}
        return await self.apply(slug, change or f"ch-{slug}-{name}", **request)

    async def apply(self, slug: str, change: str, **request: Any) -> str:
        """Begin in `<slug>-prod` what a plan of a request says; returns the name of the change."""
        request = {"environment": f"{slug}-prod", **request}
        plan = await self.ask("provisioning/plan", slug, request)
        assert plan["blocked_by"] == [], plan["blocked_by"]
        data = {part: plan[part] for part in ("request", "hash", "inputs", "expires")}
        where = {"aggregate": "change", "id": change}
        await self.command("provisioning.apply-plan.v1", slug, data, **where)
        return where["id"]

    async def use(self, slug: str, application: str, meter: str, quantity: int, name: str) -> None:
        """Report that an Application of `<slug>-prod` used something."""
        message = {
            "specversion": "1.0",
            "id": name,
            "source": "tests",
            "type": "usage.reported.v1",
            "subject": f"{application}.{slug}-prod",
            "time": datetime.now(UTC).isoformat(),
            "data": {"meter": meter, "quantity": quantity},
        }
        answer = await self._http.post(
            "/v1/usage",
            params={"organization": slug},
            json=message,
            headers={
                "Authorization": f"Bearer {self.admin}",
                "Content-Type": "application/cloudevents+json",
            },
        )
        answer.raise_for_status()

    async def create(self, slug: str, **changes: Any) -> dict[str, Any]:
        """Create an Organization."""
        return await self.send("create-organization", slug, organization(**changes))

    async def rename(self, slug: str, name: str) -> dict[str, Any]:
        """Give an Organization another display name."""
        return await self.send("update-organization", slug, {"display_name": name})

    async def add_environment(
        self, slug: str, env_type: str = "prod", **changes: Any
    ) -> dict[str, Any]:
        """Create an Environment of an Organization."""
        regions = [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}]
        data = {"env_type": env_type, "placement": "single-region", "regions": regions, **changes}
        return await self.send("create-environment", slug, data, id=f"{slug}-{env_type}")


def organization(**changes: Any) -> dict[str, Any]:
    """The data of a command that creates an Organization."""
    return {
        "display_name": "A name",
        "kind": "customer",
        "tier": "sme",
        "billing_mode": "real",
        "sovereign_ref": "cloud.example",
        "owners": [{"email": "owner@example.com", "role": "owner"}],
        **changes,
    }
