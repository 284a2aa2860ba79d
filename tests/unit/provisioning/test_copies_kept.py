"""Copies that came and went weigh nothing: what there is, or may be, is looked at, and not all."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build, plans
from tests.support.changing import Town
from tests.support.planning import Now, Others, entry, install, planner_of
from tests.support.plans import PROD
from tests.unit.provisioning.test_risks import made_for, place
from typing_extensions import override

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import schema
from catalyst.contracts.decision import Actor
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Action, Desired
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import application, copies, foreign
from catalyst.provisioning.domain.application import Application, application_ref
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.queries import Planner

pytestmark = pytest.mark.guarantee("G14.24")
__all__ = ["place"]

SITE = "public-bp-site"
PLACES = ("acme-dev", PROD)


def site(change: str, blueprint: str = "bp-site") -> Desired:
    return Desired(
        change=change, blueprint=blueprint, origin="public", version="1.0.0", digest="sha256:0"
    )


def waits(change: str, desired: Desired | None, at: str = PROD) -> Event:
    action: Action = "uninstall" if desired is None else "install"
    return app1.ChangeWaiting(change=change, environment=at, action=action, desired=desired)


def left(change: str, result: Any = "completed", at: str = PROD) -> Event:
    return app1.ChangeLeft(change=change, environment=at, result=result)


def wanted(change: str, desired: Desired | None, at: str = PROD) -> Event:
    return app1.DesiredSet(environment=at, change=change, desired=desired)


def removed(change: str, at: str = PROD) -> Event:
    return app1.ApplicationRemoved(environment=at, change=change, kept_data=False)


INSTALLED = (waits("i", site("i")), wanted("i", site("i")), left("i"))
GONE = (*INSTALLED, waits("u", None), wanted("u", None), removed("u"), left("u"))


def happened(town: Town, ref: Ref, *events: Event) -> None:
    town.given(ref, *events)
    town.log += [(ref, event) for event in events]


class Looks(Now):
    """How states are seen, and which were looked at."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.town = town
        self.seen: list[str] = []
        self.now = self.most = 0

    @override
    async def __call__(self, ref: Ref, *, up_to: int | None = None) -> Any:
        del up_to
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        self.seen.append(ref.id)
        return self.town.state(ref)


async def planned(looks: Looks, by: Actor = plans.DEVELOPER) -> Plan:
    others = Others()
    others.locks["new"] = [entry("new", "bp-site", "1.0.0")]
    planner: Planner = planner_of(others)
    for ref, event in looks.town.log:
        planner.names.apply(build.recorded(event, ref))
    asked = msgspec.to_builtins(install("new", blueprint="bp-site"))
    return msgspec.convert(await planner.plan(asked, "acme", by, looks), Plan)


def told(found: Plan) -> list[str]:
    return [risk.message for risk in found.risks if risk.kind == "copies"]


