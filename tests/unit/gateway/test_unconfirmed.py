"""A command whose fate is unknown: the sender is told its id, and where its outcome would stand."""

from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from tests.unit.gateway.test_caller import Owners, bearer

from catalyst.chassis.http import Metrics
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.telemetry import Telemetry
from catalyst.client.api import Client
from catalyst.client.errors import ClientError, Problem, TimedOut, Undecided, Unreachable
from catalyst.gateway.app import application
from catalyst.gateway.caller import Callers
from catalyst.gateway.commands import STORE_SECONDS, Commands
from catalyst.gateway.eventlog import EventLog
from catalyst.gateway.limits import Buckets
from catalyst.gateway.settings import Settings

RESUME = "/v1/commands/environment.resume-organization.v1?organization=acme"


class Silent:
    """A client whose broker does not answer; keeps for how long each call would have waited."""

    def __init__(self, error: ClientError) -> None:
        self.error = error
        self.waited: list[float] = []

    async def send(self, *_: object, timeout: float, **_options: Any) -> None:
        self.waited.append(timeout)
        raise self.error

    submit = send

    async def outcome(self, *_: object, **_options: Any) -> None:
        return None


async def posted(tmp_path: Path, client: Silent, **headers: str) -> httpx.Response:
    ring = KeyRing.open(tmp_path)
    found = Callers(ring.verifier(), Owners({}), Buckets(1, 100), Buckets(1, 100))
    events = EventLog(cast(JetStream, None))
    commands = Commands(found, cast(Client, client), Telemetry("test"), events, max_wait_seconds=30)
    app = application(commands.routes(), Settings(), Metrics("test"), found.holds)
    token = ring.people().person("root@x.example", ["sovereign-admin"])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as http:
        return await http.post(RESUME, json={}, headers={**bearer(token), **headers})


@pytest.mark.parametrize("prefer", ["", "wait=1", "wait=8"])
@pytest.mark.parametrize("error", [TimedOut("late"), Unreachable("away")])
async def test_a_command_that_nobody_confirmed_can_be_asked_for(
    tmp_path: Path, prefer: str, error: ClientError
) -> None:
    client = Silent(error)
    found = await posted(tmp_path, client, **({"Prefer": prefer} if prefer else {}))
    problem = found.json()
    assert (found.status_code, problem["code"], problem["status"]) == (503, "unavailable", 503)
    assert found.headers["content-type"] == "application/problem+json"
    assert len(problem["id"]) >= 20
    assert problem["outcome"] == f"/v1/outcomes/{problem['id']}?organization=acme"
    assert found.headers["location"] == problem["outcome"]
    assert "retry-after" in found.headers
    assert sum(client.waited) <= max(STORE_SECONDS, 8 if prefer == "wait=8" else 0)


async def test_an_id_that_the_sender_chose_is_told_all_the_same(tmp_path: Path) -> None:
    found = await posted(tmp_path, Silent(TimedOut("late")), **{"Idempotency-Key": "c-mine"})
    assert found.json()["id"] == "c-mine"


async def test_what_is_stored_and_not_decided_is_pending_and_not_sent_twice(
    tmp_path: Path,
) -> None:
    client = Silent(Undecided("c-1", "acme"))
    found = await posted(tmp_path, client, Prefer="wait=2")
    assert (found.status_code, found.json()["status"]) == (202, "pending")
    assert client.waited == [2.0]


async def test_a_refusal_of_the_broker_stays_what_it_is(tmp_path: Path) -> None:
    error = Problem(413, "too-large", "too many bytes", ())
    found = await posted(tmp_path, Silent(error))
    assert (found.status_code, found.json()["code"]) == (413, "too-large")
    assert "location" not in found.headers
