"""What `catalyst doctor` says of uses: what stays in their stream, why, and what to do."""

from typing import Any

import pytest

from catalyst.cli.findings import Finding, Health
from catalyst.cli.usecheck import MANY, QUIET_SECONDS, WARN_WAITING, judged

pytestmark = pytest.mark.guarantee("G7.4")
LIMIT = 1000
LONG = QUIET_SECONDS + 1


def of(
    *,
    counted: int = 0,
    waiting: int = 0,
    used: int = 0,
    quiet: float | None = 0.0,
    works: bool = True,
    retention: str = "limits",
    embedded: bool = False,
) -> Finding:
    first, total = 100, counted + waiting
    state = {"messages": total, "first_seq": first, "bytes": used}
    floor: dict[str, Any] = {"stream_seq": first - 1 + counted}
    if quiet is not None:
        floor["last_active"] = f"2026-01-01T12:00:{59 - quiet:06.3f}Z"
    reader = {
        "ts": "2026-01-01T12:00:59.000Z",
        "ack_floor": floor,
        "num_pending": waiting,
        "num_ack_pending": 0,
        "num_waiting": int(works),
    }
    stream = {"state": state, "config": {"max_bytes": LIMIT, "retention": retention}}
    return judged(stream, reader, embedded=embedded)


@pytest.mark.parametrize(
    "found",
    [
        of(),
        of(works=False),
        of(waiting=WARN_WAITING - 1),
        of(counted=MANY - 1, quiet=QUIET_SECONDS - 1),
        of(used=LIMIT * 8 // 10 - 1),
    ],
)
def test_what_was_counted_just_now_goes_in_a_moment(found: Finding) -> None:
    assert (found.health, found.fix) == (Health.OK, "")
    assert found.detail.startswith("USE: ")


@pytest.mark.parametrize(
    "found", [of(counted=3, quiet=LONG), of(counted=3, quiet=None), of(counted=MANY)]
)
def test_what_is_counted_and_stays_is_told_with_the_permission_that_is_missing(
    found: Finding,
) -> None:
    assert found.health is Health.WARN
    assert "the broker does not let billing take them out" in found.detail
    assert "billing publish to `$JS.API.STREAM.PURGE.USE`" in found.fix
    seq = 100 + int(found.detail.split()[1])
    assert f"`nats stream purge USE --seq {seq} --force`" in found.fix


def test_a_stream_that_fills_up_for_good_is_a_fault() -> None:
    full = LIMIT * 8 // 10
    assert of(counted=3, quiet=LONG, used=full).health is Health.FAIL
    nobody = of(waiting=3, used=full, works=False)
    assert (nobody.health, "no worker of billing runs" in nobody.detail) == (Health.FAIL, True)
    behind = of(waiting=3, used=full)
    assert (behind.health, "billing is behind" in behind.detail) == (Health.WARN, True)


def test_many_that_wait_are_told_with_whether_anybody_counts() -> None:
    behind, nobody = of(waiting=WARN_WAITING), of(waiting=WARN_WAITING, works=False)
    assert (behind.health, nobody.health) == (Health.WARN, Health.WARN)
    assert f"{WARN_WAITING} waiting; 0.0 MiB of 0.0 MiB used; billing is behind" in behind.detail
    assert "no worker of billing runs" in nobody.detail
    assert nobody.fix.startswith("start the worker of billing")
    stays = of(counted=3, quiet=LONG, works=False)
    assert "no worker of billing runs" in stays.detail


def test_a_queue_of_an_earlier_version_is_told_with_what_a_person_can_do() -> None:
    ours, other = (of(retention="workqueue", embedded=embedded) for embedded in (True, False))
    assert (ours.health, other.health) == (Health.WARN, Health.WARN)
    assert "the workqueue of an earlier version" in ours.detail
    assert "`catalyst up`" in ours.fix
    assert "`nats stream rm USE --force`" in other.fix
    # What stays or waits is more urgent.
    assert "is behind" in of(retention="workqueue", waiting=WARN_WAITING).detail
