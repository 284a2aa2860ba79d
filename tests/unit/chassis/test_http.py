"""What the HTTP side of every member has: problems, health, measurements, headers."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.support.each import each

from catalyst.chassis import clock, http, problems
from catalyst.chassis.errors import Retry
from catalyst.chassis.http import Measured, Metrics, Readiness, SecureHeaders, health_routes
from catalyst.chassis.jetstream.port import BrokerError, TooLarge, Unavailable
from catalyst.chassis.tokens import BadToken
from catalyst.client.http_calls import ANSWER_SECONDS
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import CODES, Rejected

FIELD = FieldError(pointer="/data/x", rule="required", message="is missing")


def raising(error: Exception) -> httpx.AsyncClient:
    """A door whose only route raises."""

    async def route(_request: Request) -> Response:
        raise error

    app = Starlette(routes=[Route("/x", route)], exception_handlers=dict(problems.HANDLERS))
    transport = httpx.ASGITransport(SecureHeaders(app), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://door")


@each(
    [
        (Rejected("invalid-data", "wrong", [FIELD]), 422, "invalid-data"),
        (Rejected("organization-exists", "taken"), 409, "organization-exists"),
        (Undecodable("duplicate-key", "twice", "/a"), 400, "duplicate-key"),
        (Undecodable("not-utf8", "byte 1"), 400, "not-utf8"),
        (BadToken("expired"), 401, "unauthenticated"),
        (Unavailable(503, 0, "secret stream EV"), 503, "unavailable"),
        (BrokerError(500, 10000, "secret stream EV"), 503, "unavailable"),
        (TooLarge(413, 0, "too large"), 413, "too-large"),
        (Retry("not yet", after_seconds=7), 503, "unavailable"),
        (HTTPException(404), 404, "not-found"),
        (HTTPException(405, headers={"Allow": "GET"}), 405, "method-not-allowed"),
        (HTTPException(418), 400, "invalid-query"),
        (RuntimeError("secret"), 500, "internal"),
    ],
    name=lambda value: getattr(value, "code", None) or str(value)[:20],
)
async def test_every_refusal_is_a_problem_with_a_registered_code(
    error: Exception, status: int, code: str
) -> None:
    async with raising(error) as door:
        answer = await door.get("/x")
    assert answer.status_code == status
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    found = answer.json()
    assert (found["code"], found["status"]) == (code, status)
    assert found["title"] == CODES[code].meaning
    assert found["type"].endswith(code)
    assert "secret" not in answer.text


async def test_whoever_leaves_before_the_body_was_sent_is_no_failure_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def route(request: Request) -> Response:
        await request.body()
        raise AssertionError("there was no end of the body")

    async def left() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = Starlette(routes=[Route("/x", route)], exception_handlers=dict(problems.HANDLERS))
    await app({"type": "http", "method": "GET", "path": "/x", "headers": []}, left, send)
    assert sent[0]["status"] == 400
    assert not caplog.records


async def test_places_and_waits_are_told() -> None:
    async with raising(Rejected("invalid-data", "wrong", [FIELD])) as door:
        found = (await door.get("/x")).json()
    assert found["errors"] == [{"pointer": "/data/x", "rule": "required", "message": "is missing"}]
    async with raising(Undecodable("duplicate-key", "twice", "/a")) as door:
        assert (await door.get("/x")).json()["errors"][0]["pointer"] == "/a"
    async with raising(Undecodable("not-utf8", "byte 1")) as door:
        assert (await door.get("/x")).json()["errors"] == []
    async with raising(Retry("later", after_seconds=7)) as door:
        assert (await door.get("/x")).headers["retry-after"] == "7"
    async with raising(BadToken("expired")) as door:
        assert "invalid_token" in (await door.get("/x")).headers["www-authenticate"]
    async with raising(HTTPException(405, headers={"Allow": "GET"})) as door:
        assert (await door.get("/x")).headers["allow"] == "GET"


async def test_what_a_person_has_to_mend_is_not_asked_for_again_in_a_second() -> None:
    async with raising(Rejected("prices-unavailable", "a billing-admin has to apply one")) as door:
        answer = await door.get("/x")
    # Our own clients then say so at once, instead of asking until their time is over.
    assert float(answer.headers["retry-after"]) > ANSWER_SECONDS


@each(CODES)
def test_every_code_makes_a_document(code: str) -> None:
    found = problems.document(code, "why")
    assert 400 <= found.status <= 599
    assert found.title


def member(
    checks: dict[str, http.Check], beside: dict[str, http.Check] | None = None, **routes: Any
) -> httpx.AsyncClient:
    metrics = Metrics("test")
    found = [
        *health_routes(Readiness(checks, beside or {}), metrics),
        *(Route(f"/{name}/{{id}}", route) for name, route in routes.items()),
    ]
    app = SecureHeaders(Measured(Starlette(routes=found), metrics))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://member")


async def good() -> str | None:
    return None


async def bad() -> str | None:
    return "behind"


async def broken() -> str | None:
    raise Unavailable(503, 0, "no connection")


async def test_a_member_is_ready_when_every_check_says_so() -> None:
    async with member({"a": good}) as door:
        answer = await door.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {"a": "ok"}})
        assert (await door.get("/healthz")).status_code == 200


async def test_what_is_not_ready_is_named() -> None:
    async with member({"a": good, "b": bad, "c": broken}) as door:
        answer = await door.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"a": "ok", "b": "behind", "c": "no connection"}


@pytest.mark.guarantee("G7.14")
async def test_what_it_can_do_without_is_named_and_keeps_it_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "BESIDE_SECONDS", 0.01)

    async def forever() -> str | None:
        await asyncio.Event().wait()
        return None

    async with member({"a": good}, beside={"b": bad}) as door:
        answer = await door.get("/readyz")
        checks = {"a": "ok", "b": "behind"}
        assert (answer.status_code, answer.json()) == (
            200,
            {"status": "degraded", "checks": checks},
        )
    async with member({"a": good}, beside={"b": good}) as door:
        assert (await door.get("/readyz")).json()["status"] == "ok"
    async with member({"a": bad}, beside={"b": forever}) as door:
        answer = await door.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "not-ready")
        assert answer.json()["checks"] == {"a": "behind", "b": "no answer within 0.01 s"}


async def test_a_check_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CHECK_SECONDS", 0.01)

    async def forever() -> str | None:
        await asyncio.Event().wait()
        return None

    async with member({"a": forever}) as door:
        assert "no answer" in (await door.get("/readyz")).json()["checks"]["a"]


async def test_probes_close_together_cost_one_check(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])

    async def count() -> str | None:
        nonlocal asked
        asked += 1
        return None

    async with member({"a": count}) as door:
        for _ in range(5):
            await door.get("/readyz")
        assert asked == 1
        now[0] += 1.1
        await door.get("/readyz")
    assert asked == 2


async def test_requests_are_counted_by_route_and_never_by_path() -> None:
    async def show(_request: Request) -> Response:
        return Response("x")

    async with member({}, things=show) as door:
        for secret in ("alice", "bob"):
            await door.get(f"/things/{secret}")
        await door.get("/nothing")
        await door.request("BREW", "/things/x")
        text = (await door.get("/metrics")).text
    assert (
        'catalyst_http_requests_total{method="GET",route="/things/{id}",status="200"} 2.0' in text
    )
    assert 'method="other"' in text
    assert 'catalyst_member{member="test"} 1.0' in text
    assert "alice" not in text


async def test_security_headers_stand_on_every_answer_and_a_route_may_set_its_own() -> None:
    async def own(_request: Request) -> Response:
        return Response("x", headers={"Content-Security-Policy": "default-src 'self'"})

    async with member({}, things=own) as door:
        found = (await door.get("/things/1")).headers
        assert found["content-security-policy"] == "default-src 'self'"
        missing = (await door.get("/nothing")).headers
    for name, value in http.SECURITY_HEADERS.items():
        assert missing[name] == value
    policy = http.CONTENT_POLICY
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
