"""Advice on objects that run: what an author may leave, told at its place."""

from __future__ import annotations

from typing import Any

from tests.support.blueprints import DOCUMENT, package
from tests.support.each import each

from catalyst.blueprints import manifests
from catalyst.blueprints.advice import PODS, SECRET_NAME, advise
from catalyst.blueprints.findings import Severity, ordered
from catalyst.blueprints.lint import lint
from catalyst.blueprints.manifests import WHEN
from catalyst.blueprints.rendering import to_yaml

DIGEST = f"@sha256:{'a' * 64}"
LABELLED = {"labels": {"app.kubernetes.io/component": "server"}}
PROBE = {"httpGet": {"path": "/", "port": 80}}
SIZES = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}}
GOOD = {
    "name": "app",
    "image": "registry.example/app:1.2.3",
    "resources": SIZES,
    "securityContext": {"runAsNonRoot": True},
    "readinessProbe": PROBE,
    "livenessProbe": PROBE,
}
POLICY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
          "metadata": {"name": "app"}, "spec": {"podSelector": {}}}  # fmt: skip


def advised(*objects: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the advice on objects: rule without `advice.`, and place."""
    made = manifests.read(package(manifest=to_yaml(list(objects)).decode()), "manifests")
    assert not made.findings
    found = ordered(advise(made))
    assert all(one.severity is Severity.WARNING and one.message and one.fix for one in found)
    return [(one.rule.removeprefix("advice."), one.pointer) for one in found]


def running(kind: str, pod: Any, metadata: Any = None) -> dict[str, Any]:
    """Return an object of a kind that makes pods."""
    versions = {"Pod": "v1", "PodTemplate": "v1", "ReplicationController": "v1"}
    versions |= {"Job": "batch/v1", "CronJob": "batch/v1"}
    whole: dict[str, Any] = {"metadata": metadata or LABELLED, "spec": pod}
    for step in map(str, reversed(PODS[kind][:-1])):
        whole = {step: whole}
    named = {**whole.get("metadata", {}), "name": "app"}
    return {
        "apiVersion": versions.get(kind, "apps/v1"),
        "kind": kind,
        **whole,
        "metadata": named,
    }


def told(container: dict[str, Any], kind: str = "Deployment", **pod: Any) -> list[tuple[str, str]]:
    """Return the advice on a container, its place within that."""
    found = advised(running(kind, {"containers": [container], **pod}), POLICY)
    start = "".join(f"/{step}" for step in PODS[kind]) + "/containers/0"
    return [(rule, pointer.removeprefix(start)) for rule, pointer in found]


def less(*names: str, **more: Any) -> dict[str, Any]:
    """Return a good container without some fields, and with others."""
    return {name: value for name, value in GOOD.items() if name not in names} | more


def test_a_good_one_is_told_nothing_of_whatever_kind() -> None:
    for kind in PODS:
        assert told(GOOD, kind) == [], kind


@each(
    [
        (less("image"), [("image", "")]),
        (less(image=5), [("image", "")]),
        *((less(image=f"a/b{tag}"), [("image", "/image")]) for tag in (
            "", ":latest", ":stable", ":main", ":master", ":edge", ":nightly", ":dev",
        )),
        (less(image="registry.example:5000/app"), [("image", "/image")]),
        (less(image="registry.example:5000/app:1"), []),
        (less(image=f"app{DIGEST}"), []),
        (less(image=f"app:latest{DIGEST}"), []),
        (less(image="app:${{ config.theme }}"), []),
        (less("resources"), [("resources", "")] * 3),
        (less(resources={"requests": SIZES["requests"]}), [("resources", "")]),
        (less(resources={**SIZES, "requests": {"cpu": 1}}), [("resources", "")]),
        (less(resources={**SIZES, "requests": {"memory": 1}}), [("resources", "")]),
        (less(resources="${{ config.theme }}"), []),
        (less("securityContext"), [("non-root", "")]),
        (less(securityContext={"runAsNonRoot": False}), [("non-root", "")]),
        (less(securityContext={"runAsNonRoot": True, "runAsUser": 0}), [("non-root", "")]),
        (less(securityContext={"runAsNonRoot": True, "runAsUser": 1}), []),
        (less("readinessProbe"), [("probes", "")]),
        (less("livenessProbe"), [("probes", "")]),
        (less(env=[{"name": "A_TOKEN", "value": "x"}]), [("secret", "/env/0/value")]),
        (less(env=[{"name": "A_TOKEN", "value": ""}, {"name": "A_TOKEN"}]), []),
        (less(env=[{"name": "TOKEN_TIME", "value": "1"}, {"name": 5, "value": "x"}]), []),
        (less(env=["${{ config.theme }}", {"name": "PASSWORDS", "value": "x"}]),
         [("secret", "/env/1/value")]),
        (less(env="${{ config.theme }}"), []),
    ]
)  # fmt: skip
def test_what_a_container_lacks_is_told(
    container: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert told(container) == wanted


def test_what_a_pod_says_holds_where_its_container_says_nothing() -> None:
    plain = less("securityContext")
    for context, wanted in [
        ({"runAsNonRoot": True}, []),
        ({"runAsNonRoot": True, "runAsUser": 0}, [("non-root", "")]),
        ({"runAsUser": 5}, [("non-root", "")]),
    ]:
        assert told(plain, securityContext=context) == wanted
    own = less(securityContext={"runAsNonRoot": False})
    assert told(own, securityContext={"runAsNonRoot": True}) == [("non-root", "")]
    user = less(securityContext={"runAsUser": 0})
    assert told(user, securityContext={"runAsNonRoot": True, "runAsUser": 1}) == [("non-root", "")]
    user = less(securityContext={"runAsUser": 1})
    assert told(user, securityContext={"runAsNonRoot": True, "runAsUser": 0}) == []


def test_only_what_serves_is_probed_and_what_comes_before_it_is_not() -> None:
    silent = less("readinessProbe", "livenessProbe")
    serving = [kind for kind in PODS if told(silent, kind)]
    assert serving == ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]
    assert told(silent, "Deployment") == [("probes", "")] * 2
    assert told(GOOD, initContainers=[silent]) == []
    bare = {"name": "init", "image": "app"}
    found = advised(running("Job", {"containers": [GOOD], "initContainers": [5, bare]}), POLICY)
    at = "/spec/template/spec/initContainers/1"
    wanted = [("image", f"{at}/image"), ("non-root", at), *[("resources", at)] * 3]
    assert sorted(found) == wanted


def test_what_is_no_list_of_containers_is_looked_at_no_further() -> None:
    for odd in ("${{ config.theme }}", {"name": "app"}):
        assert advised(running("Deployment", {"containers": odd}), POLICY) == []
    broken = running("Deployment", "${{ config.theme }}")
    assert [rule for rule, _ in advised(broken, POLICY)] == []


def test_which_part_it_is_is_said_by_a_label_of_its_pods() -> None:
    pod = {"containers": [GOOD]}
    at = "/spec/template/metadata"
    for metadata, place in [
        ({"labels": {"app": "x"}}, f"{at}/labels"),
        ({"labels": "${{ config.theme }}"}, f"{at}/labels"),
        ({"name": "x"}, f"{at}/labels"),
    ]:
        assert advised(running("Deployment", pod, metadata), POLICY) == [("labels", place)]
    assert advised(running("Pod", pod, {"name": "x"}), POLICY) == [("labels", "/metadata/labels")]


def test_whoever_runs_something_says_who_may_reach_it() -> None:
    runs = running("Deployment", {"containers": [GOOD]})
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}}
    assert advised(other) == []
    assert advised(other, runs, running("Pod", {"containers": [GOOD]})) == [("network-policy", "")]
    assert advised(runs, POLICY) == advised(POLICY, runs) == []


def test_a_secret_in_the_open_is_told_with_its_field() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}}
    open_ = {"data": {"a": "eA==", "b": ""}, "stringData": {"c": "x", "d": None}}
    assert advised({**secret, **open_}) == [("secret", "/data/a"), ("secret", "/stringData/c")]
    assert advised({**secret, "data": "${{ config.theme }}"}) == []
    config = {**secret, "kind": "ConfigMap", **open_}
    assert advised(config) == []


@each([
        ("password", True), ("DB_PASSWD", True), ("clientSecret", True), ("tokens", True),
        ("apikey", True), ("API_KEY", True), ("privateKey", True), ("PRIVATE_KEY", True),
        ("credentials", True), ("passwordFile", False), ("keyboard", False), ("apiKeyName", False),
    ])  # fmt: skip
def test_a_name_looks_like_that_of_a_secret_by_its_end(name: str, wanted: bool) -> None:  # noqa: FBT001
    assert (SECRET_NAME.search(name) is not None) is wanted


def test_a_condition_within_an_object_decides_nothing() -> None:
    annotations = {"annotations": {WHEN: "config.replicas > 1"}}
    pods = running("Deployment", {"containers": [GOOD]}, {**LABELLED, **annotations})
    at = f"/spec/template/metadata/annotations/{WHEN.replace('/', '~1')}"
    assert advised(pods, POLICY) == [("condition", at)]
    whole = running("Deployment", {"containers": [GOOD]})
    whole["metadata"] |= annotations
    assert advised(whole, POLICY) == []


@each(list(PODS))
def test_what_runs_no_container_is_told_so(kind: str) -> None:
    at = "".join(f"/{step}" for step in PODS[kind]) + "/containers"
    pods: list[Any] = [{"containerz": [less("image")]}, {"containers": []}, {}, None]
    for pod in pods:
        assert advised(running(kind, pod), POLICY) == [("containers", at)]
    # What an expression makes is seen only where it is rendered.
    for made in ("${{ config.pod }}", {"containers": "${{ config.containers }}"}):
        assert advised(running(kind, made), POLICY) == []


REPLICAS = "/spec/configSchema/required/0"
GIVEN = "    values: {replicas: 3}\n"


@each(
    [
        ("    required: [replicas]\n", "", [REPLICAS]),
        # It has none, the author gives it, or it says which alternative is meant.
        ("    required: [theme]\n", "", []),
        ("    required: [replicas]\n", GIVEN, []),
        ("    anyOf: [{required: [replicas]}, {required: [theme]}]\n", "", []),
        ("    anyOf: [{required: [replicas], properties: {replicas: {default: 2}}}]\n", "", []),
        ("    if: {required: [theme]}\n    then: {required: [replicas]}\n", "", []),
        ("    required: [theme, replicas]\n", "", ["/spec/configSchema/required/1"]),
    ]
)
def test_a_field_with_a_default_that_has_to_be_given_is_told(
    more: str, values: str, places: list[str]
) -> None:
    at = "    type: object\n    additionalProperties"
    text = DOCUMENT.replace(at, more + at, 1) + values
    found = [one for one in lint(package(text)).findings if one.rule == "advice.required"]
    assert [(one.pointer, one.severity) for one in found] == [
        (place, Severity.WARNING) for place in places
    ]
    said = "replicas has a default and is required all the same: whoever leaves it out is refused"
    assert {one.message for one in found} == ({said} if places else set())


def test_a_field_whose_schema_is_wrong_is_told_as_that_alone() -> None:
    at = "    type: object\n    additionalProperties"
    text = DOCUMENT.replace(at, f"    required: [replicas]\n{at}", 1)
    found = lint(package(text.replace("minimum: 1", "minimum: one", 1))).findings
    assert [one.rule for one in found] == ["config-schema.type"]


def test_a_default_within_a_list_or_a_map_is_looked_at_too() -> None:
    entry = "{type: object, required: [size], properties: {size: {type: integer, default: 3}}}"
    fields = f"      disks: {{type: array, items: {entry}}}\n      disk: {entry}\n"
    text = DOCUMENT.replace("      theme:\n", f"{fields}      theme:\n", 1)
    found = [one.pointer for one in lint(package(text)).findings if one.rule == "advice.required"]
    at = "/spec/configSchema/properties"
    assert found == [f"{at}/disks/items/required/0", f"{at}/disk/required/0"]
