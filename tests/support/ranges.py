"""Blueprints that need others in ranges: a shop and its store, as real packages."""

import functools
from collections.abc import Mapping

import pytest
from tests.support import planning

from catalyst.blueprints import package
from catalyst.blueprints.package import Package
from catalyst.blueprints.rendering import to_yaml

STORES = ("1.0.0", "2.0.0", "3.0.0")
SHOPS = {"1.0.0": "^1", "1.1.0": "^1 || ^2", "2.0.0": ">=2"}
"""Which store each shop needs."""

_KUSTOMIZATION = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [settings.yaml]
"""
_SETTINGS = """apiVersion: v1
kind: ConfigMap
metadata: {name: "${{ application.name }}"}
data: {level: "${{ config.level }}"}
"""


def made(name: str, version: str, *, manifest: str = _SETTINGS, **needs: str) -> Package:
    """Return a Blueprint; `needs` gives the range of each Blueprint, `bp-` left out."""
    depends = [{"blueprint": f"bp-{one}", "version": wanted} for one, wanted in needs.items()]
    level = {"type": "string", "default": "quiet"}
    spec = {
        "version": version,
        "card": {"title": name, "summary": f"A {name}."},
        "owner": {"team": "web"},
        "visibility": "listed",
        "configSchema": {"type": "object", "properties": {"level": level}},
        "placementSchema": {"modes": ["single-region"], "default": "single-region"},
        "manifests": {"source": {"kind": "Kustomize", "ref": "manifests"}},
        **({"depends": depends} if depends else {}),
    }
    document = {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "Blueprint",
        "metadata": {"name": f"bp-{name}"},
        "spec": spec,
    }
    files = {
        "blueprint.yaml": to_yaml([document]),
        "manifests/kustomization.yaml": _KUSTOMIZATION.encode(),
        "manifests/settings.yaml": manifest.encode(),
    }
    return package.of_files(files)


@functools.cache
def packages() -> Mapping[tuple[str, str], Package]:
    """Return all of them, by Blueprint and version."""
    stores = {("bp-store", one): made("store", one) for one in STORES}
    return stores | {("bp-shop", v): made("shop", v, store=need) for v, need in SHOPS.items()}


@functools.cache
def _told() -> list[tuple[tuple[str, str], Package, str, bytes]]:
    """Return of each its key, itself, its digest and its content."""
    return [(key, one, package.digest(one), package.to_tar(one)) for key, one in packages().items()]


def stocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let planners over states in memory know them."""
    for key, one, digest, content in _told():
        monkeypatch.setitem(planning.PACKAGES, key, one)
        monkeypatch.setitem(planning.CONTENTS, digest, content)
        monkeypatch.setitem(planning.DIGESTS, key, digest)
