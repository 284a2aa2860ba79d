"""How many rows are looked at for one event: as many, however many parts a whole has."""

from collections import Counter
from typing import Any

import pytest
from tests.support import log as writing
from tests.support.beside import (
    POD,
    disagreeing,
    doc,
    made,
    removed,
    seen,
    silent,
    wanted,
)
from tests.support.each import each
from tests.support.log import On
from tests.support.plans import PROD, apply, planned, town
from tests.unit.projector.test_changes import advance
from tests.unit.projector.test_fold import recorded, values

from catalyst.contracts import environment_v1 as env1
from catalyst.projector.fold import Fold
from catalyst.projector.relating import Held
from catalyst.projector.views.table import VIEWS

FEW, MANY = 10, 150


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count which rows are looked at."""
    found: Counter[str] = Counter()
    now = Held.now

    def counted(held: Held, key: str) -> Any:
        found[key] += 1
        return now(held, key)

    monkeypatch.setattr(Held, "now", counted)
    return found


def named(at: int) -> str:
    return f"app{at:04}"


def running(number: int, source: Any) -> list[On]:
    """Return one Environment with this many Applications, all of which were seen."""
    log = made(PROD)
    for at in range(number):
        log += wanted(named(at))
    return log + [seen(named(at), "healthy", PROD, source) for at in range(number)]


def costs(looks: Counter[str], given: list[On], then: list[On]) -> list[int]:
    """Return how often rows are looked at for each event that comes after others."""
    fold = Fold(VIEWS)
    found = []
    for seq, message in enumerate(recorded(*given, *then)):
        looks.clear()
        fold.apply([message])
        if seq >= len(given):
            found.append(looks.total())
    assert disagreeing(fold) == []
    assert all(row.value.stale is None for row in fold.rows.values())
    return found


@pytest.mark.guarantee("G13.16")
@each(["cluster", "simulator"])
def test_an_event_of_one_application_looks_at_no_more_rows_where_there_are_many(
    source: Any, *, looks: Counter[str]
) -> None:
    then = [
        # It gets worse, is the worst, and is that no more; then another one is, and both are well.
        seen(named(3), "progressing", PROD, source),
        seen(named(3), "degraded", PROD, source, POD),
        seen(named(5), "degraded", PROD, source, POD),
        seen(named(3), "healthy", PROD, source),
        seen(named(5), "healthy", PROD, source),
        *silent(named(4), PROD),
        seen(named(4), "healthy", PROD, source),
        # One comes, is seen and goes.
        *wanted("zoo"),
        seen("zoo", "healthy", PROD, source),
        *removed("zoo", PROD),
    ]
    few = costs(looks, running(FEW, source), then)
    assert costs(looks, running(MANY, source), then) == few
    assert 0 < max(few) < MANY


@pytest.mark.guarantee("G13.16")
@each(["cluster", "simulator"])
def test_what_is_seen_as_it_was_before_lets_nobody_look_at_the_environment(
    source: Any, *, looks: Counter[str]
) -> None:
    fold = Fold(VIEWS)
    again = [seen(named(0), "healthy", PROD, source), seen(named(3), "healthy", PROD, source)]
    messages = recorded(*running(FEW, source), *again)
    for message in messages[: -len(again)]:
        fold.apply([message])
    before = doc(fold, "environment", PROD)
    looks.clear()
    for message in messages[-len(again) :]:
        fold.apply([message])
    assert doc(fold, "environment", PROD) is before
    # They only look who tells of it, and what of it is changed.
    others = [key for key in looks if f".{PROD}." not in key]
    assert sorted(others) == [f"acme._.application._.{named(at)}" for at in (0, 3)]


@pytest.mark.guarantee("G13.16")
def test_an_event_of_one_environment_looks_at_no_more_rows_where_there_are_many(
    looks: Counter[str],
) -> None:
    def places(number: int) -> list[On]:
        names = [f"acme-x{at:04}" for at in range(number)]
        log = made(*names)
        for at, name in enumerate(names):
            log += [*wanted(named(at), name), seen(named(at), "healthy", name)]
        return log

    then = [
        seen(named(at), health, f"acme-x{at:04}")
        for at, health in ((3, "degraded"), (5, "degraded"), (3, "healthy"), (5, "healthy"))
    ]
    then += [
        (writing.organization("acme"), env1.EnvironmentRemoved(slug="acme", environment=name))
        for name in ("acme-x0003", "acme-x0000")
    ]
    few = costs(looks, places(FEW), then)
    assert costs(looks, places(MANY), then) == few
    assert 0 < max(few) < MANY


@pytest.mark.guarantee("G13.16")
def test_who_goes_on_from_stored_rows_looks_at_each_part_once_and_says_the_same(
    looks: Counter[str],
) -> None:
    bad = [seen(named(at), "degraded", PROD, "cluster", POD) for at in (7, 2)]
    well = [seen(named(at), "healthy") for at in (7, 2)]
    messages = recorded(*running(FEW, "cluster"), *bad, *well)
    first = len(messages) - len(well)
    whole, half = Fold(VIEWS), Fold(VIEWS)
    for message in messages[:first]:
        whole.apply([message])
        half.apply([message])
    fold = Fold(VIEWS, values(half))
    for at, message in enumerate(messages[first:]):
        whole.apply([message])
        looks.clear()
        fold.apply([message])
        parts = [key for key in looks if ".application." in key]
        assert len(parts) == (1 if at else FEW)
        assert values(fold) == values(whole)


def progress(looks: Counter[str], waiting: int) -> list[tuple[str, int, int]]:
    """Return of each event of a change that others wait for: how many rows it looks at, changes."""
    place = town()
    apply(place, "ch-1", planned(place))
    for at in range(waiting):
        apply(place, f"later-{at:04}", planned(place, "configure", values={"a": at}))
    begun = len(place.log)
    advance(place, "observe")
    fold, found = Fold(VIEWS), []
    for seq, message in enumerate(recorded(*place.log)):
        looks.clear()
        changed = fold.apply([message])
        if seq >= begun and ".change.ch-1." in message.subject:
            found.append((message.subject, looks.total(), len(changed)))
    assert disagreeing(fold) == []
    return found


@pytest.mark.guarantee("G13.16")
def test_a_step_that_changes_no_row_of_those_that_wait_lets_nobody_look_at_them(
    looks: Counter[str],
) -> None:
    # A chain is followed through twenty rows at most.
    few, many = progress(looks, 25), progress(looks, 50)
    alone = [[one for one in found if one[2] <= 2] for found in (few, many)]
    assert alone[0] == alone[1] != []
