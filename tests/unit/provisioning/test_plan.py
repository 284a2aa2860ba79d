"""A plan says everything beforehand, and its hash moves with all that it rests on."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import planning, plans
from tests.support.changing import Town
from tests.support.planning import Others, configure, install, known, plan, running, wiki
from tests.support.plans import PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Idle, plan_hash

ACME = foreign.organization_ref("acme")
HOME = foreign.environment_ref("acme", PROD)


@pytest.fixture
def place() -> Town:
    """Return `acme` with a policy, and every Blueprint."""
    found = town(approvals=(env1.Approval(quorum=1),))
    known(found)
    return found


async def test_an_install_says_what_comes_with_it_what_it_writes_and_what_it_costs(
    place: Town, others: Others
) -> None:
    found = await plan(place, others, install())
    assert [(x.application, x.role, x.needed_by) for x in found.dependencies] == [
        ("wiki-postgres", "new", ("wiki",))
    ]
    changes = {(change.repository, change.change) for change in found.files}
    assert changes == {("wiki", "added"), ("wiki-postgres", "added")}
    assert all(change.diff.startswith("--- /dev/null\n+++ b/") for change in found.files)
    assert found.price is not None
    assert (found.price.delta.minor, found.price.credit_after) == (10_000, money(90_000))
    assert [step.step for step in found.steps] == [
        "admit", "hold", "repository", "commit", "observe", "capture",
    ]  # fmt: skip
    assert [(x.team, x.quorum) for x in found.gates.approvals] == [("", 1)]
    assert found.gates.opening.open
    assert found.sold == (f"wiki-postgres.{PROD}", f"wiki.{PROD}")
    # what the wiki asks of its database comes from its own Blueprint
    assert found.desired[f"wiki-postgres.{PROD}"].values == {"maxConnections": 100}


async def test_what_costs_nothing_is_sold_with_what_does_and_ends_as_that_does(
    place: Town, others: Others
) -> None:
    others.free = {"wiki"}
    found = await plan(place, others, install())
    assert found.sold == (f"wiki-postgres.{PROD}", f"wiki.{PROD}")
    assert all(one.sold for one in found.desired.values())
    await running(place, others)
    request = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    gone = await plan(place, others, request)
    assert gone.sold == (f"wiki.{PROD}",)
    assert "settle" in [step.step for step in gone.steps]
    # Where nothing costs anything nothing is held, and no subscription begins.
    others.free |= {"orders"}
    others.locks["orders"] = [planning.entry("orders", "bp-postgres", "16.9.1")]
    free = await plan(place, others, install("orders", blueprint="bp-postgres"))
    assert (free.sold, [step.step for step in free.steps][:2]) == ((), ["admit", "repository"])


async def test_the_same_plan_twice_has_one_hash(place: Town, others: Others) -> None:
    one, two = await plan(place, others, install()), await plan(place, others, install())
    assert one.hash == two.hash


# ---- the hash

MOVES: dict[str, Callable[[Town, Others], None]] = {
    "the Organization": lambda place, _: place.given(
        ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid")
    ),
    "the Environment": lambda place, _: place.given(
        HOME,
        env1.EnvironmentUpdated(
            environment=PROD,
            placement="single-region",
            regions=(env1.Region(provider="hetzner", region="hel", building_block="rtz"),),
        ),
    ),
    "the policy": lambda place, _: place.given(
        foreign.policy_ref("acme", "gate"), env2.PolicyDefined(policy="gate")
    ),
    "the Blueprint": lambda place, _: place.given(
        foreign.blueprint_ref("acme", "public", "bp-wiki"),
        blue1.VersionYanked(name="bp-wiki", origin="public", version="2.0.1", reason="broken"),
    ),
    "the lock": lambda _, others: wiki(others, postgres="17.6.1"),
    "the price": lambda _, others: setattr(others, "monthly", 6000),
    "the target": lambda place, _: place.given(
        application_ref("acme", "wiki"),
        app1.DependentAdded(environment=PROD, dependent="other", change="ch-9"),
    ),
    "its database": lambda place, _: place.given(
        application_ref("acme", "wiki-postgres"),
        app1.RepositoryArchived(repository="wiki-postgres", change="ch-9"),
    ),
}


@pytest.mark.parametrize("what", MOVES)
@pytest.mark.guarantee("G14.1")
async def test_another_input_makes_another_hash(place: Town, others: Others, what: str) -> None:
    before = await plan(place, others, install())
    MOVES[what](place, others)
    after = await plan(place, others, install())
    assert before.hash != after.hash
    assert before.inputs != after.inputs


@pytest.mark.parametrize(
    "request_",
    [install(values={"logLevel": "debug"}), install(plan="s"), install(keep_data=False)],
)
async def test_another_request_makes_another_hash(
    place: Town, others: Others, request_: PlanRequest
) -> None:
    before = await plan(place, others, install())
    assert before.hash != (await plan(place, others, request_)).hash


STAYS: dict[str, Callable[[Town, Others], None]] = {
    "the credit": lambda _, others: setattr(others, "credit", 50_000),
    "what is seen": lambda place, _: place.see("wiki", "", health="degraded"),
    "who else is there": lambda place, _: place.given(
        HOME, env1.ApplicationAdmitted(environment=PROD, application="other")
    ),
}


@pytest.mark.parametrize("what", STAYS)
@pytest.mark.guarantee("G14.1")
async def test_balance_quota_and_observation_are_no_part_of_the_hash(
    place: Town, others: Others, what: str
) -> None:
    before = await plan(place, others, install())
    STAYS[what](place, others)
    assert before.hash == (await plan(place, others, install())).hash


@given(
    inputs=st.dictionaries(st.text(max_size=9), st.text(max_size=9), min_size=1, max_size=6),
    data=st.data(),
)
@pytest.mark.guarantee("G14.1")
def test_any_change_of_any_input_changes_the_hash(
    inputs: dict[str, str], data: st.DataObject
) -> None:
    request = install()
    key = data.draw(st.sampled_from(sorted(inputs)))
    other = data.draw(st.text(max_size=9).filter(lambda text: text != inputs[key]))
    before = plan_hash(request, inputs)
    assert before == plan_hash(request, dict(reversed(inputs.items())))
    assert before != plan_hash(request, {**inputs, key: other})
    assert before != plan_hash(request, {k: v for k, v in inputs.items() if k != key})


# ---- why not


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (install(blueprint=None), "request-incomplete"),
        (PlanRequest(action="uninstall", environment=PROD), "request-incomplete"),
        (install(revision="ch-1"), "request-incomplete"),
        (install(environment="acme-dev"), "environment-not-found"),
        (install(values={"logLevel": "loud"}), "values-invalid"),
        (install(values={"unknown": 1}), "values-invalid"),
        (install("redis", blueprint="bp-redis"), "version-refused"),
        (PlanRequest(action="configure", environment=PROD, application="wiki"),
         "application-not-found"),
        (PlanRequest(action="uninstall", environment=PROD, application="wiki"),
         "application-not-found"),
    ],
)  # fmt: skip
async def test_what_cannot_be_planned_is_refused_with_its_reason(
    place: Town, others: Others, request_: PlanRequest, code: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await plan(place, others, request_)
    assert caught.value.code == code
    assert caught.value.message


async def test_credit_that_does_not_cover_it_is_told_and_keeps_it_from_being_applied(
    place: Town, others: Others
) -> None:
    others.credit = 1
    found = await plan(place, others, install())
    assert [item.code for item in found.blocked_by] == ["credit-insufficient"]
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "credit-insufficient"


async def test_a_team_that_nobody_belongs_to_is_told(others: Others) -> None:
    place = town(approvals=(env1.Approval(team="platform", quorum=1),))
    known(place)
    found = await plan(place, others, install())
    assert [item.code for item in found.blocked_by] == ["approvals-impossible"]
    assert "'platform'" in found.blocked_by[0].message


# ---- what runs already


async def test_a_configuration_shows_the_difference_and_asks_for_no_money(
    place: Town, others: Others
) -> None:
    await running(place, others)
    others.asked.clear()
    found = await plan(place, others, configure(values={"logLevel": "debug"}))
    assert others.asked == []
    assert found.price is None
    assert {change.change for change in found.files} == {"changed"}
    assert any("+logLevel: debug\n" in change.diff for change in found.files)
    assert [step.step for step in found.steps] == ["commit", "observe"]
    assert [risk.kind for risk in found.risks] == ["downtime"]
    apply(place, "ch-1", found)
    run(place, "ch-1")
    assert place.change("ch-1").status == "completed"
    desired = place.application("wiki").binding(PROD).desired
    assert desired is not None
    assert (desired.change, desired.values, desired.sold) == ("ch-1", {"logLevel": "debug"}, True)


async def test_a_value_that_cannot_change_is_refused(place: Town, others: Others) -> None:
    await running(place, others)
    values = {"postgres": {"mode": "existing", "application": "wiki-postgres"}}
    with pytest.raises(Rejected) as caught:
        await plan(place, others, configure(values=values))
    assert caught.value.code == "value-immutable"


async def test_what_changes_nothing_is_told(place: Town, others: Others) -> None:
    await running(place, others)
    with pytest.raises(Rejected) as caught:
        await plan(place, others, configure())
    assert caught.value.code == "nothing-to-change"


async def test_an_upgrade_follows_what_the_blueprint_allows(place: Town, others: Others) -> None:
    await running(place, others)
    request = PlanRequest(action="upgrade", environment=PROD, application="wiki")
    others.locks["wiki"] = [
        planning.entry("wiki-postgres", "bp-postgres", "16.9.1", "shared"),
        planning.entry("wiki", "bp-wiki", "2.1.1", postgres="wiki-postgres"),
    ]
    found = await plan(place, others, request)
    assert found.desired[f"wiki.{PROD}"].version == "2.1.1"
    apply(place, "ch-1", found)
    run(place, "ch-1")
    others.locks["wiki"][1] = planning.entry("wiki", "bp-wiki", "2.0.1", postgres="wiki-postgres")
    with pytest.raises(Rejected, match="older than the installed") as caught:
        await plan(place, others, request)
    assert caught.value.code == "version-refused"


async def test_a_rollback_brings_back_an_earlier_revision(place: Town, others: Others) -> None:
    await running(place, others)
    apply(place, "ch-1", await plan(place, others, configure(values={"logLevel": "debug"})))
    run(place, "ch-1")
    request = PlanRequest(action="rollback", environment=PROD, application="wiki")
    found = await plan(place, others, request)
    assert found.desired[f"wiki.{PROD}"].values == {}
    apply(place, "ch-2", found)
    run(place, "ch-2")
    desired = place.application("wiki").binding(PROD).desired
    assert desired is not None
    assert (desired.change, desired.values) == ("ch-2", {})
    with pytest.raises(Rejected) as caught:
        await plan(place, others, PlanRequest(
            action="rollback", environment=PROD, application="wiki", revision="ch-7"))  # fmt: skip
    assert caught.value.code == "revision-not-found"


async def test_an_uninstall_lists_what_goes_and_what_stays(place: Town, others: Others) -> None:
    await running(place, others)
    found = await plan(place, others, uninstall("wiki"))
    assert {change.change for change in found.files} == {"removed"}
    assert found.goes == (
        f"Application wiki in {PROD}",
        f"subscription wiki.{PROD}: its last month stays charged",
        "repository acme/wiki: archived, not deleted",
    )
    idle = Idle(application="wiki-postgres", environment=PROD, charged=True)
    made = f"credentials wiki-credentials: made for wiki in {PROD}"
    shared = f"what wiki keeps in wiki-postgres in {PROD}: it is left there"
    assert found.stays == (shared, made, "every event stays in the log")
    assert found.idle == (idle,)
    assert [x.application for x in found.dependencies] == ["wiki-postgres"]
    needed = app1.DependentAdded(environment=PROD, dependent="shop", change="ch-0")
    place.given(application_ref("acme", "wiki-postgres"), needed)
    needless = await plan(place, others, uninstall("wiki"))
    assert (needless.stays, needless.idle) == (found.stays, ())


@pytest.mark.guarantee("G14.12")
@pytest.mark.parametrize("keeps", ["keeps", "loses"])
async def test_a_plan_names_the_volumes_that_stay_and_those_that_are_lost(
    place: Town, others: Others, keeps: str
) -> None:
    await running(place, others)
    request = msgspec.structs.replace(uninstall("wiki-postgres"), keep_data=keeps == "keeps")
    found = await plan(place, others, request)
    words = f"volume wiki-postgres-data: data of wiki-postgres in {PROD}"
    secret = f"credentials wiki-postgres-credentials: made for wiki-postgres in {PROD}"
    lost = [risk.message for risk in found.risks if risk.kind == "data-loss"]
    for one in (words, secret):
        assert [one in found.stays, one in found.goes] == [keeps == "keeps", keeps == "loses"]
    gone = [f"deleted for good: {one}" for one in (words, secret)]
    assert lost == ([] if keeps == "keeps" else gone)
    assert ("unprotect" in [one.step for one in found.steps]) is (keeps == "loses")


@pytest.mark.guarantee("G14.7")
async def test_what_others_need_does_not_go(place: Town, others: Others) -> None:
    await running(place, others)
    found = await plan(place, others, uninstall("wiki-postgres"))
    (blocker,) = found.blocked_by
    assert (blocker.code, blocker.names) == ("application-needed", ("wiki", "wiki-postgres"))
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "application-needed"


@pytest.mark.guarantee("G13.7", "G14.7")
@pytest.mark.parametrize("circle", ["chain", "circle"])
async def test_what_stands_in_the_way_is_told_up_to_its_end(
    place: Town, others: Others, circle: str
) -> None:
    await running(place, others)
    needs = {"wiki": "shop", "shop": "front"}
    if circle == "circle":
        needs["front"] = "wiki"
    for name, dependent in needs.items():
        added = app1.DependentAdded(environment=PROD, dependent=dependent, change="ch-0")
        place.given(application_ref("acme", name), added)
    (blocker,) = (await plan(place, others, uninstall("wiki-postgres"))).blocked_by
    chain: tuple[str, ...] = ("front", "shop", "wiki", "wiki-postgres")
    words = "front needs shop, which needs wiki, which needs wiki-postgres"
    if circle == "circle":
        chain = ("wiki", *chain)
        words = f"wiki needs {words.replace('front needs', 'front, which needs')}"
        words += "; they go in a circle, so change what one of them uses first"
    assert (blocker.message, blocker.names) == (f"in {PROD} {words}", chain)


# ---- apply


@pytest.mark.guarantee("G14.2")
async def test_a_plan_that_is_no_longer_true_is_refused_by_what_changed(
    place: Town, others: Others
) -> None:
    old = await plan(place, others, install())
    MOVES["the policy"](place, others)
    fresh = await plan(place, others, install())
    with pytest.raises(Rejected) as caught:
        place.command(change_ref("acme", "ch-1"), plans.command(old), plans.DEVELOPER,
                      facts=fresh)  # fmt: skip
    assert caught.value.code == "plan-stale"
    (error,) = caught.value.errors
    assert error.pointer == "/data/inputs/policy:gate"
    assert error.message.startswith("the EnvironmentPolicy gate asks for other approvals than pla")


def uninstall(name: str) -> PlanRequest:
    """Return a request to take an Application away."""
    return PlanRequest(action="uninstall", environment=PROD, application=name)


def money(minor: int) -> Money:
    """Return an amount in rials."""
    return Money(currency="OMR", minor=minor)
