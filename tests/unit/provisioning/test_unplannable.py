"""What is refused before anything is planned, and what a plan that has moved is told."""

import msgspec
import pytest
from tests.support import plans
from tests.support.changing import Town
from tests.support.planning import Others, configure, entry, install, plan, running, wiki
from tests.support.plans import PROD, apply, run

from catalyst.blueprints.scope import NAMESPACE_MAX
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.domain.writing_plan import LOCK_MAX

ACME = foreign.organization_ref("acme")


async def refusal(place: Town, request: PlanRequest, others: Others | None = None) -> Rejected:
    """Return why there is no plan."""
    with pytest.raises(Rejected) as caught:
        await plan(place, others or Others(), request)
    return caught.value


async def test_nothing_is_planned_for_an_organization_that_is_not_there() -> None:
    assert (await refusal(Town(), install())).code == "organization-not-found"


async def test_nothing_is_planned_for_an_organization_that_is_deleted(place: Town) -> None:
    place.given(ACME, env1.OrganizationDeleted(slug="acme"))
    assert (await refusal(place, install())).code == "organization-deleted"


async def test_a_namespace_is_as_long_as_kubernetes_lets_it_be(place: Town) -> None:
    others = Others()
    name = "a" * 40
    others.locks[name] = [entry(name, "bp-redis", "1.2.1")]
    most = NAMESPACE_MAX - len(f"{name}---prod")
    for length in (most, most + 1):
        place.given(
            foreign.environment_ref("acme", f"acme-{'b' * length}-prod"),
            env1.EnvironmentCreated(
                environment=f"acme-{'b' * length}-prod",
                organization="acme",
                env_type="prod",
                placement="single-region",
                regions=(env1.Region(provider="hetzner", region="fsn", building_block="rtz"),),
                branch="main",
            ),
        )
    fits = install(name, blueprint="bp-redis", environment=f"acme-{'b' * most}-prod")
    assert (await plan(place, others, fits)).lock
    longer = install(name, blueprint="bp-redis", environment=f"acme-{'b' * most}b-prod")
    error = await refusal(place, longer, others)
    assert (error.code, error.errors[0].pointer) == (
        *("application-name-invalid", "/request/application"),
    )
    assert f"{name}--{'b' * most}b-prod" in error.message


async def test_one_change_brings_so_many_applications_and_no_more(place: Town) -> None:
    others = Others()
    names = [f"redis-{number}" for number in range(LOCK_MAX)]
    lock = [entry(name, "bp-redis", "1.2.1", "new") for name in names]
    others.locks["redis-0"] = [*lock[1:], entry("redis-0", "bp-redis", "1.2.1")]
    assert len((await plan(place, others, install("redis-0", blueprint="bp-redis"))).lock) == 50
    others.locks["redis-0"].insert(0, entry("redis", "bp-redis", "1.2.1", "new"))
    error = await refusal(place, install("redis-0", blueprint="bp-redis"), others)
    assert (error.code, error.message) == ("too-large", "51 Applications, 50 are allowed")


async def test_every_refusal_is_told_at_the_field_that_asks_for_it(place: Town) -> None:
    others = Others()
    wiki(others)
    await running(place, others)
    apply(place, "ch-1", await plan(place, others, configure(plan="s")))
    run(place, "ch-1")
    others.locks["wiki"] = [entry("wiki", "bp-wiki", "2.1.1", postgres="wiki-postgres")]
    apply(place, "ch-2", await plan(place, others, configure(action="upgrade")))
    run(place, "ch-2")
    others.locks["wiki"] = [entry("wiki", "bp-wiki", "2.0.1", postgres="wiki-postgres")]
    yank = blue1.VersionYanked(name="bp-wiki", origin="public", version="2.0.1", reason="it leaks")
    place.given(foreign.blueprint_ref("acme", "public", "bp-wiki"), yank)
    for request, code, pointer in (
        (install(environment="acme-dev"), "environment-not-found", "environment"),
        (install(), "application-exists", "application"),
        (configure(application="blog"), "application-not-found", "application"),
        (configure(action="upgrade"), "version-refused", "version"),
        (configure(action="rollback", revision="ch-7"), "revision-not-found", "revision"),
        (configure(action="rollback", revision="ch-0"), "version-refused", "revision"),
    ):
        error = await refusal(place, request, others)
        assert (error.code, [one.pointer for one in error.errors]) == (
            *(code, [f"/request/{pointer}"]),
        )
    apply(place, "ch-3", await plan(place, others, configure(drop_plan=True)))
    run(place, "ch-3")
    error = await refusal(place, configure(drop_plan=True), others)
    assert (error.code, error.errors[0].pointer) == ("package-not-ordered", "/request/drop_plan")


