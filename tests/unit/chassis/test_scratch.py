"""Folders of a process: gone with it, and nobody else's with them."""

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalyst.chassis.scratch import Scratch


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system keeps such folders, for this test and the processes that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_gone_with_all_that_is_in_it(root: Path) -> None:
    with Scratch("testing") as path:
        assert path.parent == root
        (path / "a" / "b").mkdir(parents=True)
    assert list(root.iterdir()) == []


def test_what_is_no_folder_of_ours_stays(root: Path) -> None:
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    (root / "catalyst-testing-link").symlink_to(elsewhere)
    (root / "catalyst-testing-file").write_text("x")
    with Scratch("testing"):
        pass
    assert {one.name for one in root.iterdir()} == {
        "elsewhere",
        "catalyst-testing-link",
        "catalyst-testing-file",
    }


def test_one_that_the_system_cleared_is_let_go() -> None:
    with Scratch("testing") as path:
        path.rmdir()


def test_of_many_that_begin_at_once_none_loses_its_own(root: Path) -> None:
    together = threading.Barrier(8, timeout=60)

    def begin_and_end() -> None:
        for _ in range(25):
            together.wait()
            with Scratch("testing") as path:
                (path / "mine").write_text("x")
                together.wait()
                assert (path / "mine").exists()

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(begin_and_end) for _ in range(8)]:
            done.result()
    assert list(root.iterdir()) == []
