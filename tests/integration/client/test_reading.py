"""Reading and watching over HTTP, against the whole stack."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest
from tests.integration.client.cutting import cutting
from tests.integration.client.stack import Stack
from tests.support.rig import acme

from catalyst.client.backoff import Backoff
from catalyst.client.errors import Problem
from catalyst.client.events import LoggedEvent
from catalyst.client.holding import held
from catalyst.client.http_transport import HttpClient, over_http
from catalyst.client.rows import Change, Interrupted, Mirror, Put, Reset, Row, Synced

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
UPDATE = "environment.update-organization.v1"
DEADLINE_SECONDS = 60.0
Fresh = Callable[[], str]


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[HttpClient]:
    async with over_http(stack.http, token=stack.token()) as opened:
        yield opened


def name(row: Row) -> str:
    return str(row.doc["display_name"])


@pytest.mark.guarantee("G4.9")
async def test_a_write_is_read_back_at_its_sequence(door: HttpClient, fresh: Fresh) -> None:
    slug = fresh()
    sent = await door.send(CREATE, acme(display_name="Read me"), organization=slug)
    row, freshness = await door.get("organizations", slug, min_seq=sent.seq, log=sent.log)
    assert name(row) == "Read me"
    assert row.command == sent.id
    assert freshness.as_of >= sent.seq
    assert freshness.log == sent.log


@pytest.mark.guarantee("G4.9")
async def test_the_first_rows_of_a_watch_hold_what_was_written(
    door: HttpClient, fresh: Fresh
) -> None:
    slug = fresh()
    sent = await door.send(CREATE, acme(display_name="Watch me"), organization=slug)
    watch = door.watch("organizations", organization=slug)
    stream = held(watch.changes(), sent.seq, timeout=DEADLINE_SECONDS)
    async with aclosing(stream) as changes:
        begun = [await anext(changes) for _ in range(3)]
    assert [name(change.row) for change in begun if isinstance(change, Put)] == ["Watch me"]
    assert isinstance(begun[-1], Synced)
    assert begun[-1].as_of >= sent.seq


@pytest.mark.guarantee("G4.9")
async def test_a_sequence_of_another_log_is_refused(door: HttpClient, fresh: Fresh) -> None:
    slug = fresh()
    sent = await door.send(CREATE, acme(), organization=slug)
    with pytest.raises(Problem) as caught:
        await door.get("organizations", slug, min_seq=sent.seq, log="another")
    assert (caught.value.status, caught.value.code) == (409, "log-changed")


async def test_what_is_not_there_is_not_found(door: HttpClient) -> None:
    with pytest.raises(Problem) as caught:
        await door.get("organizations", "nobody-at-all")
    assert caught.value.status == 404


async def test_pages_hold_every_row_once(door: HttpClient, fresh: Fresh) -> None:
    slugs = [fresh() for _ in range(5)]
    for slug in slugs:
        last = await door.send(CREATE, acme(), organization=slug)
    found = [
        row.place.name
        async for page in door.pages("organizations", limit=2, min_seq=last.seq)
        for row in page.rows
    ]
    assert set(slugs) <= set(found)
    assert len(found) == len(set(found))


async def test_a_watch_goes_on_where_a_list_ended(door: HttpClient, fresh: Fresh) -> None:
    slug = fresh()
    sent = await door.send(CREATE, acme(), organization=slug)
    page = await door.list("organizations", organization=slug, min_seq=sent.seq)
    await door.send(UPDATE, {"display_name": "Later"}, organization=slug)
    watch = door.watch("organizations", organization=slug, cursor=page.cursor)
    async with asyncio.timeout(DEADLINE_SECONDS), aclosing(watch.changes()) as changes:
        async for change in changes:
            assert not isinstance(change, Reset)
            if isinstance(change, Put) and name(change.row) == "Later":
                return


@pytest.mark.guarantee("G4.1")
@pytest.mark.guarantee("G4.1")
async def test_a_dropped_connection_loses_nothing(stack: Stack, fresh: Fresh) -> None:
    slug = fresh()
    names = [f"Name {number}" for number in range(12)]
    seen: list[Change] = []
    mirror = Mirror()
    synced = asyncio.Event()
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        cutting(stack.http) as proxy,
        over_http(stack.http, token=stack.token()) as writer,
        over_http(proxy.url, token=stack.token()) as reader,
    ):
        first = await writer.send(CREATE, acme(display_name="First"), organization=slug)
        await writer.get("organizations", slug, min_seq=first.seq)

        async def write() -> None:
            await synced.wait()
            for number, text in enumerate(names):
                await writer.send(UPDATE, {"display_name": text}, organization=slug)
                if number % 3 == 0:
                    proxy.cut()

        async def read() -> None:
            watch = reader.watch("organizations", organization=slug, backoff=Backoff(0.01))
            async with aclosing(watch.changes()) as changes:
                async for change in changes:
                    mirror.apply(change)
                    seen.append(change)
                    if isinstance(change, Synced):
                        synced.set()
                    rows = list(mirror.rows.values())
                    if mirror.synced and rows and name(rows[0]) == names[-1]:
                        return

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write())
            tasks.create_task(read())
    assert sum(isinstance(change, Reset) for change in seen) == 1
    assert any(isinstance(change, Interrupted) for change in seen)
    told = [change.row.seq for change in seen if isinstance(change, Put)]
    assert told == sorted(told)


async def test_events_are_listed_and_followed(door: HttpClient, fresh: Fresh) -> None:
    slug = fresh()
    created = "environment.organization-created.v1"
    sent = await door.send(CREATE, acme(), organization=slug)
    page = await door.events(organization=slug, type=created)
    assert [(event.type, event.causationid) for event in page.items] == [(created, sent.id)]
    watch = door.follow(organization=slug, after=page.items[0].seq - 1)
    async with asyncio.timeout(DEADLINE_SECONDS), aclosing(watch.changes()) as changes:
        async for change in changes:
            if isinstance(change, LoggedEvent):
                assert change == page.items[0]
                return


async def test_a_question_is_answered(door: HttpClient, fresh: Fresh) -> None:
    slug = fresh()
    await door.send(CREATE, acme(), organization=slug)
    answered = await door.query("environment", "plan-organization-deletion", {}, organization=slug)
    assert answered.result["request"]["organization"] == slug
    assert {"hash", "inputs", "expires"} <= answered.result.keys()


@pytest.mark.guarantee("G6.1")
async def test_another_organization_is_not_shown(stack: Stack, fresh: Fresh) -> None:
    mine, other = fresh(), fresh()
    owners = [{"email": f"ann@{mine}.example", "role": "owner"}]
    async with over_http(stack.http, token=stack.token()) as root:
        await root.send(CREATE, acme(owners=owners), organization=mine)
        last = await root.send(CREATE, acme(), organization=other)
    token = stack.keys.people().person(f"ann@{mine}.example")
    async with over_http(stack.http, token=token) as door:
        page = await door.list("organizations", min_seq=last.seq)
        assert {row.place.organization for row in page.rows} == {mine}
        with pytest.raises(Problem) as caught:
            await door.get("organizations", other, organization=other)
        assert caught.value.status in {403, 404}
