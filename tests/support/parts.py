"""The real programs that some tests need, and that tools/real brings."""

import os
from typing import NoReturn

import pytest


def part(variable: str, script: str) -> str:
    """What a script of tools/real has brought, from the variable that it goes by.

    On a machine without it the test is skipped; in CI it fails.
    """
    found = os.environ.get(variable)
    return found or missing(f"{variable} is not set; tools/real/{script} brings what it names")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI, where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
