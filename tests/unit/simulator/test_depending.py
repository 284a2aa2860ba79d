"""What needs something else is applied once that is ready, as Flux does, and says so until then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build
from tests.support.each import each
from tests.support.examples import at_least

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.blocked_application import of_application
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.domain import observing, seen
from catalyst.provisioning.domain.application import Application, Observed, evolve
from catalyst.simulator.cluster import Cluster, Step
from catalyst.simulator.objects import Told

pytestmark = pytest.mark.guarantee("G13.20")

PROD = "acme-prod"


class Fleet:
    """Several Applications of an Environment, what is said of them, and what is seen by that."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.states: dict[str, Application] = {}
        self.version = 0
        self.said: list[Told] = []

    def event(self, name: str, event: Event, word: str, *, old: bool = False) -> tuple[Step, ...]:
        """Let something happen to an Application."""
        self.states[name] = evolve(self.states.get(name, Application()), event)
        subject = f"evt.acme.provisioning.application.{name}.{word}.v1"
        return self.cluster.event(subject, msgspec.to_builtins(event), old=old)

    def commit(
        self, name: str, *needs: str, commit: str = "aaa", old: bool = False, **more: Any
    ) -> tuple[Step, ...]:
        """Let an Application be committed that needs others."""
        wanted = Desired(
            change=f"ch-{commit}",
            blueprint="bp-x",
            origin="public",
            version="1.0.0",
            digest="sha256:0",
            dependencies={f"alias-{other}": other for other in needs},
        )
        change = wanted.change
        clusters = more.pop("clusters", ())
        wish = app1.DesiredSet(environment=PROD, change=change, desired=wanted, clusters=clusters)
        assert self.event(name, wish, "desired-set") == ()
        done = app1.RevisionCommitted(
            environment=PROD, change=change, repository=name, branch="main", commit=commit, **more
        )
        return self.event(name, done, "revision-committed", old=old)

    def remove(self, name: str) -> tuple[Step, ...]:
        """Let an Application be committed away."""
        wish = app1.DesiredSet(environment=PROD, change="ch-9", desired=None)
        assert self.event(name, wish, "desired-set") == ()
        done = app1.RevisionCommitted(
            environment=PROD, change="ch-9", repository=name, branch="main", commit="zzz"
        )
        return self.event(name, done, "revision-committed")

    def word(self, name: str, mode: str) -> None:
        """Say how an Application is to fare."""
        self.carry_out(*self.cluster.word(f"ws.acme-prod.simulator.{name}", {"mode": mode}))

    def carry_out(self, *steps: Step) -> None:
        """Carry out steps, and what follows from them."""
        ahead = list(steps)
        while ahead:
            self.version += 100
            self.hear(self.cluster.tell(ahead.pop(0), self.version))
            ahead += [step for freed in self.cluster.freed() for step in freed]

    def repeat(self) -> None:
        """Let everything be said again."""
        self.version += 100
        self.hear(self.cluster.again(self.version))

    def hear(self, told: Iterable[Told]) -> None:
        for fact in told:
            self.said.append(fact)
            found = seen.decode(fact.subject, msgspec.json.encode(fact.body))
            assert found is not None
            state = self.states[found.application]
            binding = state.binding(PROD)
            after = observing.fold(binding, [(found, build.NOW)])
            bindings = {PROD: msgspec.structs.replace(binding, observed=after)}
            self.states[found.application] = msgspec.structs.replace(state, bindings=bindings)

    def of(self, name: str) -> Observed:
        """Return what is seen of an Application."""
        found = self.states[name].binding(PROD).observed
        assert found is not None
        return found

    def marks(self, name: str) -> tuple[str, str, str]:
        """Return how it is, why, and which commit is applied."""
        found = self.of(name)
        return found.health, found.reason, found.commit

    def kinds(self, name: str) -> set[str]:
        """Return which objects are seen of it."""
        return {item.kind for item in self.of(name).evidence}

    def leads_to(self, name: str) -> list[tuple[str, str, str]]:
        """Return what keeps it."""
        binding, found = self.states[name].binding(PROD), self.of(name)
        links = of_application(
            name,
            PROD,
            wanted=binding.desired is not None,
            seen=True,
            applied=found.applied,
            health=found.health,
            evidence=found.evidence,
            source=found.source,
        )
        return [(one.kind, one.name, one.code) for one in links]


WAITS = ("progressing", "DependencyNotReady", "")
WELL = ("healthy", "", "aaa")


