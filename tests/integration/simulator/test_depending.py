"""A database that dies keeps what needs it from being applied, on a real broker."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from tests.integration.simulator.test_simulating import PROD, said, simulated
from tests.support.beside import made, place_of, told, wanted
from tests.support.broker import Access
from tests.support.rig import working
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import topology as contract
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning import handlers
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.queries import Planner
from catalyst.simulator.cluster import STAGES

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.20")]

NEEDS = {"wiki": ("db",), "db": ()}
"""What needs something is committed first."""


async def committed(js: JetStream, name: str, commit: str) -> None:
    """Let a revision of an Application stand in Git."""
    change = f"ch-{commit}"
    desired = Desired(
        change=change,
        blueprint="bp-x",
        origin="public",
        version="1.0.0",
        digest="sha256:0",
        dependencies={f"the-{other}": other for other in NEEDS[name]},
    )
    wish = app1.DesiredSet(environment=PROD, change=change, desired=desired)
    done = app1.RevisionCommitted(
        environment=PROD, change=change, repository=name, branch="main", commit=commit
    )
    for other in NEEDS[name]:
        needed = app1.DependentAdded(environment=PROD, dependent=name, change=change)
        await said(js, application_ref("acme", other), needed)
    await said(js, application_ref("acme", name), wish)
    await said(js, application_ref("acme", name), done)


async def seen(js: JetStream, name: str) -> app1.ApplicationObserved | None:
    """Return what was seen of an Application last."""
    subject = application_ref("acme", name).event("application-observed", 1)
    found = await js.replay("EV", subject)
    if not found:
        return None
    data = msgspec.json.decode(found[-1].data)["data"]
    return msgspec.convert(data, app1.ApplicationObserved)


async def told_whole(js: JetStream) -> bool:
    """Return whether each stage of the wiki's second commit was spoken of by now."""
    found = await js.replay("FACTS", "ws.acme-prod.flux.wiki-prod")
    uids = [msgspec.json.decode(one.data)["object"]["metadata"]["uid"] for one in found]
    return uids[-1] != uids[0] and uids.count(uids[-1]) == len(STAGES)


async def heard(js: JetStream) -> bool:
    """Return whether all that was told was looked at, and written down."""
    listed = await js.api("CONSUMER.LIST.FACTS", {})
    durable = [one for one in listed["consumers"] or () if one["config"].get("durable_name")]
    return bool(durable) and not any(
        one["num_pending"] or one["num_ack_pending"] for one in durable
    )


async def chain(js: JetStream, name: str) -> list[tuple[int, str, str, str]]:
    """Return what keeps an Application, as its row in the read model says."""
    happened: list[Any] = made(PROD)
    for one in NEEDS:
        happened += wanted(one)
    shapes = {
        "desired-set": app1.DesiredSet,
        "dependent-added": app1.DependentAdded,
        "revision-committed": app1.RevisionCommitted,
        "application-observed": app1.ApplicationObserved,
    }
    for message in await js.replay("EV", "evt.acme.provisioning.application.>"):
        tokens = message.subject.split(".")
        data = msgspec.json.decode(message.data)["data"]
        event = msgspec.convert(data, shapes[tokens[5]])
        happened.append((application_ref("acme", tokens[4]), event))
    links = place_of(told(happened), name).blocked_by
    return [(one.depth, one.kind, one.name, one.code) for one in links]


async def test_a_database_that_dies_keeps_what_needs_it_back_and_is_named_as_the_cause(
    js: JetStream, access: Access
) -> None:
    await topology.ensure(js, contract.topology_of("provisioning"))
    service = handlers.service(
        Planner(cast("Any", None), cast("Any", None), "OMR", ""), (), (hearing.source(),)
    )

    async def word(mode: str) -> None:
        await js.publish(Outgoing("ws.acme-prod.simulator.db", msgspec.json.encode({"mode": mode})))

    async def reason(name: str, *wanted: str) -> bool:
        found = await seen(js, name)
        return found is not None and (found.health, found.reason, found.commit) == wanted

    async with working(js, service):
        async with simulated(access):
            await word("crash-loop")
            for name in NEEDS:
                await committed(js, name, "aaa")
            await until(lambda: reason("db", "degraded", "CrashLoopBackOff", "aaa"))
            waits = ("progressing", "DependencyNotReady", "")
            await until(lambda: reason("wiki", *waits))
            wiki = await seen(js, "wiki")
            assert wiki is not None
            assert [item.kind for item in wiki.evidence] == ["Kustomization"]
            led = await chain(js, "wiki")
            assert led[0] == (0, "application", "db", "dependency-not-ready")
            assert (1, "Pod", "db-0", "crash-loop") in led
        # Started anew it says the same, until the database is well.
        async with simulated(access):
            await committed(js, "wiki", "bbb")
            await until(lambda: reason("db", "degraded", "CrashLoopBackOff", "aaa"))
            # Nothing is left that would be told by itself.
            await until(lambda: told_whole(js))
            await until(lambda: heard(js))
            assert await reason("wiki", *waits)
            await word("well")
            await until(lambda: reason("db", "healthy", "", "aaa"))
            await until(lambda: reason("wiki", "healthy", "", "bbb"))
        assert await chain(js, "wiki") == []
