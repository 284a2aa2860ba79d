"""How the broker writes where a message is acknowledged: in the first form, or in a newer one.

With the feature flag `js_ack_fc_v2` it is the newer one. Every part of ours reads both; nats-py
does not, so programs of others stop hearing anything. Looked at by one real delivery, since no
broker says it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.jetstream.topology import ensure_stream
from catalyst.chassis.probe import PROBE
from catalyst.cli.findings import Finding, ok, skipped, warn
from catalyst.contracts.permissions import PROBE_PREFIX
from catalyst.contracts.topology import EV

CHECK: Final = "acknowledgements"
FLAG: Final = "js_ack_fc_v2"
DELIVERY_SECONDS: Final = 3.0
TOLD: Final = (
    f"the broker writes acknowledgements in the form of {FLAG}: Catalyst itself works, but in "
    "programs on nats-py, up to 2.16 at least, a watch of a bucket (`kv.watch`) or an ordered "
    "consumer ends the whole connection with `ValueError: invalid literal for int()`, and they "
    "hear nothing any more"
)
FIX: Final = (
    f"write `feature_flags {{ {FLAG}: false }}` into the configuration of every nats-server and "
    "restart it; until then let such programs read with pull consumers"
)
_FIRST_FORM: Final = 9
"""Parts of its subject."""


class Unfit(Exception):
    """What the broker delivers cannot be read or acknowledged by us; the text says why."""


async def probe(js: JetStream) -> str:
    """Publish, receive and acknowledge one message as members do; return what is to be told.

    Empty: whoever works with nats-py can do so as well.

    Raises:
        Unfit: If our own parts would not work here.
        BrokerError: If the broker refuses one of the calls.
    """
    await ensure_stream(js, PROBE)
    subject = f"{PROBE_PREFIX}.up.{js.unique()}"
    stored = await js.publish(Outgoing(subject, b""))
    async with _reading(js, PROBE.name, subject, "explicit") as delivered:
        reply = await delivered()
        if reply is None:
            raise Unfit("it stores what is published, and does not deliver it")
        try:
            seq = wire.place(reply).seq
        except (ValueError, TypeError):
            seq = 0
        if seq != stored.seq:
            form = reply.decode("utf-8", "replace")
            raise Unfit(f"it writes acknowledgements in a form that nothing here knows: {form!r}")
        to = reply.decode()
        try:
            # With an address to answer to, the broker says that it has taken it.
            await js.link.call(
                lambda inbox: [wire.frame(to, b"+ACK", None, inbox)], [to], timeout=DELIVERY_SECONDS
            )
        except BrokerError as error:
            raise Unfit(f"it does not take acknowledgements: {error}") from error
    return "" if _is_first(reply) else TOLD


async def form(js: JetStream) -> Finding:
    """Return whether the log is delivered in the form that every program reads."""
    async with _reading(js, EV, "evt.>", "none") as delivered:
        reply = await delivered(no_wait=True)
    if reply is None:
        return skipped(CHECK, "not looked at: there is no event yet, so nothing was delivered")
    if _is_first(reply):
        return ok(CHECK, "in the form that every program reads")
    return warn(CHECK, TOLD, FIX)


def _is_first(reply: bytes) -> bool:
    return reply.count(b".") + 1 == _FIRST_FORM


@asynccontextmanager
async def _reading(js: JetStream, stream: str, subject: str, policy: str) -> AsyncIterator[Any]:
    """Yield what asks a consumer for one message; it returns that one's reply, None without any."""
    name = f"{CHECK}-{js.unique()}"
    config = {
        "name": name,
        "deliver_policy": "all",
        "ack_policy": policy,
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": 30_000_000_000,
        "filter_subjects": [subject],
    }
    inbox = js.link.new_inbox()
    arrived: asyncio.Queue[wire.Raw] = asyncio.Queue()

    async def delivered(*, no_wait: bool = False) -> bytes | None:
        body = b'{"batch":1,"no_wait":true}' if no_wait else b'{"batch":1,"expires":2000000000}'
        asked = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
        await js.link.send(wire.frame(asked, body, None, inbox))
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                found = await arrived.get()
        except TimeoutError:
            return None
        return None if wire.status(found.headers).code else found.reply

    await js.api(
        f"CONSUMER.CREATE.{stream}.{name}",
        {"stream_name": stream, "config": config, "action": "create"},
    )
    tap = await js.link.tap(inbox, arrived.put_nowait)
    try:
        yield delivered
    finally:
        await js.link.untap(tap)
        await js.api(f"CONSUMER.DELETE.{stream}.{name}", None)
