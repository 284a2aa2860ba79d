"""The gate of the starter catalogue: a version that was recorded never holds anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import starters

pytestmark = pytest.mark.guarantee("G21.6")


def test_every_version_is_recorded_and_none_holds_anything_else() -> None:
    recorded, now = starters.released(), starters.current()
    assert starters.refusals(recorded, now) == []
    assert now.items() <= recorded.items()
    assert starters.main(["--check"]) == 0


def test_what_changes_under_its_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = starters.current()
    key = next(iter(now))
    file = tmp_path / "released.json"
    monkeypatch.setattr(starters, "RELEASED", file)
    monkeypatch.setattr("tools.files.ROOT", tmp_path)
    file.write_text("{}")
    assert starters.main(["--check"]) == 1
    assert starters.main([]) == 0
    written = file.read_text()
    assert starters.released() == now

    monkeypatch.setattr(starters, "current", lambda: {**now, key: "sha256:other"})
    for arguments in ([], ["--check"]):
        capsys.readouterr()
        assert starters.main(arguments) == 1
        assert capsys.readouterr().err == f"{key}: its content changed; raise spec.version\n"
        assert file.read_text() == written
    assert starters.main(["--replace", key]) == 0
    assert starters.released()[key] == "sha256:other"


def test_a_version_that_is_gone_stays_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "released.json"
    monkeypatch.setattr(starters, "RELEASED", file)
    monkeypatch.setattr("tools.files.ROOT", tmp_path)
    file.write_text('{"bp-gone@1.0.0": "sha256:gone"}')
    assert starters.main([]) == 0
    assert starters.released() == {**starters.current(), "bp-gone@1.0.0": "sha256:gone"}
