"""Which objects a package may hold, and what they may reach for."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.support.blueprints import DOCUMENT, KUSTOMIZATION, MANIFEST, package
from tests.support.each import each

from catalyst.blueprints import manifests, source
from catalyst.blueprints.findings import Severity
from catalyst.blueprints.lint import lint

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
      containers:
        - name: app
          env:
            - {name: MODE, value: fast}
"""


@pytest.mark.guarantee("G20.9")
@each(
    [
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ("argoproj.io/v1alpha1", "Application"),
    ]
)
def test_no_object_makes_the_cluster_apply_what_stands_elsewhere(version: str, kind: str) -> None:
    manifest = f"{MANIFEST}---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n"
    linted = lint(package(DOCUMENT, manifest))
    assert linted.refused
    assert [one.rule for one in linted.findings] == ["manifests.elsewhere"]


@pytest.mark.guarantee("G20.9")
def test_no_blueprint_says_as_whom_flux_applies_it() -> None:
    metadata = "metadata: {name: x}\nspec: {serviceAccountName: kustomize-controller}\n"
    head = "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
    assert lint(package(DOCUMENT, f"{MANIFEST}{head}{metadata}")).refused
    annotation = "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/force: enabled}\n"
    steered = lint(package(DOCUMENT, MANIFEST.replace("metadata:\n", annotation)))
    assert [one.rule for one in steered.findings] == ["manifests.steering"]


@pytest.mark.guarantee("G20.9")
@each(
    [
        ("v1", "ClusterRole"),
        ("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),
        ("pkg.crossplane.io/v1", "Provider"),
        ("external-secrets.io/v1", "ClusterExternalSecret"),
        ("gateway.networking.k8s.io/v1", "GatewayClass"),
        ("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy"),
        ("access.openova.io/v1alpha1", "UserAccess"),
        ("extensions/v1beta1", "Ingress"),
        ("v1", "ConfigMapList"),
        ("v1", "List"),
    ]
)
def test_a_kind_that_is_not_known_to_stay_in_a_namespace_is_refused(
    version: str, kind: str
) -> None:
    manifest = f"{MANIFEST}---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n"
    linted = lint(package(DOCUMENT, manifest))
    assert [(one.severity, one.pointer) for one in linted.findings] == [(Severity.ERROR, "/kind")]


@pytest.mark.guarantee("G20.9")
@each(["[{kind: ClusterRoleBinding}]", "${{ [config.replicas] }}", ""])
def test_no_object_holds_others(items: str) -> None:
    manifest = f"{MANIFEST}items: {items}\n"
    linted = lint(package(DOCUMENT, manifest))
    assert [(one.rule, one.pointer) for one in linted.findings] == [("manifests.object", "/items")]


@pytest.mark.guarantee("G20.9")
@each(
    [
        "finalizers: [example.com/never]",
        "ownerReferences: [{apiVersion: v1, kind: Namespace, name: x, uid: x}]",
        "annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}",
        "annotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}",
        "labels: {kustomize.toolkit.fluxcd.io/ssa: Ignore}",
        "annotations: {config.kubernetes.io/local-config: 'true'}",
        'annotations: \'${{ {"kustomize.toolkit.fluxcd.io/force": "enabled"} }}\'',
        "finalizers: '${{ [environment.name] }}'",
    ]
)
def test_no_object_steers_how_it_is_applied(given: str) -> None:
    manifest = MANIFEST.replace("\ndata:", f"\n  {given}\ndata:")
    (finding,) = lint(package(manifest=manifest)).findings
    assert finding.rule == "manifests.steering"
    field = given.partition(":")[0]
    assert finding.pointer.startswith(f"/metadata/{field}"), finding.pointer
    assert finding.line == manifest[: manifest.index(f"  {given}")].count("\n") + 1


FULL = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sample}\n"


@pytest.mark.guarantee("G20.4")
def test_values_of_all_files_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_NODES", 2_000)
    monkeypatch.setattr(manifests, "MAX_VALUES", 4_000)
    each = source.MAX_NODES - 100
    full = f"{FULL}data: {{a: [{','.join('1' * each)}]}}\n"
    names = [f"f{number}.yaml" for number in range(10)]
    files = {f"manifests__{name}": full for name in names}
    listed = KUSTOMIZATION.replace("app.yaml", ", ".join(names))
    one = package(**files, **{"manifests__kustomization.yaml": listed})
    last = manifests.MAX_VALUES // each
    (told,) = lint(one).findings
    assert (told.rule, told.file) == ("manifests.size", f"manifests/f{last}.yaml")


