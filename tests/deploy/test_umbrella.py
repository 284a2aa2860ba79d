"""The umbrella chart: each member as its own chart makes it, and what is said once for all."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.deploy import charts
from tests.deploy.charts import (
    UMBRELLA,
    Helm,
    HelmRefused,
    environment,
    member_of,
    of_kind,
    only,
    pod,
)
from tests.deploy.members import ON_REQUEST, deployables, values_of
from tests.deploy.values import WRONG, WRONG_PLACES, cases

MEMBERS = deployables()


def test_the_umbrella_installs_each_member_as_its_own_chart_does(helm: Helm) -> None:
    together = helm.render(UMBRELLA, values={name: {"enabled": True} for name in ON_REQUEST})

    for member in MEMBERS:
        assert values_of(UMBRELLA)[member] == {"enabled": member not in ON_REQUEST}
        alone = helm.render(member)
        for item in alone:
            assert item in together
    assert len(together) == sum(len(helm.render(member)) for member in MEMBERS)


@pytest.mark.parametrize("member", MEMBERS)
def test_the_umbrella_can_leave_a_member_out(helm: Helm, member: str) -> None:
    objects = helm.render(UMBRELLA, values={member: {"enabled": False}})

    assert {member_of(item) for item in objects} == set(MEMBERS) - ON_REQUEST - {member}


def test_a_simulated_cluster_is_installed_only_if_it_is_asked_for(helm: Helm) -> None:
    assert "simulator" not in {member_of(item) for item in helm.render(UMBRELLA)}

    objects = helm.render(UMBRELLA, values={"simulator": {"enabled": True, "pace": 0.5}})
    mine = [item for item in objects if member_of(item) == "simulator"]
    told = environment(only(mine, "Deployment"))
    assert told["CATALYST_NATS_USER"] == "simulator"
    assert told["SIMULATOR_PACE"] == "0.5"
    assert only(mine, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_what_is_said_once_for_all_reaches_each_member(helm: Helm) -> None:
    objects = helm.render(UMBRELLA, values=cases(UMBRELLA)["global"])

    for deployment in of_kind(objects, "Deployment"):
        told = environment(deployment)
        (container,) = pod(deployment)["containers"]
        member = member_of(deployment)
        assert container["image"] == f"registry.example.com/c/catalyst/{member}:2.0"
        assert pod(deployment)["imagePullSecrets"] == [{"name": "pull"}]
        assert told["CATALYST_NATS_URL"] == "nats://bus:1234"
        assert told["CATALYST_NATS_REPLICAS"] == "3"
        assert told["CATALYST_OTHER_ISSUERS"] == "k=https://login.example.com/keys"
        assert told["CATALYST_LOG_LEVEL"] == "error"
        assert told["CATALYST_OTLP_ENDPOINT"] == "http://collector:4318"


def test_a_members_own_value_wins_over_the_global_one(helm: Helm) -> None:
    values = {
        "global": {"broker": {"url": "nats://all:1"}},
        "projector": {"broker": {"url": "nats://mine:2"}},
    }
    told = {
        member_of(item): environment(item)["CATALYST_NATS_URL"]
        for item in of_kind(helm.render(UMBRELLA, values=values), "Deployment")
    }

    assert told.pop("projector") == "nats://mine:2"
    assert set(told.values()) == {"nats://all:1"}


@pytest.mark.parametrize(
    ("caller", "variable", "called"),
    [
        ("gateway", "GATEWAY_PROJECTOR_URL", "projector"),
        ("gateway", "GATEWAY_GIT_URL", "environment-controller"),
        ("blueprint-controller", "BLUEPRINT_CONTROLLER_GIT_URL", "environment-controller"),
        ("provisioning", "PROVISIONING_GIT_URL", "environment-controller"),
        ("provisioning", "PROVISIONING_CLUSTER_GIT_URL", "gateway"),
    ],
)
def test_a_member_finds_its_siblings_by_the_names_they_get(
    helm: Helm, caller: str, variable: str, called: str
) -> None:
    for release in ("rel", "catalyst", "a-projector-of-ours", "x" * 53):
        objects = helm.render(UMBRELLA, release=release)
        services = {item["metadata"]["name"]: item for item in of_kind(objects, "Service")}
        (found,) = [item for item in of_kind(objects, "Deployment") if member_of(item) == caller]
        host, _, port = environment(found)[variable].removeprefix("http://").partition(":")
        # Clusters' own reconcilers stand in another namespace.
        service = services[host.removesuffix(".ns.svc")]
        assert host.endswith(".ns.svc") == (variable == "PROVISIONING_CLUSTER_GIT_URL")
        assert member_of(service) == called
        assert [item["port"] for item in service["spec"]["ports"]] == [int(port)]


def refusals(helm: Helm, chart: str, values: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What Helm has against values, by chart and place: it names all of it, each for itself."""
    with pytest.raises(HelmRefused) as refused:
        helm.render(chart, values=values)
    found: dict[str, dict[str, str]] = {}
    for line in str(refused.value).splitlines():
        if named := re.fullmatch(r"([a-z-]+):", line):
            places = found.setdefault(named[1], {})
        elif said := re.fullmatch(r" *- at '(.*?)': (?!validation failed)(.*)", line):
            places[said[1]] = said[2]
    return found


def test_each_wrong_value_is_refused_by_name(helm: Helm) -> None:
    together = {member: {"enabled": True, **WRONG} for member in MEMBERS}
    in_umbrella = refusals(helm, UMBRELLA, together)

    assert in_umbrella.keys() == set(MEMBERS)
    for member in MEMBERS:
        found = in_umbrella[member]
        assert refusals(helm, member, WRONG) == {member: found}
        assert found.keys() == WRONG_PLACES.keys()
        assert [place for place, said in WRONG_PLACES.items() if said not in found[place]] == []


@pytest.mark.parametrize("member", MEMBERS)
def test_an_address_that_no_pattern_sees_to_be_wrong_is_refused_too(
    helm: Helm, member: str
) -> None:
    wrong = {"broker": {"url": "nats://a b"}}
    with pytest.raises(HelmRefused, match="url"):
        helm.render(member, values=wrong)
    with pytest.raises(HelmRefused, match="url"):
        helm.render(UMBRELLA, values={member: {"enabled": True, **wrong}})


@pytest.mark.parametrize("values", [{"gatewey": {}}, {"global": {"broker": {"address": "x"}}}])
def test_the_umbrella_refuses_what_it_does_not_know(helm: Helm, values: dict[str, Any]) -> None:
    with pytest.raises(HelmRefused, match="not allowed"):
        helm.render(UMBRELLA, values=values)


def test_the_umbrella_is_built_the_same_from_members_that_were_built_before(
    helm: Helm, tmp_path: Path
) -> None:
    again = charts.helm(tmp_path)
    again.build(*(name for name in charts.names() if name != UMBRELLA), UMBRELLA)

    assert again.text(UMBRELLA) == helm.text(UMBRELLA)
