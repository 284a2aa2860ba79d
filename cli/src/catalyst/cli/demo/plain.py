"""Commands from a program that knows nothing of Catalyst: a subject, JSON, and nats-py.

Nothing of Catalyst is imported here, so this file is also the shortest example of a sender.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

OUTCOME_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one command."""

    command_id: str
    outcome: Mapping[str, Any]
    sent: float
    """When it was published, on this process's monotonic clock."""
    stored_ms: float
    """Until the broker said that the command is stored."""
    outcome_ms: float
    """Until the outcome was here."""


class PlainSender:
    """Publishes commands with nats-py alone."""

    def __init__(self, connection: Client, token: str) -> None:
        """Publish on `connection`; `token` proves who asks."""
        self._connection = connection
        self._jetstream: JetStreamContext = connection.jetstream(timeout=10.0)
        self._token = token

    async def publish(
        self,
        organization: str,
        aggregate: str,
        name: str,
        verb: str,
        data: Mapping[str, Any],
        command_id: str,
        reply: str = "",
    ) -> None:
        """Publish one command; returns once the broker has stored it."""
        subject = f"cmd.{organization}.environment.{aggregate}.{name}.{verb}.v1"
        body = {
            "specversion": "1.0",
            "id": command_id,
            "source": "catalyst-demo",
            "type": f"environment.{verb}.v1",
            "data": data,
        }
        headers = {"Authorization": f"Bearer {self._token}"}
        if reply:
            headers["Catalyst-Reply"] = reply
        await self._jetstream.publish(subject, json.dumps(body).encode(), headers=headers)

    async def ask(
        self,
        organization: str,
        aggregate: str,
        name: str,
        verb: str,
        data: Mapping[str, Any],
        command_id: str,
    ) -> Answered:
        """Publish one command and wait for its outcome on a reply subject."""
        heard: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        async def take(message: Msg) -> None:
            if not heard.done():
                heard.set_result(message)

        reply = f"rsp.{organization}.{command_id}"
        subscription = await self._connection.subscribe(reply, cb=take)
        sent = time.monotonic()
        try:
            await self.publish(organization, aggregate, name, verb, data, command_id, reply)
            stored = time.monotonic()
            async with asyncio.timeout(OUTCOME_SECONDS):
                message = await heard
        finally:
            await subscription.unsubscribe()
        done = time.monotonic()
        outcome = json.loads(message.data)
        return Answered(command_id, outcome, sent, (stored - sent) * 1000, (done - sent) * 1000)

    async def recorded(self, organization: str, command_id: str) -> Mapping[str, Any] | None:
        """Read a recorded outcome by its subject; None if there is none yet."""
        subject = f"$JS.API.DIRECT.GET.EV.done.{organization}.{command_id}"
        message = await self._connection.request(subject, b"", timeout=5.0)
        if message.headers and message.headers.get("Status"):
            return None
        found: Mapping[str, Any] = json.loads(message.data)
        return found

    async def head(self) -> int:
        """Return the last sequence of the log."""
        answer = await self._connection.request("$JS.API.STREAM.INFO.EV", b"", timeout=5.0)
        return int(json.loads(answer.data)["state"]["last_seq"])

    async def written(self, command_id: str, after: int, to: int) -> list[int]:
        """Return where outcome and events of a command's decision stand behind `after`, up to `to`.

        Every decision has an outcome, and what else it writes stands beside that.
        """
        found = []
        for seq in range(after + 1, to + 1):
            asked = json.dumps({"seq": seq}).encode()
            answer = await self._connection.request("$JS.API.STREAM.MSG.GET.EV", asked, timeout=5.0)
            message = json.loads(answer.data).get("message")
            if message is None:
                # It has expired, or a newer one of its subject took its place.
                continue
            body = json.loads(base64.b64decode(message.get("data", "")) or b"{}")
            is_outcome = message["subject"].startswith("done.") and body.get("id") == command_id
            if is_outcome or body.get("causationid") == command_id:
                found.append(seq)
        return found


@asynccontextmanager
async def plain(url: str, user: str, password: str, token: str) -> AsyncIterator[PlainSender]:
    """Connect for the block."""
    options: dict[str, Any] = {"user": user, "password": password} if user else {}
    connection = await nats.connect(
        url, name="catalyst-demo", max_reconnect_attempts=-1, reconnect_time_wait=0.2, **options
    )
    try:
        yield PlainSender(connection, token)
    finally:
        await connection.close()
