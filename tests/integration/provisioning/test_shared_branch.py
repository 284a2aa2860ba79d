"""Two Environments that share a branch: a commit for one is no other revision of the other one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import facts, planning
from tests.support.projecting import fresh
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.topology import DLQ, EV
from catalyst.contracts.values_v1 import Region
from catalyst.provisioning.adapters import hearing

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.11")]

LIVE = "acme-live-prod"


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    """A town with a second Environment of the same type, whose Applications have one branch."""
    keys = KeyRing.open(tmp_path / "keys")
    async with town(js, keys, tmp_path, sources=(hearing.source(),)) as found:
        region = Region(provider="hetzner", region="hel", building_block="rtz")
        second = env1.CreateEnvironment(
            env_type="prod", label="live", placement="single-region", regions=(region,)
        )
        done = await found.money.ask(second, "acme", LIVE)
        assert done.status == "accepted", (done.code, done.message, done.errors)
        found.others.locks["orders"] = [planning.entry("orders", "bp-postgres", "16.9.1")]
        yield found
        assert not (await js.stream_state(DLQ)).messages


async def say(place: Town, environment: str, commit: str, version: int) -> None:
    """Let the observer of an Environment say what its cluster applied."""
    for subject, data in (facts.kustomization(version, commit), facts.pod(version)):
        body = data.replace(b"blog", b"orders").replace(b"acme-prod", environment.encode())
        where = subject.replace("blog", "orders").replace("acme-prod", environment)
        await place.js.publish(Outgoing(where, body))


async def committing(place: Town, name: str, request: PlanRequest) -> None:
    """Let a change go on until it commits."""
    done = await place.apply(name, await place.plan(request))
    assert done.status == "accepted", (done.code, done.message, done.errors)
    if request.action == "install":
        await place.reached(name, "repository")
        await place.report(name, "repository", "orders")
    await place.reached(name, "commit")


async def reported(place: Town, name: str, environment: str, commit: str) -> None:
    await place.report(name, "commit", "orders", commits={environment: commit})
    await place.reached(name, "observe")


async def ended(place: Town, name: str, environment: str, commit: str, version: int) -> None:
    await say(place, environment, commit, version)
    assert (await place.over(name)).status == "completed"


async def shown(place: Town, environment: str) -> tuple[Any, ...]:
    """Return what a person is shown of an Environment: how it stands, and which revision runs."""
    rows = await fresh(place.js, (await place.js.stream_state(EV)).last_seq)
    row = msgspec.json.decode(rows["acme._.application._.orders"])["doc"]
    (found,) = (one for one in row["bindings"] if one["environment"] == environment)
    applied, health = found["applied"], found["health"]
    return (applied["status"], applied["revision"], health["status"], health["revision"])


async def heard(place: Town, environment: str, commit: str) -> None:
    """Wait until it is written what the cluster of an Environment applied."""

    async def there() -> bool:
        seen = (await place.application("orders")).binding(environment).observed
        return seen is not None and seen.commit == commit

    await until(there)


def install(environment: str) -> PlanRequest:
    return planning.install("orders", blueprint="bp-postgres", environment=environment)


async def test_each_shows_its_own_revision_whichever_of_their_commits_it_applied(
    place: Town,
) -> None:
    await committing(place, "ch-1", install(PROD))
    await reported(place, "ch-1", PROD, "aaa")
    await ended(place, "ch-1", PROD, "aaa", 1)
    runs = ("current", "ch-1", "healthy", "ch-1")
    assert await shown(place, PROD) == runs

    await committing(place, "ch-2", install(LIVE))
    await reported(place, "ch-2", LIVE, "bbb")
    # Both clusters follow the branch.
    await say(place, PROD, "bbb", 2)
    await heard(place, PROD, "bbb")
    assert await shown(place, PROD) == runs
    await ended(place, "ch-2", LIVE, "bbb", 2)
    assert await shown(place, PROD) == runs
    assert await shown(place, LIVE) == ("current", "ch-2", "healthy", "ch-2")

    # What is applied before anybody here knows the commit is told once it is known.
    anew = planning.configure(application="orders", environment=LIVE, values={"memoryMiB": 1024})
    await committing(place, "ch-3", anew)
    await say(place, PROD, "ccc", 3)
    await heard(place, PROD, "ccc")
    await reported(place, "ch-3", LIVE, "ccc")
    assert await shown(place, PROD) == runs
    await ended(place, "ch-3", LIVE, "ccc", 3)
    assert await shown(place, LIVE) == ("current", "ch-3", "healthy", "ch-3")
    assert await shown(place, PROD) == runs
