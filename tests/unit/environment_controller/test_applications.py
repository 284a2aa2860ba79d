"""Applications in an Environment: admitted once, by one service, under names that fit."""

import pytest
from tests.support import build
from tests.support.build import ACME, ORG_ADMIN, PROD, PROVISIONING, SELF
from tests.support.scenario import Held, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.subjects import Claim

ORGANIZATION = on(ACME, build.organization_created(), env1.OrganizationReady(slug="acme"))
ADDED = on(ACME, env1.EnvironmentAdded(slug="acme", environment="acme-prod"))
NAME = Claim("environment", "acme-prod")
STANDING = [*ORGANIZATION, *on(PROD, build.environment_created()), *ADDED, Held(NAME, PROD)]
SUSPENDED = on(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))
# ---- Applications

BLOG = env1.AdmitApplication(application="blog")


def test_an_application_is_admitted_once_and_released() -> None:
    admitted = given(STANDING).when(BLOG, PROD, by=PROVISIONING)
    admitted.then(env1.ApplicationAdmitted(environment="acme-prod", application="blog"))
    assert admitted.state().applications == ("blog",)
    again = admitted.and_then()
    again.when(BLOG, PROD, by=PROVISIONING).then_nothing()
    released = again.when(env1.ReleaseApplication(application="blog"), PROD, by=PROVISIONING)
    released.then(env1.ApplicationReleased(environment="acme-prod", application="blog"))
    assert released.state().applications == ()
    released.and_then().when(
        env1.ReleaseApplication(application="blog"), PROD, by=PROVISIONING
    ).then_rejected("application-not-admitted", "/data/application")


@pytest.mark.parametrize("actor", [build.SOVEREIGN_ADMIN, ORG_ADMIN, SELF])
def test_only_provisioning_admits_and_releases(actor: object) -> None:
    for command in (BLOG, env1.ReleaseApplication(application="blog")):
        given(STANDING).when(command, PROD, by=actor).then_rejected("forbidden")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "application-name-invalid"),
        ("Blog", "application-name-invalid"),
        ("blog-", "application-name-invalid"),
        ("a--b", "application-name-invalid"),
        ("1a", "application-name-invalid"),
        ("a" * 59, "application-name-invalid"),
        ("../home", "application-name-invalid"),
        ("shared-blueprints", "application-reserved"),
        ("iac", "application-reserved"),
        ("catalyst-tenant", "application-reserved"),
        ("acme-environment", "application-reserved"),
        ("home", "application-reserved"),
        ("kube-system", "application-reserved"),
        ("default", "application-reserved"),
    ],
)
def test_an_applications_name_obeys_its_rules(name: str, code: str) -> None:
    command = env1.AdmitApplication(application=name)
    given(STANDING).when(command, PROD, by=PROVISIONING).then_rejected(code, "/data/application")


@pytest.mark.parametrize("name", ["b", "a" * 58, "other-environment", "kubectl"])
def test_other_names_are_free(name: str) -> None:
    command = env1.AdmitApplication(application=name)
    assert given(STANDING).when(command, PROD, by=PROVISIONING).events


def test_an_application_that_is_going_may_leave_a_suspended_organization() -> None:
    inside = on(PROD, env1.ApplicationAdmitted(environment="acme-prod", application="blog"))
    outcome = given(STANDING, inside, SUSPENDED)
    assert outcome.when(env1.ReleaseApplication(application="blog"), PROD, by=PROVISIONING).events
    # It was admitted before: saying so again changes nothing.
    outcome.when(BLOG, PROD, by=PROVISIONING).then_nothing()
