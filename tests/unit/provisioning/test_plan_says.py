"""What a plan says of those it needs, of its steps and costs, and of whom it is refused for."""

import msgspec
import pytest
from tests.support import ranges
from tests.support.changing import Town
from tests.support.each import each
from tests.support.planning import Others, entry, install, known, plan, running, wiki
from tests.support.plans import ADMIN, PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.plan import Dependency

ROOT = msgspec.structs.replace(ADMIN, roles=frozenset({"sovereign-admin"}))
ACME = foreign.organization_ref("acme")


def asked(action: str, **more: object) -> PlanRequest:
    return PlanRequest(action=action, environment=PROD, **more)  # type: ignore[arg-type]


async def test_what_it_needs_is_told_with_what_becomes_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ranges.stocked(monkeypatch)
    place, others = town(), Others()
    known(place)
    shop = entry("shop", "bp-shop", "1.1.0", store="store")
    others.locks["shop"] = [entry("store", "bp-store", "1.0.0", "new"), shop]
    first = await plan(place, others, install("shop", blueprint="bp-shop"))
    new = Dependency(
        application="store",
        blueprint="bp-store",
        version="1.0.0",
        role="new",
        needed_by=("shop",),
    )
    assert first.dependencies == (new,)
    apply(place, "ch-0", first)
    run(place, "ch-0")
    for version, role, before in (("2.0.0", "upgraded", "1.0.0"), ("1.0.0", "shared", "")):
        kiosk = entry("kiosk", "bp-shop", "1.1.0", store="store")
        others.locks["kiosk"] = [entry("store", "bp-store", version, role), kiosk]
        found = await plan(place, others, install("kiosk", blueprint="bp-shop"))
        assert found.dependencies == (
            Dependency(
                application="store",
                blueprint="bp-store",
                version=version,
                role=role,
                before=before,
                needed_by=("kiosk",),
            ),
        )


async def test_how_long_each_step_takes_and_may_take_is_told(place: Town, others: Others) -> None:
    found = await plan(place, others, install())
    assert {x.step: (x.usual_seconds, x.deadline_seconds) for x in found.steps} == {
        "admit": (1, 60),
        "hold": (1, 60),
        "repository": (2, 120),
        "commit": (3, 300),
        "observe": (180, 86_400),
        "capture": (1, 60),
    }


async def test_what_it_costs_is_told_with_what_is_left_and_what_it_cost_before(
    place: Town, others: Others
) -> None:
    others.before = 2_000
    price = (await plan(place, others, install())).price
    assert price is not None
    assert price.delta == price.quote.due
    assert (price.before, price.credit_after, price.covered) == (
        *(Money(currency="OMR", minor=2_000), Money(currency="OMR", minor=90_000), True),
    )
    others.credit = 0
    short = (await plan(place, others, install())).price
    assert short is not None
    assert not short.covered


async def test_what_it_was_planned_on_is_told_for_all_that_it_writes(
    place: Town, others: Others
) -> None:
    first = await running(place, others)
    assert first.bases == {f"wiki-postgres.{PROD}": "", f"wiki.{PROD}": ""}
    values = {"logLevel": "debug"}
    found = await plan(place, others, asked("configure", application="wiki", values=values))
    assert (found.bases, found.branches, found.environment) == (
        *({f"wiki.{PROD}": "ch-0"}, {PROD: "main"}, PROD),
    )


async def test_who_needs_what_changes_is_told_but_for_those_that_change_with_it(
    place: Town, others: Others
) -> None:
    await running(place, others)
    for name, who in (("wiki", "shop"), ("wiki", "blog"), ("wiki-postgres", "wiki")):
        added = app1.DependentAdded(environment=PROD, dependent=who, change="ch-0")
        place.given(application_ref("acme", name), added)
    values = {"logLevel": "debug"}
    found = await plan(place, others, asked("configure", application="wiki", values=values))
    assert found.dependents == ("blog", "shop")


SUSPENDED = env1.OrganizationSuspended(slug="acme", reason="unpaid")
FAILED = env1.OrganizationFailed(slug="acme", step="git", reason="full")


@each([
        (SUSPENDED, "uninstall", ["organization-suspended"]),
        (SUSPENDED, "delete-environment", ["organization-suspended"]),
        (SUSPENDED, "delete-organization", []),
        (FAILED, "uninstall", ["organization-failed"]),
        (FAILED, "delete-environment", []),
        (FAILED, "delete-organization", []),
    ])  # fmt: skip
async def test_an_organization_that_is_suspended_or_failed_can_still_go(
    event: Event, action: str, wanted: list[str]
) -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    await running(place, others)
    place.given(ACME, event)
    where = None if action == "delete-organization" else PROD
    name = "wiki" if action == "uninstall" else None
    request = PlanRequest(action=action, environment=where, application=name)  # type: ignore[arg-type]
    found = await plan(place, others, request, ROOT if where is None else ADMIN)
    assert [one.code for one in found.blocked_by] == wanted


@pytest.mark.parametrize("turn", ["waits", "begun", "completed"])
async def test_an_uninstall_of_what_is_not_installed_yet_says_so(others: Others, turn: str) -> None:
    place = town(approvals=(env1.Approval(quorum=1),) if turn == "waits" else ())
    known(place)
    apply(place, "ch-0", await plan(place, others, install()))
    assert place.change("ch-0").status == ("waiting" if turn == "waits" else "running")
    if turn == "completed":
        run(place, "ch-0")
    found = await plan(place, others, asked("uninstall", application="wiki"))
    stops = [one.message for one in found.risks if one.kind == "downtime"]
    there = f"Application wiki in {PROD}"
    subscription = f"subscription wiki.{PROD}"
    if turn == "completed":
        assert found.goes[:2] == (there, f"{subscription}: its last month stays charged")
        assert stops == [f"wiki stops in {PROD}"]
    else:
        assert found.goes[:2] == (
            f"{there}: nothing of it is there yet; this waits behind ch-0, which installs it",
            f"{subscription}: once ch-0 has bought it, its month is charged",
        )
        assert stops == []
