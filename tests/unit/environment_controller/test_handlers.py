"""The table: a row for every command, and questions answered by the rules that apply them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from tests.support import build
from tests.support.build import ACME, GATE, PROD, SOVEREIGN_ADMIN
from tests.support.each import each
from tests.support.scenario import Scenario, given, on

from catalyst.chassis import clock
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import runtime_v1 as run1
from catalyst.contracts.message import Event
from catalyst.contracts.registry import BY_SHAPE, COMMANDS, EVENTS
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import COMMAND_ROLES, SERVICE_COMMANDS
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller import handlers
from catalyst.environment_controller.domain import deletion
from catalyst.environment_controller.ports import GitHome

RUNTIME = {run1.Retry, run1.Drop, run1.TakeAnswer}
SERVICE = handlers.service(cast("GitHome", object()))


# ---- the table


def test_every_command_of_this_service_has_a_rule_and_no_other() -> None:
    wanted = {
        (message.shape, aggregate)
        for message in COMMANDS.values()
        if message.service == SERVICE.name and message.shape not in RUNTIME
        for aggregate in message.aggregates
    }
    assert set(SERVICE.by_command) == wanted


def test_every_aggregate_of_the_contracts_is_in_the_table() -> None:
    events = [event for event in EVENTS.values() if event.service == SERVICE.name]
    addressed = {aggregate for message in events for aggregate in message.aggregates}
    assert set(SERVICE.by_name) == addressed


def test_whoever_may_send_a_command_is_known() -> None:
    for shape, _ in SERVICE.by_command:
        type_ = BY_SHAPE[shape].type
        both = type_.startswith("environment.apply-") and type_.endswith("-deletion.v1")
        assert (type_ in COMMAND_ROLES) != (type_ in SERVICE_COMMANDS) or both, type_


def test_a_process_is_an_aggregate() -> None:
    for process in SERVICE.processes:
        assert process.aggregate in SERVICE.by_name


def test_who_may_apply_a_plan_may_ask_for_it() -> None:
    asked = {query.name: query.for_command for query in SERVICE.queries}
    assert asked == {
        "plan-organization-deletion": "environment.apply-organization-deletion.v1",
        "plan-environment-deletion": "environment.apply-environment-deletion.v1",
    }


def test_every_step_that_waits_for_an_effect_has_one() -> None:
    followed = {event for effect in SERVICE.effects for event in effect.events}
    assert {env1.StepStarted, env1.CompensationStarted} <= followed


# ---- questions

STANDING = [
    *on(
        ACME,
        build.organization_created(),
        env1.OrganizationReady(slug="acme"),
        env1.EnvironmentAdded(slug="acme", environment="acme-prod"),
        env1.PolicyAdded(slug="acme", policy="gate"),
    ),
    *on(PROD, build.environment_created()),
    *on(GATE, build.policy_defined()),
]


async def ask(scenario: Scenario, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a question under `acme`, and return its answer as it goes over the wire."""

    async def load(ref: Ref, *, up_to: int | None = None) -> Any:
        assert up_to is None
        return scenario.world.state(ref)

    [query] = [query for query in SERVICE.queries if query.name == name]
    answer = await query.run(request, "acme", SOVEREIGN_ADMIN, load)
    return cast("dict[str, Any]", msgspec.json.decode(msgspec.json.encode(answer)))


def _apply(answer: Mapping[str, Any], shape: type[env1.PlannedDeletion]) -> env1.PlannedDeletion:
    parts = {name: answer[name] for name in ("request", "hash", "inputs", "expires")}
    return msgspec.convert(parts, type=shape)


@pytest.mark.parametrize("request_", [{}, {"organization": "acme"}])
async def test_the_plan_of_an_organization_can_be_applied(request_: dict[str, str]) -> None:
    scenario = given(STANDING)
    answer = await ask(scenario, "plan-organization-deletion", request_)
    assert answer["blocked_by"] == []
    command = _apply(answer, env1.ApplyOrganizationDeletion)
    outcome = scenario.when(command, ACME, now=clock.now())
    assert len(outcome.events) == 3


async def test_the_plan_of_an_environment_can_be_applied() -> None:
    scenario = given(STANDING)
    answer = await ask(scenario, "plan-environment-deletion", {"environment": "acme-prod"})
    command = _apply(answer, env1.ApplyEnvironmentDeletion)
    assert len(scenario.when(command, PROD, now=clock.now()).events) == 2


