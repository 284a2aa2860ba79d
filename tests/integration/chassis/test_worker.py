"""A command goes in, one outcome is recorded, events follow: on the real broker."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

import pytest
from tests.support.crashes import FaultyBroker
from tests.support.invariants import whole_log
from tests.support.rig import Sender, acme, working
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Ack, Outgoing
from catalyst.contracts.topology import MAX_GROUP_COMMANDS

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"


async def test_a_command_gets_one_outcome_and_its_events(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        sent = await sender.send(CREATE, "acme", acme())
        found = await sender.outcome("acme", sent)

        assert found.status == "accepted"
        assert found.events == ("environment.organization-created.v1",)
        event = await js.message("EV", found.seq)
        assert event is not None
        assert event.subject == "evt.acme.environment.organization.acme.organization-created.v1"


@pytest.mark.guarantee("G1.1")
async def test_an_outcome_is_kept_for_30_days_and_an_event_for_ever(js: JetStream) -> None:
    """In the words of the protocol, which a plain client relies on: not in those of the code."""
    sender = Sender(js)
    async with working(js):
        for status in ("accepted", "rejected"):
            sent = await sender.send(CREATE, "acme", acme())
            assert (await sender.outcome("acme", sent)).status == status
    lifetimes: dict[str, list[str | None]] = {}
    for stored in await whole_log(js):
        name = stored.subject.partition(".")[0]
        lifetimes.setdefault(name, []).append(stored.headers.get("Nats-TTL"))
    assert lifetimes["done"] == ["720h", "720h"]
    assert set(lifetimes["chk"]) == {"60s"}
    assert set(lifetimes["evt"]) == {None}
    assert lifetimes.keys() <= {"done", "chk", "evt", "clm"}
    assert set(lifetimes.get("clm", ())) <= {None}
    # Else the broker keeps the header and forgets nothing.
    assert (await js.stream_state("EV")).config["allow_msg_ttl"] is True


@pytest.mark.guarantee("G1.1")
async def test_a_repeat_gets_the_recorded_outcome(js: JetStream) -> None:
    sender = Sender(js)
    watched = FaultyBroker(js, counted=("batch", "publish done"))
    async with working(js, broker=watched):
        sent = await sender.send(CREATE, "acme", acme())
        first = await sender.outcome("acme", sent)
        inbox = asyncio.Queue[bytes]()

        async def heard(message: object) -> None:
            inbox.put_nowait(message.data)  # type: ignore[attr-defined]

        await js.link.subscribe("rsp.acme.1", cb=heard)
        await sender.send(
            CREATE, "acme", acme(), command_id=sent, headers={"Catalyst-Reply": "rsp.acme.1"}
        )
        async with asyncio.timeout(60):
            answer = await inbox.get()

        assert f'"seq":{first.seq}'.encode() in answer
        assert b'"accepted"' in answer
        # It was not decided again, only to be refused by the guard of its outcome.
        assert watched.calls == ["batch"]


@pytest.mark.guarantee("G1.1")
async def test_a_repeat_gets_the_recorded_outcome_of_a_worker_that_is_gone(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        sent = await sender.send(CREATE, "acme", acme())
        first = await sender.outcome("acme", sent)
    async with working(js) as worker:
        await sender.send(CREATE, "acme", acme(), command_id=sent)
        other = await sender.send(CREATE, "acme", acme(display_name="Other"))
        assert (await sender.outcome("acme", other)).code == "organization-exists"
        assert (await sender.outcome("acme", sent)).seq == first.seq
        assert worker.grouping.commands > 0


@dataclass
class SlowOnce(FaultyBroker):
    """Stores its first batch only when it is let."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        if not self.reached.is_set():
            self.reached.set()
            await self.go_on.wait()
        return await self.inner.batch(messages, timeout=timeout)


async def test_commands_that_wait_at_the_same_time_travel_together(js: JetStream) -> None:
    sender = Sender(js)
    slow = SlowOnce(js)
    async with working(js, broker=slow) as worker:
        sent = [await sender.send(CREATE, f"org-{n:03}", acme()) for n in range(200)]
        await slow.reached.wait()
        first = worker.grouping.commands
        await until(lambda: worker.grouping.waiting == len(sent) - first)
        slow.go_on.set()
        for number, command_id in enumerate(sent):
            found = await sender.outcome(f"org-{number:03}", command_id)
            assert found.status == "accepted"

        assert worker.grouping.commands == len(sent)
        assert worker.grouping.batches == 1 + ceil((len(sent) - first) / MAX_GROUP_COMMANDS)


@pytest.mark.guarantee("G2.2", "G2.4")
async def test_what_was_taken_for_absent_spoils_nobody_elses_command(js: JetStream) -> None:
    """A worker that has read nothing yet guesses that what is to be made is not there."""
    sender = Sender(js)
    front = {"parent_domain": "example.org", "subdomain": "shop"}
    async with working(js):
        first = await sender.send(CREATE, "org-010", acme(public_front=front))
        assert (await sender.outcome("org-010", first)).status == "accepted"
    sent = {}
    for number in range(100):
        slug = f"org-{number:03}"
        data = acme(public_front=front) if number in {20, 70} else acme()
        sent[slug] = await sender.send(CREATE, slug, data)
    async with working(js) as worker:
        codes = {slug: (await sender.outcome(slug, name)).code for slug, name in sent.items()}
        batches = worker.grouping.batches

    wrong = {slug: code for slug, code in codes.items() if code}
    assert wrong == {
        "org-010": "organization-exists",
        "org-020": "host-taken",
        "org-070": "host-taken",
    }
    # Decided each alone after the first refusal, those of one group would be 64 batches.
    assert batches < 40
