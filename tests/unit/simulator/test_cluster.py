"""A cluster that is none: what it says is read like a real one's, and the same each time."""

from typing import Any

import msgspec
import pytest
from tests.support import build
from tests.support.each import each

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.domain import observing, seen
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Observed,
    evolve,
)
from catalyst.provisioning.domain.fulfilled import is_gone, is_seen
from catalyst.provisioning.domain.volumes import CLAIM
from catalyst.simulator.cluster import Cluster, Step
from catalyst.simulator.objects import Told

PROD = "acme-prod"
EVENTS = "evt.acme.provisioning.application.blog"
WORD = "ws.acme-prod.simulator.blog"
FAILURES = {
    "crash-loop": ("degraded", "CrashLoopBackOff", "failed"),
    "image-pull": ("degraded", "ImagePullBackOff", "failed"),
    "unschedulable": ("degraded", "Unschedulable", "failed"),
    "drift": ("degraded", "ReconciliationFailed", "failed"),
    "slow": ("healthy", "", "current"),
    "well": ("healthy", "", "current"),
}


def desired(change: str) -> Desired:
    return Desired(
        change=change, blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
    )


class Watched:
    """Simulator and observation, in one."""

    def __init__(self, seed: int = 0) -> None:
        self.cluster = Cluster(seed)
        self.state = Application(bindings={PROD: Binding(desired=desired("ch-1"))})
        self.version = 0
        self.waited: list[float] = []
        self.said: list[Told] = []

    def commit(
        self, change: str, commit: str, *, old: bool = False, **more: Any
    ) -> tuple[Step, ...]:
        event = app1.RevisionCommitted(
            environment=PROD,
            change=change,
            repository="blog",
            branch="main",
            commit=commit,
            **more,
        )
        self.state = evolve(self.state, event)
        data = msgspec.to_builtins(event)
        return self.cluster.event(f"{EVENTS}.revision-committed.v1", data, old=old)

    def spread(self, *clusters: str) -> None:
        """Let it run in several clusters."""
        event = app1.DesiredSet(
            environment=PROD, change="ch-1", desired=desired("ch-1"), clusters=clusters
        )
        self.state = evolve(self.state, event)
        data = msgspec.to_builtins(event)
        assert self.cluster.event(f"{EVENTS}.desired-set.v1", data) == ()

    def remove(self, *clusters: str) -> tuple[Step, ...]:
        data = {"environment": PROD, "change": "ch-9", "desired": None, "clusters": clusters}
        assert self.cluster.event(f"{EVENTS}.desired-set.v1", data) == ()
        return self.commit("ch-9", "zzz")

    def carry_out(self, *steps: Step) -> None:
        for step in steps:
            self.version += 10
            self.waited.append(step.wait)
            self.hear(self.cluster.tell(step, self.version))

    def repeat(self) -> None:
        self.version += 10
        self.hear(tuple(self.cluster.again(self.version)))

    def hear(self, told: tuple[Told, ...]) -> None:
        self.said += told
        facts = [seen.decode(fact.subject, msgspec.json.encode(fact.body)) for fact in told]
        binding = self.state.binding(PROD)
        after = observing.fold(binding, [(fact, build.NOW) for fact in facts if fact])
        replace = msgspec.structs.replace
        bindings = {PROD: replace(binding, observed=after)}
        self.state = replace(self.state, bindings=bindings)

    @property
    def seen(self) -> Observed:
        found = self.state.binding(PROD).observed
        assert found is not None
        return found


@each(FAILURES)
def test_each_failure_is_seen_as_what_it_is(mode: str) -> None:
    blog = Watched()
    assert blog.cluster.word(WORD, {"mode": mode}) == ()
    blog.carry_out(*blog.commit("ch-1", "aaa"))
    assert (blog.seen.health, blog.seen.reason, blog.seen.applied) == FAILURES[mode]
    assert blog.seen.revision == "ch-1"
    assert blog.seen.source == "simulator"
    blog.carry_out(*blog.cluster.word(WORD, {"mode": "well"}))
    assert (blog.seen.health, blog.seen.applied) == ("healthy", "current")


def test_what_is_said_has_the_kinds_that_the_files_have() -> None:
    blog = Watched()
    runs = ("DaemonSet/blog-logs", "StatefulSet/blog")
    blog.carry_out(*blog.commit("ch-1", "aaa", workloads=runs))
    objects = {
        f"{fact.body['object']['kind']}/{fact.body['object']['metadata']['name']}"
        for fact in blog.said
    }
    pods = {"Pod/blog-logs-0", "Pod/blog-0"}
    assert objects == {"Kustomization/blog-prod", *runs, *pods}
    assert blog.seen.health == "healthy"
    blog.said.clear()
    # What is brought back names nothing, and runs what ran.
    blog.carry_out(*blog.commit("ch-1", "ccc"))
    assert "StatefulSet" in {fact.body["object"]["kind"] for fact in blog.said}
    blog.said.clear()
    blog.carry_out(*blog.commit("ch-2", "ddd", workloads=()))
    stays = [fact.body["object"]["kind"] for fact in blog.said if fact.body["type"] != "DELETED"]
    assert set(stays) == {"Kustomization"}


