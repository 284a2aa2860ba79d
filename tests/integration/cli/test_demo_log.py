"""The demonstration's look at the log tells what a command wrote from what others did."""

import pytest
from tests.support.rig import Sender, acme, working

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.cli.demo.plain import plain

pytestmark = pytest.mark.real
CREATE = "environment.create-organization.v1"


async def test_what_the_decision_of_a_command_wrote_is_found_and_a_repeat_writes_nothing(
    js: JetStream, broker_url: str
) -> None:
    async with working(js), plain(broker_url, "", "", "") as sender:
        await Sender(js).send(CREATE, "acme", acme(), command_id="c-1")
        await Sender(js).outcome("acme", "c-1")
        first = await sender.head()
        # The outcome and the event; the claim of the name between them says of nobody's decision.
        assert (await sender.written("c-1", 0, first), first) == ([1, 3], 3)

        again = await sender.ask(
            "acme", "organization", "acme", "create-organization", acme(), "c-1"
        )
        assert (await sender.head(), again.outcome["status"]) == (first, "accepted")

        await Sender(js).send(CREATE, "globex", acme(), command_id="c-2")
        await Sender(js).outcome("globex", "c-2")
        second = await sender.head()
        assert await sender.written("c-1", first, second) == []
        assert (await sender.written("c-2", first, second), second) == ([4, 6], 6)
