"""What NATS and HTTP both offer, as one suite over both, against the whole stack."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from tests.integration.client.stack import Stack
from tests.support.rig import acme

from catalyst.client.api import Client
from catalyst.client.connect import connect
from catalyst.client.errors import Problem

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
SUSPEND = "environment.suspend-organization.v1"
RESUME = "environment.resume-organization.v1"
Fresh = Callable[[], str]


@pytest.fixture(params=["nats", "http"])
async def catalyst(request: pytest.FixtureRequest, stack: Stack) -> AsyncIterator[Client]:
    if request.param == "nats":
        opened = connect(stack.nats, token=stack.token(), user=stack.user, password=stack.password)
    else:
        opened = connect(stack.http, token=stack.token())
    async with opened as client:
        yield client


async def test_a_command_gets_its_outcome(catalyst: Client, fresh: Fresh) -> None:
    slug = fresh()
    outcome = await catalyst.send(CREATE, acme(), organization=slug)
    assert (outcome.status, outcome.code) == ("accepted", "")
    assert "environment.organization-created.v1" in outcome.events
    assert outcome.seq > 0
    assert outcome.log
    assert outcome.actor == "user:catalyst#root@example.org"


async def test_the_recorded_outcome_is_the_one_that_was_answered(
    catalyst: Client, fresh: Fresh
) -> None:
    slug = fresh()
    answered = await catalyst.send(CREATE, acme(), organization=slug)
    recorded = await catalyst.outcome(answered.id, organization=slug)
    assert recorded == answered


async def test_the_same_id_again_is_the_same_command(catalyst: Client, fresh: Fresh) -> None:
    slug = fresh()
    first = await catalyst.send(CREATE, acme(), organization=slug, command_id="once")
    second = await catalyst.send(CREATE, acme(), organization=slug, command_id="once")
    assert second == first


async def test_a_rejection_names_its_code(catalyst: Client, fresh: Fresh) -> None:
    slug = fresh()
    await catalyst.send(CREATE, acme(), organization=slug)
    outcome = await catalyst.send(RESUME, {}, organization=slug)
    assert (outcome.status, outcome.code) == ("rejected", "organization-not-suspended")
    assert await catalyst.outcome(outcome.id, organization=slug) == outcome


async def test_a_command_that_is_only_stored_is_decided_all_the_same(
    catalyst: Client, fresh: Fresh
) -> None:
    slug = fresh()
    sent = await catalyst.submit(CREATE, acme(), organization=slug)
    assert sent.organization == slug
    outcome = await catalyst.outcome(sent.command_id, organization=slug, timeout=10)
    assert outcome is not None
    assert outcome.status == "accepted"


async def test_an_outcome_that_is_not_there_is_none(catalyst: Client, fresh: Fresh) -> None:
    assert await catalyst.outcome("never-sent", organization=fresh()) is None


async def test_many_commands_at_once_get_each_their_own_outcome(
    catalyst: Client, fresh: Fresh
) -> None:
    slugs = [fresh() for _ in range(20)]
    async with asyncio.TaskGroup() as tasks:
        sent = [
            tasks.create_task(catalyst.send(CREATE, acme(display_name=slug), organization=slug))
            for slug in slugs
        ]
    assert [task.result().subject.split(".")[1] for task in sent] == slugs


@pytest.mark.guarantee("G1.8")
async def test_an_id_belongs_to_one_command(catalyst: Client, fresh: Fresh) -> None:
    slug = fresh()
    await catalyst.send(CREATE, acme(), organization=slug, command_id="mine")
    try:
        other = await catalyst.send(SUSPEND, {"reason": "x"}, organization=slug, command_id="mine")
        code = other.code
    except Problem as problem:
        code = problem.code
    assert code == "command-id-reused"


async def test_wrong_data_are_refused_with_the_place(catalyst: Client, fresh: Fresh) -> None:
    try:
        outcome = await catalyst.send(CREATE, acme(tier="huge"), organization=fresh())
        code, errors = outcome.code, outcome.errors
    except Problem as problem:
        code, errors = problem.code, problem.errors
    assert code == "invalid-data"
    assert [error.pointer for error in errors] == ["/data/tier"]


@pytest.mark.parametrize("transport", ["nats", "http"])
async def test_whoever_may_not_is_told_so(stack: Stack, fresh: Fresh, transport: str) -> None:
    token = stack.token("nobody@example.org", "billing-admin")
    if transport == "nats":
        opened = connect(stack.nats, token=token, user=stack.user, password=stack.password)
    else:
        opened = connect(stack.http, token=token)
    async with opened as client:
        try:
            code = (await client.send(CREATE, acme(), organization=fresh())).code
        except Problem as problem:
            code = problem.code
    assert code == "forbidden"
