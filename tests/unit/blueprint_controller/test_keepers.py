"""Who may register, wake, deprecate, withdraw and yank; and the limits of a Blueprint."""

from typing import Any

import msgspec
import pytest
from tests.support.each import each
from tests.unit.blueprint_controller.test_blueprint import (
    ADA,
    OFFICER,
    PRIVATE,
    ROOT,
    SELF,
    WIKI,
    World,
    at,
)

from catalyst.blueprint_controller.domain import blueprint
from catalyst.blueprint_controller.domain.blueprint import MAX_VERSIONS, Prepared
from catalyst.blueprint_controller.domain.dependencies import Blueprint, Version
from catalyst.blueprints.circles import Need
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Actor, Decision
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

REGISTER = bp1.RegisterVersion(
    blueprint="bp-wiki",
    origin="public",
    version="1.0.0",
    digest=f"sha256:{'1' * 64}",
    size=1,
    source="main",
)
CHECK = bp1.CheckDependencies(arrived="bp-any")
WAKE = bp1.WakeDependents(waiting=(PRIVATE.path,), more=False)
DEPRECATE = bp1.DeprecateBlueprint(reason="old")
WITHDRAW = bp1.WithdrawBlueprint(reason="old")
YANK = bp1.YankVersion(version="1.0.0", reason="broken")
RULES: dict[type, Any] = {
    bp1.RegisterVersion: blueprint.register,
    bp1.CheckDependencies: blueprint.check,
    bp1.WakeDependents: blueprint.wake,
    bp1.DeprecateBlueprint: blueprint.deprecate,
    bp1.WithdrawBlueprint: blueprint.withdraw,
    bp1.YankVersion: blueprint.yank,
}


def decide(
    command: Any, by: Actor = SELF, ref: Ref = WIKI, state: Blueprint | None = None, **facts: Any
) -> Decision:
    """Decide a command to a Blueprint that has a version 1.0.0, or to another one."""
    there = Blueprint(versions={"1.0.0": Version(digest="", published=True)})
    prepared = Prepared(**{"spec": {}, "needs": (), "known": {}} | facts)
    given = prepared if isinstance(command, bp1.RegisterVersion) else None
    context = World().context(ref, by, (), given)
    found: Decision = RULES[type(command)](there if state is None else state, command, context)
    return found


def refused(command: Any, *more: Any, **changes: Any) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        decide(command, *more, **changes)
    return caught.value.code, caught.value.errors[0].pointer if caught.value.errors else ""


@each(
    [
        *((command, by, WIKI) for command in (REGISTER, CHECK, WAKE) for by in (ROOT, ADA)),
        *((command, ADA, WIKI) for command in (DEPRECATE, WITHDRAW, YANK)),
        *((command, ROOT, PRIVATE) for command in (DEPRECATE, WITHDRAW, YANK)),
        *((command, OFFICER, WIKI) for command in (DEPRECATE, WITHDRAW)),
        (YANK, OFFICER, PRIVATE),
    ],
    name=lambda one: getattr(one, "name", type(one).__name__),
)
def test_whose_it_is_not_is_refused(command: Any, by: Actor, ref: Ref) -> None:
    assert refused(command, by, ref)[0] == "forbidden"


@each(
    [
        *((command, ROOT, WIKI) for command in (DEPRECATE, WITHDRAW, YANK)),
        *((command, ADA, PRIVATE) for command in (DEPRECATE, WITHDRAW, YANK)),
        (YANK, OFFICER, WIKI),
    ],
    name=lambda one: getattr(one, "name", type(one).__name__),
)
def test_whose_it_is_decides_of_what_is_there_once(command: Any, by: Actor, ref: Ref) -> None:
    assert len(decide(command, by, ref).events) == 1
    assert refused(command, by, ref, Blueprint())[0] == "blueprint-not-found"
    gone = Blueprint(
        versions={"1.0.0": Version(digest="", published=True, yanked=True)}, withdrawn=True
    )
    if command is DEPRECATE:
        assert refused(command, by, ref, gone)[0] == "blueprint-withdrawn"
    else:
        assert decide(command, by, ref, gone) == Decision()


