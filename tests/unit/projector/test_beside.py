"""What rows say of each other: whether there is a cluster, and health, rolled up."""

from datetime import timedelta
from itertools import count
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.beside import (
    POD,
    disagreeing,
    doc,
    made,
    place_of,
    removed,
    seen,
    silent,
    told,
    unlike_alone,
    wanted,
)
from tests.support.each import each
from tests.support.log import START, On
from tests.support.plans import PROD
from tests.unit.projector.test_fold import folded, recorded
from tools import histories

from catalyst.contracts.provisioning_values_v1 import Health, Source
from catalyst.projector.decisions import Assembler
from catalyst.projector.fold import Fold
from catalyst.projector.views.table import VIEWS

DEV = "acme-dev"
ORDER = list(get_args(Health))


# ---- never seen


@pytest.mark.guarantee("G13.12")
def test_nothing_was_seen_for_want_of_a_cluster_until_one_has_told_anything() -> None:
    log = [*made(PROD, DEV), *wanted("blog"), *wanted("shop"), *wanted("shop", DEV)]
    fold = told(log)
    for name in ("blog", "shop"):
        one = place_of(fold, name)
        assert (one.applied.status, one.applied.reason) == ("unknown", "no-cluster")
        assert (one.health.status, one.health.reason) == ("unknown", "no-cluster")
        assert [link.code for link in one.blocked_by] == ["no-cluster"]
    assert doc(fold, "environment", PROD).cluster is None
    before = place_of(fold, "shop")

    log.append(seen("blog", "healthy", PROD, "simulator"))
    fold = told(log)
    found = doc(fold, "environment", PROD).cluster
    assert (found.source, found.since) == ("simulator", START)
    one = place_of(fold, "shop")
    for mark in (one.applied, one.health):
        assert (mark.status, mark.reason) == ("unknown", "never-seen")
    (link,) = one.blocked_by
    assert link.code == "never-seen"
    assert "(simulated)" in link.message
    # It waits since it began to.
    assert link.since == before.blocked_by[0].since is not None
    assert one.health.since == before.health.since is not None
    assert place_of(fold, "shop", DEV).health.reason == "no-cluster"

    # Once is enough: what was heard of goes, and the cluster is there.
    fold = told([*log, *removed("blog", PROD)])
    assert place_of(fold, "shop").health.reason == "never-seen"
    real = told([*log, seen("blog", "healthy")])
    assert place_of(real, "shop").cluster == "cluster"


# ---- health, rolled up


@pytest.mark.guarantee("G13.13")
def test_a_row_is_as_bad_as_the_worst_below_it_and_says_which_that_is_and_since_when() -> None:
    log = [*made(PROD, DEV), *wanted("blog"), *wanted("shop"), *wanted("wiki", DEV)]
    log += [seen("blog", "healthy"), seen("shop", "healthy"), seen("wiki", "healthy", DEV)]
    fold = told(log)
    for kind, name in (("environment", PROD), ("environment", DEV), ("organization", "acme")):
        found = doc(fold, kind, name).health
        assert (found.status, found.source) == ("healthy", "cluster")
    log.append(seen("shop", "degraded", PROD, "cluster", POD))
    bad = START + timedelta(seconds=len(log))
    log.append(seen("blog", "progressing"))
    fold = told(log)
    found = doc(fold, "environment", PROD).health
    assert (found.status, found.reason, found.of) == ("degraded", "CrashLoopBackOff", "shop")
    assert found.since == bad
    assert doc(fold, "environment", DEV).health.status == "healthy"
    found = doc(fold, "organization", "acme").health
    assert (found.status, found.reason, found.of, found.since) == (
        *("degraded", "CrashLoopBackOff", PROD, bad),
    )
    log.append(seen("shop", "healthy"))
    fold = told(log)
    assert doc(fold, "environment", PROD).health.of == "blog"
    assert doc(fold, "organization", "acme").health.status == "progressing"


@pytest.mark.guarantee("G13.13")
def test_where_nothing_runs_nothing_is_well() -> None:
    log = [*made(PROD, DEV)]
    fold = told(log)
    for kind, name in (("environment", PROD), ("organization", "acme")):
        found = doc(fold, kind, name).health
        assert (found.status, found.reason, found.of) == ("unknown", "nothing-runs", "")
    fold = told([*log, *wanted("blog"), seen("blog", "degraded")])
    # What holds nothing hides nothing.
    assert doc(fold, "organization", "acme").health.status == "degraded"
    assert doc(fold, "environment", DEV).health.reason == "nothing-runs"


NAMES = ("blog", "shop", "wiki")
PLACES = st.sampled_from((PROD, DEV))
ONES = st.sampled_from(NAMES)


HAPPENS = st.one_of(
    st.builds(wanted, ONES, PLACES),
    st.builds(
        lambda *given: [seen(*given)],
        ONES,
        st.sampled_from(ORDER),
        PLACES,
        st.sampled_from(get_args(Source)),
    ),
    st.builds(silent, ONES, PLACES),
    st.builds(removed, ONES, PLACES),
)


@pytest.mark.guarantee("G13.13")
@given(happened=st.lists(HAPPENS, max_size=25))
@example([wanted("blog"), wanted("wiki"), silent("wiki", PROD), [seen("blog", "healthy")]])
def test_after_any_history_each_row_says_of_the_others_what_they_say(
    happened: list[list[On]],
) -> None:
    fold = told([*made(PROD, DEV), *(one for each in happened for one in each)])
    for name in (PROD, DEV):
        place = doc(fold, "environment", name)
        status = [
            one.health.status
            for app in place.applications
            for one in doc(fold, "application", app).bindings
            if one.environment == name and (one.desired or one.health.as_of)
        ]
        assert place.health.status == max(status, key=ORDER.index, default="unknown")
        assert bool(place.health.of) == bool(status)
        simulated = any(
            one.health.source == "simulator"
            for app in place.applications
            for one in doc(fold, "application", app).bindings
            if one.environment == name
        )
        assert (place.health.source == "simulator") == simulated


@each(sorted((histories.FOLDER / "histories").glob("*.jsonl")))
def test_in_every_recorded_stream_each_row_says_of_the_others_what_they_say(file: Any) -> None:
    fold = Fold(VIEWS)
    messages = histories.messages(list(histories.lines(file)))
    for whole in Assembler(0).take(messages):
        fold.apply(whole.events)
        assert disagreeing(fold) == []
    assert unlike_alone(fold, messages) == []


def test_a_failure_in_a_view_lets_one_row_stand_still_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = count()

    def broken(*_given: Any) -> Any:
        next(calls)
        raise ValueError

    log = recorded(*made(PROD), *wanted("blog"))
    monkeypatch.setattr("catalyst.projector.views.health.worst", broken)
    fold = folded(log)
    stale = fold.rows[f"acme.{PROD}.environment._.{PROD}"].value.stale
    assert stale is not None
    assert stale.code == "unfoldable-event"
    assert next(calls) == 1
    assert place_of(fold, "blog").health.status == "unknown"
