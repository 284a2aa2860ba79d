"""No Application comes to wait for itself, however the changes end that are under way.

The catalogue is scripted here: what it is not asked, it cannot refuse.
"""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.changing import Town
from tests.support.examples import at_least
from tests.support.planning import Others, configure, entry, install, known, plan, remade
from tests.support.plans import DEVELOPER, PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import plan as plans
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G24.5")
FIELD = "/postgres/application"


class Story:
    """Applications that each use one other, or none, as `next`."""

    def __init__(self, place: Town) -> None:
        self.place = place
        self.others = Others()

    def copy(self) -> "Story":
        return Story(self.place.copy())

    def runs(self, name: str) -> bool:
        return self.place.application(name).expected(PROD)[0] is not None

    async def plan(self, name: str, uses: str = "", **values: int) -> Plan:
        """Return the plan by which an Application uses another one, or none any more."""
        aliases = {"next": uses} if uses else {}
        shared = [entry(uses, "bp-redis", "1.2.1", "shared")] if uses else []
        self.others.locks = {name: [*shared, entry(name, "bp-redis", "1.2.1", **aliases)]}
        if not self.runs(name):
            return await plan(self.place, self.others, install(name, blueprint="bp-redis"))
        request = configure(application=name, values=values, dependencies=aliases)
        return await plan(self.place, self.others, request)

    async def begin(self, change: str, name: str, uses: str = "") -> None:
        """Let a change be under way, its files committed."""
        self.observed(change, await self.plan(name, uses))

    def observed(self, change: str, found: Plan) -> None:
        apply(self.place, change, found)
        self.go_on(change)

    def go_on(self, change: str) -> None:
        for _ in range(20):
            state = self.place.change(change)
            if state.step is None or state.step == "observe":
                return
            self.place.answer_all()
            for unit in self.place.change(change).remaining():
                self.place.report(change, state.step, unit.application)
        raise AssertionError("it never came to be observed")

    async def done(self, change: str, name: str, uses: str = "") -> None:
        """Let a change come true."""
        apply(self.place, change, await self.plan(name, uses))
        self.finish(change)

    def finish(self, change: str, result: str = "completed") -> None:
        run(self.place, change)
        assert self.place.change(change).status == result

    def cancel(self, change: str) -> None:
        """Let a change be taken back."""
        stop = pro1.CancelChange(reason="not today")
        self.place.command(change_ref("acme", change), stop, DEVELOPER)
        run(self.place, change)
        assert self.place.change(change).cancelled

    def standing(self) -> dict[str, list[str]]:
        """Return what each Application needs by what is to run."""
        found = {}
        for name in ("ra", "rb", "rc", "rd", "re", "rf"):
            desired = self.place.application(name).binding(PROD).desired
            if desired is not None:
                found[name] = sorted(desired.dependencies.values())
        return found


async def made_of(*chains: str) -> Story:
    """Return a town in which each Application of a chain uses the next one."""
    found = Story(town())
    known(found.place)
    for chain in chains:
        names = chain.split()
        for name, *uses in reversed([names[at : at + 2] for at in range(len(names))]):
            await found.done(f"ch-{name}", name, *uses)
    return found


@pytest.fixture(scope="module")
def chain() -> Story:
    return asyncio.run(made_of("rb rc rd ra"))


@pytest.fixture(scope="module")
def halves() -> Story:
    return asyncio.run(made_of("rb rc rd", "re rf ra"))


@pytest.fixture
def story(chain: Story) -> Story:
    """`rb` uses `rc`, that `rd`, and that `ra`."""
    return chain.copy()


@pytest.fixture
def two(halves: Story) -> Story:
    """`rb` uses `rc`, and that `rd`; `re` uses `rf`, and that `ra`."""
    return halves.copy()


async def test_what_a_cancelled_change_brings_back_is_counted(story: Story) -> None:
    with pytest.raises(Rejected, match="ra → rb → rc → rd → ra") as refused:
        await story.plan("ra", "rb")
    assert refused.value.code == "dependency-cycle"
    await story.begin("ch-1", "rd")
    found = await story.plan("ra", "rb")
    (blocker,) = found.blocked_by
    assert (blocker.code, blocker.chain[0].name) == ("dependency-unsettled", "ch-1")
    assert blocker.message == (
        "ra may come to wait for itself (ra → rb → rc → rd → ra), and ch-1 works on rd: plan again"
        " once that is over; a next of its own is another way"
    )
    with pytest.raises(Rejected) as refused:
        apply(story.place, "ch-2", found)
    assert refused.value.code == "dependency-unsettled"
    story.cancel("ch-1")
    assert story.standing() == {"ra": [], "rb": ["rc"], "rc": ["rd"], "rd": ["ra"]}
    with pytest.raises(Rejected, match="ra → rb → rc → rd → ra"):
        await story.plan("ra", "rb")


