"""Which of the uses that wait are looked at next: a bounded part, and what came before of it."""

import pytest
from tests.support.usage import NOON, use

from catalyst.billing.domain import usage, waiting
from catalyst.billing.domain.usage import Usage, Waiting
from catalyst.contracts.usage_v1 import Use

pytestmark = pytest.mark.guarantee("G12.22")


def listed(*uses: Use, looked: Use | None = None) -> Usage:
    """Return a month in which these uses wait, looked at up to one of them."""
    kept = {
        usage.told(one): Waiting(use=one, code="subscription-not-found", since=NOON) for one in uses
    }
    return Usage(waiting=kept, looked="" if looked is None else usage.told(looked))


def keys(*uses: Use) -> tuple[str, ...]:
    return tuple(usage.told(one) for one in uses)


@pytest.fixture(autouse=True)
def _four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PART", 4)


def test_so_many_are_looked_at_and_then_those_behind_them() -> None:
    uses = [use(f"u-{number}") for number in range(9)]
    for start, end in ((0, 4), (4, 8), (8, 9)):
        state = listed(*uses, looked=uses[start - 1] if start else None)
        found = waiting.next_part(state)
        assert found.keys == keys(*uses[start:end])
        assert found.uses == tuple(uses[start:end])
        assert found.last == (end == 9)


def test_what_was_listed_earlier_under_their_names_is_looked_at_with_them() -> None:
    first, other = use("u-1", 1), use("u-2", 1)
    again, later = use("u-1", 2), use("u-1", 3)
    found = waiting.next_part(listed(first, other, again, later, looked=other))
    assert found.uses == (first, again, later)
    assert found.keys == keys(again, later)
    assert found.last


def test_where_there_is_much_of_that_fewer_names_are_looked_at() -> None:
    said = [use("u-1", number) for number in range(12)]
    behind = [use("u-2", 1), use("u-1", 100), use("u-3", 1), use("u-4", 1)]
    state = listed(*said, *behind, looked=said[-1])
    found = waiting.next_part(state)
    assert (found.uses, found.keys, found.last) == ((behind[0],), keys(behind[0]), False)
    # One name is looked at, however much is listed under it: else nothing behind it ever would be.
    found = waiting.next_part(listed(*said, *behind, looked=behind[0]))
    assert (found.uses, found.keys) == ((*said, behind[1]), keys(behind[1]))
    found = waiting.next_part(listed(*said[:6], *behind, looked=said[5]))
    assert (found.uses, found.keys) == ((*said[:6], *behind[:2]), keys(*behind[:2]))
    found = waiting.next_part(listed(*said[:6], behind[1], behind[0], looked=said[5]))
    assert (found.uses, found.last) == ((*said[:6], behind[1], behind[0]), True)
