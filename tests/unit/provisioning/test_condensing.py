"""What is kept of all that is seen, what of it is told first, and what is worth an event."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import build
from tests.support.each import each
from tests.support.plans import DIGEST, PROD

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.decision import Arm, Arrived, Context, Decision
from catalyst.contracts.provisioning_values_v1 import Applied, Desired, Evidence, Health
from catalyst.provisioning.domain import observing
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Committed,
    Observed,
    Queued,
    application_ref,
)
from catalyst.provisioning.domain.seen import KUSTOMIZATION, Fact

DESIRED = Desired(
    change="ch-2", blueprint="bp-blog", origin="public", version="1.0.0", digest=DIGEST
)
RUNS = Binding(
    desired=DESIRED,
    committed=Committed(change="ch-2", repository="blog", branch="main", commit="bbb"),
)


def fact(
    name: str,
    version: int = 1,
    *,
    kind: str = "Pod",
    status: Health = "healthy",
    gone: bool = False,
    beat: bool = False,
    applied: Applied | None = None,
    commit: str = "",
    **told: Any,
) -> Fact:
    """Return what is seen of one object."""
    given = {"uid": f"u-{name}", "namespace": "blog", **told}
    return Fact(
        organization="acme",
        application="blog",
        environment=PROD,
        evidence=Evidence(kind=kind, name=name, version=version, status=status, **given),
        gone=gone,
        applied=applied,
        commit=commit,
        source="cluster",
        beat=beat,
    )


def flux(commit: str, version: int = 1, applied: Applied = "current", **told: Any) -> Fact:
    return fact("blog-prod", version, kind=KUSTOMIZATION, applied=applied, commit=commit, **told)


def seen(binding: Binding, *facts: Fact) -> Observed:
    """Return what is seen after facts."""
    found = observing.fold(binding, [(one, build.NOW) for one in facts])
    assert found is not None
    return found


def after(binding: Binding, *facts: Fact) -> Binding:
    return msgspec.structs.replace(binding, observed=seen(binding, *facts))


# ---- what is kept


def test_of_too_much_the_worst_is_kept() -> None:
    fine = [fact(f"fine-{number:03}") for number in range(observing.EVIDENCE_MAX)]
    assert len(seen(RUNS, *fine).evidence) == 100
    found = seen(RUNS, *fine, fact("broken", status="degraded"), flux("bbb"))
    assert len(found.evidence) == 100
    assert (found.health, found.evidence[0].name) == ("degraded", "broken")
    # What says which commit is applied has its place, wherever it would stand.
    assert sum(item.kind == KUSTOMIZATION for item in found.evidence) == 1
    assert {item.name for item in found.evidence if item.kind == "Pod"} == {
        *("broken", *(one.evidence.name for one in fine[:98])),
    }


def test_the_newest_ends_are_remembered() -> None:
    ends = [fact(f"pod-{number:03}", number, gone=True) for number in range(102)]
    found = seen(RUNS, *ends)
    assert found.gone == tuple(f"u-pod-{number:03}" for number in range(2, 102))
    assert [item.name for item in found.ended] == [f"pod-{number:03}" for number in range(2, 102)]
    # One that ends once more is the newest.
    again = seen(msgspec.structs.replace(RUNS, observed=found),
                 fact("pod-002", 900, gone=True, uid="another"))  # fmt: skip
    assert (again.gone[-1], again.ended[-1].name, len(again.ended)) == (
        *("another", "pod-002", 100),
    )


def test_of_an_end_only_which_object_it_was_is_kept() -> None:
    end = fact("pod", 7, gone=True, status="degraded", reason="Bad", message="so", change="ch-1")
    (item,) = seen(RUNS, end).ended
    assert (item.status, item.reason, item.message, item.change) == ("missing", "", "", "")
    assert (item.name, item.uid, item.version) == ("pod", "u-pod", 7)


# ---- what is told first


@each([
        (("Deployment", "progressing"), ("Pod", "progressing"), "Pod"),
        (("StatefulSet", "degraded"), ("Pod", "degraded"), "Pod"),
        (("DaemonSet", "degraded"), ("PersistentVolumeClaim", "degraded"), "PersistentVolumeClaim"),
        (("ReplicaSet", "degraded"), ("Service", "degraded"), "Service"),
        (("ReplicationController", "progressing"), ("Pod", "progressing"), "Pod"),
        ((KUSTOMIZATION, "degraded"), ("Deployment", "degraded"), "Deployment"),
        ((KUSTOMIZATION, "degraded"), ("Pod", "progressing"), KUSTOMIZATION),
        (("Pod", "healthy"), ("Deployment", "progressing"), "Deployment"),
        (("Pod", "unknown"), ("Deployment", "degraded"), "Pod"),
    ])  # fmt: skip
def test_of_two_that_fare_alike_what_the_other_rests_on_is_told(
    one: tuple[str, Health], other: tuple[str, Health], first: str
) -> None:
    facts = [fact("x", kind=kind, status=status, reason="R") for kind, status in (one, other)]
    for order in (facts, facts[::-1]):
        found = seen(RUNS, *order)
        assert found.evidence[0].kind == first
        assert (found.health, found.reason) == (found.evidence[0].status, "R")


def test_the_words_name_the_object_and_say_what_it_says_or_why() -> None:
    told = seen(RUNS, fact("x", status="degraded", reason="Bad", message="no room"))
    assert told.message == "Pod x: no room"
    assert seen(RUNS, fact("x", status="degraded", reason="Bad")).message == "Pod x: Bad"
    assert (seen(RUNS, fact("x", message="fine")).message, seen(RUNS, fact("x")).reason) == ("", "")
    left = seen(RUNS, fact("x", gone=True))
    assert (left.health, left.reason, left.message) == ("missing", "Gone", "nothing of it is left")


def test_the_worst_of_all_counts_and_of_nothing_nothing_is_known() -> None:
    worst: tuple[Health, ...] = ("healthy", "degraded", "progressing")
    assert [observing.worst(worst), observing.worst(()), observing.worst(worst[:1])] == [
        *("degraded", "unknown", "healthy"),
    ]


# ---- the revision


def test_a_revision_is_known_by_its_commit_until_another_is_applied() -> None:
    assert (seen(RUNS, flux("bbb")).revision, seen(RUNS, flux("aaa")).revision) == ("ch-2", "")
    binding = after(RUNS, flux("bbb"))
    later = msgspec.structs.replace(
        binding,
        committed=Committed(change="ch-3", repository="blog", branch="main", commit="ccc"),
    )
    # What is applied still is what it was known as.
    assert seen(later, fact("x")).revision == "ch-2"
    assert seen(later, flux("aaa", 2)).revision == ""
    assert seen(later, flux("ccc", 2)).revision == "ch-3"
    gone = seen(later, flux("bbb", 2, gone=True))
    assert (gone.applied, gone.commit, gone.revision) == ("unknown", "", "")


# ---- what is worth an event


def differ(**told: Any) -> bool:
    """Return whether it is worth an event that one object says this as well."""
    before = seen(RUNS, fact("x", status="degraded", reason="Bad", message="one"))
    word = {"status": "degraded", "reason": "Bad", "message": "one", **told}
    binding = msgspec.structs.replace(RUNS, observed=before)
    return observing.differs(before, seen(binding, fact("x", 2, **word)))


def test_an_object_that_fares_otherwise_is_worth_an_event_and_other_words_are_not() -> None:
    assert not differ()
    assert not differ(message="two")
    assert differ(status="progressing")
    assert differ(reason="Worse")
    assert differ(uid="another")
    assert differ(change="ch-9")
    assert differ(created=build.NOW)


def test_what_was_silent_is_worth_an_event_once_it_speaks() -> None:
    found = seen(RUNS, fact("x"))
    silent = msgspec.structs.replace(found, silent_since=build.NOW)
    assert observing.differs(silent, found)
    assert not observing.differs(found, found)


def hear(state: Application, *facts: Fact) -> Decision:
    """Return what follows from facts that come together."""
    context = Context(
        now=build.NOW,
        ref=application_ref("acme", "blog"),
        actor=build.service("provisioning"),
        input_id="i",
        done_id="d",
    )
    items = tuple(
        Arrived(value=one, seq=number, time=build.NOW + timedelta(seconds=number))
        for number, one in enumerate(facts, 1)
    )
    return observing.react(state, items, context)


@pytest.mark.parametrize("at_work", [False, True])
def test_what_is_seen_is_told_to_the_change_that_works_on_it(*, at_work: bool) -> None:
    waiting = Queued(change="ch-4", environment=PROD, action="configure")
    working = msgspec.structs.replace(waiting, change="ch-3", taken=True)
    queue = (working, waiting) if at_work else (waiting,)
    (told,) = hear(Application(bindings={PROD: RUNS}, queue=queue), fact("x")).events
    assert isinstance(told.event, app1.ApplicationObserved)
    assert told.event.change == ("ch-3" if at_work else "")
    assert told.event.observed_at == build.NOW + timedelta(seconds=1)


def test_silence_is_put_off_by_what_changes_something_and_else_now_and_then() -> None:
    state = Application(bindings={PROD: after(RUNS, fact("x"), fact("y"))})
    timers = (Arm(timer=f"silent-{PROD}", after=timedelta(minutes=15)),)
    assert hear(state, fact("x", 2)) == Decision()
    assert hear(state, fact("x", 2), fact("y", 2, beat=True)) == Decision(timers=timers)
    told = hear(state, fact("x", 2, status="degraded"))
    assert (len(told.events), told.timers) == (1, timers)
    # What comes late says nothing of now.
    state = Application(bindings={PROD: after(RUNS, fact("x", 5))})
    assert hear(state, fact("x", 4, beat=True)) == Decision()


def test_of_several_clusters_each_puts_its_own_silence_off() -> None:
    binding = msgspec.structs.replace(RUNS, clusters=("one", "two"))
    found = [fact("x", cluster=name, uid=name) for name in binding.clusters]
    state = Application(bindings={PROD: after(binding, *found)})
    beats = [
        fact("x", 2, cluster="one", uid="one"),
        fact("x", 2, cluster="two", uid="two", beat=True),
    ]
    names = [one.timer for one in hear(state, *beats).timers]
    assert names == [f"silent-{PROD}", f"silent-{PROD}@two"]
