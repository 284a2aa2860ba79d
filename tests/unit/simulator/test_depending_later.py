"""What needs something else, as it is committed, taken away and read again later."""

from __future__ import annotations

import msgspec
import pytest
from tests.support import build
from tests.support.each import each
from tests.unit.simulator.test_depending import PROD, WAITS, WELL, Fleet

from catalyst.contracts import application_v1 as app1
from catalyst.simulator.cluster import STAGES, Cluster, Step

pytestmark = pytest.mark.guarantee("G13.20")

AS_BEFORE = ("progressing", "DependencyNotReady", "aaa")


def both(fleet: Fleet) -> None:
    """Let an Application and what it needs run."""
    for name, needs in (("db", ()), ("wiki", ("db",))):
        fleet.carry_out(*fleet.commit(name, *needs))


def observed(fleet: Fleet, commit: str) -> None:
    """Let the cluster read which commit was seen applied."""
    event = app1.ApplicationObserved(
        environment=PROD,
        applied="current",
        revision=f"ch-{commit}",
        commit=commit,
        health="healthy",
        source="simulator",
        observed_at=build.NOW,
    )
    subject = "evt.acme.provisioning.application.wiki.application-observed.v1"
    assert fleet.cluster.event(subject, msgspec.to_builtins(event)) == ()


def test_what_is_missing_is_named_from_the_first_step_on_and_always_the_same() -> None:
    fleet = Fleet()
    first, *_ = fleet.commit("wiki", "e", "c", "a", "d", "b", "f")
    fleet.carry_out(first)
    assert fleet.marks("wiki") == WAITS
    assert "dependency 'acme/a-prod' not found" in fleet.of("wiki").message


def test_what_flux_has_begun_to_apply_it_goes_on_with() -> None:
    fleet = Fleet()
    fleet.carry_out(*fleet.commit("db"))
    applying, starting, settled = fleet.commit("wiki", "db")
    fleet.carry_out(applying)
    fleet.word("db", "crash-loop")
    at = len(fleet.said)
    fleet.repeat()
    assert "DependencyNotReady" not in str(fleet.said[at:])
    fleet.carry_out(starting, settled)
    assert fleet.marks("wiki") == WELL


def test_what_waits_again_was_applied_as_the_next_commit_comes() -> None:
    fleet = Fleet()
    both(fleet)
    fleet.word("db", "crash-loop")
    fleet.repeat()
    assert fleet.marks("wiki") == AS_BEFORE
    fleet.carry_out(*fleet.commit("wiki", "db", commit="bbb", workloads=["Deployment/other"]))
    assert fleet.marks("wiki") == AS_BEFORE
    fleet.word("db", "well")
    assert fleet.marks("wiki") == ("healthy", "", "bbb")
    pods = {item.name for item in fleet.of("wiki").evidence if item.kind == "Deployment"}
    assert pods == {"other"}, "what ran before is taken away"


def test_what_waits_again_is_not_ready_for_what_needs_it() -> None:
    fleet = Fleet()
    both(fleet)
    fleet.carry_out(*fleet.commit("shop", "wiki"))
    fleet.word("db", "crash-loop")
    fleet.repeat()
    assert (fleet.marks("wiki"), fleet.marks("shop")) == (AS_BEFORE, AS_BEFORE)
    fleet.word("db", "well")
    assert (fleet.marks("wiki"), fleet.marks("shop")) == (WELL, WELL)


def test_of_what_only_waited_nothing_is_taken_away() -> None:
    fleet = Fleet()
    both(fleet)
    fleet.word("db", "crash-loop")
    for commit, runs in (("bbb", "never"), ("ccc", "wiki")):
        workloads = [f"Deployment/{runs}"]
        fleet.carry_out(*fleet.commit("wiki", "db", commit=commit, workloads=workloads))
    fleet.word("db", "well")
    assert fleet.marks("wiki") == ("healthy", "", "ccc")
    assert "never" not in str(fleet.said)


def test_what_waited_begins_once_and_what_was_ahead_of_it_then_is_passed_over() -> None:
    fleet = Fleet()
    ahead: list[Step] = []
    for commit in ("aaa", "bbb", "ccc"):
        first, *others = fleet.commit("wiki", "db", commit=commit)
        fleet.carry_out(first)
        ahead += others
    for step in fleet.commit("db"):
        fleet.hear(fleet.cluster.tell(step, fleet.version + 1000))
    (freed,) = fleet.cluster.freed()
    assert fleet.cluster.freed() == ()
    assert [step.stage for step in freed] == list(STAGES)
    fleet.version += 2000
    fleet.carry_out(*freed)
    at = len(fleet.said)
    fleet.carry_out(*ahead)
    later = fleet.commit("wiki", "db", commit="ddd")
    fleet.carry_out(*ahead)
    assert fleet.said[at:] == []
    fleet.carry_out(*later)
    assert fleet.marks("wiki") == ("healthy", "", "ddd")


def test_what_is_well_is_said_again_as_it_is() -> None:
    fleet = Fleet()
    both(fleet)
    at = len(fleet.said)
    for _ in range(2):
        fleet.repeat()
    assert (fleet.marks("db"), fleet.marks("wiki")) == (WELL, WELL)
    assert "DependencyNotReady" not in str(fleet.said[at:])
    assert fleet.cluster.freed() == ()


