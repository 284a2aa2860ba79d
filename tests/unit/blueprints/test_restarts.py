"""What a pod has read once is read again when it changes, or the author is told."""

from __future__ import annotations

import pytest
from tests.support.blueprints import DOCUMENT, package
from tests.support.each import each

from catalyst.blueprints.lint import lint

RULE = "advice.restart"
HELD = """\
apiVersion: v1
kind: {kind}
metadata: {{name: "${{{{ application.name }}}}-own"}}
{field}: {{file: "port = {value}"}}
"""
RUNS = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app}}
spec:
  template:
    metadata: {{annotations: {{sum: "{sum}"}}}}
    spec:
      volumes:
        - {volume}
      containers:
        - {{name: app, {more}}}
"""
NAME = '"${{ application.name }}-own"'
MOUNTS = {
    "ConfigMap": f"{{name: a, configMap: {{name: {NAME}}}}}",
    "Secret": f"{{name: a, secret: {{secretName: {NAME}}}}}",
}
OTHER = "{name: a, emptyDir: {}}"


def told(manifest: str) -> list[tuple[str, int, str]]:
    """Return where the author is told of what does not restart, and of which value."""
    found = [one for one in lint(package(DOCUMENT, manifest)).findings if one.rule == RULE]
    assert all(one.severity == "warning" and "json(" in one.fix for one in found)
    return [(one.pointer, one.line, one.message.split(" ")[3]) for one in found]


def held(value: str = "${{ config.replicas }}", kind: str = "ConfigMap") -> str:
    return HELD.format(kind=kind, field="stringData" if kind == "Secret" else "data", value=value)


def runs(volume: str, sum: str = "", more: str = "image: app:1.0.0") -> str:  # noqa: A002
    return RUNS.format(volume=volume, sum=sum, more=more)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_a_change_that_restarts_nothing_is_told_where_it_is_mounted(kind: str) -> None:
    step = "configMap/name" if kind == "ConfigMap" else "secret/secretName"
    manifest = held(kind=kind) + runs(MOUNTS[kind])
    line = manifest[: manifest.index(MOUNTS[kind])].count("\n") + 1
    at = f"/spec/template/spec/volumes/0/{step}"
    assert told(manifest) == [(at, line, "config.replicas")]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        (f"envFrom: [{{configMapRef: {{name: {NAME}}}}}]", "envFrom/0/configMapRef/name"),
        (
            f"env: [{{name: A, valueFrom: {{configMapKeyRef: {{name: {NAME}, key: file}}}}}}]",
            "env/0/valueFrom/configMapKeyRef/name",
        ),
    ],
)
def test_what_stands_in_a_variable_is_read_once_too(more: str, pointer: str) -> None:
    ((at, _, _),) = told(held() + runs(OTHER, more=more))
    assert at == f"/spec/template/spec/containers/0/{pointer}"


def test_it_is_told_once_of_each_that_is_read_in_two_ways() -> None:
    more = f"envFrom: [{{configMapRef: {{name: {NAME}}}}}]"
    assert len(told(held() + runs(MOUNTS["ConfigMap"], more=more))) == 1


@each(
    [
        ("${{ config.replicas }}", "${{ json(config) }}"),
        ("${{ config.replicas }}", "${{ config.replicas }}"),
        ("${{ config.postgres.mode }}", "of ${{ json(config.postgres) }} and more"),
        ("${{ config.replicas + 1 }}", "${{ config.replicas + 1 }}"),
        ("${{ application.dependencies.db.host }}", "at ${{ application.dependencies.db.name }}"),
        ("${{ application.dependencies.db.host }}", "${{ json(application.dependencies) }}"),
        ("9", ""),
        ("${{ application.name }}", ""),
        ("${{ environment.name }}", ""),
    ]
)
def test_what_restarts_with_it_or_never_changes_is_not_told(value: str, sum_: str) -> None:
    assert told(held(value) + runs(MOUNTS["ConfigMap"], sum_)) == []


@each(
    [
        ("${{ config.replicas }}", "${{ config.replicas > 5 ? 'a' : 'b' }}", "config.replicas"),
        ("${{ config.theme }}", "${{ config.replicas }}", "config.theme"),
        ("${{ config.postgres.mode }}", "${{ config.replicas }}", "config.postgres.mode"),
        (
            "${{ application.dependencies.db.host }}",
            "${{ json(config) }}",
            "application.dependencies.db.host",
        ),
    ]
)
def test_what_changes_without_a_restart_is_told(value: str, sum_: str, missed: str) -> None:
    ((_, _, name),) = told(held(value) + runs(MOUNTS["ConfigMap"], sum_))
    assert name == missed


def test_what_is_sealed_not_ours_or_not_run_for_long_is_not_told() -> None:
    mounted = runs(MOUNTS["ConfigMap"])
    assert told(held() + "immutable: true\n" + mounted) == []
    assert told(held() + "immutable: false\n" + mounted) != []
    assert told(held() + runs("{name: a, configMap: {name: theirs}}")) == []
    assert told(held(kind="Secret") + mounted) == []
    assert told(held() + mounted.replace("apps/v1", "batch/v1").replace("Deployment", "Job")) == []


EXTERNAL = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: other}
spec:
  refreshPolicy: POLICY
  target:
    name: "${{ application.name }}-own"
    template: {data: {file: "${{ config.replicas }}"}}
"""


def test_a_secret_that_is_made_again_is_told_and_one_that_is_made_once_is_not() -> None:
    mounted = runs(MOUNTS["Secret"])
    assert len(told(EXTERNAL.replace("POLICY", "Periodic") + mounted)) == 1
    assert told(EXTERNAL.replace("POLICY", "CreatedOnce") + mounted) == []