@each(
    [
        (WIKI, {"blueprint": "bp-other"}),
        (WIKI, {"origin": "sovereign"}),
        (WIKI, {"origin": "private"}),
        (PRIVATE, {"origin": "public"}),
        (at("public", "bp-wiki", "acme"), {"origin": "public"}),
        (at("private", "bp-wiki"), {"origin": "private"}),
    ]
)
def test_a_version_is_registered_at_its_own_place_alone(ref: Ref, changes: dict[str, Any]) -> None:
    command = msgspec.structs.replace(REGISTER, **changes)
    assert refused(command, ref=ref, state=Blueprint())[0] == "content-invalid"


def test_a_registration_names_what_the_document_depends_on() -> None:
    needs = (Need("bp-db", "*"),)
    told = refused(REGISTER, state=Blueprint(), needs=needs)
    assert told == ("content-invalid", "/data/needs")
    named = msgspec.structs.replace(REGISTER, needs=("bp-db",))
    assert decide(named, state=Blueprint(), needs=needs).events


def test_a_blueprint_has_so_many_versions_and_no_more() -> None:
    digest = f"sha256:{'1' * 64}"
    many = {f"2.{n}.0": Version(digest=digest) for n in range(MAX_VERSIONS)}
    last = msgspec.structs.replace(REGISTER, version="2.0.0")
    assert decide(last, state=Blueprint(versions=many)) == Decision()
    assert refused(REGISTER, state=Blueprint(versions=many))[0] == "versions-too-many"
    del many["2.0.0"]
    assert decide(REGISTER, state=Blueprint(versions=many)).events


def test_what_is_withdrawn_is_published_no_more_and_many_are_published_in_turns() -> None:
    waiting = {f"1.{n}.0": Version(digest="") for n in range(103)}
    state = Blueprint(versions=waiting)
    first = decide(CHECK, state=state)
    assert (len(first.events), [one.command for one in first.commands]) == (100, [CHECK])
    for one in first.events:
        state = blueprint.evolve(state, one.event)
    rest = decide(CHECK, state=state)
    assert (len(rest.events), rest.commands) == (3, ())
    gone = Blueprint(versions=waiting, withdrawn=True)
    assert decide(CHECK, state=gone) == Decision()


def test_who_waits_is_woken_and_the_next_turn_follows_if_there_are_more() -> None:
    told = decide(WAKE)
    assert (told.events, [one.ref for one in told.commands]) == ((), [PRIVATE])
    more = decide(msgspec.structs.replace(WAKE, more=True))
    (woken,) = (one.event for one in more.events)
    assert woken == bp1.DependentsWoken(after=blueprint.turn(PRIVATE.path))
    other = msgspec.structs.replace(WAKE, waiting=("acme.blueprint.source.main",))
    assert refused(other) == ("invalid-data", "/data/waiting/0")


@pytest.mark.guarantee("G22.5")
def test_what_the_platform_keeps_for_itself_stands_in_nobody_s_circle() -> None:
    world = World()
    secret = at("sovereign", "bp-secret")
    world.register(secret, "1.0.0", "bp-blog", visibility="private")
    told = world.register(at("private", "bp-blog", "acme"), "1.0.0", "bp-secret")
    assert [type(one) for one in told] == [bp1.VersionRegistered]
    with pytest.raises(Rejected, check=lambda error: error.code == "dependency-cycle"):
        world.register(at("public", "bp-blog"), "1.0.0", "bp-secret")


@each([
    (None, ROOT, "'public-bp-wiki' or 'sovereign-bp-wiki'"),
    ("acme", ADA, "'private-bp-wiki'"),
])  # fmt: skip
def test_a_name_that_is_no_id_is_answered_with_the_ids_that_it_may_mean(
    owner: str | None, by: Actor, ids: str
) -> None:
    name = Ref(owner, "blueprint", "blueprint", "bp-wiki")
    with pytest.raises(Rejected) as caught:
        decide(YANK, by, name, Blueprint())
    assert caught.value.message.endswith(f": an id begins with the origin, as in {ids}")
