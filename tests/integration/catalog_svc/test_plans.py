"""The real catalogue under provisioning's plans: the starter Blueprints, from events to a lock."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.integration.billing.town import CASHIER, OWNER
from tests.integration.catalog_svc.town import Town, registered
from tests.integration.provisioning.town import PROD, write
from tests.support import ranges
from tests.support.catalogue import spec
from tests.support.rig import Sender

from catalyst.blueprints import package
from catalyst.blueprints.lint import lint
from catalyst.chassis.jetstream.objects import Objects
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain.application import application_ref

pytestmark = pytest.mark.real
REACHES = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: "${{ application.name }}"}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: agent, image: "agent:1"}]}
"""
"""What reaches for its node, which an Organization's own source may not hold."""


def lock(answer: Any) -> dict[str, str]:
    """Return the Blueprint of each Application in a lock, in its order."""
    return {one["application"]: one["blueprint"] for one in answer["lock"]}


@pytest.mark.guarantee("G24.3")
async def test_a_tree_of_five_is_solved_from_what_was_registered(town: Town) -> None:
    asked = {"environment": PROD, "application": "grafana", "blueprint": "bp-grafana"}
    answer = await town.ask("catalog", "solve", asked)
    found = lock(answer)
    assert len(found) == 5
    assert list(found)[-1] == "grafana"
    places = {name: at for at, name in enumerate(found)}
    for one in answer["lock"]:
        assert all(
            places[other] < places[one["application"]] for other in one["dependencies"].values()
        )
    less = {**asked, "config": {"metrics": {"source": "none"}, "logs": {"source": "none"}}}
    assert len(lock(await town.ask("catalog", "solve", less))) == 2


async def test_a_value_that_is_missing_is_told_at_its_field(town: Town) -> None:
    for parts in ({}, {"parts": {"wiki": False}}):
        with pytest.raises(Rejected) as refused:
            await town.plan("bp-team-suite", values=parts)
        assert refused.value.code == "values-invalid"
        assert [(one.pointer, one.message) for one in refused.value.errors] == [
            ("/request/values/baseDomain", "baseDomain is missing; add baseDomain")
        ]


@pytest.mark.guarantee("G24.3")
async def test_a_plan_rests_on_the_lock_of_the_real_catalogue(town: Town) -> None:
    found = await town.plan("bp-wiki")
    assert {item.application: item.version for item in found.lock} == {
        "postgres": found.lock[0].version,
        "wiki": "2.1.1",
    }
    tree = await town.plan("bp-grafana")
    assert len(tree.lock) == 5
    assert tree.files
    # What is curated afterwards counts at once, and is told as the catalogue tells it.
    hidden = cat1.BlueprintHidden(reason="We write elsewhere.")
    await write(town.js, Ref("acme", "catalog", "curation", "public-bp-wiki"), hidden)
    with pytest.raises(Rejected) as caught:
        await town.plan("bp-wiki")
    assert caught.value.code == "not-solvable"
    assert caught.value.message == "bp-wiki is hidden: We write elsewhere."


@pytest.mark.guarantee("G13.7")
async def test_a_plan_that_waits_says_so_down_to_the_source_that_is_not_read(town: Town) -> None:
    source = Ref("acme", "blueprint", "source", "main")
    added = bp1.SourceAdded(
        name="main", kind="git", location="/git/acme/main.git", origin="private"
    )
    failed = bp1.SyncFailed(run=1, code="refused", message="git refused it", failures=1)
    missing = (bp1.Missing(blueprint="bp-none", version="^1"),)
    own = Ref("acme", "blueprint", "blueprint", "private-bp-own")
    registered = bp1.VersionRegistered(
        name="bp-own",
        origin="private",
        version="1.0.0",
        digest=f"sha256:{'0' * 64}",
        size=1,
        spec=spec("1.0.0", "bp-none ^1"),
        source="main",
        missing=missing,
    )
    for ref, event in ((source, added), (source, failed), (own, registered)):
        await write(town.js, ref, event)
    found = await town.plan("bp-own")
    (blocker,) = found.blocked_by
    assert [(link.kind, link.name, link.code) for link in blocker.chain] == [
        ("blueprint", "bp-none", "dependency-missing"),
        ("source", "main", "refused"),
    ]
    assert "git refused it" in blocker.chain[-1].message
    assert blocker.chain[-1].since is not None

    assert await town.applied("ch-1", found) == "not-solvable"
    # The chain becomes another one, the plan does not.
    await write(town.js, source, msgspec.structs.replace(failed, run=2, failures=2))
    again = await town.plan("bp-own")
    assert again.hash == found.hash
    assert again.blocked_by != found.blocked_by
    assert await town.applied("ch-2", found) == "not-solvable"


