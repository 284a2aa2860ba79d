"""Plans as the query would answer them, for rules that are handed one."""

from typing import Any

import msgspec
from tests.support import build
from tests.support.changing import Town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.account_v1 import Journal
from catalyst.contracts.decision import Actor, Decision
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Item, Quote, QuoteLine
from catalyst.contracts.provisioning_values_v1 import Action, Desired, Locked, PlanRequest
from catalyst.provisioning.domain import foreign, gate, plan
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan, PlannedStep, Price
from catalyst.provisioning.domain.steps import is_removal, steps_of

PROD = "acme-prod"
DIGEST = "sha256:" + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
DEVELOPER = Actor(
    name="user:https://id.example#dev",
    email="dev@acme.example",
    roles=frozenset({"org-developer"}),
    proven=True,
)
ADMIN = Actor(
    name="user:https://id.example#grace",
    email="grace@acme.example",
    roles=frozenset({"org-admin"}),
    proven=True,
)
OWNERS = (
    env1.Owner(email="Grace@acme.example", role="owner"),
    env1.Owner(email="linus@acme.example", role="admin"),
    env1.Owner(email="dev@acme.example", role="developer"),
    env1.Owner(email="vi@acme.example", role="developer"),
    env1.Owner(email="sue@acme.example", role="viewer"),
)
FIVE = Money(currency="OMR", minor=5000)


def town(*windows: env1.Window, approvals: tuple[env1.Approval, ...] = ()) -> Town:
    """Return `acme` with its Environment `acme-prod`, under a policy if one is asked for."""
    found = Town()
    policy = "gate" if windows or approvals else None
    region = env1.Region(provider="hetzner", region="fsn", building_block="rtz")
    found.given(
        foreign.organization_ref("acme"),
        build.organization_created(owners=OWNERS),
        env1.OrganizationReady(slug="acme"),
        env1.EnvironmentAdded(slug="acme", environment=PROD),
    )
    found.given(
        foreign.environment_ref("acme", PROD),
        env1.EnvironmentCreated(
            environment=PROD,
            organization="acme",
            env_type="prod",
            placement="single-region",
            regions=(region,),
            branch="main",
            policy=policy,
        ),
    )
    if policy is not None:
        found.given(
            foreign.policy_ref("acme", policy),
            env2.PolicyDefined(policy=policy, approvals=approvals, windows=windows),
        )
    return found


def locked(name: str, role: str = "target", **dependencies: str) -> Locked:
    """Return one Application of a lock."""
    found: Locked = msgspec.convert(
        {
            "application": name,
            "environment": PROD,
            "blueprint": f"bp-{name}",
            "origin": "public",
            "version": "1.0.0",
            "digest": DIGEST,
            "role": role,
            "dependencies": dependencies,
        },
        Locked,
    )
    return found


