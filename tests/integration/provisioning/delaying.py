"""What a service is asked is set aside while its rules have a bug, and retried by a person."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from tests.integration.billing.town import ROOT
from tests.integration.provisioning.town import Town
from tests.support.rig import Sender
from tests.support.waiting import until

from catalyst.chassis import timer
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import codec, roles
from catalyst.contracts.message import Command
from catalyst.contracts.topology import DLQ
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.writing import DEADLINE


class Mood:
    """Whether some rules of a service have a bug today."""

    broken = False

    def spoil(
        self, monkeypatch: pytest.MonkeyPatch, handlers: Any, shapes: Sequence[type[Command]]
    ) -> None:
        """Give the rules of these commands the bug."""
        rules = tuple(
            self._moody(rule) if rule.shape in shapes else rule for rule in handlers.RULES
        )
        monkeypatch.setattr(handlers, "RULES", rules)

    def _moody(self, rule: Any) -> Any:
        def decide(state: Any, command: Any, context: Any) -> Any:
            if self.broken:
                raise ZeroDivisionError("a bug")
            return rule.decide(state, command, context)

        return dataclasses.replace(rule, decide=decide)


async def passes(place: Town, name: str) -> None:
    """Let the deadline of the step in progress pass, as the broker would say it."""
    ref = change_ref("acme", name)
    gen = (await place.change(name)).gen
    body = timer.Body(timer=DEADLINE, gen=gen)
    await place.js.publish(Outgoing(ref.due(DEADLINE), codec.encode(body)))

    async def passed() -> bool:
        return (await place.change(name)).gen != gen

    await until(passed)


async def nobody_answers(place: Town, name: str) -> None:
    """Let the deadlines of a change pass until it is over."""
    while not (await place.change(name)).is_over:
        await passes(place, name)


async def set_aside(place: Town, number: int) -> None:
    """Wait until so many messages are set aside."""

    async def there() -> bool:
        return (await place.js.stream_state(DLQ)).messages == number

    await until(there)


async def retry(place: Town, service: str, aggregate: str, name: str) -> None:
    """Let everything be carried out that was set aside at an aggregate of `acme`."""
    sender = Sender(place.js)
    token = place.keys.people().person(ROOT, [roles.SOVEREIGN_ADMIN])
    sent = await sender.send(
        f"{service}.retry.v1",
        name,
        organization="acme",
        aggregate=aggregate,
        headers={"Authorization": f"Bearer {token}"},
    )
    done = await sender.outcome("acme", sent)
    assert done.status == "accepted", (done.code, done.message)
