"""Manifests applied from the command line: once, only what differs, or refused by their place."""

import json
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from dulwich import porcelain
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack

pytestmark = pytest.mark.real
DEADLINE_SECONDS = 60.0
Fresh = Callable[[], str]


def manifest(slug: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "orgs.openova.io/v1",
        "kind": "Organization",
        "metadata": {"name": slug},
        "spec": {
            "slug": slug,
            "displayName": "Acme",
            "kind": "customer",
            "tier": "corporate",
            "billingMode": "real",
            "sovereignRef": "cloud.example.org",
            "owners": [{"email": "ann@example.org", "role": "owner"}],
            **spec,
        },
    }


def policy(slug: str, approvers: int = 2) -> dict[str, Any]:
    return {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "EnvironmentPolicy",
        "metadata": {"name": "strict"},
        "spec": {
            "promotion": {"requiredApprovers": approvers},
            "rules": [{"type": "soak", "duration": "90m"}],
        },
    } | {"metadata": {"name": "strict", "labels": {"openova.io/organization": slug}}}


def environment(slug: str, **spec: Any) -> dict[str, Any]:
    region = {"provider": "hetzner", "region": "fsn", "buildingBlock": "rtz"}
    return {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "Environment",
        "metadata": {"name": f"{slug}-prod"},
        "spec": {
            "organizationRef": slug,
            "envType": "prod",
            "placement": "single-region",
            "regions": [region],
            "policyRef": "strict",
            **spec,
        },
    }