def planned(
    place: Town,
    action: Action = "install",
    name: str = "blog",
    *,
    lock: tuple[Locked, ...] = (),
    priced: bool = True,
    values: dict[str, Any] | None = None,
    lost: tuple[str, ...] = (),
) -> Plan:
    """Return the plan of an action on an Application, of the state of that moment.

    `lost` names the volumes whose data goes with it.
    """
    lock = lock or (locked(name),)
    removal = is_removal(action)
    written = [item for item in lock if item.written]
    policy = place.state(foreign.environment_ref("acme", PROD)).policy
    sold = tuple(f"{item.application}.{PROD}" for item in written) if priced else ()
    request = PlanRequest(
        action=action,
        environment=PROD,
        application=name,
        blueprint=f"bp-{name}" if action == "install" else None,
        values=values or {},
        keep_data=not lost,
    )
    keys = [f"organization:acme", f"environment:{PROD}"]  # noqa: F541 - beside its like
    keys += [f"policy:{policy}"] if policy else []
    keys += [f"application:{item.application}@{PROD}" for item in lock]
    inputs = {
        key: plan.version_of(key, place.state(ref), place.now)
        for key, ref in plan.refs_of(dict.fromkeys(keys, ""), "acme").items()
    }
    found = Plan(
        request=request,
        inputs=inputs,
        expires=place.expiry(),
        environment=PROD,
        branches={PROD: "main"},
        lock=lock,
        desired={}
        if removal
        else {
            f"{item.application}.{PROD}": Desired(
                change="",
                blueprint=item.blueprint,
                origin="public",
                version=item.version,
                digest=item.digest,
                values=values or {},
                dependencies=item.dependencies,
                sold=priced,
            )
            for item in written
        },
        bases={
            f"{item.application}.{PROD}": place.application(item.application).expected(PROD)[1]
            for item in written
        },
        sold=sold,
        gone=tuple(item.application for item in written) if removal else (),
        volumes={f"{name}.{PROD}": lost} if lost else {},
        steps=tuple(
            PlannedStep(step=step, usual_seconds=1, deadline_seconds=60)
            for step in steps_of(action, lock, sold=bool(sold), gone=removal, lost=bool(lost))
        ),
        price=Price(quote=quote(*(x.application for x in written)), delta=FIVE)
        if priced and not removal
        else None,
        gates=gate.gates(
            place.state(foreign.policy_ref("acme", policy)) if policy else None,
            place.now,
            gate.people(place.state(foreign.organization_ref("acme")).owners),
            DEVELOPER.email,
        ),
    )
    return plan.finished(found)


def quote(*names: str, currency: str = "OMR") -> Quote:
    """Return a quote of 5,000 minor units for each Application: five rials, or fifty dollars."""
    total = Money(currency=currency, minor=5000 * len(names))
    return Quote(
        book="main",
        version="2026-03",
        items=tuple(
            Item(application=name, environment=PROD, blueprint=f"bp-{name}") for name in names
        ),
        lines=tuple(
            QuoteLine(
                sku=f"blueprint.{name}",
                name=name,
                formula="one month",
                amount=Money(currency=currency, minor=5000),
                application=name,
                environment=PROD,
            )
            for name in names
        ),
        total=total,
        due=total,
    )


def command(fresh: Plan) -> pro1.ApplyPlan:
    """Return the command that applies a plan."""
    return pro1.ApplyPlan(
        request=fresh.request, hash=fresh.hash, inputs=fresh.inputs, expires=fresh.expires
    )


def apply(place: Town, name: str, fresh: Plan, by: Actor = DEVELOPER) -> Decision:
    """Apply a plan as the change with this name."""
    ref = change_ref("acme", name)
    return place.command(ref, command(fresh), by, facts=fresh)


def run(place: Town, name: str) -> None:
    """Let a change go through all of its steps, as everybody does what is asked of them.

    What goes last is left to the test.
    """
    for _ in range(100):
        state = place.change(name)
        if state.is_over or state.step is None:
            return
        place.answer_all()
        state = place.change(name)
        if state.step is None or state.is_over:
            return
        if state.step == "delete":
            return
        for unit in state.remaining():
            if state.step == "observe":
                removal = is_removal(state.content().request.action)
                place.see(unit.application, name, health="missing" if removal else "healthy")
            elif not place.sent:
                place.report(name, state.step, unit.application, undo=state.undo)
    raise AssertionError("the change does not end")


def install(place: Town, name: str, change: str, *, priced: bool = True) -> None:
    """Let an Application run in `acme-prod`, healthy."""
    apply(place, change, planned(place, "install", name, priced=priced))
    run(place, change)
    assert place.change(change).status == "completed"
    assert place.application(name).runs_in(PROD)


def captured(hold: str) -> bill1.HoldCaptured:
    """Return that what was held for a change is taken."""
    return bill1.HoldCaptured(
        hold=hold,
        revision=hold,
        amount=FIVE,
        month="2026-03",
        subscriptions=(),
        journal=Journal(),
    )


def left(place: Town) -> list[app1.ChangeLeft]:
    """Return the ends of changes on Applications."""
    return place.events(app1.ChangeLeft)


def application(place: Town, name: str) -> Any:
    """Return the state of an Application."""
    return place.state(application_ref("acme", name))
