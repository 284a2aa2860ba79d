"""Indexes: what a query looks up is at the log's end, and no event keeps the others out."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from tests.support.rig import ORGANIZATIONS, Sender, acme, running, runtime, working
from tests.support.sequential import CREATE
from tests.support.strays import acknowledged
from tests.support.waiting import until

from catalyst.chassis.following import Following
from catalyst.chassis.index import Index
from catalyst.chassis.jetstream import asking, topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing, Unavailable
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.measures import Measures
from catalyst.chassis.service import Loader, Query, Service
from catalyst.chassis.worker import Worker
from catalyst.contracts import topology as contract
from catalyst.contracts.decision import Actor, Recorded
from catalyst.contracts.environment_v1 import OrganizationCreated

pytestmark = pytest.mark.real

FILTERS = ("evt.*.environment.organization.>",)


class Slugs:
    """An index of the slugs there are, by when they came."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.index = Index("slugs", FILTERS, self.apply)

    def apply(self, recorded: Recorded) -> None:
        if isinstance(recorded.event, OrganizationCreated):
            if recorded.ref.id == "poison":
                raise LookupError("a bug")
            self.found.append(recorded.ref.id)

    async def answer(
        self, _request: Mapping[str, Any], _organization: str, _actor: Actor, _load: Loader
    ) -> list[str]:
        return list(self.found)

    def service(self) -> Service:
        query = Query(name="slugs", version=1, for_command=CREATE, run=self.answer)
        return Service(
            name="environment",
            aggregates=ORGANIZATIONS.aggregates,
            rules=ORGANIZATIONS.rules,
            queries=(query,),
            indexes=(self.index,),
        )


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


@asynccontextmanager
async def _running(js: JetStream, slugs: Slugs, keys: KeyRing) -> AsyncIterator[Worker]:
    async with working(js, slugs.service(), keys=keys) as worker:
        yield worker


async def _ask(js: JetStream, keys: KeyRing) -> dict[str, Any]:
    token = keys.service("environment").service()
    headers = {"Authorization": f"Bearer {token}"}
    found = await asking.ask(js, "qry._.environment.slugs.v1", b"{}", headers, timeout=10)
    answer: dict[str, Any] = msgspec.json.decode(found)
    return answer


@pytest.mark.guarantee("G7.8")
async def test_a_query_sees_all_that_was_accepted_before_it_was_asked(
    js: JetStream, keys: KeyRing
) -> None:
    slugs, sender = Slugs(), Sender(js)
    async with _running(js, slugs, keys):
        for number in range(20):
            slug = f"org-{number:02}"
            done = await sender.outcome(slug, await sender.send(CREATE, slug, acme()))
            answer = await _ask(js, keys)
            assert answer["result"][-1] == slug
            assert len(answer["result"]) == number + 1
            assert answer["as_of"] >= done.seq


async def test_what_stood_in_the_log_is_in_it_before_the_first_message(
    js: JetStream, keys: KeyRing
) -> None:
    first, second, sender = Slugs(), Slugs(), Sender(js)
    async with _running(js, first, keys) as worker:
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        assert worker.reading() is None
    assert not second.index.is_ready
    assert Worker(second.service(), runtime(js)).reading() == "the owners are being read"
    async with _running(js, second, keys) as worker:
        assert second.found == ["acme"]
        assert worker.reading() is None


@pytest.mark.guarantee("G7.8")
async def test_an_event_that_cannot_be_read_is_counted_and_passed_over(
    js: JetStream, keys: KeyRing
) -> None:
    slugs, sender = Slugs(), Sender(js)
    registry = CollectorRegistry()
    await topology.ensure(js, contract.topology_of("environment"))
    place = "evt.acme.environment.organization.acme"
    await js.publish(Outgoing(f"{place}.organization-created.v1", b"not JSON"))
    await js.publish(Outgoing(f"{place}.from-the-future.v1", b"{}"))
    standing = runtime(js, keys=keys)
    worker = Worker(slugs.service(), standing, Measures(registry))
    async with running(worker):
        for slug in ("poison", "omantel"):
            await sender.outcome(slug, await sender.send(CREATE, slug, acme()))
        assert (await _ask(js, keys))["result"] == ["omantel"]
    counted = registry.get_sample_value(
        "catalyst_worker_index_passed_over_total", {"index": "slugs"}
    )
    assert counted == 3


@pytest.mark.guarantee("G7.21")
async def test_an_answer_of_the_broker_among_the_events_is_passed_over(
    js: JetStream, keys: KeyRing
) -> None:
    slugs, sender = Slugs(), Sender(js)
    async with _running(js, slugs, keys):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await acknowledged(js, "evt.acme.environment.organization.acme.organization-created.v1")
        await sender.outcome("omantel", await sender.send(CREATE, "omantel", acme()))
        assert (await _ask(js, keys))["result"] == ["acme", "omantel"]


async def test_a_lost_consumer_is_made_again_and_nothing_comes_twice(
    js: JetStream, keys: KeyRing
) -> None:
    slugs, sender = Slugs(), Sender(js)
    async with _running(js, slugs, keys):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await until(lambda: slugs.found == ["acme"])
        names = (await js.api("CONSUMER.NAMES.EV", {}))["consumers"]
        for name in names:
            if name.startswith("index-slugs"):
                await js.api(f"CONSUMER.DELETE.EV.{name}", None)
        await sender.outcome("omantel", await sender.send(CREATE, "omantel", acme()))
        assert (await _ask(js, keys))["result"] == ["acme", "omantel"]


async def test_who_does_not_follow_is_not_caught_up(js: JetStream) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    await js.publish(Outgoing("evt.acme.environment.organization.acme.x.v1", b"{}"))
    index = Slugs().index
    with pytest.raises(Unavailable, match="is not running"):
        await index.catch_up()
    following = Following("nobody", FILTERS, lambda _item: None)
    with pytest.raises(Unavailable, match="nobody stands at 0, the log at 1"):
        await following.catch_up(js, timeout=0.1)
