"""Whoever hangs up while a command is decided: the waiting ends, and the command does not."""

import asyncio
import threading
from typing import Any

import httpx
import pytest
from tests.integration.gateway.stack import Stack
from tests.support.waiting import until

from catalyst.client.nats_transport import NatsClient
from catalyst.contracts.topology import CMD
from catalyst.gateway.commands import Commands

FOREVER = 3600
"""Seconds that a request waits, by its time alone."""
CANCEL = "/v1/commands/provisioning.cancel-change.v1"
"""Nobody decides it: there is no such worker in this stack."""
WHY = {"reason": "a mistake"}


class Waiting:
    """What the door does for one request, as seen from another thread."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended = threading.Event()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    """Note when the door waits for an outcome, and when that ends."""
    found = Waiting()

    def noted(method: Any) -> Any:
        async def note(*given: Any, **options: Any) -> Any:
            found.begun.set()
            try:
                return await method(*given, **options)
            finally:
                found.ended.set()

        return note

    for name in ("_await_outcome", "outcome"):
        monkeypatch.setattr(NatsClient, name, noted(getattr(NatsClient, name)))
    monkeypatch.setattr(Commands, "_wait", lambda *_: FOREVER)
    return found


async def stored(stack: Stack, organization: str, change: str) -> bool:
    """Return whether the broker holds the command."""
    subject = f"cmd.{organization}.provisioning.change.{change}.cancel-change.v1"
    async with stack.operator() as js:
        found = await js.api(f"STREAM.INFO.{CMD}", {"subjects_filter": subject})
        return bool(found["state"].get("subjects"))


async def hangs_up(asking: "asyncio.Task[httpx.Response]") -> None:
    asking.cancel()
    await asyncio.wait({asking})
    assert asking.cancelled()


@pytest.mark.guarantee("G7.24")
async def test_nobody_waits_for_the_outcome_of_a_command_whose_sender_hung_up(
    stack: Stack, waiting: Waiting
) -> None:
    async with stack.client(stack.admin) as http:
        params = {"organization": "hangs-up", "id": "ch-hangs-up"}
        asking = asyncio.create_task(http.post(CANCEL, params=params, json=WHY))
        await until(waiting.begun.is_set)
        assert not waiting.ended.is_set()
        await hangs_up(asking)
        await until(waiting.ended.is_set)
    assert await stored(stack, "hangs-up", "ch-hangs-up")


@pytest.mark.guarantee("G7.24")
async def test_nobody_waits_for_an_outcome_whose_reader_hung_up(
    stack: Stack, waiting: Waiting
) -> None:
    async with stack.client(stack.admin) as http:
        place = "/v1/outcomes/c-never-sent?organization=hangs-up"
        asking = asyncio.create_task(http.get(place))
        await until(waiting.begun.is_set)
        await hangs_up(asking)
        await until(waiting.ended.is_set)


@pytest.mark.guarantee("G7.24")
async def test_a_command_whose_sender_hangs_up_before_it_is_stored_is_stored_all_the_same(
    stack: Stack, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing = threading.Event()
    may_go_on = threading.Event()
    store = NatsClient._store

    async def later(*given: Any, **options: Any) -> None:
        storing.set()
        await until(may_go_on.is_set)
        await store(*given, **options)

    monkeypatch.setattr(NatsClient, "_store", later)
    async with stack.client(stack.admin) as http:
        params = {"organization": "hangs-up", "id": "ch-not-stored"}
        asking = asyncio.create_task(http.post(CANCEL, params=params, json=WHY))
        await until(storing.is_set)
        await hangs_up(asking)
        # The door has taken note of it once it answers what was asked later.
        assert (await http.get("/healthz")).status_code == 200
        assert not waiting.begun.is_set()
        may_go_on.set()
        await until(waiting.ended.is_set)
    assert await stored(stack, "hangs-up", "ch-not-stored")
