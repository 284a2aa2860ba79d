"""Fixtures around the real broker. A test that asks for none of them starts none.

What they take is loaded by them: a run begins only once this file was read twice, one after the
other, first by who hands the tests out.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from catalyst.chassis import collector

if TYPE_CHECKING:
    from tests.support.broker import Access, SharedBroker

    from catalyst.chassis.jetstream.broker import JetStream
    from catalyst.cli.broker import BrokerProcess

# Members are started hundreds of times: let what one compiles be there for the next, whatever the
# surroundings say. Containers often say otherwise, and then each start takes twice as long.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

if sys.platform != "win32":
    import uvloop

    # Of members that run in a test's own process, too, this is the loop: others give other handles,
    # and count time otherwise.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

# A test's broker is small and soon gone: let it hold more before it looks for garbage, which takes
# a seventh of its processor's time otherwise.
os.environ.setdefault("GOGC", "400")
# Several run beside each other, each for one client or a few: threads of one that look for work on
# another core seldom find any, which took another seventh.
os.environ.setdefault("GOMAXPROCS", "1")

pytest_plugins = ["tests.support.telling", "tests.support.failing"]


ENOUGH_MEMORY = 4 * 1024**3
"""In bytes, of what tests leave behind. A whole run was seen to hold a quarter of it."""
ENOUGH_BESIDE = 4 * 1024**3
"""In bytes, for what runs meanwhile: workers, brokers, browsers and containers."""


def _available() -> int:
    """Return how much memory can be had without taking any from what runs, in bytes."""
    told = Path("/proc/meminfo").read_text(encoding="ascii")
    words = next(line.split() for line in told.splitlines() if line.startswith("MemAvailable:"))
    return int(words[1]) * 1024


def _in_memory() -> None:
    """Keep what tests leave behind for a while in memory, where there is plenty of it.

    Hundreds of brokers ask their disk to sync each message. A process that is killed loses
    nothing there either; what a machine loses that goes down, no test here can show.
    """
    memory = Path("/dev/shm")  # noqa: S108
    if "TMPDIR" in os.environ or not memory.is_dir() or not os.access(memory, os.W_OK):
        return
    state = os.statvfs(memory)
    room = state.f_bavail * state.f_frsize >= ENOUGH_MEMORY
    # How much such a file system may hold says nothing of how much memory is left for that.
    free = _available() >= ENOUGH_MEMORY + ENOUGH_BESIDE
    if room and free and not state.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None


_in_memory()

# No test is timed, so neither is an example. At a desk the unit tests are for every save; CI draws
# ten times as many examples.
settings.register_profile("local", deadline=None, max_examples=10)
settings.register_profile("ci", settings.get_profile("ci"), max_examples=100)
settings.load_profile("ci" if settings.get_current_profile_name() == "ci" else "local")


WINDOWS = "tests/browser/"
CONTAINERS = "tests/e2e/"
LONGEST = (
    "tests/integration/provisioning/",
    "tests/integration/stack/",
    "tests/integration/client/",
)
"""Where one file takes a minute or more, or waits for long while others work."""
PURE = ("tests/unit", "tests/contract", "tests/architecture")
"""What waits for nobody."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return some workers for each core: a test waits for its broker half of the time.

    Three, which took 290 s where two took 341, with the same work for the processor. In CI two:
    windows and containers are there, too.
    """
    cores = min(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1, 4)
    if all(argument.startswith(PURE) for argument in config.args):
        return cores
    return cores * (2 if "CI" in os.environ else 3)


class _ByFile(LoadFileScheduling):  # type: ignore[misc] # pytest-xdist brings no types
    """Keeps a file's tests in one worker, and all containers, once no window is open any more.

    An engine that makes networks lets every browser of the machine begin its connections anew.
    Files with windows go to two workers, each of which starts one stack and one browser for them.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._files: list[str] = []
        """Those with windows, in order."""

    def _split_scope(self, nodeid: str) -> str:
        if os.environ.get("CATALYST_NATS_IMAGE") and nodeid.startswith(self._apart()):
            return CONTAINERS
        scope = str(super()._split_scope(nodeid))
        return self._half(scope) if scope.startswith(WINDOWS) else scope

    def _half(self, file: str) -> str:
        """Return what every other file with windows belongs to."""
        if file not in self._files:
            self._files.append(file)
        return f"{WINDOWS}{self._files.index(file) % 2}"

    def _apart(self) -> tuple[str, ...]:
        """Return what shares a worker; windows too where nothing else could fill the time."""
        alone = all(argument.startswith((WINDOWS, CONTAINERS)) for argument in self.config.args)
        return (CONTAINERS, WINDOWS) if alone else (CONTAINERS,)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if CONTAINERS in self.workqueue:
            self.workqueue.move_to_end(CONTAINERS, last=self._window_beside(node))
        super()._assign_work_unit(node)

    def mark_test_complete(
        self, node: WorkerController, item_index: int, duration: float = 0
    ) -> None:
        """Forget a file that is over: after each test all that a worker has is counted."""
        super().mark_test_complete(node, item_index, duration)
        files = self.assigned_work[node]
        file = self._split_scope(self.registered_collections[node][item_index])
        if all(files[file].values()):
            del files[file]

    def _window_beside(self, node: WorkerController) -> bool:
        """Whether another worker has tests with windows before it, or will have."""
        units = [self.workqueue] + [
            work for other, work in self.assigned_work.items() if other != node
        ]
        return any(
            scope.startswith(WINDOWS) and not all(tests.values())
            for unit in units
            for scope, tests in unit.items()
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that all workers end at about the same time."""

    def turn(item: pytest.Item) -> tuple[int, Path]:
        if item.nodeid.startswith((WINDOWS, CONTAINERS)):
            return 0, item.path
        if item.nodeid.startswith(LONGEST):
            return 1, item.path
        return 2 if item.nodeid.startswith("tests/integration/") else 3, item.path

    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=turn)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let each worker read the files of a folder from another one on.

    In a fresh clone all of them have to be compiled, which takes longer than all else up to the
    first test: so none compiles what another is at, and reads what others have compiled.
    """
    report = yield
    if isinstance(collector, pytest.Directory) and "PYTEST_XDIST_WORKER" in os.environ:
        workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) % workers
        first = len(report.result) * number // workers
        report.result = report.result[first:] + report.result[:first]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Leave what was collected, which stays to the end, out of every collection of garbage.

    As the members themselves do it; it takes a fifth off the unit tests. And find out once for
    each file which conftest.py it has: from here on there comes none, and each test asks ten times.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        found: Any = functools.cache(session.gethookproxy)
        session.gethookproxy = found  # type: ignore[method-assign]
        gc.freeze()
        gc.set_threshold(*collector.GC_THRESHOLDS)
        gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Hand the tests out by file."""
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedBroker]:
    """The session's broker: not to be stopped, nor used without an account of one's own."""
    from tests.support.broker import SharedBroker  # noqa: PLC0415

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
    from tests.support.broker import emptied  # noqa: PLC0415

    from catalyst.chassis.jetstream.connection import connect  # noqa: PLC0415

    async with connect(
        access.url, name="test", user=access.user, password=access.password
    ) as connected:
        assert shared_broker.runs(connected.server_name)
        yield connected
        if not connected.closed.is_set():
            await emptied(connected)


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """A broker that this test may kill and restart: user `own`, password `own`."""
    from tests.support.broker import private  # noqa: PLC0415

    process = private(tmp_path / "broker")
    await process.start()
    yield process
    await process.stop()
