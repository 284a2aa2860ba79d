"""Members are loaded while the broker starts, and no further once it is refused."""

import asyncio
import importlib
import threading
from types import ModuleType

import pytest

from catalyst.cli.processes import MODULES, loading


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is loaded, of which nothing is: it is there already."""
    names: list[str] = []

    def load(name: str) -> ModuleType:
        names.append(name)
        return ModuleType(name)

    monkeypatch.setattr(importlib, "import_module", load)
    return names


async def test_every_member_is_loaded_beside_what_goes_well(loaded: list[str]) -> None:
    async with asyncio.TaskGroup() as tasks:
        with loading(tasks):
            pass
    assert {f"{name}.main" for name in MODULES.values()} <= set(loaded)


async def test_no_more_is_loaded_once_the_start_is_refused(
    loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, refused = threading.Event(), threading.Event()

    def slow(name: str) -> ModuleType:
        loaded.append(name)
        begun.set()
        assert refused.wait(10.0)
        return ModuleType(name)

    monkeypatch.setattr(importlib, "import_module", slow)

    async def start() -> None:
        async with asyncio.TaskGroup() as tasks:
            with loading(tasks):
                assert await asyncio.to_thread(begun.wait, 10.0)
                raise OSError("the disk is full")

    with pytest.RaisesGroup(OSError):
        await start()
    refused.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert len(loaded) == 1
