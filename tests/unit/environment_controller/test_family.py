"""A parent and a child whose messages arrive in any order, late, and twice."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given as examples
from hypothesis import strategies
from tests.support import build
from tests.support.build import ACME, ONBOARDING, SELF
from tests.support.examples import at_least
from tests.support.scenario import Outcome, given
from tests.unit.environment_controller.test_children import CHILD, CREATED, PARENT, UMBRELLA, apply

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Fired
from catalyst.contracts.message import Answer, Command, derived_id
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain.onboarding import DEADLINE
from catalyst.environment_controller.domain.organization import Organization, ref_of
from catalyst.environment_controller.domain.progress import Onboarding


class Sent(NamedTuple):
    """A command on its way."""

    to: Ref
    command: Command
    id: str
    asks: bool
    """Whether its sender hears the outcome."""


class Family:
    """Both of them, and what is on its way between them.

    A command that arrives at the child once more is not decided once more: as from the worker, it
    gets the outcome that was recorded first (G1.1). The parent decides again, as it never would:
    its rules look at the child alone, so not even that may matter. Nor may an answer heard twice.
    """

    def __init__(self) -> None:
        self.scenario = given(PARENT, CHILD)
        self.way: list[Sent | Answer] = []
        self.number = 0
        self.done: dict[str, str] = {}
        """The codes of outcomes by the ids of their commands; empty for what was accepted."""
        begin = self.scenario.hears(CREATED, ONBOARDING, input_id="_created", done_id="d")
        self.take(begin, ONBOARDING, "d")

    def take(self, outcome: Outcome, at: Ref, done_id: str) -> None:
        self.scenario = outcome.and_then()
        if outcome.rejected is None:
            asks = at == ONBOARDING
            self.way += [
                Sent(send.ref, send.command, derived_id(done_id, f"out{number}"), asks)
                for number, send in enumerate(outcome.decision.commands)
            ]

    def next_id(self) -> str:
        self.number += 1
        return f"i{self.number}"

    def command(self, command: Command, at: Ref) -> None:
        name = self.next_id()
        by = SELF if isinstance(command, env1.ReportStep) else build.SOVEREIGN_ADMIN
        self.take(self.scenario.when(command, at, by=by, input_id=name), at, name)

    def deliver(self, place: int, *, keep: bool) -> None:
        if not self.way:
            return
        place %= len(self.way)
        item = self.way[place] if keep else self.way.pop(place)
        name = self.next_id()
        if isinstance(item, Answer):
            heard = self.scenario.hears(
                item, ONBOARDING, input_id=f"{item.command_id}a", done_id=name
            )
            self.take(heard, ONBOARDING, name)
            return
        if item.to == UMBRELLA or item.id not in self.done:
            outcome = self.scenario.when(item.command, item.to, by=SELF, input_id=item.id)
            self.take(outcome, item.to, item.id)
            self.done[item.id] = "" if outcome.rejected is None else outcome.rejected.code
        if item.asks:
            code = self.done[item.id]
            self.way.append(
                Answer(
                    command_id=item.id,
                    status="rejected" if code else "accepted",
                    code=code,
                    events=0,
                )
            )

    def state(self, ref: Ref) -> Organization:
        found: Organization = self.scenario.world.state(ref)
        return found

    @property
    def onboarding(self) -> Onboarding:
        found: Onboarding = self.scenario.world.state(ONBOARDING)
        return found

    def check(self) -> None:
        parent, child = self.state(UMBRELLA), self.state(ACME)
        found = self.onboarding
        # The answer that it is ready may come after it was deleted already.
        running = found.status == "running" and child.phase != "deleted"
        if child.phase == "ready" or (running and "parent" in found.completed):
            assert parent.exists
            assert parent.children == ("acme",)


Move = Callable[[Family], None]


def _deadline(family: Family) -> None:
    name = family.next_id()
    firing = Fired(timer=DEADLINE, gen=family.onboarding.gen)
    heard = family.scenario.hears(firing, ONBOARDING, input_id=name, done_id=name)
    family.take(heard, ONBOARDING, name)


def _report(family: Family) -> None:
    found = family.onboarding
    step = found.step if found.status == "running" else "undo-git-home"
    if step not in {"parent", "ready"}:
        command = env1.ReportStep(step=step, status="done", run=found.run)  # type: ignore[arg-type]
        family.command(command, ONBOARDING)


def _delete(slug: str) -> Move:
    def move(family: Family) -> None:
        if family.state(ref_of(slug)).exists:
            family.command(apply(family.scenario.world, slug), ref_of(slug))

    return move


def _deliver(place: int, *, keep: bool) -> Move:
    return lambda family: family.deliver(place, keep=keep)


def _say(command: Command, at: Ref) -> Move:
    return lambda family: family.command(command, at)


MOVES: list[Move] = [
    _deadline,
    _report,
    _report,
    _delete("acme"),
    _delete("umbrella"),
    _say(env1.SuspendOrganization(reason="x"), UMBRELLA),
    _say(env1.ResumeOrganization(), UMBRELLA),
    _say(env1.RestartOnboarding(), ONBOARDING),
    *(_deliver(place, keep=keep) for place in (0, 1, -1) for keep in (False, False, True)),
]
SUSPENDED: list[Move] = [
    _say(env1.SuspendOrganization(reason="x"), UMBRELLA),
    _deliver(0, keep=False),
    _deliver(0, keep=False),
    _say(env1.ResumeOrganization(), UMBRELLA),
    _report,
    _deliver(0, keep=False),
]
"""The child is refused; that it failed is on its way to the parent, which would now take it in."""
RESTARTED: list[Move] = [*SUSPENDED, _say(env1.RestartOnboarding(), ONBOARDING)]


@pytest.mark.guarantee("G2.8")
def test_a_failure_that_arrives_once_more_after_the_restart_does_not_hit_the_next_run() -> None:
    family = Family()
    family.deliver(0, keep=False)  # The parent admits it,
    family.deliver(0, keep=False)  # and it hears so.
    _report(family)
    _report(family)
    family.deliver(0, keep=False)  # It is ready, which its onboarding hears too late.
    while family.onboarding.status != "failed":
        _deadline(family)
    late = next(
        place
        for place, item in enumerate(family.way)
        if isinstance(item, Sent) and isinstance(item.command, env1.FailOnboarding)
    )
    family.deliver(late, keep=True)
    assert family.state(ACME).phase == "failed"
    family.command(env1.RestartOnboarding(), ONBOARDING)
    family.deliver(-1, keep=False)  # The parent is asked before it lets go, and goes on knowing it.
    family.check()
    family.deliver(late, keep=False)
    assert family.state(ACME).phase == "onboarding"
    while family.way:
        family.deliver(0, keep=False)
        family.check()
    assert "parent" in family.onboarding.completed
    assert family.state(UMBRELLA).children == ("acme",)


@pytest.mark.guarantee("G2.8")
@at_least(60)
@examples(
    before=strategies.sampled_from([[], SUSPENDED, RESTARTED]),
    moves=strategies.lists(strategies.sampled_from(MOVES), max_size=60),
)
def test_no_order_leaves_a_ready_child_below_a_deleted_parent(
    before: list[Move], moves: list[Move]
) -> None:
    family = Family()
    for move in (*before, *moves):
        move(family)
        family.check()
    while family.way:
        family.deliver(0, keep=False)
        family.check()
    # Nothing is left on its way: the parent knows those that stand, or are about to, alone.
    parent, child = family.state(UMBRELLA), family.state(ACME)
    if child.phase in {"failed", "deleted"}:
        assert parent.children == ()