async def test_what_came_and_went_is_not_looked_at(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": {"enabled": False}})
    for number in range(2000):
        happened(place, application_ref("acme", f"preview-{number}"), *GONE)
    for number, how in enumerate(("failed", "cancelled", "rejected")):
        ref = application_ref("acme", f"vain-{number}")
        happened(place, ref, waits("i", site("i")), left("i", how))
    happened(place, application_ref("acme", "site"), *INSTALLED)
    looks = Looks(place)
    found = await planned(looks)
    assert told(found) == [
        "bp-site is made for one in an Organization, and acme would have 2: site runs in acme-prod"
    ]
    assert sorted(set(looks.seen) & {ref.id for ref, _ in place.log}) == ["site"]


async def test_of_very_many_some_are_looked_at_side_by_side_and_the_others_counted(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": {"enabled": True, "maxPerOrg": 1000}})
    names = [f"site-{number:04}" for number in range(1000)]
    for name in names[:-1]:
        happened(place, application_ref("acme", name), *INSTALLED)
    # The last one that may be: its number is reached, and not passed.
    assert told(await planned(Looks(place))) == []
    happened(place, application_ref("acme", names[-1]), *INSTALLED)
    looks = Looks(place)
    (words,) = told(await planned(looks))
    head, _, tail = words.partition(": ")
    means = "bp-site is made for 1000 at most in an Organization"
    assert head == f"{means}, and acme would have about 1001"
    assert tail.startswith(f"{names[0]} runs in {PROD}, ")
    assert tail.endswith(f", and {len(names) - copies.NAMED} more")
    assert len(set(looks.seen) & set(names)) == copies.LOOKED
    assert 1 < looks.most <= copies.AT_ONCE


async def test_who_applies_looks_at_no_copy_and_finds_the_same_plan(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for(monkeypatch, {"multiInstance": {"enabled": False}})
    happened(place, application_ref("acme", "site"), *INSTALLED)
    looks = Looks(place)
    again = await planned(looks, build.service("provisioning"))
    assert "site" not in looks.seen
    assert again.hash == (await planned(Looks(place))).hash


async def test_what_cannot_be_read_is_told_as_it_is(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(Exception):
        pass

    made_for(monkeypatch, {"multiInstance": {"enabled": False}})
    for name in ("one", "two"):
        happened(place, application_ref("acme", name), *INSTALLED)

    class Broken(Looks):
        @override
        async def __call__(self, ref: Ref, *, up_to: int | None = None) -> Any:
            if ref.id in {"one", "two"}:
                raise Away
            return await super().__call__(ref, up_to=up_to)

    with pytest.raises(Away):
        await planned(Broken(place))


def test_a_deleted_organization_s_are_forgotten_and_no_other_s() -> None:
    names = copies.Names()
    for slug in ("acme", "other"):
        for event in INSTALLED:
            names.apply(build.recorded(event, application_ref(slug, "site")))
    deleted = env1.OrganizationDeleted(slug="acme")
    names.apply(build.recorded(deleted, foreign.organization_ref("acme")))
    assert (names.of("acme", SITE), names.of("other", SITE)) == ({}, {"site": 1})


@pytest.mark.parametrize(
    ("ref", "fact"),
    [
        (application_ref("acme", "site"), "change-waiting"),
        (application_ref("acme", "site"), "change-left"),
        (application_ref("acme", "site"), "desired-set"),
        (application_ref("acme", "site"), "application-removed"),
        (foreign.organization_ref("acme"), "organization-deleted"),
    ],
)
def test_all_that_says_what_is_to_run_is_followed(ref: Ref, fact: str) -> None:
    subject = ref.event(fact, 1)
    assert sum(schema.covers(pattern, subject) for pattern in copies.FOLLOWED) == 1


def _events() -> Iterator[st.SearchStrategy[Event]]:
    change = st.sampled_from(["a", "b", "c"])
    at = st.sampled_from(PLACES)
    new = st.none() | st.builds(site, change, st.sampled_from(["bp-site", "bp-other"]))
    yield st.builds(waits, change, new, at)
    yield st.builds(left, change, st.sampled_from(["completed", "failed", "cancelled"]), at)
    yield st.builds(wanted, change, new, at)
    yield st.builds(removed, change, at)


@given(st.lists(st.one_of(*_events()), max_size=12))
def test_the_index_counts_what_the_states_say_and_misses_none_that_may_be(
    events: list[Event],
) -> None:
    names, state = copies.Names(), Application()
    for event in events:
        names.apply(build.recorded(event, application_ref("acme", "one")))
        state = application.evolve(state, event)
        there = names.of("acme", SITE)
        assert there.get("one", 0) == len(copies.of("one", state, SITE))
        wants = [item.desired for item in state.bindings.values()]
        wants += [item.desired for item in state.queue]
        may = any(one is not None and one.blueprint == "bp-site" for one in wants)
        assert ("one" in there) == may
