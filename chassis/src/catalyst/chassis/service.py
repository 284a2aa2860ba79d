"""What a service is made of: its aggregates, rules, processes, effects and queries, as one table.

A service's `handlers.py` builds one `Service`; the runtime (`worker.py`) runs it. Nothing here
knows a broker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from catalyst.chassis.index import Index
from catalyst.contracts.decision import (
    Actor,
    Arrived,
    ClaimState,
    Context,
    Decision,
    Fired,
    Recorded,
)
from catalyst.contracts.message import Answer, Command, Event
from catalyst.contracts.registry import BY_SHAPE
from catalyst.contracts.subjects import Claim, Ref

S = TypeVar("S")
C = TypeVar("C", bound=Command)

Read = Ref | Claim
Kind = tuple[str, str]
"""A service and one of its kinds of aggregates."""
Reads = Callable[[Any, Any, Ref], Sequence[Read]]
Decide = Callable[[Any, Any, Context], Decision]
Input = Recorded | Fired | Answer


class Asking(Protocol):
    """How a rule's preparation, a query or an effect asks another service."""

    async def ask(
        self,
        service: str,
        name: str,
        version: int,
        organization: str | None,
        request: Mapping[str, Any],
    ) -> Any:
        """Return the result of another service's query, as JSON; asked as this service.

        Raises:
            Rejected: If the other one refuses, with its code.
            Retry: If it does not answer, or cannot now.
        """
        ...


Prepare = Callable[[Any, Ref, Actor, datetime, Asking], Awaitable[Any]]
"""Takes the input, the aggregate, who asks, the broker's time of the input, and whom to ask. Its
result is the rule's `context.facts`. Raises `Rejected`, recorded as the outcome, or `Retry`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Generic[S]):
    """One kind of thing that is decided as a unit."""

    name: str
    initial: S
    evolve: Callable[[S, Event], S]
    """Folds one event, of the newest version, into the state; total, never raises on a fact, and
    passes over what it has no use for."""
    fold: int = 1
    """Number of the fold: a change that would fold old events differently raises it, so that older
    snapshots are ignored."""
    service: str = ""
    """The service that decides it, if that is another one: then it is read and guarded here, from
    its events alone, and never written."""
    events: frozenset[type[Event]] = frozenset()
    """Of another service's, all that `evolve` looks at, in each of their versions: where named,
    nothing else is read. Name them where the aggregate may have many others."""

    @property
    def state(self) -> type[S]:
        """The type that a snapshot of this aggregate decodes to."""
        return type(self.initial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What happens when a command arrives."""

    shape: type[Command]
    aggregate: str
    decide: Decide
    reads: Reads
    prepare: Prepare | None = None
    """Run before every reading, again after every conflict. It guards nothing: what the decision
    depends on has to be named by `reads` as well."""
    makes: bool = False
    """Whether it is what makes its aggregate. Then the first attempt takes the aggregate and the
    claims for absent without a look: their guards are the look, and a wrong guess is read."""


def _nothing(_state: Any, _input: Any, _ref: Ref) -> Sequence[Read]:
    return ()


def on(
    shape: type[C],
    aggregate: str,
    decide: Callable[[Any, C, Context], Decision],
    reads: Callable[[Any, C, Ref], Sequence[Read]] = _nothing,
    prepare: Callable[[C, Ref, Actor, datetime, Asking], Awaitable[Any]] | None = None,
    *,
    makes: bool = False,
) -> Rule:
    """Pair a command with its rule; `reads` names what else the rule looks at.

    `makes` says that it is the rule that makes its aggregate.
    """
    message = BY_SHAPE[shape]
    if aggregate not in message.aggregates:
        raise ValueError(f"{message.type} is not addressed to {aggregate!r}")
    return Rule(
        shape=shape,
        aggregate=aggregate,
        decide=decide,
        reads=reads,
        prepare=prepare,
        makes=makes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process manager: an aggregate that reacts to events of others, timers and answers."""

    name: str
    """Part of its durable's name and of every id derived from it."""
    aggregate: str
    correlate: Callable[[Recorded], Ref | None]
    """Which of its aggregates an event concerns; None to ignore the event."""
    react: Callable[[Any, Input, Context], Decision]
    events: tuple[type[Event], ...]
    """Empty for one that hears its own timers and answers alone."""
    reads: Reads = _nothing
    """Names what else it looks at, from its state, the input and its own address."""
    prepare: Prepare | None = None
    """As a rule's; it refuses nothing, and waits for nobody who may never come: whoever cancels the
    aggregate's own business waits behind it."""
    after: tuple[str, ...] = ()
    """Sources of the service that decide, before one of its timers, all that came before that. They
    correlate to other aggregates, whose lanes do not wait for its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is made of the messages of a stream that no service orders, such as `FACTS` or `USE`.

    Messages of one aggregate that wait together are decided as one input. They may come again, in
    other company: what was counted is known by a claim with the message's own name, by the state,
    or not at all. A decision for nothing is not recorded.
    """

    name: str
    """Part of its durable's name and of every id derived from it."""
    stream: str
    decode: Callable[[str, bytes], Any]
    """Reads a message from its subject and body; `Undecodable` sets it aside, listed."""
    correlate: Callable[[Any], Ref | None]
    """Which aggregate it concerns, of this service; None to ignore it."""
    react: Callable[[Any, tuple[Arrived, ...], Context], Decision]
    """A refusal of one message alone sets that one aside."""
    reads: Callable[[Any, tuple[Arrived, ...], Ref], Sequence[Read]] = _nothing
    max_items: int = 200
    """Messages that are decided as one input, at most; fewer if what follows is too large."""


class Loader(Protocol):
    """How an effect or a query sees state."""

    async def __call__(self, ref: Ref, *, up_to: int | None = None) -> Any:
        """Return the state of `ref`, as of sequence `up_to` or now."""
        ...


class Reader(Loader, Protocol):
    """How a query sees states."""

    async def many(self, refs: Sequence[Ref]) -> Mapping[Ref, Any]:
        """Return the state of each; many of one kind and Organization are read in one go."""
        ...

    async def history(self, ref: Ref) -> Sequence[Recorded]:
        """Return every event of an aggregate, oldest first, each in its newest version."""
        ...

    async def claims(self, claims: Sequence[Claim]) -> Mapping[Claim, ClaimState]:
        """Return what each claim says now; nothing is promised about it."""
        ...


class History(Protocol):
    """How a query sees what happened."""

    async def __call__(self, ref: Ref) -> Sequence[Recorded]:
        """Return every event of an aggregate, oldest first, each in its newest version."""
        ...

    async def many(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Recorded]]:
        """Return those of each; many of one kind and Organization are read in one go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an effect found: a command to its own aggregate."""

    ref: Ref
    command: Command


