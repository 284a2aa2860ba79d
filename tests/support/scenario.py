"""Given facts, when a command arrives, then facts: rules tested through their table, no broker.

A scenario decides as the runtime does: it hands a rule only what its `reads` named, refuses what
the runtime would refuse (writing what was not read, another Organization's events, too many), sends
every message through its wire form, and can fold the result and go on.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, reduce
from importlib import import_module
from typing import Any, Self

from tests.support import build

from catalyst.chassis.service import Aggregate, Input, Process, Rule, Source
from catalyst.contracts import codec, refusals
from catalyst.contracts.decision import (
    Actor,
    Arm,
    Arrived,
    Cancel,
    ClaimState,
    Context,
    Decision,
    Emit,
    Send,
)
from catalyst.contracts.message import Command, Event
from catalyst.contracts.registry import TABLES, named
from catalyst.contracts.rejection import CODES, Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.topology import MAX_EVENTS_PER_COMMAND
from catalyst.contracts.upcast import convert, upcast

PACKAGES = {table.service: table.member.replace("-", "_") for table in TABLES}


@cache
def _handlers(service: str) -> Any:
    """Return the table of a service, by the parts that need nothing to act on."""
    return import_module(f"catalyst.{PACKAGES[service]}.handlers")


def _aggregate(ref: Ref) -> Aggregate[Any]:
    return _known(ref.service, ref.aggregate)


@cache
def _known(service: str, aggregate: str) -> Aggregate[Any]:
    own = (one for one in _handlers(service).AGGREGATES if not one.service)
    return next(one for one in own if one.name == aggregate)


@cache
def _foreign(service: str, owner: str, aggregate: str) -> Aggregate[Any] | None:
    known: Iterable[Aggregate[Any]] = _handlers(service).AGGREGATES
    found = (one for one in known if (one.service, one.name) == (owner, aggregate))
    return next(found, None)


def _rule(shape: type[Command], at: Ref) -> Rule:
    rules: Iterable[Rule] = _handlers(at.service).RULES
    return next(one for one in rules if (one.shape, one.aggregate) == (shape, at.aggregate))


def _process(ref: Ref) -> Process:
    processes: Iterable[Process] = _handlers(ref.service).PROCESSES
    return next(one for one in processes if one.aggregate == ref.aggregate)


@dataclass(frozen=True)
class Held:
    """A name that an aggregate holds, or held."""

    claim: Claim
    holder: Ref | None


Given = tuple[Ref, Event] | Held


def on(ref: Ref, *events: Event) -> list[Given]:
    """Return facts of one aggregate."""
    return [(ref, event) for event in events]


@dataclass(frozen=True)
class World:
    """The states and claims that a decision may see."""

    states: Mapping[Ref, Any] = field(default_factory=dict)
    claims: Mapping[Claim, ClaimState] = field(default_factory=dict)
    facts: Mapping[Ref, tuple[Event, ...]] = field(default_factory=dict)
    """What happened to each aggregate, for services that fold it in another way than its own."""

    def state(self, ref: Ref) -> Any:
        """Return the state of an aggregate; the initial one if nothing happened to it."""
        return self.states.get(ref, _aggregate(ref).initial)

    def seen_by(self, service: str, ref: Ref) -> Any:
        """Return the state of an aggregate as a service folds it, its own or another's."""
        kind = _foreign(service, ref.service, ref.aggregate)
        if kind is None:
            return self.state(ref)
        return reduce(kind.evolve, self.facts.get(ref, ()), kind.initial)

    def with_fact(self, ref: Ref, event: Event) -> Self:
        """Return the world after one more fact, which is folded in its newest version."""
        newest = upcast(event)
        folded = _aggregate(ref).evolve(self.state(ref), newest)
        facts = {**self.facts, ref: (*self.facts.get(ref, ()), newest)}
        return replace(self, states={**self.states, ref: folded}, facts=facts)

    def with_claim(self, claim: Claim, holder: Ref | None, digest: str = "") -> Self:
        """Return the world after a name was taken, or released."""
        state = ClaimState(holder=holder.path if holder else None, ever=True, digest=digest)
        return replace(self, claims={**self.claims, claim: state})

    def after(self, ref: Ref, decision: Decision) -> Self:
        """Return the world after a decision of `ref`."""
        world = self
        for item in decision.events:
            world = world.with_fact(item.ref or ref, item.event)
        for claimed in decision.claims:
            holder = None if claimed.release else ref
            world = world.with_claim(claimed.claim, holder, claimed.digest)
        return world


