"""Use that is taken back: each invoice bears what it can, and the rest waits for one that does."""

from datetime import datetime, timedelta

import pytest
from tests.support.usage import started, use
from tests.support.year import BEGIN, Log, lines

from catalyst.contracts import billing_v1 as bill1

HOUR = timedelta(hours=1)


@pytest.fixture
def log() -> Log:
    """A log in which the blog runs, late in January."""
    found = Log()
    found.order()
    found.now = BEGIN + timedelta(days=23)
    return found


def disk(log: Log, quantity: int, time: datetime) -> None:
    """Report how large a disk is at a time."""
    log.use(use(f"u-{len(log.events)}", quantity, meter="disk", time=time))


def adjusted(content: bill1.InvoiceContent) -> list[tuple[str, int]]:
    """Return what an invoice adds of months before, or takes back."""
    return [(one.period, one.amount.minor) for one in content.lines if one.kind == "adjustment"]


def test_no_more_is_taken_back_than_what_goes_on_and_use_bear_together(log: Log) -> None:
    times = []
    for _ in range(2):
        times.append(log.now)
        disk(log, 16_000, log.now)
        log.close()
    for time in times:
        disk(log, 0, time + HOUR)
    # 6.500 go on in March, and 3.000 were used: 8.000 are borne, and not twice as much.
    log.use(use("t-3", 6000, time=log.now))
    log.close()
    assert adjusted(log.invoices[2]) == [("2026-01", -8000)]
    # Without use, April cannot bear the rest, and May can.
    log.close()
    assert adjusted(log.invoices[3]) == []
    log.use(use("t-5", 3000, time=log.now))
    log.close()
    assert adjusted(log.invoices[4]) == [("2026-02", -8000)]
    assert [one.amounts[0].open.minor for one in log.invoices[2:]] == [1500, 6500, 0]


def test_what_was_paid_when_it_was_ordered_bears_nothing(log: Log) -> None:
    time = log.now
    disk(log, 200, time)
    log.close()
    disk(log, 0, time + HOUR)
    log.end("2026-01")
    log.write(*started("2026-02", hold="c-2"))  # type: ignore[misc]
    log.know("2026-02", "c-2")
    log.close()
    assert [kind for kind, *_ in lines(log.invoices[1])] == ["ordered", "ordered"]
    log.close()
    assert adjusted(log.invoices[2]) == [("2026-01", -100)]
