"""What `catalyst doctor` says of a broker that runs on another machine: nothing of our own disk."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack
from tests.support.broker import own_connection, private

from catalyst.chassis.jetstream.port import Outgoing
from catalyst.cli import contexts
from catalyst.cli.broker import BrokerProcess
from catalyst.cli.contexts import Context, Credentials

pytestmark = pytest.mark.real
MIB = 1024 * 1024
FULL = shutil.disk_usage("/")._replace(free=0)
OWN = {"users": [{"user": "own", "password": "own"}]}


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker whose account may store 4 GiB, and holds nothing yet."""
    limits = {"max_file": 4096 * MIB}
    broker = private(tmp_path / "nats", accounts={"OWN": {**OWN, "jetstream": limits}})
    asyncio.run(broker.start())
    yield broker
    asyncio.run(broker.stop())


def found(ran: Ran) -> dict[str, Any]:
    return {item["check"]: item for item in ran.json}


def known(name: str, **more: Any) -> None:
    """Keep a connection under a name."""
    user = more.pop("user", "")
    who = Credentials(user=user, password=user)
    context = Context(http="", operator=who, **more)
    contexts.register(contexts.default_path(), name, context)


@pytest.mark.guarantee("G7.4")
def test_of_a_broker_elsewhere_its_limits_are_told_and_not_our_disk(
    catalyst: Callable[..., Ran],
    limited: BrokerProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = limited.url.replace("//", "//own:own@")
    # Our own disk may be as full as it likes.
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: FULL)
    ran = catalyst("doctor", "--url", address, "-o", "json")
    checks = found(ran)
    assert "disk" not in checks
    assert checks["broker's disk"]["health"] == "skipped"
    assert "is not seen" in checks["broker's disk"]["detail"]
    assert checks["storage"]["detail"].endswith("of 4096.0 MiB used")
    assert ran.code == 8
    assert [one for one, item in checks.items() if item["health"] == "fail"] == ["streams"]


def test_a_broker_that_has_little_left_is_told(
    catalyst: Callable[..., Ran], tmp_path: Path
) -> None:
    broker = private(tmp_path / "nats", accounts={"OWN": {**OWN, "jetstream": {"max_file": MIB}}})

    async def filled() -> None:
        await broker.start()
        async with own_connection(broker) as js:
            config = {"name": "MINE", "subjects": ["mine"], "num_replicas": 1}
            await js.api("STREAM.CREATE.MINE", config)
            await js.publish(Outgoing("mine", bytes(MIB * 9 // 10)))

    asyncio.run(filled())
    try:
        known("far", nats=broker.url, user="own")
        ran = catalyst("doctor", "--context", "far")
        assert "0.9 MiB of 1.0 MiB used" in ran.out
        assert "storage: raise the broker's limit" in ran.err
    finally:
        asyncio.run(broker.stop())


def test_the_directory_of_a_stack_on_another_broker_is_judged_for_what_it_holds(
    catalyst: Callable[..., Ran], stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: FULL)
    known("half", nats=stack.nats, data=str(stack.data))
    checks = found(catalyst("doctor", "--context", "half", "-o", "json"))
    assert checks["disk"]["fix"] == "make room: Git homes and logs are written there"
    assert checks["broker's disk"]["health"] == "skipped"
