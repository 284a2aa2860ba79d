"""From facts to what is seen: the newest counts, and nothing that was not seen is healthy."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build
from tests.support.each import each
from tests.support.facts import kustomization, pod

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.decision import Arm, Arrived, Context, Decision, Fired
from catalyst.contracts.provisioning_values_v1 import Desired, Evidence
from catalyst.provisioning.adapters.hearing import source
from catalyst.provisioning.domain import observing, seen
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Observed,
    application_ref,
    evolve,
)
from catalyst.provisioning.domain.fulfilled import is_gone, is_seen

BLOG = application_ref("acme", "blog")
PROD = "acme-prod"
Message = tuple[str, bytes]


def desired(change: str) -> Desired:
    return Desired(
        change=change, blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
    )


def committed(change: str, commit: str) -> app1.RevisionCommitted:
    return app1.RevisionCommitted(
        environment=PROD, change=change, repository="blog", branch="main", commit=commit
    )


class Watched:
    """An Application whose facts come one after the other, through the real source."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.source = source(lambda: self.seconds)
        self.state = Application(bindings={PROD: Binding(desired=desired("ch-1"))})
        self.tell(committed("ch-1", "aaa"))
        self.count = 0
        self.events: list[Any] = []

    def tell(self, event: Any) -> None:
        self.state = evolve(self.state, event)

    def context(self) -> Context:
        return Context(
            now=build.NOW, ref=BLOG, actor=build.service("provisioning"), input_id="i", done_id="d"
        )

    def hear(self, *messages: Message) -> Decision:
        """Let messages come together."""
        items = []
        for subject, data in messages:
            self.count += 1
            fact = self.source.decode(subject, data)
            if self.source.correlate(fact) is not None:
                time = build.NOW + timedelta(seconds=self.count)
                items.append(Arrived(value=fact, seq=self.count, time=time))
        decision = self.source.react(self.state, tuple(items), self.context())
        for item in decision.events:
            self.events.append(item.event)
            self.tell(item.event)
        return decision

    @property
    def seen(self) -> Observed:
        found = self.state.binding(PROD).observed
        assert found is not None
        return found


HEALTHY: tuple[Message, ...] = (kustomization(10, "aaa"), pod(11))


def test_what_was_committed_and_runs_is_healthy_on_its_revision() -> None:
    blog = Watched()
    assert not is_seen(blog.state, PROD, "ch-1")
    blog.hear(*HEALTHY)
    assert (blog.seen.applied, blog.seen.revision, blog.seen.health) == (
        *("current", "ch-1", "healthy"),
    )
    assert is_seen(blog.state, PROD, "ch-1")


def test_a_new_revision_is_not_healthy_because_the_one_before_it_was() -> None:
    blog = Watched()
    blog.hear(*HEALTHY)
    blog.tell(app1.DesiredSet(environment=PROD, change="ch-2", desired=desired("ch-2")))
    blog.tell(committed("ch-2", "bbb"))
    blog.hear(pod(20), kustomization(21, "aaa"))
    assert not is_seen(blog.state, PROD, "ch-2")
    blog.hear(kustomization(22, "aaa", ready="Unknown", reason="Progressing"))
    assert (blog.seen.applied, blog.seen.health) == ("pending", "progressing")
    blog.hear(kustomization(23, "bbb", generation=2))
    assert not is_seen(blog.state, PROD, "ch-2")
    blog.hear(kustomization(24, "bbb", generation=2, observed=2))
    assert is_seen(blog.state, PROD, "ch-2")


def test_what_was_applied_before_its_commit_was_reported_is_recognised_then() -> None:
    blog = Watched()
    blog.tell(app1.DesiredSet(environment=PROD, change="ch-2", desired=desired("ch-2")))
    blog.hear(kustomization(10, "bbb"), pod(11))
    assert not is_seen(blog.state, PROD, "ch-2")
    blog.tell(committed("ch-2", "bbb"))
    assert is_seen(blog.state, PROD, "ch-2")


