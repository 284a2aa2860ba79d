"""What an Environment reads of an Application that it lets in: what it decides by, and no more."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.environment_controller.test_story import REGION
from tests.integration.provisioning.town import write, written
from tests.support import billing
from tests.support.crashes import FaultyBroker
from tests.support.guests import Meanwhile
from tests.support.invariants import check_log
from tests.support.rig import Sender, acme, working
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Ack, Outgoing, Stored, WrongSequence
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import application_v1 as app1
from catalyst.contracts.message import Event, Outcome
from catalyst.contracts.provisioning_values_v1 import Desired, Health
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.domain.applications import application_ref
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.handlers import service

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G2.10")]

PROD = "acme-prod"
ASKED = "c-asked"
"""The command in front of whose outcome something happens; the Environment has others in hand."""
WIKI = application_ref("acme", "wiki")
MANY = 1_200
"""Changes of health: more than the broker sends in one page."""
TAKEN = app1.ChangeTaken(change="ch-1", environment=PROD, action="configure")
LEFT = app1.ChangeLeft(change="ch-1", environment=PROD, result="failed")
RUNS = app1.DesiredSet(
    environment=PROD,
    change="ch-0",
    desired=Desired(
        change="ch-0", blueprint="bp-wiki", origin="public", version="1.0.0", digest="sha256:0"
    ),
)


def observed(health: Health = "healthy") -> app1.ApplicationObserved:
    return app1.ApplicationObserved(
        environment=PROD,
        applied="current",
        revision="ch-0",
        health=health,
        source="cluster",
        observed_at=billing.NOW,
    )


@dataclass
class Looking(Meanwhile):
    """Notes what is read of the Application, and what the broker refuses to store."""

    read: list[str] = field(default_factory=list)
    refused: int = 0

    def _note(self, found: Iterable[Stored]) -> None:
        self.read += [one.subject for one in found if one.subject.startswith(WIKI.guard[:-1])]

    @override
    async def last_many(
        self, stream: str, subjects: Sequence[str], *, up_to: int | None = None
    ) -> list[Stored]:
        found = await super().last_many(stream, subjects, up_to=up_to)
        self._note(found)
        return found

    @override
    async def replay(
        self, stream: str, subject: str, *, start: int = 1, limit: int | None = None
    ) -> list[Stored]:
        found = await super().replay(stream, subject, start=start, limit=limit)
        self._note(found)
        return found

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        try:
            return await super().batch(messages, timeout=timeout)
        except WrongSequence:
            self.refused += 1
            raise


@dataclass(frozen=True)
class Home:
    """An Environment whose worker can be looked at."""

    js: JetStream
    keys: KeyRing
    broker: Looking

    async def ask(self, verb: str = "admit-application", command_id: str = ASKED) -> Outcome:
        """Ask as provisioning would."""
        sender = Sender(self.js)
        token = self.keys.service("provisioning").service()
        sent = await sender.send(
            f"environment.{verb}.v1",
            PROD,
            {"application": "wiki", "change": "ch-1"},
            organization="acme",
            command_id=command_id,
            headers={"Authorization": f"Bearer {token}"},
        )
        return await sender.outcome("acme", sent)


@pytest.fixture
async def home(js: JetStream, tmp_path: Path) -> AsyncIterator[Home]:
    keys = KeyRing.open(tmp_path / "keys")
    broker = Looking(FaultyBroker(js))
    sender = Sender(js)
    table = service(DulwichHome(GitRoot(tmp_path / "git")))
    async with working(js, table, broker=broker, keys=keys) as worker:
        create = "environment.create-organization.v1"
        await sender.outcome("acme", await sender.send(create, "acme", acme()))

        async def ready() -> bool:
            state = await worker.states.state(ref_of("acme"))
            return bool(state.phase == "ready" and state.manifest.commit)

        await until(ready)
        data = {"env_type": "prod", "placement": "single-region", "regions": [REGION]}
        create = "environment.create-environment.v1"
        made = await sender.send(create, PROD, data, organization="acme")
        assert (await sender.outcome("acme", made)).status == "accepted"
        yield Home(js, keys, broker)
    await check_log(js)


async def many(js: JetStream, story: Sequence[Event]) -> None:
    """Write events of the Application, as provisioning would."""
    messages = [written(js, WIKI, event) for event in story]
    for start in range(0, len(messages), 400):
        await js.batch(messages[start : start + 400])


async def test_what_was_seen_of_an_application_is_not_read_to_let_it_in(home: Home) -> None:
    flapping = [observed("degraded" if number % 2 else "healthy") for number in range(MANY)]
    await many(home.js, [RUNS, *flapping[: MANY // 2], TAKEN, *flapping[MANY // 2 :]])

    asked = await home.ask()

    assert asked.status == "accepted", asked
    assert home.broker.read
    # The newest of each kind, and each one of those that say whose turn it is and what is to run;
    # besides what is read at first, while an Application may have a short history.
    assert len(home.broker.read) <= 3 + 2 + 8, len(home.broker.read)


@pytest.mark.parametrize("verb", ["admit-application", "release-application"])
async def test_what_it_does_not_read_stops_a_decision_all_the_same(home: Home, verb: str) -> None:
    await many(home.js, [RUNS, *[observed()] * 20, TAKEN])
    assert (await home.ask(command_id="c-first")).status == "accepted"
    home.broker.refused = 0
    home.broker.act = lambda: write(home.js, WIKI, observed("degraded"))
    home.broker.before = f"done.acme.{ASKED}"

    asked = await home.ask(verb)

    assert asked.status == "accepted", asked
    assert home.broker.refused == 1


async def test_a_change_that_ends_meanwhile_is_seen_behind_all_that_is_not_read(
    home: Home,
) -> None:
    await many(home.js, [RUNS, *[observed()] * 20, TAKEN])

    async def ends() -> None:
        await many(home.js, [observed("degraded"), LEFT, observed()])

    home.broker.act = ends
    home.broker.before = f"done.acme.{ASKED}"

    asked = await home.ask()

    assert (asked.status, asked.code) == ("rejected", "change-over")
    assert home.broker.refused == 1
