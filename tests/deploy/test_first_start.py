"""Keys, passwords and the broker's configuration, as the first start makes them."""

import asyncio
import importlib.util
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.deploy.asking import UNSIGNED
from tests.deploy.members import DEPLOY, ON_REQUEST, deployables, variables
from tests.support.waiting import until

from catalyst.chassis import clock, keyring
from catalyst.chassis.errors import Expected
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Denied, NotFound, Outgoing
from catalyst.chassis.tokens import trusted
from catalyst.cli.broker import BrokerSettings, configuration, server_binary

MEMBERS = deployables()


def load() -> ModuleType:
    """The program of the images, which is no part of any package."""
    spec = importlib.util.spec_from_file_location("first_start", DEPLOY / "image/first_start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


first_start = load()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_each_member_gets_what_its_settings_ask_for_and_no_more(tmp_path: Path) -> None:
    assert first_start.main(["--folder", str(tmp_path), "prepare"]) == 0

    assert set(first_start.BROKER_USERS) == set(MEMBERS)
    for member in MEMBERS:
        given = {path.name for path in (tmp_path / "members" / member).iterdir()}
        keys = set() if member in UNSIGNED else {"signing-key.jwk", "jwks.json"}
        assert given == {"broker-password"} | keys
        assert {"CATALYST_NATS_PASSWORD_FILE", "CATALYST_KEY_FILE", "CATALYST_JWKS"} <= variables(
            member
        )


def test_nobody_else_can_read_a_secret(tmp_path: Path) -> None:
    first_start.main(["--folder", str(tmp_path), "prepare"])

    for path in tmp_path.rglob("*"):
        public = path.name in {"jwks.json", ".lock"} and path.parent.name == "keys"
        assert public or path.stat().st_mode & 0o077 == 0, path


def test_a_later_start_finds_everything_as_it_was(tmp_path: Path) -> None:
    first_start.main(["--folder", str(tmp_path), "prepare"])
    before = files(tmp_path)
    first_start.main(["--folder", str(tmp_path), "prepare"])

    assert files(tmp_path) == before


def test_what_got_lost_is_made_again_from_what_is_there(tmp_path: Path) -> None:
    first_start.main(["--folder", str(tmp_path), "prepare"])
    before = files(tmp_path)
    shutil.rmtree(tmp_path / "members")
    shutil.rmtree(tmp_path / "broker")
    first_start.main(["--folder", str(tmp_path), "prepare"])

    assert files(tmp_path) == before


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    for name in ("one", "two"):
        first_start.main(["--folder", str(tmp_path / name), "prepare"])
    one, two = files(tmp_path / "one"), files(tmp_path / "two")

    assert one.keys() == two.keys()
    assert {name for name in one if one[name] == two[name]} == {"installation/keys/.lock"}


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert first_start.main(["--folder", str(tmp_path / "file"), "prepare"]) == 1
    assert "first-start: error:" in capsys.readouterr().err


async def test_access_is_the_document_that_the_cli_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first_start.main(["--folder", str(tmp_path), "prepare"])
    capsys.readouterr()
    asked = ["--http=http://h:1", "--nats=nats://n:2", "--email=ada@acme.example"]
    first_start.main(["--folder", str(tmp_path), "access", *asked, "--role=security-officer"])
    document = json.loads(capsys.readouterr().out)

    known = json.loads((tmp_path / "installation/passwords.json").read_text("utf-8"))
    assert document.keys() == {"http", "nats", "operator"}
    assert (document["http"], document["nats"]) == ("http://h:1", "nats://n:2")
    assert document["operator"]["user"] == "operator"
    assert document["operator"]["password"] == known["operator"]
    # Any member believes the token, by the public keys that it was given.
    verifier = trusted(
        str(tmp_path / "members/gateway/jwks.json"), own_issuer="catalyst", others=""
    )
    claims = await verifier.verify(document["operator"]["token"], at=clock.now())
    assert claims.verified_email == "ada@acme.example"
    assert claims.roles == {"security-officer"}
    assert claims.exp - clock.now() > timedelta(hours=11)

    # Whoever runs the stack may do what whoever runs `catalyst up` may.
    first_start.main(["--folder", str(tmp_path), "access"])
    document = json.loads(capsys.readouterr().out)
    claims = await verifier.verify(document["operator"]["token"], at=clock.now())
    assert claims.roles == {"sovereign-admin", "billing-admin"}


def test_an_unknown_role_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first_start.main(["--folder", str(tmp_path), "prepare"])

    assert first_start.main(["--folder", str(tmp_path), "access", "--role=root"]) == 1
    assert "platform roles" in capsys.readouterr().err


def test_the_broker_has_the_limits_of_the_embedded_one(tmp_path: Path) -> None:
    known = dict.fromkeys([*first_start.BROKER_USERS.values(), "operator"], "p")
    ours: dict[str, Any] = first_start.broker_configuration(known)
    embedded = configuration(BrokerSettings(directory=tmp_path, accounts=[]), "name", 0)

    assert ours["max_payload"] == embedded["max_payload"]
    assert ours["feature_flags"] == embedded["feature_flags"]
    for key in ("max_file_store", "sync_interval", "limits"):
        assert ours["jetstream"][key] == embedded["jetstream"][key]


async def test_the_real_broker_takes_the_configuration_and_knows_its_users(tmp_path: Path) -> None:
    first_start.main(["--folder", str(tmp_path), "prepare"])
    path = tmp_path / "broker/nats.conf"
    text = path.read_text("utf-8")
    for inside, here in (
        (first_start.BROKER_DATA, str(tmp_path / "streams")),
        ('"port": 4222', '"port": -1'),
        ('"host": "0.0.0.0"', '"host": "127.0.0.1"'),
        ('"http": "127.0.0.1:8222"', f'"ports_file_dir": "{tmp_path}"'),
    ):
        assert inside in text
        text = text.replace(inside, here)
    path.write_text(text, encoding="utf-8")
    broker = await asyncio.create_subprocess_exec(
        server_binary(), "-c", path, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        ports = tmp_path / f"nats-server_{broker.pid}.ports"
        await until(lambda: ports.exists() and ports.stat().st_size > 0)
        url = json.loads(ports.read_text("utf-8"))["nats"][0]
        for member, user in first_start.BROKER_USERS.items():
            password = (tmp_path / "members" / member / "broker-password").read_text("utf-8")
            async with connect(url, name=member, user=user, password=password) as js:
                if member in ON_REQUEST:
                    with pytest.raises(NotFound):
                        await js.api("CONSUMER.INFO.FACTS.nobody", None)
                    with pytest.raises(Denied):
                        await js.publish(Outgoing("cmd.acme.billing.account.acme.x.v1", b""))
                else:
                    assert (await js.api("INFO", None))["api"]["level"] >= 5
        with pytest.raises(BrokerError):
            async with connect(url, name="gateway", user="gateway", password="guessed"):
                pass
    finally:
        broker.terminate()
        await broker.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_in_a_mounted_secret_may_be_read_by_the_pods_group(tmp_path: Path) -> None:
    first_start.main(["--folder", str(tmp_path), "prepare"])
    path = tmp_path / "members/gateway/signing-key.jwk"
    os.chown(path, 10002, -1)
    path.chmod(0o440)
    assert keyring.load(path).kid is not None

    for mode in (0o444, 0o460):
        path.chmod(mode)
        with pytest.raises(Expected, match="can be read by others"):
            keyring.load(path)
