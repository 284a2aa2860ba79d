"""Every finding of a package, each at its place."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import DOCUMENT, KUSTOMIZATION, MANIFEST, package
from tests.support.each import each

from catalyst.blueprints.document import Mode, read
from catalyst.blueprints.findings import Finding, Severity
from catalyst.blueprints.lint import Linted, lint
from catalyst.blueprints.package import Package, of_files

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  selector: {matchLabels: {app.kubernetes.io/instance: app}}
  template:
    metadata:
      labels: {app.kubernetes.io/component: server}
    spec:
      securityContext: {runAsNonRoot: true}
      containers:
        - name: app
          image: docker.io/library/app:1.2.3
          readinessProbe: {tcpSocket: {port: 80}}
          livenessProbe: {tcpSocket: {port: 80}}
          resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}}
          env:
            - {name: MODE, value: fast}
"""
SAME = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sample}\n"
POLICY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: app}
spec: {podSelector: {}}
"""


BAD_DEFAULT = "  placementSchema: {modes: [singleton], default: active-active}\n"
MINE = '"{{ .application.name }}"'
CONFIG = "/spec/configSchema/properties"
SOURCE = "    source: {kind: Kustomize, ref: manifests}\n"
PASSIVE = "active-passive"
"""Needs a switchover, which `topology` leaves out."""


def topology(supported: str, default: str, described: str = "singleton") -> str:
    part = "{placement: {}}"
    if described != "singleton":
        part = "{placement: {}, replication: {backend: raft}}"
    defaults = f"{{multi-region: {default}, single-region: {supported}}}"
    rows = f"supported: [{supported}], defaults: {defaults}, perTopology: {{{described}: {part}}}"
    return f"  topology: {{{rows}}}\n"


def found(one: Package) -> list[tuple[str, str, int]]:
    return [(finding.rule, finding.file, finding.line) for finding in lint(one).findings]


def rules(one: Package) -> set[str]:
    return {finding.rule for finding in lint(one).findings}


def line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def changed(old: str, new: str) -> Package:
    assert old in DOCUMENT
    return package(DOCUMENT.replace(old, new))


def test_a_good_package_has_no_finding() -> None:
    linted = lint(package())
    assert (linted.findings, linted.refused) == ((), False)


@pytest.mark.guarantee("G20.3")
def test_findings_of_all_kinds_and_files_are_told_at_once() -> None:
    document = (
        DOCUMENT.replace("version: 1.2.0", "version: 1.2.0\n  colour: red")
        .replace("version: ^1.0", "version: ^y")
        .replace("default: 2", "default: 0")
        .replace(".config.postgres.mode", ".config.postgres.mod")
    )
    manifest = MANIFEST.replace("config.replicas }}", "config.replicas + }}")
    manifest += "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"
    linted = lint(package(document, manifest))
    assert linted.refused
    assert [(one.rule, one.file, one.line) for one in linted.findings] == [
        ("schema.additionalProperties", "blueprint.yaml", line(document, "colour")),
        ("config-schema.default", "blueprint.yaml", line(document, "default: 0")),
        ("version.range", "blueprint.yaml", line(document, "^y")),
        ("expression.unknown", "blueprint.yaml", line(document, "when:")),
        ("expression", "manifests/app.yaml", line(manifest, "replicas:")),
        ("manifests.cluster-scoped", "manifests/app.yaml", line(manifest, "kind: Namespace")),
    ]
    assert all(one.message and one.fix and one.column for one in linted.findings)


@pytest.mark.guarantee("G20.3")
def test_a_wrong_form_does_not_hide_what_else_is_wrong() -> None:
    document = DOCUMENT.replace("version: 1.2.0", "version: 1.2").replace(
        "default: 2", "default: 0"
    )
    linted = lint(package(document))
    assert linted.blueprint is None
    assert [one.rule for one in linted.findings] == ["schema.type", "config-schema.default"]


WARNINGS = {"advice.password", "manifests.kind", "name.title"}
"""What an author should look at; everything else that is told of a document refuses it."""
DEPENDS, TYPE = "/spec/depends/0", "{type: object, properties:"


@each([
        ("version: 1.2.0", "version: 1.02.0", "version", "/spec/version"),
        ("    title: Wiki\n", "    summary: x\n", "schema.required", "/spec/card/title"),
        ("name: bp-wiki", "name: bp-Wiki", "schema.pattern", "/metadata/name"),
        ("name: bp-wiki", f"name: bp-{'w' * 61}", "name.length", "/metadata/name"),
        ("catalyst.openova.io/v1", "catalyst.openova.io/v2", "schema.enum", "/apiVersion"),
        ("title: Wiki", "title: Notes", "name.title", "/metadata/name"),
        ("  manifests:", "  visibility: secret\n  manifests:", "schema.enum", "/spec/visibility"),
        ("  manifests:", "  placementSchema: {modes: []}\n  manifests:", "schema.minItems",
         "/spec/placementSchema/modes"),
        ("  manifests:", f"{BAD_DEFAULT}  manifests:", "placement.default",
         "/spec/placementSchema/default"),
        ("  manifests:", "  placementSchema: {minRegions: 3, maxRegions: 2}\n  manifests:",
         "placement.regions", "/spec/placementSchema/minRegions"),
        ("  manifests:", "  placementSchema: {default: active-active}\n  manifests:",
         "placement.default", "/spec/placementSchema/default"),
        ("  manifests:", "  placementSchema: {modes: [single-region], minRegions: 3}\n  manifests:",
         "placement.regions", "/spec/placementSchema/minRegions"),
        ("  manifests:", "  placementSchema: {modes: [active-active], maxRegions: 1}\n  manifests:",
         "placement.regions", "/spec/placementSchema/maxRegions"),
        ("when: \"{{ .config.postgres.mode == 'embedded' }}\"", "when: config.replicas",
         "render.depends", f"{DEPENDS}/when"),
        ("when: \"{{ .config.postgres.mode == 'embedded' }}\"", "when: config.",
         "expression", f"{DEPENDS}/when"),
        (MINE, "'${{ 1 + application.name }}'", "render.depends", f"{DEPENDS}/values/database"),
        (MINE, '"{{ .application.nam }}"', "expression.unknown", f"{DEPENDS}/values/database"),
        (MINE, '"{{ 1 + }}"', "expression", f"{DEPENDS}/values/database"),
        ("      theme:", "      dbPassword: {type: string}\n      theme:", "advice.password",
         f"{CONFIG}/dbPassword"),
        ("      theme:", "      apiToken: {type: string, default: x}\n      theme:",
         "advice.password", f"{CONFIG}/apiToken"),
        ("      theme:", f"      smtp: {TYPE} {{password: {{type: string}}}}}}\n      theme:",
         "advice.password", f"{CONFIG}/smtp/properties/password"),
        ("      theme:", "      size: {type: integer, minimum: 2, default: 1}\n      theme:",
         "config-schema.default", f"{CONFIG}/size/default"),
        ("      theme:", "      size: {type: number, minLength: -1}\n      theme:",
         "config-schema.minimum", f"{CONFIG}/size/minLength"),
        ("  manifests:", "  upgrades: {from: [1.y]}\n  manifests:", "version.range",
         "/spec/upgrades/from/0"),
        ("  manifests:", "  upgrades: {blocks: [1.x, 1.y]}\n  manifests:", "version.range",
         "/spec/upgrades/blocks/1"),
        ("  manifests:", "  outputs: {host: '${{ application.nam }}'}\n  manifests:",
         "expression.unknown", "/spec/outputs/host"),
        ("  manifests:", f"{topology('singleton', 'active-active')}  manifests:",
         "topology.default", "/spec/topology/defaults/multi-region"),
        ("  manifests:", f"{topology('singleton', 'singleton', 'active-active')}  manifests:",
         "topology.supported", "/spec/topology/perTopology/active-active"),
        ("  manifests:", f"{topology(PASSIVE, PASSIVE, PASSIVE)}  manifests:", "schema.required",
         f"/spec/topology/perTopology/{PASSIVE}/switchover"),
        ("kind: Kustomize", "kind: HelmChart", "manifests.kind", "/spec/manifests"),
        ("ref: manifests", "ref: nowhere", "manifests.missing", ""),
        ("ref: manifests}", "ref: manifests}\n    values: {replicas: 0}", "values",
         "/spec/manifests/values/replicas"),
        ("ref: manifests}", "ref: manifests}\n    overlays: {big: {replicas: x}}", "values",
         "/spec/manifests/overlays/big/replicas"),
        ("- blueprint: bp-postgres", "- db\n    - blueprint: bp-postgres", "depends.alias",
         "/spec/depends/1"),
    ])  # fmt: skip
def test_each_rule_of_the_document_finds_its_fault(
    old: str, new: str, rule: str, pointer: str
) -> None:
    told = {(one.rule, one.pointer): one for one in lint(changed(old, new)).findings}
    grave = Severity.WARNING if rule in WARNINGS else Severity.ERROR
    assert told[rule, pointer].severity is grave
    assert all(one.fix for one in told.values())


@each([
        ("name: bp-wiki", f"name: bp-{'w' * 60}", ["name.title"]),
        ("- blueprint: bp-postgres", "- {blueprint: bp-x}\n    - blueprint: bp-postgres", []),
        ("      theme:", "      token: {type: string, enum: [a, b]}\n      theme:", []),
        ("      theme:", "      token: {type: string, const: a, default: a}\n      theme:", []),
        ("      theme:", "      token: {type: string, x-catalyst-ui-hint: password}\n      theme:",
         []),
        ("      theme:", "      passwords: {type: integer}\n      theme:", []),
        ("  depends:", "    anyOf: [{required: [theme]}, {required: [k, l]}]\n  depends:", []),
        ("  depends:", "    oneOf: [{required: [theme]}, {required: [k, l]}]\n  depends:", []),
        ("- blueprint: bp-postgres", "- bp-values-when\n    - blueprint: bp-postgres", []),
        (SOURCE, "    chart: chart\n", ["manifests.kind"]),
        (f"  manifests:\n{SOURCE}", "", []),
        ("ref: manifests}", "ref: manifests}\n    overlays: {a: {replicas: x}, b: {replicas: x}}",
         ["values", "values"]),
    ])  # fmt: skip
def test_what_is_well_is_not_told_and_what_is_wrong_in_two_places_is_told_twice(
    old: str, new: str, told: list[str]
) -> None:
    assert [rule for rule, *_ in found(changed(old, new))] == told


@each([
        ("replicas }} of", "nope }} of", "expression.unknown"),
        ("environment.name", "application.dependencies.cache.host", "expression.unknown"),
        ("environment.name", "application.dependencies.db.port", "expression.unknown"),
        ("environment.name", "config.theme", "render.expression"),
        ("kind: ConfigMap", "kind: ConfigMapp\n---\n- x", "manifests.object"),
        ("name: ${{ application.name }}", "name: Site", "render.name"),
        ("name: ${{ application.name }}", "name: x\n  namespace: other", "render.namespace"),
        ("\ndata:", f"\n---\n{SAME}data:", "render.duplicate"),
    ])  # fmt: skip
def test_each_rule_of_the_manifests_finds_its_fault(old: str, new: str, rule: str) -> None:
    assert old in MANIFEST
    assert rule in rules(package(manifest=MANIFEST.replace(old, new)))


def test_what_kustomize_would_do_more_is_refused() -> None:
    listed = KUSTOMIZATION + "  \nnamePrefix: x-\n"
    files = {**package().files, "manifests/kustomization.yaml": listed.encode()}
    assert ("manifests.list", "manifests/kustomization.yaml", 5) in found(of_files(files))
    remote = KUSTOMIZATION.replace("app.yaml", "https://x.example/y")
    files["manifests/kustomization.yaml"] = remote.encode()
    assert ("manifests.list", "manifests/kustomization.yaml", 3) in found(of_files(files))


def test_a_field_that_may_be_missing_is_fine_when_asked_for() -> None:
    manifest = MANIFEST.replace("environment.name", "has(config.theme) ? config.theme : 'plain'")
    assert found(package(manifest=manifest)) == []


def test_a_good_workload_gets_no_advice() -> None:
    assert found(package(manifest=POD + POLICY)) == []


@each([
        (":1.2.3", ":latest", "advice.image"),
        (":1.2.3", "", "advice.image"),
        ("securityContext: {runAsNonRoot: true}", "hostNetwork: false", "advice.non-root"),
        ("runAsNonRoot: true", "runAsNonRoot: true, runAsUser: 0", "advice.non-root"),
        ("readinessProbe: {tcpSocket: {port: 80}}", "tty: false", "advice.probes"),
        (", limits: {memory: 1Mi}", "", "advice.resources"),
        ("name: MODE", "name: DB_PASSWORD", "advice.secret"),
        ("labels: {app.kubernetes.io/component: server}", "labels: {}", "advice.labels"),
        ("kind: NetworkPolicy", "kind: Ingress", "advice.network-policy"),
        (POLICY, POLICY + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
         "stringData: {a: b}\n", "advice.secret"),
    ])  # fmt: skip
def test_advice_is_a_warning_and_refuses_nothing(old: str, new: str, rule: str) -> None:
    whole = POD + POLICY
    assert old in whole
    linted = lint(package(manifest=whole.replace(old, new)))
    assert {one.rule: one.severity for one in linted.findings} == {rule: Severity.WARNING}
    assert not linted.refused


REQUIRED = """\
      required: [code, size, admin, site]
      properties:
        code: {type: string, pattern: '^[a-z]+-[0-9]$'}
        size: {type: integer, minimum: 7}
        admin: {type: string, x-catalyst-ui-hint: password}
        site:
          type: object
          required: [kind]
          properties: {kind: {type: string, enum: [a, b]}, host: {type: string}}
          if: {properties: {kind: {const: a}}}
          then: {required: [host]}
