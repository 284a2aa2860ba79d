"""However a connection is lost or left, no socket and no task of it stays behind."""

import asyncio
import gc
import warnings
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import pytest
from nats.aio.client import Client
from tests.support.between import between
from tests.support.broker import Access
from tests.support.waiting import until

from catalyst.chassis.jetstream.connection import connect
from catalyst.client.nats_transport import over_nats

pytestmark = [pytest.mark.real]

Opener = Callable[..., AbstractAsyncContextManager[Any]]


def link_of(opened: Any) -> Client:
    """Return the connection itself, of a worker or of the client library."""
    found = opened.link if hasattr(opened, "link") else opened._calls._connection
    assert isinstance(found, Client)
    return found


async def left_behind(work: Callable[[], Coroutine[Any, Any, None]]) -> list[str]:
    """Run `work` on a loop of its own to the end of both; return what was never closed."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        await asyncio.to_thread(lambda: asyncio.run(work()))
        gc.collect()
    return [str(one.message) for one in caught if one.category is ResourceWarning]


both = pytest.mark.parametrize(
    "opener",
    [lambda url, **who: connect(url, name="w", **who), over_nats],
    ids=["worker", "client"],
)


@both
async def test_a_broker_that_hangs_up_before_it_says_anything_leaves_no_socket(
    access: Access, opener: Opener
) -> None:
    async def work() -> None:
        async with between(access.url) as proxy:
            who = {"user": access.user, "password": access.password}
            async with opener(proxy.url, **who) as opened:
                link_of(opened).options["reconnect_time_wait"] = 0.05
                proxy.hangs_up = True
                proxy.cut()
                await until(lambda: proxy.opened >= 4)
                proxy.hangs_up = False
                await until(lambda: link_of(opened).is_connected)

    assert await left_behind(work) == []


@both
async def test_a_broker_that_says_nothing_has_one_connection_open_at_a_time(
    access: Access, opener: Opener
) -> None:
    most = 0

    async def work() -> None:
        nonlocal most
        async with between(access.url) as proxy:
            who = {"user": access.user, "password": access.password}
            async with opener(proxy.url, **who) as opened:
                link_of(opened).options["connect_timeout"] = 0.05
                proxy.greets = False
                proxy.cut()
                await until(lambda: proxy.opened >= 5)
                most = proxy.open

    assert await left_behind(work) == []
    assert most == 1


@both
async def test_a_connection_that_is_closed_as_it_comes_back_stays_closed(
    access: Access, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task is told to end as what it waits for is done: `asyncio.wait_for` goes on then."""

    async def work() -> None:
        async with between(access.url) as proxy:
            who = {"user": access.user, "password": access.password}
            async with opener(proxy.url, **who) as opened:
                link = link_of(opened)
                closing: list[asyncio.Task[None]] = []
                real = asyncio.open_connection

                async def coming_back(*place: Any, **more: Any) -> Any:
                    found = await real(*place, **more)
                    if more.get("port") == link._server_pool[0].uri.port and not closing:
                        closing.append(asyncio.create_task(link.close()))
                        await asyncio.sleep(0)
                    return found

                with monkeypatch.context() as patch:
                    patch.setattr(asyncio, "open_connection", coming_back)
                    proxy.cut()
                    await until(lambda: bool(closing))
                    await closing[0]
                assert link.is_closed
                assert link._reconnection_task is not None
                assert link._reconnection_task.done()
                await until(lambda: proxy.open == 0)

    assert await left_behind(work) == []


@both
async def test_whoever_closes_waits_for_whoever_closes_already(
    access: Access, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the broker ended it: a loop that ends then ends no sooner than the socket."""
    gone = asyncio.Event()
    async with opener(access.url, user=access.user, password=access.password) as opened:
        link = link_of(opened)
        assert link._transport is not None
        monkeypatch.setattr(link._transport, "wait_closed", gone.wait)
        first = asyncio.create_task(link.close())
        await until(lambda: link.is_closed, pause=0)
        second = asyncio.create_task(link.close())
        await asyncio.wait({second}, timeout=0.05)
        assert not second.done()
        gone.set()
        await asyncio.gather(first, second)


@both
@pytest.mark.parametrize("way", ["the broker ends it", "its task is cancelled"])
async def test_a_loop_that_ends_as_a_connection_closes_leaves_no_socket(
    access: Access, opener: Opener, way: str
) -> None:
    async def work() -> None:
        who = {"user": access.user, "password": access.password}
        links: list[Client] = []
        leaving = asyncio.Event()

        async def use() -> None:
            async with opener(access.url, **who) as opened:
                links.append(link_of(opened))
                if way == "the broker ends it":
                    # What nobody may send: nats-py begins to close by itself then.
                    await links[0]._send_command(b"PUB a 99999999\r\n")
                    await links[0]._flush_pending()
                    await until(lambda: links[0].is_closed, pause=0)
                leaving.set()

        task = asyncio.create_task(use())
        await leaving.wait()
        if way == "its task is cancelled":
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        # The loop ends here; it cancels once more whatever is left, and waits for that.
        assert links[0].is_closed

    assert await left_behind(work) == []
