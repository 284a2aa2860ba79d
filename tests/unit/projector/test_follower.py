"""What the projector's follower says while what it follows is not there yet."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import pytest

from catalyst.projector import follower
from catalyst.projector.follower import Follower
from catalyst.projector.ports import Doubt, Log, Missing, ReadModel


class Nothing:
    """A read model of which nothing can be had."""

    def __init__(self, error: Exception, turns: int) -> None:
        self._error = error
        self._left = turns
        self.over = asyncio.Event()

    async def current(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.over.set()
        raise self._error


@pytest.mark.parametrize(
    ("error", "turns", "level"),
    [
        (Missing("stream not found"), 3, logging.INFO),
        # 0.05 s, doubled four times, is more than 0.4 s.
        (Missing("stream not found"), 8, logging.WARNING),
        (Doubt("no answer"), 3, logging.WARNING),
    ],
)
async def test_only_what_does_not_pass_by_itself_is_a_warning(
    error: Exception,
    turns: int,
    level: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(follower, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(follower, "LONGEST_PAUSE_SECONDS", 0.01)
    caplog.set_level(logging.INFO, follower.__name__)
    model = Nothing(error, turns)
    task = asyncio.ensure_future(Follower(cast("Log", model), cast("ReadModel", model)).run())
    await model.over.wait()
    task.cancel()
    await asyncio.wait({task})
    assert max(record.levelno for record in caplog.records) == level
