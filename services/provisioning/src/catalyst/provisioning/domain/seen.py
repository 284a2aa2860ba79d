"""One fact about an object of a cluster, as an observer publishes it on `ws.<environment>.…`.

The body is what a watch of the Kubernetes API gives, with who saw it and when:
`{"type": "ADDED" | "MODIFIED" | "DELETED", "object": {…}, "source": "cluster", "time": …}`, and in
an Environment of several regions `"cluster"`, the name of the one that it was seen in. The labels
say whose object it is; the subject says where it runs, and both must agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from catalyst.contracts import codec
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.facts_v1 import FactMessage
from catalyst.contracts.provisioning_values_v1 import Applied, Evidence, Health, Source
from catalyst.contracts.subjects import unescape
from catalyst.provisioning.domain.files import APPLICATION, ENVIRONMENT, ORGANIZATION

KUSTOMIZATION: Final = "Kustomization"
"""The Flux object that says which commit was applied."""
CHANGE: Final = "openova.io/change"
"""Label with the revision, where an observer knows it; in Git it stands in the commit alone."""
STEADY: Final = timedelta(seconds=60)
"""So long a container has to run that has ended before, until it is believed to be well."""
TEXT_MAX: Final = 500
"""Characters of a message that are kept."""

_BAD_WAITS: Final = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
_FLUX: Final = frozenset(
    {
        "Bucket",
        "GitRepository",
        "HelmChart",
        "HelmRelease",
        "HelmRepository",
        "OCIRepository",
        KUSTOMIZATION,
    }
)
"""Objects of Flux that it can be told to leave alone."""
_COPIES: Final = frozenset({"ReplicaSet", "ReplicationController"})
"""What keeps so many pods of one template alone, and so counts nothing as updated."""
WORKLOADS: Final = _COPIES | {"DaemonSet", "Deployment", "StatefulSet"}
"""What keeps pods running, and says how many of them are ready."""
_MAKES_ANOTHER: Final = _COPIES | {"Job"}
"""What makes another pod where one has failed, and leaves that one lying: it says itself how it
goes on."""
_UNDER_WAY: Final = frozenset({"Progressing", "ProgressingWithRetry", "DependencyNotReady"})
_TOKENS_MIN: Final = 4
_VERSION: Final = re.compile(r"[0-9]{1,18}")
_CLUSTER: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What is seen of one object."""

    organization: str
    application: str
    environment: str
    evidence: Evidence
    gone: bool = False
    applied: Applied | None = None
    """Of the Kustomization alone: how the commit was taken over."""
    commit: str = ""
    """Likewise: the commit that was applied last."""
    source: Source
    time: datetime | None = None
    """When it was seen; None: when it came."""
    beat: bool = False
    """Whether it is time to say that something is heard of the Application."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is about."""
        return place_of(self.evidence)


def place_of(evidence: Evidence) -> tuple[str, str, str, str]:
    """Return which object evidence is about, whatever its id."""
    return (evidence.kind, evidence.namespace, evidence.name, evidence.cluster)


def decode(subject: str, data: bytes) -> Fact | None:
    """Return what a message says; None for an object that is no Application's.

    Raises:
        Undecodable: If it is no fact, or is told in the name of another Environment.
    """
    body = codec.decode(data, FactMessage, "invalid-data")
    tokens = subject.split(".")
    if len(tokens) < _TOKENS_MIN:
        raise Undecodable("subject-mismatch", "the subject names no object")
    metadata = _map(body.object.get("metadata"))
    labels = _map(metadata.get("labels"))
    organization, application, environment = (
        _text(labels.get(name)) for name in (ORGANIZATION, APPLICATION, ENVIRONMENT)
    )
    if not (organization and application and environment):
        return None
    if unescape(tokens[1]) != environment or not environment.startswith(f"{organization}-"):
        raise Undecodable(
            "subject-mismatch", "the labels name another Environment", "/object/metadata/labels"
        )
    kind, name = _text(body.object.get("kind")), _text(metadata.get("name"))
    version = _text(metadata.get("resourceVersion"))
    uid = _text(metadata.get("uid"))
    if not (kind and name and uid and _VERSION.fullmatch(version)):
        message = "kind, name, uid or resourceVersion is missing or wrong"
        raise Undecodable("invalid-data", message, "/object")
    if body.cluster and not _CLUSTER.fullmatch(body.cluster):
        raise Undecodable("invalid-data", "this is no name of a cluster", "/cluster")
    status, reason, message = health(body.object, body.time)
    applied, commit = None, ""
    if kind == KUSTOMIZATION:
        applied, commit = _applied(body.object, status)
    return Fact(
        organization=organization,
        application=application,
        environment=environment,
        evidence=Evidence(
            kind=kind,
            name=name,
            namespace=_text(metadata.get("namespace")),
            status=status,
            reason=reason[:TEXT_MAX],
            message=message[:TEXT_MAX],
            uid=uid,
            version=int(version),
            created=_instant(metadata.get("creationTimestamp")),
            change=_text(labels.get(CHANGE)),
            cluster=body.cluster,
            applied=applied if body.cluster else None,
            commit=commit if body.cluster else "",
        ),
        gone=body.type == "DELETED",
        applied=applied,
        commit=commit,
        source=body.source,
        time=body.time,
    )


