"""A start that cannot be: a person reads where, who or what is in the way, and what to do.

Each is tried with the command itself, on a real directory, disk, port or store; as a process of its
own where something is begun before.
"""

import gc
import os
import shutil
import socket
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.stack.surroundings import (
    check_named,
    command,
    environ,
    refused,
    refused_here,
)
from tests.support.disks import fill, mounted

from catalyst.cli import contexts
from catalyst.cli.broker import BrokerProcess, BrokerSettings, DataDirectoryInUse
from catalyst.cli.exits import Failure
from catalyst.cli.installation import Installation
from catalyst.cli.main import ended
from catalyst.cli.stack import Options
from catalyst.cli.stack import running as stack
from catalyst.cli.target import resolve

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G7.13")]


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environ(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert child.stdout is not None
        while b"Ctrl-C" not in (line := child.stdout.readline()):
            assert line
        yield child
    finally:
        child.terminate()
        child.communicate()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a directory `mine` that its holder has left."""
    folder = tmp_path_factory.mktemp("first")
    with running(folder, "--data", "mine"):
        pass
    return folder


@pytest.fixture(scope="module")
def left(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of that folder as it was left; it is the same for all."""
    return Path(shutil.copytree(first, tmp_path_factory.mktemp("left") / "copy"))


@pytest.fixture
def copied(left: Path, tmp_path: Path) -> Path:
    """Return a folder of this test's own, with that directory in it."""
    return Path(shutil.copytree(left, tmp_path / "copied"))


@dataclass(frozen=True)
class Held:
    """A folder in whose directory `mine` a stack runs."""

    folder: Path
    pid: int


@pytest.fixture(scope="module")
def held(first: Path, left: Path) -> Iterator[Held]:
    """Run a stack in the directory that its holder has left, which is free again.

    No copy would do: whoever holds a directory holds the file itself.
    """
    assert left.is_dir()  # copied while nobody works in it
    with running(first, "--data", "mine") as child:
        yield Held(first, child.pid)


def test_who_works_in_a_directory_that_its_holder_left_before_is_named(held: Held) -> None:
    check_named(held.folder, "mine", held.pid)
    port = contexts.of_directory(held.folder / "mine").http.rpartition(":")[2]
    # It is looked at first of all, so that nothing is said to start, and no port is in the way.
    said = refused_here(held.folder, "--data", "mine", code=2)
    assert refused_here(held.folder, "--data", "mine", "--port", port, code=2) == said
    assert said.startswith(f"Error: another Catalyst works in mine: process {held.pid}\n")


@pytest.mark.guarantee("G27.3")
def test_what_runs_and_was_forgotten_is_found_again_by_what_a_second_start_says(
    held: Held, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = held.folder
    monkeypatch.setenv("XDG_CONFIG_HOME", environ(folder)["XDG_CONFIG_HOME"])
    again = f"catalyst context add --data {folder}/mine"

    def typed(*words: str) -> str:
        assert ended([*words]) == 0, capsys.readouterr()
        return "".join(capsys.readouterr()).replace("`uv run ", "`")

    before = contexts.load(contexts.default_path())
    assert f"`{again}` brings it back" in typed("context", "remove", "local")
    with pytest.raises(Failure) as caught:
        resolve(None, None, None)
    assert "catalyst context add --data DIR" in caught.value.hint
    said = refused_here(folder, "--data", "mine", code=2)
    assert f"`{again}` leads to it; or end that one" in said.replace("`uv run ", "`")
    # As it is pasted.
    typed(*again.split()[1:])
    assert contexts.load(contexts.default_path()) == before
    said = refused_here(folder, "--data", "mine", code=2)
    assert "context add" not in said


async def test_a_start_that_is_refused_leaves_its_port_free(tmp_path: Path) -> None:
    def ignored(_line: str) -> None:
        """Nobody reads what a start says here."""

    installation = Installation(tmp_path / "data")
    broker = BrokerProcess(BrokerSettings(installation.broker_directory, [], min_free_bytes=0))
    await broker.start()
    try:
        gc.collect()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            with pytest.RaisesGroup(DataDirectoryInUse):
                async with stack(installation, Options(port=0), ignored):
                    pytest.fail("two work on one directory")
            gc.collect()
    finally:
        await broker.stop()
    assert [str(one.message) for one in caught if one.category is ResourceWarning] == []


def test_a_disk_without_room_is_named_as_it_was_given(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", 20) as disk:
        said = refused(tmp_path, "--data", "disk/data")
        assert "MiB are free at disk/data, and the broker needs 256\n" in said
        assert "Hint: make room, or choose another directory with --data" in said
        fill(disk)
        said = refused(tmp_path, "--data", "disk/other")
        assert "No space left on device" in said
        assert "Hint: make room, or choose another directory" in said


def test_an_address_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused_here(tmp_path, "--data", "mine", "--port", port, code=2)
    assert f"Error: --port {port}: cannot listen on 127.0.0.1:{port}: Address already" in said
    assert "Hint: choose another port with --port" in said
    said = refused_here(tmp_path, "--data", "mine", "--host", "192.0.2.1", code=2)
    assert "Error: --host 192.0.2.1: this machine does not have that address\n" in said
    assert "Hint: 127.0.0.1 listens for this machine alone" in said


def damage(data: Path) -> None:
    (found,) = data.glob("nats/store/jetstream/*/streams/EV/meta.inf")
    found.write_bytes(b"garbage")


def test_a_damaged_store_is_named_with_what_to_do(copied: Path) -> None:
    damage(copied / "mine")
    said = refused(copied, "--data", "mine")
    assert "Error: what the broker stored in mine cannot be read: " in said
    assert "Hint: restore the whole directory mine from a copy, or " in said
    assert "[WRN]" not in said
    assert "[ERR]" not in said


def without_privileges() -> tuple[str, ...]:
    """Return what runs a command so that the modes of files count for root, too."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("for root, the modes of files count with setpriv alone")
    rights = "-dac_override,-dac_read_search,-fowner"
    return ("setpriv", "--bounding-set", rights, "--inh-caps", rights)


@pytest.mark.parametrize("inner", ["", "keys", "nats", "nats/store/jetstream"])
def test_a_directory_that_may_not_be_written_is_named(copied: Path, inner: str) -> None:
    before = without_privileges()
    place = copied / "mine" / inner
    mode = place.stat().st_mode
    files = {file: file.stat().st_mode for file in place.iterdir() if file.is_file()}
    for file in files:
        file.chmod(0o400)
    place.chmod(0o500)
    said = refused(copied, "--data", "mine", before=before)
    place.chmod(mode)
    for file, its in files.items():
        file.chmod(its)
    assert "ermission denied" in said
    assert " mine" in said
    assert "Hint: " in said
    assert "copy" not in said


def test_what_is_no_directory_is_called_that(tmp_path: Path) -> None:
    said = refused_here(tmp_path, "--data", "/dev/null", code=2)
    assert "/dev/null cannot be used: it is a file" in said
    said = refused_here(tmp_path, "--data", "", code=2)
    assert "--data" in said
    assert [place.name for place in tmp_path.iterdir()] == ["config"]


def test_a_place_of_connections_that_may_not_be_written_is_told_before_anything_starts(
    tmp_path: Path,
) -> None:
    place = tmp_path / "config"
    place.mkdir(mode=0o500)
    said = refused(tmp_path, "--data", "mine", before=without_privileges())
    assert "the connections in" in said
    assert "XDG_CONFIG_HOME" in said
    assert "starting" not in said
    assert not (tmp_path / "mine").exists()
