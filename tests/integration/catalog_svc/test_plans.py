"""The real catalogue under provisioning's plans: the starter Blueprints, from events to a lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.billing.town import CASHIER, OWNER
from tests.integration.billing.town import Town as Money
from tests.integration.provisioning.town import PROD, write
from tests.support import billing, ranges, starters
from tests.support.catalogue import spec
from tests.support.rig import Sender, working
from tests.support.waiting import until

from catalyst.billing import handlers as billing_handlers
from catalyst.blueprint_controller.domain.spec import travelling
from catalyst.blueprints import document, package
from catalyst.catalog_svc import handlers as catalog_handlers
from catalyst.catalog_svc.adapters.content import StoredContents
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.provisioning_values_v1 import Desired, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import BILLING_ADMIN
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller import handlers as environment_handlers
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning import handlers as provisioning_handlers
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.preparing import deletion
from catalyst.provisioning.queries import Planner

pytestmark = pytest.mark.real
OURS = {name for name, _ in ranges.packages()}
FREE = "".join(
    f'  {name}: {{name: {name}, month: {{OMR: "0.000", USD: "0.00"}}}}\n'
    for name in sorted({starters.blueprint(one).name for one in starters.NAMES} | OURS)
    if f"{name.removeprefix('bp-')}:" not in billing.TEXT
)
SECRET = '  bp-secret: {name: Secret, month: {OMR: "9.000", USD: "23.00"}}\n'
BOOK = billing.TEXT.replace("usage:", f"{FREE}{SECRET}usage:")


@dataclass(frozen=True)
class Town:
    """Who may be asked."""

    js: JetStream
    keys: KeyRing
    provisioning: Worker

    async def ask(self, service: str, name: str, request: Any) -> Any:
        """Ask a question as a member of `acme`."""
        token = self.keys.people().person(OWNER, [])
        asked = Asked(self.js, lambda: token, timeout=15)
        return await asked.ask(service, name, 1, "acme", msgspec.to_builtins(request))

    async def quote(self, blueprint: str, by: str = OWNER) -> Any:
        """Return the total of what is quoted to a person, or why nothing is."""
        token = self.keys.people().person(by, [BILLING_ADMIN] if by == CASHIER else [])
        item = {"application": "a", "environment": PROD, "blueprint": blueprint}
        wanted = {"items": [item], "currency": "OMR"}
        try:
            asked = Asked(self.js, lambda: token, timeout=15)
            found = await asked.ask("billing", "quote", 1, "acme", wanted)
        except Rejected as refusal:
            return refusal.code, refusal.message, refusal.errors
        return found["total"]["minor"]

    async def plan(self, blueprint: str, **more: Any) -> Plan:
        """Return the plan of an install."""
        named = {"application": blueprint.removeprefix("bp-"), "blueprint": blueprint}
        return await self.change("install", **{**named, **more})

    async def change(self, action: str, **more: Any) -> Plan:
        """Return the plan of a change."""
        request = PlanRequest(action=action, environment=PROD, **more)  # type: ignore[arg-type]
        return msgspec.convert(await self.ask("provisioning", "plan", request), Plan)

    async def applied(self, name: str, found: Plan) -> str:
        """Apply a plan, and return why that is refused; empty: it is not."""
        back = {name: getattr(found, name) for name in ("hash", "inputs", "expires")}
        data = msgspec.to_builtins({"request": found.request, **back})
        sender = Sender(self.js)
        headers = {"Authorization": f"Bearer {self.keys.people().person(OWNER, [])}"}
        sent = await sender.send(
            "provisioning.apply-plan.v1", name, data, organization="acme", headers=headers
        )
        return (await sender.outcome("acme", sent)).code


@pytest.fixture
async def town(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    keys = KeyRing.open(tmp_path / "keys")
    root = GitRoot(tmp_path / "git")
    objects = Objects(js)
    asking = Asked(js, keys.service("provisioning").service)
    planner = Planner(objects, asking, "OMR", "https://git.example")
    catalog = catalog_handlers.service(Tantivy, StoredContents(objects))
    async with AsyncExitStack() as stack:
        stack.callback(root.close)
        environment = environment_handlers.service(DulwichHome(root))
        for service in (environment, catalog):
            await stack.enter_async_context(working(js, service, keys=keys))
        asks = Asked(js, keys.service("billing").service)
        cash = await stack.enter_async_context(
            working(js, billing_handlers.service(asks), keys=keys)
        )
        provisioning = provisioning_handlers.service(planner, (deletion(asking),), ())
        worker = await stack.enter_async_context(working(js, provisioning, keys=keys))
        money = Money(js, keys, cash)
        book = bill1.ApplyPriceBook(document=BOOK)
        assert (await money.ask(book, "_", "default", by=CASHIER)).status == "accepted"
        await money.found(["acme"])
        await settle(js, keys, worker)
        await register(js, objects)
        yield Town(js, keys, worker)


async def settle(js: JetStream, keys: KeyRing, worker: Worker) -> None:
    """Create `acme-prod`, and wait until `acme` is onboarded."""
    sender = Sender(js)
    sent = await sender.send(
        "environment.create-environment.v1",
        PROD,
        {
            "env_type": "prod",
            "placement": "single-region",
            "regions": [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}],
        },
        organization="acme",
        headers={"Authorization": f"Bearer {keys.people().person(OWNER, [])}"},
    )
    done = await sender.outcome("acme", sent)
    assert done.status == "accepted", done

    async def ready() -> bool:
        kept = await worker.states.state(foreign.organization_ref("acme"))
        return isinstance(kept, foreign.Organization) and kept.phase == "ready"

    await until(ready)


async def register(js: JetStream, objects: Objects) -> None:
    """Let every starter Blueprint be stored and published, and a shop with its store."""
    for made in (*map(starters.package, starters.NAMES), *ranges.packages().values()):
        found, raw = document.read(made).blueprint, package.to_tar(made)
        assert found is not None
        ref = Ref(None, "blueprint", "blueprint", f"public-{found.name}")
        registered = bp1.VersionRegistered(
            name=found.name,
            origin="public",
            version=found.version,
            digest=await objects.put(raw),
            size=len(raw),
            spec=travelling(found),
            source="starter",
        )
        published = bp1.VersionPublished(name=found.name, origin="public", version=found.version)
        await write(js, ref, registered)
        await write(js, ref, published)


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
