"""A process that ends while repositories are read: it waits for no server, and leaves nothing."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.blueprint_controller.test_hostile_git import branch, plain, serving

from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.ports import Place, Unusable

pytestmark = pytest.mark.real
AT_ONCE = 6
"""More than are read at one time: some of them wait for their turn."""


def place(number: int) -> Place:
    return Place("acme", f"s{number}", "git", f"/git/acme/s{number}.git", "main", "")


def left(root: Path) -> list[Path]:
    return list(root.rglob("*"))


@pytest.mark.parametrize("sends", [b"0032", b""], ids=["bytes now and then", "nothing"])
async def test_who_is_waited_for_is_cut_off_and_no_folder_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sends: bytes
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked, over = threading.Semaphore(0), threading.Event()
    tip = plain()[1].id

    def slow() -> Iterator[bytes]:
        asked.release()
        while not over.wait(0.05):
            yield sends

    with serving(lambda: iter([branch(tip) + b"0000"]), slow) as url:
        sources = AllSources(
            directories="",
            git_hosts=(),
            git_url=url.removesuffix("/x.git"),
            token=lambda: "",
        )
        try:
            reading = [
                asyncio.ensure_future(sources.read(place(number), "")) for number in range(AT_ONCE)
            ]
            await asyncio.to_thread(asked.acquire)
            assert len(left(tmp_path)) > 1
            async with asyncio.timeout(20):
                await asyncio.to_thread(sources.close)
                ended, _ = await asyncio.wait(reading)
        finally:
            over.set()
    assert left(tmp_path) == []
    for one in ended:
        assert one.cancelled() or isinstance(one.exception(), Unusable)
