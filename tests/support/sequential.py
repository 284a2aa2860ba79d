"""Organizations as one would decide them one command after the other, to compare the log with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from tests.support.invariants import check_log, whole_log
from tests.support.rig import Sender, acme

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.contracts.message import Outcome

CREATE = "environment.create-organization.v1"
SUSPEND = "environment.suspend-organization.v1"
RESUME = "environment.resume-organization.v1"


@dataclass(frozen=True)
class Op:
    """One command, before it has an id."""

    verb: str
    slug: str
    reason: str = ""
    parent: str = ""

    async def send(self, sender: Sender, command_id: str) -> None:
        data = {"reason": self.reason} if self.verb == SUSPEND else {}
        if self.verb == CREATE:
            data = acme(parent_org=self.parent) if self.parent else acme()
        await sender.send(self.verb, self.slug, data, command_id=command_id)


@dataclass
class Model:
    """What the Organizations are, by slug: the reason of a suspension, or empty."""

    suspended: dict[str, str] = field(default_factory=dict)

    def decide(self, op: Op) -> tuple[str, int]:
        """Take a command; return the code of its outcome and the number of its events."""
        present = self.suspended.get(op.slug)
        if op.verb == CREATE:
            if present is not None:
                return "organization-exists", 0
            if op.parent and op.parent not in self.suspended:
                return "parent-not-found", 0
            if op.parent and self.suspended[op.parent]:
                return "organization-suspended", 0
            self.suspended[op.slug] = ""
            return "", 1
        if present is None:
            return "organization-not-found", 0
        if op.verb == RESUME:
            if not present:
                return "organization-not-suspended", 0
            self.suspended[op.slug] = ""
            return "", 1
        self.suspended[op.slug] = op.reason
        return "", 0 if present == op.reason else 1


async def check_sequence(js: JetStream, sent: Mapping[str, Op]) -> None:
    """Assert that the log tells what the model does when it takes the commands in that order."""
    await check_log(js)
    model = Model()
    seen = set()
    for stored in await whole_log(js):
        if not stored.subject.startswith("done."):
            continue
        found = msgspec.json.decode(stored.data, type=Outcome)
        expected = model.decide(sent[found.id])
        assert (found.code, len(found.events)) == expected, (found, expected)
        seen.add(found.id)
    assert seen == set(sent)


async def send_all(sender: Sender, sent: Sequence[tuple[str, Op]]) -> None:
    """Publish commands in this order, repeats included."""
    for command_id, op in sent:
        await op.send(sender, command_id)
