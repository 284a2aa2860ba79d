"""A town with the real catalogue under provisioning's plans, and every starter Blueprint."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tests.integration.billing.town import CASHIER, OWNER
from tests.integration.billing.town import Town as Money
from tests.integration.provisioning import town as playing
from tests.integration.provisioning.town import PROD, settle, written
from tests.support import billing, planning, ranges, starters
from tests.support.rig import Sender, working

from catalyst.billing import handlers as billing_handlers
from catalyst.blueprint_controller.domain.spec import travelling
from catalyst.blueprints import document, package
from catalyst.catalog_svc import handlers as catalog_handlers
from catalyst.catalog_svc.adapters.content import StoredContents
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import BILLING_ADMIN
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller import handlers as environment_handlers
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning import handlers as provisioning_handlers
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.preparing import deletion
from catalyst.provisioning.queries import Planner

OURS = {name for name, _ in ranges.packages()}
FREE = "".join(
    f'  {name}: {{name: {name}, month: {{OMR: "0.000", USD: "0.00"}}}}\n'
    for name in sorted({starters.blueprint(one).name for one in starters.NAMES} | OURS)
    if f"{name.removeprefix('bp-')}:" not in billing.TEXT
)
SECRET = '  bp-secret: {name: Secret, month: {OMR: "9.000", USD: "23.00"}}\n'
BOOK = billing.TEXT.replace("usage:", f"{FREE}{SECRET}usage:")


@dataclass(frozen=True)
class Town:
    """Who may be asked."""

    js: JetStream
    keys: KeyRing
    money: Money
    provisioning: Worker
    planner: Planner

    async def ask(self, service: str, name: str, request: Any) -> Any:
        """Ask a question as a member of `acme`."""
        token = self.keys.people().person(OWNER, [])
        asked = Asked(self.js, lambda: token, timeout=15)
        return await asked.ask(service, name, 1, "acme", msgspec.to_builtins(request))

    async def quote(self, blueprint: str, by: str = OWNER) -> Any:
        """Return the total of what is quoted to a person, or why nothing is."""
        token = self.keys.people().person(by, [BILLING_ADMIN] if by == CASHIER else [])
        item = {"application": "a", "environment": PROD, "blueprint": blueprint}
        wanted = {"items": [item], "currency": "OMR"}
        try:
            asked = Asked(self.js, lambda: token, timeout=15)
            found = await asked.ask("billing", "quote", 1, "acme", wanted)
        except Rejected as refusal:
            return refusal.code, refusal.message, refusal.errors
        return found["total"]["minor"]

    async def plan(self, blueprint: str, **more: Any) -> Plan:
        """Return the plan of an install."""
        named = {"application": blueprint.removeprefix("bp-"), "blueprint": blueprint}
        return await self.change("install", **{**named, **more})

    async def change(self, action: str, **more: Any) -> Plan:
        """Return the plan of a change."""
        request = PlanRequest(action=action, environment=PROD, **more)  # type: ignore[arg-type]
        return msgspec.convert(await self.ask("provisioning", "plan", request), Plan)

    async def applied(self, name: str, found: Plan) -> str:
        """Apply a plan, and return why that is refused; empty: it is not."""
        back = {name: getattr(found, name) for name in ("hash", "inputs", "expires")}
        data = msgspec.to_builtins({"request": found.request, **back})
        sender = Sender(self.js)
        headers = {"Authorization": f"Bearer {self.keys.people().person(OWNER, [])}"}
        sent = await sender.send(
            "provisioning.apply-plan.v1", name, data, organization="acme", headers=headers
        )
        return (await sender.outcome("acme", sent)).code

    async def done(self, name: str, found: Plan) -> None:
        """Apply a plan, and let it be carried out."""
        assert await self.applied(name, found) == ""
        nobody = planning.Others()
        player = playing.Town(self.js, self.keys, self.money, self.provisioning, nobody)
        state = await player.through(name)
        assert state.status == "completed", state.reason


@asynccontextmanager
async def town(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    """Hold the services over a broker for the block, with every starter Blueprint registered."""
    keys = KeyRing.open(tmp_path / "keys")
    root = GitRoot(tmp_path / "git")
    objects = Objects(js)
    asking = Asked(js, keys.service("provisioning").service)
    planner = Planner(objects, asking, "OMR", "https://git.example")
    catalog = catalog_handlers.service(Tantivy, StoredContents(objects))
    async with AsyncExitStack() as stack:
        stack.callback(root.close)
        environment = environment_handlers.service(DulwichHome(root))
        for service in (environment, catalog):
            await stack.enter_async_context(working(js, service, keys=keys))
        asks = Asked(js, keys.service("billing").service)
        cash = await stack.enter_async_context(
            working(js, billing_handlers.service(asks), keys=keys)
        )
        provisioning = provisioning_handlers.service(planner, (deletion(asking),), ())
        worker = await stack.enter_async_context(working(js, provisioning, keys=keys))
        money = Money(js, keys, cash)
        book = bill1.ApplyPriceBook(document=BOOK)
        assert (await money.ask(book, "_", "default", by=CASHIER)).status == "accepted"
        await money.found(["acme"])
        await settle(js, keys, worker)
        await register(js, objects)
        yield Town(js, keys, money, worker, planner)


async def register(js: JetStream, objects: Objects) -> None:
    """Let every starter Blueprint be stored and published, and a shop with its store."""
    digests = await objects.put_all([raw for _, raw in _everything()])
    told = zip(_everything(), digests, strict=True)
    await js.batch([one for (found, raw), made in told for one in _events(js, found, raw, made)])


async def registered(
    js: JetStream, objects: Objects, made: package.Package, organization: str | None = None
) -> str:
    """Let a version be stored and published, whatever it holds; return its digest."""
    found, raw = _packed(made)
    digest = await objects.put(raw)
    await js.batch(_events(js, found, raw, digest, organization))
    return digest


@functools.cache
def _everything() -> tuple[tuple[document.Blueprint, bytes], ...]:
    """Read and pack them all, once: every town has the same."""
    made = (*map(starters.package, starters.NAMES), *ranges.packages().values())
    return tuple(map(_packed, made))


def _packed(made: package.Package) -> tuple[document.Blueprint, bytes]:
    found = document.read(made).blueprint
    assert found is not None
    return found, package.to_tar(made)


def _events(
    js: JetStream,
    found: document.Blueprint,
    raw: bytes,
    digest: str,
    organization: str | None = None,
) -> list[Outgoing]:
    """Return what is told of a version that is registered and published."""
    origin: bp1.Origin = "private" if organization else "public"
    ref = Ref(organization, "blueprint", "blueprint", f"{origin}-{found.name}")
    event = bp1.VersionRegistered(
        name=found.name,
        origin=origin,
        version=found.version,
        digest=digest,
        size=len(raw),
        spec=travelling(found),
        source="starter",
    )
    published = bp1.VersionPublished(name=found.name, origin=origin, version=found.version)
    return [written(js, ref, event), written(js, ref, published)]
