"""The embedded broker starts, ends, continues, and says in plain words why it cannot."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.support.broker import own_connection, private
from tests.support.disks import mounted
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology, wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing, Unavailable
from catalyst.cli.broker import (
    Account,
    BrokerFault,
    BrokerProcess,
    BrokerSettings,
    DataDirectoryInUse,
    DiskFull,
    PortTaken,
    StoreCorrupt,
    User,
    server_binary,
)
from catalyst.cli.brokerlock import runs
from catalyst.contracts import topology as contract

pytestmark = pytest.mark.real


def changed(process: BrokerProcess, **more: object) -> BrokerProcess:
    return BrokerProcess(msgspec.structs.replace(process.settings, **more))


async def test_the_wheel_brings_the_binary() -> None:
    assert server_binary().is_file()


async def test_the_same_directory_continues(own_server: BrokerProcess) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        await fill(js, 5)
    await own_server.stop()

    successor = BrokerProcess(own_server.settings)
    await successor.start()
    try:
        async with own_connection(successor) as js:
            assert len(await js.replay("EV", "evt.a")) == 5
    finally:
        await successor.stop()


async def test_a_directory_may_be_called_anything(tmp_path: Path) -> None:
    process = private(tmp_path / 'Übung "1" \\ 試')
    await process.start()
    try:
        async with own_connection(process) as js:
            await log_stream(js)
            assert (await fill(js, 1)).seq == 1
    finally:
        await process.stop()
    assert (process.settings.directory / "store").is_dir()


async def test_a_crash_loses_nothing_that_was_acknowledged(own_server: BrokerProcess) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        await fill(js, 5)
        await own_server.kill()
        await own_server.start()
        await js.ready()

        assert len(await js.replay("EV", "evt.a")) == 5


async def test_a_restart_keeps_the_port_and_has_another_name(own_server: BrokerProcess) -> None:
    port, name = own_server.port, own_server.server_name
    await own_server.stop()
    assert own_server.pid is None

    await own_server.start()

    assert own_server.port == port > 0
    assert own_server.server_name != name


async def test_it_cannot_be_started_twice(own_server: BrokerProcess) -> None:
    with pytest.raises(BrokerFault, match="runs already"):
        await own_server.start()


async def test_stopping_twice_is_stopping(own_server: BrokerProcess) -> None:
    await own_server.stop()
    await own_server.stop()
    await own_server.kill()


async def test_one_that_does_not_end_is_killed(own_server: BrokerProcess) -> None:
    pid = own_server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    await own_server.stop(timeout=0.1)

    assert not runs(pid)


async def test_its_end_can_be_waited_for(own_server: BrokerProcess) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(own_server.wait())
        assert own_server.pid is not None
        os.kill(own_server.pid, signal.SIGKILL)

    assert waiting.result() == -signal.SIGKILL


async def test_a_directory_in_use_is_told(own_server: BrokerProcess) -> None:
    second = changed(own_server)

    with pytest.raises(DataDirectoryInUse, match="another Catalyst") as caught:
        await second.start()

    told = f"works in {own_server.settings.directory}: process {os.getpid()}"
    assert str(caught.value).endswith(told)
    assert f"`kill {os.getpid()}`" in caught.value.hint
    # Whoever was told another name of the directory reads that one.
    with pytest.raises(DataDirectoryInUse, match="works in my-data: process"):
        await changed(own_server, shown="my-data").start()
    # The first one is none the worse for it.
    async with own_connection(own_server) as js:
        assert await js.rtt() > 0


async def test_a_taken_port_is_told(own_server: BrokerProcess, tmp_path: Path) -> None:
    second = changed(own_server, directory=tmp_path / "second", port=own_server.port)

    with pytest.raises(PortTaken, match=str(own_server.port)):
        await second.start()

    assert second.pid is None


async def test_a_port_of_another_program_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = changed(private(tmp_path / "broker"), port=port)

        with pytest.raises(PortTaken, match=f"port {port}") as caught:
            await process.start()

    assert "choose another" in caught.value.hint


async def test_a_full_disk_is_told_before_the_start(tmp_path: Path) -> None:
    process = changed(private(tmp_path / "broker"), min_free_bytes=1 << 60, shown="my-data")

    with pytest.raises(DiskFull, match="free at my-data") as caught:
        await process.start()

    assert "make room" in caught.value.hint
    assert process.pid is None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    with mounted(tmp_path / "disk", 4) as disk:
        yield disk


async def test_a_disk_that_becomes_full_is_told(small_disk: Path) -> None:
    process = private(small_disk / "broker")
    await process.start()
    try:
        async with own_connection(process) as js:
            await log_stream(js)
            assert process.fault() is None
            await until_full(js, process)
        fault = process.fault()
    finally:
        await process.stop()

    assert isinstance(fault, DiskFull)
    assert "make room" in fault.hint


async def until_full(js: JetStream, process: BrokerProcess) -> None:
    """Publish until the broker refuses it and says why; that it is late alone says nothing."""
    async with asyncio.timeout(60):
        while True:
            try:
                await js.publish(Outgoing("evt.a", b"x" * 100_000), timeout=0.5)
            except Unavailable:
                if process.fault() is not None:
                    return


async def filled(directory: Path) -> BrokerProcess:
    """A stopped broker whose stream fills several files."""
    process = private(directory)
    await process.start()
    async with own_connection(process) as js:
        await log_stream(js)
        for _ in range(16):
            await js.batch([Outgoing("evt.a", b"x" * 250_000)] * 4)
    await process.stop()
    return process


def stream_directory(process: BrokerProcess) -> Path:
    return process.settings.directory / "store" / "jetstream" / "OWN" / "streams" / "EV"


@pytest.mark.parametrize("name", ["meta.inf", "meta.sum"])
async def test_a_damaged_description_of_a_stream_is_told(tmp_path: Path, name: str) -> None:
    process = await filled(tmp_path / "broker")
    (stream_directory(process) / name).write_bytes(b"garbage")

    with pytest.raises(StoreCorrupt, match=rf"stored in {process.settings.directory} ") as caught:
        await process.start()

    assert "from a copy" in caught.value.hint
    # What the server says is kept, without the time and level that a log has.
    assert not re.search(r"\[\w{3}\]|\d\d:\d\d", str(caught.value))
    # The server itself would have gone on without the stream.
    assert process.pid is None


async def test_a_missing_file_of_a_stream_is_told(tmp_path: Path) -> None:
    process = await filled(tmp_path / "broker")
    blocks = sorted((stream_directory(process) / "msgs").glob("*.blk"))
    assert len(blocks) > 1
    blocks[0].unlink()

    with pytest.raises(StoreCorrupt):
        await process.start()


async def test_a_killed_broker_starts_again_and_calls_nothing_damaged(tmp_path: Path) -> None:
    process = private(tmp_path / "broker")
    bucket = Outgoing("$KV.leases.environment", b"x" * 2_000)
    for round_ in range(8):
        await process.start()
        async with own_connection(process) as js:
            await topology.ensure(js, contract.topology())
            # Values that replace each other leave files behind that an old index still names.
            for number in range(30 * round_):
                await js.publish(bucket)
                if number % 10 == 0:
                    await js.publish(Outgoing("evt.a.b.c.d.e.v1", b"{}"))
        await process.kill()
    await process.start()
    await process.stop()


async def test_a_store_that_is_no_directory_is_told(tmp_path: Path) -> None:
    process = private(tmp_path / "broker")
    store = process.settings.directory / "store"
    store.mkdir(parents=True)
    (store / "jetstream").write_bytes(b"")

    with pytest.raises(StoreCorrupt):
        await process.start()


async def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(BrokerFault, match="cannot use"):
        await private(tmp_path / "file" / "broker").start()


async def test_a_configuration_that_the_server_refuses_is_told(tmp_path: Path) -> None:
    process = private(tmp_path / "broker", no_such_entry=True)

    with pytest.raises(BrokerFault, match="no_such_entry"):
        await process.start()


async def test_passwords_are_for_the_owner_alone(own_server: BrokerProcess) -> None:
    configuration = own_server.settings.directory / "broker.conf"

    assert configuration.stat().st_mode & 0o077 == 0
    assert own_server.settings.directory.stat().st_mode & 0o077 == 0


async def test_data_reaches_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    system = Account("SYS", [User("sys", "sys")], jetstream=False)
    work = Account("WORK", [User("work", "work")])
    process = BrokerProcess(
        BrokerSettings(tmp_path, [system, work], min_free_bytes=0, more={"system_account": "SYS"})
    )
    await process.start()
    try:
        async with connect(process.url, name="sys", user="sys", password="sys") as js:
            subject = "$SYS.REQ.SERVER.PING.VARZ"
            (reply,) = await js.link.call(
                lambda inbox: [wire.frame(subject, b"", None, inbox)], (subject,), timeout=5
            )
    finally:
        await process.stop()

    server = json.loads(reply.data)["data"]
    assert server["jetstream"]["config"]["sync_always"] is True
    assert server["server_name"] == process.server_name


@pytest.mark.skipif(sys.platform != "linux", reason="the signal is Linux's")
async def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from tests.support.broker import private\n"
        "process = private(Path(sys.argv[1]))\n"
        "asyncio.run(process.start())\n"
        "print(process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    directory = tmp_path / "broker"
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(directory),
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    output, _ = await parent.communicate()
    pid = int(output)

    await until(lambda: not runs(pid))

    # With it goes its hold on the directory.
    successor = private(directory)
    await successor.start()
    await successor.stop()


def open_files(pid: int | str) -> list[str]:
    names = Path(f"/proc/{pid}/fd").iterdir()
    return [str(name.readlink()) for name in names if name.is_symlink()]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_the_child_and_not_the_starter_holds_the_directory(
    own_server: BrokerProcess,
) -> None:
    assert own_server.pid is not None
    lock = str(own_server.settings.directory / "lock")

    assert lock in open_files(own_server.pid)
    assert lock not in open_files("self")


def variables(pid: int | None) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text("utf-8").split("\0")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("asked", [None, "80"])
async def test_it_holds_little_garbage_unless_somebody_says_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None
) -> None:
    if asked is None:
        monkeypatch.delenv("GOGC", raising=False)
    else:
        monkeypatch.setenv("GOGC", asked)
    process = private(tmp_path / "broker")
    await process.start()
    try:
        said = variables(process.pid)
    finally:
        await process.stop()
    assert [one for one in said if one.startswith("GOGC=")] == [f"GOGC={asked or 25}"]
