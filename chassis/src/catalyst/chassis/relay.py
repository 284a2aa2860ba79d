"""The relay: commands that stand in the log for this service become commands in its queue.

Process managers put `out.…` messages into the batch that decides them; the service they are
addressed to publishes each to `cmd.…`, with a token of its own, and acknowledges after the broker
confirmed. A repeat has the same derived id, so its outcome is found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC
from typing import Final

import msgspec

from catalyst.chassis import events, parking
from catalyst.chassis.door import ACTOR_HEADER, SINCE_HEADER
from catalyst.chassis.jetstream.port import (
    Acked,
    Broker,
    BrokerError,
    Delivery,
    Nacked,
    Outgoing,
)
from catalyst.chassis.lane import Settle
from catalyst.chassis.measures import Measures
from catalyst.chassis.telemetry import Telemetry
from catalyst.contracts.message import Envelope

log = logging.getLogger(__name__)

_DELAY_SECONDS: Final = 1.0


class Relay:
    """Publishes what stands in the log for one service."""

    def __init__(
        self,
        service: str,
        broker: Broker,
        settle: Settle,
        token: Callable[[], str],
        *,
        telemetry: Telemetry,
        measures: Measures | None = None,
    ) -> None:
        """Publish through `broker`; `token` returns a fresh token of this service."""
        self._telemetry = telemetry
        self._measures = measures or Measures()
        self._service = service
        self._broker = broker
        self._settle = settle
        self._token = token

    async def handle(self, delivery: Delivery) -> None:
        """Relay one message and settle it; on a full queue it comes back after a delay."""
        try:
            message = self._command(delivery)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            letter = parking.unread(delivery, "malformed-json", str(error), reaction="relay")
            await parking.put_aside(self._broker, parking.unread_subject(delivery), letter)
            self._measures.letter(letter.reason)
            await self._settle(delivery, Acked())
            return
        # The bytes are passed on as they stand, so that what follows is a sibling of this span.
        span = self._telemetry.span("relay command", events.traceparent(delivery.data))
        try:
            with span:
                await self._broker.publish(message)
        except BrokerError as error:
            log.info("relay waits", extra={"subject": delivery.subject, "why": str(error)})
            await self._settle(delivery, Nacked(_DELAY_SECONDS))
            return
        await self._settle(delivery, Acked())

    def _command(self, delivery: Delivery) -> Outgoing:
        envelope = msgspec.json.decode(delivery.data, type=Envelope)
        since = delivery.time.astimezone(UTC).isoformat().replace("+00:00", "Z")
        headers = {
            "Authorization": f"Bearer {self._token()}",
            ACTOR_HEADER: envelope.actor or f"service:{self._service}",
            SINCE_HEADER: since,
        }
        subject = "cmd" + delivery.subject.removeprefix("out")
        return Outgoing(subject, delivery.data, headers)
