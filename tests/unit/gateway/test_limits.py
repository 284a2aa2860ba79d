"""How much one sender may ask for."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.support.each import each

from catalyst.chassis.http import Metrics
from catalyst.gateway.app import application
from catalyst.gateway.limits import Buckets, networks, retry_after, sender_address
from catalyst.gateway.settings import Settings


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    time = Time()
    buckets = Buckets(2.0, 3, now=time)
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a") == 0.5
    assert buckets.take("b") == 0.0
    time.now = 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0


def test_who_cannot_be_counted_is_refused() -> None:
    time = Time()
    buckets = Buckets(1.0, 2, capacity=2, now=time)
    assert buckets.take("a") == 0.0
    assert buckets.take("b") == 0.0
    assert buckets.take("stranger") > 0
    assert buckets.take("a") == 0.0
    time.now = 10.0
    assert buckets.take("stranger") == 0.0


def test_without_a_rate_the_burst_is_all_there_is() -> None:
    time = Time()
    buckets = Buckets(0.0, 1, now=time)
    assert buckets.take("a") == 0.0
    time.now = 1e6
    assert buckets.take("a") > 0


@given(
    st.lists(st.tuples(st.floats(0, 2), st.sampled_from("ab")), max_size=60),
    st.floats(0.1, 5),
    st.integers(1, 5),
)
def test_nobody_gets_more_than_burst_and_rate_allow(
    steps: list[tuple[float, str]], rate: float, burst: int
) -> None:
    time = Time()
    buckets = Buckets(rate, burst, now=time)
    given_out = {"a": 0, "b": 0}
    for pause, sender in steps:
        time.now += pause
        given_out[sender] += buckets.take(sender) == 0.0
        assert given_out[sender] <= burst + rate * time.now + 1e-6


def scope(client: str | None, *forwarded: str) -> dict[str, Any]:
    return {
        "client": None if client is None else (client, 1234),
        "headers": [(b"x-forwarded-for", line.encode()) for line in forwarded],
    }


@each(
    [
        ("203.0.113.5", (), "", "203.0.113.5"),
        ("203.0.113.5", ("198.51.100.1",), "", "203.0.113.5"),
        ("203.0.113.5", ("198.51.100.1",), "10.0.0.0/8", "203.0.113.5"),
        ("10.0.0.2", ("198.51.100.1",), "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.2", ("1.1.1.1, 198.51.100.1",), "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.2", ("1.1.1.1", "198.51.100.1, 10.0.0.3"), "10.0.0.0/8", "198.51.100.1"),
        ("10.0.0.2", ("10.0.0.9",), "10.0.0.0/8", "10.0.0.9"),
        ("10.0.0.2", ("rubbish",), "10.0.0.0/8", "10.0.0.2"),
        ("10.0.0.2", ("1.1.1.1, rubbish",), "10.0.0.0/8", "10.0.0.2"),
        ("10.0.0.2", (), "10.0.0.0/8", "10.0.0.2"),
        ("2001:db8:1:2:3::1", (), "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", (), "", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", (), "", "203.0.113.5"),
        ("10.0.0.2", ("[2001:db8::1]",), "10.0.0.0/8", "2001:db8::/64"),
        (None, ("198.51.100.1",), "0.0.0.0/0", "unknown"),
        ("testclient", (), "", "unknown"),
    ]
)
def test_an_address_is_the_peers_unless_a_trusted_proxy_says_otherwise(
    client: str | None, forwarded: tuple[str, ...], trusted: str, counted: str
) -> None:
    assert sender_address(scope(client, *forwarded), networks(trusted)) == counted


def test_waits_are_told_in_whole_seconds() -> None:
    assert [retry_after(value) for value in (0.01, 1.0, 1.2, 1e9)] == ["1", "1", "2", "3600"]


async def hello(request: Request) -> Response:
    return Response(str(len(await request.body())))


async def nobody(_request: Request) -> bool:
    return False


def door(**settings: Any) -> httpx.AsyncClient:
    app = application(
        [Route("/v1/hello", hello, methods=["GET", "POST"]), Route("/healthz", hello)],
        Settings(**settings),
        Metrics("test"),
        nobody,
    )
    transport = httpx.ASGITransport(app, client=("203.0.113.5", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://door")


async def test_an_address_that_asks_too_often_is_told_when_to_come_back() -> None:
    async with door(rate_per_address=0.001, burst_per_address=3) as http:
        statuses = [(await http.get("/v1/hello")).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        last = await http.get("/v1/hello", headers={"X-Forwarded-For": "198.51.100.7"})
        assert last.status_code == 429
        assert last.json()["code"] == "rate-limited"
        assert int(last.headers["retry-after"]) >= 1
        assert last.headers["x-frame-options"] == "DENY"
        assert (await http.get("/healthz")).status_code == 200


async def test_another_address_is_not_held_back() -> None:
    proxied = {
        "rate_per_address": 0.001,
        "burst_per_address": 1,
        "trusted_proxies": "203.0.113.0/24",
    }
    async with door(**proxied) as http:
        for sender, status in (("198.51.100.1", 200), ("198.51.100.2", 200), ("198.51.100.1", 429)):
            found = await http.get("/v1/hello", headers={"X-Forwarded-For": sender})
            assert found.status_code == status


@each([256 * 1024, 256 * 1024 + 1, 1 << 40])
async def test_a_body_is_refused_by_its_announced_size(size: int) -> None:
    read = 0

    async def nothing() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b""

    async with door() as http:
        if size > 256 * 1024:
            found = await http.post(
                "/v1/hello", content=nothing(), headers={"Content-Length": str(size)}
            )
            assert (found.status_code, found.json()["code"]) == (413, "too-large")
            assert found.headers["connection"] == "close"
            assert read == 0
        else:
            assert (await http.post("/v1/hello", content=b"a" * size)).text == str(size)


async def test_a_body_without_a_size_is_refused_once_it_is_too_large() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"a" * 65536

    async with door() as http:
        found = await http.post("/v1/hello", content=endless())
    assert (found.status_code, found.json()["code"]) == (413, "too-large")
    assert read <= 6


async def test_only_over_https_browsers_are_told_to_stay_there() -> None:
    async with door(public_url="https://catalyst.example.org") as http:
        found = await http.get("/v1/hello")
    assert "max-age" in found.headers["strict-transport-security"]
    async with door() as http:
        assert "strict-transport-security" not in (await http.get("/v1/hello")).headers
