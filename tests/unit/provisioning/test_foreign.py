"""What other services decided, as far as plans know it: after each fact, and after its opposite."""

from datetime import timedelta

import msgspec
import pytest
from tests.support import billing, build
from tests.support.changing import Town
from tests.support.each import each
from tests.support.plans import OWNERS, PROD, captured, town

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import foreign

ACME = foreign.organization_ref("acme")
HOME = foreign.environment_ref("acme", PROD)
GATE = foreign.policy_ref("acme", "gate")
WIKI = foreign.blueprint_ref("acme", "public", "bp-wiki")


@pytest.fixture
def place() -> Town:
    """Return `acme` with its Environment."""
    return town()


@each([
        (env1.OrganizationFailed(slug="acme", step="git", reason="full"), "failed"),
        (env1.OnboardingRestarted(slug="acme", run=2), "onboarding"),
        (env1.OrganizationDeleted(slug="acme"), "deleted"),
    ])  # fmt: skip
def test_how_far_an_organization_is_is_what_was_told_last(event: Event, phase: str) -> None:
    place = town()
    assert place.state(ACME).phase == "ready"
    place.given(ACME, event)
    assert place.state(ACME).phase == phase


def test_of_an_organization_that_is_deleted_nothing_stands_any_more(place: Town) -> None:
    place.given(ACME, env1.PolicyAdded(slug="acme", policy="gate"))
    place.given(ACME, env1.OrganizationDeleted(slug="acme"))
    assert place.state(ACME) == foreign.Organization(phase="deleted")


def test_an_organization_is_suspended_until_it_is_resumed(place: Town) -> None:
    before = place.state(ACME)
    place.given(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))
    assert place.state(ACME).suspended == "unpaid"
    place.given(ACME, env1.OrganizationResumed(slug="acme"))
    assert place.state(ACME) == before


def test_what_stands_in_an_organization_is_known_in_order_until_it_goes(place: Town) -> None:
    for name in ("acme-stg", "acme-dev", "acme-stg"):
        place.given(ACME, env1.EnvironmentAdded(slug="acme", environment=name))
    for name in ("strict", "gate", "strict"):
        place.given(ACME, env1.PolicyAdded(slug="acme", policy=name))
    state = place.state(ACME)
    assert state.environments == ("acme-dev", PROD, "acme-stg")
    assert state.policies == ("gate", "strict")
    place.given(ACME, env1.EnvironmentRemoved(slug="acme", environment="acme-dev"))
    assert place.state(ACME).environments == (PROD, "acme-stg")
    assert place.state(ACME).policies == state.policies


def test_who_owns_an_organization_is_what_was_told_last(place: Town) -> None:
    assert place.state(ACME).owners == OWNERS
    place.given(ACME, env1.OwnersChanged(slug="acme", owners=OWNERS[:1]))
    assert place.state(ACME).owners == OWNERS[:1]


def test_who_stands_in_an_environment_is_known_in_order_until_it_goes(place: Town) -> None:
    for name in ("shop", "blog", "shop"):
        place.given(HOME, env1.ApplicationAdmitted(environment=PROD, application=name))
    assert place.state(HOME).applications == ("blog", "shop")
    place.given(HOME, env1.ApplicationReleased(environment=PROD, application="blog"))
    assert place.state(HOME).applications == ("shop",)


def test_of_an_environment_that_is_deleted_nothing_is_known_any_more(place: Town) -> None:
    place.given(HOME, env1.PolicyAttached(environment=PROD, policy="gate"))
    assert (place.state(HOME).exists, place.state(HOME).policy) == (True, "gate")
    place.given(HOME, env1.EnvironmentDeleted(environment=PROD, organization="acme"))
    assert place.state(HOME) == foreign.Environment()


