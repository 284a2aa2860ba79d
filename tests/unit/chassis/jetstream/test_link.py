"""The inner parts of nats-py that our connections stand on; if one moves, this fails."""

import asyncio
import inspect
import sys

import pytest
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from tests.support.each import each
from typing_extensions import override

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.link import Call, Link
from catalyst.chassis.jetstream.port import BrokerError, Unavailable


@each(
    [
        ("_process_msg", ["self", "sid", "subject", "reply", "data", "headers"]),
        ("_read_loop", ["self"]),
        ("_send_ping", ["self", "future"]),
        ("_process_op_err", ["self", "e"]),
        ("_send_subscribe", ["self", "sub"]),
        ("_send_unsubscribe", ["self", "sid", "limit"]),
        ("_send_command", ["self", "cmd", "priority"]),
        ("_flush_pending", ["self", "force_flush"]),
        ("_connect_to_server", ["self", "s"]),
        ("_close", ["self", "status", "do_cbs"]),
    ]
)
def test_the_inner_methods_are_as_they_were(method: str, parameters: list[str]) -> None:
    found = inspect.signature(getattr(Client, method))

    assert list(found.parameters) == parameters


@each(
    [
        "_sid",
        "_subs",
        "_pending",
        "_pending_data_size",
        "_max_pending_size",
        "_flush_queue",
        "_flusher_task",
        "_server_info",
        "_reading_task",
        "_pongs",
        "_error_cb",
        "_transport",
        "_reconnection_task",
        "stats",
    ]
)
def test_the_inner_state_has_its_names(attribute: str) -> None:
    assert hasattr(Client(), attribute)


REPLY = wire.Raw(b"_INBOX.1", b"", None, b"")
LAST = wire.Raw(b"_INBOX.1", b"", b"NATS/1.0 204 EOB\r\n\r\n", b"")


async def test_a_call_ends_once_however_many_replies_and_ends_there_are() -> None:
    gone = Unavailable(503, 0, "gone")
    answered, late, failed = (Call(["a"], 0.0, many=False) for _ in range(3))
    answered.take(REPLY)
    late.expire()
    failed.finish(gone)
    for call in (answered, late, failed):
        call.take(REPLY)
        call.finish(gone)
        call.expire()
    assert (answered.done.result(), answered.late) == (None, False)
    assert (late.done.result(), late.late) == (None, True)
    assert (failed.done.exception(), failed.late) == (gone, False)


async def test_a_call_for_many_replies_ends_with_the_one_that_has_a_status() -> None:
    call = Call(["a"], 0.0, many=True)
    call.take(REPLY)
    call.take(REPLY)
    assert not call.done.done()
    call.take(LAST)
    assert call.done.done()
    assert call.replies == [REPLY, REPLY, LAST]


async def test_our_names_hide_none_of_the_clients() -> None:
    ours = {name for name in vars(Link()) if name not in vars(Client())}

    assert ours == {
        "closed",
        "drops",
        "_calls",
        "_closing",
        "_counter",
        "_deaf",
        "_due",
        "_inbox",
        "_said",
        "_sweeping",
        "_taps",
        "_up",
        "_watchers",
    }


def test_a_subscription_without_a_start_has_no_task() -> None:
    subscription = Subscription(Client(), 1, "a")

    assert subscription._wait_for_msgs_task is None
    assert subscription._message_iterator is None


class _Unheard(Link):
    """Sends into the void."""

    @property
    @override
    def is_connected(self) -> bool:
        return True

    @override
    async def send(self, *frames: bytes) -> None:
        """Write nothing."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_whoever_asks_while_others_are_late_is_late_and_nothing_else() -> None:
    import uvloop  # noqa: PLC0415 - there is none for Windows

    async def late(link: Link, timeout: float) -> BrokerError:
        with pytest.raises(Unavailable) as caught:
            await link.call(lambda _: [], ("a",), timeout=timeout)
        return caught.value

    async def ask() -> list[BrokerError]:
        link, asked = _Unheard(), []
        async with asyncio.TaskGroup() as tasks:
            # A call in each turn of the loop, and an end of one in many of them.
            for number in range(2_000):
                asked.append(tasks.create_task(late(link, 0.002 + number % 7 / 10_000)))
                await asyncio.sleep(0)
        return [task.result() for task in asked]

    # The loop that services run on, whatever the tests do: its handles know no time.
    assert {error.code for error in uvloop.run(ask())} == {408}


async def test_each_of_several_calls_ends_and_none_before_its_time() -> None:
    link, loop = _Unheard(), asyncio.get_running_loop()
    ended = []

    async def late(timeout: float) -> None:
        began = loop.time()
        with pytest.raises(Unavailable, match=f"no answer within {timeout:g} s"):
            await link.call(lambda _: [], ("a",), timeout=timeout)
        ended.append(timeout)
        # The loop counts milliseconds.
        assert loop.time() - began > timeout - 0.001

    # None waits for one that has more time and was asked before it.
    long = asyncio.create_task(link.call(lambda _: [], ("a",), timeout=3600))
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for timeout in (0.03, 0.01, 0.02):
            tasks.create_task(late(timeout))
    assert not long.done()
    long.cancel()
    assert sorted(ended) == [0.01, 0.02, 0.03]


class _Deserted(_Unheard):
    """Answers as the broker does where nobody listens."""

    @override
    async def send(self, *frames: bytes) -> None:
        (inbox,) = frames
        self._take_reply(wire.Raw(inbox, b"", b"NATS/1.0 503\r\n\r\n", b""))


async def test_where_nobody_listens_whoever_asks_is_told_at_once() -> None:
    with pytest.raises(Unavailable, match="nobody answers on 'a'"):
        await _Deserted().call(lambda inbox: [inbox.encode()], ("a",), timeout=60)
