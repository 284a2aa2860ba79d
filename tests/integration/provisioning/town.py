"""An Organization that installs: environment, billing and provisioning really run, as services.

The catalogue answers what a test scripted, until its own worker is there; effects are played by the
test, which reports as they would.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tests.integration.billing.town import CASHIER, OWNER, ROOT
from tests.integration.billing.town import Town as Money
from tests.support import billing, planning
from tests.support.rig import Sender, working
from tests.support.waiting import until

from catalyst.billing import handlers as billing_handlers
from catalyst.blueprints import package
from catalyst.catalog_svc.handlers import AGGREGATES as CURATION
from catalyst.chassis import timer
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Effect, Loader, Query, Service, Source
from catalyst.chassis.worker import Worker
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import codec, registry, roles
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor
from catalyst.contracts.message import Envelope, Event, Outcome
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller import handlers as environment_handlers
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning import handlers
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import Application, application_ref
from catalyst.provisioning.domain.change import Change, change_ref
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.domain.steps import is_removal
from catalyst.provisioning.domain.writing import DEADLINE
from catalyst.provisioning.preparing import deletion
from catalyst.provisioning.queries import Planner

PROD = "acme-prod"
BOOK = billing.TEXT.replace(
    "usage:",
    '  bp-postgres: {name: Postgres, month: {OMR: "2.000", USD: "5.20"}}\n'
    '  bp-redis: {name: Redis, month: {OMR: "0.000", USD: "0.00"}}\nusage:',
)


@dataclass(frozen=True)
class Town:
    """What runs, and who may speak."""

    js: JetStream
    keys: KeyRing
    money: Money
    worker: Worker
    """Provisioning's."""
    others: planning.Others
    """What the catalogue answers."""

    async def change(self, name: str) -> Change:
        """Return a change as the log has it."""
        found: Change = await self.worker.states.state(change_ref("acme", name))
        return found

    async def application(self, name: str) -> Application:
        """Return an Application as the log has it."""
        found: Application = await self.worker.states.state(application_ref("acme", name))
        return found

    async def plan(self, request: PlanRequest, by: str = OWNER) -> Plan:
        """Ask for a plan as a person."""
        token = self.keys.people().person(by, [roles.SOVEREIGN_ADMIN] if by == ROOT else [])
        asked = Asked(self.js, lambda: token, timeout=15)
        answer = await asked.ask("provisioning", "plan", 1, "acme", msgspec.to_builtins(request))
        return msgspec.convert(answer, Plan)

    async def apply(self, name: str, found: Plan, by: str = OWNER) -> Outcome:
        """Apply a plan, as the change with this name."""
        command = pro1.ApplyPlan(
            request=found.request, hash=found.hash, inputs=found.inputs, expires=found.expires
        )
        return await self.money.ask(command, "acme", name, by=by)

    async def report(
        self, name: str, step: str, application: str, *, sent_as: str | None = None, **more: Any
    ) -> Outcome:
        """Report on a step as its effect would."""
        commits = {PROD: f"commit-of-{application}"} if step == "commit" else {}
        data = {
            "step": step,
            "application": application,
            "status": "done",
            "commits": commits,
            **more,
        }
        sender = Sender(self.js)
        token = self.keys.service("provisioning").service()
        sent = await sender.send(
            "provisioning.report-step.v1",
            name,
            data,
            organization="acme",
            command_id=sent_as,
            headers={"Authorization": f"Bearer {token}"},
        )
        return await sender.outcome("acme", sent)

    async def seen(self, application: str, change: str, health: str = "healthy") -> None:
        """Let something be seen of an Application, as its own service writes it."""
        event = app1.ApplicationObserved(
            environment=PROD,
            change=change,
            applied="current",
            revision=change,
            health=health,  # type: ignore[arg-type]
            source="cluster",
            observed_at=billing.NOW,
        )
        await write(self.js, application_ref("acme", application), event)
        # It was written behind the worker's back, which holds what it knows.
        self.worker.states.forget([application_ref("acme", application)])

    async def reached(self, name: str, step: str) -> None:
        """Wait until a step of a change is in progress."""

        async def there() -> bool:
            state = await self.change(name)
            assert state.status in {"running", "undoing"}, (state.status, state.reason)
            return state.step == step

        await until(there)

    async def over(self, name: str) -> Change:
        """Wait until a change is over."""

        async def ended() -> bool:
            return (await self.change(name)).is_over

        await until(ended)
        return await self.change(name)

    async def through(self, name: str) -> Change:
        """Let everybody do what a change asks of them, until it is over."""
        while not (state := await self.change(name)).is_over:
            step = state.step
            for unit in state.remaining():
                if step in {"repository", "unprotect", "commit", "archive"}:
                    await self.report(name, step, unit.application, undo=state.undo)
                elif step == "observe":
                    removal = is_removal(state.content().request.action)
                    await self.seen(unit.application, name, "missing" if removal else "healthy")
            before = state

            async def moved(before: Change = before) -> bool:
                return (await self.change(name)) != before

            await until(moved)
        return state


