"""From a package and a configuration to objects."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import DOCUMENT, MANIFEST, package, scope
from tests.support.each import each
from typing_extensions import override

from catalyst.blueprints import dependencies, rendering
from catalyst.blueprints.document import Blueprint, read
from catalyst.blueprints.package import Package

LABELS = {
    "app.kubernetes.io/name": "wiki",
    "app.kubernetes.io/instance": "site",
    "app.kubernetes.io/version": "1.2.0",
    "app.kubernetes.io/managed-by": "catalyst",
    "app.kubernetes.io/part-of": "site",
    "openova.io/organization": "acme",
    "openova.io/environment": "acme-prod",
    "openova.io/env-type": "prod",
    "openova.io/application": "site",
    "openova.io/blueprint": "bp-wiki",
    "openova.io/blueprint-version": "1.2.0",
}
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"


def blueprint(of: Package) -> Blueprint:
    found = read(of).blueprint
    assert found is not None
    return found


def rendered(manifest: str, **config: Any) -> rendering.Rendered:
    made = package(manifest=manifest)
    known = blueprint(made)
    values = rendering.configuration(known, config)
    return rendering.render(made, known, scope(values, db="db.acme"))


@pytest.mark.guarantee("G20.7")
def test_an_object_has_its_namespace_every_label_and_its_values() -> None:
    (made,) = rendered(MANIFEST).objects
    for said in ("null", "site", "${{ application.namespace }}"):
        named = MANIFEST.replace("metadata:", f"metadata:\n  namespace: {said}")
        assert rendered(named).objects == (made,), said
    assert made == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "site", "namespace": "site", "labels": LABELS},
        "data": {"replicas": "2 of acme-prod"},
    }


@pytest.mark.guarantee("G20.7")
def test_templates_of_pods_and_jobs_are_labelled_and_selectors_are_not() -> None:
    manifest = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: x, labels: {own: "1", openova.io/application: forged}}
spec:
  jobTemplate:
    spec:
      selector: {matchLabels: {a: b}}
      template: {metadata: {labels: {a: b}}, spec: {}}
"""
    (made,) = rendered(manifest).objects
    job = made["spec"]["jobTemplate"]
    assert made["metadata"]["labels"] == {**LABELS, "own": "1"}
    assert job["metadata"]["labels"] == LABELS
    assert job["spec"]["template"]["metadata"]["labels"] == {**LABELS, "a": "b"}
    assert job["spec"]["selector"] == {"matchLabels": {"a": "b"}}


@pytest.mark.guarantee("G20.7")
@given(st.dictionaries(st.sampled_from(["theme", "replicas"]), st.integers(1, 9), max_size=2))
def test_the_order_in_which_values_come_changes_no_byte(values: dict[str, Any]) -> None:
    config = {name: str(value) if name == "theme" else value for name, value in values.items()}
    reverse = dict(reversed(list(config.items())))
    manifest = HEAD + 'data: "${{ config }}"\n'
    assert rendered(manifest, **config).files == rendered(manifest, **reverse).files


def test_null_leaves_out_what_an_expression_gives_and_nothing_else() -> None:
    manifest = HEAD + (
        "data:\n  gone: '${{ null }}'\n  kept: null\n"
        "  list: [1, '${{ has(config.theme) ? config.theme : null }}', 3]\n"
        "  typed: ${{ config.replicas }}\n"
    )
    (made,) = rendered(manifest).objects
    assert made["data"] == {"kept": None, "list": [1, 3], "typed": 2}
    (made,) = rendered(manifest, theme="dark").objects
    assert made["data"]["list"] == [1, "dark", 3]


def test_an_object_is_made_only_if_its_condition_holds() -> None:
    when = "  annotations: {catalyst.openova.io/when: 'config.replicas > 2'}\n"
    manifest = HEAD + when + "---\n" + HEAD.replace("name: x", "name: z")
    assert [one["metadata"]["name"] for one in rendered(manifest).objects] == ["z"]
    both = rendered(manifest, replicas=3)
    assert [one["metadata"]["name"] for one in both.objects] == ["x", "z"]
    assert "annotations" not in both.objects[0]["metadata"]


def failing(manifest: str) -> list[tuple[str, str]]:
    with pytest.raises(rendering.RenderError) as caught:
        rendered(manifest)
    return [(one.rule, one.pointer) for one in caught.value.findings]


def test_a_condition_is_true_or_false_and_a_manifest_that_is_wrong_is_not_rendered() -> None:
    when = HEAD + "  annotations: {catalyst.openova.io/when: config.replicas}\n"
    place = "/metadata/annotations/catalyst.openova.io~1when"
    assert failing(when) == [("render.expression", place)]
    assert ("yaml.syntax", "") in failing("x: [")
    nothing = package(DOCUMENT[: DOCUMENT.index("  manifests:")])
    known = blueprint(nothing)
    values = rendering.configuration(known, {})
    assert rendering.objects(nothing, known, scope(values, db="db.acme")) == {}


