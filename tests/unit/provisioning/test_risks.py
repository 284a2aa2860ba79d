"""What may hurt is said before it is done, and what no cluster would take is refused."""

from typing import Any

import pytest
from tests.support import planning
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, known, plan, running, wiki
from tests.support.plans import PROD, apply, run, town

from catalyst.blueprints import package
from catalyst.blueprints.rendering import to_yaml
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign, risks
from catalyst.provisioning.domain.plan import Plan

DOCUMENT: dict[str, Any] = {
    "apiVersion": "catalyst.openova.io/v1",
    "kind": "Blueprint",
    "metadata": {"name": "bp-site"},
    "spec": {
        "card": {"title": "Site", "summary": "A site."},
        "owner": {"team": "web"},
        "visibility": "listed",
        "configSchema": {
            "type": "object",
            "properties": {
                "volume": {"type": "boolean", "default": True},
                "sizeGiB": {"type": "integer", "default": 10},
                "set": {"type": "string", "default": "a"},
            },
        },
        "placementSchema": {"modes": ["single-region"], "default": "single-region"},
        "manifests": {"source": {"kind": "Kustomize", "ref": "manifests"}},
    },
}
KUSTOMIZATION = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [site.yaml]
"""
SITE = """apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${{ application.name }}-data
  annotations:
    catalyst.openova.io/when: config.volume
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: "${{ config.sizeGiB }}Gi"}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "${{ application.name }}"}
spec:
  serviceName: ${{ config.set }}SUFFIX
  selector: {matchLabels: {app: site}}
  template:
    metadata: {labels: {app: site}}
    spec: {containers: [{name: site, image: "example.com/site:1.0"}]}