async def test_what_is_not_there_to_be_taken_away_is_told_with_what_is(place: Town) -> None:
    others = Others()
    wiki(others)
    await running(place, others)
    error = await refusal(place, configure(drop_addons=("addon.x",)), others)
    assert (error.code, error.message) == ("addon-not-ordered", "wiki has no add-ons")
    error = await refusal(place, configure(action="rollback"), others)
    assert error.message == f"wiki in {PROD} has no earlier revision at all"
    error = await refusal(place, configure(action="rollback", revision="ch-7"), others)
    assert error.message == f"wiki in {PROD} has no earlier revision ch-7"
    bought = configure(addons=("addon.backup", "addon.support"))
    apply(place, "ch-1", await plan(place, others, bought))
    run(place, "ch-1")
    error = await refusal(place, configure(action="rollback", revision="ch-7"), others)
    words = f"wiki in {PROD} has no earlier revision ch-7 since it was installed"
    assert error.message == f"{words}; it can go back to ch-0"
    error = await refusal(place, configure(drop_addons=("addon.backup", "addon.x")), others)
    words = "wiki has no add-on 'addon.x'; it has addon.backup, addon.support"
    assert (error.message, error.errors[0].pointer) == (words, "/request/drop_addons/1")


# ---- applied


def stale(place: Town, fresh: Plan, **sent: object) -> Rejected:
    """Return why a command is refused that is not what its plan says."""
    command = msgspec.structs.replace(plans.command(fresh), **sent)
    with pytest.raises(Rejected) as caught:
        place.command(change_ref("acme", "ch-1"), command, plans.DEVELOPER, facts=fresh)
    assert caught.value.code == "plan-stale"
    return caught.value


async def test_a_hash_of_another_plan_is_refused(place: Town) -> None:
    others = Others()
    wiki(others)
    fresh = await plan(place, others, install())
    error = stale(place, fresh, hash="0" * 64)
    assert [one.pointer for one in error.errors] == ["/data/hash"]


async def test_all_that_stands_in_the_way_is_told_and_the_first_of_it_is_the_reason(
    place: Town,
) -> None:
    others = Others()
    wiki(others)
    others.credit, others.limited = 1, "no more than 1 OMR a month"
    fresh = await plan(place, others, install())
    codes = [one.code for one in fresh.blocked_by]
    assert codes == ["credit-insufficient", "spend-limit-reached"]
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", fresh)
    assert (caught.value.code, [one.rule for one in caught.value.errors]) == (codes[0], codes)
    assert {one.pointer for one in caught.value.errors} == {"/data/request"}


async def test_what_a_plan_rests_on_by_now_and_did_not_then_is_told(place: Town) -> None:
    others = Others()
    wiki(others)
    fresh = await plan(place, others, install())
    key = f"environment:{PROD}"
    error = stale(place, fresh, inputs={k: v for k, v in fresh.inputs.items() if k != key})
    (told,) = error.errors
    assert (told.pointer, told.message) == (
        f"/data/inputs/{key}",
        f"the Environment {PROD} is part of it now, and was not planned",
    )
