"""A start that is refused names the option that is wrong, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.each import each

from catalyst.chassis.jetstream.port import NotFound
from catalyst.cli import contexts, main, startable
from catalyst.cli.contexts import Context, Contexts, Credentials
from catalyst.client.errors import shown_address


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_file_in_place_of_the_directory_is_called_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.touch()
    assert main.ended(["up", "--data", str(data), "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert "it is a file" in said
    assert "Hint: choose another one with --data" in said


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--port", "99999", 2),
        ("--host", "300.1.1.1", 2),
        ("--host", "192.0.2.1", 2),
        ("--nats", "http://127.0.0.1", 2),
        ("--nats", "nats://127.0.0.1:99999", 2),
    ],
)
def test_a_wrong_option_is_named(
    option: str, value: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    free = [] if option == "--port" else ["--port", "0"]
    assert main.ended(["up", "--data", str(data), *free, option, value]) == code
    said = capsys.readouterr().err
    assert option in said
    assert not data.exists()


def test_a_taken_port_is_named(
    taken: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert main.ended(["up", "--data", str(data), "--port", str(taken)]) == 2
    assert f"--port {taken}" in capsys.readouterr().err
    assert not data.exists()


def test_who_may_be_on_a_taken_port_is_named(
    taken: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name, port in (("mine", taken), ("other", taken + 1)):
        context = Context(http=f"http://127.0.0.1:{port}", nats="", data="/srv/one")
        contexts.register(contexts.default_path(), name, context)
    assert main.ended(["up", "--data", str(tmp_path / "data"), "--port", str(taken)]) == 2
    assert "doctor --context mine`" in capsys.readouterr().err


def test_a_broker_that_is_not_there_is_named_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A refused connection is tried again until the time is over.
    monkeypatch.setattr(startable, "BROKER_SECONDS", 0.2)
    with socket.socket() as bound:
        # Bound and not listening: a connection is refused for certain.
        bound.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{bound.getsockname()[1]}"
        data = tmp_path / "data"
        options = ["--data", str(data), "--port", "0", "--nats", f"nats://ann:secret@{place}"]
        assert main.ended(["up", *options]) == 5
    said = capsys.readouterr().err
    assert f"--nats nats://{place}" in said
    assert "secret" not in said
    assert len(said.splitlines()) == 2
    assert not data.exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"api": {"level": 4}}, "nats-server is older than 2.15 (API level 4, 5 is needed)"),
        ({"api": {}}, "nats-server is older than 2.15 (API level 0, 5 is needed)"),
        (
            {"api": {"level": 5}},
            "it takes small messages alone (max_payload 524287, 524288 is needed)",
        ),
        (NotFound(503, 10039, "jetstream not enabled"), "JetStream does not answer there: "),
    ],
)
def test_a_broker_that_cannot_do_it_is_refused_before_anything_starts(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any] | Exception,
    said: str,
) -> None:
    class Other:
        max_payload = 512 * 1024 - 1

        async def api(self, suffix: str, payload: object) -> dict[str, Any]:
            assert (suffix, payload) == ("INFO", None)
            if isinstance(answer, Exception):
                raise answer
            return answer

    @asynccontextmanager
    async def connect(url: str, *, name: str, timeout: float) -> AsyncIterator[Other]:
        yield Other()

    monkeypatch.setattr(startable, "connect", connect)
    data = tmp_path / "data"
    options = ["--data", str(data), "--port", "0", "--nats", "nats://ann:secret@host:4222"]
    assert main.ended(["up", *options]) == 8
    told = capsys.readouterr().err
    assert said in told
    needs = "nats-server 2.15 or newer, with JetStream, and a `max_payload` of 524288 bytes or more"
    assert needs in told
    assert not data.exists()


@each(
    [
        ("nats://ann:secret@host:4222", "nats://host:4222"),
        ("http://host:8080/x@y", "http://host:8080/x@y"),
        ("ann:secret@host", "host"),
    ]
)
def test_an_address_is_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert shown_address(url) == shown


async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a stack does that takes the token `ours` alone."""
    asked = (await reader.readuntil(b"\r\n\r\n")).lower()
    taken = b"authorization: bearer ours\r\n" in asked
    said = b"200 OK" if taken else b"401 Unauthorized"
    writer.write(b"HTTP/1.1 " + said + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.guarantee("G27.3")
@pytest.mark.parametrize(
    ("current", "data", "token", "gone", "found"),
    [
        ("local", "/srv/first", "ours", False, {"local"}),
        ("first", "/srv/first", "ours", False, {"first"}),
        # Nobody, somebody else's stack, our own of the last time, and one that stands elsewhere.
        ("local", "/srv/first", "ours", True, set()),
        ("local", "/srv/first", "theirs", False, set()),
        ("local", "/srv/second", "ours", False, set()),
        ("prod", "", "ours", False, set()),
    ],
)
async def test_another_stack_runs_if_it_takes_its_own_token(
    current: str, data: str, token: str, found: set[str], *, gone: bool
) -> None:
    server = await asyncio.start_server(door, "127.0.0.1", 0)
    async with server:
        place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        if gone:
            server.close()
        one = Context(http=place, data=data, operator=Credentials(token=token))
        ours = Context(http="http://127.0.0.1:1", data="/srv/second")
        known = Contexts(current=current, contexts={current: one})
        assert await startable.answering(known, ours) == found
        # What answers there is this stack itself.
        assert await startable.answering(known, Context(http=place, data="/srv/third")) == set()
