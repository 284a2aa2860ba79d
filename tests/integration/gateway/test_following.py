"""Events of the log through the door: page by page, and as a stream that goes on."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from tests.integration.gateway.reading import READY, follow, onboarded, pages
from tests.integration.gateway.stack import Stack, created
from tests.support.waiting import until

from catalyst.client.http_transport import over_http


async def test_events_are_listed_page_by_page_in_the_order_of_the_log(stack: Stack) -> None:
    outcome = await onboarded(stack, "paged")
    async with stack.client(stack.token("ann@acme.example")) as http:
        whole = await pages(http, organization="paged")
        small = await pages(http, organization="paged", limit=2)
        mine = await pages(http, organization="paged", command=outcome["id"])
        one = await pages(http, organization="paged", type=READY, aggregate="organization")
    assert whole == small == mine
    assert [event["seq"] for event in whole] == sorted(event["seq"] for event in whole)
    assert whole[0]["type"] == "environment.organization-created.v1"
    assert whole[0]["data"]["display_name"] == "Acme"
    assert (whole[0]["aggregate"], whole[0]["aggregate_id"]) == ("organization", "paged")
    assert [event["type"] for event in one] == [READY]


async def test_events_since_a_time_are_found(stack: Stack) -> None:
    await onboarded(stack, "since")
    async with stack.client(stack.admin) as http:
        whole = await pages(http, organization="since")
        middle = whole[len(whole) // 2]
        rest = await pages(http, organization="since", since=middle["time"])
        none = await pages(http, organization="since", since="2099-01-01T00:00:00Z")
    assert rest == [event for event in whole if event["time"] >= middle["time"]]
    assert none == []


async def test_a_stream_goes_on_where_it_was_cut(stack: Stack) -> None:
    await created(stack, "cut-one")
    seen: list[int] = []
    async with asyncio.timeout(60):
        async with follow(stack, stack.admin, organization="cut-one", after=1) as first:
            cursor = ""
            async for name, at, data in first:
                if name == "event":
                    seen.append(data["seq"])
                    cursor = at
                if len(seen) == 2:
                    break
        async with follow(stack, stack.admin, organization="cut-one", last=cursor) as second:
            async for name, _, data in second:
                if name == "event":
                    seen.append(data["seq"])
                    if data["type"] == READY:
                        break
    async with stack.client(stack.admin) as http:
        whole = await pages(http, organization="cut-one")
    assert len(seen) > 3
    assert seen == [event["seq"] for event in whole][: len(seen)]


async def test_new_events_arrive_by_themselves(stack: Stack) -> None:
    async with asyncio.timeout(60), follow(stack, stack.admin) as stream:
        name, cursor, begin = await anext(stream)
        assert name == "start"
        assert cursor == f"{begin['log']}.{begin['seq']}"
        await created(stack, "arrives")
        async for name, _, data in stream:
            if name == "event" and data["organization"] == "arrives":
                assert data["seq"] > begin["seq"]
                break


async def test_a_cursor_of_another_log_is_reset_and_says_so(stack: Stack) -> None:
    await created(stack, "other-log")
    async with asyncio.timeout(60), follow(stack, stack.admin, last="other.12") as stream:
        name, _, data = await anext(stream)
        assert (name, data["reason"], data["seq"]) == ("reset", "log-changed", 0)
        assert (await anext(stream))[0] == "event"


@pytest.mark.parametrize("text", ["nonsense", "{log}.", "{log}.-1", "{log}." + "9" * 5000, ".1"])
async def test_what_is_no_cursor_is_reset_and_says_so(stack: Stack, text: str) -> None:
    async with stack.client(stack.admin) as http:
        log = (await http.get("/v1/events?limit=1")).json()["log"]
    cursor = text.replace("{log}", log)
    async with asyncio.timeout(60), follow(stack, stack.admin, last=cursor) as stream:
        name, _, data = await anext(stream)
        assert (name, data["reason"], data["seq"]) == ("reset", "unknown-cursor", 0)


async def test_a_place_behind_the_end_of_the_log_is_never_waited_for(stack: Stack) -> None:
    await created(stack, "behind-end")
    async with stack.client(stack.admin) as http:
        first = (await http.get("/v1/events?limit=1")).json()
        far = first["head"] + 1_000_000
        page = await http.get("/v1/events", params={"continue": far})
        assert (page.status_code, page.json()["code"]) == (409, "log-changed")
    for place in ({"last": f"{first['log']}.{far}"}, {"after": far}):
        async with asyncio.timeout(60), follow(stack, stack.admin, **place) as stream:
            name, _, data = await anext(stream)
            assert (name, data["reason"], data["seq"]) == ("reset", "log-shorter", 0)
            assert (await anext(stream))[0] == "event"


async def test_a_page_says_how_far_it_is_behind(stack: Stack) -> None:
    await onboarded(stack, "lagging")
    async with stack.client(stack.admin) as http:
        cut = (await http.get("/v1/events", params={"organization": "lagging", "limit": 1})).json()
        whole = (await http.get("/v1/events", params={"organization": "lagging"})).json()
    assert cut["lag_ms"] > 0
    assert cut["as_of"] == cut["continue"] < cut["head"]
    assert (whole["lag_ms"], whole["continue"]) == (0, None)
    assert whole["as_of"] == whole["head"]


async def test_one_reader_does_not_take_every_stream(stack: Stack) -> None:
    greedy = stack.token("greedy@else.example")
    async with asyncio.timeout(60), AsyncExitStack() as streams:
        opened = [await streams.enter_async_context(follow(stack, greedy)) for _ in range(20)]
        assert {(await anext(stream))[0] for stream in opened} == {"start"}
        async with stack.client(greedy) as http:
            refused = await http.get("/v1/events?follow=true")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
        assert "20 streams" in refused.json()["detail"]
        async with follow(stack, stack.admin) as other:
            assert (await anext(other))[0] == "start"

    async def free() -> bool:
        async with (
            stack.client(greedy) as http,
            http.stream("GET", "/v1/events?follow=true") as answer,
        ):
            return answer.status_code == 200

    await until(free)


@pytest.mark.guarantee("G4.8")
async def test_a_stream_ends_with_its_token(stack: Stack) -> None:
    token = stack.keys.people().person(
        "root@x.example", ["sovereign-admin"], timedelta(seconds=-29)
    )
    async with asyncio.timeout(60), follow(stack, token) as stream:
        names = [(name, data.get("reason")) async for name, _, data in stream]
    assert names[-1] == ("bye", "token-expired")


async def test_the_client_library_follows_events(stack: Stack) -> None:
    await created(stack, "library")
    async with asyncio.timeout(60), over_http(stack.url, token=stack.admin) as door:
        async for change in door.follow(organization="library", after=1).changes():
            if getattr(change, "type", "") == READY:
                break


@pytest.mark.guarantee("G7.21")
async def test_an_answer_of_the_broker_among_the_events_is_shown_to_nobody_and_stops_nobody(
    stack: Stack,
) -> None:
    """Page, stream and trace alike; the roles and what is decided go on as well."""
    outcome = await onboarded(stack, "strayed")
    async with stack.client(stack.token("ann@acme.example")) as http:
        before = await pages(http, organization="strayed")
        path = "environment.organization.strayed"
        async with stack.operator() as js:
            for fact in ("owners-changed.v1", "never-heard-of.v7"):
                # What cannot be read as a command is acknowledged all the same.
                place = f"evt.strayed.{path}.{fact}"
                await js.link.publish(f"cmd.strayed.{path}.nothing.v1", b"{}", reply=place)

        async def passed() -> bool:
            fresh = await http.get("/v1/events", params={"organization": "strayed"})
            return bool(fresh.json()["head"] >= before[-1]["seq"] + 2)

        await until(passed)
        assert await pages(http, organization="strayed") == before
        shown = await http.get(f"/v1/trace/{outcome['id']}", params={"organization": "strayed"})
        assert shown.json()["complete"]
        renamed = await http.post(
            "/v1/commands/environment.update-organization.v1",
            params={"organization": "strayed", "id": "strayed"},
            json={"display_name": "Goes on"},
            headers={"Prefer": "wait=10"},
        )
        assert renamed.json()["status"] == "accepted", renamed.text
        after = await pages(http, organization="strayed")
        seqs = [event["seq"] for event in after]
        assert after[len(before)]["type"] == "environment.organization-updated.v1"
        async with asyncio.timeout(60):
            last = before[-1]["seq"]
            async with follow(stack, stack.admin, organization="strayed", after=last) as frames:
                async for name, _, data in frames:
                    if name == "event":
                        assert data["seq"] == seqs[len(before)]
                        break
