"""A member of a service: ready once it knows enough, with what it adds to health and measures."""

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.support.rig import ORGANIZATIONS, Sender, acme, runtime
from tests.support.sequential import CREATE
from tests.support.waiting import until

from catalyst.chassis.index import Index
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.service import Service

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