def test_what_needs_another_one_is_applied_once_that_is_ready() -> None:
    fleet = Fleet()
    fleet.carry_out(*fleet.commit("wiki", "db"))
    assert fleet.marks("wiki") == WAITS
    assert fleet.kinds("wiki") == {"Kustomization"}
    assert "dependency 'acme/db-prod' not found" in fleet.of("wiki").message
    applying, starting, settled = fleet.commit("db")
    fleet.carry_out(applying, starting)
    fleet.repeat()
    assert "dependency 'acme/db-prod' is not ready" in fleet.of("wiki").message
    assert fleet.leads_to("wiki") == [("application", "db", "dependency-not-ready")]
    assert fleet.kinds("wiki") == {"Kustomization"}
    fleet.carry_out(settled)
    assert (fleet.marks("db"), fleet.marks("wiki")) == (WELL, WELL)
    assert fleet.leads_to("wiki") == []


@each(["crash-loop", "image-pull", "unschedulable", "drift"])
def test_what_is_ill_keeps_what_needs_it_from_being_applied(mode: str) -> None:
    fleet = Fleet()
    fleet.word("db", mode)
    for name, needs in (("db", ()), ("wiki", ("db",)), ("shop", ("wiki",))):
        fleet.carry_out(*fleet.commit(name, *needs))
    for _ in range(2):
        assert fleet.of("db").health == "degraded"
        assert (fleet.marks("wiki"), fleet.marks("shop")) == (WAITS, WAITS)
        assert fleet.leads_to("wiki") == [("application", "db", "dependency-not-ready")]
        assert fleet.leads_to("shop") == [("application", "wiki", "dependency-not-ready")]
        fleet.repeat()
    fleet.word("db", "well")
    assert {fleet.marks(name) for name in ("db", "wiki", "shop")} == {WELL}


def test_a_change_waits_while_what_ran_before_goes_on() -> None:
    fleet = Fleet()
    for name, needs in (("db", ()), ("wiki", ("db",))):
        fleet.carry_out(*fleet.commit(name, *needs))
    pods = [item.uid for item in fleet.of("wiki").evidence if item.kind == "Pod"]
    fleet.word("db", "crash-loop")
    assert fleet.marks("wiki") == WELL
    fleet.carry_out(*fleet.commit("wiki", "db", commit="bbb"))
    for commit in ("ccc", "ddd"):
        assert fleet.marks("wiki") == ("progressing", "DependencyNotReady", "aaa")
        assert (fleet.of("wiki").applied, fleet.of("wiki").revision) == ("pending", "ch-aaa")
        assert [item.uid for item in fleet.of("wiki").evidence if item.kind == "Pod"] == pods
        fleet.repeat()
        fleet.carry_out(*fleet.commit("wiki", "db", commit=commit))
    fleet.word("db", "well")
    assert fleet.marks("wiki") == ("healthy", "", "ddd")


def test_what_was_applied_waits_again_once_flux_looks_and_goes_on_running() -> None:
    fleet = Fleet()
    for name, needs in (("db", ()), ("wiki", ("db",))):
        fleet.carry_out(*fleet.commit(name, *needs))
    fleet.word("db", "crash-loop")
    fleet.repeat()
    assert fleet.marks("wiki") == ("progressing", "DependencyNotReady", "aaa")
    assert fleet.kinds("wiki") == {"Kustomization", "Deployment", "Pod"}
    ill = [item.kind for item in fleet.of("wiki").evidence if item.status != "healthy"]
    assert ill == ["Kustomization"]
    fleet.word("db", "well")
    assert fleet.marks("wiki") == WELL
    # One that is gone is as one that was never there.
    fleet.carry_out(*fleet.remove("db"))
    fleet.repeat()
    assert "not found" in fleet.of("wiki").message
    # What goes needs nothing.
    fleet.carry_out(*fleet.remove("wiki"))
    assert fleet.of("wiki").health == "missing"


def test_a_circle_stays_until_it_is_opened() -> None:
    fleet = Fleet()
    circle: Mapping[str, str] = {"a": "b", "b": "c", "c": "a"}
    for name, other in circle.items():
        fleet.carry_out(*fleet.commit(name, other))
    for _ in range(3):
        assert {fleet.marks(name) for name in circle} == {WAITS}
        fleet.repeat()
    fleet.carry_out(*fleet.commit("b", "b"))
    assert {fleet.marks(name) for name in circle} == {WELL}


def test_what_is_taken_away_while_it_waits_goes() -> None:
    fleet = Fleet()
    fleet.carry_out(*fleet.commit("wiki", "db"))
    leaving = fleet.remove("wiki")
    fleet.carry_out(*fleet.commit("db"))
    fleet.carry_out(*leaving)
    assert fleet.of("wiki").health == "missing"
    assert fleet.cluster.places == ((PROD, "db"),)


