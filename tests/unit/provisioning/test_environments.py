"""An Application in several Environments: what happens in one of them is nothing to the others."""

import msgspec
from tests.support import build, planning
from tests.support.each import each
from tests.support.planning import Others, known, plan
from tests.support.plans import DIGEST, PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Action, Desired, PlanRequest
from catalyst.provisioning.domain import foreign, possible
from catalyst.provisioning.domain.application import (
    Application,
    application_ref,
    evolve,
    planned_on,
)
from catalyst.provisioning.domain.facts import Facts

DEV = "acme-dev"
BLOG = application_ref("acme", "blog")


def wanted(change: str, **needs: str) -> Desired:
    """Return what a change wants to run."""
    return Desired(
        change=change,
        blueprint="bp-blog",
        origin="public",
        version="1.0.0",
        digest=DIGEST,
        dependencies=needs,
    )


def waits(change: str, at: str, action: Action = "configure", **needs: str) -> app1.ChangeWaiting:
    desired = None if action in {"uninstall", "delete-environment"} else wanted(change, **needs)
    return app1.ChangeWaiting(change=change, environment=at, action=action, desired=desired)


def taken(change: str, at: str, action: Action = "configure") -> app1.ChangeTaken:
    return app1.ChangeTaken(change=change, environment=at, action=action)


def runs(change: str, at: str, **needs: str) -> app1.DesiredSet:
    return app1.DesiredSet(environment=at, change=change, desired=wanted(change, **needs))


def blog(*events: Event) -> Application:
    """Return an Application to which this has happened."""
    state = Application()
    for event in events:
        state = evolve(state, event)
    return state


def revision(found: Desired | None) -> str:
    return found.change if found is not None else ""


# ---- the queue


def test_what_is_expected_in_one_is_what_changes_of_that_one_leave() -> None:
    state = blog(
        runs("ch-1", PROD),
        waits("ch-2", PROD),
        waits("ch-3", DEV),
        waits("ch-4", PROD, "uninstall"),
        waits("ch-5", DEV),
    )
    assert (revision(state.expected(DEV)[0]), state.expected(DEV)[1]) == ("ch-5", "ch-5")
    assert state.expected(PROD) == (None, "")
    found = [state.promised(PROD, name) for name in ("ch-2", "ch-3", "ch-4", "ch-5", "ch-6")]
    assert found == ["ch-1", "ch-2", "ch-2", "", ""]
    assert [state.promised(DEV, name) for name in ("ch-3", "ch-4", "ch-6")] == ["", "ch-3", "ch-5"]
    assert [revision(one) for one in possible.outcomes(state, PROD)] == ["ch-1", "ch-2", ""]
    assert [revision(one) for one in possible.outcomes(state, DEV)] == ["", "ch-3", "ch-5"]
    assert [revision(one) for one in possible.outcomes(state, PROD, {"ch-2"})] == ["ch-2", ""]


def test_a_change_of_several_stands_in_the_queue_once_for_each_and_leaves_one_at_a_time() -> None:
    state = blog(waits("ch-1", PROD), waits("ch-1", DEV), waits("ch-2", PROD))
    assert (state.changes(), state.behind("ch-1"), state.behind("ch-2")) == (
        *(("ch-1", "ch-2"), "ch-2", ""),
    )
    assert [state.ahead_of(name) for name in ("ch-1", "ch-2", "ch-3")] == [
        *((), ("ch-1",), ("ch-1", "ch-2")),
    ]
    state = evolve(state, taken("ch-1", DEV))
    assert [item.taken for item in state.queue] == [False, True, False]
    told = msgspec.structs.replace(waits("ch-1", PROD), gates=("approvals",))
    state = evolve(state, told)
    assert [item.gates for item in state.queue] == [("approvals",), (), ()]
    state = evolve(state, taken("ch-1", PROD))
    assert [(item.gates, item.taken) for item in state.queue[:2]] == [((), True), ((), True)]
    left = app1.ChangeLeft(change="ch-1", environment=PROD, result="completed")
    state = evolve(state, left)
    assert [(item.change, item.environment) for item in state.queue] == [
        *(("ch-1", DEV), ("ch-2", PROD)),
    ]


