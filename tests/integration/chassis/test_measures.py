"""What a worker measures moves when what it stands for happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from tests.support import log as writing
from tests.support import rig
from tests.support.log import LogWriter
from tests.support.rig import Sender, acme
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.measures import Measures
from catalyst.chassis.service import Service, on
from catalyst.chassis.worker import Worker
from catalyst.contracts import environment_v1 as env
from catalyst.environment_controller.domain import registration

pytestmark = pytest.mark.real


class Shown:
    """A registry as `/metrics` shows it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.measures = Measures(self.registry)

    def of(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"catalyst_worker_{name}", labels) or 0.0


@asynccontextmanager
async def measured(js: JetStream, service: Any = rig.ORGANIZATIONS) -> AsyncIterator[Shown]:
    shown = Shown()
    worker = Worker(service, rig.runtime(js), shown.measures)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        await until(worker.active.is_set)
        try:
            yield shown
        finally:
            worker.stop()
            await running


async def test_outcomes_groups_and_the_lease_are_measured(js: JetStream) -> None:
    sender = Sender(js)
    create = "environment.create-organization.v1"
    async with measured(js) as shown:
        assert shown.of("lease_held") == 1
        for slug in ("acme", "acme"):
            found = await sender.send(create, slug, acme())
            await sender.outcome(slug, found)
        await until(
            lambda: (
                shown.of("commands_total", type=create, status="accepted", code="") == 1
                and shown.of(
                    "commands_total", type=create, status="rejected", code="organization-exists"
                )
                == 1
            )
        )
        assert shown.of("group_size_count") == 2
        assert shown.of("group_size_sum") == 2
        assert shown.of("lanes_open") == 0
    assert shown.of("lease_held") == 0


async def test_a_type_that_a_sender_made_up_names_no_series(js: JetStream) -> None:
    async with measured(js) as shown:
        subject = "cmd.acme.environment.organization.acme.made-up-by-me.v1"
        body = b'{"specversion":"1.0","id":"x1","source":"t","type":"environment.made-up-by-me.v1"}'
        await js.publish(Outgoing(subject, body))
        await Sender(js).outcome("acme", "x1")
        await until(
            lambda: (
                shown.of("commands_total", type="other", status="rejected", code="unknown-type")
                == 1
            )
        )


async def test_what_is_parked_and_its_dead_letter_are_measured(js: JetStream) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    bad = Service(
        name="environment",
        aggregates=rig.ORGANIZATIONS.aggregates,
        rules=(on(env.CreateOrganization, "organization", broken, registration.reads_create),),
    )
    async with measured(js, bad) as shown:
        await Sender(js).send("environment.create-organization.v1", "acme", acme())
        await until(lambda: shown.of("parked_total", reason="bug") == 1)
        assert shown.of("dead_letters_total", reason="bug") == 1


async def test_unreadable_input_is_measured_as_a_dead_letter(js: JetStream) -> None:
    async with measured(js) as shown:
        subject = "cmd.acme.environment.organization.acme.create-organization.v1"
        await js.publish(Outgoing(subject, b"{"))
        await until(
            lambda: any(
                sample.name == "catalyst_worker_dead_letters_total" and sample.value == 1
                for family in shown.registry.collect()
                for sample in family.samples
            )
        )


async def test_two_writers_of_one_thing_are_measured_as_a_conflict(js: JetStream) -> None:
    sender = Sender(js)
    async with measured(js) as shown:
        found = await sender.send("environment.create-organization.v1", "acme", acme())
        await sender.outcome("acme", found)
        # What the worker remembers of it is now behind the log.
        await LogWriter(js, "rival").decide(writing.renamed("acme", "Elsewhere"))
        again = await sender.send(
            "environment.change-owners.v1",
            "acme",
            {"owners": [{"email": "bob@example.org", "role": "owner"}]},
        )
        await sender.outcome("acme", again)
        await until(lambda: shown.of("conflicts_total") >= 1)
