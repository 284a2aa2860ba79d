"""Everything that a plan reads either moves its hash, or changes nothing that is promised.

What a plan reads is taken from the code: the fields of its request, of its facts and of each state,
the states that are loaded, and the questions that are asked. What stands in no table here fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest
from tests.support import planning, plans
from tests.support.changing import Town
from tests.support.planning import GIT_URL, Others, entry, install, known, running, wiki
from tests.support.plans import ADMIN, DEVELOPER, PROD, town
from typing_extensions import override

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import Desired, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import foreign, plan
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Committed,
    Queued,
    application_ref,
)
from catalyst.provisioning.domain.change import Change
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.queries import Planner

pytestmark = pytest.mark.guarantee("G14.1")
replace = msgspec.structs.replace

Fields = Mapping[str, Callable[[Any], Any]]
"""By field: another value, made from what holds it."""
DATABASE: Final = application_ref("acme", "wiki-postgres")
REFS: Final[Mapping[type, Ref]] = {
    foreign.Organization: foreign.organization_ref("acme"),
    foreign.Environment: foreign.environment_ref("acme", PROD),
    foreign.Policy: foreign.policy_ref("acme", "gate"),
    foreign.Blueprint: foreign.blueprint_ref("acme", "public", "bp-wiki"),
    foreign.PriceBook: foreign.PRICE_BOOK,
    Application: DATABASE,
}
"""The states that are read, and where the one stands that is changed."""
ELSEWHERE = env1.Region(provider="hetzner", region="hel", building_block="rtz")
WINDOW = env1.Window(effect="deny", cron="0 8 * * *", duration_minutes=60)
COMMIT = Committed(change="ch-8", repository="wiki-postgres", branch="main", commit="c" * 40)
SOME = Desired(
    change="ch-9", blueprint="bp-postgres", origin="public", version="16.9.1",
    digest=planning.digest("bp-postgres", "16.9.1"),
)  # fmt: skip

BOUND: Final[Mapping[type, Fields]] = {
    foreign.Organization: {"phase": lambda _: "failed", "suspended": lambda _: "unpaid"},
    foreign.Environment: {
        "exists": lambda _: False,
        "env_type": lambda _: "stg",
        "branch": lambda _: "other",
        "regions": lambda _: (ELSEWHERE,),
        "policy": lambda _: None,
    },
    foreign.Policy: {
        "exists": lambda _: False,
        "approvals": lambda _: (env1.Approval(quorum=2),),
        "windows": lambda _: (WINDOW,),
    },
    foreign.Blueprint: {
        "versions": lambda _: {},
        "withdrawn": lambda _: True,
    },
    foreign.PriceBook: {"versions": lambda _: {"v9": datetime(2020, 1, 1, tzinfo=UTC)}},
    foreign.Version: {"digest": lambda _: plans.DIGEST, "yanked": lambda _: "it loses data"},
    Application: {
        "bindings": lambda state: {**state.bindings, "acme-dev": Binding(desired=SOME)},
        "queue": lambda _: (Queued(change="ch-9", environment=PROD, action="uninstall"),),
        "archived": lambda _: True,
    },
    Binding: {"desired": lambda _: SOME, "dependents": lambda _: ("else", "wiki")},
    Desired: {
        "change": lambda _: "ch-9",
        "blueprint": lambda _: "bp-redis",
        "origin": lambda _: "sovereign",
        "version": lambda _: "17.6.1",
        "digest": lambda _: planning.digest("bp-postgres", "17.6.1"),
        "values": lambda _: {"maxConnections": 50},
        "dependencies": lambda _: {"cache": "wiki"},
        "plan": lambda _: "m",
        "addons": lambda _: ("backup",),
        "sold": lambda one: not one.sold,
        "currency": lambda _: "USD",
        "hosts": lambda _: ("db.example.com",),
        "own": lambda _: {"cache": True},
    },
}
"""What moves the hash, or leaves no plan."""
FREE: Final[Mapping[type, Fields]] = {
    foreign.Organization: {
        # Its deletion alone rests on these; see below.
        "environments": lambda state: (*state.environments, "acme-dev"),
        # Each that counts is an input by itself.
        "policies": lambda _: ("gate", "other"),
        # Who may approve is looked up when somebody does.
        "owners": lambda _: (env1.Owner(email="ann@acme.example", role="owner"),),
    },
    # Quota is judged when an Application comes.
    foreign.Environment: {"applications": lambda state: (*state.applications, "other")},
    foreign.Policy: {
        "applications_max": lambda _: 50,
        # Not checked yet, and told as a risk.
        "soak_minutes": lambda _: 5,
        "required_score": lambda _: 90,
    },
    Application: {
        # What ran and goes no more is nothing to what is new.
        "left": lambda _: {"acme-dev": SOME},
        # Where it runs, as here, what it uses there counts instead.
        "used": lambda _: {PROD: {"cache": True}},
    },
    # What was, what stands in Git and what is seen changes nothing of what shall be.
    Binding: {
        "before": lambda _: SOME,
        "committed": lambda _: COMMIT,
        "observed": lambda _: None,
        "history": lambda _: (),
        "clusters": lambda _: ("hz-fsn-rtz-prod",),
    },
}
"""What does not."""
FACTS: Final[Mapping[str, str]] = {
    "name": "whose plan it is",
    "now": "free: a plan has an expiry for that",
    "organization": "a state",
    "environments": "states",
    "policies": "states",
    "applications": "states",
    "blueprints": "states",
    "price_book": "a state",
    "contents": "by digest, as the lock and what runs name them",
    "refused": "made from the contents",
    "quoted": "an answer",
    "going": "made from the Applications, and in the way where it counts",
    "held": "made from the Applications, for the quota",
    "chosen": "made from what brought an Application that runs, which no state changes",
    # A plan is not stale because somebody else's copy came: nothing is promised about them.
    "copies": "made from the Applications, and free: told as a risk",
    "addresses": "what the changes told clusters that wrote what runs, and free: told as a risk",
    "author": "free: who may approve is looked up then",
    "git_url": "a setting",
    "currency": "a setting",
}
"""Where each fact comes from, and so what of this page proves it."""
PROMISED: Final = (
    *("lock", "desired", "branches", "files", "sold", "gone", "steps", "goes", "stays", "idle"),
)


class Loading(planning.Now):
    """States as they are in a town, but for some that are others."""

    def __init__(self, place: Town, changed: Mapping[Ref, Any]) -> None:
        super().__init__(place)
        self._place = place
        self._changed = changed
        self.read: dict[Ref, Any] = {}

    @override
    async def __call__(self, ref: Ref, *, up_to: int | None = None) -> Any:
        """Return a state, and keep in mind that it was read."""
        del up_to
        self.read[ref] = self._changed.get(ref, self._place.state(ref))
        return self.read[ref]


async def running_wiki() -> tuple[Town, Others]:
    """Let the wiki run with its database, in an Environment under a policy."""
    found, others = town(approvals=(env1.Approval(quorum=1),)), Others()
    known(found)
    wiki(others)
    await running(found, others)
    home = foreign.environment_ref("acme", PROD)
    found.given(home, env1.PolicyAttached(environment=PROD, policy="gate"))
    database = entry("wiki-postgres", "bp-postgres", "16.9.1", "shared")
    others.locks["notes"] = [
        database,
        entry("notes", "bp-wiki", "2.0.1", postgres="wiki-postgres"),
    ]
    others.locks["wiki"] = [database, entry("wiki", "bp-wiki", "2.1.1", postgres="wiki-postgres")]
    others.asked.clear()
    return found, others


@pytest.fixture(scope="module")
def made() -> tuple[Town, Others]:
    return asyncio.run(running_wiki())


@pytest.fixture
def place(made: tuple[Town, Others]) -> Town:
    """Return `acme`, in which the wiki runs, and every Blueprint."""
    return made[0].copy()


@pytest.fixture
def others(made: tuple[Town, Others]) -> Others:
    """Return a catalogue that knows a newer wiki, and notes that share its database."""
    return deepcopy(made[1])


ROOT: Final = replace(ADMIN, roles=frozenset({SOVEREIGN_ADMIN}))
BY: Final = {"delete-environment": ADMIN, "delete-organization": ROOT}
NOTES: Final = install("notes", blueprint="bp-wiki")


async def planned(
    place: Town,
    others: Others,
    request: PlanRequest = NOTES,
    changed: Mapping[Ref, Any] | None = None,
    settings: tuple[str, str] = ("OMR", GIT_URL),
) -> tuple[Plan | None, Loading]:
    """Return the plan, if there is one, and what was read for it."""
    planner = Planner(planning.Shelf(), others, *settings)
    planner._gathering._cache = planning.READY
    loading = Loading(place, changed or {})
    by = BY.get(request.action, DEVELOPER)
    try:
        answer = await planner.plan(msgspec.to_builtins(request), "acme", by, loading)
    except Rejected:
        return None, loading
    return msgspec.convert(answer, Plan), loading


def holding(kind: type, place: Town) -> tuple[Ref, Any, Callable[[Any], Any]]:
    """Return where something of a kind stands, the thing, and how it gets back into its state."""
    if kind in REFS:
        state = place.state(REFS[kind])
        return REFS[kind], state, lambda one: one
    if kind is foreign.Version:
        ref = REFS[foreign.Blueprint]
        state = place.state(ref)
        return (
            ref,
            state.versions["2.0.1"],
            lambda one: replace(state, versions={**state.versions, "2.0.1": one}),
        )
    database: Application = place.state(DATABASE)
    binding = database.binding(PROD)

    def bound(one: Binding) -> Application:
        return replace(database, bindings={**database.bindings, PROD: one})

    if kind is Binding:
        return DATABASE, binding, bound
    assert kind is Desired
    return DATABASE, binding.desired, lambda one: bound(replace(binding, desired=one))


def cases(table: Mapping[type, Fields]) -> list[tuple[type, str]]:
    """Return every field of a table."""
    return [(kind, field) for kind, fields in table.items() for field in fields]


def of(kind: type, table: Mapping[type, Fields]) -> Fields:
    """Return what a table says of a kind."""
    return table.get(kind, {})


@pytest.mark.parametrize("kind", BOUND, ids=lambda kind: kind.__name__)
def test_each_field_of_what_is_read_is_bound_or_free(kind: Any) -> None:
    bound, free = of(kind, BOUND).keys(), of(kind, FREE).keys()
    assert bound | free == set(kind.__struct_fields__)
    assert not bound & free


@pytest.mark.parametrize(("kind", "field"), cases(BOUND))
async def test_another_value_of_what_is_bound_moves_the_hash(
    place: Town, others: Others, kind: type, field: str
) -> None:
    before, _ = await planned(place, others)
    assert before is not None
    ref, holder, back = holding(kind, place)
    value = BOUND[kind][field](holder)
    assert value != getattr(holder, field)
    after, _ = await planned(place, others, changed={ref: back(replace(holder, **{field: value}))})
    if after is None:
        return
    assert after.hash != before.hash
    moved = {
        name
        for name in before.inputs.keys() | after.inputs.keys()
        if before.inputs.get(name) != after.inputs.get(name)
    }
    named = {name for name, at in plan.refs_of(before.inputs, "acme").items() if at == ref}
    assert moved & named


@pytest.mark.parametrize(("kind", "field"), cases(FREE))
async def test_another_value_of_what_is_free_changes_nothing_that_is_promised(
    place: Town, others: Others, kind: type, field: str
) -> None:
    before, _ = await planned(place, others)
    ref, holder, back = holding(kind, place)
    value = FREE[kind][field](holder)
    assert value != getattr(holder, field)
    after, _ = await planned(place, others, changed={ref: back(replace(holder, **{field: value}))})
    assert before is not None
    assert after is not None
    assert after.hash == before.hash
    assert [getattr(after, name) for name in PROMISED] == [
        getattr(before, name) for name in PROMISED
    ]


ACTIONS: Final = (
    NOTES,
    planning.configure(values={"logLevel": "debug"}),
    PlanRequest(action="upgrade", environment=PROD, application="wiki"),
    PlanRequest(action="uninstall", environment=PROD, application="wiki"),
    PlanRequest(action="delete-environment", environment=PROD),
    PlanRequest(action="delete-organization"),
)


def another(state: Application | Change) -> Application | Change:
    """Return the state as no plan minds it."""
    if isinstance(state, Application):
        return replace(state, archived=True)
    return replace(state, opened=replace(state.content(), address="https://other.example"))


@pytest.mark.parametrize("request_", ACTIONS, ids=lambda request: request.action)
async def test_each_state_that_is_read_is_an_input(
    place: Town, others: Others, request_: PlanRequest
) -> None:
    found, loading = await planned(place, others, request_)
    assert found is not None
    assert {type(state) for state in loading.read.values()} <= {*REFS, Change}
    bound = set(plan.refs_of(found.inputs, "acme").values())
    unbound = {ref for ref in loading.read if ref not in bound}
    # What else stands there is read for the quota and for what needs it: it is nothing to the plan.
    # Which changes wrote what runs is read for the addresses that they told clusters.
    assert {ref.aggregate for ref in unbound} <= {"application", "change"}
    others_ = {at: another(loading.read[at]) for at in unbound}
    again, _ = await planned(place, others, request_, changed=others_)
    assert again is not None
    assert again.hash == found.hash


async def test_each_fact_comes_from_somewhere_that_is_looked_at(
    place: Town, others: Others
) -> None:
    assert FACTS.keys() == set(Facts.__struct_fields__)
    _, loading = await planned(place, others)
    assert {type(state) for state in loading.read.values()} == REFS.keys()
    asked = {(service, name) for service, name, _ in others.asked}
    assert asked == {("catalog", "solve"), ("billing", "quote")}
    before, _ = await planned(place, others)
    assert before is not None
    priced, _ = await planned(place, others, settings=("USD", GIT_URL))
    # An installation that moves goes on with the plans that it has.
    there, _ = await planned(place, others, settings=("OMR", "https://other.example"))
    assert priced is not None
    assert there is not None
    assert priced.hash != before.hash == there.hash


async def test_which_environments_there_are_is_bound_where_all_go(
    place: Town, others: Others
) -> None:
    request = PlanRequest(action="delete-organization")
    before, _ = await planned(place, others, request)
    ref, holder, _ = holding(foreign.Organization, place)
    more = replace(holder, environments=(*holder.environments, "acme-dev"))
    after, _ = await planned(place, others, request, changed={ref: more})
    others.goes.append(planning.goes("repository:wiki"))
    listed, _ = await planned(place, others, request)
    assert before is not None
    assert after is not None
    assert listed is not None
    assert len({before.hash, after.hash, listed.hash}) == 3
