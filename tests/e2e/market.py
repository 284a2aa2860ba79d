"""A source of Blueprints as somebody would write it, and what one of them costs."""

from pathlib import Path
from typing import Final

BLUEPRINT: Final = "bp-shop"
FIRST: Final = "1.0.0"
NEXT: Final = "1.1.0"
DOCUMENT: Final = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata:
  name: bp-shop
  labels:
    catalyst.openova.io/category: commerce
spec:
  version: VERSION
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
  release: "VERSION"
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
usage:
  orders:
    name: Orders
    unit: order
    aggregation: sum
    formula: per-unit
    included: 100
    price: {OMR: "0.050"}
"""


def write(folder: Path, version: str) -> None:
    """Write a version of the shop into the folder of a source."""
    package = folder / f"shop-{version}"
    (package / "manifests").mkdir(parents=True)
    (package / "blueprint.yaml").write_text(DOCUMENT.replace("VERSION", version), encoding="utf-8")
    (package / "manifests/kustomization.yaml").write_text(KUSTOMIZATION, encoding="utf-8")
    (package / "manifests/app.yaml").write_text(
        MANIFEST.replace("VERSION", version), encoding="utf-8"
    )
