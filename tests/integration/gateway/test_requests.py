"""Requests that no client sends, though anybody can: each is read in one way, or refused."""

import asyncio
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx
import pytest
from tests.integration.gateway.sending import CREATE, refused
from tests.integration.gateway.stack import ADMIN, Stack, acme

from catalyst.chassis.http import SECURITY_HEADERS
from catalyst.contracts.topology import MAX_BODY_BYTES

JSON = "application/json"
BODY = json.dumps(acme()).encode()
Headers = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    content: bytes

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """Check that it is this problem, and return it."""
        told = httpx.Response(self.status, headers=dict(self.headers), content=self.content)
        return refused(told, status, code)


async def send(
    url: str, method: str, target: str, headers: Headers = (), body: bytes = b""
) -> Answer:
    """Send exactly these bytes, and read the answer; the connection is not used again."""
    place = httpx.URL(url)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    lines = [f"{method} {target} HTTP/1.1", "Host: catalyst", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    async with asyncio.timeout(30):
        found = await reader.read()
    writer.close()
    head, _, content = found.partition(b"\r\n\r\n")
    status, *rest = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ")[::2] for line in rest]
    return Answer(int(status.split()[1]), {name.lower(): value for name, value in pairs}, content)


async def post(stack: Stack, more: Headers, body: bytes = BODY, path: str = CREATE) -> Answer:
    """Post a body with further headers; its length is told unless they say how it is sent."""
    token = stack.token(ADMIN, "sovereign-admin", "billing-admin")
    headers = [("Authorization", f"Bearer {token}"), *more]
    if not any(name == "Transfer-Encoding" for name, _ in more):
        headers.append(("Content-Length", str(len(body))))
    return await send(stack.url, "POST", f"{path}?organization=odd", headers, body)


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


TAKES_BODIES = {
    CREATE: JSON,
    "/v1/usage": "application/cloudevents+json",
    "/v1/queries/catalog/search": JSON,
}


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize("path", TAKES_BODIES)
@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "nonsense"])
async def test_a_body_that_is_packed_is_not_taken(stack: Stack, path: str, encoding: str) -> None:
    headers = [("Content-Type", TAKES_BODIES[path]), ("Content-Encoding", encoding)]
    answer = await post(stack, headers, gzip.compress(BODY), path)
    problem = answer.problem(415, "unsupported-media-type")
    assert "Content-Encoding" in problem["detail"]
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize("path", TAKES_BODIES)
@pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", '"Latin-1"', "nonsense", ""])
async def test_a_body_of_another_charset_is_not_taken(
    stack: Stack, path: str, charset: str
) -> None:
    kind = f"{TAKES_BODIES[path]}; a=b; Charset={charset}"
    problem = (await post(stack, [("Content-Type", kind)], BODY, path)).problem(
        415, "unsupported-media-type"
    )
    assert "charset" in problem["detail"]


@pytest.mark.parametrize(
    "more",
    [
        [("Content-Type", 'application/json;charset="UTF8"')],
        [("Content-Type", "Application/JSON ; charset=us-ascii; q=1")],
        [("Content-Type", JSON), ("Content-Encoding", "identity")],
        [("Content-Type", JSON), ("Content-Encoding", "")],
        [("Content-Type", JSON), ("Expect", "something-else")],
        [("Content-Type", JSON), ("Prefer", "wait=99999999999999999999, \xff")],
        [("Content-Type", JSON), ("Prefer", "wait=-1")],
        [("Content-Type", JSON), ("Accept", "image/png, application/json;q=0")],
    ],
    ids=lambda more: more[-1][1],
)
async def test_what_says_the_same_in_other_words_is_taken(stack: Stack, more: Headers) -> None:
    # An answer is JSON whatever was preferred: who cannot read it at least has the status.
    assert (await post(stack, more)).status in {200, 202}


ONCE = {
    "Authorization": ("Bearer nonsense", "Bearer nonsense"),
    "Content-Type": (JSON, "text/plain"),
    "Idempotency-Key": ("odd-1", "odd-2"),
    "Last-Event-ID": ("a", "b"),
    "Host": ("one.example", "two.example"),
}


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize("name", ONCE)
async def test_a_header_that_is_there_twice_is_refused(stack: Stack, name: str) -> None:
    first, second = ONCE[name]
    needed = {"Content-Type": JSON} | {name: first}
    problem = (await post(stack, [*needed.items(), (name, second)])).problem(400, "invalid-header")
    assert name in problem["detail"]


@pytest.mark.guarantee("G5.13")
async def test_no_header_that_stands_twice_is_read_by_the_projector_either(stack: Stack) -> None:
    headers = [("Authorization", "Bearer nonsense"), ("Authorization", f"Bearer {stack.admin}")]
    for path in ("/v1/state/organizations", "/v1/stream", "/v1/read-model"):
        answer = await send(stack.url, "GET", path, headers)
        answer.problem(400, "invalid-header")


