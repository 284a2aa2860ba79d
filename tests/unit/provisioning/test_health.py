"""How an object is, by what Kubernetes and Flux say in its status; and how far a commit is."""

from typing import Any

import msgspec
import pytest
from tests.support import facts
from tests.support.each import each
from tests.support.facts import kustomization, pod

from catalyst.contracts.codec import Undecodable
from catalyst.provisioning.domain import seen

WELL = ("healthy", "", "")


def says(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, Any]:
    """Return a status with one condition."""
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    return {"conditions": [{"type": "Other", "status": status, "reason": "Other"}, told]}


def of(kind: str, status: dict[str, Any], **spec: Any) -> seen.Status:
    """Return how an object with a status is."""
    return seen.health(
        {"kind": kind, "metadata": {"generation": 1}, "spec": spec, "status": status}
    )


STUCK = says("Progressing", "False", "ProgressDeadlineExceeded", "it  takes\ntoo long")
MOVES = says("Progressing", "True", "NewReplicaSetAvailable")


@each([
        # Kubernetes leaves out what is 0.
        ("Deployment", {"readyReplicas": 1, "updatedReplicas": 1}, {}, WELL),
        ("Deployment", {"readyReplicas": 1}, {}, ("progressing", "RollingOut", "0 of 1 are ready")),
        ("Deployment", {}, {"replicas": 0}, WELL),
        ("Deployment", {"updatedReplicas": 1}, {"replicas": 1},
         ("progressing", "RollingOut", "0 of 1 are ready")),
        ("Deployment", {"readyReplicas": 3, "updatedReplicas": 2}, {"replicas": 3},
         ("progressing", "RollingOut", "2 of 3 are ready")),
        ("Deployment", {"readyReplicas": 1, "updatedReplicas": 3}, {"replicas": 3},
         ("progressing", "RollingOut", "1 of 3 are ready")),
        ("Deployment", {"readyReplicas": 4, "updatedReplicas": 4}, {"replicas": 3}, WELL),
        ("Deployment", {**MOVES, "readyReplicas": 1, "updatedReplicas": 1}, {"replicas": 1}, WELL),
        ("Deployment", {**STUCK, "readyReplicas": 1, "updatedReplicas": 1}, {"replicas": 1},
         ("degraded", "ProgressDeadlineExceeded", "it takes too long")),
        ("Deployment", says("Progressing", "False"), {}, ("degraded", "Stuck", "")),
        ("Deployment", {"readyReplicas": "1"}, {"replicas": 1},
         ("unknown", "NoStatus", "its status holds no numbers")),
        ("StatefulSet", {"readyReplicas": 2}, {"replicas": 2},
         ("progressing", "RollingOut", "0 of 2 are ready")),
        ("StatefulSet", {"readyReplicas": 2, "updatedReplicas": 2}, {"replicas": 2}, WELL),
        # It knows one template alone, and counts nothing as updated.
        ("ReplicaSet", {"readyReplicas": 2}, {"replicas": 2}, WELL),
        ("ReplicaSet", {"readyReplicas": 1}, {"replicas": 2},
         ("progressing", "RollingOut", "1 of 2 are ready")),
        ("ReplicationController", {"readyReplicas": 2}, {"replicas": 2}, WELL),
        ("ReplicationController", {"replicas": 2}, {"replicas": 2},
         ("progressing", "RollingOut", "0 of 2 are ready")),
        ("DaemonSet", {"desiredNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 2},
         {}, WELL),
        ("DaemonSet", {"desiredNumberScheduled": 2, "numberReady": 2}, {},
         ("progressing", "RollingOut", "0 of 2 are ready")),
        ("DaemonSet", {"desiredNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 1},
         {}, ("progressing", "RollingOut", "1 of 2 are ready")),
        ("DaemonSet", {"desiredNumberScheduled": 0, "numberReady": 0}, {}, WELL),
    ])  # fmt: skip
def test_a_workload_is_healthy_once_all_that_it_wants_is_new_and_ready(
    kind: str, status: dict[str, Any], spec: dict[str, Any], wanted: seen.Status
) -> None:
    assert of(kind, status, **spec) == wanted


@each([
        ({"phase": "Bound"}, WELL),
        ({"phase": "Lost"}, ("degraded", "Lost", "the volume is gone")),
        ({"phase": "Pending"}, ("progressing", "Pending", "the volume is not there yet")),
        ({}, ("progressing", "Pending", "the volume is not there yet")),
    ])  # fmt: skip
def test_a_claim_is_healthy_once_it_has_its_volume(
    status: dict[str, Any], wanted: seen.Status
) -> None:
    assert of("PersistentVolumeClaim", status) == wanted


@each([
        (says("Complete", "True"), WELL),
        (says("Complete", "False"), ("progressing", "Running", "it has not ended yet")),
        (says("Failed", "True", "BackoffLimitExceeded", "too often"),
         ("degraded", "BackoffLimitExceeded", "too often")),
        (says("Failed", "True"), ("degraded", "Failed", "")),
        (says("Failed", "False"), ("progressing", "Running", "it has not ended yet")),
        ({"active": 1}, ("progressing", "Running", "it has not ended yet")),
    ])  # fmt: skip
def test_a_job_is_healthy_once_it_has_ended_well(
    status: dict[str, Any], wanted: seen.Status
) -> None:
    assert of("Job", status) == wanted


def container(**state: Any) -> dict[str, Any]:
    return {"name": "one", "state": state}


PULLS = container(waiting={"reason": "ErrImagePull", "message": "no such image"})
COMES = container(waiting={"reason": "ContainerCreating"})
STARTS = ("progressing", "Starting", "not all of its containers are ready")


@each([
        ({"phase": "Running", **says("Ready", "True")}, WELL),
        ({"phase": "Running", **says("Ready", "False")}, STARTS),
        ({"phase": "Pending", **says("Ready", "True")}, STARTS),
        ({"phase": "Succeeded", **says("Ready", "False")}, WELL),
        ({"phase": "Failed", "reason": "Evicted", "message": "no memory"},
         ("degraded", "Evicted", "no memory")),
        ({"phase": "Failed"}, ("degraded", "Failed", "")),
        ({"phase": "Pending", **says("PodScheduled", "False", "SchedulingGated", "it waits")},
         ("degraded", "SchedulingGated", "it waits")),
        ({"phase": "Pending", **says("PodScheduled", "False")}, ("degraded", "Unschedulable", "")),
        ({"phase": "Pending", "containerStatuses": [COMES, PULLS]},
         ("degraded", "ErrImagePull", "no such image")),
        ({"phase": "Pending", "initContainerStatuses": [PULLS]},
         ("degraded", "ErrImagePull", "no such image")),
        ({"phase": "Pending", "containerStatuses": [COMES]}, STARTS),
    ])  # fmt: skip
def test_a_pod_is_healthy_once_all_of_it_is_ready(
    status: dict[str, Any], wanted: seen.Status
) -> None:
    assert of("Pod", status) == wanted


def owned(kind: str, *, controller: bool = True) -> dict[str, Any]:
    """Return the metadata of what something else made."""
    others = [{"kind": "ReplicaSet", "name": "other"}, {"kind": "Job", "controller": False}]
    return {"ownerReferences": [*others, {"kind": kind, "name": "it", "controller": controller}]}


@each([
        # Kubernetes leaves the failed one lying, and makes another.
        (owned("ReplicaSet"), {"phase": "Failed", "reason": "Evicted"}, "healthy"),
        (owned("ReplicationController"), {"phase": "Failed", "reason": "Evicted"}, "healthy"),
        (owned("Job"), {"phase": "Failed"}, "healthy"),
        (owned("Job"), {"phase": "Failed", **says("PodScheduled", "False")}, "healthy"),
        # Of these nobody makes another one under another name.
        (owned("StatefulSet"), {"phase": "Failed"}, "degraded"),
        (owned("Job", controller=False), {"phase": "Failed"}, "degraded"),
        ({"ownerReferences": "Job"}, {"phase": "Failed"}, "degraded"),
        ({}, {"phase": "Failed"}, "degraded"),
        # What still runs, or is to, speaks for itself.
        (owned("ReplicaSet"), {"phase": "Pending", "containerStatuses": [PULLS]}, "degraded"),
        (owned("ReplicaSet"), {"phase": "Running", **says("Ready", "False")}, "progressing"),
        (owned("Job"), {"phase": "Pending"}, "progressing"),
    ])  # fmt: skip
@pytest.mark.guarantee("G13.17")
def test_a_failed_pod_says_nothing_of_an_application_if_what_made_it_makes_another(
    metadata: dict[str, Any], status: dict[str, Any], wanted: str
) -> None:
    found = seen.health({"kind": "Pod", "metadata": metadata, "status": status})
    assert found[0] == wanted
    assert found == WELL or wanted != "healthy"


@pytest.mark.parametrize(
    "reason",
    [
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    ],
)
def test_a_container_that_will_not_come_up_by_itself_is_degraded(reason: str) -> None:
    status = {"phase": "Pending", "containerStatuses": [container(waiting={"reason": reason})]}
    assert of("Pod", status) == ("degraded", reason, "")


@each([
        ({}, WELL),
        (says("Ready", "True", "Succeeded", "all well"), WELL),
        (says("Ready", "False", "BuildFailed", "no such path"),
         ("degraded", "BuildFailed", "no such path")),
        (says("Ready", "False"), ("degraded", "", "")),
        *((says("Ready", "False", reason), ("progressing", reason, ""))
          for reason in ("Progressing", "ProgressingWithRetry", "DependencyNotReady")),
        (says("Ready", "Unknown", "Reconciling", "soon"), ("progressing", "Reconciling", "soon")),
        (says("Ready", "Unknown"), ("progressing", "Progressing", "")),
    ])  # fmt: skip
def test_of_anything_else_the_condition_ready_is_believed(
    status: dict[str, Any], wanted: seen.Status
) -> None:
    assert of("Kustomization", status) == wanted


@each([
        # Before it is ready for the first time Flux counts no generation as looked at.
        (-1, 1, 1, "DependencyNotReady"),
        (1, 2, 2, "DependencyNotReady"),
        (1, 1, 2, "Outdated"),
        (-1, None, 1, "Outdated"),
        (2, 1, 2, "DependencyNotReady"),
        # What is no number says nothing.
        ("1", 2, 2, "DependencyNotReady"),
        (None, 1, 2, "DependencyNotReady"),
        (2, "1", 2, "DependencyNotReady"),
    ])  # fmt: skip
@pytest.mark.guarantee("G13.20")
def test_what_flux_says_of_a_generation_is_believed_before_it_is_ready(
    observed: object, condition: object, generation: int, wanted: str
) -> None:
    said = says("Ready", "False", "DependencyNotReady")
    if condition is not None:
        said["conditions"][-1]["observedGeneration"] = condition
    item = {
        "kind": "Kustomization",
        "metadata": {"generation": generation},
        "status": {"observedGeneration": observed, **said},
    }
    assert seen.health(item)[:2] == ("progressing", wanted)


@each([
        ({"deletionTimestamp": "2026-03-02T12:00:00Z"},
         ("progressing", "Terminating", "it is being removed")),
        ({"generation": 3}, ("progressing", "Outdated", "its newest wish was not looked at yet")),
        ({"generation": 2}, WELL),
        ({"generation": 1}, WELL),
        ({}, WELL),
    ])  # fmt: skip
def test_nothing_that_goes_or_was_not_looked_at_is_healthy(
    metadata: dict[str, Any], wanted: seen.Status
) -> None:
    status = {"observedGeneration": 2, **says("Ready", "True")}
    assert seen.health({"kind": "HelmRelease", "metadata": metadata, "status": status}) == wanted


@each([
        ("Kustomization", says("Ready", "True"), True),
        ("Kustomization", {**says("Ready", "True"), "observedGeneration": 0}, True),
        ("Kustomization", {}, True),
        ("HelmRelease", says("Ready", "Unknown"), True),
        ("GitRepository", says("Ready", "True"), True),
        ("OCIRepository", says("Ready", "True"), True),
        ("HelmRepository", {}, True),
        ("HelmChart", {**says("Ready", "True"), "observedGeneration": 0}, True),
        ("Bucket", says("Ready", "True"), True),
        # What has failed says more.
        ("Kustomization", says("Ready", "False", "BuildFailed"), False),
        # Of these it says what they do themselves.
        ("CronJob", {}, False),
        ("Job", {}, False),
    ])  # fmt: skip
@pytest.mark.guarantee("G13.7")
def test_what_flux_was_told_to_leave_alone_says_so(
    kind: str,
    status: dict[str, Any],
    said: bool,  # noqa: FBT001 - drawn from the table
) -> None:
    words = "Flux was told to leave it alone (suspend): nothing that is committed is applied"
    found = of(kind, status, suspend=True)
    assert (found == ("progressing", "Suspended", words)) is said
    for going in ({"suspend": False}, {}, {"suspend": "true"}):
        assert of(kind, status, **going)[1] != "Suspended"
    gone = {"deletionTimestamp": "2026-03-02T12:00:00Z"}
    item = {"kind": kind, "metadata": gone, "spec": {"suspend": True}, "status": status}
    assert seen.health(item)[1] == "Terminating"


# ---- a commit


def applied(ready: str, revision: str, reason: str = "Some") -> tuple[str | None, str]:
    """Return how far a Kustomization is, and with which commit."""
    subject, data = kustomization(1, "", ready=ready, reason=reason)
    body = msgspec.json.decode(data)
    body["object"]["status"]["lastAppliedRevision"] = revision
    fact = seen.decode(subject, msgspec.json.encode(body))
    assert fact is not None
    return fact.applied, fact.commit


@each([
        ("True", "main@sha1:abc", "Some", ("current", "abc")),
        ("True", "", "Some", ("pending", "")),
        ("True", "main", "Some", ("pending", "")),
        ("False", "main@sha1:abc", "BuildFailed", ("failed", "abc")),
        ("False", "main@sha1:abc", "DependencyNotReady", ("pending", "abc")),
        ("Unknown", "main@sha1:abc", "Some", ("pending", "abc")),
    ])  # fmt: skip
def test_a_commit_is_current_once_flux_is_ready_with_it(
    ready: str, revision: str, reason: str, wanted: tuple[str, str]
) -> None:
    assert applied(ready, revision, reason) == wanted


def test_of_one_cluster_among_several_its_own_commit_is_kept() -> None:
    told = kustomization(1, "abc", cluster="hz-fsn-rtz-prod")
    for (subject, data), wanted in (
        (told, ("hz-fsn-rtz-prod", "current", "abc")),
        (kustomization(1, "abc"), ("", None, "")),
        (pod(1, cluster="hz-fsn-rtz-prod"), ("hz-fsn-rtz-prod", None, "")),
    ):
        fact = seen.decode(subject, data)
        assert fact is not None
        item = fact.evidence
        assert (item.cluster, item.applied, item.commit) == wanted


# ---- whose it is


@each(sorted(facts.LABELS))
def test_what_carries_not_all_the_labels_is_no_application_s(missing: str) -> None:
    subject, data = pod(1)
    body = msgspec.json.decode(data)
    del body["object"]["metadata"]["labels"][missing]
    assert seen.decode(subject, msgspec.json.encode(body)) is None


def test_a_subject_that_names_no_object_is_refused() -> None:
    subject, data = pod(1)
    with pytest.raises(Undecodable, match="names no object") as caught:
        seen.decode("ws.acme-prod.k8s", data)
    assert caught.value.code == "subject-mismatch"
    assert seen.decode(subject, data) is not None


@each([("2026-03-02T12:00:00Z", True), ("2026-03-02T12:00:00", False), ("soon", False), (7, False)])
def test_when_something_was_made_is_known_if_it_is_a_time_with_its_offset(
    told: Any,
    known: bool,  # noqa: FBT001 - drawn from the table
) -> None:
    subject, data = pod(1)
    body = msgspec.json.decode(data)
    body["object"]["metadata"]["creationTimestamp"] = told
    fact = seen.decode(subject, msgspec.json.encode(body))
    assert fact is not None
    assert (fact.evidence.created is not None) is known


def test_of_what_an_object_says_the_beginning_is_kept() -> None:
    subject, data = kustomization(1, "abc", ready="False", reason="x" * 501)
    fact = seen.decode(subject, data)
    assert fact is not None
    assert (fact.evidence.reason, fact.evidence.message) == ("x" * 500, "x" * 500)
