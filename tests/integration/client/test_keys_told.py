"""Keys that are of no use are told by the doctor, with what is wrong and what to do."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.client.command import Ran, command
from tests.integration.client.stack import running
from tests.support.broker import SharedBroker

from catalyst.chassis.jwks import FileKeys
from catalyst.chassis.keyring import KeyRing
from catalyst.cli.doorcheck import KEYS_FIX

pytestmark = pytest.mark.real
OTHER = "https://idp.example"


def until(catalyst: Callable[..., Ran], text: str) -> tuple[int, dict[str, Any]]:
    """Ask the doctor until it says so of how ready the stack is; the time limit ends it."""
    while True:
        ran = catalyst("doctor", "-o", "json")
        (found,) = (one for one in ran.json if one["check"] == "ready")
        if text in found["detail"]:
            return ran.code, found


def test_the_doctor_says_what_is_wrong_with_the_keys_of_an_issuer(
    shared_broker: SharedBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(FileKeys, "max_age_seconds", 0.1)
    keys = tmp_path / "idp.json"
    good = KeyRing.open(tmp_path / "idp").jwks_path.read_bytes()
    keys.write_bytes(good)
    door = {"other_issuers": f"{OTHER}={keys}"}
    with running(shared_broker.account(), tmp_path / "stack", door=door) as stack:
        catalyst = command(stack, capsys)
        keys.write_text("{half")
        code, found = until(catalyst, f"those of {OTHER} are from before: it is no JSON")
        assert (code, found["health"], found["fix"]) == (0, "warn", KEYS_FIX)
        told = [(vars(one).get("place"), vars(one).get("reason")) for one in caplog.records]
        assert (str(keys), "it is no JSON") in told
        keys.write_text('{"keys": []}')
        code, found = until(catalyst, f"keys: no keys of {OTHER}: it holds no key")
        assert (code, found["health"], found["fix"]) == (8, "fail", KEYS_FIX)
        keys.write_bytes(good)
        code, _ = until(catalyst, "what is published is delivered")
        assert code == 0