def test_each_of_several_regions_says_what_it_waits_for() -> None:
    both = ("hz-fsn-rtz-prod", "hz-hel-rtz-prod")
    fleet = Fleet()
    fleet.carry_out(*fleet.commit("wiki", "db", clusters=both))
    waiting = {item.cluster for item in fleet.of("wiki").evidence if item.reason == WAITS[1]}
    assert waiting == set(both)
    fleet.carry_out(*fleet.commit("db", clusters=both))
    assert fleet.of("wiki").health == "healthy"


@each(["well", "crash-loop"])
def test_after_a_restart_nothing_is_said_that_was_not_so(mode: str) -> None:
    """What needs something is read before what it needs, and was applied before that became ill."""
    fleet = Fleet()
    for name, needs in (("db", ()), ("wiki", ("db",))):
        fleet.carry_out(*fleet.commit(name, *needs))
    fleet.word("db", mode)
    before, observed = fleet.marks("wiki"), fleet.of("wiki")
    fleet.cluster = Cluster()
    fleet.cluster.word("ws.acme-prod.simulator.db", {"mode": mode})
    steps = [*fleet.commit("wiki", "db", old=True), *fleet.commit("db", old=True)]
    applied = app1.ApplicationObserved(
        environment=PROD,
        applied="current",
        revision="ch-aaa",
        commit="aaa",
        health="healthy",
        source="simulator",
        observed_at=observed.observed_at,
    )
    data = msgspec.to_builtins(applied)
    subject = "evt.acme.provisioning.application.wiki.application-observed.v1"
    assert fleet.cluster.event(subject, data) == ()
    at = len(fleet.said)
    fleet.carry_out(*steps)
    assert fleet.marks("wiki") == before == WELL
    assert not [one for one in fleet.said[at:] if "DependencyNotReady" in str(one.body)]


@each(["read at once", "not yet"])
def test_after_a_restart_what_waited_still_does(read: str) -> None:
    fleet = Fleet()
    fleet.word("db", "crash-loop")
    for name, needs in (("db", ()), ("wiki", ("db",))):
        fleet.carry_out(*fleet.commit(name, *needs))
    fleet.cluster = Cluster()
    word = {"mode": "crash-loop"}
    if read == "read at once":
        fleet.cluster.word("ws.acme-prod.simulator.db", word)
    steps = [*fleet.commit("wiki", "db", old=True), *fleet.commit("db", old=True)]
    fleet.carry_out(steps[0])
    assert fleet.marks("wiki") == WAITS
    fleet.word("db", "crash-loop")
    fleet.repeat()
    assert (fleet.of("db").health, fleet.marks("wiki")) == ("degraded", WAITS)
    fleet.word("db", "well")
    assert fleet.marks("wiki") == WELL


NAMES = ("a1", "b1", "c1", "d1")
GRAPHS = st.fixed_dictionaries({
    name: st.sets(st.sampled_from((*NAMES, "nobody")), max_size=2) for name in NAMES
})  # fmt: skip
FARES = st.fixed_dictionaries({
    name: st.sampled_from(("well", "well", "crash-loop", "silence")) for name in NAMES
})  # fmt: skip


@at_least(100)
@given(GRAPHS, FARES, st.permutations(NAMES), st.integers(0, 3))
def test_whatever_the_order_all_and_only_what_can_be_applied_is(
    needs: dict[str, set[str]], fares: dict[str, str], order: list[str], repeats: int
) -> None:
    """Against the least set that holds what is well and needs only what is in it."""
    fleet = Fleet()
    for name, mode in fares.items():
        fleet.word(name, mode)
    for name in order:
        fleet.carry_out(*fleet.commit(name, *needs[name]))
    for _ in range(repeats):
        fleet.repeat()
    ready: set[str] = set()
    while more := {
        name
        for name in NAMES
        if name not in ready and fares[name] != "crash-loop" and needs[name] - {name} <= ready
    }:
        ready |= more
    for name in NAMES:
        found = fleet.states[name].binding(PROD).observed
        if fares[name] == "silence":
            assert found is None
            continue
        assert found is not None
        applied = needs[name] - {name} <= ready
        assert (found.health == "healthy") is (name in ready)
        assert (found.reason == "DependencyNotReady") is not applied
        assert fleet.kinds(name) == (
            {"Kustomization", "Deployment", "Pod"} if applied else {"Kustomization"}
        )
