"""The whole system behind its HTTP door, on a broker with the generated permissions."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from tests.support.clients import plain
from tests.support.waiting import until

from catalyst.chassis import app as process
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.keyring import KeyRing
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User
from catalyst.contracts import permissions
from catalyst.contracts.permissions import Permissions
from catalyst.environment_controller import main as controller
from catalyst.environment_controller.settings import Settings as ControllerSettings
from catalyst.gateway import main as gateway
from catalyst.gateway.settings import Settings
from catalyst.projector import main as projector
from catalyst.projector.settings import Settings as ProjectorSettings

START_SECONDS = 30.0
ADMIN = "root@cloud.example"


def broker_user(name: str, rules: Permissions) -> User:
    return User(
        name,
        name,
        publish=rules.publish,
        subscribe=rules.subscribe,
        deny_publish=rules.deny_publish,
        responses=rules.responses,
    )


def guarded_broker(directory: Path, users: dict[str, Permissions]) -> BrokerProcess:
    """A broker on which nobody may do more than the contracts say; password = name."""
    accounts = [Account("CATALYST", [broker_user(name, rules) for name, rules in users.items()])]
    return BrokerProcess(
        BrokerSettings(
            directory=directory, accounts=accounts, sync_interval="10s", min_free_bytes=0
        )
    )


class Stack:
    """Every member in one thread of its own, each with its own user at the broker."""

    def __init__(self, directory: Path, *, apart: bool = False, **settings: Any) -> None:
        """Keep everything below `directory`; `settings` are the gateway's.

        With `apart` the gateway reaches the other members over HTTP, as in containers.
        """
        self._apart = apart
        self.directory = directory
        self.broker = guarded_broker(directory / "broker", dict(permissions.MEMBERS))
        self.keys = KeyRing.open(
            directory / "keys", services=("environment", "projector", "gateway", "provisioning")
        )
        self.url = ""
        self.inner: dict[str, Any] = {}
        """Addresses of the other members where they stand apart, as the gateway's settings."""
        self.gateway: gateway.Gateway | None = None
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stack")

    def start(self) -> None:
        asyncio.run(self.broker.start())
        self._thread.start()
        assert self._up.wait(START_SECONDS), "the stack did not start"
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)
        asyncio.run(self.broker.stop())
        if self._failure is not None:
            raise self._failure

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def token(self, email: str = ADMIN, *roles: str, minutes: float = 60.0) -> str:
        return self.keys.people().person(email, roles, timedelta(minutes=minutes))

    @property
    def admin(self) -> str:
        return self.token(ADMIN, "sovereign-admin")

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """A plain HTTP client with a bearer token, or with none."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return plain(base_url=self.url, headers=headers, timeout=20.0)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[JetStream]:
        async with connect(
            self.broker.url, name="operator", user="operator", password="operator"
        ) as js:
            yield js

    def common(self, user: str, service: str) -> dict[str, Any]:
        return {
            "nats_url": self.broker.url,
            "nats_user": user,
            "nats_password": user,
            "key_file": str(self.keys.service_path(service)),
            "jwks": str(self.keys.jwks_path),
        }

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            self._failure = error
        finally:
            self._up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            environment = await stack.enter_async_context(
                controller.build(
                    ControllerSettings(
                        git_root=str(self.directory / "git"),
                        **self.common("environment", "environment"),
                    )
                )
            )
            rows = await stack.enter_async_context(
                projector.build(ProjectorSettings(**self.common("projector", "projector")))
            )
            built = gateway.build(
                Settings(**self.common("gateway", "gateway"), **self._settings),
                projector=rows.app,
                git=environment.git,
            )
            if self._apart:
                self.inner = {
                    name: await stack.enter_async_context(
                        process.serving(app, process.listen("127.0.0.1", 0))
                    )
                    for name, app in (("projector_url", rows.app), ("git_url", environment.git))
                }
                built = gateway.build(
                    Settings(**self.common("gateway", "gateway"), **self.inner, **self._settings)
                )
            door = await stack.enter_async_context(built)
            self.gateway = door
            bound = process.listen("127.0.0.1", 0)
            self.url = await stack.enter_async_context(process.serving(door.app, bound))
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(environment.run())]
                await environment.worker.active.wait()
                running.append(tasks.create_task(rows.run()))
                running.append(tasks.create_task(door.run()))
                await self._ready()
                self._up.set()
                await self._stop.wait()
                for member in (door, rows, environment):
                    member.stop()
                await asyncio.wait(running)

    async def _ready(self) -> None:
        async with plain() as http:

            async def ready() -> bool:
                return (await http.get(f"{self.url}/readyz")).status_code == 200

            await until(ready, START_SECONDS)


@asynccontextmanager
async def member(stack: Stack, service: str, name: str) -> AsyncIterator[JetStream]:
    """Connect as the worker of a service."""
    async with connect(stack.broker.url, name=name, user=service, password=service) as js:
        yield js


def acme(**changes: Any) -> dict[str, Any]:
    """Data of a valid `create-organization`, owned by Ann."""
    return {
        "display_name": "Acme",
        "kind": "customer",
        "tier": "sme",
        "billing_mode": "real",
        "sovereign_ref": "cloud.example.org",
        "owners": [{"email": "ann@acme.example", "role": "owner"}],
        **changes,
    }


async def created(stack: Stack, slug: str, *, key: str = "", **changes: Any) -> httpx.Response:
    """Create an Organization and return the answer, which holds the outcome."""
    headers = {"Prefer": "wait=10", **({"Idempotency-Key": key} if key else {})}
    async with stack.client(stack.admin) as http:
        found = await http.post(
            "/v1/commands/environment.create-organization.v1",
            params={"organization": slug},
            json=acme(**changes),
            headers=headers,
        )
    assert found.status_code == 200, found.text
    assert found.json()["status"] == "accepted", found.text
    return found
