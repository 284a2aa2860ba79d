"""Everything that `catalyst up` runs, on the test's broker, in a thread with a loop of its own.

So a test can drive it from its own loop, or from a command line that brings one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp
from tests.support.broker import Access
from tests.support.clients import plain

from catalyst.chassis.app import Member, listen, serving
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.topology import ensure
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.runtime import standing
from catalyst.chassis.service import Service
from catalyst.chassis.worker import Worker
from catalyst.cli.processes import MODULES
from catalyst.contracts.registry import SERVICES
from catalyst.contracts.topology import topology
from catalyst.environment_controller import main as controller_main
from catalyst.environment_controller.main import EnvironmentController
from catalyst.environment_controller.settings import Settings as ControllerSettings
from catalyst.gateway import main as gateway_main
from catalyst.gateway.settings import Settings as GatewaySettings
from catalyst.projector import main as projector_main
from catalyst.projector.settings import Settings as ProjectorSettings

START_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What runs, and how to get in."""

    http: str
    nats: str
    user: str
    password: str
    data: Path
    keys: KeyRing

    def token(self, email: str = "root@example.org", *roles: str) -> str:
        """Return a token; without roles, a sovereign-admin's."""
        return self.keys.people().person(email, roles or ("sovereign-admin",))


@contextmanager
def running(
    access: Access,
    data: Path,
    service: Service | None = None,
    *,
    check_seconds: float = 60.0,
    reads: Mapping[str, Any] | None = None,
    door: Mapping[str, Any] | None = None,
) -> Iterator[Stack]:
    """Run everything until the block ends; with `service`, its worker decides and no other.

    Some rows are held against the log about every `check_seconds`. `reads` holds more settings of
    the projector, `door` those of the gateway.
    """
    reading = {"check_seconds": check_seconds, **(reads or {})}
    found: list[Stack] = []
    failed: list[BaseException] = []
    started = threading.Event()
    ended = threading.Event()

    async def hold() -> None:
        async with _stack(access, data, service, reading, door or {}) as stack:
            found.append(stack)
            started.set()
            await asyncio.to_thread(ended.wait)

    def work() -> None:
        try:
            asyncio.run(hold())
        except BaseException as error:  # noqa: BLE001 - raised again where the test waits
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=work, name="stack")
    thread.start()
    try:
        assert started.wait(START_SECONDS)
        if failed:
            raise failed[0]
        yield found[0]
    finally:
        ended.set()
        thread.join()
    if failed:
        raise failed[0]


@asynccontextmanager
async def _stack(
    access: Access,
    data: Path,
    service: Service | None,
    reads: Mapping[str, Any],
    front: Mapping[str, Any],
) -> AsyncIterator[Stack]:
    keys = KeyRing.open(data / "keys")
    shared: dict[str, Any] = {
        "nats_url": access.url,
        "nats_user": access.user,
        "nats_password": access.password,
        "jwks": str(keys.jwks_path),
    }

    def own(service: str) -> dict[str, Any]:
        return {**shared, "key_file": str(keys.service_path(service))}

    async with AsyncExitStack() as stack:
        js = await stack.enter_async_context(
            connect(access.url, name="test", user=access.user, password=access.password)
        )
        await ensure(js, topology())
        controller, git = await stack.enter_async_context(
            _deciding(ControllerSettings(**own("environment"), git_root=str(data / "git")), service)
        )
        reading = await stack.enter_async_context(
            projector_main.build(ProjectorSettings(**own("projector"), **reads))
        )
        door = await stack.enter_async_context(
            gateway_main.build(
                GatewaySettings(**own("gateway"), **front), projector=reading.app, git=git
            )
        )
        others = [
            await stack.enter_async_context(_other(name, own(name)))
            for name in SERVICES[1:]
            if service is None
        ]
        members = (controller, *others, reading, door)
        async with asyncio.TaskGroup() as tasks:
            for member in members:
                tasks.create_task(member.run())
            try:
                async with serving(door.app, listen("127.0.0.1", 0)) as address:
                    await _ready(address)
                    yield Stack(
                        http=address,
                        nats=access.url,
                        user=access.user,
                        password=access.password,
                        data=data,
                        keys=keys,
                    )
            finally:
                for member in reversed(members):
                    member.stop()


def _other(name: str, fixed: dict[str, Any]) -> AbstractAsyncContextManager[Member]:
    """Hold the worker of another service; of Blueprints, without those that come along."""
    if name == "blueprint":
        fixed["starter"] = False
    settings = import_module(f"{MODULES[name]}.settings").Settings(**fixed)
    built: AbstractAsyncContextManager[Member] = import_module(f"{MODULES[name]}.main").build(
        settings
    )
    return built


@asynccontextmanager
async def _deciding(
    settings: ControllerSettings, service: Service | None
) -> AsyncIterator[tuple[EnvironmentController | Worker, ASGIApp | None]]:
    """Who decides, and who serves Git."""
    if service is None:
        async with controller_main.build(settings) as controller:
            yield controller, controller.git
    else:
        async with standing("environment-controller", settings) as runtime:
            yield Worker(service, runtime), None


async def _ready(address: str) -> None:
    async with asyncio.timeout(START_SECONDS), plain(base_url=address) as http:
        while True:
            answer = await http.get("/readyz")
            if answer.status_code == 200:
                return
            await asyncio.sleep(0.05)
