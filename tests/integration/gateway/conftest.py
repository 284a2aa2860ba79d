"""One whole system for all tests of this folder: starting it takes a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.integration.gateway.stack import Stack
from tests.support.staying import Staying

_STACK: Final = Staying[Stack](Path(__file__).parent)


@pytest.fixture(scope="session")
def _staying() -> Iterator[None]:
    yield
    _STACK.end()


@pytest.fixture(scope="module")
def stack(_staying: None, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return _STACK.held(lambda: _running(tmp_path_factory.mktemp("stack")))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Let nothing run for tests that this worker has left behind."""
    _STACK.after(nextitem)


@contextmanager
def _running(folder: Path) -> Iterator[Stack]:
    found = Stack(
        folder,
        rate_per_subject=100_000.0,
        burst_per_subject=100_000,
        rate_per_address=100_000.0,
        burst_per_address=100_000,
        refusals_per_address=100_000.0,
        cors_origins="https://console.example",
    )
    found.start()
    try:
        yield found
    finally:
        found.stop()