def test_it_is_deleted_by_what_deletes_that_environment_now() -> None:
    coming = blog(runs("ch-1", DEV), waits("ch-2", DEV, "delete-environment"))
    assert coming.deleted_by(DEV) == ""
    going = evolve(coming, taken("ch-2", DEV, "delete-environment"))
    assert (going.deleted_by(DEV), going.deleted_by(PROD)) == ("ch-2", "")
    alone = blog(runs("ch-1", DEV), waits("ch-2", DEV, "uninstall"), taken("ch-2", DEV))
    assert alone.deleted_by(DEV) == ""


@each([
        ((waits("ch-1", PROD, "install"),), True),
        ((waits("ch-1", PROD, "install"), runs("ch-1", PROD)), True),
        ((waits("ch-1", DEV, "install"), runs("ch-1", DEV)), False),
        ((runs("ch-0", PROD), waits("ch-1", PROD)), False),
        ((runs("ch-0", PROD), waits("ch-1", PROD), runs("ch-1", PROD)), False),
        ((runs("ch-0", PROD), waits("ch-1", PROD, "uninstall")), False),
        ((runs("ch-1", PROD),), False),
        ((waits("ch-1", PROD, "uninstall"),), False),
        ((), False),
    ])  # fmt: skip
def test_room_is_only_held_while_what_brings_it_to_that_one_is_under_way(
    events: tuple[Event, ...],
    held: bool,  # noqa: FBT001 - drawn from the table
) -> None:
    assert blog(*events).is_held(PROD) is held


def test_what_does_not_run_in_one_is_told_with_the_last_change_of_that_one() -> None:
    queue = (waits("ch-1", PROD, "uninstall"), waits("ch-2", DEV, "uninstall"))
    for state, words in (
        (blog(*queue), f"blog does not run in {PROD} any more once ch-1 is over"),
        (blog(queue[1]), f"blog does not run in {PROD}"),
        (blog(), f"blog does not run in {PROD}"),
    ):
        facts = Facts(
            name="acme",
            now=build.NOW,
            organization=foreign.Organization(),
            environments={},
            applications={"blog": state},
            git_url="",
            currency="OMR",
        )
        assert facts.lacking("blog", PROD) == words
    assert facts.lacking("shop", PROD) == f"shop does not run in {PROD}"


# ---- what a plan rests on


def test_a_plan_knows_of_other_environments_only_whether_it_runs_there() -> None:
    state = blog(runs("ch-1", PROD))
    alone = planned_on(state, PROD)
    both = evolve(state, runs("ch-2", DEV))
    assert planned_on(both, PROD) != alone
    there: tuple[Event, ...] = (
        runs("ch-3", DEV),
        app1.DependentAdded(environment=DEV, dependent="shop", change="ch-3"),
        waits("ch-4", DEV),
    )
    for event in there:
        assert planned_on(evolve(both, event), PROD) == planned_on(both, PROD)
    here: tuple[Event, ...] = (
        app1.DependentAdded(environment=PROD, dependent="shop", change="ch-3"),
        app1.RepositoryArchived(repository="blog", change="ch-3"),
        waits("ch-4", PROD),
    )
    for event in here:
        assert planned_on(evolve(both, event), PROD) != planned_on(both, PROD)
    gone = app1.ApplicationRemoved(environment=DEV, change="ch-5", kept_data=True)
    assert planned_on(evolve(both, gone), PROD) == alone
    assert planned_on(blog(), PROD).startswith("none#")
    assert alone.startswith("ch-1#")


def test_who_needs_it_in_one_needs_it_there_alone() -> None:
    state = blog(
        runs("ch-1", PROD, database="store"),
        runs("ch-1", DEV, database="dev-store"),
        waits("ch-2", PROD, database="other"),
    )
    assert possible.needed(state, PROD) == {"store", "other"}
    assert possible.needed(state, DEV) == {"dev-store"}


