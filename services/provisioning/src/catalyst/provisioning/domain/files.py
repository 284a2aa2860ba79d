"""What stands in an Application's repository: the same input gives the same bytes.

One repository for each Application. A branch belongs to a type of Environment and may hold several;
each has the folder `environments/<environment>/` with

- what its Blueprint renders, and the `kustomization.yaml` that lists it;
- `values.yaml`, what a person chose;
- `secrets/`, an ExternalSecret for each secret that the values name: references, never content;
- `flux/`, the GitRepository and the Kustomization by which a cluster takes it over.

At the top stand `CODEOWNERS`, `README.md`, and `ARCHIVED` once the Application runs nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprints.findings import pointer
from catalyst.blueprints.manifests import KUSTOMIZATION
from catalyst.blueprints.rendering import to_yaml
from catalyst.blueprints.scope import suffix
from catalyst.provisioning.domain.place import Place

ARCHIVED: Final = "ARCHIVED"
TRUNK: Final = ("develop", "main", "staging")
"""Branches that every repository has from its beginning."""

ORGANIZATION: Final = "openova.io/organization"
APPLICATION: Final = "openova.io/application"
ENVIRONMENT: Final = "openova.io/environment"

INTERVAL: Final = "10m"
RETRY_INTERVAL: Final = "1m"
TIMEOUT: Final = "15m"
CREDENTIALS: Final = "catalyst-git"
"""Secret of the cluster with which Flux reads the repository; it is not made here."""
SECRETS_FROM: Final = "catalyst"
"""Name of the store of the cluster that the references point into."""

_SECRET: Final = re.compile(r"secret:([a-z0-9][a-z0-9.-]*)/([A-Za-z0-9_.-]+)")

Tree = Mapping[str, bytes]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cluster finds the commit."""

    url: str
    """Of the Git door, without a `/` at its end."""
    branch: str


def folder(environment: str) -> str:
    """Return the folder of an Environment, with a `/` at its end."""
    return f"environments/{environment}/"


def flux_name(organization: str, application: str, environment: str) -> str:
    """Return the name of the Flux objects of an Application in an Environment.

    All of an Organization's stand in one namespace. A label has a second `-` before it: no other
    Application's name ends so.
    """
    own = suffix(organization, environment)
    return f"{application}--{own}" if "-" in own else f"{application}-{own}"


def trunk(organization: str, application: str) -> dict[str, bytes]:
    """Return the files that every branch begins with."""
    readme = (
        f"# {application}\n\nAn Application of {organization}, written by Catalyst: each change is"
        " a commit.\nWhat runs in an Environment stands in `environments/`.\n"
    )
    owners = f"* @{organization}/org-developer\n/environments/ @{organization}/org-admin\n"
    return {"CODEOWNERS": owners.encode(), "README.md": readme.encode()}


def placed(place: Place, made: Tree, origin: Origin, *, waits: bool = True) -> dict[str, bytes]:
    """Return all files of an Application in one Environment, by their path in the repository.

    The change that writes them stands in the commit alone: a plan, which knows no change yet, shows
    the same bytes, and what does not differ is not applied again.

    Args:
        place: The Application in its place.
        made: What its Blueprint renders, by name.
        origin: Where a cluster finds the commit.
        waits: Whether Flux calls the commit applied only once all of it is healthy.
    """
    secrets = _secrets(place)
    files = {**made, **secrets, **_flux(place, origin, waits=waits)}
    if secrets and KUSTOMIZATION in made:
        files[KUSTOMIZATION] = _with_resources(made[KUSTOMIZATION], sorted(secrets))
    top = folder(place.name)
    return {f"{top}{name}": content for name, content in sorted(files.items())}


def with_environment(tree: Tree, environment: str, files: Tree) -> dict[str, bytes]:
    """Return the tree with the folder of one Environment replaced; no files take it away."""
    top = folder(environment)
    return {**{path: tree[path] for path in tree if not path.startswith(top)}, **files}