def given(*facts: Given | Iterable[Given]) -> "Scenario":
    """Begin with what happened before."""
    world = World()
    for item in facts:
        for fact in [item] if isinstance(item, tuple | Held) else list(item):
            if isinstance(fact, Held):
                world = world.with_claim(fact.claim, fact.holder)
            else:
                world = world.with_fact(*_pair(fact))
    return Scenario(world)


def _pair(fact: Any) -> tuple[Ref, Event]:
    ref, event = fact
    return ref, event


class Scenario:
    """A world in which something arrives."""

    def __init__(self, world: World, count: int = 0) -> None:
        self.world = world
        self._count = count

    def when(
        self,
        command: Command,
        at: Ref,
        *,
        by: Actor = build.SOVEREIGN_ADMIN,
        now: datetime = build.NOW,
        input_id: str = "",
    ) -> "Outcome":
        """Decide a command as the runtime would."""
        command = _over_the_wire(command, at.service)
        rule = _rule(type(command), at)
        state = self.world.state(at)
        reads = [item for item in rule.reads(state, command, at) if item != at]
        context = self._context(at, by, now, input_id, reads)
        try:
            decision = rule.decide(state, command, context)
        except Rejected as rejected:
            message = named(type(command), at.service)
            told = refusals.of_rule(message.type)
            return Outcome(self, at, None, _checked(rejected, {code.name for code in told}))
        _check(decision, at, reads)
        return Outcome(self, at, decision, None)

    def hears(
        self,
        given_: Input,
        at: Ref,
        *,
        now: datetime = build.NOW,
        input_id: str = "",
        done_id: str = "",
    ) -> "Outcome":
        """Let a process manager react as the runtime would."""
        process, state = _process(at), self.world.state(at)
        reads = [item for item in process.reads(state, given_, at) if item != at]
        context = self._context(at, build.service(at.service), now, input_id, reads, done_id)
        decision = process.react(state, given_, context)
        _check(decision, at, reads)
        return Outcome(self, at, decision, None)

    def takes(self, source: str, at: Ref, *items: Any, now: datetime = build.NOW) -> "Outcome":
        """Let a source's messages be decided as one input."""
        sources: Iterable[Source] = _handlers(at.service).SOURCES
        found = next(one for one in sources if one.name == source)
        arrived = tuple(
            Arrived(value=item, seq=number, time=now) for number, item in enumerate(items, 1)
        )
        state = self.world.state(at)
        reads = [item for item in found.reads(state, arrived, at) if item != at]
        context = self._context(at, build.service(at.service), now, "", reads)
        try:
            decision = found.react(state, arrived, context)
        except Rejected as rejected:
            return Outcome(self, at, None, _checked(rejected))
        _check(decision, at, reads)
        return Outcome(self, at, decision, None)

    def _context(
        self,
        at: Ref,
        by: Actor,
        now: datetime,
        input_id: str,
        reads: Iterable[Ref | Claim],
        done_id: str = "",
    ) -> Context:
        wanted = list(reads)
        name = input_id or f"c-{self._count}"
        return Context(
            now=now,
            ref=at,
            actor=by,
            input_id=name,
            done_id=done_id or name,
            reads={
                item: self.world.seen_by(at.service, item)
                for item in wanted
                if isinstance(item, Ref)
            },
            claims={
                item: self.world.claims.get(item, ClaimState())
                for item in wanted
                if isinstance(item, Claim)
            },
        )

    def going_on(self, world: World) -> "Scenario":
        """Return the scenario one input later."""
        return Scenario(world, self._count + 1)


