"""What is said of timers that are due and did not fire."""

from datetime import UTC, datetime

import pytest
from tests.support.each import each

from catalyst.chassis.jetstream.port import Stored
from catalyst.cli.findings import Health
from catalyst.cli.timercheck import due, judged

pytestmark = pytest.mark.guarantee("G7.26")

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MONTH = "tmr.acme.billing.account.acme.month"
DEADLINE = "tmr.acme.provisioning.change.ch-1.deadline"


def armed(subject: str, at: str) -> Stored:
    """Return a timer as it stands in the log."""
    headers = {"Nats-Schedule": at} if at else {}
    return Stored(stream="EV", subject=subject, seq=1, time=NOW, data=b"", headers=headers)


@each([
        ([], "0 armed, none is overdue"),
        ([armed(MONTH, "@at 2026-04-02T00:00:00Z")], "1 armed, none is overdue"),
        ([armed(MONTH, "@at 2026-03-02T11:59:00Z")], "1 armed, none is overdue"),
        # One that was armed anew counts as it stands now.
        ([armed(MONTH, "@at 2026-03-01T00:00:00Z"), armed(MONTH, "@at 2026-04-02T00:00:00Z")],
         "1 armed, none is overdue"),
        # What is no timer of ours says nothing.
        ([armed(MONTH, ""), armed(DEADLINE, "@every 1s")], "2 armed, none is overdue"),
        ([armed(MONTH, "@at soon")], "1 armed, none is overdue"),
    ])  # fmt: skip
def test_what_is_not_due_yet_or_only_just_is_well(timers: list[Stored], told: str) -> None:
    found = judged(due(timers), NOW)
    assert (found.check, found.health, found.detail) == ("timers", Health.OK, told)


def test_what_is_due_and_did_not_fire_is_told_with_the_first_and_what_it_means() -> None:
    late = [
        armed(DEADLINE, "@at 2026-03-02T11:58:59Z"),
        armed(MONTH, "@at 2026-03-02T00:00:00.123456Z"),
        armed("tmr.acme.billing.account.acme.lapse", "@at 2026-03-05T00:00:00Z"),
    ]
    found = judged(due(late), NOW)
    assert found.health is Health.FAIL
    assert found.detail == f"2 of 3 are overdue, the first since 2026-03-02 00:00 UTC: {MONTH}"
    assert found.fix.startswith("no month is closed, no deadline passes")


def test_where_not_all_were_looked_at_that_is_said_and_what_is_late_all_the_same() -> None:
    seen = [armed(MONTH, "@at 2026-04-02T00:00:00Z")]
    found = judged(due(seen), NOW, whole=False)
    assert found.health is Health.SKIPPED
    told = "none of the 1 that were looked at is overdue; there are more than a glance takes in"
    assert found.detail == told
    late = judged(due([*seen, armed(DEADLINE, "@at 2026-03-02T11:00:00Z")]), NOW, whole=False)
    assert late.health is Health.FAIL
    assert late.detail.startswith("1 of the 2 that were looked at are overdue, the first since ")
