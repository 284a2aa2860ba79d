"""Commands and reads over HTTP: what is sent, what is repeated, what is an error."""

from __future__ import annotations

import json
import ssl
from typing import Any

import httpx
import pytest
from tests.support.each import each
from tests.unit.client.scripted import Scripted, problem

from catalyst.client import http_calls
from catalyst.client.errors import Malformed, Problem, TimedOut, Unreachable
from catalyst.client.http_transport import over_http, verifying

RESUME = "environment.resume-organization.v1"
OUTCOME: dict[str, Any] = {
    "id": "c-1",
    "type": RESUME,
    "status": "accepted",
    "digest": "d",
    "time": "2026-01-01T00:00:00Z",
    "seq": 7,
    "log": "l",
}


def answer(status: int, body: object, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers, content=json.dumps(body).encode())


async def test_a_command_goes_to_its_type_with_its_address_and_id() -> None:
    transport = Scripted(answer(200, OUTCOME))
    async with over_http("http://door", transport=transport, token="t") as door:
        outcome = await door.send(RESUME, {}, organization="acme", command_id="c-1")
    request = transport.requests[0]
    assert (outcome.seq, outcome.log) == (7, "l")
    assert request.method == "POST"
    assert str(request.url) == (
        f"http://door/v1/commands/{RESUME}?organization=acme&aggregate=organization&id=acme"
    )
    assert request.headers["idempotency-key"] == "c-1"
    assert request.headers["authorization"] == "Bearer t"
    assert request.headers["prefer"] == "wait=10"
    assert request.content == b"{}"


@each(
    [
        httpx.ConnectError("down"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        problem(503, "unavailable"),
        problem(429, "rate-limited", headers={"retry-after": "0"}),
    ]
)
async def test_a_failure_that_passes_is_answered_by_the_same_command_again(
    failure: Exception | httpx.Response,
) -> None:
    transport = Scripted(failure, answer(200, OUTCOME))
    async with over_http("http://door", transport=transport) as door:
        await door.send(RESUME, {}, organization="acme")
    first, second = transport.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.content == second.content


async def test_who_took_a_question_and_went_before_the_answer_is_waited_for_as_who_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_calls, "FIRST_CONTACT_SECONDS", 0.0)
    gone = [httpx.ReadError("reset"), httpx.ConnectError("down"), httpx.ConnectError("down")]
    transport = Scripted(*gone, answer(200, OUTCOME))
    async with over_http("http://door", transport=transport) as door:
        found = await door.outcome("c-1", organization="acme", timeout=30)
    assert (found is not None, len(transport.requests)) == (True, 4)
    async with over_http("http://door", transport=Scripted(httpx.ConnectError("down"))) as door:
        with pytest.raises(Unreachable):
            await door.outcome("c-1", organization="acme", timeout=30)


async def test_a_refusal_names_its_fields_and_is_not_repeated() -> None:
    errors = [{"pointer": "/data/reason", "rule": "required", "message": "is missing"}]
    transport = Scripted(problem(422, "invalid-data", detail="wrong", errors=errors))
    async with over_http("http://door", transport=transport) as door:
        with pytest.raises(Problem) as caught:
            await door.send("environment.suspend-organization.v1", {}, organization="acme")
    assert (caught.value.status, caught.value.code) == (422, "invalid-data")
    assert caught.value.errors[0].pointer == "/data/reason"
    assert len(transport.requests) == 1


async def test_a_rejection_is_an_outcome() -> None:
    rejected = {**OUTCOME, "status": "rejected", "code": "organization-not-suspended"}
    async with over_http("http://door", transport=Scripted(answer(200, rejected))) as door:
        outcome = await door.send(RESUME, {}, organization="acme")
    assert (outcome.status, outcome.code) == ("rejected", "organization-not-suspended")


async def test_what_is_only_stored_is_asked_for_until_it_is_decided() -> None:
    transport = Scripted(
        answer(202, {"id": "c-1"}), problem(404, "not-found"), answer(200, OUTCOME)
    )
    async with over_http("http://door", transport=transport) as door:
        outcome = await door.send(RESUME, {}, organization="acme", command_id="c-1")
    assert outcome.seq == 7
    assert str(transport.requests[2].url) == "http://door/v1/outcomes/c-1?organization=acme"


async def test_without_an_outcome_in_time_the_wait_ends() -> None:
    answers = [problem(404, "not-found") for _ in range(30)]
    transport = Scripted(answer(202, {"id": "c-1"}), *answers)
    async with over_http("http://door", transport=transport) as door:
        with pytest.raises(TimedOut, match="c-1"):
            await door.send(RESUME, {}, organization="acme", command_id="c-1", timeout=0.2)


async def test_nobody_there_is_unreachable() -> None:
    transport = Scripted(*[httpx.ConnectError("down") for _ in range(30)])
    async with over_http("http://door", transport=transport) as door:
        with pytest.raises(Unreachable):
            await door.submit(RESUME, {}, organization="acme", timeout=0.2)


