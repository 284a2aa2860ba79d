"""Fixtures around the real broker. A test that asks for none of them starts none."""

import fcntl
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.support.broker import Access, SharedBroker, private

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.cli.broker import BrokerProcess

# No test is timed, so neither is an example; in CI hypothesis takes its own profile for that.
settings.register_profile("local", deadline=None)
if settings.get_current_profile_name() != "ci":
    settings.load_profile("local")


@pytest.fixture(scope="module", autouse=True)
def machine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run files of windows and of containers one after the other, whichever worker has them.

    An engine that makes networks lets every browser of the machine begin its connections anew.
    """
    node = request.node
    if not any(node.get_closest_marker(name) for name in ("browser", "e2e")):
        yield
        return
    with (Path(tempfile.gettempdir()) / "catalyst-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those files wait for each other without being called stuck."""
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedBroker]:
    """The session's broker: not to be stopped, nor used without an account of one's own."""
    broker = SharedBroker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def access(shared_broker: SharedBroker) -> Access:
    """The account of this test, empty and with JetStream."""
    return shared_broker.account()


@pytest.fixture
def broker_url(access: Access) -> str:
    """Where the account of this test is, credentials included."""
    return access.address


@pytest.fixture
async def js(access: Access, shared_broker: SharedBroker) -> AsyncIterator[JetStream]:
    """A connection into the account of this test."""
    async with connect(
        access.url, name="test", user=access.user, password=access.password
    ) as connected:
        assert connected.server_name == shared_broker.process.server_name
        yield connected
        if not connected.closed.is_set():
            names = (await connected.api("STREAM.NAMES", {}))["streams"] or ()
            for name in names:
                await connected.api(f"STREAM.DELETE.{name}", None)


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """A broker that this test may kill and restart: user `own`, password `own`."""
    process = private(tmp_path / "broker")
    await process.start()
    yield process
    await process.stop()
