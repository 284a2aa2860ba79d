"""Applications in an Environment: admitted once, by one service, under names that fit."""

import pytest
from tests.support import build
from tests.support.build import ACME, GATE, ORG_ADMIN, PROD, PROVISIONING, SELF
from tests.support.scenario import Held, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Claim, Ref

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


# ---- the quota


def limited(limit: int | None, *present: str) -> list[tuple[Ref, Event] | Held]:
    """Return what happened where a policy lets so many in, and these are there."""
    return [
        *STANDING,
        *on(GATE, build.policy_defined(applications_max=limit)),
        *on(PROD, env1.PolicyAttached(environment="acme-prod", policy="gate")),
        *(
            event
            for name in present
            for event in on(
                PROD, env1.ApplicationAdmitted(environment="acme-prod", application=name)
            )
        ),
    ]


def admit(name: str, *together: str) -> env1.AdmitApplication:
    return env1.AdmitApplication(application=name, together=together)


@pytest.mark.guarantee("G14.15")
def test_a_full_environment_refuses_who_is_new_and_nobody_who_is_there() -> None:
    full = limited(2, "blog", "shop")
    refused = given(full).when(admit("wiki"), PROD, by=PROVISIONING)
    refused.then_rejected("quota-exceeded", "/data/application")
    assert "'gate' lets 2 Applications into 'acme-prod': 2 are used or held, and 1 more" in str(
        refused.rejected
    )
    given(full).when(admit("shop"), PROD, by=PROVISIONING).then_nothing()
    freed = given(full).when(env1.ReleaseApplication(application="blog"), PROD, by=PROVISIONING)
    assert freed.and_then().when(admit("wiki"), PROD, by=PROVISIONING).events


@pytest.mark.guarantee("G14.15")
def test_a_limit_that_was_lowered_below_what_is_there_refuses_new_ones_only() -> None:
    lowered = [*limited(5, "blog", "shop"), *on(GATE, build.policy_defined(applications_max=1))]
    given(lowered).when(admit("shop"), PROD, by=PROVISIONING).then_nothing()
    given(lowered).when(admit("wiki"), PROD, by=PROVISIONING).then_rejected("quota-exceeded")
    none = [*limited(0), *on(GATE, build.policy_defined(applications_max=None))]
    assert given(none).when(admit("wiki"), PROD, by=PROVISIONING).events
    given(limited(0)).when(admit("wiki"), PROD, by=PROVISIONING).then_rejected("quota-exceeded")


@pytest.mark.guarantee("G14.15")
def test_of_what_comes_together_nothing_is_let_in_if_there_is_no_room_for_all() -> None:
    first = given(limited(3, "blog")).when(admit("db", "wiki"), PROD, by=PROVISIONING)
    assert first.events
    # Another change comes in between: it would leave no room for the second of the first.
    other = first.and_then().when(admit("cache", "shop"), PROD, by=PROVISIONING)
    other.then_rejected("quota-exceeded")
    assert "and 2 more would come" in str(other.rejected)
    assert first.and_then().when(admit("wiki", "db"), PROD, by=PROVISIONING).events
