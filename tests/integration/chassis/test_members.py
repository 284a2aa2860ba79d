"""A member of a service: ready once it knows enough, with what it adds to health and measures."""

import asyncio
import dataclasses
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.support.rig import ORGANIZATIONS, Sender, acme, runtime
from tests.support.sequential import CREATE
from tests.support.waiting import until

from catalyst.chassis.index import Index
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.service import Service
from catalyst.chassis.tokens import trusted

pytestmark = pytest.mark.real


async def test_a_member_is_ready_once_it_knows_enough_and_drains_when_told(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it works for here is a part of a service, which no member would start with.
    monkeypatch.setattr("catalyst.chassis.member.TABLES", ())
    trouble: list[str] = ["no key"]

    async def keys() -> str | None:
        return trouble[0] if trouble else None

    async def hello(_request: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    table = Service(
        name="environment",
        aggregates=ORGANIZATIONS.aggregates,
        rules=ORGANIZATIONS.rules,
        indexes=(Index("all", ["evt.*.environment.>"], lambda _recorded: None),),
    )
    member = WorkerMember(
        "environment-controller",
        table,
        runtime(js),
        checks={"keys": keys},
        routes=[Route("/hello", hello)],
    )
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(member.app), base_url="http://member"
        ) as http,
    ):
        before = (await http.get("/readyz")).json()["checks"]
        assert before["memory"] == "the owners are being read"
        assert before["broker"] != "ok"
        running = asyncio.ensure_future(member.run())

        async def said(**wanted: str) -> bool:
            checks = (await http.get("/readyz")).json()["checks"]
            return all(checks[name] == text for name, text in wanted.items())

        await until(lambda: said(broker="ok", memory="ok", keys="no key"))
        assert (await http.get("/readyz")).status_code == 503
        trouble.clear()
        await until(lambda: said(keys="ok"))
        assert (await http.get("/readyz")).status_code == 200

        sender = Sender(js)
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        assert (await http.get("/hello")).text == "hello"
        assert "catalyst_worker_lease_held 1.0" in (await http.get("/metrics")).text
        member.stop()
        await running
        assert not member.worker.active.is_set()


async def test_a_member_without_the_keys_of_an_issuer_works_on_and_says_what_is_wrong_with_them(
    js: JetStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalyst.chassis.member.TABLES", ())
    ring = KeyRing.open(tmp_path / "keys")
    other = tmp_path / "idp.json"
    other.write_text("{half")
    verifier = trusted(ring.jwks_path, others=f"https://idp.example={other}")
    place = dataclasses.replace(runtime(js), verifier=verifier)
    member = WorkerMember("environment-controller", ORGANIZATIONS, place)
    transport = httpx.ASGITransport(member.app)
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(transport=transport, base_url="http://member") as http,
    ):
        running = asyncio.ensure_future(member.run())

        async def ready() -> bool:
            return (await http.get("/readyz")).status_code == 200

        await until(ready)
        told = (await http.get("/readyz")).json()
        assert told["status"] == "degraded"
        assert told["checks"]["keys"] == "no keys of https://idp.example: it is no JSON"
        member.stop()
        await running