@pytest.mark.guarantee("G20.4")
def test_all_objects_together_have_so_many_bytes_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two = f"{HEAD}---\n{HEAD.replace('name: x', 'name: z')}"
    each_ = len('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}')
    monkeypatch.setattr(rendering, "MAX_BYTES", 2 * each_)
    assert len(rendered(two).objects) == 2
    monkeypatch.setattr(rendering, "MAX_BYTES", 2 * each_ - 1)
    assert failing(two) == [("render.size", "")]


def test_files_that_hold_nothing_are_not_listed() -> None:
    when = "  annotations: {catalyst.openova.io/when: 'false'}\n"
    assert rendered(HEAD + when).files == {}
    assert list(rendered(HEAD).files) == ["app.yaml", "kustomization.yaml"]


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["yes", "0644", "1e3", "~", "", "a: b", "# no", "line\nline\n", " x ", "1:30", "0o7", "=", "<<"]
)


@pytest.mark.guarantee("G20.7")
@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.none() | st.lists(TEXTS), max_size=5))
def test_what_is_written_is_read_as_the_same_values(value: dict[str, Any]) -> None:
    raw = rendering.to_yaml([value])
    assert yaml.safe_load(raw) == value
    assert rendering.to_yaml([dict(reversed(list(value.items())))]) == raw


@pytest.mark.guarantee("G20.7")
@each(["y", "N", "=", "NaN", "Inf", "yes", "null", "1e3", ".5"])
def test_a_text_that_a_reader_could_take_for_something_else_is_quoted(text: str) -> None:
    assert rendering.to_yaml([{"a": text}]) == f"a: '{text}'\n".encode()


class _Dumper(yaml.CSafeDumper):
    """The library's own, with the same quotes."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Return the node of a text."""
        return self.represent_scalar(
            "tag:yaml.org,2002:str", data, style=rendering._text(data).style
        )


_Dumper.add_representer(str, _Dumper.text)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=3))
def test_it_writes_the_bytes_that_the_librarys_own_dumper_writes(
    objects: list[dict[str, Any]],
) -> None:
    wanted: str = yaml.dump_all(
        objects,
        Dumper=_Dumper,
        sort_keys=True,
        allow_unicode=True,
        default_flow_style=False,
        width=1_000_000,
        explicit_start=len(objects) > 1,
    )
    assert rendering.to_yaml(objects) == wanted.encode("utf-8")


@pytest.mark.guarantee("G20.3")
def test_every_place_that_fails_is_told() -> None:
    manifest = HEAD + "data:\n  a: ${{ config.theme }}\n  b: |\n    x\n    ${{ 1 / 0 }}\n"
    with pytest.raises(rendering.RenderError) as caught:
        rendered(manifest)
    assert [(one.file, one.line, one.column) for one in caught.value.findings] == [
        ("manifests/app.yaml", 6, 9),
        ("manifests/app.yaml", 9, 8),
    ]


def test_a_configuration_is_laid_over_in_its_order() -> None:
    document = (
        DOCUMENT + "    values: {theme: a, replicas: 3}\n    overlays: {big: {replicas: 5}}\n"
    )
    known = blueprint(package(document))
    assert rendering.configuration(known, {})["replicas"] == 3
    assert rendering.configuration(known, {}, overlay="big")["replicas"] == 5
    assert rendering.configuration(known, {"replicas": 9}, overlay="big")["replicas"] == 9
    assert rendering.configuration(known, {"replicas": None})["replicas"] == 2
    with pytest.raises(KeyError):
        rendering.configuration(known, {}, overlay="huge")


def test_a_dependency_is_wanted_under_its_condition_with_its_values() -> None:
    known = blueprint(package())
    (db,) = dependencies.wanted(known, scope({"postgres": {"mode": "embedded"}}))
    assert (db.blueprint, db.alias, db.version) == ("bp-postgres", "db", "^1.0")
    assert db.values == {"database": "site"}
    assert dependencies.wanted(known, scope({"postgres": {"mode": "external"}})) == ()
    with pytest.raises(dependencies.Undecided, match="db"):
        dependencies.wanted(known, scope({}))


def test_outputs_and_neighbours_are_seen() -> None:
    document = DOCUMENT + "  outputs: {port: 80, url: 'http://${{ application.name }}'}\n"
    assert rendering.outputs(blueprint(package(document)), scope({})) == {
        "port": 80,
        "url": "http://site",
    }
    (made,) = rendered(HEAD + "data: {h: '${{ application.dependencies.db.host }}'}\n").objects
    assert made["data"] == {"h": "db.acme"}
