"""What is written down of public hosts, and what a decision reads of them: not more, not less."""

import pytest
from msgspec.structs import replace
from tests.support.changing import Held
from tests.support.each import each
from tests.support.plans import DEVELOPER, PROD, apply, command, planned, town
from tests.unit.provisioning.test_hosts import ONE, THREE, TWO, Story

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import organization_v1 as org1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import hosts, plan
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.foreign import organization_ref

pytestmark = pytest.mark.guarantee("G14.26")


def opened(story: Story) -> dict[str, tuple[str, ...]]:
    """Return which hosts the last change may have to give back, as it was opened."""
    found: pro1.ChangeOpened = story.place.events(pro1.ChangeOpened)[-1]
    return dict(found.hosts)


def test_a_change_names_the_hosts_of_what_it_writes_and_of_nothing_else() -> None:
    story = Story()
    shared = story.place.application("db").binding(PROD).desired
    assert shared is not None
    has = replace(shared, hosts=(THREE,))
    now = app1.DesiredSet(environment=PROD, change="in-db", desired=has)
    story.place.given(application_ref("acme", "db"), now)
    assert opened(story) == {}
    story.through("ch-1", story.install("wiki", TWO))
    assert opened(story) == {f"wiki.{PROD}": (TWO,)}
    apply(story.place, "ch-2", story.configure("wiki", ONE))
    assert opened(story) == {f"wiki.{PROD}": (ONE, TWO)}
    apply(story.place, "ch-3", story.configure("wiki", THREE))
    apply(story.place, "ch-4", story.configure("wiki", "four.example.com"))
    every = ("four.example.com", ONE, THREE, TWO)
    assert opened(story) == {f"wiki.{PROD}": every}, "in one order, whoever decides it"


def test_an_application_may_be_called_as_its_organization_and_its_environment() -> None:
    for name in ("acme", PROD):
        story = Story()
        story.through("ch-1", story.install(name, ONE))
        assert story.held() == {ONE: f"{name}.{PROD}"}
        story.through("ch-2", story.configure(name, TWO))
        assert story.held() == {TWO: f"{name}.{PROD}"}


def test_a_plan_that_comes_out_with_another_host_is_refused_as_stale() -> None:
    story = Story()
    approved, fresh = story.install("wiki", ONE), story.install("wiki", TWO)
    fresh = replace(fresh, request=approved.request)
    with pytest.raises(Rejected) as refused:
        story.place.command(change_ref("acme", "ch-1"), command(approved), DEVELOPER, facts=fresh)
    assert refused.value.code == "plan-stale"
    assert story.held() == {}


@each(["free", "its own"])
def test_a_change_that_ends_in_the_batch_that_opens_it_has_no_host_after_it(was: str) -> None:
    """Whoever made the plan did not see that nothing may begin: the decision holds by itself."""
    place = town()
    place.given(organization_ref("acme"), org1.OrganizationSuspended(slug="acme", reason="unpaid"))
    if was == "its own":
        # An Application that nothing brings: what was claimed for it is nobody's.
        place.claims[hosts.claim(ONE)] = Held(change_ref("acme", "ch-0"), digest=f"blog.{PROD}")
    made = planned(place)
    (wanted,) = made.desired.values()
    made = replace(
        made,
        desired={f"blog.{PROD}": replace(wanted, hosts=(ONE,))},
        inputs={**made.inputs, f"host:{ONE}": was},
    )
    made = plan.finished(made)
    decided = apply(place, "ch-1", made)
    assert place.change("ch-1").status == "failed"
    assert place.claim(hosts.claim(ONE)).holder is None
    assert [one.claim.kind for one in decided.claims if not one.release] == ["plan"]


def test_of_the_inputs_of_a_plan_the_hosts_alone_are_read_as_claims() -> None:
    inputs = {f"host:{ONE}": "free", "environment:acme-prod": "1", "application:host:x@a": "2"}
    assert hosts.asked(inputs) == (hosts.claim(ONE),)


def test_whoever_cannot_have_a_host_is_told_what_to_do() -> None:
    story = Story()
    story.place.claims[hosts.claim(ONE)] = Held(Ref("omantel", "provisioning", "change", "ch-7"))
    (blocker,) = story.install("wiki", ONE).blocked_by
    (link,) = blocker.chain
    assert (link.code, link.message) == ("host-taken", blocker.message)
    assert "another host" in link.what_to_do
