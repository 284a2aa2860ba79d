"""Whether a bucket may be gone on with: the log is the one that its rows were made from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
import pytest
from tests.support.each import each

from catalyst.projector.attach import Unfit, verify
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.ports import Log, LogState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THERE = Checkpoint(seq=12, event_seq=11, event_time=NOON, epoch="e", log="l", fold=1)


class Paper:
    """A log of messages up to 12, each of noon."""

    async def state(self) -> LogState:
        return LogState(name="l", first_seq=1, last_seq=12, now=NOON)

    async def time_of(self, seq: int) -> datetime | None:
        return NOON if seq <= 12 else None


PAPER = cast("Log", Paper())


@each(
    [
        ({}, ""),
        ({"to": 12}, ""),
        ({"seq": 0, "event_seq": 0, "event_time": None}, ""),
        ({"log": "m"}, "log-changed"),
        ({"seq": 13}, "log-shorter"),
        # The rest of a decision that was being written is gone: it would be waited for without end.
        ({"to": 13}, "log-shorter"),
        ({"event_time": NOON + timedelta(seconds=1)}, "event-differs"),
        ({"event_time": None}, "event-differs"),
    ]
)
async def test_rows_are_gone_on_with_where_the_log_still_has_what_they_are_made_of(
    changes: dict[str, object], reason: str
) -> None:
    checkpoint = msgspec.structs.replace(THERE, **changes)
    if not reason:
        assert (await verify(PAPER, checkpoint, None)).last_seq == 12
        return
    with pytest.raises(Unfit) as unfit:
        await verify(PAPER, checkpoint, None)
    assert (unfit.value.reason, unfit.value.of_other_events) == (reason, True)


@each(["no-bucket", "bucket-unreadable", "fold-changed"])
def test_rows_that_are_unfit_for_another_reason_are_of_the_same_events(reason: str) -> None:
    unfit = Unfit(reason, None)
    assert not unfit.of_other_events
    assert unfit.comparable == (reason == "fold-changed")