@each(
    [
        ("environment.no-such-thing.v1", {"organization": "acme", "id": "x"}, "unknown-type"),
        ("Environment.Create", {"organization": "acme"}, "unknown-type"),
        ("environment.create-environment.v1", {"organization": "acme"}, "invalid-data"),
        ("environment.retry.v1", {"organization": "acme", "id": "x"}, "invalid-data"),
        (RESUME, {"organization": "acme", "command_id": "a b"}, "invalid-id"),
        (RESUME, {"organization": "acme", "command_id": "a" * 65}, "invalid-id"),
    ]
)
async def test_what_cannot_be_addressed_is_not_sent(
    type_: str, options: dict[str, Any], code: str
) -> None:
    transport = Scripted()
    async with over_http("http://door", transport=transport) as door:
        with pytest.raises(Problem) as caught:
            await door.submit(type_, {}, **options)
    assert caught.value.code == code


@each([b'{"a": 1, "a": 2}', b"[" * 40 + b"]" * 40, b"\xff", b"{"])
async def test_bytes_that_no_door_takes_are_not_sent(raw: bytes) -> None:
    async with over_http("http://door", transport=Scripted()) as door:
        with pytest.raises(Problem) as caught:
            await door.submit(RESUME, raw, organization="acme")
    assert caught.value.status == 400


ROW = {"key": "acme._.organization._.acme", "value": {"seq": 5, "doc": {"phase": "ready"}}}
FRESH = {"catalyst-as-of": "8", "catalyst-head": "9", "catalyst-lag-ms": "3"}


async def test_one_row_comes_with_its_freshness() -> None:
    transport = Scripted(answer(200, ROW, **FRESH))
    async with over_http("http://door", transport=transport) as door:
        row, fresh = await door.get("organizations", "acme", min_seq=5, log="l")
    assert (row.seq, row.doc, row.place.name) == (5, {"phase": "ready"}, "acme")
    assert (fresh.as_of, fresh.head, fresh.lag_ms) == (8, 9, 3)
    assert str(transport.requests[0].url) == (
        "http://door/v1/state/organizations/acme?min_seq=5&log=l"
    )
    assert transport.requests[0].headers["prefer"] == "wait=10"


@pytest.mark.guarantee("G4.9")
async def test_each_try_of_a_read_that_waits_tells_the_door_what_time_is_left() -> None:
    late = [problem(504, "timeout") for _ in range(3)]
    transport = Scripted(*late, answer(200, ROW, **FRESH))
    async with over_http("http://door", transport=transport) as door:
        await door.get("organizations", "acme", min_seq=5, timeout=25)
    # No try longer than the door holds one anyway, and none longer than is left.
    waits = [request.headers["prefer"] for request in transport.requests]
    assert waits == ["wait=10"] * 4
    transport = Scripted(problem(504, "timeout"))
    async with over_http("http://door", transport=transport) as door:
        with pytest.raises(Problem) as caught:
            await door.get("organizations", "acme", min_seq=5, timeout=0.0)
    assert caught.value.code == "timeout"
    assert transport.requests[0].headers["prefer"] == "wait=0"


@pytest.mark.guarantee("G4.9")
async def test_what_the_door_says_when_the_time_is_over_may_come_two_seconds_late() -> None:
    row = answer(200, ROW, **FRESH)
    transport = Scripted(answer(200, OUTCOME), answer(200, OUTCOME), row, row)
    async with over_http("http://door", transport=transport) as door:
        await door.send(RESUME, {}, organization="acme", timeout=4)
        await door.outcome("c-1", organization="acme", timeout=14)
        await door.get("organizations", "acme", min_seq=5, timeout=1)
        await door.get("organizations", "acme", timeout=1)
    *held, plain = transport.requests
    for request in held:
        wait = float(request.headers["prefer"].removeprefix("wait="))
        assert request.extensions["timeout"]["read"] > wait + 2
    assert plain.extensions["timeout"]["read"] <= 1


async def test_all_pages_are_read() -> None:
    pages = [
        answer(200, {"items": [ROW], "as_of": 8, "head": 9, "lag_ms": 1, "continue": "x"}),
        answer(200, {"items": [ROW], "as_of": 9, "head": 9, "lag_ms": 0}),
    ]
    transport = Scripted(*pages)
    async with over_http("http://door", transport=transport) as door:
        found = [page async for page in door.pages("all", organization="acme", limit=1)]
    assert [page.fresh.as_of for page in found] == [8, 9]
    assert transport.requests[1].url.params["continue"] == "x"


async def test_a_list_that_goes_in_a_circle_ends() -> None:
    page = {"items": [], "as_of": 8, "head": 9, "lag_ms": 1, "continue": "x"}
    async with over_http(
        "http://door", transport=Scripted(answer(200, page), answer(200, page))
    ) as door:
        with pytest.raises(Malformed, match="circle"):
            _ = [found async for found in door.pages("all")]


async def test_an_answer_without_freshness_is_an_error() -> None:
    async with over_http("http://door", transport=Scripted(answer(200, ROW))) as door:
        with pytest.raises(Malformed, match="fresh"):
            await door.get("organizations", "acme")


async def test_a_problem_without_a_document_keeps_its_status() -> None:
    async with over_http(
        "http://door", transport=Scripted(httpx.Response(413, content=b"too big"))
    ) as door:
        with pytest.raises(Problem) as caught:
            await door.list("all")
    assert (caught.value.status, caught.value.code) == (413, "http-413")


@each(["https://door.example", "HTTPS://door.example:8443/x", "http://127.0.0.1:8080"])
def test_whoever_answers_has_to_prove_who_they_are(url: str) -> None:
    context = verifying(url)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
