"""Every chart passes real Helm, and what comes out is fit for a cluster."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
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
from tests.deploy.members import CHARTS, deployables, manifest, schema_of, values_of, variables
from tests.deploy.values import EXISTING_BROKER, ODD, cases
from tests.support.parts import part

GOLDEN = Path(__file__).parent / "golden"
CASES = [(chart, case) for chart in charts.names() for case in cases(chart)]
MEMBERS = deployables()
CALLERS = {"blueprint-controller", "gateway", "provisioning"}
"""Members that call another one over HTTP."""
# A label of DNS holds no more; names get suffixes from Kubernetes (pods, 17 characters).
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def test_real_helm_finds_nothing_to_complain_about(helm: Helm, tmp_path: Path) -> None:
    alike: dict[str, list[str]] = {}
    for chart, case in CASES:
        alike.setdefault(yaml.safe_dump(cases(chart)[case]), []).append(chart)
    path = tmp_path / "values.yaml"
    for values, named in alike.items():
        path.write_text(values, encoding="utf-8")

        said = helm.run(
            "lint", "--strict", *named, f"--kube-version={charts.KUBERNETES}", f"--values={path}"
        )

        assert f"{len(named)} chart(s) linted, 0 chart(s) failed" in said


@pytest.mark.parametrize("kubernetes", ["1.27", "1.33", "1.37"])
def test_kubernetes_knows_every_field(helm: Helm, tmp_path: Path, kubernetes: str) -> None:
    program = part("CATALYST_KUBECONFORM", "kubeconform")
    schemas = part("CATALYST_KUBERNETES_SCHEMAS", "kubernetes-schemas")
    for chart, case in CASES:
        rendered = helm.text(chart, values=cases(chart)[case])
        (tmp_path / f"{chart}-{case}.yaml").write_text(rendered, encoding="utf-8")

    place = f"{schemas}/{kubernetes}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    done = subprocess.run(
        # One at a time: several would each read the same schemas.
        [program, "-strict", "-summary", "-n=1", "-schema-location", place, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CASES)} files" in done.stdout
    assert "Skipped: 0" in done.stdout


@pytest.mark.parametrize("chart", charts.names())
def test_what_is_installed_by_default_changes_only_on_purpose(helm: Helm, chart: str) -> None:
    """Run with CATALYST_GOLDEN=write to take a change on."""
    path = GOLDEN / f"{chart}.yaml"
    rendered = helm.text(chart)
    if os.environ.get("CATALYST_GOLDEN") == "write":
        path.write_text(rendered, encoding="utf-8")

    assert rendered == path.read_text("utf-8")


@pytest.mark.parametrize(("chart", "case"), CASES)
def test_every_pod_is_closed_down(helm: Helm, chart: str, case: str) -> None:
    deployments = of_kind(helm.render(chart, values=cases(chart)[case]), "Deployment")

    assert deployments
    for deployment in deployments:
        spec = pod(deployment)
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"].get("runAsUser", 10001) > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["automountServiceAccountToken"] is False
        # Kubernetes would add GATEWAY_PORT and the like, which the gateway takes for settings.
        assert spec["enableServiceLinks"] is False
        assert not any("hostPath" in volume for volume in spec["volumes"])
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


@pytest.mark.parametrize(("chart", "case"), CASES)
def test_objects_of_a_release_find_each_other(helm: Helm, chart: str, case: str) -> None:
    objects = helm.render(chart, values=cases(chart)[case])
    pods = {
        member_of(item): (item["spec"]["template"]["metadata"]["labels"], pod(item))
        for item in of_kind(objects, "Deployment")
    }
    claims = {item["metadata"]["name"] for item in of_kind(objects, "PersistentVolumeClaim")}

    for item in of_kind(objects, "Deployment"):
        labels, spec = pods[member_of(item)]
        assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()
        mounted = {mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["volumes"]}
        for volume in spec["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
    for item in of_kind(objects, "Service"):
        labels, spec = pods[member_of(item)]
        ports = {port["name"] for port in spec["containers"][0]["ports"]}
        assert item["spec"]["selector"].items() <= labels.items()
        assert {port["targetPort"] for port in item["spec"]["ports"]} <= ports
    for item in of_kind(objects, "PodDisruptionBudget"):
        labels, _ = pods[member_of(item)]
        assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for item in of_kind(objects, "NetworkPolicy"):
        labels, _ = pods[member_of(item)]
        assert item["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        callers = {
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
            for rule in item["spec"]["ingress"]
            for peer in rule.get("from", [])
            if "podSelector" in peer
        }
        assert callers <= set(MEMBERS)


@pytest.mark.parametrize(("chart", "case"), CASES)
def test_a_pod_is_told_only_what_its_member_understands(helm: Helm, chart: str, case: str) -> None:
    for deployment in of_kind(helm.render(chart, values=cases(chart)[case]), "Deployment"):
        assert environment(deployment).keys() <= variables(member_of(deployment))


@pytest.mark.parametrize("member", MEMBERS)
def test_probes_ask_what_they_mean(helm: Helm, member: str) -> None:
    (container,) = pod(only(helm.render(member), "Deployment"))["containers"]

    assert container["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    # A broker that restarts for some seconds is no reason to start the member anew.
    liveness = container["livenessProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 30


@pytest.mark.parametrize("member", MEMBERS)
def test_one_member_is_installed_alone_on_a_broker_that_is_there(helm: Helm, member: str) -> None:
    objects = helm.render(member, values=EXISTING_BROKER)

    deployment = only(objects, "Deployment")
    told = environment(deployment)
    (secret,) = [item["secret"] for item in pod(deployment)["volumes"] if "secret" in item]
    assert {member_of(item) for item in objects} == {member}
    assert secret["secretName"] == "of-theirs"
    assert told["CATALYST_NATS_URL"] == "tls://bus.example.com:4443"
    assert told["CATALYST_NATS_USER"] == "somebody"
    assert told["CATALYST_NATS_REPLICAS"] == "3"
    assert told["CATALYST_NATS_PASSWORD_FILE"] == "/run/secrets/catalyst/pass word"
    assert told["CATALYST_KEY_FILE"] == "/run/secrets/catalyst/private.jwk"
    assert told["CATALYST_JWKS"] == "/run/secrets/catalyst/public.json"
    assert told["CATALYST_ISSUER"] == "https://catalyst.example.com"
    assert not of_kind(objects, "Secret")


@pytest.mark.parametrize("member", MEMBERS)
def test_egress_is_open_to_what_the_settings_name_and_nothing_else(helm: Helm, member: str) -> None:
    values = {"broker": {"url": "nats://a.example.com:7422"}, "otlpEndpoint": "http://otel:4318"}
    policy = only(helm.render(member, values=values), "NetworkPolicy")
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}

    siblings = {8080} if member in CALLERS else set()
    assert ports == {53, 7422, 4318} | siblings


@pytest.mark.parametrize("member", MEMBERS)
def test_odd_values_arrive_as_they_were_given(helm: Helm, member: str) -> None:
    objects = helm.render(member, values=ODD)
    deployment = only(objects, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    told = environment(deployment)
    (container,) = pod(deployment)["containers"]

    assert container["image"] == "a/b:1.10"
    assert container["resources"]["limits"] == {"cpu": "1500m"}
    assert "runAsUser" not in pod(deployment)["securityContext"]
    assert pod(deployment)["serviceAccountName"] == "default"
    assert (labels["zone"], labels["number"]) == ("no", "0123")
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"note": "a: b # c\n{{ d }}", "on": "true"}
    # With the member's name in front they win over those that all members have.
    own = member.upper().replace("-", "_")
    assert told[f"{own}_NATS_REPLICAS"] == "5"
    assert told[f"{own}_ISSUER"] == "yes"
    assert told[f"{own}_REQUIRE_TOKENS"] == "false"
    others = "a=https://a/k https://b.example.com=http://b.example.com:81/keys?a=b"
    assert told["CATALYST_OTHER_ISSUERS"] == others
    policy = only(objects, "NetworkPolicy")
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert {4443, 443, 81, 9999} <= ports
    assert only(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == "50%"


@pytest.mark.parametrize("member", MEMBERS)
def test_what_is_switched_off_is_not_installed(helm: Helm, member: str) -> None:
    objects = helm.render(member, values=cases(member)["bare"])
    deployment = only(objects, "Deployment")

    assert {item["kind"] for item in objects} <= {"Deployment", "Service", "PersistentVolumeClaim"}
    assert deployment["spec"]["replicas"] == 0
    assert pod(deployment)["serviceAccountName"] == "theirs"
    assert "@sha256:" in pod(deployment)["containers"][0]["image"]


@pytest.mark.parametrize("chart", charts.names())
@pytest.mark.parametrize("release", ["a", "x" * 53, f"{'y' * 30}-environment-controller"])
def test_names_stay_within_what_dns_takes(helm: Helm, chart: str, release: str) -> None:
    objects = helm.render(chart, release=release)
    named = [(item["kind"], item["metadata"]["name"]) for item in objects]

    assert len(set(named)) == len(named)
    for _, name in named:
        assert LABEL.fullmatch(name)


def test_repositories_of_one_node_are_never_mounted_by_two_pods(helm: Helm) -> None:
    only_one = only(helm.render("environment-controller"), "Deployment")
    assert only_one["spec"]["strategy"] == {"type": "Recreate"}

    with pytest.raises(HelmRefused, match="ReadWriteMany"):
        helm.render("environment-controller", values={"replicas": 2})

    shared = {"replicas": 2, "git": {"persistence": {"accessMode": "ReadWriteMany"}}}
    several = only(helm.render("environment-controller", values=shared), "Deployment")
    assert several["spec"]["strategy"]["type"] == "RollingUpdate"


def test_repositories_outlive_the_release_and_stand_on_a_claim_of_ones_own_if_there_is_one(
    helm: Helm,
) -> None:
    claim = only(helm.render("environment-controller"), "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"

    theirs = helm.render(
        "environment-controller", values={"git": {"persistence": {"existingClaim": "old"}}}
    )
    assert not of_kind(theirs, "PersistentVolumeClaim")
    assert {"name": "state", "persistentVolumeClaim": {"claimName": "old"}} in pod(
        only(theirs, "Deployment")
    )["volumes"]

    none = helm.render(
        "environment-controller", values={"git": {"persistence": {"enabled": False}}}
    )
    assert not of_kind(none, "PersistentVolumeClaim")
    assert {"name": "state", "emptyDir": {}} in pod(only(none, "Deployment"))["volumes"]


def test_the_gateway_is_reached_from_outside_only_if_asked(helm: Helm) -> None:
    closed = helm.render("gateway")
    assert not of_kind(closed, "Ingress")
    assert "GATEWAY_PUBLIC_URL" not in environment(only(closed, "Deployment"))

    objects = helm.render("gateway", values=cases("gateway")["odd"])
    told = environment(only(objects, "Deployment"))
    assert told["GATEWAY_PUBLIC_URL"] == "https://catalyst.example.com"
    ingress = only(objects, "Ingress")
    service = only(objects, "Service")
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    assert path["backend"]["service"]["port"]["name"] == service["spec"]["ports"][0]["name"]
    assert service["spec"]["ports"][0]["port"] == 443


def test_the_gateway_is_told_which_proxies_to_believe(helm: Helm) -> None:
    assert "GATEWAY_TRUSTED_PROXIES" not in environment(only(helm.render("gateway"), "Deployment"))

    networks = ["10.42.0.0/16", "fd00::/8"]
    objects = helm.render("gateway", values={"trustedProxies": networks})
    told = environment(only(objects, "Deployment"))
    assert told["GATEWAY_TRUSTED_PROXIES"] == "10.42.0.0/16 fd00::/8"
    with pytest.raises(HelmRefused):
        helm.render("gateway", values={"trustedProxies": ["the ingress"]})


def test_addresses_of_repositories_are_those_that_the_values_name(helm: Helm) -> None:
    told = environment(
        only(helm.render("provisioning", values=cases("provisioning")["odd"]), "Deployment")
    )
    assert told["PROVISIONING_GIT_URL"] == "http://git.example.com:9090"
    assert told["PROVISIONING_CLUSTER_GIT_URL"] == "https://catalyst.example.com"

    values = {"environmentController": {"url": "http://git:9090"}, "gitHosts": ["*.example.net"]}
    objects = helm.render("blueprint-controller", values=values)
    told = environment(only(objects, "Deployment"))
    assert told["BLUEPRINT_CONTROLLER_GIT_URL"] == "http://git:9090"
    assert told["BLUEPRINT_CONTROLLER_GIT_HOSTS"] == "*.example.net"
    rules = only(objects, "NetworkPolicy")["spec"]["egress"]
    assert {9090, 443} <= {port["port"] for rule in rules for port in rule["ports"]}
    assert "BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES" not in told
    assert "BLUEPRINT_CONTROLLER_GIT_NETWORKS" not in told
    for wrong in ("https://git.example.com", "a b", "*"):
        with pytest.raises(HelmRefused, match="gitHosts"):
            helm.render("blueprint-controller", values={"gitHosts": [wrong]})


def test_a_claim_with_blueprints_is_mounted_to_read_where_the_member_looks(helm: Helm) -> None:
    values = {"directories": {"existingClaim": "of-theirs"}, "gitNetworks": ["10.20.0.0/16", "::1"]}
    deployment = only(helm.render("blueprint-controller", values=values), "Deployment")
    told = environment(deployment)
    assert told["BLUEPRINT_CONTROLLER_GIT_NETWORKS"] == "10.20.0.0/16 ::1"
    (volume,) = (one for one in pod(deployment)["volumes"] if "persistentVolumeClaim" in one)
    assert volume["persistentVolumeClaim"]["claimName"] == "of-theirs"
    mounts = pod(deployment)["containers"][0]["volumeMounts"]
    (mount,) = (one for one in mounts if one["name"] == volume["name"])
    assert (mount["mountPath"], mount["readOnly"]) == (
        told["BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES"],
        True,
    )


@pytest.mark.parametrize("member", MEMBERS)
def test_the_schema_knows_each_value_and_no_other(member: str) -> None:
    schema = schema_of(member)

    def compare(values: dict[str, Any], node: dict[str, Any], place: str) -> None:
        if node.get("additionalProperties") is not False or "patternProperties" in node:
            return
        # The rest is what Helm and an umbrella put among the values.
        more = {"enabled", "global", charts.LIBRARY} if not place else {"claims"}
        known = set(node["properties"])
        assert values.keys() <= known <= values.keys() | more, place
        for key, value in values.items():
            if isinstance(value, dict):
                compare(value, node["properties"][key], f"{place}/{key}")

    compare(values_of(member), schema, "")


def test_what_charts_share_is_described_the_same_in_each() -> None:
    schemas = [schema_of(member)["properties"] for member in MEMBERS]
    shared = set.intersection(*(set(schema) for schema in schemas)) - {"service"}

    assert len(shared) > 20
    for name in shared:
        for schema in schemas:
            assert schema[name] == schemas[0][name], name


@pytest.mark.parametrize("chart", charts.names())
def test_versions_of_chart_and_program_are_the_members(chart: str) -> None:
    described = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text("utf-8"))
    library = yaml.safe_load((CHARTS / charts.LIBRARY / "Chart.yaml").read_text("utf-8"))
    wanted = dict.fromkeys(MEMBERS, described["version"])
    wanted[charts.LIBRARY] = library["version"]
    for dependency in described["dependencies"]:
        assert dependency["version"] == wanted[dependency["name"]]
        assert dependency["repository"] == f"file://../{dependency['name']}"
    member = MEMBERS[0] if chart == UMBRELLA else chart
    assert described["appVersion"] == manifest(member)["project"]["version"]