async def test_once_it_is_over_nothing_of_it_counts(story: Story) -> None:
    await story.begin("ch-1", "rd")
    story.finish("ch-1")
    await story.done("ch-2", "ra", "rb")
    assert story.standing() == {"ra": ["rb"], "rb": ["rc"], "rc": ["rd"], "rd": []}


async def test_what_runs_between_two_that_wait_is_counted(story: Story) -> None:
    """The second takes away what the first brings; until then it is there."""
    await story.done("ch-1", "rd")
    await story.begin("ch-2", "rd", "ra")
    apply(story.place, "ch-3", await story.plan("rd"))
    (blocker,) = (await story.plan("ra", "rb")).blocked_by
    assert (blocker.code, blocker.chain[0].name) == ("dependency-unsettled", "ch-2")


async def test_what_waits_for_the_same_change_builds_on_its_success(story: Story) -> None:
    """It ends itself if that one does, so nothing comes back beside it."""
    both = entry("rd", "bp-redis", "1.2.1", "upgraded"), entry("ra", "bp-redis", "1.2.1", own="rd")
    story.others.locks = {"ra": list(both)}
    request = configure(application="ra", dependencies={"own": "rd"})
    story.observed("ch-1", await plan(story.place, story.others, request))
    found = await story.plan("ra", "rb")
    assert found.blocked_by == ()
    apply(story.place, "ch-2", found)
    story.cancel("ch-1")
    assert story.place.change("ch-2").status == "failed"
    assert story.standing() == {"ra": [], "rb": ["rc"], "rc": ["rd"], "rd": ["ra"]}


async def test_of_two_that_close_a_circle_together_the_second_is_stale(two: Story) -> None:
    first, second = await two.plan("ra", "rb"), await two.plan("rd", "re")
    assert {one for one in first.inputs if one.startswith(plans.NEEDS)} == {f"needs:rd@{PROD}"}
    assert {one for one in second.inputs if one.startswith(plans.NEEDS)} == {f"needs:ra@{PROD}"}
    apply(two.place, "ch-1", first)
    with pytest.raises(Rejected) as refused:
        apply(two.place, "ch-2", second)
    assert refused.value.code == "plan-stale"
    assert [(one.pointer, one.message) for one in refused.value.errors] == [
        ("/data/inputs/needs:ra@acme-prod", "ra in acme-prod needs others than planned, or may")
    ]
    with pytest.raises(Rejected, match="rd → re → rf → ra → rb → rc → rd") as refused:
        await two.plan("rd", "re")
    assert refused.value.code == "dependency-cycle"


async def test_what_changes_nothing_of_what_is_needed_makes_no_plan_stale(two: Story) -> None:
    """Of what is used through others only that counts."""
    first = await two.plan("ra", "rb")
    far = await two.plan("rd", maxMemoryMiB=300)
    apply(two.place, "ch-1", far)
    assert (await two.plan("ra", "rb")).hash == first.hash
    apply(two.place, "ch-2", first)
    two.finish("ch-1")
    two.finish("ch-2")
    assert two.standing()["ra"] == ["rb"]


async def test_who_needs_nothing_new_rests_on_nothing_beyond_what_it_uses(two: Story) -> None:
    found = await two.plan("rb", "rc", maxMemoryMiB=300)
    assert not [one for one in found.inputs if one.startswith(plans.NEEDS)]


async def test_the_plan_of_a_change_is_made_again_with_what_it_rested_on(two: Story) -> None:
    first = await two.plan("ra", "rb")
    then = two.place.copy()
    apply(two.place, "ch-1", first)
    again = await remade(two.place, then, two.others)
    assert again.missing == ()
    assert again.plan is not None
    assert again.plan.inputs == first.inputs


async def test_a_plan_of_before_this_was_looked_at_is_made_again(two: Story) -> None:
    first = await two.plan("ra", "rb")
    less = {name: one for name, one in first.inputs.items() if not name.startswith(plans.NEEDS)}
    old = replace(first, inputs=less, hash=plans.plan_hash(first.request, less))
    then = two.place.copy()
    apply(two.place, "ch-1", old)
    again = await remade(two.place, then, two.others)
    assert again.plan is not None
    assert again.plan.hash == old.hash


def circular(place: Town, name: str, needs: dict[str, Any]) -> None:
    """Let an Application need what no plan would let it need any more."""
    desired = place.application(name).binding(PROD).desired
    assert desired is not None
    event = app1.DesiredSet(
        environment=PROD,
        change=desired.change,
        desired=replace(desired, dependencies={**desired.dependencies, **needs}),
    )
    place.given(application_ref("acme", name), event)


RING = {"ra": "rb", "rb": "rc", "rc": "rd", "rd": "re", "re": "rf", "rf": "ra"}
Asked = list[tuple[str, bool, str]]
"""Who is to use the next one, or no more; whether that is planned before all; and how it ends."""


