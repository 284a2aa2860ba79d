"""Members as processes: what is wrong with their settings is told before anything is done."""

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc.jwk import OKPKey
from tests.support.broker import Access, own_connection, private
from tests.support.each import each
from tests.support.told import FREE, UNREAD, cases, members, wrong

from catalyst.billing.main import build
from catalyst.billing.settings import Settings
from catalyst.chassis import settings
from catalyst.chassis.errors import Expected
from catalyst.cli.broker import BrokerProcess
from catalyst.contracts.topology import MIN_PAYLOAD_BYTES

pytestmark = pytest.mark.real

HINT = "settings are environment variables; docs/settings.md lists them"

PUBLIC = OKPKey.generate_key("Ed25519").as_dict(private=False)
SLIP = "_".join(("CATALYST", "LOGLEVEL"))
"""Written like this, as whatever stands in a test is taken for a variable that somebody reads."""


def prefix(member: str) -> str:
    return member.upper().replace("-", "_")


def package(member: str) -> str:
    return f"catalyst.{member.replace('-', '_')}"


async def process(member: str, told: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", package(member)),
        env={**os.environ, **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def worked(member: str, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """Run a member until it has started, then end it; returns what it logged until then."""
    running = await process(member, told)
    lines: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        assert running.stderr is not None
        async for raw in running.stderr:
            lines.append(msgspec.json.decode(raw))
            if lines[-1]["message"] == "started":
                break
        running.send_signal(signal.SIGTERM)
        await running.communicate()
    assert running.returncode == 0
    return lines


@pytest.mark.guarantee("G21.7")
@each(cases(), lambda case: getattr(case, "name", case))
def test_each_setting_of_each_member_is_checked_before_anything_else(
    member: str,
    field: msgspec.structs.FieldInfo,
    *,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = importlib.import_module(f"{package(member)}.main").run
    rule = settings.rule(field.type)
    for value in wrong(member, field)[-2:]:
        for start in (prefix(member), "CATALYST"):
            name = f"{start}_{field.name.upper()}"
            with monkeypatch.context() as environ:
                environ.setenv(name, value)
                assert run() == 2, value
            said = capsys.readouterr()
            first, line, *rest = said.err.splitlines()
            assert (said.out, first, rest) == ("", f"{member}: a setting is wrong", [HINT]), value
            assert line.startswith(f"  {name}"), value
            assert f"it must be {rule}" in line or " our own" in line, value


@pytest.mark.guarantee("G21.7")
@each(members())
def test_each_member_tells_all_that_is_wrong(
    member: str, *, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = all_wrong(member)
    with monkeypatch.context() as environ:
        for name, value in told.items():
            environ.setenv(name, value)
        code = importlib.import_module(f"{package(member)}.main").run()
    said = capsys.readouterr()
    check_all_told(member, told, code, said.out, said.err)


@pytest.mark.guarantee("G21.7")
async def test_a_process_tells_all_that_is_wrong_and_ends() -> None:
    told = all_wrong("billing")
    running = await process("billing", told)
    out, err = await running.communicate()
    check_all_told("billing", told, running.returncode, out.decode(), err.decode())


def all_wrong(member: str) -> dict[str, str]:
    """Return a wrong value for each setting of a member that may be wrong by itself."""
    told = {
        f"{prefix(member)}_{field.name.upper()}": wrong(member, field)[-1]
        for one, field in cases()
        if one == member and field.name not in FREE and (member, field.name) not in UNREAD
    }
    del told[f"{prefix(member)}_NATS_PASSWORD"]
    # What two settings say together is looked at once each is right by itself.
    return {**told, f"{prefix(member)}_OTHER_ISSUERS": "x"}


def check_all_told(
    member: str, told: Mapping[str, str], code: int | None, out: str, err: str
) -> None:
    first, *lines, last = err.splitlines()
    assert (code, out) == (2, "")
    assert first == f"{member}: {len(told)} settings are wrong"
    assert last == HINT
    assert sorted(line.split()[0].rstrip(":") for line in lines) == sorted(told)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"BILLING_HTTP_HOST": "192.0.2.1"}, "billing: cannot listen on 192.0.2.1:0"),
        ({"CATALYST_HTTP_HOST": "not.to.be.found.invalid"}, "billing: cannot listen on not.to"),
    ],
)
async def test_where_it_cannot_listen_is_told_before_the_broker_is_asked(
    told: Mapping[str, str], said: str
) -> None:
    running = await process("billing", {**told, "CATALYST_NATS_URL": "nats://127.0.0.1:1"})
    _, err = await running.communicate()
    first, hint = err.decode().splitlines()
    assert (running.returncode, first[: len(said)]) == (2, said)
    assert hint == f"{next(iter(told))} and BILLING_HTTP_PORT say where; port 0 is any free one"


async def test_a_key_that_cannot_be_used_is_told_before_the_broker_is_asked(tmp_path: Path) -> None:
    key = tmp_path / "key.jwk"
    none = "cannot be used: it holds no private key"
    told = {"CATALYST_KEY_FILE": str(key), "CATALYST_NATS_URL": "nats://127.0.0.1:1"}

    def keep(text: str, mode: int) -> None:
        key.write_text(text)
        key.chmod(mode)

    for text, mode, why in (
        ('{"kty":"hunter2"}', 0o644, "can be read by others"),
        ('{"kty":"hunter2"}', 0o600, none),
        (msgspec.json.encode(PUBLIC).decode(), 0o600, none),
    ):
        keep(text, mode)
        with pytest.raises(Expected) as caught:
            async with build(settings.load(Settings, told, "BILLING")):
                pytest.fail("it works without a key")
        assert str(caught.value).startswith(f"the key file {key} {why}")
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    keep('{"kty":"oct","k":["hunter2"]}', 0o600)
    running = await process("billing", told)
    _, err = await running.communicate()
    assert running.returncode == 2
    assert err.decode().startswith(f"billing: the key file {key} {none}")
    assert "broker" not in err.decode()
    assert "hunter2" not in err.decode()


async def test_a_broker_that_cannot_be_used_is_told_without_the_password() -> None:
    told = {"CATALYST_NATS_URL": "nats://somebody:hunter2@127.0.0.1:1"}
    running = await process("billing", told)
    _, err = await running.communicate()
    assert running.returncode == 2
    assert "the broker at nats://127.0.0.1:1 cannot be used" in err.decode()
    assert "hunter2" not in err.decode()


@pytest.mark.guarantee("G21.8")
async def test_a_slip_is_told_in_the_log_and_does_not_keep_a_member_from_its_work(
    access: Access,
) -> None:
    told = {
        "CATALYST_NATS_URL": access.url,
        "CATALYST_NATS_USER": access.user,
        "CATALYST_NATS_PASSWORD": access.password,
        "CATALYST_URL": "http://somewhere",
        "BILLING_NATS_REPLICA": "3",
        SLIP: "debug",
    }
    lines = await worked("billing", told)
    assert [line["message"] for line in lines if line["level"] == "warning"] == [
        "BILLING_NATS_REPLICA is no setting; the nearest is BILLING_NATS_REPLICAS",
        f"{SLIP} is no setting; the nearest is CATALYST_LOG_LEVEL",
    ]


async def at_broker(server: BrokerProcess) -> Mapping[str, str]:
    await server.start()
    return {
        "CATALYST_NATS_URL": server.url,
        "CATALYST_NATS_USER": "own",
        "CATALYST_NATS_PASSWORD": "own",
    }


@pytest.mark.guarantee("G7.25")
async def test_no_member_works_on_a_broker_that_takes_too_little(tmp_path: Path) -> None:
    server = private(tmp_path / "less", max_payload=MIN_PAYLOAD_BYTES - 1)
    told = await at_broker(server)
    try:
        why = f"the broker at {server.url} takes messages of at most 524287 bytes, and 524288 are"
        hint = "set its `max_payload` to 524288 or more; where nothing sets it, it is 1 MiB"
        for member, kind in members().items():
            start = importlib.import_module(f"{package(member)}.main").build
            with pytest.raises(Expected) as caught:
                async with asyncio.timeout(60), start(settings.load(kind, told, prefix(member))):
                    pytest.fail(f"{member} works there")
            assert (str(caught.value), caught.value.hint) == (f"{why} needed", hint)
        # The one that no stack of processes starts.
        running = await process("simulator", told)
        try:
            async with asyncio.timeout(60):
                out, err = await running.communicate()
        finally:
            if running.returncode is None:
                running.kill()
        assert (running.returncode, out) == (2, b""), err
        assert err.decode().splitlines() == [f"simulator: {why} needed", hint]
        async with own_connection(server) as js:
            assert (await js.api("STREAM.NAMES", {}))["total"] == 0
    finally:
        await server.stop()


@pytest.mark.guarantee("G7.25")
async def test_a_member_works_on_a_broker_that_takes_just_enough(tmp_path: Path) -> None:
    server = private(tmp_path / "enough", max_payload=MIN_PAYLOAD_BYTES)
    told = await at_broker(server)
    try:
        lines = await worked("billing", told)
    finally:
        await server.stop()
    assert [line["message"] for line in lines if line["level"] != "info"] == []