@pytest.mark.guarantee("G14.20")
async def test_a_change_builds_on_nothing_that_one_under_way_may_take_back(town: Town) -> None:
    first = await town.plan("bp-shop")
    assert [(one.application, one.version) for one in first.lock] == [
        ("store", "3.0.0"),
        ("shop", "2.0.0"),
    ]
    assert await town.applied("ch-1", first) == ""
    found = await town.plan("bp-shop", application="kiosk")
    assert [(one.application, one.role) for one in found.lock] == [
        ("store", "shared"),
        ("kiosk", "target"),
    ]
    (blocker,) = found.blocked_by
    assert (blocker.code, blocker.chain[0].name) == ("dependency-unsettled", "ch-1")
    assert await town.applied("ch-2", found) == "dependency-unsettled"
    own = await town.plan("bp-shop", application="kiosk", dependencies={"store": "new"})
    assert own.blocked_by == ()
    assert await town.applied("ch-3", own) == ""


@pytest.mark.guarantee("G24.4")
async def test_an_alias_that_the_version_does_not_have_is_refused_at_its_field(town: Town) -> None:
    with pytest.raises(Rejected) as caught:
        await town.plan("bp-shop", application="kiosk", dependencies={"stroe": "new"})
    told = "bp-shop needs nothing called 'stroe'; there is store"
    assert caught.value.code == "invalid-data"
    assert [(one.pointer, one.message) for one in caught.value.errors] == [
        ("/request/dependencies/stroe", told)
    ]
    own = await town.plan("bp-shop", application="kiosk", dependencies={"store": "new"})
    assert await town.applied("ch-1", own) == ""
    # A change of what runs would else be told to be as asked for.
    with pytest.raises(Rejected) as caught:
        await town.change("configure", application="kiosk", dependencies={"stroe": "new"})
    assert (caught.value.code, caught.value.message) == ("invalid-data", told)


@pytest.mark.guarantee("G14.20")
async def test_a_way_back_that_does_not_fit_is_refused_with_the_reason(town: Town) -> None:
    digests = {key: package.digest(one) for key, one in ranges.packages().items()}

    async def runs(name: str, blueprint: str, version: str, **dependencies: str) -> None:
        desired = Desired(
            change=f"{name}-{version}",
            blueprint=blueprint,
            origin="public",
            version=version,
            digest=digests[blueprint, version],
            dependencies=dependencies,
        )
        event = app1.DesiredSet(environment=PROD, change=desired.change, desired=desired)
        await write(town.js, application_ref("acme", name), event)

    needed = app1.DependentAdded(environment=PROD, dependent="shop", change="shop-1.0.0")
    await runs("store", "bp-store", "1.0.0")
    await write(town.js, application_ref("acme", "store"), needed)
    for version in ("1.0.0", "1.1.0"):
        await runs("shop", "bp-shop", version, store="store")
    back = await town.change("rollback", application="shop")
    assert back.desired[f"shop.{PROD}"].version == "1.0.0"
    await runs("store", "bp-store", "2.0.0")
    # What it needs has gone on by itself, and goes back with it.
    back = await town.change("rollback", application="shop")
    assert [(one.application, one.version, one.role) for one in back.lock] == [
        ("store", "1.0.0", "upgraded"),
        ("shop", "1.0.0", "target"),
    ]
    assert (await town.change("rollback", application="store")).blocked_by == ()
    await runs("shop", "bp-shop", "2.0.0", store="store")
    with pytest.raises(Rejected, match="shared by shop, which needs >=2") as caught:
        await town.change("rollback", application="store")
    assert caught.value.code == "not-solvable"
    # Nor does it go back under somebody else.
    await runs("kiosk", "bp-shop", "2.0.0", store="store")
    with pytest.raises(Rejected, match=r"bp-shop 1\.0\.0 needs bp-store \^1") as caught:
        await town.change("rollback", application="shop", revision="shop-1.0.0")
    assert caught.value.code == "not-solvable"