class Outcome:
    """What was decided; every `then` returns it again."""

    def __init__(
        self, before: Scenario, at: Ref, decision: Decision | None, rejected: Rejected | None
    ) -> None:
        self._before = before
        self._at = at
        self._decision = decision
        self.rejected = rejected

    @property
    def decision(self) -> Decision:
        """The decision; fails the test if there was a rejection."""
        assert self._decision is not None, f"rejected: {self.rejected} {self._why()}"
        return self._decision

    @property
    def events(self) -> list[Event]:
        """The events, without their places."""
        return [item.event for item in self.decision.events]

    def _why(self) -> list[str]:
        errors = self.rejected.errors if self.rejected else ()
        return [f"{error.rule} at {error.pointer!r}: {error.message}" for error in errors]

    def then(self, *expected: Event | tuple[Ref, Event]) -> Self:
        """Expect exactly these events; one without a place is on the deciding aggregate."""
        found = [(item.ref or self._at, item.event) for item in self.decision.events]
        wanted = [item if isinstance(item, tuple) else (self._at, item) for item in expected]
        assert found == wanted
        return self

    def then_nothing(self) -> Self:
        """Expect an accepted command that changes nothing at all."""
        assert self.decision == Decision()
        return self

    def then_rejected(self, code: str, *pointers: str) -> Self:
        """Expect a refusal with this code, and errors at exactly these places if any are named."""
        assert self.rejected is not None, f"accepted: {self._decision}"
        assert self.rejected.code == code, self._why()
        if pointers:
            assert [error.pointer for error in self.rejected.errors] == list(pointers), self._why()
        return self

    def then_rules(self, *rules: str) -> Self:
        """Expect these rules among the errors of a refusal, in this order."""
        assert self.rejected is not None, f"accepted: {self._decision}"
        assert [error.rule for error in self.rejected.errors] == list(rules), self._why()
        return self

    def then_claims(self, *taken: Claim, released: Iterable[Claim] = ()) -> Self:
        """Expect exactly these claims."""
        found = {item.claim for item in self.decision.claims if not item.release}
        freed = {item.claim for item in self.decision.claims if item.release}
        assert found == set(taken)
        assert freed == set(released)
        return self

    def then_sends(self, *commands: tuple[Ref, Command]) -> Self:
        """Expect exactly these commands to be sent."""
        assert [(item.ref, item.command) for item in self.decision.commands] == list(commands)
        return self

    def then_timers(self, *timers: Arm | Cancel) -> Self:
        """Expect exactly these timers."""
        assert list(self.decision.timers) == list(timers)
        return self

    def and_then(self) -> Scenario:
        """Go on in the world after the decision, or after a refusal in the same one."""
        world = self._before.world
        if self._decision is not None:
            world = world.after(self._at, self._decision)
        return self._before.going_on(world)

    def state(self, ref: Ref | None = None) -> Any:
        """Return the state of an aggregate after the decision."""
        return self.and_then().world.state(ref or self._at)


def _over_the_wire(command: Command, service: str) -> Command:
    message = named(type(command), service)
    return codec.command_data(message, codec.encode(command))


def _checked(rejected: Rejected, known: Collection[str] = CODES) -> Rejected:
    """Refuse a code that nobody was told of."""
    assert rejected.code in known
    for error in rejected.errors:
        assert error.rule in known, error
        assert error.message, error
    return rejected


def _check(decision: Decision, at: Ref, reads: Iterable[Ref | Claim]) -> None:
    """Refuse what the runtime would refuse, or could not guard."""
    known = {at, *reads}
    assert len(decision.events) <= MAX_EVENTS_PER_COMMAND
    for item in decision.events:
        _check_event(item, at, known)
    for claimed in decision.claims:
        assert claimed.claim in known, f"claims {claimed.claim} without having read it"
    cancels = [item.timer for item in decision.timers if isinstance(item, Cancel)]
    armed = [item.timer for item in decision.timers if isinstance(item, Arm)]
    assert len(cancels) <= len(decision.events)
    assert not set(cancels) & set(armed)
    for send in decision.commands:
        _check_send(send)


def _check_event(item: Emit, at: Ref, known: set[Ref | Claim]) -> None:
    ref = item.ref or at
    assert ref in known, f"writes {ref.path} without having read it"
    assert ref.organization == at.organization
    message = named(type(item.event), ref.service)
    assert ref.aggregate in message.aggregates
    assert convert(codec.encode(item.event), message.shape) == item.event  # type: ignore[arg-type]


def _check_send(send: Send) -> None:
    message = named(type(send.command), send.ref.service)
    assert send.ref.aggregate in message.aggregates
    assert _over_the_wire(send.command, send.ref.service) == send.command
