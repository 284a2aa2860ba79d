"""A source of Blueprints as somebody would write it, and what one of them costs."""

from pathlib import Path
from typing import Final

BLUEPRINT: Final = "bp-shop"
DOCUMENT: Final = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata:
  name: bp-shop
  labels:
    catalyst.openova.io/category: commerce
spec:
  version: 1.0.0
  card:
    title: Shop
    summary: Sells what a small business has.
  configSchema:
    type: object
    additionalProperties: false
    properties:
      motto: {type: string, default: Good things, title: Motto}
  depends:
    - {blueprint: bp-postgres, version: "*", alias: db}
  manifests:
    source: {kind: Kustomize, ref: manifests}
"""
KUSTOMIZATION: Final = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [app.yaml]
"""
MANIFEST: Final = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: ${{ application.name }}
data:
  motto: ${{ config.motto }}
"""
PRICES: Final = """\
book: main
version: "2026-01"
from: 2026-01-01
currencies: [OMR]
packages:
  s: {name: Small, month: {OMR: "5.000"}}
blueprints:
  bp-postgres: {name: Postgres, month: {OMR: "1.500"}}
  bp-shop: {name: Shop, month: {OMR: "2.500"}}
"""


def write(folder: Path) -> None:
    """Write the source into a folder."""
    package = folder / "shop"
    (package / "manifests").mkdir(parents=True)
    (package / "blueprint.yaml").write_text(DOCUMENT, encoding="utf-8")
    (package / "manifests/kustomization.yaml").write_text(KUSTOMIZATION, encoding="utf-8")
    (package / "manifests/app.yaml").write_text(MANIFEST, encoding="utf-8")
