"""A running worker for tests, and a plain sender that knows subjects and JSON alone."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis import ids, outcome
from catalyst.chassis.jetstream import consume, lock
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Broker, Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.lease import Lease
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.service import Aggregate, Service, on
from catalyst.chassis.telemetry import Telemetry
from catalyst.chassis.tokens import Verifier
from catalyst.chassis.worker import Worker
from catalyst.contracts import environment_v1, registry
from catalyst.contracts import topology as contract
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import PLATFORM, Ref
from catalyst.environment_controller.domain import organization, registration

if TYPE_CHECKING:
    # Processes of tests that run a worker load none of it.
    import pytest

DEADLINE_SECONDS = 60.0

ORGANIZATIONS = Service(
    name="environment",
    aggregates=(
        Aggregate(
            name="organization",
            initial=organization.Organization(),
            evolve=organization.evolve,
        ),
    ),
    rules=(
        on(
            environment_v1.CreateOrganization,
            "organization",
            registration.create,
            registration.reads_create,
        ),
        on(environment_v1.ChangeOwners, "organization", registration.change_owners),
        on(
            environment_v1.UpdateOrganization,
            "organization",
            registration.update,
            registration.reads_update,
        ),
        on(environment_v1.SuspendOrganization, "organization", organization.suspend),
        on(environment_v1.ResumeOrganization, "organization", organization.resume),
    ),
)
"""Organizations alone, without processes and effects."""


class FreeLease(Lease):
    """A lease that everybody holds."""

    @override
    async def acquire(self) -> None:
        return

    @override
    async def keep(self) -> None:
        await asyncio.Event().wait()

    @override
    async def release(self) -> None:
        return


def deliver_again_after(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the broker wait less long for a worker that died, and workers renew as much earlier."""
    made = contract._durable

    def hurried(*args: Any, **more: Any) -> contract.Consumer:
        return made(*args, **more, ack_wait=round(seconds * contract.SECOND))

    def changed(consumer: contract.Consumer) -> contract.Consumer:
        config = {**consumer.config, "ack_wait": round(seconds * contract.SECOND)}
        return msgspec.structs.replace(consumer, config=config)

    monkeypatch.setattr(contract, "_durable", hurried)
    monkeypatch.setattr(contract, "CONSUMERS", tuple(map(changed, contract.CONSUMERS)))
    monkeypatch.setattr(lock, "HELD_SECONDS", round(seconds))
    monkeypatch.setattr(lock, "RENEW_SECONDS", seconds / 5)
    monkeypatch.setattr(consume, "RENEW_SECONDS", seconds / 5)
    monkeypatch.setattr(consume, "_TICK_SECONDS", seconds / 10)


def acme(**changes: Any) -> dict[str, Any]:
    """Return the data of a valid `create-organization`."""
    return {
        "display_name": "Acme",
        "kind": "customer",
        "tier": "sme",
        "billing_mode": "real",
        "sovereign_ref": "cloud.example.org",
        "owners": [{"email": "ann@example.org", "role": "owner"}],
        **changes,
    }


@dataclass(frozen=True)
class Sender:
    """Publishes commands as any program would, and reads outcomes back."""

    js: JetStream

    async def send(
        self,
        type_: str,
        aggregate_id: str,
        data: Mapping[str, Any] | None = None,
        *,
        organization: str | None = None,
        command_id: str | None = None,
        aggregate: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Publish one command to its service; return its id. The platform is `_`."""
        service, _, rest = type_.partition(".")
        name, version = rest.rsplit(".v", 1)
        kind = aggregate or registry.BY_TYPE[type_].aggregates[0]
        owner = None if organization == PLATFORM else organization or aggregate_id
        ref = Ref(owner, service, kind, aggregate_id)
        found = command_id or ids.command_id()
        body = {
            "specversion": "1.0",
            "id": found,
            "source": "test",
            "type": type_,
            "data": data or {},
        }
        message = Outgoing(
            ref.command(name, int(version)), msgspec.json.encode(body), headers or {}
        )
        await self.js.publish(message)
        return found

    async def outcome(self, organization: str, command_id: str) -> Outcome:
        """Return the recorded outcome, waiting for it until a deadline. The platform is `_`."""
        owner = None if organization == PLATFORM else organization
        pause = 0.005
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                found = await outcome.find(self.js, owner, command_id, "log")
                if found is not None:
                    return found
                await asyncio.sleep(pause)
                # Hundreds that wait at once would ask more than the workers have to do.
                pause = min(pause * 1.6, 0.2)


def runtime(
    js: JetStream,
    *,
    broker: Broker | None = None,
    keys: KeyRing | None = None,
    require_tokens: bool = False,
    service: str = "environment",
) -> Runtime:
    """Return what a worker of a test stands on; nobody needs a token, unless told so."""
    return Runtime(
        js=js,
        broker=broker or js,
        verifier=_trusting(keys) if keys is not None else None,
        token=keys.service(service).service if keys is not None else _no_token,
        member=ids.member_id("test"),
        require_tokens=require_tokens,
        telemetry=Telemetry("test"),
    )


@functools.lru_cache(maxsize=32)
def _trusting(keys: KeyRing) -> Verifier:
    """Return the verifier of a ring, whose keys stay: workers are started many times with it."""
    return keys.verifier()


def _no_token() -> str:
    return ""


@asynccontextmanager
async def working(
    js: JetStream,
    service: Service = ORGANIZATIONS,
    *,
    broker: Broker | None = None,
    keys: KeyRing | None = None,
    require_tokens: bool = False,
) -> AsyncIterator[Worker]:
    """Run a worker for the block, and drain it at the end."""
    standing = runtime(
        js, broker=broker, keys=keys, require_tokens=require_tokens, service=service.name
    )
    async with running(Worker(service, standing)) as worker:
        yield worker


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """Run a worker for the block, from when it takes messages, and drain it at the end."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(worker.run())
        ready = tasks.create_task(worker.active.wait())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield worker
        finally:
            ready.cancel()
            worker.stop()
            await task


async def take_and_return(js: JetStream, stream: str, durable: str, number: int) -> None:
    """Take so many messages of a durable and give them back, as whoever dies over them does."""
    taken: list[bytes] = []
    inbox = js.link.new_inbox()
    sid = await js.link.tap(inbox, lambda raw: taken.append(raw.reply))
    asked = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable} {inbox} "
    body = b'{"batch":%d}' % number
    await js.link.send(f"PUB {asked}{len(body)}\r\n".encode() + body + b"\r\n")
    await until(lambda: len(taken) == number)
    for reply in taken:
        await js.link.send(b"PUB %b 4\r\n-NAK\r\n" % reply)
    await js.link.untap(sid)