def test_a_policy_is_what_was_defined_last_until_it_is_deleted(place: Town) -> None:
    asked = (env1.Approval(quorum=2),)
    window = env1.Window(effect="deny", cron="0 22 * * 5", duration_minutes=60)
    first = env2.PolicyDefined(policy="gate", approvals=asked, windows=(window,))
    place.given(GATE, first)
    assert place.state(GATE) == foreign.Policy(exists=True, approvals=asked, windows=(window,))
    place.given(GATE, env2.PolicyDefined(
        policy="gate", applications_max=3, soak_minutes=90, required_score=70))  # fmt: skip
    assert place.state(GATE) == foreign.Policy(
        exists=True, applications_max=3, soak_minutes=90, required_score=70
    )
    place.given(GATE, env1.PolicyDeleted(policy="gate"))
    assert place.state(GATE) == foreign.Policy()


def registered(version: str) -> blue1.VersionRegistered:
    return blue1.VersionRegistered(
        name="bp-wiki",
        origin="public",
        version=version,
        digest=f"sha256:{version[0] * 64}",
        size=1,
        spec={},
        source="own",
    )


def test_what_can_be_had_of_a_blueprint_is_told_for_each_version(place: Town) -> None:
    place.given(WIKI, registered("1.0.0"), registered("2.0.0"))
    yank = blue1.VersionYanked(name="bp-wiki", origin="public", version="1.0.0", reason="it leaks")
    place.given(WIKI, yank)

    def told(*versions: str) -> list[str]:
        return [foreign.blueprint_version(place.state(WIKI), one) for one in versions]

    assert told("1.0.0", "2.0.0", "3.0.0") == [
        *("1.0.0 yanked#sha256:111111111", "2.0.0 available#sha256:222222222", "gone"),
    ]
    place.given(WIKI, blue1.BlueprintWithdrawn(name="bp-wiki", origin="public", reason="old"))
    assert told("2.0.0", "3.0.0") == ["2.0.0 withdrawn#sha256:222222222", "gone"]


def test_the_book_in_force_is_the_one_that_began_last_and_of_two_the_later(place: Town) -> None:
    book = billing.book()

    def applied(version: str, days: int) -> None:
        start = build.NOW + timedelta(days=days)
        content = msgspec.structs.replace(book, version=version, start=start)
        place.given(foreign.PRICE_BOOK, bill1.PriceBookApplied(content=content, digest="x"))

    def in_force() -> str:
        return foreign.price_book_version(place.state(foreign.PRICE_BOOK), build.NOW)

    assert in_force() == "none"
    for version, days, wanted in (
        *(("coming", 1, "none"), ("older", -9, "older"), ("newer", -2, "newer")),
        *(("oldest", -30, "newer"), ("again", -2, "again"), ("now", 0, "now")),
    ):
        applied(version, days)
        assert in_force() == wanted


def test_the_newest_captures_of_an_account_are_known(place: Town) -> None:
    ref = foreign.account_ref("acme")
    for number in range(foreign.CAPTURED_MAX + 1):
        place.given(ref, captured(f"ch-{number}"))
    names = place.state(ref).captured
    assert (len(names), names[0], names[-1]) == (1000, "ch-1", "ch-1000")


@each([
        (ACME, env1.ChildAdmitted(slug="acme", child="labs")),
        (HOME, env2.PolicyDefined(policy="gate")),
        (GATE, env1.OrganizationReady(slug="acme")),
        (WIKI, env1.OrganizationReady(slug="acme")),
        (foreign.PRICE_BOOK, env1.OrganizationReady(slug="acme")),
        (foreign.account_ref("acme"), env1.OrganizationReady(slug="acme")),
    ])  # fmt: skip
def test_what_is_no_matter_of_plans_changes_nothing(ref: Ref, event: Event) -> None:
    place = town(approvals=(env1.Approval(quorum=1),))
    before = place.state(ref)
    place.given(ref, event)
    assert place.state(ref) == before


def test_a_private_blueprint_belongs_to_its_organization_and_any_other_to_all() -> None:
    found = [foreign.blueprint_ref("acme", origin, "bp-x") for origin in ("private", "public")]
    assert [(one.organization, one.id) for one in found] == [
        *(("acme", "private-bp-x"), (None, "public-bp-x")),
    ]
