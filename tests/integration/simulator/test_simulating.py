"""From a commit to what is seen, on a real broker: simulator, facts, provisioning."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest
from tests.support.broker import Access
from tests.support.rig import working
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
from catalyst.contracts.message import Envelope, Event
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Ref
from catalyst.provisioning import handlers
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.queries import Planner
from catalyst.simulator.worker import Simulator

pytestmark = pytest.mark.real

BLOG = application_ref("acme", "blog")
PROD = "acme-prod"
DESIRED = Desired(
    change="ch-1", blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
)


async def said(js: JetStream, ref: Ref, event: Event) -> None:
    """Let something have happened to an Application."""
    message = named(type(event), "provisioning")
    envelope = Envelope(
        specversion="1.0",
        id=f"_{js.unique()}",
        source="test",
        type=message.type,
        correlationid="c",
        causationid="c",
        organization="acme",
        actor="service:provisioning",
        data=msgspec.Raw(codec.encode(event)),
    )
    await js.publish(Outgoing(ref.event(message.name, message.version), codec.encode(envelope)))


async def seen(js: JetStream) -> list[dict[str, Any]]:
    found = await js.replay("EV", BLOG.event("application-observed", 1))
    return [msgspec.json.decode(item.data)["data"] for item in found]


@asynccontextmanager
async def simulated(access: Access) -> AsyncIterator[None]:
    simulator = Simulator(access.url, access.user, access.password, pace=0.02)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(simulator.run())
        try:
            yield
        finally:
            simulator.stop()


@pytest.mark.guarantee("G13.4")
async def test_a_commit_is_seen_healthy_and_a_failure_as_what_it_is(
    js: JetStream, access: Access
) -> None:
    await topology.ensure(js, contract.topology_of("provisioning"))
    service = handlers.service(
        Planner(cast("Any", None), cast("Any", None), "OMR", ""), (), (hearing.source(),)
    )
    async with working(js, service):
        await said(js, BLOG, app1.DesiredSet(environment=PROD, change="ch-1", desired=DESIRED))
        committed = app1.RevisionCommitted(
            environment=PROD,
            change="ch-1",
            repository="blog",
            branch="main",
            commit="aaa",
            namespace="blog--prod",
        )
        async with simulated(access):
            await said(js, BLOG, committed)

            async def last(*wanted: str) -> bool:
                found = await seen(js)
                return bool(found) and (found[-1]["health"], found[-1]["revision"]) == wanted

            await until(lambda: last("healthy", "ch-1"))
            word = msgspec.json.encode({"mode": "image-pull"})
            await js.publish(Outgoing("ws.acme-prod.simulator.blog", word))

            async def why() -> bool:
                # What the reconciler says and what the pod says are two facts.
                return bool((await seen(js))[-1]["reason"] == "ImagePullBackOff")

            await until(lambda: last("degraded", "ch-1"))
            await until(why)
            assert (await seen(js))[-1]["source"] == "simulator"
            said_of = {item["namespace"] for item in (await seen(js))[-1]["evidence"]}
            assert said_of == {"acme", "blog--prod"}
            count = len(await seen(js))
        async with simulated(access):
            # Read anew from the log's beginning, with the word that still holds: nothing is new.
            await said(js, BLOG, msgspec.structs.replace(committed, change="ch-2", commit="bbb"))
            await until(lambda: last("degraded", "ch-2"))
        assert all(item["health"] != "healthy" for item in (await seen(js))[count:])


@pytest.mark.guarantee("G13.4")
async def test_what_a_change_leaves_out_or_moves_is_seen_gone_while_the_rest_runs(
    js: JetStream, access: Access
) -> None:
    await topology.ensure(js, contract.topology_of("provisioning"))
    service = handlers.service(
        Planner(cast("Any", None), cast("Any", None), "OMR", ""), (), (hearing.source(),)
    )
    committed = app1.RevisionCommitted(
        environment=PROD,
        change="ch-1",
        repository="blog",
        branch="main",
        commit="aaa",
        volumes=("data",),
        workloads=("Deployment/blog", "Deployment/worker"),
    )
    smaller = msgspec.structs.replace(
        committed,
        change="ch-2",
        commit="bbb",
        workloads=("Deployment/blog",),
        namespace="blog--prod",
    )

    async def runs(*wanted: str) -> bool:
        found = await seen(js)
        return (
            bool(found)
            and found[-1]["health"] == "healthy"
            and wanted
            == tuple(
                sorted(
                    f"{item['namespace']}/{item['name']}"
                    for item in found[-1]["evidence"]
                    if item["kind"] in {"Deployment", "PersistentVolumeClaim"}
                )
            )
        )

    async with working(js, service), simulated(access):
        await said(js, BLOG, app1.DesiredSet(environment=PROD, change="ch-1", desired=DESIRED))
        await said(js, BLOG, committed)
        await until(lambda: runs("blog/blog", "blog/data", "blog/worker"))
        await said(js, BLOG, smaller)
        await until(lambda: runs("blog--prod/blog", "blog--prod/data", "blog/data"))
