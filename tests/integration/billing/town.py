"""Organizations with accounts, decided by the real workers of environment and billing."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support import billing
from tests.support.rig import Sender, acme, working
from tests.support.waiting import until

from catalyst.billing import handlers
from catalyst.billing.domain import account
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Broker
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec, roles
from catalyst.contracts.message import Command, Outcome
from catalyst.contracts.registry import BY_SHAPE

OWNER, ROOT, CASHIER = "ann@example.org", "root@example.org", "cash@example.org"


@dataclass(frozen=True)
class Town:
    """What runs, and who may speak."""

    js: JetStream
    keys: KeyRing
    worker: Worker
    """Billing's."""

    def _token(self, by: str) -> str:
        people = self.keys.people()
        platform = {ROOT: [roles.SOVEREIGN_ADMIN], CASHIER: [roles.BILLING_ADMIN]}
        if by in {"provisioning", "billing"}:
            return self.keys.service(by).service()
        return people.person(by, platform.get(by, []))

    async def send(
        self, command: Command, organization: str, name: str = "", *, by: str = OWNER
    ) -> str:
        """Publish a command; return its id."""
        data: Mapping[str, Any] = codec.decode(codec.encode(command), dict[str, Any], "x")
        return await Sender(self.js).send(
            BY_SHAPE[type(command)].type,
            name or organization,
            data,
            organization=organization,
            headers={"Authorization": f"Bearer {self._token(by)}"},
        )

    async def ask(
        self, command: Command, organization: str, name: str = "", *, by: str = OWNER
    ) -> Outcome:
        """Send a command and return its outcome."""
        sent = await self.send(command, organization, name, by=by)
        return await Sender(self.js).outcome(organization, sent)

    async def state(self, ref: Any) -> Any:
        """Return an aggregate as the log has it."""
        return await self.worker.states.state(ref)

    async def found(self, slugs: Iterable[str]) -> None:
        """Create Organizations and wait for their accounts."""
        sender = Sender(self.js)
        root = {"Authorization": f"Bearer {self._token(ROOT)}"}
        data = acme(owners=[{"email": OWNER, "role": "owner"}])
        names = list(slugs)
        sent = [
            await sender.send("environment.create-organization.v1", slug, data, headers=root)
            for slug in names
        ]
        for slug, command in zip(names, sent, strict=True):
            assert (await sender.outcome(slug, command)).status == "accepted"

        async def opened() -> bool:
            while names and (await self.state(account.ref_of(names[-1]))).status == "open":
                names.pop()
            return not names

        await until(opened)


async def accepted(outcomes: Iterable[Any]) -> list[Outcome]:
    """Return what all of these gave, once they have."""
    return list(await asyncio.gather(*outcomes))


@asynccontextmanager
async def billing_worker(
    js: JetStream, keys: KeyRing, broker: Broker | None = None
) -> AsyncIterator[Worker]:
    """Run billing alone, for the block."""
    service = handlers.service(Asked(js, keys.service("billing").service))
    async with working(js, service, keys=keys, broker=broker) as worker:
        yield worker


@asynccontextmanager
async def town(js: JetStream, keys: KeyRing) -> AsyncIterator[Town]:
    """Run environment and billing for the block, with a price book in force."""
    async with working(js, keys=keys), billing_worker(js, keys) as worker:
        found = Town(js, keys, worker)
        book = bill1.ApplyPriceBook(document=billing.TEXT)
        done = await found.ask(book, "_", "default", by=CASHIER)
        assert done.status == "accepted", done
        yield found