def write(path: Path, *documents: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def results(ran: Ran) -> list[tuple[str, str]]:
    return [(item["what"].partition("/")[0], item["result"]) for item in ran.json]


def test_manifests_are_applied_once_and_then_stand(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    everything = (environment(slug), policy(slug), manifest(slug))
    file = write(tmp_path / "all.yaml", *everything)
    ran = catalyst("apply", "-f", file, "-o", "json")
    created = [("organization", "created"), ("policy", "created"), ("environment", "created")]
    assert (ran.code, results(ran)) == (0, created), ran.err
    planned = catalyst("apply", "-f", file, "--dry-run", "-o", "json")
    again = catalyst("apply", "-f", file, "-o", "json")
    assert [result for _, result in results(again)] == ["unchanged"] * 3
    assert [item.get("commands") for item in again.json] == [None] * 3
    assert (again.code, planned.json) == (0, again.json)


def test_a_changed_manifest_sends_only_what_differs(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    everything = (manifest(slug), policy(slug), environment(slug))
    assert catalyst("apply", "-f", write(tmp_path / "a.yaml", *everything)).code == 0
    other = {"provider": "hetzner", "region": "nbg", "buildingBlock": "rtz"}
    changed = (
        manifest(
            slug, displayName="Acme 2", owners=[{"email": "bob@example.org", "role": "owner"}]
        ),
        policy(slug, approvers=3),
        environment(slug, regions=[other], policyRef=None),
    )
    file = write(tmp_path / "b.yaml", *changed)
    planned = catalyst("apply", "-f", file, "--dry-run", "-o", "json")
    assert [item["commands"] for item in planned.json] == [
        ["environment.update-organization.v1", "environment.change-owners.v1"],
        ["environment.update-policy.v1"],
        ["environment.update-environment.v1", "environment.attach-policy.v1"],
    ]
    ran = catalyst("apply", "-f", file, "-o", "json")
    assert [result for _, result in results(ran)] == ["updated"] * 3, ran.err
    back = catalyst("apply", "-f", str(tmp_path / "a.yaml"), "-o", "json")
    assert [result for _, result in results(back)] == ["updated"] * 3
    assert catalyst("apply", "-f", file, "-o", "json").code == 0
    shown = catalyst("get", "org", slug, "--min-seq", str(back.json[-1]["seq"]), "-o", "json")
    assert shown.json["doc"]["display_name"] == "Acme 2"


def test_a_rejected_manifest_is_told_with_its_place_and_decided_anew(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    lonely = write(tmp_path / "env.yaml", environment(slug))
    ran = catalyst("apply", "-f", lonely)
    assert ran.code == 4
    assert f"environment/{slug}-prod rejected" in ran.out
    assert "env.yaml:1" in ran.err
    owner = write(tmp_path / "org.yaml", manifest(slug), policy(slug))
    assert catalyst("apply", "-f", owner).code == 0
    assert catalyst("apply", "-f", lonely).out.startswith(f"environment/{slug}-prod created")


@pytest.mark.guarantee("G5.11")
def test_a_wrong_field_of_a_manifest_is_told_in_words_with_an_example(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    owners = [{"email": "no address", "role": "owner"}]
    wrong = write(tmp_path / "org.yaml", manifest(fresh(), owners=owners, displayName="   "))
    ran = catalyst("apply", "-f", wrong)
    assert ran.code == 3
    assert "not spaces alone; for example `Acme Trading`" in ran.err
    assert "must be an e-mail address of at most 254 characters, without spaces" in ran.err
    assert "^" not in ran.err


WRONG = """\
# An Organization of which much is wrong.
apiVersion: orgs.openova.io/v1
kind: Organization
metadata: {{name: {slug}}}
spec:
  slug: {slug}
  displayName: "   "
  kind: customer
  tier: corporate
  billingMode: real
  sovereignRef: cloud.example.org
  tenantPublic:
    parentDomain: cloud.example
    backendPort: 99999
  owners:
    - {{email: no address, role: owner}}
---
apiVersion: catalyst.openova.io/v1
kind: Environment
metadata: {{name: {slug}-prod-dev}}
spec:
  organizationRef: {slug}
  envType: dev
  placement: single-region
  regions:
    - {{provider: hetzner, region: zzz, buildingBlock: rtz}}
  policyRef: "No Policy"
"""


@pytest.mark.guarantee("G27.9")
def test_what_is_wrong_is_named_as_the_manifest_has_it_with_its_line(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    file = tmp_path / "w.yaml"
    file.write_text(WRONG.format(slug=slug))
    told = catalyst("apply", "-f", str(file)).err
    for place in (
        "w.yaml:7: spec.displayName: must be one line",
        "w.yaml:14: spec.tenantPublic.backendPort: must be a port",
        "w.yaml:16: spec.owners[0].email: must be an e-mail address",
        "w.yaml:20: document 2: metadata.name: the label 'prod' ends in",
        "w.yaml:26: document 2: spec.regions[0].region: 'hetzner' has no region",
        "w.yaml:27: document 2: spec.policyRef: ",
    ):
        assert place in told
    assert "/data" not in told
    assert "_" not in told.replace(str(tmp_path), "")
    found = json.loads(catalyst("apply", "-f", str(file), "-o", "json").err)["error"]
    pointers = {error["pointer"] for error in found["errors"]}
    assert {"/spec/tenantPublic/backendPort", "/spec/owners/0/email"} <= pointers
    # What the owner alone refuses is told alike.
    assert catalyst("apply", "-f", write(tmp_path / "org.yaml", manifest(slug))).code == 0
    file.write_text(WRONG.format(slug=slug).partition("---\n")[2].replace('"No Policy"', "null"))
    told = catalyst("apply", "-f", str(file)).err
    assert "w.yaml:3: metadata.name: the label 'prod' ends in" in told
    assert "w.yaml:9: spec.regions[0].region: 'hetzner' has no region" in told


def test_a_field_that_never_changes_is_refused(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    assert catalyst("apply", "-f", write(tmp_path / "a.yaml", manifest(slug))).code == 0
    moved = write(tmp_path / "b.yaml", manifest(slug, sovereignRef="other.example.org"))
    ran = catalyst("apply", "-f", moved)
    assert ran.code == 3
    line = next(n for n, text in enumerate(Path(moved).read_text().split("\n"), 1) if "sov" in text)
    told = "it is 'cloud.example.org' and never changes; the manifest says 'other.example.org'"
    assert f"b.yaml:{line}: spec.sovereignRef: immutable-field: {told}\n" in ran.err
    planned = catalyst("apply", "-f", moved, "--dry-run")
    assert (planned.code, planned.out, planned.err) == (ran.code, ran.out, ran.err)


def test_what_stands_in_the_git_home_is_applied_without_a_change(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path, stack: Stack
) -> None:
    slug = fresh()
    file = write(tmp_path / "all.yaml", manifest(slug), policy(slug), environment(slug))
    assert catalyst("apply", "-f", file).code == 0
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        rows = catalyst("get", "all", "--org", slug, "-o", "json").json["items"]
        kept = {row["key"].split(".")[2] for row in rows if row["doc"].get("git")}
        if {"environment", "policy"} <= kept:
            break
        assert time.monotonic() < deadline, kept
    clone = tmp_path / "clone"
    token = stack.token()
    url = f"{stack.http}/git/{slug}/home.git"
    porcelain.clone(url, str(clone), username="git", password=token, errstream=BytesIO()).close()
    ran = catalyst("apply", "-f", str(clone), "-o", "json")
    assert ran.code == 0, ran.err
    assert sorted(results(ran)) == [
        ("environment", "unchanged"),
        ("organization", "unchanged"),
        ("policy", "unchanged"),
    ]
