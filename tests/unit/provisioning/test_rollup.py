"""An Environment is as bad as its worst Application, an Organization as its worst Environment."""

from datetime import timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build, plans
from tests.support.changing import Town
from tests.support.log import START
from tests.unit.projector.test_changes import rows
from tests.unit.provisioning.test_steps import opened

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.blocked_application import NOTHING_RUNS
from catalyst.contracts.decision import Recorded
from catalyst.contracts.provisioning_values_v1 import Approvals, Desired, Evidence, Health, Source
from catalyst.provisioning.domain import foreign, rollup
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Observed,
    Queued,
    application_ref,
)
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.rollup import Whole, everything, marks, whole

PROD = "acme-prod"
NOT_READY = "dependency 'acme/store-prod' is not ready"
HOME, CHANGE = foreign.environment_ref("acme", PROD), change_ref("acme", "ch-1")
ORDER = list(get_args(Health))
HEALTH = st.sampled_from(ORDER)


def observed(health: Health, **more: Any) -> Observed:
    values: dict[str, Any] = {
        "applied": "current",
        "revision": "ch-1",
        "commit": "aaa",
        "health": health,
        "reason": "",
        "message": "",
        "evidence": (),
        "source": "cluster",
        "observed_at": build.NOW,
    }
    return Observed(**(values | more))


def running(seen: Observed | None, environment: str = PROD) -> Application:
    desired = Desired(
        change="ch-1", blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
    )
    return Application(bindings={environment: Binding(desired=desired, observed=seen)})


def placed(name: str, *states: Application) -> Whole:
    """Return an Environment with Applications that are called by their number."""
    return whole(name, (marks(f"app{at}", name, one) for at, one in enumerate(states)))


@pytest.mark.guarantee("G13.13")
@given(found=st.lists(st.lists(HEALTH, max_size=4), max_size=4))
def test_the_worst_wins_at_every_level_and_what_holds_nothing_counts_nowhere(
    found: list[list[Health]],
) -> None:
    told = everything(
        "acme",
        (
            placed(f"acme-{at}", *(running(observed(health), f"acme-{at}") for health in row))
            for at, row in enumerate(found)
        ),
    )
    for item, row in zip(told.environments, found, strict=True):
        assert item.health == max(row, key=ORDER.index, default="unknown")
        assert (item.of, item.reason) == (
            (f"app{row.index(item.health)}", "") if row else ("", "nothing-runs")
        )
    every = [health for row in found for health in row]
    assert told.health == max(every, key=ORDER.index, default="unknown")
    assert bool(told.of) == bool(every)


@pytest.mark.guarantee("G13.5")
def test_what_was_never_seen_or_is_stale_is_unknown() -> None:
    stale = observed("healthy", silent_since=build.NOW)
    for seen, code in ((None, "no-cluster"), (stale, "silent")):
        told = marks("blog", PROD, running(seen))
        assert (told.applied, told.health) == ("unknown", "unknown")
        assert told.reason == ("no-cluster" if seen is None else "stale")
        assert [link.code for link in told.blocked_by] == [code]


@pytest.mark.guarantee("G13.5")
def test_what_runs_of_another_revision_is_pending() -> None:
    told = marks("blog", PROD, running(observed("healthy", revision="ch-0")))
    assert (told.applied, told.health) == ("pending", "healthy")
    assert told.blocked_by
    assert marks("blog", PROD, running(observed("healthy"))).blocked_by == ()
    # What failed to come waits for nothing, and where nothing is to run nothing is expected.
    failed = observed("degraded", applied="failed", revision="ch-0")
    assert marks("blog", PROD, running(failed)).applied == "failed"
    gone = Application(bindings={PROD: Binding(observed=observed("missing", revision="ch-0"))})
    assert marks("blog", PROD, gone).applied == "current"