"""


def offered(monkeypatch: pytest.MonkeyPatch, document: dict[str, Any], suffix: str) -> None:
    """Let there be a version of the site."""
    files = {
        "blueprint.yaml": to_yaml([document]),
        "manifests/kustomization.yaml": KUSTOMIZATION.encode(),
        "manifests/site.yaml": SITE.replace("SUFFIX", suffix).encode(),
    }
    made = package.of_files(files)
    digest = package.digest(made)
    key = ("bp-site", document["spec"]["version"])
    monkeypatch.setitem(planning.PACKAGES, key, made)
    monkeypatch.setitem(planning.CONTENTS, digest, package.to_tar(made))
    monkeypatch.setitem(planning.DIGESTS, key, digest)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Town:
    """Return `acme` with what comes with Catalyst and two versions of a site."""
    for version, suffix in (("1.0.0", ""), ("1.1.0", "-new")):
        document = {**DOCUMENT, "spec": {**DOCUMENT["spec"], "version": version}}
        offered(monkeypatch, document, suffix)
    found = town(approvals=(env1.Approval(quorum=1),))
    known(found)
    found.given(
        foreign.environment_ref("acme", PROD), env1.PolicyAttached(environment=PROD, policy=None)
    )
    return found


def made_for(monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any]) -> None:
    """Let the first version of the site say where it is to run."""
    document = {**DOCUMENT, "spec": {**DOCUMENT["spec"], "version": "1.0.0", **spec}}
    offered(monkeypatch, document, "")


async def placement(place: Town, others: Others, regions: tuple[str, ...]) -> list[str]:
    """Return what a plan to install the site says of where it comes to."""
    found = tuple(
        env1.Region(
            provider="hetzner",
            region=name,
            building_block="rtz",
            host_cluster=f"hz-{name}-rtz-prod",
        )
        for name in regions
    )
    spread: env1.Placement = "multi-region" if len(found) > 1 else "single-region"
    moved = env1.EnvironmentUpdated(environment=PROD, placement=spread, regions=found)
    place.given(foreign.environment_ref("acme", PROD), moved)
    others.locks["site"] = [entry("site", "bp-site", "1.0.0")]
    risks = (await plan(place, others, install("site", blueprint="bp-site"))).risks
    return [risk.message for risk in risks if risk.kind == "placement"]


def asked(action: str, application: str = "site", **more: Any) -> PlanRequest:
    return PlanRequest(action=action, environment=PROD, application=application, **more)  # type: ignore[arg-type]


async def site(place: Town, others: Others, version: str = "1.0.0") -> None:
    """Let the site run."""
    others.locks["site"] = [entry("site", "bp-site", version)]
    apply(place, "ch-0", await plan(place, others, install("site")))
    run(place, "ch-0")
    assert place.change("ch-0").status == "completed"


def losses(found: Plan) -> list[str]:
    return [risk.message for risk in found.risks if risk.kind == "data-loss"]


async def test_a_rollback_to_an_older_version_may_lose_data_and_says_so(place: Town) -> None:
    others = Others()
    wiki(others)
    await running(place, others)
    for number, version in enumerate(("2.1.1", "2.0.1", "2.1.1")):
        others.locks["wiki"] = [
            entry("wiki-postgres", "bp-postgres", "16.9.1", "shared"),
            entry("wiki", "bp-wiki", version, postgres="wiki-postgres"),
        ]
        action = "rollback" if number else "upgrade"
        found = await plan(place, others, asked(action, "wiki"))
        words = (
            "wiki goes from 2.1.1 back to 2.0.1: data that the newer version wrote may not be"
            " understood by the older one"
        )
        assert losses(found) == ([words] if version == "2.0.1" else [])
        apply(place, f"ch-{number + 1}", found)
        run(place, f"ch-{number + 1}")
    # back to another configuration of the same version loses nothing
    apply(
        place,
        "ch-4",
        await plan(place, others, asked("configure", "wiki", values={"logLevel": "debug"})),
    )
    run(place, "ch-4")
    assert losses(await plan(place, others, asked("rollback", "wiki"))) == []


async def test_whoever_needs_what_changes_is_told(place: Town) -> None:
    others = Others()
    wiki(others)
    await running(place, others)
    others.locks["wiki-postgres"] = [entry("wiki-postgres", "bp-postgres", "16.9.1")]
    request = asked("configure", "wiki-postgres", values={"storageGiB": 30})
    found = await plan(place, others, request)
    assert [risk.message for risk in found.risks if risk.kind == "downtime"] == [
        "wiki-postgres may restart while it changes",
        "wiki needs wiki-postgres while it changes",
    ]


@pytest.mark.guarantee("G14.12")
async def test_a_volume_that_is_left_unused_is_a_risk(place: Town) -> None:
    others = Others()
    await site(place, others)
    found = await plan(place, others, asked("configure", values={"volume": False}))
    words = "its data stays in the cluster, and site begins without it"
    assert losses(found) == [f"site no longer uses the volume site-data: {words}"]
    assert losses(await plan(place, others, asked("configure", values={"sizeGiB": 20}))) == []
    # Credentials are no volume.
    assert risks.unused("site", ["ExternalSecret/site"], []) == ()


async def test_a_volume_that_grows_is_allowed_and_told_of_its_storage(place: Town) -> None:
    others = Others()
    await site(place, others)

    async def told(**values: Any) -> list[str]:
        found = await plan(place, others, asked("configure", values=values))
        assert found.blocked_by == ()
        return [risk.message for risk in found.risks if risk.kind == "storage"]

    words = "a cluster does that only where its StorageClass allows it, and it never shrinks again"
    assert await told(sizeGiB=20) == [f"the volume site-data grows from 10Gi to 20Gi: {words}"]
    assert await told(volume=False) == []
    with pytest.raises(Rejected) as caught:
        await told(sizeGiB=9)
    shrunk = "the volume site-data has 10Gi and cannot become smaller, and 9Gi is asked for"
    instead = "keep what it has, or install it under another name"
    assert caught.value.message == f"{shrunk}; {instead}"


@pytest.mark.guarantee("G14.17")
async def test_a_change_that_no_cluster_would_take_is_refused_where_it_was_asked_for(
    place: Town,
) -> None:
    others = Others()
    await site(place, others)
    with pytest.raises(Rejected) as caught:
        await plan(place, others, asked("configure", values={"set": "b", "sizeGiB": 5}))
    assert caught.value.code == "value-immutable"
    of = ("the volume site-data", "of the StatefulSet site")
    for error, what in zip(caught.value.errors, of, strict=True):
        assert (error.pointer, error.rule) == ("/request/values", "value-immutable")
        assert what in error.message
    others.locks["site"] = [entry("site", "bp-site", "1.1.0")]
    with pytest.raises(Rejected, match=r"spec\.serviceName of the StatefulSet site") as caught:
        await plan(place, others, asked("upgrade"))
    assert caught.value.code == "version-refused"
    assert [error.pointer for error in caught.value.errors] == ["/request/version"]


@pytest.mark.guarantee("G14.17")
async def test_a_rollback_that_no_cluster_would_take_is_refused(place: Town) -> None:
    others = Others()
    await site(place, others)
    apply(place, "ch-1", await plan(place, others, asked("configure", values={"sizeGiB": 20})))
    run(place, "ch-1")
    with pytest.raises(Rejected) as caught:
        await plan(place, others, asked("rollback"))
    assert caught.value.code == "value-immutable"
    assert [error.pointer for error in caught.value.errors] == ["/request/revision"]


async def test_redis_does_not_lose_its_volume(place: Town) -> None:
    others = Others()
    others.locks["cache"] = [entry("cache", "bp-redis", "1.2.1")]
    apply(place, "ch-0", await plan(place, others, install("cache", blueprint="bp-redis")))
    run(place, "ch-0")
    with pytest.raises(Rejected) as caught:
        await plan(
            place, others, asked("configure", "cache", values={"persistence": {"enabled": False}})
        )
    assert caught.value.code == "value-immutable"


@pytest.mark.parametrize("name", ["iac", "shared-blueprints", "home", "acme-environment", "kube-x"])
async def test_a_name_of_the_infrastructure_is_refused_by_the_plan_already(
    place: Town, name: str
) -> None:
    others = Others()
    others.locks[name] = [entry(name, "bp-postgres", "16.9.1")]
    with pytest.raises(Rejected) as caught:
        await plan(place, others, install(name, blueprint="bp-postgres"))
    assert (caught.value.code, caught.value.errors[0].pointer) == (
        "application-reserved",
        "/request/application",
    )


@pytest.mark.parametrize(
    ("spec", "regions", "said"),
    [
        (
            {"minRegions": 2},
            ("fsn",),
            ["acme-prod has 1 region, and bp-site is made for 2 or more"],
        ),
        ({"minRegions": 2}, ("fsn", "hel"), []),
        (
            {"maxRegions": 1},
            ("fsn", "hel"),
            ["acme-prod has 2 regions, and bp-site is made for 1 at most"],
        ),
        ({"maxRegions": 2}, ("fsn", "hel"), []),
        ({}, ("fsn", "hel"), []),
    ],
)
async def test_where_there_are_fewer_or_more_regions_than_it_is_made_for_the_plan_says_so(
    place: Town,
    others: Others,
    monkeypatch: pytest.MonkeyPatch,
    spec: dict[str, Any],
    regions: tuple[str, ...],
    said: list[str],
) -> None:
    made_for(monkeypatch, {"placementSchema": {"modes": ["active-active"], **spec}})
    assert await placement(place, others, regions) == said


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        (["rtz", "dmz"], []),
        (["mgmt"], ["acme-prod is in rtz, and bp-site is made for mgmt"]),
        (["dmz", "mgmt"], ["acme-prod is in rtz, and bp-site is made for dmz or mgmt"]),
    ],
)
async def test_where_it_comes_to_another_zone_than_it_is_made_for_the_plan_says_so(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch, zones: list[str], said: list[str]
) -> None:
    made_for(monkeypatch, {"allowedPlacements": zones})
    assert await placement(place, others, ("fsn",)) == said
