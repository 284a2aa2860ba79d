"""A Blueprint's rules: registered once by content, published when everything is there."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalyst.blueprint_controller.domain import blueprint
from catalyst.blueprint_controller.domain.blueprint import Prepared, evolve
from catalyst.blueprint_controller.domain.dependencies import Blueprint, Graph
from catalyst.blueprint_controller.domain.places import blueprint_ref, candidates
from catalyst.blueprint_controller.effects import DEPENDENTS, WAKE_PAGE, effects
from catalyst.blueprints.circles import Need
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Actor, Context, Decision, Recorded
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

NOW = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
SELF = Actor(name="service:blueprint", proven=True)
ROOT = Actor(name="user:x#root", roles=frozenset({"sovereign-admin"}), proven=True)
OFFICER = Actor(name="user:x#sam", roles=frozenset({"security-officer"}), proven=True)
ADA = Actor(name="user:x#ada", roles=frozenset({"org-admin"}), proven=True)
WIKI = blueprint_ref(None, "public", "bp-wiki")
PRIVATE = blueprint_ref("acme", "private", "bp-wiki")


class World:
    """Blueprints, and commands to them."""

    def __init__(self) -> None:
        self.states: dict[Ref, Blueprint] = {}

    def state(self, ref: Ref) -> Blueprint:
        return self.states.get(ref, Blueprint())

    def context(self, ref: Ref, by: Actor, reads: Any, facts: Any = None) -> Context:
        held = {one: self.state(one) for one in reads if one != ref}
        return Context(
            now=NOW, ref=ref, actor=by, input_id="i", done_id="d", reads=held, facts=facts
        )

    def keep(self, ref: Ref, decided: Decision) -> list[Event]:
        events = [one.event for one in decided.events]
        for event in events:
            self.states[ref] = evolve(self.state(ref), event)
        return events

    def register(
        self,
        ref: Ref,
        version: str = "1.0.0",
        *needs: str,
        digit: str = "1",
        known: Any = None,
        visibility: str = "listed",
    ) -> list[Event]:
        wanted = tuple(Need(*(need if " " in need else f"{need} *").split(" ")) for need in needs)
        origin, _, name = ref.id.partition("-")
        command = bp1.RegisterVersion(
            blueprint=name,
            origin=origin,  # type: ignore[arg-type]
            version=version,
            digest=f"sha256:{digit * 64}",
            size=1,
            needs=tuple(sorted({need.blueprint for need in wanted})),
            source="main",
        )
        spec = {
            "version": version,
            "visibility": visibility,
            "depends": [{"blueprint": n.blueprint, "version": n.version} for n in wanted],
        }
        facts = Prepared(spec=spec, needs=wanted, known=known or {})
        reads = blueprint.reads_register(self.state(ref), command, ref)
        context = self.context(ref, SELF, reads, facts)
        return self.keep(ref, blueprint.register(self.state(ref), command, context))

    def check(self, ref: Ref, known: Any = None) -> list[Event]:
        command = bp1.CheckDependencies(arrived="bp-any")
        reads = blueprint.reads_check(self.state(ref), command, ref)
        context = self.context(ref, SELF, reads, known)
        return self.keep(ref, blueprint.check(self.state(ref), command, context))

    def people(self, rule: Any, ref: Ref, command: Any, by: Actor = ROOT) -> list[Event]:
        return self.keep(ref, rule(self.state(ref), command, self.context(ref, by, ())))


def recorded(ref: Ref, event: Event, seq: int = 1) -> Recorded:
    """Return an event as it stands in the log."""
    return Recorded(
        event=event,
        type="",
        id=str(seq),
        ref=ref,
        seq=seq,
        time=NOW,
        actor="",
        correlationid="",
        causationid="",
    )


async def woken(graph: Graph, given: Recorded) -> tuple[str, ...]:
    """Return who looks again after an event."""
    index: Any = SimpleNamespace(position=given.seq)
    nobody: Any = None
    (effect,) = (one for one in effects(nobody, nobody, graph, index) if one.name == DEPENDENTS)
    assert type(given.event) in effect.events
    report: Any = await effect.run(given, nobody)
    return () if report is None else report.command.waiting


def refused(code: str) -> Any:
    """Expect a refusal with this code."""
    return pytest.raises(Rejected, check=lambda error: error.code == code)


def at(origin: str, name: str, organization: str | None = None) -> Ref:
    return blueprint_ref(organization, origin, name)


@pytest.mark.guarantee("G22.1")
def test_a_version_is_its_content_for_ever() -> None:
    world = World()
    events = world.register(WIKI)
    assert [type(event) for event in events] == [bp1.VersionRegistered, bp1.VersionPublished]
    assert world.register(WIKI) == []
    with refused("version-immutable"):
        world.register(WIKI, digit="2")
    assert len(world.register(WIKI, "1.0.1", digit="2")) == 2


@pytest.mark.guarantee("G23.1")
def test_what_the_platform_keeps_for_itself_is_as_missing_as_what_is_not_there() -> None:
    world, graph = World(), Graph()
    secret = at("public", "bp-secret")
    for ref, needs in ((secret, ["bp-wiki *"]), (at("public", "bp-suite"), ["bp-secret *"])):
        for event in world.register(ref, "1.0.0", *needs, visibility="private"):
            graph.take(recorded(ref, event))
    assert graph.known(None).keys() == {"bp-secret", "bp-suite"}
    assert graph.known("acme") == {}
    world.register(WIKI)
    world.check(secret)
    assert world.state(secret).versions["1.0.0"].published
    for name in ("bp-secret", "bp-nothing"):
        (registered,) = world.register(at("private", f"{name}-user", "acme"), "1.0.0", f"{name} *")
        assert isinstance(registered, bp1.VersionRegistered)
        assert [one.blueprint for one in registered.missing] == [name]
    assert world.register(at("public", "bp-own"), "1.0.0", "bp-secret *")[1:]
    # Once a version is everybody's it is there, and who waited for it finds it.
    world.register(secret, "1.1.0", digit="2")
    assert world.check(at("private", "bp-secret-user", "acme"))


def test_what_is_missing_is_named_and_waited_for() -> None:
    world = World()
    (registered,) = world.register(WIKI, "1.0.0", "bp-postgres ^16")
    assert isinstance(registered, bp1.VersionRegistered)
    assert [(one.blueprint, one.version) for one in registered.missing] == [("bp-postgres", "^16")]
    world.register(at("public", "bp-postgres"), "15.0.0")
    assert world.check(WIKI) == []
    world.register(at("sovereign", "bp-postgres"), "16.1.0")
    assert [type(event) for event in world.check(WIKI)] == [bp1.VersionPublished]
    assert world.check(WIKI) == []


def test_a_yanked_or_withdrawn_dependency_is_not_there() -> None:
    world = World()
    postgres = at("public", "bp-postgres")
    world.register(postgres, "16.0.0")
    world.people(blueprint.yank, postgres, bp1.YankVersion(version="16.0.0", reason="x"))
    assert len(world.register(WIKI, "1.0.0", "bp-postgres ^16")) == 1
    world.register(postgres, "16.0.1", digit="3")
    world.people(blueprint.withdraw, postgres, bp1.WithdrawBlueprint(reason="x"))
    assert world.check(WIKI) == []


@pytest.mark.guarantee("G22.5")
def test_one_organization_s_blueprints_are_nothing_to_another() -> None:
    world = World()
    world.register(at("private", "bp-postgres", "acme"), "16.0.0")
    assert len(world.register(PRIVATE, "1.0.0", "bp-postgres")) == 2
    assert len(world.register(at("private", "bp-wiki", "rival"), "1.0.0", "bp-postgres")) == 1
    assert len(world.register(WIKI, "1.0.0", "bp-postgres")) == 1


def test_a_circle_is_refused_through_what_is_read_and_what_is_known() -> None:
    world = World()
    world.register(at("public", "bp-bb"), "1.0.0", "bp-wiki")
    with refused("dependency-cycle") as caught:
        world.register(WIKI, "1.0.0", "bp-bb")
    assert "bp-wiki 1.0.0 → bp-bb 1.0.0 → bp-wiki 1.0.0" in str(caught.value)
    known = {
        "bp-cc": {"2.0.0": (Need("bp-dd", "^3"),)},
        "bp-dd": {"3.1.0": (Need("bp-wiki", "*"),)},
    }
    with refused("dependency-cycle") as caught:
        world.register(WIKI, "1.0.0", "bp-cc", known=known)
    way = "bp-wiki 1.0.0 → bp-cc 2.0.0 → bp-dd 3.1.0 → bp-wiki 1.0.0"
    assert way in str(caught.value)


@pytest.mark.parametrize("how", ["range", "yanked", "withdrawn"])
def test_what_cannot_be_chosen_closes_no_circle(how: str) -> None:
    world, graph, other = World(), Graph(), at("public", "bp-bb")

    def told(ref: Ref, events: list[Event]) -> None:
        for event in events:
            graph.take(recorded(ref, event))

    told(other, world.register(other, "1.0.0", "bp-wiki ^1" if how == "range" else "bp-wiki"))
    with refused("dependency-cycle"):
        world.register(WIKI, "1.0.0", "bp-bb ^1", known=graph.known(None))
    if how == "yanked":
        yank = bp1.YankVersion(version="1.0.0", reason="x")
        told(other, world.people(blueprint.yank, other, yank))
    if how == "withdrawn":
        withdraw = bp1.WithdrawBlueprint(reason="x")
        told(other, world.people(blueprint.withdraw, other, withdraw))
    version = "2.0.0" if how == "range" else "1.0.0"
    assert world.register(WIKI, version, "bp-bb ^1", known=graph.known(None))
    # The index alone says the same: a third one stands between them.
    far = at("public", "bp-far")
    told(WIKI, world.register(WIKI, "3.0.0", "bp-far", digit="3", known=graph.known(None)))
    assert world.register(far, "1.0.0", "bp-bb ^1", known=graph.known(None))


def test_a_circle_that_is_told_ends_with_the_version_that_closed_it() -> None:
    world, graph = World(), Graph()
    ring = dict(pairwise(["bp-aa", "bp-bb", "bp-cc", "bp-aa"]))
    for name, need in ring.items():
        for event in world.register(at("public", name), "1.0.0", f"{need} *"):
            graph.take(recorded(at("public", name), event))
    queue: list[Ref] = [at("public", "bp-cc")]
    for ref in queue:
        if world.check(ref, graph.known(None)):
            queue += [at("public", name) for name, need in ring.items() if ref.id.endswith(need)]
    versions = {name: world.state(at("public", name)).versions["1.0.0"] for name in ring}
    assert all(one.cycle for one in versions.values())
    last = at("public", "bp-cc")
    told = world.people(blueprint.yank, last, bp1.YankVersion(version="1.0.0", reason="x"))
    told_of = [last]
    graph.take(recorded(last, told[0]))
    while told:
        (path,) = asyncio.run(woken(graph, recorded(told_of[-1], told[0])))
        told_of.append(Ref.parse(path))
        told = world.check(told_of[-1], graph.known(None))
    assert [ref.id for ref in told_of[:3]] == ["public-bp-cc", "public-bp-bb", "public-bp-aa"]
    assert not any(world.state(at("public", name)).versions["1.0.0"].cycle for name in ring)


@pytest.mark.guarantee("G22.3")
@given(st.permutations(["bp-aa", "bp-bb", "bp-cc"]))
def test_circles_of_three_that_cross_are_never_published_and_each_is_told(
    order: list[str],
) -> None:
    world, graph = World(), Graph()
    ring = dict(pairwise(["bp-aa", "bp-bb", "bp-cc", "bp-aa"]))
    for name in order:
        # None of them knows of what the others depend on.
        (registered,) = world.register(at("public", name), "1.0.0", f"{ring[name]} *", known={})
        assert isinstance(registered, bp1.VersionRegistered)
        graph.take(recorded(at("public", name), registered))
    # The last one wakes who waits for it, and each that learns of the circle the one before.
    told: list[Event] = [registered]
    told_of = at("public", order[-1])
    while told:
        paths = asyncio.run(woken(graph, recorded(told_of, told[0])))
        told_of = Ref.parse(paths[0])
        told = world.check(told_of, graph.known(None))
        name = told_of.id.removeprefix("public-")
        way = (name, ring[name], ring[ring[name]], name)
        told_way = tuple(f"{one} 1.0.0" for one in way)
        assert world.state(told_of).versions["1.0.0"].cycle == told_way
    assert all(world.state(at("public", name)).versions["1.0.0"].cycle for name in order)


def test_many_that_wait_are_each_told_once_and_the_log_of_the_platform_names_none() -> None:
    graph, arrived = Graph(), at("public", "bp-aa")
    waiting = {blueprint_ref(f"org-{n}", "private", "bp-wiki") for n in range(WAKE_PAGE * 2 + 1)}
    for ref in waiting:
        registered = World().register(ref, "1.0.0", "bp-aa *")[0]
        graph.take(recorded(ref, registered))
    told: list[str] = []
    event: Event = bp1.VersionPublished(name="bp-aa", origin="public", version="1.0.0")
    while True:
        paths = asyncio.run(woken(graph, recorded(arrived, event)))
        told += paths
        command = bp1.WakeDependents(waiting=tuple(paths), more=len(paths) == WAKE_PAGE)
        context = World().context(arrived, SELF, ())
        more = blueprint.wake(Blueprint(), command, context).events
        if not more:
            break
        event = more[0].event
        assert b"bp-wiki" not in msgspec.json.encode(event)
    assert sorted(told) == sorted(ref.path for ref in waiting)


@pytest.mark.parametrize("path", ["", "acme", "acme.environment.organization.acme", "é.b.c.d"])
def test_what_is_no_blueprint_s_path_is_not_told_and_its_place_is_named(path: str) -> None:
    context = World().context(at("public", "bp-aa"), SELF, ())
    good = blueprint_ref("acme", "private", "bp-wiki").path
    with pytest.raises(Rejected) as refused:
        blueprint.wake(Blueprint(), bp1.WakeDependents(waiting=(good, path)), context)
    assert [error.pointer for error in refused.value.errors] == ["/data/waiting/1"]
    nobody = bp1.WakeDependents(waiting=(), more=True)
    assert blueprint.wake(Blueprint(), nobody, context) == Decision()


def test_who_may_say_what_of_a_version() -> None:
    world = World()
    world.register(WIKI)
    world.register(PRIVATE)
    yank = bp1.YankVersion(version="1.0.0", reason="It loses pages.", security=False)
    with refused("forbidden"):
        world.people(blueprint.yank, WIKI, yank, ADA)
    with refused("forbidden"):
        world.people(blueprint.yank, PRIVATE, yank, ROOT)
    with refused("blueprint-version-not-found"):
        world.people(blueprint.yank, WIKI, bp1.YankVersion(version="9.0.0", reason="x"))
    with refused("blueprint-not-found"):
        world.people(blueprint.yank, at("public", "bp-none"), yank)
    assert world.people(blueprint.yank, WIKI, yank, OFFICER)
    assert world.people(blueprint.yank, WIKI, yank) == []
    worse = bp1.YankVersion(version="1.0.0", reason="It leaks.", security=True)
    assert world.people(blueprint.yank, WIKI, worse)
    assert world.people(blueprint.yank, WIKI, worse) == []
    assert world.people(blueprint.yank, PRIVATE, yank, ADA)


def test_deprecated_then_withdrawn_and_nothing_after() -> None:
    world = World()
    deprecate = bp1.DeprecateBlueprint(reason="Old.", replacement="bp-pages")
    with refused("blueprint-not-found"):
        world.people(blueprint.deprecate, WIKI, deprecate)
    world.register(WIKI)
    assert world.people(blueprint.deprecate, WIKI, deprecate)
    assert world.people(blueprint.deprecate, WIKI, deprecate) == []
    withdraw = bp1.WithdrawBlueprint(reason="Gone.")
    assert world.people(blueprint.withdraw, WIKI, withdraw)
    assert world.people(blueprint.withdraw, WIKI, withdraw) == []
    with refused("blueprint-withdrawn"):
        world.register(WIKI, "2.0.0", digit="5")


NAMES = [f"bp-{letter}{letter}" for letter in "abcde"]


@pytest.mark.guarantee("G22.3")
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=3)), max_size=8
    )
)
def test_in_whatever_order_they_come_all_that_can_be_is_published(
    arrivals: list[tuple[str, set[str]]],
) -> None:
    world, graph, seq = World(), Graph(), 0
    kept: dict[str, set[str]] = {}

    def tell(ref: Ref, events: list[Event]) -> None:
        nonlocal seq
        for event in events:
            seq += 1
            graph.take(recorded(ref, event, seq))
            if isinstance(event, bp1.VersionPublished):
                for waiting in graph.waiting(ref, event.name):
                    tell(waiting, world.check(waiting))

    for name, needs in arrivals:
        if name in kept:
            continue
        ref = at("public", name)
        try:
            wanted_ = [f"{n} *" for n in sorted(needs)]
            tell(ref, world.register(ref, "1.0.0", *wanted_, known=graph.known(None)))
            kept[name] = needs
        except Rejected as error:
            assert error.code == "dependency-cycle"  # noqa: PT017 - some are refused, some not
    wanted: set[str] = set()
    for _ in NAMES:
        wanted |= {name for name, needs in kept.items() if needs <= wanted}
    published = {
        name for name in kept if world.state(at("public", name)).versions["1.0.0"].published
    }
    assert published == wanted


def test_a_private_name_comes_before_the_shared_ones() -> None:
    places = candidates("acme", "bp-wiki")
    assert [ref.id for ref in places] == ["private-bp-wiki", "public-bp-wiki", "sovereign-bp-wiki"]
    assert [ref.organization for ref in places] == ["acme", None, None]
