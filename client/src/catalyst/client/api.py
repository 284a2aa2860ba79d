"""What every connection offers, whatever the transport."""

from __future__ import annotations

import asyncio
from typing import Protocol, Unpack

import msgspec

from catalyst.client.draft import SendOptions
from catalyst.contracts.message import Outcome

SEND_TIMEOUT_SECONDS = 30.0
"""Until an outcome is given up; a command is decided within milliseconds on an idle system."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is stored and will be decided."""

    command_id: str
    organization: str | None
    type: str


class Client(Protocol):
    """Send commands and learn what became of them."""

    async def send(
        self,
        type_: str,
        data: object,
        *,
        timeout: float = SEND_TIMEOUT_SECONDS,
        stored: asyncio.Event | None = None,
        **options: Unpack[SendOptions],
    ) -> Outcome:
        """Send a command, again and again under one id if need be, and await its outcome.

        A rejection is an outcome like any other: look at `status`. `stored` is set once the command
        is known to be stored: it is decided then, whether anybody waits for that or not.

        Raises:
            Problem: If a door refused the command before anyone decided it.
            TimedOut: If there is no outcome after `timeout` seconds. It may still come.
            Unreachable: If nothing could be sent at all.
        """
        ...

    async def submit(
        self,
        type_: str,
        data: object,
        *,
        timeout: float = SEND_TIMEOUT_SECONDS,
        **options: Unpack[SendOptions],
    ) -> Sent:
        """Send a command and return once it is stored, without waiting for its outcome.

        Raises:
            Problem: If a door refused it.
            TimedOut: If nobody confirmed in time; it may be stored all the same.
            Unreachable: If nothing could be sent at all.
        """
        ...

    async def outcome(
        self, command_id: str, *, organization: str | None, timeout: float = 0.0
    ) -> Outcome | None:
        """Return the recorded outcome of a command, waiting up to `timeout` seconds for it.

        None: not decided yet, never sent, or decided longer ago than outcomes are kept.

        Raises:
            Problem: If it is not ours to see.
            Unreachable: If nobody answers.
        """
        ...
