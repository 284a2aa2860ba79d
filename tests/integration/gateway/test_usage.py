"""Use through the real door: kept whole or refused whole, and only from who answers for it."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.integration.gateway.sending import refused
from tests.integration.gateway.stack import Stack, created
from tests.support import metering

from catalyst.chassis.claiming import ClaimBody
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import codec
from catalyst.contracts.topology import MAX_BODY_BYTES, USE
from catalyst.contracts.usage_v1 import Use, claim_of, digest
from catalyst.gateway.using import MANY, MAX_USES, ONE

TIME = datetime.now(UTC)
PATH = "/v1/usage"


async def post(stack: Stack, body: bytes, kind: str = ONE, *, organization: str = "uses") -> Any:
    """Report use as a sovereign-admin would not, but a service may."""
    async with stack.client(stack.keys.service("provisioning").service()) as http:
        return await http.post(
            PATH,
            params={"organization": organization},
            content=body,
            headers={"Content-Type": kind},
        )


def batch(count: int, **changes: Any) -> bytes:
    """Return so many uses as one body."""
    messages = (metering.message(f"u-{number}", TIME, **changes) for number in range(count))
    return b"[" + b",".join(messages) + b"]"


async def kept(stack: Stack, organization: str) -> int:
    """Return how many uses of an Organization wait to be counted: nobody counts here."""
    async with stack.operator() as js:
        wanted = {"subjects_filter": f"use.{organization}.>"}
        found = await js.api(f"STREAM.INFO.{USE}", wanted)
    return sum((found["state"].get("subjects") or {}).values())


@pytest.mark.guarantee("G12.10")
async def test_one_use_and_many_are_kept(stack: Stack) -> None:
    one = await post(stack, metering.message("u-1", TIME))
    assert (one.status_code, one.json()) == (202, {"accepted": 1})
    many = await post(stack, batch(200), MANY)
    assert (many.status_code, many.json()) == (202, {"accepted": 200})
    assert await kept(stack, "uses") == 201


@pytest.mark.guarantee("G5.8")
@pytest.mark.guarantee("G12.10")
async def test_every_mistake_is_named_with_its_place_and_nothing_is_kept(stack: Stack) -> None:
    found = json.loads(batch(6))
    found[1] |= {"type": "usage.told.v1", "organization": "others"}
    found[1]["data"] |= {"quantity": -1, "more": True}
    found[3]["organization"] = "others"
    del found[2]["source"], found[2]["data"]["meter"]
    found[4] |= {"time": "0001-01-01T00:00:00+01:00", "organization": "others", "id": ""}
    found[5] = ["no", "object"]
    answer = await post(stack, json.dumps(found).encode(), MANY, organization="mistaken")
    problem = refused(answer, 422, "usage-invalid")
    assert await kept(stack, "mistaken") == await kept(stack, "others") == 0
    assert problem["detail"] == "5 of 6 are no use that is taken here"
    told = [(error["pointer"], error["rule"]) for error in problem["errors"]]
    assert sorted(told) == [
        ("/1/data/more", "unknown-field"),
        ("/1/data/quantity", "range"),
        ("/1/organization", "usage-invalid"),
        ("/1/type", "enum"),
        ("/2/data/meter", "required"),
        ("/2/source", "required"),
        ("/3/organization", "usage-invalid"),
        ("/4/id", "length"),
        ("/4/organization", "usage-invalid"),
        ("/4/time", "range"),
        ("/5", "type"),
    ]
    said = {error["pointer"]: error["message"] for error in problem["errors"]}
    assert said["/1/type"] == "must be one of 'usage.reported.v1'"
    assert said["/1/data/quantity"].startswith("must be a whole number from 0 to 1000000000000")
    alone = refused(await post(stack, json.dumps(found[1]).encode()), 422, "usage-invalid")
    places = {error["pointer"] for error in alone["errors"]}
    assert places == {"/type", "/organization", "/data/quantity", "/data/more"}


@pytest.mark.guarantee("G12.20")
async def test_the_answer_names_what_says_something_else_than_what_counts(stack: Stack) -> None:
    first = msgspec.convert(
        {"source": "meter", "id": "u-1", "time": TIME, "quantity": 1}
        | {"subscription": "blog.acme-prod", "meter": "tokens"},
        Use,
    )
    claim = ClaimBody(holder="others.billing.usage.2026-04", done="c-1", digest=digest(first))
    user = "environment"
    async with connect(
        stack.broker.url, name="environment-controller", user=user, password=user
    ) as js:
        subject = claim_of("twice", first).subject
        await js.publish(Outgoing(subject, codec.encode(claim)))
    messages = [
        metering.message("u-1", TIME),
        metering.message("u-1", TIME, 2),
        metering.message("u-2", TIME),
        metering.message("u-2", TIME),
        metering.message("u-2", TIME, 3),
    ]
    many = await post(stack, b"[" + b",".join(messages) + b"]", MANY, organization="twice")
    assert many.status_code == 202
    told = many.json()["other_content"]
    assert (many.json()["accepted"], [one["pointer"] for one in told]) == (5, ["/1", "/4"])
    assert told[0]["rule"] == "other-content"
    one = await post(stack, messages[1], organization="twice")
    assert [found["pointer"] for found in one.json()["other_content"]] == [""]
    again = await post(stack, messages[0], organization="twice")
    assert again.json() == {"accepted": 1}


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (metering.message("u-1", TIME), "application/json", 415, "unsupported-media-type"),
        (b"{", ONE, 400, "malformed-json"),
        (b"[]", MANY, 422, "usage-invalid"),
        (batch(MAX_USES + 1), MANY, 422, "usage-invalid"),
        (batch(1), ONE, 422, "usage-invalid"),
        (b" " * (MAX_BODY_BYTES + 1), MANY, 413, "too-large"),
    ],
    ids=["kind", "no-json", "nothing", "too-many", "a-list", "too-large"],
)
async def test_what_is_no_use_is_refused(
    stack: Stack, body: bytes, kind: str, status: int, code: str
) -> None:
    problem = refused(await post(stack, body, kind), status, code)
    # Whatever is said to be wrong with what was sent has a place, be it the whole of it.
    assert [error["pointer"] for error in problem["errors"]] == [""] * (code == "usage-invalid")


@pytest.mark.guarantee("G5.1", "G5.10")
@pytest.mark.parametrize("kind", [ONE, MANY])
async def test_half_a_character_is_refused_as_no_json(stack: Stack, kind: str) -> None:
    """It is JSON for some readers, and no text that anybody could write again."""
    body = rb'{"\ud800":"\udfff"}'
    sent = body if kind == ONE else b"[" + metering.message("u-1", TIME) + b"," + body + b"]"
    refused(await post(stack, sent, kind, organization="halves"), 400, "malformed-json")
    assert await kept(stack, "halves") == 0


async def test_an_organization_is_named(stack: Stack) -> None:
    refused(
        await post(stack, metering.message("u-1", TIME), organization="_"), 400, "invalid-query"
    )


async def test_only_who_answers_for_the_money_reports_use(stack: Stack) -> None:
    await created(stack, "reporters")
    found: dict[str, int] = {}
    tokens = {
        "nobody": None,
        "sovereign-admin": stack.admin,
        "stranger": stack.token("eve@acme.example"),
        "owner": stack.token("ann@acme.example"),
        "billing-admin": stack.token("cash@cloud.example", "billing-admin"),
    }
    for name, token in tokens.items():
        async with stack.client(token) as http:
            answer = await http.post(
                PATH,
                params={"organization": "reporters"},
                content=metering.message("u-1", TIME),
                headers={"Content-Type": ONE},
            )
        found[name] = answer.status_code
    assert found == {
        "nobody": 401,
        "sovereign-admin": 403,
        "stranger": 403,
        "owner": 202,
        "billing-admin": 202,
    }
