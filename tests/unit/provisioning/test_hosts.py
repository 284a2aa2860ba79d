"""One public host, one Application in one Environment, however changes begin and end."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.support.changing import Held
from tests.support.planning import Others, configure, entry, install, known, plan, remade
from tests.support.plans import DEVELOPER, PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import hosts
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G14.26")
ONE, TWO, THREE = "one.example.com", "two.example.com", "three.example.com"


class Story:
    """Wikis without databases of their own, each with a host or with none."""

    def __init__(self) -> None:
        self.place = town()
        known(self.place)
        self.others = Others()
        self.done("db", install("db", blueprint="bp-postgres"), blueprint="bp-postgres")

    def plan(self, request: PlanRequest, blueprint: str = "bp-wiki") -> Plan:
        name = request.application or ""
        if blueprint == "bp-wiki":
            db = entry("db", "bp-postgres", "16.9.1", "shared")
            self.others.locks[name] = [db, entry(name, "bp-wiki", "2.0.1", postgres="db")]
        else:
            self.others.locks[name] = [entry(name, "bp-postgres", "16.9.1")]
        return asyncio.run(plan(self.place, self.others, request))

    def install(self, name: str, host: str) -> Plan:
        return self.plan(install(name, blueprint="bp-wiki", values={"domain": host}))

    def configure(self, name: str, host: str | None) -> Plan:
        return self.plan(configure(application=name, values={"domain": host}))

    def uninstall(self, name: str) -> Plan:
        gone = PlanRequest(action="uninstall", environment=PROD, application=name)
        return asyncio.run(plan(self.place, self.others, gone))

    def done(self, name: str, request: PlanRequest, blueprint: str = "bp-wiki") -> None:
        self.through(f"in-{name}", self.plan(request, blueprint))

    def through(self, change: str, found: Plan, result: str = "completed") -> None:
        apply(self.place, change, found)
        self.finish(change, result)

    def finish(self, change: str, result: str = "completed") -> None:
        run(self.place, change)
        assert self.place.change(change).status == result

    def committed(self, change: str) -> None:
        """Let a change go on until its files are committed, or it is over."""
        while (state := self.place.change(change)).step not in {None, "observe"}:
            self.place.answer_all()
            for unit in self.place.change(change).remaining():
                if state.step in {"repository", "commit"}:
                    self.place.report(change, state.step, unit.application)

    def cancel(self, change: str) -> None:
        stop = pro1.CancelChange(reason="not today")
        self.place.command(change_ref("acme", change), stop, DEVELOPER)
        run(self.place, change)
        assert self.place.change(change).is_over

    def lose(self, change: str) -> None:
        """Let a change be cancelled while nobody can take back what it committed."""
        self.committed(change)
        stop = pro1.CancelChange(reason="not today")
        self.place.command(change_ref("acme", change), stop, DEVELOPER)
        while (state := self.place.change(change)).step == "commit":
            for unit in state.remaining():
                self.place.report(change, "commit", unit.application, failed="away", undo=True)
        run(self.place, change)
        assert "commit" in self.place.change(change).passed

    def held(self) -> dict[str, str]:
        """Return who has each host."""
        return {
            name.name: held.digest
            for name, held in self.place.claims.items()
            if name.kind == "host" and held.holder is not None
        }


@pytest.fixture
def story() -> Story:
    return Story()


def blocked(found: Plan) -> dict[str, str]:
    return {one.code: one.message for one in found.blocked_by}


# ---- who has a host


def test_a_plan_says_which_hosts_it_wants_and_rests_on_them(story: Story) -> None:
    found = story.install("wiki", ONE)
    assert found.desired[f"wiki.{PROD}"].hosts == (ONE,)
    assert found.inputs[f"host:{ONE}"] == "free"
    assert story.held() == {}
    story.place.claims[hosts.claim(ONE)] = Held(change_ref("omantel", "ch-7"))
    assert story.install("wiki", ONE).hash != found.hash
    without = story.plan(install("wiki", blueprint="bp-wiki"))
    assert not [name for name in without.inputs if name.startswith("host:")]


def test_a_host_is_had_from_the_batch_that_opens_the_change(story: Story) -> None:
    apply(story.place, "ch-1", story.install("wiki", ONE))
    assert story.held() == {ONE: f"wiki.{PROD}"}
    story.finish("ch-1")
    assert story.held() == {ONE: f"wiki.{PROD}"}
    assert story.place.application("wiki").binding(PROD).desired.hosts == (ONE,)  # type: ignore[union-attr]


def test_nobody_else_is_planned_with_it(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    found = story.install("docs", ONE.upper())
    assert blocked(found) == {"host-taken": f"wiki in {PROD} has the host {ONE}"}
    (blocker,) = found.blocked_by
    assert [(link.kind, link.name) for link in blocker.chain] == [("host", ONE)]
    with pytest.raises(Rejected) as refused:
        apply(story.place, "ch-2", found)
    assert refused.value.code == "host-taken"
    assert story.held() == {ONE: f"wiki.{PROD}"}


def test_of_two_plans_the_second_is_stale(story: Story) -> None:
    first, second = story.install("wiki", ONE), story.install("docs", ONE)
    assert not first.blocked_by
    assert not second.blocked_by
    apply(story.place, "ch-1", first)
    with pytest.raises(Rejected) as refused:
        apply(story.place, "ch-2", second)
    assert refused.value.code == "plan-stale"
    told = {one.pointer: one.message for one in refused.value.errors}
    assert told[f"/data/inputs/host:{ONE}"] == f"the host {ONE} was free, and is taken now"


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        (Ref("omantel", "provisioning", "change", "ch-7"), "another Organization has the host"),
        (Ref("omantel", "environment", "organization", "omantel"), "another Organization has"),
        (Ref("acme", "environment", "organization", "acme"), "is the public host of the Org"),
        (Ref("acme2", "provisioning", "change", "ch-7"), "another Organization has the host"),
    ],
)
def test_no_other_organization_is_told_of(story: Story, holder: Ref, words: str) -> None:
    story.place.claims[hosts.claim(ONE)] = Held(holder, digest=f"wiki.{PROD}")
    found = story.install("wiki", ONE)
    assert words in blocked(found)["host-taken"]
    assert "omantel" not in str(found.blocked_by)
    assert found.inputs[f"host:{ONE}"] == "taken"


def test_two_of_one_plan_do_not_share_one(story: Story) -> None:
    made = story.install("wiki", ONE)
    (desired,) = (one for key, one in made.desired.items() if key == f"wiki.{PROD}")
    both = replace(made, desired={**made.desired, f"docs.{PROD}": desired})
    found = hosts.judged(both, "acme", {hosts.claim(ONE): story.place.claim(hosts.claim(ONE))})
    both_words = f"docs in {PROD} and wiki in {PROD} would both have the host {ONE}"
    reversed_words = f"wiki in {PROD} and docs in {PROD} would both have the host {ONE}"
    assert blocked(found)["host-taken"] in {both_words, reversed_words}


def test_a_change_has_so_many_hosts_at_most(story: Story) -> None:
    made = story.install("wiki", ONE)
    for count, code in ((hosts.HOSTS_MAX, None), (hosts.HOSTS_MAX + 1, "too-large")):
        many = tuple(f"h{number}.example.com" for number in range(count))
        desired = {f"wiki.{PROD}": replace(made.desired[f"wiki.{PROD}"], hosts=many)}
        wanted = replace(made, desired=desired)
        claims = {claim: story.place.claim(claim) for claim in hosts.wanted(wanted)}
        found = hosts.judged(wanted, "acme", claims)
        assert [one.code for one in found.blocked_by] == ([code] if code else [])


@pytest.mark.parametrize("number", [hosts.HELD_MAX - 1, hosts.HELD_MAX])
def test_what_may_have_to_be_given_back_is_bounded(story: Story, number: int) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    ran = story.place.application("wiki").binding(PROD).desired
    assert ran is not None
    many = tuple(f"h{at}.example.com" for at in range(number))
    now = app1.DesiredSet(environment=PROD, change="ch-1", desired=replace(ran, hosts=many))
    # The one that stands in Git counts as well.
    story.place.given(application_ref("acme", "wiki"), now)
    assert [one.code for one in story.uninstall("wiki").blocked_by] == (
        ["too-large"] if number + 1 > hosts.HELD_MAX else []
    )
    assert [one.code for one in story.configure("wiki", TWO).blocked_by] == ["too-large"]


# ---- what becomes of it


def test_it_moves_with_what_is_configured(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    found = story.configure("wiki", TWO)
    assert {k: v for k, v in found.inputs.items() if k.startswith("host:")} == {
        f"host:{TWO}": "free"
    }
    apply(story.place, "ch-2", found)
    assert story.held() == {ONE: f"wiki.{PROD}", TWO: f"wiki.{PROD}"}
    story.finish("ch-2")
    assert story.held() == {TWO: f"wiki.{PROD}"}
    with pytest.raises(Rejected, match="everything is as it was asked for"):
        story.configure("wiki", TWO)
    kept = story.plan(configure(application="wiki", values={"logLevel": "debug"}))
    assert kept.inputs[f"host:{TWO}"] == "its own"
    story.through("ch-3", story.configure("wiki", None))
    assert story.held() == {}


def test_what_is_taken_back_has_what_it_had(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    apply(story.place, "ch-2", story.configure("wiki", TWO))
    story.committed("ch-2")
    assert story.place.application("wiki").binding(PROD).desired.hosts == (TWO,)  # type: ignore[union-attr]
    story.cancel("ch-2")
    assert story.held() == {ONE: f"wiki.{PROD}"}


def test_what_cannot_be_taken_back_keeps_the_host_that_it_stands_under(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    apply(story.place, "ch-2", story.configure("wiki", TWO))
    story.lose("ch-2")
    assert story.held() == {ONE: f"wiki.{PROD}", TWO: f"wiki.{PROD}"}
    assert blocked(story.install("docs", TWO))
    apply(story.place, "ch-3", story.install("docs", THREE))
    story.lose("ch-3")
    assert story.held()[THREE] == f"docs.{PROD}"
    story.through("ch-4", story.plan(configure(application="wiki", values={"logLevel": "debug"})))
    story.through("ch-5", story.plan(install("docs", blueprint="bp-wiki")))
    assert story.held() == {ONE: f"wiki.{PROD}"}


def test_what_never_came_gives_back_what_it_claimed(story: Story) -> None:
    apply(story.place, "ch-1", story.install("wiki", ONE))
    story.cancel("ch-1")
    assert story.held() == {}
    story.through("ch-2", story.install("docs", ONE))
    assert story.held() == {ONE: f"docs.{PROD}"}


def test_what_is_uninstalled_gives_its_host_back_once_it_is_gone(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    apply(story.place, "ch-2", story.uninstall("wiki"))
    assert blocked(story.install("docs", ONE))
    story.finish("ch-2")
    assert story.held() == {}
    assert not blocked(story.install("docs", ONE))


def test_what_waits_keeps_the_host_that_it_was_planned_with(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    apply(story.place, "ch-2", story.configure("wiki", TWO))
    apply(story.place, "ch-3", story.configure("wiki", THREE))
    apply(story.place, "ch-4", story.configure("wiki", ONE))
    assert set(story.held()) == {ONE, TWO, THREE}
    story.finish("ch-2")
    assert set(story.held()) == {ONE, TWO, THREE}, "ch-4 brings the first one back"
    story.finish("ch-3")
    assert set(story.held()) == {ONE, THREE}
    story.finish("ch-4")
    assert set(story.held()) == {ONE}


def test_a_way_back_takes_the_host_of_then_if_it_is_free(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    story.through("ch-2", story.configure("wiki", TWO))
    back = PlanRequest(action="rollback", environment=PROD, application="wiki")
    assert asyncio.run(plan(story.place, story.others, back)).inputs[f"host:{ONE}"] == "free"
    story.through("ch-3", story.install("docs", ONE))
    found = asyncio.run(plan(story.place, story.others, back))
    assert blocked(found) == {"host-taken": f"docs in {PROD} has the host {ONE}"}


def test_what_ran_before_hosts_were_known_has_nothing_to_change(story: Story) -> None:
    story.through("ch-1", story.install("wiki", ONE))
    ref = application_ref("acme", "wiki")
    ran = story.place.application("wiki").binding(PROD).desired
    assert ran is not None
    old = app1.DesiredSet(environment=PROD, change="ch-1", desired=replace(ran, hosts=()))
    story.place.given(ref, old)
    story.place.claims.pop(hosts.claim(ONE))
    with pytest.raises(Rejected) as refused:
        story.configure("wiki", ONE)
    assert refused.value.code == "nothing-to-change"
    story.through("ch-2", story.plan(configure(application="wiki", values={"logLevel": "debug"})))
    assert story.held() == {ONE: f"wiki.{PROD}"}


def test_the_plan_of_a_change_is_made_again_with_its_hosts(story: Story) -> None:
    then = story.place.copy()
    found = story.install("wiki", ONE)
    apply(story.place, "ch-1", found)
    again = asyncio.run(remade(story.place, then, story.others))
    assert again.missing == ()
    assert again.plan is not None
    assert again.plan.hash == found.hash
    assert again.plan.blocked_by == ()
