"""The solver against brute force: on small universes it finds a lock exactly if there is one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from tests.support.catalogue import PROD, Shop
from tests.support.examples import at_least
from tests.unit.catalog_svc.force import FITS, NEW, Asked, Force, World, alias, asked, drawn

from catalyst.catalog_svc.domain.solving import Locked, Solution, solve
from catalyst.catalog_svc.domain.universe import Request
from catalyst.contracts.rejection import Rejected


def check(world: World, question: Asked, found: Solution) -> None:
    """Fail unless a lock is one."""
    lock = {one.application: one for one in found.lock}
    assert len(lock) == len(found.lock)
    seen: set[str] = set()
    for one in found.lock:
        assert one.role == "shared" or set(one.dependencies.values()) <= seen
        seen.add(one.application)
        check_version(world, question, one)
        for need, rule in wanted(world, question, one).items():
            there = lock.get(one.dependencies[alias(need)])
            if there is None:
                assert one.role == "shared"
            else:
                assert there.blueprint == need
                assert there.version in FITS[rule]
    check_choices(world, question, lock)
    check_shared(world, question, lock)
    for application, uses in world.uses.items():
        for need, other in uses.items():
            if application not in lock and other in lock:
                rule, _ = world.blueprints[world.running[application]].needs[need]
                assert lock[other].version in FITS[rule]


def wanted(world: World, question: Asked, one: Locked) -> dict[str, str]:
    """Return what an Application needs: with its own flag, and what is new with the default."""
    target = one.application == question.target
    flag = question.flag if target else world.flags.get(one.application)
    needs = world.blueprints[one.blueprint, one.version].wanted(flag=flag)
    expected = {alias(need) for need in needs}
    if one.role == "shared":
        expected = {alias(need) for need in world.uses[one.application]}
    assert one.dependencies.keys() == expected
    return needs


def check_version(world: World, question: Asked, one: Locked) -> None:
    """Fail unless an Application may have its version, whatever the others have."""
    old = world.running.get(one.application)
    expected = "new" if old is None else "shared" if old[1] == one.version else "upgraded"
    assert one.role == ("target" if one.application == question.target else expected)
    if old is None:
        assert world.installable(one.blueprint, one.version)
    else:
        assert old[0] == one.blueprint
        assert world.movable(one.application, one.version, question.target)


def check_choices(world: World, question: Asked, lock: dict[str, Locked]) -> None:
    """Fail unless what was chosen for a need is there, and what was used is used still."""
    for one in lock.values():
        for need, used in world.uses.get(one.application, {}).items():
            asked_for = one.application == question.target and need in question.choices
            assert asked_for or one.dependencies.get(alias(need), used) == used
    near = lock[question.target].dependencies
    users: dict[str, list[str]] = {}
    for one in lock.values():
        for other in one.dependencies.values():
            users.setdefault(other, []).append(one.role)
    for need, choice in question.choices.items():
        if alias(need) not in near:
            continue
        there = near[alias(need)]
        if choice == NEW:
            assert lock[there].role == "new"
            assert all(role in {"target", "new"} for role in users[there])
            assert there not in world.running
        else:
            assert there == choice


def check_shared(world: World, question: Asked, lock: dict[str, Locked]) -> None:
    """Fail if what is another one's own is shared unasked, or what comes along shares otherwise.

    What comes along shares what was decided for the target, if that fits all that comes along.
    """
    target = lock[question.target]
    used = world.uses.get(target.application, {})
    parts: dict[str, list[tuple[str, str]]] = {}
    for one in lock.values():
        for need, rule in wanted(world, question, one).items():
            there = one.dependencies[alias(need)]
            if one.role == "new":
                parts.setdefault(need, []).append((there, rule))
            named = one is target and need in question.choices
            if not named and world.uses.get(one.application, {}).get(need) != there:
                decided = question.choices.get(need), used.get(need)
                own = target.application if one.role in {"target", "new"} else ""
                owners = world.owners(there)
                assert not owners or own in owners or (own and there in decided)
    for need, found in parts.items():
        there = target.dependencies.get(alias(need), "")
        if (need in question.choices or need in used) and there:
            fits = all(lock[there].version in FITS[rule] for _, rule in found)
            assert not fits or {one for one, _ in found} == {there}


def answer(shop: Shop, request: Request) -> Solution | str:
    """Return the solution, or the code of a refusal, which has reasons."""
    try:
        return solve(shop.catalogue, "acme", request)
    except Rejected as error:
        if error.code not in {"not-solvable", "invalid-data"} or not error.errors:
            raise
        return error.code


@pytest.mark.guarantee("G24.3")
@at_least(200)
@given(st.integers(0, 2**48))
def test_there_is_a_lock_exactly_if_brute_force_finds_one(seed: int) -> None:
    luck = Random(seed)  # noqa: S311 - for a test
    world = drawn(luck)
    question = asked(world, luck)
    request = Request(
        environment=PROD,
        application=question.target,
        blueprint=question.blueprint,
        version=question.wanted,
        config={} if question.flag is None else {"flag": question.flag},
        dependencies={alias(need): choice for need, choice in question.choices.items()},
    )
    expected = Force(world, question).answer()
    found = answer(world.shop(), request)
    assert (found if isinstance(found, str) else found.lock[-1].version) == expected
    if isinstance(found, str):
        event(found)
        return
    event(f"a lock of {len(found.lock)}, {'some' if world.running else 'nothing'} runs")
    check(world, question, found)
    again = world.shop(backwards=True)
    again.blueprint("bp-aa", "1.2.0", origin="private", organization="rival")
    assert answer(again, request) == found