@each(
    [
        (pod(12, waiting="CrashLoopBackOff"), "degraded", "CrashLoopBackOff"),
        (pod(12, waiting="ImagePullBackOff"), "degraded", "ImagePullBackOff"),
        (pod(12, ready=False, scheduled=False), "degraded", "Unschedulable"),
        (pod(12, ready=False), "progressing", "Starting"),
        (kustomization(12, "aaa", ready="False", reason="BuildFailed"), "degraded", "BuildFailed"),
        (
            kustomization(12, "aaa", ready="False", reason="DependencyNotReady"),
            *("progressing", "DependencyNotReady"),
        ),
    ]
)
def test_the_worst_object_says_how_it_is(message: Message, health: str, reason: str) -> None:
    blog = Watched()
    blog.hear(*HEALTHY, message)
    assert (blog.seen.health, blog.seen.reason) == (health, reason)
    assert blog.seen.evidence[0].reason == reason
    assert not is_seen(blog.state, PROD, "ch-1")


def test_only_what_has_changed_is_written() -> None:
    blog = Watched()
    assert len(blog.hear(*HEALTHY).events) == 1
    again = blog.hear(kustomization(20, "aaa"), pod(21), pod(22))
    assert again == Decision()
    blog.seconds = observing.BEAT.total_seconds() + 1
    assert blog.hear(pod(23)) == Decision(
        timers=(Arm(timer=f"silent-{PROD}", after=observing.SILENT),)
    )


@pytest.mark.guarantee("G13.4")
def test_what_comes_late_or_twice_takes_nothing_back() -> None:
    blog = Watched()
    crash = pod(12, waiting="CrashLoopBackOff")
    blog.hear(*HEALTHY, crash)
    blog.hear(pod(13))
    blog.hear(pod(14))
    before = blog.state
    # 12 was told already; 13 was told and is not in the log, because 14 says the same.
    for late in (crash, pod(13, waiting="CrashLoopBackOff"), kustomization(9, "zzz")):
        assert blog.hear(late) == Decision()
    assert blog.state == before


STORY: tuple[Message, ...] = (
    kustomization(1, "aaa", ready="Unknown", reason="Progressing"),
    pod(2, ready=False),
    pod(3, waiting="ImagePullBackOff"),
    pod(4, name="blog-1", ready=False),
    pod(5),
    pod(6, name="blog-1"),
    kustomization(7, "aaa"),
    pod(8, name="blog-1", event="DELETED"),
)


@pytest.mark.guarantee("G13.4")
@given(data=st.data())
def test_any_order_any_repeats_and_any_company_end_the_same(data: st.DataObject) -> None:
    told = data.draw(st.permutations(STORY + data.draw(st.sampled_from([(), STORY]))))
    blog, straight = Watched(), Watched()
    straight.hear(*STORY)
    left: Sequence[Message] = told
    while left:
        size = data.draw(st.integers(1, len(left)))
        blog.hear(*left[:size])
        left = left[size:]

    def shown(found: Watched) -> Any:
        return msgspec.structs.replace(found.seen, observed_at=build.NOW)

    assert shown(blog) == shown(straight)
    assert blog.seen.health == "healthy"


def test_what_is_gone_stays_gone_and_may_come_again_under_a_new_id() -> None:
    blog = Watched()
    blog.hear(*HEALTHY)
    blog.hear(pod(12, event="DELETED"), kustomization(13, "aaa", event="DELETED"))
    assert (blog.seen.health, blog.seen.applied) == ("missing", "unknown")
    assert is_gone(blog.state, PROD, None)
    restarted = Watched()
    restarted.state = blog.state
    assert restarted.hear(pod(11), kustomization(10, "aaa")).events == ()


def fact(kind: str, version: int, uid: str, *, status: Any = "healthy", **more: Any) -> seen.Fact:
    """Return what is seen of the one object of a kind."""
    name = more.pop("name", kind.lower())
    evidence = Evidence(
        kind=kind, namespace="blog", name=name, uid=uid, version=version, status=status
    )
    given = {"source": "cluster", **more}
    return seen.Fact(
        organization="acme", application="blog", environment=PROD, evidence=evidence, **given
    )