Status = tuple[Health, str, str]
"""How an object is, one word why, and the same for a person."""


def health(item: Mapping[str, Any], at: datetime | None = None) -> Status:
    """Return how an object is, from its status; never from a generation that it has not seen.

    Args:
        item: The object.
        at: When it was seen; None: nobody says.
    """
    metadata, status = _map(item.get("metadata")), _map(item.get("status"))
    if metadata.get("deletionTimestamp"):
        return "progressing", "Terminating", "it is being removed"
    found = _looked_at(item, metadata, status)
    if found[0] == "healthy" and item.get("kind") == "Pod" and at is not None:
        found = _restarted(status, at) or found
    suspended = item.get("kind") in _FLUX and _map(item.get("spec")).get("suspend") is True
    if suspended and found[0] != "degraded":
        return _SUSPENDED
    return found


_SUSPENDED: Final[Status] = (
    "progressing",
    "Suspended",
    "Flux was told to leave it alone (suspend): nothing that is committed is applied",
)


def _looked_at(
    item: Mapping[str, Any], metadata: Mapping[str, Any], status: Mapping[str, Any]
) -> Status:
    generation, observed = metadata.get("generation"), status.get("observedGeneration")
    # Flux counts a generation as looked at once it is ready; each condition has its own word.
    condition = _condition(status, "Ready").get("observedGeneration")
    if isinstance(condition, int) and isinstance(observed, int):
        observed = max(observed, condition)
    if isinstance(generation, int) and isinstance(observed, int) and observed < generation:
        return "progressing", "Outdated", "its newest wish was not looked at yet"
    match item.get("kind"):
        case "Pod":
            return _pod(metadata, status)
        case str(kind) if kind in WORKLOADS:
            return _workload(kind, _map(item.get("spec")), status)
        case "PersistentVolumeClaim":
            return _claim(status)
        case "CronJob":
            return _schedule(status)
        case "Job" if _controller(metadata) == "CronJob":
            return "healthy", "", ""
        case "Job":
            return _job(status)
        case _:
            return _ready(status)


