"""What all stacks of this folder have in common."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _without_starter() -> Iterator[None]:
    """Register no starter catalogue: nobody here asks for it, and it is half of what a start does.

    That it comes with a stack, those say who use it: `tests/browser`, `tests/docs`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLUEPRINT_CONTROLLER_STARTER", "false")
        yield
