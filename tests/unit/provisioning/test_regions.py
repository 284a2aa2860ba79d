"""An Environment of several regions: each cluster speaks for itself, and the worst wins."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build
from tests.support.changing import Town
from tests.support.each import each
from tests.support.facts import kustomization, pod
from tests.support.plans import PROD, apply, planned, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Arm, Arrived, Context, Decision, Fired
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.adapters.hearing import source
from catalyst.provisioning.domain import foreign, observing
from catalyst.provisioning.domain.application import (
    Application,
    Observed,
    application_ref,
    evolve,
)
from catalyst.provisioning.domain.fulfilled import is_applied, is_gone, is_seen
from catalyst.provisioning.domain.rollup import marks

BLOG = application_ref("acme", "blog")
FSN, HEL = "hz-fsn-rtz-prod", "hz-hel-rtz-prod"
BOTH = (FSN, HEL)
Message = tuple[str, bytes]


def told(cluster: str, message: Message, *, minute: int = 0) -> Message:
    """Return a fact as the observer of one cluster tells it, of an object made at a minute."""
    subject, data = message
    body = msgspec.json.decode(data)
    body["cluster"] = cluster
    metadata = body["object"]["metadata"]
    metadata["uid"] = f"{metadata['name']}@{cluster}#{minute}"
    metadata["creationTimestamp"] = f"2026-11-28T10:{minute:02}:00Z"
    return subject, msgspec.json.encode(body)


def well(cluster: str, commit: str = "aaa", version: int = 10) -> tuple[Message, Message]:
    return told(cluster, kustomization(version, commit)), told(cluster, pod(version + 1))


class Watched:
    """An Application in two regions, whose facts come through the real source."""

    def __init__(self, clusters: tuple[str, ...] = BOTH) -> None:
        self.clusters = clusters
        self.source = source(lambda: 0.0)
        self.state = Application()
        self.count = 0
        self.want("ch-1", "aaa")

    def tell(self, event: Any) -> None:
        self.state = evolve(self.state, event)

    def want(self, change: str, commit: str, *, gone: bool = False) -> None:
        """Let a change write what is to run, and commit it."""
        desired = Desired(
            change=change, blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
        )
        self.tell(
            app1.DesiredSet(
                environment=PROD,
                change=change,
                desired=None if gone else desired,
                clusters=self.clusters,
            )
        )
        self.tell(
            app1.RevisionCommitted(
                environment=PROD, change=change, repository="blog", branch="main", commit=commit
            )
        )

    def hear(self, *messages: Message) -> Decision:
        found = hear(self.source, self.state, messages, self.count)
        self.count += len(messages)
        for item in found.events:
            self.tell(item.event)
        return found

    def silent(self, cluster: str = "") -> Decision:
        timer = f"silent-{PROD}@{cluster}" if cluster else f"silent-{PROD}"
        decision = observing.fall_silent(self.state, Fired(timer=timer, gen="d"), context())
        for item in decision.events:
            self.tell(item.event)
        return decision

    @property
    def seen(self) -> Observed:
        found = self.state.binding(PROD).observed
        assert found is not None
        return found


def context() -> Context:
    return Context(
        now=build.NOW, ref=BLOG, actor=build.service("provisioning"), input_id="i", done_id="d"
    )


def hear(given: Any, state: Application, messages: Sequence[Message], count: int = 0) -> Decision:
    """Return what follows from messages that come together."""
    items = []
    for number, (subject, data) in enumerate(messages):
        fact = given.decode(subject, data)
        if given.correlate(fact) is not None:
            time = build.NOW + timedelta(seconds=count + number)
            items.append(Arrived(value=fact, seq=count + number + 1, time=time))
    found: Decision = given.react(state, tuple(items), context())
    return found


@pytest.mark.guarantee("G13.4")
@pytest.mark.parametrize("turned", [False, True])
def test_the_worst_region_says_how_an_application_is(*, turned: bool) -> None:
    blog = Watched()
    broken = told(FSN, pod(900, waiting="CrashLoopBackOff"))
    # Made later, and so more to be believed, if both were one object.
    other = told(HEL, pod(7), minute=9)
    facts = (told(FSN, kustomization(10, "aaa")), told(HEL, kustomization(10, "aaa"), minute=9))
    blog.hear(*facts, *((other, broken) if turned else (broken, other)))
    assert (blog.seen.health, blog.seen.reason) == ("degraded", "CrashLoopBackOff")
    assert blog.seen.message.startswith(f"Pod blog-0 in {FSN}: ")
    assert not is_seen(blog.state, PROD, "ch-1")
    blog.hear(told(FSN, pod(901)))
    assert is_seen(blog.state, PROD, "ch-1")


@pytest.mark.guarantee("G13.5")
def test_what_was_never_seen_in_one_region_is_not_healthy() -> None:
    blog = Watched()
    blog.hear(*well(FSN))
    assert (blog.seen.applied, blog.seen.health, blog.seen.reason) == (
        *("unknown", "unknown", "NotSeen"),
    )
    assert (blog.seen.message, blog.seen.evidence[0].cluster) == (
        *(f"cluster {HEL}: nothing is seen of it in {HEL}", HEL),
    )
    assert not is_seen(blog.state, PROD, "ch-1")
    (link,) = marks("blog", PROD, blog.state).blocked_by
    assert (link.kind, link.name, link.code) == ("cluster", HEL, "no-cluster")
    blog.hear(*well(HEL))
    assert is_seen(blog.state, PROD, "ch-1")
    assert marks("blog", PROD, blog.state).blocked_by == ()


@pytest.mark.guarantee("G13.5")
def test_a_revision_is_seen_once_every_region_has_applied_it() -> None:
    blog = Watched()
    blog.hear(*well(FSN), *well(HEL))
    blog.want("ch-2", "bbb")
    blog.hear(*well(HEL, "bbb", 20))
    assert (blog.seen.applied, blog.seen.commit, blog.seen.revision) == ("pending", "", "")
    assert not is_applied(blog.state, PROD, "ch-2")
    blog.hear(told(FSN, kustomization(20, "aaa", ready="False", reason="BuildFailed")))
    assert (blog.seen.applied, blog.seen.health) == ("failed", "degraded")
    blog.hear(*well(FSN, "bbb", 30))
    assert is_seen(blog.state, PROD, "ch-2")


@pytest.mark.guarantee("G13.5")
def test_a_region_that_falls_silent_is_unknown_while_the_others_speak() -> None:
    blog = Watched()
    decision = blog.hear(*well(FSN), *well(HEL))
    names = [f"silent-{PROD}", f"silent-{PROD}@{FSN}", f"silent-{PROD}@{HEL}"]
    assert decision.timers == tuple(Arm(timer=name, after=observing.SILENT) for name in names)
    blog.silent(HEL)
    assert blog.silent(HEL) == Decision()
    assert {(item.cluster, item.status) for item in blog.seen.evidence} == {
        *((FSN, "healthy"), (HEL, "unknown")),
    }
    assert blog.seen.message.endswith(f"nothing has been heard from {HEL} for too long")
    assert (blog.seen.health, blog.seen.reason, blog.seen.applied) == (
        *("unknown", "Silent", "unknown"),
    )
    assert marks("blog", PROD, blog.state).blocked_by[-1].code == "silent"
    blog.hear(*well(FSN, version=20))
    assert not is_seen(blog.state, PROD, "ch-1")
    since = {item.silent_since for item in blog.seen.evidence if item.cluster == HEL}
    assert since == {build.NOW - observing.SILENT}
    # What its observer says again is the same version, and is believed.
    blog.hear(*well(HEL))
    assert is_seen(blog.state, PROD, "ch-1")
    assert {item.silent_since for item in blog.seen.evidence} == {None}


@pytest.mark.guarantee("G13.5")
def test_one_region_that_speaks_again_does_not_end_the_silence_of_another() -> None:
    blog = Watched()
    blog.hear(*well(FSN), *well(HEL))
    blog.silent()
    assert [type(one.event) for one in blog.silent(HEL).events] == [
        app1.ApplicationObserved,
        app1.ApplicationSilent,
    ]
    assert marks("blog", PROD, blog.state).stale_since is not None
    blog.hear(*well(FSN, version=20))
    assert marks("blog", PROD, blog.state).stale_since is None
    assert not is_seen(blog.state, PROD, "ch-1")


STORY: tuple[Message, ...] = (
    told(FSN, kustomization(900, "aaa")),
    told(FSN, pod(901, waiting="ImagePullBackOff")),
    told(FSN, pod(902)),
    # Its cluster was made anew, and counts from the beginning.
    told(HEL, kustomization(800, "aaa")),
    told(HEL, pod(801, waiting="CrashLoopBackOff")),
    told(HEL, kustomization(3, "aaa"), minute=5),
    told(HEL, pod(4), minute=5),
    told(HEL, pod(5, name="blog-1"), minute=5),
    told(HEL, pod(6, name="blog-1", event="DELETED"), minute=5),
)


@pytest.mark.guarantee("G13.4")
@given(data=st.data())
def test_two_regions_end_the_same_in_any_order(data: st.DataObject) -> None:
    left: Sequence[Message] = data.draw(st.permutations(STORY))
    blog = Watched()
    while left:
        size = data.draw(st.integers(1, len(left)))
        blog.hear(*left[:size])
        left = left[size:]
    found = {(item.cluster, item.name): item.version for item in blog.seen.evidence}
    assert found == {
        (FSN, "blog-prod"): 900,
        (FSN, "blog-0"): 902,
        (HEL, "blog-prod"): 3,
        (HEL, "blog-0"): 4,
    }
    assert is_seen(blog.state, PROD, "ch-1")


@pytest.mark.guarantee("G13.4")
def test_with_one_region_it_does_not_matter_what_its_cluster_is_called() -> None:
    blog = Watched(clusters=())
    blog.hear(told(FSN, kustomization(90, "aaa")), told(FSN, pod(91, waiting="CrashLoopBackOff")))
    blog.hear(told(HEL, kustomization(3, "aaa"), minute=5), told(HEL, pod(4), minute=5))
    assert {(item.cluster, item.applied, item.commit) for item in blog.seen.evidence} == {
        ("", None, "")
    }
    assert is_seen(blog.state, PROD, "ch-1")


@pytest.mark.guarantee("G13.5")
def test_what_names_no_cluster_makes_nothing_healthy_in_several_regions() -> None:
    blog = Watched()
    blog.hear(kustomization(10, "aaa"), pod(11))
    assert blog.seen.health == "unknown"
    # It is gone from sight, not from the cluster.
    assert not is_gone(blog.state, PROD, None)
    blog.hear(*well(FSN), *well(HEL))
    assert {item.cluster for item in blog.seen.evidence} == {FSN, HEL}
    assert is_seen(blog.state, PROD, "ch-1")
    assert blog.hear(pod(99, waiting="CrashLoopBackOff")) == Decision()


def test_a_removal_waits_for_every_region_that_was_heard_and_no_other() -> None:
    for heard in (BOTH, (FSN,)):
        blog = Watched()
        blog.hear(*(fact for cluster in heard for fact in well(cluster)))
        blog.want("ch-2", "bbb", gone=True)
        blog.hear(*(fact for cluster in heard for fact in well(cluster, "bbb", 12)))
        assert (blog.seen.applied, blog.seen.commit) == ("current", "bbb")
        for cluster in heard:
            assert not is_gone(blog.state, PROD, None)
            blog.hear(
                told(cluster, kustomization(14, "aaa", event="DELETED")),
                told(cluster, pod(15, event="DELETED")),
            )
        assert is_gone(blog.state, PROD, None)
        marks_ = (blog.seen.health, blog.seen.applied, blog.seen.commit, blog.seen.evidence)
        assert marks_ == ("missing", "unknown", "", ())


@each(
    [
        (("True", "True"), ("current", "aaa")),
        (("True", "Unknown"), ("pending", "aaa")),
        (("False", "Unknown"), ("failed", "aaa")),
        (("False", "True"), ("failed", "aaa")),
        (("False", ""), ("unknown", "")),
        (("", ""), ("unknown", "")),
    ]
)
def test_of_how_far_the_regions_are_the_worst_counts(
    ready: tuple[str, str], wanted: tuple[str, str]
) -> None:
    blog = Watched()
    for cluster, word in zip(BOTH, ready, strict=True):
        flux = [told(cluster, kustomization(10, "aaa", ready=word, reason="Some"))] if word else []
        blog.hear(told(cluster, pod(11)), *flux)
    assert (blog.seen.applied, blog.seen.commit) == wanted


def test_what_went_before_it_was_removed_is_not_waited_for() -> None:
    blog = Watched()
    blog.hear(*well(FSN))
    blog.hear(
        told(FSN, kustomization(12, "aaa", event="DELETED")), told(FSN, pod(13, event="DELETED"))
    )
    assert {item.reason for item in blog.seen.evidence} == {"NotSeen"}
    blog.want("ch-2", "bbb", gone=True)
    assert is_gone(blog.state, PROD, None)


def spread(place: Town) -> None:
    """Let the Environment have two regions from now on."""
    placed = tuple(
        env1.Region(provider="hetzner", region=name, building_block="rtz", host_cluster=cluster)
        for name, cluster in (("fsn", FSN), ("hel", HEL))
    )
    place.given(
        foreign.environment_ref("acme", PROD),
        env1.EnvironmentUpdated(environment=PROD, placement="multi-region", regions=placed),
    )


def until_observed(place: Town, change: str) -> None:
    """Go on until a change waits for what is seen."""
    while place.change(change).step in {"admit", "hold", "repository", "commit"}:
        if place.sent:
            place.answer(place.sent.pop(0))
        else:
            place.report(change, str(place.change(change).step), "blog")


class Heard:
    """What clusters say of the Application while a change works on it."""

    def __init__(self, place: Town) -> None:
        self.place = place
        self.source = source(lambda: 0.0)

    def __call__(self, *messages: Message) -> None:
        for item in hear(self.source, self.place.application("blog"), messages).events:
            assert isinstance(item.event, app1.ApplicationObserved)
            self.place.observe("blog", item.event)

    @property
    def commit(self) -> str:
        found = self.place.application("blog").binding(PROD).committed
        assert found is not None
        return found.commit


@pytest.mark.guarantee("G14.6")
def test_credit_is_not_captured_before_every_region_is_healthy() -> None:
    place = town()
    spread(place)
    apply(place, "ch-1", planned(place))
    until_observed(place, "ch-1")
    heard = Heard(place)

    def captures() -> int:
        return sum(isinstance(one.send.command, bill1.CaptureHold) for one in place.sent)

    heard(*well(HEL, heard.commit))
    assert (place.change("ch-1").step, captures()) == ("observe", 0)
    heard(told(FSN, pod(11, waiting="CrashLoopBackOff")))
    heard(told(FSN, kustomization(10, heard.commit)))
    assert (place.change("ch-1").step, captures()) == ("observe", 0)
    heard(told(FSN, pod(12)))
    assert (place.change("ch-1").step, captures()) == ("capture", 1)


@pytest.mark.guarantee("G13.5")
def test_a_region_that_was_added_is_missed_though_the_commit_is_the_same() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    until_observed(place, "ch-1")
    heard = Heard(place)
    before = heard.commit
    heard(*well(FSN, before))
    place.answer_all()
    assert place.change("ch-1").status == "completed"
    spread(place)
    apply(place, "ch-2", planned(place, "configure"))
    until_observed(place, "ch-2")
    assert heard.commit == before
    assert place.change("ch-2").step == "observe"
    heard(*well(FSN, before, 20), *well(HEL, before))
    assert place.change("ch-2").step != "observe"
