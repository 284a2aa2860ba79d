"""What goes on from month to month: each month keeps what it was entered with."""

from catalyst.billing.domain.renewals import Renewal, Renewals, changed, of_month, tidied
from catalyst.contracts.money_v1 import Money


def omr(minor: int) -> Money:
    return Money(currency="OMR", minor=minor)


def entered(found: Renewals, *months: str, currency: str = "OMR") -> list[int]:
    """Return what each month was entered with."""
    return [of_month(found, month, currency) for month in months]


def test_a_month_keeps_what_it_was_entered_with_however_often_something_changes_in_it() -> None:
    found = changed({}, "blog", "2026-04", omr(6500))
    for minor in (14_000, 9000):
        found = changed(found, "blog", "2026-05", omr(minor))
    assert entered(found, "2026-05", "2026-06") == [6500, 9000]
    found = changed(found, "blog", "2026-05", None)
    assert entered(found, "2026-05", "2026-06") == [6500, 0]


def test_what_changes_leaves_every_other_subscription_as_it_was() -> None:
    both = changed(changed({}, "blog", "2026-04", omr(6500)), "wiki", "2026-04", omr(1500))
    assert entered(both, "2026-04", "2026-05") == [0, 8000]
    assert entered(changed(both, "wiki", "2026-05", None), "2026-05", "2026-06") == [8000, 6500]


def test_what_is_bought_again_in_another_currency_was_nothing_in_that_one_before() -> None:
    found = changed({}, "blog", "2026-04", omr(6500))
    found = changed(found, "blog", "2026-05", Money(currency="USD", minor=1690))
    assert entered(found, "2026-05", "2026-06", currency="USD") == [0, 1690]


def test_the_end_of_what_never_went_on_is_not_kept() -> None:
    known = changed({}, "blog", "2026-04", omr(6500))
    assert changed(known, "old", "2026-05", None) == known


def test_what_ended_is_forgotten_once_no_open_month_was_entered_with_it() -> None:
    def one(minor: int, month: str) -> Renewal:
        return Renewal(currency="OMR", minor=minor, month=month, before=7)

    found = {"runs": one(5, "2026-01"), "before": one(0, "2026-03"), "then": one(0, "2026-04")}
    assert tidied(found, "2026-04").keys() == {"runs", "then"}
    assert tidied(found, "2026-05").keys() == {"runs"}
