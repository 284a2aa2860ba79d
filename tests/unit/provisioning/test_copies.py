"""More copies of a Blueprint than its author means an Organization to have are told beforehand."""

from typing import Any

import pytest
from tests.support import planning
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, plan
from tests.support.plans import DEVELOPER, PROD, apply, run
from tests.unit.provisioning.test_risks import asked, made_for, place

from catalyst.blueprints.document import of_spec
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.copies import NAMED
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G14.24")
__all__ = ["place"]

ONE = {"enabled": False}
MEANS = "bp-site is made for one in an Organization"


def gated(place: Town, policy: str | None) -> None:
    """Let changes wait for an approval, or for none."""
    ref = foreign.environment_ref("acme", PROD)
    place.given(ref, env1.PolicyAttached(environment=PROD, policy=policy))


async def planned(
    place: Town, others: Others, name: str, environment: str = PROD, **more: str
) -> Plan:
    """Return the plan to install a site, with others that come along by role."""
    along = [entry(other, "bp-site", "1.0.0", role) for other, role in more.items()]
    others.locks[name] = [*along, entry(name, "bp-site", "1.0.0")]
    return await plan(place, others, install(name, blueprint="bp-site", environment=environment))


def told(found: Plan) -> list[str]:
    return [risk.message for risk in found.risks if risk.kind == "copies"]


async def runs(place: Town, others: Others, name: str, environment: str = PROD) -> None:
    """Let a site run."""
    apply(place, f"ch-{name}", await planned(place, others, name, environment))
    run(place, f"ch-{name}")
    assert place.change(f"ch-{name}").status == "completed"


@pytest.mark.parametrize(
    ("means", "most"),
    [
        (None, None),
        ({"enabled": True}, None),
        ({"enabled": True, "maxPerOrg": 0}, None),
        ({"enabled": True, "maxPerOrg": 2}, 2),
        ({"enabled": False}, 1),
        ({"enabled": False, "maxPerOrg": 5}, 1),
    ],
)
def test_how_many_the_author_means_stands_in_the_document(
    means: dict[str, Any] | None, most: int | None
) -> None:
    spec: dict[str, Any] = {"version": "1.0.0", "card": {"title": "Site"}}
    assert of_spec("site", spec | ({"multiInstance": means} if means else {})).copies == most


async def test_a_copy_too_many_is_a_risk_with_the_names_of_those_that_there_are(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": {"enabled": True, "maxPerOrg": 2}})
    await runs(place, others, "one")
    assert told(await planned(place, others, "two")) == []
    await runs(place, others, "two")
    found = await planned(place, others, "three")
    means = "bp-site is made for 2 at most in an Organization, and acme would have 3"
    assert told(found) == [f"{means}: one runs in {PROD}, two runs in {PROD}"]
    assert found.blocked_by == ()
    # What runs already becomes no more by a change of it.
    assert (
        told(await plan(place, others, asked("configure", "two", values={"set": "a"} | GROWS)))
        == []
    )


GROWS = {"sizeGiB": 20}


async def test_what_waits_or_is_on_its_way_counts_and_what_goes_or_came_to_nothing_does_not(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": ONE})
    gated(place, "gate")
    apply(place, "ch-1", await planned(place, others, "one"))
    assert place.change("ch-1").status == "waiting"
    words = f"{MEANS}, and acme would have 2: one is on its way to {PROD}"
    assert told(await planned(place, others, "two")) == [words]
    place.command(change_ref("acme", "ch-1"), pro1.CancelChange(reason="no"), DEVELOPER)
    assert told(await planned(place, others, "two")) == []
    gated(place, None)
    apply(place, "ch-2", await planned(place, others, "one"))
    assert place.change("ch-2").status == "running"
    assert told(await planned(place, others, "two")) == [words]
    run(place, "ch-2")
    assert told(await planned(place, others, "two")) == [
        f"{MEANS}, and acme would have 2: one runs in {PROD}"
    ]
    apply(place, "ch-3", await plan(place, others, asked("uninstall", "one")))
    assert place.change("ch-3").status == "running"
    assert told(await planned(place, others, "two")) == []


async def test_each_environment_counts_and_so_does_what_comes_because_it_is_needed(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": ONE})
    assert told(await planned(place, others, "one", beside="new")) == [
        f"{MEANS}, and acme would have 2"
    ]
    await runs(place, others, "one")
    # What is there already, and is used, is none that comes.
    assert told(await planned(place, others, "two", one="shared")) == [
        f"{MEANS}, and acme would have 2: one runs in {PROD}"
    ]
    home = place.state(foreign.environment_ref("acme", PROD))
    place.given(
        foreign.organization_ref("acme"), env1.EnvironmentAdded(slug="acme", environment="acme-dev")
    )
    place.given(
        foreign.environment_ref("acme", "acme-dev"),
        env1.EnvironmentCreated(
            environment="acme-dev",
            organization="acme",
            env_type="dev",
            placement="single-region",
            regions=home.regions,
            branch="develop",
        ),
    )
    assert told(await planned(place, others, "one", "acme-dev")) == [
        f"{MEANS}, and acme would have 2: one runs in {PROD}"
    ]


async def test_of_many_the_first_are_named_and_the_others_counted(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": ONE})
    names = [f"site-{number:02}" for number in range(NAMED + 2)]
    for name in names:
        apply(place, f"ch-{name}", await planned(place, others, name))
    (words,) = told(await planned(place, others, "two"))
    assert words.count("is on its way") == NAMED
    assert names[NAMED - 1] in words
    assert words.endswith(", and 2 more")


async def test_another_copy_leaves_the_hash_as_it_is_and_who_approves_is_told_as_the_plan_was(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": ONE})
    before = await planned(place, others, "two")
    apply(place, "ch-1", await planned(place, others, "one"))
    after = await planned(place, others, "two")
    assert (told(before), len(told(after))) == ([], 1)
    assert after.hash == before.hash
    then = place.copy()
    apply(place, "ch-2", after)
    apply(place, "ch-3", await planned(place, others, "three"))
    shown = await planning.remade(place, then, others, name="ch-2")
    assert shown.plan is not None
    assert shown.plan.hash == after.hash
    assert told(shown.plan) == told(after)


async def test_a_copy_that_is_gone_since_leaves_the_plan_that_is_shown_the_same_one(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": ONE})
    gated(place, None)
    await runs(place, others, "one")
    await runs(place, others, "two")
    found = await planned(place, others, "three")
    then = place.copy()
    apply(place, "ch-3", found)
    apply(place, "ch-4", await plan(place, others, asked("uninstall", "one")))
    run(place, "ch-4")
    assert place.change("ch-4").status == "completed"
    shown = await planning.remade(place, then, others, name="ch-3")
    assert shown.plan is not None
    assert shown.plan.hash == found.hash
    assert told(shown.plan) == [f"{MEANS}, and acme would have 2: two runs in {PROD}"]


async def test_a_blueprint_of_another_source_by_the_same_name_is_another_one(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": ONE})
    await runs(place, others, "one")
    blueprint = foreign.blueprint_ref("acme", "public", "bp-site")
    place.states[foreign.blueprint_ref("acme", "private", "bp-site")] = place.state(blueprint)
    others.locks["two"] = [entry("two", "bp-site", "1.0.0") | {"origin": "private"}]
    assert told(await plan(place, others, install("two", blueprint="bp-site"))) == []