def reopened(tree: Tree, organization: str, application: str) -> dict[str, bytes]:
    """Return the tree as a branch that is in use begins, or begins again."""
    kept = {path: content for path, content in tree.items() if path != ARCHIVED}
    return {**kept, **trunk(organization, application)}


def closed(tree: Tree) -> dict[str, bytes]:
    """Return the tree with the marker of an archived repository."""
    return {**tree, ARCHIVED: b"This Application runs nowhere any more.\n"}


def labels(place: Place) -> dict[str, str]:
    """Return the labels by which what a cluster says finds its Application."""
    return {
        "app.kubernetes.io/managed-by": "catalyst",
        APPLICATION: place.application,
        ENVIRONMENT: place.name,
        ORGANIZATION: place.organization,
    }


def _flux(place: Place, origin: Origin, *, waits: bool) -> dict[str, bytes]:
    organization, name = place.organization, place.application
    own = flux_name(organization, name, place.name)
    metadata = {"name": own, "namespace": organization, "labels": labels(place)}
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": metadata,
        "spec": {
            "interval": INTERVAL,
            "timeout": "1m",
            "url": f"{origin.url}/git/{organization}/{name}.git",
            "ref": {"branch": origin.branch},
            "secretRef": {"name": CREDENTIALS},
        },
    }
    needed = sorted(set(place.desired.dependencies.values()) - {name})
    applied: dict[str, Any] = {
        "interval": INTERVAL,
        "retryInterval": RETRY_INTERVAL,
        "timeout": TIMEOUT,
        "prune": True,
        "wait": waits,
        "path": f"./{folder(place.name).rstrip('/')}",
        "sourceRef": {"kind": "GitRepository", "name": own},
    }
    if needed:
        applied["dependsOn"] = [
            {"name": flux_name(organization, other, place.name)} for other in needed
        ]
    kustomization = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": metadata,
        "spec": applied,
    }
    return {
        "flux/gitrepository.yaml": to_yaml([source]),
        "flux/kustomization.yaml": to_yaml([kustomization]),
    }


def _secrets(place: Place) -> dict[str, bytes]:
    """Return a reference for each secret that the values name, by its file."""
    keys: dict[str, set[str]] = {}
    for _, name, key in secrets(place.desired.values):
        keys.setdefault(name, set()).add(key)
    at = place.around.secrets
    return {
        f"secrets/{name}.yaml": to_yaml(
            [
                {
                    "apiVersion": "external-secrets.io/v1",
                    "kind": "ExternalSecret",
                    "metadata": {
                        "name": name,
                        "namespace": place.namespace(place.application),
                        "labels": labels(place),
                    },
                    "spec": {
                        "refreshInterval": "1h",
                        "secretStoreRef": {"kind": "ClusterSecretStore", "name": SECRETS_FROM},
                        "target": {"name": name},
                        "data": [
                            {
                                "secretKey": key,
                                "remoteRef": {"key": f"{at}/{name}", "property": key},
                            }
                            for key in sorted(wanted)
                        ],
                    },
                }
            ]
        )
        for name, wanted in sorted(keys.items())
    }


def secrets(values: Any, at: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each secret that values name: the pointer of the field, the secret, the key in it."""
    if isinstance(values, str):
        found = _SECRET.fullmatch(values)
        if found is not None:
            yield at, found[1], found[2]
    elif isinstance(values, dict):
        for name, inner in values.items():
            yield from secrets(inner, f"{at}{pointer((name,))}")
    elif isinstance(values, list | tuple):
        for number, inner in enumerate(values):
            yield from secrets(inner, f"{at}/{number}")


def _with_resources(kustomization: bytes, more: list[str]) -> bytes:
    """Return a list of manifests with more of them at its end; it is one that was rendered."""
    lines = [f"- {name}\n".encode() for name in more]
    head, mark, rest = kustomization.partition(b"resources:\n")
    taken = rest.splitlines(keepends=True)
    end = next((at for at, line in enumerate(taken) if not line.startswith(b"- ")), len(taken))
    return head + mark + b"".join([*taken[:end], *lines, *taken[end:]])