def test_what_is_said_has_the_namespace_that_the_files_have() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa", volumes=("blog-data",), namespace="blog--prod"))
    blog.hear(tuple(blog.cluster.again(99)))
    for fact in blog.said:
        about = fact.body["object"]
        flux = about["kind"] == "Kustomization"
        assert about["metadata"]["namespace"] == ("acme" if flux else "blog--prod")
        assert flux or fact.subject.split(".")[4] == "blog--prod"
    assert blog.seen.health == "healthy"
    assert {item.namespace for item in blog.seen.evidence} == {"acme", "blog--prod"}
    blog.carry_out(*blog.remove())
    assert [(item.kind, item.namespace) for item in blog.seen.evidence] == [(CLAIM, "blog--prod")]


def names(blog: Watched) -> set[str]:
    """Return what is seen, but for Flux's own object."""
    found = (item for item in blog.seen.evidence if item.kind != "Kustomization")
    return {f"{item.namespace}/{item.kind}/{item.name}" for item in found}


BOTH = ("Deployment/blog", "Deployment/worker")
FIRST = {"blog/Deployment/blog", "blog/Pod/blog-0"}
SECOND = {"blog/Deployment/worker", "blog/Pod/worker-0"}


@pytest.mark.parametrize("overtaken", [False, True])
def test_what_a_commit_leaves_out_is_gone_once_that_is_applied(overtaken: bool) -> None:  # noqa: FBT001
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa", workloads=BOTH))
    assert names(blog) == FIRST | SECOND
    if overtaken:
        blog.commit("ch-2", "bbb", workloads=BOTH[:1])
    applying, starting, settled = blog.commit("ch-3", "ccc", workloads=BOTH[:1])
    blog.carry_out(applying)
    assert names(blog) == FIRST | SECOND
    blog.carry_out(starting)
    assert names(blog) == FIRST
    blog.carry_out(settled)
    assert (names(blog), blog.seen.health) == (FIRST, "healthy")
    blog.repeat()
    assert names(blog) == FIRST
    # Taken back: what was left out runs again, as other objects.
    blog.carry_out(*blog.commit("ch-1", "ddd", workloads=BOTH))
    assert (names(blog), blog.seen.health) == (FIRST | SECOND, "healthy")
    blog.carry_out(*blog.remove())
    assert blog.seen.health == "missing"


def test_a_workload_of_another_kind_takes_the_place_of_the_one_before() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa", workloads=("Deployment/blog",)))
    blog.carry_out(*blog.commit("ch-2", "bbb", workloads=("StatefulSet/blog",)))
    assert names(blog) == {"blog/StatefulSet/blog", "blog/Pod/blog-0"}
    assert blog.seen.health == "healthy"


def test_what_moves_is_gone_where_it_was_but_for_its_volumes() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa", volumes=("data",)))
    volume = f"blog/{CLAIM}/data"
    moved = {f"blog--prod/{name.partition('/')[2]}" for name in FIRST | {volume}}
    blog.carry_out(*blog.commit("ch-2", "bbb", volumes=("data",), namespace="blog--prod"))
    assert (names(blog), blog.seen.health) == (moved | {volume}, "healthy")
    told = {fact.body["object"]["metadata"]["namespace"] for fact in blog.cluster.again(999)}
    assert told == {"acme", "blog", "blog--prod"}
    # Back again: to the volume that stayed, while the one there stays, too.
    blog.carry_out(*blog.commit("ch-1", "ccc"))
    assert names(blog) == FIRST | {volume, f"blog--prod/{CLAIM}/data"}
    blog.carry_out(*blog.remove())
    assert names(blog) == {volume, f"blog--prod/{CLAIM}/data"}


def test_a_volume_that_was_given_up_goes_where_an_application_moves_from() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa", volumes=("data",)))
    blog.carry_out(*blog.commit("ch-2", "bbb", volumes=("data",), kept=False))
    blog.carry_out(*blog.commit("ch-3", "ccc", namespace="blog--prod"))
    assert not [name for name in names(blog) if name.startswith("blog/")]


def test_what_is_left_out_in_silence_is_told_once_somebody_speaks() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa", workloads=BOTH))
    blog.cluster.word(WORD, {"mode": "silence"})
    blog.carry_out(*blog.commit("ch-2", "bbb", workloads=BOTH[:1]))
    assert names(blog) == FIRST | SECOND
    blog.carry_out(*blog.cluster.word(WORD, {"mode": "well"}))
    assert names(blog) == FIRST


def test_after_a_restart_what_was_left_out_is_not_there() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa", workloads=BOTH))
    again = Watched()
    again.state, again.version = blog.state, blog.version
    again.commit("ch-1", "aaa", workloads=BOTH, old=True)
    again.carry_out(*again.commit("ch-2", "bbb", workloads=BOTH[:1], old=True))
    assert names(again) == FIRST