def folded(binding: Binding, minute: int, *facts_: seen.Fact) -> Binding:
    """Return what is seen after facts of one minute."""
    time = build.NOW + timedelta(minutes=minute)
    return msgspec.structs.replace(
        binding, observed=observing.fold(binding, [(one, time) for one in facts_])
    )


def observed(binding: Binding) -> Observed:
    assert binding.observed is not None
    return binding.observed


@pytest.mark.guarantee("G13.4")
@pytest.mark.parametrize("gone", [False, True])
def test_what_comes_late_of_the_object_before_leaves_the_one_that_took_its_name(
    *, gone: bool
) -> None:
    first = folded(Binding(), 0, fact("Deployment", 10, "u1"))
    second = folded(first, 1, fact("Deployment", 20, "u2"))
    late = folded(second, 2, fact("Deployment", 16, "u1", status="degraded", gone=gone))
    (item,) = observed(late).evidence
    assert (item.uid, observed(late).health, observed(late).gone) == ("u2", "healthy", ())


def made(minute: int, told: Message) -> Message:
    """Return a fact of an object that its cluster made at a minute."""
    subject, data = told
    body = msgspec.json.decode(data)
    metadata = body["object"]["metadata"]
    metadata["creationTimestamp"] = f"2026-11-28T10:{minute:02}:00Z"
    metadata["uid"] = f"{metadata['name']}-of-{minute}"
    return subject, msgspec.json.encode(body)


@pytest.mark.guarantee("G13.4")
def test_a_cluster_that_was_made_anew_is_believed_at_once() -> None:
    blog = Watched()
    blog.hear(made(0, kustomization(900_000, "aaa")), made(0, pod(900_001)))
    blog.hear(made(5, pod(12, waiting="CrashLoopBackOff")))
    assert (blog.seen.health, blog.seen.evidence[0].uid) == ("degraded", "blog-0-of-5")
    before = blog.state
    for event in ("MODIFIED", "DELETED"):
        assert blog.hear(made(0, pod(900_002, event=event))) == Decision()
    assert blog.state == before


REBUILT: tuple[Message, ...] = (
    made(0, kustomization(900, "aaa")),
    made(0, pod(901, waiting="ImagePullBackOff")),
    made(0, pod(902)),
    # Recreated in the same cluster, once with and once without a word about its end.
    made(1, pod(903, ready=False)),
    made(1, pod(904, event="DELETED")),
    made(2, pod(905, waiting="CrashLoopBackOff")),
    # Another cluster, which counts from the beginning.
    made(5, kustomization(3, "zzz", ready="Unknown", reason="Progressing")),
    made(5, kustomization(9, "aaa")),
    made(5, pod(4, ready=False)),
    made(5, pod(8)),
    made(5, pod(5, name="blog-1")),
    made(5, pod(6, name="blog-1", event="DELETED")),
    made(0, pod(990, name="blog-1")),
)


@pytest.mark.guarantee("G13.4")
@given(data=st.data())
def test_recreated_objects_and_rebuilt_clusters_end_the_same_in_any_order(
    data: st.DataObject,
) -> None:
    told = data.draw(st.permutations(REBUILT + data.draw(st.sampled_from([(), REBUILT]))))
    blog = Watched()
    left: Sequence[Message] = told
    while left:
        size = data.draw(st.integers(1, len(left)))
        blog.hear(*left[:size])
        if data.draw(st.booleans()):
            blog.source = source(lambda: 0.0)
        left = left[size:]
    found = {item.name: (item.uid, item.version) for item in blog.seen.evidence}
    assert found == {"blog-prod": ("blog-prod-of-5", 9), "blog-0": ("blog-0-of-5", 8)}
    assert (blog.seen.applied, blog.seen.commit) == ("current", "aaa")