async def write(js: JetStream, ref: Ref, event: Event) -> None:
    """Write an event of another service, as it would stand in the log."""
    await js.publish(written(js, ref, event))


def written(js: JetStream, ref: Ref, event: Event) -> Outgoing:
    """Return the message of an event of another service."""
    message = registry.named(type(event), ref.service)
    envelope = Envelope(
        specversion="1.0",
        id=f"_{js.unique()}",
        source="test",
        type=message.type,
        time=billing.NOW,
        organization=ref.organization,
        actor=f"service:{ref.service}",
        correlationid="c-test",
        causationid="c-test",
        data=msgspec.Raw(codec.encode(event)),
    )
    return Outgoing(ref.event(message.name, message.version), codec.encode(envelope))


async def passes(js: JetStream, name: str, state: Change) -> None:
    """Say what the broker says when the deadline passes that counts in this state."""
    body = timer.Body(timer=DEADLINE, gen=state.gen)
    await js.publish(Outgoing(change_ref("acme", name).due(DEADLINE), codec.encode(body)))


def catalogue(others: planning.Others) -> Service:
    """Return a catalogue that answers what a test scripted."""

    async def solve(
        request: Mapping[str, Any], organization: str, actor: Actor, _load: Loader
    ) -> Any:
        if actor.service != "provisioning":
            raise Rejected("forbidden", "only provisioning asks here")
        return await others.ask("catalog", "solve", 1, organization, request)

    query = Query(name="solve", version=1, for_command="provisioning.apply-plan.v1", run=solve)
    return Service(name="catalog", aggregates=CURATION, rules=(), queries=(query,))


async def gated(place: Town, owners: Sequence[Mapping[str, str]], approvers: int) -> None:
    """Let `acme` have these owners, and its Environment ask for so many approvals."""
    for command, name in (
        (env1.ChangeOwners(owners=msgspec.convert(owners, tuple[env1.Owner, ...])), ""),
        (env1.DefinePolicy(promotion=env1.Promotion(required_approvers=approvers)), "gate"),
        (env1.AttachPolicy(policy="gate"), PROD),
    ):
        assert (await place.money.ask(command, "acme", name, by=ROOT)).status == "accepted"


@asynccontextmanager
async def town(
    js: JetStream,
    keys: KeyRing,
    folder: Path,
    *,
    root: GitRoot | None = None,
    effects: tuple[Effect, ...] = (),
    sources: tuple[Source, ...] = (),
) -> AsyncIterator[Town]:
    """Run everything for the block; `acme` has an Environment, credit, and Blueprints.

    With effects and sources of provisioning nobody needs to play them.
    """
    others = planning.Others()
    planning.wiki(others)
    root = root or GitRoot(folder / "git")
    objects = Objects(js)
    asking = Asked(js, keys.service("provisioning").service)
    planner = Planner(objects, asking, "OMR", planning.GIT_URL)
    async with AsyncExitStack() as stack:
        stack.callback(root.close)
        for service in (
            environment_handlers.service(DulwichHome(root)),
            catalogue(others),
        ):
            await stack.enter_async_context(working(js, service, keys=keys))
        billing = billing_handlers.service(Asked(js, keys.service("billing").service))
        cash = await stack.enter_async_context(working(js, billing, keys=keys))
        worker = await stack.enter_async_context(
            working(js, handlers.service(planner, (deletion(asking), *effects), sources), keys=keys)
        )
        found = Town(js, keys, Money(js, keys, cash), worker, others)
        await furnish(found, objects)
        yield found


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
        # A plan that was made while it is onboarded is stale once it is ready.
        kept = await worker.states.state(foreign.organization_ref("acme"))
        return isinstance(kept, foreign.Organization) and kept.phase == "ready"

    await until(ready, pause=0.05)


async def furnish(found: Town, objects: Objects) -> None:
    """Give `acme` a price book, money, an Environment, and Blueprints."""
    money = found.money
    book = bill1.ApplyPriceBook(document=BOOK)
    assert (await money.ask(book, "_", "default", by=CASHIER)).status == "accepted"
    await money.found(["acme"])
    paid = bill1.RecordPayment(payment="p1", amount=billing.omr(50_000), reference="t 1")
    assert (await money.ask(paid, "acme", by=CASHIER)).status == "accepted"
    await settle(found.js, found.keys, found.worker)
    for (name, version), one in planning.PACKAGES.items():
        raw = package.to_tar(one)
        assert await objects.put(raw) == planning.digest(name, version)
        registered = blue1.VersionRegistered(
            name=name,
            origin="public",
            version=version,
            digest=planning.digest(name, version),
            size=len(raw),
            spec={},
            source="starter",
        )
        await write(found.js, foreign.blueprint_ref("acme", "public", name), registered)