def _pod(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> Status:
    if status.get("phase") == "Failed" and _controller(metadata) in _MAKES_ANOTHER:
        return "healthy", "", ""
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return "degraded", _text(scheduled.get("reason")) or "Unschedulable", _said(scheduled)
    for container in _containers(status):
        waiting = _map(_map(container.get("state")).get("waiting"))
        reason = _text(waiting.get("reason"))
        if reason in _BAD_WAITS:
            return "degraded", reason, _said(waiting)
    phase = status.get("phase")
    if phase == "Failed":
        return "degraded", _text(status.get("reason")) or "Failed", _said(status)
    ready = _condition(status, "Ready").get("status") == "True"
    if phase == "Succeeded" or (phase == "Running" and ready):
        return "healthy", "", ""
    return "progressing", "Starting", "not all of its containers are ready"


def _restarted(status: Mapping[str, Any], at: datetime) -> Status | None:
    """Return that a container runs which has only just ended; None: none does.

    What ends again and again is ready in between, for a moment each time. It may end well: what is
    killed because its liveness probe fails often does.
    """
    for container in _containers(status):
        last = _map(container.get("lastState")).get("terminated")
        since = _instant(_map(_map(container.get("state")).get("running")).get("startedAt"))
        if isinstance(last, dict) and since is not None and at - since < STEADY:
            code = last.get("exitCode")
            known = isinstance(code, int) and not isinstance(code, bool)
            how = f"ended with exit code {code}" if known else "ended"
            message = f"{_text(container.get('name'))} {how}, and has just been started again"
            return "progressing", "Restarted", message
    return None


def _workload(kind: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> Status:
    progressing = _condition(status, "Progressing")
    if progressing.get("status") == "False":
        return "degraded", _text(progressing.get("reason")) or "Stuck", _said(progressing)
    wanted = status.get("desiredNumberScheduled", spec.get("replicas", 1))
    ready = status.get("readyReplicas", status.get("numberReady", 0))
    # What is 0 is left out.
    none = ready if kind in _COPIES else 0
    updated = status.get("updatedReplicas", status.get("updatedNumberScheduled", none))
    if not all(isinstance(number, int) for number in (wanted, ready, updated)):
        return "unknown", "NoStatus", "its status holds no numbers"
    if ready >= wanted and updated >= wanted:
        return "healthy", "", ""
    return "progressing", "RollingOut", f"{min(ready, updated)} of {wanted} are ready"


def _claim(status: Mapping[str, Any]) -> Status:
    match status.get("phase"):
        case "Bound":
            return "healthy", "", ""
        case "Lost":
            return "degraded", "Lost", "the volume is gone"
        case _:
            return "progressing", "Pending", "the volume is not there yet"


def _job(status: Mapping[str, Any]) -> Status:
    failed = _condition(status, "Failed")
    if failed.get("status") == "True":
        return "degraded", _text(failed.get("reason")) or "Failed", _said(failed)
    if _condition(status, "Complete").get("status") == "True":
        return "healthy", "", ""
    return "progressing", "Running", "it has not ended yet"


def _schedule(status: Mapping[str, Any]) -> Status:
    """Return how a CronJob is: well, with a word if its last run failed, which the next may mend.

    Its runs say nothing by themselves: one that failed is left lying until another one has.
    """
    began, ended = (_instant(status.get(f"last{x}Time")) for x in ("Schedule", "Successful"))
    if began is None or status.get("active") or (ended is not None and ended >= began):
        return "healthy", "", ""
    return "healthy", "LastRunFailed", f"its run of {_text(status.get('lastScheduleTime'))} failed"


def _ready(status: Mapping[str, Any]) -> Status:
    """Return what the condition `Ready` says; an object without one is there, and that is all."""
    ready = _condition(status, "Ready")
    reason = _text(ready.get("reason"))
    match ready.get("status"):
        case None | "True":
            return "healthy", "", ""
        case "False" if reason not in _UNDER_WAY:
            return "degraded", reason, _said(ready)
        case _:
            return "progressing", reason or "Progressing", _said(ready)


def _applied(item: Mapping[str, Any], status: Health) -> tuple[Applied, str]:
    """Return how a Kustomization took over the commit that it tried last, and what it applied."""
    found = _map(item.get("status"))
    last = _text(found.get("lastAppliedRevision"))
    commit = last.rpartition(":")[2] if ":" in last else ""
    if status == "healthy":
        return ("current" if commit else "pending"), commit
    return ("failed" if status == "degraded" else "pending"), commit


def _controller(metadata: Mapping[str, Any]) -> str:
    """Return the kind of what made an object and looks after it; empty: nothing does."""
    found = metadata.get("ownerReferences")
    owners = map(_map, found if isinstance(found, list) else [])
    return next((_text(one.get("kind")) for one in owners if one.get("controller") is True), "")


def _containers(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    lists = (status.get(name) for name in ("initContainerStatuses", "containerStatuses"))
    return [_map(one) for found in lists if isinstance(found, list) for one in found]


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = status.get("conditions")
    items = found if isinstance(found, list) else []
    return next((item for item in map(_map, items) if item.get("type") == kind), {})


def _said(holder: Mapping[str, Any]) -> str:
    return " ".join(_text(holder.get("message")).split())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _instant(value: Any) -> datetime | None:
    try:
        found = msgspec.convert(value, datetime | None)
    except msgspec.ValidationError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
