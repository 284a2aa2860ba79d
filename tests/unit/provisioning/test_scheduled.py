"""What runs from time to time: a run that failed is told, and keeps nobody from anything."""

from typing import Any

import pytest
from tests.support.each import each
from tests.unit.provisioning.test_health import WELL, owned, says

from catalyst.provisioning.domain import seen

pytestmark = pytest.mark.guarantee("G13.19")

NIGHT, MORNING = "2026-03-02T02:00:00Z", "2026-03-02T02:10:00Z"
FAILED: seen.Status = ("healthy", "LastRunFailed", f"its run of {NIGHT} failed")


@each([
        ({}, WELL),
        ({"lastScheduleTime": NIGHT, "lastSuccessfulTime": MORNING}, WELL),
        ({"lastScheduleTime": NIGHT, "lastSuccessfulTime": NIGHT}, WELL),
        # Nobody knows yet how it ends.
        ({"lastScheduleTime": NIGHT, "active": [{"name": "backup-1"}]}, WELL),
        ({"lastScheduleTime": NIGHT}, FAILED),
        ({"lastScheduleTime": NIGHT, "lastSuccessfulTime": "2026-03-01T02:10:00Z"}, FAILED),
        ({"lastScheduleTime": "soon"}, WELL),
        ({"lastScheduleTime": NIGHT, "lastSuccessfulTime": "soon"}, FAILED),
    ])  # fmt: skip
def test_a_schedule_says_whether_its_last_run_failed_and_is_well(
    status: dict[str, Any], wanted: seen.Status
) -> None:
    assert seen.health({"kind": "CronJob", "metadata": {}, "status": status}) == wanted


@each([says("Failed", "True", "BackoffLimitExceeded"), {"active": 1}, says("Complete", "True")])
def test_of_a_run_its_schedule_tells(status: dict[str, Any]) -> None:
    run = {"kind": "Job", "metadata": owned("CronJob"), "status": status}
    assert seen.health(run) == WELL
    # One that nothing repeats has to end well.
    once = seen.health({**run, "metadata": {}})
    assert (once == WELL) is (status == says("Complete", "True"))