"""


def test_what_a_person_has_to_give_is_guessed_for_the_trial() -> None:
    required = "\n".join(one[2:] for one in REQUIRED.splitlines())
    document = DOCUMENT.replace("    properties:\n      replicas", f"{required}\n      replicas", 1)
    assert found(package(document)) == []
    wrong = MANIFEST.replace("environment.name", "config.size + config.site.host")
    (told,) = lint(package(document, wrong)).findings
    assert (told.rule, told.severity) == ("render.expression", Severity.WARNING)


def test_what_is_wrong_with_the_values_is_told_once() -> None:
    extra = "ref: manifests}\n    values: {nope: 1}\n    overlays: {big: {replicas: 3}}"
    told = lint(changed("ref: manifests}", extra)).findings
    assert [(one.rule, one.pointer) for one in told] == [("values", "/spec/manifests/values/nope")]


# ---- dependencies


def depends(linted: Linted) -> list[Finding]:
    return [one for one in linted.findings if one.rule.startswith("depends")]


def test_a_dependency_that_is_not_there_yet_is_pending() -> None:
    (pending,) = depends(lint(package(), known={}))
    assert (pending.severity, pending.rule) == (Severity.PENDING, "depends.unknown")
    assert not lint(package(), known={}).refused
    assert depends(lint(package(), known={"bp-postgres": {"1.4.0": ()}})) == []
    (pending,) = depends(lint(package(), known={"bp-postgres": {"2.0.0": ()}}))
    assert pending.severity is Severity.PENDING
    assert pending.message == "there is no version of bp-postgres within ^1.0 yet"
    (pending,) = depends(lint(package(), known={"bp-postgres": {}}))
    assert pending.message == "there is no bp-postgres yet"


def test_both_spellings_and_both_versions_are_one_value() -> None:
    document = (
        DOCUMENT.replace("io/v1", "io/v1alpha1")
        .replace("name: bp-wiki", "name: wiki")
        .replace("- blueprint: bp-postgres", "- cert-manager\n    - blueprint: postgres")
        .replace(
            "  manifests:",
            "  placementSchema: {modes: [singleton, active-hotstandby]}\n  manifests:",
        )
    )
    blueprint = read(package(document)).blueprint
    assert blueprint is not None
    assert blueprint.name == "bp-wiki"
    assert blueprint.modes == (Mode.SINGLE_REGION, Mode.ACTIVE_HOT_STANDBY)
    assert [(one.blueprint, one.alias, one.version) for one in blueprint.depends] == [
        ("bp-cert-manager", "cert_manager", "*"),
        ("bp-postgres", "db", "^1.0"),
    ]


# ---- hostile input


@pytest.mark.guarantee("G20.4")
def test_a_spec_too_large_for_an_event_is_refused() -> None:
    card = f"title: Wiki\n    description: {'x' * 15_000}"
    extra = "\n".join(f"    k{n}: {'y' * 900}" for n in range(70))
    document = DOCUMENT.replace("title: Wiki", card) + f"  outputs:\n{extra}\n"
    assert "package.spec-size" in rules(package(document))


@pytest.mark.guarantee("G20.4")
@given(st.data())
def test_a_document_with_any_part_broken_ends_in_findings(data: st.DataObject) -> None:
    lines = DOCUMENT.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    new = data.draw(
        st.sampled_from(["", "[", "x: [1]", "  - 1", "${{", "null", "{{ . }}", "a: *b"])
    )
    keep = data.draw(st.booleans())
    head = lines[at].partition(":")[0] + ": " if keep and ":" in lines[at] else ""
    lines[at] = head + new
    linted = lint(package("\n".join(lines)), known={})
    assert all(one.message and one.rule for one in linted.findings)


@pytest.mark.guarantee("G20.4")
@each(
    product(
        ["type: string", "default: 2", "properties:", "type: object"],
        ["null", "1.5", "x", "[[]]", "{a: [{}]}", "{type: {}}"],
    )
)
def test_a_schema_of_any_form_ends_in_findings(part: str, odd: str) -> None:
    name = part.partition(":")[0]
    for document in (
        DOCUMENT.replace(part, f"{name}: {odd}", 1),
        DOCUMENT.replace(part, f"allOf: {odd}", 1),
        DOCUMENT.replace("replicas:", f"password: {odd}\n      replicas:", 1),
        DOCUMENT.replace("type: integer\n", f"type: integer\n        items: {odd}\n"),
    ):
        assert lint(package(document), own=True).refused


@pytest.mark.guarantee("G20.4")
@given(st.binary(max_size=200), st.text(max_size=200))
def test_any_bytes_end_in_findings(raw: bytes, text: str) -> None:
    files = {**package().files, "manifests/app.yaml": raw}
    lint(of_files(files))
    lint(of_files({**files, "blueprint.yaml": text.encode("utf-8", "surrogatepass")}))
    assert lint(of_files({})).refused


def test_the_reason_of_a_refusal_is_one_line() -> None:
    assert lint(package()).reason == ""
    assert lint(of_files({})).reason == "there is no blueprint.yaml (package.document)"
    one = "blueprint.yaml:6: a version is three numbers with dots, such as 1.4.0, or 1.4.0-rc.1"
    wrong = DOCUMENT.replace("1.2.0", "1.x")
    assert lint(package(wrong)).reason == f"{one} (version)"
    twice = wrong.replace("^1.0", "one")
    assert lint(package(twice)).reason == f"{one} (version), and 1 more"
    # Advice is none.
    assert lint(package(DOCUMENT.replace("title: Wiki", "title: Pages"))).reason == ""
