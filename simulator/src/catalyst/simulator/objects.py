"""What Flux and Kubernetes would say of one Application; pure."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from catalyst.contracts.subjects import escape

Mode = Literal["well", "crash-loop", "image-pull", "unschedulable", "slow", "drift", "silence"]
"""How an Application fares here."""
Stage = Literal["applying", "starting", "settled"]


class Told(msgspec.Struct, frozen=True):
    """One fact: where it is published, and what."""

    subject: str
    body: dict[str, Any]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """An Application in an Environment, as the cluster has it."""

    organization: str
    application: str
    namespace: str
    """Of all its objects but those of Flux."""
    environment: str
    change: str
    branch: str
    commit: str
    before: str = ""
    """The commit that was applied before; empty: none."""
    volumes: dict[str, bool] = {}
    """The claims of volumes, and whether Flux lets each be when it has gone from Git."""
    wanted: dict[str, bool] = {}
    """The same, as the commit has it: so once that is applied."""
    workloads: tuple[str, ...] | None = None
    """What runs the containers, as `<kind>/<name>`; None: nobody said, and one Deployment does."""
    waits: bool = True
    """Whether Flux calls the commit applied only once all of it is healthy."""
    cluster: str = ""
    """Which of several says so; empty: there is one."""
    needs: tuple[str, ...] = ()
    """The Applications that Flux is told to apply first (`dependsOn`)."""
    leaves: tuple[Running, ...] = ()
    """What ran before, as far as the commit leaves it out: gone once that is applied."""


class Lacking(msgspec.Struct, frozen=True):
    """What Flux waits for before it looks at an Application."""

    application: str
    there: bool
    """Whether it is there at all."""


def facts(
    running: Running,
    stage: Stage,
    mode: Mode,
    version: int,
    *,
    gone: bool = False,
    lacking: Lacking | None = None,
) -> tuple[Told, ...]:
    """Return what is said of every object at a stage; versions grow from `version` on.

    Flux looks at nothing while something is lacking; what it has applied before goes on running.
    """
    parts = [_kustomization(running, stage, mode, lacking, running.commit)]
    for word in workloads(running):
        kind, _, name = word.partition("/")
        parts += (_workload(running, stage, mode, kind, name), _pod(running, stage, mode, name))
    found = []
    for number, (where, item) in enumerate(parts):
        item["metadata"]["uid"] = _uid(running, where, running.commit)
        found.append(_told(running, where, item, version + number, gone=gone))
    return (*found, *volumes(running, version + len(parts), gone=gone))


def waiting(running: Running, lacking: Lacking, version: int) -> Told:
    """Return what Flux says of a commit that it does not apply yet; nothing else has changed."""
    where, item = _kustomization(running, "applying", "well", lacking, running.before)
    item["metadata"]["uid"] = _uid(running, where, running.commit)
    return _told(running, where, item, version, gone=False)


def is_ready(running: Running, stage: Stage, mode: Mode) -> bool:
    """Return whether Flux calls an Application ready, so that it applies what depends on it."""
    return _ready(running, stage, mode)[0] == "True"


def left_out(running: Running, leaf: Running, version: int) -> tuple[Told, ...]:
    """Return what is said when Flux takes away what a commit leaves out, or has elsewhere.

    Volumes in another namespace that are protected stay there.
    """
    parts: list[tuple[str, dict[str, Any]]] = []
    for word in workloads(leaf):
        kind, _, name = word.partition("/")
        parts += (
            _workload(leaf, "settled", "well", kind, name),
            _pod(leaf, "settled", "well", name),
        )
    found = []
    for number, (where, item) in enumerate(parts):
        item["metadata"]["uid"] = _uid(leaf, where, leaf.commit)
        found.append(_told(leaf, where, item, version + number, gone=True))
    if leaf.namespace != running.namespace:
        found += volumes(leaf, version + len(parts), gone=True)
    return tuple(found)


def workloads(running: Running) -> tuple[str, ...]:
    """Return what runs the containers, as `<kind>/<name>`."""
    one = (f"Deployment/{running.application}",)
    return one if running.workloads is None else running.workloads


def volumes(running: Running, version: int, *, gone: bool = False) -> tuple[Told, ...]:
    """Return what is said of the volumes; what is protected stays when the Application is gone."""
    found = []
    for number, (name, kept) in enumerate(sorted(running.volumes.items())):
        item = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name,
                "namespace": running.namespace,
                # Not made anew by a change, as its data is not.
                "uid": _uid(running, f"{running.namespace}/{name}", "volume"),
            },
            "status": {"phase": "Bound"},
        }
        where = f"k8s.PersistentVolumeClaim.{running.namespace}.{escape(name)}"
        found.append(_told(running, where, item, version + number, gone=gone and not kept))
    return tuple(found)


def _told(running: Running, where: str, item: dict[str, Any], version: int, *, gone: bool) -> Told:
    item["metadata"]["resourceVersion"] = str(version)
    item["metadata"]["labels"] = _labels(running)
    body = {"type": "DELETED" if gone else "MODIFIED", "object": item, "source": "simulator"}
    if running.cluster:
        body["cluster"] = running.cluster
    return Told(f"ws.{running.environment}.{where}", body)


def _labels(running: Running) -> dict[str, str]:
    return {
        "openova.io/application": running.application,
        "openova.io/environment": running.environment,
        "openova.io/organization": running.organization,
    }


def _uid(running: Running, kind: str, made_by: str) -> str:
    # A Kubernetes object that is made anew has another id; here each commit makes one anew.
    made = f"{running.environment}/{running.application}/{kind}/{made_by}"
    made += f"@{running.cluster}" if running.cluster else ""
    return hashlib.sha256(made.encode()).hexdigest()[:32]


def _flux_name(running: Running, application: str) -> str:
    suffix = running.environment.removeprefix(f"{running.organization}-")
    return f"{application}{'--' if '-' in suffix else '-'}{suffix}"


def _ready(running: Running, stage: Stage, mode: Mode) -> tuple[str, str, str]:
    """Return the condition of a Kustomization that is looked at: status, reason, message."""
    if stage != "settled":
        return "Unknown", "Progressing", "reconciliation in progress"
    if not running.waits and mode != "drift":
        mode = "well"
    done = ("True", "ReconciliationSucceeded", f"applied {running.commit}")
    return {
        "drift": ("False", "ReconciliationFailed", "a change by hand cannot be undone"),
        # Nobody hears of it, and it runs.
        **dict.fromkeys(("well", "slow", "silence"), done),
    }.get(mode, ("False", "HealthCheckFailed", f"timeout waiting for {_waited(running)}"))


def _not_ready(running: Running, lacking: Lacking) -> tuple[str, str, str]:
    name = _flux_name(running, lacking.application)
    of = f"dependency '{running.organization}/{name}'"
    kind = "kustomizations.kustomize.toolkit.fluxcd.io"
    told = f"{of} is not ready" if lacking.there else f'{of} not found: {kind} "{name}" not found'
    return "False", "DependencyNotReady", told


def _kustomization(
    running: Running, stage: Stage, mode: Mode, lacking: Lacking | None, tried: str
) -> tuple[str, dict[str, Any]]:
    name = _flux_name(running, running.application)
    applied = running.before if stage == "applying" else running.commit
    said = _ready(running, stage, mode) if lacking is None else _not_ready(running, lacking)
    status, reason, message = said
    ready = {"type": "Ready", "status": status, "reason": reason, "message": message}
    found: dict[str, Any] = {
        # Flux looks at what it depends on first: what was never applied it has not looked at.
        "observedGeneration": 1 if tried else -1,
        "conditions": [{**ready, "observedGeneration": 1}],
    }
    if tried:
        found["lastAttemptedRevision"] = f"{running.branch}@sha1:{tried}"
    if applied:
        found["lastAppliedRevision"] = f"{running.branch}@sha1:{applied}"
    item = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": running.organization, "generation": 1},
        "status": found,
    }
    return f"flux.{name}", item


def _waited(running: Running) -> str:
    kinds = sorted({word.partition("/")[0] for word in workloads(running)})
    return f"the {' and the '.join(kinds)}" if kinds else "its objects"


def _workload(
    running: Running, stage: Stage, mode: Mode, kind: str, name: str
) -> tuple[str, dict[str, Any]]:
    ready = int(_runs(stage, mode))
    status = {"readyReplicas": ready, "updatedReplicas": 1, "replicas": 1}
    if kind == "DaemonSet":
        # One for each node, and this cluster has one.
        status = {"numberReady": ready, "updatedNumberScheduled": 1, "desiredNumberScheduled": 1}
    item = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": running.namespace},
        "spec": {} if kind == "DaemonSet" else {"replicas": 1},
        "status": status,
    }
    return f"k8s.{kind}.{running.namespace}.{escape(name)}", item


def _pod(running: Running, stage: Stage, mode: Mode, workload: str) -> tuple[str, dict[str, Any]]:
    name = f"{workload}-0"
    ready = _runs(stage, mode)
    scheduled = mode != "unschedulable" or stage == "applying"
    waiting = {
        "crash-loop": ("CrashLoopBackOff", "the container ends again and again"),
        "image-pull": ("ImagePullBackOff", "the registry does not have the image"),
    }.get(mode if stage == "settled" else "well")
    state: dict[str, Any] = {"running": {}}
    if waiting is not None:
        state = {"waiting": {"reason": waiting[0], "message": waiting[1]}}
    where: dict[str, Any] = {"type": "PodScheduled", "status": "True" if scheduled else "False"}
    if not scheduled:
        where |= {"reason": "Unschedulable", "message": "0/1 nodes are available"}
    item = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": running.namespace},
        "status": {
            "phase": "Running" if ready else "Pending",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}, where],
            "containerStatuses": [{"name": "main", "ready": ready, "state": state}],
        },
    }
    return f"k8s.Pod.{running.namespace}.{escape(name)}", item


def _runs(stage: Stage, mode: Mode) -> bool:
    return stage == "settled" and mode in {"well", "slow", "drift"}
