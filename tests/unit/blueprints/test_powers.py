"""Where what reaches beyond the namespace is told, and that no expression hides it."""

from __future__ import annotations

from typing import Any

import yaml
from tests.support.blueprints import package
from tests.support.each import each

from catalyst.blueprints.lint import lint
from catalyst.blueprints.powers import reach

MADE = "${{ config }}"
"""What this makes is known once it runs."""
APPARMOR = "container.apparmor.security.beta.kubernetes.io/app"
ROLE = "/roleRef"
ANNOTATION = f"/spec/template/metadata/annotations/{APPARMOR.replace('/', '~1')}"


def told(kind: str, version: str, **fields: Any) -> list[str]:
    """Return the places of an object that reach beyond the namespace."""
    made = {"apiVersion": version, "kind": kind, "metadata": {"name": "app"}, **fields}
    linted = lint(package(manifest=yaml.safe_dump(made)), own=True)
    return sorted(one.pointer for one in linted.findings if one.rule == "powers")


@each(
    [
        ({"kind": "Role", "name": "app"}, []),
        ({"kind": "ClusterRole", "name": "view"}, []),
        ({"kind": "ClusterRole", "name": "edit"}, [ROLE]),
        ({"kind": "Other", "name": "view"}, [ROLE]),
        ({"kind": "ClusterRole"}, [ROLE]),
        ({"name": "view"}, [ROLE]),
        ({}, [ROLE]),
        (MADE, [ROLE]),
        ([], [ROLE]),
        (None, [ROLE]),
    ]
)
def test_a_binding_gives_what_a_role_of_the_package_lists_or_the_right_to_look(
    role: Any, places: list[str]
) -> None:
    found = told("RoleBinding", "rbac.authorization.k8s.io/v1", roleRef=role, subjects=[])
    assert found == places


@each(
    [
        (MADE, ["/spec"]),
        ({"template": MADE}, ["/spec/template"]),
        ({"template": {"metadata": MADE, "spec": {}}}, ["/spec/template/metadata"]),
        ({"template": {"spec": MADE}}, ["/spec/template/spec"]),
        (
            {"template": {"metadata": {"annotations": MADE}, "spec": {"volumes": MADE}}},
            ["/spec/template/metadata/annotations", "/spec/template/spec/volumes"],
        ),
        ({"template": {}}, []),
        ({}, []),
        ([], []),
    ]
)
def test_a_pod_that_an_expression_makes_is_told_where_that_stands(
    spec: Any, places: list[str]
) -> None:
    assert told("Deployment", "apps/v1", spec=spec) == places