@pytest.mark.guarantee("G13.5")
def test_the_marks_of_one_environment_tell_what_was_seen_and_what_works_there() -> None:
    def queued(change: str, environment: str, **more: Any) -> Queued:
        return Queued(change=change, environment=environment, action="configure", **more)

    state = msgspec.structs.replace(
        running(observed("healthy")),
        queue=(
            queued("ch-2", "acme-dev", taken=True),
            queued("ch-3", "acme-dev", gates=("window",)),
            queued("ch-4", PROD, taken=True),
            queued("ch-5", PROD, gates=("queue", "approvals")),
        ),
    )
    told = marks("blog", PROD, state)
    assert (told.change, told.gates) == ("ch-4", ("queue", "approvals"))
    assert (told.revision, told.as_of, told.source) == ("ch-1", build.NOW, "cluster")
    idle = marks("blog", PROD, msgspec.structs.replace(state, queue=state.queue[3:]))
    assert (idle.change, idle.gates) == ("", ("queue", "approvals"))


def recorded(place: Town) -> list[Recorded]:
    """Return what happened in a town as it stands in the log, a second after each other."""
    return [
        Recorded(
            event=event,
            type="",
            id=f"e-{seq}",
            ref=ref,
            seq=seq,
            time=START + timedelta(seconds=seq),
            actor="",
            correlationid="",
            causationid="",
        )
        for seq, (ref, event) in enumerate(place.log, 1)
    ]


@pytest.mark.guarantee("G13.12", "G13.14")
def test_an_answer_says_what_the_row_says_each_since_the_same_time() -> None:
    place = plans.town()
    plans.apply(place, "ch-1", plans.planned(place))
    plans.apply(place, "ch-2", plans.planned(place, "configure", values={"a": 1}))
    steps = []
    while not place.change("ch-1").is_over:
        (row,) = rows(place)["application blog"].bindings
        events = recorded(place)
        history = [one for one in events if one.ref.aggregate == "application"]
        changes = {name: [one for one in events if one.ref.id == name] for name in ("ch-1", "ch-2")}
        alone = rollup.told("blog", PROD, history, "")
        if alone is not None:
            told = rollup.led(alone, changes, {"blog": alone}, {})
            steps.append(str(place.change("ch-1").step))
            assert told.blocked_by == row.blocked_by
            assert (told.health, told.reason, told.since) == (
                *(row.health.status, row.health.reason, row.health.since),
            )
            assert all(link.since is not None for link in told.blocked_by)
        if place.sent:
            place.answer_all()
            continue
        state = place.change("ch-1")
        if state.step == "observe":
            place.see("blog", "ch-1")
            place.answer_all()
            continue
        for unit in state.remaining():
            place.report("ch-1", str(state.step), unit.application)
    assert set(steps) == {"commit", "observe"}


@pytest.mark.guarantee("G13.20")
def test_an_answer_leads_to_what_flux_waits_for_as_the_row_does() -> None:
    place = plans.town()
    lock = (plans.locked("store", "new"), plans.locked("blog", database="store"))
    plans.apply(place, "ch-1", plans.planned(place, lock=lock))
    plans.run(place, "ch-1")
    for name, kind, status, reason, message in (
        ("store", "Pod", "degraded", "CrashLoopBackOff", "exit 1"),
        ("blog", "Kustomization", "progressing", "DependencyNotReady", NOT_READY),
    ):
        bad = Evidence(kind=kind, name=name, status=status, reason=reason, message=message)  # type: ignore[arg-type]
        place.see(name, "ch-1", health=status, evidence=(bad,))
    events = recorded(place)
    here = {}
    for name in ("store", "blog"):
        history = [one for one in events if one.ref == application_ref("acme", name)]
        found = rollup.told(name, PROD, history, "")
        assert found is not None
        here[name] = found
    (row,) = rows(place)["application blog"].bindings
    told = rollup.led(here["blog"], {}, here, {}).blocked_by
    assert told == row.blocked_by
    assert [(one.depth, one.name, one.code) for one in told] == [
        (0, "store", "dependency-not-ready"),
        (1, "store", "crash-loop"),
    ]