@pytest.mark.guarantee("G20.11")
async def test_what_a_rule_came_after_is_put_nowhere_and_left_where_it_runs(town: Town) -> None:
    reaching = ranges.made("secret", "1.1.0", manifest=REACHES)
    assert lint(reaching).findings, "the platform is told of it, and may"
    told = lint(reaching, own=True).reason
    for one in (ranges.made("secret", "1.0.0"), reaching):
        await registered(town.js, Objects(town.js), one, "acme")
    found = await town.plan("bp-secret")
    assert [item.version for item in found.lock] == ["1.0.0"]
    said = f"bp-secret 1.1.0 would not be registered any more: {told}"
    why = await town.ask("catalog", "why-not", {"blueprint": "secret", "version": "1.1.0"})
    assert why["reasons"] == [said]
    with pytest.raises(Rejected) as caught:
        await town.plan("bp-secret", version="1.1.0")
    assert (caught.value.code, caught.value.errors[-1].message) == ("not-solvable", said)
    desired = Desired(
        change="ch-0",
        blueprint="bp-secret",
        origin="private",
        version="1.1.0",
        digest=package.digest(reaching),
    )
    event = app1.DesiredSet(environment=PROD, change="ch-0", desired=desired)
    await write(town.js, application_ref("acme", "secret"), event)
    with pytest.raises(Rejected) as caught:
        await town.change("configure", application="secret", values={"level": "loud"})
    assert caught.value.code == "version-refused"
    assert said in caught.value.message
    notices = (await town.ask("catalog", "notices", {}))["applications"]
    assert [one["notices"][0]["reason"] for one in notices] == [told]
    # A version without it is the way on.
    await registered(town.js, Objects(town.js), ranges.made("secret", "1.2.0"), "acme")
    up = await town.change("upgrade", application="secret", values={"level": "loud"})
    assert await town.applied("ch-1", up) == ""


@pytest.mark.guarantee("G24.1")
async def test_a_person_curates_and_reads_why(town: Town) -> None:
    sender = Sender(town.js)
    sent = await sender.send(
        "catalog.pin-version.v1",
        "public-bp-wiki",
        {"version": "1.0.1", "reason": "Tested here."},
        organization="acme",
        headers={"Authorization": f"Bearer {town.keys.people().person(OWNER, [])}"},
    )
    assert (await sender.outcome("acme", sent)).status == "accepted"
    why = await town.ask("catalog", "why-not", {"blueprint": "wiki", "version": "2.1.1"})
    assert why["reasons"] == ["bp-wiki is pinned to 1.0.1: Tested here."]
    assert (await town.plan("bp-wiki")).lock[-1].version == "1.0.1"


@pytest.mark.guarantee("G23.1")
async def test_a_quote_names_no_price_of_what_the_catalogue_does_not_show(town: Town) -> None:
    ref = Ref("rivals", "blueprint", "blueprint", "private-bp-secret")
    registered = bp1.VersionRegistered(
        name="bp-secret",
        origin="private",
        version="1.0.0",
        digest=f"sha256:{'0' * 64}",
        size=1,
        spec=spec("1.0.0"),
        source="main",
    )
    published = bp1.VersionPublished(name="bp-secret", origin="private", version="1.0.0")
    for event in (registered, published):
        await write(town.js, ref, event)
    assert await town.quote("bp-wordpress") == 1500
    assert await town.quote("bp-secret", CASHIER) == 9000
    priced, unknown = await town.quote("bp-secret"), await town.quote("bp-nobody")
    assert priced[0] == "sku-unknown"
    assert str(priced) == str(unknown).replace("bp-nobody", "bp-secret")
