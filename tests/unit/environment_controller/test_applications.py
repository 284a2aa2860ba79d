"""Applications in an Environment: admitted once, by one service, under names that fit."""

import pytest
from tests.support import build
from tests.support.build import ACME, GATE, ORG_ADMIN, PROD, PROVISIONING, SELF
from tests.support.each import each
from tests.support.scenario import Given, Held, given, on

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.subjects import Claim, Ref
from catalyst.environment_controller.domain.applications import application_ref

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


@each([build.SOVEREIGN_ADMIN, ORG_ADMIN, SELF])
def test_only_provisioning_admits_and_releases(actor: object) -> None:
    for command in (BLOG, env1.ReleaseApplication(application="blog")):
        given(STANDING).when(command, PROD, by=actor).then_rejected("forbidden")  # type: ignore[arg-type]


@each(
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
    ]
)
def test_an_applications_name_obeys_its_rules(name: str, code: str) -> None:
    command = env1.AdmitApplication(application=name)
    given(STANDING).when(command, PROD, by=PROVISIONING).then_rejected(code, "/data/application")


@each(["b", "a" * 58, "other-environment", "kubectl"])
def test_other_names_are_free(name: str) -> None:
    command = env1.AdmitApplication(application=name)
    assert given(STANDING).when(command, PROD, by=PROVISIONING).events


def test_an_application_that_is_going_may_leave_a_suspended_organization() -> None:
    inside = on(PROD, env1.ApplicationAdmitted(environment="acme-prod", application="blog"))
    outcome = given(STANDING, inside, SUSPENDED)
    assert outcome.when(env1.ReleaseApplication(application="blog"), PROD, by=PROVISIONING).events
    # It was admitted before: saying so again changes nothing.
    outcome.when(BLOG, PROD, by=PROVISIONING).then_nothing()


# ---- what is asked late

APPLICATION = application_ref("acme", "blog")
INSIDE = on(PROD, env1.ApplicationAdmitted(environment="acme-prod", application="blog"))
RUNNING = Desired(
    change="ch-2", blueprint="bp-blog", origin="public", version="1.0.0", digest="sha256:0"
)


def taken(change: str, place: str = "acme-prod") -> list[Given]:
    """Return that a change has its turn on the Application."""
    return on(APPLICATION, app1.ChangeTaken(change=change, environment=place, action="install"))


def left(change: str, place: str = "acme-prod") -> list[Given]:
    """Return that a change is over on the Application."""
    return on(APPLICATION, app1.ChangeLeft(change=change, environment=place, result="failed"))


def running(place: str = "acme-prod", desired: Desired | None = RUNNING) -> list[Given]:
    """Return what is to run."""
    return on(APPLICATION, app1.DesiredSet(environment=place, change="ch-2", desired=desired))


def asks(change: str) -> tuple[env1.AdmitApplication, env1.ReleaseApplication]:
    return (
        env1.AdmitApplication(application="blog", change=change),
        env1.ReleaseApplication(application="blog", change=change),
    )


@pytest.mark.guarantee("G14.18")
@each(
    [
        [],
        [*taken("ch-1"), *left("ch-1")],
        [*taken("ch-1"), *left("ch-1"), *taken("ch-2")],
        [*taken("ch-1"), *left("ch-1"), *taken("ch-2"), *running(), *left("ch-2")],
        taken("ch-1", "acme-dev"),
        [*taken("ch-1"), *left("ch-1"), *INSIDE, *running()],
    ]
)
def test_nothing_is_let_in_for_a_change_that_is_not_in_flight_there(facts: list[Given]) -> None:
    admit, _ = asks("ch-1")
    refused = given(STANDING, facts).when(admit, PROD, by=PROVISIONING)
    refused.then_rejected("change-over", "/data/change")
    assert "'ch-1' does not bring 'blog' to 'acme-prod' any more" in str(refused.rejected)


@pytest.mark.guarantee("G14.18")
def test_one_change_has_its_turn_in_several_environments_at_once() -> None:
    admit, _ = asks("ch-1")
    both = [*taken("ch-1"), *taken("ch-1", "acme-dev")]
    assert given(STANDING, both).when(admit, PROD, by=PROVISIONING).events
    elsewhere = given(STANDING, both, left("ch-1", "acme-dev"))
    assert elsewhere.when(admit, PROD, by=PROVISIONING).events


@pytest.mark.guarantee("G14.18")
def test_what_is_in_flight_is_let_in_and_let_go_whatever_was_before() -> None:
    before = [*taken("ch-0"), *left("ch-0")]
    admit, release = asks("ch-1")
    admitted = given(STANDING, before, taken("ch-1")).when(admit, PROD, by=PROVISIONING)
    admitted.then(env1.ApplicationAdmitted(environment="acme-prod", application="blog"))
    again = admitted.and_then()
    again.when(admit, PROD, by=PROVISIONING).then_nothing()
    # What it brought may still be meant to run, where that could not be taken back.
    outcome = given(STANDING, before, INSIDE, taken("ch-1"), running())
    released = outcome.when(release, PROD, by=PROVISIONING)
    released.then(env1.ApplicationReleased(environment="acme-prod", application="blog"))
    # The end of one that only waited says nothing of the one in flight.
    waits = given(STANDING, taken("ch-1"), left("ch-3")).when(admit, PROD, by=PROVISIONING)
    assert waits.events


@pytest.mark.guarantee("G14.18")
@each(
    [
        (taken("ch-2"), "the change 'ch-2' works on it"),
        ([*taken("ch-2"), *running(), *left("ch-2")], "it is to run there"),
        ([*taken("ch-2"), *running()], "the change 'ch-2' works on it"),
        ([*running(), *left("ch-1")], "it is to run there"),
    ]
)
def test_a_change_that_is_over_takes_nothing_from_a_later_one(facts: list[Given], why: str) -> None:
    _, release = asks("ch-1")
    ended = [*taken("ch-1"), *left("ch-1")]
    refused = given(STANDING, INSIDE, ended, facts).when(release, PROD, by=PROVISIONING)
    refused.then_rejected("application-wanted", "/data/change")
    assert f"'ch-1' is over, and 'blog' stays in 'acme-prod': {why}" in str(refused.rejected)


@pytest.mark.guarantee("G14.18")
@each(
    [
        [],
        [*taken("ch-1"), *left("ch-1")],
        [*taken("ch-2"), *running(), *running(desired=None), *left("ch-2")],
        [
            *running(),
            *on(
                APPLICATION,
                app1.ApplicationRemoved(environment="acme-prod", change="ch-2", kept_data=True),
            ),
        ],
        [*taken("ch-2", "acme-dev"), *running("acme-dev")],
    ]
)
def test_what_nobody_wants_any_more_is_let_go_however_late(facts: list[Given]) -> None:
    _, release = asks("ch-1")
    released = given(STANDING, INSIDE, facts).when(release, PROD, by=PROVISIONING)
    released.then(env1.ApplicationReleased(environment="acme-prod", application="blog"))
    gone = given(STANDING, facts).when(release, PROD, by=PROVISIONING)
    gone.then_rejected("application-not-admitted", "/data/application")


def test_what_was_asked_before_changes_were_named_is_carried_out_as_it_was() -> None:
    wanted = [*taken("ch-2"), *running()]
    release = env1.ReleaseApplication(application="blog")
    assert given(STANDING, INSIDE, wanted).when(release, PROD, by=PROVISIONING).events
    assert given(STANDING, wanted).when(BLOG, PROD, by=PROVISIONING).events


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
