"""A data directory of an earlier version: its queue of uses is made anew, and no use is lost."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.errors import Error as NatsError
from tests.support.faults import Killed
from tests.support.ports import free_ports
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing, StreamState, Unavailable
from catalyst.cli import remaking
from catalyst.cli.broker import BrokerProcess, BrokerSettings, StoreCorrupt
from catalyst.cli.installation import Installation
from catalyst.cli.remaking import Note, made_anew, remake
from catalyst.cli.stack import Options, running
from catalyst.contracts import topology as contract
from catalyst.contracts.permissions import KEEPER, OPERATOR, member
from catalyst.contracts.topology import DLQ, USE, Stream

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G1.15")]

WANTED = next(stream for stream in contract.STREAMS if stream.name == USE)
(READER,) = (item for item in contract.CONSUMERS if item.stream == USE)
BEFORE = 7
"""Uses that the earlier version took and counted."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time to count what waits."""
    monkeypatch.setattr(remaking, "COUNT_SECONDS", 120.0)


def how(data: Path) -> BrokerSettings:
    """The broker of a data directory, without limits to what `own` may."""
    installation = Installation(data)
    accounts = installation.accounts()
    accounts["CATALYST"]["users"].append({"user": "own", "password": "own"})
    return BrokerSettings(
        installation.broker_directory,
        [],
        sync_interval="10s",
        min_free_bytes=0,
        more={"accounts": accounts},
    )


async def start(data: Path) -> None:
    """Do what a start does before anybody is let in."""
    await remake(Installation(data), how(data), lambda _line: None)


@asynccontextmanager
async def earlier(data: Path) -> AsyncIterator[JetStream]:
    """The broker as an earlier version ran it, with its queue of uses."""
    async with standing(data) as js:
        before = Stream(USE, {**WANTED.config, "retention": "workqueue"})
        await topology.ensure(js, ([before], [READER]), version=contract.VERSION - 1)
        yield js


async def counted(js: JetStream, count: int) -> None:
    """Take some uses and settle them, as the worker of that version did."""
    for number in range(count):
        await js.publish(Outgoing("use.acme.meter", str(number).encode()))
    reader = await js.link.jetstream().pull_subscribe_bind(READER.name, stream=USE)
    for message in await reader.fetch(count):
        await message.ack_sync()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what an earlier version left, whose uses were all counted; it is the same for all."""

    async def made(data: Path) -> None:
        async with earlier(data) as js:
            await counted(js, BEFORE)

    data = tmp_path_factory.mktemp("left")
    asyncio.run(made(data))
    return data


@pytest.fixture
def data(left: Path, tmp_path: Path) -> Path:
    """Return that directory, as one of this test's own."""
    return Path(shutil.copytree(left, tmp_path / "data"))


@asynccontextmanager
async def standing(data: Path) -> AsyncIterator[JetStream]:
    """The broker as it runs, whatever it has."""
    broker = BrokerProcess(how(data))
    await broker.start()
    try:
        async with connect(broker.url, name="own", user="own", password="own") as js:
            yield js
    finally:
        await broker.stop()


async def stands(data: Path) -> dict[str, Any]:
    """Return what the broker says of the stream."""
    async with standing(data) as js:
        return await js.api(f"STREAM.INFO.{USE}", None)


def _is_anew(info: dict[str, Any], *, first: int = BEFORE + 1) -> bool:
    begins = info["config"].get("first_seq"), info["state"]["first_seq"]
    return (info["config"]["retention"], *begins) == ("limits", first, first)


async def test_what_waits_is_counted_before(tmp_path: Path) -> None:
    async with earlier(tmp_path) as js:
        await counted(js, BEFORE)
        await js.publish(Outgoing("use.acme.meter", b"waits"))
    await start(tmp_path)
    assert _is_anew(await stands(tmp_path), first=BEFORE + 2)
    async with standing(tmp_path) as js:
        assert (await js.stream_state(DLQ)).messages == 1

    # What is as it should be is not even looked at.
    log = how(tmp_path).directory / "broker.log"
    said = log.stat().st_size
    await start(tmp_path)
    assert log.stat().st_size == said


async def test_what_cannot_be_counted_in_time_is_left_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remaking, "COUNT_SECONDS", 0.0)
    async with earlier(tmp_path) as js:
        await counted(js, BEFORE)
        await js.publish(Outgoing("use.acme.meter", b"waits"))
    await start(tmp_path)
    info = await stands(tmp_path)
    assert (info["config"]["retention"], info["state"]["messages"]) == ("workqueue", 1)


async def test_a_slow_answer_while_what_waits_is_counted_leaves_it_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with earlier(tmp_path) as js:
        await counted(js, BEFORE)
        await js.publish(Outgoing("use.acme.meter", b"waits"))
    ask = JetStream.stream_state
    asked: list[str] = []

    async def slow(js: JetStream, stream: str) -> StreamState:
        if stream == USE:
            asked.append(stream)
            if len(asked) == 2:
                raise Unavailable(408, 0, "no answer in time")
        return await ask(js, stream)

    monkeypatch.setattr(JetStream, "stream_state", slow)
    await start(tmp_path)
    assert len(asked) == 2
    assert (await stands(tmp_path))["config"]["retention"] == "workqueue"
    await start(tmp_path)
    assert _is_anew(await stands(tmp_path), first=BEFORE + 2)
    async with standing(tmp_path) as js:
        assert (await js.stream_state(DLQ)).messages == 1