Reports = Report | tuple[Report, ...] | None
"""One for each thing that was waited for, in an order that a repeat keeps; None: for nobody."""


def _always(_recorded: Recorded) -> datetime | None:
    return None


def _nobody(_recorded: Recorded, _why: str) -> Reports:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something done outside because an event happened; doing it twice is doing it once."""

    name: str
    """Part of its durable's name and of the ids of its reports."""
    events: tuple[type[Event], ...]
    run: Callable[[Recorded, Loader], Awaitable[Reports]]
    """Raises `Retry` while the world is not ready: tried again with backoff up to `until`. Any
    other exception is tried again a few times. Either is in the end reported through `failed`;
    `Poison` is reported at once."""
    failed: Callable[[Recorded, str], Reports]
    """What is reported when the effect gave up; the text says why."""
    lane: Callable[[Recorded], str]
    """Effects of one lane run one at a time, in the log's order."""
    until: Callable[[Recorded], datetime | None] = _always
    """Until when `Retry` is waited for, by the broker's clock; None for as long as it takes."""
    waits: Callable[[Recorded, str], Reports] = _nobody
    """What is reported while that lasts long, once for each reason; the text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question that needs a rule: answered from state, publishes nothing."""

    name: str
    version: int
    for_command: str = ""
    """Type of the command that the answer prepares: who may send that may ask this."""
    for_kind: str = ""
    """Kind of row that the answer is like: who may read that there may ask this, too."""
    run: Callable[[Mapping[str, Any], str, Actor, Any], Awaitable[Any]]
    """Takes the request, the Organization, who asks, and a `Reader`; returns JSON.
    Raises `Rejected` for a wrong request."""
    of_history: bool = False
    """Whether `run` is handed a `History` in place of the reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that one service does when something arrives."""

    name: str
    aggregates: tuple[Aggregate[Any], ...]
    rules: tuple[Rule, ...]
    processes: tuple[Process, ...] = ()
    sources: tuple[Source, ...] = ()
    effects: tuple[Effect, ...] = ()
    queries: tuple[Query, ...] = ()
    indexes: tuple[Index, ...] = ()
    """What its queries and effects look things up in; those that are asked are at the log's end
    whenever a query is answered."""
    by_name: Mapping[str, Aggregate[Any]] = field(init=False)
    """The aggregates that it decides."""
    by_kind: Mapping[Kind, Aggregate[Any]] = field(init=False)
    """All that it reads, those of other services too."""
    by_command: Mapping[tuple[type[Command], str], Rule] = field(init=False)

    def __post_init__(self) -> None:
        """Index the table; a second row for the same thing is refused."""
        kinds: dict[Kind, Aggregate[Any]] = {}
        for item in self.aggregates:
            kind = (item.service or self.name, item.name)
            if kind in kinds or item.service == self.name:
                raise ValueError(f"two rows for {item.name!r} of {kind[0]!r}, or its own by name")
            kinds[kind] = item
        object.__setattr__(self, "by_kind", kinds)
        own = {item.name: item for item in self.aggregates if not item.service}
        object.__setattr__(self, "by_name", own)
        rules: dict[tuple[type[Command], str], Rule] = {}
        for rule in self.rules:
            key = (rule.shape, rule.aggregate)
            if key in rules:
                raise ValueError(f"two rules for {rule.shape.__name__} on {rule.aggregate!r}")
            rules[key] = rule
        object.__setattr__(self, "by_command", rules)