BINDING = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: app}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: app}
subjects: [{kind: ServiceAccount, name: default}]
"""
REACHING = """\
  hostNetwork: true
  hostPID: ${{ config.replicas > 1 }}
  hostIPC: true
  securityContext: {windowsOptions: {hostProcess: true}}
  securityContext: {seccompProfile: {type: Unconfined}}
  securityContext: {appArmorProfile: {type: Unconfined}}
  securityContext: {seLinuxOptions: {type: spc_t}}
  securityContext: {seLinuxOptions: {user: system_u}}
  securityContext: {seLinuxOptions: {role: sysadm_r}}
  securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}
  securityContext: {sysctls: [{name: '${{ environment.name }}', value: '1'}]}
  securityContext: {sysctls: ['${{ config }}']}
  securityContext: {sysctls: '${{ config }}'}
  volumes: [{name: d, hostPath: {path: /}}]
  volumes: [{name: d, nfs: {server: files.example.com, path: /}}]
  volumes: [{name: d, flexVolume: {driver: example.com/any}}]
  volumes: [{name: d, gitRepo: '${{ config }}'}]
  volumes: ['${{ config }}']
  volumes: ${{ config }}
  initContainers: ['${{ config }}']
  ephemeralContainers: [{name: x, securityContext: {privileged: true}}]
  initContainers: [{name: x, ports: [{containerPort: 80, hostPort: 80}]}]
  initContainers: [{name: x, ports: ['${{ config }}']}]
  initContainers: [{name: x, securityContext: {procMount: Unmasked}}]
  initContainers: [{name: x, startupProbe: {tcpSocket: {host: 10.0.0.1, port: 80}}}]
      securityContext: {privileged: true}
      securityContext: {privileged: [x]}
      securityContext: {allowPrivilegeEscalation: true}
      securityContext: {allowPrivilegeEscalation: '${{ config.replicas > 1 }}'}
      securityContext: {windowsOptions: {hostProcess: '${{ config }}'}}
      securityContext: {windowsOptions: '${{ config }}'}
      securityContext: ${{ config }}
      securityContext: {capabilities: {add: [ALL]}}
      securityContext: {capabilities: {add: [{}]}}
      securityContext: {capabilities: {add: [CHOWN]}}
      securityContext: {capabilities: {add: [NET_BIND_SERVICE, NET_RAW]}}
      securityContext: {capabilities: '${{ config }}'}
      securityContext: {procMount: Unmasked}
      securityContext: {procMount: '${{ environment.name }}'}
      securityContext: {seccompProfile: {type: Unconfined}}
      securityContext: {seccompProfile: {type: '${{ environment.name }}'}}
      securityContext: {seccompProfile: '${{ config }}'}
      securityContext: {appArmorProfile: {type: Unconfined}}
      securityContext: {seLinuxOptions: {type: spc_t}}
      securityContext: {seLinuxOptions: '${{ config }}'}
      livenessProbe: {httpGet: {host: 169.254.169.254, port: 80}}
      readinessProbe: {tcpSocket: '${{ config }}'}
      startupProbe: '${{ config }}'
      lifecycle: {postStart: {tcpSocket: {host: '${{ environment.name }}', port: 80}}}
      lifecycle: {preStop: {httpGet: {host: example.com, port: 80}}}
      lifecycle: {preStop: '${{ config }}'}
      lifecycle: '${{ config }}'
