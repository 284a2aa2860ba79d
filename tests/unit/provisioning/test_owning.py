"""Whose own a copy is, is written down when it is asked for, and goes with the copy from then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.changing import Town
from tests.support.each import each
from tests.support.examples import at_least
from tests.support.planning import Others, configure, entry, install, known, plan, wiki
from tests.support.plans import ADMIN, DEVELOPER, DIGEST, PROD, apply, locked, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Action, Desired, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    application_ref,
    evolve,
    planned_on,
)
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.owning import NEW, marks, used

pytestmark = pytest.mark.guarantee("G24.6")

replace = msgspec.structs.replace


def asked(action: Action = "configure", **dependencies: str) -> PlanRequest:
    return PlanRequest(
        action=action, environment=PROD, application="blog", dependencies=dependencies
    )


def ran(dependencies: dict[str, str], **own: bool) -> Desired:
    """Return what ran, with what was written down then."""
    return Desired(
        change="ch-0",
        blueprint="bp-x",
        origin="public",
        version="1.0.0",
        digest=DIGEST,
        dependencies=dependencies,
        own=own,
    )


async def done(place: Town, others: Others, name: str, request: PlanRequest) -> None:
    """Let a change be made, whole."""
    apply(place, name, await plan(place, others, request))
    run(place, name)
    assert place.change(name).status == "completed", place.change(name).reason


def test_what_is_asked_for_is_marked_and_all_else_is_shared() -> None:
    item = locked("blog", db="blog-db", cache="redis")
    assert marks(asked("install", db=NEW), item, {}) == {"db": True, "cache": False}
    named = asked("install", db="blog-db")
    assert marks(named, item, {}) == {"db": False, "cache": False}
    # A choice for what is not needed marks nothing.
    assert marks(asked("install", else_=NEW), item, {}) == {"db": False, "cache": False}


@each(["new", "upgraded"])
def test_a_choice_is_the_target_s_alone(role: str) -> None:
    item = locked("db", role, disk="disk")
    assert marks(asked("install", disk=NEW), item, {}) == {"disk": False}


@each(["configure", "upgrade", "rollback"])
def test_a_mark_goes_with_the_copy(action: Action) -> None:
    before = ran({"db": "a", "cache": "b", "old": "c"}, db=True, cache=False)
    assert marks(asked(action), locked("blog", db="a", cache="b", old="c"), used(before)) == {
        "db": True,
        "cache": False,
    }
    # Under another alias as well, and not to another copy under the same one.
    assert marks(asked(action), locked("blog", store="a", cache="d", more="c"), used(before)) == {
        "store": True,
        "cache": False,
    }
    again = asked(action, db="a")
    assert marks(again, locked("blog", db="a"), used(before)) == {"db": True}
    assert marks(asked(action, old=NEW), locked("blog", old="e"), used(before)) == {"old": True}


@each([
        ({"a": True, "b": False}, True),
        ({"a": False, "b": True}, True),
        ({"a": True}, True),
        ({"b": True}, True),
        ({"a": False}, None),
        ({"b": False}, None),
        ({"a": False, "b": False}, False),
        ({}, None),
    ])  # fmt: skip
def test_a_copy_under_two_aliases_is_own_if_it_is_by_one_and_shared_only_by_both(
    own: dict[str, bool],
    found: bool | None,  # noqa: FBT001 - drawn from the table
) -> None:
    for names in (("a", "b"), ("b", "a")):
        assert used(ran(dict.fromkeys(names, "db"), **own)) == {"db": found}


def test_what_values_name_is_no_copy_of_anybody() -> None:
    item = replace(locked("blog"), dependencies={"/store": "b", "db": "b"})
    before = ran({"/store": "b", "db": "c"}, db=True)
    assert marks(asked(), item, used(before)) == {"db": False}


def test_what_names_no_own_copy_has_the_version_that_it_had() -> None:
    def version(desired: Desired) -> str:
        return planned_on(Application(bindings={PROD: Binding(desired=desired)}), PROD)

    before = ran({"db": "a"})
    assert version(before) == "ch-0#5c2a115b9a27d897"
    found = {version(replace(before, own={"db": mark})) for mark in (True, False)}
    assert len({version(before), *found}) == 3


async def test_what_is_applied_says_it_through_every_change_and_what_is_taken_back(
    place: Town, others: Others
) -> None:
    def own() -> Mapping[str, bool]:
        found = place.application("wiki").binding(PROD).desired
        assert found is not None
        return found.own

    def way_back(revision: str) -> PlanRequest:
        return PlanRequest(
            action="rollback", environment=PROD, application="wiki", revision=revision
        )

    await done(place, others, "ch-1", install(dependencies={"postgres": NEW}))
    assert own() == {"postgres": True}
    await done(place, others, "ch-2", configure(values={"logLevel": "debug"}))
    assert own() == {"postgres": True}
    await done(place, others, "ch-3", way_back("ch-1"))
    assert own() == {"postgres": True}
    # It shares another one for a while, which is nobody's; the way back makes it its own again.
    others.locks["wiki"] = [
        entry("all", "bp-postgres", "16.9.1", "new"),
        entry("wiki", "bp-wiki", "2.0.1", "target", postgres="all"),
    ]
    await done(place, others, "ch-4", configure(dependencies={"postgres": "all"}))
    assert own() == {"postgres": False}
    wiki(others)
    apply(place, "ch-5", await plan(place, others, way_back("ch-1")))
    while place.change("ch-5").step != "observe":
        place.answer_all()
        state = place.change("ch-5")
        for unit in state.remaining() if state.step not in {None, "observe"} else ():
            place.report("ch-5", state.step or "", unit.application)
    assert own() == {"postgres": True}
    place.command(change_ref("acme", "ch-5"), pro1.CancelChange(reason="no"), DEVELOPER)
    run(place, "ch-5")
    assert [event.cancelled for event in place.events(pro1.ChangeFailed)] == [True]
    assert own() == {"postgres": False}


def shared(others: Others) -> None:
    """Let the catalogue answer that the database is there already."""
    others.locks["wiki"] = [
        entry("wiki-postgres", "bp-postgres", "16.9.1", "shared"),
        entry("wiki", "bp-wiki", "2.0.1", "target", postgres="wiki-postgres"),
    ]


def removal(action: Action = "uninstall", **more: Any) -> PlanRequest:
    return PlanRequest(action=action, environment=PROD, **more)


@each([(True, True), (True, False), (False, True), (False, False)])
async def test_who_comes_back_after_an_uninstall_finds_its_copies_as_they_were_asked_for(
    kept: bool,  # noqa: FBT001 - a case
    own: bool,  # noqa: FBT001 - a case
) -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    await done(place, others, "ch-1", install(dependencies={"postgres": NEW} if own else {}))
    shared(others)
    gone = removal(application="wiki", keep_data=kept)
    apply(place, "ch-2", await plan(place, others, gone))
    # Whoever plans before it is gone, plans the same.
    early = await plan(place, others, install())
    assert early.desired[f"wiki.{PROD}"].own == {"postgres": own}
    if not kept:
        place.report("ch-2", "unprotect", "wiki")
        place.see("wiki", "ch-2", commit="unprotect-wiki")
    run(place, "ch-2")
    assert place.change("ch-2").status == "completed"
    assert place.application("wiki").bindings == {}
    apply(place, "ch-3", await plan(place, others, install()))
    place.command(change_ref("acme", "ch-3"), pro1.CancelChange(reason="no"), DEVELOPER)
    run(place, "ch-3")
    assert not place.application("wiki").runs_in(PROD)
    await done(place, others, "ch-4", install())
    found = place.application("wiki").binding(PROD).desired
    assert found is not None
    assert found.own == {"postgres": own}


async def test_with_its_environment_each_copy_goes_and_what_was_its_own_is_forgotten(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install(dependencies={"postgres": NEW}))
    for name in ("wiki", "wiki-postgres"):
        admitted = env1.ApplicationAdmitted(environment=PROD, application=name)
        place.given(foreign.environment_ref("acme", PROD), admitted)
    apply(place, "ch-2", await plan(place, others, removal("delete-environment"), ADMIN), ADMIN)
    run(place, "ch-2")
    assert place.application("wiki").bindings == {}
    assert place.application("wiki").used == {}


async def test_a_plan_is_stale_once_what_was_used_last_is_something_else(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install(dependencies={"postgres": NEW}))
    shared(others)
    await done(place, others, "ch-2", removal(application="wiki"))
    state = place.application("wiki")
    versions = {
        planned_on(replace(state, used=was), PROD)
        for was in ({}, {PROD: {"all": False}}, {PROD: {"wiki-postgres": False}}, state.used)
    }
    assert len(versions) == 4
    # As it was counted before that was known.
    unknown = replace(state, used={PROD: {"wiki-postgres": None}})
    assert planned_on(unknown, PROD) == planned_on(replace(state, used={}), PROD)


async def test_what_nobody_wrote_down_stays_so_and_is_no_change(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install(dependencies={"postgres": NEW}))
    found = place.application("wiki").binding(PROD).desired
    assert found is not None
    before = app1.DesiredSet(environment=PROD, change="ch-1", desired=replace(found, own={}))
    place.given(application_ref("acme", "wiki"), before)
    with pytest.raises(Rejected) as caught:
        await plan(place, others, configure(values={}))
    assert caught.value.code == "nothing-to-change"
    later = await plan(place, others, configure(values={"logLevel": "debug"}))
    assert later.desired[f"wiki.{PROD}"].own == {}


def folded(*events: app1.DesiredSet | app1.ChangeWaiting) -> Application:
    state = Application()
    for event in events:
        state = evolve(state, event)
    return state


def running(copy: str | None, environment: str = PROD, *, undo: bool = False) -> app1.DesiredSet:
    desired = None if copy is None else ran({"db": copy}, db=True)
    return app1.DesiredSet(environment=environment, change="ch-0", desired=desired, undo=undo)


def queued(copy: str | None, environment: str = PROD) -> app1.ChangeWaiting:
    desired = None if copy is None else ran({"db": copy}, db=True)
    return app1.ChangeWaiting(
        environment=environment, change=f"ch-{copy}", action="configure", desired=desired
    )


OTHER = "acme-dev"


@each([
        ((running("a"),), "a"),
        ((running("a"), running("b")), "b"),
        ((running("a"), running("e", OTHER)), "a"),
        # As the queue leaves it, in this Environment alone.
        ((running("a"), queued("b")), "b"),
        ((running("a"), queued("b"), queued("c")), "c"),
        ((running("a"), queued("b"), queued("e", OTHER)), "b"),
        ((running("a"), queued("b"), queued(None)), "b"),
        # What went is what was used last; what is taken back never was.
        ((running("a"), running(None)), "a"),
        ((running("a"), running(None), running("e", OTHER), running(None, OTHER)), "a"),
        ((running("a"), running(None), running("b"), running(None, undo=True)), "a"),
        ((running("a"), running("b"), running("a", undo=True), running(None, undo=True)), None),
    ])  # fmt: skip
def test_what_is_used_or_was_last_is_the_newest_that_is_asked_for_there(
    events: tuple[app1.DesiredSet | app1.ChangeWaiting, ...], found: str | None
) -> None:
    assert folded(*events).used_in(PROD) == ({} if found is None else {found: True})


ALIASES = ("db", "cache")
COPIES = ("a", "b", "c")
STEPS = st.lists(st.dictionaries(st.sampled_from(ALIASES), st.sampled_from((*COPIES, NEW))))


@at_least(200)
@given(STEPS, st.booleans())
def test_over_any_changes_a_copy_is_own_exactly_if_it_was_asked_for_as_that(
    steps: list[dict[str, str]],
    known: bool,  # noqa: FBT001 - drawn
) -> None:
    """Against a model that knows only which copies there are, and for whom they were made."""
    made: set[str] = set()
    uses: dict[str, str] = {"db": "a"}
    before = ran({**uses}, **({"db": False} if known else {}))
    unknown: set[str] = set() if known else {"a"}
    for number, choices in enumerate(steps):
        for alias, choice in sorted(choices.items()):
            copy = f"new-{number}-{alias}" if choice == NEW else choice
            made |= {copy} if choice == NEW else set()
            uses[alias] = copy
        item = locked("blog", **uses)
        found = marks(asked("configure", **choices), item, used(before))
        now = set(uses.values())
        unknown &= now
        wanted: dict[str, Any] = {
            alias: copy in made for alias, copy in uses.items() if copy not in unknown
        }
        assert found == wanted
        before = ran({**uses}, **found)
