"""What says how far the making anew of a stream came has to be there after the power went."""

import os
from pathlib import Path

import pytest

from catalyst.cli.remaking import Note

pytestmark = pytest.mark.guarantee("G1.15")


def test_what_is_noted_is_on_the_disk_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sync = tmp_path / "note.json", os.fsync
    synced: list[tuple[int, bool]] = []

    def seen(descriptor: int) -> None:
        sync(descriptor)
        synced.append((os.fstat(descriptor).st_ino, path.exists()))

    monkeypatch.setattr(os, "fsync", seen)
    Note(path).write(7)
    # The text first, then the name under which it is found.
    assert synced == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]
    assert Note(path).first() == 7