"""
APPARMOR = "container.apparmor.security.beta.kubernetes.io/app"


@pytest.mark.guarantee("G20.10")
@each([
        *(("      containers:", f"    {one}\n      containers:")
          for one in REACHING.splitlines() if one[2] != " "),
        *(("          env:", f"    {one}\n          env:")
          for one in REACHING.splitlines() if one[2] == " "),
        *(("  template:", f"  template:\n    metadata: {{annotations: {one}}}")
          for one in (f"{{{APPARMOR}: unconfined}}", "'${{ config }}'")),
        ("kind: Role,", "kind: ClusterRole,"),
        ("kind: Role,", "kind: '${{ environment.name }}',"),
    ])  # fmt: skip
def test_what_reaches_beyond_the_namespace_is_told_and_refused_of_an_organization(
    old: str, new: str
) -> None:
    whole = POD + BINDING
    assert old in whole
    one = package(manifest=whole.replace(old, new))
    for own, severity in ((False, Severity.WARNING), (True, Severity.ERROR)):
        found = lint(one, own=own)
        told = [each for each in found.findings if each.rule == "powers"]
        assert [each.severity for each in told] == [severity]
        assert found.refused == own


PODS = {
    ("v1", "Pod"): "spec",
    ("v1", "PodTemplate"): "template spec",
    ("batch/v1", "CronJob"): "spec jobTemplate spec template spec",
    ("batch/v1", "Job"): "spec template spec",
    **{
        (version, kind): "spec template spec"
        for version, kinds in {
            "v1": "ReplicationController",
            "apps/v1": "DaemonSet Deployment ReplicaSet StatefulSet",
        }.items()
        for kind in kinds.split()
    },
}


@pytest.mark.guarantee("G20.10")
@each(PODS)
def test_a_pod_is_looked_into_wherever_it_stands(version: str, kind: str) -> None:
    *above, own = PODS[version, kind].split()
    unmasked = {"name": "app", "securityContext": {"procMount": "Unmasked"}}
    pod: dict[str, Any] = {
        "metadata": {"name": "app", "annotations": {APPARMOR: "unconfined"}},
        own: {"hostPID": True, "ephemeralContainers": [unmasked]},
    }
    for part in reversed(above):
        pod = {part: pod}
    made = {"apiVersion": version, "kind": kind, "metadata": {"name": "app"}, **pod}
    linted = lint(package(manifest=yaml.safe_dump(made)), own=True)
    at = "".join(f"/{part}" for part in above)
    assert {one.pointer for one in linted.findings if one.rule == "powers"} == {
        f"{at}/metadata/annotations/{APPARMOR.replace('/', '~1')}",
        f"{at}/{own}/hostPID",
        f"{at}/{own}/ephemeralContainers/0/securityContext/procMount",
    }
    assert linted.refused


HARMLESS = """\
  hostUsers: false
  hostUsers: true
  securityContext: {seccompProfile: {type: RuntimeDefault}, seLinuxOptions: {level: 's0:c1,c2'}}
  securityContext: {appArmorProfile: {type: Localhost, localhostProfile: app}}
  securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: '0'}]}
  volumes: [{name: a, emptyDir: {}}, {name: b, image: {reference: x}}, {name: c, csi: {driver: x}}]
  volumes: [{name: a, persistentVolumeClaim: {claimName: '${{ application.name }}'}, nfs: null}]
      securityContext: {procMount: Default, capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}}
      securityContext: {seLinuxOptions: {type: container_t, user: '', role: ''}}
      livenessProbe: {httpGet: {path: /, port: 80}}
      readinessProbe: {exec: {command: ['true']}}
      lifecycle: {preStop: {sleep: {seconds: 5}}}
"""


@pytest.mark.guarantee("G20.10")
@each(HARMLESS.splitlines())
def test_what_the_strictest_standard_of_kubernetes_lets_a_pod_say_is_taken(line: str) -> None:
    place = "          env:" if line[2] == " " else "      containers:"
    metadata = f"  template:\n    metadata: {{annotations: {{{APPARMOR}: runtime/default}}}}"
    manifest = POD.replace(place, f"    {line}\n{place}").replace("  template:", metadata)
    assert not [one for one in lint(package(manifest=manifest), own=True).findings
                if one.rule == "powers"]  # fmt: skip


def test_what_stays_in_the_namespace_is_taken_of_an_organization() -> None:
    viewing = BINDING.replace("kind: Role, name: app", "kind: ClusterRole, name: view")
    for binding in (BINDING, viewing):
        assert not lint(package(manifest=POD + binding), own=True).refused


@pytest.mark.guarantee("G20.4")
@each(["[]", "1", "x", "null", "'${{ [config.replicas] }}'"])
def test_a_template_whose_metadata_is_no_map_is_told(odd: str) -> None:
    manifest = POD.replace("  template:", f"  template:\n    metadata: {odd}")
    assert "render.metadata" in {one.rule for one in lint(package(manifest=manifest)).findings}
