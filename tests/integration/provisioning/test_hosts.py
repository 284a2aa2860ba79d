"""One public host, one owner, beyond all Organizations and services, whoever wants it at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.billing.town import OWNER, ROOT
from tests.integration.provisioning.town import PROD, Town, town
from tests.support.planning import configure, entry, install
from tests.support.rig import Sender, acme

from catalyst.chassis import claiming
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Outcome
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain import hosts
from catalyst.provisioning.domain.plan import Plan

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.26")]
HOST = "wiki.example.com"


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        found.others.locks["db"] = [entry("db", "bp-postgres", "16.9.1")]
        plan = await found.plan(install("db", blueprint="bp-postgres"))
        assert (await found.apply("ch-db", plan)).status == "accepted"
        await found.through("ch-db")
        yield found


async def wiki(place: Town, name: str, host: str | None = HOST) -> Plan:
    """Return the plan by which a wiki has a host, or none any more."""
    shared = entry("db", "bp-postgres", "16.9.1", "shared")
    place.others.locks[name] = [shared, entry(name, "bp-wiki", "2.0.1", postgres="db")]
    if (await place.application(name)).expected(PROD)[0] is None:
        return await place.plan(install(name, blueprint="bp-wiki", values={"domain": host}))
    return await place.plan(configure(application=name, values={"domain": host}))


async def holder(place: Town, host: str = HOST) -> str:
    """Return who has a host, by what stands beside the claim; empty: nobody."""
    name = hosts.claim(host)
    held = (await claiming.read(place.js, [name]))[name].state
    return held.digest or (held.holder or "")


async def organization(place: Town, slug: str, subdomain: str) -> Outcome:
    """Create an Organization with a public host."""
    front = {"parent_domain": "example.com", "subdomain": subdomain}
    data = acme(owners=[{"email": OWNER, "role": "owner"}], public_front=front)
    sender = Sender(place.js)
    token = place.keys.people().person(ROOT, ["sovereign-admin"])
    sent = await sender.send(
        "environment.create-organization.v1",
        slug,
        data,
        headers={"Authorization": f"Bearer {token}"},
    )
    return await sender.outcome(slug, sent)


async def test_of_many_that_want_it_at_once_one_has_it(place: Town) -> None:
    names = [f"wiki-{number}" for number in range(6)]
    for turn in range(3):
        plans = {name: await wiki(place, name) for name in names}
        assert not any(found.blocked_by for found in plans.values())
        done = await asyncio.gather(
            *(place.apply(f"ch-{name}-{turn}", found) for name, found in plans.items())
        )
        (won,) = (n for n, one in zip(names, done, strict=True) if one.status == "accepted")
        assert {one.code for one in done if one.status != "accepted"} <= {
            "plan-stale",
            "host-taken",
        }
        assert await holder(place) == f"{won}.{PROD}"
        stop = pro1.CancelChange(reason="not today")
        assert (await place.money.ask(stop, "acme", f"ch-{won}-{turn}")).status == "accepted"
        await place.through(f"ch-{won}-{turn}")
        assert await holder(place) == ""


async def test_it_goes_on_to_whoever_comes_when_it_is_given_back(place: Town) -> None:
    assert (await place.apply("ch-1", await wiki(place, "wiki"))).status == "accepted"
    await place.through("ch-1")
    refused = await place.apply("ch-2", await wiki(place, "docs"))
    assert (refused.status, refused.code) == ("rejected", "host-taken")
    assert (await place.apply("ch-3", await wiki(place, "wiki", "new.example.com"))).code == ""
    assert {await holder(place), await holder(place, "new.example.com")} == {f"wiki.{PROD}"}
    await place.through("ch-3")
    assert await holder(place) == ""
    assert (await place.apply("ch-4", await wiki(place, "docs"))).code == ""
    await place.through("ch-4")
    gone = PlanRequest(action="uninstall", environment=PROD, application="docs")
    assert (await place.apply("ch-5", await place.plan(gone))).code == ""
    assert await holder(place) == f"docs.{PROD}"
    await place.through("ch-5")
    assert await holder(place) == ""


async def test_an_organization_and_an_application_do_not_have_the_same(place: Town) -> None:
    assert (await organization(place, "omantel", "wiki")).status == "accepted"
    found = await wiki(place, "wiki")
    assert [(one.code, one.message) for one in found.blocked_by] == [
        ("host-taken", f"another Organization has the host {HOST}")
    ]
    assert (await place.apply("ch-1", found)).code == "host-taken"
    assert (await place.apply("ch-2", await wiki(place, "wiki", "wikis.example.com"))).code == ""
    refused = await organization(place, "openova", "wikis")
    assert refused.code == "host-taken"
    assert [one.pointer for one in refused.errors] == ["/data/public_front/subdomain"]