@pytest.mark.guarantee("G13.20")
def test_an_answer_leads_on_through_all_that_waits_and_ends_where_nothing_is() -> None:
    place = plans.town()
    lock = (
        plans.locked("disk", "new"),
        plans.locked("store", "new", disk="disk"),
        plans.locked("blog", database="store"),
    )
    plans.apply(place, "ch-1", plans.planned(place, lock=lock))
    plans.run(place, "ch-1")
    for name, needed in (("blog", "store"), ("store", "disk"), ("disk", "gone")):
        waits = Evidence(
            kind="Kustomization",
            name=f"{name}-prod",
            status="progressing",
            reason="DependencyNotReady",
            message=f"dependency 'acme/{needed}-prod' is not ready",
        )
        place.see(name, "ch-1", health="progressing", evidence=(waits,))
    events = recorded(place)
    here = {}
    for name in ("disk", "store", "blog"):
        history = [one for one in events if one.ref == application_ref("acme", name)]
        found = rollup.told(name, PROD, history, "")
        assert found is not None
        here[name] = found
    told = rollup.led(here["blog"], {}, here, {}).blocked_by
    assert [(one.depth, one.name, one.code) for one in told] == [
        (0, "store", "dependency-not-ready"),
        (1, "disk", "dependency-not-ready"),
        (2, "gone", "dependency-not-ready"),
    ]
    (row,) = rows(place)["application blog"].bindings
    assert told == row.blocked_by
    # Of a change that works on it nothing may be known here; that one does is shown to nobody.
    busy = msgspec.structs.replace(here["blog"], change="ch-9")
    assert rollup.led(busy, {}, here, {}).blocked_by == told


def test_who_has_ever_told_anything_is_a_cluster_rather_than_the_simulator() -> None:
    place = plans.town()
    plans.apply(place, "ch-1", plans.planned(place))
    assert rollup.cluster_of(PROD, [recorded(place)]) == ""
    told: list[tuple[Source, str]] = [
        *(("simulator", "simulator"), ("cluster", "cluster"), ("simulator", "cluster")),
    ]
    for source, said in told:
        place.see("blog", "ch-1", source=source)
        assert rollup.cluster_of(PROD, [recorded(place)]) == said
        assert rollup.cluster_of("acme-dev", [recorded(place)]) == ""


def test_whoever_was_ever_let_in_since_the_environment_was_made_is_looked_at() -> None:
    def of(*events: Any) -> list[str]:
        return rollup.ever_in([build.recorded(event, HOME) for event in events])

    made = build.environment_created("acme-prod")
    wiki, blog = (
        env1.ApplicationAdmitted(environment="acme-prod", application=name)
        for name in ("wiki", "blog")
    )
    gone = env1.ApplicationReleased(environment="acme-prod", application="wiki")
    assert of(made, wiki, gone, blog) == ["blog", "wiki"]
    assert of(made, wiki, made, blog) == ["blog"]


def test_what_a_change_waits_for_is_told_with_what_is_missing_until_it_is_over() -> None:
    opening = opened("upgrade")
    held = pro1.ChangeHeldBack(
        waits_for=("approvals",),
        approvals=(Approvals(team="sre", quorum=2),),
        until=build.NOW,
        gen="g",
    )
    over = pro1.ChangeCompleted()

    def links(*events: Any) -> list[tuple[str, str]]:
        history = [build.recorded(event, CHANGE) for event in events]
        return [(one.kind, one.message) for one in rollup.waited_for("ch-1", history)]

    assert links() == links(held) == links(opening, held, over) == []
    ((kind, message),) = links(opening, held)
    assert kind == "approval"
    assert "sre" in message
    assert "2" in message


def test_an_organization_is_as_its_worst_environment_and_says_why() -> None:
    bad = rollup.Whole(
        name="acme-dev",
        health="degraded",
        reason="CrashLoop",
        of="wiki",
        since=build.NOW,
        applications=(),
    )
    good = msgspec.structs.replace(bad, name="acme-prod", health="healthy", reason="", of="blog")
    empty = msgspec.structs.replace(bad, name="acme-stg", health="unknown", of="", since=None)
    found = rollup.everything("acme", [good, empty, bad])
    assert (found.health, found.reason, found.of, found.since) == (
        "degraded", "CrashLoop", "acme-dev", build.NOW,
    )  # fmt: skip
    nothing = rollup.everything("acme", [empty])
    assert (nothing.health, nothing.reason, nothing.of, nothing.since) == (
        "unknown", NOTHING_RUNS, "", None,
    )  # fmt: skip
