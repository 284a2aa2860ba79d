"""What ends again and again is ready for a moment each time, and healthy at none of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support import facts
from tests.support.each import each

from catalyst.provisioning.domain import seen

pytestmark = pytest.mark.guarantee("G13.18")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WELL = ("healthy", "", "")


def just(how: str) -> seen.Status:
    """Return how a container is that has ended, and runs again."""
    return ("progressing", "Restarted", f"main {how}, and has just been started again")


JUST = just("ended with exit code 1")


def container(seconds: float, code: int | None = 1, **more: Any) -> dict[str, Any]:
    """Return a container that runs for so long, after it has ended with a code; None: never."""
    since = (NOON - timedelta(seconds=seconds)).isoformat()
    found: dict[str, Any] = {"name": "main", "state": {"running": {"startedAt": since}}}
    if code is not None:
        found["lastState"] = {"terminated": {"exitCode": code, "reason": "Error"}}
    return {**found, **more}


def pod(*containers: dict[str, Any], phase: str = "Running", ready: str = "True") -> dict[str, Any]:
    return {
        "kind": "Pod",
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": list(containers),
        },
    }


@each([
        (pod(container(3)), JUST),
        (pod(container(59.9)), JUST),
        (pod(container(60)), WELL),
        # A clock that is behind makes nobody well.
        (pod(container(-5)), JUST),
        (pod(container(3, code=None)), WELL),
        # What its liveness probe has killed may end well, and so may what is to run for good.
        (pod(container(3, code=0)), just("ended with exit code 0")),
        (pod(container(60, code=0)), WELL),
        (pod(container(3, code=None, name="web"), container(3)), JUST),
        # Nobody says what it ended with.
        (pod(container(3, lastState={"terminated": {}})), just("ended")),
        (pod(container(3, lastState={"terminated": {"exitCode": None}})), just("ended")),
        (pod(container(3, lastState={"terminated": {"exitCode": True}})), just("ended")),
        # Whoever says not since when it runs, or that it has ended, is believed as before.
        (pod(container(3, state={"running": {}})), WELL),
        (pod(container(3, lastState={})), WELL),
        (pod(container(3, lastState={"terminated": None})), WELL),
        (pod(container(3, lastState="?")), WELL),
        # What is worse is told as it is.
        (pod(container(3), ready="False"),
         ("progressing", "Starting", "not all of its containers are ready")),
        (pod(container(3, state={"waiting": {"reason": "CrashLoopBackOff"}})),
         ("degraded", "CrashLoopBackOff", "")),
    ])  # fmt: skip
def test_a_container_that_has_ended_is_well_once_it_runs_for_a_while(
    item: dict[str, Any], wanted: seen.Status
) -> None:
    assert seen.health(item, NOON) == wanted
    # Nobody knows how long it runs, of whom nobody says when that was.
    assert seen.health(item)[1] != "Restarted"


def test_when_it_was_seen_is_what_the_observer_says() -> None:
    subject, data = facts.pod(1, time=NOON.isoformat())
    body = msgspec.json.decode(data)
    body["object"]["status"]["containerStatuses"] = [container(3)]
    fact = seen.decode(subject, msgspec.json.encode(body))
    assert fact is not None
    assert (fact.evidence.status, fact.evidence.reason) == ("progressing", "Restarted")
    body["time"] = (NOON + timedelta(minutes=5)).isoformat()
    fact = seen.decode(subject, msgspec.json.encode(body))
    assert fact is not None
    assert fact.evidence.status == "healthy"
