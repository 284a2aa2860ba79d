"""The whole stack once for all tests of this folder; each uses Organizations of its own."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.client.stack import Stack, running
from tests.support.broker import SharedBroker


@pytest.fixture(scope="session")
def stack(shared_broker: SharedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(shared_broker.account(), Path(tmp_path_factory.mktemp("stack"))) as found:
        yield found


_NUMBERS = itertools.count(1)


@pytest.fixture
def fresh() -> Callable[[], str]:
    """Return slugs that no test has used."""
    return lambda: f"org{next(_NUMBERS)}x"
