"""What values name is needed as a dependency is: it has to be there, and stays as long."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.changing import Town
from tests.support.planning import Others, configure, entry, install, known, plan
from tests.support.plans import PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.plan import Plan

FIELD = "/postgres/application"


@pytest.fixture
def others() -> Others:
    """Return a catalogue of a wiki that brings no database, and of what it could use."""
    return knowing()


def knowing() -> Others:
    found = Others()
    found.locks = {
        "wiki": [entry("wiki", "bp-wiki", "2.0.1")],
        "db": [entry("db", "bp-postgres", "16.9.1")],
        "cache": [entry("cache", "bp-redis", "1.2.1")],
    }
    return found


async def equipped() -> Town:
    found, others = town(), knowing()
    known(found)
    for name, blueprint in (("db", "bp-postgres"), ("cache", "bp-redis")):
        await done(found, others, install(name, blueprint=blueprint))
    return found


@pytest.fixture(scope="module")
def made() -> Town:
    return asyncio.run(equipped())


@pytest.fixture
def place(made: Town) -> Town:
    """Return `acme` with a database and a cache, which nobody uses."""
    return made.copy()


async def done(place: Town, others: Others, request: PlanRequest) -> Plan:
    found = await plan(place, others, request)
    change = f"ch-{request.action}-{request.application}"
    apply(place, change, found)
    run(place, change)
    assert place.change(change).status == "completed"
    return found


def using(name: str) -> dict[str, Any]:
    return {"postgres": {"mode": "existing", "application": name}}


@pytest.mark.guarantee("G14.7")
async def test_what_values_name_is_a_dependency_and_does_not_go_first(
    place: Town, others: Others
) -> None:
    found = await done(place, others, install(values=using("db")))
    assert [(one.application, one.role) for one in found.lock] == [
        ("db", "shared"), ("wiki", "target"),
    ]  # fmt: skip
    assert found.desired[f"wiki.{PROD}"].dependencies == {FIELD: "db"}
    (flux,) = (one for one in found.files if one.path.endswith("flux/kustomization.yaml"))
    assert "dependsOn" in flux.diff
    assert "db-prod" in flux.diff
    gone = await plan(
        place, others, PlanRequest(action="uninstall", environment=PROD, application="db")
    )
    assert gone.dependents == ("wiki",)
    assert [(one.code, one.names) for one in gone.blocked_by] == [
        ("application-needed", ("wiki", "db"))
    ]


async def test_what_comes_with_the_change_can_be_named_as_what_runs(
    place: Town, others: Others
) -> None:
    brings = entry("pg", "bp-postgres", "16.9.1", "new"), entry("wiki", "bp-wiki", "2.0.1", x="pg")
    others.locks["wiki"] = list(brings)
    found = await plan(place, others, install(values=using("pg")))
    assert found.desired[f"wiki.{PROD}"].dependencies == {"x": "pg", FIELD: "pg"}
    others.locks["wiki"][0] = entry("pg", "bp-redis", "1.2.1", "new")
    with pytest.raises(Rejected, match="pg is a copy of bp-redis"):
        await plan(place, others, install(values=using("pg")))


async def test_who_is_not_named_any_more_is_not_needed_any_more(
    place: Town, others: Others
) -> None:
    before = entry("wiki", "bp-wiki", "2.0.1", postgres="db")
    before["dependencies"][FIELD] = "cache"
    others.locks["wiki"] = [before]
    found = await plan(place, others, install())
    assert found.desired[f"wiki.{PROD}"].dependencies == {"postgres": "db"}


async def test_a_change_of_something_else_keeps_it_and_asks_nobody_for_a_lock(
    place: Town, others: Others
) -> None:
    await done(place, others, install(values=using("db")))
    others.locks["wiki"] = []
    found = await plan(place, others, configure(values={"logLevel": "debug"}))
    assert found.desired[f"wiki.{PROD}"].dependencies == {FIELD: "db"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ghost", "no Application 'ghost' runs in"),
        ("cache", "cache is a copy of bp-redis, and one of bp-postgres is needed"),
        ("wiki", "wiki cannot need itself"),
    ],
)
async def test_what_is_not_there_or_something_else_is_refused_at_its_field(
    place: Town, others: Others, name: str, words: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await plan(place, others, install(values=using(name)))
    assert caught.value.code == "values-invalid"
    (error,) = caught.value.errors
    assert error.pointer == f"/request/values{FIELD}"
    assert words in error.message


async def test_what_is_named_wrongly_is_told_with_all_else_that_is_wrong(
    place: Town, others: Others
) -> None:
    wrong = {**using("ghost"), "logLevel": 5, "nonsense": True}
    with pytest.raises(Rejected) as caught:
        await plan(place, others, install(values=wrong))
    assert caught.value.code == "values-invalid"
    at = [error.pointer for error in caught.value.errors]
    assert at[0] == f"/request/values{FIELD}"
    assert set(at[1:]) == {"/request/values/logLevel", "/request/values/nonsense"}
    assert {error.rule for error in caught.value.errors} == {"values-invalid"}


@pytest.mark.parametrize("through", ["wiki", "store"])
async def test_what_needs_the_application_itself_is_refused_at_its_field(
    place: Town, others: Others, through: str
) -> None:
    await done(place, others, install(values=using("db")))
    wiki = entry("wiki", "bp-wiki", "2.0.1", "shared")
    others.locks["store"] = [wiki, entry("store", "bp-redis", "1.2.1", x="wiki")]
    await done(place, others, install("store", blueprint="bp-redis"))
    store = entry("store", "bp-redis", "1.2.1", "shared", x="wiki")
    late = entry("late", "bp-postgres", "16.9.1", x=through)
    others.locks["late"] = [wiki, store, late]
    await done(place, others, install("late", blueprint="bp-postgres"))
    with pytest.raises(Rejected, match="late needs wiki itself") as caught:
        await plan(place, others, configure(values=using("late")))
    (error,) = caught.value.errors
    assert (error.rule, error.pointer) == ("values-invalid", f"/request/values{FIELD}")


@pytest.mark.guarantee("G24.5")
@pytest.mark.parametrize("through", ["late", "store"])
async def test_what_needs_the_application_itself_is_none_of_its_dependencies(
    place: Town, others: Others, through: str
) -> None:
    await done(place, others, install(values=using("db")))
    late = entry("late", "bp-postgres", "16.9.1", "shared", x="wiki")
    others.locks["late"] = [entry("wiki", "bp-wiki", "2.0.1", "shared"), {**late, "role": "target"}]
    await done(place, others, install("late", blueprint="bp-postgres"))
    store = entry("store", "bp-redis", "1.2.1", "shared", y="late")
    others.locks["store"] = [late, {**store, "role": "target"}]
    await done(place, others, install("store", blueprint="bp-redis"))
    used = {"late": late, "store": store}[through]
    others.locks["wiki"] = [used, entry("wiki", "bp-wiki", "2.0.1", z=through)]
    with pytest.raises(Rejected) as caught:
        await plan(place, others, configure(dependencies={"z": through}))
    way = {"late": "wiki → late → wiki", "store": "wiki → store → late → wiki"}[through]
    assert caught.value.code == "dependency-cycle"
    assert caught.value.message == (
        f"wiki would wait for itself: {way}; let it use another one as z"
    )
    cache = entry("cache", "bp-redis", "1.2.1", "shared")
    others.locks["wiki"] = [cache, entry("wiki", "bp-wiki", "2.0.1", z="cache")]
    found = await plan(place, others, configure(dependencies={"z": "cache"}))
    assert found.desired[f"wiki.{PROD}"].dependencies == {"z": "cache", FIELD: "db"}


@pytest.mark.guarantee("G24.5")
async def test_a_circle_that_stands_keeps_nobody_from_changing_something_else(
    place: Town, others: Others
) -> None:
    """It may have been made before circles were looked for."""
    await done(place, others, install(values=using("db")))
    for name, needs in (("cache", {"x": "wiki"}), ("wiki", {"z": "cache"})):
        desired = place.application(name).binding(PROD).desired
        assert desired is not None
        circular = replace(desired, dependencies={**desired.dependencies, **needs})
        place.given(
            application_ref("acme", name),
            app1.DesiredSet(environment=PROD, change=desired.change, desired=circular),
        )
    cache = entry("cache", "bp-redis", "1.2.1", "shared", x="wiki")
    others.locks["wiki"] = [cache, entry("wiki", "bp-wiki", "2.0.1", z="cache")]
    found = await plan(place, others, configure(values={"logLevel": "debug"}))
    assert found.desired[f"wiki.{PROD}"].dependencies == {"z": "cache", FIELD: "db"}


async def test_a_secret_that_the_blueprint_makes_is_refused_at_its_field(
    place: Town, others: Others
) -> None:
    others.locks["ai"] = [entry("ai", "bp-litellm", "1.81.1", postgres="db")]
    values = {"keys": {"openai": "secret:ai-credentials/openai", "mistral": "secret:mine/key"}}
    with pytest.raises(Rejected) as caught:
        await plan(place, others, install("ai", blueprint="bp-litellm", values=values))
    assert caught.value.code == "values-invalid"
    assert [one.pointer for one in caught.value.errors] == ["/request/values/keys/openai"]
    del values["keys"]["openai"]
    found = await plan(place, others, install("ai", blueprint="bp-litellm", values=values))
    assert any(one.path.endswith("secrets/mine.yaml") for one in found.files)


async def test_what_is_made_for_one_region_is_a_risk_in_several(
    place: Town, others: Others
) -> None:
    regions = tuple(
        env1.Region(
            provider="hetzner",
            region=name,
            building_block="rtz",
            host_cluster=f"hz-{name}-rtz-prod",
        )
        for name in ("fsn", "hel")
    )
    others.locks["wiki"] = [entry("wiki", "bp-wiki", "2.0.1", postgres="db")]
    assert "placement" not in {one.kind for one in (await plan(place, others, install())).risks}
    place.given(
        foreign.environment_ref("acme", PROD),
        env1.EnvironmentUpdated(environment=PROD, placement="multi-region", regions=regions),
    )
    found = (await plan(place, others, install())).risks
    (risk,) = (one for one in found if one.kind == "placement")
    assert "acme-prod has 2 regions, and bp-wiki is made for one" in risk.message
