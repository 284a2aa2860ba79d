"""What is set aside by one who is no longer alone: the broker says so, and nothing is parked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from tests.support.crashes import FaultyBroker
from tests.support.invariants import check_log, whole_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, working
from tests.support.sequential import CREATE, RESUME, SUSPEND
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis import parking
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import CALL_SECONDS, Ack, Outgoing
from catalyst.chassis.service import Rule, Service
from catalyst.contracts import environment_v1, message, subjects
from catalyst.contracts.message import Envelope, Outcome

pytestmark = pytest.mark.real


def _suspend(_state: Any, _command: Any, _context: Any) -> Any:
    raise ZeroDivisionError("a bug")


BROKEN = Service(
    name="environment",
    aggregates=ORGANIZATIONS.aggregates,
    rules=tuple(
        Rule(shape=rule.shape, aggregate=rule.aggregate, decide=_suspend, reads=rule.reads)
        if rule.shape is environment_v1.SuspendOrganization
        else rule
        for rule in ORGANIZATIONS.rules
    ),
)
"""Organizations whose `suspend` has a bug in its rule."""


@dataclass
class DecidedMeanwhile(FaultyBroker):
    """Before `parked` is stored, another worker, which has no bug, records the outcome."""

    rivals: int = 0

    async def _rival(self, messages: Sequence[Outgoing]) -> None:
        if self.rivals or not any(".parked.v" in item.subject for item in messages):
            return
        self.rivals += 1
        (stored,) = await self.inner.replay("DLQ", ">")
        letter = parking.read(stored)
        outcome = Outcome(
            id=letter.message_id,
            type=letter.message_type,
            status="rejected",
            code="organization-suspended",
            message="said by another one",
            subject=letter.subject,
            digest=message.digest(
                letter.message_type,
                letter.subject,
                msgspec.json.decode(letter.body, type=Envelope).data,
            ),
            time=letter.time,
        )
        where = subjects.done("acme", letter.message_id)
        body = msgspec.json.encode(outcome)
        await self.inner.publish(Outgoing(where, body, Guard(where, 0).headers()))

    @override
    async def publish(self, message: Outgoing, *, timeout: float = CALL_SECONDS) -> Ack:
        await self._rival([message])
        return await super().publish(message, timeout=timeout)

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = CALL_SECONDS) -> Ack:
        await self._rival(messages)
        return await super().batch(messages, timeout=timeout)


@pytest.mark.guarantee("G7.1")
async def test_what_is_decided_while_it_is_set_aside_is_not_parked(js: JetStream) -> None:
    sender = Sender(js)
    broker = DecidedMeanwhile(js)
    async with working(js, BROKEN, broker=broker):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        sent = await sender.send(SUSPEND, "acme", {"reason": "a"})

        async def settled() -> bool:
            return not (await js.stream_state("CMD")).messages

        await until(settled)
        assert broker.rivals == 1
        assert (await sender.outcome("acme", sent)).message == "said by another one"
        assert not any(".parked.v" in item.subject for item in await whole_log(js))
        # Nothing stands in the way of what comes behind it.
        later = await sender.outcome("acme", await sender.send(RESUME, "acme"))
        assert later.code == "organization-not-suspended"
    await check_log(js)
