"""Events over HTTP: roles are never behind what is shown."""

import asyncio
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from typing_extensions import override

from catalyst.chassis import clock, problems
from catalyst.chassis.access import RolesTable
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Stored
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts.roles import ORG_VIEWER
from catalyst.gateway.caller import Caller, Callers
from catalyst.gateway.eventlog import EventLog
from catalyst.gateway.events import EventPage, Events
from catalyst.gateway.limits import Buckets

PREFIX = "evt.acme.environment"
REMOVED = f"{PREFIX}.organization.acme.owners-changed.v1"
AFTER = f"{PREFIX}.environment.acme-dev.environment-updated.v1"


def event(subject: str, seq: int) -> Stored:
    data = msgspec.json.encode(
        {"specversion": "1.0", "id": f"e{seq}", "source": "t", "type": "x", "data": {}}
    )
    return Stored("EV", subject, seq, clock.now(), data, {})


class Log:
    """A log of two events: somebody's removal, and what happened then."""

    def __init__(self) -> None:
        self.stored = [event(REMOVED, 1), event(AFTER, 2)]

    async def replay(self, _stream: str, _subject: str, *, start: int, limit: int) -> list[Stored]:
        return [item for item in self.stored if item.seq >= start][:limit]

    async def last(self, _stream: str, subject: str, *, leader: bool) -> Stored | None:
        assert leader
        return self.stored[0 if "organization" in subject else -1]

    async def stream_state(self, _stream: str) -> Any:
        class State:
            created = self.stored[0].time
            ts = self.stored[0].time
            first_seq = 1
            last_seq = 2

        return State


class Behind(RolesTable):
    """A table that has not heard of the removal, until somebody waits for it."""

    def __init__(self) -> None:
        self.position = 0
        self.reached = asyncio.Event()

    @override
    async def reach(self, seq: int) -> None:
        self.position = max(seq, self.position)
        self.reached.set()

    @override
    def own_roles(self, email: str, organization: str) -> frozenset[str]:
        return frozenset() if self.position >= 1 else frozenset({ORG_VIEWER})

    @override
    def organizations(self, email: str) -> dict[str, frozenset[str]]:
        return {"acme": self.own_roles(email, "acme"), "other": frozenset({ORG_VIEWER})}


@pytest.mark.parametrize("follow", [False, True])
async def test_who_was_removed_is_not_shown_what_happened_after(
    tmp_path: Path, *, follow: bool
) -> None:
    ring = KeyRing.open(tmp_path)
    table = Behind()
    callers = Callers(ring.verifier(), table, Buckets(1, 100), Buckets(1, 100))
    log = EventLog(cast(JetStream, Log()))
    log.head = 2
    events = Events(callers, log, max_followers=10, max_own=10)
    app = Starlette(routes=events.routes(), exception_handlers=dict(problems.HANDLERS))
    headers = {"Authorization": f"Bearer {ring.people().person('bob@acme.example')}"}

    async def end() -> None:
        await table.reached.wait()
        events.stopping.set()

    async with (
        asyncio.timeout(20),
        asyncio.TaskGroup() as tasks,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as http,
    ):
        tasks.create_task(end())
        query = {"since": "2020-01-01T00:00:00Z"} | ({"follow": "1"} if follow else {})
        found = await http.get("/v1/events", params=query, headers=headers)
    assert found.status_code == 200, found.text
    assert table.position == 1
    assert "acme-dev" not in found.text
    assert ("event: bye" in found.text) is follow


async def test_a_quiet_stream_of_events_says_how_fresh_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalyst.gateway.events.HEARTBEAT_SECONDS", 0.01)
    ring = KeyRing.open(tmp_path)
    callers = Callers(ring.verifier(), Behind(), Buckets(1, 100), Buckets(1, 100))
    log = EventLog(cast(JetStream, Log()))
    log.head = 2
    log.ready.set()
    events = Events(callers, log, max_followers=10, max_own=10)
    token = ring.people().person("root@cloud.example", ["sovereign-admin"])
    caller = Caller(await ring.verifier().verify(token, at=clock.now()), token, cookie=False)
    frames = events._rest(caller, EventPage(), "the-log", 2)
    async with asyncio.timeout(20):
        name, data = (await anext(frames)).decode().strip().split("\n")
        events.stopping.set()
        bye = await anext(frames)
    assert name == "event: heartbeat"
    fresh = {"as_of": 2, "head": 2, "lag_ms": 0, "log": "the-log"}
    assert msgspec.json.decode(data.removeprefix("data: ")) == fresh
    assert b'"reason":"shutdown"' in bye
