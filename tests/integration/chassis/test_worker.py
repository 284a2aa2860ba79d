"""A command goes in, one outcome is recorded, events follow: on the real broker."""

import asyncio

import pytest
from tests.support.rig import Sender, acme, working

from catalyst.chassis.jetstream.broker import JetStream

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
async def test_a_repeat_gets_the_recorded_outcome(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
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


async def test_many_commands_at_once_travel_in_groups(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js) as worker:
        sent = [await sender.send(CREATE, f"org-{n:03}", acme()) for n in range(200)]
        for number, command_id in enumerate(sent):
            found = await sender.outcome(f"org-{number:03}", command_id)
            assert found.status == "accepted"

        assert worker.grouping.commands >= 200
        assert worker.grouping.batches < 100


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
