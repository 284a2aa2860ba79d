"""Another Organization's Applications, changes, money and private Blueprints: none of it."""

import asyncio
import itertools
from contextlib import AsyncExitStack

import msgspec
import pytest
from tests.integration.gateway.stack import Stack, created
from tests.support.waiting import until
from tools.examples import EXAMPLES

from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import codec, registry
from catalyst.contracts.message import Envelope, Event
from catalyst.contracts.subjects import Ref

SERVICES = ("provisioning", "billing", "blueprint", "catalog")
MEMBERS = {table.service: table.member for table in registry.TABLES}
VICTIM, MALLORY = "hoarder", "mal@prowler.example"
SECRET = "sansibar"
"""The id of everything that the other Organization has, so that a leak of any kind shows."""


async def filled(stack: Stack, doors: AsyncExitStack) -> int:
    """Write one event of every type that the four services have, as the Organization's own."""
    await created(stack, VICTIM, key="c-hoarder", display_name=SECRET)
    owners = [{"email": MALLORY, "role": "owner"}]
    await created(stack, "prowler", key="c-prowler", owners=owners)
    count = 0
    for service in SERVICES:
        js = await doors.enter_async_context(
            connect(stack.broker.url, name=MEMBERS[service], user=service, password=service)
        )
        for number, (type_, payload) in enumerate(EXAMPLES.items()):
            if type_.partition(".")[0] != service or not isinstance(payload, Event):
                continue
            message = registry.BY_TYPE[type_]
            ref = Ref(VICTIM, service, message.aggregates[0], f"{SECRET}-{service}")
            envelope = Envelope(
                specversion="1.0",
                id=f"_hoard{number}",
                source="test",
                type=type_,
                organization=VICTIM,
                actor=f"service:{service}",
                correlationid=f"c-{SECRET}",
                causationid=f"c-{SECRET}",
                data=msgspec.Raw(codec.encode(payload)),
            )
            subject = ref.event(message.name, message.version)
            await js.publish(Outgoing(subject, codec.encode(envelope)))
            count += 1
    return count


@pytest.mark.guarantee("G6.1")
@pytest.mark.guarantee("G6.2")
@pytest.mark.guarantee("G6.3")
async def test_nothing_of_the_new_kinds_is_read_streamed_or_changed(stack: Stack) -> None:
    async with AsyncExitStack() as doors:
        assert await filled(stack, doors) > 40
    kinds = {kind for t in registry.TABLES if t.service in SERVICES for kind in t.aggregates}
    async with stack.client(stack.token("ann@acme.example")) as http:

        async def shown() -> bool:
            # The one who may see it does: so there is something to leak.
            found = await http.get(f"/v1/state/all?organization={VICTIM}")
            return f"{SECRET}-provisioning" in found.text and f"{SECRET}-billing" in found.text

        await until(shown)
    addresses = [f"/v1/trace/c-{SECRET}", "/v1/state/all", f"/v1/state/all?organization={VICTIM}"]
    for kind in sorted(kinds):
        for name in (f"{kind}s", kind):
            addresses += [f"/v1/state/{name}", f"/v1/state/{name}?organization={VICTIM}"]
            addresses += [f"/v1/state/{name}/{SECRET}-{service}" for service in SERVICES]
        addresses += [
            f"/v1/events?aggregate={kind}",
            f"/v1/events?aggregate={kind}&organization={VICTIM}",
        ]
    for repository in (f"{SECRET}-provisioning", "catalog", "home"):
        for start in (VICTIM, f"prowler/../{VICTIM}", f"prowler/%2e%2e/{VICTIM}"):
            addresses.append(f"/git/{start}/{repository}.git/info/refs?service=git-upload-pack")
    token = stack.token(MALLORY)
    async with stack.client(token) as http:
        for address in addresses:
            found = await http.get(address)
            assert SECRET not in found.text.replace(address, ""), address
            assert found.status_code < 500, address
        for type_, payload in EXAMPLES.items():
            message = registry.BY_TYPE[type_]
            if type_.partition(".")[0] not in SERVICES or isinstance(payload, Event):
                continue
            for owner, kind in itertools.product((VICTIM, "_"), message.aggregates):
                refused = await http.post(
                    f"/v1/commands/{type_}",
                    params={"organization": owner, "id": SECRET, "aggregate": kind},
                    json=msgspec.to_builtins(payload),
                )
                assert refused.status_code in {403, 404}, (type_, owner, refused.text)
    await nothing_streamed(stack, token)


async def nothing_streamed(stack: Stack, token: str) -> None:
    """Read both streams from their beginning to what is Mallory's own, which comes last."""
    owners = [{"email": MALLORY, "role": "owner"}]
    await created(stack, "prowler-two", owners=owners)
    for path, params in (
        ("/v1/events", {"follow": "true", "continue": "1"}),
        ("/v1/stream", {"kinds": "all"}),
    ):
        seen = ""
        async with (
            asyncio.timeout(60),
            stack.client(token) as http,
            http.stream("GET", path, params=params) as stream,
        ):
            async for line in stream.aiter_lines():
                seen += line
                if "data: " in line and "prowler-two" in line:
                    break
        assert "prowler-two" in seen
        assert SECRET not in seen
        assert VICTIM not in seen
