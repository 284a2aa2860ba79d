"""What all stacks of this folder have in common."""

from collections.abc import Iterator

import pytest

STARTER = "BLUEPRINT_CONTROLLER_STARTER"


@pytest.fixture(scope="module", autouse=True)
def _without_starter() -> Iterator[None]:
    """Register no starter catalogue: few here ask for it, and it is half of what a start does.

    Who does takes `with_starter`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STARTER, "false")
        yield


@pytest.fixture(scope="module")
def with_starter() -> Iterator[None]:
    """Register it in the stacks of a file: as processes, and where its contents are kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(STARTER)
        yield
