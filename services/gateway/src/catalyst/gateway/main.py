"""The gateway, wired: the HTTP door of everything, at one origin."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from catalyst.chassis import app as process
from catalyst.chassis.access import RolesTable
from catalyst.chassis.errors import Expected
from catalyst.chassis.http import Check, Metrics, Readiness, health_routes
from catalyst.chassis.jetstream.port import Unavailable
from catalyst.chassis.jwks import RENEWAL
from catalyst.chassis.probe import Probe
from catalyst.chassis.runtime import Runtime, password_of, standing
from catalyst.client.api import Client
from catalyst.client.errors import ClientError, shown_address
from catalyst.client.http_transport import verifying
from catalyst.client.nats_transport import over_nats
from catalyst.contracts import permissions
from catalyst.gateway.app import application
from catalyst.gateway.caller import Admitted, Callers
from catalyst.gateway.catalogue import Catalogue
from catalyst.gateway.commands import Commands
from catalyst.gateway.deadletters import DeadLetters
from catalyst.gateway.eventlog import EventLog
from catalyst.gateway.events import Events
from catalyst.gateway.gitdoor import PREFIX as GIT
from catalyst.gateway.gitdoor import GitDoor
from catalyst.gateway.icons import Icons
from catalyst.gateway.limits import REFUSALS_AT_ONCE, Buckets
from catalyst.gateway.passing import Below, Upstream, reads
from catalyst.gateway.queries import Queries
from catalyst.gateway.session import Session
from catalyst.gateway.settings import Settings
from catalyst.gateway.tracing import Tracing
from catalyst.gateway.using import Using

NAME = permissions.GATEWAY


class Gateway:
    """The member: one HTTP application, and what it follows in the log."""

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        client: Client,
        *,
        projector: ASGIApp | None = None,
        git: ASGIApp | None = None,
    ) -> None:
        """Serve on `runtime`; commands go through `client`.

        Args:
            settings: What it was told.
            runtime: What it stands on.
            client: The broker's, for commands and outcomes.
            projector: Answers reads and streams; None where they are served elsewhere.
            git: Answers Git's requests, once they are let in.
        """
        self._runtime = runtime
        self.table = RolesTable(runtime.js)
        self.events = EventLog(runtime.js)
        self._probe = Probe(runtime.js, NAME, replicas=runtime.replicas)
        self._stop = asyncio.Event()
        callers = Callers(
            runtime.verifier,
            self.table,
            Buckets(settings.rate_per_subject, settings.burst_per_subject),
            Buckets(settings.refusals_per_address, REFUSALS_AT_ONCE),
            public_url=settings.public_url,
        )
        self._followed = Events(
            callers,
            self.events,
            max_followers=settings.max_followers,
            max_own=settings.max_followers_per_subject,
        )
        self.metrics = Metrics(NAME)
        asked = Queries(callers, runtime.js, self.events)
        routes = [
            *health_routes(Readiness(self._checks(), self._beside(projector)), self.metrics),
            *Commands(
                callers,
                client,
                runtime.telemetry,
                self.events,
                max_wait_seconds=settings.max_wait_seconds,
            ).routes(),
            *self._followed.routes(),
            *Tracing(callers, runtime.js, self.events).routes(),
            *DeadLetters(callers, runtime.js).routes(),
            *asked.routes(),
            *Icons(callers, asked).routes(),
            *Using(callers, runtime.js).routes(),
            *Session(callers).routes(),
            *Catalogue().routes(),
            *_passed_on(callers, projector, git),
        ]
        self.app: ASGIApp = application(routes, settings, self.metrics, callers.holds)

    async def run(self) -> None:
        """Follow roles and events until `stop`.

        Raises:
            ExceptionGroup: With `Unavailable`, when the connection to the broker is gone for good.
        """
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(self.table.run(), name="roles"),
                tasks.create_task(self.events.run(), name="events"),
                tasks.create_task(self._probe.run(), name="probe"),
                tasks.create_task(self._watch_connection(), name="connection"),
            ]
            await self._stop.wait()
            for helper in helpers:
                helper.cancel()

    def stop(self) -> None:
        """Ask `run` to return; open streams say goodbye."""
        self._followed.stopping.set()
        self._stop.set()

    async def _watch_connection(self) -> None:
        await self._runtime.js.closed.wait()
        raise Unavailable(503, 0, "the connection to the broker is gone for good")

    def _checks(self) -> dict[str, Check]:
        async def roles() -> str | None:
            return None if self.table.ready.is_set() else "not caught up"

        async def events() -> str | None:
            return None if self.events.ready.is_set() else "not followed yet"

        found: dict[str, Check] = {"broker": self._probe.check, "roles": roles, "events": events}
        if self._runtime.verifier is not None:
            found["keys"] = self._runtime.verifier.check
        return found

    def _beside(self, projector: ASGIApp | None) -> dict[str, Check]:
        """Return what commands can do without: the gateway goes on taking them."""
        found: dict[str, Check] = {}
        if projector is not None:
            found["reads"] = partial(reads, projector)
        if self._runtime.verifier is not None:
            found[RENEWAL] = self._runtime.verifier.renewed
        return found


def _passed_on(callers: Callers, projector: ASGIApp | None, git: ASGIApp | None) -> list[BaseRoute]:
    found: list[BaseRoute] = []
    if projector is not None:
        admitted = Admitted(callers, projector)
        found += [Below(path, admitted) for path in ("/v1/state", "/v1/stream", "/v1/read-model")]
    if git is not None:
        found.append(Below(GIT, GitDoor(callers, git), exact=False))
    return found


@asynccontextmanager
async def build(
    settings: Settings, *, projector: ASGIApp | None = None, git: ASGIApp | None = None
) -> AsyncIterator[Gateway]:
    """Connect, and hold the member for the block.

    Args:
        settings: What it was told.
        projector: The projector's application in this process; else its address is a setting.
        git: The Git application in this process; else its address is a setting.

    Raises:
        Expected: If broker or keys cannot be had.
    """
    async with (
        standing(NAME, settings) as runtime,
        _client(settings) as client,
        # A stream holds its connection for as long as somebody reads.
        httpx.AsyncClient(
            limits=httpx.Limits(max_connections=None), verify=_verifying(settings)
        ) as http,
    ):
        if projector is None and settings.projector_url:
            projector = Upstream(http, settings.projector_url)
        if git is None and settings.git_url:
            git = Upstream(http, settings.git_url)
        yield Gateway(settings, runtime, client, projector=projector, git=git)


def _verifying(settings: Settings) -> ssl.SSLContext:
    inner = (settings.projector_url, settings.git_url)
    return verifying(next((url for url in inner if url.lower().startswith("https:")), "http:"))


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[Client]:
    try:
        async with over_nats(
            settings.nats_url,
            user=settings.nats_user or None,
            password=password_of(settings),
            name=NAME,
            inbox_prefix=permissions.inbox(NAME),
        ) as client:
            yield client
    except ClientError as error:
        where = shown_address(settings.nats_url)
        raise Expected(f"the broker at {where} cannot be used: {error}") from error


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