def test_each_of_several_regions_says_how_it_is() -> None:
    blog = Watched()
    both = ("hz-fsn-rtz-prod", "hz-hel-rtz-prod")
    blog.spread(*both)
    blog.carry_out(*blog.commit("ch-1", "aaa", volumes=("blog-data",)))
    assert is_seen(blog.state, PROD, "ch-1")
    assert {item.cluster for item in blog.seen.evidence} == set(both)
    assert {fact.body["cluster"] for fact in blog.cluster.again(99)} == set(both)
    blog.carry_out(*blog.cluster.word(WORD, {"mode": "crash-loop"}))
    bad = {item.cluster for item in blog.seen.evidence if item.reason == "CrashLoopBackOff"}
    assert bad == set(both)
    blog.carry_out(*blog.remove(*both))
    assert [item.kind for item in blog.seen.evidence] == [CLAIM, CLAIM]
    assert is_gone(blog.state, PROD, None)


def test_a_word_about_what_goes_does_not_keep_it() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa"))
    leaving = blog.remove()
    blog.carry_out(*blog.cluster.word(WORD, {"mode": "slow"}), *leaving)
    assert blog.seen.health == "missing"


def test_a_new_commit_is_pending_before_it_is_healthy() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa"))
    first, *others = blog.commit("ch-2", "bbb")
    blog.carry_out(first)
    assert (blog.seen.applied, blog.seen.revision, blog.seen.health) == (
        *("pending", "ch-1", "progressing"),
    )
    blog.carry_out(*others)
    assert (blog.seen.applied, blog.seen.revision, blog.seen.health) == (
        *("current", "ch-2", "healthy"),
    )


def test_what_was_overtaken_says_nothing_any_more() -> None:
    blog = Watched()
    late = blog.commit("ch-1", "aaa")
    blog.carry_out(*blog.commit("ch-2", "bbb"))
    before = len(blog.said)
    blog.carry_out(*late)
    assert len(blog.said) == before


def test_what_is_removed_is_gone_and_silence_says_nothing() -> None:
    blog = Watched()
    blog.carry_out(*blog.commit("ch-1", "aaa"))
    blog.carry_out(*blog.remove())
    assert blog.seen.health == "missing"
    assert blog.cluster.places == ()

    quiet = Watched()
    quiet.cluster.word(WORD, {"mode": "silence"})
    quiet.carry_out(*quiet.commit("ch-1", "aaa"))
    assert quiet.said == []
    assert list(quiet.cluster.again(99)) == []


@pytest.mark.guarantee("G14.12")
@each(["no", "applied", "overtaken"])
def test_volumes_outlive_an_application_unless_their_data_was_given_up(given_up: str) -> None:
    blog = Watched()
    blog.cluster.word(WORD, {"mode": "crash-loop"})
    held = ("ExternalSecret/blog-credentials", "blog-data")
    blog.carry_out(*blog.commit("ch-1", "aaa", volumes=held))
    assert [item.name for item in blog.seen.evidence if item.kind == CLAIM] == ["blog-data"]
    if given_up != "no":
        steps = blog.commit("ch-9", "yyy", volumes=("blog-data",), kept=False)
        if given_up == "applied":
            blog.carry_out(*steps)
            assert (blog.seen.applied, blog.seen.revision) == ("current", "ch-9")
    blog.carry_out(*blog.remove())
    left = [] if given_up == "applied" else ["blog-data"]
    assert [item.name for item in blog.seen.evidence] == left
    assert is_gone(blog.state, PROD, ("blog-data",)) is (given_up == "applied")
    assert is_gone(blog.state, PROD, None)
    assert [fact.body["object"]["metadata"]["name"] for fact in blog.cluster.again(99)] == left


def test_the_same_seed_gives_the_same_story() -> None:
    def told(seed: int) -> tuple[list[float], list[Told]]:
        blog = Watched(seed)
        blog.carry_out(*blog.commit("ch-1", "aaa"), *blog.commit("ch-2", "bbb"))
        return blog.waited, blog.said

    assert told(1) == told(1)
    assert told(1)[0] != told(2)[0]


def test_after_a_restart_what_has_settled_does_not_start_again() -> None:
    blog = Watched()
    (only,) = blog.commit("ch-1", "aaa", old=True)
    assert only.stage == "settled"
    blog.carry_out(only)
    assert blog.seen.health == "healthy"
    assert {fact.subject for fact in blog.cluster.again(50)} == {fact.subject for fact in blog.said}


def test_slow_is_slower() -> None:
    well, slow = Watched(), Watched()
    slow.cluster.word(WORD, {"mode": "slow"})
    for quick, late in zip(well.commit("c", "a"), slow.commit("c", "a"), strict=True):
        assert late.wait == pytest.approx(quick.wait * 10)


@each([{}, {"mode": "fly"}, {"mode": 1}])
def test_a_word_that_is_none_is_refused(word: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="none of"):
        Cluster().word(WORD, word)
