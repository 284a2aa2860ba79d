"""A directory is found where it was the last time: its address stands in what others hold."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.integration.stack.surroundings import Told
from tests.support.ports import free_ports

from catalyst.cli.installation import Installation
from catalyst.cli.main import ended
from catalyst.cli.stack import Options, running

pytestmark = pytest.mark.real


def port_of(address: str) -> int:
    found = urlsplit(address).port
    assert found is not None
    return found


async def stood(data: Path, port: int = 0) -> tuple[int, list[str]]:
    """Run a stack; return at which port it was, and what was told of ports."""
    told = Told()
    options = Options(port=port, sync_interval="10s")
    async with running(Installation(data), options, told) as stack:
        found = port_of(stack.context.http)
    return found, [line for line in told.lines if line.startswith("the port ")]


@pytest.mark.guarantee("G27.15")
async def test_a_stack_is_started_again_where_it_was_and_says_where_it_could_not_be(
    tmp_path: Path,
) -> None:
    first, other = free_ports(2)
    assert await stood(tmp_path, first) == (first, [])
    assert await stood(tmp_path) == (first, [])
    with socket.create_server(("127.0.0.1", first)):
        second, told = await stood(tmp_path)
    assert second != first
    (said,) = told
    assert said.startswith(f"the port is {second} and no longer {first}, which is not free: ")
    assert "clusters look for the repository of an Application there until its next change" in said
    assert f"start with --port {first} to go back" in said
    # Whoever names a port has it.
    third, told = await stood(tmp_path, other)
    assert third == other
    (said,) = told
    assert said.startswith(f"the port is {other} and no longer {second}, as it is asked for: ")
    # As the broker's: where it was the last time, whatever it was before that.
    assert await stood(tmp_path) == (other, [])


@pytest.mark.guarantee("G27.15")
def test_what_is_started_without_a_port_wants_the_one_of_the_last_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        Installation(tmp_path / "data").remember_http_port(port)
        assert ended(["up", "--data", str(tmp_path / "data")]) == 2
    # An option that was not given is not named.
    assert f"Error: port {port}: cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
