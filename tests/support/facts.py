"""Facts as an observer publishes them, about the Application `blog` in `acme-prod`."""

from typing import Any

import msgspec

LABELS = {
    "openova.io/organization": "acme",
    "openova.io/application": "blog",
    "openova.io/environment": "acme-prod",
}


def body(kind: str, item: dict[str, Any], *, event: str = "MODIFIED", **more: Any) -> bytes:
    """Return the body of a fact."""
    return msgspec.json.encode({"type": event, "object": {"kind": kind, **item}, **more})


def subject(kind: str, name: str, namespace: str = "blog", environment: str = "acme-prod") -> str:
    """Return where a fact is published."""
    if kind == "Kustomization":
        return f"ws.{environment}.flux.{name}"
    return f"ws.{environment}.k8s.{kind}.{namespace}.{name}"


def kustomization(
    version: int,
    commit: str,
    *,
    ready: str = "True",
    reason: str = "ReconciliationSucceeded",
    event: str = "MODIFIED",
    generation: int = 1,
    observed: int = 1,
    **more: Any,
) -> tuple[str, bytes]:
    """Return what Flux says of taking a commit over."""
    item = {
        "metadata": _metadata("blog-prod", "acme", version, generation),
        "status": {
            "observedGeneration": observed,
            "lastAppliedRevision": f"main@sha1:{commit}",
            "conditions": [
                {"type": "Ready", "status": ready, "reason": reason, "message": f"{reason}."}
            ],
        },
    }
    return subject("Kustomization", "blog-prod"), body("Kustomization", item, event=event, **more)


def pod(
    version: int,
    *,
    name: str = "blog-0",
    waiting: str = "",
    ready: bool = True,
    scheduled: bool = True,
    event: str = "MODIFIED",
    **more: Any,
) -> tuple[str, bytes]:
    """Return what Kubernetes says of a pod."""
    state = {"waiting": {"reason": waiting, "message": f"{waiting} it is"}} if waiting else {}
    item = {
        "metadata": _metadata(name, "blog", version, 1),
        "status": {
            "phase": "Running" if ready else "Pending",
            "conditions": [
                {"type": "Ready", "status": "True" if ready and not waiting else "False"},
                {
                    "type": "PodScheduled",
                    "status": "True" if scheduled else "False",
                    **({} if scheduled else {"reason": "Unschedulable", "message": "no room"}),
                },
            ],
            "containerStatuses": [{"name": "main", "state": state}],
        },
    }
    return subject("Pod", name), body("Pod", item, event=event, **more)


def _metadata(name: str, namespace: str, version: int, generation: int) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"u-{name}",
        "resourceVersion": str(version),
        "generation": generation,
        "labels": LABELS,
    }
