"""What the tests of a folder share, and what ends once its worker goes on to another folder.

Folders are no packages here, so no scope of a fixture is theirs. A stack that nobody asks for any
more takes a thirtieth of a processor up to the end of the run, in each worker.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Generic, TypeVar

import pytest

T = TypeVar("T")


class Staying(Generic[T]):
    """One thing, made for the first test that asks for it, and again if one does later."""

    def __init__(self, folder: Path) -> None:
        """Let it stay while tests of this folder follow one another."""
        self._folder = folder
        self._parts = ExitStack()
        self._found: T | None = None

    def held(self, make: Callable[[], AbstractContextManager[T]]) -> T:
        """Return what is there, or make it."""
        if self._found is None:
            self._found = self._parts.enter_context(make())
        return self._found

    def after(self, following: pytest.Item | None) -> None:
        """End it, unless the test that follows is one of the folder."""
        if following is None or self._folder not in following.path.parents:
            self.end()

    def end(self) -> None:
        """End it, if it is there."""
        self._found = None
        self._parts.close()