@pytest.mark.guarantee("G13.4")
def test_an_end_is_believed_whatever_version_it_carries() -> None:
    for told in ((pod(9, event="DELETED"), pod(10)), (pod(10), pod(9, event="DELETED"))):
        blog = Watched()
        for one in told:
            blog.hear(one)
        assert (blog.seen.health, blog.seen.evidence) == ("missing", ())


def test_what_was_kept_before_objects_had_a_time_of_their_making_is_read() -> None:
    blog = Watched()
    blog.hear(*HEALTHY)
    event = msgspec.to_builtins(blog.events[0])
    del event["ended"]
    for item in event["evidence"]:
        del item["created"]
    assert msgspec.convert(event, app1.ApplicationObserved) == blog.events[0]


@pytest.mark.guarantee("G13.4")
@pytest.mark.parametrize("silent", [False, True])
def test_what_is_simulated_says_nothing_where_a_cluster_was_heard(*, silent: bool) -> None:
    blog = Watched()
    blog.hear(kustomization(10, "aaa"), pod(11, waiting="CrashLoopBackOff"))
    if silent:
        blog.tell(app1.ApplicationSilent(environment=PROD, since=build.NOW))
    before = blog.state
    blog.seconds = observing.BEAT.total_seconds() + 1
    assert blog.hear(pod(12, source="simulator")) == Decision()
    assert blog.state == before
    # The refused fact was no beat of the cluster, so the next real one still is.
    assert blog.hear(pod(13, waiting="CrashLoopBackOff")).timers


@pytest.mark.guarantee("G13.4")
@pytest.mark.parametrize("turned", [False, True])
def test_what_was_simulated_is_forgotten_when_a_cluster_is_heard(*, turned: bool) -> None:
    played = (kustomization(90, "aaa", source="simulator"), pod(91, source="simulator"))
    mixed = (pod(92, source="simulator"), pod(3, name="blog-1", waiting="CrashLoopBackOff"))
    blog, fresh = Watched(), Watched()
    blog.hear(*played)
    for one in (blog, fresh):
        one.hear(*(reversed(mixed) if turned else mixed))
        (item,) = one.seen.evidence
        assert (item.name, one.seen.source, one.seen.commit) == ("blog-1", "cluster", "")


def test_that_both_are_heard_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    blog = Watched()
    for version in range(1, 4):
        blog.hear(pod(version, source="simulator"), pod(version, name="blog-1"))
    assert [one.getMessage() for one in caplog.records] == ["simulated facts beside a real cluster"]


@pytest.mark.guarantee("G13.4")
def test_the_applied_commit_is_not_forgotten_however_much_fares_badly() -> None:
    flux = fact("Kustomization", 100, "k", applied="current", commit="new")
    pods = [
        fact("Pod", 1, f"p{number}", name=f"p{number}", status="degraded")
        for number in range(observing.EVIDENCE_MAX + 5)
    ]
    found = folded(Binding(), 0, flux, *pods)
    assert len(observed(found).evidence) == observing.EVIDENCE_MAX
    late = fact("Kustomization", 50, "k", applied="current", commit="old")
    assert observed(folded(found, 1, late)).commit == "new"


@pytest.mark.guarantee("G13.5")
def test_silence_is_told_once_and_ends_with_the_next_fact() -> None:
    blog = Watched()
    decision = blog.hear(*HEALTHY)
    assert decision.timers == (Arm(timer=f"silent-{PROD}", after=observing.SILENT),)
    fired = Fired(timer=f"silent-{PROD}", gen="d")
    (silent,) = observing.fall_silent(blog.state, fired, blog.context()).events
    blog.tell(silent.event)
    assert not is_seen(blog.state, PROD, "ch-1")
    assert observing.fall_silent(blog.state, fired, blog.context()) == Decision()
    assert len(blog.hear(pod(12)).events) == 1
    assert is_seen(blog.state, PROD, "ch-1")


def test_nothing_is_seen_where_it_does_not_run() -> None:
    blog = Watched()
    blog.state = Application()
    assert blog.hear(*HEALTHY) == Decision()