def test_who_needs_it_no_more_is_taken_out_alone() -> None:
    names = ("shop", "blog", "wiki", "blog")
    state = blog(
        runs("ch-1", PROD),
        *(app1.DependentAdded(environment=PROD, dependent=x, change="ch-1") for x in names),
    )
    assert state.binding(PROD).dependents == ("blog", "shop", "wiki")
    left = app1.DependentRemoved(environment=PROD, dependent="shop", change="ch-2")
    assert evolve(state, left).binding(PROD).dependents == ("blog", "wiki")


# ---- its end


def test_a_repository_stays_archived_until_something_is_to_run_again() -> None:
    state = blog(runs("ch-1", PROD), app1.RepositoryArchived(repository="blog", change="ch-2"))
    others: tuple[Event, ...] = (
        app1.DesiredSet(environment=PROD, change="ch-2", desired=None),
        app1.DependentAdded(environment=PROD, dependent="shop", change="ch-2"),
        waits("ch-3", PROD),
    )
    for event in others:
        assert evolve(state, event).archived
    assert not evolve(state, runs("ch-3", DEV)).archived


def test_the_silence_of_what_was_never_seen_is_no_news() -> None:
    state = blog(runs("ch-1", PROD))
    silent = app1.ApplicationSilent(environment=PROD, since=build.NOW)
    assert evolve(state, silent) == state
    assert evolve(Application(), silent) == Application()


def test_what_can_come_back_is_what_ran_last() -> None:
    state = blog(*(runs(f"ch-{number}", PROD) for number in range(22)), runs("ch-2", PROD))
    history = [one.change for one in state.binding(PROD).history]
    assert history == [*(f"ch-{number}" for number in range(3, 22)), "ch-2"]
    off = app1.DesiredSet(environment=PROD, change="ch-30", desired=None)
    assert len(evolve(state, off).binding(PROD).history) == 20
    before = wanted("ch-21")
    back = app1.DesiredSet(environment=PROD, change="ch-2", desired=before, undo=True)
    binding = evolve(state, back).binding(PROD)
    assert (binding.desired, binding.before) == (before, None)
    assert [one.change for one in binding.history] == history[:-1]


def test_what_is_removed_from_one_stays_in_the_other() -> None:
    seen = app1.ApplicationObserved(
        environment=DEV,
        applied="current",
        health="healthy",
        source="cluster",
        observed_at=build.NOW,
    )
    state = blog(runs("ch-1", PROD), runs("ch-1", DEV), seen)
    off = app1.DesiredSet(environment=DEV, change="ch-2", desired=None)
    removed = app1.ApplicationRemoved(environment=DEV, change="ch-2", kept_data=True)
    state = evolve(evolve(state, off), removed)
    assert (set(state.bindings), state.runs(), state.runs_in(DEV)) == ({PROD}, True, False)
    # What was seen there may have left data, and what ran last says which.
    assert {at: one.change for at, one in state.left.items()} == {DEV: "ch-1"}
    lost = app1.ApplicationRemoved(environment=PROD, change="ch-3", kept_data=False)
    assert set(evolve(state, lost).left) == {DEV}
    assert evolve(state, msgspec.structs.replace(lost, environment=DEV)).left == {}


async def test_what_runs_elsewhere_keeps_its_repository() -> None:
    place, others = town(), Others()
    known(place)
    others.locks["cache"] = [planning.entry("cache", "bp-redis", "1.2.1")]
    apply(place, "ch-0", await plan(place, others, planning.install("cache", blueprint="bp-redis")))
    run(place, "ch-0")
    gone = PlanRequest(action="uninstall", environment=PROD, application="cache")
    ref = application_ref("acme", "cache")
    before = place.copy()
    words = "repository cache: the Application runs elsewhere"

    async def archived(*events: Event) -> bool:
        """Return whether the plan archives its repository, after this has happened as well."""
        at = before.copy()
        at.given(ref, *events)
        found = await plan(at, others, gone)
        assert (words in found.stays) is ("archive" not in [one.step for one in found.steps])
        assert found.gone == (("cache",) if words not in found.stays else ())
        return "cache" in found.gone

    assert await archived()
    assert not await archived(runs("ch-5", DEV))
    assert not await archived(waits("ch-5", DEV, "install"))
    assert await archived(runs("ch-5", DEV), waits("ch-6", DEV, "uninstall"))