@each(
    [
        ({"securityContext": MADE}, ["securityContext"]),
        (
            {"securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}, MADE]}},
            ["securityContext/sysctls/0/name", "securityContext/sysctls/1"],
        ),
        (
            {"volumes": [{"name": "a", "hostPath": {"path": "/"}}, {"name": "b", "nfs": {}}]},
            ["volumes/0/hostPath", "volumes/1/nfs"],
        ),
        ({"volumes": [{"name": "a", "hostPath": None, "emptyDir": {}}]}, []),
        (
            {"containers": [{"name": "a", "securityContext": {"seccompProfile": {"type": "x"}}}]},
            ["containers/0/securityContext/seccompProfile/type"],
        ),
        ({"initContainers": [{"name": "a"}, MADE]}, ["initContainers/1"]),
    ]
)
def test_what_a_pod_reaches_for_is_told_at_its_own_place(
    pod: dict[str, Any], places: list[str]
) -> None:
    assert told("Pod", "v1", spec=pod) == [f"/spec/{one}" for one in places]


@each(
    [
        (APPARMOR, "unconfined", [ANNOTATION]),
        (APPARMOR, MADE, [ANNOTATION]),
        (APPARMOR, "runtime/default", []),
        (APPARMOR, "localhost/app", []),
        (APPARMOR, "not-localhost/", [ANNOTATION]),
        (APPARMOR, None, []),
        ("example.com/app", "unconfined", []),
    ]
)
def test_an_annotation_reaches_for_the_node_if_it_lets_a_container_go_unconfined(
    name: str, value: str | None, places: list[str]
) -> None:
    template = {"metadata": {"annotations": {name: value}}, "spec": {"containers": []}}
    found = told("Deployment", "apps/v1", spec={"template": template})
    assert found == places


def answers(kind: str, spec: Any) -> list[str]:
    """Return the places of what answers under hosts that it does not name."""
    group = {"Ingress": "networking.k8s.io/v1", "IngressRoute": "traefik.io/v1alpha1"}
    return told(kind, group.get(kind, "gateway.networking.k8s.io/v1"), spec=spec)


HOST = {"host": "${{ lower(config.domain) }}"}
FIRST = ["/spec/routes/0/match"]


@each(
    [
        ("Ingress", {"rules": [HOST]}, []),
        ("Ingress", {"rules": [HOST, {"http": {}}]}, ["/spec/rules/1"]),
        ("Ingress", {"rules": [{"host": ""}]}, ["/spec/rules/0"]),
        ("Ingress", {"rules": [HOST], "defaultBackend": {}}, ["/spec/defaultBackend"]),
        ("Ingress", {"rules": MADE}, ["/spec/rules"]),
        ("Ingress", {"rules": [MADE, {"http": {}}]}, ["/spec/rules/0", "/spec/rules/1"]),
        ("Ingress", MADE, ["/spec"]),
        ("HTTPRoute", {"hostnames": ["a.example"]}, []),
        ("HTTPRoute", {"hostnames": MADE}, []),
        ("HTTPRoute", {"hostnames": []}, ["/spec"]),
        ("GRPCRoute", {"rules": []}, ["/spec"]),
        ("TLSRoute", {"rules": []}, ["/spec"]),
        ("Gateway", {"listeners": [{"hostname": "a"}, {"port": 80}]}, ["/spec/listeners/1"]),
        ("Gateway", {"listeners": MADE}, ["/spec/listeners"]),
        ("IngressRoute", {"routes": [{"match": "Host(`a`) && PathPrefix(`/b`)"}]}, []),
        ("IngressRoute", {"routes": [{"match": "PathPrefix(`/`)"}]}, FIRST),
        ("IngressRoute", {"routes": [{"match": "Host(`a`) || Path(`/`)"}]}, FIRST),
        ("IngressRoute", {"routes": [{"match": "Host(`a`)\n|| Path(`/`)"}]}, FIRST),
        ("IngressRoute", {"routes": [{"match": "Path(`/`)\n&& Host(`a`)"}]}, []),
        ("IngressRoute", {"routes": [{"match": "!Host(`a`)"}]}, FIRST),
        ("IngressRoute", {"routes": [{"match": "HostRegexp(`.+`)"}]}, FIRST),
        ("IngressRoute", {"routes": [{"match": "Host(`a`)${{ config.rule }}"}]}, FIRST),
        ("IngressRoute", {"routes": [{"match": 'PathRegexp(`(?:Host("a"))?`)'}]}, FIRST),
        ("IngressRoute", {"routes": [{"kind": "Rule"}]}, ["/spec/routes/0"]),
    ]
)
def test_what_answers_under_hosts_that_it_does_not_name_is_told(
    kind: str, spec: Any, places: list[str]
) -> None:
    assert answers(kind, spec) == places


def test_a_snippet_that_serves_others_as_well_is_told() -> None:
    note = "nginx.ingress.kubernetes.io/configuration-snippet"
    made = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "app", "annotations": {note: "return 302;", "other": "x"}},
        "spec": {"rules": [HOST]},
    }
    linted = lint(package(manifest=yaml.safe_dump(made)), own=True)
    found = [one.pointer for one in linted.findings if one.rule == "powers"]
    assert found == [f"/metadata/annotations/{note.replace('/', '~1')}"]
    # What only an expression makes may be one.
    made["metadata"] = {"name": "app", "annotations": MADE}
    linted = lint(package(manifest=yaml.safe_dump(made)), own=True)
    found = [one.pointer for one in linted.findings if one.rule == "powers"]
    assert found == ["/metadata/annotations"]


def test_what_was_made_reaches_less_if_one_of_it_is_gone() -> None:
    def pod(name: str, **spec: Any) -> dict[str, Any]:
        return {"kind": "Pod", "metadata": {"name": name}, "spec": spec}

    node = pod("app", hostNetwork=True, hostPID=True)
    less = pod("app", hostNetwork=False, hostPID=True)
    assert reach([node]) == {
        (
            "Pod",
            "app",
            ("spec", "hostNetwork"),
            "hostNetwork gives the pod what belongs to its node",
        ),
        ("Pod", "app", ("spec", "hostPID"), "hostPID gives the pod what belongs to its node"),
    }
    assert reach([less]) < reach([node])
    assert reach([less, pod("web")]) == reach([less])
    # Another object that reaches as far is more, and one instead of another is not less.
    assert reach([less, pod("web", hostPID=True)]) > reach([less])
    assert not reach([pod("web", hostPID=True)]) < reach([less])
    assert (
        reach([{"kind": "ConfigMap", "metadata": {"name": "app"}, "spec": node["spec"]}]) == set()
    )
    binding = {"kind": "RoleBinding", "metadata": {"name": "app"}}
    assert [path for _, _, path, _ in reach([binding])] == [("roleRef",)]
