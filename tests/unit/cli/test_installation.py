"""What an installation keeps in its directory: for its owner alone, from start to start."""

import json
from pathlib import Path

import pytest
from tests.support.each import each

from catalyst.cli.contexts import ENDPOINTS, VARIABLES, was_simulated
from catalyst.cli.installation import HTTP_PORT, MEMBERS, Installation, http_port
from catalyst.cli.listening import listen
from catalyst.contracts.permissions import OPERATOR


def test_what_is_kept_is_its_owner_s_alone(tmp_path: Path) -> None:
    kept = Installation(tmp_path / "data")
    kept.remember_http_port(8080)
    kept.write_endpoints("http://127.0.0.1:1", "nats://127.0.0.1:2", {}, ours=True)
    assert kept.data.stat().st_mode & 0o077 == 0
    files = [path for path in kept.data.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"broker.json", ENDPOINTS, HTTP_PORT}
    assert {path.name for path in files if path.stat().st_mode & 0o077} == set()


def test_passwords_stay_and_who_comes_new_gets_one(tmp_path: Path) -> None:
    first = dict(Installation(tmp_path).passwords)
    assert len(set(first.values())) == len(first) > len(MEMBERS)
    assert Installation(tmp_path).passwords == first
    known = {name: text for name, text in first.items() if name != "gateway"}
    (tmp_path / "broker.json").write_text(json.dumps(known), "utf-8")
    again = dict(Installation(tmp_path).passwords)
    assert again.pop("gateway") not in first.values()
    assert again == known
    assert Installation(tmp_path).passwords["gateway"] not in known.values()


@each([True, False])
def test_where_the_broker_s_permissions_are_not_ours_tokens_are_required(
    ours: bool,  # noqa: FBT001 - drawn from the table
    *,
    tmp_path: Path,
) -> None:
    kept = Installation(tmp_path)
    told = kept.settings("billing", "nats://127.0.0.1:2", ours=ours)
    assert told["require_tokens"] is not ours
    assert ("nats_password" in told) is ours
    context = kept.write_endpoints("http://127.0.0.1:1", "nats://127.0.0.1:2", {}, ours=ours)
    assert context.operator.password == (kept.passwords[OPERATOR] if ours else "")


def test_only_a_cluster_that_was_simulated_can_be_left_out(tmp_path: Path) -> None:
    kept = Installation(tmp_path)
    kept.leave_simulated_out()
    assert not was_simulated(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broker.json", "keys"]


def test_a_variable_that_is_empty_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("catalyst.cli.installation.TOLD", ("A_B", "C_D"))
    Installation(tmp_path).remember_variables({"A_B": "", "C_D": "1", "E_F": "2"})
    assert json.loads((tmp_path / VARIABLES).read_text("utf-8")) == {"C_D": "1"}


@each(["", "port", "-1", "0", "65536", "70000000000"])
def test_a_port_that_cannot_be_is_none(text: str, *, tmp_path: Path) -> None:
    kept = Installation(tmp_path)
    for name in (HTTP_PORT, "broker.port"):
        (tmp_path / name).write_text(text, "utf-8")
    assert http_port(tmp_path) == kept.broker_port() == 0
    told: list[str] = []
    with listen(kept, "127.0.0.1", 0, told.append) as bound:
        assert http_port(tmp_path) == bound.getsockname()[1] > 0
    assert told == []
