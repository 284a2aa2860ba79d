"""The Git effect's reports: the newest commit of a manifest is kept, whatever their order."""

import pytest
from tests.support import build
from tests.support.build import ACME, GATE, PROD, SELF
from tests.support.scenario import given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.subjects import Ref

STANDING = [
    *on(ACME, build.organization_created()),
    *on(PROD, build.environment_created()),
    *on(GATE, build.policy_defined()),
]
PLACES = [
    (ACME, "organization-not-found"),
    (PROD, "environment-not-found"),
    (GATE, "policy-not-found"),
]


def report(event_seq: int, commit: str = "abc") -> env1.RecordCommit:
    return env1.RecordCommit(path="organization.yaml", commit=commit, event_seq=event_seq)


@pytest.mark.parametrize(("place", "missing"), PLACES)
def test_the_newest_commit_is_kept(place: Ref, missing: str) -> None:
    first = given(STANDING).when(report(7), place, by=SELF)
    first.then(env1.ManifestCommitted(path="organization.yaml", commit="abc", event_seq=7))
    world = first.and_then()
    world.when(report(7), place, by=SELF).then_nothing()
    world.when(report(6, "old"), place, by=SELF).then_nothing()
    newer = world.when(report(8, "new"), place, by=SELF)
    assert newer.state().manifest.commit == "new"
    given().when(report(7), place, by=SELF).then_rejected(missing)


@pytest.mark.parametrize(("place", "_missing"), PLACES)
def test_only_this_services_effect_reports(place: Ref, _missing: str) -> None:
    for actor in (build.SOVEREIGN_ADMIN, build.PROVISIONING):
        given(STANDING).when(report(7), place, by=actor).then_rejected("forbidden")


def test_the_commit_that_takes_a_manifest_away_is_kept_as_well() -> None:
    gone = [
        *on(ACME, env1.OrganizationDeleted(slug="acme")),
        *on(PROD, env1.EnvironmentDeleted(environment="acme-prod", organization="acme")),
        *on(GATE, env1.PolicyDeleted(policy="gate")),
    ]
    for place, _ in PLACES:
        assert given(STANDING, gone).when(report(9), place, by=SELF).events


def test_a_recreated_environment_keeps_its_place_in_git() -> None:
    facts = on(
        PROD,
        env1.ManifestCommitted(path="environments/acme-prod.yaml", commit="a", event_seq=9),
        env1.EnvironmentDeleted(environment="acme-prod", organization="acme"),
        build.environment_created(),
    )
    world = given(STANDING, facts)
    world.when(report(8), PROD, by=SELF).then_nothing()
    assert world.when(report(12), PROD, by=SELF).events
