"""Commands through the real door: addressing, idempotency, waiting, refusals."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.integration.gateway.sending import CREATE, WAIT, refused
from tests.integration.gateway.stack import Stack, acme, created

from catalyst.chassis import clock, ids
from catalyst.contracts.topology import MAX_BODY_BYTES


async def test_a_command_that_waits_is_answered_with_its_outcome(stack: Stack) -> None:
    found = await created(stack, "waits")
    outcome = found.json()
    assert outcome["events"] == ["environment.organization-created.v1"]
    assert outcome["actor"].startswith("user:catalyst#root@")
    assert found.headers["preference-applied"] == "wait=10"
    assert int(found.headers["catalyst-as-of"]) == outcome["seq"] > 0
    assert found.headers["catalyst-log"] == outcome["log"]
    assert found.headers["cache-control"] == "no-store"
    async with stack.client(stack.admin) as http:
        again = await http.get(found.headers["content-location"])
    assert again.json()["digest"] == outcome["digest"]


async def test_a_command_that_does_not_wait_says_where_its_outcome_will_stand(stack: Stack) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.post(CREATE, params={"organization": "later"}, json=acme())
        assert found.status_code == 202
        body = found.json()
        assert body["status"] == "pending"
        assert body["outcome"] == found.headers["location"]
        outcome = await http.get(found.headers["location"], headers=WAIT)
    assert outcome.status_code == 200
    assert outcome.json()["id"] == body["id"]


async def test_a_repeat_is_answered_with_the_recorded_outcome(stack: Stack) -> None:
    key = ids.command_id()
    first = await created(stack, "repeats", key=key)
    async with stack.client(stack.admin) as http:
        for headers in ({}, WAIT):
            again = await http.post(
                CREATE,
                params={"organization": "repeats"},
                json=acme(),
                headers={"Idempotency-Key": f'"{key}"', **headers},
            )
            assert again.status_code == 200
            assert again.json() == first.json()


@pytest.mark.guarantee("G1.8")
@pytest.mark.guarantee("G1.8")
@pytest.mark.parametrize("headers", [{}, WAIT], ids=["at once", "waiting"])
async def test_an_id_is_never_that_of_two_commands(stack: Stack, headers: dict[str, str]) -> None:
    key = ids.command_id()
    slug = f"two{len(headers)}"
    await created(stack, slug, key=key)
    async with stack.client(stack.admin) as http:
        other = await http.post(
            CREATE,
            params={"organization": slug},
            json=acme(display_name="Other"),
            headers={"Idempotency-Key": key, **headers},
        )
        refused(other, 409, "command-id-reused")
        told = (await http.get(f"/v1/events?organization={slug}&limit=500")).text
    assert '"Acme"' in told
    assert '"Other"' not in told


async def test_a_rejection_is_an_outcome_and_not_a_problem(stack: Stack) -> None:
    await created(stack, "rejects")
    async with stack.client(stack.admin) as http:
        found = await http.post(
            "/v1/commands/environment.resume-organization.v1",
            params={"organization": "rejects"},
            json={},
            headers=WAIT,
        )
    assert found.status_code == 200
    assert found.json()["status"] == "rejected"
    assert found.json()["code"] in {"organization-not-suspended", "onboarding-in-progress"}


@pytest.mark.guarantee("G5.8")
@pytest.mark.guarantee("G5.8")
async def test_every_wrong_field_is_named_at_once(stack: Stack) -> None:
    data = {
        **acme(kind="x", owners=[{"email": "no", "role": "owner"}, {"role": "king"}]),
        "extra": 1,
    }
    del data["tier"]
    async with stack.client(stack.admin) as http:
        found = await http.post(CREATE, params={"organization": "wrong"}, json=data)
    problem = refused(found, 422, "invalid-data")
    assert {(error["pointer"], error["rule"]) for error in problem["errors"]} == {
        ("/data/kind", "enum"),
        ("/data/tier", "required"),
        ("/data/owners/0/email", "pattern"),
        ("/data/owners/1/email", "required"),
        ("/data/owners/1/role", "enum"),
        ("/data/extra", "unknown-field"),
    }


@pytest.mark.parametrize(
    ("path", "params", "status", "code", "named"),
    [
        ("environment.nothing.v1", {"organization": "x"}, 404, "unknown-type", []),
        ("environment.create-organization.v9", {"organization": "x"}, 404, "unknown-type", []),
        ("environment.organization-created.v1", {"organization": "x"}, 404, "unknown-type", []),
        ("environment.create-organization.v1", {}, 400, "invalid-query", ["organization"]),
        (
            "environment.create-organization.v1",
            {"organization": "", "nope": "1"},
            400,
            "invalid-query",
            ["organization", "nope"],
        ),
        (
            "environment.create-environment.v1",
            {"organization": "acme"},
            400,
            "invalid-query",
            ["id"],
        ),
        (
            "environment.retry.v1",
            {"organization": "acme", "id": "acme"},
            400,
            "invalid-query",
            ["aggregate"],
        ),
        (
            "environment.create-organization.v1",
            {"organization": "acme", "aggregate": "policy"},
            400,
            "invalid-query",
            ["aggregate"],
        ),
    ],
)
async def test_what_cannot_be_addressed_is_refused(
    stack: Stack, path: str, params: dict[str, str], status: int, code: str, named: list[str]
) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.post(f"/v1/commands/{path}", params=params, json={})
    problem = refused(found, status, code)
    places = [error["pointer"] for error in problem["errors"]]
    # What the data lacks is told beside it, where that can be known; behind it, in any case.
    where = [place for place in places if not place.startswith("/data/")]
    assert sorted(where) == sorted(f"/{name}" for name in named)
    assert places[: len(where)] == where


@pytest.mark.guarantee("G5.8")
async def test_what_is_wrong_with_the_data_is_told_with_what_it_is_not_sent_to(
    stack: Stack,
) -> None:
    path = "/v1/commands/environment.create-environment.v1"
    data = {"env_type": "home", "placement": "single-region", "regions": [], "more": 1}
    told = [
        ("/data/env_type", "enum"),
        ("/data/regions", "length"),
        ("/data/more", "unknown-field"),
    ]
    async with stack.client(stack.admin) as http:
        nowhere = await http.post(path, json=data)
        somewhere = await http.post(path, params={"organization": "acme"}, json=data)
        letter = {"specversion": "1.0", "id": "c-1", "source": "tests", "data": data}
        letter["type"] = "environment.create-environment.v1"
        kind = {"Content-Type": "application/cloudevents+json"}
        sent = await http.post(path, json=letter, headers=kind)
    for answer, lacking in (
        (nowhere, ["organization", "id"]),
        (somewhere, ["id"]),
        (sent, ["organization", "id"]),
    ):
        errors = refused(answer, 400, "invalid-query")["errors"]
        asked = [(f"/{name}", "query") for name in lacking]
        assert [(error["pointer"], error["rule"]) for error in errors] == [*asked, *told]


@pytest.mark.guarantee("G5.1")
@pytest.mark.guarantee("G5.1")
@pytest.mark.parametrize(
    ("body", "status", "code", "place"),
    [
        (b"", 400, "malformed-json", "line 1, column 1"),
        (b'{"a":\n{', 400, "malformed-json", "line 2, column 2"),
        (b'{"a":"\xff"}', 400, "not-utf8", "byte 6"),
        (b'{"a":1,"a":2}', 400, "duplicate-key", "/a"),
        (b'{"a":NaN}', 400, "not-finite", "NaN"),
        (b"[" * 40 + b"]" * 40, 400, "too-deep", "32"),
        (b"[]", 422, "invalid-data", "/data"),
        (b"null", 422, "invalid-data", "/data"),
        (b'"' + b"a" * MAX_BODY_BYTES + b'"', 413, "too-large", ""),
    ],
    ids=lambda value: str(value)[:16],
)
async def test_bytes_that_are_no_command_are_refused(
    stack: Stack, body: bytes, status: int, code: str, place: str
) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.post(
            CREATE,
            params={"organization": "bytes"},
            content=body,
            headers={"Content-Type": "application/json"},
        )
    problem = refused(found, status, code)
    pointers = [error["pointer"] for error in problem.get("errors", ())]
    assert place in " ".join([problem["detail"], *pointers])


@pytest.mark.guarantee("G5.3")
async def test_a_body_without_a_length_is_cut_off_at_the_limit(stack: Stack) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'"'
        while sent < 50 * MAX_BODY_BYTES:
            sent += 65536
            yield b"a" * 65536

    async with stack.client(stack.admin) as http:
        try:
            found = await http.post(
                CREATE,
                params={"organization": "endless"},
                content=endless(),
                headers={"Content-Type": "application/json"},
            )
        except httpx.WriteError:
            # The door hung up on us in the middle, which is just as good.
            assert sent < 50 * MAX_BODY_BYTES
        else:
            refused(found, 413, "too-large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_taken(stack: Stack, kind: str) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.post(
            CREATE,
            params={"organization": "kinds"},
            content=json.dumps(acme()),
            headers={"Content-Type": kind},
        )
    refused(found, 415, "unsupported-media-type")


def event(slug: str, **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": ids.command_id(),
        "source": "my-program",
        "type": "environment.create-organization.v1",
        "subject": slug,
        "correlationid": "c-mine",
        "data": acme(),
        **changes,
    }


async def send_event(stack: Stack, body: dict[str, Any], **params: str) -> httpx.Response:
    async with stack.client(stack.admin) as http:
        return await http.post(
            CREATE,
            params=params,
            content=json.dumps(body),
            headers={"Content-Type": "application/cloudevents+json", **WAIT},
        )


async def test_a_whole_message_keeps_its_id_and_what_it_belongs_to(stack: Stack) -> None:
    body = event("whole")
    found = await send_event(stack, body, organization="whole")
    assert found.json()["id"] == body["id"]
    assert found.json()["correlationid"] == "c-mine"
    body = event("whole2", organization="whole2")
    assert (await send_event(stack, body)).json()["status"] == "accepted"


@pytest.mark.guarantee("G5.5")
@pytest.mark.guarantee("G5.5")
@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"type": "environment.resume-organization.v1"}, 422, "subject-mismatch", "/type"),
        ({"organization": "other"}, 422, "subject-mismatch", "/organization"),
        ({"subject": "other"}, 422, "subject-mismatch", "/subject"),
        ({"id": "a b"}, 422, "invalid-id", "/id"),
        ({"id": ""}, 400, "invalid-envelope", "/id"),
        ({"specversion": "0.3"}, 400, "invalid-envelope", "/specversion"),
        ({"time": "2099-01-01T00:00:00Z"}, 422, "command-from-future", "/time"),
        ({"time": "yesterday"}, 400, "invalid-envelope", "/time"),
        ({"correlationid": "c\n1"}, 400, "invalid-envelope", "/correlationid"),
        ({"causationid": "c" * 65}, 400, "invalid-envelope", "/causationid"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_message_that_disagrees_with_its_address_is_refused(
    stack: Stack, changes: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    found = await send_event(stack, event("agrees", **changes), organization="agrees", id="agrees")
    problem = refused(found, status, code)
    assert problem["errors"][0]["pointer"] == pointer


async def test_header_and_message_agree_on_the_id(stack: Stack) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.post(
            CREATE,
            params={"organization": "keys"},
            content=json.dumps(event("keys")),
            headers={"Content-Type": "application/cloudevents+json", "Idempotency-Key": "c-else"},
        )
    refused(found, 422, "subject-mismatch")


@pytest.mark.parametrize("key", ["a b", "é", "a" * 65, "", "_derived"])
async def test_ids_that_are_not_allowed_are_refused(stack: Stack, key: str) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.post(
            CREATE,
            params={"organization": "ids"},
            json=acme(),
            headers={b"Idempotency-Key": key.encode()},
        )
    refused(found, 422, "invalid-id")
    assert [error["pointer"] for error in found.json()["errors"]] == ["/id"]


async def test_time_is_judged_by_a_clock_that_is_ours(stack: Stack) -> None:
    body = event("clock", time=(clock.now() + timedelta(minutes=4)).isoformat())
    found = await send_event(stack, body, organization="clock")
    assert found.json()["status"] == "accepted"


async def test_an_id_that_makes_too_long_a_subject_is_refused_at_the_door(stack: Stack) -> None:
    """It was taken, and set aside without an outcome: of each such character come six."""
    async with stack.client(stack.admin) as http:
        for letter, count, code in (("a", 253, 200), ("\u0316", 200, 413)):
            found = await http.post(
                "/v1/commands/environment.define-policy.v1",
                params={"organization": "acme", "id": letter * count},
                json={},
                headers=WAIT,
            )
            assert found.status_code == code, found.text
        assert "the id is too long" in refused(found, 413, "too-large")["detail"]
