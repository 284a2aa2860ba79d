"""A bug in a rule, as whoever runs the installation sees it and mends it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack, running
from tests.support.broker import Access
from tests.support.rig import ORGANIZATIONS, acme

from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.service import on
from catalyst.contracts import environment_v1
from catalyst.contracts.decision import Context, Decision
from catalyst.environment_controller.domain import organization

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
SUSPEND = "environment.suspend-organization.v1"
RESUME = "environment.resume-organization.v1"
DEADLINE_SECONDS = 60.0


@dataclass
class Bug:
    """A rule that fails while it is switched on."""

    on: bool = False

    def suspend(
        self,
        state: organization.Organization,
        asked: environment_v1.SuspendOrganization,
        context: Context,
    ) -> Decision:
        if self.on:
            raise ZeroDivisionError("a bug")
        return organization.suspend(state, asked, context)


@pytest.fixture
def bug() -> Bug:
    return Bug()


@pytest.fixture
def stack(access: Access, tmp_path: Path, bug: Bug) -> Iterator[Stack]:
    rules = tuple(
        on(environment_v1.SuspendOrganization, "organization", bug.suspend)
        if rule.shape is environment_v1.SuspendOrganization
        else rule
        for rule in ORGANIZATIONS.rules
    )
    service = replace(ORGANIZATIONS, rules=rules)
    with running(access, tmp_path / "data", service) as found:
        yield found


def until(look: Callable[[], Any]) -> Any:
    """Return the first thing that `look` finds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
    raise TimeoutError


@pytest.mark.guarantee("G7.3")
@pytest.mark.guarantee("G7.4")
def test_what_is_parked_is_seen_named_retried_and_dropped(
    catalyst: Callable[..., Ran], bug: Bug, stack: Stack
) -> None:
    def row() -> Any:
        return catalyst("get", "org", "acme", "-o", "json").json

    def letters() -> Any:
        return catalyst("dlq", "list", "-o", "json").json["items"]

    def outcome(command_id: str) -> Ran:
        return catalyst("outcome", command_id, "--org", "acme", "-o", "json")

    def send(type_: str, command_id: str, data: dict[str, Any]) -> None:
        options = ("--org", "acme", "--command-id", command_id, "--no-wait")
        assert catalyst("send", type_, *options, "--data", json.dumps(data)).code == 0

    assert catalyst("send", CREATE, "--org", "acme", "--data", json.dumps(acme())).code == 0
    bug.on = True
    send(SUSPEND, "first", {"reason": "unpaid"})
    until(lambda: row()["stale"])
    send(RESUME, "second", {})
    parked = until(lambda: len(letters()) == 2 and letters())
    assert [item["message"]["id"] for item in parked] == ["first", "second"]
    subject = parked[0]["subject"]

    sick = catalyst("doctor")
    assert sick.code == 8
    assert "acme._.organization._.acme" in sick.out
    assert "catalyst dlq retry" in sick.err
    shown = catalyst("dlq", "show", subject, "-o", "json")
    assert "ZeroDivisionError" in shown.json["detail"]
    assert "unpaid" in shown.json["body"]

    failed = catalyst("dlq", "retry", subject)
    assert (failed.code, "retry-failed" in failed.err) == (3, True)
    bug.on = False
    freed = catalyst("dlq", "retry", subject, "--all")
    assert (freed.code, freed.out) == (0, "2 messages decided again\n")
    first, second = outcome("first"), outcome("second")
    assert (first.json["status"], second.json["status"]) == ("accepted", "accepted")
    assert first.json["seq"] < second.json["seq"]
    until(lambda: row()["stale"] is None)
    assert letters() == []
    # This worker has no effects, so those checks still fail; what was stale moves again.
    found = {item["check"]: item["health"] for item in catalyst("doctor", "-o", "json").json}
    assert (found["stale rows"], found["dead letters"]) == ("ok", "ok")

    bug.on = True
    send(SUSPEND, "third", {"reason": "again"})
    (letter,) = until(letters)
    dropped = catalyst("dlq", "drop", letter["subject"], "--reason", "by mistake")
    assert (dropped.code, dropped.out) == (0, f"{letter['subject']} is given up\n")
    third = outcome("third")
    assert (third.code, third.json["code"]) == (3, "dropped")

    asyncio.run(garble(stack))
    for letter in until(lambda: len(letters()) == 2 and letters()):
        assert "unknown.unknown" in letter["subject"]
        tried = catalyst("dlq", "retry", letter["subject"])
        assert (tried.code, "never a command" in tried.err) == (3, True)
        removed = catalyst("dlq", "drop", letter["subject"], "--reason", "nobody can read it")
        assert removed.code == 0, removed.err
        again = catalyst("dlq", "drop", letter["subject"], "--reason", "nobody can read it")
        assert (again.code, "not-parked" in again.err) == (3, True)
    assert letters() == []


async def garble(stack: Stack) -> None:
    """Send what is no command, to an Organization and to the platform."""
    async with connect(stack.nats, name="t", user=stack.user, password=stack.password) as js:
        for owner in ("acme", "_"):
            await js.publish(Outgoing(f"cmd.{owner}.environment.x", b"{}"))