class _Dying:
    """Stands for whoever makes the stream anew, and dies at one of the steps."""

    def __init__(self, inner: Any, steps: list[str], die_at: int, *, after: bool) -> None:
        self._inner, self._steps, self._die_at, self._after = inner, steps, die_at, after

    def _step(self, name: str, *, after: bool) -> None:
        if after is False:
            self._steps.append(name)
        if len(self._steps) - 1 == self._die_at and after is self._after:
            raise Killed

    async def api(self, name: str, body: Any) -> Any:
        self._step(name, after=False)
        try:
            return await self._inner.api(name, body)
        finally:
            self._step(name, after=True)


class _DyingNote(_Dying):
    def first(self) -> int:
        return int(self._inner.first())

    def write(self, first: int) -> None:
        self._step("note", after=False)
        self._inner.write(first)
        self._step("note", after=True)

    def remove(self) -> None:
        self._step("forget", after=False)
        self._inner.remove()
        self._step("forget", after=True)


STEPS = [
    f"STREAM.INFO.{USE}",
    "note",
    f"STREAM.DELETE.{USE}",
    f"STREAM.INFO.{USE}",
    f"STREAM.CREATE.{USE}",
    "forget",
]


async def die(data: Path, at: int, *, after: bool) -> list[str]:
    """Make it anew until a step, and return the steps."""
    steps: list[str] = []
    note = Note(how(data).directory / "remaking.json")
    broker = BrokerProcess(how(data))
    await broker.start()
    try:
        async with connect(broker.url, name="own", user="own", password="own") as js:
            dying: Any = _Dying(js, steps, at, after=after)
            forgetful: Any = _DyingNote(note, steps, at, after=after)
            await made_anew(dying, forgetful)
    except Killed:
        pass
    finally:
        await broker.kill()
    return steps


async def test_these_are_the_steps(data: Path) -> None:
    assert await die(data, -1, after=False) == STEPS


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(len(STEPS)))
async def test_a_start_that_is_killed_at_any_step_is_made_good_by_the_next(
    data: Path, at: int, *, after: bool
) -> None:
    assert await die(data, at, after=after) == STEPS[: at + 1]
    await start(data)
    assert _is_anew(await stands(data))
    assert not (how(data).directory / "remaking.json").exists()


@pytest.mark.parametrize("at", range(STEPS.index(f"STREAM.DELETE.{USE}") + 1))
async def test_what_an_earlier_version_takes_after_a_killed_start_is_not_lost(
    data: Path, at: int
) -> None:
    await die(data, at, after=False)
    async with earlier(data) as js:
        await js.publish(Outgoing("use.acme.meter", b"between"))
    await start(data)
    async with standing(data) as js:
        assert (await js.stream_state(DLQ)).messages == 1


@pytest.mark.parametrize("lines", range(6))
async def test_a_broker_that_is_killed_while_it_deletes_leaves_nothing_that_is_called_damaged(
    data: Path, lines: int
) -> None:
    folder = how(data).directory / "store" / "jetstream" / "CATALYST" / "streams" / USE
    # It takes away one after the other, its description first.
    for file in ("meta.inf", "meta.sum", *sorted(map(str, folder.rglob("*.dat"))))[: lines + 1]:
        (folder / file).unlink()
    with pytest.raises(StoreCorrupt):
        await remake_and_start(data)
    Note(how(data).directory / "remaking.json").write(BEFORE + 1)
    await remake_and_start(data)
    assert _is_anew(await stands(data))


async def remake_and_start(data: Path) -> None:
    await start(data)
    broker = BrokerProcess(how(data))
    await broker.start()
    await broker.stop()


async def report(port: int, password: str, taken: list[int], end: asyncio.Event) -> None:
    """Send uses all the while, each until it is taken, whoever does not answer."""
    while not end.is_set():
        try:
            client = await nats.connect(
                f"nats://127.0.0.1:{port}",
                user=OPERATOR,
                password=password,
                allow_reconnect=False,
                inbox_prefix=f"_INBOX_{OPERATOR}",
            )
        except (OSError, NatsError):
            await asyncio.sleep(0.02)
            continue
        try:
            while not end.is_set():
                # Nobody can read it: it is set aside, once, and can be seen there.
                found = await client.jetstream().publish("use.acme.meter", b"?", timeout=1)
                taken.append(found.seq)
        except (TimeoutError, OSError, NatsError):
            continue
        finally:
            await client.close()


async def test_no_use_that_is_sent_all_the_while_is_lost_or_set_aside_twice(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with earlier(tmp_path):
        pass
    installation = Installation(tmp_path)
    options = Options(port=0, nats_port=port, sync_interval="10s")
    taken: list[int] = []
    end = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        password = installation.passwords[OPERATOR]
        reporting = tasks.create_task(report(port, password, taken, end))
        kinds = []
        for _ in range(2):
            enough = len(taken) + 20
            async with (
                running(installation, options, lambda _line: None),
                connect(
                    f"nats://127.0.0.1:{port}",
                    name=member(KEEPER),
                    user=KEEPER,
                    password=installation.passwords[KEEPER],
                ) as js,
            ):
                await until(partial(_is_long, taken, enough))
                kinds.append((await js.stream_state(USE)).config["retention"])
                if len(kinds) == 2:
                    end.set()
                    await reporting
                    await until(lambda: _letters(js, len(taken)))
    assert kinds[-1] == "limits"
    assert len(set(taken)) == len(taken)


def _is_long(taken: list[int], enough: int) -> bool:
    return len(taken) >= enough


async def _letters(js: JetStream, count: int) -> bool:
    """Whether so many uses were set aside, each under a subject of its own."""
    return (await js.stream_state(DLQ)).messages == count
