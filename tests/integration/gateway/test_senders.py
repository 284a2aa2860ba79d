"""Who may send which command, and see its outcome: roles, services and Organizations."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.gateway.sending import CREATE, SUSPEND, WAIT, refused
from tests.integration.gateway.stack import Stack, acme, created
from tests.support.waiting import until

from catalyst.chassis import ids, outcome
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts.subjects import Ref


@pytest.mark.guarantee("G6.5")
async def test_without_a_token_nothing_is_taken(stack: Stack) -> None:
    async with stack.client() as http:
        found = await http.post(CREATE, params={"organization": "anon"}, json=acme())
        refused(found, 401, "unauthenticated")
        assert found.headers["www-authenticate"].startswith("Bearer")
        for header in ("Bearer x.y.z", "Basic abc", "Bearer"):
            found = await http.post(
                CREATE,
                params={"organization": "anon"},
                json=acme(),
                headers={"Authorization": header},
            )
            refused(found, 401, "unauthenticated")
    expired = stack.keys.people().person("root@x.example", ["sovereign-admin"], timedelta(hours=-1))
    async with stack.client(expired) as http:
        found = await http.post(CREATE, params={"organization": "anon"}, json=acme())
    problem = refused(found, 401, "unauthenticated")
    assert "expired" in problem["detail"]
    assert "invalid_token" in found.headers["www-authenticate"]


@pytest.mark.guarantee("G6.3")
@pytest.mark.guarantee("G6.3")
@pytest.mark.parametrize(
    ("email", "roles", "path", "data", "good"),
    [
        ("ann@roles.example", [], "change-owners", None, True),
        ("ann@roles.example", [], "suspend-organization", {"reason": "x"}, False),
        ("dev@roles.example", [], "change-owners", None, False),
        ("eve@else.example", [], "change-owners", None, False),
        ("eve@else.example", ["security-officer"], "change-owners", None, False),
        ("eve@else.example", ["sovereign-admin"], "change-owners", None, True),
        ("eve@else.example", ["sovereign-admin"], "complete-onboarding", {}, False),
    ],
)
async def test_roles_decide_at_this_door_as_in_the_worker(
    stack: Stack, email: str, roles: list[str], path: str, data: Any, *, good: bool
) -> None:
    owners = [
        {"email": "ann@roles.example", "role": "owner"},
        {"email": "dev@roles.example", "role": "developer"},
    ]
    async with stack.client(stack.admin) as http:
        # The second time it exists already, which is a rejection and fine.
        await http.post(
            CREATE, params={"organization": "roles"}, json=acme(owners=owners), headers=WAIT
        )
    body = {"owners": owners} if data is None else data
    type_ = f"environment.{path}.v1"
    token = stack.token(email, *roles)
    async with stack.client(token) as http:
        found = await http.post(
            f"/v1/commands/{type_}", params={"organization": "roles"}, json=body, headers=WAIT
        )
    async with stack.operator() as js:
        key = ids.command_id()
        subject = Ref("roles", "environment", "organization", "roles").command(path, 1)
        message = {"specversion": "1.0", "id": key, "source": "t", "type": type_, "data": body}
        await js.publish(
            Outgoing(subject, json.dumps(message).encode(), {"Authorization": f"Bearer {token}"})
        )

        async def decided() -> bool:
            return await outcome.find(js, "roles", key, "") is not None

        await until(decided)
        straight = await outcome.find(js, "roles", key, "")
    assert straight is not None
    if good:
        assert found.status_code == 200
        assert straight.code != "forbidden"
    else:
        refused(found, 403, "forbidden")
        assert (straight.status, straight.code) == ("rejected", "forbidden")


async def test_a_service_sends_its_own_commands_and_no_others(stack: Stack) -> None:
    await created(stack, "services")
    async with stack.client(stack.keys.service("provisioning").service()) as http:
        found = await http.post(
            "/v1/commands/environment.admit-application.v1",
            params={"organization": "services", "id": "services-dev"},
            json={"application": "shop"},
            headers=WAIT,
        )
        assert found.json()["code"] == "environment-not-found"
        found = await http.post(SUSPEND, params={"organization": "services"}, json={"reason": "x"})
        refused(found, 403, "forbidden")
    async with stack.client(stack.admin) as http:
        found = await http.post(
            "/v1/commands/environment.admit-application.v1",
            params={"organization": "services", "id": "services-dev"},
            json={"application": "shop"},
        )
        refused(found, 403, "forbidden")


async def test_an_outcome_is_shown_to_its_organization_and_its_sender_alone(stack: Stack) -> None:
    found = await created(stack, "private")
    place = found.headers["content-location"]
    async with stack.client(stack.token("ann@acme.example")) as http:

        async def shown() -> bool:
            return (await http.get(place)).status_code == 200

        # Whoever owns it is known a moment later than the command is decided.
        await until(shown)
    async with stack.client(stack.token("eve@else.example")) as http:
        assert (await http.get(place)).status_code == 404
    async with stack.client(stack.admin) as http:
        assert (await http.get("/v1/outcomes/none?organization=private")).status_code == 404
        assert (await http.get("/v1/outcomes/a.b?organization=private")).status_code == 404
        assert (await http.get("/v1/outcomes/none")).status_code == 400


@pytest.mark.guarantee("G6.9")
async def test_one_that_is_not_shown_is_waited_for_like_one_that_is_not_there(
    stack: Stack,
) -> None:
    place = (await created(stack, "patient")).headers["content-location"]
    async with stack.client(stack.token("eve@else.example")) as http:
        hidden = asyncio.create_task(http.get(place, headers={"Prefer": "wait=5"}))
        nothing = asyncio.create_task(
            http.get("/v1/outcomes/none?organization=patient", headers={"Prefer": "wait=1"})
        )
        first, _ = await asyncio.wait({hidden, nothing}, return_when=asyncio.FIRST_COMPLETED)
        assert first == {nothing}
        assert (await hidden).status_code == (await nothing).status_code == 404
        assert (await hidden).text == (await nothing).text


async def test_a_role_that_was_just_given_counts_at_once(stack: Stack) -> None:
    await created(stack, "granted")
    owners = [
        {"email": "ann@acme.example", "role": "owner"},
        {"email": "new@acme.example", "role": "admin"},
    ]
    change = "/v1/commands/environment.change-owners.v1"
    async with stack.client(stack.token("new@acme.example")) as http:
        found = await http.post(change, params={"organization": "granted"}, json={"owners": owners})
        refused(found, 403, "forbidden")
        async with stack.client(stack.token("ann@acme.example")) as ann:
            done = await ann.post(
                change, params={"organization": "granted"}, json={"owners": owners}, headers=WAIT
            )
            assert done.json()["status"] == "accepted", done.text
        found = await http.post(
            change, params={"organization": "granted"}, json={"owners": owners}, headers=WAIT
        )
        assert found.status_code == 200