async def test_a_plan_expires_a_while_from_now() -> None:
    before = clock.now().replace(microsecond=0)
    answer = await ask(given(STANDING), "plan-organization-deletion", {})
    expires = datetime.fromisoformat(answer["expires"])
    assert before <= expires - deletion.PLAN_LIFETIME <= clock.now()
    assert expires.tzinfo == UTC


async def test_a_plan_that_is_blocked_says_why() -> None:
    blog = on(PROD, env1.ApplicationAdmitted(environment="acme-prod", application="blog"))
    scenario = given(STANDING, blog)
    for name, request in (
        ("plan-organization-deletion", {}),
        ("plan-environment-deletion", {"environment": "acme-prod"}),
    ):
        answer = await ask(scenario, name, request)
        [blocker] = answer["blocked_by"]
        assert blocker["code"] == "applications-present"
        assert blocker["names"] == ["acme-prod/blog"]
        [link] = blocker["chain"]
        assert (link["kind"], link["name"]) == ("environment", "acme-prod")
        assert link["message"].endswith("stand blog")


@each(
    [
        (
            [env1.OrganizationSuspended(slug="acme", reason="unpaid")],
            "acme-prod",
            ("organization", "acme", "organization-suspended", "acme is suspended: unpaid"),
        ),
        (
            [env1.ChildAdmitted(slug="acme", child="beta")],
            "",
            (
                "organization",
                "acme",
                "children-present",
                "other Organizations stand below it: beta",
            ),
        ),
        (
            [env1.EnvironmentAdded(slug="acme", environment=f"acme-e{n}") for n in range(1000)],
            "",
            ("organization", "acme", "too-large", "more stands in acme than one change takes away"),
        ),
    ]
)
async def test_what_stands_in_the_way_of_a_deletion_has_a_chain(
    facts: list[Event], environment: str, link: tuple[str, ...]
) -> None:
    scenario = given(STANDING, on(ACME, *facts))
    kind = "environment" if environment else "organization"
    request = {"environment": environment} if environment else {}
    answer = await ask(scenario, f"plan-{kind}-deletion", request)
    [blocker] = answer["blocked_by"]
    [found] = blocker["chain"]
    assert tuple(found[name] for name in ("kind", "name", "code", "message")) == link
    assert found["who"]
    assert found["what_to_do"]


async def test_a_chain_leads_to_an_onboarding_that_is_under_way() -> None:
    answer = await ask(
        given(on(ACME, build.organization_created())), "plan-organization-deletion", {}
    )
    [link] = answer["blocked_by"][0]["chain"]
    assert (link["kind"], link["name"]) == ("onboarding", "acme")


async def test_a_plan_of_an_environment_tells_nothing_of_organizations_below() -> None:
    """Whoever may plan one sees its Organization, and not those below it."""
    facts = on(
        ACME,
        env1.ChildAdmitted(slug="acme", child="beta"),
        env1.OrganizationSuspended(slug="acme", reason="unpaid"),
    )
    answer = await ask(
        given(STANDING, facts), "plan-environment-deletion", {"environment": "acme-prod"}
    )
    assert "beta" not in msgspec.json.encode(answer).decode()


async def test_a_chain_is_told_and_not_promised() -> None:
    going = on(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))
    request = {"environment": "acme-prod"}
    free = await ask(given(STANDING), "plan-environment-deletion", request)
    stopped = await ask(given(STANDING, going), "plan-environment-deletion", request)
    assert stopped["blocked_by"]
    assert stopped["hash"] == free["hash"]


@each(
    [
        ("plan-environment-deletion", {}, "invalid-data", "/environment"),
        ("plan-environment-deletion", {"environment": 1}, "invalid-data", "/environment"),
        ("plan-environment-deletion", {"environment": "acme-dev"}, "environment-not-found", None),
        ("plan-organization-deletion", {"x": 1}, "invalid-data", "/x"),
        (
            "plan-organization-deletion",
            {"organization": "other"},
            "subject-mismatch",
            "/organization",
        ),
        (
            "plan-environment-deletion",
            {"environment": "other-prod", "organization": "other"},
            "subject-mismatch",
            "/organization",
        ),
    ]
)
async def test_a_wrong_question_says_where(
    name: str, request_: dict[str, Any], code: str, pointer: str | None
) -> None:
    with pytest.raises(Rejected) as refused:
        await ask(given(STANDING), name, request_)
    assert refused.value.code == code
    assert [error.pointer for error in refused.value.errors] == ([pointer] if pointer else [])


async def test_a_plan_for_what_is_not_there_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        await ask(given(), "plan-organization-deletion", {})
    assert refused.value.code == "organization-not-found"
