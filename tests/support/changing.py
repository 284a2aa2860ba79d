"""A world in which changes are carried out: what is sent, armed and started waits to be answered.

It decides as the runtime does (only what `reads` named may be read and written), and leaves to the
test who answers what, when, in which order, how often.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.support import build

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import codec
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import (
    Actor,
    Arm,
    Cancel,
    ClaimState,
    Context,
    Decision,
    Fired,
    Recorded,
    Send,
)
from catalyst.contracts.message import Answer, Command, Event, derived_id
from catalyst.contracts.provisioning_values_v1 import Evidence, Source
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.upcast import convert
from catalyst.provisioning import handlers
from catalyst.provisioning.domain import process
from catalyst.provisioning.domain.application import Application, application_ref
from catalyst.provisioning.domain.change import Change, change_ref
from catalyst.provisioning.domain.plan import LIFETIME

KINDS = {(one.service or handlers.NAME, one.name): one for one in handlers.AGGREGATES}
RULES = {rule.shape: rule for rule in handlers.RULES}


@dataclass
class Sent:
    """A command that a change sent to another service."""

    id: str
    change: Ref
    send: Send


@dataclass
class Started:
    """A step that an effect hears of."""

    change: Ref
    event: pro1.ChangeStepStarted


@dataclass
class Timer:
    """A timer that was armed."""

    gen: str
    due: datetime


@dataclass
class Held:
    """What stands under a name that was claimed."""

    holder: Ref | None
    """None: it was given back."""
    until: datetime | None = None
    """None: until it is given back."""
    digest: str = ""


@dataclass
class Town:
    """One Organization with its changes."""

    states: dict[Ref, Any] = field(default_factory=dict)
    now: datetime = build.NOW
    log: list[tuple[Ref, Event]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)
    timers: dict[tuple[Ref, str], Timer] = field(default_factory=dict)
    claims: dict[Claim, Held] = field(default_factory=dict)
    told: list[Recorded] = field(default_factory=list)
    """Events that a change has yet to hear."""
    count: int = 0

    def copy(self) -> "Town":
        """Return another one, to which the same has happened; what happens to it is its own."""
        return replace(
            self,
            states=self.states.copy(),
            log=self.log.copy(),
            sent=self.sent.copy(),
            started=self.started.copy(),
            timers=self.timers.copy(),
            claims=self.claims.copy(),
            told=self.told.copy(),
        )

    # ---- what is

    def state(self, ref: Ref) -> Any:
        """Return the state of an aggregate; the initial one if nothing happened to it."""
        return self.states.get(ref, KINDS[ref.service, ref.aggregate].initial)

    def change(self, name: str) -> Change:
        """Return a change of `acme`."""
        found: Change = self.state(change_ref("acme", name))
        return found

    def application(self, name: str) -> Application:
        """Return an Application of `acme`."""
        found: Application = self.state(application_ref("acme", name))
        return found

    def events(self, shape: type[Event]) -> list[Any]:
        """Return everything of one kind that happened."""
        return [event for _, event in self.log if isinstance(event, shape)]

    def expiry(self) -> datetime:
        """Return until when a plan counts that is made now; no two are made at once."""
        self.count += 1
        return self.now + LIFETIME - timedelta(microseconds=self.count)

    # ---- what happens

    def given(self, ref: Ref, *events: Event) -> None:
        """Let something have happened."""
        for event in events:
            kind = KINDS[ref.service, ref.aggregate]
            self.states[ref] = kind.evolve(self.state(ref), event)

    def command(
        self, ref: Ref, command: Command, by: Actor, *, facts: Any = None, input_id: str = ""
    ) -> Decision:
        """Decide a command; raises what its rule raises."""
        rule = RULES[type(command)]
        message = named(type(command), ref.service)
        command = codec.command_data(message, codec.encode(command))
        state = self.state(ref)
        reads = rule.reads(state, command, ref)
        context = self._context(ref, by, reads, input_id, facts)
        decision = rule.decide(state, command, context)
        self._apply(ref, decision, context, reads)
        return decision

    def hear(
        self,
        ref: Ref,
        given: Recorded | Fired | Answer,
        input_id: str = "",
        *,
        facts: Any = None,
    ) -> Decision:
        """Let a change react."""
        state = self.state(ref)
        reads = process.reads(state, given, ref)
        context = self._context(ref, build.service("provisioning"), reads, input_id, facts)
        decision = process.react(state, given, context)
        self._apply(ref, decision, context, reads)
        return decision

    def _context(
        self, ref: Ref, by: Actor, reads: Any, input_id: str, facts: Any = None
    ) -> Context:
        self.count += 1
        name = input_id or f"i-{self.count}"
        return Context(
            now=self.now,
            ref=ref,
            actor=by,
            input_id=name,
            done_id=name,
            reads={other: self.state(other) for other in reads if isinstance(other, Ref)},
            claims={name: self.claim(name) for name in reads if isinstance(name, Claim)},
            facts=facts,
        )

    def claim(self, name: Claim) -> ClaimState:
        """Return who holds a name by now."""
        held = self.claims.get(name)
        if held is None or (held.until is not None and self.now >= held.until):
            return ClaimState()
        holder = held.holder.path if held.holder is not None else None
        return ClaimState(holder=holder, ever=True, digest=held.digest)

    def _apply(self, ref: Ref, decision: Decision, context: Context, reads: Any) -> None:
        known = {ref, *reads}
        cancels = [item for item in decision.timers if isinstance(item, Cancel)]
        assert len(cancels) <= len(decision.events)
        for number, item in enumerate(decision.events):
            place = item.ref or ref
            assert place in known, f"writes {place.path} without having read it"
            assert place.organization == ref.organization
            assert place.service == ref.service
            message = named(type(item.event), place.service)
            assert place.aggregate in message.aggregates
            assert convert(codec.encode(item.event), message.shape) == item.event  # type: ignore[arg-type]
            self.given(place, item.event)
            self.log.append((place, item.event))
            self._tell(place, item.event, derived_id(context.done_id, number))
            if isinstance(item.event, pro1.ChangeStepStarted):
                self.started.append(Started(place, item.event))
        for timer in decision.timers:
            key = (ref, timer.timer)
            self.timers.pop(key, None)
            if isinstance(timer, Arm):
                self.timers[key] = Timer(context.done_id, self.now + timer.after)
        for taken in decision.claims:
            assert taken.claim in reads, "claims a name without having looked"
            until = self.now + taken.ttl if taken.ttl is not None else None
            assert (self.claim(taken.claim).holder is not None) == taken.release
            holder = None if taken.release else ref
            self.claims[taken.claim] = Held(holder, until, taken.digest)
        assert len({taken.claim for taken in decision.claims}) == len(decision.claims)
        for number, send in enumerate(decision.commands):
            named(type(send.command), send.ref.service)
            self.sent.append(Sent(derived_id(context.done_id, f"out{number}"), ref, send))

    def _tell(self, place: Ref, event: Event, name: str) -> None:
        if not isinstance(event, app1.ChangeLeft | app1.ApplicationObserved):
            return
        recorded = Recorded(
            event=event,
            type=named(type(event), place.service).type,
            id=name,
            ref=place,
            seq=len(self.log),
            time=self.now,
            actor="service:provisioning",
            correlationid=name,
            causationid=name,
        )
        if process.correlate(recorded) is not None:
            self.told.append(recorded)

    # ---- what others do

    def pass_on(self) -> None:
        """Let changes hear what they were told."""
        while self.told:
            recorded = self.told.pop(0)
            ref = process.correlate(recorded)
            assert ref is not None
            self.hear(ref, recorded, recorded.id)

    def answer(self, sent: Sent, code: str = "", message: str = "") -> None:
        """Answer a command: accepted, or refused with a code, in words too."""
        answer = Answer(
            command_id=sent.id,
            status="rejected" if code else "accepted",
            code=code,
            events=0 if code else 1,
            message=message,
        )
        self.hear(sent.change, answer)
        self.pass_on()

    def answer_all(self) -> None:
        """Accept every command that was sent."""
        while self.sent:
            self.answer(self.sent.pop(0))

    def report(
        self,
        change: str,
        step: str,
        application: str,
        *,
        failed: str = "",
        undo: bool = False,
        attempt: int = 0,
        goes_on: bool = False,
    ) -> None:
        """Let an effect report on a step."""
        commits = {}
        if step in {"commit", "unprotect"}:
            commits = {"acme-prod": f"{step}-{application}"}
        self.command(
            change_ref("acme", change),
            pro1.ReportStep(
                step=step,  # type: ignore[arg-type]
                application=application,
                status="failed" if failed else "done",
                detail=failed,
                commits={} if failed else commits,
                goes_on=goes_on,
                undo=undo,
                attempt=attempt,
            ),
            build.service("provisioning"),
        )
        self.pass_on()

    def see(
        self,
        application: str,
        change: str,
        *,
        health: str = "healthy",
        revision: str = "-",
        commit: str = "",
        evidence: tuple[Evidence, ...] = (),
        source: Source = "cluster",
    ) -> None:
        """Let something be seen of an Application in `acme-prod`; `change` hears of it."""
        seen = app1.ApplicationObserved(
            environment="acme-prod",
            change=change,
            applied="current",
            revision=change if revision == "-" else revision,
            commit=commit,
            health=health,  # type: ignore[arg-type]
            evidence=evidence,
            source=source,
            observed_at=self.now,
        )
        self.observe(application, seen)

    def observe(self, application: str, seen: app1.ApplicationObserved) -> None:
        """Let what is seen of an Application be written, and changes hear of it."""
        ref = application_ref("acme", application)
        self.given(ref, seen)
        self.log.append((ref, seen))
        self.count += 1
        self._tell(ref, seen, f"seen-{self.count}")
        self.pass_on()

    def fire(self, change: str, timer: str) -> None:
        """Let a timer come due, and the time pass until then."""
        armed = self.timers.pop((change_ref("acme", change), timer))
        self.now = max(self.now, armed.due)
        self.hear(change_ref("acme", change), Fired(timer=timer, gen=armed.gen))
        self.pass_on()

    def wait(self, wait: timedelta) -> None:
        """Let time pass."""
        self.now += wait