def test_what_is_taken_away_while_it_waits_goes_though_what_it_needs_never_comes() -> None:
    fleet = Fleet()
    fleet.carry_out(*fleet.commit("wiki", "db"))
    fleet.carry_out(*fleet.remove("wiki"))
    assert fleet.of("wiki").health == "missing"
    assert fleet.cluster.places == ()


def test_what_is_on_its_way_out_waits_for_nothing() -> None:
    fleet = Fleet()
    both(fleet)
    leaving = fleet.remove("wiki")
    fleet.word("db", "crash-loop")
    fleet.repeat()
    assert fleet.marks("wiki") == WELL
    fleet.carry_out(*leaving)
    fleet.word("db", "well")
    assert fleet.of("wiki").health == "missing"


@each(["ready", "ill"])
def test_nothing_is_said_of_a_commit_before_flux_has_looked_at_it(mode: str) -> None:
    fleet = Fleet()
    both(fleet)
    fleet.word("db", "crash-loop" if mode == "ill" else "well")
    steps = fleet.commit("wiki", "db", commit="bbb")
    fleet.repeat()
    assert fleet.marks("wiki") == WELL
    fleet.carry_out(*steps)
    leaving = fleet.remove("wiki")
    fleet.repeat()
    commit = "aaa" if mode == "ill" else "bbb"
    assert fleet.of("wiki").commit == commit, "what waited is not applied by being taken away"
    fleet.carry_out(*leaving)
    assert fleet.of("wiki").health == "missing"


def test_of_what_comes_again_nothing_is_said_before_flux_has_looked() -> None:
    fleet = Fleet()
    both(fleet)
    fleet.carry_out(*fleet.remove("wiki"))
    steps = fleet.commit("wiki", "db", commit="bbb")
    at = len(fleet.said)
    fleet.repeat()
    assert not [one for one in fleet.said[at:] if ".wiki." in one.subject]
    fleet.carry_out(*steps)
    assert fleet.marks("wiki") == ("healthy", "", "bbb")


def test_after_a_restart_what_was_applied_waits_as_it_ran() -> None:
    fleet = Fleet()
    both(fleet)
    fleet.word("db", "crash-loop")
    fleet.cluster = Cluster()
    fleet.cluster.word("ws.acme-prod.simulator.db", {"mode": "crash-loop"})
    steps = [*fleet.commit("wiki", "db", old=True), *fleet.commit("db", old=True)]
    observed(fleet, "aaa")
    fleet.carry_out(*steps)
    fleet.repeat()
    assert fleet.marks("wiki") == AS_BEFORE
    assert fleet.kinds("wiki") == {"Kustomization", "Deployment", "Pod"}


@each(["before", "after"])
def test_after_a_restart_what_was_seen_of_an_older_commit_says_nothing_of_this_one(
    read: str,
) -> None:
    fleet = Fleet()
    both(fleet)
    fleet.word("db", "crash-loop")
    fleet.carry_out(*fleet.commit("wiki", "db", commit="bbb"))
    fleet.cluster = Cluster()
    fleet.cluster.word("ws.acme-prod.simulator.db", {"mode": "crash-loop"})
    if read == "before":
        observed(fleet, "aaa")
    steps = fleet.commit("wiki", "db", commit="bbb", old=True)
    if read == "after":
        observed(fleet, "aaa")
    fleet.carry_out(*steps, *fleet.commit("db", old=True))
    fleet.repeat()
    assert fleet.marks("wiki") == WAITS, "which commit is applied, nobody knows any more"
    fleet.word("db", "well")
    assert fleet.marks("wiki") == ("healthy", "", "bbb")


def test_after_a_restart_what_waits_is_told_once_somebody_asks() -> None:
    fleet = Fleet()
    fleet.word("db", "crash-loop")
    both(fleet)
    fleet.cluster = Cluster()
    fleet.cluster.word("ws.acme-prod.simulator.db", {"mode": "crash-loop"})
    steps = [*fleet.commit("wiki", "db", old=True), *fleet.commit("db", old=True)]
    at = len(fleet.said)
    fleet.carry_out(*steps)
    assert "DependencyNotReady" not in str(fleet.said[at:])
    fleet.word("wiki", "well")
    assert "DependencyNotReady" in str(fleet.said[at:])


def test_after_a_restart_what_is_old_has_settled_at_once_and_what_is_new_has_not() -> None:
    """Nobody has to have seen it: what it needs is read a little later."""
    fleet = Fleet()
    both(fleet)
    fleet.cluster = Cluster()
    steps = [*fleet.commit("wiki", "db", old=True), *fleet.commit("db", old=True)]
    at = len(fleet.said)
    fleet.carry_out(*steps)
    said = str([one.body for one in fleet.said[at:]])
    assert (fleet.marks("wiki"), fleet.marks("db")) == (WELL, WELL)
    assert "DependencyNotReady" not in said
    assert "'Progressing'" not in said
    fleet.word("db", "crash-loop")
    first, *_ = fleet.commit("wiki", "db", commit="bbb")
    fleet.carry_out(first)
    assert fleet.marks("wiki") == AS_BEFORE