@pytest.mark.guarantee("G5.13")
async def test_a_body_that_comes_in_parts_is_bounded_too(stack: Stack) -> None:
    headers = [("Content-Type", JSON), ("Transfer-Encoding", "chunked")]
    assert (await post(stack, headers, chunked(BODY[:9], BODY[9:]))).status in {200, 202}
    half = b" " * (MAX_BODY_BYTES // 2)
    (await post(stack, headers, chunked(half, half, BODY))).problem(413, "too-large")
    packed = [("Content-Type", JSON), ("Transfer-Encoding", "gzip, chunked")]
    problem = (await post(stack, packed, chunked(BODY))).problem(501, "not-implemented")
    assert "Transfer-Encoding" in problem["detail"]


async def test_whoever_asks_before_the_body_is_told_first(stack: Stack) -> None:
    place = httpx.URL(stack.url)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    head = (
        f"POST {CREATE}?organization=odd HTTP/1.1\r\nHost: catalyst\r\nConnection: close\r\n"
        f"Authorization: Bearer {stack.admin}\r\nContent-Type: {JSON}\r\n"
        f"Content-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(30):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(BODY)
        assert (await reader.read()).split()[1] in {b"200", b"202"}
    writer.close()
    headers = [("Content-Type", JSON), ("Expect", "100-continue")]
    too_large = [*headers, ("Authorization", f"Bearer {stack.admin}"), ("Content-Length", "999999")]
    # Nothing of the body was sent, and nothing is waited for.
    (await send(stack.url, "POST", CREATE, too_large)).problem(413, "too-large")


ROUTES = {
    "/": {"GET", "HEAD"},
    "/healthz": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
    "/metrics": {"GET", "HEAD"},
    "/openapi.json": {"GET", "HEAD"},
    "/asyncapi.json": {"GET", "HEAD"},
    "/v1/session": {"GET", "HEAD", "POST", "DELETE"},
    CREATE: {"POST"},
    "/v1/outcomes/c-1": {"GET", "HEAD"},
    "/v1/state/organizations": {"GET", "HEAD"},
    "/v1/state/organizations/acme": {"GET", "HEAD"},
    "/v1/stream": {"GET", "HEAD"},
    "/v1/trace/c-1": {"GET", "HEAD"},
    "/v1/contracts": {"GET", "HEAD"},
    "/v1/contracts/environment.organization-created.v1": {"GET", "HEAD"},
    "/v1/events": {"GET", "HEAD"},
    "/v1/dlq": {"GET", "HEAD"},
    "/v1/queries/catalog/search": {"POST"},
    "/v1/usage": {"POST"},
    "/v1/read-model": {"GET", "HEAD"},
    "/v1/read-model/rebuild": {"POST"},
}


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize("path", ROUTES)
async def test_each_address_says_which_methods_it_takes(stack: Stack, path: str) -> None:
    headers = [("Authorization", f"Bearer {stack.admin}")]
    for method in ("OPTIONS", "PUT", "PATCH", "TRACE"):
        answer = await send(stack.url, method, path, headers)
        answer.problem(405, "method-not-allowed")
        assert set(answer.headers["allow"].split(", ")) == ROUTES[path]
    if "HEAD" in ROUTES[path]:
        answer = await send(stack.url, "HEAD", path, headers)
        assert (answer.status < 500, answer.content) == (True, b"")


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize(
    "path",
    [path for path in ROUTES if path != "/"]
    + ["/v1/read-model/", "//healthz", "/v1//session", "/v1", "/%00", "/%zz", "/..%2fetc/passwd"],
)
async def test_no_other_spelling_of_an_address_leads_anywhere(stack: Stack, path: str) -> None:
    headers = [("Authorization", f"Bearer {stack.admin}")]
    target = f"{path}/" if path in ROUTES else path
    answer = await send(stack.url, "GET", target, headers)
    # A redirect would be built from the request's Host, which anybody can write.
    answer.problem(404, "not-found")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize("path", ["/nosuch", "/no/such", "/healthz/", "//healthz", "/missing.html"])
async def test_a_browser_is_told_in_a_page_that_there_is_none(stack: Stack, path: str) -> None:
    told = await send(stack.url, "GET", path, [("Accept", BROWSER)])
    assert told.status == 404
    assert told.headers["content-type"] == "text/html; charset=utf-8"
    assert told.headers["cache-control"] == "no-store"
    assert "Accept" in told.headers["vary"].split(", ")
    assert b'<a href="/">' in told.content
    index = await send(stack.url, "GET", "/", [("Accept", BROWSER)])
    for name in SECURITY_HEADERS:
        assert told.headers[name.lower()] == index.headers[name.lower()]
    head = await send(stack.url, "HEAD", path, [("Accept", BROWSER)])
    assert (head.status, head.content) == (404, b"")


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/nosuch", ""),
        ("/nosuch", "*/*"),
        ("/nosuch", "application/json"),
        ("/nosuch", "application/json, text/html"),
        ("/nosuch", "text/html;q=0.5, application/problem+json"),
        ("/v1", BROWSER),
        ("/v1/nosuch", BROWSER),
        ("/git", BROWSER),
    ],
)
async def test_a_program_is_told_in_a_problem_that_there_is_none(
    stack: Stack, path: str, accept: str
) -> None:
    headers = [("Authorization", f"Bearer {stack.admin}")]
    told = await send(stack.url, "GET", path, headers + ([("Accept", accept)] if accept else []))
    told.problem(404, "not-found")


@pytest.mark.guarantee("G5.13")
@pytest.mark.parametrize("odd", ["a%2Fb", "a%00b", "%FF%FE", "a%0Ab", "..%2f..", "%E2%80%AE"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/outcomes/{}?organization=acme"),
        ("GET", "/v1/state/{}"),
        ("GET", "/v1/state/organizations/{}"),
        ("GET", "/v1/trace/{}"),
        ("GET", "/v1/contracts/{}"),
        ("POST", "/v1/commands/{}?organization=acme"),
        ("POST", "/v1/queries/{}/search?organization=acme"),
        ("POST", "/v1/queries/catalog/{}?organization=acme"),
    ],
)
async def test_a_name_of_odd_characters_names_nothing(
    stack: Stack, method: str, path: str, odd: str
) -> None:
    headers = [("Authorization", f"Bearer {stack.admin}"), ("Content-Type", JSON)]
    answer = await send(stack.url, method, path.format(odd), headers)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