@st.composite
def asked(draw: st.DrawFn) -> tuple[set[str], Asked]:
    """Return who does not use the next one of the ring at first, and what people then ask for."""
    apart = draw(st.lists(st.sampled_from(sorted(RING)), min_size=1, max_size=2, unique=True))
    more = draw(st.lists(st.sampled_from(sorted(RING)), max_size=2))
    ends = st.sampled_from(("stays", "comes true", "is taken back"))
    names = draw(st.permutations([*apart, *more]))
    return set(apart), [(name, draw(st.booleans()), draw(ends)) for name in names]


def circle(near: dict[str, list[str]]) -> bool:
    """Return whether something needs itself, through others too."""
    found = near
    for _ in near:
        found = {
            one: sorted({*names, *(far for name in names for far in near[name])})
            for one, names in found.items()
        }
    return any(one in names for one, names in found.items())


@pytest.fixture(scope="module")
def ring() -> Story:
    return asyncio.run(made_of(*RING))


@at_least(100)
@given(asked=asked())
@example(asked=({"ra"}, [("rb", False, "is taken back"), ("ra", False, "stays")]))
@example(asked=({"ra", "rd"}, [("ra", True, "comes true"), ("rd", True, "comes true")]))
def test_whatever_people_ask_for_and_take_back_nothing_waits_for_itself(
    ring: Story, asked: tuple[set[str], Asked]
) -> None:
    apart, requests = asked
    story = ring.copy()
    for name in RING.keys() - apart:
        circular(story.place, name, {"next": RING[name]})
    asyncio.run(carried_out(story, requests))


async def carried_out(story: Story, requests: Asked) -> None:
    async def planned(name: str) -> Plan | None:
        used = story.standing()[name]
        try:
            return await story.plan(name, "" if used else RING[name])
        except Rejected:
            return None

    plans_ = {at: await planned(name) for at, (name, early, _) in enumerate(requests) if early}
    for at, (name, _, _) in enumerate(requests):
        found = plans_[at] if at in plans_ else await planned(name)
        if found is not None:
            with suppress(Rejected):
                story.observed(f"change-{at}", found)
        assert not circle(story.standing())
    for at, (_, _, end) in enumerate(requests):
        if story.place.change(f"change-{at}").opened is not None:
            story.go_on(f"change-{at}")
            if end == "comes true":
                run(story.place, f"change-{at}")
            elif end == "is taken back":
                with suppress(Rejected):
                    story.cancel(f"change-{at}")
        assert not circle(story.standing())


def naming(name: str) -> dict[str, Any]:
    return {"postgres": {"mode": "existing", "application": name}}


@pytest.fixture
async def field() -> Story:
    """A wiki that names `db` in a field, and `other`, which it could name."""
    found = await made_of()
    found.others.locks = {
        "db": [entry("db", "bp-postgres", "16.9.1")],
        "other": [entry("other", "bp-postgres", "16.9.1")],
        "wiki": [entry("wiki", "bp-wiki", "2.0.1")],
    }
    for request in (
        install("db", blueprint="bp-postgres"),
        install("other", blueprint="bp-postgres"),
        install(values=naming("db")),
    ):
        change = f"ch-{request.application}"
        apply(found.place, change, await plan(found.place, found.others, request))
        found.finish(change)
    return found


async def test_a_circle_that_stands_by_a_field_keeps_nobody_from_changing_something_else(
    field: Story,
) -> None:
    """It may have been made before circles were looked for."""
    for name in ("db", "other"):
        circular(field.place, name, {"next": "wiki"})
    found = await plan(field.place, field.others, configure(values={"logLevel": "debug"}))
    assert found.blocked_by == ()
    assert found.desired[f"wiki.{PROD}"].dependencies == {FIELD: "db"}
    with pytest.raises(Rejected, match="other needs wiki itself") as refused:
        await plan(field.place, field.others, configure(values=naming("other")))
    assert refused.value.code == "values-invalid"


async def test_what_a_field_comes_to_name_is_judged_like_an_alias(field: Story) -> None:
    """An install may close a circle where something still needs what had the name before."""
    circular(field.place, "other", {"next": "notes"})
    away = await plan(field.place, field.others, configure(application="other"))
    apply(field.place, "ch-1", away)
    field.others.locks = {"notes": [entry("notes", "bp-wiki", "2.0.1")]}
    request = install("notes", blueprint="bp-wiki", values=naming("other"))
    (blocker,) = (await plan(field.place, field.others, request)).blocked_by
    assert (blocker.code, blocker.chain[0].name) == ("dependency-unsettled", "ch-1")
    assert blocker.message == (
        "notes may come to wait for itself (notes → other → notes), and ch-1 works on other: plan"
        " again once that is over"
    )
