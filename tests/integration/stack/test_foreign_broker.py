"""Somebody else's broker that writes acknowledgements in the newer form: said, and worked with."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest
import pytest_asyncio
from tests.integration.stack.surroundings import command, environ
from tests.support.broker import own_connection, private
from tests.support.rig import acme
from tests.support.waiting import until

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.topology import ensure_stream
from catalyst.cli import ackcheck, contexts, startable
from catalyst.cli.broker import BrokerProcess
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.findings import Health
from catalyst.cli.main import ended
from catalyst.client.http_transport import over_http
from catalyst.contracts.topology import read_model_bucket

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G7.22")]
CREATE = "environment.create-organization.v1"


@pytest_asyncio.fixture
async def newer(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    server = private(tmp_path / "broker", feature_flags={ackcheck.FLAG: True})
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def address(server: BrokerProcess) -> str:
    return server.url.replace("://", "://own:own@")


async def test_what_is_told_of_programs_on_nats_py_is_so(
    newer: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with own_connection(newer) as js:
        await ensure_stream(js, read_model_bucket("abc"))
    client = await nats.connect(address(newer), allow_reconnect=False)
    try:
        rows = await client.jetstream().key_value("rm_abc")
        await rows.put("acme.row", b"1")
        # Its own call may end before or after its connection went deaf.
        with contextlib.suppress(nats.errors.Error):
            await rows.watchall()
        await until(lambda: "invalid literal for int()" in caplog.text)
        assert client.is_connected
        with pytest.raises(nats.errors.TimeoutError):
            await rows.get("acme.row")
    finally:
        await client.close()


async def test_a_start_says_it_and_works_all_the_same(
    newer: BrokerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", environ(tmp_path)["XDG_CONFIG_HOME"])
    child = await asyncio.create_subprocess_exec(
        *command("--data", "data", "--nats", address(newer)),
        cwd=tmp_path,
        env=environ(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(90):
            assert child.stdout is not None
            while b"Ctrl-C drains" not in (line := await child.stdout.readline()):
                assert line, (await child.communicate())[1].decode()
        context = contexts.of_directory(tmp_path / "data")
        async with over_http(context.http, token=context.operator.token) as door:
            outcome = await door.send(CREATE, acme(), organization="acme", id="acme", timeout=60)
            assert outcome.status == "accepted", outcome
            page = await door.list("organizations", min_seq=outcome.seq)
            assert [row.key for row in page.rows] == ["acme._.organization._.acme"]
        # It brings a loop of its own.
        await asyncio.to_thread(ended, ["doctor", "-o", "json"])
        found = msgspec.json.decode(capsys.readouterr().out)
    finally:
        if child.returncode is None:
            os.kill(child.pid, signal.SIGINT)
        _, said = await child.communicate()
    (check,) = [item for item in found if item["check"] == ackcheck.CHECK]
    assert check["health"] == "warn"
    assert check["detail"] == ackcheck.TOLD
    assert "feature_flags { js_ack_fc_v2: false }" in check["fix"]
    assert ackcheck.TOLD in said.decode()
    assert "own:own" not in said.decode()
    assert ackcheck.FLAG in (tmp_path / "data" / "up.log").read_text()
    assert child.returncode == 0


async def test_of_a_broker_with_the_first_form_nothing_is_said(tmp_path: Path) -> None:
    server = private(tmp_path / "broker")
    await server.start()
    try:
        assert await startable.check_broker(address(server)) == ""
        async with own_connection(server) as js:
            await js.api(
                "STREAM.CREATE.EV", {"name": "EV", "subjects": ["evt.>"], "storage": "memory"}
            )
            assert (await ackcheck.form(js)).health is Health.SKIPPED
            await js.core_publish("evt.a", b"1")
            await until(lambda: _is_ok(js))
    finally:
        await server.stop()


async def _is_ok(js: Any) -> bool:
    return (await ackcheck.form(js)).health is Health.OK


async def test_a_form_that_nothing_here_reads_is_refused(
    newer: BrokerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of tomorrow: what it writes has another place for the sequence."""
    place = wire.place
    monkeypatch.setattr(
        wire, "place", lambda reply: place(reply.replace(b"$JS.ACK.", b"$JS.ACK.v3.new.more.", 1))
    )
    with pytest.raises(Failure) as refused:
        await startable.check_broker(address(newer))
    assert refused.value.exit_code is ExitCode.CHECK_FAILED
    assert "in a form that nothing here knows" in refused.value.message
