"""In which order Applications go, and what is said of what they leave behind."""

from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build
from tests.support.each import each
from tests.support.plans import DIGEST, PROD, locked

from catalyst.contracts.provisioning_values_v1 import Desired, Locked
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import Application, Binding
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Idle
from catalyst.provisioning.domain.removal_plan import _too_many, idle, ordered


def desired(*needs: str, sold: bool = False) -> Desired:
    """Return what needs these."""
    return Desired(
        change="ch-0",
        blueprint="bp-x",
        origin="public",
        version="1.0.0",
        digest=DIGEST,
        dependencies={f"alias-of-{one}": one for one in needs},
        sold=sold,
    )


NAMES = "abcdef"


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), min_size=1).map(
        lambda found: {
            # What comes later in the alphabet is needed by what comes before it: no circle.
            name: sorted(one for one in needs if one > name)
            for name, needs in sorted(found.items())
        }
    )
)
def test_whoever_needs_others_goes_before_them(needs: dict[str, list[str]]) -> None:
    found = ordered({name: desired(*others) for name, others in needs.items()})
    assert sorted(found) == sorted(needs)
    for name, others in needs.items():
        assert all(found.index(name) < found.index(one) for one in others if one in needs)


@each([
        ({"a": ["b"], "b": ["a"]}, "ab"),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, "abc"),
        ({"a": ["c"], "b": ["a"], "c": ["b"], "d": []}, "dacb"),
        ({"a": ["a"], "b": []}, "ba"),
    ])  # fmt: skip
def test_what_needs_each_other_in_a_circle_goes_all_the_same(
    needs: dict[str, list[str]], wanted: str
) -> None:
    assert "".join(ordered({name: desired(*others) for name, others in needs.items()})) == wanted


def test_whoever_takes_away_too_much_is_told_how_to_begin() -> None:
    many = [locked(f"app-{number}") for number in range(66)]
    (here,) = _too_many(many)
    (there,) = _too_many([msgspec.structs.replace(many[0], environment="acme-dev"), *many[1:]])
    words = "66 Applications at once are more than one change takes away"
    assert here.message == f"{words}: uninstall some of them first"
    assert there.message == f"{words}: delete its Environments first"


# ---- what is needed no more


def facts(running: Mapping[str, Desired], dependents: Mapping[str, Any]) -> Facts:
    """Return facts of an Environment in which these run, and who is known to need them."""
    return Facts(
        name="acme",
        now=build.NOW,
        organization=foreign.Organization(),
        environments={PROD: foreign.Environment(exists=True)},
        applications={
            name: Application(
                bindings={PROD: Binding(desired=one, dependents=dependents.get(name, ()))}
            )
            for name, one in running.items()
        },
        git_url="",
        currency="OMR",
    )


STORE, BLOG = locked("store", "shared"), locked("blog")
LEFT = Idle(application="store", environment=PROD)


@each([
        ({}, {}, (LEFT,)),
        ({"store": ("blog",)}, {}, (LEFT,)),
        ({"store": ("blog", "shop")}, {}, ()),
        ({}, {"blog": desired("store")}, ()),
        ({}, {"blog": desired("other")}, (LEFT,)),
    ])  # fmt: skip
def test_what_nobody_needs_any_more_is_told(
    dependents: dict[str, tuple[str, ...]], after: dict[str, Desired], wanted: tuple[Idle, ...]
) -> None:
    known = facts({"store": desired(), "blog": desired("store")}, dependents)
    assert idle(known, (STORE, BLOG), after) == wanted


def test_what_only_that_needs_which_nobody_needs_is_told_behind_it() -> None:
    chain = {"suite": desired("wiki"), "wiki": desired("store"), "store": desired()}
    lock = (locked("store", "shared"), locked("wiki", "shared"), locked("suite"))
    behind = msgspec.structs.replace(LEFT, needed_by=("wiki",))
    first = msgspec.structs.replace(LEFT, application="wiki")
    assert idle(facts(chain, {}), lock, {}) == (first, behind)
    others = {**chain, "shop": desired("store")}
    assert idle(facts(others, {}), lock, {}) == (first,)
    others = {**chain, "shop": desired("wiki")}
    assert idle(facts(others, {}), lock, {}) == ()


def test_what_another_one_needs_that_is_not_known_as_such_yet_is_needed() -> None:
    known = facts(
        {"store": desired(), "blog": desired("store"), "shop": desired("store")},
        {"store": ("blog",)},
    )
    assert idle(known, (STORE, BLOG), {}) == ()


def test_what_costs_on_says_so_and_what_goes_itself_is_not_told() -> None:
    known = facts({"store": desired(sold=True), "blog": desired("store")}, {})
    assert idle(known, (STORE, BLOG), {}) == (msgspec.structs.replace(LEFT, charged=True),)
    both: tuple[Locked, ...] = (locked("store"), BLOG)
    assert idle(known, both, {}) == ()
