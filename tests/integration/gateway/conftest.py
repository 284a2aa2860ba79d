"""One whole system for all tests of this folder: starting it takes a second."""

from collections.abc import Iterator

import pytest
from tests.integration.gateway.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    found = Stack(
        tmp_path_factory.mktemp("stack"),
        rate_per_subject=100_000.0,
        burst_per_subject=100_000,
        rate_per_address=100_000.0,
        burst_per_address=100_000,
        refusals_per_address=100_000.0,
        cors_origins="https://console.example",
    )
    found.start()
    yield found
    found.stop()
