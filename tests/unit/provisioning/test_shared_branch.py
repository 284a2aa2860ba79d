"""Environments that share a branch: each commit holds all, and each knows what it runs by it."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import build
from tests.support.facts import kustomization, pod

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.decision import Arrived, Context
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.adapters.hearing import source
from catalyst.provisioning.domain import fulfilled, observing
from catalyst.provisioning.domain.application import (
    HISTORY_MAX,
    Application,
    Observed,
    application_ref,
    evolve,
)

pytestmark = pytest.mark.guarantee("G13.11")

PROD = "acme-prod"
LIVE = "acme-live"
"""Another Environment whose Applications stand on the same branch."""
CLUSTERS = ("hz-fsn", "hz-hel")


def set_(environment: str, change: str, *, clusters: tuple[str, ...] = ()) -> app1.DesiredSet:
    wanted = Desired(
        change=change, blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
    )
    return app1.DesiredSet(
        environment=environment, change=change, desired=wanted, clusters=clusters
    )


def committed(
    environment: str, change: str, commit: str, branch: str = "main"
) -> app1.RevisionCommitted:
    return app1.RevisionCommitted(
        environment=environment, change=change, repository="blog", branch=branch, commit=commit
    )


class Shared:
    """An Application in two Environments, whose facts come through the real source."""

    def __init__(self, branch: str = "main", clusters: tuple[str, ...] = ()) -> None:
        self.branch = branch
        self.state = Application()
        self.source = source(lambda: 0.0)
        self.count = 0
        self.tell(
            set_(PROD, "ch-1", clusters=clusters),
            committed(PROD, "ch-1", "aaa"),
            set_(LIVE, "ch-2"),
            committed(LIVE, "ch-2", "bbb", branch),
        )

    def tell(self, *events: Any) -> None:
        for event in events:
            self.state = evolve(self.state, event)

    def hear(self, commit: str, cluster: str = "") -> list[Any]:
        """Let the cluster of the first one say that it applied a commit; return what follows."""
        self.count += 1
        arrived = []
        for subject, data in (
            kustomization(self.count, commit, cluster=cluster),
            pod(self.count, cluster=cluster),
        ):
            fact = self.source.decode(subject, data)
            assert self.source.correlate(fact) is not None
            time = build.NOW + timedelta(seconds=self.count)
            arrived.append(Arrived(value=fact, seq=self.count, time=time))
        context = Context(
            now=build.NOW,
            ref=application_ref("acme", "blog"),
            actor=build.service("provisioning"),
            input_id="i",
            done_id="d",
        )
        events = [
            one.event for one in self.source.react(self.state, tuple(arrived), context).events
        ]
        self.tell(*events)
        return events

    @property
    def seen(self) -> Observed:
        found = self.state.binding(PROD).observed
        assert found is not None
        return found


def test_a_commit_for_the_other_one_is_no_other_revision() -> None:
    blog = Shared()
    (told,) = blog.hear("bbb")
    assert (told.revision, told.commit, told.applied) == ("ch-1", "bbb", "current")
    assert fulfilled.is_seen(blog.state, PROD, "ch-1")
    assert fulfilled.is_applied(blog.state, PROD, "ch-1")
    # The one before it says the same.
    blog.hear("aaa")
    assert (blog.seen.revision, blog.seen.commit) == ("ch-1", "aaa")


def test_a_commit_on_another_branch_is_none_of_it() -> None:
    blog = Shared("develop")
    (told,) = blog.hear("bbb")
    assert (told.revision, told.commit) == ("", "bbb")
    assert not fulfilled.is_seen(blog.state, PROD, "ch-1")
    assert not fulfilled.is_applied(blog.state, PROD, "ch-1")


def test_what_is_committed_anew_is_another_revision_than_what_the_other_one_has_it_with() -> None:
    blog = Shared()
    blog.tell(set_(PROD, "ch-3"), committed(PROD, "ch-3", "ccc"))
    (told,) = blog.hear("bbb")
    assert told.revision == ""
    (told,) = blog.hear("ccc")
    assert told.revision == "ch-3"
    own = blog.state.binding(PROD).committed
    assert own is not None
    assert own.later == ()
    # Of the other one the same commit is a later one.
    other = blog.state.binding(LIVE).committed
    assert other is not None
    assert other.commits == ("bbb", "ccc")


def test_a_commit_for_both_is_the_own_one_of_each() -> None:
    blog = Shared()
    blog.tell(set_(PROD, "ch-3"), set_(LIVE, "ch-3"))
    blog.tell(committed(LIVE, "ch-3", "ccc"), committed(PROD, "ch-3", "ccc"))
    for name in (PROD, LIVE):
        own = blog.state.binding(name).committed
        assert own is not None
        assert (own.change, own.commits) == ("ch-3", ("ccc",))


def test_of_later_commits_the_newest_are_known() -> None:
    blog = Shared()
    commits = [f"c{number}" for number in range(HISTORY_MAX + 5)]
    blog.tell(*(committed(LIVE, f"ch-{commit}", commit) for commit in commits))
    own = blog.state.binding(PROD).committed
    assert own is not None
    assert own.later == tuple(commits[-HISTORY_MAX:])
    assert own.commit == "aaa"


def test_one_that_was_applied_before_it_was_reported_is_known_by_then_and_told() -> None:
    blog = Shared()
    (told,) = blog.hear("ccc")
    assert told.revision == ""
    before = blog.state
    blog.tell(committed(LIVE, "ch-3", "ccc"))
    assert blog.seen.revision == "ch-1"
    (again,) = observing.named(before, blog.state)
    assert again == app1.ApplicationObserved(
        **{name: getattr(told, name) for name in told.__struct_fields__ if name != "revision"},
        revision="ch-1",
    )
    assert list(observing.named(blog.state, blog.state)) == []


def test_what_was_silent_stays_so() -> None:
    blog = Shared()
    blog.hear("ccc")
    silent = app1.ApplicationSilent(environment=PROD, since=build.NOW)
    blog.tell(silent)
    before = blog.state
    blog.tell(committed(LIVE, "ch-3", "ccc"))
    told, still = observing.named(before, blog.state)
    assert isinstance(told, app1.ApplicationObserved)
    assert (told.revision, still) == ("ch-1", silent)


def test_several_clusters_with_either_commit_have_the_same() -> None:
    blog = Shared(clusters=CLUSTERS)
    blog.hear("aaa", CLUSTERS[0])
    blog.hear("bbb", CLUSTERS[1])
    assert (blog.seen.revision, blog.seen.commit, blog.seen.applied) == ("ch-1", "aaa", "current")
    blog.hear("zzz", CLUSTERS[1])
    assert (blog.seen.revision, blog.seen.commit, blog.seen.applied) == ("", "", "pending")
