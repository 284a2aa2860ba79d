"""The inner parts of nats-py that our connections stand on; if one moves, this fails."""

import inspect

from nats.aio.client import Client
from nats.aio.subscription import Subscription
from tests.support.each import each

from catalyst.chassis.jetstream.link import Link


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


async def test_our_names_hide_none_of_the_clients() -> None:
    ours = {name for name in vars(Link()) if name not in vars(Client())}

    assert ours == {
        "closed",
        "drops",
        "_calls",
        "_closing",
        "_counter",
        "_deaf",
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
