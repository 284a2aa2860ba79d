"""A small Blueprint that is well, and ways to make it wrong."""

from __future__ import annotations

import json
from typing import Any

from catalyst.blueprints.package import Package, of_files
from catalyst.blueprints.scope import ApplicationScope, Neighbour, Scope, environment

DOCUMENT = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata:
  name: bp-wiki
spec:
  version: 1.2.0
  card:
    title: Wiki
  configSchema:
    type: object
    additionalProperties: false
    properties:
      replicas:
        type: integer
        default: 2
        minimum: 1
      theme:
        type: string
      postgres:
        type: object
        properties:
          mode:
            type: string
            enum: [embedded, external]
            default: embedded
  depends:
    - blueprint: bp-postgres
      version: ^1.0
      alias: db
      when: "{{ .config.postgres.mode == 'embedded' }}"
      values:
        database: "{{ .application.name }}"
  manifests:
    source: {kind: Kustomize, ref: manifests}
"""
KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [app.yaml]
"""
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: ${{ application.name }}
data:
  replicas: "${{ config.replicas }} of ${{ environment.name }}"
"""


def documented(schema: dict[str, Any], **manifests: Any) -> str:
    """Return a document that holds a `configSchema` and little else."""
    source = {"source": {"kind": "Kustomize", "ref": "manifests"}, **manifests}
    return f"""\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata: {{name: bp-wiki}}
spec:
  version: 1.2.0
  card: {{title: Wiki}}
  configSchema: {json.dumps({"type": "object", **schema})}
  manifests: {json.dumps(source)}
"""


def package(document: str = DOCUMENT, manifest: str = MANIFEST, **more: str | bytes) -> Package:
    """Return the package; `more` adds files, `/` written as `__`."""
    files = {
        "blueprint.yaml": document,
        "manifests/kustomization.yaml": KUSTOMIZATION,
        "manifests/app.yaml": manifest,
    }
    extra = {name.replace("__", "/"): content for name, content in more.items()}
    return of_files(
        {
            name: content.encode() if isinstance(content, str) else content
            for name, content in {**files, **extra}.items()
        }
    )


def scope(config: dict[str, object], **dependencies: str) -> Scope:
    """Return what the expressions of an Application called `site` see."""
    return Scope(
        config=config,
        application=ApplicationScope(
            name="site",
            namespace="site",
            environment="acme-prod",
            organization="acme",
            change="c-1",
            dependencies={
                alias: Neighbour(name=alias, namespace=alias, host=host)
                for alias, host in dependencies.items()
            },
        ),
        environment=environment("acme", "acme-prod", "prod", ("fsn", "hel")),
    )
