"""Doors are scripted here, so that no test has a socket, and none needs to wait."""

from tests.support.unhurried import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
