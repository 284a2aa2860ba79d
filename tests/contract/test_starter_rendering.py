"""What comes with Catalyst renders objects that Kubernetes takes, whatever a form takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tests.support import starters
from tests.support.configurations import configurations, sample
from tests.support.each import each
from tests.support.examples import a_part
from tests.support.kubernetes import refusals
from tests.support.starters import NAMES

from catalyst.blueprints import configschema, dependencies, rendering
from catalyst.blueprints.manifests import WHEN
from catalyst.provisioning.domain import volumes

IMAGE = re.compile(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9./_-]+:(?P<tag>[A-Za-z0-9._-]+)")
VARIABLE = re.compile(r"\$\(([A-Z_][A-Za-z0-9_]*)\)")
WORKLOADS = {"Deployment", "StatefulSet"}


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for made in objects:
        if made["kind"] in WORKLOADS:
            yield made, made["spec"]["template"]["spec"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


@pytest.mark.guarantee("G21.2")
@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_takes_what_each_choice_makes(name: str) -> None:
    for parameters, objects in starters.choices_made(name):
        config = starters.configured(name, parameters)
        assert configschema.validate(starters.blueprint(name).schema, config) == []
        for made in objects:
            assert (parameters, refusals(made)) == (parameters, [])


@pytest.mark.guarantee("G21.2")
@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_takes_what_odd_configurations_make(name: str) -> None:
    schema = starters.blueprint(name).schema

    @a_part(4, 5, suppress_health_check=list(HealthCheck))
    @given(configurations(schema), st.sampled_from(["", *starters.blueprint(name).overlays]))
    def check(parameters: dict[str, Any], overlay: str) -> None:
        assert configschema.validate(schema, parameters) == []
        config = rendering.configuration(starters.blueprint(name), parameters, overlay=overlay)
        assert configschema.validate(schema, config) == []
        seen = starters.scope(name, config)
        files = rendering.made_of(starters.read_manifests(name), starters.blueprint(name), seen)
        for group in files.values():
            assert [refusals(made) for made in group] == [[] for _ in group]
            assert list(yaml.load_all(rendering.to_yaml(group), yaml.CSafeLoader)) == group
        rendering.outputs(starters.blueprint(name), seen)

    check()


@pytest.mark.guarantee("G21.2")
@pytest.mark.parametrize("name", NAMES)
def test_rendering_twice_gives_the_same_bytes_and_another_change_too(name: str) -> None:
    blueprint, package = starters.blueprint(name), starters.package(name)
    config = starters.configured(name, sample(blueprint.schema))
    first = rendering.render(package, blueprint, starters.scope(name, config))
    later = rendering.render(package, blueprint, starters.scope(name, config, change="c-2"))
    assert first.files == later.files
    assert first.files


@each(NAMES)
def test_each_condition_is_seen_to_hold_and_not_to_hold(name: str) -> None:
    blueprint = starters.blueprint(name)
    aliases: dict[str, set[bool]] = {one.alias: set() for one in blueprint.depends if one.when}
    kinds: dict[tuple[str, str], set[bool]] = {}
    for parameters, objects in starters.choices_made(name):
        seen = starters.scope(name, starters.configured(name, parameters))
        wanted = {one.alias for one in dependencies.wanted(blueprint, seen)}
        for alias, both in aliases.items():
            both.add(alias in wanted)
        there = {(made["kind"], made["metadata"]["name"]) for made in objects}
        for manifest in starters.read_manifests(name).files:
            for source in manifest.objects:
                if WHEN in (source.value["metadata"].get("annotations") or {}):
                    plain = source.value["metadata"]["name"].replace(
                        "${{ application.name }}", "site"
                    )
                    key = (source.value["kind"], plain)
                    kinds.setdefault(key, set()).add(key in there)
    always = {("Ingress", "site")} if "domain" in blueprint.schema.get("required", ()) else set()
    assert {alias for alias, both in aliases.items() if both != {True, False}} == set()
    assert {key for key, both in kinds.items() if both != {True, False}} == always


@pytest.mark.guarantee("G21.3")
@each(NAMES)
def test_nothing_runs_with_more_rights_than_it_needs(name: str) -> None:
    for _, pod in pods(starters.objects(name, sample(starters.blueprint(name).schema))):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]
        for container in pod["containers"]:
            assert {"readinessProbe", "livenessProbe"} <= container.keys()


@each(NAMES)
def test_an_image_names_its_registry_and_one_version(name: str) -> None:
    for _, pod in pods(starters.objects(name, sample(starters.blueprint(name).schema))):
        for container in containers(pod):
            found = IMAGE.fullmatch(container["image"])
            assert found, container["image"]
            assert re.search(r"\d+\.\d+", found["tag"]), container["image"]


@pytest.mark.guarantee("G21.3")
@each(NAMES)
def test_a_secret_stands_nowhere_and_is_made_or_named(name: str) -> None:
    for parameters, objects in starters.choices_made(name):
        assert all(made["kind"] != "Secret" for made in objects)
        offered = {
            made["spec"]["target"]["name"]: keys_of(made["spec"])
            for made in objects
            if made["kind"] == "ExternalSecret"
        }
        offered["keys"] = {"password"}
        offered["mail"] = {"password"}
        for _, pod in pods(objects):
            for secret, key, optional in references(pod):
                assert optional or key in offered.get(secret, set()), (parameters, secret, key)


def keys_of(spec: dict[str, Any]) -> set[str]:
    """Return the keys of the Secret that an ExternalSecret makes."""
    template = spec["target"].get("template")
    return set(template["data"]) if template else {one["secretKey"] for one in spec["data"]}


def references(pod: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for container in containers(pod):
        for entry in container.get("env", ()):
            found = entry.get("valueFrom", {}).get("secretKeyRef")
            if found:
                yield found["name"], found["key"], found.get("optional", False)
    for volume in pod.get("volumes", ()):
        for item in volume.get("secret", {}).get("items", ()):
            yield volume["secret"]["secretName"], item["key"], False


@each(NAMES)
def test_whatever_an_object_names_is_there(name: str) -> None:
    for _, objects in starters.choices_made(name):
        names = {(made["kind"], made["metadata"]["name"]) for made in objects}
        for made, pod in pods(objects):
            check_pod(pod, names)
            labels = made["spec"]["template"]["metadata"]["labels"]
            assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()
        check_services(objects)


def check_pod(pod: dict[str, Any], names: set[tuple[str, str]]) -> None:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    mounted: set[str] = set()
    for container in containers(pod):
        ports = {port["name"] for port in container.get("ports", ())}
        for mount in container.get("volumeMounts", ()):
            mounted.add(mount["name"])
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            for way in ("httpGet", "tcpSocket"):
                wanted = container.get(probe, {}).get(way, {}).get("port")
                assert wanted is None or wanted in ports
        before: set[str] = set()
        for entry in container.get("env", ()):
            assert set(VARIABLE.findall(entry.get("value", ""))) <= before, entry["name"]
            assert entry["name"] not in before
            before.add(entry["name"])
    assert mounted == volumes.keys()
    for volume in volumes.values():
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        config = volume.get("configMap", {}).get("name")
        assert claim is None or ("PersistentVolumeClaim", claim) in names
        assert config is None or ("ConfigMap", config) in names
        assert len(volume) == 2, volume


def check_services(objects: list[dict[str, Any]]) -> None:
    services = {made["metadata"]["name"]: made for made in objects if made["kind"] == "Service"}
    for service in services.values():
        (target,) = (
            pod
            for made, pod in pods(objects)
            if service["spec"]["selector"].items()
            <= made["spec"]["template"]["metadata"]["labels"].items()
        )
        ports = {port["name"] for one in target["containers"] for port in one.get("ports", ())}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for made in objects:
        if made["kind"] == "Ingress":
            backend = made["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
            offered = {port["name"] for port in services[backend["name"]]["spec"]["ports"]}
            assert backend["port"]["name"] in offered


def outside(name: str, parameters: dict[str, Any]) -> set[int]:
    """Return the ports that may be reached outside of the cluster."""
    return {
        port["port"]
        for made in starters.objects(
            name, {**sample(starters.blueprint(name).schema), **parameters}
        )
        if made["kind"] == "NetworkPolicy"
        for rule in made["spec"]["egress"]
        if any("ipBlock" in one for one in rule["to"])
        for port in rule["ports"]
    }


@pytest.mark.guarantee("G21.3")
@each([name for name in NAMES if "mail" in starters.blueprint(name).schema["properties"]])
def test_the_mail_server_that_is_chosen_can_be_reached_and_no_other(name: str) -> None:
    server = {"mode": "server", "host": "mail.example.com", "sender": "a@b.example"}
    without = outside(name, {"mail": {"mode": "none"}})
    assert without.isdisjoint({25, 465, 587, 2525})
    for port in (25, 465, 2525):
        assert outside(name, {"mail": {**server, "port": port}}) == without | {port}
    assert outside(name, {"mail": server}) == without | {587}


@pytest.mark.guarantee("G21.3")
@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("https://metrics.example.com/api/v1/write", 443),
        ("http://metrics.example.com/api/v1/write", 80),
        ("https://metrics.example.com:9443/api/v1/write", 9443),
    ],
)
def test_where_measures_are_sent_can_be_reached(address: str, port: int) -> None:
    assert outside("bp-prometheus", {"sendTo": address}) == {443, port}
    assert outside("bp-prometheus", {}) == {443}


@pytest.mark.guarantee("G14.12")
@each(NAMES)
def test_each_password_that_is_made_is_kept_with_the_data(name: str) -> None:
    for _, objects in starters.choices_made(name):
        made = {
            f"{one['kind']}/{one['metadata']['name']}"
            for one in objects
            if one["kind"] == "PushSecret" or one.get("spec", {}).get("refreshPolicy")
        }
        assert made == {one for one in volumes.names(objects) if "/" in one}


@pytest.mark.guarantee("G21.3")
@each(NAMES)
def test_only_the_ports_of_a_service_can_be_reached(name: str) -> None:
    objects = starters.objects(name, sample(starters.blueprint(name).schema))
    served = {
        port["port"]
        for made in objects
        if made["kind"] == "Service"
        for port in made["spec"]["ports"]
    }
    opened = {
        port["port"]
        for made in objects
        if made["kind"] == "NetworkPolicy"
        for rule in made["spec"]["ingress"]
        for port in rule["ports"]
    }
    assert opened == served
